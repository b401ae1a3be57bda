package rules

import (
	"slices"
	"strconv"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Outcome is what became of a route with an alert.
type Outcome string

// The outcomes of a route.
const (
	Taken   Outcome = "taken"   // it matched; it decides, or a route inside it does
	Missed  Outcome = "missed"  // it was asked and does not match
	Unasked Outcome = "unasked" // another took the alert before it, or the one around it did not take it
)

// Branch is one route of a table, and what it made of an alert.
type Branch struct {
	Route   string // the path, as in [Choice]
	Outcome Outcome
	// Decides: it was taken, and no route inside it was, so that its receivers are the ones.
	Decides bool
	// By is why it was not asked: the path of the route that ended the search before it, or of the one around it that was not taken.
	By string
	// Matches is whether its match holds, also where it was not asked. Reason says why, as in [Verdict].
	Matches bool
	Reason  string
	// Tests are its matchers one by one; none where it takes every alert.
	Tests []Test
	// To are those it tells at once if it decides, Inherited where they are those of the route around it, and Nobody where it is
	// nobody on purpose.
	To                []string
	Inherited, Nobody bool
	Continue          bool
	Policy            *Policy // as in [Route]
	Branches          []Branch
}

// Test is one matcher of a route and what it says of an alert.
type Test struct {
	// Key is the matcher's: severity, srcip, field.<path>; or any, all, not, which combine those in Tests. In any and all, a match of
	// several matchers is one of Tests with the key "", and all of its own Tests must hold.
	Key string
	// Wants is what the config asks for, as it is written there; several are in brackets. "" for one that combines others.
	Wants string
	// Has is what the alert has in its place: "medium", `"web-01"`. Alert text in it is quoted and bounded. "" where it lacks it.
	Has  string
	Held bool
	// Fact says it in words: severity medium (level 10) is below high.
	Fact  string
	Tests []Test
}

// Tree says what each route of the table makes of an alert, those too that were not asked: the walk of [Table.Decide] with all that
// lies beside it.
func (t *Table) Tree(a *alert.Alert) []Branch {
	branches, _ := tree(t.Routes, nil, a, "")
	return branches
}

// tree looks at sibling routes. unasked is who keeps them from being asked, "" where they are. It reports whether any was taken.
func tree(routes []*Route, parent *position, a *alert.Alert, unasked string) (branches []Branch, taken bool) {
	for i, r := range routes {
		at := &position{r, i, parent}
		to := at.receivers()
		b := Branch{
			Route: at.path(), Outcome: Unasked, By: unasked,
			To: to.To, Nobody: to.Nobody, Inherited: to != r, Continue: r.Continue, Policy: r.Policy,
		}
		b.Matches, b.Reason = r.Match.Explain(a)
		if r.Match != nil {
			b.Tests = r.Match.tests(a)
		}
		around := unasked
		if unasked == "" {
			b.Outcome = Missed
			if b.Matches {
				b.Outcome, taken = Taken, true
			} else {
				around = b.Route
			}
		}
		var inside bool
		b.Branches, inside = tree(r.Routes, at, a, around)
		b.Decides = b.Outcome == Taken && !inside
		if b.Outcome == Taken && !r.Continue {
			unasked = b.Route
		}
		branches = append(branches, b)
	}
	return branches, taken
}

// tests are the matchers of a match one by one.
func (m *Match) tests(a *alert.Alert) []Test {
	tests := make([]Test, len(m.entries))
	for i, e := range m.entries {
		tests[i] = e.test(a)
	}
	return tests
}

func (e *entry) test(a *alert.Alert) Test {
	t := Test{Key: e.key, Has: e.shows(a)}
	t.Held, t.Fact = e.explain(a)
	switch m := e.matcher.(type) {
	case *anyMatcher:
		t.Tests = branchTests(m.branches, a)
	case *allMatcher:
		t.Tests = branchTests(m.branches, a)
	case *notMatcher:
		t.Tests = m.branch.tests(a)
	default:
		t.Wants = e.wants()
	}
	return t
}

func branchTests(branches []*Match, a *alert.Alert) []Test {
	var tests []Test
	for _, b := range branches {
		inside := b.tests(a)
		if len(inside) == 1 {
			tests = append(tests, inside[0])
			continue
		}
		held, fact := b.Explain(a)
		tests = append(tests, Test{Held: held, Fact: fact, Tests: inside})
	}
	return tests
}

// wants is the value of a key as it is written.
func (e *entry) wants() string {
	text := list(e.texts, func(v value) string { return v.text })
	if e.list {
		return "[" + text + "]"
	}
	return text
}

func (m *anyMatcher) shows(a *alert.Alert) string { return "" }
func (m *allMatcher) shows(a *alert.Alert) string { return "" }
func (m *notMatcher) shows(a *alert.Alert) string { return "" }

func (m *levelMatcher) shows(a *alert.Alert) string {
	switch {
	case a.Rule.Level < 0:
		return ""
	case m.scale != nil:
		return m.scale.Severity(a.Rule.Level).String()
	}
	return strconv.Itoa(a.Rule.Level)
}

func (m *ruleMatcher) shows(a *alert.Alert) string { return shown(a.Rule.ID) }

func (m *wordMatcher) shows(a *alert.Alert) string { return few(m.all(a), shown) }

func (m *addressMatcher) shows(a *alert.Alert) string { return shown(m.text(a)) }

func (m *textMatcher) shows(a *alert.Alert) string { return quoteAll(m.values(a)) }

// Words say the test and what the alert has, whether it holds or not: "severity: high; this is medium". Of one that combines others
// they say only how, for those follow. Alert text in them is quoted and bounded.
func (t Test) Words() string {
	switch {
	case t.Key == "not":
		return "not"
	case t.Key == "any":
		return "any of"
	case t.combines():
		return "all of"
	}
	return t.String() + "; " + t.there()
}

// there says what the alert has.
func (t Test) there() string {
	switch {
	case t.combines():
		return t.Fact
	case t.Has == "":
		return "the alert has none"
	case t.Key == group.key || t.Key == mitre.key:
		return "it has " + t.Has
	}
	return "this is " + t.Has
}

func (t Test) combines() bool { return t.Key == "" || slices.Contains(combiningKeys, t.Key) }

// String is the test as the config may say it, in one line: severity: high; not {srcip: 10.0.0.0/8}; any of level: 12, group: web.
func (t Test) String() string {
	switch t.Key {
	case "not":
		return "not " + braced(t.Tests)
	case "any":
		return "any of " + list(t.Tests, Test.String)
	case "all":
		return "all of " + list(t.Tests, Test.String)
	case "":
		return braced(t.Tests)
	}
	return t.Key + ": " + t.Wants
}

func braced(tests []Test) string { return "{" + list(tests, Test.String) + "}" }

// Missed are those of the route's matchers that do not hold, the nearest first: one that the alert could hold with another value
// is nearer than one whose field it lacks.
func (b Branch) Missed() []Test {
	var missed []Test
	for _, t := range b.Tests {
		if !t.Held {
			missed = append(missed, t)
		}
	}
	slices.SortStableFunc(missed, func(x, y Test) int { return distance(x) - distance(y) })
	return missed
}

// distance is 1 for a test whose field the alert lacks.
func distance(t Test) int {
	if !t.combines() && t.Has == "" {
		return 1
	}
	return 0
}

// Why says in words what became of the route: of one that does not match the nearest matcher and both values, "asks for severity:
// high; this is medium"; of one that was not asked who took the alert. Alert text in it is quoted and bounded.
func (b Branch) Why() string {
	switch {
	case b.Outcome == Taken:
		return b.Reason
	case b.Outcome == Unasked && b.inside():
		return "not asked, because " + b.By + " around it does not match"
	case b.Outcome == Unasked:
		return "not asked, " + b.By + " took it"
	}
	missed := b.Missed()
	if len(missed) == 0 {
		return b.Reason
	}
	why := "asks for " + missed[0].String() + "; " + missed[0].there()
	if more := len(missed) - 1; more == 1 {
		why += " (and 1 more matcher fails)"
	} else if more > 1 {
		why += " (and " + strconv.Itoa(more) + " more matchers fail)"
	}
	return why
}

// NearestMiss is the route that came nearest to taking an alert of those that were asked and do not match: the one with the fewest
// matchers that fail, and of these the one with the most that hold. It is nil where there is none.
func NearestMiss(branches []Branch) *Branch {
	var best *Branch
	for i := range branches {
		b := &branches[i]
		for _, other := range []*Branch{b, NearestMiss(b.Branches)} {
			if other != nil && other.Outcome == Missed && (best == nil || other.nearer(best)) {
				best = other
			}
		}
	}
	return best
}

func (b *Branch) nearer(than *Branch) bool {
	failed, most := len(b.Missed()), len(than.Missed())
	return failed < most || failed == most && len(b.Tests) > len(than.Tests)
}

// EachBranch visits the routes that were asked, and those beside them that were not. What lies inside a route that was not taken is
// left out.
func EachBranch(branches []Branch, visit func(*Branch)) {
	for i := range branches {
		visit(&branches[i])
		if branches[i].Outcome == Taken {
			EachBranch(branches[i].Branches, visit)
		}
	}
}
