package noise

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

var (
	noiseSeeds = flag.Int("noise-seeds", 10, "how many random streams TestWhateverComesIsToldCountedOrExplained makes")
	noiseFirst = flag.Uint64("noise-first", 0, "the first of its seeds")
	noiseSteps = flag.Int("noise-steps", 32, "how many steps each of them has")
)

// TestWhateverComesIsToldCountedOrExplained lets random alerts come at random times by random ways through random configs,
// with silences, acknowledgements and receivers that are down now and then, and looks at the end whether what became of
// each delivery agrees with what is said of it. The same stream is then played again with a new process at every point, and
// must give the same.
func TestWhateverComesIsToldCountedOrExplained(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	t.Run("streams", func(t *testing.T) {
		for seed := *noiseFirst; seed < *noiseFirst+uint64(*noiseSeeds); seed++ {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(seed, 5))
				config := randomConfig(r)
				stream := randomStream(r, *noiseSteps)
				once := play(t, config, stream, func(*bench) func() { return func() {} })
				for _, flaw := range once.flaws() {
					t.Error(flaw)
				}
				again := play(t, config, stream, func(b *bench) func() { return restarts(b, seed) })
				if diff := cmp.Diff(once.deliveries, again.deliveries, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("with restarts (-without +with):\n%s", diff)
				}
				if diff := cmp.Diff(once.told, again.told); diff != "" {
					t.Errorf("told with restarts (-without +with):\n%s", diff)
				}
				if t.Failed() {
					t.Log(config, "\n", strings.Join(stream.words(), "\n "))
				}
				mu.Lock()
				defer mu.Unlock()
				for what, n := range once.kinds() {
					seen[what] += n
				}
			})
		}
	})
	t.Log(seen)
	if *noiseSeeds < 10 || t.Failed() {
		return
	}
	for _, what := range []string{"delivered", "repeat", "silence", "told in", "digest of group", "digest of throttle", "digest of window", "seen", "quiet", "step"} {
		if seen[what] == 0 {
			t.Errorf("no stream made any %s", what)
		}
	}
}

// restarts opens the outbox anew each time it is asked to for a while, and then now and then, so that a long wait ends.
func restarts(b *bench, seed uint64) func() {
	r := rand.New(rand.NewPCG(seed, 9))
	last, n := time.Time{}, 0
	return func() {
		if n++; b.now.Sub(last) > 12*time.Hour {
			n = 0
		}
		last = b.now
		if n < 8 || r.IntN(20) == 0 {
			b.restart()
		}
	}
}

