// Package lokitest owns the test of the channel loki against code of others that reads pushes, the OpenTelemetry Collector's
// lokireceiver, and looks at what comes out of it. That has many modules behind it, so this is a module of its own: nothing here
// is part of the program. bash .ci/run runs it.
//
// It is no Loki: it reads labels with Prometheus's own parser, lines and times, and judges neither their age nor their number; it
// keeps no structured metadata and asks for no tenant. The stand-in of package sandbox does.
package lokitest
