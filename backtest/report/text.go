package report

import (
	"fmt"
	"image/color"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/display"
)

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	fewer = lipgloss.NewStyle().Foreground(lipgloss.Color("#2E9E8F"))
	more  = lipgloss.NewStyle().Foreground(lipgloss.Color("#D9480F"))
	// shades are the steps of the heat map. The signs differ where there is no colour.
	shades = [5]struct {
		sign  string
		color color.Color
	}{
		{" ·", lipgloss.Color("#7A869A")}, {"░░", lipgloss.Color("#8FA3C7")}, {"▒▒", lipgloss.Color("#6C95EA")}, {"▓▓", lipgloss.Color("#4F7BE0")}, {"██", lipgloss.Color("#3F6AD0")},
	}
)

// What the terminal shows of each, before the rest is counted.
const (
	textChanges   = 20
	textDamaged   = 5
	textReceivers = 30
	minWidth      = 60
	leastLast     = 28 // what the last column of a table has, before others are left out
)

// Text writes the report for a terminal of so many columns. w takes styles, and drops those that its terminal does not know.
func Text(w io.Writer, r *backtest.Report, width int) error {
	t := &text{r: r, width: max(width, minWidth)}
	t.headline()
	before, after := outcomes(r)
	if before.Messages+after.Messages > 0 {
		t.heat()
	} else if r.Read.Alerts > 0 {
		t.say("%s", nothingTold)
	}
	if r.Read.Alerts > 0 {
		t.receivers()
		t.noisy("rule", r.Rules)
		t.noisy("agent", r.Agents)
		t.noisy("source", r.Sources)
		t.saved()
		t.suggestions()
		t.changes()
	}
	t.damaged()
	_, err := io.WriteString(w, t.String())
	return err
}

type text struct {
	strings.Builder
	r     *backtest.Report
	width int
}

// say writes a sentence, wrapped.
func (t *text) say(format string, args ...any) {
	fmt.Fprintln(t, lipgloss.Wrap(fmt.Sprintf(format, args...), t.width, ""))
}

// title begins a section.
func (t *text) title(words string) { t.say("\n%s", bold.Render(words)) }

func (t *text) headline() {
	r := t.r
	before, after := outcomes(r)
	about := readWords(r) + "."
	if days, dates := covers(r); days != "" {
		about = fmt.Sprintf("%s, %s (%s): %s", days, dates, zone(r), about)
	}
	switch {
	case compared(r):
		about += " " + cut(shown(r.Config), maxTitle) + " against " + cut(shown(r.Against), maxTitle) + "."
	case r.Read.Alerts > 0:
		about += fmt.Sprintf(" %s, %s", bold.Render(count(after.Messages, "message")), bold.Render(count(after.Pages, "page")))
		if after.Pages > 0 && r.NightOf.From != r.NightOf.To {
			about += fmt.Sprintf(", %s of them at night (%s)", display.Thousands(after.NightPages), nightWords(r.NightOf))
		}
		about += "; " + count(after.Nobody, "alert") + " told to nobody."
		if s := scope(r); s != "all receivers" {
			about += " Counted are " + s + "."
		}
	default:
		about += " Give files that hold alerts: alerts.json, alerts.log, their .gz, or a folder of them."
	}
	if n := len(r.Gaps); n > 0 {
		about += " " + count(n, "day") + " without any alert: " + fewDays(slices.Sorted(maps.Keys(r.Gaps))) + "."
	}
	t.say("%s", about)
	if s := stoppedWords(r); s != "" {
		t.say("%s", more.Render(s))
	}
	if !compared(r) || r.Read.Alerts == 0 {
		return
	}
	tab := table{columns: []column{{}, {right: true, name: "BEFORE"}, {right: true, name: "AFTER"}, {}, {}}}
	for _, f := range figures(r) {
		words, way := difference(f.Before, f.After)
		tab.add(f.Name, display.Thousands(f.Before), bold.Render(display.Thousands(f.After)), directed(words, way), faint.Render(f.Note))
	}
	tab.add("Not told by themselves", display.Thousands(savedSum(before)), bold.Render(display.Thousands(savedSum(after))), "", faint.Render("alerts"))
	t.WriteByte('\n')
	tab.write(t, t.width)
}

// directed is a difference in the colour of its way.
func directed(words string, way int) string {
	switch way {
	case -1:
		return fewer.Render(words)
	case 1:
		return more.Render(words)
	}
	return words
}

