package victoriatest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/elasticsearch"
	"github.com/ossec-notify/ossec-notify/notifier/loki"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/notifier/splunk"
	"github.com/ossec-notify/ossec-notify/notifier/syslog"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// server is VictoriaLogs on loopback.
type server struct {
	t              *testing.T
	address, relay string // for HTTP, and for syslog over TCP
}

// start runs the server until the test ends.
func start(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, address: notifiertest.FreeAddress(t), relay: notifiertest.FreeAddress(t)}
	cmd := exec.Command(notifiertest.Tool(t, "victoria-logs"), "-httpListenAddr="+s.address, "-syslog.listenAddr.tcp="+s.relay, "-storageDataPath="+t.TempDir(), "-memory.allowedBytes=256MB",
		"-retentionPeriod=100y", "-futureRetention=100y", // the alerts are of whatever day
		"-loki.disableMessageParsing", "-splunk.msgField=none", "-loggerLevel=WARN") // a line stays a line, a field has its name
	notifiertest.Serve(t, cmd, "http://"+s.address+"/health")
	return s
}

// row is what is stored, by the names of its fields.
type row map[string]string

// ask is a question of the server's own API.
func (s *server) ask(path string, query url.Values) []byte {
	s.t.Helper()
	resp, err := http.PostForm("http://"+s.address+path, query)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s: %s (%v)", path, resp.Status, body, err)
	}
	return body
}

// rows are those that are stored, without what the server adds.
func (s *server) rows() (all []row) {
	s.t.Helper()
	s.ask("/internal/force_flush", nil)
	lines := bufio.NewScanner(bytes.NewReader(s.ask("/select/logsql/query", url.Values{"query": {"*"}})))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			s.t.Fatalf("%v: %s", err, lines.Bytes())
		}
		delete(r, "_stream")
		delete(r, "_stream_id")
		all = append(all, r)
	}
	return all
}

// sample is a notification, and the number by which what is stored of it is known.
type sample struct {
	n      int
	origin string
	notifier.Notification
}

// samples are the alerts of the corpus, and one for each payload, as the templates of a channel make them. Each of the parts is a
// JSON object that gets the sample's number.
func samples(t *testing.T, channel string, parts ...string) (all []sample) {
	t.Helper()
	add := func(origin string, raw []byte) {
		i := len(all)
		a := alert.Parse(raw, alert.Options{FileName: origin, Location: time.UTC, Received: time.UnixMilli(1795440502412)})
		delivery := fmt.Sprint("d", i)
		made, err := templates.Default().Parts(templates.NewData(a, alert.DefaultScale, templates.Context{Channel: channel, Receiver: "logs", Delivery: delivery}))
		if err != nil {
			t.Fatalf("%s: %v", origin, err)
		}
		for _, part := range parts {
			rest := strings.TrimPrefix(strings.TrimSpace(made[part].Raw()), "{")
			made[part] = display.Words(fmt.Sprintf(`{"n":"%d",%s`, i, rest))
		}
		at := a.Time
		if at.IsZero() {
			at = a.Received
		}
		all = append(all, sample{i, origin, notifier.Notification{Action: notifier.Trigger, Delivery: delivery, DedupKey: origin, Receiver: "logs", Severity: "medium", Time: at, Parts: made}})
	}
	files, err := filepath.Glob("../../../testdata/alerts/*/*")
	if err != nil || len(files) < 100 {
		t.Fatal(err, len(files), "alerts")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(filepath.Base(file), raw)
	}
	for _, p := range injection.All() {
		if p.Large {
			continue
		}
		raw, err := json.Marshal(map[string]any{
			"timestamp": "2026-11-23T13:20:17.412+0000", "id": "1795440017.1", "location": p.Text, "full_log": p.Text, "rule": map[string]any{"level": 10, "id": "100300", "description": p.Text, "groups": []string{p.Text}},
			"agent": map[string]any{"id": "001", "name": p.Text}, "manager": map[string]any{"name": p.Text}, "data": map[string]any{"srcuser": p.Text, "srcip": p.Text, "own": p.Text},
		})
		if err != nil {
			t.Fatal(err)
		}
		add("payload "+p.Name, raw)
	}
	return all
}

// deliver sends all at the same time, each of which must be taken.
func deliver(t *testing.T, n notifier.Notifier, all []sample) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var callers sync.WaitGroup
	for _, x := range all {
		callers.Go(func() {
			if r, err := n.Notify(ctx, x.Notification); err != nil || r.Warning != "" {
				t.Errorf("%s: %v %s", x.origin, err, r.Warning)
			}
		})
	}
	callers.Wait()
}

