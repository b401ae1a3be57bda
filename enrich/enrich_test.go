package enrich

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/enrich/enrichtest"
)

// The addresses of tests are those that MaxMind's own test databases use: addresses for documentation never reach a database.
const (
	london = "81.2.69.142"
	sixth  = "2a02:d400::1"
)

// city is a record as MaxMind writes it.
func city(name, country, countryName, continent string, lat, lon float64) map[string]any {
	return map[string]any{
		"city":    map[string]any{"names": map[string]any{"en": name, "de": "anders"}, "geoname_id": 1},
		"country": map[string]any{"iso_code": country, "names": map[string]any{"en": countryName}},
		"continent": map[string]any{
			"code": continent, "names": map[string]any{"en": "…"},
		},
		"subdivisions": []any{map[string]any{"iso_code": "ENG", "names": map[string]any{"en": "England"}}},
		"location":     map[string]any{"latitude": lat, "longitude": lon, "accuracy_radius": 20},
	}
}

var asn = map[string]any{"autonomous_system_number": 64500, "autonomous_system_organization": "Example Net"}

func database(t testing.TB, path, kind string, networks map[string]any) string {
	t.Helper()
	if err := (enrichtest.Database{Type: kind, Networks: networks}).Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func from(address string) *alert.Alert {
	return &alert.Alert{Source: alert.Endpoint{IP: address}, Original: map[string]any{}}
}

func TestPlacesOfEveryMakerAreRead(t *testing.T) {
	for name, tt := range map[string]struct {
		record map[string]any
		want   map[string]any
		class  []any
	}{
		"MaxMind City": {
			city("London", "GB", "United Kingdom", "EU", 51.5142, -0.0931),
			map[string]any{
				"city": "London", "country": "GB", "country_name": "United Kingdom", "region": "England", "continent": "EU", "eu": false,
				"latitude": 51.5142, "longitude": -0.0931, "accuracy_km": int64(20), "map": "https://maps.example.com/?at=51.5142,-0.0931",
			}, nil,
		},
		"MaxMind ASN": {asn, map[string]any{"asn": int64(64500), "as_org": "Example Net"}, nil},
		"MaxMind Anonymous-IP": {
			map[string]any{"is_anonymous": true, "is_hosting_provider": true, "is_tor_exit_node": true}, nil, []any{"public", "tor", "hosting"},
		},
		"IPinfo Lite": {
			map[string]any{"country": "Germany", "country_code": "DE", "continent": "Europe", "continent_code": "EU", "asn": "AS15169", "as_name": "Google LLC", "as_domain": "google.com"},
			map[string]any{"country": "DE", "country_name": "Germany", "continent": "EU", "eu": true, "asn": int64(15169), "as_org": "Google LLC"}, nil,
		},
		"IPinfo, the older form": {
			map[string]any{"country": "DE", "country_name": "Germany", "asn": "AS15169", "as_name": "Google LLC"},
			map[string]any{"country": "DE", "country_name": "Germany", "eu": true, "asn": int64(15169), "as_org": "Google LLC"}, nil,
		},
		"ip-location-db, a country": {map[string]any{"country_code": "AU"}, map[string]any{"country": "AU", "eu": false}, nil},
		"ip-location-db, a city with empty texts": {
			map[string]any{"city": "Paris", "country_code": "FR", "state1": "Île-de-France", "state2": "", "latitude": 48.8, "longitude": 2.3, "postcode": ""},
			map[string]any{"city": "Paris", "country": "FR", "region": "Île-de-France", "eu": true, "latitude": 48.8, "longitude": 2.3, "map": "https://maps.example.com/?at=48.8,2.3"}, nil,
		},
		"values of other types": {map[string]any{"country": 7, "city": []any{"x"}, "asn": "ASx", "latitude": "north", "longitude": true}, nil, nil},
		"numbers out of bounds": {map[string]any{"latitude": 91.5, "longitude": 2.5, "asn": -1.5}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := database(t, filepath.Join(t.TempDir(), "x.mmdb"), name, map[string]any{"81.2.69.0/24": tt.record})
			e := New(Config{GeoIP: []string{path}, Map: "https://maps.example.com/?at={lat},{lon}"})
			a := e.Enrich(from(london))
			var want any
			if tt.want != nil {
				want = tt.want
			}
			if diff := cmp.Diff(want, a.Added["srcip_geo"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			class := tt.class
			if class == nil {
				class = []any{"public"}
			}
			if diff := cmp.Diff(any(class), a.Added["srcip_class"]); diff != "" {
				t.Errorf("class (-want +got):\n%s", diff)
			}
			if notes := e.Notes(); notes != nil {
				t.Errorf("notes %v", notes)
			}
		})
	}
}

func TestEachThingIsTakenFromTheFirstFileThatKnowsIt(t *testing.T) {
	dir := t.TempDir()
	country := database(t, dir+"/country.mmdb", "Country", map[string]any{"81.2.0.0/16": map[string]any{"country_code": "GB"}, "8.0.0.0/8": map[string]any{"country_code": "US"}})
	cities := database(t, dir+"/city.mmdb", "City", map[string]any{"81.2.69.0/24": city("Paris", "FR", "France", "EU", 1.5, 2.5), "2a02:d400::/29": city("Berlin", "DE", "Germany", "EU", 1.5, 2.5)})
	as := database(t, dir+"/asn.mmdb", "ASN", map[string]any{"81.2.69.0/24": asn})
	e := New(Config{GeoIP: []string{country, cities, as}})
	geo := func(address string) map[string]any {
		g, _ := e.Enrich(from(address)).Added["srcip_geo"].(map[string]any)
		return g
	}
	if g := geo(london); g["country"] != "GB" || g["eu"] != false || g["city"] != "Paris" || g["asn"] != int64(64500) {
		t.Errorf("got %v", g)
	}
	if g := geo("8.8.8.8"); g["country"] != "US" || g["city"] != nil {
		t.Errorf("got %v", g)
	}
	if g := geo(sixth); g["country"] != "DE" {
		t.Errorf("got %v", g)
	}
	if g := geo("::ffff:" + london); g["country"] != "GB" {
		t.Errorf("an address of IPv4 in IPv6: got %v", g)
	}
	if g := geo("9.9.9.9"); g != nil {
		t.Errorf("an address that no file has: got %v", g)
	}
}

func TestAFileOfIPv4AnswersNothingForIPv6(t *testing.T) {
	path := t.TempDir() + "/v4.mmdb"
	d := enrichtest.Database{Type: "x", Version: 4, Networks: map[string]any{"81.2.69.0/24": map[string]any{"country_code": "GB"}}}
	if err := d.Write(path); err != nil {
		t.Fatal(err)
	}
	e := New(Config{GeoIP: []string{path}})
	if g := e.Enrich(from(sixth)).Added["srcip_geo"]; g != nil || e.Notes() != nil {
		t.Errorf("got %v, notes %v", g, e.Notes())
	}
	if g := e.Enrich(from(london)).Added["srcip_geo"]; g == nil {
		t.Error("the address of IPv4 is not found")
	}
}

// A database may say anything of them: one that is published says Australia of 192.168.1.1.
func TestAddressesThatAreNowhereAreNotAskedFor(t *testing.T) {
	networks := map[string]any{}
	for _, n := range []string{"0.0.0.0/1", "128.0.0.0/1", "2000::/3", "fc00::/7", "fe80::/10"} {
		networks[n] = map[string]any{"country_code": "AU"}
	}
	e := New(Config{GeoIP: []string{database(t, t.TempDir()+"/all.mmdb", "x", networks)}})
	for address, class := range map[string]string{
		"192.168.1.1": "private", "10.1.2.3": "private", "172.31.0.1": "private", "fd00::1": "private", "127.0.0.1": "loopback", "::1": "loopback",
		"169.254.1.1": "link_local", "fe80::1": "link_local", "203.0.113.9": "documentation", "2001:db8::1": "documentation", "100.64.0.1": "cgnat",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "0.0.0.0": "reserved", "255.255.255.255": "reserved", "::": "reserved",
		london: "public", sixth: "public", "172.32.0.1": "public",
	} {
		a := e.Enrich(from(address))
		if diff := cmp.Diff(any([]any{class}), a.Added["srcip_class"]); diff != "" {
			t.Errorf("%s: class (-want +got):\n%s", address, diff)
		}
		if got := a.Added["srcip_geo"] != nil; got != (class == "public") {
			t.Errorf("%s is %s, and its place is %v", address, class, a.Added["srcip_geo"])
		}
	}
	for _, odd := range []string{"", "-", "not an address", "203.0.113.9, 10.0.0.1", strings.Repeat("9", 1<<16), "1.2.3.4%eth0"} {
		a := e.Enrich(&alert.Alert{Source: alert.Endpoint{Text: odd}})
		if a.Added["srcip_class"] != nil || a.Added["srcip_geo"] != nil {
			t.Errorf("%.20q: got %v", odd, a.Added)
		}
	}
}

func TestEveryNameIsThereAndHidesWhatTheAlertSays(t *testing.T) {
	dir := t.TempDir()
	c := Config{
		GeoIP: []string{dir + "/missing.mmdb"}, Lists: map[string]List{"tor": {File: dir + "/missing"}},
		Tables: map[string]Table{"asset": {File: dir + "/missing.csv", By: "agent"}},
	}
	e := New(c)
	a := from(london)
	a.Agent.Name = "web-01"
	a.Original = map[string]any{"srcip_geo": map[string]any{"country": "DE"}, "data": map[string]any{"asset": map[string]any{"owner": "me"}}}
	got := e.Enrich(a)
	want := map[string]any{"srcip_geo": nil, "dstip_geo": nil, "srcip_class": []any{"public"}, "dstip_class": nil, "mitre": nil, "asset": nil}
	if diff := cmp.Diff(want, got.Added); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, path := range []string{"srcip_geo.country", "asset.owner"} {
		if v := got.Lookup(path); v != nil {
			t.Errorf("the alert says %s for what was looked up: %q", path, v)
		}
	}
	if a.Added != nil {
		t.Error("the alert itself was changed")
	}
	var texts []string
	for _, n := range e.Notes() {
		texts = append(texts, n.String())
	}
	for _, want := range []string{"geoip: there is no file", "lists.tor: there is no file", "tables.asset: there is no file"} {
		if !strings.Contains(strings.Join(texts, "\n"), want) {
			t.Errorf("no note says %q: %q", want, texts)
		}
	}
	if e.Enrich(nil) != nil || (*Enricher)(nil).Enrich(a) != a {
		t.Error("no alert, or no enricher, must change nothing")
	}
}

func TestListsNameClasses(t *testing.T) {
	dir := t.TempDir()
	tor := write(t, dir+"/exit", "ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-11-20 09:08:52\nLastStatus 2026-11-20 10:00:00\nExitAddress 81.2.69.142 2026-11-20 10:05:00\nExitAddress 2a02:d400::1 2026-11-20 10:05:00\n")
	vpn := write(t, dir+"/vpn", "\ufeff; the list\n81.2.69.0/24 ; SBL1\n10.8.0.0/16 # ours\n\nnot an address\n")
	e := New(Config{Lists: map[string]List{"tor": {File: tor}, "vpn": {File: vpn}}})
	for address, want := range map[string][]any{
		london: {"public", "tor", "vpn"}, "81.2.69.1": {"public", "vpn"}, "10.8.9.9": {"private", "vpn"}, sixth: {"public", "tor"}, "8.8.8.8": {"public"},
	} {
		if diff := cmp.Diff(any(want), e.Enrich(from(address)).Added["srcip_class"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
	doubts := e.Check(time.Now())
	if len(doubts) != 1 || !strings.Contains(doubts[0].Message, "vpn: line 5 is no address") {
		t.Errorf("got doubts %v", doubts)
	}
}

func TestTables(t *testing.T) {
	dir := t.TempDir()
	a := &alert.Alert{
		Agent: alert.Agent{ID: "007", Name: "Web-01", IP: "192.168.4.9"}, Host: "web-01.example.com", User: "deploy", Source: alert.Endpoint{IP: "10.20.30.40"},
		Destination: alert.Endpoint{IP: "2001:db8::7"}, Rule: alert.Rule{ID: "5712", Groups: []string{"syslog", "sshd"}, MITRE: alert.MITRE{IDs: []string{"T1110"}}},
		Original: map[string]any{"data": map[string]any{"app": "shop"}},
	}
	files := map[string]string{
		"lower.csv":    "owner,key,level\nshop,web-01|web-02,3\nother,*,\n",
		"first.csv":    "\ufeffagent;owner;note\nWEB-01;shop;\"a;b\"\n",
		"comment.csv":  "# ours; see the wiki; ask ops\n\nagent,owner\nweb-01,shop\n",
		"rule.json":    `{"5712": {"url": "https://wiki.example.com/5712", "steps": ["look", "block"], "n": 3, "f": 1.5, "on": true, "none": null}}`,
		"rows.json":    `[{"key": ["5711", 5712], "owner": "soc"}]`,
		"networks.yml": "10.0.0.0/8: {site: all}\n10.20.0.0/16: {site: lab}\n10.20.30.40: {site: host}\n\"2001:db8::/32\": {site: six}\n192.168.0.0/16: &lan {site: lan, since: 2026-01-02, port: 0x16}\n",
		"aliases.yaml": "x: &x {owner: soc}\ndeploy: *x\n",
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	for _, tt := range []struct {
		file, by string
		want     map[string]any
	}{
		{"lower.csv", "agent", map[string]any{"key": "web-01", "owner": "shop", "level": "3"}},
		{"comment.csv", "agent", map[string]any{"key": "web-01", "owner": "shop"}},
		{"lower.csv", "user", map[string]any{"key": "*", "owner": "other"}},
		{"lower.csv", "field.nothing", nil}, // there is no key to ask for
		{"first.csv", "agent", map[string]any{"key": "WEB-01", "owner": "shop", "note": "a;b"}},
		{"rule.json", "rule", map[string]any{"key": "5712", "url": "https://wiki.example.com/5712", "steps": []any{"look", "block"}, "n": int64(3), "f": 1.5, "on": true}},
		{"rows.json", "rule", map[string]any{"key": "5712", "owner": "soc"}},
		{"networks.yml", "srcip", map[string]any{"key": "10.20.30.40", "site": "host"}},
		{"networks.yml", "dstip", map[string]any{"key": "2001:db8::/32", "site": "six"}},
		{"networks.yml", "agent_ip", map[string]any{"key": "192.168.0.0/16", "site": "lan", "since": "2026-01-02", "port": "0x16"}},
		{"aliases.yaml", "user", map[string]any{"key": "deploy", "owner": "soc"}},
	} {
		e := New(Config{Tables: map[string]Table{"t": {File: filepath.Join(dir, tt.file), By: tt.by}}})
		var want any
		if tt.want != nil {
			want = tt.want
		}
		if diff := cmp.Diff(want, e.Enrich(a).Added["t"]); diff != "" {
			t.Errorf("%s by %s (-want +got):\n%s", tt.file, tt.by, diff)
		}
		if n := e.Notes(); n != nil {
			t.Errorf("%s: notes %v", tt.file, n)
		}
	}
	// Every other key.
	for by, key := range map[string]string{"agent_id": "007", "host": "WEB-01.example.com", "group": "sshd", "mitre": "T1110", "field.app": "shop", "field.srcip_class": "private"} {
		file := write(t, filepath.Join(dir, "one.csv"), "key,v\n"+key+",yes\n")
		e := New(Config{Tables: map[string]Table{"t": {File: file, By: by}}})
		if got := e.Enrich(a).Lookup("t.v"); len(got) != 1 || got[0] != "yes" {
			t.Errorf("by %s: got %v, notes %v", by, got, e.Notes())
		}
	}
}

func TestBrokenTablesSayWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, want string }{
		"no header":             {"a.csv", "", "it is empty: its first line must name the columns"},
		"too many cells":        {"a.csv", "key,owner\nweb,a,b\n", "line 2 has 3 columns, and the first line names 2"},
		"an open quote":         {"a.csv", "key,owner\n\"web,a\n", `extraneous or missing " in quoted-field`},
		"half of it":            {"a.json", "{", "it is not JSON: it ends too early"},
		"no JSON":               {"a.json", "{\n  \"web\": {},\n}\n", "line 3 is not JSON: invalid character '}'"},
		"no rows":               {"a.json", "\n", "it is empty: write an object of rows"},
		"nothing":               {"a.yaml", "", "it is empty: write rows by their keys"},
		"comments":              {"a.yaml", "# web: {owner: shop}\n", "it is empty: write rows by their keys"},
		"no value":              {"a.yaml", "---\n~\n", "it is empty: write rows by their keys"},
		"no YAML":               {"a.yaml", "web: {x: 1\nb: 2\n", "line 2 is not YAML: did not find"},
		"two values":            {"a.json", "{} {}", "something follows behind the table"},
		"a number":              {"a.json", "7", "neither rows by their keys, nor a list of rows"},
		"a row of text":         {"a.yaml", "web: shop\n", `the row of "web" is no set of columns`},
		"a key twice":           {"a.yaml", "web: {a: 1}\nweb: {a: 2}\n", "web"},
		"deep":                  {"a.json", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "nested deeper than 16 levels"},
		"aliases that multiply": {"a.yaml", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), tt.file), tt.text)
			e := New(Config{Tables: map[string]Table{"t": {File: file, By: "agent"}}})
			a := &alert.Alert{Agent: alert.Agent{Name: "web"}}
			if got := e.Enrich(a).Added["t"]; got != nil {
				t.Errorf("got %v", got)
			}
			notes := e.Notes()
			if len(notes) != 1 || !strings.Contains(notes[0].String(), tt.want) || !strings.Contains(notes[0].String(), file) {
				t.Errorf("got notes %v, want %q", notes, tt.want)
			}
		})
	}
}