func (t *text) heat() {
	_, after := outcomes(t.r)
	most := mostHeat(after.Heat)
	b := bounds(most)
	t.title(heatFinding(after.Heat, len(t.r.Days)))
	t.WriteString("    ")
	for h := range 24 {
		hour := fmt.Sprintf(" %02d", h)
		if isNight(t.r.NightOf, h) {
			t.WriteString(bold.Render(hour))
		} else {
			t.WriteString(faint.Render(hour))
		}
	}
	t.WriteByte('\n')
	for d, hours := range after.Heat {
		t.WriteString(weekdays[d][:3] + " ")
		for _, n := range hours {
			s := shades[step(b, n)]
			t.WriteString(" " + lipgloss.NewStyle().Foreground(s.color).Render(s.sign))
		}
		t.WriteByte('\n')
	}
	var legend []string
	for i, words := range stepWords(b, most) {
		legend = append(legend, lipgloss.NewStyle().Foreground(shades[i].color).Render(strings.TrimSpace(shades[i].sign))+" "+words)
	}
	note := ""
	if t.r.NightOf.From != t.r.NightOf.To {
		note = ". Night is " + nightWords(t.r.NightOf)
	}
	t.say("    %s", strings.Join(legend, "   "))
	t.say("%s", faint.Render("Messages by weekday and hour, "+scope(t.r)+note+"."))
}

func (t *text) receivers() {
	r := t.r
	t.title(receiverFinding(r))
	tab := table{columns: []column{{name: "RECEIVER", most: 24}, {name: "CHANNEL", most: 24}}}
	if compared(r) {
		tab.columns = append(tab.columns, column{name: "BEFORE", right: true}, column{name: "AFTER", right: true}, column{name: "", most: 18})
	} else {
		tab.columns = append(tab.columns, column{name: "ALERTS", right: true}, column{name: "MESSAGES", right: true}, column{name: "UPDATES", right: true, optional: true})
	}
	tab.columns = append(tab.columns, column{name: "NIGHT", right: true}, column{name: "BUSIEST HOUR", optional: true})
	all := sortedReceivers(r)
	for _, x := range all[:min(len(all), textReceivers)] {
		row := []string{line(x.Name), about(x)}
		o := x.Now
		if compared(r) {
			o = x.Then
			words, way := difference(x.Now.Messages, o.Messages)
			row = append(row, display.Thousands(x.Now.Messages), bold.Render(display.Thousands(o.Messages)), directed(words, way))
		} else {
			row = append(row, display.Thousands(o.Alerts), bold.Render(display.Thousands(o.Messages)), display.Thousands(o.Updates))
		}
		tab.add(append(row, change(r, x.Now.Night, o.Night), busiest(r, o))...)
	}
	tab.write(t, t.width)
	if n := len(all) - textReceivers; n > 0 {
		t.say("And %s with fewer messages: --format csv has all.", count(n, "receiver"))
	}
}

func (t *text) noisy(kind string, noisy []backtest.Noisy) {
	r := t.r
	if len(noisy) == 0 {
		return
	}
	t.title(noisyFinding(r, kind, noisy).String())
	tab := table{columns: []column{{name: strings.ToUpper(kind), most: 30}, {name: "ALERTS", right: true}}}
	if compared(r) {
		tab.columns = append(tab.columns, column{name: "BEFORE", right: true}, column{name: "AFTER", right: true})
	} else {
		tab.columns = append(tab.columns, column{name: "MESSAGES", right: true})
	}
	tab.columns = append(tab.columns, column{name: "PAGES", right: true}, column{name: "NIGHT", right: true, optional: true}, column{})
	for _, n := range noisy[:min(len(noisy), 10)] {
		key := line(n.Key)
		if key == "" {
			key = "(none)"
		}
		row, after := []string{key, display.Thousands(n.Alerts)}, n.Now
		if compared(r) {
			after = n.Then
			row = append(row, display.Thousands(n.Now.Messages))
		}
		tab.add(append(row, bold.Render(display.Thousands(after.Messages)), change(r, n.Now.Pages, after.Pages), change(r, n.Now.NightPages, after.NightPages), line(n.Title))...)
	}
	tab.write(t, t.width)
}

func (t *text) saved() {
	r := t.r
	all := causes(r)
	if len(all) == 0 {
		return
	}
	t.title(savedFinding(r))
	var tab table
	if compared(r) {
		tab.columns = []column{{name: "BEFORE", right: true}, {name: "AFTER", right: true}, {}}
	} else {
		tab.columns = []column{{right: true}, {}}
	}
	for _, c := range all {
		row := []string{display.Thousands(c.After), c.Words}
		if compared(r) {
			row = append([]string{display.Thousands(c.Before)}, row...)
		}
		tab.add(row...)
	}
	tab.write(t, t.width)
}

// fewDays lists the first of some days.
func fewDays(days []string) string {
	const few = 3
	var words []string
	for _, day := range days[:min(few, len(days))] {
		if t, err := time.Parse(time.DateOnly, day); err == nil {
			day = t.Format("2 January 2006")
		}
		words = append(words, day)
	}
	if n := len(days) - few; n > 0 {
		return strings.Join(words, ", ") + " and " + display.Thousands(n) + " more"
	}
	return strings.Join(words, ", ")
}

