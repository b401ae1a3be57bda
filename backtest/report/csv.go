package report

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/backtest"
)

// csvHeader are the columns: what a row is about, then its numbers, then words.
var csvHeader = []string{"kind", "config", "receiver", "key", "time", "hour", "alerts", "messages", "updates", "pages", "night", "text", "why", "alert", "severity"}

// CSV writes the report for spreadsheets, one row for each thing that was counted, by its kind: total, nobody, saved, receiver, day,
// hour, heat, rule, agent, source, suggestion, change, damaged. docs/backtest.md says which columns each has. A cell that a spreadsheet
// would take for a formula begins with an apostrophe, which it then shows as text.
func CSV(w io.Writer, r *backtest.Report) error {
	c := &csvRows{w: csv.NewWriter(w), r: r}
	c.w.UseCRLF = true // RFC 4180
	_ = c.w.Write(csvHeader)
	before, after := outcomes(r)
	c.outcome("now", before)
	if compared(r) {
		c.outcome("then", after)
	}
	for _, x := range r.Receivers {
		c.receiver("now", x, x.Now)
		if compared(r) {
			c.receiver("then", x, x.Then)
		}
	}
	c.noisy("rule", r.Rules)
	c.noisy("agent", r.Agents)
	c.noisy("source", r.Sources)
	for _, s := range r.Suggestions {
		c.add(csvRow{kind: "suggestion", config: "now", key: line(s.Route), messages: num(s.Before), text: shown(s.Words)})
		c.add(csvRow{kind: "suggestion", config: "tried", key: line(s.Route), messages: num(s.After), text: shown(s.Words)})
	}
	for _, x := range r.Changes {
		config := "now"
		if x.Added {
			config = "then"
		}
		c.add(csvRow{
			kind: "change", config: config, receiver: line(x.Receiver), key: line(x.Rule), time: x.Time.UTC().Format(time.RFC3339), text: shown(x.Title),
			why: shown(x.Why), alert: line(x.Alert), severity: line(x.Severity),
		})
	}
	for _, d := range r.Damaged {
		c.add(csvRow{kind: "damaged", key: damagePlace(d), text: line(d.Text)})
	}
	c.w.Flush()
	return c.w.Error()
}

type csvRows struct {
	w *csv.Writer
	r *backtest.Report
}

// csvRow is one row, its texts in display form; a number that a kind has not is "".
type csvRow struct {
	kind, config, receiver, key, time, hour string
	alerts, messages, updates, pages, night string
	text, why, alert, severity              string
}

// add writes a row. The writer keeps its first error until the end.
func (c *csvRows) add(x csvRow) {
	cells := []string{x.kind, x.config, x.receiver, x.key, x.time, x.hour, x.alerts, x.messages, x.updates, x.pages, x.night, x.text, x.why, x.alert, x.severity}
	for i := range cells {
		cells[i] = noFormula(cells[i])
	}
	_ = c.w.Write(cells)
}

func num(n int) string { return strconv.Itoa(n) }

func (c *csvRows) outcome(config string, o *backtest.Outcome) {
	c.add(csvRow{kind: "total", config: config, alerts: num(o.Told), messages: num(o.Messages), pages: num(o.Pages), night: num(o.NightPages)})
	c.add(csvRow{kind: "nobody", config: config, alerts: num(o.Nobody)})
	c.saved(config, "", o.Saved)
	for d := range o.Heat {
		for h, n := range o.Heat[d] {
			c.add(csvRow{kind: "heat", config: config, key: strings.ToLower(weekdays[d][:3]), hour: num(h), messages: num(n)})
		}
	}
}

func (c *csvRows) saved(config, receiver string, saved map[string]int) {
	for _, cause := range slices.Sorted(maps.Keys(saved)) {
		c.add(csvRow{kind: "saved", config: config, receiver: receiver, key: line(cause), alerts: num(saved[cause])})
	}
}

func (c *csvRows) receiver(config string, x backtest.Receiver, o backtest.ReceiverOutcome) {
	row := csvRow{kind: "receiver", config: config, receiver: line(x.Name), key: line(x.Channel), alerts: num(o.Alerts), messages: num(o.Messages), updates: num(o.Updates), night: num(o.Night), text: line(x.Place)}
	if x.Pages {
		row.pages = num(o.Messages)
	}
	if x.Always {
		row.why = "always"
	}
	c.add(row)
	c.saved(config, line(x.Name), o.Saved)
	for i, day := range c.r.Days {
		if i < len(o.Days) && !c.r.Gaps[day] {
			c.add(csvRow{kind: "day", config: config, receiver: line(x.Name), time: day, messages: num(o.Days[i])})
		}
	}
	for h, n := range o.Hours {
		c.add(csvRow{kind: "hour", config: config, receiver: line(x.Name), hour: num(h), messages: num(n)})
	}
}

func (c *csvRows) noisy(kind string, noisy []backtest.Noisy) {
	for _, n := range noisy {
		row := func(config string, cost backtest.Cost) {
			c.add(csvRow{kind: kind, config: config, key: line(n.Key), alerts: num(n.Alerts), messages: num(cost.Messages), pages: num(cost.Pages), night: num(cost.NightPages), text: line(n.Title), why: shown(n.Words)})
		}
		row("now", n.Now)
		if compared(c.r) {
			row("then", n.Then)
		}
	}
}

// noFormula is a cell that no spreadsheet calculates: they do what begins with one of these signs, also behind blanks, and some
// take the full-width ones for the same.
func noFormula(s string) string {
	if t := strings.TrimLeft(s, " \t"); t != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
