package window

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// zonesOfLaws change their clocks by an hour, by half of one, at midnight, over midnight, or never.
var zonesOfLaws = []string{
	"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Asia/Tokyo", "Asia/Kathmandu", "America/Santiago", "Pacific/Apia", "UTC",
}

// randomSpan is the text of a span that says something about the days around a time, or may.
func randomSpan(r *rand.Rand, around time.Time, zone string) string {
	names := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	var parts []string
	switch r.IntN(5) {
	case 0:
		parts = append(parts, "daily")
	case 1, 2:
		parts = append(parts, names[r.IntN(7)]+","+names[r.IntN(7)])
	case 3:
		first := r.IntN(7)
		parts = append(parts, names[first]+"-"+names[(first+1+r.IntN(6))%7])
	}
	if len(parts) == 0 || r.IntN(4) == 0 {
		date := around.AddDate(0, 0, r.IntN(8)-4)
		layout := time.DateOnly
		if r.IntN(2) == 0 {
			layout = "*-01-02"
		}
		text := date.Format(layout)
		if r.IntN(2) == 0 {
			text += ".." + date.AddDate(0, 0, r.IntN(4)).Format(layout)
		}
		parts = append(parts, text)
	}
	if r.IntN(6) > 0 {
		// Times near midnight and the small hours, where clocks change, more often than others.
		from, to := r.IntN(wholeDay), r.IntN(wholeDay+1)
		if r.IntN(2) == 0 {
			from = r.IntN(16) * 15
		}
		if r.IntN(2) == 0 {
			to = r.IntN(16) * 15
		}
		if from != to {
			parts = append(parts, clockTime(from)+"-"+clockTime(to))
		}
	}
	return strings.Join(append(parts, zone), " ")
}

// randomWindow has one span or several; nil where the text of one is refused, as a date on a day that it is not.
func randomWindow(r *rand.Rand, around time.Time, zone string) *Window {
	spans := make([]string, 1+r.IntN(3))
	for i := range spans {
		spans[i] = randomSpan(r, around, zone)
	}
	w, _ := ParseSpan(strings.Join(spans, "; "), nil)
	return w
}

// shown are what clocks show in each minute of some days: as the Unix time at which clocks of UTC show it.
func shown(zone *time.Location, start time.Time, minutes int) []int64 {
	walls := make([]int64, minutes)
	for i := range walls {
		at := start.Add(time.Duration(i) * time.Minute).In(zone)
		walls[i] = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC).Unix()
	}
	return walls
}

// minutesOpen says for each minute whether a window is open in it, by what the package promises, word for word: a span
// begins when clocks show its from or later for the first time, and ends when they show an earlier time than its to for
// the last time. It looks at every minute, and knows nothing of zones. The first and last three days are not whole.
func minutesOpen(w *Window, walls []int64) []bool {
	open := make([]bool, len(walls))
	for d := floor(walls[0]) + 1; d < floor(walls[len(walls)-1]); d++ {
		for _, s := range w.spans {
			if !s.on(d) {
				continue
			}
			from, to := d*day+int64(s.from)*60, d*day+int64(s.to)*60
			if s.to < s.from {
				to += day
			}
			first := slices.IndexFunc(walls, func(wall int64) bool { return wall >= from })
			last := len(walls)
			for last > 0 && walls[last-1] >= to {
				last--
			}
			for i := max(first, 0); i < last; i++ {
				open[i] = true
			}
		}
	}
	return open
}

