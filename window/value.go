package window

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// parseTimes reads from and to, as in 22:00-06:00.
func parseTimes(text string) (from, to int, err error) {
	first, last, _ := strings.Cut(text, "-")
	if strings.Count(text, "-") != 1 {
		return 0, 0, fmt.Errorf("%q is no time from and to: write it as 22:00-06:00", text)
	}
	if from, err = parseFrom(first); err != nil {
		return 0, 0, err
	}
	to, err = parseTime(last)
	return from, to, err
}

// parseFrom reads the time at which a span begins.
func parseFrom(text string) (int, error) {
	t, err := parseTime(text)
	if t == wholeDay {
		return 0, fmt.Errorf(`%q is the end of a day: a span begins at "00:00" of the next`, text)
	}
	return t, err
}

// parseTime reads a time of the day in minutes. 24:00 is the end of the day.
func parseTime(text string) (int, error) {
	if len(text) == len("22:00") && text[2] == ':' {
		hour, hok := number(text[:2])
		minute, mok := number(text[3:])
		if t := hour*60 + minute; hok && mok && minute < 60 && t <= wholeDay {
			return t, nil
		}
	} else if meant := timeMeant(text); meant != "" {
		return 0, fmt.Errorf("%q is no time of the day: write %q", text, meant)
	}
	return 0, fmt.Errorf(`%q is no time of the day: write "00:00" to "24:00"`, text)
}

// timeMeant is how a time should have been written: 9, 9:30, 0930, 09.30, 9h, 9am, 9:30 pm, 09:30:00. Else "".
func timeMeant(text string) string {
	text, pm := strings.CutSuffix(strings.ToLower(text), "pm")
	text, am := strings.CutSuffix(text, "am")
	text = strings.TrimSuffix(strings.TrimSpace(text), "h")
	text = strings.TrimSuffix(strings.ReplaceAll(text, ".", ":"), ":00:00")
	h, m, colon := strings.Cut(text, ":")
	if !colon && len(text) > 2 {
		h, m = text[:len(text)-2], text[len(text)-2:]
	} else if !colon {
		m = "00"
	}
	m = strings.TrimSuffix(m, ":00")
	hour, hok := number(h)
	minute, mok := number(m)
	if !hok || !mok || len(m) != 2 || minute > 59 {
		return ""
	}
	if am || pm {
		if hour < 1 || hour > 12 {
			return ""
		}
		hour %= 12
		if pm {
			hour += 12
		}
	}
	if hour > 23 {
		return ""
	}
	return clockTime(hour*60 + minute)
}

