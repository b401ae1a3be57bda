package digest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/family"
)

// arrival is an alert as a Builder is given it.
type arrival struct {
	a        *alert.Alert
	r        *family.Reading
	severity alert.Severity
	at       time.Time
}

func (x arrival) addTo(b *Builder) { b.Add(x.a, x.r, x.severity, x.at, 1) }

var began = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)

// made is an alert with nothing in it but what counts.
func made(id, rule string, level int, host, source, description string) arrival {
	a := &alert.Alert{ID: id, Host: host, Agent: alert.Agent{Name: host}, Original: map[string]any{}}
	a.Rule = alert.Rule{ID: rule, Level: level, Description: description}
	a.Source.IP = source
	return arrival{a, family.Read(a), alert.DefaultScale.Severity(level), began}
}

// corpus are the alerts of all formats and kinds.
func corpus(t testing.TB) []*alert.Alert {
	t.Helper()
	files, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil || len(files) < 100 {
		t.Fatalf("the corpus has %d alerts (%v)", len(files), err)
	}
	var all []*alert.Alert
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, alert.Parse(raw, alert.Options{FileName: filepath.Base(file), Location: time.UTC}))
	}
	return all
}

// stream is a random stream of alerts of the corpus.
func stream(all []*alert.Alert, random *rand.Rand, n int) []arrival {
	var out []arrival
	for i := range n {
		a := *all[random.IntN(len(all))]
		a.ID = fmt.Sprint(i)
		if random.IntN(3) == 0 {
			a.Host = fmt.Sprintf("host-%d", random.IntN(30))
			a.Source.IP = fmt.Sprintf("203.0.113.%d", random.IntN(40))
		}
		if random.IntN(4) == 0 {
			a.Rule.ID = fmt.Sprint(100_000 + random.IntN(50))
		}
		out = append(out, arrival{&a, family.Read(&a), alert.DefaultScale.Severity(a.Rule.Level), began.Add(time.Duration(random.IntN(3600)) * time.Second)})
	}
	return out
}

// count counts what a Builder should, with no limit on memory.
func count(arrivals []arrival) (rules, hosts, sources int, highest alert.Severity) {
	ruleSet, hostSet, sourceSet := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, x := range arrivals {
		ruleSet[x.a.Rule.ID] = true
		if h := hostOf(x.a, x.r); h != "" {
			hostSet[h] = true
		}
		if s := sourceOf(x.a, x.r); s != "" {
			sourceSet[s] = true
		}
		highest = max(highest, x.severity)
	}
	return len(ruleSet), len(hostSet), len(sourceSet), highest
}

func TestCountsOfRowsAndTheRestAreAllAlerts(t *testing.T) {
	all := corpus(t)
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		arrivals := stream(all, random, 1+random.IntN(1000))
		b := New(Summary{Kind: Throttle, Receiver: "soc"}, nil)
		for _, x := range arrivals {
			x.addTo(b)
		}
		s := b.Summary()
		sum := s.MoreAlerts
		for _, r := range s.Rows {
			sum += r.Count
			if r.Count < 1 || r.First.After(r.Last) || r.First.Before(s.From) || r.Last.After(s.To) || r.Hosts > s.Hosts || r.Sources > s.Sources || r.What == "" {
				t.Errorf("seed %d: the row %+v is not among %+v", seed, r, s)
			}
			if (r.Host != "") != (r.Hosts == 1) || (r.Source != "") != (r.Sources == 1) {
				t.Errorf("seed %d: one host and address are named, others are not: %+v", seed, r.Spread)
			}
		}
		rules, hosts, sources, highest := count(arrivals)
		if sum != s.Total || s.Total != len(arrivals) {
			t.Errorf("seed %d: rows and rest are %d alerts, the total %d, want %d", seed, sum, s.Total, len(arrivals))
		}
		if s.Hosts != hosts || s.Sources != sources || s.Highest != int(highest) {
			t.Errorf("seed %d: %d hosts, %d addresses, highest %d; want %d, %d, %d", seed, s.Hosts, s.Sources, s.Highest, hosts, sources, highest)
		}
		shown := map[string]bool{}
		for _, r := range s.Rows {
			shown[r.Rule] = true
		}
		// A rule may have rows and be among the rest: with alerts of another severity or kind.
		if n := len(shown) + s.MoreRules; n < rules || s.MoreRules > rules || (s.MoreRules == 0) != (s.MoreAlerts == 0) {
			t.Errorf("seed %d: %d rules in rows and %d more, of %d", seed, len(shown), s.MoreRules, rules)
		}
		if len(s.Rows) > MaxRows || !slices.IsSortedFunc(s.Rows, compare) || len(s.Samples) != min(MaxSamples, len(arrivals)) {
			t.Errorf("seed %d: %d rows, %d samples", seed, len(s.Rows), len(s.Samples))
		}
	}
}