// TestOpenAndChangeAreWhatEveryMinuteSays compares with a search of every minute of two weeks, in which clocks change
// more often than not.
func TestOpenAndChangeAreWhatEveryMinuteSays(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	changed, flips, tried := 0, 0, 0
	for range 100 {
		name := zonesOfLaws[r.IntN(len(zonesOfLaws))]
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		middle := time.Date(2005+r.IntN(40), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
		if name == "Pacific/Apia" && r.IntN(2) == 0 {
			middle = time.Date(2011, 12, 30, 0, 0, 0, 0, time.UTC)
		} else if _, until := middle.In(zone).ZoneBounds(); !until.IsZero() && r.IntN(4) > 0 {
			middle = until.UTC().Truncate(24 * time.Hour)
			changed++
		}
		start := middle.AddDate(0, 0, -7)
		const minutes = 14 * wholeDay
		walls := shown(zone, start, minutes)
		for range 4 {
			w := randomWindow(r, middle, name)
			if w == nil {
				continue
			}
			tried++
			open := minutesOpen(w, walls)
			const margin = 3 * wholeDay
			next := -1 // the next change, from the end on
			for i := minutes - margin - 1; i >= margin; i-- {
				at := start.Add(time.Duration(i) * time.Minute)
				if got := w.Open(at); got != open[i] {
					t.Fatalf("%q at %s: open is %v, want %v", w, at.In(zone), got, open[i])
				}
				if i%30 == 0 || open[i] != open[i+1] || r.IntN(100) == 0 {
					got := w.Change(at)
					if next >= 0 && !got.Equal(start.Add(time.Duration(next)*time.Minute)) {
						t.Fatalf("%q after %s: changes at %v, want %v", w, at.In(zone), got, start.Add(time.Duration(next)*time.Minute).In(zone))
					}
					if next < 0 && !got.IsZero() && got.Before(start.Add((minutes-margin)*time.Minute)) {
						t.Fatalf("%q after %s: changes at %v, where nothing does", w, at.In(zone), got)
					}
				}
				if open[i] != open[i-1] {
					next = i
					flips++
				}
			}
		}
	}
	if changed < 50 || flips < 1000 || tried < 250 {
		t.Errorf("%d weeks in which clocks change, %d windows, %d changes: too few to mean anything", changed, tried, flips)
	}
}

// TestChangeIsWhereOpenChanges goes through years, from change to change.
func TestChangeIsWhereOpenChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	seen := 0
	for range 300 {
		start := time.Date(2000+r.IntN(50), 1, 1+r.IntN(365), 0, r.IntN(wholeDay), r.IntN(60), r.IntN(1e9), time.UTC)
		w := randomWindow(r, start, zonesOfLaws[r.IntN(len(zonesOfLaws))])
		if w == nil {
			continue
		}
		for at := start; seen%50 != 49; seen++ {
			next := w.Change(at)
			if err := flaw(w, at, next); err != nil {
				t.Fatal(err)
			}
			if next.IsZero() {
				break
			}
			at = next
		}
		seen++
	}
	if seen < 5000 {
		t.Errorf("saw %d changes, want many", seen)
	}
}

// flaw says what is wrong with next being the change after at.
func flaw(w *Window, at, next time.Time) error {
	open := w.Open(at)
	switch opens := w.Opens(at); {
	case open && !opens.Equal(at), !open && !opens.Equal(next):
		return fmt.Errorf("%q opens at %s after %s, where it is open: %v, and changes at %s", w, opens, at, open, next)
	case next.IsZero():
		return nil
	case !next.After(at):
		return fmt.Errorf("%q changes at %s, which is not after %s", w, next, at)
	case w.Open(next) == open:
		return fmt.Errorf("%q is open at %s: %v, and so it is at its change at %s", w, at, open, next)
	case w.Open(next.Add(-1)) != open:
		return fmt.Errorf("%q changes before %s, which is the first after %s", w, next, at)
	}
	return nil
}

