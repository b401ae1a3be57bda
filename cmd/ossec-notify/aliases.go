package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// aliasKinds is the table of the kinds of receivers that send nothing themselves, but stand for others. In the config they
// are written as channels are; nothing else of a channel holds for them.
var aliasKinds = []channel{
	{name: "oncall", config: func() channelConfig { return &typedConfig[oncall.Config]{make: sendsNothing[oncall.Config]} }},
}

func sendsNothing[C any](C, connect) (notifier.Notifier, error) {
	return nil, errors.New("stands for other receivers, and sends nothing itself")
}

// kindByName is the kind that a receiver may be of: a channel, or an alias.
func kindByName(name string) (kind channel, alias, ok bool) {
	if kind, ok = channelByName(name); ok {
		return kind, false, true
	}
	for _, kind := range aliasKinds {
		if kind.name == name {
			return kind, true, true
		}
	}
	return channel{}, false, false
}

func kindNames() []string {
	names := channelNames()
	for _, k := range aliasKinds {
		names = append(names, k.name)
	}
	return names
}

// all are the receivers and the aliases: whatever has settings.
func (c *config) all() []*receiver { return slices.Concat(c.Receivers, c.Aliases) }

// aliasNames are the names that an alias may come to stand for, and the settings that have them.
func aliasNames(c channelConfig) map[string][]string {
	names := map[string][]string{}
	if cfg, ok := c.settings().(*oncall.Config); ok {
		names["otherwise"] = cfg.Otherwise
		for person, receivers := range cfg.People {
			names["people\x00"+person] = receivers
		}
	}
	return names
}

// aliases checks whom aliases stand for.
func (l *loader) aliases() {
	aliases := map[string]bool{}
	for _, r := range l.cfg.Aliases {
		aliases[r.Name] = true
	}
	known := maps.Clone(l.names)
	maps.DeleteFunc(known, func(name, _ string) bool { return aliases[name] })
	for _, r := range l.cfg.Aliases {
		l.file = r.file
		names := aliasNames(r.Config)
		for _, setting := range slices.Sorted(maps.Keys(names)) {
			path := strings.Split(setting, "\x00")
			for _, name := range names[setting] {
				at := itemAt(r.at(path...), name)
				if aliases[name] {
					l.errorf(at, "%s: %q stands for others itself: name receivers that send", path[0], name)
				} else if _, ok := known[name]; !ok {
					l.errorf(at, "%s: %q is no receiver: %s", path[0], name, nearestOr(name, known, "add it under receivers:"))
				}
			}
		}
	}
	for _, r := range l.cfg.Receivers {
		l.file = r.file
		for _, f := range r.common.Fallback {
			if aliases[f] {
				l.errorf(itemAt(yamlnode.At(r.node, "fallback"), f), "fallback: %q stands for others, who change: name a receiver that sends", f)
			}
		}
	}
}

func nearestOr(name string, known map[string]string, otherwise string) string {
	if near := rules.Nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

// itemAt is the item of a list that holds a text, or the node itself.
func itemAt(n *yaml.Node, text string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if item = yamlnode.Resolve(item); item != nil && item.Value == text {
				return item
			}
		}
	}
	return n
}

// aliases makes the aliases of a config. As with receivers, one that cannot be made is there all the same.
func (c *config) aliases(opt buildOptions) (map[string]dispatch.Alias, error) {
	var errs []error
	made := map[string]dispatch.Alias{}
	for _, r := range c.Aliases {
		a, err := r.buildAlias(opt)
		if err != nil {
			errs = append(errs, &receiverError{r, err})
		}
		made[r.Name] = a
	}
	return made, errors.Join(errs...)
}

// buildAlias makes an alias. It is there with an error, too: see [unmadeAlias].
func (r *receiver) buildAlias(opt buildOptions) (dispatch.Alias, error) {
	cfg, ok := r.Config.settings().(*oncall.Config)
	if !ok {
		return nil, fmt.Errorf("the kind %s is not known", r.Channel.name)
	}
	cache := opt.oncall
	if cache == nil {
		cache = oncall.Remembered(nil, discard)
	}
	make := func() (*oncall.Receiver, error) {
		client, err := opt.connect(1).client(cfg.HTTP())
		if err != nil {
			return nil, err
		}
		return oncall.New(*cfg, client, cache)
	}
	made, err := make()
	if err != nil {
		return &unmadeAlias{make: make, otherwise: cfg.Otherwise, err: err}, err
	}
	return made, nil
}

