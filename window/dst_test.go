package window

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each case begins while the window is closed, on the day before clocks change: it opens, closes, opens, …. Times are
// as clocks show them, with their distance to UTC.
func TestWindowsOnDaysWhenClocksChange(t *testing.T) {
	type window struct{ name, window, want string }
	for _, zone := range []struct {
		name, change, after string
		windows             []window
	}{
		{"Europe/Berlin", "29 March: 02:00 becomes 03:00", "2026-03-28T12:00+01:00", []window{
			{"a night", "daily 22:00-06:00", "2026-03-28T22:00+01:00 2026-03-29T06:00+02:00 2026-03-29T22:00+02:00"},
			{"begins in the gap", "sun 02:30-06:00", "2026-03-29T03:00+02:00 2026-03-29T06:00+02:00 2026-04-05T02:30+02:00"},
			{"ends in the gap", "sun 01:00-02:30", "2026-03-29T01:00+01:00 2026-03-29T03:00+02:00 2026-04-05T01:00+02:00"},
			{"lies in the gap", "sun 02:15-02:45", "2026-04-05T02:15+02:00 2026-04-05T02:45+02:00"},
			{"is the gap", "sun 02:00-03:00", "2026-04-05T02:00+02:00 2026-04-05T03:00+02:00"},
			{"before and after", "sun 02:00-02:30; sun 02:30-04:00", "2026-03-29T03:00+02:00 2026-03-29T04:00+02:00"},
			{"around the gap", "sun 01:00-04:00", "2026-03-29T01:00+01:00 2026-03-29T04:00+02:00"},
			{"the day", "sun", "2026-03-29T00:00+01:00 2026-03-30T00:00+02:00"},
			{"the date", "2026-03-29", "2026-03-29T00:00+01:00 2026-03-30T00:00+02:00 never"},
			{"past midnight into the gap", "sat 22:00-02:30", "2026-03-28T22:00+01:00 2026-03-29T03:00+02:00 2026-04-04T22:00+02:00"},
		}},
		{"Europe/Berlin", "25 October: 03:00 becomes 02:00", "2026-10-24T12:00+02:00", []window{
			{"a night", "daily 22:00-06:00", "2026-10-24T22:00+02:00 2026-10-25T06:00+01:00 2026-10-25T22:00+01:00"},
			{"begins in what comes twice", "sun 02:30-06:00", "2026-10-25T02:30+02:00 2026-10-25T06:00+01:00"},
			{"ends in what comes twice", "sun 01:00-02:30", "2026-10-25T01:00+02:00 2026-10-25T02:30+01:00"},
			{"lies in what comes twice", "sun 02:15-02:45", "2026-10-25T02:15+02:00 2026-10-25T02:45+01:00 2026-11-01T02:15+01:00"},
			{"is what comes twice", "sun 02:00-03:00", "2026-10-25T02:00+02:00 2026-10-25T03:00+01:00"},
			{"ends where the first begins", "sun 00:00-02:00", "2026-10-25T00:00+02:00 2026-10-25T02:00+02:00"},
			{"begins where the second ends", "sun 03:00-04:00", "2026-10-25T03:00+01:00 2026-10-25T04:00+01:00"},
			{"the day", "sun", "2026-10-25T00:00+02:00 2026-10-26T00:00+01:00"},
			{"past midnight into what comes twice", "sat 22:00-02:30", "2026-10-24T22:00+02:00 2026-10-25T02:30+01:00"},
		}},
		{"America/New_York", "8 March: 02:00 becomes 03:00", "2026-03-07T12:00-05:00", []window{
			{"a night", "daily 22:00-06:00", "2026-03-07T22:00-05:00 2026-03-08T06:00-04:00 2026-03-08T22:00-04:00"},
			{"begins in the gap", "sun 02:30-06:00", "2026-03-08T03:00-04:00 2026-03-08T06:00-04:00"},
			{"ends in the gap", "sun 01:00-02:30", "2026-03-08T01:00-05:00 2026-03-08T03:00-04:00"},
			{"lies in the gap", "daily 02:15-02:45", "2026-03-09T02:15-04:00 2026-03-09T02:45-04:00"},
			{"the day", "sun", "2026-03-08T00:00-05:00 2026-03-09T00:00-04:00"},
		}},
		{"America/New_York", "1 November: 02:00 becomes 01:00", "2026-10-31T12:00-04:00", []window{
			{"a night", "daily 22:00-06:00", "2026-10-31T22:00-04:00 2026-11-01T06:00-05:00 2026-11-01T22:00-05:00"},
			{"begins in what comes twice", "sun 01:30-06:00", "2026-11-01T01:30-04:00 2026-11-01T06:00-05:00"},
			{"ends in what comes twice", "sun 00:00-01:30", "2026-11-01T00:00-04:00 2026-11-01T01:30-05:00"},
			{"lies in what comes twice", "sun 01:15-01:45", "2026-11-01T01:15-04:00 2026-11-01T01:45-05:00"},
			{"the day", "sun", "2026-11-01T00:00-04:00 2026-11-02T00:00-05:00"},
		}},
		{"Australia/Lord_Howe", "4 October: 02:00 becomes 02:30", "2026-10-03T12:00+10:30", []window{
			{"a night", "daily 22:00-06:00", "2026-10-03T22:00+10:30 2026-10-04T06:00+11:00 2026-10-04T22:00+11:00"},
			{"begins in the gap", "sun 02:15-06:00", "2026-10-04T02:30+11:00 2026-10-04T06:00+11:00"},
			{"ends in the gap", "sun 01:00-02:15", "2026-10-04T01:00+10:30 2026-10-04T02:30+11:00"},
			{"is longer than the gap", "sun 02:15-02:45", "2026-10-04T02:30+11:00 2026-10-04T02:45+11:00"},
			{"lies in the gap", "sun 02:10-02:20", "2026-10-11T02:10+11:00 2026-10-11T02:20+11:00"},
			{"the day", "sun", "2026-10-04T00:00+10:30 2026-10-05T00:00+11:00"},
		}},
		{"Australia/Lord_Howe", "5 April: 02:00 becomes 01:30", "2026-04-04T12:00+11:00", []window{
			{"a night", "daily 22:00-06:00", "2026-04-04T22:00+11:00 2026-04-05T06:00+10:30 2026-04-05T22:00+10:30"},
			{"begins in what comes twice", "sun 01:45-06:00", "2026-04-05T01:45+11:00 2026-04-05T06:00+10:30"},
			{"ends in what comes twice", "sun 01:00-01:45", "2026-04-05T01:00+11:00 2026-04-05T01:45+10:30"},
			{"lies in what comes twice", "sun 01:40-01:50", "2026-04-05T01:40+11:00 2026-04-05T01:50+10:30"},
			{"the day", "sun", "2026-04-05T00:00+11:00 2026-04-06T00:00+10:30"},
		}},
		{"America/Havana", "8 March: 00:00 becomes 01:00", "2026-03-07T12:00-05:00", []window{
			{"a night", "daily 22:00-06:00", "2026-03-07T22:00-05:00 2026-03-08T06:00-04:00"},
			{"the day before", "sat 18:00-24:00", "2026-03-07T18:00-05:00 2026-03-08T01:00-04:00"},
			{"the day", "sun", "2026-03-08T01:00-04:00 2026-03-09T00:00-04:00"},
			{"begins in the gap", "sun 00:30-02:00", "2026-03-08T01:00-04:00 2026-03-08T02:00-04:00"},
			{"lies in the gap", "sun 00:00-01:00", "2026-03-15T00:00-04:00 2026-03-15T01:00-04:00"},
		}},
		{"America/Havana", "1 November: 01:00 becomes 00:00", "2026-10-31T12:00-04:00", []window{
			{"a night", "daily 22:00-06:00", "2026-10-31T22:00-04:00 2026-11-01T06:00-05:00"},
			{"the day before ends with the first midnight", "sat 18:00-24:00", "2026-10-31T18:00-04:00 2026-11-01T00:00-04:00"},
			{"the day begins with it", "sun", "2026-11-01T00:00-04:00 2026-11-02T00:00-05:00"},
			{"ends in what comes twice", "sat 22:00-00:30", "2026-10-31T22:00-04:00 2026-11-01T00:30-05:00"},
		}},
		{"Asia/Beirut", "25 October: 00:00 becomes 23:00 of the day before", "2026-10-24T12:00+03:00", []window{
			{"a night", "daily 22:00-06:00", "2026-10-24T22:00+03:00 2026-10-25T06:00+02:00"},
			{"the day before has 23:00 twice", "2026-10-24 18:00-24:00", "2026-10-24T18:00+03:00 2026-10-25T00:00+02:00 never"},
			{"the day", "2026-10-25", "2026-10-25T00:00+02:00 2026-10-26T00:00+02:00 never"},
			{"begins in what comes twice", "sat 23:30-00:30", "2026-10-24T23:30+03:00 2026-10-25T00:30+02:00"},
		}},
		{"America/St_Johns", "7 November: 00:01 becomes 23:01 of the day before", "2010-11-06T12:00-02:30", []window{
			{"the day before has its last hour twice, with a minute of the next between", "sat 18:00-24:00", "2010-11-06T18:00-02:30 2010-11-07T00:00-03:30"},
			{"the day begins with its first minute", "sun", "2010-11-07T00:00-02:30 2010-11-08T00:00-03:30"},
		}},
		{"Pacific/Apia", "30 December does not exist", "2011-12-28T12:00-10:00", []window{
			{"the day", "fri", "2012-01-06T00:00+14:00 2012-01-07T00:00+14:00"},
			{"a night into it", "thu 22:00-06:00", "2011-12-29T22:00-10:00 2011-12-31T00:00+14:00"},
			{"a night out of it", "fri 22:00-06:00", "2011-12-31T00:00+14:00 2011-12-31T06:00+14:00"},
		}},
		{"Asia/Tokyo", "never", "2026-03-28T12:00+09:00", []window{
			{"a night", "daily 22:00-06:00", "2026-03-28T22:00+09:00 2026-03-29T06:00+09:00 2026-03-29T22:00+09:00"},
			{"the day", "sun", "2026-03-29T00:00+09:00 2026-03-30T00:00+09:00"},
		}},
	} {
		for _, tc := range zone.windows {
			t.Run(zone.name+", "+zone.change+"/"+tc.name, func(t *testing.T) {
				var spans []string
				for s := range strings.SplitSeq(tc.window, "; ") {
					spans = append(spans, s+" "+zone.name)
				}
				w, after, want := parsed(t, strings.Join(spans, "; ")), instant(t, zone.after), strings.Fields(tc.want)
				if w.Open(after) {
					t.Errorf("it is open at %s", zone.after)
				}
				if diff := cmp.Diff(changes(w, after, len(want)), want); diff != "" {
					t.Errorf("changes of %q (-got +want):\n%s", w, diff)
				}
			})
		}
	}
}

