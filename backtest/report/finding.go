package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/display"
)

var weekdays = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// heatFinding says when most messages come: the hours that stand out of the day, and the days where these hours do.
func heatFinding(heat [7][24]int, days int) string {
	var hours [24]int
	total := 0
	for _, day := range heat {
		for h, n := range day {
			hours[h] += n
			total += n
		}
	}
	if total == 0 {
		return "No message at any hour"
	}
	// The window that has the most above its even share of the day.
	from, width, best, in := 0, 1, -1, 0
	for w := 1; w <= 6; w++ {
		for start := range 24 {
			sum := 0
			for h := range w {
				sum += hours[(start+h)%24]
			}
			if above := sum*24 - total*w; above > best {
				from, width, best, in = start, w, above, sum
			}
		}
	}
	if best*10 < total*24 {
		busiest := slices.Index(hours[:], slices.Max(hours[:]))
		return fmt.Sprintf("Messages come at all hours alike: the busiest, from %02d:00, has %s", busiest, share(hours[busiest], total))
	}
	if in == total {
		return fmt.Sprintf("All messages come between %02d:00 and %02d:00", from, (from+width-1)%24+1)
	}
	title := fmt.Sprintf("%s of the messages come between %02d:00 and %02d:00", share(in, total), from, (from+width-1)%24+1)
	if days < 7 {
		return title
	}
	// One or two days that have more than half of these.
	var sums [7]int
	order := []int{0, 1, 2, 3, 4, 5, 6}
	for d := range sums {
		for h := range width {
			sums[d] += heat[d][(from+h)%24]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return sums[b] - sums[a] })
	switch first, second := order[0], order[1]; {
	case sums[first] == in:
		return title + ", all of them on " + weekdays[first]
	case sums[first]*2 > in:
		return title + ", more than half of them on " + weekdays[first]
	case (sums[first]+sums[second])*2 > in:
		first, second = min(first, second), max(first, second)
		return title + ", more than half of them on " + weekdays[first] + " and " + weekdays[second]
	}
	return title
}

// bounds are the least numbers of the steps 1 to 4 of a heat map: round ones, at 0, a fifth, under a half and four fifths of the
// most. Step 0 is none. A bound above the most means that there is no such step.
func bounds(most int) [4]int {
	b := [4]int{1, roundly(most, 20) + 1, roundly(most, 45) + 1, roundly(most, 80) + 1}
	for i := 1; i < 4; i++ {
		b[i] = max(b[i], b[i-1]+1)
	}
	return b
}

// roundly is a part of n in percent, rounded to a multiple of 5, 50, 500 and so on that is small beside it.
func roundly(n, percent int) int {
	x := int(int64(n) * int64(percent) / 100)
	step := 1
	for x >= step*20 {
		step *= 10
	}
	if step > 1 || x >= 10 {
		step = max(step/2, 5)
	}
	return (x + step/2) / step * step
}

// step is the step of a heat map that a number is in, 0 to 4.
func step(b [4]int, n int) int {
	s := 0
	for s < 4 && n >= b[s] {
		s++
	}
	return s
}

// stepWords are the bounds of the steps in words, for those steps that there are: "none", "1 to 10", "11 and more".
func stepWords(b [4]int, most int) []string {
	out := []string{"none"}
	for i, low := range b {
		switch {
		case low > most:
			return out
		case i == 3 || b[i+1] > most:
			out = append(out, display.Thousands(low)+" and more")
		case b[i+1] == low+1:
			out = append(out, display.Thousands(low))
		default:
			out = append(out, display.Thousands(low)+" to "+display.Thousands(b[i+1]-1))
		}
	}
	return out
}

func mostHeat(heat [7][24]int) int {
	most := 0
	for _, day := range heat {
		most = max(most, slices.Max(day[:]))
	}
	return most
}

