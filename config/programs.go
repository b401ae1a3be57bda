package config

import (
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// programs checks what receivers that run programs say of others, and of their time.
func (l *loader) programs() {
	receivers := map[string]*Receiver{}
	for _, r := range l.cfg.Receivers {
		receivers[r.Name] = r
	}
	for _, r := range l.cfg.Receivers {
		c := r.Config.Program()
		if c == nil {
			continue
		}
		l.File = r.File
		if own := time.Duration(r.common.Timeout); own > 0 && own < c.Attempt() {
			l.Errorf(yamlnode.At(r.node, "timeout"), "timeout: %s is too short for an attempt, which takes %s at most: as long as the program may run, and what ending it takes. Leave it out: command: {timeout: …} is the program's", own, c.Attempt())
		}
		for _, name := range c.Report {
			l.report(r, receivers, name)
		}
	}
	l.File = l.cfg.Path
}

// report checks a receiver that is to be told how a program ended.
func (l *loader) report(r *Receiver, receivers map[string]*Receiver, name string) {
	at := r.at("report")
	to := receivers[name]
	switch _, known := l.names[name]; {
	case !known:
		l.Errorf(at, "report: %q is no receiver: %s", name, nearestReceiver(name, receivers))
	case to == nil: // it stands for others, or has a mistake of its own
		if slices.ContainsFunc(l.cfg.Aliases, func(a *Receiver) bool { return a.Name == name }) {
			l.Errorf(at, "report: %q stands for others: name the receivers themselves", name)
		}
	case to.Config.Program() != nil:
		l.Errorf(at, "report: %q runs a program itself, which would go on without end: name who is told", name)
	}
}

// singly are the receivers that run a program for one alert, and not for a message about many.
func singly(cfg *Config) map[string]bool {
	out := map[string]bool{}
	for _, r := range cfg.Receivers {
		if c := r.Config.Program(); c != nil && !slices.Contains(c.Actions, string(notifier.Digest)) {
			out[r.Name] = true
		}
	}
	return out
}