func TestDoubtfulRowsAreToldByCheck(t *testing.T) {
	dir := t.TempDir()
	e := New(Config{Tables: map[string]Table{
		"asset":   {File: write(t, dir+"/a.csv", "key,owner\nweb,shop\nWEB,other\n,nobody\ndb\n"), By: "agent", Show: []string{"ownr"}, Links: map[string]string{"Wiki": "wiki"}},
		"network": {File: write(t, dir+"/n.csv", "key,site\n10.0.0.0/33,lab\n"), By: "srcip"},
		"empty":   {File: write(t, dir+"/e.csv", "key,site\n"), By: "srcip"},
		"wide":    {File: write(t, dir+"/w.csv", "key,note\nweb,"+strings.Repeat("x", maxRow)+"\ndb,short\n"), By: "agent"},
		"runbook": {File: write(t, dir+"/r.json", `{"1": {"url": "https://wiki.example.com/1"}, "3": {"url": "wiki.example.com"}, "2": {"url": "javascript:alert(1)"}, "4": {"url": ""}, "5": {"url": "https://wiki.example.com/ssh key"}}`), By: "rule", Links: map[string]string{"Runbook": "url"}},
	}})
	var got []string
	for _, d := range e.Check(time.Now()) {
		got = append(got, strings.ReplaceAll(d.Message, dir, "DIR"))
	}
	want := []string{
		`tables.asset: DIR/a.csv: line 3: there is a row for "web" already, and the first counts`,
		`tables.asset: DIR/a.csv: line 4 has no key`,
		`tables.asset: DIR/a.csv: line 5 has only 1 of the 2 columns that the first line names`,
		`tables.asset: show: DIR/a.csv has no column "ownr", but owner`,
		`tables.asset: links: DIR/a.csv has no column "wiki", but owner`,
		`tables.empty: DIR/e.csv has no rows`,
		`tables.network: DIR/n.csv: line 2: "10.0.0.0/33" is no address and no network`,
		`tables.runbook: links: DIR/r.json: "url" of "2" is no whole address of a page (https://…, its blanks and other odd characters as %20), so it is no link; there are 3 such rows`,
		`tables.wide: DIR/w.csv: line 2: the row has 32771 bytes, more than the 32768 that go with an alert: it is left out`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOldDatabasesAndOthersAreToldByCheck(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	networks := map[string]any{"8.0.0.0/8": asn}
	var files []string
	for name, made := range map[string]time.Time{
		"1-quarter": now.Add(-100*24*time.Hour - time.Minute), "2-years": time.Date(2019, 3, 1, 0, 0, 0, 0, time.UTC), "3-never": now, "4-future": now.Add(72 * time.Hour),
		"5-fresh": now.Add(-89 * 24 * time.Hour), "6-clock": now.Add(24 * time.Hour),
	} {
		d := enrichtest.Database{Type: "GeoLite2-City", Built: made, Networks: networks}
		if err := d.Write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, name))
	}
	slices.Sort(files)
	domain := enrichtest.Database{Type: "GeoIP2-Domain", Built: now, Networks: map[string]any{"8.0.0.0/8": map[string]any{"domain": "x"}}}
	if err := domain.Write(dir + "/7-domain"); err != nil {
		t.Fatal(err)
	}
	files = append(files, dir+"/7-domain", write(t, dir+"/8-page", "<html>404</html>"))
	var got []string
	e := New(Config{GeoIP: files})
	db, err := e.geoip[2].get(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	db.reader.Metadata.BuildEpoch = 0
	for _, d := range e.Check(now) {
		got = append(got, fmt.Sprint(d.Item, " ", strings.ReplaceAll(d.Message, dir, "DIR"), "; ", d.Remedy))
	}
	want := []string{
		"0 geoip: DIR/1-quarter was made on 2026-08-21: addresses move, get a newer one; get one by a timer, as geoipupdate does; this one is used meanwhile",
		"1 geoip: DIR/2-years was made on 2019-03-01: addresses move, get a newer one; get one by a timer, as geoipupdate does; this one is used meanwhile",
		"2 geoip: DIR/3-never does not say when it was made; see at its maker's whether there is a newer one; this one is used meanwhile",
		"3 geoip: DIR/4-future was made on 2026-12-02, which is still to come; set the clock of this host, or get the file anew; it is used meanwhile",
		`6 geoip: DIR/7-domain is a database of the type "GeoIP2-Domain", which says neither where an address is nor whose it is; take it out, or name one of cities, countries or networks`,
		"7 geoip: DIR/8-page: it is no database in MaxMind's format, or not a whole one: error opening database: invalid MaxMind DB file; " + unread,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// due makes the next look at all files come at once.
func due(e *Enricher) {
	soon := func(mu *sync.Mutex, at *time.Time) {
		mu.Lock()
		*at = time.Time{}
		mu.Unlock()
	}
	for _, s := range e.geoip {
		soon(&s.mu, &s.due)
	}
	for _, s := range e.lists {
		soon(&s.mu, &s.due)
	}
	for _, s := range e.tables {
		soon(&s.mu, &s.due)
	}
}

func TestFilesAreReadAgainWhenTheyChangeAndServeOnWhileTheyAreBroken(t *testing.T) {
	dir := t.TempDir()
	db := database(t, dir+"/geo.mmdb", "x", map[string]any{"81.2.69.0/24": map[string]any{"country_code": "GB"}})
	list, table := write(t, dir+"/tor", london), write(t, dir+"/a.csv", "key,owner\nweb,shop\n")
	e := New(Config{GeoIP: []string{db}, Lists: map[string]List{"tor": {File: list}}, Tables: map[string]Table{"asset": {File: table, By: "agent"}}})
	a := from(london)
	a.Agent.Name = "web"
	look := func() string {
		due(e)
		got := e.Enrich(a)
		return fmt.Sprint(got.Lookup("srcip_geo.country"), got.Lookup("srcip_class"), got.Lookup("asset.owner"), len(e.Notes()))
	}
	if got := look(); got != "[GB] [public tor] [shop] 0" {
		t.Fatalf("got %s", got)
	}
	// They are replaced.
	database(t, db, "x", map[string]any{"81.2.69.0/24": map[string]any{"country_code": "FR"}})
	write(t, list, "8.8.8.8\n")
	write(t, table, "key,owner\nweb,somebody\n")
	if got := look(); got != "[FR] [public] [somebody] 0" {
		t.Errorf("replaced: got %s", got)
	}
	written := time.Date(2026, 11, 23, 13, 20, 17, 0, time.UTC)
	for _, path := range []string{db, list, table} {
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
	if got := look(); got != "[FR] [public] [somebody] 0" {
		t.Errorf("touched: got %s", got)
	}
	// They are half written, over what was there.
	whole, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, string(whole[:len(whole)/2]))
	write(t, list, "<html>no such page</html>\n")
	write(t, table, "key,owner\n\"web,half")
	if got := look(); got != "[FR] [public] [somebody] 3" {
		t.Errorf("broken: got %s", got)
	}
	for _, n := range e.Notes() {
		if !strings.HasSuffix(n.Why, "; its contents of "+written.Local().Format(time.DateTime)+" are used until a restart") {
			t.Errorf("note %q does not say what serves", n.Why)
		}
	}
	// They are gone.
	for _, path := range []string{db, list, table} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := look(); got != "[FR] [public] [somebody] 3" {
		t.Errorf("gone: got %s", got)
	}
	// They are back.
	write(t, db, string(whole))
	write(t, list, london)
	write(t, table, "key,owner\nweb,back\n")
	if got := look(); got != "[FR] [public tor] [back] 0" {
		t.Errorf("back: got %s", got)
	}
}

// A download that failed leaves an empty list. One that was empty from the start is what a person made.
func TestAListThatIsEmptiedServesOn(t *testing.T) {
	list := write(t, t.TempDir()+"/tor", "# none yet\n")
	e := New(Config{Lists: map[string]List{"tor": {File: list}}})
	for _, tt := range []struct{ text, class, note string }{
		{"# none yet\n", "[public]", "[]"},
		{"# one\n" + london, "[public tor]", "[]"},
		{"", "[public tor]", "it holds nothing any more; its contents of "},
		{"# really\n", "[public tor]", "it holds nothing any more; its contents of "},
		{"8.8.8.8\n", "[public]", "[]"},
	} {
		write(t, list, tt.text)
		due(e)
		if got := fmt.Sprint(e.Enrich(from(london)).Lookup("srcip_class")); got != tt.class || !strings.Contains(fmt.Sprint(e.Notes()), tt.note) {
			t.Errorf("%q: got %s, %v", tt.text, got, e.Notes())
		}
	}
	if got := e.Counts(); got[0] != (Count{Source: "lists.tor", Found: 1, None: 2, Stale: 2}) {
		t.Errorf("counted %+v", got)
	}
}

// What a source cannot answer is counted as such, also where another file of it answers.
func TestCountsTellWhatASourceAnswersWith(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	places := database(t, dir+"/geo.mmdb", "x", map[string]any{"81.2.69.0/24": map[string]any{"country_code": "GB"}})
	table := write(t, dir+"/a.csv", "key,owner\nweb,shop\n")
	e := New(Config{GeoIP: []string{places, dir + "/asn.mmdb"}, Lists: map[string]List{"tor": {File: dir + "/tor"}}, Tables: map[string]Table{"asset": {File: table, By: "agent"}}})
	e.Use(NewStore(), slog.New(slog.NewTextHandler(&log, nil)))
	a := from(london)
	a.Agent.Name = "web"
	look := func() {
		due(e)
		e.Enrich(a)
	}
	look()
	if err := errors.Join(os.Remove(places), os.Remove(table)); err != nil {
		t.Fatal(err)
	}
	look()
	look()
	a.Source.IP = "9.9.9.9" // which nobody knows
	look()
	want := []Count{{Source: "geoip", Found: 1, Stale: 3, Failed: 4}, {Source: "lists.tor", Failed: 4}, {Source: "tables.asset", Found: 1, Stale: 3}}
	if diff := cmp.Diff(want, e.Counts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, said := range []string{`"enrichment goes on with what it has read before" source=tables.asset`, `"enrichment cannot look it up; alerts go on without it" source=lists.tor`} {
		if strings.Count(log.String(), said) != 1 {
			t.Errorf("the log does not say %s once:\n%s", said, log.String())
		}
	}
}

// A column that goes while the deliverer runs is told, once: the routes that ask for it hold for nothing from then on.
func TestATableThatLosesColumnsSaysSo(t *testing.T) {
	var log strings.Builder
	table := write(t, t.TempDir()+"/a.csv", "key,owner,criticality\nweb,shop,high\n")
	e := New(Config{Tables: map[string]Table{"asset": {File: table, By: "agent"}}})
	e.Use(NewStore(), slog.New(slog.NewTextHandler(&log, nil)))
	look := func() {
		due(e)
		e.Enrich(&alert.Alert{Agent: alert.Agent{Name: "web"}})
	}
	look()
	write(t, table, "key,owner,criticality,site\nweb,shop,high,cellar\n")
	look()
	if log.Len() > 0 {
		t.Errorf("nothing is lost, and it logs\n%s", log.String())
	}
	write(t, table, "key,owner,critical\nweb,shop,high\n")
	look()
	look()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `source=tables.asset`) || !strings.Contains(got, `lost="[criticality site]" has="[critical owner]"`) {
		t.Errorf("it logs\n%s", got)
	}
}

func TestAnythingElseThanAFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	e := New(Config{GeoIP: []string{dir}, Lists: map[string]List{"x": {File: "/dev/zero"}}, Tables: map[string]Table{"t": {File: dir, By: "agent"}}})
	a := from(london)
	a.Agent.Name = "x"
	e.Enrich(a)
	if n := e.Notes(); len(n) != 3 {
		t.Errorf("got notes %v", n)
	}
}

func TestFaultsAreLoggedOnceForEachCause(t *testing.T) {
	var log strings.Builder
	e := New(Config{GeoIP: []string{t.TempDir() + "/missing.mmdb"}})
	e.Use(NewStore(), slog.New(slog.NewTextHandler(&log, nil)))
	for range 5 {
		due(e)
		e.Enrich(from(london))
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "there is no file") {
		t.Errorf("got %d lines:\n%s", n, log.String())
	}
	database(t, e.config.GeoIP[0], "x", map[string]any{"81.2.69.0/24": asn})
	due(e)
	e.Enrich(from(london))
	if !strings.Contains(log.String(), "looks it up again") {
		t.Errorf("that it is well again is not logged:\n%s", log.String())
	}
}

// Whether a source fails can be up to the address that an attacker comes from: it must not fill the log.
func TestASourceThatFailsNowAndThenDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		dir := t.TempDir()
		e := New(Config{ReverseDNS: &ReverseDNS{}, Tables: map[string]Table{"asset": {File: write(t, dir+"/x.csv", "key,owner\nx,y\n"), By: "agent"}}})
		e.Use(NewStore(), slog.New(slog.NewTextHandler(&log, nil)))
		n := 0
		e.dns.ask = func(_ context.Context, address string) ([]string, error) {
			switch n++; n % 3 {
			case 0:
				return []string{"a.example.net."}, nil
			case 1:
				return nil, &net.DNSError{Err: fmt.Sprintf("read udp 192.0.2.1:%d->192.0.2.53:53: read: connection refused", n)}
			}
			return nil, &net.DNSError{Err: "server misbehaving"}
		}
		e.tables[0].key = &key{of: func(a *alert.Alert) []string {
			if n%2 == 0 {
				panic(n)
			}
			return nil
		}}
		for i := range 300 {
			e.Enrich(from(netip.AddrFrom4([4]byte{81, 2, byte(i >> 8), byte(i)}).String()))
			time.Sleep(100 * time.Millisecond)
		}
		if lines := strings.Count(log.String(), "\n"); lines > 3*maxTold || !strings.Contains(log.String(), "no more is logged") {
			t.Errorf("%d lines:\n%.3000s", lines, log.String())
		}
		if strings.Contains(log.String(), "192.0.2.1:") || !strings.Contains(log.String(), "the name server does not answer: connection refused") {
			t.Errorf("the cause of a failure is not the same for each address:\n%.2000s", log.String())
		}
		time.Sleep(toldFor)
		before := log.Len()
		e.Enrich(from("9.9.9.9"))
		e.Enrich(from("9.9.9.10"))
		if log.Len() == before {
			t.Error("nothing is ever logged of it again")
		}
	})
}

