package enrich

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Config says what is looked up.
type Config struct {
	// GeoIP are files in MaxMind's format. Each thing is taken from the first that knows it.
	GeoIP []string `yaml:"geoip"`
	// Map is the address of a map, with {lat} and {lon} for the place.
	Map string `yaml:"map"`
	// Lists are lists of addresses; an address that is in one is of the class that the list is named after.
	Lists map[string]List `yaml:"lists"`
	// Tables are what the operator knows.
	Tables map[string]Table `yaml:"tables"`
	// ReverseDNS asks for the names of addresses. Nil does not.
	ReverseDNS *ReverseDNS `yaml:"reverse_dns"`
}

// Switched says that the settings may be left out: {} turns on what needs no file.
func (Config) Switched() {}

// List is a file of addresses and networks, one a line.
type List struct {
	File string `yaml:"file"`
}

// Table is a file of rows, found by a key.
type Table struct {
	File string `yaml:"file"`
	// By is what of the alert is the key: see [keys], and field.<path>.
	By string `yaml:"by"`
	// Show are the columns that messages show, Links those that hold addresses of pages, by what the link is called.
	Show  []string          `yaml:"show"`
	Links map[string]string `yaml:"links"`
}

// ReverseDNS says how names are asked for.
type ReverseDNS struct {
	// Server is the address of a name server, with or without its port; "" is those of the host.
	Server string `yaml:"server"`
	// Timeout is how long an alert waits for an answer, Cache how long one is remembered.
	Timeout yamlnode.Duration `yaml:"timeout"`
	Cache   yamlnode.Duration `yaml:"cache"`
}

// Switched says that the settings may be left out.
func (ReverseDNS) Switched() {}

// Bounds of reverse DNS.
const (
	defaultTimeout = 250 * time.Millisecond
	maxTimeout     = 2 * time.Second
	defaultCache   = time.Hour
)

func (r ReverseDNS) timeout() time.Duration { return cmp.Or(time.Duration(r.Timeout), defaultTimeout) }

// server is the address of the name server with its port.
func (r ReverseDNS) server() string {
	if addr, err := netip.ParseAddr(r.Server); err == nil {
		return netip.AddrPortFrom(addr, 53).String()
	}
	return r.Server
}

func (r ReverseDNS) cache() time.Duration { return cmp.Or(time.Duration(r.Cache), defaultCache) }

// Resolve makes paths absolute that are relative to the config's directory.
func (c *Config) Resolve(dir string) {
	abs := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	for i, path := range c.GeoIP {
		c.GeoIP[i] = abs(path)
	}
	for name, l := range c.Lists {
		l.File = abs(l.File)
		c.Lists[name] = l
	}
	for name, t := range c.Tables {
		t.File = abs(t.File)
		c.Tables[name] = t
	}
}

