package enrich

import (
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"
)

const (
	geoSource = "geoip"
	// maxDatabase is the size of the largest database that is read, in bytes; a world of cities has some 70 MB.
	maxDatabase = 1 << 30
	// maxText is how much is kept of one text that is looked up, in bytes.
	maxText = 200
	// maxRemembered is of how many records of a database is remembered what they say.
	maxRemembered = 4096
)

// geoDatabase is a file in MaxMind's format.
//
// The file is read into memory, and not mapped. A mapped file that somebody writes over, as `curl -o` does, changes under the
// reader, so that nothing of what it held before could serve on, and one that becomes shorter kills the process with SIGBUS. The memory
// is the kernel's own and not of Go's heap, which would grow to twice its size before the collector looks at it.
type geoDatabase struct {
	reader *maxminddb.Reader
	size   int64

	mu         sync.RWMutex
	remembered map[uintptr]*place // by the offset of the record: networks share them
}

func readDatabase(f *os.File, size int64) (*geoDatabase, error) {
	if size > maxDatabase {
		return nil, &fileError{fmt.Errorf("it has %d bytes, more than the %d that a database may have", size, maxDatabase)}
	}
	if size == 0 {
		return nil, &fileError{fmt.Errorf("it is empty")}
	}
	b, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("no memory for its %d bytes: %w", size, err)
	}
	db := &geoDatabase{size: size, remembered: map[uintptr]*place{}}
	runtime.AddCleanup(db, func(b []byte) { _ = syscall.Munmap(b) }, b)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("it ends too early: %w", err)
	}
	if db.reader, err = maxminddb.OpenBytes(b); err != nil {
		return nil, &fileError{fmt.Errorf("it is no database in MaxMind's format, or not a whole one: %w", err)}
	}
	return db, nil
}

// built is when the database was made.
func (db *geoDatabase) built() time.Time { return time.Unix(int64(db.reader.Metadata.BuildEpoch), 0) }

// lookup adds to a place what the database knows of an address and nobody has said yet.
func (db *geoDatabase) lookup(addr netip.Addr, into *place) error {
	defer runtime.KeepAlive(db) // what the reader reads is there as long as db is
	if addr.Is6() && db.reader.Metadata.IPVersion == 4 {
		return nil // for the reader that is an error; for us it is an address that the file does not have
	}
	result := db.reader.Lookup(addr)
	if err := result.Err(); err != nil {
		return fmt.Errorf("the database is damaged: %w", err)
	}
	if !result.Found() {
		return nil
	}
	at := result.Offset()
	db.mu.RLock()
	known := db.remembered[at]
	db.mu.RUnlock()
	if known == nil {
		var record map[string]any
		if err := result.Decode(&record); err != nil {
			return fmt.Errorf("the database is damaged: %w", err)
		}
		known = placeOf(record)
		db.mu.Lock()
		if len(db.remembered) >= maxRemembered {
			clear(db.remembered)
		}
		db.remembered[at] = known
		db.mu.Unlock()
	}
	into.add(known)
	return nil
}

// place is what databases know of an address. Texts that are not known are empty.
type place struct {
	country, countryName, city, region, continent, org string

	latitude, longitude float64
	located             bool
	accuracy, asn       int64 // 0: not known
	eu                  bool
	classes             []string
}

// add takes over what is not known yet.
func (p *place) add(o *place) {
	if p.country == "" && o.country != "" {
		p.country, p.eu = o.country, o.eu
	}
	for _, x := range []struct{ to, from *string }{
		{&p.countryName, &o.countryName}, {&p.city, &o.city}, {&p.region, &o.region}, {&p.continent, &o.continent}, {&p.org, &o.org},
	} {
		if *x.to == "" {
			*x.to = *x.from
		}
	}
	if !p.located && o.located {
		p.latitude, p.longitude, p.accuracy, p.located = o.latitude, o.longitude, o.accuracy, true
	}
	if p.asn == 0 {
		p.asn = o.asn
	}
	for _, c := range o.classes {
		if !slices.Contains(p.classes, c) {
			p.classes = append(p.classes, c)
		}
	}
}

// The makers of such files name the same thing differently: where each may stand, the commonest first. A number is an index of a
// list.
var (
	countryPaths     = paths("country.iso_code", "country_code", "country")
	countryNamePaths = paths("country.names.en", "country_name", "country.name", "country")
	cityPaths        = paths("city.names.en", "city.name", "city")
	regionPaths      = paths("subdivisions.0.names.en", "subdivisions.0.iso_code", "region", "region_name", "state1")
	continentPaths   = paths("continent.code", "continent_code", "continent")
	latitudePaths    = paths("location.latitude", "latitude", "lat")
	longitudePaths   = paths("location.longitude", "longitude", "lng", "lon")
	accuracyPaths    = paths("location.accuracy_radius", "accuracy_radius")
	asnPaths         = paths("autonomous_system_number", "traits.autonomous_system_number", "asn", "as_number")
	orgPaths         = paths("autonomous_system_organization", "traits.autonomous_system_organization", "as_name", "as_org", "as_organization", "organization", "isp")
	euPaths          = paths("country.is_in_european_union", "is_in_european_union")
	// classPaths are those of databases of proxies.
	classPaths = []struct {
		class string
		at    [][]string
	}{
		{"tor", paths("is_tor_exit_node", "traits.is_tor_exit_node", "tor")},
		{"vpn", paths("is_anonymous_vpn", "traits.is_anonymous_vpn", "vpn")},
		{"proxy", paths("is_public_proxy", "traits.is_public_proxy", "is_residential_proxy", "traits.is_residential_proxy", "proxy")},
		{"hosting", paths("is_hosting_provider", "traits.is_hosting_provider", "hosting")},
	}
)