// unmadeAlias stands in for an alias that could not be made, because of a file that is missing or broken: it stands for
// those who are told where nobody knows who is on call. Each time it is asked, making it is tried again.
type unmadeAlias struct {
	make      func() (*oncall.Receiver, error)
	otherwise []string

	mu   sync.Mutex
	made *oncall.Receiver
	err  error
}

func (u *unmadeAlias) Resolve(at time.Time) (receivers []string, note string) {
	u.mu.Lock()
	if u.made == nil {
		u.made, u.err = u.make()
	}
	made, err := u.made, u.err
	u.mu.Unlock()
	if err != nil {
		return u.otherwise, "who is on call cannot be asked, so otherwise: " + err.Error()
	}
	return made.Resolve(at)
}

// onCall are the aliases of a dispatcher that ask who is on call.
func onCall(d *dispatch.Dispatcher) map[string]*oncall.Receiver {
	found := map[string]*oncall.Receiver{}
	if d == nil {
		return found
	}
	for name, a := range d.Aliases {
		if r, ok := a.(*oncall.Receiver); ok {
			found[name] = r
		}
	}
	return found
}

// firstAnswer is how long a process that has just started waits for PagerDuty where it has never heard who is on call:
// without an answer those are told whom the config names otherwise.
const firstAnswer = 3 * time.Second

// askFirst asks for the schedules of which nothing is known at all.
func askFirst(ctx context.Context, d *dispatch.Dispatcher, cache *oncall.Cache) {
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	var group sync.WaitGroup
	for _, r := range onCall(d) {
		if known := r.Known(); known.Asked.IsZero() && known.Failing.IsZero() {
			group.Go(func() { _, _ = cache.Refresh(ctx, r.Schedule()) }) // the cache logs a failure
		}
	}
	group.Wait()
}

// onCallStore keeps what is known of schedules in the outbox.
type onCallStore struct{ box *outbox.DB }

func (s onCallStore) Load(key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	text, err := s.box.Meta(ctx, key)
	return []byte(text), err
}

func (s onCallStore) Save(key string, value []byte) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), keepTimeout, errors.New("the outbox is busy"))
	defer cancel()
	return s.box.SetMeta(ctx, key, string(value))
}

// newOnCall makes the cache of a process that delivers. box may be nil.
func newOnCall(box *outbox.DB, log *slog.Logger) *oncall.Cache {
	if box == nil {
		return oncall.NewCache(nil, log)
	}
	return oncall.NewCache(onCallStore{box}, log)
}

// rememberedOnCall is what the deliverer has heard, for commands that only show. Where there is no outbox to read, it
// knows nothing. The caller calls done.
func (e *env) rememberedOnCall(ctx context.Context, cfg *config) (cache *oncall.Cache, done func()) {
	if len(cfg.Aliases) > 0 {
		for _, state := range e.statePlaces() {
			if box, _, err := outbox.Open(ctx, outboxPath(state), outbox.Options{}); err == nil {
				cache = oncall.Remembered(onCallStore{box}, discard)
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
func (e *env) expander(ctx context.Context, cfg *config) (_ expander, done func()) {
	cache, done := e.rememberedOnCall(ctx, cfg)
	aliases, _ := cfg.aliases(buildOptions{log: discard, egress: cfg.Egress, oncall: cache}) // one that cannot be made says so
	d := &dispatch.Dispatcher{Aliases: aliases}
	return func(choices []rules.Choice) []rules.Choice { return d.Expand(choices, time.Now()) }, done
}

// staleSchedules is one finding for each schedule that PagerDuty has not told of for too long.
func staleSchedules(cfg *config, cache *oncall.Cache) []finding {
	var found []finding
	made, _ := cfg.aliases(buildOptions{log: discard, oncall: cache, egress: cfg.Egress}) // what cannot be made is said elsewhere
	for _, r := range cfg.Aliases {
		a, ok := made[r.Name].(*oncall.Receiver)
		if !ok || !a.Known().Stale() {
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
func probeAliases(ctx context.Context, cfg *config, d *dispatch.Dispatcher) (found []finding, not int) {
	asked := onCall(d)
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
