package loki

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

const event = `{"type":"alert","severity":"medium","src":"203.0.113.9","mitre":["T1110","T1021"],"count":8,"description":"SSH brute force","log":"sshd[3]: Failed \"x\" a=b"}`

func bruteForce() notifier.Notification {
	return notifier.Notification{
		Action:   notifier.Trigger,
		Delivery: "01J9Z3",
		Alert:    "1795440502.8",
		Receiver: "logs",
		Severity: "medium",
		Time:     time.UnixMilli(1795440502412),
		Parts: map[string]display.Text{
			"line.json":     display.Words(event + "\n"),
			"labels.json":   display.Words(`{"job":"ossec","host":"web-01","level":"warning"}`),
			"metadata.json": display.Words(`{"src":"203.0.113.9","rule_id":"5712"}`),
		},
	}
}

func newNotifier(t *testing.T, cfg Config, client *http.Client) *Notifier {
	t.Helper()
	n, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func channel(cfg Config) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			cfg.URL, cfg.Batch.Size = []string{url}, 1
			return newNotifier(t, cfg, client)
		},
		Notification: bruteForce(),
		Accept:       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	}
}

func TestChannel(t *testing.T) {
	t.Run("basic", func(t *testing.T) {
		c := channel(Config{Tenant: "soc", BasicAuth: &notifier.BasicAuth{Username: "soc", Password: notifier.PlainSecret("p4ss:w0rd")}})
		c.Secrets = []string{"p4ss:w0rd", "c29jOnA0c3M6dzByZA=="}
		notifiertest.Run(t, c)
	})
	t.Run("bearer, gzip", func(t *testing.T) {
		c := channel(Config{Gzip: true, Format: "logfmt", BearerToken: notifier.PlainSecret("b34r3r-t0ken")})
		c.Secrets = []string{"b34r3r-t0ken"}
		c.Broken = map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"token of two lines": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{URL: []string{url, url + "/b"}, BearerToken: notifiertest.FileSecret(t, "b34r3r\nX-Evil: 1")}, client)
			},
		}
		notifiertest.Run(t, c)
	})
}

func TestRequestIsAPush(t *testing.T) {
	r := notifiertest.Requests(t, channel(Config{Tenant: "soc"}))[0]
	if got, want := r.Method+" "+r.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("X-Scope-OrgID"), "POST /loki/api/v1/push application/json soc"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	notifiertest.GoldenJSON(t, "push.json", r.Body)
}

