package live

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/rules"
)

// maxRoutes is how many routes are shown before those that say little may be folded away.
const maxRoutes = 8

// words are nodes of our own words and alert text; name is a name that stands out.
func words(format string, args ...any) []draw.Node { return draw.Visible(fmt.Sprintf(format, args...)) }

func name(s string) draw.Node { return draw.Node{Kind: draw.Bold, Children: draw.Visible(s)} }

// inWords are names with commas between them, and "and" before the last.
func inWords(names []string) []draw.Node {
	var out []draw.Node
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1:
			out = append(out, words(" and ")...)
		case i > 0:
			out = append(out, words(", ")...)
		}
		out = append(out, name(n))
	}
	return out
}

// say tells who is told and who is not, and why.
func (r *revision) say(out *page.Preview, a *alert.Alert, d *explain.Explanation) {
	out.Told = sentences(d.Told())
	tree := r.cfg.Table.Tree(a)
	w := routeRows{d: d, cfg: r.cfg, rows: []page.RouteRow{}}
	w.always(r.cfg.Table.Always)
	w.branches(tree, 0)
	w.defaults(r.cfg.Table.Default)
	nearest := rules.NearestMiss(tree)
	if len(w.rows) > maxRoutes {
		for i, row := range w.rows {
			w.rows[i].Far = row.Verdict != verdictTakes && (nearest == nil || row.Route != nearest.Route)
		}
	}
	out.Routes = w.rows
	out.NotTold = []page.NotTold{}
	now := map[string]bool{}
	for _, c := range d.Choices {
		now[c.Receiver] = now[c.Receiver] || c.After == 0
	}
	for _, rc := range r.cfg.Receivers {
		if !now[rc.Name] {
			out.NotTold = append(out.NotTold, page.NotTold{Receiver: rc.Name, Channel: rc.Channel.Name, Reason: notTold(&r.cfg.Table, a, rc.Name, d.Choices)})
		}
	}
	if !slices.ContainsFunc(d.Choices, func(c rules.Choice) bool { return c.After == 0 }) {
		out.Nobody = r.nobody(d, nearest)
	}
}

// sentences say who is told by which route now, and who is not yet.
func sentences(t explain.Telling) []draw.Node {
	out := words("Nobody is told.")
	if now := slices.Concat(t.Now, t.Outside); len(now) > 0 {
		out = append(words("Told: "), byRouteWords(now)...)
	}
	if len(t.Held) > 0 {
		out = append(append(out, words(" Held until its times: ")...), byRouteWords(t.Held)...)
	}
	if len(t.Silenced) > 0 {
		out = append(append(out, words(" Silenced: ")...), byRouteWords(t.Silenced)...)
	}
	return out
}

// byRouteWords name the receivers of each route, those of always last: who always hears says least.
func byRouteWords(choices []rules.Choice) []draw.Node {
	routes := explain.ByRoute(choices)
	slices.SortStableFunc(routes, func(a, b []rules.Choice) int {
		switch rules.Always {
		case a[0].Route:
			return 1
		case b[0].Route:
			return -1
		}
		return 0
	})
	var out []draw.Node
	for i, of := range routes {
		if i > 0 {
			out = append(out, words("; ")...)
		}
		var names []string
		for _, c := range of {
			to := c.Receiver
			if c.Alias != "" {
				to += " (as " + c.Alias + ")"
			}
			names = append(names, to)
		}
		out = append(out, inWords(names)...)
		switch route := of[0].Route; route {
		case rules.Always:
			verb := "gets"
			if len(names) > 1 {
				verb = "get"
			}
			out = append(out, words(" always %s everything", verb)...)
		case rules.Default:
			out = append(out, words(" by default, because no route takes it")...)
		default:
			out = append(append(out, words(" by route ")...), name(route))
		}
	}
	return append(out, words(".")...)
}

// What a route did with an alert.
const (
	verdictTakes   = "takes"
	verdictMisses  = "misses"
	verdictUnasked = "unasked"
)

// routeRows makes a row of every route.
type routeRows struct {
	d    *explain.Explanation
	cfg  *config.Config
	rows []page.RouteRow
}

func (w *routeRows) always(to []string) {
	if len(to) > 0 {
		w.rows = append(w.rows, page.RouteRow{Route: rules.Always, Verdict: verdictTakes, Reason: words("every alert, beside the routes"), To: to})
	}
}

