// Package enrich owns what is known of an alert beside what it says itself: where its addresses are and whose they are, what
// kind of address each is, what the operator's own tables say of its agent, user or rule, and the names of its ATT&CK ids. It
// looks that up between parsing and routing, and gives a copy of the alert with [alert.Alert.Added] and [alert.Alert.Shown].
//
// Its laws:
//
//   - An alert is never delayed for long, changed in itself, or lost: a source that is missing, broken or slow adds nothing and is
//     noted (see [Enricher.Notes]); one that was read once goes on with what it held. A panic in a reader is such a fault, too.
//   - A name that the config can produce is always there, nil where nothing was found, so that no log line can pass for it.
//   - Nothing leaves the host but the questions of reverse DNS, and these only where the config asks for them.
//   - Files are opened when the first alert needs them, and read again when they change.
//
// It does not own the config file, does not fetch or renew any list, and decides nothing: that is for the routes.
package enrich

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// The names that are always added, and those that addresses add.
const (
	sourceGeo, destinationGeo     = "srcip_geo", "dstip_geo"
	sourceClass, destinationClass = "srcip_class", "dstip_class"
	sourceName, destinationName   = "srcip_name", "dstip_name"
	attackName                    = "mitre"
)

// Enricher looks up what a config asks for. It may be used by many at once; a nil one adds nothing.
type Enricher struct {
	config Config
	names  []string
	empty  map[string]any // of each name: nothing
	geoip  []*source[geoDatabase]
	lists  []*addressList
	tables []*lookupTable
	dns    *resolver // nil: not asked
	maps   mapLink

	attacks attacks
	log     *slog.Logger

	contents atomic.Pointer[contents]
	mu       sync.Mutex
	notes    map[string]*Note // by source and file
	told     map[string]*told // likewise
	noted    atomic.Int64     // how many they are
	count    map[string]*counts
}

// Files are the files of all sources, in alphabetical order. A nil Enricher has none.
func (e *Enricher) Files() []string {
	if e == nil {
		return nil
	}
	return e.config.files()
}

// counts are how often a source was asked, and what came of it.
type counts struct{ found, none, stale, failed atomic.Int64 }

// Note says that something cannot be looked up, and why.
type Note struct {
	Source string // "geoip", "lists.tor", "tables.asset", "reverse_dns"
	File   string // "" where the source is none
	Why    string
	cause  error
}

func (n Note) String() string { return n.Source + ": " + n.Why }

// New makes the enricher of a config that is valid. Nothing is opened yet.
func New(c Config) *Enricher {
	e := &Enricher{config: c, log: slog.New(slog.DiscardHandler), notes: map[string]*Note{}, told: map[string]*told{}, count: map[string]*counts{}, maps: newMapLink(c.Map)}
	e.name(c.Names())
	if c.ReverseDNS != nil {
		e.dns = newResolver(*c.ReverseDNS)
		e.count[dnsSource] = &counts{}
	}
	e.open(NewStore())
	return e
}

// name says which names are always added.
func (e *Enricher) name(names []string) {
	e.names, e.empty = names, make(map[string]any, len(names))
	for _, n := range names {
		e.empty[n] = nil
	}
}

// Use makes the enricher share what other enrichers with the same store have read, and write to a log what it cannot look up,
// once for each cause. It is called before the first alert.
func (e *Enricher) Use(s *Store, log *slog.Logger) {
	if e != nil {
		e.log = log
		e.open(s)
	}
}

func (e *Enricher) open(s *Store) {
	e.geoip, e.lists, e.tables = nil, nil, nil
	e.contents.Store(nil)
	for _, path := range e.config.GeoIP {
		e.geoip = append(e.geoip, shared(s, "geoip", path, readDatabase))
		e.count[geoSource] = &counts{}
	}
	for _, name := range sortedKeys(e.config.Lists) {
		l := e.config.Lists[name]
		e.lists = append(e.lists, &addressList{name, "lists." + name, shared(s, "list", l.File, readList)})
		e.count["lists."+name] = &counts{}
	}
	for _, name := range sortedKeys(e.config.Tables) {
		t := e.config.Tables[name]
		e.tables = append(e.tables, newLookupTable(s, name, t))
		e.count["tables."+name] = &counts{}
	}
}

// WithoutDNS is an enricher that asks no name server: for what must come out the same tomorrow, and for alerts of the past.
func (e *Enricher) WithoutDNS() *Enricher {
	if e == nil || e.dns == nil {
		return e
	}
	c := e.config
	c.ReverseDNS = nil
	quiet := New(c)
	quiet.name(e.names) // the name is there, and nothing is found under it
	quiet.geoip, quiet.lists, quiet.tables = e.geoip, e.lists, e.tables
	return quiet
}

