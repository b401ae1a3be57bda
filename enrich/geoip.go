package enrich

import (
	"cmp"
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
)

// geoDatabase is a file in MaxMind's format.
//
// The file is read into memory, and not mapped. A mapped file that somebody writes over, as `curl -o` does, changes under the
// reader, so that nothing of what it held before could serve on, and one that becomes shorter kills the process with SIGBUS. The memory
// is the kernel's own and not of Go's heap, which would grow to twice its size before the collector looks at it.
type geoDatabase struct {
	reader *maxminddb.Reader
	size   int64

	places  memo[uintptr, *place] // by the offset of the record: networks share them
	records sync.Pool             // to read into
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
	db := &geoDatabase{size: size, records: sync.Pool{New: func() any { return new(record) }}}
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

// lookup is what the database knows of an address; nil for nothing. It is shared, and not changed.
func (db *geoDatabase) lookup(addr netip.Addr) (*place, error) {
	defer runtime.KeepAlive(db) // what the reader reads is there as long as db is
	if addr.Is6() && db.reader.Metadata.IPVersion == 4 {
		return nil, nil // for the reader that is an error; for us it is an address that the file does not have
	}
	result := db.reader.Lookup(addr)
	if err := result.Err(); err != nil {
		return nil, fmt.Errorf("the database is damaged: %w", err)
	}
	if !result.Found() {
		return nil, nil
	}
	known, there := db.places.get(result.Offset())
	if !there {
		r := db.records.Get().(*record)
		defer db.records.Put(r)
		if err := result.Decode(r); err != nil {
			return nil, fmt.Errorf("the database is damaged: %w", err)
		}
		known = placeOf(r)
		db.places.put(result.Offset(), known)
	}
	return known, nil
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

// or is what p says and, where it says nothing, o. Either may be nil.
func (p *place) or(o *place) *place {
	if p == nil || o == nil {
		return cmp.Or(p, o)
	}
	both := p.with(o)
	return &both
}

// with is or of two that are there.
func (p *place) with(o *place) place {
	both := *p
	if p.country == "" {
		both.country, both.eu = o.country, o.eu
	}
	both.countryName, both.city, both.region = cmp.Or(p.countryName, o.countryName), cmp.Or(p.city, o.city), cmp.Or(p.region, o.region)
	both.continent, both.org, both.asn = cmp.Or(p.continent, o.continent), cmp.Or(p.org, o.org), cmp.Or(p.asn, o.asn)
	if !p.located {
		both.latitude, both.longitude, both.accuracy, both.located = o.latitude, o.longitude, o.accuracy, o.located
	}
	both.classes = slices.Clone(p.classes)
	for _, c := range o.classes {
		if !slices.Contains(both.classes, c) {
			both.classes = append(both.classes, c)
		}
	}
	return both
}

// geoLayout is where a record may say what we add of it.
var geoLayout layout

// The makers of such files name the same thing differently: where each may stand, the commonest first. A 0 is the first of a list.
var (
	countryAt     = geoLayout.at("country.iso_code", "country_code", "country")
	countryNameAt = geoLayout.at("country.names.en", "country_name", "country.name", "country")
	cityAt        = geoLayout.at("city.names.en", "city.name", "city")
	regionAt      = geoLayout.at("subdivisions.0.names.en", "subdivisions.0.iso_code", "region", "region_name", "state1")
	continentAt   = geoLayout.at("continent.code", "continent_code", "continent")
	latitudeAt    = geoLayout.at("location.latitude", "latitude", "lat")
	longitudeAt   = geoLayout.at("location.longitude", "longitude", "lng", "lon")
	accuracyAt    = geoLayout.at("location.accuracy_radius", "accuracy_radius")
	asnAt         = geoLayout.at("autonomous_system_number", "traits.autonomous_system_number", "asn", "as_number")
	orgAt         = geoLayout.at("autonomous_system_organization", "traits.autonomous_system_organization", "as_name", "as_org", "as_organization", "organization", "isp")
	euAt          = geoLayout.at("country.is_in_european_union", "is_in_european_union")
	// classesAt are those of databases of proxies.
	classesAt = []struct {
		class string
		at    []int
	}{
		{"tor", geoLayout.at("is_tor_exit_node", "traits.is_tor_exit_node", "tor")},
		{"vpn", geoLayout.at("is_anonymous_vpn", "traits.is_anonymous_vpn", "vpn")},
		{"proxy", geoLayout.at("is_public_proxy", "traits.is_public_proxy", "is_residential_proxy", "traits.is_residential_proxy", "proxy")},
		{"hosting", geoLayout.at("is_hosting_provider", "traits.is_hosting_provider", "hosting")},
	}
)

func bounded(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	for len(s) > maxText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

func isCode(s string) bool { return len(s) == 2 }
func isName(s string) bool { return len(s) > 2 }

// placeOf is what a record says.
func placeOf(r *record) *place {
	p := &place{
		country:     strings.ToUpper(r.textAt(countryAt, isCode)),
		countryName: r.textAt(countryNameAt, isName),
		city:        r.textAt(cityAt, nil),
		region:      r.textAt(regionAt, nil),
		continent:   strings.ToUpper(r.textAt(continentAt, isCode)),
		org:         r.textAt(orgAt, nil),
	}
	p.eu = r.holdsAt(euAt) || european[p.country]
	lat, hasLat := r.numberAt(latitudeAt)
	lon, hasLon := r.numberAt(longitudeAt)
	if hasLat && hasLon && math.Abs(lat) <= 90 && math.Abs(lon) <= 180 {
		p.latitude, p.longitude, p.located = lat, lon, true
		if n, ok := r.numberAt(accuracyAt); ok && n > 0 && n < 1e6 {
			p.accuracy = int64(n)
		}
	}
	if n, ok := r.numberAt(asnAt); ok && n > 0 && n <= math.MaxUint32 {
		p.asn = int64(n)
	}
	for _, c := range classesAt {
		if r.holdsAt(c.at) {
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
	if p == nil {
		return nil
	}
	size := 8
	if p.located { // so that it need not grow
		size = len(geoFields)
	}
	out := make(map[string]any, size)
	text := func(key, s string) {
		if s != "" {
			out[key] = s
		}
	}
	if p.country != "" {
		out["country"], out["eu"] = p.country, p.eu
	}
	text("country_name", p.countryName)
	text("city", p.city)
	text("region", p.region)
	text("continent", p.continent)
	text("as_org", p.org)
	if p.located {
		out["latitude"], out["longitude"] = p.latitude, p.longitude
		text("map", m.at(p.latitude, p.longitude))
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
