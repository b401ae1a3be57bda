package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/settings"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// receiverName: it stands in file names, in mail headers and behind "custom-".
var receiverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Receiver is one entry of the config's receivers: a receiver, or an alias.
type Receiver struct {
	Name    string
	Channel channel.Kind
	Config  *channel.Config
	// Templates are those of its messages; nil, of a receiver that no file describes, for the defaults.
	Templates *templates.Set
	// File is the file that it stands in.
	File string
	// Faults are the mistakes in its templates, with which it is used: its messages have their default form.
	Faults []rules.Problem

	common   common
	mistaken bool       // its channel's settings could not all be read
	node     *yaml.Node // the receiver's mapping, for places
}

// at is the place of a setting of the receiver's channel, or of the nearest thing around it.
func (r *Receiver) at(path ...string) *yaml.Node {
	return yamlnode.At(r.node, append([]string{r.Channel.Name}, path...)...)
}

// Problem says something of a receiver at the place of a setting of its channel: "url", or "network.ca_file"; or at the receiver,
// where it has none.
func (r *Receiver) Problem(setting, message string) rules.Problem {
	var path []string
	if setting != "" {
		path = strings.Split(setting, ".")
	}
	at := r.at(path...)
	return rules.Problem{File: r.File, Line: at.Line, Column: at.Column, Message: message}
}

// common are the settings that every receiver takes beside its channel.
type common struct {
	Template      string            `yaml:"template"`
	Timeout       yamlnode.Duration `yaml:"timeout"`
	Concurrency   int               `yaml:"concurrency"`
	Rate          rate              `yaml:"rate"`
	MaxAge        yamlnode.Duration `yaml:"max_age"`
	Fallback      []string          `yaml:"fallback"`
	FallbackAfter yamlnode.Duration `yaml:"fallback_after"`

	Throttle   *rules.Throttle `yaml:"throttle"`
	StormAfter stormAfter      `yaml:"storm_after"`
}

// stormAfter is after how much work ahead of a receiver its storm brake sets in: a time span, or off.
type stormAfter struct {
	off   bool
	after time.Duration
}

func (v *stormAfter) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value == "off" {
		*v = stormAfter{off: true}
		return nil
	}
	var d yamlnode.Duration
	err := d.UnmarshalYAML(n)
	if err != nil {
		err = fmt.Errorf("%w, or off", err)
	}
	*v = stormAfter{after: time.Duration(d)}
	return err
}

// rate is how much the receiver takes; zero is no limit.
func (r *Receiver) rate() dispatch.Rate {
	return cmp.Or(dispatch.Rate(r.common.Rate), presetRate(r.Config), r.Channel.Rate)
}

// stormAfter is the receiver's, zero for no storm brake. Without a rate nobody can tell how long a queue will take, and
// pages are not braked unless somebody wants it.
func (r *Receiver) stormAfter() time.Duration {
	switch s := r.common.StormAfter; {
	case s.off || r.rate().IsZero():
		return 0
	case s.after == 0 && !r.Channel.Pages:
		return dispatch.DefaultStormAfter
	default:
		return s.after
	}
}

// rate is a [dispatch.Rate] in the config.
type rate dispatch.Rate

func (v *rate) UnmarshalYAML(n *yaml.Node) error {
	r, err := dispatch.ParseRate(n.Value)
	*v = rate(r)
	return err
}

// reserved are no names for receivers: integratord's call would mean something else.
func reserved(name string) bool {
	_, isChannel := channel.ByName(name)
	return isChannel || name == "notify" || strings.HasPrefix(name, "argv-")
}