// Names are the names that it adds, in alphabetical order.
func (e *Enricher) Names() []string {
	if e == nil {
		return nil
	}
	return e.names
}

// String says in words what is looked up.
func (e *Enricher) String() string {
	var parts []string
	part := func(n int, one string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, one))
		}
	}
	part(len(e.geoip), "database")
	part(len(e.lists), "list")
	part(len(e.tables), "table")
	if e.dns != nil {
		parts = append(parts, "reverse DNS")
	}
	if parts == nil {
		return "classes of addresses and names of ATT&CK"
	}
	return strings.Join(parts, ", ")
}

// Enrich gives a copy of an alert with all that is known beside. It answers within a moment, whatever the sources do.
func (e *Enricher) Enrich(a *alert.Alert) *alert.Alert { return e.enrich(a, true) }

// EnrichNow is Enrich that waits for no name server: see [Enricher.Pending].
func (e *Enricher) EnrichNow(a *alert.Alert) *alert.Alert { return e.enrich(a, false) }

// Pending asks for the names of the addresses of alerts. It gives a channel that is closed as soon as there is no use in waiting for
// them any more, which is within the timeout of reverse DNS; nil where EnrichNow says all already.
func (e *Enricher) Pending(alerts ...*alert.Alert) <-chan struct{} {
	if e == nil || e.dns == nil {
		return nil
	}
	var all []<-chan struct{}
	for _, a := range alerts {
		for _, addr := range []netip.Addr{Source(a), parseAddress(a.Destination.IP)} {
			if !addr.IsValid() || !hasName(classOf(addr)) {
				continue
			}
			if c := e.dns.pending(addr); c != nil {
				all = append(all, c)
			}
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	out := make(chan struct{})
	go func() {
		defer close(out)
		for _, c := range all {
			<-c
		}
	}()
	return out
}

// hasName reports whether addresses of a class have names that can be asked for.
func hasName(class string) bool { return class == public || class == private || class == cgnat }

func (e *Enricher) enrich(a *alert.Alert, wait bool) *alert.Alert {
	if e == nil || a == nil {
		return a
	}
	added := maps.Clone(e.empty)
	if e.contents.Load() == nil { // the first alert, which waits for all files at the same time
		e.begin()
	}
	now := time.Now()
	e.address(added, Source(a), now, wait, sourceGeo, sourceClass, sourceName)
	e.address(added, parseAddress(a.Destination.IP), now, wait, destinationGeo, destinationClass, destinationName)
	if names := e.attacks.names(a.Rule.MITRE); names != nil {
		added[attackName] = names
	}
	out := *a
	out.Added = added
	for _, t := range e.tables { // they may be keyed by what was added before
		row, err := map[string]any(nil), errMissing // in case it panics
		e.guard(t.id, t.id, t.path, func() error {
			var held *rows
			if held, err = t.get(now); held != nil {
				row = t.find(held, &out)
				if lost := t.lost(held); lost != nil {
					e.log.Warn("a table has lost columns: what asks for them finds nothing now", "source", t.id, "file", t.path, "lost", lost, "has", sortedKeys(held.columns))
				}
			}
			return err
		})
		if row != nil {
			added[t.name] = row
		}
		e.count[t.id].tell(row != nil, err)
	}
	out.Shown = e.shown(added)
	return &out
}

// begin has all files read.
func (e *Enricher) begin() {
	for _, s := range e.geoip {
		s.begin()
	}
	for _, l := range e.lists {
		l.begin()
	}
	for _, t := range e.tables {
		t.begin()
	}
}

// Restore gives a copy of an alert with what was added to it when it came, as [Encode] kept it. What of it is shown is for the
// config of now to say.
func (e *Enricher) Restore(a *alert.Alert, kept []byte) *alert.Alert {
	added, err := decode(kept)
	if err != nil || added == nil || a == nil {
		return a
	}
	out := *a
	out.Added = added
	for _, name := range e.Names() { // of a source that the config has since: no log line can pass for it
		if _, there := added[name]; !there {
			added[name] = nil
		}
	}
	if e != nil {
		out.Shown = e.shown(added)
	}
	return &out
}

// Encode writes what was added, to be kept beside the alert; nil for nothing.
func Encode(added map[string]any) json.RawMessage {
	if added == nil {
		return nil
	}
	b, err := json.Marshal(added)
	if err != nil { // nothing in it is of a kind that JSON lacks
		return nil
	}
	return b
}

// Source is the address that an alert comes from, as the matcher srcip sees it: of a block the address that is blocked.
func Source(a *alert.Alert) netip.Addr {
	if addr := parseAddress(a.Source.IP); addr.IsValid() {
		return addr
	}
	return parseAddress(a.Source.Text)
}

func parseAddress(text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// address adds what is known of one address.
func (e *Enricher) address(added map[string]any, addr netip.Addr, now time.Time, wait bool, geo, class, name string) {
	if !addr.IsValid() {
		return
	}
	known := e.about(addr, now)
	added[class] = known.added
	if known.geo != nil {
		added[geo] = known.geo
	}
	if e.dns != nil && hasName(known.kind) {
		e.guard(dnsSource, dnsSource, "", func() error {
			found, err := e.dns.name(addr, wait)
			if found != "" {
				added[name] = found
			}
			e.count[dnsSource].tell(found != "", err)
			return err
		})
	}
}

// contents is what the files hold at a time, and what that says of addresses that were asked for: the same ones come again and again.
type contents struct {
	geoip []*geoDatabase
	lists []*addresses

	known memo[netip.Addr, *about]
	// Most addresses share their place with others: what several databases say of it is put together once, and written down once.
	places memo[[2]*place, *placed]
}

// placed is what is added of a place: the values, and classes.
type placed struct {
	geo     map[string]any
	classes []string
}

// about is what the files say of an address. It is shared, and not changed.
type about struct {
	kind    string // the class that the address shows
	classes []any
	added   any    // the classes, made what a map holds once and not for each alert
	in      []bool // the lists
	geo     map[string]any
	failed  bool // a database is damaged where it speaks of the address
}

// held is what the files hold now, and what is wrong with each: the databases, then the lists; nil where nothing is with any.
func (e *Enricher) held(now time.Time) (c *contents, wrong []error) {
	c = e.contents.Load()
	same := c != nil
	fault := func(i int, err error) {
		if err != nil && wrong == nil {
			wrong = make([]error, len(e.geoip)+len(e.lists))
		}
		if err != nil {
			wrong[i] = err
		}
	}
	for i, s := range e.geoip {
		held, err := s.get(now)
		e.note(s.key, geoSource, s.path, err)
		fault(i, err)
		same = same && c.geoip[i] == held
	}
	for i, l := range e.lists {
		held, err := l.get(now)
		e.note(l.key, l.id, l.path, err)
		fault(len(e.geoip)+i, err)
		same = same && c.lists[i] == held
	}
	if same {
		return c, wrong
	}
	c = &contents{}
	for _, s := range e.geoip {
		held, _ := s.get(now)
		c.geoip = append(c.geoip, held)
	}
	for _, l := range e.lists {
		held, _ := l.get(now)
		c.lists = append(c.lists, held)
	}
	e.contents.Store(c)
	return c, wrong
}

// about is what the files say of an address.
func (e *Enricher) about(addr netip.Addr, now time.Time) *about {
	c, wrong := e.held(now)
	x := c.known.or(addr, func() *about { return e.ask(c, addr) })
	for i, l := range e.lists {
		err := missing(c.lists[i] == nil)
		if err == nil && wrong != nil {
			err = wrong[len(e.geoip)+i]
		}
		e.count[l.id].tell(x.in[i], err)
	}
	if x.kind == public && len(e.geoip) > 0 {
		e.tellGeo(c, x, wrong)
	}
	return x
}

// tellGeo counts a question to the databases: what came of it, and beside that, once, that one of them had nothing to answer with.
func (e *Enricher) tellGeo(c *contents, x *about, wrong []error) {
	count, failed, answered, stale := e.count[geoSource], x.failed, false, error(nil)
	for i, db := range c.geoip {
		switch {
		case db == nil:
			failed = true
			continue
		case wrong != nil && isStale(wrong[i]):
			stale = wrong[i]
		}
		answered = true
	}
	if failed {
		count.failed.Add(1)
	}
	if answered && (x.geo != nil || !x.failed) {
		count.tell(x.geo != nil, stale)
	}
}

func (e *Enricher) ask(c *contents, addr netip.Addr) *about {
	x := &about{kind: classOf(addr), in: make([]bool, len(e.lists))}
	defer func() { x.added = x.classes }()
	x.classes = alone[x.kind]
	for i, l := range e.lists {
		if c.lists[i] != nil && c.lists[i].hold(addr) {
			x.in[i] = true
			x.classes = append(x.classes, l.name)
		}
	}
	if x.kind != public { // of others a database knows nothing, or something wrong
		return x
	}
	var where [2]*place // what the first database says that knows the address, and what the others do
	for i, db := range c.geoip {
		if db == nil {
			continue
		}
		err := errMissing // in case it panics
		e.guard(e.geoip[i].lookup, geoSource, e.geoip[i].path, func() error {
			var p *place
			p, err = db.lookup(addr)
			if where[0] == nil {
				where[0] = p
			} else {
				where[1] = where[1].or(p)
			}
			return err
		})
		x.failed = x.failed || err != nil
	}
	if where[0] == nil {
		return x
	}
	at := c.places.or(where, func() *placed {
		p := *where[0]
		if where[1] != nil {
			p = p.with(where[1])
		}
		return &placed{p.values(e.maps), p.classes}
	})
	x.geo = at.geo
	for _, class := range at.classes {
		if !slices.Contains(x.classes, any(class)) {
			x.classes = append(x.classes, class)
		}
	}
	return x
}

// errMissing stands for whatever is wrong with a source that holds nothing.
var errMissing = errors.New("it holds nothing")

func missing(is bool) error {
	if is {
		return errMissing
	}
	return nil
}

// tell counts an answer.
func (c *counts) tell(found bool, err error) {
	switch {
	case isStale(err):
		c.stale.Add(1)
	case found:
		c.found.Add(1)
	case err != nil:
		c.failed.Add(1)
	default:
		c.none.Add(1)
	}
}

// guard asks a source, takes a panic for a fault of it, and notes faults under a key.
func (e *Enricher) guard(key, source, file string, ask func() error) {
	defer func() {
		if p := recover(); p != nil && e.note(key, source, file, fmt.Errorf("it cannot be read: %v", p)) {
			e.log.Error("a source of enrichment panicked; the alert goes on without it", "source", source, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if err := ask(); err != errLater {
		e.note(key, source, file, err)
	}
}

// errLater is the answer of a source that works, as far as is known, and has none yet.
var errLater = errors.New("the answer comes later")

// Bounds of what is logged of one source: whether it fails may be up to the address, and so to whoever attacks.
const (
	maxTold = 10
	toldFor = 10 * time.Minute
)

// told are the lines that were logged of a source in a while.
type told struct {
	since time.Time
	lines int
}

// tells reports whether one more line may be logged of a source; for who holds the lock.
func (e *Enricher) tells(key, source string) bool {
	t := e.told[key]
	if t == nil || time.Since(t.since) >= toldFor {
		t = &told{since: time.Now()}
		e.told[key] = t
	}
	t.lines++
	if t.lines == maxTold {
		e.log.Warn("a source of enrichment fails now and then; of that no more is logged for a while", "source", source, "while", toldFor)
	}
	return t.lines < maxTold
}

// note keeps what is wrong with a source now, and logs it when it begins and when it ends; it reports whether it did.
func (e *Enricher) note(key, source, file string, err error) (logged bool) {
	if err == nil && e.noted.Load() == 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() { e.noted.Store(int64(len(e.notes))) }()
	before := e.notes[key]
	switch {
	case err == nil && before == nil, before != nil && err != nil && (before.cause == err || before.Why == err.Error()):
		return false
	case err == nil:
		delete(e.notes, key)
		if logged = e.tells(key, source); logged {
			e.log.Info("enrichment looks it up again", "source", source)
		}
	default:
		e.notes[key] = &Note{source, file, err.Error(), err}
		if logged = e.tells(key, source); logged {
			what := "enrichment cannot look it up; alerts go on without it"
			if isStale(err) {
				what = "enrichment goes on with what it has read before"
			}
			e.log.Warn(what, "source", source, "err", err)
		}
	}
	return logged
}

// Notes are what cannot be looked up now, as far as alerts asked for it.
func (e *Enricher) Notes() []Note {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Note
	for _, key := range sortedKeys(e.notes) {
		all = append(all, *e.notes[key])
	}
	return all
}

// Count is how often a source was asked since the start: it knew something, it knew nothing, it answered from what its file held
// before, it had nothing to answer with. Of several databases one may fail where the others answer; both are counted then.
type Count struct {
	Source                     string
	Found, None, Stale, Failed int64
}

// Counts are those of all sources.
func (e *Enricher) Counts() []Count {
	if e == nil {
		return nil
	}
	var all []Count
	for _, source := range sortedKeys(e.count) {
		c := e.count[source]
		all = append(all, Count{source, c.found.Load(), c.none.Load(), c.stale.Load(), c.failed.Load()})
	}
	return all
}
