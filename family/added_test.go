package family

import (
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestPlacesStandBehindTheirAddress(t *testing.T) {
	const raw = `{"rule":{"level":5,"description":"d","id":"5710","groups":["sshd","authentication_failed"]},"agent":{"id":"001","name":"web-01"},"data":{"srcip":"81.2.69.142","srcport":"4017"}}`
	geo := func(keys ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(keys); i += 2 {
			m[keys[i].(string)] = keys[i+1]
		}
		return m
	}
	for name, tt := range map[string]struct {
		added map[string]any
		want  string
	}{
		"everything": {
			map[string]any{
				"srcip_geo":   geo("city", "Berlin", "country", "DE", "country_name", "Germany", "asn", int64(64500), "as_org", "Example Net"),
				"srcip_class": []any{"public", "tor"}, "srcip_name": "exit.example.net",
			},
			"`81.2.69.142` port `4017` (`Berlin DE`, AS64500 `Example Net`, tor, `exit.example.net`)",
		},
		"a country":          {map[string]any{"srcip_geo": geo("country", "DE", "country_name", "Germany")}, "`81.2.69.142` port `4017` (`Germany`)"},
		"a country's code":   {map[string]any{"srcip_geo": geo("country", "DE")}, "`81.2.69.142` port `4017` (`DE`)"},
		"a network, kept":    {map[string]any{"srcip_geo": geo("asn", 64500.0)}, "`81.2.69.142` port `4017` (AS64500)"},
		"a class of its own": {map[string]any{"srcip_geo": nil, "srcip_class": []any{"public"}}, "`81.2.69.142` port `4017`"},
		"nothing":            {map[string]any{}, "`81.2.69.142` port `4017`"},
		"other types":        {map[string]any{"srcip_geo": "DE", "srcip_class": "tor", "srcip_name": 7}, "`81.2.69.142` port `4017`"},
		"a name that is more": {
			map[string]any{"srcip_geo": geo("city", "<!channel>\n"+strings.Repeat("x", 100), "country", "DEUTSCHLAND"), "srcip_class": []any{"<b>"}},
			"`81.2.69.142` port `4017` (`<!channel>⏎xxxxxxxxxxxxxxxxxxxxxxxxxxxx… D…`, `<b>`)",
		},
	} {
		a := *alert.Parse([]byte(raw), alert.Options{})
		a.Added = tt.added
		got := ""
		for _, f := range Read(&a).Facts {
			if f.Label == "From" {
				got = f.Value.Render(func(s string) string { return s }, func(s string) string { return "`" + s + "`" })
			}
		}
		if got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", name, got, tt.want)
		}
	}
}
