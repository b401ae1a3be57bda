package enrich

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/enrich/enrichtest"
)

// whole is what a record says that was decoded as a whole: the law that reading a part of it goes by.
func whole(n *node, v any, into *record) {
	p := &into.parts[n.number]
	p.kind = isOther
	switch v := v.(type) {
	case string:
		p.kind, p.text = isText, v
	case bool:
		if v {
			p.kind = isTrue
		}
	case float64:
		p.kind, p.number = isNumber, v
	case uint64:
		p.kind, p.number = isNumber, float64(v)
	case map[string]any:
		for key, next := range n.below {
			if x, there := v[key]; there {
				whole(next, x, into)
			}
		}
	case []any:
		if next := n.below["0"]; next != nil && len(v) > 0 {
			whole(next, v[0], into)
		}
	}
}

// odd makes values of every kind, under names that are asked for and others.
func odd(random *rand.Rand, n *node, depth int) any {
	kind := random.IntN(9)
	if depth == 0 {
		kind = 8 // a map
	}
	switch kind {
	case 0:
		return random.IntN(2) == 0
	case 1:
		return random.IntN(1 << 30)
	case 2:
		return random.Float64()*400 - 200
	case 3, 4:
		return []string{"DE", "true", "AS64500", "51.5", "Berlin", "", strings.Repeat("é", 150), "\xff"}[random.IntN(8)]
	case 5:
		if depth < 4 {
			list := []any{}
			for range random.IntN(3) {
				list = append(list, odd(random, below(n, "0"), depth+1))
			}
			return list
		}
	}
	m := map[string]any{"names of others": "x"}
	if depth < 4 {
		for key, next := range n.below {
			if random.IntN(3) == 0 {
				m[key] = odd(random, next, depth+1)
			}
		}
		m["deep"] = odd(random, &node{}, depth+1)
	}
	return m
}

func below(n *node, key string) *node {
	if next := n.below[key]; next != nil {
		return next
	}
	return &node{}
}

func TestWhatIsReadOfARecordIsWhatItSaysAsAWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	networks := map[string]any{}
	for i := range 2000 {
		networks[fmt.Sprintf("81.%d.%d.0/24", i/256, i%256)] = odd(random, &geoLayout.root, 0)
	}
	e := New(Config{GeoIP: []string{database(t, t.TempDir()+"/x.mmdb", "odd", networks)}})
	db, err := e.geoip[0].get(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for n := range networks {
		addr := netip.MustParsePrefix(n).Addr()
		var v any
		var want, got record
		result := db.reader.Lookup(addr)
		if err := result.Decode(&v); err != nil {
			t.Fatal(err)
		}
		whole(&geoLayout.root, v, &want)
		if err := result.Decode(&got); err != nil {
			t.Fatal(err)
		}
		got.entries, got.there = 0, 0
		if got != want {
			t.Fatalf("%v is read as %+v, want %+v", v, got, want)
		}
		p, err := db.lookup(addr)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(placeOf(&want), p, cmp.AllowUnexported(place{})); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", v, diff)
		}
		if p.values(e.maps) != nil {
			said++
		}
	}
	if said < len(networks)/4 {
		t.Errorf("only %d of %d records say anything", said, len(networks))
	}
	if geoLayout.count >= maxParts {
		t.Errorf("%d parts are asked for, and there is room for %d", geoLayout.count, maxParts-1)
	}
}

// A record that holds more than any does is a fault of its file, and told.
func TestARecordWithoutEndIsRefused(t *testing.T) {
	huge, list := map[string]any{}, []any{}
	for i := range maxEntries + 1 {
		huge[fmt.Sprint("k", i)] = true
		list = append(list, true)
	}
	for name, record := range map[string]map[string]any{"a map": {"city": huge}, "a list": {"subdivisions": list}} {
		e := New(Config{GeoIP: []string{database(t, t.TempDir()+"/x.mmdb", "huge", map[string]any{"81.2.69.0/24": record, "8.8.8.0/24": asn})}})
		if got := e.Enrich(from(london)).Added["srcip_geo"]; got != nil {
			t.Errorf("%s: got %v", name, got)
		}
		if n := e.Notes(); len(n) != 1 || !strings.Contains(n[0].Why, "more than 10000 entries") {
			t.Errorf("%s: notes %v", name, n)
		}
		if got := e.Enrich(from("8.8.8.8")).Added["srcip_geo"]; got == nil {
			t.Errorf("%s: another record is not read", name)
		}
	}
}

