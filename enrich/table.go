package enrich

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Bounds of a table.
const (
	maxCSVFile  = 32 << 20
	maxTreeFile = 8 << 20 // JSON and YAML take many times as much while they are read
	maxRows     = 200_000
	maxColumns  = 100
	maxDepth    = 16
	maxNodes    = 2_000_000 // of YAML, aliases followed
	maxKeys     = 1000      // of one row
	maxRow      = 32 << 10  // bytes of one row, which goes with each alert that it is for
)

const (
	fieldPrefix = "field."
	keyColumn   = "key"
	anyKey      = "*" // the row for those that no other row is for
)

// key is what of an alert rows are found by.
type key struct {
	of func(*alert.Alert) []string // the first that has a row decides
	// address: keys are addresses and networks, and the narrowest network is found. fold: letter case does not count.
	address, fold bool
}

var keys = map[string]*key{
	"agent":    {of: func(a *alert.Alert) []string { return []string{a.Agent.Name} }, fold: true},
	"agent_id": {of: func(a *alert.Alert) []string { return []string{a.Agent.ID} }},
	"host":     {of: func(a *alert.Alert) []string { return []string{a.Host} }, fold: true},
	"user":     {of: func(a *alert.Alert) []string { return []string{a.User} }},
	"rule":     {of: func(a *alert.Alert) []string { return []string{a.Rule.ID} }},
	"group":    {of: func(a *alert.Alert) []string { return a.Rule.Groups }},
	"mitre":    {of: func(a *alert.Alert) []string { return a.Rule.MITRE.IDs }},
	"srcip":    {of: func(a *alert.Alert) []string { return addressTexts(Source(a)) }, address: true},
	"dstip":    {of: func(a *alert.Alert) []string { return addressTexts(parseAddress(a.Destination.IP)) }, address: true},
	"agent_ip": {of: func(a *alert.Alert) []string { return addressTexts(parseAddress(a.Agent.IP)) }, address: true},
}

func addressTexts(addr netip.Addr) []string {
	if !addr.IsValid() {
		return nil
	}
	return []string{addr.String()}
}

func keyOf(by string) *key {
	if path, ok := strings.CutPrefix(by, fieldPrefix); ok {
		return &key{of: func(a *alert.Alert) []string { return a.Lookup(path) }}
	}
	return keys[by]
}

func keyWords() string { return strings.Join(sortedKeys(keys), ", ") + " or field.<path>" }

// lookupTable is a table of the config.
type lookupTable struct {
	name, id string // as in the config, and what notes call it
	key      *key
	show     []column
	links    []column
	seen     atomic.Pointer[rows] // what it held last
	*source[rows]
}

// lost are the columns that the table had when it was looked at last, and has no more.
func (t *lookupTable) lost(held *rows) (all []string) {
	before := t.seen.Load()
	if before == held || !t.seen.CompareAndSwap(before, held) || before == nil {
		return nil
	}
	for _, c := range sortedKeys(before.columns) {
		if !held.columns[c] {
			all = append(all, c)
		}
	}
	return all
}

// column is one that messages show, and what it is called there.
type column struct {
	name string
	path []string
}

func newLookupTable(s *Store, name string, t Table) *lookupTable {
	k := keyOf(t.By)
	read := func(f *os.File, size int64) (*rows, error) { return readTable(f, size, k) }
	kind := fmt.Sprintf("table %t %t", k.address, k.fold)
	out := &lookupTable{name: name, id: "tables." + name, key: k, source: shared(s, kind, t.File, read)}
	for _, c := range t.Show {
		out.show = append(out.show, column{c, strings.Split(c, ".")})
	}
	for _, label := range sortedKeys(t.Links) {
		out.links = append(out.links, column{label, strings.Split(t.Links[label], ".")})
	}
	return out
}

// find is the row of an alert in what the table holds, or nil.
func (t *lookupTable) find(held *rows, a *alert.Alert) map[string]any {
	asked := false
	for _, k := range t.key.of(a) {
		if k == "" {
			continue
		}
		asked = true
		if row := held.find(k, t.key); row != nil {
			return held.values(row)
		}
	}
	if asked && held.other != nil {
		return held.values(held.other)
	}
	return nil
}

// row is one, of CSV as its cells, which take a third of what a map takes.
type row struct {
	key     string
	head    []string // the names of the cells
	cells   []string
	columns map[string]any
}

