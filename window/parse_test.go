package window

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// read reads a window of a config and what is wrong with it.
func read(t testing.TB, text string, zone *time.Location) (*Window, string) {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var told []string
	w := Parse(&n, "night", zone, func(at *yaml.Node, message string) {
		told = append(told, fmt.Sprintf("%d:%d: %s", at.Line, at.Column, message))
	})
	return w, strings.Join(told, "\n")
}

func TestParseReadsAllSpellings(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ yaml, want string }{
		{`{days: all, from: "22:00", to: "06:00", zone: America/New_York}`, "daily 22:00-06:00 America/New_York"},
		{`{days: all, from: 22:00, to: 06:00}`, "daily 22:00-06:00 Europe/Berlin"}, // no numbers to base 60
		{`[{days: mon-fri, from: "08:00", to: "18:00"}, {days: [sat], from: "10:00", to: "14:00", zone: UTC}]`, "mon-fri 08:00-18:00 Europe/Berlin; sat 10:00-14:00 UTC"},
		{`{dates: ["2026-12-24..2026-12-26", "2027-01-01", "*-05-01"]}`, "2026-12-24..2026-12-26,2027-01-01,*-05-01 Europe/Berlin"},
		{`{dates: [2027-01-01]}`, "2027-01-01 Europe/Berlin"}, // no timestamps
		{`{dates: 2026-12-24, from: "18:00", to: "24:00"}`, "2026-12-24 18:00-24:00 Europe/Berlin"},
		{`{days: weekdays, from: "18:00", to: "00:00"}`, "mon-fri 18:00-24:00 Europe/Berlin"},
		{`{from: "00:00", to: "24:00"}`, "daily Europe/Berlin"},
		{`{days: [Monday, "tue, thu", fri-sat]}`, "mon,tue,thu-sat Europe/Berlin"},
		{`{days: fri-mon}`, "fri-mon Europe/Berlin"},
		{`{days: [sun, mon]}`, "sun,mon Europe/Berlin"},
		{`{days: [weekend, wed]}`, "wed,sat,sun Europe/Berlin"},
		{`{days: sat, dates: "*-12-24..*-01-06"}`, "sat *-12-24..*-01-06 Europe/Berlin"},
		{`sat 02:00-06:00 UTC`, "sat 02:00-06:00 UTC"},
		{`[daily 22:00-06:00, {days: sun}]`, "daily 22:00-06:00 Europe/Berlin; sun Europe/Berlin"},
		{`{x-base: &base {zone: UTC}, <<: *base, days: sun}`, "sun UTC"},
	} {
		w, told := read(t, tc.yaml, berlin)
		if told != "" {
			t.Errorf("%s\n%s", tc.yaml, told)
		} else if got := w.String(); got != tc.want || w.Name != "night" || w.Zone != w.spans[0].zone {
			t.Errorf("%s\n got %s, %q in %s\nwant %s", tc.yaml, got, w.Name, w.Zone, tc.want)
		}
	}
}

