package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// kindByName is the kind that a receiver may be of: a channel, or an alias.
func kindByName(name string) (kind channel.Kind, alias, ok bool) {
	if kind, ok = channel.ByName(name); ok {
		return kind, false, true
	}
	for _, kind := range channel.Aliases() {
		if kind.Name == name {
			return kind, true, true
		}
	}
	return channel.Kind{}, false, false
}

func kindNames() []string {
	names := channel.Names()
	for _, k := range channel.Aliases() {
		names = append(names, k.Name)
	}
	return names
}

// StandsFor are the names of the receivers that an alias may come to stand for, in order; none of a receiver that is no alias.
func (r *Receiver) StandsFor() []string {
	names := slices.Concat(slices.Collect(maps.Values(aliasNames(r.Config)))...)
	slices.Sort(names)
	return slices.Compact(names)
}

// aliasNames are the names that an alias may come to stand for, and the settings that have them.
func aliasNames(c *channel.Config) map[string][]string {
	names := map[string][]string{}
	if cfg, ok := c.Settings().(*oncall.Config); ok {
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
		l.File = r.File
		names := aliasNames(r.Config)
		for _, setting := range slices.Sorted(maps.Keys(names)) {
			path := strings.Split(setting, "\x00")
			for _, name := range names[setting] {
				at := yamlnode.ItemWith(r.at(path...), name)
				if aliases[name] {
					l.Errorf(at, "%s: %q stands for others itself: name receivers that send", path[0], name)
				} else if _, ok := known[name]; !ok {
					l.Errorf(at, "%s: %q is no receiver: %s", path[0], name, nearestReceiver(name, known))
				}
			}
		}
	}
	for _, r := range l.cfg.Receivers {
		l.File = r.File
		for _, f := range r.common.Fallback {
			if aliases[f] {
				l.Errorf(yamlnode.ItemWith(yamlnode.At(r.node, "fallback"), f), "fallback: %q stands for others, who change: name a receiver that sends", f)
			}
		}
	}
}

// nearestReceiver is what to do about a name that no receiver has.
func nearestReceiver[V any](name string, known map[string]V) string {
	if near := rules.Nearest(name, slices.Collect(maps.Keys(known))); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "add it under receivers:"
}

// MakeAliases makes those of a config, and no receiver: for who asks only whom they stand for. As with receivers, one that cannot be
// made is there all the same, and the error joins a [ReceiverError] for each.
func (c *Config) MakeAliases(opt Options) (dispatch.Aliases, error) {
	var errs []error
	made := dispatch.Aliases{}
	for _, r := range c.Aliases {
		a, err := r.buildAlias(connecting{opt.Client, c.Egress}, opt.OnCall)
		if err != nil {
			errs = append(errs, &ReceiverError{r, err})
		}
		made[r.Name] = a
	}
	return made, errors.Join(errs...)
}

// buildAlias makes an alias. It is there with an error, too: see [unmadeAlias].
func (r *Receiver) buildAlias(with connecting, cache *oncall.Cache) (dispatch.Alias, error) {
	cfg, ok := r.Config.Settings().(*oncall.Config)
	if !ok {
		return nil, fmt.Errorf("the kind %s is not known", r.Channel.Name)
	}
	if cache == nil {
		cache = oncall.Remembered(nil, slog.New(slog.DiscardHandler))
	}
	make := func() (*oncall.Receiver, error) {
		client, err := with.connect(1).Client(cfg.HTTP())
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

// OnCall are those aliases that ask who is on call.
func OnCall(all dispatch.Aliases) map[string]*oncall.Receiver {
	found := map[string]*oncall.Receiver{}
	for name, a := range all {
		if r, ok := a.(*oncall.Receiver); ok {
			found[name] = r
		}
	}
	return found
}
