package backtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Limits of what is suggested. A rule is worth a word if it makes a fifth of a receiver's messages, and there are enough of them to
// know; a change is, if it leaves less than half of what the rule makes.
const (
	leastShare     = 0.2
	leastMessages  = 20
	mostLeft       = 0.5
	good           = 0.25 // with what leaves no more than this the search ends
	maxSuggestions = 5
	// maxTried is how many alerts of a rule are tried, the first ones; maxKeptAlerts how many are kept for that, of all rules.
	maxTried      = 100
	maxKeptAlerts = 12_000
)

// keeper keeps the first alerts of each rule and receiver, so that changes can be tried on them.
type keeper struct {
	d      *dispatch.Dispatcher
	enrich func(*alert.Alert) *alert.Alert // of the config
	kept   map[share]*keptAlerts
	n      int
	last   *alert.Alert // that came, and what is kept of it
	pruned *alert.Alert
}

// keptAlerts are the alerts of one rule for one receiver, and the routes that chose it.
type keptAlerts struct {
	alerts []timed
	more   int
	routes map[string]int
}

func newKeeper(c Config) *keeper {
	return &keeper{d: c.Dispatcher, enrich: c.Enrich, kept: map[share]*keptAlerts{}}
}

func (k *keeper) add(x dispatch.For) {
	if x.Route == rules.Always {
		return
	}
	key := share{x.Receiver, x.Alert.Rule.ID}
	of := k.kept[key]
	if of == nil {
		of = &keptAlerts{routes: map[string]int{}}
		k.kept[share{x.Receiver, strings.Clone(x.Alert.Rule.ID)}] = of
	}
	of.routes[x.Route]++
	if len(of.alerts) >= maxTried {
		of.more++
		return
	}
	if x.Alert != k.last {
		k.last, k.pruned = x.Alert, prune(x.Alert)
	}
	of.alerts = append(of.alerts, timed{x.At, k.pruned})
	if k.n++; k.n > maxKeptAlerts {
		k.forget()
	}
}

// forget drops the alerts of those of which there are fewest: nothing is suggested for them.
func (k *keeper) forget() {
	var sizes []int
	for _, of := range k.kept {
		sizes = append(sizes, len(of.alerts))
	}
	slices.Sort(sizes)
	middle := sizes[len(sizes)/2]
	for _, key := range slices.SortedFunc(maps.Keys(k.kept), share.compare) { // the same report each time
		if n := len(k.kept[key].alerts); n <= middle && k.n > maxKeptAlerts/2 {
			k.n -= n
			delete(k.kept, key)
		}
	}
}

// prune is what of an alert may decide whether it is told: a tenth of it, in memory of its own.
func prune(a *alert.Alert) *alert.Alert {
	c := strings.Clone
	out := &alert.Alert{Format: a.Format, ID: c(a.Identity()), Time: a.Time, Received: a.Received,
		Rule:  alert.Rule{ID: c(a.Rule.ID), Level: a.Rule.Level, Description: c(a.Rule.Description)},
		Agent: alert.Agent{ID: c(a.Agent.ID), Name: c(a.Agent.Name), IP: c(a.Agent.IP)}, Location: c(a.Location), Host: c(a.Host), Program: c(a.Program), Decoder: c(a.Decoder),
		Source: alert.Endpoint{IP: c(a.Source.IP)}, Destination: alert.Endpoint{IP: c(a.Destination.IP)},
		User: c(a.User), SourceUser: c(a.SourceUser), TargetUser: c(a.TargetUser), Original: map[string]any{}}
	for _, g := range a.Rule.Groups {
		out.Rule.Groups = append(out.Rule.Groups, c(g))
	}
	return out
}

// remedy is a setting to try, and how it is called. It is tried where most alerts have the field that it goes by; what makes a
// page wait is none for a pager.
type remedy struct {
	setting, words, by string
	waits              bool
}

