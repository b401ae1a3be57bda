package rules

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Field is one that alerts are told apart by: rule, agent, srcip, …, field.<path>.
type Field struct {
	Key   string
	value func(*alert.Alert) string
	node  *yaml.Node // where it stands in the config
}

// Value is the alert's, "" where it has none. It may hold text that an attacker wrote.
func (f Field) Value(a *alert.Alert) string { return f.value(a) }

// Equal reports whether both look at the same.
func (f Field) Equal(g Field) bool { return f.Key == g.Key }

// fieldKeys are the keys of fields, all but field.<path>.
var fieldKeys = []string{
	"rule", "agent", "agent_id", "srcip", "dstip", "user", "host", "location", "program", "decoder", "level", "severity", "manager", "group",
}

// NewField is the field of a key; the scale is what severities are bands of. It reports whether there is such a field.
func NewField(key string, scale alert.Scale) (Field, bool) {
	f := Field{Key: key}
	switch key {
	case "rule":
		f.value = func(a *alert.Alert) string { return a.Rule.ID }
	case "agent":
		f.value = agentName
	case "agent_id":
		f.value = func(a *alert.Alert) string { return family.Agent(a).ID }
	case "srcip":
		f.value = sourceIP
	case "dstip":
		f.value = destinationIP
	case "level":
		f.value = func(a *alert.Alert) string {
			if a.Rule.Level < 0 {
				return ""
			}
			return strconv.Itoa(a.Rule.Level)
		}
	case "severity":
		f.value = func(a *alert.Alert) string { return scale.Severity(a.Rule.Level).String() }
	case "group":
		f.value = func(a *alert.Alert) string { return strings.Join(a.Rule.Groups, ",") }
	case "user", "host", "location", "program", "decoder", "manager":
		f.value = textField(key).one
	default:
		path, isPath := strings.CutPrefix(key, fieldPrefix)
		if !isPath || !knownKey(key) {
			return Field{}, false
		}
		f.value = func(a *alert.Alert) string { return strings.Join(a.Lookup(path), ",") }
	}
	return f, true
}

// agentName is the agent that the alert is about. The alerts of a host without an agent name the host alone.
func agentName(a *alert.Alert) string {
	if name := family.Agent(a).Name; name != "" {
		return name
	}
	return a.Host
}

// fields makes the fields of keys that are known to exist.
func fields(scale alert.Scale, keys ...string) []Field {
	all := make([]Field, len(keys))
	for i, key := range keys {
		all[i], _ = NewField(key, scale)
	}
	return all
}

// fields reads a list of fields.
func (p *parser) fields(e yamlnode.Entry) []Field {
	values, _, _ := p.values(e)
	var all []Field
	for _, v := range values {
		f, ok := NewField(v.text, p.scale)
		f.node = v.node
		switch {
		case !ok:
			p.unknownField(v.text, v.node)
		case slices.ContainsFunc(all, f.Equal):
			p.problem(v.node, "%q stands twice in %s: keep one", v.text, e.Key)
		default:
			all = append(all, f)
		}
	}
	return all
}

func (p *parser) unknownField(key string, node *yaml.Node) {
	advice := suggest(key, fieldKeys, "use "+strings.Join(fieldKeys, ", ")+" or field.<path>")
	switch {
	case strings.HasPrefix(key, fieldPrefix):
		advice = "write a path behind field, such as field.data.srcuser"
	case strings.Contains(key, "."):
		advice = `did you mean "` + fieldPrefix + key + `"?`
	case strings.ContainsAny(key, ", "):
		advice = "write several as a list, [" + listed(key, ", ") + "]"
	}
	p.problem(node, "%q is no field to tell alerts apart by: %s", key, advice)
}

// keys are the keys of fields, for words.
func keys(fields []Field) string {
	return list(fields, func(f Field) string { return f.Key })
}