// randomConfig writes one that can be read.
func randomConfig(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	some := func(of ...string) string {
		r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		return "[" + strings.Join(of[:1+r.IntN(len(of))], ", ") + "]"
	}
	receivers := func() string { return some("slack-1", "slack-2", "hook", "mail", "pagerduty-1") }
	maybe := func(p float64) bool { return r.Float64() < p }
	var settings func(depth int) string
	settings = func(depth int) string {
		var s []string
		if maybe(0.6) {
			s = append(s, "dedup: {by: "+some("rule", "agent")+", for: "+pick("5m", "15m", "2h")+", growing: "+pick("true", "false")+"}")
		}
		switch {
		case maybe(0.3):
			s = append(s, "group_by: "+some("rule", "agent"), "group_wait: "+pick("30s", "2m"), "group_interval: "+pick("5m", "20m"), "digest: none")
		case maybe(0.15):
			s = append(s, "digest: "+pick("10m", "1h", "8h"), "group_by: none")
		}
		if maybe(0.3) {
			s = append(s, "throttle: {rate: "+pick("2/h", "6/h", "30/h")+", burst: "+pick("1", "2", "4")+"}")
		}
		if maybe(0.3) {
			s = append(s, pick("mute: none, active", "active: none, mute")+": "+pick("day", "night", "weekend", "[day, weekend]"))
			if maybe(0.3) {
				s = append(s, "outside: {to: "+receivers()+"}")
			}
		}
		if maybe(0.3) {
			s = append(s, "resolve: {opens: {rule: 1}, closes: {rule: 2}, by: "+some("agent", "srcip")+"}")
			if strings.Contains(strings.Join(s, ", "), "group_wait") {
				s = append(s, "repeat_interval: 48h")
			}
		}
		if maybe(0.3) {
			s = append(s, "escalate: [{to: "+receivers()+"}, {after: "+pick("2m", "10m")+", to: backup}, {after: 1h, to: "+receivers()+"}]")
		}
		if maybe(0.25) {
			s = append(s, "continue: true")
		}
		if depth > 0 && maybe(0.3) {
			s = append(s, "routes: [{match: {level: "+pick("9", "12")+"}, to: "+receivers()+settings(depth-1)+"}]")
		}
		if len(s) == 0 {
			return ""
		}
		return ", " + strings.Join(s, ", ")
	}
	var b strings.Builder
	b.WriteString(`windows:
  day: {days: mon-fri, from: "08:00", to: "18:00"}
  night: {days: all, from: "22:00", to: "06:00"}
  weekend: {days: sat-sun}
`)
	if maybe(0.3) {
		b.WriteString("always: [audit]\n")
	}
	if maybe(0.5) {
		fmt.Fprintf(&b, "inhibit:\n  - {name: down, source: {rule: 3}, target: {level: \"<12\"}, equal: %s, for: %s}\n", some("agent", "srcip"), pick("10m", "1h"))
	}
	fmt.Fprintf(&b, "receivers:\n  mail: {rate: %s, storm_after: 60s}\n", pick("0.2", "1"))
	if maybe(0.5) {
		fmt.Fprintf(&b, "  hook: {throttle: {rate: %s, burst: %s}}\n", pick("1/m", "1/d", "50/d"), pick("1", "3"))
	}
	b.WriteString("routes:\n")
	for range 1 + r.IntN(4) {
		fmt.Fprintf(&b, "  - {match: {%s}, to: %s%s}\n", pick("rule: [1, 2]", "level: 9", "agent: web-1", "rule: 4", "level: 0"), receivers(), settings(1))
	}
	return b.String()
}

// stream is what happens, one after the other, each after a time.
type stream []step

type step struct {
	wait time.Duration
	// Of what follows one is set.
	alerts  []made
	way     string // of the alerts: the channel that it is for, "" for all, a receiver by its name, or argv-1
	silence *outbox.Silence
	ends    string // a silence
	takes   int    // the number of an alert
	deaf    string // a receiver is down, or up again
}

func (s stream) words() []string {
	var out []string
	for _, x := range s {
		out = append(out, fmt.Sprintf("%+v", x))
	}
	return out
}

func randomStream(r *rand.Rand, steps int) stream {
	var out stream
	var alerts []made
	silences := 0
	waits := []time.Duration{0, 0, time.Second, 20 * time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, time.Hour, 9 * time.Hour}
	ways := []string{"", "", "", "slack", "pagerduty", "hook", "by name", "argv-1"}
	levels := []int{2, 5, 5, 9, 9, 12, 15, -1}
	for range steps {
		s := step{wait: waits[r.IntN(len(waits))]}
		switch n := r.IntN(20); {
		case n < 12:
			many := 1 + r.IntN(3)
			if r.IntN(8) == 0 {
				many = 40
			}
			m := made{rule: fmt.Sprint(1 + r.IntN(4)), agent: fmt.Sprint("web-", 1+r.IntN(2)), src: "192.0.2.7", level: levels[r.IntN(len(levels))]}
			for range many {
				m.id = fmt.Sprint("a", len(alerts)+1)
				if r.IntN(3) == 0 {
					m.level = levels[r.IntN(len(levels))]
				}
				alerts, s.alerts = append(alerts, m), append(s.alerts, m)
			}
			s.way = ways[r.IntN(len(ways))]
		case n < 15 && len(alerts) > 0:
			s.alerts, s.way = alerts[r.IntN(len(alerts)):][:1:1], ways[r.IntN(len(ways))]
		case n < 16:
			silences++
			x := &outbox.Silence{ID: fmt.Sprint("s", silences), Match: fmt.Sprintf(`{rule: %d}`, 1+r.IntN(4)), Reason: "because"}
			switch r.IntN(3) {
			case 0:
				x.Every = "mon-fri 14:00-20:00"
			case 1:
				x.Ends = start.Add(time.Duration(1+r.IntN(30)) * time.Hour)
			}
			s.silence = x
		case n < 17 && silences > 0:
			s.ends = fmt.Sprint("s", 1+r.IntN(silences))
		case n < 18 && len(alerts) > 0:
			s.takes = 1 + r.IntN(len(alerts))
		case n < 20:
			s.deaf = []string{"mail", "mail", "hook", "slack-1"}[r.IntN(4)]
		}
		out = append(out, s)
	}
	return out
}

