package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/display"
)

// svg writes a chart: integers, in a fixed order, with no style of its own. What the classes look like is the style sheet's.
type svg struct{ strings.Builder }

func (s *svg) printf(format string, args ...any) { fmt.Fprintf(s, format, args...) }

// title is what a reader is told of a mark or a chart. It may hold alert text.
func (s *svg) title(words string) { s.WriteString("<title>" + html.EscapeString(words) + "</title>") }

// open begins a chart of so many units.
func (s *svg) open(class, title, attrs string, width, height int) {
	s.printf(`<svg class="%s" role="img" viewBox="0 0 %d %d"%s>`, class, width, height, attrs)
	s.title(title)
}

func (s *svg) done() template.HTML {
	s.WriteString("</svg>")
	return template.HTML(s.String()) // #nosec: every text in it went through title or text
}

func (s *svg) text(x, y int, class, words string) {
	s.printf(`<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, html.EscapeString(words))
}

const (
	cellWidth, cellHeight = 42, 24 // of a heat map, with the gap
	narrowWidth           = 38
	heatLeft, heatTop     = 46, 26
	narrowLeft            = 38
)

// heatWide is the heat map with days down and hours across.
func heatWide(r *backtest.Report, title string) template.HTML {
	var s svg
	s.open("heat wide", title, "", heatLeft+24*cellWidth, heatTop+7*cellHeight+2)
	oneCell(&s, "w", cellWidth)
	for h := range 24 {
		s.text(heatLeft+h*cellWidth+cellWidth/2-1, 12, axisClass(r, h), fmt.Sprintf("%02d", h))
	}
	for _, n := range nightSpans(r.NightOf) {
		// A bracket above the hours of the night.
		s.printf(`<path class="night" d="M%d 22v-4H%dv4"/>`, heatLeft+n[0]*cellWidth+1, heatLeft+n[1]*cellWidth-3)
	}
	for d := range 7 {
		s.printf(`<g transform="translate(0 %d)">`, heatTop+d*cellHeight+15)
		s.text(0, 0, "axis start", weekdays[d][:3])
		for h := range 24 {
			cell(&s, r, "w", d, h, heatLeft+h*cellWidth, cellWidth)
		}
		s.WriteString("</g>\n")
	}
	return s.done()
}

// heatNarrow is the same with hours down and days across.
func heatNarrow(r *backtest.Report, title string) template.HTML {
	var s svg
	s.open("heat narrow", title, "", narrowLeft+7*narrowWidth, heatTop+24*cellHeight)
	oneCell(&s, "n", narrowWidth)
	for d := range 7 {
		s.text(narrowLeft+d*narrowWidth+narrowWidth/2-1, 16, "axis", weekdays[d][:3])
	}
	for _, n := range nightSpans(r.NightOf) {
		s.printf(`<path class="night" d="M%d %dh-4V%dh4"/>`, narrowLeft-4, heatTop+n[0]*cellHeight+1, heatTop+n[1]*cellHeight-3)
	}
	for h := range 24 {
		s.printf(`<g transform="translate(0 %d)">`, heatTop+h*cellHeight+15)
		s.text(0, 0, axisClass(r, h)+" start", fmt.Sprintf("%02d", h))
		for d := range 7 {
			cell(&s, r, "n", d, h, narrowLeft+d*narrowWidth, narrowWidth)
		}
		s.WriteString("</g>\n")
	}
	return s.done()
}

func axisClass(r *backtest.Report, hour int) string {
	if isNight(r.NightOf, hour) {
		return "axis dusk"
	}
	return "axis"
}

// nightSpans are the hours of the night within one day, each from and to.
func nightSpans(n backtest.Night) [][2]int {
	switch {
	case n.From == n.To:
		return nil
	case n.From < n.To:
		return [][2]int{{n.From, n.To}}
	case n.To == 0:
		return [][2]int{{n.From, 24}}
	}
	return [][2]int{{0, n.To}, {n.From, 24}}
}

// oneCell is the shape of all cells, drawn once: it is most of what a heat map would weigh. A row's zero is the line that its
// numbers stand on.
func oneCell(s *svg, id string, width int) {
	s.printf(`<defs><rect id="%s" y="-15" width="%d" height="%d" rx="3"/></defs>`, id, width-2, cellHeight-3)
}

// cell is one hour of a weekday: its colour, its number, and both in words.
func cell(s *svg, r *backtest.Report, id string, day, hour, x, width int) {
	before, after := outcomes(r)
	n := after.Heat[day][hour]
	st := step(bounds(mostHeat(after.Heat)), n)
	s.printf(`<g class="h%d">`, st)
	words := fmt.Sprintf("%s %02d:00: %s", weekdays[day][:3], hour, display.Thousands(n))
	if compared(r) {
		words += ", " + display.Thousands(before.Heat[day][hour]) + " before"
	}
	s.title(words)
	s.printf(`<use href="#%s" x="%d"/>`, id, x)
	number := short(n)
	if n == 0 {
		number = "·"
	}
	s.printf(`<text x="%d">%s</text></g>`, x+width/2-1, number)
}

// short is a number that fits into a cell: 9,999, 12k, 3M.
func short(n int) string {
	switch {
	case n >= 1e7:
		return display.Thousands(n/1e6) + "M"
	case n >= 1e4:
		return display.Thousands(n/1e3) + "k"
	}
	return display.Thousands(n)
}

const (
	barWidth   = 10
	barsHeight = 40
	fewBars    = 14 // a chart is as wide as so many at least
)

// bars are the messages of a receiver by period, to its own scale, with a thin line for what was before. A period without data has
// neither a bar nor a line; one without messages has a bar of no height.
func bars(r *backtest.Report, x backtest.Receiver, unit string, ps []period) (chart template.HTML, most int) {
	after := x.Now.Days
	if compared(r) {
		after = x.Then.Days
		for _, p := range ps {
			most = max(most, p.sum(x.Now.Days))
		}
	}
	for _, p := range ps {
		most = max(most, p.sum(after))
	}
	height := func(n int) int {
		if n == 0 {
			return 1
		}
		return max(int(int64(n)*(barsHeight-2)/int64(most)), 2)
	}
	var s svg
	title := fmt.Sprintf("%s: messages by %s, %s at most", cut(line(x.Name), maxName), unit, display.Thousands(most))
	s.open("bars", title, ` preserveAspectRatio="none"`, max(len(ps), fewBars)*barWidth, barsHeight)
	var before strings.Builder
	pen := false
	for i, p := range ps {
		if p.Gap {
			pen = false
			continue
		}
		n := p.sum(after)
		words := p.Short + ": " + display.Thousands(n)
		class := ""
		if n == 0 {
			class = ` class="none"`
		}
		if compared(r) {
			was := p.sum(x.Now.Days)
			words += ", " + display.Thousands(was) + " before"
			y := barsHeight - height(was)
			if pen {
				fmt.Fprintf(&before, "V%dh%d", y, barWidth)
			} else {
				fmt.Fprintf(&before, "M%d %dh%d", i*barWidth, y, barWidth)
			}
			pen = true
		}
		h := height(n)
		s.printf(`<rect x="%d" y="%d" width="%d" height="%d"%s>`, i*barWidth+1, barsHeight-h, barWidth-2, h, class)
		s.title(words)
		s.WriteString("</rect>")
	}
	if before.Len() > 0 {
		s.printf(`<path class="before" vector-effect="non-scaling-stroke" d="%s"/>`, before.String())
	}
	return s.done(), most
}

const dotRadius = 6

// dots are the messages of one rule, agent or source on a scale from 0 to most: a ring before, a dot after.
func dots(r *backtest.Report, n backtest.Noisy, most, width int) template.HTML {
	var s svg
	at := func(v int) int { return dotRadius + 2 + int(int64(v)*int64(width-2*dotRadius-4)/int64(max(most, 1))) }
	before, after := n.Now.Messages, n.Now.Messages
	title := fmt.Sprintf("%s: %s", cut(line(n.Key), maxName), count(after, "message"))
	if compared(r) {
		after = n.Then.Messages
		title = fmt.Sprintf("%s: %s before, %s after", cut(line(n.Key), maxName), count(before, "message"), display.Thousands(after))
	}
	s.open("dots", title, "", width, 20)
	s.printf(`<path class="track" d="M%d 10H%d"/>`, at(0), at(most))
	if compared(r) {
		s.printf(`<path class="way" d="M%d 10H%d"/>`, at(before), at(after))
		s.printf(`<circle class="ring" cx="%d" cy="10" r="%d">`, at(before), dotRadius)
		s.title("before: " + count(before, "message"))
		s.WriteString("</circle>")
	} else {
		s.printf(`<path class="way" d="M%d 10H%d"/>`, at(0), at(after))
	}
	s.printf(`<circle class="dot" cx="%d" cy="10" r="%d">`, at(after), dotRadius-2)
	if compared(r) {
		s.title("after: " + count(after, "message"))
	} else {
		s.title(count(after, "message"))
	}
	s.WriteString("</circle>")
	return s.done()
}
