// Package splunkhecexporter stands in for a module that only the receiver's own tests use, so that nobody has to fetch it:
// go mod tidy asks for it all the same, and its checksum is not in every database.
package splunkhecexporter
