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

// maxDays bounds the days of a report: an alert may claim any date.
const maxDays = 4000

// days lists the days of the report and notes those without alerts.
func (r *Report) days(alerts map[string]int) {
	if r.From.IsZero() {
		return
	}
	from, to := r.From.In(r.Zone), r.To.In(r.Zone)
	y, m, d := from.Date()
	last := to.Format(time.DateOnly)
	for i := range maxDays {
		name := time.Date(y, m, d+i, 12, 0, 0, 0, r.Zone).Format(time.DateOnly)
		if name > last {
			break
		}
		r.Days = append(r.Days, name)
		if alerts != nil && alerts[name] == 0 {
			r.Gaps[name] = true
		}
	}
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
