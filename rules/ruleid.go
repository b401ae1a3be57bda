package rules

import (
	"fmt"
	"math"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// ruleMatcher holds for alerts of some OSSEC rules. Ids compare as numbers where both are numbers ("031" is 31), else
// as text.
type ruleMatcher struct{ ids []idRange }

// idRange is a range of numbers, or one id that is no number.
type idRange struct {
	text        string
	numeric     bool
	first, last uint64
}

func (r idRange) has(id string, n uint64, numeric bool) bool {
	if r.numeric {
		return numeric && r.first <= n && n <= r.last
	}
	return r.text == id
}

func (m *ruleMatcher) find(id string) (idRange, bool) {
	n, numeric := number(id)
	for _, r := range m.ids {
		if r.has(id, n, numeric) {
			return r, true
		}
	}
	return idRange{}, false
}

func (m *ruleMatcher) holds(a *alert.Alert) bool {
	if a.Rule.ID == "" {
		return false
	}
	_, ok := m.find(a.Rule.ID)
	return ok
}

func (m *ruleMatcher) explain(a *alert.Alert) (bool, string) {
	id := a.Rule.ID
	if id == "" {
		return false, "the alert has no rule"
	}
	subject := "rule " + shown(id)
	if r, ok := m.find(id); ok {
		return true, subject + " " + r.verb() + " " + r.text
	}
	if len(m.ids) == 1 {
		return false, subject + " " + negated(m.ids[0].verb()) + " " + m.ids[0].text
	}
	return false, subject + " is none of " + list(m.ids, func(r idRange) string { return r.text })
}

func (r idRange) verb() string {
	if r.first != r.last {
		return "is in"
	}
	return "is"
}

// rule builds the matcher of `rule`.
func (p *parser) rule(values []value) matcher {
	m := &ruleMatcher{}
	for _, v := range values {
		r, err := parseIDRange(strings.TrimSpace(v.text))
		if err != nil {
			p.problem(v.node, "%v", err)
			continue
		}
		m.ids = append(m.ids, r)
	}
	if len(m.ids) < len(values) {
		return nil
	}
	return m
}

func parseIDRange(text string) (idRange, error) {
	if n, ok := number(text); ok {
		return idRange{text: text, numeric: true, first: n, last: n}, nil
	}
	if strings.HasPrefix(text, "!") {
		return idRange{}, fmt.Errorf("rule takes no !: write not: {rule: %s}", strings.TrimLeft(text, "! "))
	}
	if strings.ContainsAny(text, ",; \t|") {
		return idRange{}, fmt.Errorf("%q is no rule id: write several as a list, [5710, 5712]", text)
	}
	if strings.ContainsAny(text, `<>=~^$*?+()[]{}\`) {
		return idRange{}, fmt.Errorf("%q is no rule id: write an id, or a range such as 5700-5799", text)
	}
	from, to, dashed := strings.Cut(text, "-")
	if !dashed || !strings.ContainsAny(text[:1], "-0123456789") {
		return idRange{text: text}, nil
	}
	first, ok := number(from)
	last, okToo := number(to)
	switch {
	case !ok || !okToo:
		return idRange{}, fmt.Errorf("%q is no range: write two ids such as 5700-5799", text)
	case first > last:
		return idRange{}, fmt.Errorf("%q ends before it begins: write %q", text, to+"-"+from)
	}
	return idRange{text: text, numeric: true, first: first, last: last}, nil
}

// number reads decimal digits. It fails where strconv would, without making an error.
func number(s string) (uint64, bool) {
	var n uint64
	for i := 0; i < len(s); i++ {
		d := uint64(s[i] - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, s != ""
}