func paths(all ...string) [][]string {
	var out [][]string
	for _, p := range all {
		out = append(out, strings.Split(p, "."))
	}
	return out
}

// at is the value at a path, or nil.
func at(v any, path []string) any {
	for _, key := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n >= len(x) {
				return nil
			}
			v = x[n]
		default:
			return nil
		}
	}
	return v
}

// text is the first text at the paths that fits, or "".
func text(record map[string]any, all [][]string, fits func(string) bool) string {
	for _, path := range all {
		if s, ok := at(record, path).(string); ok && s != "" && (fits == nil || fits(s)) {
			return bounded(s)
		}
	}
	return ""
}

func bounded(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	for len(s) > maxText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// number is the first number at the paths. Some files write numbers as text, and ASNs as AS15169.
func number(record map[string]any, all [][]string) (float64, bool) {
	for _, path := range all {
		var n float64
		switch v := at(record, path).(type) {
		case float64:
			n = v
		case float32: // 51.5143, and not 51.51430130004883
			n, _ = strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		case uint64:
			n = float64(v)
		case uint32:
			n = float64(v)
		case uint16:
			n = float64(v)
		case int32:
			n = float64(v)
		case int:
			n = float64(v)
		case string:
			f, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimPrefix(v, "AS"), "as"), 64)
			if err != nil {
				continue
			}
			n = f
		default:
			continue
		}
		if !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, true
		}
	}
	return 0, false
}

func truth(record map[string]any, all [][]string) bool {
	return slices.ContainsFunc(all, func(path []string) bool {
		switch v := at(record, path).(type) {
		case bool:
			return v
		case string:
			return v == "true"
		}
		return false
	})
}

func placeOf(record map[string]any) *place {
	code := func(s string) bool { return len(s) == 2 }
	p := &place{
		country:     strings.ToUpper(text(record, countryPaths, code)),
		countryName: text(record, countryNamePaths, func(s string) bool { return len(s) > 2 }),
		city:        text(record, cityPaths, nil),
		region:      text(record, regionPaths, nil),
		continent:   strings.ToUpper(text(record, continentPaths, code)),
		org:         text(record, orgPaths, nil),
	}
	p.eu = truth(record, euPaths) || european[p.country]
	lat, hasLat := number(record, latitudePaths)
	lon, hasLon := number(record, longitudePaths)
	if hasLat && hasLon && math.Abs(lat) <= 90 && math.Abs(lon) <= 180 {
		p.latitude, p.longitude, p.located = lat, lon, true
		if n, ok := number(record, accuracyPaths); ok && n > 0 && n < 1e6 {
			p.accuracy = int64(n)
		}
	}
	if n, ok := number(record, asnPaths); ok && n > 0 && n <= math.MaxUint32 {
		p.asn = int64(n)
	}
	for _, c := range classPaths {
		if truth(record, c.at) {
			p.classes = append(p.classes, c.class)
		}
	}
	return p
}

// european are the countries of the European Union, for files that do not say so themselves.
var european = func() map[string]bool {
	m := map[string]bool{}
	for _, c := range strings.Fields("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK") {
		m[c] = true
	}
	return m
}()

// values are what is added of a place; nil where nothing is known. What is not known of it is absent.
func (p *place) values(m mapLink) map[string]any {
	out := map[string]any{}
	for key, s := range map[string]string{"country_name": p.countryName, "city": p.city, "region": p.region, "continent": p.continent, "as_org": p.org} {
		if s != "" {
			out[key] = s
		}
	}
	if p.country != "" {
		out["country"], out["eu"] = p.country, p.eu
	}
	if p.located {
		out["latitude"], out["longitude"] = p.latitude, p.longitude
		if link := m.at(p.latitude, p.longitude); link != "" {
			out["map"] = link
		}
	}
	if p.accuracy > 0 {
		out["accuracy_km"] = p.accuracy
	}
	if p.asn > 0 {
		out["asn"] = p.asn
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// mapLink is the address of a map, cut at the places of {lat} and {lon}.
type mapLink struct{ pieces []string }

func newMapLink(text string) mapLink {
	var m mapLink
	for text != "" {
		i := strings.IndexByte(text, '{')
		switch {
		case i < 0:
			i = len(text)
		case strings.HasPrefix(text[i:], "{lat}") || strings.HasPrefix(text[i:], "{lon}"):
			if i == 0 {
				i = len("{lat}")
			}
		default:
			i++
		}
		m.pieces, text = append(m.pieces, text[:i]), text[i:]
	}
	return m
}

func (m mapLink) at(lat, lon float64) string {
	var b strings.Builder
	for _, p := range m.pieces {
		switch p {
		case "{lat}":
			p = strconv.FormatFloat(lat, 'f', -1, 64)
		case "{lon}":
			p = strconv.FormatFloat(lon, 'f', -1, 64)
		}
		b.WriteString(p)
	}
	return b.String()
}
