module github.com/open-telemetry/opentelemetry-collector-contrib/exporter/splunkhecexporter

go 1.26.0
