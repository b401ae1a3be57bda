package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/display"
)

var (
	//go:embed report.html.tmpl
	pageSource string
	//go:embed report.css
	style string
)

// maxHTML is the most bytes that a report has. What does not fit of the changes is counted.
const maxHTML = 200_000

// What a report shows at most, so that any input makes one that people can read.
const (
	maxCharts      = 12
	maxMarks       = 400 // bars in all charts of receivers together
	maxRows        = 60  // of receivers in a table
	maxName        = 60  // characters
	maxTitle       = 120
	maxSuggestions = 10
	maxCauses      = 20
	maxDamaged     = 20
	maxFiles       = 5
)

// HTML writes the report as one file: no script, nothing from elsewhere, charts with a table each, light and dark, to look at and to
// print. It has at most 200,000 bytes.
func HTML(w io.Writer, r *backtest.Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{"thousands": display.Thousands}).Parse(pageSource)
	if err != nil {
		return fmt.Errorf("read the report's own template: %w", err)
	}
	p := newPage(r)
	render := func(changes int) ([]byte, error) {
		p.Changes = changesOf(r, changes)
		var b bytes.Buffer
		err := t.Execute(&b, p)
		return b.Bytes(), err
	}
	out, err := render(len(r.Changes))
	if err == nil && len(out) > maxHTML {
		fit := sort.Search(len(r.Changes), func(n int) bool {
			out, err := render(n + 1)
			return err != nil || len(out) > maxHTML
		})
		out, err = render(fit)
	}
	if err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	_, err = w.Write(out)
	return err
}

type htmlPage struct {
	Policy, Title       string
	Style               template.CSS
	Dates, Read, Effort string
	Config, Against     string
	Stopped             string
	Compared            bool
	Scope, Zone, Night  string
	Figures             []htmlFigure
	Quiet, QuietWhy     string // what is said in the place of the charts, where there is nothing to draw
	Silent              string
	Heat                *htmlHeat
	Rules               *htmlNoisy
	Agents, Sources     *htmlNoisy
	Receivers           htmlReceivers
	Saved               *htmlSaved
	Suggestions         *htmlSuggestions
	Changes             *htmlChanges
	Damaged             bool
	DamagedTitle        string
	DamagedMore         string
	DamagedRows         []htmlDamage
}

type htmlFigure struct {
	figure
	Chip *htmlChip
}

type htmlChip struct{ Words, Class string }

type htmlHeat struct {
	Title        string
	Wide, Narrow template.HTML
	Steps        []string
	Table        struct {
		Days []string
		Rows []htmlHour
	}
}

type htmlHour struct {
	Hour  string
	Cells []string
}

type htmlNoisy struct {
	Title    template.HTML
	Sub      string
	Kind     string
	Compared bool
	Most     int
	Rows     []htmlNoise
}

type htmlNoise struct {
	Key, Title, About string
	Words, YAML       string
	Chart             template.HTML
	Before, After     int
}

type htmlReceivers struct {
	Title, Unit, UnitTitle string
	First, Last            string
	Gaps, More             string
	Charts, Rows           []htmlReceiver
	Periods                []htmlPeriod
}

type htmlReceiver struct {
	Name, About        string
	Chart              template.HTML
	Most               int
	Before, After      int
	NightBefore, Night int
	Alerts, Updates    int
	Busiest            string
}

type htmlPeriod struct {
	Name  string
	Gap   bool
	Cells []string
}

type htmlSaved struct {
	Title  string
	Causes []cause
}

type htmlSuggestions struct {
	Title string
	Items []htmlSuggestion
}

type htmlSuggestion struct{ Words, Tried, YAML string }

type htmlChanges struct {
	Title, Note string
	Groups      []*htmlChangeGroup
}

type htmlChangeGroup struct {
	Sign, Class, Why string
	Words            template.HTML
	Rows             []htmlChange
}

type htmlChange struct{ Time, Alert, Title string }

type htmlDamage struct{ Place, Text string }

// rich is a text in HTML: what comes from an alert is isolated, so that its direction stays its own.
func rich(t display.Text) template.HTML {
	return template.HTML(t.Render(html.EscapeString, func(s string) string { return "<bdi>" + html.EscapeString(s) + "</bdi>" })) // #nosec: every part is escaped
}