// What is remembered is what would be looked up: of more addresses, places and rows than are remembered, in whatever order they come.
func TestWhatIsRememberedIsWhatIsLookedUp(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(3, 4))
	geo, as, list := map[string]any{}, map[string]any{}, strings.Builder{}
	addresses := make([]string, maxRemembered+500)
	for i := range addresses {
		high, low := i/256, i%256
		addresses[i] = fmt.Sprintf("81.%d.%d.%d", high, low, random.IntN(256))
		switch i % 3 {
		case 0: // a place of its own, and others of all around it
			geo[fmt.Sprintf("81.%d.%d.0/24", high, low)] = city(fmt.Sprint("City ", i), "GB", "United Kingdom", "EU", float64(i)/1000, 0.5)
		case 1:
			fmt.Fprintf(&list, "81.%d.%d.0/25\n", high, low)
			as[fmt.Sprintf("81.%d.%d.128/25", high, low)] = map[string]any{"asn": i, "as_name": fmt.Sprint("Net ", i)}
		}
		if low == 0 {
			geo[fmt.Sprintf("81.%d.0.0/16", high)] = map[string]any{"country_code": "FR"}
			as[fmt.Sprintf("81.%d.0.0/16", high)] = map[string]any{"asn": high + 1, "is_tor_exit_node": high%2 == 0}
		}
	}
	for i := range 50 {
		addresses = append(addresses, fmt.Sprintf("2a02:d400:%x::%x", i%5, i), fmt.Sprintf("10.0.%d.1", i))
	}
	six := enrichtest.Database{Type: "x", Version: 6, Networks: map[string]any{"2a02:d400::/47": asn, "2a02:d400:1::/48": map[string]any{"country_code": "SE"}}}
	if err := six.Write(dir + "/six.mmdb"); err != nil {
		t.Fatal(err)
	}
	config := Config{
		GeoIP: []string{database(t, dir+"/geo.mmdb", "x", geo), database(t, dir+"/as.mmdb", "x", as), dir + "/six.mmdb"},
		Lists: map[string]List{"vpn": {File: write(t, dir+"/vpn", list.String())}},
		Tables: map[string]Table{
			"network": {File: write(t, dir+"/n.csv", "key,site\n81.0.0.0/9,a\n81.3.0.0/16,b\n81.4.5.0/25,c\n2a02:d400::/32,d\n2a02:d400:1::/48,e\n*,f\n"), By: "srcip"},
			"land":    {File: write(t, dir+"/l.yaml", "FR: {near: true}\nGB: {near: false}\n"), By: "field.srcip_geo.country"},
		},
	}
	remembers, forgets := New(config), New(config)
	said := func(e *Enricher, address string) string {
		b, err := json.Marshal(e.Enrich(from(address)).Added)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	different := map[string]bool{}
	for range 2 * len(addresses) {
		address := addresses[random.IntN(len(addresses))]
		forgets.contents.Store(nil)
		for _, s := range forgets.geoip {
			if s.held != nil {
				s.held.places.forget()
			}
		}
		for _, s := range forgets.tables {
			if s.held != nil {
				s.held.said.forget()
			}
		}
		got, want := said(remembers, address), said(forgets, address)
		if got != want {
			t.Fatalf("%s: remembered is %s, looked up is %s", address, got, want)
		}
		different[got] = true
	}
	if len(different) < 3000 || remembers.Notes() != nil {
		t.Errorf("%d different answers, notes %v", len(different), remembers.Notes())
	}
}

// Networks are found as a look at each of them would find the narrowest.
func TestTheNarrowestNetworkIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	address := func() netip.Addr {
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{byte(random.IntN(3)), byte(random.IntN(3)) << 6, 0, byte(random.IntN(8))})
		}
		return netip.AddrFrom16([16]byte{0x20, byte(random.IntN(2)), 7: byte(random.IntN(3)), 8: byte(random.IntN(3)) << 6, 15: byte(random.IntN(4))})
	}
	for range 50 {
		var p prefixes[netip.Prefix]
		all := map[netip.Prefix]bool{}
		for range 40 {
			addr := address()
			n := netip.PrefixFrom(addr, random.IntN(addr.BitLen()+1))
			if got, want := p.put(n, n.Masked()), !all[n.Masked()]; got != want {
				t.Fatalf("put %s: %t, want %t", n, got, want)
			}
			all[n.Masked()] = true
		}
		for range 200 {
			addr := address()
			var want netip.Prefix
			for n := range all {
				if n.Contains(addr) && (!want.IsValid() || n.Bits() > want.Bits()) {
					want = n
				}
			}
			if got, ok := p.get(addr); got != want || ok != want.IsValid() {
				t.Fatalf("%s is in %s, want %s", addr, got, want)
			}
		}
		count := 0
		for n := range p.all() {
			if count++; !all[n] {
				t.Fatalf("%s was never put", n)
			}
		}
		if count != len(all) {
			t.Errorf("there are %d networks, want %d", count, len(all))
		}
	}
}