func TestSummaryDoesNotDependOnTheOrder(t *testing.T) {
	all := corpus(t)
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		arrivals := stream(all, random, 500)
		var want *Summary
		for range 4 {
			random.Shuffle(len(arrivals), func(i, j int) { arrivals[i], arrivals[j] = arrivals[j], arrivals[i] })
			b := New(Summary{Kind: Window, Receiver: "soc"}, func(rule string) bool { return rule > "5" })
			for _, x := range arrivals {
				x.addTo(b)
			}
			if got := b.Summary(); want == nil {
				want = got
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: in another order (-first +now):\n%s", seed, diff)
			}
		}
	}
}

func TestSummaryIsTheSameAfterJSON(t *testing.T) {
	about := Summary{Kind: Silence, Receiver: "soc", Route: "shop/night", Why: "NAME: <update>", By: "rule \x1b 1", Opened: began, Closed: began.Add(time.Hour),
		Waiting: 3, Braked: []int{1, 2}, Digests: 2}
	b := New(about, func(string) bool { return true })
	for _, x := range stream(corpus(t), rand.New(rand.NewPCG(3, 3)), 300) {
		x.addTo(b)
	}
	bad := made("\xff", "\xff\x00", 3, "\xff", "203.0.113.1", "\xff")
	bad.addTo(b)
	for _, want := range []*Summary{b.Summary(), New(about, nil).Summary(), {Kind: StormBegins, Level: -1}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Summary
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after JSON (-want +got):\n%s\n%s", diff, text)
		}
	}
}

func TestRowsAreInOrderOfSeverityThenCount(t *testing.T) {
	b := New(Summary{}, func(rule string) bool { return rule == "100002" })
	for rule, n := range map[string]int{"100001": 3, "100002": 5, "100003": 9} {
		level := 7
		if rule == "100001" {
			level = 12
		}
		for i := range n {
			made(fmt.Sprint(rule, i), rule, level, "web-01", "", "Rule of the operator's "+rule).addTo(b)
		}
	}
	s := b.Summary()
	var got []string
	for _, r := range s.Rows {
		got = append(got, fmt.Sprint(r.Count, " ", r.What, " ", r.Quoted, " ", r.New))
	}
	want := []string{"3 Rule of the operator's 100001 true false", "9 Rule of the operator's 100003 true false", "5 Rule of the operator's 100002 true true"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rows (-got +want):\n%s", diff)
	}
	if s.Samples[0].Identity != "1000010" || s.Samples[0].Occurrence != 1 {
		t.Errorf("the first sample is %+v, want the first of the most severe", s.Samples[0])
	}
}

func TestDescriptionsThatVaryShowWhatTheyHaveInCommon(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		quoted     bool
		texts      []string
	}{
		{"one", "Backup of the shop failed", true, []string{"Backup of the shop failed", "Backup of the shop failed."}},
		{"addresses", "Login refused for …", true, []string{"Login refused for 203.0.113.9", "Login refused for 203.0.113.10", "Login refused for nobody"}},
		{"nothing", "Rule 100001 fired", false, []string{"Backup failed", "Build failed"}},
		{"one is the beginning of another", "Backup of the …", true, []string{"Backup of the shop", "Backup of the shop failed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := New(Summary{}, nil)
			for i, text := range tc.texts {
				made(fmt.Sprint(i), "100001", 7, "web-01", "", text).addTo(b)
			}
			if r := b.Summary().Rows; len(r) != 1 || r[0].What != tc.want || r[0].Quoted != tc.quoted {
				t.Errorf("rows are %+v, want one: %q, quoted %t", r, tc.want, tc.quoted)
			}
		})
	}
}

