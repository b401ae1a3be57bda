package display

import (
	"strings"
	"testing"
)

func TestWhatIsTheAddressOfAPage(t *testing.T) {
	for s, want := range map[string]bool{
		"https://wiki.example.com/a?b=c#d":                true,
		"http://[2001:db8::1]:8080/":                      true,
		"https://wiki.example.com/ssh%20key":              true,
		"https://wiki.example.com/ssh key":                false,
		"https://wiki.example.com/schlüssel":              false,
		"https://wiki.example.com/a|b":                    false,
		"https://wiki.example.com/\"><script>":            false,
		"https://wiki.example.com/\x1b[31m":               false,
		"https:///a":                                      false,
		"wiki.example.com":                                false,
		"javascript:alert(1)":                             false,
		"":                                                false,
		"https://example.com/" + strings.Repeat("x", 880): true,
		"https://example.com/" + strings.Repeat("x", 881): false,
	} {
		if got := IsPageAddress(s); got != want {
			t.Errorf("%q: got %t, want %t", s, got, want)
		}
	}
}
