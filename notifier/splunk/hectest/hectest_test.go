package hectest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/ackextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/splunkhecreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/notifier/splunk"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/templates"
)

const token = "00000000-0000-4000-8000-000000000000"

// host is the collector around the receiver: it has the ack extension, or nothing.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// collector is a receiver that listens, and what came out of it.
type collector struct {
	*testing.T
	url  string
	stop func()
	consumertest.LogsSink
}

// start starts a receiver on a free port of loopback.
func start(t *testing.T, acks bool) *collector {
	t.Helper()
	with := host{}
	var ackID *component.ID
	if acks {
		id := component.MustNewID("ack")
		factory := ackextension.NewFactory()
		e, err := factory.CreateExtension(t.Context(), extensiontest.NewNopSettings(), factory.CreateDefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		with[id], ackID = e, &id
	}
	var err error
	for range 10 { // somebody else may take the port that was free
		c := &collector{T: t}
		factory := splunkhecreceiver.NewFactory()
		cfg := factory.CreateDefaultConfig().(*splunkhecreceiver.Config)
		cfg.Endpoint, cfg.AccessTokenPassthrough, cfg.Ack.Extension = notifiertest.FreeAddress(t), true, ackID
		var r component.Component
		if r, err = factory.CreateLogs(t.Context(), receivertest.NewNopSettings(), cfg, &c.LogsSink); err != nil {
			t.Fatal(err)
		}
		if err = r.Start(t.Context(), with); err != nil {
			continue
		}
		c.url = "http://" + cfg.Endpoint
		c.stop = sync.OnceFunc(func() {
			if err := r.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(c.stop)
		return c
	}
	t.Fatal(err)
	return nil
}

// notifier makes a receiver of ours that sends to it, and to others behind it. change may change what is sent.
func (c *collector) notifier(cfg splunk.Config, change func(body string) string, others ...*collector) *splunk.Notifier {
	c.Helper()
	cfg.URLs, cfg.Token = []string{c.url}, notifier.PlainSecret(token)
	for _, o := range others {
		cfg.URLs = append(cfg.URLs, o.url)
	}
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(client.CloseIdleConnections)
	if change != nil {
		client.Transport = &changing{client.Transport, change}
	}
	n, err := splunk.New(cfg, client)
	if err != nil {
		c.Fatal(err)
	}
	return n
}

// changing changes what is sent: our own code makes nothing that the receiver refuses.
type changing struct {
	http.RoundTripper
	change func(string) string
}

func (c *changing) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	text := c.change(string(body))
	out := req.Clone(req.Context())
	out.Body, out.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return c.RoundTripper.RoundTrip(out)
}

// block is the alert of an address that OSSEC has blocked, rule 601, as the templates and the settings of a receiver make it.
func block(t *testing.T, cfg splunk.Config, delivery string) notifier.Notification {
	t.Helper()
	a, err := sample.Alert("601")
	if err != nil {
		t.Fatal(err)
	}
	set, err := templates.Default().WithSettings("splunk", cfg.TemplateSettings())
	if err != nil {
		t.Fatal(err)
	}
	parts, err := set.Parts(templates.NewData(a, alert.DefaultScale, templates.Context{Channel: "splunk"}))
	if err != nil {
		t.Fatal(err)
	}
	return notifier.Notification{Action: notifier.Trigger, Delivery: delivery, Time: time.UnixMilli(1795440502412), Parts: parts}
}

// numbered is an event that is known by its number.
func numbered(i int) notifier.Notification {
	return notifier.Notification{Action: notifier.Trigger, Delivery: fmt.Sprint(i), Time: time.UnixMilli(1795440502412), Parts: map[string]display.Text{
		"event.json":  display.Words(fmt.Sprintf(`{"n":%d,"log":"<b> \" ü \n second line"}`, i)),
		"fields.json": display.Words(fmt.Sprintf(`{"n":"%d"}`, i)),
	}}
}

// all sends the events of so many alerts at the same time, with further attempts for those that fail for now, and returns how
// often each failed.
func (c *collector) all(n *splunk.Notifier, events int) map[int][]*notifier.Error {
	c.Helper()
	failures := map[int][]*notifier.Error{}
	var mu sync.Mutex
	var callers sync.WaitGroup
	ctx, cancel := context.WithTimeout(c.Context(), 30*time.Second)
	defer cancel()
	for i := range events {
		callers.Go(func() {
			for range 5 {
				_, err := n.Notify(ctx, numbered(i))
				if err == nil {
					return
				}
				mu.Lock()
				failures[i] = append(failures[i], notifier.Classify(err))
				mu.Unlock()
				if !notifier.Retryable(err) {
					return
				}
			}
		})
	}
	callers.Wait()
	return failures
}

// numbers are those of the events that came out, sorted.
func (c *collector) numbers() (all []int) {
	for _, r := range c.records() {
		if body, ok := r.Body.(map[string]any); ok {
			all = append(all, int(body["n"].(float64)))
			continue
		}
		var line struct{ N int }
		if err := json.Unmarshal([]byte(r.Body.(string)), &line); err != nil {
			c.Errorf("%v: %v", r.Body, err)
		}
		all = append(all, line.N)
	}
	slices.Sort(all)
	return all
}

func to(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// record is an event as the receiver understood it.
type record struct {
	Index, Host, Source, SourceType, Token string
	At                                     time.Time
	Attributes                             map[string]any
	Body                                   any
}

// records are what came out, in order.
func (c *collector) records() (all []record) {
	for _, logs := range c.AllLogs() {
		for r := range slice(logs.ResourceLogs()) {
			attributes := r.Resource().Attributes().AsRaw()
			text := func(k string) string { s, _ := attributes[k].(string); return s }
			for scope := range slice(r.ScopeLogs()) {
				for l := range slice(scope.LogRecords()) {
					all = append(all, record{text("com.splunk.index"), text("host.name"), text("com.splunk.source"), text("com.splunk.sourcetype"),
						text("com.splunk.hec.access_token"), l.Timestamp().AsTime(), l.Attributes().AsRaw(), l.Body().AsRaw()})
				}
			}
		}
	}
	return all
}

// slice are the elements of one of the receiver's lists.
func slice[T any](list interface {
	Len() int
	At(int) T
}) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range list.Len() {
			if !yield(list.At(i)) {
				return
			}
		}
	}
}

// An address that was blocked arrives as an event in the index that a template chose, acknowledged, with the fields that are
// indexed beside it.
func TestBlockArrivesAsAnEvent(t *testing.T) {
	for name, gzip := range map[string]bool{"plain": false, "gzip": true} {
		t.Run(name, func(t *testing.T) {
			c := start(t, true)
			cfg := splunk.Config{
				Index: `{{ if eq .Family "active_response" }}blocks{{ else }}ossec{{ end }}`, Gzip: gzip,
				Fields: map[string]string{"site": "ams", "blocked": "{{ .Source.IP }}", "none": `{{ field "data.nothing" . }}`},
			}
			r, err := c.notifier(cfg, nil).Notify(t.Context(), block(t, cfg, "D1"))
			if err != nil || r.ID != "1" || r.Status != 200 || r.Warning != "" {
				t.Fatalf("got %+v, %v", r, err)
			}
			got := c.records()
			if len(got) != 1 {
				t.Fatalf("%d events, want 1", len(got))
			}
			body, _ := got[0].Body.(map[string]any)
			got[0].Body = nil
			want := record{Index: "blocks", Host: "gate", Source: "/var/ossec/logs/active-responses.log", SourceType: "ossec:alert", Token: token, At: time.UnixMilli(1795440502412).UTC(),
				Attributes: map[string]any{"family": "active_response", "rule_id": "601", "severity": "informational", "site": "ams", "blocked": "203.0.113.9"}}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("the envelope differs (-want +got):\n%s", diff)
			}
			for k, want := range map[string]any{"action": "blocked", "src": "203.0.113.9", "family": "active_response", "ids_type": "host", "signature_id": "601"} {
				if body[k] != want {
					t.Errorf("%s is %v, want %v", k, body[k], want)
				}
			}
			if body["original"] == nil {
				t.Error("the original is missing")
			}
		})
	}
}

