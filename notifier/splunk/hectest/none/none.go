// Package splunkhecexporter takes the place of a module that nothing here uses: the receiver's own tests want it, and so
// go mod tidy does, but not every checksum database knows it.
package splunkhecexporter
