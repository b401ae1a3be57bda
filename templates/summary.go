package templates

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// digestFamily is the family of messages about many alerts, and the last part of the names of the defines that are for
// them alone: sentence.digest, next.digest.
const digestFamily = "digest"

const (
	// maxSummary is the length of the sentence of a message about many alerts: what Slack's header holds.
	maxSummary = 150
	// maxShown is how many of the alerts are shown as the evidence.
	maxShown = 5
)

// newSummaryData is the data of a message about many alerts. a is the most severe of them, or nil.
func newSummaryData(a *alert.Alert, scale alert.Scale, c Context) *Data {
	s := c.Summary
	if a == nil && len(c.Alerts) > 0 {
		a = c.Alerts[0]
	}
	if a == nil {
		a = &alert.Alert{Rule: alert.Rule{Level: s.Level}, Original: map[string]any{}, Received: s.To}
	}
	r := &family.Reading{
		Family: digestFamily, Class: digestFamily, Object: "-", Count: max(s.Total, 1),
		Host: s.Host, Program: "ossec-notify",
	}
	switch {
	case s.Kind == digest.Group:
		r.Class = "group of alerts"
	case s.Kind.Notice():
		r.Class = "notice"
	}
	if s.Hosts > 1 {
		r.Host = hosts(s.Spread)
	}
	d := newData(a, r, scale, c)
	d.ID = cmp.Or(c.ID, c.Delivery, "-")
	d.Identity = d.ID
	d.Severity = severityOf(s.Highest)
	if s.Kind.Notice() && s.Highest == 0 {
		d.Severity = alert.Info
	}
	if c.Action == "" {
		d.Action = notifier.Digest
	}
	d.DedupKey = summaryKey(s)
	if d.Sample != "" {
		d.DedupKey = "test/" + d.DedupKey
	}
	for _, x := range c.Alerts {
		d.Alerts = append(d.Alerts, NewData(x, scale, Context{Receiver: c.Receiver, Channel: c.Channel, Route: c.Route}))
	}
	var sample *Data
	if len(d.Alerts) > 0 {
		sample = d.Alerts[0]
	}
	w := summaryWords{Summary: s, sample: sample}
	w.times()
	var facts []family.Fact
	r.Sentence, facts = w.sentence()
	r.Facts = append(facts, w.facts()...)
	r.Next = w.next()
	r.Evidence.Text = w.evidence(d.Alerts)
	if tricks := display.Tricks(s.By, s.Why, r.Evidence.Text); tricks != "" {
		r.Note = display.Words("text holds " + tricks + ": shown, not run")
	}
	d.Sentence, d.Next = r.Sentence, r.Next
	d.Facts = d.facts()
	return d
}

// summaryKey is the cause that a message about many alerts has: the digests of a receiver are one thread.
func summaryKey(s *digest.Summary) string {
	switch {
	case s.Kind == digest.Group:
		return "group/" + s.Receiver + "/" + s.Route + "/" + s.By
	case s.Kind.Notice():
		return "storm/" + s.Receiver
	}
	return "digest/" + s.Receiver + "/" + s.Route
}

// Digest reports a message about many alerts whose sentence says by itself how many there were and how bad: all but a
// group, which is told as an alert is.
func (d *Data) Digest() bool { return d.Summary != nil && d.Summary.Kind != digest.Group }

// OneRule is the rule of the alert, or the one of all alerts, or "".
func (d *Data) OneRule() string {
	if d.Summary == nil {
		return d.Rule.ID
	}
	return oneRule(d.Summary)
}

// oneKind reports a group of one kind of alert, to which applies what does to one.
func (d *Data) oneKind() bool {
	return d.Summary.Kind == digest.Group && len(d.Summary.Rows) == 1 && d.Summary.MoreAlerts == 0 && len(d.Alerts) > 0
}

