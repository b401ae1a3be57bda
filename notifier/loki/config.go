package loki

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

const (
	pushPath = "/loki/api/v1/push"
	example  = "https://loki.example.com:3100"

	defaultBatch = 50
	defaultBytes = 1 << 20
)

// Limits of Loki (grafana.com "Grafana Loki configuration parameters", limits_config). An administrator may have set others.
const (
	maxLabels      = 15
	maxLabelName   = 1024      // bytes
	maxLabelValue  = 2048      // bytes
	maxLine        = 256 << 10 // bytes
	maxMetadata    = 128       // of a line
	maxMetadataAll = 64 << 10  // bytes of a line's metadata
)

// The forms of a line.
const (
	formatJSON   = "json"
	formatLogfmt = "logfmt"
)

// Config are the settings of one receiver.
type Config struct {
	// URL are the servers, the first of which is asked while it works. The push endpoint's path is added to those without it.
	URL []string `yaml:"url"`
	// Tenant is sent as X-Scope-OrgID.
	Tenant string `yaml:"tenant"`
	// BasicAuth and BearerToken fill the Authorization header; at most one of them.
	BasicAuth   *notifier.BasicAuth `yaml:"basic_auth"`
	BearerToken notifier.Secret     `yaml:"bearer_token"`
	// Labels are those of the stream, each a text or a template, in place of the default ones.
	Labels map[string]string `yaml:"labels"`
	// Format is that of a line: json, or logfmt. It is json without it.
	Format string `yaml:"format"`
	// StructuredMetadata is false for a Loki that takes none, as before version 3.
	StructuredMetadata *bool `yaml:"structured_metadata"`
	// MaxLine is the longest line, in bytes, where the server's limit is not the usual one.
	MaxLine int `yaml:"max_line"`
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

// TemplateSettings are the labels that are templates.
func (c Config) TemplateSettings() map[string]string {
	settings := map[string]string{}
	for name, text := range c.Labels {
		if notifier.IsTemplate(text) {
			settings[labelPart(name)] = text
		}
	}
	return settings
}

// labelPart is the part that makes a label. The underscore keeps a label that is called json from being JSON.
func labelPart(name string) string { return "label_" + name }

var labelName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the config
// holds them itself.
func (c Config) Validate() error {
	_, err := notifier.ParseServers("url", example, c.URL)
	errs := []error{err}
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	if err := notifier.HeaderValue(c.Tenant); err != nil {
		bad("tenant", "%v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		switch {
		case !labelName.MatchString(name) || len(name) > maxLabelName:
			bad("labels."+name, "is no name of a label: letters, digits and _ only, and no digit first")
		case strings.HasPrefix(name, "__"):
			bad("labels."+name, "begins with __, which is kept for Loki itself")
		}
	}
	if len(c.Labels) > maxLabels {
		bad("labels", "are %d: Loki takes %d; put what has many values into the template's part metadata.json", len(c.Labels), maxLabels)
	}
	if !slices.Contains([]string{"", formatJSON, formatLogfmt}, c.Format) {
		bad("format", "%q is neither json nor logfmt", c.Format)
	}
	if c.MaxLine != 0 && c.MaxLine < 1000 {
		bad("max_line", "is %d bytes: no alert is as short; leave it out for Loki's own %d", c.MaxLine, maxLine)
	}
	errs = append(errs, notifier.Authorization{Basic: c.BasicAuth, Bearer: c.BearerToken}.Validate(), c.Batch.Validate("batch."), c.Network.Validate())
	return errors.Join(errs...)
}

// endpoint is where lines are pushed to on a server.
func endpoint(server *url.URL) *url.URL {
	if strings.HasSuffix(strings.TrimRight(server.Path, "/"), "/push") { // the whole of it
		return server
	}
	return server.JoinPath(pushPath)
}