func TestParseTellsWhatToWrite(t *testing.T) {
	const dayAdvice = "write mon, tue, wed, thu, fri, sat, sun, a range such as mon-fri, weekdays, weekend or all"
	for _, tc := range []struct{ yaml, want string }{
		{`{days: all, form: "22:00", to: "06:00"}`, `1:13: unknown key "form" in window night: did you mean "from"?`},
		{`{days: all, location: x}`, `1:13: unknown key "location" in window night: it takes days, dates, from, to, zone`},
		{`{days: sut}`, `1:8: days: "sut" is no day: did you mean "sat"?`},
		{`{days: [mon, xyz]}`, `1:14: an item of days: "xyz" is no day: ` + dayAdvice},
		{`{days: 1-5}`, `1:8: days: "1" is no day: ` + dayAdvice},
		{`{days: mon-mon}`, `1:8: days: "mon-mon" is one day or all: write mon, or all`},
		{`{days: mon-weekend}`, `1:8: days: "mon-weekend" is no range of days: write it from a day to a day, such as mon-fri`},
		{`{days: []}`, `1:8: days is an empty list: name something in it, or leave the key out`},
		{`{days: {mon: 1}}`, `1:8: days is a mapping: write a text`},
		{`{days: !mon}`, `1:8: days begins with an unquoted !, which makes it a tag in YAML: write days: "!mon"`},
		{`{days: }`, `1:8: days has no value: write one (in quotes if it begins with #), or leave the key out`},
		{`{from: 9, to: "25:00"}`, "1:8: from: \"9\" is no time of the day: write \"09:00\"\n1:15: to: \"25:00\" is no time of the day: write \"00:00\" to \"24:00\""},
		{`{from: 9:30, to: 10pm}`, "1:8: from: \"9:30\" is no time of the day: write \"09:30\"\n1:18: to: \"10pm\" is no time of the day: write \"22:00\""},
		{`{from: 0930, to: "12:00:00"}`, "1:8: from: \"0930\" is no time of the day: write \"09:30\"\n1:18: to: \"12:00:00\" is no time of the day: write \"12:00\""},
		{`{from: 12.15 AM, to: 9h}`, "1:8: from: \"12.15 AM\" is no time of the day: write \"00:15\"\n1:22: to: \"9h\" is no time of the day: write \"09:00\""},
		{`{from: noon, to: "24:01"}`, "1:8: from: \"noon\" is no time of the day: write \"00:00\" to \"24:00\"\n1:18: to: \"24:01\" is no time of the day: write \"00:00\" to \"24:00\""},
		{`{from: "24:00", to: "06:00"}`, `1:8: from: "24:00" is the end of a day: a span begins at "00:00" of the next`},
		{`{from: "09:00"}`, `1:2: from needs a to: write to: "24:00" for the end of the day`},
		{`{to: "09:00"}`, `1:2: to needs a from: write from: "00:00" for the beginning of the day`},
		{`{from: "09:00", to: "09:00"}`, `1:2: window night: it begins and ends at 09:00: leave both times out for the whole day`},
		{`{from: "00:00", to: "00:00"}`, `1:2: window night: it begins and ends at 00:00: leave both times out for the whole day`},
		{`{dates: 24.12.2026}`, `1:9: dates: "24.12.2026" is no date: write 2026-12-24`},
		{`{dates: [2026-1-2, 2026/1/2, 12-24]}`, "1:10: an item of dates: \"2026-1-2\" is no date: write 2026-01-02\n1:20: an item of dates: \"2026/1/2\" is no date: write 2026-01-02\n1:30: an item of dates: \"12-24\" is no date: write *-12-24"},
		{`{dates: 2026-12-24 - 2026-12-26}`, `1:9: dates: "2026-12-24-2026-12-26" is no date: write 2026-12-24..2026-12-26`},
		{`{dates: 2026-02-29}`, `1:9: dates: "2026-02-29" is no date: there is no such day`},
		{`{dates: "*-02-30"}`, `1:9: dates: "*-02-30" is no date: there is no such day`},
		{`{dates: 2026-12-26..2026-12-24}`, `1:9: dates: "2026-12-26..2026-12-24" ends before it begins: write 2026-12-24..2026-12-26`},
		{`{dates: 2026-12-24..*-12-26}`, `1:9: dates: "2026-12-24..*-12-26" has a year on one side only: write it on both, or * for every year`},
		{`{dates: 0026-12-24}`, `1:9: dates: "0026-12-24" is too far off: write a year from 2000 to 2199, or * for every year`},
		{`{dates: christmas}`, `1:9: dates: "christmas" is no date: write 2026-12-24, or *-12-24 for every year`},
		{`{days: mon, dates: 2026-12-25}`, `1:13: window night: it is never open: none of its dates is one of its days`},
		{`{days: mon, zone: Europe/Berln}`, `1:19: zone: "Europe/Berln" is no time zone: did you mean "Europe/Berlin"?`},
		{`{days: mon, zone: europe/berlin}`, `1:19: zone: "europe/berlin" is no time zone: did you mean "Europe/Berlin"?`},
		{`{days: mon, zone: new york}`, `1:19: zone: "new york" is no time zone: did you mean "America/New_York"?`},
		{`{days: mon, zone: Local}`, `1:19: zone: "Local" is no time zone: write a name such as Europe/Berlin or UTC`},
		{`{days: mon, zone: "+02:00"}`, `1:19: zone: "+02:00" is no time zone: write a name such as Europe/Berlin or UTC`},
		{`{days: mon, zone: ../../etc/passwd}`, `1:19: zone: "../../etc/passwd" is no time zone: write a name such as Europe/Berlin or UTC`},
		{`{zone: UTC}`, `1:1: window night names no time: write days, dates, or from and to; days: all is always`},
		{`[{days: sut}, {days: mon, from: "09:00"}]`, "1:9: days: \"sut\" is no day: did you mean \"sat\"?\n1:27: from needs a to: write to: \"24:00\" for the end of the day"},
		{`[]`, `1:1: window night is an empty list: write a span in it, such as {days: mon-fri}`},
		{`[[daily]]`, `1:2: window night is a list: write key: value pairs`},
		{`daily 9-17`, `1:1: window night: "9-17" is neither a date nor times of the day: write 2026-12-24, *-12-24 or 22:00-06:00`},
		{`&a {<<: *a, days: mon}`, `1:1: nested too deeply or too large: an alias may hold itself`},
		{``, `1:1: window night has no value: write one (in quotes if it begins with #), or leave the key out`},
	} {
		w, told := read(t, tc.yaml, nil)
		if diff := cmp.Diff(told, tc.want); diff != "" || w != nil {
			t.Errorf("%s: %v, mistakes (-got +want):\n%s", tc.yaml, w, diff)
		}
	}
}