// reads asserts that a window prints as a text that reads as the same window.
func reads(t *testing.T, w *Window, zone *time.Location) {
	t.Helper()
	again, err := ParseSpan(w.String(), zone)
	if err != nil {
		t.Fatalf("%q does not read again: %v", w, err)
	}
	if again.String() != w.String() {
		t.Errorf("%q reads again as %q", w, again)
	}
	if again.always != w.always || !slices.EqualFunc(again.spans, w.spans, func(a, b span) bool {
		return a.days == b.days && slices.Equal(a.dates, b.dates) && a.from == b.from && a.to == b.to && a.zone.String() == b.zone.String()
	}) {
		t.Errorf("%q reads again as another: %+v, was %+v", w, again.spans, w.spans)
	}
}

func TestStringReadsAgainAsTheSameWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	read := 0
	for range 2000 {
		if w := randomWindow(r, time.Date(2026, 1, 1+r.IntN(365), 0, 0, 0, 0, time.UTC), zonesOfLaws[r.IntN(len(zonesOfLaws))]); w != nil {
			reads(t, w, time.Local)
			read++
		}
	}
	for s := days(1); s <= everyDay; s++ { // all sets of days
		reads(t, made("", []span{{days: s, to: wholeDay, zone: time.Local}}), time.Local)
	}
	if read < 1000 {
		t.Errorf("read %d windows, want many", read)
	}
}

// FuzzParseSpan: no text makes the parser panic; what it reads prints and reads again as the same, and changes where it
// says.
func FuzzParseSpan(f *testing.F) {
	for _, text := range []string{
		"sat 02:00-06:00 Europe/Berlin", "mon-fri 22:00-06:00", "2026-12-24 18:00-24:00", "daily 02:00-03:00", "daily", "weekdays; weekend 10:00-14:00",
		"fri-mon,wed *-12-24..*-01-02,2026-05-01 23:59-00:00 America/Havana", "utc 00:00-00:00", "mon *-02-29", "sun 2026-12-25", "24:00-00:00", "-", ",", ";", "..", "*-",
	} {
		f.Add(text, int64(1774746000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		w, err := ParseSpan(text, time.UTC)
		if err != nil {
			if w != nil || err.Error() == "" {
				t.Errorf("got %v and the error %q", w, err)
			}
			return
		}
		reads(t, w, time.UTC)
		holds(t, w, at)
	})
}

// holds asserts that a window changes where it says, some times from a time in our centuries on.
func holds(t *testing.T, w *Window, at int64) {
	t.Helper()
	const centuries = 300 * 365 * day
	from := time.Unix((at%centuries+centuries)%centuries, 0)
	for range 5 {
		next := w.Change(from)
		if err := flaw(w, from, next); err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			return
		}
		from = next
	}
}

// FuzzParse: no config makes the parser panic; a window is read, or what is wrong with it is told with its place.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{days: all, from: "22:00", to: "06:00", zone: Europe/Berlin}`, `[{days: mon-fri, from: 08:00, to: 18:00}, {days: [sat], from: "10:00", to: "14:00"}]`,
		`{dates: ["2026-12-24..2026-12-26", 2027-01-01, "*-05-01"]}`, "sat 02:00-06:00", "[daily]", "{}", "[]", "~", "!x {}", "{days: !mon}", "{days: [[mon]]}", "{days: []}",
		"{from: 9, to: 17}", "{from: 00:00, to: 00:00}", "&a {<<: *a}", "&a [*a]", "{days: mon, dates: 2026-12-25}", "{days: mon, form: 09:00}", "",
	} {
		f.Add(text, int64(1774746000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil {
			return
		}
		told := 0
		w := Parse(&n, "night", time.UTC, func(at *yaml.Node, message string) {
			if at == nil || at.Line < 1 || message == "" {
				t.Errorf("a mistake without place or message: %v, %q", at, message)
			}
			told++
		})
		if (w == nil) != (told > 0) {
			t.Fatalf("got %v with %d mistakes", w, told)
		}
		if w == nil {
			return
		}
		if len(w.spans) == 0 || w.Name != "night" {
			t.Errorf("got %d spans of %q", len(w.spans), w.Name)
		}
		reads(t, w, time.UTC)
		holds(t, w, at)
	})
}
