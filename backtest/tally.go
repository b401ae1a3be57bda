package backtest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// tally counts what one config makes of the alerts.
type tally struct {
	zone      *time.Location
	night     Night
	receivers map[string]*received
	out       Outcome // without those to receivers under always
	rules     noisies
	agents    noisies
	sources   noisies
	shares    map[share]int // messages
	day       day           // of the last message
	came      *alert.Alert  // the last one that was for somebody, and
	counted   bool          // it was for somebody who is not under always
}

// share is what one rule makes of one receiver's messages.
type share struct{ receiver, rule string }

// received is what one receiver gets.
type received struct {
	ReceiverOutcome
	always, pages bool
	byDay         map[string]int
	// held are alerts that are kept back and of which nobody knows yet how they are told, by the cause.
	held map[string]int
	last []time.Time // of the messages of the last hour
}

func newTally(opt *Options, d *dispatch.Dispatcher) *tally {
	t := &tally{zone: opt.Zone, night: opt.Night, receivers: map[string]*received{}, out: Outcome{Saved: map[string]int{}}, shares: map[share]int{}}
	for name, r := range d.Receivers {
		t.receivers[name] = &received{ReceiverOutcome: ReceiverOutcome{Saved: map[string]int{}}, always: slices.Contains(d.Table.Always, name), pages: r.Pages(),
			byDay: map[string]int{}, held: map[string]int{}}
	}
	return t
}

// comes counts an alert that is for a receiver.
func (t *tally) comes(x dispatch.For) {
	if x.Alert != t.came { // it is for this one first
		t.came, t.counted = x.Alert, false
	}
	r := t.receivers[x.Receiver]
	if r == nil { // one that stands for others
		return
	}
	r.Alerts++
	if !r.always && !t.counted {
		t.counted = true
		t.out.Told++
		t.rules.of(x.Alert.Rule.ID, x.Alert.Rule.Description).alerts++
		t.agents.of(agentOf(x.Alert), "").alerts++
		t.sources.of(sourceOf(x.Alert), "").alerts++
	}
	switch {
	case x.Cause == "":
	case x.Later:
		r.held[x.Cause]++
	default:
		t.save(r, x.Cause, 1)
	}
}

// save counts alerts that a receiver is not told of by themselves.
func (t *tally) save(r *received, cause string, alerts int) {
	r.Saved[cause] += alerts
	if !r.always {
		t.out.Saved[cause] += alerts
	}
}

// told counts a message.
func (t *tally) told(ctx context.Context, replay *dispatch.Replay, x dispatch.Told) error {
	r := t.receivers[x.Receiver]
	switch {
	case r == nil:
		return nil
	case x.Follows:
		r.Updates++
		return nil
	case x.Held != "":
		r.held[x.Held] = max(r.held[x.Held]-1, 0)
	}
	at := x.At.In(t.zone)
	hour := at.Hour()
	night, page := t.night.has(hour), r.pages && (x.Action == notifier.Trigger || x.Action == notifier.Digest)
	r.Messages++
	r.byDay[t.day.name(at)]++
	r.Hours[hour]++
	if night {
		r.Night++
	}
	r.rush(at)
	rule, title, agent, source := x.Rule, x.Title, "", ""
	if x.Summary == nil {
		agent, source = facts(x.Header)
	} else {
		var err error
		if rule, title, agent, source, err = t.members(ctx, replay, r, x); err != nil {
			return err
		}
	}
	if r.always {
		return nil
	}
	t.shares[share{x.Receiver, rule}]++
	t.out.Messages++
	t.out.Heat[(int(at.Weekday())+6)%7][hour]++
	cost := Cost{Messages: 1}
	if page {
		cost.Pages = 1
		if night {
			cost.NightPages = 1
		}
	}
	t.out.Pages, t.out.NightPages = t.out.Pages+cost.Pages, t.out.NightPages+cost.NightPages
	if x.Summary != nil && x.Summary.Kind.Notice() { // it is of no rule
		return nil
	}
	t.rules.of(rule, title).add(cost)
	t.agents.of(agent, "").add(cost)
	t.sources.of(source, "").add(cost)
	return nil
}

// members counts what a message about many tells of, and says which rule, agent and source most of it is of: that is what the
// message counts for.
func (t *tally) members(ctx context.Context, replay *dispatch.Replay, r *received, x dispatch.Told) (rule, title, agent, source string, err error) {
	var rules, agents, sources plurality
	err = replay.Members(ctx, x.Identity, x.Receiver, func(d outbox.Delivery) error {
		a, s := facts(d.Alert.Header)
		if rules.add(d.Alert.Rule) {
			title = d.Alert.Title
		}
		agents.add(a)
		sources.add(s)
		if noise.ToldIn(d.Reason) != "" { // else it was counted as it came
			cause := noise.FirstCause(d.Notes)
			r.held[cause] = max(r.held[cause]-1, 0)
			t.save(r, string(x.Summary.Kind), 1)
		}
		return nil
	})
	return rules.most, title, agents.most, sources.most, err
}