// files are all that the settings name.
func (c *Config) files() []string {
	files := slices.Clone(c.GeoIP)
	for _, l := range c.Lists {
		files = append(files, l.File)
	}
	for _, t := range c.Tables {
		files = append(files, t.File)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// Names are the names that are added, in alphabetical order.
func (c *Config) Names() []string {
	names := []string{sourceClass, destinationClass, attackName}
	if len(c.GeoIP) > 0 {
		names = append(names, sourceGeo, destinationGeo)
	}
	if c.ReverseDNS != nil {
		names = append(names, sourceName, destinationName)
	}
	for name := range c.Tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// OwnNames are those that no table may have: enrichment adds something else under them, or may.
func OwnNames() []string {
	return []string{sourceGeo, destinationGeo, sourceClass, destinationClass, sourceName, destinationName, attackName}
}

// ClassNames are the names under which the classes of addresses are added.
func ClassNames() []string { return []string{sourceClass, destinationClass} }

// Fault is a mistake in a config, at a path of keys below enrich.
type Fault struct {
	Path    []string
	Message string
}

// name is that of a list or table: it stands in paths of fields and in keys of JSON.
var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// ofAlerts are names that alerts give to parts of their own: a table of such a name would hide it.
var ofAlerts = []string{
	"agent", "cluster", "comment", "data", "decoder", "decoder_parent", "description", "dstip", "dstport", "dstuser", "file", "full_log", "hostname",
	"id", "input", "level", "location", "log", "manager", "parameters", "predecoder", "previous_log", "previous_output", "program_name", "protocol",
	"rule", "ruleid", "srcip", "srcport", "srcuser", "status", "syscheck", "systemname", "timestamp", "url", "user", "win", "aws", "office365", "vulnerability",
	"alertdate", "alertlevel", "alertlocation", "alertlog", "ruledescription",
}

// Faults are all mistakes. taken are further names that a table must not have.
func (c *Config) Faults(taken []string) []Fault {
	var faults []Fault
	bad := func(message string, path ...string) { faults = append(faults, Fault{path, message}) }
	for _, path := range c.GeoIP {
		if path == "" {
			bad("geoip: a file has no name", "geoip")
		}
	}
	if c.Map != "" {
		if len(c.GeoIP) == 0 {
			bad("map has no place to show: write geoip: with a file of cities beside it", "map")
		}
		if why := mapFault(c.Map); why != "" {
			bad("map: "+why, "map")
		}
	}
	for _, n := range sortedKeys(c.Lists) {
		switch {
		case !name.MatchString(n):
			bad(fmt.Sprintf("%q is no name for a list: use small letters, digits and _, 32 at most, and a letter first", n), "lists", n)
		case slices.Contains(classes, n):
			bad(fmt.Sprintf("lists: %s is a class of its own: call the list otherwise", n), "lists", n)
		case c.Lists[n].File == "":
			bad(fmt.Sprintf("the list %s has no file: write {file: PATH}", n), "lists", n)
		}
	}
	for _, n := range sortedKeys(c.Tables) {
		c.Tables[n].faults(n, taken, bad)
	}
	if r := c.ReverseDNS; r != nil {
		if r.timeout() > maxTimeout {
			bad(fmt.Sprintf("reverse_dns: a timeout of %s holds up alerts: %s at most", r.timeout(), maxTimeout), "reverse_dns", "timeout")
		}
		if _, err := netip.ParseAddrPort(r.server()); r.Server != "" && err != nil {
			bad(fmt.Sprintf("reverse_dns: server: %q is no address of a name server: write one such as 192.0.2.53, or 192.0.2.53:5353", r.Server), "reverse_dns", "server")
		}
	}
	return faults
}

// maxShown is how many columns of all tables messages show.
const maxShown = 4

func (t Table) faults(n string, taken []string, bad func(string, ...string)) {
	switch {
	case !name.MatchString(n):
		bad(fmt.Sprintf("%q is no name for a table: use small letters, digits and _, 32 at most, and a letter first", n), "tables", n)
	case slices.Contains(OwnNames(), n):
		bad(fmt.Sprintf("tables: %s is what enrichment itself adds: call the table otherwise", n), "tables", n)
	case slices.Contains(ofAlerts, n) || slices.Contains(taken, n):
		bad(fmt.Sprintf("tables: %s is a name that alerts or messages have already: call the table otherwise, such as %s_info", n, n), "tables", n)
	}
	if t.File == "" {
		bad(fmt.Sprintf("the table %s has no file: write file: PATH", n), "tables", n)
	} else if formatOf(t.File) == nil {
		bad(fmt.Sprintf("the table %s is neither .csv, .json nor .yaml: its name says how it is read", n), "tables", n, "file")
	}
	_, field := strings.CutPrefix(t.By, fieldPrefix)
	switch {
	case t.By == "":
		bad(fmt.Sprintf("the table %s has no by: say by what of an alert its rows are found (%s)", n, keyWords()), "tables", n)
	case field && strings.Trim(t.By[len(fieldPrefix):], ".") == "", !field && keys[t.By] == nil:
		near := yamlnode.Nearest(t.By, slices.Collect(maps.Keys(keys)))
		if near != "" {
			near = fmt.Sprintf(": did you mean %q?", near)
		}
		bad(fmt.Sprintf("by: %q is no key (%s)%s", t.By, keyWords(), near), "tables", n, "by")
	}
	for _, label := range sortedKeys(t.Links) {
		if label == "" || len(label) > 40 || strings.ContainsAny(label, "<>|`\"\n") {
			bad(fmt.Sprintf("links: %q is no name for a link", label), "tables", n, "links")
		}
	}
}

// mapFault says what is wrong with the address of a map.
func mapFault(text string) string {
	u, err := url.Parse(strings.NewReplacer("{lat}", "1.5", "{lon}", "-1.5").Replace(text))
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(text, "<>|\"` \n"):
		return fmt.Sprintf("%q is no address of a map: write one such as https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=8/{lat}/{lon}", text)
	case !strings.Contains(text, "{lat}") || !strings.Contains(text, "{lon}"):
		return "the place stands nowhere in it: write {lat} and {lon} where they belong"
	case strings.Contains(u.Host, "1.5"):
		return "the place stands in its host"
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
