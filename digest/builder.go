package digest

import (
	"cmp"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/family"
)

// How much a Builder keeps. Whoever writes alerts decides how many rules, hosts and addresses there are.
const (
	// MaxRows is how many rows a Summary has, and maxTracked how many are counted to choose from. An alert of a kind that
	// is not tracked is counted with the rest, of which it is known how many rules there were, up to maxRules.
	MaxRows    = 10
	maxTracked = 200
	maxRules   = 10_000
	// MaxSamples is how many alerts a Summary names.
	MaxSamples = 10
	// maxDistinct is up to where the hosts or addresses of one row are told apart, and maxAllDistinct those of all rows
	// together.
	maxDistinct    = 10_000
	maxAllDistinct = 100_000
	// maxText is the length of a name or description in characters.
	maxText = 80
)

// Builder makes a Summary. It keeps a few megabytes at most, and mostly a few kilobytes. What it says does not depend on
// the order in which alerts are added, unless there are more kinds, hosts or addresses than it can tell apart.
type Builder struct {
	about Summary
	isNew func(rule string) bool

	rows map[rowKey]*row
	// rest are the kinds that have no row. One that was ever among them has none for good: it would not be counted right.
	rest      map[rowKey]bool
	restRules map[uint64]bool
	restCount int

	spread   spread
	distinct int // in all sets
	sentence uint64
	same     bool
	samples  []sample
	seed     maphash.Seed
}

// rowKey is what the alerts of a row have in common. The description of a rule may differ from alert to alert, so what is
// quoted is no part of it.
type rowKey struct {
	rule     uint64
	severity alert.Severity
	family   string
	what     string // "" where it is quoted
}

type row struct {
	Row
	rule   uint64
	spread spread
	// text is the description of the rule, or, if that varies, what all of them begin with: whole words, the last blank
	// too.
	text   string
	varied bool
}

type spread struct{ hosts, sources set }

// set tells names apart. It keeps the first of them, and of the others hashes.
type set struct {
	name   string
	hash   uint64
	n      int
	others map[uint64]struct{} // nil: there is one, or none
	more   bool
}

type sample struct {
	Sample
	severity alert.Severity
	arrived  time.Time
}

// New makes a Builder. What about says of kind, receiver, reason and the like is kept; what the alerts say is counted
// anew. isNew, which may be nil, is asked for the rules of the rows that a Summary shows: whether none of their alerts had
// come in the week before.
func New(about Summary, isNew func(rule string) bool) *Builder {
	about.From, about.To, about.Total, about.Highest, about.Level = time.Time{}, time.Time{}, 0, 0, -1
	about.Rows, about.MoreAlerts, about.MoreRules, about.Same, about.Spread, about.Samples = nil, 0, 0, false, Spread{}, nil
	return &Builder{
		about: about, isNew: isNew, same: true, seed: maphash.MakeSeed(),
		rows: map[rowKey]*row{}, rest: map[rowKey]bool{}, restRules: map[uint64]bool{},
	}
}

// Add counts an occurrence of an alert, 1 for the first, that arrived at a time.
func (b *Builder) Add(a *alert.Alert, r *family.Reading, severity alert.Severity, arrived time.Time, occurrence int) {
	arrived = arrived.Round(0)
	s := &b.about
	sentence := maphash.String(b.seed, r.Sentence.Raw())
	if s.Total == 0 {
		s.From, s.To, b.sentence = arrived, arrived, sentence
	}
	s.Total++
	s.From, s.To = earlier(s.From, arrived), later(s.To, arrived)
	s.Highest, s.Level = max(s.Highest, int(severity)), max(s.Level, a.Rule.Level)
	b.same = b.same && b.sentence == sentence
	b.addSample(sample{Sample{a.Identity(), occurrence}, severity, arrived})

	host, source := hostOf(a, r), sourceOf(a, r)
	b.spread.add(b, host, r.Host, source)
	x := b.row(a, r, severity)
	if x == nil {
		b.restCount++
		return
	}
	if x.Count == 0 {
		x.First, x.Last = arrived, arrived
		x.text = short(r.What, maxText)
	}
	x.describe(short(r.What, maxText))
	x.Count++
	x.Level = max(x.Level, a.Rule.Level)
	x.First, x.Last = earlier(x.First, arrived), later(x.Last, arrived)
	x.spread.add(b, host, r.Host, source)
}

// row is the row of an alert, or nil where it counts with the rest.
func (b *Builder) row(a *alert.Alert, r *family.Reading, severity alert.Severity) *row {
	key := rowKey{rule: maphash.String(b.seed, a.Rule.ID), severity: severity, family: r.Family}
	if !r.Quoted {
		key.what = short(r.What, maxText)
	}
	if x := b.rows[key]; x != nil {
		return x
	}
	if b.rest[key] {
		return nil
	}
	if len(b.rows) >= maxTracked {
		if len(b.rest) >= maxRules { // whether it has been here before is no longer known
			b.leave(key.rule)
			return nil
		}
		last := b.last()
		if last.severity >= severity {
			b.rest[key] = true
			b.leave(key.rule)
			return nil
		}
		out := b.rows[last]
		b.restCount += out.Count
		b.distinct -= out.spread.hosts.n + out.spread.sources.n
		b.rest[last] = true
		b.leave(last.rule)
		delete(b.rows, last)
	}
	x := &row{rule: key.rule, Row: Row{Rule: short(a.Rule.ID, maxText), Severity: int(severity), Level: -1, Family: r.Family, Quoted: r.Quoted}}
	b.rows[key] = x
	return x
}

