package cases

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// composed says where Wazuh's JSON has what a matcher looks at.
var composed = map[string]string{
	"rule": "rule.id", "group": "rule.groups", "description": "rule.description", "agent": "agent.name", "agent_id": "agent.id", "agent_ip": "agent.ip",
	"manager": "manager.name", "location": "location", "host": "predecoder.hostname", "program": "predecoder.program_name", "decoder": "decoder.name",
	"srcip": "data.srcip", "dstip": "data.dstip", "user": "data.dstuser", "log": "full_log",
}

// topLevel are the keys at the top of Wazuh's JSON. What decoders found lies below data, where field.<path> looks too.
var topLevel = []string{"agent", "cluster", "data", "decoder", "full_log", "id", "location", "manager", "predecoder", "previous_output", "rule", "syscheck", "timestamp"}

var technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)

// compose makes an alert, as Wazuh would write it, of the fields in a case. Their keys are those of matchers, and description; what is not
// given is that of the base, or lacks. It returns nil after a mistake.
func (r *reader) compose(node *yaml.Node, at time.Time, base object) []byte {
	before := len(r.Problems)
	o := object{"timestamp": at.Format("2006-01-02T15:04:05.000-0700"), "rule": object{}} // without a rule it is no alert of Wazuh
	given := map[string]bool{}
	for _, e := range r.YAML.Mapping(node, "alert") {
		given[e.Key] = true
		path, many := composed[e.Key], false
		switch {
		case e.Key == "level" || e.Key == "severity":
			path = "rule.level"
		case e.Key == "mitre":
			many = true
		case e.Key == "group":
			many = true
		case strings.HasPrefix(e.Key, "field.") && !strings.Contains("."+strings.TrimPrefix(e.Key, "field.")+".", ".."):
			path, many = strings.TrimPrefix(e.Key, "field."), e.Value.Kind == yaml.SequenceNode
			if top, _, _ := strings.Cut(path, "."); !slices.Contains(topLevel, top) {
				path = "data." + path
			}
		case path == "":
			r.Unknown(e.KeyNode, "alert", append(rules.MatcherKeys(), "description", "field.<path>"))
			continue
		}
		var texts []string
		if many {
			r.Value(e, reflect.ValueOf(&texts).Elem())
		} else {
			texts = []string{r.text(e)}
		}
		if e.Key != "log" && e.Key != "description" { // which hold what somebody wrote
			for _, text := range texts {
				r.notAPattern(e, text)
			}
		}
		for key, value := range r.values(e, path, texts, many) {
			if !o.set(strings.Split(key, "."), value) {
				r.Errorf(e.KeyNode, "%s: another field stands in its way: both are %s of the alert", e.Key, key)
			}
		}
	}
	if _, ofAgent := base["agent"]; given["host"] && (given["agent"] || ofAgent) {
		r.Errorf(node, "alert: the host of an alert that an agent sent is the agent's name: leave host out")
	}
	if len(r.Problems) > before {
		return nil
	}
	b, err := json.Marshal(o.over(base))
	if err != nil {
		r.Errorf(node, "alert: %s", err)
		return nil
	}
	return b
}

// values are what an entry puts where in the alert.
func (r *reader) values(e yamlnode.Entry, path string, texts []string, many bool) object {
	switch e.Key {
	case "level":
		n, err := strconv.Atoi(texts[0])
		if err != nil || n < 0 || n > 16 {
			r.Errorf(e.Value, "level: %q is no level: an alert has one from 0 to 16", texts[0])
		}
		return object{path: n}
	case "severity":
		s, err := alert.ParseSeverity(texts[0])
		if err != nil {
			r.Errorf(e.Value, "severity: %s", err)
		}
		return object{path: r.cfg.Scale.Begin(s)}
	case "mitre":
		o := object{}
		for _, t := range texts {
			key := "rule.mitre.technique"
			if technique.MatchString(t) {
				key = "rule.mitre.id"
			}
			old, _ := o[key].([]string)
			o[key] = append(old, t)
		}
		return o
	}
	if many {
		return object{path: texts}
	}
	return object{path: texts[0]}
}

// object is a JSON object that is being made.
type object map[string]any

// objectOf is a JSON object as it was read.
func objectOf(m map[string]any) object {
	o := object{}
	for key, value := range m {
		if inner, ok := value.(map[string]any); ok {
			value = objectOf(inner)
		}
		o[key] = value
	}
	return o
}

// over is the object with what only the base has, which is not changed.
func (o object) over(base object) object {
	out := maps.Clone(base)
	if out == nil {
		out = object{}
	}
	for key, value := range o {
		inner, isObject := value.(object)
		if below, ok := base[key].(object); ok && isObject {
			value = inner.over(below)
		}
		out[key] = value
	}
	return out
}

// set puts a value at a path of keys, and reports whether there is none yet.
func (o object) set(path []string, value any) bool {
	if len(path) == 1 {
		if _, taken := o[path[0]]; taken {
			return false
		}
		o[path[0]] = value
		return true
	}
	inner, ok := o[path[0]].(object)
	if !ok {
		if _, taken := o[path[0]]; taken {
			return false
		}
		inner = object{}
		o[path[0]] = inner
	}
	return inner.set(path[1:], value)
}
