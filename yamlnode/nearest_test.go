package yamlnode

import "testing"

func TestNearestForgivesSmallMistakesOnly(t *testing.T) {
	known := []string{"severity", "srcip", "dstip", "location", "log", "high", "to", "any", "all"}
	tests := []struct{ word, want string }{
		{"severity", "severity"},
		{"Severity", "severity"},
		{"serverity", "severity"},
		{"severty", "severity"},
		{"hgih", "high"}, // swapped
		{"hihg", "high"},
		{"locaton", "location"},
		{"src_ip", "srcip"},
		{"logs", "log"},
		{"too", "to"},
		{"", ""},
		{"x", ""},
		{"at", ""},
		{"slack", ""},
		{"sip", ""}, // too far from srcip and dstip
		{"akl", "all"},
		{"an", "any"},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, known); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestNearestOfEquallyNearIsTheFirstInTheAlphabet(t *testing.T) {
	for _, known := range [][]string{{"soc-b", "soc-a"}, {"soc-a", "soc-b"}} {
		if got := Nearest("soc-x", known); got != "soc-a" {
			t.Errorf("Nearest(soc-x, %v) = %q, want soc-a", known, got)
		}
	}
	if got := Nearest("anything", nil); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestNearestCountsLettersNotBytes(t *testing.T) {
	if got := Nearest("büro", []string{"buro"}); got != "buro" {
		t.Errorf("got %q, want buro", got)
	}
}