// remedies are tried in this order.
var remedies = []remedy{
	{setting: "dedup: {by: [rule, srcip], for: 1h}", words: "dedup by srcip for 1h", by: "srcip"},
	{setting: "dedup: {by: [rule, agent], for: 1h}", words: "dedup by agent for 1h", by: "agent"},
	{setting: "dedup: {by: [rule, user], for: 1h}", words: "dedup by user for 1h", by: "user"},
	{setting: "group_by: [rule]\n  group_interval: 1h", words: "group_by rule, told once an hour,", waits: true},
	{setting: "digest: 1h", words: "a digest each hour", waits: true},
}

// fits reports whether a remedy is one for a receiver and alerts.
func (x remedy) fits(r *dispatch.Receiver, alerts []timed, scale alert.Scale) bool {
	if x.by == "" {
		return !x.waits || !r.Pages()
	}
	field, ok := rules.NewField(x.by, scale)
	if !ok {
		return false
	}
	have, told, last := 0, 0, map[string]time.Time{}
	for _, a := range alerts {
		v := field.Value(a.alert)
		if v == "" {
			continue
		}
		have++
		if before, known := last[v]; !known || a.at.Sub(before) >= time.Hour { // it is told for sure
			told++
		}
		last[v] = a.at
	}
	return have*5 >= len(alerts)*4 && float64(told) <= mostLeft*float64(have)
}

// suggest tries what would make the rules quieter that make most of a receiver's messages: the same alerts by the same steps, with
// another setting.
func suggest(ctx context.Context, dir string, opt *Options, r *Report, s *side, k *keeper) []Suggestion {
	var top []share
	for key, n := range s.shares {
		of := s.tally.receivers[key.receiver]
		if of != nil && n >= leastMessages && float64(n) >= leastShare*float64(of.Messages) && key.rule != "" && k.kept[key] != nil {
			top = append(top, key)
		}
	}
	slices.SortFunc(top, func(a, b share) int {
		return cmp.Or(cmp.Compare(s.shares[b], s.shares[a]), a.compare(b))
	})
	var out []Suggestion
	for i, key := range top {
		if len(out) == maxSuggestions || ctx.Err() != nil {
			break
		}
		if x, ok := k.suggestion(ctx, filepath.Join(dir, fmt.Sprint("trial", i)), opt, key, s.shares[key], s.tally.receivers[key.receiver].Messages); ok {
			out = append(out, x)
			r.help(key.rule, x)
		}
	}
	return out
}

// help notes beside the rule what helps.
func (r *Report) help(rule string, s Suggestion) {
	for i := range r.Rules {
		if r.Rules[i].Key == rule && r.Rules[i].Help == "" {
			r.Rules[i].Help, r.Rules[i].Words = s.YAML, s.Words
		}
	}
}

// suggestion is the first remedy that is good, or else the best.
func (k *keeper) suggestion(ctx context.Context, path string, opt *Options, key share, messages, all int) (Suggestion, bool) {
	of := k.kept[key]
	route := slices.MaxFunc(slices.Sorted(maps.Keys(of.routes)), func(a, b string) int { return cmp.Compare(of.routes[a], of.routes[b]) })
	policy := k.d.Table.Policies()[route]
	tries := []trial{{policy: policy}} // as it is
	for _, x := range remedies {
		if changed, ok := with(policy, x.setting, k.d.Scale); ok && x.fits(k.d.Receivers[key.receiver], of.alerts, k.d.Scale) {
			tries = append(tries, trial{remedy: x, policy: changed})
		}
	}
	const atOnce = 2 // what is tried beyond the first that is good is for nothing
	best, before, left := remedy{}, 0, 0
	for i := range tries {
		if i%atOnce == 0 {
			k.tryAll(ctx, path, i, opt, key.receiver, tries[i:min(i+atOnce, len(tries))], of.alerts)
		}
		t := tries[i]
		if t.err != nil || i == 0 && t.messages == 0 {
			return Suggestion{}, false
		}
		if i == 0 {
			before, left = t.messages, t.messages
		}
		if t.messages < left {
			best, left = t.remedy, t.messages
		}
		if float64(left) <= good*float64(before) {
			break
		}
	}
	if best.setting == "" || float64(left) > mostLeft*float64(before) {
		return Suggestion{}, false
	}
	place := k.d.Receivers[key.receiver].Place
	after := int(float64(messages)*float64(left)/float64(before) + 0.5)
	out := Suggestion{
		Words: fmt.Sprintf("rule %s makes %s of %s; %s would leave %s", display.Quote(key.rule).Line().String(), percent(messages, all), cmp.Or(place, key.receiver), best.words, percent(after, all)),
		Route: route, Before: messages, After: after, YAML: fmt.Sprintf("- match: {rule: %q}\n  %s\n", key.rule, best.setting),
	}
	if of.more > 0 {
		out.Words += fmt.Sprintf(" (tried on the first %s alerts)", display.Thousands(len(of.alerts)))
	}
	if route == rules.Default { // there is none to paste it into: it is for the end, behind those that took none of its alerts
		out.Route = ""
		out.YAML += "  to: [" + strings.Join(k.d.Table.Default, ", ") + "]\n"
	}
	return out, true
}

