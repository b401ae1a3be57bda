// Package victoriatest owns the test of the channels elasticsearch, loki, splunk and syslog against a server of others that takes
// what they send, VictoriaLogs, and reads back what it stores. The server is a program of many modules, built from this module's
// go.mod, which is one of its own: nothing here is part of the program. bash .ci/run runs it.
//
// It is none of the four: it knows no index, id, version, token or acknowledgement, refuses no document for the type of a field,
// makes each object flat and leaves out what is empty. The stand-ins of package sandbox judge all that.
package victoriatest
