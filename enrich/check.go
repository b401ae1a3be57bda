package enrich

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
)

// tooOld is the age at which a database is worth a word: those of MaxMind and others come every week or month.
const tooOld = 90 * 24 * time.Hour

// Doubt is something about a source that is not as it should be. Path is where it stands in the config, below enrich; Item is the
// number of the item of a list there, or -1.
type Doubt struct {
	Path    []string
	Item    int
	Message string
	// Remedy is what to do about it, where it is not just to mend the file or the config.
	Remedy string
}

// unread is the remedy for a file that holds nothing for who reads it now. Others may have read it before.
const unread = "put it there, or mend it; a deliverer that runs goes on with what it may have read of it before, a new one has nothing"

// Check opens every source, and says what is wrong with it: not there, not to be read, of another kind than it should be, old.
func (e *Enricher) Check(now time.Time) []Doubt {
	if e == nil {
		return nil
	}
	var doubts []Doubt
	for i, db := range e.geoip {
		doubt := func(format string, args ...any) *Doubt {
			doubts = append(doubts, Doubt{Path: []string{"geoip"}, Item: i, Message: fmt.Sprintf("geoip: "+format, args...)})
			return &doubts[len(doubts)-1]
		}
		held, err := db.get(time.Now())
		if err != nil {
			doubt("%s", err).Remedy = unread
		}
		if held != nil {
			switch made := held.built(); {
			case made.Unix() <= 0:
				doubt("%s does not say when it was made", db.path).Remedy = "see at its maker's whether there is a newer one; this one is used meanwhile"
			case now.Sub(made) > tooOld:
				doubt("%s was made on %s: addresses move, get a newer one", db.path, made.UTC().Format(time.DateOnly)).Remedy = "get one by a timer, as geoipupdate does; this one is used meanwhile"
			case made.Sub(now) > 48*time.Hour:
				doubt("%s was made on %s, which is still to come", db.path, made.UTC().Format(time.DateOnly)).Remedy = "set the clock of this host, or get the file anew; it is used meanwhile"
			}
			if kind := held.reader.Metadata.DatabaseType; slices.ContainsFunc([]string{"Domain", "Connection-Type", "User-Count"}, func(s string) bool { return strings.HasSuffix(kind, s) }) {
				doubt("%s is a database of the type %q, which says neither where an address is nor whose it is", db.path, kind).Remedy = "take it out, or name one of cities, countries or networks"
			}
		}
	}
	for _, l := range e.lists {
		held, err := l.get(time.Now())
		path := []string{"lists", l.name}
		if err != nil {
			doubts = append(doubts, Doubt{Path: path, Item: -1, Message: l.id + ": " + err.Error(), Remedy: unread})
		}
		if held != nil && held.odd > 0 {
			what := fmt.Sprintf("line %d is no address", held.first)
			if held.odd > 1 {
				what = fmt.Sprintf("%d lines are no address, the first is line %d", held.odd, held.first)
			}
			doubts = append(doubts, Doubt{Path: path, Item: -1, Message: fmt.Sprintf("%s: %s: %s", l.id, l.path, what)})
		}
		if held != nil && held.count == 0 {
			doubts = append(doubts, Doubt{Path: path, Item: -1, Message: fmt.Sprintf("%s: %s holds no address", l.id, l.path), Remedy: unread})
		}
	}
	for _, t := range e.tables {
		doubts = append(doubts, e.checkTable(t)...)
	}
	return doubts
}

func (e *Enricher) checkTable(t *lookupTable) []Doubt {
	held, err := t.get(time.Now())
	var doubts []Doubt
	doubtAt := func(key, format string, args ...any) {
		doubts = append(doubts, Doubt{Path: []string{"tables", t.name, key}, Item: -1, Message: fmt.Sprintf(t.id+": "+format, args...)})
	}
	doubt := func(format string, args ...any) { doubtAt("file", format, args...) }
	if err != nil {
		doubt("%s", err)
		doubts[0].Remedy = unread
	}
	if held == nil {
		return doubts
	}
	for _, odd := range held.odd {
		doubt("%s: %s", t.path, odd)
	}
	if held.count == 0 {
		doubt("%s has no rows", t.path)
		return doubts
	}
	missing := func(what, column string) {
		if column, _, _ = strings.Cut(column, "."); !held.columns[column] && column != keyColumn {
			doubtAt(what, "%s: %s has no column %q, but %s", what, t.path, column, strings.Join(sortedKeys(held.columns), ", "))
		}
	}
	c := e.config.Tables[t.name]
	for _, column := range c.Show {
		missing("show", column)
	}
	for _, label := range sortedKeys(c.Links) {
		missing("links", c.Links[label])
		column, odd, first := strings.Split(c.Links[label], "."), 0, ""
		for r := range held.all() {
			v, ok := at(r.values(), column).(string)
			if !ok || v == "" || display.IsPageAddress(v) {
				continue
			}
			if odd++; odd == 1 || r.key < first {
				first = r.key
			}
		}
		if odd > 0 {
			others := ""
			if odd > 1 {
				others = fmt.Sprintf("; there are %d such rows", odd)
			}
			doubtAt("links", "links: %s: %q of %q is no whole address of a page (https://…, its blanks and other odd characters as %%20), so it is no link%s", t.path, c.Links[label], first, others)
		}
	}
	return doubts
}

// fields are what there may be below the names that enrichment itself adds.
var fields = map[string][]string{
	sourceGeo: geoFields, destinationGeo: geoFields, attackName: {"id", "tactic", "technique"},
}

var geoFields = []string{"accuracy_km", "as_org", "asn", "city", "continent", "country", "country_name", "eu", "latitude", "longitude", "map", "region"}

// Classes are those that an address can be of, as far as the config says.
func (e *Enricher) Classes() []string {
	all := slices.Clone(classes)
	if e == nil {
		return all
	}
	for _, l := range e.lists {
		all = append(all, l.name)
	}
	if len(e.geoip) > 0 {
		for _, c := range classesAt {
			all = append(all, c.class)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// KeyFields are the paths of the fields that the rows of tables are found by, by the names of the tables.
func (e *Enricher) KeyFields() map[string]string {
	paths := map[string]string{}
	if e != nil {
		for name, t := range e.config.Tables {
			if path, ok := strings.CutPrefix(t.By, fieldPrefix); ok {
				paths[name] = path
			}
		}
	}
	return paths
}

// Columns are what there may be below a name, in alphabetical order; nil where that is not known, or there is nothing below it.
func (e *Enricher) Columns(name string) []string {
	if e == nil {
		return nil
	}
	if columns, ok := fields[name]; ok {
		return columns
	}
	for _, t := range e.tables {
		if held, _ := t.get(time.Now()); t.name == name && held != nil && held.count > 0 {
			all := append(sortedKeys(held.columns), keyColumn)
			slices.Sort(all)
			return slices.Compact(all)
		}
	}
	return nil
}