func TestOneSentenceIsKnown(t *testing.T) {
	b := New(Summary{}, nil)
	if b.Summary().Same {
		t.Error("no alerts have one sentence")
	}
	made("1", "5710", 5, "web-01", "203.0.113.1", "").addTo(b)
	made("2", "5710", 5, "web-01", "203.0.113.1", "").addTo(b)
	if s := b.Summary(); !s.Same || s.Host != "web-01" || s.Source != "203.0.113.1" {
		t.Errorf("two alerts alike: same %t, host %q, source %q", s.Same, s.Host, s.Source)
	}
	made("3", "5710", 5, "web-01", "203.0.113.2", "").addTo(b)
	if s := b.Summary(); s.Same || s.Host != "web-01" || s.Source != "" || s.Sources != 2 {
		t.Errorf("three, one of another address: same %t, %+v", s.Same, s.Spread)
	}
}

// TestMemoryHasALimit adds far more rules, hosts and addresses than are told apart, with long names.
func TestMemoryHasALimit(t *testing.T) {
	const n = 30_000
	long := strings.Repeat("x", 4000)
	b := New(Summary{Kind: Storm}, nil)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	r := family.Read(made("1", "100001", 7, "web-01", "", "Description").a)
	for i := range n {
		a := &alert.Alert{ID: fmt.Sprint(i), Host: fmt.Sprint(i, long), Rule: alert.Rule{ID: fmt.Sprint(100_000+i, long[:i%4000]), Level: 7}}
		a.Source.IP = fmt.Sprintf("2001:db8::%x", i+1)
		reading := *r
		reading.What, reading.Quoted = fmt.Sprint(i, long), i%2 == 0
		b.Add(a, &reading, alert.Medium, began, 1)
	}
	severe := made("last", "100001", 15, "web-01", "", "The worst of all")
	severe.addTo(b)
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("%d alerts take %d bytes", n, grown)
	}
	s := b.Summary()
	sum := s.MoreAlerts
	for _, r := range s.Rows {
		sum += r.Count
		if utf8.RuneCountInString(r.What) > maxText || utf8.RuneCountInString(r.Rule) > maxText {
			t.Errorf("a row of %d and %d characters", len(r.What), len(r.Rule))
		}
	}
	if sum != n+1 || s.Total != n+1 {
		t.Errorf("rows and rest are %d alerts, the total %d, want %d", sum, s.Total, n+1)
	}
	if s.Hosts < maxDistinct || !s.MoreHosts || s.Sources < maxDistinct || !s.MoreSources {
		t.Errorf("hosts and addresses: %+v, want at least %d and more", s.Spread, maxDistinct)
	}
	if s.Highest != int(alert.Critical) || s.Samples[0].Identity != "last" {
		t.Errorf("highest is %d, the first sample %+v: the most severe alert is lost", s.Highest, s.Samples[0])
	}
	runtime.KeepAlive(b)
}

func TestMoreSevereAlertTakesTheRowOfALessSevereOne(t *testing.T) {
	b := New(Summary{}, nil)
	for i := range maxTracked + 50 {
		for j := range 1 + i%3 {
			made(fmt.Sprint(i, "-", j), fmt.Sprint(200_000+i), 3, "web-01", "", "Noise").addTo(b)
		}
	}
	made("worst", "100001", 15, "web-01", "", "The worst of all").addTo(b)
	made("again", "100001", 15, "web-01", "", "The worst of all").addTo(b)
	s := b.Summary()
	if r := s.Rows[0]; r.What != "The worst of all" || r.Count != 2 {
		t.Errorf("the first row is %+v, want the most severe", r)
	}
	sum := s.MoreAlerts
	for _, r := range s.Rows {
		sum += r.Count
	}
	if sum != s.Total {
		t.Errorf("rows and rest are %d alerts, the total %d", sum, s.Total)
	}
	if want := maxTracked + 50 + 1 - len(s.Rows); s.MoreRules != want {
		t.Errorf("%d more rules, want %d", s.MoreRules, want)
	}
}
