package templates

import (
	"cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// eventLine is the event as one line of a log: without the alert as it came, which would double it, and whose nested
// fields would all become labels in a search that parses the line.
func (s *Set) eventLine(d *Data) (event, error) {
	e, err := s.event(d)
	e.Original = nil
	return e, err
}

// eventMetadata is what goes with a line and is not indexed, so that it may have as many values as it likes.
func (d *Data) eventMetadata() map[string]string {
	fields := map[string]string{}
	for name, value := range map[string]string{
		"alert_id": d.ID, "family": d.Family, "rule_id": d.OneRule(), "src": d.Source.IP, "user": d.User,
	} {
		if value != "" {
			fields[name] = value
		}
	}
	if d.Summary != nil {
		delete(fields, "user")
	}
	return fields
}

// eventLabels are the labels of a line's stream. Each combination of their values is a stream, of which a server takes a few
// thousand, so none of them may be an attacker's choice: the host is the agent that the manager knows, and not what a line of
// syslog calls itself.
func (d *Data) eventLabels() map[string]string {
	labels := map[string]string{"job": "ossec", "level": grafanaLevel(d.Severity)}
	if host := cmp.Or(d.Agent.Name, d.Manager, d.Host); host != "" && d.Summary == nil {
		labels["host"] = host
	}
	return labels
}

// grafanaLevel is a severity in the words that Grafana colours by.
func grafanaLevel(s alert.Severity) string {
	switch s {
	case alert.Critical:
		return "critical"
	case alert.High:
		return "error"
	case alert.Medium:
		return "warning"
	case alert.Low:
		return "notice"
	case alert.Info:
		return "info"
	}
	return "unknown"
}
