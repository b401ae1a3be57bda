package window

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ParseSpan reads a window as it is written on a command line: spans joined by semicolons, each of days, dates, times
// of the day and a zone, of which any may be left out, but not all. Their order does not matter.
//
//	sat 02:00-06:00 Europe/Berlin
//	mon-fri 22:00-06:00
//	2026-12-24..2026-12-26,*-01-01
//
// zone is that of spans that name none: time.Local, or one of the tz database; nil is UTC.
func ParseSpan(text string, zone *time.Location) (*Window, error) {
	spans, err := parseSpans(text, zone)
	if err != nil {
		return nil, err
	}
	return made("", spans), nil
}

func parseSpans(text string, zone *time.Location) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(text, ";") {
		s, err := parseSpan(part, zone)
		if err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func parseSpan(text string, zone *time.Location) (span, error) {
	s := newSpan(zone)
	var seen words
	for word := range strings.FieldsSeq(tight(text)) {
		if err := s.read(word, &seen); err != nil {
			return span{}, err
		}
	}
	if seen.days == "" && seen.dates == "" && seen.times == "" {
		return span{}, fmt.Errorf(`%q names no time: write days, dates or times, as in "mon-fri 22:00-06:00", or daily`, strings.TrimSpace(text))
	}
	if seen.times != "" {
		if err := s.length(); err != nil {
			return span{}, err
		}
	}
	if s.never() {
		return span{}, errNever
	}
	return s, nil
}

// newSpan is one that leaves out nothing.
func newSpan(zone *time.Location) span {
	if zone == nil {
		zone = time.UTC
	}
	return span{days: everyDay, to: wholeDay, zone: zone}
}

var errNever = errors.New("it is never open: none of its dates is one of its days")

// length checks the times of a span that has some, and makes one that ends at 00:00 end at 24:00.
func (s *span) length() error {
	if s.from == s.to {
		return fmt.Errorf("it begins and ends at %s: leave both times out for the whole day", clockTime(s.from))
	}
	if s.to == 0 {
		s.to = wholeDay
	}
	return nil
}

// words are those that were found for each part of a span.
type words struct{ days, dates, times, zone string }

// read reads one word of a span, whose looks say what it is.
func (s *span) read(word string, seen *words) (err error) {
	switch first := word[0]; {
	case strings.Contains(word, "/"):
		s.zone, err = parseZone(word)
		return cmp.Or(err, once(&seen.zone, word, "zones", "a span has one"))
	case strings.Contains(word, ":"):
		s.from, s.to, err = parseTimes(word)
		return cmp.Or(err, once(&seen.times, word, "times", "write two spans, joined by a semicolon"))
	case first == '*' || '0' <= first && first <= '9':
		s.dates, err = parseDates(word)
		if err != nil && len(word) < len("2026-12-24") && first != '*' { // 9-17, 22-06, 10pm-6am, 24.12.
			return fmt.Errorf("%q is neither a date nor times of the day: write 2026-12-24, *-12-24 or 22:00-06:00", word)
		}
		return cmp.Or(err, once(&seen.dates, word, "dates", "join them with a comma"))
	}
	d, err := parseDays(word)
	if err == nil {
		s.days = d
		return once(&seen.days, word, "days", "join them with a comma")
	}
	if zone, _ := parseZone(word); zone != nil { // UTC, Japan
		s.zone = zone
		return once(&seen.zone, word, "zones", "a span has one")
	}
	if near := nearestZone(word); near != "" && strings.HasSuffix(strings.ToLower(near), "/"+strings.ToLower(word)) {
		return fmt.Errorf("%q is no time zone: did you mean %q?", word, near)
	}
	return err
}

// once notes a word for a part of a span that has none yet.
func once(seen *string, word, what, advice string) error {
	if *seen != "" {
		return fmt.Errorf("%s stand twice, as %s and %s: %s", what, *seen, word, advice)
	}
	*seen = word
	return nil
}

// tight is a text without spaces at what joins its parts.
func tight(text string) string {
	for _, sign := range []string{",", "..", "-"} {
		parts := strings.Split(text, sign)
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		text = strings.Join(parts, sign)
	}
	return text
}