// compare finds each sample as one row, with the fields that want makes of it.
func compare(t *testing.T, all []sample, rows []row, number string, want func(x sample, got row) row) {
	t.Helper()
	byNumber := map[string]row{}
	for _, r := range rows {
		if _, twice := byNumber[r[number]]; twice {
			t.Errorf("%s is stored twice", r[number])
		}
		byNumber[r[number]] = r
	}
	if len(rows) != len(all) {
		t.Errorf("%d rows of %d alerts", len(rows), len(all))
	}
	shown := 0
	for _, x := range all {
		got := byNumber[strconv.Itoa(x.n)]
		if diff := cmp.Diff(want(x, got), got, cmp.Comparer(same)); diff != "" {
			if shown++; shown > 5 {
				t.Fatal("and so on")
			}
			t.Errorf("%s is stored with other fields (-want +got):\n%s", x.origin, diff)
		}
	}
	t.Logf("%d rows", len(rows))
}

// same compares values as the server stores them: where all of a field's are numbers, as numbers.
func same(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}

// flat are the fields of an object as the server makes them: a name for each path, lists as JSON, and nothing that is empty.
func flat(t *testing.T, prefix string, object []byte, into row) row {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	for name, value := range fields {
		name = prefix + name
		var s string
		switch {
		case value[0] == '{':
			flat(t, name+".", value, into)
			continue
		case value[0] == '"':
			if err := json.Unmarshal(value, &s); err != nil {
				t.Fatal(err)
			}
		case string(value) != "null":
			s = string(value)
		}
		if s != "" {
			into[name] = s
		}
	}
	return into
}

func client(t *testing.T) *http.Client {
	t.Helper()
	c, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// Every alert that there is, many in a request, becomes one document with the fields of the Elastic Common Schema, byte for byte.
func TestBulkIsStored(t *testing.T) {
	for name, cfg := range map[string]elasticsearch.Config{"many": {}, "gzip": {Gzip: true, Index: "ossec", Pipeline: "x"}, "alone": {Batch: notifier.Batching{Size: 1}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			cfg.URL = []string{"http://" + s.address + "/insert/elasticsearch"}
			n, err := elasticsearch.New(cfg, client(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Probe(t.Context()); err != nil {
				t.Error(err)
			}
			all := samples(t, "elasticsearch", "document.json")
			deliver(t, n, all)
			rows := s.rows()
			for _, r := range rows {
				delete(r, "_time")
				delete(r, "_msg") // which says that there is none
			}
			compare(t, all, rows, "n", func(x sample, _ row) row { return flat(t, "", []byte(x.Parts["document.json"].Raw()), row{}) })
		})
	}
}

// Every alert becomes one line of Loki's, with its time, its labels and its metadata.
func TestPushIsStored(t *testing.T) {
	for name, cfg := range map[string]loki.Config{"many": {}, "gzip": {Gzip: true}, "alone": {Batch: notifier.Batching{Size: 1}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			cfg.URL = []string{"http://" + s.address + "/insert"}
			n, err := loki.New(cfg, client(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Probe(t.Context()); err != nil {
				t.Error(err)
			}
			all := samples(t, "loki", "line.json", "metadata.json")
			deliver(t, n, all)
			compare(t, all, s.rows(), "n", func(x sample, _ row) row {
				labels := strings.ReplaceAll(x.Parts["labels.json"].Raw(), "\ufffd", "?") // which Loki refuses in a label
				want := flat(t, "", []byte(labels), row{"_msg": x.Parts["line.json"].Raw(), "_time": x.Time.UTC().Format(time.RFC3339Nano)})
				return flat(t, "", []byte(x.Parts["metadata.json"].Raw()), want)
			})
		})
	}
}

// Every alert becomes one event of Splunk's, with its time and what stands beside it.
func TestEventIsStored(t *testing.T) {
	for name, cfg := range map[string]splunk.Config{"many": {}, "gzip": {Gzip: true, Index: "ossec"}, "alone": {Batch: notifier.Batching{Size: 1}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			cfg.URLs, cfg.Token = []string{"http://" + s.address}, notifier.PlainSecret("00000000-0000-4000-8000-000000000000")
			n, err := splunk.New(cfg, client(t))
			if err != nil {
				t.Fatal(err)
			}
			all := samples(t, "splunk", "event.json")
			deliver(t, n, all)
			rows := s.rows()
			for _, r := range rows {
				delete(r, "_msg") // which says that there is none
			}
			compare(t, all, rows, "event.n", func(x sample, got row) row {
				want := row{"_time": x.Time.UTC().Format(time.RFC3339Nano), "sourcetype": "ossec:alert"}
				for name, value := range map[string]string{"host": x.Parts["host"].Line().Trim().Raw(), "source": x.Parts["source"].Line().Trim().Raw(), "index": cfg.Index} {
					if value != "" {
						want[name] = strings.ToValidUTF8(value, "\ufffd")
					}
				}
				flat(t, "fields.", []byte(x.Parts["fields.json"].Raw()), want)
				flat(t, "event.", []byte(x.Parts["event.json"].Raw()), want)
				switch x.origin { // of the original, which stands in the event as it came, the server
				case "duplicate-keys.json": // keeps either of two values
					want["event.original.rule.level"] = got["event.original.rule.level"]
				case "deep-nesting.json": // makes no name longer than 128 bytes, and leaves the rest JSON
					maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(name, "event.original.data.") })
				}
				return want
			})
		})
	}
}