func newPage(r *backtest.Report) *htmlPage {
	sum := sha256.Sum256([]byte(style))
	days, dates := covers(r)
	p := &htmlPage{
		Policy:   "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Style:    template.CSS(style),
		Title:    "No alerts to run through the routes",
		Dates:    dates,
		Read:     readWords(r),
		Effort:   "Read " + filesWords(r) + ".",
		Config:   cut(shown(r.Config), maxTitle),
		Against:  cut(shown(r.Against), maxTitle),
		Stopped:  stoppedWords(r),
		Compared: compared(r),
		Scope:    scope(r),
		Zone:     zone(r).String(),
	}
	if days != "" {
		p.Title = days + " of alerts through the routes"
		if p.Compared {
			p.Title = days + " of alerts through the new routes"
		}
	}
	if r.NightOf.From != r.NightOf.To {
		p.Night = nightWords(r.NightOf)
	}
	for _, f := range figures(r) {
		x := htmlFigure{figure: f}
		if words, way := difference(f.Before, f.After); p.Compared && words != "" {
			x.Chip = &htmlChip{words, [3]string{"less", "", "more"}[way+1]}
		}
		p.Figures = append(p.Figures, x)
	}
	if n := r.Read.Damaged; n > 0 || len(r.Damaged) > 0 {
		p.Damaged = true
		p.DamagedTitle = count(max(n, len(r.Damaged)), "damaged line")
		first := r.Damaged[:min(len(r.Damaged), maxDamaged)]
		if n > len(first) {
			p.DamagedMore = "The first " + display.Thousands(len(first)) + ":"
		}
		for _, d := range first {
			p.DamagedRows = append(p.DamagedRows, htmlDamage{damagePlace(d), cut(line(d.Text), 200)})
		}
	}
	before, after := outcomes(r)
	if r.Read.Alerts == 0 {
		p.Quiet, p.QuietWhy = "No alert was read", "Give files that hold alerts: alerts.json, alerts.log, their .gz, or a folder of them."
		return p
	}
	if before.Messages+after.Messages > 0 {
		p.Heat = heatOf(r, after)
	} else {
		p.Silent = nothingTold
	}
	p.Receivers = receiversOf(r)
	p.Rules = noisyOf(r, "rule", r.Rules, 300)
	p.Agents = noisyOf(r, "agent", r.Agents, 150)
	p.Sources = noisyOf(r, "source", r.Sources, 150)
	if c := causes(r); len(c) > 0 {
		c = c[:min(len(c), maxCauses)]
		p.Saved = &htmlSaved{savedFinding(r), c}
	}
	p.Suggestions = suggestionsOf(r)
	return p
}

func heatOf(r *backtest.Report, after *backtest.Outcome) *htmlHeat {
	before, _ := outcomes(r)
	title := heatFinding(after.Heat, len(r.Days))
	most := mostHeat(after.Heat)
	h := &htmlHeat{Title: title, Wide: heatWide(r, title), Narrow: heatNarrow(r, title), Steps: stepWords(bounds(most), most)}
	for _, d := range weekdays {
		h.Table.Days = append(h.Table.Days, d[:3])
	}
	for hour := range 24 {
		row := htmlHour{Hour: fmt.Sprintf("%02d:00", hour)}
		for d := range 7 {
			row.Cells = append(row.Cells, change(r, before.Heat[d][hour], after.Heat[d][hour]))
		}
		h.Table.Rows = append(h.Table.Rows, row)
	}
	return h
}

// change is a number, or two: "12 → 3" where there are two configs.
func change(r *backtest.Report, before, after int) string {
	if !compared(r) || before == after {
		return display.Thousands(after)
	}
	return display.Thousands(before) + " → " + display.Thousands(after)
}

