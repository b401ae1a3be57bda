package backtest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// assemble makes the report of what was counted.
func assemble(opt *Options, totals Totals, sides []*side, diff *difference) *Report {
	r := &Report{Config: opt.Now.Path, Zone: opt.Zone, NightOf: opt.Night, From: totals.From, To: totals.To, Gaps: map[string]bool{}}
	r.Read.Alerts = totals.Alerts
	r.days(totals.Days)
	for _, s := range sides {
		s.end()
		s.out.Nobody = max(totals.Alerts-s.out.Told, 0)
	}
	now := sides[0].tally
	r.Now = &now.out
	then := &tally{}
	if len(sides) > 1 {
		then = sides[1].tally
		r.Against, r.Then = opt.Then.Path, &then.out
		r.Changes, r.ChangeCount = diff.changes(sides)
	}
	r.receivers(sides)
	r.Rules, r.Agents, r.Sources = noisiest(now.rules, then.rules), noisiest(now.agents, then.agents), noisiest(now.sources, then.sources)
	return r
}

// Any date may stand in an alert. A report has at most maxDays; what is farther than stray days from all else, and less than a
// hundredth of it, was dated by a clock that was wrong.
const (
	maxDays = 4000
	stray   = 60
)

// days lists the days of the report and notes those without alerts.
func (r *Report) days(alerts map[string]int) {
	if r.From.IsZero() {
		return
	}
	first, last := r.date(r.From), r.date(r.To)
	if from, to, outside := bulk(alerts); outside > 0 {
		r.Read.Outside = outside
		if from > first {
			first, r.From = from, r.midnight(from, 0)
		}
		if to < last {
			last, r.To = to, r.midnight(to, 1).Add(-time.Second)
		}
	}
	for i := range maxDays {
		name := r.date(r.midnight(first, i))
		if name > last {
			break
		}
		r.Days = append(r.Days, name)
		if alerts != nil && alerts[name] == 0 {
			r.Gaps[name] = true
		}
	}
}

func (r *Report) date(t time.Time) string { return t.In(r.Zone).Format(time.DateOnly) }

// midnight is when a day begins that is so many days after another.
func (r *Report) midnight(day string, after int) time.Time {
	t, _ := time.Parse(time.DateOnly, day)
	return time.Date(t.Year(), t.Month(), t.Day()+after, 0, 0, 0, 0, r.Zone)
}

// bulk are the first and the last day of nearly all alerts, and how many are dated before or after.
func bulk(alerts map[string]int) (from, to string, outside int) {
	var all int
	type run struct {
		from, to string
		alerts   int
	}
	var runs []run // of days that are near each other
	var before time.Time
	for _, day := range slices.Sorted(maps.Keys(alerts)) {
		t, err := time.Parse(time.DateOnly, day)
		if err != nil || alerts[day] == 0 {
			continue
		}
		if len(runs) == 0 || t.Sub(before) > stray*24*time.Hour {
			runs = append(runs, run{from: day})
		}
		x := &runs[len(runs)-1]
		x.to, x.alerts, before = day, x.alerts+alerts[day], t
		all += alerts[day]
	}
	few := func(x run) bool { return x.alerts*100 < all }
	for len(runs) > 0 && few(runs[0]) {
		outside += runs[0].alerts
		runs = runs[1:]
	}
	for len(runs) > 0 && few(runs[len(runs)-1]) {
		outside += runs[len(runs)-1].alerts
		runs = runs[:len(runs)-1]
	}
	if len(runs) == 0 { // many runs of few alerts each
		return "", "", 0
	}
	return runs[0].from, runs[len(runs)-1].to, outside
}

// receivers lists those of both configs, by name.
func (r *Report) receivers(sides []*side) {
	all := map[string]*Receiver{}
	for i, s := range sides {
		for name, x := range s.receivers {
			c := s.config.Dispatcher.Receivers[name]
			out := all[name]
			if out == nil {
				empty := ReceiverOutcome{Days: make([]int, len(r.Days)), Saved: map[string]int{}}
				out = &Receiver{Name: name, Channel: c.Channel, Place: c.Place, Pages: x.pages, Always: x.always, Now: empty, Then: empty}
				all[name] = out
			}
			outcome := x.ReceiverOutcome
			outcome.Days = make([]int, len(r.Days))
			for day, n := range x.byDay {
				at, found := slices.BinarySearch(r.Days, day)
				if !found { // what was still held when the alerts ended
					at = min(at, len(r.Days)-1)
				}
				if at >= 0 {
					outcome.Days[at] += n
				}
			}
			if i == 0 {
				out.Now = outcome
			} else {
				out.Then = outcome
				out.Always = out.Always && x.always
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(all), strings.Compare) {
		r.Receivers = append(r.Receivers, *all[name])
	}
}
