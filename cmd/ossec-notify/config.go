package main

import (
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// config is a config that loaded: every name in it exists and every setting is valid.
type config struct {
	Path         string
	Scale        alert.Scale
	Receivers    []*receiver
	Table        rules.Table
	Zone         *time.Location
	Links        map[string]string
	TemplatesDir string
	StrictExit   bool
	Follow       []string
	HTTP         string
	Egress       *notifier.Egress
	templates    *templates.Set
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

// settings are the keys of a config file that are plain values.
type settings struct {
	Severity     alert.Scale       `yaml:"severity"`
	Include      []string          `yaml:"include"`
	TimeZone     string            `yaml:"time_zone"`
	Links        map[string]string `yaml:"links"`
	Follow       []string          `yaml:"follow"`
	HTTP         string            `yaml:"http"`
	TemplatesDir string            `yaml:"templates_dir"`
	StrictExit   bool              `yaml:"strict_exit"`
	Egress       *egress           `yaml:"egress"`
}

// egress is a [notifier.Egress] in the config.
type egress struct {
	Allow []notifier.EgressEntry `yaml:"allow"`
}
