package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The document of docs/webhook.md, version 1, as its tables state it. Where the two differ, the page is right.

// shape says what is wrong with a value of the document.
type shape func(v any, at string) []string

// fields are the keys of an object that the page names. Others may come with time, and are only looked at for what is
// never anywhere: null and the empty.
type fields map[string]shape

var (
	severities = []string{"info", "low", "medium", "high", "critical", "unknown"}
	actions    = []string{"trigger", "update", "acknowledge", "resolve", "digest", "report", "test"}
	kinds      = []string{"group", "digest", "window", "throttle", "storm", "inhibit", "silence", "storm-begins", "storm-over"}
	notices    = []string{"storm-begins", "storm-over"}

	// alwaysThere are the keys of every document.
	alwaysThere = []string{"version", "action", "delivery", "receiver", "id", "occurrence", "dedup_key", "severity", "family", "title", "repeats"}
	// ofMany are those that only a document about many alerts has.
	ofMany = []string{"kind", "counts", "more", "alerts"}
)

var documentShape = fields{
	"version": number, "action": oneOf(actions), "delivery": plain, "receiver": plain, "route": plain,
	"id": plain, "occurrence": whole(1, 1<<53), "dedup_key": plain, "time": moment, "received": moment,
	"severity": oneOf(severities), "level": whole(0, 16), "family": plain, "title": plain,
	"facts": listOf(objectOf(fields{"label": plain, "value": atMost(200)}, "value")), "next": plain,
	"rule": objectOf(fields{"id": plain, "level": whole(0, 16), "description": plain, "groups": listOf(plain), "firedtimes": number,
		"mitre": objectOf(fields{"id": listOf(plain), "tactic": listOf(plain), "technique": listOf(plain)})}),
	"host":    objectOf(fields{"name": plain, "id": plain, "ip": plain}),
	"manager": plain, "location": plain, "program": plain, "decoder": plain,
	"source": endpoint, "destination": endpoint,
	"user":        objectOf(fields{"name": plain}, "name"),
	"target_user": objectOf(fields{"name": plain}, "name"),
	"file": objectOf(fields{"path": plain, "event": oneOf([]string{"modified", "added", "deleted"}), "changed": listOf(plain),
		"before": fileState, "after": fileState, "diff": plain}),
	"process":       texts("name", "pid", "command"),
	"request":       texts("method", "url", "status", "client"),
	"vulnerability": texts("cve", "package", "version", "severity", "cvss", "fixed", "status", "title"),
	"cloud":         texts("provider", "account", "region", "actor", "action"),
	"block":         objectOf(fields{"address": plain, "by": plain, "undo": yesOrNo}, "undo"),
	"links":         mapOf(plain),
	"log":           plain,
	"previous":      listOf(plain),
	"repeats":       objectOf(fields{"count": whole(0, 1<<53), "since": moment, "last": moment}, "count"),
	"step":          objectOf(fields{"n": whole(1, 1<<53), "of": whole(1, 1<<53), "who": listOf(plain), "after_s": number}, "n", "of"),
	"taken":         objectOf(fields{"by": plain, "via": plain, "at": moment}),
	"resolved":      objectOf(fields{"after_s": number, "by": plain}, "after_s"),
	"ran":           objectOf(fields{"program": plain, "receiver": plain, "delivery": plain, "action": oneOf(actions), "status": number, "ended": plain, "took_s": number, "output": plain, "dropped": number}, "program", "receiver", "delivery", "took_s"),

	"kind": oneOf(kinds),
	"counts": listOf(objectOf(fields{"rule": plain, "severity": oneOf(severities), "level": whole(0, 16), "family": plain, "title": plain,
		"count": whole(1, 1<<53), "hosts": whole(0, 1<<53), "sources": whole(0, 1<<53), "host": plain, "source": plain,
		"first": moment, "last": moment, "new": onlyTrue}, "severity", "title", "count", "hosts", "sources")),
	"more": objectOf(fields{"alerts": whole(1, 1<<53), "rules": whole(0, 1<<53)}, "alerts", "rules"),
	"alerts": listOf(objectOf(fields{"id": plain, "time": moment, "severity": oneOf(severities), "level": whole(0, 16), "rule": plain, "title": plain,
		"host": plain, "source": plain}, "id")),

	"truncated": onlyTrue, "drill": onlyTrue,
	"original": func(v any, at string) []string { // the alert as it came: what is null in it is the manager's
		return demand(is[map[string]any](v), at, "an object")
	},
}

var (
	endpoint  = texts("ip", "port", "text")
	fileState = texts("size", "mode", "owner", "group", "md5", "sha1", "sha256", "modified")
)

// checkSchema checks the body against version 1.
func checkSchema(version string, v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{"the body is not an object"}
	}
	var problems []string
	if n, _ := m["version"].(json.Number); version != "1" || n != "1" {
		problems = append(problems, fmt.Sprintf("header and body do not both say version 1: %q, %v", version, m["version"]))
	}
	problems = append(problems, objectOf(documentShape, alwaysThere...)(m, "")...)
	if m["action"] == "digest" {
		return append(problems, checkMany(m)...)
	}
	for _, k := range ofMany {
		if _, ok := m[k]; ok && m["action"] != "test" {
			problems = append(problems, fmt.Sprintf("%s is there, and the action is %v, not digest", k, m["action"]))
		}
	}
	return problems
}

