package enrich

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// BenchmarkEnrich is an alert with databases, two lists and two tables: addresses that came before, and ones that come for the first
// time. Of the first databases each network has a city of its own, which is the worst that there is. GEOIP_FILES names others.
func BenchmarkEnrich(b *testing.B) {
	dir := b.TempDir()
	cities, asns := map[string]any{}, map[string]any{}
	for i := range 8192 {
		n := fmt.Sprintf("81.%d.%d.0/24", i/256, i%256)
		cities[n] = city(fmt.Sprint("City ", i), "GB", "United Kingdom", "EU", float64(i)/1000+0.5, -0.1)
		asns[n] = map[string]any{"autonomous_system_number": 64500 + i, "autonomous_system_organization": fmt.Sprint("Example Net ", i)}
	}
	made := []string{database(b, dir+"/city.mmdb", "City", cities), database(b, dir+"/asn.mmdb", "ASN", asns)}
	b.Run("a city each", func(b *testing.B) {
		benchmarkEnrich(b, made, func(i int) netip.Addr { return netip.AddrFrom4([4]byte{81, byte(i / 256), byte(i), 7}) })
	})
	if files := filepath.SplitList(os.Getenv("GEOIP_FILES")); len(files) > 0 {
		b.Run("GEOIP_FILES", func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			benchmarkEnrich(b, files, func(int) netip.Addr {
				for {
					var a [4]byte
					binary.BigEndian.PutUint32(a[:], random.Uint32())
					if addr := netip.AddrFrom4(a); classOf(addr) == public {
						return addr
					}
				}
			})
		})
	}
}

func benchmarkEnrich(b *testing.B, files []string, address func(int) netip.Addr) {
	dir := b.TempDir()
	var list, table strings.Builder
	table.WriteString("key,owner,criticality,site\n")
	for i := range 20_000 {
		fmt.Fprintf(&list, "9.%d.%d.%d\n", i/65536, i/256%256, i%256)
		fmt.Fprintf(&table, "host-%d,owner %d,high,lab\n", i, i%50)
	}
	e := New(Config{
		GeoIP: files,
		Lists: map[string]List{"tor": {File: write(b, dir+"/tor", list.String())}, "vpn": {File: write(b, dir+"/vpn", list.String())}},
		Tables: map[string]Table{
			"asset":   {File: write(b, dir+"/a.csv", table.String()), By: "agent", Show: []string{"owner"}},
			"network": {File: write(b, dir+"/n.yaml", "10.0.0.0/8: {site: a}\n10.1.0.0/16: {site: b}\n81.0.0.0/8: {site: c}\n"), By: "srcip"},
		},
	})
	alerts := make([]*alert.Alert, 8192)
	for i := range alerts {
		alerts[i] = from(address(i).String())
		alerts[i].Agent.Name = fmt.Sprint("host-", i)
		alerts[i].Rule.MITRE.IDs = []string{"T1110"}
	}
	for _, tt := range []struct {
		name  string
		of    int
		known bool
	}{{"one address", 1, true}, {"8192 addresses", len(alerts), true}, {"each address for the first time", len(alerts), false}} {
		b.Run(tt.name, func(b *testing.B) {
			for _, a := range alerts[:tt.of] {
				e.Enrich(a)
			}
			b.ReportAllocs()
			before := processorTime(b)
			i := 0
			for b.Loop() {
				if i%tt.of == 0 && !tt.known { // all is forgotten that was looked up
					c := e.contents.Load()
					c.known.forget()
					c.places.forget()
					for _, s := range e.geoip {
						s.held.places.forget()
					}
					for _, t := range e.tables {
						t.held.said.forget()
					}
				}
				if a := e.Enrich(alerts[i%tt.of]); a.Added["srcip_class"] == nil || a.Added["asset"] == nil {
					b.Fatal(a.Added)
				}
				i++
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processorTime is what the process took, which says more than the clock where others work on the same machine.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// forget forgets all.
func (m *memo[K, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.of)
}
