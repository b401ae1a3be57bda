package alert

import (
	"fmt"
	"strings"
)

// Severity is how bad an alert is, derived from its level.
type Severity uint8

// The severities, from least to most. Unknown is below all: an alert without a level matches no severity.
const (
	Unknown Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"unknown", "info", "low", "medium", "high", "critical"}

// String is the word in small letters.
func (s Severity) String() string { return severityNames[s] }

// Word is the word as messages show it: CRITICAL HIGH MEDIUM LOW INFO UNKNOWN.
func (s Severity) Word() string { return strings.ToUpper(s.String()) }

// ParseSeverity reads a severity word, in any case.
func ParseSeverity(s string) (Severity, error) {
	for i, name := range severityNames {
		if i > 0 && strings.EqualFold(s, name) {
			return Severity(i), nil
		}
	}
	return Unknown, fmt.Errorf("%q is no severity: use info, low, medium, high or critical", s)
}

// Scale says at which level each severity begins. Levels below Low are Info.
type Scale struct {
	Low      int `yaml:"low"`
	Medium   int `yaml:"medium"`
	High     int `yaml:"high"`
	Critical int `yaml:"critical"`
}

// DefaultScale has the bands of Wazuh's dashboard.
var DefaultScale = Scale{Low: 4, Medium: 7, High: 12, Critical: 15}

// Severity is the severity of a level; a negative level is Unknown.
func (s Scale) Severity(level int) Severity {
	switch {
	case level < 0:
		return Unknown
	case level >= s.Critical:
		return Critical
	case level >= s.High:
		return High
	case level >= s.Medium:
		return Medium
	case level >= s.Low:
		return Low
	}
	return Info
}

// Begin is the level at which a severity begins.
func (s Scale) Begin(v Severity) int {
	switch v {
	case Critical:
		return s.Critical
	case High:
		return s.High
	case Medium:
		return s.Medium
	case Low:
		return s.Low
	}
	return 0
}