// checkMany checks what holds between the keys of a document about many alerts.
func checkMany(m map[string]any) []string {
	var problems []string
	if m["family"] != "digest" {
		problems = append(problems, fmt.Sprintf("family of a digest is %v", m["family"]))
	}
	kind, _ := m["kind"].(string)
	if m["kind"] == nil {
		problems = append(problems, "kind is missing")
	}
	if m["original"] != nil {
		problems = append(problems, "original is there, of many alerts")
	}
	key, _ := m["dedup_key"].(string)
	if begins := func(s string) bool { return strings.HasPrefix(key, s) }; !slices.ContainsFunc([]string{"digest/", "group/", "storm/"}, begins) {
		problems = append(problems, fmt.Sprintf("dedup_key %q of a digest does not begin with digest/, group/ or storm/", key))
	}
	counts, _ := m["counts"].([]any)
	if len(counts) > 10 {
		problems = append(problems, fmt.Sprintf("counts has %d, over 10", len(counts)))
	}
	if slices.Contains(notices, kind) {
		for _, k := range []string{"counts", "more", "alerts"} {
			if m[k] != nil {
				problems = append(problems, k+" is there, in a notice")
			}
		}
		return problems
	}
	sum := integer(lookup(m, "more", "alerts"))
	for _, c := range counts {
		sum += integer(lookup(c, "count"))
	}
	if n := integer(lookup(m, "repeats", "count")); n != sum {
		problems = append(problems, fmt.Sprintf("counts and more.alerts are %d, repeats.count is %d", sum, n))
	}
	return problems
}

// lookup is a value inside objects, or nil.
func lookup(v any, path ...string) any {
	for _, k := range path {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

// integer is a whole number, or 0 where there is none.
func integer(v any) int {
	n, _ := v.(json.Number)
	i, _ := strconv.Atoi(n.String())
	return i
}

// The shapes.

func plain(v any, at string) []string   { return demand(is[string](v), at, "text") }
func number(v any, at string) []string  { return demand(is[json.Number](v), at, "a number") }
func yesOrNo(v any, at string) []string { return demand(is[bool](v), at, "true or false") }
func onlyTrue(v any, at string) []string {
	return demand(v == true, at, "true")
}

func moment(v any, at string) []string {
	s, _ := v.(string)
	_, err := time.Parse("2006-01-02T15:04:05.000Z07:00", s)
	return demand(err == nil, at, "a time of RFC 3339 with milliseconds")
}

func whole(least, most int) shape {
	return func(v any, at string) []string {
		n, ok := v.(json.Number)
		if !ok {
			return number(v, at)
		}
		i, err := strconv.Atoi(n.String())
		return demand(err == nil && i >= least && i <= most, at+" "+n.String(), fmt.Sprintf("a whole number from %d", least))
	}
}

func oneOf(words []string) shape {
	return func(v any, at string) []string {
		s, ok := v.(string)
		if !ok {
			return plain(v, at)
		}
		if !slices.Contains(words, s) {
			return []string{fmt.Sprintf("%s %q is none of %s", at, s, strings.Join(words, ", "))}
		}
		return nil
	}
}

func atMost(characters int) shape {
	return func(v any, at string) []string {
		if s, _ := v.(string); utf8.RuneCountInString(s) > characters {
			return []string{fmt.Sprintf("%s has more than %d characters", at, characters)}
		}
		return plain(v, at)
	}
}

func listOf(of shape) shape {
	return func(v any, at string) []string {
		list, ok := v.([]any)
		if !ok {
			return demand(false, at, "a list")
		}
		var problems []string
		for i, e := range list {
			problems = append(problems, known(e, fmt.Sprintf("%s[%d]", at, i), of)...)
		}
		return problems
	}
}

func mapOf(of shape) shape {
	return func(v any, at string) []string {
		m, ok := v.(map[string]any)
		if !ok {
			return demand(false, at, "an object")
		}
		var problems []string
		for _, k := range sorted(m) {
			problems = append(problems, known(m[k], at+"."+k, of)...)
		}
		return problems
	}
}

func texts(keys ...string) shape {
	f := fields{}
	for _, k := range keys {
		f[k] = plain
	}
	return objectOf(f)
}

func objectOf(f fields, required ...string) shape {
	return func(v any, at string) []string {
		m, ok := v.(map[string]any)
		if !ok {
			return demand(false, at, "an object")
		}
		prefix := at + "."
		if at == "" {
			prefix = ""
		}
		var problems []string
		for _, k := range required {
			if _, ok := m[k]; !ok {
				problems = append(problems, prefix+k+" is missing")
			}
		}
		for _, k := range sorted(m) {
			of := f[k]
			if of == nil {
				of = ofLater
			}
			problems = append(problems, known(m[k], prefix+k, of)...)
		}
		return problems
	}
}

// ofLater looks at a key that the page does not name.
func ofLater(v any, at string) []string {
	switch v.(type) {
	case []any:
		return listOf(ofLater)(v, at)
	case map[string]any:
		return mapOf(ofLater)(v, at)
	}
	return nil
}

// known demands that a value is there, since what is not known is absent, and that it has its shape.
func known(v any, at string, of shape) []string {
	switch v := v.(type) {
	case nil:
		return []string{at + " is null"}
	case string:
		if v == "" {
			return []string{at + " is empty"}
		}
	case []any:
		if len(v) == 0 {
			return []string{at + " is empty"}
		}
	}
	return of(v, at)
}

func demand(ok bool, at, what string) []string {
	if ok {
		return nil
	}
	return []string{at + " is not " + what}
}

// is reports whether a value has a type.
func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}