func TestPathOfTheEndpoint(t *testing.T) {
	for url, want := range map[string]string{
		"https://loki.example.com": "/loki/api/v1/push", "https://x.example.com/logs/": "/logs/loki/api/v1/push",
		"https://x.example.com/loki/api/v1/push": "/loki/api/v1/push", "https://x.example.com/insert/loki/api/v1/push": "/insert/loki/api/v1/push",
	} {
		if got := newNotifier(t, Config{URL: []string{url}}, nil).endpoints[0].String(); !strings.HasSuffix(got, "example.com"+want) {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

func TestLineForms(t *testing.T) {
	for form, want := range map[string]string{
		"json":   event,
		"logfmt": `type=alert severity=medium src=203.0.113.9 mitre=T1110,T1021 count=8 description="SSH brute force" log="sshd[3]: Failed \"x\" a=b"`,
	} {
		if got, err := text([]byte(event), form, maxLine); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", form, got, err, want)
		}
	}
	const odd = `{"a b":"line\nend","n":null,"o":{"x": [1]},"e":"","t":true,"u":"b\u00fccher","h":"<&>","esc":"\u001b[31m","bad":"\\"}`
	if got, _ := text([]byte(odd), "logfmt", maxLine); got != `a_b="line\nend" o="{\"x\":[1]}" e="" t=true u=bücher h=<&> esc="\u001b[31m" bad="\\"` {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{``, `[1]`, `{"a":`, `"x"`, `{"a":1`, `{"a":1} x`, `{"a":1}{}`} {
		if _, err := text([]byte(bad), "json", maxLine); notifier.Classify(err).Reason != notifier.Permanent {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestLongLinesAreCutToFit(t *testing.T) {
	long := fmt.Sprintf(`{"id":"1","log":%q,"description":"x","original":{"a":%q}}`, strings.Repeat("é\"", 5000), strings.Repeat("x", 5000))
	for _, form := range []string{"json", "logfmt"} {
		for _, most := range []int{100, 1000, 3001, 15000, 30000} {
			line, err := text([]byte(long), form, most)
			if err != nil || len(line) > most || form == "json" && !json.Valid([]byte(line)) || !strings.Contains(line, `1`) {
				t.Errorf("%s %d: %d bytes, %v: %.100s", form, most, len(line), err, line)
			}
			if most < 15000 && (strings.Contains(line, "xxx") || !strings.Contains(line, cutMark)) {
				t.Errorf("%s %d: what goes first is not the original, or nothing says that it was cut: %s", form, most, line)
			}
		}
	}
	if line, err := text([]byte(`{"n":[`+strings.Repeat("1,", 5000)+`1],"a":"x"}`), "json", 100); err != nil || line != `{"n":null,"a":"x"}` {
		t.Errorf("got %s, %v", line, err)
	}
	if _, err := text([]byte(`{"`+strings.Repeat("k", 200)+`":1}`), "json", 100); notifier.Classify(err).Reason != notifier.Permanent {
		t.Errorf("got %v", err)
	}
}

// FuzzLine: whatever the object and the bound, a line is in bounds and still an object, or there is an error.
func FuzzLine(f *testing.F) {
	f.Add(event, 100)
	f.Add(`{"a":"é\ud800","original":null,"original":{}}`, 10)
	f.Add(`{"…":"…………………","b":"\u0000\u0000\u0000"}`, 20)
	f.Fuzz(func(t *testing.T, object string, most int) {
		most = max(most%1000, 0)
		line, err := text([]byte(object), "json", most)
		if err == nil && (len(line) > most || !json.Valid([]byte(line)) || line[0] != '{') {
			t.Errorf("%d: got %q", most, line)
		}
		if err == nil && !json.Valid([]byte(object)) {
			t.Errorf("a line was made of %q, which is no JSON", object)
		}
		if line, err := text([]byte(object), "logfmt", most); err == nil && (len(line) > most || strings.ContainsAny(line, "\n\r")) {
			t.Errorf("%d: got %q", most, line)
		}
	})
}

func TestLabelsAreThoseOfTheConfig(t *testing.T) {
	n := bruteForce()
	n.Parts["label_host"] = display.Join(display.Words("on "), display.Quote("web\n01"))
	l := newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}, Labels: map[string]string{"job": "soc", "host": "on {{ .Host }}", "none": "{{ .User }}"}}, nil)
	e, err := l.entry(n)
	if err != nil || fmt.Sprint(e.labels) != "map[host:on web⏎01 job:soc]" {
		t.Errorf("got %v, %v", e.labels, err)
	}
	n.Parts["labels.json"] = display.Words(`{}`)
	if e, err = newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}}, nil).entry(n); err != nil || fmt.Sprint(e.labels) != "map[job:ossec]" {
		t.Errorf("got %v, %v", e.labels, err)
	}
	n.Parts["labels.json"] = display.Words(fmt.Sprintf(`{"a":%q}`, strings.Repeat("é", 2000)))
	if e, err = newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}}, nil).entry(n); err != nil || len(e.labels["a"]) != maxLabelValue {
		t.Errorf("got %d bytes, %v", len(e.labels["a"]), err)
	}
	n.Parts["labels.json"] = display.Words("{\"a\":\"x\ufffd\xff\"}")
	if e, err = newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}}, nil).entry(n); err != nil || e.labels["a"] != "x??" {
		t.Errorf("got %q, %v", e.labels["a"], err)
	}
	for _, bad := range []string{`{"a-b":"x"}`, `{"a":1}`, `[1]`} {
		n.Parts["labels.json"] = display.Words(bad)
		if _, err := newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}}, nil).entry(n); notifier.Classify(err).Reason != notifier.Permanent {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// TestAnswers: what Loki's answers mean, in its own words.
func TestAnswers(t *testing.T) {
	const delivered = notifier.Reason(-1)
	for _, tt := range []struct {
		status int
		body   string
		reason notifier.Reason
		says   string
	}{
		{204, "", delivered, ""},
		{200, "\n", delivered, ""},
		{200, `{"ok":true}`, notifier.Misconfigured, "none of Loki"},
		{260, "ingestion blocked for user soc until '2026-12-01' with status code '260'", notifier.Temporary, "blocked"},
		{400, "error at least one label pair is required per stream", notifier.Permanent, "setting labels"},
		{400, "Max entry size '1000' bytes exceeded for stream '{}' while adding an entry with length '2000' bytes", notifier.Permanent, "max_line"},
		{400, "missing required labels env for user soc for stream {}", notifier.Permanent, "setting labels"},
		{401, "no org id", notifier.Misconfigured, "setting tenant"},
		{401, "", notifier.Misconfigured, "basic_auth"},
		{404, "404 page not found", notifier.Misconfigured, "path"},
		{413, "", notifier.Permanent, "413"},
		{429, "Ingestion rate limit exceeded for user soc (limit: 4194304 bytes/sec)", notifier.Temporary, "ingestion_rate_mb"},
		{429, "Maximum active stream limit exceeded when trying to create stream {}", notifier.Temporary, "combinations of labels"},
		{500, "", notifier.Temporary, "500"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		_, err := newNotifier(t, Config{URL: []string{s.URL}}, s.Client()).Notify(t.Context(), bruteForce())
		s.Close()
		switch {
		case tt.reason == delivered:
			if err != nil {
				t.Errorf("%d %s: got %v", tt.status, tt.body, err)
			}
		case err == nil || notifier.Classify(err).Reason != tt.reason || notifier.Classify(err).Status != tt.status || !strings.Contains(err.Error(), tt.says):
			t.Errorf("%d %s: got %v %q, want %v with %q", tt.status, tt.body, notifier.Classify(err).Reason, err, tt.reason, tt.says)
		}
	}
}

// pushed is a push as a test reads it.
type pushed struct {
	Streams []struct {
		Stream map[string]string
		Values [][]json.RawMessage
	}
}

func TestLinesOfATimeThatLokiRefusesAreStoredAsOfNow(t *testing.T) {
	now := time.Now()
	stand, err := sandbox.Start(sandbox.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	for _, form := range []string{"json", "logfmt"} {
		l, warned := newNotifier(t, Config{URL: []string{stand.LokiURL()}, Format: form}, http.DefaultClient), 0
		for age, late := range map[time.Duration]bool{0: false, 30 * time.Minute: false, 2 * time.Hour: true, 30 * 24 * time.Hour: true, -time.Hour: true} {
			fresh := bruteForce() // so that the stream has something of now
			fresh.Time = now
			if _, err := l.Notify(t.Context(), fresh); err != nil {
				t.Fatal(err)
			}
			stand.Clear()
			n := bruteForce()
			n.Time = now.Add(-age)
			receipt, err := l.Notify(t.Context(), n)
			if err != nil || receipt.Warning != "" && !late {
				t.Errorf("%s: got %+v, %v", age, receipt, err)
			}
			warned += len(receipt.Warning)
			all := stand.Messages()
			last := all[len(all)-1]
			if !last.Accepted || last.Problems != nil || late != strings.Contains(string(last.Body), n.Time.UTC().Format(time.RFC3339Nano)) {
				t.Errorf("%s: %v %s", age, last.Problems, last.Body)
			}
		}
		if warned < 20 || warned > 200 {
			t.Errorf("that lines are late is told in %d letters, want it once", warned)
		}
	}
}

// TestBacklogOfAnOutageTakesFewRequests: of many lines that are too late, some too old at all, some behind what their stream has,
// each is stored once, and most are not sent by themselves.
func TestBacklogOfAnOutageTakesFewRequests(t *testing.T) {
	now := time.Now()
	stand, err := sandbox.Start(sandbox.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	l := newNotifier(t, Config{URL: []string{stand.LokiURL()}}, http.DefaultClient)
	for _, ages := range [][]time.Duration{
		{30 * 24 * time.Hour, 20 * 24 * time.Hour, time.Minute}, // of all streams
		{5 * time.Hour, 4 * time.Hour, 10 * time.Minute},        // of one
		{-time.Hour, -2 * time.Hour, time.Minute},               // a clock that is wrong
	} {
		fresh := bruteForce()
		fresh.Time = now
		if _, err := l.Notify(t.Context(), fresh); err != nil {
			t.Fatal(err)
		}
		stand.Clear()
		var entries []entry
		for i := range 60 {
			n := bruteForce()
			n.Time = now.Add(-ages[i%len(ages)])
			n.Parts["line.json"] = display.Words(fmt.Sprintf(`{"id":"d%d"}`, i))
			e, err := l.entry(n)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		for i, r := range l.send(t.Context(), entries) {
			if r.Err != nil {
				t.Errorf("d%d: %v", i, r.Err)
			}
		}
		all := stand.Messages()
		if len(all) != 3 { // refused, those that are late, those that are not
			t.Errorf("%v: %d requests", ages, len(all))
		}
		for i, want := range []int{60, 40, 20} {
			var p pushed
			if err := json.Unmarshal(all[i].Body, &p); err != nil || len(p.Streams) != 1 || len(p.Streams[0].Values) != want || (all[i].Problems != nil) != (i == 0) {
				t.Errorf("%v: request %d: %v, %v, %.300s", ages, i, err, all[i].Problems, all[i].Body)
			}
		}
	}
}

func TestLokiWithoutStructuredMetadata(t *testing.T) {
	var mu sync.Mutex
	refused, stored := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		var p pushed
		if err := json.Unmarshal(body, &p); err != nil {
			t.Error(err)
		}
		for _, s := range p.Streams {
			for _, v := range s.Values {
				if len(v) > 2 {
					refused++
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, "stream '{job=\"ossec\"}' includes structured metadata, but this feature is disallowed. Please see `limits_config.allow_structured_metadata`")
					return
				}
				stored++
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	l := newNotifier(t, Config{URL: []string{s.URL}}, s.Client())
	var callers sync.WaitGroup
	for range 20 { // several find out at the same time
		callers.Go(func() {
			if _, err := l.Notify(t.Context(), bruteForce()); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	before := refused
	if receipt, err := l.Notify(t.Context(), bruteForce()); err != nil || receipt.Warning != "" || refused != before || stored != 21 {
		t.Errorf("got %+v, %v; refused %d and %d, stored %d", receipt, err, before, refused, stored)
	}
}

// TestEachLineHasItsOwnOutcome pushes many at once to a Loki that refuses some and stores the others, as it does, and some whole
// requests; each line that it would take is stored, and each that it would not is told to its own delivery.
func TestEachLineHasItsOwnOutcome(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	const good, labels, tooLarge = 0, 1, 2
	plan := map[string]int{}
	for i := range 200 {
		plan[fmt.Sprint("d", i)] = max(random.IntN(6)-3, 0)
	}
	var mu sync.Mutex
	stored := map[string]map[string]bool{} // the times of each line
	together := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var p pushed
		if err := json.Unmarshal(body, &p); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		refusal, lines := "", 0
		for _, s := range p.Streams {
			for _, v := range s.Values {
				lines++
				var at, line string
				var e struct{ ID string }
				_, _ = json.Unmarshal(v[0], &at), json.Unmarshal(v[1], &line)
				_ = json.Unmarshal([]byte(line), &e)
				switch plan[e.ID] {
				case tooLarge:
					w.WriteHeader(http.StatusRequestEntityTooLarge)
					return
				case labels:
					refusal += "stream '{}' has label value too long: 'x'\n"
				default:
					if stored[e.ID] == nil {
						stored[e.ID] = map[string]bool{}
					}
					stored[e.ID][at] = true
				}
			}
		}
		together = max(together, lines)
		if refusal != "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, refusal)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	l := newNotifier(t, Config{URL: []string{s.URL}, Batch: notifier.Batching{Size: 40}}, s.Client())
	var callers sync.WaitGroup
	for id, what := range plan {
		callers.Go(func() {
			n := bruteForce()
			n.Parts = map[string]display.Text{"line.json": display.Words(fmt.Sprintf(`{"id":%q}`, id))}
			_, err := l.Notify(t.Context(), n)
			want := map[int]int{good: 0, labels: 400, tooLarge: 413}[what]
			if (want == 0) != (err == nil) || err != nil && notifier.Classify(err).Status != want {
				t.Errorf("%s: got %v, want %d", id, err, want)
			}
		})
	}
	callers.Wait()
	if together < 2 {
		t.Errorf("the largest push held %d lines: nothing was sent together", together)
	}
	for id, what := range plan {
		if want := map[bool]int{true: 1}[what == good]; len(stored[id]) != want {
			t.Errorf("%s is there %d times, want %d", id, len(stored[id]), want)
		}
	}
}

func TestNextServerTakesOverAndProbeStoresNothing(t *testing.T) {
	stand, err := sandbox.Start(sandbox.Options{LokiTenant: "soc"})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer ill.Close()
	cfg := Config{URL: []string{ill.URL, stand.LokiURL()}, Tenant: "soc", Gzip: true, BasicAuth: &notifier.BasicAuth{Username: "1", Password: notifier.PlainSecret(sandbox.FakeLokiToken)}}
	n := bruteForce()
	n.Time = time.Now()
	host := func(url string) string { return strings.Split(url, "/")[2] }
	l := newNotifier(t, cfg, http.DefaultClient)
	for _, want := range []string{host(ill.URL) + " takes nothing for now (status 502): " + host(stand.LokiURL()) + " takes what is sent", ""} {
		stand.Clear()
		if r, err := l.Notify(t.Context(), n); err != nil || r.Warning != want {
			t.Errorf("got %q, %v, want %q", r.Warning, err, want)
		}
	}
	if m := stand.Messages(); len(m) != 1 || !m[0].Accepted || m[0].Problems != nil {
		t.Errorf("got %+v", m)
	}
	stand.Clear()
	if err := newNotifier(t, cfg, http.DefaultClient).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("got %v", err)
	}
	cfg.URL = cfg.URL[1:]
	if err := newNotifier(t, cfg, http.DefaultClient).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	cfg.Tenant = ""
	if err := newNotifier(t, cfg, http.DefaultClient).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "setting tenant") {
		t.Errorf("got %v", err)
	}
	if slices.ContainsFunc(stand.Messages(), func(m sandbox.Message) bool { return m.Accepted }) {
		t.Error("a probe stored something")
	}
}

func TestProbeKnowsWhoAsksForAStream(t *testing.T) {
	says := "error at least one valid stream is required for ingestion"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); string(body) != `{"streams":[]}` {
			t.Errorf("asked %s", body)
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, says)
	}))
	defer s.Close()
	l := newNotifier(t, Config{URL: []string{s.URL}}, s.Client())
	if err := l.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if says = "snappy: corrupt input"; l.Probe(t.Context()) == nil {
		t.Error("any refusal passed for a Loki")
	}
}

func TestValidate(t *testing.T) {
	good := Config{URL: []string{"https://loki.example.com"}, Labels: map[string]string{"json": "{{ .Host }}", "job": "soc"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	many := map[string]string{}
	for i := range 16 {
		many[fmt.Sprint("l", i)] = "x"
	}
	for want, change := range map[string]func(*Config){
		"url":              func(c *Config) { c.URL = []string{"loki"} },
		"tenant":           func(c *Config) { c.Tenant = "a\nb" },
		"labels.a-b":       func(c *Config) { c.Labels = map[string]string{"a-b": "x"} },
		"labels.__x":       func(c *Config) { c.Labels = map[string]string{"__x": "x"} },
		"labels":           func(c *Config) { c.Labels = many },
		"format":           func(c *Config) { c.Format = "xml" },
		"max_line":         func(c *Config) { c.MaxLine = 10 },
		"bearer_token":     func(c *Config) { c.BearerToken = notifier.PlainSecret("a\nb") },
		"batch.bytes":      func(c *Config) { c.Batch.Bytes = -1 },
		"network.key_file": func(c *Config) { c.Network.CertFile = "x" },
	} {
		cfg := good
		change(&cfg)
		if keys := notifiertest.Keys(cfg.Validate()); len(keys) != 1 || keys[0] != want {
			t.Errorf("got %q, want %q", keys, want)
		}
	}
	if got := good.TemplateSettings(); len(got) != 1 || got["label_json"] != "{{ .Host }}" || good.Parallel() != defaultBatch {
		t.Errorf("got %v, %d", got, good.Parallel())
	}
	cfg := Config{URL: []string{"https://a.example.com", "https://b.example.com"}}
	if cfg.Unbatched(); cfg.Batch.Size != 1 || len(cfg.URL) != 1 {
		t.Errorf("got %+v", cfg)
	}
}
