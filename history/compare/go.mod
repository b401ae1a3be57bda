module github.com/ossec-notify/ossec-notify/history/compare

go 1.26.0

require (
	github.com/minio/simdjson-go v0.4.5
	github.com/ossec-notify/ossec-notify v0.0.0
	github.com/tidwall/gjson v1.20.3
	go.yaml.in/yaml/v4 v4.0.0
)

require (
	github.com/klauspost/compress v1.15.15 // indirect
	github.com/klauspost/cpuid/v2 v2.2.3 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.3.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/ossec-notify/ossec-notify => ../..
