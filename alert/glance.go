package alert

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Fields is a set of fields of an [Alert], those that a [Lens] shows.
type Fields uint32

// The fields that can be shown.
const (
	FieldLevel  Fields = 1 << iota // Rule.Level
	FieldRule                      // Rule.ID
	FieldGroups                    // Rule.Groups
	FieldMITRE                     // Rule.MITRE
	FieldAgentID
	FieldPlace // Agent.Name, Agent.IP, Host, Location, LogFile
	FieldManager
	FieldDecoder
	FieldProgram
	FieldUser
	FieldSource
	FieldDestination
	FieldLog
)

// Lens shows some fields, and values by their paths, of an alert that is not decoded. It is not changed after it was made and
// may be used by many at once.
type Lens struct {
	fields  Fields
	root    *lensKey
	keys    int            // in the tree
	slots   map[string]int // of the values at paths, by the path
	rule    ruleSlots
	lookups []bool // whether the values of a path of Lookup can be shown
}

// ruleSlots are the slots of what is looked at in every line.
type ruleSlots struct{ rule, level, sidid, comment, timeStamp int }

// lensKey is a key that a lens knows, and what is of interest in its value.
type lensKey struct {
	name    string
	n       int // its number in the lens
	keys    []*lensKey
	has     uint64 // a bit for each of the keys, by lensBit
	slot    int    // of its value, or -1
	lookups []lensLookup
}

// lensLookup is a path of [Alert.Lookup] that ends in a key; below: below data, where it is looked for last.
type lensLookup struct {
	n     int
	below bool
}

const (
	// maxLensParts is how many parts a path may have: each of the dots may be one within a key.
	maxLensParts = 5
	// maxLensDepth is how deep a line may be nested.
	maxLensDepth = quickDepth
)

// lensPaths are where the values stand that make a field.
func lensPaths(f Fields) []string {
	switch f {
	case FieldLevel:
		return []string{"rule.level"}
	case FieldRule:
		return []string{"rule.id"}
	case FieldGroups:
		return []string{"rule.groups"}
	case FieldMITRE:
		return []string{"rule.mitre.id", "rule.mitre.tactic", "rule.mitre.tactics", "rule.mitre.technique", "rule.mitre.techniques"}
	case FieldAgentID:
		return []string{"agent.id"}
	case FieldPlace:
		return append([]string{"agent.id", "agent.name", "agent.ip", "location", "agentless.host", "agentless.script", "agentless.user"}, hosts...)
	case FieldManager:
		return []string{"manager.name"}
	case FieldDecoder:
		return []string{"decoder.name"}
	case FieldProgram:
		return programs
	case FieldUser:
		return slices.Concat(actors, targets, programs, []string{"decoder.name", "decoder.parent", "rule.groups"})
	case FieldSource:
		return append(addressesOf(sources[:]), remoteActions)
	case FieldDestination:
		return addressesOf(destinations[:])
	}
	return []string{"full_log"}
}

func addressesOf(pairs []pair) []string {
	var paths []string
	for _, p := range pairs {
		paths = append(paths, p.address)
	}
	return paths
}

// NewLens makes a lens that shows fields, and what [Alert.Lookup] finds at paths.
func NewLens(fields Fields, paths ...string) *Lens {
	l := &Lens{fields: fields, root: &lensKey{slot: -1}, slots: map[string]int{}}
	// These tell whether the object is a Wazuh alert.
	l.rule = ruleSlots{l.slot("rule"), l.slot("rule.level"), l.slot("rule.sidid"), l.slot("rule.comment"), l.slot("TimeStamp")}
	for f := FieldLevel; f <= FieldLog; f <<= 1 {
		if fields&f != 0 {
			for _, path := range lensPaths(f) {
				l.slot(path)
			}
		}
	}
	for n, path := range paths {
		parts := strings.Split(path, ".")
		ok := len(parts) <= maxLensParts && utf8.ValidString(path) && !strings.ContainsRune(path, utf8.RuneError)
		l.lookups = append(l.lookups, ok)
		if ok {
			l.lookup(l.root, parts, lensLookup{n, false})
			l.lookup(l.key(l.root, "data"), parts, lensLookup{n, true})
		}
	}
	return l
}