// record is what is left at the end of a stream.
type record struct {
	*bench
	chosen     map[chosen]string // and by which route
	deliveries []outbox.Delivery
	summaries  map[string]*digest.Summary
	told       []string
	kept       []string // bundles and storms that are still open
	silences   []outbox.Silence
}

type chosen struct{ identity, receiver string }

// play does what a stream says. pause makes what is called between any two things.
func play(t *testing.T, config string, s stream, pause func(*bench) func()) *record {
	t.Helper()
	b := newBench(t, config)
	b.pause = pause(b)
	out := &record{bench: b, chosen: map[chosen]string{}, summaries: map[string]*digest.Summary{}}
	ctx := context.Background()
	for _, x := range s {
		b.wait(x.wait)
		for _, m := range x.alerts {
			wants := b.by(x.way, m)
			for _, w := range wants {
				key := chosen{m.id, w.Receiver}
				if _, known := out.chosen[key]; w.Step <= 1 && !known {
					out.chosen[key] = w.Route
				}
			}
			b.comesFor(m, wants)
			b.pause()
		}
		switch {
		case x.silence != nil:
			s := *x.silence
			b.silence(s)
		case x.ends != "":
			b.must(b.db.EndSilence(ctx, x.ends, b.now))
		case x.takes > 0:
			id := fmt.Sprint("a", x.takes)
			for _, d := range b.all(outbox.Filter{Identity: id}) {
				if in := ToldIn(d.Reason); in != "" {
					id = in
					break
				}
			}
			if _, _, err := b.db.Acknowledge(ctx, outbox.Ack{Identity: id, By: "NAME", Via: "cli", At: b.now}); err != nil {
				b.t.Fatal(err)
			}
		case x.deaf != "":
			b.deaf[x.deaf] = !b.deaf[x.deaf]
		}
		b.tick()
		b.pause()
		b.brakeAll()
		b.pause()
		b.deliver()
	}
	clear(b.deaf)
	for _, x := range s {
		if x.silence != nil {
			b.must(b.db.EndSilence(ctx, x.silence.ID, b.now))
		}
	}
	b.wait(40 * 24 * time.Hour)
	out.read()
	return out
}

// by are the wants of an alert that comes by a way.
func (b *bench) by(way string, m made) []Want {
	switch way {
	case "by name":
		return []Want{{Receiver: "hook", Channel: "hook"}}
	case "argv-1":
		return []Want{{Receiver: "argv-1", Channel: "slack"}}
	}
	all := b.wants(m.alert())
	if way == "" {
		return all
	}
	chosen := map[string]bool{} // routes, whose later steps come with their receivers
	for _, w := range all {
		chosen[w.Route] = chosen[w.Route] || w.Step <= 1 && w.Channel == way
	}
	return slices.DeleteFunc(all, func(w Want) bool { return !chosen[w.Route] || w.Step <= 1 && w.Channel != way })
}

func (b *bench) brakeAll() {
	b.t.Helper()
	queues, err := b.db.Queues(context.Background())
	b.must(err)
	for _, q := range queues {
		if n := q.Counts[outbox.Pending] + q.Counts[outbox.Delivering]; n > 0 {
			b.must(b.control.Brake(context.Background(), b.db, q.Receiver, n, b.now))
		}
	}
}

