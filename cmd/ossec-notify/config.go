package main

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
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/listen"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// config is a config that loaded: every name in it exists and every setting is valid.
type config struct {
	Path         string
	Scale        alert.Scale
	Receivers    []*receiver
	Aliases      []*receiver // those that stand for others
	Table        rules.Table
	Zone         *time.Location
	Windows      map[string]*window.Window
	Links        map[string]string
	TemplatesDir string
	StrictExit   bool
	Follow       []string
	HTTP         httpConfig
	Egress       *notifier.Egress
	Enrich       *enrich.Enricher // nil where the config asks for none
	enrichNode   *yaml.Node       // its settings, for places
	templates    *templates.Set
	windowNodes  map[string]*yaml.Node // their keys, for places
}

// receiverName: it stands in file names, in mail headers and behind "custom-".
var receiverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// receiver is one entry of the config's receivers.
type receiver struct {
	Name    string
	Channel channel
	Config  channelConfig
	common  common

	templates *templates.Set
	mistaken  bool // its channel's settings could not all be read
	file      string
	node      *yaml.Node // the receiver's mapping, for places
}

// at is the place of a setting of the receiver's channel, or of the nearest thing around it.
func (r *receiver) at(path ...string) *yaml.Node {
	return yamlnode.At(r.node, append([]string{r.Channel.name}, path...)...)
}

// common are the settings that every receiver takes beside its channel.
type common struct {
	Template      string   `yaml:"template"`
	Timeout       duration `yaml:"timeout"`
	Concurrency   int      `yaml:"concurrency"`
	Rate          rate     `yaml:"rate"`
	MaxAge        duration `yaml:"max_age"`
	Fallback      []string `yaml:"fallback"`
	FallbackAfter duration `yaml:"fallback_after"`

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
	var d duration
	err := d.UnmarshalYAML(n)
	if err != nil {
		err = fmt.Errorf("%w, or off", err)
	}
	*v = stormAfter{after: time.Duration(d)}
	return err
}

// rate is how much the receiver takes; zero is no limit.
func (r *receiver) rate() dispatch.Rate {
	return cmp.Or(dispatch.Rate(r.common.Rate), presetRate(r.Config), r.Channel.rate)
}

// stormAfter is the receiver's, zero for no storm brake. Without a rate nobody can tell how long a queue will take, and
// pages are not braked unless somebody wants it.
func (r *receiver) stormAfter() time.Duration {
	switch s := r.common.StormAfter; {
	case s.off || r.rate().IsZero():
		return 0
	case s.after == 0 && !r.Channel.pages:
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
	_, isChannel := channelByName(name)
	return isChannel || name == "notify" || strings.HasPrefix(name, "argv-")
}

// httpConfig says where serve answers, and to whom. In the config it may be the address alone.
type httpConfig struct {
	Listen string          `yaml:"listen"`
	Hosts  []string        `yaml:"hosts"` // further names that it is asked by
	Token  notifier.Secret `yaml:"token"` // for what tells more than whether it runs; none is demanded where it is not set
	// URL is where people reach it: below it lie the links by which they take an alert. Without it there are none.
	URL string `yaml:"url"`
}

// names are the further names that it answers to.
func (c httpConfig) names() []string {
	if u, err := notifier.ParseURL(c.URL); err == nil {
		return append(slices.Clip(c.Hosts), u.Hostname())
	}
	return c.Hosts
}

// short is what a single value stands for.
func (c *httpConfig) short() any { return &c.Listen }

// faults are mistakes; doubts are what is allowed, and perhaps not meant.
func (c httpConfig) faults() (fault, doubt string) {
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

// settings are the keys of a config file that are plain values.
type settings struct {
	Severity     alert.Scale       `yaml:"severity"`
	Include      []string          `yaml:"include"`
	TimeZone     string            `yaml:"time_zone"`
	Links        map[string]string `yaml:"links"`
	Follow       []string          `yaml:"follow"`
	HTTP         httpConfig        `yaml:"http"`
	TemplatesDir string            `yaml:"templates_dir"`
	StrictExit   bool              `yaml:"strict_exit"`
	Egress       *egress           `yaml:"egress"`
	Enrich       *enrich.Config    `yaml:"enrich"`
}

// egress is a [notifier.Egress] in the config.
type egress struct {
	Allow []notifier.EgressEntry `yaml:"allow"`
}
