package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/site"
)

// rememberedOnCall is what the deliverer has heard, for commands that only show. Where there is no outbox to read, it
// knows nothing. The caller calls done.
func (e *env) rememberedOnCall(ctx context.Context, cfg *config.Config) (cache *oncall.Cache, done func()) {
	if len(cfg.Aliases) > 0 {
		for _, state := range e.statePlaces() {
			if box, _, err := outbox.Open(ctx, outboxPath(state), outbox.Options{}); err == nil {
				cache = site.Remembered(box)
				return cache, func() { cache.Close(); _ = box.Close() }
			}
		}
	}
	cache = oncall.Remembered(nil, discard)
	return cache, cache.Close
}

// expander puts in the place of aliases whom they stand for now.
type expander func([]rules.Choice) []rules.Choice

// expander is that of a config, by what the deliverer has heard. The caller calls done.
func (e *env) expander(ctx context.Context, cfg *config.Config) (_ expander, done func()) {
	cache, done := e.rememberedOnCall(ctx, cfg)
	aliases, _ := cfg.MakeAliases(config.Options{OnCall: cache}) // one that cannot be made says so
	return func(choices []rules.Choice) []rules.Choice { return aliases.Expand(choices, time.Now()) }, done
}

// staleSchedules is one finding for each schedule that PagerDuty has not told of for too long.
func staleSchedules(cfg *config.Config, cache *oncall.Cache) []finding {
	var found []finding
	aliases, _ := cfg.MakeAliases(config.Options{OnCall: cache}) // what cannot be made is said elsewhere
	made := config.OnCall(aliases)
	for _, r := range cfg.Aliases {
		a := made[r.Name]
		if a == nil || !a.Known().Stale() {
			continue
		}
		receivers, note := a.Resolve(time.Now())
		f := findingAbout(r, fmt.Errorf("it stands for %s now: %s", strings.Join(receivers, ", "), note), exitDone)
		f.Warning = true
		found = append(found, f)
	}
	return found
}

// aliasNotes says once for each alias whom deliveries go to in its place.
func aliasNotes(deliveries []dispatch.Delivery, said map[string]bool) []string {
	var notes []string
	for _, x := range deliveries {
		if x.Alias != "" && !said[x.Alias] {
			said[x.Alias] = true
			notes = append(notes, x.Alias+": "+x.Note)
		}
	}
	return notes
}

// probeAliases asks for every schedule, and says who is on call: as notes where all is well.
func probeAliases(ctx context.Context, cfg *config.Config, d *dispatch.Dispatcher) (found []finding, not int) {
	asked := config.OnCall(d.Aliases)
	answers, failed := make([]finding, len(cfg.Aliases)), make([]bool, len(cfg.Aliases))
	var probes sync.WaitGroup
	for i, r := range cfg.Aliases {
		a := asked[r.Name]
		if a == nil { // it could not be made, which has been said
			failed[i] = true
			continue
		}
		probes.Go(func() {
			if failed[i] = !canRead(ctx, r); failed[i] { // which checkSecrets says
				return
			}
			receivers, note, err := a.Ask(ctx)
			if err != nil {
				answers[i], failed[i] = findingAbout(r, err, exitFail), true
				return
			}
			answers[i] = findingAbout(r, fmt.Errorf("it stands for %s now: %s", strings.Join(receivers, ", "), note), exitDone)
			answers[i].note = true
		})
	}
	probes.Wait()
	for _, is := range failed {
		if is {
			not++
		}
	}
	return slices.DeleteFunc(answers, func(f finding) bool { return f.Message == "" }), not
}