func (w *routeRows) defaults(to []string) {
	if len(to) == 0 {
		return
	}
	row := page.RouteRow{Route: rules.Default, Verdict: verdictUnasked, Reason: words("only for alerts that no route takes"), To: []string{}}
	if w.d.Defaulted {
		row.Verdict, row.Reason, row.To = verdictTakes, words("no route takes this alert"), to
	}
	w.rows = append(w.rows, row)
}

func (w *routeRows) branches(branches []rules.Branch, depth int) {
	for _, b := range branches {
		row := page.RouteRow{Route: b.Route, To: []string{}, Depth: depth}
		switch b.Outcome {
		case rules.Taken:
			row.Verdict, row.Reason = verdictTakes, heldWords(b)
			w.tell(&row, b)
			if !b.Continue {
				row.Reason = append(row.Reason, words("; the search ends here")...)
			}
		case rules.Missed:
			row.Verdict, row.Reason = verdictMisses, missedWords(b)
		default:
			row.Verdict, row.Reason = verdictUnasked, unaskedWords(b)
		}
		w.rows = append(w.rows, row)
		w.branches(b.Branches, depth+1)
	}
}

func code(s string) draw.Node { return draw.Node{Kind: draw.Code, Children: draw.Visible(s)} }

// heldWords are the matchers of a route that took the alert, and what they found.
func heldWords(b rules.Branch) []draw.Node {
	var out []draw.Node
	for i, t := range b.Tests {
		if i > 0 {
			out = append(out, words(" and ")...)
		}
		out = append(out, code(t.String()))
	}
	switch len(b.Tests) {
	case 0:
		return draw.Visible(b.Reason)
	case 1:
		return append(out, words(" holds: %s", b.Reason)...)
	}
	return append(out, words(" hold: %s", b.Reason)...)
}

// missedWords are the nearest of the matchers that do not hold, and both values.
func missedWords(b rules.Branch) []draw.Node {
	why := b.Why()
	if tests := b.Missed(); len(tests) > 0 {
		if rest, ok := strings.CutPrefix(why, "asks for "+tests[0].String()); ok {
			return append(append(words("asks for "), code(tests[0].String())), draw.Visible(rest)...)
		}
	}
	return draw.Visible(why)
}

// unaskedWords name who kept a route from being asked.
func unaskedWords(b rules.Branch) []draw.Node {
	before, after, found := strings.Cut(b.Why(), b.By)
	if b.By == "" || !found {
		return draw.Visible(b.Why())
	}
	return append(append(draw.Visible(before), name(b.By)), draw.Visible(after)...)
}

// tell adds whom a route tells that took the alert, and what holds for that.
func (w *routeRows) tell(row *page.RouteRow, b rules.Branch) {
	if !b.Decides {
		row.Reason = append(row.Reason, words("; a route inside it decides")...)
		return
	}
	for _, c := range w.d.Choices {
		if c.Route == row.Route && c.After == 0 && !slices.Contains(row.To, c.Receiver) {
			row.To = append(row.To, c.Receiver)
		}
		if c.Route == row.Route && c.Alias != "" {
			if note := c.Alias + " now: " + c.Note; !slices.Contains(row.Notes, note) {
				row.Notes = append(row.Notes, note)
			}
		}
	}
	if len(row.To) == 0 {
		why := "; who is to be told is told already"
		switch {
		case b.Nobody:
			why = "; nobody is told, on purpose"
		case slices.ContainsFunc(w.d.Choices, func(c rules.Choice) bool { return c.Route == row.Route }):
			why = "; nobody is told at once"
		}
		row.Reason = append(row.Reason, words("%s", why)...)
	}
	for _, s := range w.d.Settings {
		if s.Route != row.Route {
			continue
		}
		if s.Times != "" {
			state := "held"
			if s.Open {
				state = "goes out"
			}
			row.Notes = append(row.Notes, fmt.Sprintf("%s: at %s its times are %s", state, w.d.At.In(w.cfg.Zone).Format("Mon 15:04 MST"), s.Times))
		}
		row.Notes = append(row.Notes, s.Words...)
	}
	for _, s := range w.d.Silences {
		standing := noise.StandingOf(s, w.cfg.Scale, w.cfg.Zone, w.d.At)
		row.Notes = append(row.Notes, fmt.Sprintf("silenced by %s, %s: %s", s.ID, noise.TimesOf(s, standing, w.cfg.Zone, w.d.At), display.Quote(s.Reason).Line()))
	}
}