// last is the row that says least.
func (b *Builder) last() rowKey {
	var last rowKey
	var least *row
	for key, x := range b.rows {
		if least == nil || compare(least.Row, x.Row) < 0 {
			last, least = key, x
		}
	}
	return last
}

func (b *Builder) leave(rule uint64) {
	if len(b.restRules) < maxRules {
		b.restRules[rule] = true
	}
}

// compare puts the most severe row first, then the most frequent.
func compare(x, y Row) int {
	return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(y.Count, x.Count), x.First.Compare(y.First),
		cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Family, y.Family), cmp.Compare(x.What, y.What))
}

func (b *Builder) addSample(x sample) {
	if len(x.Identity) > 1024 || !utf8.ValidString(x.Identity) { // it could not be found again
		return
	}
	at, _ := slices.BinarySearchFunc(b.samples, x, func(x, y sample) int {
		return cmp.Or(cmp.Compare(y.severity, x.severity), x.arrived.Compare(y.arrived), cmp.Compare(x.Identity, y.Identity), cmp.Compare(x.Occurrence, y.Occurrence))
	})
	if at < MaxSamples {
		b.samples = slices.Insert(b.samples, at, x)
		b.samples = b.samples[:min(len(b.samples), MaxSamples)]
	}
}

// Summary is what is to be said of the alerts so far.
func (b *Builder) Summary() *Summary {
	s := b.about
	s.Braked = slices.Clone(s.Braked)
	s.Same = b.same && s.Total > 0
	s.Spread = b.spread.spread()
	for _, x := range b.samples {
		s.Samples = append(s.Samples, x.Sample)
	}
	rows := make([]Row, 0, len(b.rows))
	hashes := map[string]uint64{} // of the rules, by what is left of their names
	for _, x := range b.rows {
		r := x.Row
		r.Spread = x.spread.spread()
		r.What, r.Quoted = x.what()
		rows = append(rows, r)
		hashes[r.Rule] = x.rule
	}
	slices.SortFunc(rows, compare)
	s.MoreAlerts = b.restCount
	more := maps.Clone(b.restRules)
	for i, r := range rows {
		if i < MaxRows {
			r.New = b.isNew != nil && b.isNew(r.Rule)
			s.Rows = append(s.Rows, r)
			continue
		}
		s.MoreAlerts += r.Count
		more[hashes[r.Rule]] = true
	}
	s.MoreRules = len(more)
	return &s
}

// add counts a host and an address, "" where there is none. name is what the host is called in messages.
func (s *spread) add(b *Builder, host, name, source string) {
	s.hosts.add(b, host, name)
	s.sources.add(b, source, source)
}

func (s *spread) spread() Spread {
	out := Spread{Hosts: s.hosts.n, Sources: s.sources.n, MoreHosts: s.hosts.more, MoreSources: s.sources.more}
	if s.hosts.n == 1 && !s.hosts.more {
		out.Host = s.hosts.name
	}
	if s.sources.n == 1 && !s.sources.more {
		out.Source = s.sources.name
	}
	return out
}

func (s *set) add(b *Builder, key, name string) {
	if key == "" {
		return
	}
	hash := maphash.String(b.seed, key)
	if _, known := s.others[hash]; known || s.n > 0 && hash == s.hash {
		return
	}
	if s.n >= maxDistinct || b.distinct >= maxAllDistinct {
		s.more = true
		return
	}
	b.distinct++
	if s.n++; s.n == 1 {
		s.name, s.hash = short(name, maxText), hash
		return
	}
	if s.others == nil {
		s.others = map[uint64]struct{}{}
	}
	s.others[hash] = struct{}{}
}

// hostOf tells hosts apart: also those whose names cannot be shown.
func hostOf(a *alert.Alert, r *family.Reading) string {
	if a.Host == "" && r.Host == "" {
		return ""
	}
	return a.Host + "\n" + r.Host
}

// sourceOf is the address that an alert is about, or "". An alert about the host itself has none.
func sourceOf(a *alert.Alert, r *family.Reading) string {
	address := a.Source.IP
	if r.Block != nil && r.Block.Address != "" {
		address = r.Block.Address
	}
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().IsLoopback() {
		return ""
	}
	return ip.Unmap().String()
}

// describe notes one more text of the row.
func (x *row) describe(text string) {
	if !x.Quoted || !x.varied && text == x.text {
		return
	}
	n := 0
	for n < len(x.text) && n < len(text) && x.text[n] == text[n] {
		n++
	}
	x.text, x.varied = x.text[:strings.LastIndexByte(x.text[:n], ' ')+1], true
}

// leastCommon is how much the descriptions of a rule must have in common to stand for it, in characters.
const leastCommon = 12

// what is the text of the row. Where the descriptions of a rule vary, because they name users or addresses, it is what
// they begin with.
func (x *row) what() (text string, quoted bool) {
	if !x.varied {
		return x.text, x.Quoted
	}
	if text := strings.TrimRight(x.text, " "); utf8.RuneCountInString(text) >= leastCommon {
		return text + " …", true
	}
	if x.Rule == "" || strings.Trim(x.Rule, "0123456789") != "" {
		return "A rule fired", false
	}
	return "Rule " + x.Rule + " fired", false
}

// short is a text that JSON holds, of at most so many characters.
func short(s string, most int) string {
	if len(s) > 4*most { // whatever it is, the rest is not looked at
		s = s[:4*most]
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

func earlier(x, y time.Time) time.Time {
	if y.Before(x) {
		return y
	}
	return x
}

func later(x, y time.Time) time.Time {
	if y.After(x) {
		return y
	}
	return x
}