func (l *Lens) key(below *lensKey, name string) *lensKey {
	for _, k := range below.keys {
		if k.name == name {
			return k
		}
	}
	k := &lensKey{name: name, n: l.keys, slot: -1}
	l.keys++
	below.keys = append(below.keys, k)
	below.has |= lensBit(name)
	return k
}

// slot shows the value at a path.
func (l *Lens) slot(path string) int {
	k := l.root
	for part := range strings.SplitSeq(path, ".") {
		k = l.key(k, part)
	}
	if k.slot < 0 {
		k.slot = len(l.slots)
		l.slots[path] = k.slot
	}
	return k.slot
}

// lookup shows what Lookup finds: each dot of a path may be one within a key.
func (l *Lens) lookup(k *lensKey, parts []string, of lensLookup) {
	if len(parts) == 0 {
		k.lookups = append(k.lookups, of)
		return
	}
	for n := range parts {
		l.lookup(l.key(k, strings.Join(parts[:n+1], ".")), parts[n+1:], of)
	}
}

// lensBit is a bit that few keys share.
func lensBit[T string | []byte](key T) uint64 {
	if len(key) == 0 {
		return 1
	}
	return 1 << ((uint(len(key))*7 + uint(key[0]) + uint(key[len(key)-1])*5) & 63)
}

// Glance is what a lens shows of one line. Its buffers are used again: one is for one goroutine at a time.
type Glance struct {
	// Alert has the fields that the lens shows, and no others. What it holds is a part of the line, and good until the next look
	// or until the line is changed.
	Alert Alert

	lens    *Lens
	turn    uint32
	seen    []uint32 // the turn in which a key was seen last
	slots   []lensValue
	values  [2][][]string // of lookups: as they are, and below data
	list    []string      // the items of arrays
	scratch []byte        // texts that do not stand in the line as they are
}

// lensValue is the value at a path.
type lensValue struct {
	kind     lensKind
	text     string
	from, to int // of the list
}

type lensKind uint8

const (
	lensNothing lensKind = iota // absent, or null
	lensText                    // a text, a number, a truth value
	lensArray
	lensObject
)

// Look looks at an alert through a lens. It is false where the glance may not see what [Parse] would: the text is no object on
// one line that is whole, its alert stands inside of something, is one of ossec-hids, has a key twice that matters or one with
// escapes, or a value that is written in an unusual way. Then nothing is known of it.
func (g *Glance) Look(l *Lens, line []byte) bool {
	if len(line) == 0 || line[0] != '{' || len(line) > DefaultLimit {
		return false
	}
	g.reset(l)
	s := view(line)
	end := g.object(s, 0, l.root, 1)
	if end < 0 || end < len(s) && strings.Trim(s[end:], blanks) != "" {
		return false
	}
	if at := l.rule; g.slots[at.rule].kind != lensObject || g.slots[at.sidid].kind|g.slots[at.comment].kind|g.slots[at.timeStamp].kind != lensNothing {
		return false
	}
	return g.fill(s)
}

func (g *Glance) reset(l *Lens) {
	if g.lens != l {
		*g = Glance{lens: l, seen: make([]uint32, l.keys), slots: make([]lensValue, len(l.slots)), scratch: g.scratch[:0], list: g.list[:0]}
		for i := range g.values {
			g.values[i] = make([][]string, len(l.lookups))
		}
	}
	if g.turn++; g.turn == 0 {
		clear(g.seen)
		g.turn = 1
	}
	clear(g.slots)
	g.scratch, g.list = g.scratch[:0], g.list[:0]
	for i := range g.values {
		for n := range g.values[i] {
			g.values[i][n] = g.values[i][n][:0]
		}
	}
}

// Lookup is what [Alert.Lookup] finds at the nth path of the lens; it is not known where ok is false.
func (g *Glance) Lookup(n int) (values []string, ok bool) {
	if values = g.values[0][n]; len(values) == 0 {
		values = g.values[1][n]
	}
	return values, g.lens.lookups[n]
}

// at is what was seen at a path; nothing at one that the lens does not show.
func (g *Glance) at(path string) lensValue {
	if n, ok := g.lens.slots[path]; ok {
		return g.slots[n]
	}
	return lensValue{}
}

