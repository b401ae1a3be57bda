package window

import (
	"fmt"
	"strings"
	"time"
)

// ParseMoment reads a time as people write it: a day and a time of it, or a time of the day that comes next after.
func ParseMoment(text string, zone *time.Location, after time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse("15:04", text); err == nil {
		day := after.In(zone)
		at := time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), 0, 0, zone)
		if !at.After(after) {
			at = time.Date(day.Year(), day.Month(), day.Day()+1, t.Hour(), t.Minute(), 0, 0, zone)
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf(`%q is no time: write "2026-12-24 18:00", or "18:00" for the next one`, text)
}

// ParseWeekMoment is [ParseMoment], and a time on the day of the week that comes next.
func ParseWeekMoment(text string, zone *time.Location, after time.Time) (time.Time, error) {
	clock, weekday := text, func(time.Time) bool { return true }
	if day, rest, ok := strings.Cut(text, " "); ok {
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(day, d.String()[:3]) || strings.EqualFold(day, d.String()) {
				clock, weekday = rest, func(t time.Time) bool { return t.In(zone).Weekday() == d }
			}
		}
	}
	at, err := ParseMoment(clock, zone, after)
	if err != nil {
		return at, fmt.Errorf(`%q is no time: write "2026-12-24 03:00", "sat 03:00" or "03:00"`, text)
	}
	for !weekday(at) {
		at = at.In(zone).AddDate(0, 0, 1)
	}
	return at, nil
}