// values are the columns, and the key.
func (r *row) values() map[string]any {
	out := make(map[string]any, len(r.cells)+len(r.columns)+1)
	for c, v := range r.columns {
		if v = said(v); v != nil {
			out[c] = v
		}
	}
	for i, v := range r.cells {
		if v = strings.TrimSpace(v); v != "" && r.head[i] != "" {
			out[r.head[i]] = cell(v)
		}
	}
	out[keyColumn] = r.key
	return out
}

// said is a value without what says nothing, as a cell of CSV that is empty: documents promise that no key is null or empty. Nil where
// nothing is left.
func said(v any) any {
	switch v := v.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return nil
		}
	case []any:
		var out []any
		for _, e := range v {
			if e = said(e); e != nil {
				out = append(out, e)
			}
		}
		if out == nil {
			return nil
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if e = said(e); e != nil {
				out[k] = e
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}

// size is about how many bytes its texts have.
func (r *row) size() (n int) {
	for _, c := range r.cells {
		n += len(c)
	}
	return n + sizeOf(r.columns)
}

// sizeOf is about how many bytes a value has.
func sizeOf(v any) (n int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case map[string]any:
		for k, x := range v {
			n += len(k) + sizeOf(x)
		}
	case []any:
		for _, x := range v {
			n += sizeOf(x)
		}
	default:
		n = 8
	}
	return n
}

// rows are what a file holds.
type rows struct {
	by       map[string]*row
	networks *prefixes[*row] // where keys are addresses
	other    *row            // of the key *
	columns  map[string]bool
	count    int      // of keys
	odd      []string // what is doubtful in the file, the first few

	said memo[*row, map[string]any] // the columns of those that were found
}

// values are the columns of a row, and its key. They are shared, and not changed.
func (r *rows) values(of *row) map[string]any { return r.said.or(of, of.values) }

func (r *rows) find(text string, k *key) *row {
	if !k.address {
		if k.fold {
			text = strings.ToLower(text)
		}
		return r.by[text]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return nil
	}
	of, _ := r.networks.get(addr)
	return of
}

// all are the rows of all keys, in no order.
func (r *rows) all() iter.Seq[*row] {
	return func(yield func(*row) bool) {
		if r.other != nil && !yield(r.other) {
			return
		}
		for _, of := range r.by {
			if !yield(of) {
				return
			}
		}
		for of := range r.networks.all() {
			if !yield(of) {
				return
			}
		}
	}
}

func (r *rows) doubt(format string, args ...any) {
	if len(r.odd) < 5 {
		r.odd = append(r.odd, fmt.Sprintf(format, args...))
	}
}

// add adds a row under its keys; where says where it stands.
func (r *rows) add(all []string, of row, k *key, where string) error {
	if len(of.columns) > maxColumns || len(all) > maxKeys {
		return fmt.Errorf("%s: a row has %d columns and %d keys at most", where, maxColumns, maxKeys)
	}
	for column := range of.columns {
		r.columns[column] = true
	}
	if n := of.size(); n > maxRow {
		r.doubt("%s: the row has %d bytes, more than the %d that go with an alert: it is left out", where, n, maxRow)
		return nil
	}
	named := false
	for _, text := range all {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		named = true
		if r.count++; r.count > maxRows {
			return fmt.Errorf("it has more than %d rows", maxRows)
		}
		own := new(row)
		*own = of
		own.key = text
		taken := false
		switch {
		case text == anyKey:
			if taken = r.other != nil; !taken {
				r.other = own
			}
		case k.address:
			n, ok := parseNetwork(text)
			if !ok {
				r.doubt("%s: %q is no address and no network", where, text)
				continue
			}
			taken = !r.networks.put(n, own)
		default:
			if k.fold {
				text = strings.ToLower(text)
			}
			if _, taken = r.by[text]; !taken {
				r.by[text] = own
			}
		}
		if taken {
			r.doubt("%s: there is a row for %q already, and the first counts", where, text)
		}
	}
	if !named {
		r.doubt("%s has no key", where)
	}
	return nil
}

// format reads the rows of a file.
type format func(r *rows, b []byte, k *key) error

func formatOf(path string) format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return readCSV
	case ".json":
		return readJSON
	case ".yaml", ".yml":
		return readYAML
	}
	return nil
}