// receivers reads the mapping of receivers.
func (l *loader) receivers(n *yaml.Node) {
	above := "" // the name without a value right above
	entries := l.YAML.Mapping(n, "receivers")
	for i, e := range entries {
		name := above
		above = ""
		switch file, taken := l.names[e.Key]; {
		case isNull(e.Value) && i+1 < len(entries) && isKind(entries[i+1].Key):
			above, l.names[e.Key] = e.Key, l.File // what is meant is told there
			continue
		case name != "" && isKind(e.Key):
			l.Errorf(e.KeyNode, "%s stands where a receiver's name belongs: indent it below the name above, %s", e.Key, name)
			continue
		case (slices.Contains(mainKeys, e.Key) || e.Key == "routes") && e.Value.Kind == yaml.SequenceNode:
			l.Errorf(e.KeyNode, "%s stands where a receiver's name belongs: it is a key of the config itself, and begins at the left edge", e.Key)
			continue
		case reserved(e.Key):
			l.Errorf(e.KeyNode, "%q is no name for a receiver: custom-%s would mean every receiver of that kind; call it %q", e.Key, e.Key, e.Key+"-1")
			continue
		case !receiverName.MatchString(e.Key):
			l.Errorf(e.KeyNode, "%q is no name for a receiver: use letters, digits, '-', '_' and '.', 64 at most", e.Key)
			continue
		case taken:
			l.Errorf(e.KeyNode, "receiver %q is already in %s; names are unique over all files", e.Key, file)
			continue
		}
		l.names[e.Key] = l.File
		switch r, alias := l.receiver(e.Key, e.Value); {
		case r == nil:
		case alias:
			l.cfg.Aliases = append(l.cfg.Aliases, r)
		default:
			l.cfg.Receivers = append(l.cfg.Receivers, r)
		}
	}
}

// isNull reports whether a key has no value.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// hasSetting reports whether a channel has a setting of its own of this name.
func hasSetting(c *channel.Config, key string) bool {
	t := reflect.TypeOf(c.Settings()).Elem()
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name == key {
			return true
		}
	}
	return false
}

func isKind(name string) bool {
	_, _, ok := kindByName(name)
	return ok
}

// otherKinds are what people call channels whose names are others.
var otherKinds = map[string]string{
	"opensearch": "elasticsearch", "elastic": "elasticsearch", "hec": "splunk", "mail": "email", "smtp": "email", "http": "webhook", "hook": "webhook",
	"exec": "command", "script": "command", "program": "command", "cef": "syslog", "leef": "syslog", "rsyslog": "syslog",
}

// isPreset reports the name of an embedded preset.
func isPreset(name string) bool { return slices.Contains(presets.Names(), name) }

// receiver reads one receiver: one channel and the settings that all take; or an alias, which takes none of these.
func (l *loader) receiver(name string, n *yaml.Node) (r *Receiver, alias bool) {
	r = &Receiver{Name: name, File: l.File, node: n}
	mistakes := len(l.Problems)
	fields := map[string]reflect.Value{}
	known := kindNames()
	var common []yamlnode.Entry
	c := reflect.ValueOf(&r.common).Elem()
	for i := range c.NumField() {
		tag := c.Type().Field(i).Tag.Get("yaml")
		fields[tag] = c.Field(i)
		known = append(known, tag)
	}
	for _, e := range l.YAML.Mapping(n, "receiver "+name) {
		if field, ok := fields[e.Key]; ok {
			l.common(r, e, field)
			common = append(common, e)
			continue
		}
		ch, isAlias, ok := kindByName(e.Key)
		switch {
		case !ok && r.Config != nil && isNull(yamlnode.At(n, r.Channel.Name)) && hasSetting(r.Config, e.Key):
			l.Errorf(e.KeyNode, "%s is a setting of %s, and stands beside it: indent it below", e.Key, r.Channel.Name)
			continue
		case !ok && isPreset(e.Key):
			l.Errorf(e.KeyNode, "%s is a preset of the webhook: write webhook: {preset: %[1]s, …} (ossec-notify presets %[1]s says what it takes)", e.Key)
			continue
		case !ok && otherKinds[e.Key] != "":
			l.Errorf(e.KeyNode, "unknown key %q in receiver %s: the channel is called %s", e.Key, name, otherKinds[e.Key])
			continue
		case !ok:
			l.Unknown(e.KeyNode, "receiver "+name, known)
			continue
		case r.Config != nil:
			l.Errorf(e.KeyNode, "receiver %q has two channels, %s and %s; make two receivers", name, r.Channel.Name, ch.Name)
			continue
		}
		r.Channel, r.Config, alias = ch, ch.Config(), isAlias
		before := len(l.Problems)
		l.Value(e, reflect.ValueOf(r.Config.Settings()).Elem())
		settings.ResolveFiles(r.Config.Settings(), l.dir())
		r.mistaken = len(l.Problems) > before
		l.validate(r, r.mistaken)
	}
	if r.Config == nil && len(l.Problems) > mistakes {
		return nil, false
	}
	if r.Config == nil {
		l.Errorf(n, "receiver %q has no channel: give one of %s", name, strings.Join(kindNames(), ", "))
		return nil, false
	}
	if alias {
		for _, e := range common {
			l.Errorf(e.KeyNode, "%s has no effect beside %s, which sends nothing itself: give it to the receivers that it stands for", e.Key, r.Channel.Name)
		}
	}
	return r, alias
}

