package alert

import (
	"strconv"
	"time"
)

// plainDate is how OSSEC writes dates: local time of the manager, no zone.
const plainDate = "2006 Jan _2 15:04:05"

// date reads the dates of all formats; zero where s is none. Dates without a zone are of loc.
func date(s string, loc *time.Location) time.Time {
	if digits(s) {
		n, _ := strconv.ParseInt(s, 10, 64)
		return epoch(n, loc)
	}
	// Read in UTC, so that the zone is the one written and never the name of a zone this machine happens to be in.
	for _, layout := range [...]string{"2006-01-02T15:04:05Z0700", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t
		}
	}
	for _, layout := range [...]string{plainDate, "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t
		}
	}
	return time.Time{}
}

// epoch is a time counted in seconds or milliseconds since 1970; zero where n cannot be one.
func epoch(n int64, loc *time.Location) time.Time {
	switch {
	case n <= 0 || n > 1e14:
		return time.Time{}
	case n >= 1e11: // as seconds, the year 5138
		return time.UnixMilli(n).In(loc)
	}
	return time.Unix(n, 0).In(loc)
}