// Behind its table of a zone, which may end in 2037, the time package takes years for 365 days: a walk from one of its
// bounds to the next stands still on the last day of a leap year.
func TestTheLastDayOfALeapYearFarOffIsADay(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Tokyo"} {
		w := parsed(t, "daily 22:00-06:00 "+zone)
		at := time.Date(2040, 12, 29, 12, 0, 0, 0, w.Zone)
		want := []string{"12-29 22:00", "12-30 06:00", "12-30 22:00", "12-31 06:00", "12-31 22:00", "01-01 06:00", "01-01 22:00"}
		for _, text := range want {
			at = w.Change(at)
			if got := at.Format("01-02 15:04"); got != text {
				t.Errorf("%s: changes at %s, want %s", zone, got, text)
			}
		}
	}
}

// St John's changed its clocks at 00:01: for most of an hour they showed the day before once more.
func TestADayThatHasBegunIsNotOverWhenClocksGoBackOverMidnight(t *testing.T) {
	again := instant(t, "2010-11-06T23:30-03:30")
	for _, tc := range []struct {
		window string
		want   bool
	}{
		{"sat", true}, {"sun", true}, {"sun 00:00-06:00", true}, {"sat 18:00-24:00", true}, {"sun 00:02-06:00", false}, {"fri", false},
	} {
		if got := parsed(t, tc.window+" America/St_Johns").Open(again); got != tc.want {
			t.Errorf("%s: open is %v, want %v", tc.window, got, tc.want)
		}
	}
}