// A name server that is slow has not recovered just because an alert did not wait for it.
func TestANameServerThatIsSlowIsNotedUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		e := New(Config{ReverseDNS: &ReverseDNS{}})
		e.Use(NewStore(), slog.New(slog.NewTextHandler(&log, nil)))
		e.dns.ask = func(ctx context.Context, _ string) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }
		for i := range 5 {
			e.Enrich(from(netip.AddrFrom4([4]byte{81, 2, 69, byte(i)}).String()))
			if len(e.Notes()) != 1 {
				t.Errorf("alert %d: notes %v", i, e.Notes())
			}
		}
		if strings.Contains(log.String(), "looks it up again") {
			t.Error(log.String())
		}
		time.Sleep(2 * lookupTimeout)
	})
}

func TestFilesThatHangHoldUpOneAlertOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := Config{Lists: map[string]List{}, Tables: map[string]Table{}}
		for i := range 5 {
			c.Lists[fmt.Sprint("l", i)] = List{File: write(t, fmt.Sprint(dir, "/l", i), london)}
			c.Tables[fmt.Sprint("t", i)] = Table{File: write(t, fmt.Sprint(dir, "/t", i, ".csv"), "key\nx\n"), By: "srcip"}
		}
		e := New(c)
		for _, l := range e.lists {
			read := l.read
			l.read = func(f *os.File, size int64) (*addresses, error) { time.Sleep(time.Minute); return read(f, size) }
		}
		for _, l := range e.tables {
			l.read = func(*os.File, int64) (*rows, error) { time.Sleep(time.Minute); return nil, errors.New("i/o error") }
		}
		took := func() time.Duration {
			began := time.Now()
			e.Enrich(from(london))
			return time.Since(began)
		}
		if got := took(); got != firstWait {
			t.Errorf("the first alert waited %s", got)
		}
		for i := range 100 {
			if got := took(); got != 0 {
				t.Errorf("alert %d waited %s, too", i, got)
			}
			time.Sleep(7 * time.Second)
		}
		if got := fmt.Sprint(e.Enrich(from(london)).Added["srcip_class"]); got != "[public l0 l1 l2 l3 l4]" {
			t.Errorf("what was read at last is not used: %s", got)
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestEnrichersShareWhatTheyRead(t *testing.T) {
	path := database(t, t.TempDir()+"/geo.mmdb", "x", map[string]any{"81.2.69.0/24": asn})
	store := NewStore()
	var all []*geoDatabase
	for range 2 {
		e := New(Config{GeoIP: []string{path}})
		e.Use(store, slog.New(slog.DiscardHandler))
		e.Enrich(from(london))
		held, _ := e.geoip[0].get(time.Now())
		all = append(all, held)
	}
	if all[0] == nil || all[0] != all[1] {
		t.Errorf("each has read the file: %p, %p", all[0], all[1])
	}
}

func TestReloadWhileAlertsComeIn(t *testing.T) {
	dir := t.TempDir()
	record := func(i int) map[string]any {
		return map[string]any{"81.2.69.0/24": map[string]any{"country_code": []string{"GB", "FR"}[i%2]}}
	}
	db := database(t, dir+"/geo.mmdb", "x", record(0))
	table := write(t, dir+"/a.csv", "key,owner\nweb,0\n")
	e := New(Config{GeoIP: []string{db}, Tables: map[string]Table{"asset": {File: table, By: "agent"}}})
	a := from(london)
	a.Agent.Name = "web"
	var stop atomic.Bool
	var lookups sync.WaitGroup
	for range 4 {
		lookups.Go(func() {
			for !stop.Load() {
				got := e.Enrich(a)
				if c := got.Lookup("srcip_geo.country"); len(c) != 1 || len(got.Lookup("asset.owner")) != 1 {
					t.Errorf("got %v", got.Added)
					return
				}
			}
		})
	}
	for i := range 30 {
		database(t, db, "x", record(i))
		next := write(t, dir+"/next", fmt.Sprintf("key,owner\nweb,%d\n", i))
		if err := os.Rename(next, table); err != nil {
			t.Fatal(err)
		}
		due(e)
		e.Enrich(a)
	}
	stop.Store(true)
	lookups.Wait()
}

func TestNamesOfAttack(t *testing.T) {
	e := New(Config{})
	for name, tt := range map[string]struct {
		in   alert.MITRE
		want any
	}{
		"none":                {alert.MITRE{}, nil},
		"an id alone":         {alert.MITRE{IDs: []string{"T1110.001"}}, map[string]any{"id": []any{"T1110.001"}, "technique": []any{"Password Guessing"}, "tactic": []any{"Credential Access"}}},
		"names of its own":    {alert.MITRE{IDs: []string{"T1110"}, Techniques: []string{"Guessing"}, Tactics: []string{"Entry"}}, map[string]any{"id": []any{"T1110"}, "technique": []any{"Guessing"}, "tactic": []any{"Entry"}}},
		"a tactic, an old id": {alert.MITRE{IDs: []string{"TA0040", "t1100"}}, map[string]any{"id": []any{"TA0040", "t1100"}, "technique": []any{"Web Shell"}, "tactic": []any{"Impact", "Persistence", "Privilege Escalation"}}},
		"no such id":          {alert.MITRE{IDs: []string{"T9999"}}, map[string]any{"id": []any{"T9999"}}},
	} {
		if diff := cmp.Diff(tt.want, e.Enrich(&alert.Alert{Rule: alert.Rule{MITRE: tt.in}}).Added["mitre"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if n := len(attack()); n < 1000 {
		t.Errorf("the table has %d entries", n)
	}
}

func TestWhatWasAddedIsKeptAndShownAsTheConfigOfNowSays(t *testing.T) {
	dir := t.TempDir()
	db := database(t, dir+"/geo.mmdb", "x", map[string]any{"81.2.69.0/24": city("London", "GB", "United Kingdom", "EU", 51.5, -0.1)})
	file := write(t, dir+"/a.json", `{"web": {"owner": "shop", "tags": ["a", "b"], "n": 3, "wiki": "https://wiki.example.com/web"}}`)
	c := Config{
		GeoIP: []string{db}, Map: "https://maps.example.com/{lat}/{lon}",
		Tables: map[string]Table{"asset": {File: file, By: "agent", Show: []string{"owner", "tags", "none"}, Links: map[string]string{"Wiki": "wiki"}},
			"place": {File: file, By: "agent", Show: []string{"owner", "n"}, Links: map[string]string{"Wiki": "wiki"}}}, // what both say is shown once
	}
	a := from(london)
	a.Agent.Name = "web"
	e := New(c)
	got := e.Enrich(a)
	shown := []alert.Shown{
		{Name: "owner", Value: "shop"}, {Name: "tags", Value: "a, b"}, {Name: "n", Value: "3"},
		{Name: "Map", Value: "https://maps.example.com/51.5/-0.1", Link: true}, {Name: "Wiki", Value: "https://wiki.example.com/web", Link: true},
	}
	if diff := cmp.Diff(shown, got.Shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	kept := Encode(got.Added)
	back := e.Restore(a, kept)
	if diff := cmp.Diff(got.Added, back.Added); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(shown, back.Shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if none := (*Enricher)(nil).Restore(a, kept); none.Lookup("asset.owner") == nil || none.Shown != nil {
		t.Errorf("a config that asks for no enrichment any more: %v, %v", none.Added, none.Shown)
	}
	if x := e.Restore(a, []byte("{")); x != a {
		t.Error("what is not ours must change nothing")
	}
}

func TestReverseDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{ReverseDNS: &ReverseDNS{}})
		asked := map[string]int{}
		var mu sync.Mutex
		e.dns.ask = func(ctx context.Context, address string) ([]string, error) {
			mu.Lock()
			asked[address]++
			mu.Unlock()
			switch address {
			case london:
				time.Sleep(10 * time.Millisecond)
				return []string{"z.example.net.", "A.example.net.", "<script>.example.net.", ""}, nil
			case "8.8.8.8":
				time.Sleep(time.Second)
				return []string{"late.example.net."}, nil
			case "9.9.9.9":
				return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
			}
			return nil, &net.DNSError{Err: "server misbehaving"}
		}
		name := func(address string) any { return e.Enrich(from(address)).Added["srcip_name"] }
		if got := name(london); got != "a.example.net" {
			t.Errorf("got %v", got)
		}
		time.Sleep(time.Minute)
		if got := name("9.9.9.9"); got != nil || e.Notes() != nil {
			t.Errorf("no name is no fault: %v, %v", got, e.Notes())
		}
		time.Sleep(time.Minute)
		if got := name("7.7.7.7"); got != nil || len(e.Notes()) != 1 {
			t.Errorf("a name server that fails: %v, %v", got, e.Notes())
		}
		// A slow one is waited for once.
		time.Sleep(time.Minute)
		began := time.Now()
		if got := name("8.8.8.8"); got != nil || time.Since(began) != defaultTimeout {
			t.Errorf("got %v after %s", got, time.Since(began))
		}
		for i := range 10 {
			name(netip.AddrFrom4([4]byte{8, 8, 9, byte(i)}).String())
		}
		if took := time.Since(began); took != defaultTimeout {
			t.Errorf("ten others waited, too: %s", took)
		}
		time.Sleep(2 * time.Second)
		if got := name("8.8.8.8"); got != "late.example.net" {
			t.Errorf("the answer that came late does not serve: %v", got)
		}
		name(london)
		time.Sleep(2 * time.Hour)
		name(london)
		mu.Lock()
		defer mu.Unlock()
		if asked[london] != 2 || asked["9.9.9.9"] != 1 || asked["8.8.8.8"] != 1 {
			t.Errorf("asked %v", asked)
		}
		for _, address := range []string{"203.0.113.9", "127.0.0.1", "fe80::1"} {
			if name(address); asked[address] != 0 {
				t.Errorf("the name of %s is asked for", address)
			}
		}
	})
}

// A probe takes that there is no name for an answer, names who refuses, and waits for who is silent no longer than for an answer.
func TestTheNameServerIsProbed(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 10)
	go func() {
		defer close(asked)
		for b := make([]byte, 512); ; {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			asked <- string(b[:n])
			b[2], b[3] = b[2]|0x80, 3 // the question, as the answer that there is no such name
			_, _ = server.WriteTo(b[:n], from)
		}
	}()
	e := New(Config{ReverseDNS: &ReverseDNS{Server: server.LocalAddr().String()}})
	if err := e.Probe(t.Context()); err != nil {
		t.Errorf("a server that answers: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "the name server does not answer: connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
	if q := <-asked; !strings.Contains(q, "\x011\x012\x010\x03192\x07in-addr\x04arpa") {
		t.Errorf("it was asked %q", q)
	}
	var none *Enricher
	if err := errors.Join(none.Probe(t.Context()), New(Config{}).Probe(t.Context()), e.WithoutDNS().Probe(t.Context())); err != nil {
		t.Error(err)
	}
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{ReverseDNS: &ReverseDNS{}})
		e.dns.ask = func(ctx context.Context, _ string) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }
		began := time.Now()
		if err := e.Probe(t.Context()); err == nil || err.Error() != "the name server does not answer: no answer within 5s" || time.Since(began) != lookupTimeout {
			t.Errorf("a silent one, after %s: %v", time.Since(began), err)
		}
	})
}

