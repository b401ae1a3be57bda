package backtest

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// TestOneWrongClockMovesNoOther: an alert of 1970 or of 2038 among others counts, and the others keep their days.
func TestOneWrongClockMovesNoOther(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, test := range []struct{ name, in, want string }{
		{"future", "2026-10-01 2026-10-01 2038-01-19 2026-10-02", "2026-10-01 2026-10-01 2026-10-01 2026-10-02"},
		{"future first", "2038-01-19 2026-10-01 2026-10-02", "2026-10-01 2026-10-01 2026-10-02"},
		{"a weekend without alerts", "2026-10-02 2026-10-05 2026-10-05", "2026-10-02 2026-10-05 2026-10-05"},
		{"past", "2026-10-01 2026-10-01 1970-01-01 2026-10-02", "2026-10-01 2026-10-01 1970-01-01 2026-10-02"},
		{"last", "2026-10-01 2026-10-09", "2026-10-01 2026-10-09"},
	} {
		var in iter.Seq2[*alert.Alert, error] = func(yield func(*alert.Alert, error) bool) {
			for _, s := range strings.Fields(test.in) {
				if !yield(&alert.Alert{Time: day(s)}, nil) {
					return
				}
			}
		}
		var got []string
		for a := range plausible(in) {
			got = append(got, a.Time.Format(time.DateOnly))
		}
		if want := strings.Fields(test.want); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", test.name, got, want)
		}
	}
}

func TestStrayDatesAreLeftOutOfTheDays(t *testing.T) {
	alerts := map[string]int{"1970-01-01": 1, "2026-10-30": 300, "2026-11-02": 300, "2038-01-19": 2}
	r := Report{Zone: time.UTC, From: time.Unix(0, 0), To: time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC), Gaps: map[string]bool{}}
	r.days(alerts)
	if want := []string{"2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"}; !slices.Equal(r.Days, want) || r.Read.Outside != 3 || len(r.Gaps) != 2 {
		t.Errorf("days %q, %d gaps, %d outside; want %q, 2 and 3", r.Days, len(r.Gaps), r.Read.Outside, want)
	}
	if got := r.date(r.From) + " " + r.date(r.To); got != "2026-10-30 2026-11-02" {
		t.Errorf("from and to are %s", got)
	}
	delete(alerts, "2026-10-30")
	alerts["2020-01-01"] = 300 // not few: it is a part of the past
	r = Report{Zone: time.UTC, From: time.Unix(0, 0), To: time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC), Gaps: map[string]bool{}}
	if r.days(alerts); r.Days[0] != "2020-01-01" || r.Days[len(r.Days)-1] != "2026-11-02" {
		t.Errorf("days from %s to %s", r.Days[0], r.Days[len(r.Days)-1])
	}
}