// Kind says what a message about many alerts is.
func (d *Data) Kind() display.Text {
	if d.Summary == nil {
		return nil
	}
	switch d.Summary.Kind {
	case digest.Group:
		return display.Words("group")
	case digest.Scheduled:
		return display.Words("digest")
	case digest.Window:
		return display.Words("digest of what was held")
	case digest.Throttle:
		return display.Words("digest of what was above the rate")
	case digest.Storm:
		return display.Words("digest of a storm")
	case digest.Inhibit:
		return display.Words("digest of what was inhibited")
	case digest.Silence:
		return display.Words("digest of what was silenced")
	}
	return display.Words("notice")
}

// Period is the time that a message about many alerts is about, whole.
func (d *Data) Period() display.Text {
	if d.Summary == nil {
		return nil
	}
	from, to := period(d.Summary)
	if from.IsZero() || from.Equal(to) {
		return stamp(to)
	}
	begin, end := clock(from, to.Location(), true, true)+" to ", stamp(to)
	if date := to.Format("2006-01-02 "); strings.HasPrefix(begin, date) {
		end = display.Words(strings.TrimPrefix(end.Raw(), date))
	}
	return display.Join(display.Words(begin), end)
}

func period(s *digest.Summary) (from, to time.Time) {
	from, to = s.Opened, s.Closed
	if from.IsZero() {
		from = s.From
	}
	if to.IsZero() {
		to = s.To
	}
	if !from.IsZero() {
		to = to.In(from.Location())
	}
	return from, to
}

// summaryWords says what a summary says.
type summaryWords struct {
	*digest.Summary
	sample         *Data // the most severe alert, or nil
	from, to       time.Time
	dates, seconds bool
}

// times decides how exactly times are said.
func (w *summaryWords) times() {
	w.from, w.to = period(w.Summary)
	span := w.to.Sub(w.from)
	w.dates, w.seconds = span >= day, span < 10*time.Minute
}

// between is a span of time as messages say it: "22:01 to 05:58".
func (w *summaryWords) between(from, to time.Time) string {
	zone := w.from.Location()
	a, b := clock(from, zone, w.dates, w.seconds), clock(to, zone, w.dates, w.seconds)
	if a == b {
		return a
	}
	if w.dates && a[:len("2006-01-02")] == b[:len("2006-01-02")] {
		b = b[len("2006-01-02 "):]
	}
	return a + " to " + b
}

// sentence is the first line, and the facts that would stand in it if they were fit for it.
func (w *summaryWords) sentence() (display.Text, []family.Fact) {
	place := cmp.Or(w.Place, w.Receiver)
	switch w.Kind {
	case digest.Group:
		return w.shared(), nil
	case digest.StormBegins:
		text := "Too many alerts: " + w.braked() + " for " + place + " come as digests until the queue is empty"
		if w.Waiting > 0 {
			text += " (" + display.Thousands(w.Waiting) + " waiting)"
		}
		return display.Words(text + ".").CutEnd(maxSummary), nil
	case digest.StormOver:
		text := "Over: " + display.Span(w.to.Sub(w.from)) + ", " + alerts(w.Total) + " in " + plural(w.Digests, "digest", "digests") + "."
		return display.Words(text), nil
	case digest.Silence:
		return w.notSent("Silence over: ")
	case digest.Inhibit:
		return w.notSent("Inhibition over: ")
	}
	text := "Digest for " + place + ": " + alerts(w.Total) + ", " + w.between(w.from, w.to) + ", highest " + severityOf(w.Highest).Word()
	return display.Words(text).CutEnd(maxSummary), nil
}

