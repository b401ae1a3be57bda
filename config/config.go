// Package config owns the config that an operator writes: reading it with its includes, presets and templates from the disk or from
// texts that were kept, every mistake in it with its place, and the receivers and routes that are made of it. A config that
// loaded is valid: every name in it exists and every setting is one that its channel takes.
//
// Which channels there are is package channel's, and how YAML is decoded package settings'. It keeps nothing, watches no file and
// prints nothing.
package config

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/listen"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Config is a config that loaded: every name in it exists and every setting is valid.
type Config struct {
	Path      string
	Scale     alert.Scale
	Receivers []*Receiver
	// Aliases are those that send nothing, but stand for others.
	Aliases []*Receiver
	Table   rules.Table
	// Zone is the time zone of windows, and of alerts that name none.
	Zone *time.Location
	// Links are the addresses of messages' links, by their names. Each is a template.
	Links map[string]string
	// TemplatesDir is where templates and presets of the operator's lie. It need not exist.
	TemplatesDir string
	// Templates are those of receivers that name none.
	Templates *templates.Set
	// StrictExit asks that a call whose alert is lost fails.
	StrictExit bool
	// Follow are the files of alerts that serve follows: paths, and if they are relative, then to the home.
	Follow []string
	HTTP   HTTP
	// Egress says where connections may lead; nil is anywhere.
	Egress *notifier.Egress
	// Enrich adds to alerts what is known of them; nil where the config asks for nothing.
	Enrich *enrich.Enricher

	enrichNode  *yaml.Node // its settings, for places
	windows     map[string]*window.Window
	windowNodes map[string]*yaml.Node // their keys, for places
}

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

// TemplateFiles are the files that the receiver names for its messages, first the one that counts.
func (r *Receiver) TemplateFiles() []string {
	return slices.DeleteFunc([]string{r.Config.BodyTemplate(), r.common.Template}, func(name string) bool { return name == "" })
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

// HTTP says where serve answers, and to whom. In the config it may be the address alone.
type HTTP struct {
	// Listen is host:port; "" for nowhere.
	Listen string `yaml:"listen"`
	// Hosts are further names that it is asked by.
	Hosts []string `yaml:"hosts"`
	// Token is asked for what tells more than whether it runs; none is demanded where it is not set.
	Token notifier.Secret `yaml:"token"`
	// URL is where people reach it: below it lie the links by which they take an alert. Without it there are none.
	URL string `yaml:"url"`
}

// Names are the further names that it answers to.
func (c HTTP) Names() []string {
	if u, err := notifier.ParseURL(c.URL); err == nil {
		return append(slices.Clip(c.Hosts), u.Hostname())
	}
	return c.Hosts
}

// Short is what a single value stands for.
func (c *HTTP) Short() any { return &c.Listen }

// faults are mistakes; doubts are what is allowed, and perhaps not meant.
func (c HTTP) faults() (fault, doubt string) {
	host, port, err := net.SplitHostPort(c.Listen)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 {
		return fmt.Sprintf("%q is no address to listen at: write host:port, such as 127.0.0.1:9720", c.Listen), ""
	}
	if c.URL != "" {
		if u, err := notifier.ParseURL(c.URL); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "url is no address such as https://notify.example.com", ""
		}
	}
	if !listen.Loopback(host) && c.Token.IsZero() {
		doubt = fmt.Sprintf("others than this host can reach %s and read the metrics: listen at 127.0.0.1, or demand a token: http: {listen: %q, token: {file: PATH}}", c.Listen, c.Listen)
	}
	return "", doubt
}

// mainSettings are the keys of the main file that are plain values.
type mainSettings struct {
	Severity     alert.Scale       `yaml:"severity"`
	Include      []string          `yaml:"include"`
	TimeZone     string            `yaml:"time_zone"`
	Links        map[string]string `yaml:"links"`
	Follow       []string          `yaml:"follow"`
	HTTP         HTTP              `yaml:"http"`
	TemplatesDir string            `yaml:"templates_dir"`
	StrictExit   bool              `yaml:"strict_exit"`
	Egress       *egress           `yaml:"egress"`
	Enrich       *enrich.Config    `yaml:"enrich"`
}

// egress is a [notifier.Egress] in the config.
type egress struct {
	Allow []notifier.EgressEntry `yaml:"allow"`
}

// All are the receivers and the aliases: whatever has settings.
func (c *Config) All() []*Receiver { return slices.Concat(c.Receivers, c.Aliases) }

// Unused are the receivers that neither a route nor another receiver names.
func (c *Config) Unused() []*Receiver {
	used := c.Table.Receivers()
	for _, r := range c.Receivers {
		for _, name := range slices.Concat(r.common.Fallback, r.Config.Reports()) {
			used[name] = true
		}
	}
	for _, r := range c.Aliases {
		for _, name := range r.StandsFor() {
			used[name] = true
		}
	}
	return slices.DeleteFunc(c.All(), func(r *Receiver) bool { return used[r.Name] })
}
