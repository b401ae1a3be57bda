package enrich

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRealFiles looks into databases as they are published. GEOIP_FILES names them; .ci/run gets some where it can.
func TestRealFiles(t *testing.T) {
	files := filepath.SplitList(os.Getenv("GEOIP_FILES"))
	if len(files) == 0 {
		t.Skip("GEOIP_FILES names no database")
	}
	for _, file := range files {
		e := New(Config{GeoIP: []string{file}})
		found := 0
		for address, country := range map[string]string{"8.8.8.8": "US", "193.0.6.139": "NL", "2001:67c:2e8:22::c100:68b": "NL", "192.168.1.1": "", "203.0.113.9": ""} {
			geo, _ := e.Enrich(from(address)).Added["srcip_geo"].(map[string]any)
			switch {
			case geo == nil:
			case country == "":
				t.Errorf("%s says of %s: %v", file, address, geo)
			case geo["country"] == country:
				found++
			default:
				t.Errorf("%s says of %s: %v, want %s", file, address, geo, country)
			}
		}
		if found == 0 || e.Notes() != nil {
			t.Errorf("%s: %d addresses found, notes %v", file, found, e.Notes())
		}
	}
}