func readTable(f *os.File, size int64, k *key) (*rows, error) {
	limit := int64(maxTreeFile)
	if strings.EqualFold(filepath.Ext(f.Name()), ".csv") {
		limit = maxCSVFile
	}
	if size > limit {
		return nil, &fileError{fmt.Errorf("it has %d bytes, more than the %d that such a table may have", size, limit)}
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	return parseTable(f.Name(), b, k)
}

func parseTable(name string, b []byte, k *key) (*rows, error) {
	r := &rows{by: map[string]*row{}, networks: &prefixes[*row]{}, columns: map[string]bool{}}
	read := formatOf(name)
	if read == nil {
		return nil, &fileError{errors.New("it is neither .csv, .json nor .yaml")}
	}
	if err := read(r, bytes.TrimPrefix(b, []byte("\ufeff")), k); err != nil {
		return nil, &fileError{err}
	}
	return r, nil
}

// readCSV reads a table whose first line names the columns. The key is in the column key or, where none is called so, in the
// first; several stand with | between them.
func readCSV(r *rows, b []byte, k *key) error {
	in := csv.NewReader(bytes.NewReader(b))
	in.FieldsPerRecord, in.TrimLeadingSpace, in.Comment = -1, true, '#'
	if first := firstLine(b); bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		in.Comma = ';' // as spreadsheets write it where the comma is in numbers
	}
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty: its first line must name the columns")
	}
	if err != nil {
		return err
	}
	at := 0
	for i, name := range head {
		head[i] = cell(strings.TrimSpace(name))
		if head[i] == keyColumn {
			at = i
		}
	}
	if len(head) > maxColumns {
		return fmt.Errorf("it has %d columns, more than %d", len(head), maxColumns)
	}
	for i, name := range head {
		if i == at {
			head[i] = "" // the key has a name of its own
		} else if name != "" {
			r.columns[name] = true
		}
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		where := "line " + strconv.Itoa(line)
		if len(record) > len(head) {
			return fmt.Errorf("%s has %d columns, and the first line names %d", where, len(record), len(head))
		}
		if at >= len(record) {
			r.doubt("%s has no key", where)
			continue
		}
		if len(record) < len(head) {
			r.doubt("%s has only %d of the %d columns that the first line names", where, len(record), len(head))
		}
		if err := r.add(strings.Split(record[at], "|"), row{head: head, cells: record}, k, where); err != nil {
			return err
		}
	}
}

// firstLine is the line that names the columns: the first that is neither empty nor a comment.
func firstLine(b []byte) []byte {
	for line := range bytes.Lines(b) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 && line[0] != '#' {
			return line
		}
	}
	return nil
}

func cell(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func readJSON(r *rows, b []byte, k *key) error {
	in := json.NewDecoder(bytes.NewReader(b))
	in.UseNumber()
	var v any
	if err := in.Decode(&v); err != nil {
		var wrong *json.SyntaxError
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("it is empty: write an object of rows by their keys, or a list of rows that have a key")
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("it is not JSON: it ends too early")
		case errors.As(err, &wrong):
			return fmt.Errorf("line %d is not JSON: %w", 1+bytes.Count(b[:min(int(wrong.Offset), len(b))], []byte("\n")), err)
		}
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows behind the table")
	}
	v, err := plain(v, 0)
	if err != nil {
		return err
	}
	return r.tree(v, k)
}

func readYAML(r *rows, b []byte, k *key) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		var first *yaml.LoadError
		if many := (*yaml.LoadErrors)(nil); errors.As(err, &many) && len(many.Errors) > 0 {
			first = many.Errors[0]
		} else if !errors.As(err, &first) {
			return fmt.Errorf("it is not YAML: %w", err)
		}
		return fmt.Errorf("line %d is not YAML: %s", first.Mark.Line, first.Message)
	}
	root := yamlnode.Resolve(&doc)
	if root == nil || root.IsZero() || root.ShortTag() == "!!null" {
		return errors.New("it is empty: write rows by their keys, or a list of rows that have a key")
	}
	left := maxNodes
	v, err := ofNode(root, 0, &left)
	if err != nil {
		return err
	}
	return r.tree(v, k)
}

