// Package dendritetest owns the test of the preset matrix against a real homeserver, Dendrite, and reads back what a room shows. The
// server is a program of many modules, built from this module's go.mod, which is one of its own: nothing here is part of the program.
// bash .ci/run runs it.
//
// Dendrite lets any number of messages through at once: what a server says that has enough is up to the stand-in.
package dendritetest
