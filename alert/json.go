package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseJSON reads an alert that is one JSON object, text, which stands lead bytes behind the start of the file.
func parseJSON(a *Alert, text []byte, lead int, loc *time.Location) {
	o, err := decode(text)
	if err == nil {
		fromJSON(a, o, loc)
		return
	}
	o, end := salvage(text)
	a.Original = o
	switch {
	case end.knows("rule") || end.knows("timestamp") || end.knows("TimeStamp"):
		a.Format = dialect(o)
		fields(a, o, loc)
		if end.ended {
			a.broken(ProblemTruncated, "%s", end.where(lead))
		} else {
			a.broken(ProblemDamaged, "damaged at byte %d", lead+offset(err))
		}
	case end.ended:
		a.Problem.Kind, a.Problem.ReadsAs = ProblemUnknown, "JSON, "+end.where(lead)
	default:
		a.Problem.Kind, a.Problem.ReadsAs = ProblemUnknown, fmt.Sprintf("JSON, damaged at byte %d", lead+offset(err))
	}
}

// fromJSON finds the alert in a whole object: the object itself, an indexer's hit around it, or an
// active-response call around it.
func fromJSON(a *Alert, o object, loc *time.Location) {
	if hit := o.object("_source"); o["rule"] == nil && hit != nil {
		o = hit
	}
	a.Original = o
	if o.object("rule") == nil {
		if inner := o.object("parameters.alert"); inner != nil {
			a.Response = response(o)
			o = inner
			a.Original = o
		} else if o.object("parameters") != nil && o.text("command") != "" {
			a.Response = response(o)
			a.Problem.Kind, a.Problem.ReadsAs = ProblemUnknown, "active-response call without an alert"
			return
		}
	}
	if o.object("rule") == nil {
		a.Problem.Kind, a.Problem.ReadsAs = ProblemUnknown, "JSON without a rule"
		wazuhFields(a, o, loc) // what it says of time, agent and log still helps
		return
	}
	a.Format = dialect(o)
	fields(a, o, loc)
}

// dialect tells whose alerts.json an object comes from.
func dialect(o object) Format {
	rule := o.object("rule")
	if rule["sidid"] != nil || rule["comment"] != nil || o["TimeStamp"] != nil {
		return FormatOSSEC
	}
	return FormatWazuh
}

func fields(a *Alert, o object, loc *time.Location) {
	if a.Format == FormatOSSEC {
		ossecFields(a, o, loc)
	} else {
		wazuhFields(a, o, loc)
	}
}

// response reads the frame of an active-response call.
func response(o object) *Response {
	return &Response{
		Command: o.text("command"),
		Program: o.text("parameters.program"),
		Origin:  o.text("origin.name"),
		Args:    o.list("parameters.extra_args"),
	}
}

// object is a JSON object as decoded. Its methods take a path of keys joined by dots, and answer with the zero
// value for what is missing or of another type: real alerts hold numbers for texts and the other way round.
type object map[string]any

// decode reads one JSON object. Of duplicate keys the last wins.
func decode(text []byte) (object, error) {
	if o, ok := quick(string(text)); ok {
		return o, nil
	}
	return slowly(text)
}

// slowly is decode by encoding/json alone.
func slowly(text []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var o map[string]any
	if err := dec.Decode(&o); err != nil {
		return nil, err
	}
	if end := dec.InputOffset(); len(bytes.Trim(text[end:], blanks)) > 0 {
		return nil, &trailingError{int(end) + 1}
	}
	for k, v := range o {
		o[k] = plain(v)
	}
	return o, nil
}

// plain replaces the numbers in v: templates and matchers want int64, and cannot compare json.Number.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v)
	case map[string]any:
		for k, e := range v {
			switch e.(type) {
			case json.Number, map[string]any, []any:
				v[k] = plain(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = plain(e)
		}
	}
	return v
}

// number is an int64 where it is integral, its digits as text where they do not fit, else a float64.
func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	if strings.ContainsAny(n.String(), ".eE") {
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	return n.String()
}

// at is the value at path, or nil.
func (o object) at(path string) any {
	m := map[string]any(o)
	for {
		key, rest, more := strings.Cut(path, ".")
		if !more {
			return m[key]
		}
		m, _ = m[key].(map[string]any)
		if m == nil {
			return nil
		}
		path = rest
	}
}

func (o object) object(path string) object {
	m, _ := o.at(path).(map[string]any)
	return m
}

func (o object) text(path string) string {
	s, _ := scalar(o.at(path))
	return s
}

// first is the first value of the paths that says something: Wazuh writes "-" or "N/A" for what it does not know.
func (o object) first(paths ...string) string {
	for _, p := range paths {
		if s := o.text(p); says(s) {
			return s
		}
	}
	return ""
}

// says reports whether a value is more than a placeholder.
func says(s string) bool {
	switch strings.TrimSpace(s) {
	case "", "-", "N/A":
		return false
	}
	return true
}

// integer is the number at path, be it written as a number or as text, else absent.
func (o object) integer(path string, absent int) int {
	switch v := o.at(path).(type) {
	case int64:
		return int(v)
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return n
		}
	}
	return absent
}

// list is the array of texts at path; one text is an array of one.
func (o object) list(path string) []string {
	switch v := o.at(path).(type) {
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := scalar(e); ok {
				out = append(out, s)
			}
		}
		return out
	case string:
		if v != "" {
			return []string{v}
		}
	}
	return nil
}

// listed is the text at path; of an array the texts in it, each once, with commas between them.
func (o object) listed(path string) string {
	list, ok := o.at(path).([]any)
	if !ok {
		return o.text(path)
	}
	var out []string
	for _, e := range list {
		if s, ok := scalar(e); ok && says(s) {
			out = append(out, s)
		}
	}
	return eachOnce(out)
}

// eachOnce joins texts with commas. Whoever writes the log may write a hundred thousand.
func eachOnce(texts []string) string {
	seen := make(map[string]bool, len(texts))
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	}), ", ")
}

// keys are the keys of an object in order, so that what is found first is always the same.
func (o object) keys() []string { return slices.Sorted(maps.Keys(o)) }

// scalar is the text of a text, number or truth value.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
