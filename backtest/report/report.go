// Package report owns how a backtest's report is shown: as tables and a heat map in a terminal, as one HTML file with charts,
// and as JSON and CSV for programs. The finding that stands above a chart is made here, from the numbers below it.
//
// It counts no alert and decides nothing: every figure is the [backtest.Report]'s. Rules' words, names of agents, log lines and
// file names are alert text: they are shown in display form, and never taken for markup, a formula or a control sequence.
package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/display"
)

// compared reports whether there are two configs.
func compared(r *backtest.Report) bool { return r.Then != nil }

// outcomes are what was before a change and what is after it; the same twice where there is one config.
func outcomes(r *backtest.Report) (before, after *backtest.Outcome) {
	before = r.Now
	if before == nil {
		before = &backtest.Outcome{}
	}
	if r.Then == nil {
		return before, before
	}
	return before, r.Then
}

// figure is one of the four numbers that a report begins with.
type figure struct {
	Name          string
	Before, After int
	Note          string
}

func figures(r *backtest.Report) []figure {
	before, after := outcomes(r)
	return []figure{
		{"Messages", before.Messages, after.Messages, scope(r)},
		{"Pages", before.Pages, after.Pages, ""},
		{"Pages at night", before.NightPages, after.NightPages, nightWords(r.NightOf)},
		{"Told to nobody", before.Nobody, after.Nobody, "alerts"},
	}
}

// difference says in words what becomes of a number, and which way it goes: -1 is fewer. It is "" where both are 0.
func difference(before, after int) (words string, way int) {
	switch {
	case before == after && before == 0:
		return "", 0
	case before == after:
		return "the same", 0
	case before == 0:
		return "none before", 1
	case after == 0:
		return "none left", -1
	case after < before:
		return share(before-after, before) + " fewer", -1
	case after >= 10*before:
		return display.Thousands(after/before) + " times as many", 1
	}
	return share(after-before, before) + " more", 1
}

// share is a part in percent. What is not nothing is not shown as nothing, nor what is not all as all.
func share(part, whole int) string {
	if whole <= 0 {
		return "0 %"
	}
	p := int((int64(part)*200 + int64(whole)) / (2 * int64(whole)))
	switch {
	case p == 0 && part > 0:
		return "under 1 %"
	case p == 100 && part < whole:
		return "over 99 %"
	}
	return display.Thousands(p) + " %"
}

// count is a number with its noun: "1 page", "1,204 pages".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return display.Thousands(n) + " " + noun
}

// scope names the receivers whose messages the sums are of: those under always are left out, as they get everything.
func scope(r *backtest.Report) string {
	var always []string
	for _, x := range r.Receivers {
		if x.Always {
			always = append(always, cut(line(x.Name), maxName))
		}
	}
	switch {
	case len(always) == 0:
		return "all receivers"
	case len(always) > 3:
		return fmt.Sprintf("all receivers but the %d under always", len(always))
	}
	return "all receivers but " + display.List(always)
}

func isNight(n backtest.Night, hour int) bool {
	if n.From <= n.To {
		return hour >= n.From && hour < n.To
	}
	return hour >= n.From || hour < n.To
}

func nightWords(n backtest.Night) string {
	if n.From == n.To {
		return "no hour is night"
	}
	return fmt.Sprintf("%02d:00 to %02d:00", n.From, n.To)
}

// zone is the name of the report's time zone.
func zone(r *backtest.Report) *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

// covers says which days a report is about: "30 days, 1 to 30 October 2026". It is "" where no alert was read.
func covers(r *backtest.Report) (days, dates string) {
	if len(r.Days) == 0 {
		return "", ""
	}
	first, last := parseDay(r.Days[0]), parseDay(r.Days[len(r.Days)-1])
	if first.IsZero() || last.IsZero() {
		return count(len(r.Days), "day"), line(r.Days[0]) + " to " + line(r.Days[len(r.Days)-1])
	}
	to := last.Format("2 January 2006")
	switch {
	case first.Equal(last):
		return count(len(r.Days), "day"), to
	case first.Year() != last.Year():
		return count(len(r.Days), "day"), first.Format("2 January 2006") + " to " + to
	case first.Month() != last.Month():
		return count(len(r.Days), "day"), first.Format("2 January") + " to " + to
	}
	return count(len(r.Days), "day"), first.Format("2") + " to " + to
}

// noisyOne names what suggestions are for: of two configs the one in use.
func noisyOne(r *backtest.Report) string {
	if r.Against == "" {
		return "it"
	}
	return line(filepath.Base(r.Config))
}

// readWords says what was read: "1,204,331 alerts read, 212 damaged".
func readWords(r *backtest.Report) string {
	s := count(r.Read.Alerts, "alert") + " read"
	if r.Read.Damaged > 0 {
		s += ", " + display.Thousands(r.Read.Damaged) + " damaged"
	}
	if r.Read.Outside > 0 {
		s += ", " + display.Thousands(r.Read.Outside) + " dated far from the others"
	}
	return s
}