func (t *text) suggestions() {
	if len(t.r.Suggestions) == 0 {
		return
	}
	t.title("What would make " + noisyOne(t.r) + " quieter")
	for _, s := range t.r.Suggestions[:min(len(t.r.Suggestions), maxSuggestions)] {
		t.say("%s", cut(shown(s.Words), 400))
		if note := tried(s); note != "" {
			t.say("%s", faint.Render("  "+note))
		}
		if s.YAML != "" {
			for _, l := range strings.Split(block(s.YAML), "\n") {
				fmt.Fprintln(t, "    "+l)
			}
		}
	}
}

func (t *text) changes() {
	r := t.r
	if !compared(r) {
		return
	}
	if r.ChangeCount == 0 {
		t.title("Nobody is told of anything more, or less")
		return
	}
	t.title("The new config changes who is told in " + count(r.ChangeCount, "case"))
	tab := table{columns: []column{{}, {most: 20}, {}, {most: 10}, {most: 28}, {}}}
	first := backtest.Spread(r.Changes, textChanges)
	for _, c := range first {
		sign := more.Render("+")
		if !c.Added {
			sign = fewer.Render("-")
		}
		tab.add(sign, line(c.Receiver), c.Time.In(zone(r)).Format("2 Jan 15:04"), line(c.Rule), whyWords(c.Why), shown(c.Title))
	}
	tab.write(t, t.width)
	switch rest := r.ChangeCount - len(first); {
	case rest > 0 && len(r.Changes) == r.ChangeCount:
		t.say("%s more: --html FILE or --format csv shows all.", display.Thousands(rest))
	case rest > 0:
		t.say("%s more: --html FILE or --format csv shows %s.", display.Thousands(rest), display.Thousands(len(r.Changes)))
	}
}

func (t *text) damaged() {
	r := t.r
	n := max(r.Read.Damaged, len(r.Damaged))
	if n == 0 {
		return
	}
	t.title(count(n, "damaged line") + ", left out")
	tab := table{columns: []column{{most: t.width / 2}, {}}}
	first := r.Damaged[:min(len(r.Damaged), textDamaged)]
	for _, d := range first {
		tab.add(damagePlace(d), cut(line(d.Text), 200))
	}
	tab.write(t, t.width)
	if n > len(first) {
		t.say("%s more.", display.Thousands(n-len(first)))
	}
}

// column is one of a table. The last one takes what is left of the width.
type column struct {
	name  string
	right bool
	most  int // columns of the terminal; 0 is no limit
	// optional is one that is left out where not all fit; of several, the first.
	optional bool
}

// table is rows below each other. Cells may be styled.
type table struct {
	columns []column
	rows    [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer, width int) {
	rows, named := t.rows, false
	head := make([]string, len(t.columns))
	for i, c := range t.columns {
		head[i], named = c.name, named || c.name != ""
	}
	if named {
		rows = append([][]string{head}, rows...)
	}
	last := len(t.columns) - 1
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		for _, row := range rows {
			n := lipgloss.Width(row[i])
			if c.most > 0 {
				n = min(n, c.most)
			}
			widths[i] = max(widths[i], n)
		}
	}
	for i, c := range t.columns {
		wanted := slices.Clone(widths)
		wanted[last] = min(wanted[last], leastLast)
		if c.optional && total(wanted) > width {
			widths[i] = 0
		}
	}
	for n, row := range rows {
		var b strings.Builder
		left := width
		for end := len(row) - 1; end > 0 && lipgloss.Width(row[end]) == 0; end-- {
			row = row[:end]
		}
		for i, cell := range row {
			if widths[i] == 0 {
				continue
			}
			if i == last {
				cell = fit(cell, max(min(widths[i], left), 0))
			} else {
				cell = fit(cell, widths[i])
			}
			if named && n == 0 {
				cell = faint.Render(cell)
			}
			pad := strings.Repeat(" ", max(widths[i]-lipgloss.Width(cell), 0))
			if t.columns[i].right {
				cell = pad + cell
			} else {
				cell += pad
			}
			b.WriteString(cell + "  ")
			left -= widths[i] + 2
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// total is how wide a table is, with two columns between its own.
func total(widths []int) int {
	n := -2
	for _, w := range widths {
		if w > 0 {
			n += w + 2
		}
	}
	return n
}

// fit cuts a cell to so many columns. One that is wider than that is never styled.
func fit(s string, width int) string {
	if lipgloss.Width(s) <= width {
		return s
	}
	r := []rune(s)
	r = r[:min(len(r), width)]
	for len(r) > 0 && lipgloss.Width(string(r))+1 > width {
		r = r[:len(r)-1]
	}
	if width <= 0 {
		return ""
	}
	return string(r) + "…"
}