func TestParseSpanReadsWhatPeopleType(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"sat 02:00-06:00 Europe/Berlin", "sat 02:00-06:00 Europe/Berlin"},
		{"mon-fri 22:00-06:00", "mon-fri 22:00-06:00"},
		{"2026-12-24 18:00-24:00", "2026-12-24 18:00-24:00"},
		{"daily 02:00-03:00", "daily 02:00-03:00"},
		{"02:00-03:00", "daily 02:00-03:00"},
		{" Sat, Sun  02:00 - 06:00 ", "sat,sun 02:00-06:00"},
		{"Europe/Berlin 02:00-06:00 sat", "sat 02:00-06:00 Europe/Berlin"},
		{"sat utc", "sat UTC"},
		{"sat UTC", "sat UTC"},
		{"2026-12-24 .. 2026-12-26 , *-01-01", "2026-12-24..2026-12-26,*-01-01"},
		{"fri *-12-01..*-12-31 18:00-23:00", "fri *-12-01..*-12-31 18:00-23:00"},
		{"sat;sun 10:00-14:00", "sat; sun 10:00-14:00"},
		{"daily 00:00-24:00", "daily"},
	} {
		w, err := ParseSpan(tc.text, time.Local)
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
		} else if w.String() != tc.want {
			t.Errorf("%q is %q, want %q", tc.text, w, tc.want)
		}
	}
}

func TestParseSpanTellsWhatToWrite(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", `"" names no time: write days, dates or times, as in "mon-fri 22:00-06:00", or daily`},
		{"Europe/Berlin", `"Europe/Berlin" names no time: write days, dates or times, as in "mon-fri 22:00-06:00", or daily`},
		{"sat;", `"" names no time: write days, dates or times, as in "mon-fri 22:00-06:00", or daily`},
		{"mon-fry 22:00-06:00", `"fry" is no day: did you mean "fri"?`},
		{"mon 22:00", `"22:00" is no time from and to: write it as 22:00-06:00`},
		{"2026-12-24T18:00-2026-12-24T24:00", `"2026-12-24T18:00-2026-12-24T24:00" is no time from and to: write it as 22:00-06:00`},
		{"mon 9:00-17:00", `"9:00" is no time of the day: write "09:00"`},
		{"mon 9-17", `"9-17" is neither a date nor times of the day: write 2026-12-24, *-12-24 or 22:00-06:00`},
		{"mon 10pm-6am", `"10pm-6am" is neither a date nor times of the day: write 2026-12-24, *-12-24 or 22:00-06:00`},
		{"mon tue", "days stand twice, as mon and tue: join them with a comma"},
		{"mon 08:00-12:00 13:00-17:00", "times stand twice, as 08:00-12:00 and 13:00-17:00: write two spans, joined by a semicolon"},
		{"mon 08:00-08:00", "it begins and ends at 08:00: leave both times out for the whole day"},
		{"sat 02:00-06:00 Berlin", `"Berlin" is no time zone: did you mean "Europe/Berlin"?`},
		{"sat 02:00-06:00 Europe/Berln", `"Europe/Berln" is no time zone: did you mean "Europe/Berlin"?`},
		{"sat UTC Europe/Berlin", "zones stand twice, as UTC and Europe/Berlin: a span has one"},
		{"mon 2026-12-25", "it is never open: none of its dates is one of its days"},
		{"2026-12-32", `"2026-12-32" is no date: there is no such day`},
	} {
		w, err := ParseSpan(tc.text, nil)
		if err == nil || err.Error() != tc.want || w != nil {
			t.Errorf("%q\n got %v, %v\nwant %s", tc.text, w, err, tc.want)
		}
	}
}

