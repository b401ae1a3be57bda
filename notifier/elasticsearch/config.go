package elasticsearch

import (
	"context"
	"errors"
	"fmt"

	"github.com/ossec-notify/ossec-notify/notifier"
)

const (
	defaultIndex = "ossec-alerts"
	// A request holds what comes while the one before it is under way. Elastic's own advice is a few megabytes.
	defaultBatch = 50
	defaultBytes = 4 << 20
	example      = "https://es.example.com:9200"
)

// Config are the settings of one receiver.
type Config struct {
	// URL are the servers of one cluster, the first of which is asked while it works.
	URL []string `yaml:"url"`
	// APIKey is the key as Kibana shows it, encoded, or as id:key. At most one of APIKey, BasicAuth and BearerToken is set.
	APIKey      notifier.Secret     `yaml:"api_key"`
	BasicAuth   *notifier.BasicAuth `yaml:"basic_auth"`
	BearerToken notifier.Secret     `yaml:"bearer_token"`
	// Index is the index, alias or data stream, and Pipeline the ingest pipeline, if there is one. Both may be templates.
	Index    string `yaml:"index"`
	Pipeline string `yaml:"pipeline"`
	// Gzip compresses what is sent.
	Gzip    bool              `yaml:"gzip"`
	Batch   notifier.Batching `yaml:"batch"`
	Network notifier.Network  `yaml:"network"`
}

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(context.Context) map[string]string {
	return notifier.ServerDestinations("url", c.URL)
}

// Parallel is how many attempts run at once where the receiver does not say: as many as a request holds.
func (c Config) Parallel() int { return c.Batch.Or(defaultBatch, defaultBytes).Size }

// Unbatched makes each notification a request of its own, to the first server alone.
func (c *Config) Unbatched() {
	c.Batch = notifier.Batching{Size: 1}
	c.URL = c.URL[:min(len(c.URL), 1)]
}

// TemplateSettings are the settings that are templates.
func (c Config) TemplateSettings() map[string]string {
	return notifier.OnlyTemplates(map[string]string{"index": c.Index, "pipeline": c.Pipeline})
}

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the config
// holds them itself.
func (c Config) Validate() error {
	_, err := notifier.ParseServers("url", example, c.URL)
	errs := []error{err}
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	if !c.APIKey.IsZero() {
		if v, _ := c.APIKey.Plain(); notifier.HeaderValue(v) != nil {
			bad("api_key", "%v", notifier.HeaderValue(v))
		}
		if c.BasicAuth != nil || !c.BearerToken.IsZero() {
			bad("api_key", "is set beside basic_auth or bearer_token: a request can carry one of them")
		}
	}
	if c.Index != "" && !notifier.IsTemplate(c.Index) && c.Index != indexName(c.Index) {
		bad("index", "is no name of an index: small letters, digits and . - _ only, and a letter or digit first")
	}
	errs = append(errs, notifier.Authorization{Basic: c.BasicAuth, Bearer: c.BearerToken}.Validate(), c.Batch.Validate("batch."), c.Network.Validate())
	return errors.Join(errs...)
}