// notTold says why a receiver is not told.
func notTold(t *rules.Table, a *alert.Alert, receiver string, choices []rules.Choice) []draw.Node {
	for _, c := range choices {
		if c.Receiver == receiver && c.After > 0 {
			return append(words("told after %s by route ", display.Span(c.After)), append([]draw.Node{name(c.Route)}, words(", unless somebody takes it before")...)...)
		}
	}
	chances := t.Chances(a, receiver)
	if len(chances) == 0 {
		return words("no route names it")
	}
	var out []draw.Node
	for i, c := range chances {
		if i > 0 {
			out = append(out, words("; ")...)
		}
		if c.Route == rules.Default {
			out = append(out, words("by default: ")...)
		} else {
			out = append(append(out, words("route ")...), name(c.Route))
			out = append(out, words(": ")...)
		}
		if c.Told { // it is told in another way, or was told by another route
			out = append(out, words("takes the alert, and tells another")...)
			continue
		}
		out = append(out, draw.Visible(c.Why)...)
	}
	return out
}

// nobody says that nobody is told, and what to write so that somebody is.
func (r *revision) nobody(d *explain.Explanation, nearest *rules.Branch) *page.Nobody {
	if d.Suppressed {
		return &page.Nobody{
			Title:  "Nobody, on purpose, by route " + d.SuppressedBy,
			Reason: append(append(words("Route "), name(d.SuppressedBy)), words(" takes this alert and says to: [].")...),
		}
	}
	out := &page.Nobody{Title: "Nobody is told", Reason: words("No route takes this alert, and the config names no default receiver.")}
	if len(d.Verdicts) == 0 {
		out.Reason = words("The config has no route, and names no default receiver.")
	}
	if nearest != nil {
		out.Reason = append(append(append(out.Reason, words(" The nearest is ")...), name(nearest.Route)), words(": it ")...)
		out.Reason = append(append(out.Reason, missedWords(*nearest)...), words(".")...)
	}
	if len(d.Choices) > 0 {
		out.Reason = words("Nobody is told at once: the route that takes it has later steps alone.")
	}
	to := ""
	for _, rc := range r.cfg.Receivers { // one that wakes nobody
		if !rc.Channel.Pages && (to == "" || rc.Channel.Name == "email") {
			to = rc.Name
		}
	}
	if to == "" && len(r.cfg.Receivers) > 0 {
		to = r.cfg.Receivers[0].Name
	}
	if to != "" {
		out.Paste = "default: [" + to + "]\n"
	}
	return out
}

// shownAlert is the head of the page: what the alert is, in the words of its messages, and its own.
func shownAlert(x *listedAlert, cfg *config.Config, a *alert.Alert) page.ShownAlert {
	out := page.ShownAlert{
		ID: x.id, Severity: cfg.Scale.Severity(a.Rule.Level).String(), Level: a.Rule.Level, Rule: x.row.Rule, Title: x.row.Title,
		Facts: []page.ShownFact{}, Original: original(a),
	}
	if !a.Time.IsZero() {
		out.Time = a.Time.Format("15:04:05 MST, 2 January 2006")
	}
	fact := func(label, value string) {
		if strings.TrimSpace(value) != "" {
			out.Facts = append(out.Facts, page.ShownFact{Label: label, Value: draw.Visible(display.OneLine(value))})
		}
	}
	fact("Rule says", a.Rule.Description)
	fact("Agent", x.row.Agent)
	from := a.Source.IP
	if a.Source.Port != "" && from != "" {
		from += " : " + a.Source.Port
	}
	fact("From", from)
	fact("User", a.User)
	fact("Location", a.LogFile)
	fact("MITRE", strings.Join(a.Rule.MITRE.IDs, ", "))
	for _, l := range enrich.Fields(a.Added) {
		fact(l.Name, l.Value)
	}
	fact("Family", strings.ReplaceAll(family.Read(a).Family, "_", " "))
	return out
}

// maxOriginal is how much of an alert is shown as it came, in bytes.
const maxOriginal = 256 << 10

// original is the alert as it came.
func original(a *alert.Alert) draw.Node {
	raw := a.Raw
	more := ""
	if len(raw) > maxOriginal {
		raw, more = raw[:maxOriginal], fmt.Sprintf("\n… %s of %s bytes", display.Thousands(maxOriginal), display.Thousands(len(a.Raw)))
	}
	out := draw.Node{Kind: draw.Pre}
	if a.Format == alert.FormatWazuh || a.Format == alert.FormatOSSEC {
		out.Children = draw.Indented(raw)
	} else {
		out.Children = draw.Visible(string(raw))
	}
	if more != "" {
		out.Children = append(out.Children, draw.Visible(more)...)
	}
	return out
}