func TestTheZeroWindowIsNeverOpen(t *testing.T) {
	var w Window
	if at := time.Now(); w.Open(at) || !w.Change(at).IsZero() || !w.Opens(at).IsZero() || w.String() != "" {
		t.Errorf("it is open: %v, changes %v, opens %v, prints %q", w.Open(at), w.Change(at), w.Opens(at), &w)
	}
}

func TestWindowsThatLeaveNothingOutNeverClose(t *testing.T) {
	at := instant(t, "2026-03-28T12:00Z")
	for _, text := range []string{
		"daily Europe/Berlin",
		"daily 00:00-02:30 Europe/Berlin; daily 02:30-24:00 Europe/Berlin",
		"daily 12:00-11:00 Europe/Berlin; daily 10:30-12:30 Europe/Berlin",
		"weekdays Europe/Berlin; weekend Europe/Berlin",
		"*-01-01..*-06-30 Europe/Berlin; *-07-01..*-12-31 Europe/Berlin",
		"daily 00:00-12:00 Europe/Berlin; daily 10:00-02:00 UTC", // in summer 12:00 to 04:00
	} {
		if w := parsed(t, text); !w.Open(at) || !w.Change(at).IsZero() || !w.Opens(at).Equal(at) {
			t.Errorf("%q is open: %v, changes at %v", text, w.Open(at), w.Change(at))
		}
	}
}

// The zones that are proposed exist, so that nobody is sent in circles.
func TestProposedZonesExist(t *testing.T) {
	names := strings.Fields(zoneNames)
	for _, name := range names {
		if zone, err := parseZone(name); err != nil || zone.String() != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(names) < 400 {
		t.Errorf("%d zones, want all", len(names))
	}
}

// Every example of the manual works as it stands.
func TestExamplesOfTheManual(t *testing.T) {
	manual, err := os.ReadFile("../docs/noise.md")
	if err != nil {
		t.Fatal(err)
	}
	windows, spans := 0, 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(windows:.*?)```").FindAllStringSubmatch(string(manual), -1) {
		var config struct{ Windows map[string]yaml.Node }
		if err := yaml.Unmarshal([]byte(block[1]), &config); err != nil {
			t.Fatal(err)
		}
		for name, node := range config.Windows {
			Parse(&node, name, nil, func(at *yaml.Node, message string) { t.Errorf("%s: %s", name, message) })
			windows++
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(string(manual), -1) {
		w, told := read(t, "{"+row[1]+"}", time.Local)
		short, err := ParseSpan(row[2], time.Local)
		switch {
		case told != "" || err != nil:
			t.Errorf("%s: %s; %v", row[0], told, err)
		case w.String() != short.String():
			t.Errorf("%s: the one is %q, the other %q", row[0], w, short)
		}
		spans++
	}
	if windows < 3 || spans < 10 {
		t.Errorf("%d windows and %d spellings in the manual, want more", windows, spans)
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, text := range map[string]string{
		"night":    "daily 22:00-06:00 Europe/Berlin",
		"office":   "mon-fri 08:00-18:00 Europe/Berlin; sat 10:00-14:00 Europe/Berlin",
		"holidays": "2026-12-24..2026-12-26,2027-01-01,*-05-01,*-10-03 Europe/Berlin",
	} {
		for when, at := range map[string]time.Time{"": instant(b, "2026-06-10T21:00Z"), ", clocks change": instant(b, "2026-10-25T01:00Z")} {
			w := parsed(b, text)
			b.Run(name+when, func(b *testing.B) {
				for b.Loop() {
					w.Open(at)
				}
			})
		}
	}
}

func BenchmarkChange(b *testing.B) {
	at := instant(b, "2026-06-10T21:00Z")
	for name, text := range map[string]string{
		"night":      "daily 22:00-06:00 Europe/Berlin",
		"always":     "daily Europe/Berlin",
		"far":        "mon *-02-29 Europe/Berlin",
		"always, by": "*-01-01..*-12-31 Europe/Berlin",
	} {
		w := parsed(b, text)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w.Change(at)
			}
		})
	}
}