// effort says how much was read in which time.
func effort(r *backtest.Report) string {
	s := megabytes(r.Read.Bytes)
	if r.Read.Took > 0 {
		s += " in " + display.Span(r.Read.Took)
		if r.Read.Took >= time.Second {
			s += fmt.Sprintf(", %s a second", megabytes(int64(float64(r.Read.Bytes)/r.Read.Took.Seconds())))
		}
	}
	return s
}

func megabytes(n int64) string {
	switch {
	case n >= 10e9:
		return display.Thousands(int(n/1e9)) + " GB"
	case n >= 1e6:
		return display.Thousands(int(n/1e6)) + " MB"
	}
	return display.Thousands(int(n/1e3)) + " kB"
}

// stoppedWords says how far it came, where it was interrupted.
func stoppedWords(r *backtest.Report) string {
	if !r.Stopped {
		return ""
	}
	if r.To.IsZero() {
		return "Stopped before the first alert was read."
	}
	return "Stopped before the end: this is what was read by then, up to " + r.To.In(zone(r)).Format("2 January 2006, 15:04:05") + "."
}

// nothingTold is what a report without messages says instead of a heat map.
const nothingTold = "No route took one of these alerts so that a message was made of it: ossec-notify explain FILE says why."

// line is text that may stand in an alert, in display form and on one line.
func line(s string) string { return display.Quote(s).Line().String() }

// shown is text that is in display form already; what would steer a terminal or hide is made visible all the same.
func shown(s string) string { return display.OneLine(display.Visible(s)) }

// block is lines of ours, such as YAML, which may hold a name from an alert.
func block(s string) string {
	return strings.TrimRight(strings.ReplaceAll(display.Visible(s), "\t", "    "), "\n ")
}

// cut shortens what is shown to n characters, and to twice as many bytes as HTML needs for them: a page of names that are all
// quotation marks is not larger than others.
func cut(s string, n int) string {
	chars, size, last := 0, 0, 0
	for i, c := range s {
		chars++
		if strings.ContainsRune(`&<>"'+`, c) {
			size += len("&#34;")
		} else {
			size += utf8.RuneLen(c)
		}
		if chars > n || size > 2*n {
			return s[:min(last, len(s))] + "…"
		}
		if chars < n && size < 2*n {
			last = i + utf8.RuneLen(c)
		}
	}
	return s
}

// sortedReceivers are the receivers by what they get, most first; those under always behind the others.
func sortedReceivers(r *backtest.Report) []backtest.Receiver {
	out := slices.Clone(r.Receivers)
	most := func(x backtest.Receiver) int { return max(x.Now.Messages, x.Then.Messages) }
	slices.SortStableFunc(out, func(a, b backtest.Receiver) int {
		switch {
		case a.Always != b.Always && b.Always:
			return -1
		case a.Always != b.Always:
			return 1
		}
		return most(b) - most(a)
	})
	return out
}

// place is what people call a receiver's place, where that is not its name.
func place(x backtest.Receiver) string {
	if p := line(x.Place); p != x.Name {
		return p
	}
	return ""
}

// cause is why something was not told by itself, in the word of the report and in words for people.
type cause struct {
	Word, Words   string
	Before, After int
}

var causeWords = map[string]string{
	"repeat":   "counted with an earlier message (dedup)",
	"group":    "told in a message about several (group_by)",
	"digest":   "told in a digest",
	"silence":  "silenced",
	"inhibit":  "explained by another alert (inhibit)",
	"window":   "outside of a route's times (active, mute)",
	"throttle": "above a throttle, told in a digest",
	"storm":    "held by the storm brake, told in a digest",
	"resolve":  "ended what was told, and is told there (resolve)",
}

// heldWords are those of a single alert.
var heldWords = map[string]string{
	"repeat":   "a repeat (dedup)",
	"group":    "in a group (group_by)",
	"digest":   "in a digest",
	"silence":  "silenced",
	"inhibit":  "inhibited",
	"window":   "outside of its times",
	"throttle": "above a throttle",
	"storm":    "held by the storm brake",
	"resolve":  "closes what was told",
}

// whyWords say of a change what kept the alert back in the config that does not tell it, or the route of the other.
func whyWords(why string) string {
	if words, ok := heldWords[why]; ok {
		return words
	}
	return shown(why)
}

// causes are what was saved, the most first.
func causes(r *backtest.Report) []cause {
	before, after := outcomes(r)
	by := map[string]*cause{}
	get := func(word string) *cause {
		if by[word] == nil {
			words := causeWords[word]
			if words == "" {
				words = line(word)
			}
			by[word] = &cause{Word: word, Words: words}
		}
		return by[word]
	}
	for w, n := range before.Saved {
		get(w).Before = n
	}
	for w, n := range after.Saved {
		get(w).After = n
	}
	var out []cause
	for _, c := range by {
		if c.Before+c.After > 0 {
			out = append(out, *c)
		}
	}
	slices.SortFunc(out, func(a, b cause) int {
		if n := max(b.Before, b.After) - max(a.Before, a.After); n != 0 {
			return n
		}
		return strings.Compare(a.Word, b.Word)
	})
	return out
}

func savedSum(o *backtest.Outcome) int {
	n := 0
	for _, x := range o.Saved {
		n += x
	}
	return n
}