// maxConcurrency bounds the connections to one receiver, and what a kill may repeat.
const maxConcurrency = 100

// common reads a setting that every receiver takes.
func (l *loader) common(r *Receiver, e yamlnode.Entry, field reflect.Value) {
	before := len(l.Problems)
	if e.Key == "throttle" { // as on a route
		throttle, problems := rules.ParseThrottle(e.Value, e.Key)
		l.Add(problems)
		r.common.Throttle = throttle
		return
	}
	l.Value(e, field)
	if e.Key != "concurrency" || len(l.Problems) > before {
		return
	}
	switch n := r.common.Concurrency; {
	case n < 1:
		l.Errorf(e.Value, "concurrency is %d: at least 1 delivery must be under way at a time", n)
	case n > maxConcurrency:
		l.Errorf(e.Value, "concurrency is %d: at most %d deliveries can be under way at a time", n, maxConcurrency)
	}
}

// validate puts what the channel says of its config at the line of the setting. Where the config has mistakes
// already, it is not asked about settings that are not there: they may be what was misspelt.
func (l *loader) validate(r *Receiver, mistaken bool) {
	for _, err := range notifier.Split(r.Config.Validate()) {
		at := r.at()
		if field := (*notifier.FieldError)(nil); errors.As(err, &field) {
			at = r.at(strings.Split(field.Key, ".")...)
			key := field.Key
			if strings.ContainsFunc(key, unicode.IsControl) {
				key = strconv.Quote(key)
			}
			err = fmt.Errorf("%s: %s", key, field.Message)
		}
		said := slices.ContainsFunc(l.Problems, func(p rules.Problem) bool {
			return p.File == l.File && p.Line == at.Line && p.Column == at.Column
		})
		if !mistaken || (at != r.at() && !said) {
			l.Errorf(at, "%s", err)
		}
	}
}

// fallbacks checks what receivers say of each other.
func (l *loader) fallbacks() {
	receivers := map[string]*Receiver{}
	for _, r := range l.cfg.Receivers {
		receivers[r.Name] = r
	}
	report := func(r *Receiver, format string, args ...any) {
		l.File = r.File
		l.Errorf(yamlnode.At(r.node, "fallback"), format, args...)
	}
	checked := map[string]bool{}
	var follow func(name string, way []string)
	follow = func(name string, way []string) {
		r := receivers[name]
		if i := slices.Index(way, name); i >= 0 {
			report(r, "fallback goes in a circle: %s", strings.Join(append(slices.Clone(way[i:]), name), ", "))
			return
		}
		if r == nil || checked[name] {
			return
		}
		for _, f := range r.common.Fallback {
			if _, known := l.names[f]; known {
				follow(f, append(way, name))
				continue
			}
			report(r, "fallback: %q is no receiver: %s", f, nearestReceiver(f, l.names))
		}
		checked[name] = true
	}
	for _, r := range l.cfg.Receivers {
		follow(r.Name, nil)
	}
}
