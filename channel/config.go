package channel

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/command"
	"github.com/ossec-notify/ossec-notify/notifier/file"
	"github.com/ossec-notify/ossec-notify/notifier/syslog"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/settings"
)

// Config is the config of one receiver's channel, whichever it is: the channel's own settings, and what makes its notifier of
// them. What the settings may say of themselves beside is asked here too; where a channel does not say, the zero value is the
// answer.
type Config struct {
	own      any // a pointer to the channel's own Config
	validate func() error
	build    func(Connect) (notifier.Notifier, error)
	copied   func(func(notifier.Secret) notifier.Secret) *Config
}

// Connect makes the connections of one receiver.
type Connect struct {
	// Client makes the client of a channel over HTTP.
	Client func(notifier.Network) (*http.Client, error)
	// Dial connects for the others.
	Dial notifier.Dial
}

// configOf is a channel's Config as one of any.
func configOf[C validator](own *C, build func(C, Connect) (notifier.Notifier, error)) *Config {
	return &Config{
		own:      own,
		validate: func() error { return (*own).Validate() },
		build:    func(connect Connect) (notifier.Notifier, error) { return build(*own, connect) },
		copied: func(f func(notifier.Secret) notifier.Secret) *Config {
			c := settings.WithSecrets(*own, f)
			return configOf(&c, build)
		},
	}
}

// Settings is a pointer to the channel's own Config, to read settings into and to tell channels apart by.
func (c *Config) Settings() any { return c.own }

// Validate returns every mistake in the settings, joined; each is a *[notifier.FieldError].
func (c *Config) Validate() error { return c.validate() }

// Build makes the notifier, whose connections are all made by connect.
func (c *Config) Build(connect Connect) (notifier.Notifier, error) { return c.build(connect) }

// Secrets calls f with every secret among the settings, and with the key that it has.
func (c *Config) Secrets(f func(key string, s *notifier.Secret)) { settings.Secrets(c.own, f) }

// WithSecrets is a copy that shares nothing with the config, with every secret replaced by what f makes of it.
func (c *Config) WithSecrets(f func(notifier.Secret) notifier.Secret) *Config { return c.copied(f) }

// Preset is the preset that the settings name, or "".
func (c *Config) Preset() string {
	if hook, ok := c.own.(*webhook.Config); ok {
		return hook.Preset
	}
	return ""
}

// Program are the settings of a receiver that runs one; nil for any other.
func (c *Config) Program() *command.Config {
	program, _ := c.own.(*command.Config)
	return program
}

// File is a file of this host that a receiver uses, by the setting that names it.
type File struct {
	Key, Path string
	// Writes: it is written to, and need not exist.
	Writes bool
}

// Files calls f with every file that the settings name: secrets, certificates, what is written to, run or connected to.
func (c *Config) Files(f func(File)) {
	settings.Files(c.own, func(key, path string) { f(File{Key: key, Path: path}) })
	switch own := c.own.(type) {
	case *file.Config:
		f(File{Key: "path", Path: own.Path, Writes: true})
	case *syslog.Config:
		if path, ok := strings.CutPrefix(own.Address, "unix://"); ok {
			f(File{Key: "address", Path: path})
		}
	case *command.Config:
		f(File{Key: "run", Path: own.Run[0]}) // which is never empty
		if own.Directory != "" {
			f(File{Key: "directory", Path: own.Directory})
		}
	}
}

// BodyTemplate is the template file that makes the body, or "".
func (c *Config) BodyTemplate() string {
	if c, ok := c.own.(interface{ BodyTemplate() string }); ok {
		return c.BodyTemplate()
	}
	return ""
}

// TakesTemplate says why a template of the receiver's would have no effect, or nil.
func (c *Config) TakesTemplate() error {
	if c, ok := c.own.(interface{ TakesTemplate() error }); ok {
		return c.TakesTemplate()
	}
	return nil
}

// TemplateSettings are the settings that are templates, each the text of the part that has its name.
func (c *Config) TemplateSettings() map[string]string {
	if c, ok := c.own.(interface{ TemplateSettings() map[string]string }); ok {
		return c.TemplateSettings()
	}
	return nil
}

// Place is what people call the receiver: a room, a service, an address; or "".
func (c *Config) Place() string {
	if c, ok := c.own.(interface{ Place() string }); ok {
		return c.Place()
	}
	return ""
}

// Parallel is how many attempts run at once where the receiver does not say, or 0: who puts several deliveries into a
// request needs as many.
func (c *Config) Parallel() int {
	if c, ok := c.own.(interface{ Parallel() int }); ok {
		return c.Parallel()
	}
	return 0
}

// Unbatch makes the config send each delivery by itself, without waiting for others.
func (c *Config) Unbatch() {
	if c, ok := c.own.(interface{ Unbatched() }); ok {
		c.Unbatched()
	}
}

// Attempt is how long an attempt takes at most where the channel knows, or 0.
func (c *Config) Attempt() time.Duration {
	if c, ok := c.own.(interface{ Attempt() time.Duration }); ok {
		return c.Attempt()
	}
	return 0
}

// Reports are the receivers that are told how the program of this one ended.
func (c *Config) Reports() []string {
	if c, ok := c.own.(interface{ Reports() []string }); ok {
		return c.Reports()
	}
	return nil
}

// Network are the settings of the HTTP client; of a channel that has none, none.
func (c *Config) Network() notifier.Network {
	if c, ok := c.own.(networked); ok {
		return c.HTTP()
	}
	return notifier.Network{}
}

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c *Config) Destinations(ctx context.Context) map[string]string {
	if c, ok := c.own.(interface {
		Destinations(context.Context) map[string]string
	}); ok {
		return c.Destinations(ctx)
	}
	return nil
}

// API is where the channel's service can be asked what became of its incidents, if the config has the key for it.
func (c *Config) API() (token notifier.Secret, endpoint string, ok bool) {
	if c, ok := c.own.(interface {
		API() (notifier.Secret, string, bool)
	}); ok {
		return c.API()
	}
	return token, "", false
}

// SecretURLs are the secrets that are addresses.
func (c *Config) SecretURLs() []notifier.Secret {
	urls := []notifier.Secret{c.Network().Proxy}
	if c, ok := c.own.(interface{ SecretURLs() []notifier.Secret }); ok {
		urls = append(urls, c.SecretURLs()...)
	}
	return urls
}

// OpenSecrets are the settings that could hold secrets, and hold none.
func (c *Config) OpenSecrets() []notifier.Secret {
	var open []notifier.Secret
	if n := c.Network(); n.ProxyIsOpen() {
		open = append(open, n.Proxy)
	}
	if c, ok := c.own.(interface{ OpenSecrets() []notifier.Secret }); ok {
		open = append(open, c.OpenSecrets()...)
	}
	return open
}

// Renewal forgets what is kept of secrets that programs print; nil where nothing is.
func (c *Config) Renewal() func() bool {
	var kept []notifier.Secret
	c.Secrets(func(_ string, s *notifier.Secret) {
		if s.Program() != "" {
			kept = append(kept, *s)
		}
	})
	if kept == nil {
		return nil
	}
	return func() bool {
		renewed := false
		for _, s := range kept {
			renewed = s.Renew() || renewed
		}
		return renewed
	}
}