// syslogged delivers every alert as a syslog message, counted in octets over TCP, whose program is the sample's number, and returns
// what is stored.
func syslogged(t *testing.T, format string) ([]sample, *syslog.Notifier, []row) {
	t.Helper()
	s := start(t)
	dialer := &net.Dialer{}
	n, err := syslog.New(syslog.Config{Address: "tcp://" + s.relay, Format: format, AppName: "{{ .ID }}", Enterprise: 32473, MaxBytes: 60000}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	all := samples(t, "syslog")
	for _, x := range all {
		x.Parts["app_name"] = display.Words(strconv.Itoa(x.n))
	}
	deliver(t, n, all)
	var rows []row
	for end := time.Now().Add(30 * time.Second); len(rows) < len(all) && time.Now().Before(end); { // nothing tells when it has read them
		rows = s.rows()
	}
	return all, n, rows
}

// Every alert becomes one message, whose header, data and text are what was sent.
func TestSyslogIsStored(t *testing.T) {
	t.Parallel()
	all, n, rows := syslogged(t, "json")
	for _, r := range rows {
		delete(r, "_time")
	}
	compare(t, all, rows, "app_name", func(x sample, got row) row {
		want, text := header(t, n, x)
		want["_msg"] = text
		return shown(want, got)
	})
}

// Every alert becomes one event of CEF's, and no text of an alert is another field.
func TestCEFIsStored(t *testing.T) {
	t.Parallel()
	all, n, rows := syslogged(t, "cef")
	for _, r := range rows {
		delete(r, "_time")
		delete(r, "_msg") // which says that there is none
	}
	compare(t, all, rows, "app_name", func(x sample, got row) row {
		want, _ := header(t, n, x)
		var event struct {
			Vendor, Product, Version, ID, Name string
			Severity                           int
			Fields                             json.RawMessage
		}
		if err := json.Unmarshal([]byte(x.Parts["cef.json"].Raw()), &event); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"version": "0", "device_vendor": event.Vendor, "device_product": event.Product, "device_version": "1", "device_event_class_id": event.ID, "name": event.Name, "severity": fmt.Sprint(event.Severity)} {
			if value != "" {
				want["cef."+name] = value
			}
		}
		fields := flat(t, "cef.extension.", event.Fields, row{})
		for name, value := range fields {
			if value = strings.TrimSpace(value); value != "" {
				want[name] = value
			}
		}
		return shown(want, got)
	})
}

// shown leaves out of what is wanted how we write a value that has control characters, signs of the format, or is long: package
// syslog has tests of that. It must be there, and no other field beside it.
func shown(want, got row) row {
	for name, value := range want {
		odd := func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`\|=`, r) }
		if name != "_msg" && got[name] != "" && (len(value) > 200 || strings.ContainsFunc(value, odd)) {
			want[name] = got[name]
		}
	}
	return want
}

// header is what a message of syslog's says before its text, and the text.
func header(t *testing.T, n *syslog.Notifier, x sample) (row, string) {
	t.Helper()
	m, err := n.Compose(x.Notification)
	if err != nil {
		t.Fatal(err)
	}
	priority, rest, _ := strings.Cut(strings.TrimPrefix(string(m.Body), "<"), ">1 ")
	words := strings.SplitN(rest, " ", 6)
	number, err := strconv.Atoi(priority)
	if err != nil || len(words) != 6 || words[3] != "-" || !strings.HasPrefix(words[5], "[ossec@32473 ") {
		t.Fatalf("%s", m.Body)
	}
	severity := number % 8
	r := row{
		"format": "rfc5424", "priority": priority, "facility": "16", "facility_keyword": "local0", "severity": fmt.Sprint(severity), "hostname": words[1], "app_name": words[2], "proc_id": "-", "msg_id": words[4],
		"level": []string{"emerg", "alert", "critical", "error", "warning", "notice", "info", "debug"}[severity],
	}
	if number/8 != 16 {
		t.Errorf("facility %d", number/8)
	}
	_, text, _ := strings.Cut(words[5], `"] `) // a quote in a value has a backslash, and a bracket too
	return flat(t, "ossec@32473.", []byte(x.Parts["data.json"].Raw()), r), text
}