// end counts what was kept back and never told: of a silence or an inhibition nobody is paged.
func (t *tally) end() {
	for _, r := range t.receivers {
		for cause, n := range r.held {
			if n > 0 {
				t.save(r, cause, n)
			}
		}
		clear(r.held)
	}
}

// rush notes a message for the busiest hour.
func (r *received) rush(at time.Time) {
	r.last = append(r.last, at)
	first := 0
	for at.Sub(r.last[first]) >= time.Hour {
		first++
	}
	r.last = r.last[first:]
	if len(r.last) > r.Busiest {
		r.Busiest, r.BusiestAt = len(r.last), r.last[0]
	}
}

// has reports whether an hour is one of the night.
func (n Night) has(hour int) bool {
	if n.From <= n.To {
		return n.From <= hour && hour < n.To
	}
	return hour >= n.From || hour < n.To
}

// plurality finds the text that comes most often, of those the first.
type plurality struct {
	n    map[string]int
	most string
}

// add reports whether the text is the one now.
func (p *plurality) add(text string) bool {
	if p.n == nil {
		p.n = map[string]int{}
	}
	p.n[text]++
	if p.n[text] > p.n[p.most] || p.most == text {
		p.most = text
		return true
	}
	return false
}

// noisies are rules, agents or sources.
type noisies map[string]*noisy

type noisy struct {
	title  string
	alerts int
	Cost
}

func (n *noisy) add(c Cost) {
	n.Messages, n.Pages, n.NightPages = n.Messages+c.Messages, n.Pages+c.Pages, n.NightPages+c.NightPages
}

// maxKeys bounds how many are counted. Beyond it those that cost least are forgotten: a scan comes from very many addresses, and
// none of them is among the ten noisiest.
const maxKeys = 50_000

func (n *noisies) of(key, title string) *noisy {
	if x := (*n)[key]; x != nil {
		return x
	}
	if *n == nil {
		*n = noisies{}
	}
	if len(*n) >= maxKeys {
		n.forget()
	}
	x := &noisy{title: strings.Clone(title)}
	(*n)[strings.Clone(key)] = x
	return x
}

func (n noisies) forget() {
	var all []int
	for _, x := range n {
		all = append(all, x.Messages)
	}
	slices.Sort(all)
	middle := all[len(all)/2]
	for key, x := range n {
		if x.Messages < middle || x.Messages == middle && len(n) > maxKeys/2 {
			delete(n, key)
		}
	}
}

// noisiest merges what two configs make of the same alerts; then may be nil.
func noisiest(now, then noisies) []Noisy {
	var out []Noisy
	for key, x := range now {
		if key == "" || x.Messages == 0 && (then[key] == nil || then[key].Messages == 0) {
			continue
		}
		y := Noisy{Key: key, Title: x.title, Alerts: x.alerts, Now: x.Cost}
		if z := then[key]; z != nil {
			y.Then, y.Alerts = z.Cost, max(x.alerts, z.alerts)
		}
		out = append(out, y)
	}
	for key, z := range then {
		if key != "" && now[key] == nil && z.Messages > 0 {
			out = append(out, Noisy{Key: key, Title: z.title, Alerts: z.alerts, Then: z.Cost})
		}
	}
	slices.SortFunc(out, func(x, y Noisy) int {
		return cmp.Or(cmp.Compare(y.Now.Messages, x.Now.Messages), cmp.Compare(y.Then.Messages, x.Then.Messages), cmp.Compare(y.Alerts, x.Alerts), strings.Compare(x.Key, y.Key))
	})
	return out[:min(len(out), maxNoisy)]
}

// day is the name of a day, kept as long as it lasts.
type day struct {
	from, to time.Time
	text     string
}

func (d *day) name(at time.Time) string {
	if d.text == "" || at.Before(d.from) || !at.Before(d.to) {
		y, m, n := at.Date()
		d.from, d.to = time.Date(y, m, n, 0, 0, 0, 0, at.Location()), time.Date(y, m, n+1, 0, 0, 0, 0, at.Location())
		d.text = at.Format(time.DateOnly)
	}
	return d.text
}

// agentOf is whose an alert is, as people call it.
func agentOf(a *alert.Alert) string { return cmp.Or(a.Agent.Name, a.Host) }

// sourceOf is the address that an alert comes from.
func sourceOf(a *alert.Alert) string { return a.Source.IP }

// header keeps of an alert what is counted, so that it need not be parsed again.
func header(a *alert.Alert) []byte {
	return slices.Concat([]byte(agentOf(a)), []byte{0}, []byte(sourceOf(a)))
}

func facts(header []byte) (agent, source string) {
	a, s, _ := bytes.Cut(header, []byte{0})
	return string(a), string(s)
}
