package window

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as the program has it: the hosts of tests may have none

	"github.com/google/go-cmp/cmp"
)

// parsed is a window of a text, whose zone is UTC where it names none.
func parsed(t testing.TB, text string) *Window {
	t.Helper()
	w, err := ParseSpan(text, time.UTC)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return w
}

const minute = "2006-01-02T15:04Z07:00"

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(minute, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// changes are the next ones after at, with what clocks show and their distance to UTC; "never" is the end of them.
func changes(w *Window, at time.Time, n int) []string {
	var texts []string
	for range n {
		if at = w.Change(at); at.IsZero() {
			return append(texts, "never")
		}
		texts = append(texts, at.Format(minute))
	}
	return texts
}

// Each case begins while the window is closed: it opens, closes, opens, ….
func TestWindowsOpenAndClose(t *testing.T) {
	for _, tc := range []struct{ name, window, after, want string }{
		{"a night", "daily 22:00-06:00", "2026-06-10T12:00Z", "2026-06-10T22:00Z 2026-06-11T06:00Z 2026-06-11T22:00Z"},
		{"seen at night", "daily 22:00-06:00", "2026-06-10T06:00Z", "2026-06-10T22:00Z 2026-06-11T06:00Z"},
		{"office hours over a weekend", "mon-fri 08:00-18:00", "2026-06-12T18:00Z", "2026-06-15T08:00Z 2026-06-15T18:00Z 2026-06-16T08:00Z"},
		{"days that follow each other are one", "sat,sun", "2026-06-12T18:00Z", "2026-06-13T00:00Z 2026-06-15T00:00Z 2026-06-20T00:00Z"},
		{"a range over the end of the week", "fri-mon", "2026-06-11T00:00Z", "2026-06-12T00:00Z 2026-06-16T00:00Z 2026-06-19T00:00Z"},
		{"a night belongs to the day on which it begins", "fri 22:00-06:00", "2026-06-10T12:00Z", "2026-06-12T22:00Z 2026-06-13T06:00Z 2026-06-19T22:00Z"},
		{"to the end of the day", "mon 18:00-24:00", "2026-06-15T00:00Z", "2026-06-15T18:00Z 2026-06-16T00:00Z 2026-06-22T18:00Z"},
		{"to 00:00 is the same", "mon 18:00-00:00", "2026-06-15T00:00Z", "2026-06-15T18:00Z 2026-06-16T00:00Z 2026-06-22T18:00Z"},
		{"nearly around the clock", "mon 06:01-06:00", "2026-06-15T00:00Z", "2026-06-15T06:01Z 2026-06-16T06:00Z 2026-06-22T06:01Z"},
		{"a date", "2026-12-24", "2026-06-15T00:00Z", "2026-12-24T00:00Z 2026-12-25T00:00Z never"},
		{"a date that is over", "2026-12-24", "2026-12-25T00:00Z", "never"},
		{"dates", "2026-12-24..2026-12-26,2027-01-01", "2026-06-15T00:00Z", "2026-12-24T00:00Z 2026-12-27T00:00Z 2027-01-01T00:00Z 2027-01-02T00:00Z never"},
		{"dates with times", "2026-12-24..2026-12-25 18:00-24:00", "2026-06-15T00:00Z", "2026-12-24T18:00Z 2026-12-25T00:00Z 2026-12-25T18:00Z 2026-12-26T00:00Z never"},
		{"a night that begins on a date", "2026-12-31 22:00-06:00", "2026-06-15T00:00Z", "2026-12-31T22:00Z 2027-01-01T06:00Z never"},
		{"every year", "*-12-25", "2026-12-26T00:00Z", "2027-12-25T00:00Z 2027-12-26T00:00Z 2028-12-25T00:00Z"},
		{"every year, over new year", "*-12-24..*-01-02", "2026-06-15T00:00Z", "2026-12-24T00:00Z 2027-01-03T00:00Z 2027-12-24T00:00Z"},
		{"a leap day, over a year that has none", "*-02-29", "2096-03-01T00:00Z", "2104-02-29T00:00Z 2104-03-01T00:00Z 2108-02-29T00:00Z"},
		{"a leap day on a day of the week is the rarest", "mon *-02-29", "2072-03-01T00:00Z", "2112-02-29T00:00Z 2112-03-01T00:00Z"},
		{"days and dates: both", "sat,sun *-12-01..*-12-31", "2026-06-15T00:00Z", "2026-12-05T00:00Z 2026-12-07T00:00Z 2026-12-12T00:00Z"},
		{"spans that touch are one", "mon 08:00-12:00; mon 12:00-18:00", "2026-06-15T00:00Z", "2026-06-15T08:00Z 2026-06-15T18:00Z 2026-06-22T08:00Z"},
		{"spans that overlap are one", "mon 22:00-06:00; tue 05:00-07:00; tue 07:30-08:00", "2026-06-15T00:00Z", "2026-06-15T22:00Z 2026-06-16T07:00Z 2026-06-16T07:30Z 2026-06-16T08:00Z 2026-06-22T22:00Z"},
		{"all but the rarest", "tue-sun; mon *-01-01..*-02-28,*-03-01..*-12-31", "2072-02-29T00:00Z", "2072-03-01T00:00Z 2112-02-29T00:00Z 2112-03-01T00:00Z"},
		{"spans in zones of their own follow the sun", "daily 08:00-16:00 Asia/Tokyo; daily 08:00-16:00 Europe/Berlin", "2026-06-15T00:00+09:00", "2026-06-15T08:00+09:00 2026-06-15T23:00+09:00 2026-06-16T08:00+09:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := strings.Fields(tc.want)
			w, after := parsed(t, tc.window), instant(t, tc.after)
			if w.Open(after) {
				t.Errorf("it is open at %s", tc.after)
			}
			if diff := cmp.Diff(changes(w, after, len(want)), want); diff != "" {
				t.Errorf("changes (-got +want):\n%s", diff)
			}
		})
	}
}
