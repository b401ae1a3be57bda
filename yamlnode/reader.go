package yamlnode

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Aliases let a short file stand for a huge or endless one (&a {not: *a}). These bounds are far above any config.
const (
	maxDepth    = 40
	maxMappings = 20_000
)

// Reader reads the mappings of one file, or of a part of it. It bounds what it follows, and reports each mistake.
type Reader struct {
	report   func(at *yaml.Node, message string)
	depth    int // of nesting, aliases followed
	mappings int // so far, aliases followed
}

// NewReader makes a Reader that calls report for each mistake. A message says what is wrong and what to write
// instead; it begins in lower case and holds no place.
func NewReader(report func(at *yaml.Node, message string)) *Reader {
	return &Reader{report: report}
}

// Enter counts a mapping that may lie within itself; each true answer is followed by a call of Leave. A false one
// has been reported.
func (r *Reader) Enter(node *yaml.Node) bool {
	if r.depth == maxDepth || r.mappings == maxMappings {
		if r.mappings <= maxMappings { // said once, then nothing more is read
			r.report(node, "nested too deeply or too large: an alias may hold itself")
			r.mappings = maxMappings + 1
		}
		return false
	}
	if r.mappings > maxMappings {
		return false
	}
	r.depth++
	r.mappings++
	return true
}

// Leave ends what Enter began.
func (r *Reader) Leave() { r.depth-- }

// Mapping reads the keys of a mapping without those that begin with x-: its own first, in their order, then what
// merge keys (<<) bring, of which the first of a name counts. It reports what is no mapping and a key that stands
// twice; what names the mapping in messages.
func (r *Reader) Mapping(node *yaml.Node, what string) []Entry {
	if r.MisTagged(node, what) {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		r.report(node, fmt.Sprintf("%s is %s: write key: value pairs", what, Kind(node)))
		return nil
	}
	var entries, merged []Entry
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := Resolve(node.Content[i]), Resolve(node.Content[i+1])
		if key == nil || value == nil {
			continue // made by hand: no YAML has such a node
		}
		if key.Kind != yaml.ScalarNode || Tagged(key) {
			r.report(key, fmt.Sprintf("a key of %s is %s: write a plain word", what, Kind(key)))
			continue
		}
		if isMerge(key) {
			merged = append(merged, r.merge(value)...)
			continue
		}
		if strings.HasPrefix(key.Value, "x-") {
			continue
		}
		if first := seen[key.Value]; first != nil {
			r.report(key, fmt.Sprintf("%s stands twice in %s, first on line %d: keep one", key.Value, what, first.Line))
			continue
		}
		seen[key.Value] = key
		entries = append(entries, Entry{key.Value, key, value})
	}
	for _, m := range merged {
		if seen[m.Key] == nil {
			seen[m.Key] = m.KeyNode
			entries = append(entries, m)
		}
	}
	return entries
}

// merge reads the value of a merge key: a mapping, or a list of them.
func (r *Reader) merge(value *yaml.Node) []Entry {
	if !r.Enter(value) {
		return nil
	}
	defer r.Leave()
	if value.Kind != yaml.SequenceNode {
		return r.Mapping(value, "<<")
	}
	var entries []Entry
	for _, item := range value.Content {
		if item = Resolve(item); item != nil {
			entries = append(entries, r.Mapping(item, "<<")...)
		}
	}
	return entries
}

// MisTagged reports a tag on a mapping or a list.
func (r *Reader) MisTagged(node *yaml.Node, what string) bool {
	if !Tagged(node) {
		return false
	}
	r.report(node, fmt.Sprintf("%s begins with the YAML tag %s: remove it, or quote a text that begins with !", what, node.ShortTag()))
	return true
}
