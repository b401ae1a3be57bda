// Package config owns the config that an operator writes: reading it with its includes, presets and templates from the disk or from
// texts that were kept, every mistake in it with its place, and the receivers and routes that are made of it. A config that
// loaded is valid: every name in it exists and every setting is one that its channel takes.
//
// Which channels there are is package channel's, and how YAML is decoded package settings'. It keeps nothing, watches no file and
// prints nothing.
package config

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/window"
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