func TestEachEventOfABatchArrivesOnce(t *testing.T) {
	const events = 500
	for name, tt := range map[string]struct {
		cfg  splunk.Config
		acks bool
	}{
		"events":               {splunk.Config{}, false},
		"events, acknowledged": {splunk.Config{Gzip: true}, true},
		"lines":                {splunk.Config{Endpoint: "raw"}, false},
		"lines, acknowledged":  {splunk.Config{Endpoint: "raw", Gzip: true}, true},
		"small requests":       {splunk.Config{Batch: notifier.Batching{Size: 3, Bytes: 500}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, tt.acks)
			if failures := c.all(c.notifier(tt.cfg, nil), events); len(failures) > 0 {
				t.Errorf("failures: %v", failures)
			}
			if diff := cmp.Diff(to(events), c.numbers()); diff != "" {
				t.Errorf("the events differ (-want +got):\n%s", diff)
			}
			requests := len(c.AllLogs())
			if requests >= events {
				t.Errorf("%d requests for %d events", requests, events)
			}
			t.Logf("%d events in %d requests", events, requests)
		})
	}
}

func TestLinesGoWhereTheQuerySays(t *testing.T) {
	c := start(t, true)
	cfg := splunk.Config{Endpoint: "raw", Index: "{{ .Family }}", Host: "a&b=c"}
	r, err := c.notifier(cfg, nil).Notify(t.Context(), block(t, cfg, "D1"))
	if err != nil || r.ID != "1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	got := c.records()
	if len(got) != 1 {
		t.Fatalf("%d lines, want 1", len(got))
	}
	line, _ := got[0].Body.(string)
	got[0].Body, got[0].At = nil, time.Time{} // the time stands in the line
	want := record{Index: "active_response", Host: "a&b=c", Source: "/var/ossec/logs/active-responses.log", SourceType: "ossec:alert", Token: token, Attributes: map[string]any{}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("what is said of the line differs (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(line, `{"time":"`) || !json.Valid([]byte(line)) {
		t.Errorf("line %s", line)
	}
}

// The receiver says that an event is wrong, and not which; it takes nothing of the request.
func TestWrongEventDoesNotKeepTheOthersAway(t *testing.T) {
	const events = 60
	for name, tt := range map[string]struct {
		good, bad string
		code      string
		wrong     []int
	}{
		"no event":      {`"event":{"n":%d,`, `"event":null,"x":{"n":%d,`, "12", []int{7}},
		"blank event":   {`"event":{"n":%d,`, `"event":"","x":{"n":%d,`, "13", []int{0, 7, 41, 59}},
		"not JSON":      {`"event":{"n":%d,`, `"event":{"n":%d`, "6", []int{7, 8}},
		"nested fields": {`"fields":{"n":"%d"}`, `"fields":{"n":{"a":"%d"}}`, "15", []int{7, 30}}, // of this it says which
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, true)
			n := c.notifier(splunk.Config{}, func(body string) string {
				for _, i := range tt.wrong {
					body = strings.ReplaceAll(body, fmt.Sprintf(tt.good, i), fmt.Sprintf(tt.bad, i))
				}
				return body
			})
			failures := c.all(n, events)
			for i, all := range failures {
				last := all[len(all)-1]
				if !slices.Contains(tt.wrong, i) {
					if last.Reason != notifier.Temporary || !last.Ambiguous {
						t.Errorf("event %d: %v", i, all)
					}
				} else if last.Reason != notifier.Permanent || last.Code != tt.code {
					t.Errorf("event %d: got %v, code %s, want permanent, code %s: %v", i, last.Reason, last.Code, tt.code, last)
				}
			}
			want := slices.DeleteFunc(to(events), func(i int) bool { return slices.Contains(tt.wrong, i) })
			if diff := cmp.Diff(want, c.numbers()); diff != "" {
				t.Errorf("the events differ (-want +got):\n%s", diff)
			}
			for _, i := range tt.wrong {
				if len(failures[i]) == 0 {
					t.Errorf("event %d was delivered", i)
				}
			}
		})
	}
}

func TestCollectorThatStopsIsLeft(t *testing.T) {
	first, second := start(t, true), start(t, true)
	n := first.notifier(splunk.Config{}, nil, second)
	if err := n.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if failures := first.all(n, 20); len(failures) > 0 {
		t.Errorf("failures: %v", failures)
	}
	first.stop()
	for i, all := range first.all(n, 20) { // on a connection that was open, nobody knows; the next attempt goes to the second
		if len(all) > 1 || !all[0].Ambiguous {
			t.Errorf("event %d failed: %v", i, all)
		}
	}
	if diff := cmp.Diff(to(20), first.numbers()); diff != "" {
		t.Errorf("what the first has differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(to(20), second.numbers()); diff != "" {
		t.Errorf("what the second has differs (-want +got):\n%s", diff)
	}
	if err := n.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(first.url, "http://")) {
		t.Errorf("the probe says %v", err)
	}
}

// Each request was acknowledged, and is told so once: whoever waits asks for all.
func TestAcknowledgementsAreAskedForTogether(t *testing.T) {
	const events = 300
	c := start(t, true)
	questions, requests := 0, 0
	var mu sync.Mutex
	n := c.notifier(splunk.Config{}, func(body string) string {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(body, `{"acks":`) {
			questions++
		} else {
			requests++
		}
		return body
	})
	if failures := c.all(n, events); len(failures) > 0 {
		t.Errorf("failures: %v", failures)
	}
	if questions > 2*requests+1 || questions == 0 {
		t.Errorf("%d questions for %d requests", questions, requests)
	}
	t.Logf("%d events, %d requests, %d questions", events, requests, questions)
}
