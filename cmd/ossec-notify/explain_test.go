package main

import (
	"testing"
	"time"
)

func TestArchiveIsThatOfTheDayOfTheID(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ id, want string }{
		{"1773475803.3193", "2026/Mar/ossec-alerts-14.json.gz"},
		{"node01/1773475803.3193", "2026/Mar/ossec-alerts-14.json.gz"},
		{"9995440502.1", "2026/Oct/ossec-alerts-31.json.gz"},
		{"x", "2026/Oct/ossec-alerts-31.json.gz"},
		{"", "2026/Oct/ossec-alerts-31.json.gz"},
	} {
		if got := archive(tc.id, now); got != tc.want {
			t.Errorf("%q is in %s, want %s", tc.id, got, tc.want)
		}
	}
}
