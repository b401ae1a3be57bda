package lokitest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/lokireceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/loki"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// collector is a receiver that listens, and what came out of it.
type collector struct {
	url string
	consumertest.LogsSink
}

// start starts a receiver on a free port of loopback.
func start(t *testing.T) *collector {
	t.Helper()
	var err error
	for range 10 { // somebody else may take the port that was free
		c := &collector{}
		factory := lokireceiver.NewFactory()
		cfg := factory.CreateDefaultConfig().(*lokireceiver.Config)
		cfg.GRPC, cfg.KeepTimestamp = nil, true
		cfg.HTTP = &confighttp.ServerConfig{Endpoint: notifiertest.FreeAddress(t)}
		var r component.Component
		if r, err = factory.CreateLogs(t.Context(), receivertest.NewNopSettings(), cfg, &c.LogsSink); err != nil {
			t.Fatal(err)
		}
		if err = r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
			continue
		}
		c.url = "http://" + cfg.HTTP.Endpoint
		t.Cleanup(func() {
			if err := r.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return c
	}
	t.Fatal(err)
	return nil
}

func (c *collector) notifier(t *testing.T, cfg loki.Config) *loki.Notifier {
	t.Helper()
	cfg.URL = []string{c.url}
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	n, err := loki.New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// records are the lines that came out.
func (c *collector) records() []plog.LogRecord {
	var all []plog.LogRecord
	for _, logs := range c.AllLogs() {
		for i := range logs.ResourceLogs().Len() {
			scopes := logs.ResourceLogs().At(i).ScopeLogs()
			for j := range scopes.Len() {
				for k := range scopes.At(j).LogRecords().Len() {
					all = append(all, scopes.At(j).LogRecords().At(k))
				}
			}
		}
	}
	return all
}

// rendered is the notification of an alert by the default templates.
func rendered(t *testing.T, raw []byte, delivery string) notifier.Notification {
	t.Helper()
	a := alert.Parse(raw, alert.Options{Location: time.UTC})
	parts, err := templates.Default().Parts(templates.NewData(a, alert.DefaultScale, templates.Context{Channel: "loki", Receiver: "logs", Delivery: delivery}))
	if err != nil {
		t.Fatal(err)
	}
	n := notifier.Notification{Action: notifier.Trigger, Delivery: delivery, Receiver: "logs", Time: a.Time, Parts: parts}
	if n.Time.IsZero() {
		n.Time = time.Unix(1795440502, 412)
	}
	return n
}

// TestCorpusArrives pushes every alert that there is, many in a request, and finds each as one line with its labels and its time.
func TestCorpusArrives(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/alerts/*/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no alerts")
	}
	for name, cfg := range map[string]loki.Config{"json": {}, "logfmt, gzip": {Format: "logfmt", Gzip: true, Tenant: "soc"}, "alone": {Batch: notifier.Batching{Size: 1}}} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			n := c.notifier(t, cfg)
			want := map[string]notifier.Notification{}
			var callers sync.WaitGroup
			for i, file := range files {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				x := rendered(t, raw, fmt.Sprint("d", i))
				x.Parts["line.json"] = display.Words(fmt.Sprintf(`{"n":"%d",%s`, i, strings.TrimPrefix(x.Parts["line.json"].Raw(), "{")))
				want[fmt.Sprint(i)] = x
				callers.Go(func() {
					if _, err := n.Notify(t.Context(), x); err != nil {
						t.Errorf("%s: %v", file, err)
					}
				})
			}
			callers.Wait()
			records := c.records()
			if len(records) != len(files) {
				t.Errorf("%d lines came out of %d alerts", len(records), len(files))
			}
			if len(c.AllLogs()) == len(files) && name != "alone" {
				t.Errorf("%d requests for %d alerts: nothing was sent together", len(c.AllLogs()), len(files))
			}
			for _, r := range records {
				line := r.Body().AsString()
				var e struct{ N string }
				if cfg.Format == "logfmt" {
					e.N, _, _ = strings.Cut(strings.TrimPrefix(line, "n="), " ")
				} else if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Errorf("%v: %s", err, line)
				}
				x, ok := want[e.N]
				delete(want, e.N)
				if !ok || !r.Timestamp().AsTime().Equal(x.Time) {
					t.Errorf("%q at %s, want %s", e.N, r.Timestamp().AsTime(), x.Time)
				}
				if cfg.Format != "logfmt" && line != x.Parts["line.json"].Raw() {
					t.Errorf("got the line %s, want %s", line, x.Parts["line.json"].Raw())
				}
				var labels map[string]string
				if err := json.Unmarshal([]byte(x.Parts["labels.json"].Raw()), &labels); err != nil {
					t.Error(err)
				}
				if r.Attributes().Len() != len(labels) {
					t.Errorf("labels %v, want %v", r.Attributes().AsRaw(), labels)
				}
				for name, value := range labels {
					if got, _ := r.Attributes().Get(name); got.AsString() != value {
						t.Errorf("label %s is %q, want %q", name, got.AsString(), value)
					}
				}
			}
		})
	}
}

// TestPayloadsStayValues puts every text that tries to be more into a label, the line and its metadata; what comes out is that text
// and no other label or line.
func TestPayloadsStayValues(t *testing.T) {
	c := start(t)
	n := c.notifier(t, loki.Config{Labels: map[string]string{"job": "ossec", "by": "{{ .User }}"}})
	for _, p := range injection.All() {
		c.Reset()
		text, err := json.Marshal(map[string]string{"log": p.Text})
		if err != nil {
			t.Fatal(err)
		}
		x := notifier.Notification{Action: notifier.Trigger, Delivery: "d1", Time: time.Unix(1795440502, 0), Parts: map[string]display.Text{
			"line.json": display.Words(string(text)), "label_by": display.Quote(p.Text), "metadata.json": display.Words(string(text)),
		}}
		if _, err := n.Notify(t.Context(), x); err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		records := c.records()
		if len(records) != 1 {
			t.Errorf("%s: %d lines", p.Name, len(records))
			continue
		}
		var line, want map[string]string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(records[0].Body().AsString()), &line); err != nil || len(line) != 1 || !p.Large && line["log"] != want["log"] {
			t.Errorf("%s: got %.200s, %v", p.Name, records[0].Body().AsString(), err)
		}
		for name := range records[0].Attributes().AsRaw() {
			if name != "job" && name != "by" {
				t.Errorf("%s: a label %q", p.Name, name)
			}
		}
	}
}

func TestProbeIsTakenAndTheNextServerTakesOver(t *testing.T) {
	c := start(t)
	if err := c.notifier(t, loki.Config{Gzip: true}).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if len(c.records()) != 0 {
		t.Error("the probe stored something")
	}
	n, err := loki.New(loki.Config{URL: []string{"http://" + notifiertest.FreeAddress(t), c.url}}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	x := notifier.Notification{Action: notifier.Trigger, Time: time.Now(), Parts: map[string]display.Text{"line.json": display.Words(`{"a":"b"}`)}}
	if _, err := n.Notify(t.Context(), x); err != nil || len(c.records()) != 1 {
		t.Errorf("%d lines, %v", len(c.records()), err)
	}
}