func (r *record) read() {
	r.t.Helper()
	ctx := context.Background()
	r.deliveries = r.all(outbox.Filter{})
	slices.SortFunc(r.deliveries, func(a, b outbox.Delivery) int { return int(a.Seq - b.Seq) })
	for i := range r.deliveries {
		id := r.deliveries[i].Alert.Identity
		if !IsMessage(id) || r.summaries[id] != nil {
			continue
		}
		a, err := r.db.Alert(ctx, id, 1)
		r.must(err)
		r.summaries[id] = new(digest.Summary)
		r.must(json.Unmarshal(a.Raw, r.summaries[id]))
	}
	for _, s := range r.sent {
		r.told = append(r.told, s.String())
	}
	for _, prefix := range []string{bundleKey, stormKey} {
		kept, err := r.db.StatesUnder(ctx, prefix)
		r.must(err)
		for _, k := range kept {
			r.kept = append(r.kept, k.Key)
		}
	}
	var err error
	r.silences, err = r.db.Silences(ctx, time.Time{})
	r.must(err)
}

// kinds counts what became of deliveries, so that a test sees that its streams are worth something.
func (r *record) kinds() map[string]int {
	out := map[string]int{}
	for _, d := range r.deliveries {
		switch {
		case d.State == outbox.Delivered:
			out["delivered"]++
		case RepeatOf(d.Reason) != "":
			out["repeat"]++
		case strings.HasPrefix(d.Reason, silencedBy):
			out["silence"]++
		case ToldIn(d.Reason) != "":
			out["told in"]++
		case strings.HasPrefix(d.Reason, resolves):
			out["resolves"]++
		case strings.HasPrefix(d.Reason, insteadOf):
			out["others"]++
		case isStep(d.Kind):
			out["step not needed"]++
		}
		switch {
		case strings.HasPrefix(d.Kind, "seen"):
			out["seen"]++
		case isStep(d.Kind):
			out["step"]++
		case d.Kind != "":
			out[strings.TrimRight(d.Kind, "0123456789")]++
		}
		if s := r.summaries[d.Alert.Identity]; s != nil {
			out["digest of "+string(s.Kind)]++
		}
	}
	return out
}

// flaws is what does not agree.
func (r *record) flaws() (out []string) {
	flaw := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, key := range r.kept {
		flaw("%s is still open", key)
	}
	r.everyChoiceHasOne(flaw)
	for i := range r.deliveries {
		r.explained(&r.deliveries[i], flaw)
	}
	r.sumsOfMessages(flaw)
	r.sumsOfSilences(flaw)
	r.sumsOfRepeats(flaw)
	r.throttles(flaw)
	return out
}

func (r *record) everyChoiceHasOne(flaw func(string, ...any)) {
	has := map[chosen]int{}
	for _, d := range r.deliveries {
		if d.Kind == "" {
			has[chosen{d.Alert.Identity, d.Receiver}]++
		}
	}
	for key, route := range r.chosen {
		if has[key] != 1 {
			flaw("%v, chosen by %q: %d deliveries", key, route, has[key])
		}
	}
}

// find finds a delivery.
func (r *record) find(identity, receiver, kind string) *outbox.Delivery {
	for i := range r.deliveries {
		if d := &r.deliveries[i]; d.Alert.Identity == identity && d.Receiver == receiver && d.Kind == kind {
			return d
		}
	}
	return nil
}

// waits are how notes begin of what waits.
var waits = []string{"throttle", "group (", "digest: ", "window: mute", "window: outside", "inhibited by", "storm brake", "the first waits"}

