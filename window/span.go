package window

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// span is some time of some days.
type span struct {
	days     days
	dates    []dates // none: every date
	from, to int     // minutes of the day, 0 to 1440; with to before from it ends on the next day
	zone     *time.Location
}

// on reports whether the span begins on a day, counted from 1970-01-01.
func (s span) on(d int64) bool {
	if !s.days.has(d) {
		return false
	}
	return len(s.dates) == 0 || slices.ContainsFunc(s.dates, func(r dates) bool { return r.has(d) })
}

// begins and ends are when it does so, of a day on which it begins. They are the same where clocks jumped over it.
func (s span) begins(c clock, d int64) int64 { return c.first(d*day + int64(s.from)*60) }

func (s span) ends(c clock, d int64) int64 {
	if s.to < s.from {
		d++
	}
	return c.last(d*day + int64(s.to)*60)
}

// closes is when the span ends, if it is open at t. c is its clock then.
func (s span) closes(c clock, t int64) (end int64, open bool) {
	// One that began yesterday may last into today. The days before and after are for clocks that are set back over
	// midnight: they show yesterday again when today's spans have begun.
	today := floor(t + c.offset)
	for d := today - 2; d <= today+1; d++ {
		if s.on(d) && s.begins(c, d) <= t {
			end = s.ends(c, d) // which is not earlier on a later day
		}
	}
	return end, end > t
}

// next is when the span begins for the first time after t.
func (s span) next(c clock, t int64) (begin int64, ok bool) {
	limit := s.over()
	if len(s.dates) == 0 || slices.ContainsFunc(s.dates, func(r dates) bool { return r.yearly }) {
		limit = max(limit, t+generation)
	}
	for d := floor(t+c.offset) - 2; d*day <= limit; d++ {
		if !s.on(d) {
			continue
		}
		if begin = s.begins(c, d); begin > t && s.ends(c, d) > begin {
			return begin, true
		}
	}
	return 0, false
}

// over is behind the last of the dates that do not come back each year; of the days before 1970 if there is none.
func (s span) over() int64 {
	over := int64(-1)
	for _, r := range s.dates {
		if !r.yearly {
			over = max(over, r.last*day+margin)
		}
	}
	return over
}

// never reports whether there is no day on which the span begins.
func (s span) never() bool {
	for _, r := range s.dates {
		if r.yearly {
			return false
		}
		for d := r.first; d <= min(r.last, r.first+6); d++ {
			if s.days.has(d) {
				return false
			}
		}
	}
	return len(s.dates) > 0
}

func (s span) String() string {
	var parts []string
	if s.days != everyDay || len(s.dates) == 0 {
		parts = append(parts, s.days.String())
	}
	if len(s.dates) > 0 {
		texts := make([]string, len(s.dates))
		for i, r := range s.dates {
			texts[i] = r.String()
		}
		parts = append(parts, strings.Join(texts, ","))
	}
	if s.from != 0 || s.to != wholeDay {
		parts = append(parts, clockTime(s.from)+"-"+clockTime(s.to))
	}
	if s.zone != time.Local {
		parts = append(parts, s.zone.String())
	}
	return strings.Join(parts, " ")
}

// whole reports whether spans without dates, in one zone, leave out no minute of the week. Then the window never closes, also when
// clocks are set: what ends where another begins leaves no gap.
func whole(spans []span) bool {
	const week = 7 * wholeDay
	for i, first := range spans {
		same := func(s span) bool { return s.zone.String() == first.zone.String() }
		if slices.ContainsFunc(spans[:i], same) {
			continue
		}
		var open [week]bool
		left := week
		for _, s := range spans {
			if !same(s) || len(s.dates) > 0 {
				continue
			}
			length := s.to - s.from
			if length < 0 {
				length += wholeDay
			}
			for d := range int64(7) {
				for m := 0; s.days.has(d) && m < length; m++ {
					if at := (int(d)*wholeDay + s.from + m) % week; !open[at] {
						open[at] = true
						left--
					}
				}
			}
		}
		if left == 0 {
			return true
		}
	}
	return false
}

// wholeDay is the minutes of a day.
const wholeDay = 24 * 60

func clockTime(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// days is a set of days of the week: a bit for each, from sunday.
type days uint8

const everyDay days = 1<<7 - 1

// weekday is the day of the week of a day that is counted from 1970-01-01, a thursday.
func weekday(d int64) time.Weekday { return time.Weekday(((d+4)%7 + 7) % 7) }

func (s days) has(d int64) bool { return s&(1<<weekday(d)) != 0 }

// short are the names of the days as they are printed.
var short = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// String has a range for three days and more that follow each other, from monday on.
func (s days) String() string {
	if s == everyDay {
		return "daily"
	}
	in := func(d int) bool { return s&(1<<((d+7)%7)) != 0 }
	var parts []string
	for i := range 7 {
		first := (i + 1) % 7
		if !in(first) || in(first-1) {
			continue
		}
		length := 1
		for in(first + length) {
			length++
		}
		last := short[(first+length-1)%7]
		switch length {
		case 1:
			parts = append(parts, last)
		case 2:
			parts = append(parts, short[first], last)
		default:
			parts = append(parts, short[first]+"-"+last)
		}
	}
	return strings.Join(parts, ",")
}

// dates are the days from a first to a last: counted from 1970-01-01, or, if they are of every year, as month*100+day,
// where the first may be behind the last.
type dates struct {
	first, last int64
	yearly      bool
}

func (r dates) has(d int64) bool {
	if !r.yearly {
		return r.first <= d && d <= r.last
	}
	_, month, dom := civil(d)
	md := int64(month)*100 + int64(dom)
	if r.first <= r.last {
		return r.first <= md && md <= r.last
	}
	return r.first <= md || md <= r.last
}

func (r dates) String() string {
	text := func(d int64) string {
		if r.yearly {
			return fmt.Sprintf("*-%02d-%02d", d/100, d%100)
		}
		year, month, dom := civil(d)
		return fmt.Sprintf("%04d-%02d-%02d", year, month, dom)
	}
	if r.first == r.last {
		return text(r.first)
	}
	return text(r.first) + ".." + text(r.last)
}

// floor is the day, counted from 1970-01-01, of what clocks show.
func floor(wall int64) int64 {
	if d := wall / day; wall >= d*day {
		return d
	}
	return wall/day - 1
}

func civil(d int64) (year int, month time.Month, dom int) { return time.Unix(d*day, 0).UTC().Date() }