func noisyOf(r *backtest.Report, kind string, noisy []backtest.Noisy, width int) *htmlNoisy {
	if len(noisy) == 0 {
		return nil
	}
	out := &htmlNoisy{Title: rich(noisyFinding(r, kind, noisy)), Kind: strings.ToUpper(kind[:1]) + kind[1:], Compared: compared(r)}
	out.Sub = "The noisiest " + kind + "s, by messages."
	if out.Compared {
		out.Sub = "The noisiest " + kind + "s: messages before (ring) and after (dot)."
	}
	noisy = noisy[:min(len(noisy), 10)]
	for _, n := range noisy {
		out.Most = max(out.Most, n.Now.Messages, n.Then.Messages)
	}
	for _, n := range noisy {
		row := htmlNoise{
			Key: cut(line(n.Key), maxName), Title: cut(line(n.Title), maxTitle), About: costWords(r, n), Words: cut(shown(n.Words), 200),
			YAML: cut(block(n.Help), 300), Chart: dots(r, n, out.Most, width), Before: n.Now.Messages, After: n.Now.Messages,
		}
		if row.Key == "" {
			row.Key = "(none)"
		}
		if out.Compared {
			row.After = n.Then.Messages
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// costWords is what stands beside the messages of a rule: "2,380 alerts, pages 12 → 3, 2 → 1 at night".
func costWords(r *backtest.Report, n backtest.Noisy) string {
	s := count(n.Alerts, "alert")
	after := n.Now
	if compared(r) {
		after = n.Then
	}
	if n.Now.Pages+after.Pages == 0 {
		return s
	}
	pages, night := change(r, n.Now.Pages, after.Pages)+" pages", ""
	if pages == "1 pages" {
		pages = "1 page"
	}
	if n.Now.NightPages+after.NightPages > 0 {
		night = ", " + change(r, n.Now.NightPages, after.NightPages) + " at night"
	}
	return strings.ReplaceAll(s+", "+pages+night, " → ", "\u00a0→\u00a0") // not broken there
}

func receiversOf(r *backtest.Report) htmlReceivers {
	unit, ps := periods(r)
	out := htmlReceivers{Title: receiverFinding(r), Unit: unit, UnitTitle: strings.ToUpper(unit[:1]) + unit[1:]}
	if len(ps) > 0 {
		out.First, out.Last = ps[0].Short, ps[len(ps)-1].Short
		if len(ps) < fewBars { // the last bar does not stand at the end
			out.First, out.Last = out.First+" to "+out.Last, ""
			if len(ps) == 1 {
				out.First = ps[0].Short
			}
		}
	}
	gaps := 0
	for _, p := range ps {
		if p.Gap {
			gaps++
		}
	}
	if gaps > 0 {
		out.Gaps = count(gaps, unit) + " without any alert: a gap."
	}
	all := sortedReceivers(r)
	charted := all[:min(len(all), maxCharts, max(maxMarks/max(len(ps), 1), 1))]
	for i, x := range all[:min(len(all), maxRows)] {
		row := htmlReceiver{Name: cut(line(x.Name), maxName), About: cut(about(x), 100), Before: x.Now.Messages, NightBefore: x.Now.Night}
		o := x.Now
		if compared(r) {
			o = x.Then
		}
		row.After, row.Night, row.Alerts, row.Updates, row.Busiest = o.Messages, o.Night, o.Alerts, o.Updates, busiest(r, o)
		if i < len(charted) {
			row.Chart, row.Most = bars(r, x, unit, ps)
			out.Charts = append(out.Charts, row)
		}
		out.Rows = append(out.Rows, row)
	}
	if more := len(all) - len(charted); more > 0 {
		out.More = count(more, "receiver") + " with fewer messages stand in the table alone."
	}
	for _, p := range ps {
		row := htmlPeriod{Name: p.Long, Gap: p.Gap}
		for _, x := range charted {
			n := p.sum(x.Now.Days)
			if compared(r) {
				row.Cells = append(row.Cells, change(r, n, p.sum(x.Then.Days)))
			} else {
				row.Cells = append(row.Cells, display.Thousands(n))
			}
		}
		out.Periods = append(out.Periods, row)
	}
	return out
}

// about says what kind of receiver one is: "slack #soc", "pagerduty, pages", "splunk, always".
func about(x backtest.Receiver) string {
	s := line(x.Channel)
	if p := place(x); p != "" {
		s += " " + p
	}
	if x.Pages {
		s += ", pages"
	}
	if x.Always {
		s += ", always"
	}
	return s
}

// busiest is the hour in which most came.
func busiest(r *backtest.Report, o backtest.ReceiverOutcome) string {
	if o.Busiest == 0 {
		return ""
	}
	return display.Thousands(o.Busiest) + " from " + o.BusiestAt.In(zone(r)).Format("2 Jan 15:04")
}

func savedFinding(r *backtest.Report) string {
	before, after := outcomes(r)
	if compared(r) {
		return "Not told by themselves: " + count(savedSum(after), "alert") + ", " + display.Thousands(savedSum(before)) + " before"
	}
	return "Not told by themselves: " + count(savedSum(after), "alert")
}

func suggestionsOf(r *backtest.Report) *htmlSuggestions {
	if len(r.Suggestions) == 0 {
		return nil
	}
	out := &htmlSuggestions{Title: count(len(r.Suggestions), "change") + " would make " + noisyOne(r) + " quieter"}
	for _, s := range r.Suggestions[:min(len(r.Suggestions), maxSuggestions)] {
		out.Items = append(out.Items, htmlSuggestion{cut(shown(s.Words), 300), tried(s), cut(block(s.YAML), 600)})
	}
	return out
}

// tried says what a suggestion made of it, and where its lines go.
func tried(s backtest.Suggestion) string {
	var out []string
	if s.Before > 0 {
		out = append(out, fmt.Sprintf("%s → %s", count(s.Before, "message"), display.Thousands(s.After)))
	}
	switch {
	case s.YAML == "":
	case s.Route != "":
		out = append(out, "paste into route "+cut(line(s.Route), 80))
	default:
		out = append(out, "paste as the last route")
	}
	return strings.Join(out, "; ")
}

// changesOf are the first n changes, those alike in one group.
func changesOf(r *backtest.Report, n int) *htmlChanges {
	if !compared(r) {
		return nil
	}
	title := "Nobody is told of anything more, or less"
	if r.ChangeCount > 0 {
		title = "The new config changes who is told in " + count(r.ChangeCount, "case")
	}
	out := &htmlChanges{Title: title}
	if r.ChangeCount > 0 {
		out.Note = "Alert by alert: + is told only by the new config, − only by the old one."
		if n < r.ChangeCount {
			out.Note += " Here are " + display.Thousands(n) + ", the first of each kind; " + display.Thousands(r.ChangeCount-n) + " more are counted alone."
		}
	}
	layout := "2 Jan 15:04:05"
	if r.From.Year() != r.To.Year() {
		layout = "2 Jan 2006 15:04:05"
	}
	type key struct {
		receiver, rule, severity, why string
		added                         bool
	}
	by := map[key]*htmlChangeGroup{}
	heads := map[*htmlChangeGroup]key{}
	for _, c := range backtest.Spread(r.Changes, n) {
		k := key{c.Receiver, c.Rule, c.Severity, c.Why, c.Added}
		g := by[k]
		if g == nil {
			g = &htmlChangeGroup{Sign: "−", Class: "minus", Why: cut(whyWords(c.Why), 200)}
			if c.Added {
				g.Sign, g.Class = "+", "plus"
			}
			by[k], heads[g] = g, k
			out.Groups = append(out.Groups, g)
		}
		g.Rows = append(g.Rows, htmlChange{c.Time.In(zone(r)).Format(layout), cut(line(c.Alert), 60), cut(shown(c.Title), maxTitle)})
	}
	slices.SortStableFunc(out.Groups, func(a, b *htmlChangeGroup) int { return len(b.Rows) - len(a.Rows) })
	for g, k := range heads {
		g.Words = rich(display.Join(display.Words(count(len(g.Rows), strings.TrimSpace(line(k.severity)+" alert"))+" of rule "), display.Quote(k.rule).Line().Cut(40), display.Words(" to "),
			display.Quote(k.receiver).Line().Cut(60)))
	}
	return out
}

func damagePlace(d backtest.Damage) string {
	if d.Line > 0 {
		return fmt.Sprintf("%s:%d", cut(shown(d.File), maxTitle), d.Line)
	}
	return cut(shown(d.File), maxTitle)
}

// filesWords names what was read, and how long that took.
func filesWords(r *backtest.Report) string {
	if len(r.Files) == 0 {
		return "no file"
	}
	var names []string
	for _, f := range r.Files[:min(len(r.Files), maxFiles)] {
		names = append(names, cut(shown(f), maxTitle))
	}
	if more := len(r.Files) - len(names); more > 0 {
		names = append(names, count(more, "other file"))
	}
	return display.List(names) + ": " + effort(r)
}