// shared is the sentence of a group: the one that all its alerts have, or what they have in common.
func (w *summaryWords) shared() display.Text {
	if w.Same && w.sample != nil {
		return w.sample.Sentence
	}
	what := display.Words("Alerts of many kinds")
	if len(w.Rows) > 0 {
		what = whatOf(w.Rows[0])
		if len(w.Rows) > 1 || w.MoreAlerts > 0 {
			what = display.Join(what, display.Words(" and more"))
		}
	}
	elsewhere := func(r digest.Row) bool { // an active response is not from an address, but about one
		return r.Source != w.Source || r.Family == "active_response"
	}
	if family.Clean(w.Source) && len(w.Rows) > 0 && w.MoreAlerts == 0 && !slices.ContainsFunc(w.Rows, elsewhere) {
		what = display.Join(what, display.Words(" from "), display.Quote(w.Source))
	}
	return display.Join(what, w.place()).CutEnd(maxSummary)
}

// place is " on web-01", or " on 3 hosts".
func (w *summaryWords) place() display.Text {
	switch {
	case w.Hosts == 0:
		return nil
	case family.Clean(w.Host):
		return display.Join(display.Words(" on "), display.Quote(w.Host))
	}
	return display.Words(" on " + hosts(w.Spread))
}

// notSent is the sentence about alerts that somebody did not want.
func (w *summaryWords) notSent(begin string) (display.Text, []family.Fact) {
	of := display.Text{}
	if rule := oneRule(w.Summary); rule != "" {
		of = display.Join(display.Words(" of rule "), checked(rule))
	} else if n := rules(w.Summary); n > 1 {
		of = display.Words(" of " + plural(n, "rule", "rules"))
	}
	were := " were not sent"
	if w.Total == 1 {
		were = " was not sent"
	}
	text := display.Join(display.Words(begin+alerts(w.Total)), of, w.place(), display.Words(were))
	end := display.Words(".")
	if w.Why == "" {
		return display.Join(text, end), nil
	}
	room := maxSummary - text.Len() - len(" ().")
	if !family.Clean(w.Why) || room < leastWhy {
		return display.Join(text, end), []family.Fact{{Label: "Why", Value: display.Quote(w.Why)}}
	}
	return display.Join(text, display.Words(" ("), display.Quote(w.Why).CutEnd(room), display.Words(")"), end), nil
}

// leastWhy is how much of a reason must find room in the sentence, or it becomes a fact.
const leastWhy = 20

func (w *summaryWords) facts() []family.Fact {
	var facts []family.Fact
	fact := func(label string, parts ...display.Text) {
		facts = append(facts, family.Fact{Label: label, Value: display.Join(parts...).Line()})
	}
	why := func(before, without string) {
		switch {
		case w.Why != "":
			fact("Why", display.Words(before), display.Quote(w.Why))
		case without != "":
			fact("Why", display.Words(without))
		}
	}
	switch w.Kind {
	case digest.Group:
		if w.By != "" {
			fact("Group", display.Quote(w.By))
		}
	case digest.Scheduled:
		why("a digest every ", "")
	case digest.Window:
		why("held while closed: ", "held while closed")
	case digest.Throttle:
		why("above ", "above the rate")
	case digest.Storm:
		why("too many alerts to send one by one: ", "too many alerts to send one by one")
	case digest.StormOver:
		fact("Storm", display.Words("too many alerts for "+cmp.Or(w.Place, w.Receiver)+", "+w.between(w.from, w.to)))
	}
	for _, r := range w.Rows {
		fact(display.Thousands(r.Count), w.row(r))
	}
	if w.MoreAlerts > 0 {
		fact(display.Thousands(w.MoreAlerts), display.Words("more in "+plural(w.MoreRules, "rule", "rules")))
	}
	return facts
}

// row is a row without its count: "MEDIUM  SSH brute force, 3 hosts, 41 addresses, 22:01 to 05:58".
func (w *summaryWords) row(r digest.Row) display.Text {
	parts := []display.Text{display.Words(severityOf(r.Severity).Word() + "  "), whatOf(r)}
	comma := func(t display.Text) { parts = append(parts, display.Words(", "), t) }
	switch {
	case r.Host != "":
		comma(display.Quote(r.Host))
	case r.Hosts > 0:
		comma(display.Words(hosts(r.Spread)))
	}
	switch {
	case r.Source != "":
		comma(display.Quote(r.Source))
	case r.Sources > 0:
		comma(display.Words(atLeast(r.MoreSources) + plural(r.Sources, "address", "addresses")))
	}
	comma(display.Words(w.between(r.First, r.Last)))
	if r.New {
		comma(display.Words("new this week"))
	}
	return display.Join(parts...)
}

