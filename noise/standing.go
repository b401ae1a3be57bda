package noise

import (
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// Standing is how a silence is at a time.
type Standing struct {
	Word string    // holds, waits, over, or broken: this program cannot read it
	End  time.Time // of the spell in which it holds; zero when it has none
	Next time.Time // when it begins to hold, of one that waits
}

// StandingOf looks at a silence as noise control does.
func StandingOf(s outbox.Silence, scale alert.Scale, zone *time.Location, now time.Time) Standing {
	if !s.Ends.IsZero() && !s.Ends.After(now) {
		return Standing{Word: "over"}
	}
	if _, err := rules.ParseMatchText(s.Match, scale); err != nil {
		return Standing{Word: "broken"}
	}
	begins := later(s.Starts, now)
	end := s.Ends
	if s.Every != "" {
		w, err := window.ParseSpan(s.Every, zone)
		if err != nil {
			return Standing{Word: "broken"}
		}
		if begins = w.Opens(begins); begins.IsZero() || !s.Ends.IsZero() && !begins.Before(s.Ends) {
			return Standing{Word: "over"}
		}
		if closes := w.Change(begins); !closes.IsZero() && (end.IsZero() || closes.Before(end)) {
			end = closes
		}
	}
	if begins.After(now) {
		return Standing{Word: "waits", Next: begins}
	}
	return Standing{Word: "holds", End: end}
}

// TimesOf says in words when a silence holds.
func TimesOf(s outbox.Silence, at Standing, zone *time.Location, now time.Time) string {
	var words []string
	if s.Starts.After(now) && s.Every == "" {
		words = append(words, "from "+display.Moment(s.Starts.In(zone)))
	}
	if s.Every != "" {
		words = append(words, "at "+display.Quote(s.Every).Line().String())
		switch {
		case !at.Next.IsZero():
			words = append(words, "next "+display.Moment(at.Next)) // in the zone of these times
		case at.Word == "holds" && !at.End.IsZero() && !at.End.Equal(s.Ends):
			words = append(words, "now until "+display.Moment(at.End))
		}
	}
	switch {
	case at.Word == "over" && !s.Ends.IsZero():
		words = append(words, "ended "+display.Moment(s.Ends.In(zone)))
	case !s.Ends.IsZero():
		words = append(words, "until "+display.Moment(s.Ends.In(zone)))
	default:
		words = append(words, "until somebody ends it")
	}
	return strings.Join(words, ", ")
}
