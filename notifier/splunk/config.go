package splunk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// The collector's two endpoints for data, which are added to a URL that has no path.
const (
	eventPath = "/services/collector/event"
	rawPath   = "/services/collector/raw"
)

// What the setting endpoint may say.
const (
	endpointEvent = "event"
	endpointRaw   = "raw"
)

// Bounds of the settings, and what they are where a config does not say.
const (
	maxFields = 32
	// A request of this size is far below what a collector takes (1 MB in old versions, 800 MB in new ones:
	// max_content_length in limits.conf), and so many events of a usual alert fit into it.
	batchSize  = 50
	batchBytes = 512 << 10
)

// Config are the settings of one receiver.
type Config struct {
	// URLs are the collectors, such as https://splunk:8088, in YAML one text or a list: the first that works is used.
	// Without a path each gets the endpoint's.
	URLs []string `yaml:"url"`
	// Token is the HEC token.
	Token notifier.Secret `yaml:"token"`
	// Endpoint is event, where each event stands in an envelope, or raw, where it is a line of text. Without it, a URL that
	// ends in /raw says so.
	Endpoint string `yaml:"endpoint"`
	// Index is where the events go, as text or template; without it, the token's default index.
	Index string `yaml:"index"`
	// Source, SourceType and Host take the place of what the channel's template says of the alert. They are texts or templates.
	Source     string `yaml:"source"`
	SourceType string `yaml:"sourcetype"`
	Host       string `yaml:"host"`
	// Fields are further indexed fields: a text or template for each name.
	Fields map[string]string `yaml:"fields"`
	// Batch says how many events one request holds.
	Batch notifier.Batching `yaml:"batch"`
	// Channel is the GUID by which a collector with acknowledgement tells senders apart; without it, one is made of
	// the host, the URL and the index.
	Channel string `yaml:"channel"`
	// Gzip compresses what is sent.
	Gzip    bool             `yaml:"gzip"`
	Network notifier.Network `yaml:"network"`
}

var (
	guid      = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(_ context.Context) map[string]string {
	return notifier.ServerDestinations("url", c.URLs)
}

// Parallel is how many deliveries are under way where the receiver does not say: while the events of one request wait for
// their answer, and for their acknowledgement, those of the next one come together.
func (c Config) Parallel() int {
	if size := c.batching().Size; size > 1 {
		return min(2*size, notifier.MaxBatch)
	}
	return 0
}

// Unbatched makes it send each event by itself.
func (c *Config) Unbatched() { c.Batch = notifier.Batching{Size: 1} }

// batching are the settings of requests with the defaults put in.
func (c Config) batching() notifier.Batching { return c.Batch.Or(batchSize, batchBytes) }

// templated are the settings that may be templates, by the part that each becomes.
func (c Config) templated() map[string]string {
	all := map[string]string{"index": c.Index, "source": c.Source, "sourcetype": c.SourceType, "host": c.Host}
	for name, text := range c.Fields {
		all[fieldPart(name)] = text
	}
	return all
}

// fieldPart is the part that makes an indexed field.
func fieldPart(name string) string { return "field_" + name }

// TemplateSettings are the settings that are templates, by the part that each becomes.
func (c Config) TemplateSettings() map[string]string {
	return notifier.OnlyTemplates(c.templated())
}

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the
// config holds them itself; else Notify does.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	c.validateURLs(bad)
	if c.Token.IsZero() {
		bad("token", "is missing: the token of the HTTP Event Collector")
	}
	if v, ok := c.Token.Plain(); ok {
		if err := notifier.HeaderValue(v); err != nil {
			bad("token", "%v", err)
		}
	}
	switch c.Endpoint {
	case "", endpointEvent, endpointRaw:
	default:
		bad("endpoint", "is %q: write event or raw", c.Endpoint)
	}
	if c.Index != "" && !notifier.IsTemplate(c.Index) && !isIndex(c.Index) {
		bad("index", "is no name of an index: those are of small letters, digits, _ and -")
	}
	if text := always(c.Index); notifier.IsTemplate(c.Index) && text != "" && !isIndex("a"+text) {
		bad("index", "%q holds %q whatever the alert is, so it makes no name of an index: those are of small letters, digits, _ and -", c.Index, text)
	}
	c.validateFields(bad)
	if c.Channel != "" && !guid.MatchString(c.Channel) {
		bad("channel", "is no GUID: write one such as 8f7e2c1a-0b9d-4c3e-a1f0-5d6b7a8c9e0f")
	}
	return errors.Join(append(errs, c.Batch.Validate("batch."), c.Network.Validate())...)
}