// noisyFinding says what the noisiest of a kind makes of all messages.
func noisyFinding(r *backtest.Report, kind string, noisy []backtest.Noisy) display.Text {
	before, after := outcomes(r)
	if len(noisy) == 0 || before.Messages+after.Messages == 0 {
		return display.Words("No " + kind + " made a message")
	}
	top := noisy[0]
	key := display.Quote(top.Key).Line().Cut(40)
	if top.Key == "" {
		key = display.Words("without a name")
	}
	name := display.Join(display.Words(kind+" "), key).Capital()
	if top.Now.Messages == 0 {
		return display.Join(name, display.Words(" makes "+share(top.Then.Messages, after.Messages)+" of the messages with the new config, and made none before"))
	}
	part := share(min(top.Now.Messages, before.Messages), before.Messages)
	if compared(r) {
		now := "none"
		if top.Then.Messages > 0 {
			now = share(min(top.Then.Messages, after.Messages), after.Messages)
		}
		if now == part {
			return display.Join(name, display.Words(" makes "+part+" of the messages, as before"))
		}
		return display.Join(name, display.Words(" made "+part+" of the messages; with the new config it makes "+now))
	}
	if len(noisy) > 1 && top.Now.Messages*10 < before.Messages {
		return display.Join(display.Words("No "+kind+" stands out: the noisiest, "), key, display.Words(", made "+part+" of the messages"))
	}
	return display.Join(name, display.Words(" made "+part+" of the messages"))
}

// receiverFinding says who gets the most, or whom a change helps the most.
func receiverFinding(r *backtest.Report) string {
	before, after := outcomes(r)
	var name string
	most := 0
	for _, x := range r.Receivers {
		n := x.Now.Messages
		if compared(r) {
			n = max(x.Now.Messages-x.Then.Messages, x.Then.Messages-x.Now.Messages)
		}
		if (!x.Always || compared(r)) && n > most {
			name, most = x.Name, n
		}
	}
	if most == 0 {
		switch {
		case compared(r) && before.Messages > 0:
			return "Every receiver gets as many messages as before"
		default:
			return "No receiver gets a message"
		}
	}
	if !compared(r) {
		return fmt.Sprintf("%s gets %s of the messages", cut(line(name), maxName), share(min(most, after.Messages), after.Messages))
	}
	i := slices.IndexFunc(r.Receivers, func(x backtest.Receiver) bool { return x.Name == name })
	more := "fewer"
	if r.Receivers[i].Then.Messages > r.Receivers[i].Now.Messages {
		more = "more"
	}
	words := display.Thousands(most) + " " + more + " messages"
	if most == 1 {
		words = "1 message " + more
	}
	return cut(line(name), maxName) + " gets " + words
}

// period is a time that has one bar in a chart: a day, or several.
type period struct {
	Short, Long string // "1 Oct"; "Thursday, 1 October 2026"
	from, to    int    // indices of Report.Days
	Gap         bool   // without any alert
}

// maxPeriods is how many bars there are at most, before days become weeks, weeks months, and months years.
const maxPeriods = 62

// periods are the times of the bars, with what each is: "day", "week", "month", "year".
func periods(r *backtest.Report) (unit string, out []period) {
	units := []struct {
		name        string
		begins      func(t time.Time) time.Time
		short, long string
	}{
		{"day", func(t time.Time) time.Time { return t }, "2 Jan", "Monday, 2 January 2006"},
		{"week", func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }, "2 Jan 06", "week of Monday, 2 January 2006"},
		{"month", func(t time.Time) time.Time { return t.AddDate(0, 0, 1-t.Day()) }, "Jan 06", "January 2006"},
		{"year", func(t time.Time) time.Time { return t.AddDate(0, 0, 1-t.YearDay()) }, "2006", "2006"},
	}
	for _, u := range units {
		unit, out = u.name, nil
		var last time.Time
		for i, day := range r.Days {
			begin := u.begins(parseDay(day))
			if len(out) == 0 || !begin.Equal(last) {
				out = append(out, period{Short: begin.Format(u.short), Long: begin.Format(u.long), from: i, Gap: true})
				last = begin
			}
			p := &out[len(out)-1]
			p.to, p.Gap = i+1, p.Gap && r.Gaps[day]
		}
		if len(out) <= maxPeriods {
			break
		}
	}
	return unit, out
}

// parseDay is the day that a text such as 2026-10-01 names.
func parseDay(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s)
	return t
}

// sum adds up the messages of the days of a period.
func (p period) sum(days []int) int {
	n := 0
	for i := p.from; i < min(p.to, len(days)); i++ {
		n += days[i]
	}
	return n
}