// explained: it has come to an end, and reason and notes say to which.
func (r *record) explained(d *outbox.Delivery, flaw func(string, ...any)) {
	bad := func(what string) {
		flaw("%s to %s %s is %s (%s), noted %q: %s", d.Alert.Identity, d.Receiver, d.Kind, d.State, d.Reason, d.Notes, what)
	}
	notes := strings.Split(d.Notes, "\n")
	last := notes[len(notes)-1]
	if d.Kind == "" && d.State != outbox.Suppressed && (d.Channel == "pagerduty" || d.Severity >= int(alert.High)) || d.Route == rules.Always || byArgv(d.Receiver) {
		if strings.Contains(d.Notes, "storm brake") {
			bad("held by a storm")
		}
	}
	if (d.Route == rules.Always || byArgv(d.Receiver)) && (d.State != outbox.Delivered || d.Notes != "") {
		bad("touched")
	}
	switch d.State {
	case outbox.Delivered:
		above := strings.HasPrefix(last, "throttle") && strings.HasSuffix(last, " left") // which lets it out
		others := strings.HasSuffix(last, " is told")
		if d.Reason != "" || d.Kind == "" && !above && !others && slices.ContainsFunc(waits, func(w string) bool { return strings.HasPrefix(last, w) }) {
			bad("told, but its last note is of waiting")
		}
		return
	case outbox.Suppressed:
	default:
		bad("it has come to no end")
		return
	}
	if last != d.Reason && !strings.HasSuffix(d.Reason, ", "+last) {
		bad("its last note is not its reason")
	}
	if strings.Contains(d.Reason, notPaged) { // then somebody else was told of it
		if d.Channel != "pagerduty" || !slices.ContainsFunc(r.deliveries, func(x outbox.Delivery) bool {
			return x.Alert.Identity == d.Alert.Identity && x.Kind == "" && x.Channel != "pagerduty" && !strings.Contains(x.Reason, notPaged)
		}) {
			bad("nobody was told of it")
		}
		return
	}
	if strings.Contains(d.Notes, "storm brake") && (d.Channel == "pagerduty" || d.Severity >= int(alert.High)) {
		bad("held by a storm")
	}
	delivered := func(identity, kind string) bool {
		x := r.find(identity, d.Receiver, kind)
		return x != nil && x.State == outbox.Delivered
	}
	switch {
	case isStep(d.Kind):
		taken := strings.HasPrefix(d.Reason, "taken by NAME (cli)") || strings.HasPrefix(d.Reason, "the incident is resolved") ||
			strings.HasPrefix(d.Reason, "resolve (") || strings.HasPrefix(d.Reason, "it was "+toldIn) || strings.HasPrefix(d.Reason, resolves)
		if first := strings.HasPrefix(d.Reason, repeatOf) || strings.HasPrefix(d.Reason, silencedBy); !taken && !first {
			bad("a step that was not told without a reason")
		}
	case RepeatOf(d.Reason) != "":
		if r.find(RepeatOf(d.Reason), d.Receiver, "") == nil {
			bad("it repeats what the receiver never had")
		}
	case ToldIn(d.Reason) != "":
		if d.Bundle != ToldIn(d.Reason) || !delivered(d.Bundle, "") {
			bad("it was not told there")
		}
	case strings.HasPrefix(d.Reason, silencedBy):
		if !delivered(d.Bundle, "") {
			bad("the message about the silence was not told")
		}
	case strings.HasPrefix(d.Reason, resolves):
		id, _, _ := strings.Cut(strings.TrimPrefix(d.Reason, resolves), " ")
		ended := delivered(id, resolveKind)
		for _, x := range r.deliveries { // or the message in which it was told
			ended = ended || x.Alert.Identity == id && ToldIn(x.Reason) != "" && delivered(ToldIn(x.Reason), resolveKind)
		}
		if !ended {
			bad("nothing was told of what it resolves")
		}
	case strings.HasPrefix(d.Reason, insteadOf):
		_, names, _ := strings.Cut(d.Reason, ", so ")
		for _, name := range strings.Split(names, ", ") {
			if r.find(d.Alert.Identity, name, "") == nil {
				bad(name + " was not told")
			}
		}
	default:
		bad("no known reason")
	}
}

