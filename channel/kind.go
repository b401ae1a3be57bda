package channel

import (
	"cmp"
	"net/http"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// Kind is one kind of channel.
type Kind struct {
	// Name is what the config calls it, and the first part of its templates' names.
	Name string
	// Preset is the preset that a call means by its name, or ""; see [ByCall].
	Preset string
	// JSON: a receiver's template may be JSON.
	JSON bool
	// Markup is what the words of its messages are written in; nil for plain text.
	Markup display.Markup
	// Pages: its messages wake people, so that none is held back unless somebody says so.
	Pages bool
	// Answers: people read its messages where they can follow a link, and take an alert by it.
	Answers bool
	// Rate and Concurrency hold where a receiver sets none: what the vendor takes, and how many attempts at once.
	Rate        dispatch.Rate
	Concurrency int

	config  func() *Config
	argv    func(hookURL string, apiKey notifier.Secret) (*Config, error)
	example func() *Config
}

// Config is an empty config to read settings into.
func (k Kind) Config() *Config { return k.config() }

// FromArgv makes a config of the <hook_url> and <api_key> of ossec.conf. The error joins a *[MissingElement] for each that is not
// there, and what else is wrong; the config is not validated.
func (k Kind) FromArgv(hookURL string, apiKey notifier.Secret) (*Config, error) {
	return k.argv(hookURL, apiKey)
}

// Example is a config for previews where there is none. Aliases have no example, and nothing in ossec.conf.
func (k Kind) Example() *Config { return k.example() }

// CalledAs is the name under which it is called: NAME of custom-NAME.
func (k Kind) CalledAs() string { return cmp.Or(k.Preset, k.Name) }

// limited sets what the vendor takes.
func (k Kind) limited(r dispatch.Rate) Kind {
	k.Rate = r
	return k
}

// paging says that its messages are pages.
func (k Kind) paging() Kind {
	k.Pages = true
	return k
}

// answered says that people can answer its messages by a link.
func (k Kind) answered() Kind {
	k.Answers = true
	return k
}

// parallel sets how many attempts run at once; the order of messages is then not kept.
func (k Kind) parallel(n int) Kind {
	k.Concurrency = n
	return k
}

// writes sets the markup of its messages.
func (k Kind) writes(m display.Markup) Kind {
	k.Markup = m
	return k
}

func (k Kind) takesJSON() Kind {
	k.JSON = true
	return k
}

// validator is what every channel's Config has.
type validator interface{ Validate() error }

// networked is what the Config of a channel over HTTP has.
type networked interface {
	validator
	HTTP() notifier.Network
}

// overHTTP is a channel that makes HTTP requests.
func overHTTP[C networked, N notifier.Notifier](name string, make func(C, *http.Client) (N, error), argv func(string, notifier.Secret) (C, error), example C) Kind {
	return newKind(name, argv, example, withClient(make))
}

// withClient makes the notifier of a channel over HTTP, with a client of its own.
func withClient[C networked, N notifier.Notifier](make func(C, *http.Client) (N, error)) func(C, Connect) (notifier.Notifier, error) {
	return func(cfg C, connect Connect) (notifier.Notifier, error) {
		client, err := connect.Client(cfg.HTTP())
		if err != nil {
			return nil, err
		}
		return make(cfg, client)
	}
}

// other is a channel with a transport of its own.
func other[C validator, N notifier.Notifier](name string, make func(C, notifier.Dial) (N, error), argv func(string, notifier.Secret) (C, error), example C) Kind {
	return newKind(name, argv, example, func(cfg C, connect Connect) (notifier.Notifier, error) { return make(cfg, connect.Dial) })
}

func newKind[C validator](name string, argv func(string, notifier.Secret) (C, error), example C, build func(C, Connect) (notifier.Notifier, error)) Kind {
	return Kind{
		Name:   name,
		config: func() *Config { return configOf(new(C), build) },
		argv: func(hookURL string, apiKey notifier.Secret) (*Config, error) {
			cfg, err := argv(hookURL, apiKey)
			return configOf(&cfg, build), err
		},
		example: func() *Config {
			cfg := example
			return configOf(&cfg, build)
		},
	}
}