func (c Config) validateURLs(bad func(key, format string, args ...any)) {
	if len(c.URLs) == 0 {
		bad("url", "is missing: the address of the HTTP Event Collector, such as https://splunk:8088")
	}
	if len(c.URLs) > notifier.MaxServers {
		bad("url", "names %d collectors: at most %d are tried", len(c.URLs), notifier.MaxServers)
	}
	seen := map[string]bool{}
	for i, text := range c.URLs {
		of := func(err string) string {
			if len(c.URLs) == 1 {
				return err
			}
			return fmt.Sprintf("no. %d %s", i+1, err)
		}
		u, err := c.endpoint(text)
		switch {
		case err != nil && text == "":
			bad("url", "%s", of("is empty: write the address of the HTTP Event Collector, such as https://splunk:8088"))
		case err != nil:
			bad("url", "%s", of(err.Error()))
		case c.raw() != (c.named(u.String()) == endpointRaw) && c.named(u.String()) != "":
			bad("url", "%s", of("names another endpoint than the rest of the config: leave its path away"))
		case seen[u.String()]:
			bad("url", "%s", of("stands there twice"))
		default:
			seen[u.String()] = true
		}
	}
}

func (c Config) validateFields(bad func(key, format string, args ...any)) {
	if len(c.Fields) > 0 && c.raw() {
		bad("fields", "need the endpoint event: what is sent to the raw one has no indexed fields")
	}
	if len(c.Fields) > maxFields {
		bad("fields", "are %d: at most %d; what is not counted by belongs into the event", len(c.Fields), maxFields)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		switch {
		case len(name) > 64 || !fieldName.MatchString(name):
			bad("fields", "%q is no name of a field: those begin with a letter and are of letters, digits and _, at most 64", name)
		case slices.Contains([]string{"time", "host", "source", "sourcetype", "index", "event", "fields"}, name):
			bad("fields."+name, "is no field of your own: Splunk has one of that name (the settings index, source, sourcetype and host set theirs)")
		}
	}
}

// always is the text that a template writes for every alert: what stands outside of its actions and their branches.
func always(text string) string {
	t := parse.New("index")
	t.Mode = parse.SkipFuncCheck
	if _, err := t.Parse(strings.TrimSpace(text), "", "", map[string]*parse.Tree{}); err != nil || t.Root == nil {
		return "" // what is wrong with it is told where it is made a template
	}
	var b strings.Builder
	for _, n := range t.Root.Nodes {
		if n, ok := n.(*parse.TextNode); ok {
			b.Write(n.Text)
		}
	}
	return b.String()
}

// isIndex reports whether an index may be called that. Splunk's own begin with an underscore.
func isIndex(name string) bool {
	return name != "" && len(name) <= 255 && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}

// endpoint is the URL that events are posted to.
func (c Config) endpoint(text string) (*url.URL, error) {
	u, err := notifier.ParseURL(text)
	if err != nil {
		return nil, errors.New("is not a URL such as https://splunk:8088")
	}
	if u.User != nil {
		return nil, errors.New("holds a user name: the collector wants a token, in the setting token")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = eventPath
		if c.raw() {
			u.Path = rawPath
		}
	}
	return u, nil
}

// raw reports whether events are sent as lines of text.
func (c Config) raw() bool {
	if c.Endpoint != "" {
		return c.Endpoint == endpointRaw
	}
	return slices.ContainsFunc(c.URLs, func(text string) bool { return c.named(text) == endpointRaw })
}

// named is the endpoint that the path of a URL names, or "".
func (c Config) named(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	switch path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/1.0"); {
	case strings.HasSuffix(path, "/services/collector/raw"):
		return endpointRaw
	case strings.HasSuffix(path, "/services/collector"), strings.HasSuffix(path, "/services/collector/event"):
		return endpointEvent
	}
	return ""
}