// number reads one to four digits.
func number(text string) (int, bool) {
	if text == "" || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// dayWords are the words for days; those of one day may begin and end a range.
var dayWords = map[string]days{
	"all": everyDay, "daily": everyDay, "weekdays": 1<<time.Monday | 1<<time.Tuesday | 1<<time.Wednesday | 1<<time.Thursday | 1<<time.Friday,
	"weekend": 1<<time.Saturday | 1<<time.Sunday, "weekends": 1<<time.Saturday | 1<<time.Sunday,
	"sun": 1 << time.Sunday, "mon": 1 << time.Monday, "tue": 1 << time.Tuesday, "wed": 1 << time.Wednesday,
	"thu": 1 << time.Thursday, "fri": 1 << time.Friday, "sat": 1 << time.Saturday,
	"sunday": 1 << time.Sunday, "monday": 1 << time.Monday, "tuesday": 1 << time.Tuesday, "wednesday": 1 << time.Wednesday,
	"thursday": 1 << time.Thursday, "friday": 1 << time.Friday, "saturday": 1 << time.Saturday,
}

const dayAdvice = "write mon, tue, wed, thu, fri, sat, sun, a range such as mon-fri, weekdays, weekend or all"

// parseDays reads days of the week: mon-fri,sun.
func parseDays(text string) (days, error) {
	var all days
	for part := range strings.SplitSeq(tight(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := parseDay(first)
		if err != nil {
			return 0, err
		}
		all |= from
		if !isRange {
			continue
		}
		to, err := parseDay(last)
		if err != nil {
			return 0, err
		}
		switch {
		case from&(from-1) != 0 || to&(to-1) != 0:
			return 0, fmt.Errorf("%q is no range of days: write it from a day to a day, such as mon-fri", part)
		case from == to:
			return 0, fmt.Errorf("%q is one day or all: write %s, or all", part, first)
		}
		for d := from; d != to; {
			if d <<= 1; d > everyDay {
				d = 1
			}
			all |= d
		}
	}
	return all, nil
}

func parseDay(text string) (days, error) {
	if d, ok := dayWords[strings.ToLower(text)]; ok {
		return d, nil
	}
	known := make([]string, 0, len(dayWords))
	for word := range dayWords {
		known = append(known, word)
	}
	if near := yamlnode.Nearest(text, known); near != "" {
		return 0, fmt.Errorf("%q is no day: did you mean %q?", text, near)
	}
	return 0, fmt.Errorf("%q is no day: %s", text, dayAdvice)
}

// parseDates reads dates and ranges of them: 2026-12-24..2026-12-26,*-01-01.
func parseDates(text string) ([]dates, error) {
	var all []dates
	for part := range strings.SplitSeq(tight(text), ",") {
		first, last, isRange := strings.Cut(part, "..")
		from, err := parseDate(first)
		if err != nil {
			return nil, err
		}
		if isRange {
			to, err := parseDate(last)
			switch {
			case err != nil:
				return nil, err
			case from.yearly != to.yearly:
				return nil, fmt.Errorf("%q has a year on one side only: write it on both, or * for every year", part)
			case !from.yearly && to.first < from.first:
				return nil, fmt.Errorf("%q ends before it begins: write %s..%s", part, last, first)
			}
			from.last = to.first
		}
		all = append(all, from)
	}
	return all, nil
}

// Years in which a date may be; what is further off is a slip of the pen.
const firstYear, lastYear = 2000, 2199

// parseDate reads a date: 2026-12-24, or *-12-24 for every year.
func parseDate(text string) (dates, error) {
	rest, yearly := strings.CutPrefix(text, "*-")
	if yearly {
		rest = "2000-" + rest // a leap year
	}
	if !dateLike(rest) {
		return dates{}, fmt.Errorf("%q is no date: write %s", text, dateMeant(text))
	}
	t, err := time.Parse(time.DateOnly, rest)
	if err != nil {
		return dates{}, fmt.Errorf("%q is no date: there is no such day", text)
	}
	if yearly {
		md := int64(t.Month())*100 + int64(t.Day())
		return dates{md, md, true}, nil
	}
	if t.Year() < firstYear || t.Year() > lastYear {
		return dates{}, fmt.Errorf("%q is too far off: write a year from %d to %d, or * for every year", text, firstYear, lastYear)
	}
	d := floor(t.Unix())
	return dates{d, d, false}, nil
}

func dateLike(text string) bool {
	if len(text) != len("2026-12-24") || text[4] != '-' || text[7] != '-' {
		return false
	}
	_, y := number(text[:4])
	_, m := number(text[5:7])
	_, d := number(text[8:])
	return y && m && d
}

// dateMeant is how a date should have been written: 2026-1-2, 2026/1/2, 2.1.2026, 12-24, or two with a dash between.
func dateMeant(text string) string {
	if n := len("2026-12-24"); len(text) == 2*n+1 && text[n] == '-' && dateLike(text[:n]) && dateLike(text[n+1:]) {
		return text[:n] + ".." + text[n+1:]
	}
	parts := strings.FieldsFunc(strings.TrimPrefix(text, "*-"), func(r rune) bool { return strings.ContainsRune("-./", r) })
	var n []int
	for _, part := range parts {
		number, ok := number(part)
		if !ok {
			break
		}
		n = append(n, number)
	}
	meant := ""
	switch {
	case len(n) != len(parts):
	case len(n) == 3 && n[0] >= firstYear:
		meant = fmt.Sprintf("%04d-%02d-%02d", n[0], n[1], n[2])
	case len(n) == 3 && strings.Contains(text, "."):
		meant = fmt.Sprintf("%04d-%02d-%02d", n[2], n[1], n[0])
	case len(n) == 2 && strings.Contains(text, "-"):
		meant = fmt.Sprintf("*-%02d-%02d", n[0], n[1])
	}
	if meant != text { // else it would go round in circles
		if _, err := parseDate(meant); meant != "" && err == nil {
			return meant
		}
	}
	return "2026-12-24, or *-12-24 for every year"
}

// zoneNames are the zones of the tz database that a place has, for what was meant by a name that is none.
//
//go:embed zones.txt
var zoneNames string

// parseZone reads the name of a zone of the tz database.
func parseZone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "UTC") {
		return time.UTC, nil
	}
	if name != "" && name != "Local" && !misspelt(name) {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	if near := nearestZone(name); near != "" {
		return nil, fmt.Errorf("%q is no time zone: did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("%q is no time zone: write a name such as Europe/Berlin or UTC", name)
}

// misspelt reports whether a name differs from a zone's in letter case only. Some file systems take europe/berlin for
// Europe/Berlin, and a config with it would load on one host and not on another.
func misspelt(name string) bool {
	for zone := range strings.FieldsSeq(zoneNames) {
		if strings.EqualFold(zone, name) {
			return zone != name
		}
	}
	return false
}

// nearestZone is the zone that was meant: by its city, or with a slip of the pen.
func nearestZone(name string) string {
	if len(name) > 64 { // twice the longest; not worth the work
		return ""
	}
	known := strings.Fields(zoneNames)
	city := "/" + strings.ReplaceAll(strings.ToLower(name), " ", "_")
	for _, zone := range known {
		if strings.HasSuffix(strings.ToLower(zone), city) {
			return zone
		}
	}
	return yamlnode.Nearest(strings.ReplaceAll(name, " ", "_"), known)
}