// trial is a policy to try, the remedy that makes it, and what came of it.
type trial struct {
	remedy
	policy   *rules.Policy
	messages int
	err      error
}

// tryAll makes trials side by side; first numbers them for their files.
func (k *keeper) tryAll(ctx context.Context, path string, first int, opt *Options, receiver string, trials []trial, alerts []timed) {
	var group sync.WaitGroup
	for i := range trials {
		group.Go(func() {
			t := &trials[i]
			t.messages, t.err = k.try(ctx, fmt.Sprint(path, "-", first+i), opt, receiver, t.policy, alerts)
		})
	}
	group.Wait()
}

// percent is a share in words.
func percent(n, of int) string {
	if n > 0 && n*100 < of {
		return "less than 1 %"
	}
	return fmt.Sprintf("%d %%", (n*100+of/2)/max(of, 1))
}

// with is a policy with a setting as it is written in a route; not ok where it has that already.
func with(policy *rules.Policy, setting string, scale alert.Scale) (*rules.Policy, bool) {
	var doc yaml.Node
	text := "- to: [x]\n  " + setting + "\n"
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return nil, false
	}
	read, problems := rules.ParseRoutes(doc.Content[0], scale, nil)
	if len(read) != 1 || slices.ContainsFunc(problems, func(p rules.Problem) bool { return !p.Warning }) {
		return nil, false
	}
	own := read[0].Policy
	out := &rules.Policy{}
	if policy != nil {
		*out = *policy
	}
	out.Escalate, out.Resolve = nil, nil
	switch {
	case own.Dedup != nil:
		out.Dedup = own.Dedup
	case own.Group != nil:
		out.Group = own.Group
	case own.Digest != nil:
		out.Digest = own.Digest
	}
	return out, true
}

// try counts the messages that a receiver gets of alerts by a policy.
func (k *keeper) try(ctx context.Context, path string, opt *Options, receiver string, policy *rules.Policy, alerts []timed) (messages int, err error) {
	d := &dispatch.Dispatcher{Scale: k.d.Scale, Zone: k.d.Zone, Log: opt.Log, Receivers: map[string]*dispatch.Receiver{receiver: k.d.Receivers[receiver]},
		Table: &rules.Table{Routes: []*rules.Route{{Name: "tried", To: []string{receiver}, Policy: policy}}}}
	c := Config{Dispatcher: d, Enrich: k.enrich}
	box, err := openScratch(ctx, path, nil)
	if err != nil {
		return 0, err
	}
	defer box.Close()
	replay := &dispatch.Replay{Box: box, Site: site{c, opt.Zone}, Log: opt.Log}
	replay.Told = func(x dispatch.Told) error {
		if !x.Follows {
			messages++
		}
		return nil
	}
	err = replay.Run(ctx, pastOf(c, slices.Values(alerts)))
	return messages, err
}