func (g *Glance) has(path string) bool { return g.at(path).kind != lensNothing }

// text and texts are what the methods text and list of an object are.
func (g *Glance) text(path string) string { return g.at(path).text }

func (g *Glance) texts(path string) []string {
	if v := g.at(path); v.from < v.to {
		return g.list[v.from:v.to:v.to]
	}
	return nil
}

// fill makes the fields of the alert as wazuhFields does. It is false where one of them may be another.
func (g *Glance) fill(line string) bool {
	a, shows := &g.Alert, g.lens.fields
	if shows&FieldLevel != 0 {
		n, ok := g.level()
		if !ok {
			return false
		}
		a.Rule.Level = n
	}
	if shows&FieldRule != 0 {
		a.Rule.ID = g.text("rule.id")
	}
	if shows&(FieldGroups|FieldUser) != 0 {
		a.Rule.Groups = g.texts("rule.groups")
	}
	if shows&FieldMITRE != 0 {
		a.Rule.MITRE = MITRE{
			IDs:        g.texts("rule.mitre.id"),
			Tactics:    either(g.texts("rule.mitre.tactic"), g.texts("rule.mitre.tactics")),
			Techniques: either(g.texts("rule.mitre.technique"), g.texts("rule.mitre.techniques")),
		}
	}
	if shows&FieldPlace != 0 {
		start := len(g.scratch)
		for _, part := range wazuhLocation(g) {
			g.scratch = append(g.scratch, part...)
		}
		a.wazuhPlace(g, view(g.scratch[start:]))
	} else if shows&FieldAgentID != 0 {
		a.Agent.ID = g.text("agent.id")
	}
	if shows&FieldManager != 0 {
		a.Manager = g.text("manager.name")
	}
	if shows&(FieldDecoder|FieldUser) != 0 {
		a.Decoder = g.text("decoder.name")
	}
	if shows&(FieldProgram|FieldUser) != 0 {
		a.Program = first(g, programs)
	}
	if shows&FieldUser != 0 {
		a.DecoderParent = g.text("decoder.parent")
		a.wazuhUsers(g)
	}
	if shows&FieldLog != 0 {
		a.Log = g.text("full_log")
	}
	if shows&FieldDestination != 0 {
		if ok := g.endpoint(&a.Destination, destinations[:]); !ok {
			return false
		}
	}
	if shows&FieldSource != 0 {
		if ok := g.endpoint(&a.Source, sources[:]); !ok {
			return false
		}
		// What remoteEndpoint looks for stands below a key that differs.
		if a.Source.Text == "" && (g.has(remoteActions) || strings.Contains(line, `waf"`) || escapesASCII(line)) {
			return false
		}
	}
	return true
}

// level is that of the rule; not ok where it is written otherwise than in a few digits.
func (g *Glance) level() (n int, ok bool) {
	v := &g.slots[g.lens.rule.level]
	if v.kind != lensText {
		return -1, true
	}
	if len(v.text) > 3 || !digits(v.text) {
		return 0, false
	}
	for _, c := range []byte(v.text) {
		n = 10*n + int(c-'0')
	}
	return level(n), true
}

// endpoint shows an address that is plain, or that there is none.
func (g *Glance) endpoint(e *Endpoint, pairs []pair) (ok bool) {
	*e = Endpoint{}
	for _, p := range pairs {
		v := g.at(p.address)
		if v.kind == lensArray {
			return false
		}
		if s := v.text; says(s) {
			addr, err := netip.ParseAddr(s)
			*e = Endpoint{IP: s, Text: s}
			return err == nil && addr.Zone() == ""
		}
	}
	return true
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// escapesASCII reports whether a text of JSON may hold a character of ASCII that can be seen, such as a letter of a key, as an
// escape. No manager writes it so.
func escapesASCII(s string) bool {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return false
		}
		if i+5 <= len(s) && s[i+1] == 'u' && s[i+2] == '0' && s[i+3] == '0' && '2' <= s[i+4] && s[i+4] <= '7' {
			return true
		}
		s = s[min(i+2, len(s)):]
	}
}