// tree adds rows by their keys, or a list of rows that have a key.
func (r *rows) tree(v any, k *key) error {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			columns, ok := v[key].(map[string]any)
			if !ok {
				return fmt.Errorf("the row of %q is no set of columns: write %s: {owner: …}", key, key)
			}
			if err := r.add([]string{key}, row{columns: columns}, k, strconv.Quote(key)); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for i, x := range v {
			where := "row " + strconv.Itoa(i+1)
			columns, ok := x.(map[string]any)
			if !ok {
				return fmt.Errorf("%s is no set of columns", where)
			}
			var all []string
			if list, ok := columns[keyColumn].([]any); ok {
				for _, key := range list {
					all = append(all, plainText(key))
				}
			} else if columns[keyColumn] != nil {
				all = []string{plainText(columns[keyColumn])}
			}
			if err := r.add(all, row{columns: columns}, k, where); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New("it is neither rows by their keys, nor a list of rows")
}

// plainText is a scalar as text.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// plain makes the numbers of decoded JSON what they are in alerts.
func plain(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	var err error
	switch x := v.(type) {
	case json.Number:
		return numberOf(string(x)), nil
	case []any:
		for i := range x {
			if x[i], err = plain(x[i], depth+1); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range x {
			if x[k], err = plain(x[k], depth+1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// numberOf is a number as alerts have it: whole ones are int64. What is none that JSON can say is text.
func numberOf(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return f
	}
	return s
}

// ofNode is a node of YAML as JSON would have it: dates and what else YAML knows are text, as written.
func ofNode(n *yaml.Node, depth int, left *int) (any, error) {
	n = yamlnode.Resolve(n)
	if *left--; *left < 0 {
		return nil, fmt.Errorf("it has more than %d values", maxNodes)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	if n == nil {
		return nil, nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := yamlnode.Resolve(n.Content[i])
			if k == nil || k.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: a key is no text", n.Line)
			}
			if _, twice := out[k.Value]; twice {
				return nil, fmt.Errorf("line %d: %q is there twice", k.Line, k.Value)
			}
			v, err := ofNode(n.Content[i+1], depth+1, left)
			if err != nil {
				return nil, err
			}
			out[k.Value] = v
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			v, err := ofNode(c, depth+1, left)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		if b, err := strconv.ParseBool(strings.ToLower(n.Value)); err == nil {
			return b, nil
		}
	case "!!int", "!!float":
		return numberOf(n.Value), nil
	}
	return cell(n.Value), nil
}

// Value is a value of YAML as it would be if a table held it.
func Value(n *yaml.Node) (any, error) {
	left := maxNodes
	return ofNode(n, 0, &left)
}

// decode reads what Encode wrote.
func decode(kept []byte) (map[string]any, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	in := json.NewDecoder(bytes.NewReader(kept))
	in.UseNumber()
	var added map[string]any
	if err := in.Decode(&added); err != nil {
		return nil, err
	}
	_, err := plain(added, -2)
	return added, err
}

// at is the value at a path, or nil. A number is an index of a list.
func at(v any, path []string) any {
	for _, key := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n < 0 || n >= len(x) {
				return nil
			}
			v = x[n]
		default:
			return nil
		}
	}
	return v
}

// shown are the columns that messages show, and the links.
func (e *Enricher) shown(added map[string]any) []alert.Shown {
	var facts, links []alert.Shown
	said := func(all []alert.Shown, x alert.Shown) bool { // two tables may know the same
		return slices.ContainsFunc(all, func(y alert.Shown) bool { return strings.EqualFold(x.Name, y.Name) && x.Value == y.Value })
	}
	if geo, _ := added[sourceGeo].(map[string]any); geo["map"] != nil {
		links = append(links, alert.Shown{Name: "Map", Value: plainText(geo["map"]), Link: true})
	}
	for _, t := range e.tables {
		row, _ := added[t.name].(map[string]any)
		if row == nil {
			continue
		}
		for _, c := range t.show {
			if x := (alert.Shown{Name: c.name, Value: shownText(at(row, c.path))}); x.Value != "" && len(facts) < maxShown && !said(facts, x) {
				facts = append(facts, x)
			}
		}
		for _, c := range t.links {
			v, _ := at(row, c.path).(string)
			if x := (alert.Shown{Name: c.name, Value: v, Link: true}); v != "" && !said(links, x) {
				links = append(links, x)
			}
		}
	}
	return slices.Concat(facts, links)
}

// shownText is a value in one line: of a list, what is in it.
func shownText(v any) string {
	if list, ok := v.([]any); ok {
		var all []string
		for _, x := range list {
			if s := plainText(x); s != "" {
				all = append(all, s)
			}
		}
		return strings.Join(all, ", ")
	}
	return plainText(v)
}
