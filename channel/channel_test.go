package channel

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// TestEveryChannelIsWhole: the example of each is a config that loads and makes a notifier.
func TestEveryChannelIsWhole(t *testing.T) {
	connect := Connect{
		Client: func(notifier.Network) (*http.Client, error) { return http.DefaultClient, nil },
		Dial:   (*notifier.Egress)(nil).Dial,
	}
	for _, k := range All() {
		if found, ok := ByName(k.Name); !ok || found.Name != k.Name {
			t.Errorf("%s is not found by its name", k.Name)
		}
		example := k.Example()
		if err := example.Validate(); err != nil {
			t.Errorf("the example of %s: %v", k.Name, err)
		}
		if n, err := example.Build(connect); err != nil || n == nil {
			t.Errorf("the example of %s makes no notifier: %v", k.Name, err)
		}
	}
	for _, k := range Aliases() {
		if _, ok := ByName(k.Name); ok {
			t.Errorf("%s is an alias, and a channel", k.Name)
		}
		if n, err := k.Config().Build(connect); err == nil {
			t.Errorf("the alias %s sends by %T", k.Name, n)
		}
	}
}

func TestExamplesAreNotShared(t *testing.T) {
	for _, k := range All() {
		k.Example().Secrets(func(_ string, s *notifier.Secret) { *s = notifier.PlainSecret("changed") })
		k.Example().Secrets(func(_ string, s *notifier.Secret) {
			if v, _ := s.Plain(); v == "changed" {
				t.Errorf("%s: two examples are one", k.Name)
			}
		})
	}
}

// TestTheTableIsNotSharedEither: what a caller does with its slice stays with it.
func TestTheTableIsNotSharedEither(t *testing.T) {
	All()[0].Name = "changed"
	if slices.Contains(Names(), "changed") {
		t.Error("the table was changed from outside")
	}
}

func TestCallsMeanChannelsAndPresets(t *testing.T) {
	for _, name := range Names() {
		if k, ok := ByCall(name); !ok || k.Name != name || k.Preset != "" || k.CalledAs() != name {
			t.Errorf("custom-%s means %s %s", name, k.Name, k.Preset)
		}
	}
	for _, name := range presets.Names() {
		if slices.Contains(Names(), name) {
			t.Errorf("%s is a channel and a preset: a call can mean only one of them", name)
			continue
		}
		k, ok := ByCall(name)
		if !ok || k.Name != "webhook" || k.Preset != name || k.CalledAs() != name {
			t.Errorf("custom-%s means %s %s", name, k.Name, k.Preset)
		}
	}
	for _, name := range []string{"notify", "oncall", "nosuch", ""} {
		if k, ok := ByCall(name); ok {
			t.Errorf("custom-%s means %s %s", name, k.Name, k.Preset)
		}
	}
}

// TestWhatOssecConfLacksIsNamed, each element by its own error, and credentials are not shown.
func TestWhatOssecConfLacksIsNamed(t *testing.T) {
	for name, want := range map[string][]string{
		"slack": {"hook_url"}, "pagerduty": {"api_key"}, "webhook": {"hook_url"}, "splunk": {"hook_url", "api_key"}, "loki": {"hook_url"}, "discord": {"hook_url"},
	} {
		k, _ := ByCall(name)
		_, err := k.FromArgv("", notifier.Secret{})
		var got []string
		for _, err := range notifier.Split(err) {
			if lacks, ok := errors.AsType[*MissingElement](err); ok {
				got = append(got, lacks.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s lacks %q, want %q (%v)", name, got, want, err)
		}
	}
}

// TestAServerOfSeveralSchemes: with a user in the URL <api_key> is the password, else a token.
func TestAServerOfSeveralSchemes(t *testing.T) {
	for _, x := range []struct{ url, key, server, user, password, token string }{
		{"https://h:9200", "k", "https://h:9200", "", "", "k"},
		{"https://u@h:9200", "k", "https://h:9200", "u", "k", ""},
		{"https://u:p@h:9200", "", "https://h:9200", "u", "p", ""},
		{"https://u:p@h:9200", "k", "https://h:9200", "u", "k", ""},
	} {
		server, basic, token := login(x.url, notifier.PlainSecret(x.key))
		user, password := "", ""
		if basic != nil {
			user = basic.Username
			password, _ = basic.Password.Plain()
		}
		if v, _ := token.Plain(); server != x.server || user != x.user || password != x.password || v != x.token {
			t.Errorf("%s with %q: %s, user %q, password %q, token %q", x.url, x.key, server, user, password, v)
		}
	}
}

// TestACopyWithOtherSecretsLeavesTheConfigAlone in maps and behind pointers, too.
func TestACopyWithOtherSecretsLeavesTheConfigAlone(t *testing.T) {
	k, _ := ByName("webhook")
	c := k.Config()
	*c.Settings().(*webhook.Config) = webhook.Config{
		URL: notifier.PlainSecret("https://example.com/a"), Headers: map[string]notifier.Secret{"X-Key": notifier.PlainSecret("b")},
		BasicAuth: &webhook.BasicAuth{Username: "u", Password: notifier.PlainSecret("c")},
	}
	values := func(c *Config) (all []string) {
		c.Secrets(func(_ string, s *notifier.Secret) {
			if v, _ := s.Plain(); v != "" {
				all = append(all, v)
			}
		})
		slices.Sort(all)
		return all
	}
	other := c.WithSecrets(func(s notifier.Secret) notifier.Secret {
		if s.IsZero() {
			return s
		}
		return notifier.PlainSecret("x")
	})
	if got, want := values(c), []string{"b", "c", "https://example.com/a"}; !slices.Equal(got, want) {
		t.Errorf("the config has %q, want %q", got, want)
	}
	if got, want := values(other), []string{"x", "x", "x"}; !slices.Equal(got, want) {
		t.Errorf("the copy has %q, want %q", got, want)
	}
	if w := other.Settings().(*webhook.Config); w.BasicAuth.Username != "u" {
		t.Errorf("the copy's user is %q", w.BasicAuth.Username)
	}
}
