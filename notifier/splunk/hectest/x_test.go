package hectest

import (
	"testing"

	_ "github.com/open-telemetry/opentelemetry-collector-contrib/extension/ackextension"
	_ "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/splunkhecreceiver"
	_ "github.com/ossec-notify/ossec-notify/notifier/splunk"
)

func TestX(t *testing.T) {}