// Who is told when there is no use in waiting any more waits for nothing else, and hears what is known by then.
func TestPendingNamesAreWaitedForElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{ReverseDNS: &ReverseDNS{}})
		e.dns.ask = func(ctx context.Context, address string) ([]string, error) {
			switch address {
			case london:
				time.Sleep(10 * time.Millisecond)
				return []string{"a.example.net."}, nil
			case sixth:
				time.Sleep(time.Second)
				return []string{"late.example.net."}, nil
			}
			t.Errorf("the name of %s is asked for", address)
			return nil, nil
		}
		began := time.Now()
		wait := func(alerts ...*alert.Alert) time.Duration {
			c := e.Pending(alerts...)
			for _, a := range alerts {
				e.EnrichNow(a)
			}
			if took := time.Since(began); took != 0 {
				t.Errorf("it took %s", took)
			}
			if c != nil {
				<-c
			}
			defer func() { began = time.Now() }()
			return time.Since(began)
		}
		quick, late, never := from(london), from(sixth), from("203.0.113.9")
		if got := wait(never, from("")); got != 0 {
			t.Errorf("waits %s for names that nobody asks for", got)
		}
		if got := wait(quick, never); got != 10*time.Millisecond {
			t.Errorf("waits %s for one that comes", got)
		}
		if got := e.EnrichNow(quick).Added["srcip_name"]; got != "a.example.net" {
			t.Errorf("got %v", got)
		}
		if got := wait(quick); got != 0 {
			t.Errorf("waits %s for one that is known", got)
		}
		both := &alert.Alert{Source: alert.Endpoint{IP: london}, Destination: alert.Endpoint{IP: sixth}}
		if got := wait(late, quick, both); got != defaultTimeout {
			t.Errorf("waits %s for one that does not come", got)
		}
		if got := e.EnrichNow(late).Added["srcip_name"]; got != nil || len(e.Notes()) != 1 {
			t.Errorf("got %v, notes %v", got, e.Notes())
		}
		if got := wait(late); got != 0 {
			t.Errorf("waits %s, again", got)
		}
		time.Sleep(time.Second)
		if got := e.EnrichNow(both).Added; got["srcip_name"] != "a.example.net" || got["dstip_name"] != "late.example.net" || e.Notes() != nil {
			t.Errorf("got %v, notes %v", got, e.Notes())
		}
		if e.WithoutDNS().Pending(late) != nil || (*Enricher)(nil).Pending(late) != nil {
			t.Error("waits where nothing is asked")
		}
	})
}

func TestNamesAreAskedForWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(ReverseDNS{})
		var now, most atomic.Int64
		r.ask = func(ctx context.Context, _ string) ([]string, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		for i := range 3 * maxNames {
			r.name(netip.AddrFrom4([4]byte{9, byte(i >> 16), byte(i >> 8), byte(i)}), true)
			if i%1000 == 0 {
				time.Sleep(lookupTimeout + time.Millisecond)
			}
		}
		if most.Load() > maxQuestions || len(r.names) > maxNames {
			t.Errorf("%d questions at a time, %d names kept", most.Load(), len(r.names))
		}
		time.Sleep(2 * lookupTimeout)
	})
}

func TestWithoutDNSNothingIsAsked(t *testing.T) {
	e := New(Config{ReverseDNS: &ReverseDNS{}})
	e.dns.ask = func(context.Context, string) ([]string, error) { t.Error("asked"); return nil, nil }
	quiet := e.WithoutDNS()
	added := quiet.Enrich(from(london)).Added
	if v, ok := added["srcip_name"]; !ok || v != nil {
		t.Errorf("got %v", added)
	}
}

func TestAReaderThatPanicsCostsNoAlert(t *testing.T) {
	e := New(Config{Tables: map[string]Table{"asset": {File: "x.csv", By: "agent"}}})
	e.tables[0].key = &key{of: func(*alert.Alert) []string { panic("boom") }}
	e.tables[0].held = &rows{}
	if got := e.Enrich(from(london)); got.Added["srcip_class"] == nil {
		t.Errorf("got %v", got.Added)
	}
	if n := e.Notes(); len(n) != 1 || !strings.Contains(n[0].Why, "boom") {
		t.Errorf("got %v", n)
	}
}

func TestFaultsOfTheConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		c    Config
		want string
	}{
		"a table named as ours":      {Config{Tables: map[string]Table{"srcip_geo": {File: "a.csv", By: "agent"}}}, "srcip_geo is what enrichment itself adds"},
		"a table named as alerts'":   {Config{Tables: map[string]Table{"data": {File: "a.csv", By: "agent"}}}, "call the table otherwise, such as data_info"},
		"a table named as messages'": {Config{Tables: map[string]Table{"facts": {File: "a.csv", By: "agent"}}}, "such as facts_info"},
		"a name that is none":        {Config{Tables: map[string]Table{"My Table": {File: "a.csv", By: "agent"}}}, `"My Table" is no name for a table`},
		"no such key":                {Config{Tables: map[string]Table{"t": {File: "a.csv", By: "agents"}}}, `did you mean "agent"?`},
		"no key":                     {Config{Tables: map[string]Table{"t": {File: "a.csv"}}}, "has no by"},
		"an empty field":             {Config{Tables: map[string]Table{"t": {File: "a.csv", By: "field."}}}, `"field." is no key`},
		"no such format":             {Config{Tables: map[string]Table{"t": {File: "a.txt", By: "agent"}}}, "neither .csv, .json nor .yaml"},
		"a class of its own":         {Config{Lists: map[string]List{"private": {File: "x"}}}, "private is a class of its own"},
		"a list without a file":      {Config{Lists: map[string]List{"tor": {}}}, "has no file"},
		"a map without a place":      {Config{GeoIP: []string{"x"}, Map: "https://maps.example.com/"}, "write {lat} and {lon}"},
		"a map without geoip":        {Config{Map: "https://maps.example.com/{lat}/{lon}"}, "no place to show"},
		"a map that is no page":      {Config{GeoIP: []string{"x"}, Map: "javascript:{lat}{lon}"}, "is no address of a map"},
		"too patient":                {Config{ReverseDNS: &ReverseDNS{Timeout: 1e10}}, "holds up alerts"},
		"a name server by its name":  {Config{ReverseDNS: &ReverseDNS{Server: "dns.example.com"}}, `"dns.example.com" is no address of a name server`},
		"a name server":              {Config{ReverseDNS: &ReverseDNS{Server: "192.0.2.53"}}, ""},
		"a name server and its port": {Config{ReverseDNS: &ReverseDNS{Server: "[2001:db8::53]:5353"}}, ""},
		"nothing":                    {Config{}, ""},
	} {
		var got []string
		for _, f := range tt.c.Faults([]string{"facts"}) {
			got = append(got, f.Message)
		}
		if all := strings.Join(got, "\n"); tt.want == "" && all != "" || !strings.Contains(all, tt.want) || tt.want != "" && len(got) != 1 {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestAddedIsJSON(t *testing.T) {
	if b, err := json.Marshal(New(Config{}).Enrich(from(london)).Added); err != nil || len(b) == 0 {
		t.Errorf("%s, %v", b, err)
	}
}
