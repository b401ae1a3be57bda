// Package hectest delivers to a real receiver of the HTTP Event Collector's protocol, the OpenTelemetry Collector's
// splunkhecreceiver with its ack extension, and looks at what comes out of it. The receiver is a module with many others behind
// it, so it has a module of its own: nothing here is part of the program. bash .ci/run runs it.
//
// It is no Splunk. It checks no token and knows no index, it takes nothing of a request that it refuses where Splunk takes what
// stands before, and it counts its ackIds from 1. It splits the raw endpoint's lines at 64 KiB.
package hectest