// whatOf is the kind of a row. The description of a rule is alert text.
func whatOf(r digest.Row) display.Text {
	if r.Quoted {
		return display.Quote(r.What)
	}
	return display.Words(r.What)
}

func (w *summaryWords) next() display.Text {
	switch w.Kind {
	case digest.Group:
		if len(w.Rows) == 1 && w.MoreAlerts == 0 && w.sample != nil {
			return w.sample.Next
		}
		return display.Words("Look at the most severe first.")
	case digest.StormBegins:
		return display.Words("Find out what makes them: a scan, a loop, a broken host?")
	case digest.StormOver:
		return display.Words("Nothing, if you know what made them.")
	case digest.Silence:
		return display.Words("Expected? If not, look at them now.")
	case digest.Inhibit:
		return display.Words("Nothing, if one cause explains them all.")
	}
	if slices.ContainsFunc(w.Rows, func(r digest.Row) bool { return r.New }) {
		return display.Words("Look at what is new first.")
	}
	return display.Words("Look for what you do not expect.")
}

// evidence are some of the alerts, a line each: of a group of one kind what made the rule fire, else the sentence.
func (w *summaryWords) evidence(samples []*Data) string {
	var lines []string
	for _, x := range samples[:min(len(samples), maxShown)] {
		at := x.Time
		if at.IsZero() {
			at = x.Received
		}
		line := x.Severity.Word() + "  " + x.Sentence.Raw()
		if !at.IsZero() {
			line = clock(at, w.from.Location(), w.dates, true) + "  " + line
		}
		if w.Kind == digest.Group && len(w.Rows) == 1 {
			if log, _, _ := strings.Cut(strings.TrimSpace(x.Reading.Evidence.Text), "\n"); log != "" {
				line = strings.TrimSpace(log)
			}
		}
		lines = append(lines, display.OneLine(display.Join(display.Quote(line).Cut(maxFact-len(" (id )")-len(x.ID)), display.Quote(" (id "+x.ID+")")).Raw()))
	}
	return strings.Join(lines, "\n")
}

// braked are the severities that come as digests, the highest first.
func (w *summaryWords) braked() string {
	severities := slices.Clone(w.Braked)
	slices.Sort(severities)
	slices.Reverse(severities)
	var words []string
	for _, s := range severities {
		words = append(words, severityOf(s).Word())
	}
	switch n := len(words); n {
	case 0:
		return "the less severe ones"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// oneRule is the rule of all alerts, or "".
func oneRule(s *digest.Summary) string {
	if len(s.Rows) == 0 || s.MoreAlerts > 0 || slices.ContainsFunc(s.Rows, func(r digest.Row) bool { return r.Rule != s.Rows[0].Rule }) {
		return ""
	}
	return s.Rows[0].Rule
}

// rules is how many rules the alerts are of.
func rules(s *digest.Summary) int {
	seen := map[string]bool{}
	for _, r := range s.Rows {
		seen[r.Rule] = true
	}
	return len(seen) + s.MoreRules
}

// severityOf is a severity as a Summary keeps it.
func severityOf(n int) alert.Severity { return alert.Severity(min(max(n, 0), int(alert.Critical))) }

func alerts(n int) string { return plural(n, "alert", "alerts") }

func hosts(s digest.Spread) string {
	return atLeast(s.MoreHosts) + plural(s.Hosts, "host", "hosts")
}

func atLeast(more bool) string {
	if more {
		return "at least "
	}
	return ""
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return display.Thousands(n) + " " + many
}
