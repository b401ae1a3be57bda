package display

import "testing"

func TestAddressSaysWhereItLeads(t *testing.T) {
	for words, led := range map[string]bool{
		"https://example.com/":            true,
		"HTTP://example.com?q=":           true,
		" https://example.com:8443#":      true,
		"https://user@example.com/":       true,
		"https:///example.com/a":          true, // as a browser reads it
		"mailto:soc@example.com?subject=": true,

		"":                              false,
		"/":                             false, // //evil.example leads there
		"https:":                        false,
		"https://":                      false,
		"https:///":                     false,
		"https:// /":                    false,
		"https://example.com":           false,
		"https://example.com:":          false,
		"https://example.com\\":         false,
		"https://example.com&#46;a/":    false, // &#46; is a dot in HTML
		"https&#58;//example.com/":      false,
		"https://soc@":                  false,
		"https://soc@/":                 false,
		"https://?":                     false,
		"mailto:":                       false,
		"mailto:soc@":                   false,
		"javascript:x://example.com/":   false,
		"data:text/html,https://a.com/": false,
		"example.com/":                  false,
		"ftp://example.com/":            false,
	} {
		if got := (Address{}).After(words); got.Led() != led {
			t.Errorf("behind %q text of an alert stands in %s, want led to be %v", words, got, led)
		}
	}
	if !WholeAddress.After("/x").Led() || !WholeAddress.After("?").Led() || WholeAddress.Led() || WholeAddress.After(".evil.example/").Led() {
		t.Error("behind a whole address follows a / ? or #, and nothing else")
	}
}

func TestAddressOfAText(t *testing.T) {
	for _, tc := range []struct {
		text Text
		want string
		ok   bool
	}{
		{Words("https://example.com/x?a=b"), "https://example.com/x?a=b", true},
		{Join(Words("https://example.com/"), Quote("../a b&c"), Words("?q="), Quote("http://h.example/é")), "https://example.com/..%2Fa%20b%26c?q=http%3A%2F%2Fh.example%2F%C3%A9", true},
		{Join(Words("https://example.com/"), Quote("..")), "https://example.com/%5B.%5D%5B.%5D", true},
		{Quote("https://evil.example/"), "", false},
		{Join(Words("https://"), Quote("evil.example"), Words("/")), "", false},
		{Join(Words("https://example.com"), Quote(".evil.example/")), "", false},
		{nil, "", true},
	} {
		if got, ok := tc.text.Address(); got != tc.want || ok != tc.ok {
			t.Errorf("%q: got %q, %v, want %q, %v", tc.text.Raw(), got, ok, tc.want, tc.ok)
		}
	}
}