// sumsOfMessages: a message counts the deliveries that name it.
func (r *record) sumsOfMessages(flaw func(string, ...any)) {
	named := map[chosen]int{}
	for _, d := range r.deliveries {
		if d.Bundle != "" && d.State == outbox.Suppressed && !strings.Contains(d.Reason, notPaged) {
			named[chosen{d.Bundle, d.Receiver}]++
		}
	}
	for _, d := range r.deliveries {
		s := r.summaries[d.Alert.Identity]
		if s == nil || s.Kind.Notice() || d.Kind != "" {
			continue
		}
		key := chosen{d.Alert.Identity, d.Receiver}
		rows := s.MoreAlerts
		for _, x := range s.Rows {
			rows += x.Count
		}
		if s.Total != named[key] || s.Total != rows || s.Total == 0 {
			flaw("the %s message %v says %d (%d in its rows), and %d name it", s.Kind, key, s.Total, rows, named[key])
		}
		delete(named, key)
	}
	for key, n := range named {
		flaw("%d name %v, which is not there", n, key)
	}
}

func (r *record) sumsOfSilences(flaw func(string, ...any)) {
	for _, s := range r.silences {
		alerts := map[string]bool{}
		for _, d := range r.deliveries {
			if strings.HasPrefix(d.Reason, silencedBy+s.ID+",") {
				alerts[d.Alert.Identity] = true
			}
		}
		if s.Silenced != len(alerts) {
			flaw("silence %s counted %d, and %d alerts say so", s.ID, s.Silenced, len(alerts))
		}
	}
}

// sumsOfRepeats: whoever was told of the first of many was told how many there were.
func (r *record) sumsOfRepeats(flaw func(string, ...any)) {
	type incident struct{ first, route string }
	type counted struct {
		alerts   map[string]bool
		messages map[string][]*outbox.Delivery // by receiver
	}
	incidents := map[incident]*counted{}
	of := map[incident]string{}   // the first of an alert's incident, by the alert and the route
	anew := map[incident]string{} // that of one that was a first itself, to some receivers
	for i := range r.deliveries {
		d := &r.deliveries[i]
		first := ""
		switch {
		case isStep(d.Kind): // it counts, too: where another route had told all the others, it is what this one made of the alert
			about, err := ParseAbout(d.About)
			r.must(err)
			if about != nil && about.First != nil && of[incident{about.First.Identity, d.Route}] != "" {
				first = about.First.Identity
			}
		case d.Kind != "":
		case strings.Contains(d.Notes, "): the first\n"), strings.HasSuffix(d.Notes, "): the first"):
			first = d.Alert.Identity
		case strings.Contains(d.Notes, "dedup (") && strings.Contains(d.Notes, ", number "), strings.Contains(d.Notes, "): number "):
			about, err := ParseAbout(d.About)
			r.must(err)
			first = about.First.Identity
		}
		if first != "" {
			of[incident{d.Alert.Identity, d.Route}] = first
			if strings.Contains(d.Notes, "told all the same") {
				anew[incident{d.Alert.Identity, d.Route}] = first
			}
		}
	}
	for key, first := range of {
		for anew[incident{first, key.route}] != "" {
			first = anew[incident{first, key.route}]
		}
		of[key] = first
	}
	for i := range r.deliveries {
		d := &r.deliveries[i]
		first := of[incident{d.Alert.Identity, d.Route}]
		if first == "" || d.Kind != "" && !isStep(d.Kind) || strings.HasPrefix(d.Reason, insteadOf) {
			continue
		}
		key := incident{first, d.Route}
		c := incidents[key]
		if c == nil {
			c = &counted{map[string]bool{}, map[string][]*outbox.Delivery{}}
			incidents[key] = c
		}
		c.alerts[d.Alert.Identity] = true
		if d.Kind != "" {
			continue
		}
		c.messages[d.Receiver] = append(c.messages[d.Receiver], d)
	}
	for _, key := range slices.SortedFunc(maps.Keys(incidents), func(a, b incident) int { return strings.Compare(a.first+a.route, b.first+b.route) }) {
		c := incidents[key]
		total := len(c.alerts)
		for receiver, messages := range c.messages {
			if r.receiver(receiver).Pages {
				continue
			}
			first := r.find(key.first, receiver, "")
			if first == nil || first.Route != key.route || first.State == outbox.Suppressed && ToldIn(first.Reason) == "" || strings.Contains(first.Notes, "the alert had come before") {
				anew := 0 // it was told of a later one, as if that were the first, which came to it later or not at all
				for _, d := range messages {
					if strings.Contains(d.Notes, "told all the same") && !strings.Contains(d.Notes, "the alert had come before") {
						anew++
					}
				}
				if anew > 1 {
					flaw("%s by %s: %s was told of the first %d times", key.first, key.route, receiver, anew)
				}
				continue
			}
			if quiet := r.find(key.first, receiver, "quiet"); quiet != nil {
				about, err := ParseAbout(quiet.About)
				r.must(err)
				if about.Quiet.Total != total || quiet.State != outbox.Delivered {
					flaw("%s by %s: %s was told of %d when it was quiet, and %d came", key.first, key.route, receiver, about.Quiet.Total, total)
				}
				continue
			}
			said := 0
			for _, d := range messages {
				about, err := ParseAbout(d.About)
				r.must(err)
				switch {
				case RepeatOf(d.Reason) != "":
				case d.State == outbox.Delivered && about.Seen != nil:
					said += about.Seen.Count
				default: // told by itself, or counted in a message about many
					said++
				}
			}
			// What came by another way was not for all of them.
			if said < len(messages) || said > total {
				flaw("%s by %s: %s was told of %d, and %d to %d came", key.first, key.route, receiver, said, len(messages), total)
			}
		}
	}
}

