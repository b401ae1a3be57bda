package yamlnode

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{
		"5000": 5000, "1_000_000": 1e6, "1": 1, "512KB": 512_000, "1MB": 1e6, "1MiB": 1 << 20, "64KiB": 64 << 10, "2GiB": 2 << 30, "1GB": 1e9,
		"2 KiB": 2 << 10, "1mb": 1e6, "10kib": 10 << 10, "12B": 12, `" 7 "`: 7,
	} {
		var got Size
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%s: written as %s, which reads %d, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"0": "more than nothing", "-1": "more than nothing", "-1MB": "more than nothing", "64k": "such as 512KB", "x": "such as 512KB", "MB": "such as 512KB",
		"[1]": "and this is a list", "1.5MB": "such as 512KB", "9999999999999999999": "such as 512KB", "9999999999GiB": "too large", `"1 000"`: "such as 512KB",
	} {
		var got Size
		if err := yaml.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %d, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestSizesAreWrittenWithTheirUnit(t *testing.T) {
	for size, want := range map[Size]string{5001: "5001", 1e6: "1MB", 1 << 20: "1MiB", 64 << 10: "64KiB", 100_000: "100KB", 512_000: "512KB", 0: "0", -1: "-1"} {
		if got := size.String(); got != want {
			t.Errorf("%d is written %s, want %s", int(size), got, want)
		}
	}
}
