package family

import (
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestDedupKeyNamesWhatIsMissing(t *testing.T) {
	agent := func(id, name, host string) *alert.Alert {
		return &alert.Alert{Rule: alert.Rule{ID: "550"}, Agent: alert.Agent{ID: id, Name: name}, Host: host, Manager: "mgr"}
	}
	tests := []struct {
		name   string
		alert  *alert.Alert
		object string
		want   string
	}{
		{"all there", agent("001", "web-01", "web-01"), "/etc/hosts", "mgr/web-01/550//etc/hosts"},
		{"name cannot be shown", agent("001", "web 01", "web 01"), "-", "mgr/001/550/-"},
		{"host without agent", agent("", "", "web-01"), "", "mgr/web-01/550/-"},
		{"nothing", &alert.Alert{}, "", "-/-/-/-"},
		{"long", agent("", "w", ""), strings.Repeat("a", 1000), "mgr/w/550/" + strings.Repeat("a", 1000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := DedupKey(tt.alert, &Reading{Object: tt.object}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