// throttles: in no span of time more messages begin than a throttle lets out.
func (r *record) throttles(flaw func(string, ...any)) {
	within := func(whose string, t *rules.Throttle, at []time.Time) {
		slices.SortFunc(at, time.Time.Compare)
		each := t.Per / time.Duration(t.Count)
		for i := range at {
			for j := i; j < len(at); j++ {
				if most := float64(t.Burst) + float64(at[j].Sub(at[i]))/float64(each) + epsilon; float64(j-i+1) > most {
					flaw("%s: %d messages from %v to %v, where %v are let out", whose, j-i+1, at[i], at[j], most)
					return
				}
			}
		}
	}
	message := func(d *outbox.Delivery) (kind digest.Kind, ok bool) {
		if d.Kind != "" || d.State != outbox.Delivered || d.Route == rules.Always {
			return "", false
		}
		if s := r.summaries[d.Alert.Identity]; s != nil {
			return s.Kind, !s.Kind.Notice()
		}
		return "", true
	}
	for name, receiver := range r.receivers {
		if receiver.Throttle == nil {
			continue
		}
		var at []time.Time
		for i := range r.deliveries {
			if d := &r.deliveries[i]; d.Receiver == name {
				if _, ok := message(d); ok {
					at = append(at, d.Queued)
				}
			}
		}
		within(name, receiver.Throttle, at)
	}
	byRoute := map[chosen][]time.Time{}
	for i := range r.deliveries {
		d := &r.deliveries[i]
		kind, ok := message(d)
		// What a receiver held for its own reasons was let out by its route before; what is held over all routes is not the
		// route's.
		own := strings.Contains(d.Notes, "the alert had come before") || strings.Contains(d.Notes, "inhibited by") || strings.Contains(d.Notes, "storm brake") || strings.Count(d.Notes, "above the rate") > 0 && r.receiver(d.Receiver).Throttle != nil
		if !ok || own || kind == digest.Silence || kind == digest.Inhibit || kind == digest.Storm || kind == digest.Throttle && r.receiver(d.Receiver).Throttle != nil {
			continue
		}
		key := chosen{d.Route, d.Receiver}
		byRoute[key] = append(byRoute[key], d.Queued)
	}
	policies := map[string]*rules.Policy{}
	for _, m := range []made{{rule: "1"}, {rule: "2"}, {rule: "3"}, {rule: "4"}} {
		for _, m.level = range []int{-1, 2, 5, 9, 12, 15} {
			for _, m.agent = range []string{"web-1", "web-2"} {
				for _, w := range r.wants(m.alert()) {
					policies[w.Route] = w.Policy
				}
			}
		}
	}
	for key, at := range byRoute {
		if p := policies[key.identity]; p != nil && p.Throttle != nil {
			within(fmt.Sprint("route ", key.identity, " to ", key.receiver), p.Throttle, at)
		}
	}
}
