package command

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/program"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Config is a program that is run for alerts.
type Config struct {
	// Run is the absolute path of the program and its arguments. They are the same for every alert.
	Run []string `yaml:"run"`
	// Timeout is how long it may run; 30 s without it.
	Timeout yamlnode.Duration `yaml:"timeout"`
	// RetryTimeout: what took too long is run again, as after status 75. Without it nobody knows how far it came, and it is not.
	RetryTimeout bool `yaml:"retry_timeout"`
	// Env are further variables. They are the same for every alert.
	Env map[string]notifier.Secret `yaml:"env"`
	// Output is how much is kept of what it prints; 64 KiB without it.
	Output yamlnode.Size `yaml:"output"`
	// User is who it runs as, by name or number; who delivers, without it.
	User string `yaml:"user"`
	// Directory is where it runs; / without it.
	Directory string `yaml:"directory"`
	// Actions are what it is run for beside new alerts; nothing without it.
	Actions []string `yaml:"actions"`
	// Report are the receivers that are told how it ended.
	Report []string `yaml:"report"`
}

// Limits and defaults.
const (
	defaultTimeout = 30 * time.Second
	maxTimeout     = time.Hour
	defaultOutput  = 64 << 10
	maxOutput      = 1 << 20
	// grace is how long a program has to end by itself once it was told to.
	grace = 5 * time.Second
	// slack is what an attempt takes beside: the program's start, and the end of its output.
	slack = 5 * time.Second
)

// Attempt is how long an attempt may take: the program's timeout, and what it takes to end it.
func (c Config) Attempt() time.Duration { return c.timeout() + grace + slack }

func (c Config) timeout() time.Duration {
	if c.Timeout == 0 {
		return defaultTimeout
	}
	return time.Duration(c.Timeout)
}

// Reports are the receivers that are told how the program ended.
func (c Config) Reports() []string { return c.Report }

// OpenSecrets are the settings that could hold secrets, and hold none: TEAM: soc.
func (c Config) OpenSecrets() []notifier.Secret {
	var open []notifier.Secret
	for name, value := range c.Env {
		if value.IsPlain() && !notifier.NamesSecret(name) {
			open = append(open, value)
		}
	}
	return open
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate reports every mistake in the settings, as FieldErrors. It does not look at the host: a config is also checked on others.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case len(c.Run) == 0:
		bad("run", "is missing: the program and its arguments, such as [/usr/local/bin/block-ip, --permanent]")
	case !filepath.IsAbs(c.Run[0]):
		bad("run", "the program must be an absolute path, such as /usr/local/bin/block-ip: PATH and the working directory are not the same for all who deliver")
	}
	for _, arg := range c.Run {
		switch {
		case strings.Contains(arg, "{{"):
			bad("run", "arguments are no templates: text of an alert never becomes one. The program finds the alert on its standard input, and what is safe of it in OSSEC_NOTIFY_SRCIP and others")
		case strings.ContainsRune(arg, 0):
			bad("run", "an argument cannot hold a NUL")
		}
	}
	if c.timeout() > maxTimeout {
		bad("timeout", "is longer than %s: let the program start what takes longer, and end", maxTimeout)
	}
	if c.Output < 0 || c.Output > maxOutput {
		bad("output", "is %s: write a size up to %s", c.Output, yamlnode.Size(maxOutput))
	}
	for name, value := range c.Env {
		switch v, _ := value.Plain(); {
		case !envName.MatchString(name):
			bad("env", "holds what is no name of a variable: use letters, digits and _") // NAME=VALUE may be a secret
		case strings.HasPrefix(name, prefix):
			bad("env."+name, "names that begin with %s are for what the alert says", prefix)
		case strings.ContainsRune(v, 0):
			bad("env."+name, "cannot hold a NUL")
		}
	}
	if c.Directory != "" && !filepath.IsAbs(c.Directory) {
		bad("directory", "must be an absolute path")
	}
	for _, a := range c.Actions {
		if !slices.Contains(actions, notifier.Action(a)) {
			bad("actions", "%q is none of trigger, acknowledge, resolve, digest", a)
		}
	}
	if len(c.Actions) > 0 && !slices.Contains(c.Actions, string(notifier.Trigger)) {
		bad("actions", "must hold trigger: a program hears that something is over only where it heard that it began. $OSSEC_NOTIFY_ACTION tells it which of them it is")
	}
	return errors.Join(errs...)
}

// actions are what a program can be run for.
var actions = []notifier.Action{notifier.Trigger, notifier.Acknowledge, notifier.Resolve, notifier.Digest}

// runsFor reports whether the program is run for an action.
func (c Config) runsFor(a notifier.Action) bool {
	return a == notifier.Trigger || slices.Contains(c.Actions, string(a)) && slices.Contains(actions, a)
}

// Doubts are what is allowed, and perhaps not meant.
func (c Config) Doubts() []*notifier.FieldError {
	shells := []string{"sh", "bash", "dash", "zsh", "ksh", "ash"}
	if len(c.Run) > 2 && slices.Contains(shells, filepath.Base(c.Run[0])) && strings.HasPrefix(c.Run[1], "-") && strings.HasSuffix(c.Run[1], "c") {
		return []*notifier.FieldError{{Key: "run", Message: "a shell reads this line, and with it what the line takes from the alert: write a script, and name that"}}
	}
	return nil
}

// Account is the user of the program; nil where that is who delivers.
func (c Config) Account() (*program.User, error) {
	if c.User == "" {
		return nil, nil
	}
	u, err := program.LookupUser(c.User)
	if err != nil {
		return nil, &notifier.FieldError{Key: "user", Message: err.Error()}
	}
	return u, nil
}
