package enrich

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Whatever a database holds, an alert goes on, and what is added is JSON.
func FuzzDatabase(f *testing.F) {
	path := database(f, f.TempDir()+"/seed.mmdb", "City", map[string]any{"81.2.69.0/24": city("London", "GB", "United Kingdom", "EU", 51.5, -0.1), "2a02:d400::/29": asn})
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := New(Config{GeoIP: []string{write(t, filepath.Join(t.TempDir(), "x.mmdb"), string(b))}})
		for _, address := range []string{london, sixth, "8.8.8.8"} {
			added := e.Enrich(from(address)).Added
			if _, err := json.Marshal(added); err != nil {
				t.Fatalf("%v: %v", added, err)
			}
		}
	})
}

// Whatever a table or a list holds, it is read or refused, and what it gives is JSON.
func FuzzTable(f *testing.F) {
	for _, text := range []string{
		"key,owner\nweb,shop\n*,x\n", "a;b\nweb;\"x\ny\"\n", `{"web":{"a":[1,2.5,{"b":null}]}}`, `[{"key":["web",1],"a":true}]`,
		"web: {a: 1e999, b: .nan, c: 2026-01-01}\n10.0.0.0/8: &x {y: *z}\n", "81.2.69.142\nExitAddress 1.2.3.4 x\n::/0 ; c\n",
	} {
		for kind := range byte(4) {
			f.Add(kind, text)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		name := filepath.Join(t.TempDir(), []string{"x.csv", "x.json", "x.yaml", "x.txt"}[kind%4])
		write(t, name, text)
		a := &alert.Alert{Agent: alert.Agent{Name: "web"}, Source: alert.Endpoint{IP: london}}
		c := Config{Tables: map[string]Table{
			"t": {File: name, By: "agent", Show: []string{"owner", "a.b"}, Links: map[string]string{"L": "a"}}, "n": {File: name, By: "srcip"},
		}}
		if kind%4 == 3 {
			c = Config{Lists: map[string]List{"l": {File: name}}}
		}
		e := New(c)
		out := e.Enrich(a)
		kept := Encode(out.Added)
		if kept == nil {
			t.Fatalf("%v is no JSON", out.Added)
		}
		e.Restore(a, kept)
		e.Check(out.Time)
	})
}
