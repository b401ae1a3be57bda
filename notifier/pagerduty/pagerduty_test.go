package pagerduty

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

const testKey = "0123456789abcdef0123456789abcdef"

func testCase(n notifier.Notification) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return newNotifier(t, Config{RoutingKey: notifier.PlainSecret(testKey), Endpoint: url + "/v2/enqueue"}, client)
		},
		Notification: n,
		Secrets:      []string{testKey},
		Broken: map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"key of two lines": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{RoutingKey: notifiertest.FileSecret(t, testKey+"\n"+testKey), Endpoint: url}, client)
			},
			"key too short": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{RoutingKey: notifiertest.FileSecret(t, testKey[:30]), Endpoint: url}, client)
			},
		},
		Accept: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"status":"success","message":"Event processed","dedup_key":"-/web-01/5712/203.0.113.9"}`)
		},
		Refuse: func(w http.ResponseWriter, status int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"status":"invalid event","message":"Event object is invalid","errors":["'summary' is missing"]}`)
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

func TestKeepsTheRulesOfChannels(t *testing.T) {
	notifiertest.Run(t, testCase(examples()["brute-force"]))
}

func TestEvent(t *testing.T) {
	for name, n := range examples() {
		t.Run(name, func(t *testing.T) {
			r := notifiertest.Requests(t, testCase(n))[0]
			if r.Method != http.MethodPost || r.Path != "/v2/enqueue" || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %s as %s", r.Method, r.Path, r.Header.Get("Content-Type"))
			}
			notifiertest.GoldenJSON(t, name+".golden.json", r.Body)
		})
	}
}

func TestReceiptNamesTheIncidentKey(t *testing.T) {
	c := testCase(examples()["brute-force"])
	s := httptest.NewServer(c.Accept)
	defer s.Close()
	got, err := c.New(t, s.URL, s.Client()).Notify(t.Context(), c.Notification)
	want := notifier.Receipt{Status: 202, ID: "-/web-01/5712/203.0.113.9"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		reason notifier.Reason
		code   string
		text   string // a part of the error
	}{
		{"invalid event", 400, `{"status":"invalid event","message":"Event object is invalid","errors":["'summary' is too long","'source' is missing"]}`,
			notifier.Permanent, "invalid event", "Event object is invalid: 'summary' is too long: 'source' is missing"},
		{"invalid key", 400, `{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`,
			notifier.Misconfigured, "invalid event", "copy the Integration Key"},
		{"key too short", 400, `{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}`,
			notifier.Misconfigured, "invalid event", "copy the Integration Key"},
		{"throttled", 429, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly.  Please retry later."}`,
			notifier.Temporary, "throttle exceeded", "arriving too quickly"},
		{"throttled by the older API", 403, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly."}`,
			notifier.Temporary, "throttle exceeded", "too quickly"},
		{"a proxy forbids", 403, `<html>no</html>`, notifier.Misconfigured, "", "endpoint"},
		{"wrong endpoint", 404, `not found`, notifier.Misconfigured, "", "endpoint"},
		{"accepted by somebody else", 200, `{"ok":true}`, notifier.Temporary, "", "PagerDuty answers 202"},
		{"down", 500, ``, notifier.Temporary, "", "status 500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer s.Close()
			c := testCase(examples()["brute-force"])
			_, err := c.New(t, s.URL, s.Client()).Notify(t.Context(), c.Notification)
			if err == nil {
				t.Fatal("got no error")
			}
			got := notifier.Classify(err)
			if got.Reason != tt.reason || got.Code != tt.code || got.Status != tt.status {
				t.Errorf("got %v, code %q, status %d, want %v, %q, %d: %v", got.Reason, got.Code, got.Status, tt.reason, tt.code, tt.status, err)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %q, want it to say %q", err, tt.text)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	tests := []struct {
		cfg  Config
		want string
	}{
		{Config{}, "https://events.pagerduty.com"},
		{Config{Region: "us"}, "https://events.pagerduty.com"},
		{Config{Region: "eu"}, "https://events.eu.pagerduty.com"},
		{Config{Endpoint: "http://127.0.0.1:9/"}, "http://127.0.0.1:9"},
		{Config{Endpoint: "https://relay.example.com/pd/v2/enqueue"}, "https://relay.example.com/pd"},
		{Config{Endpoint: "https://relay.example.com/pd/v2/enqueue/"}, "https://relay.example.com/pd"},
	}
	for _, tt := range tests {
		tt.cfg.RoutingKey = notifier.PlainSecret(testKey)
		if got := newNotifier(t, tt.cfg, nil).endpoint; got != tt.want {
			t.Errorf("region %q, endpoint %q: got %s, want %s", tt.cfg.Region, tt.cfg.Endpoint, got, tt.want)
		}
	}
}

func TestValidateFindsEveryMistake(t *testing.T) {
	tests := []struct {
		name, config string
		want         []string // keys
	}{
		{"plain key", "routing_key: " + testKey, nil},
		{"key from a file", "{routing_key: {file: /etc/ossec-notify/pd.key}, region: eu}", nil},
		{"nothing", "{}", []string{"routing_key"}},
		{"short key", "routing_key: abc", []string{"routing_key"}},
		{"token instead of a key", "routing_key: u+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", []string{"routing_key"}},
		{"region", "{routing_key: {env: PD}, region: asia}", []string{"region"}},
		{"region and endpoint", "{routing_key: {env: PD}, region: eu, endpoint: 'https://relay.example.com'}", []string{"region"}},
		{"REST key", "{routing_key: {env: PD}, region: eu, api_token: {file: /etc/ossec-notify/api.key}}", nil},
		{"REST key through a relay", "{routing_key: {env: PD}, endpoint: 'https://relay.example.com', api_token: {env: API}, api_endpoint: 'https://relay.example.com'}", nil},
		{"relay for events alone", "{routing_key: {env: PD}, endpoint: 'https://relay.example.com', api_token: {env: API}}", []string{"api_endpoint"}},
		{"REST address without a key", "{routing_key: {env: PD}, api_endpoint: 'https://relay.example.com'}", []string{"api_endpoint"}},
		{"REST address that is none", "{routing_key: {env: PD}, api_token: {env: API}, api_endpoint: 'https://u:AAAA@relay.example.com'}", []string{"api_endpoint"}},
		{"REST key that is no header", "{routing_key: {env: PD}, api_token: \"AAAA\\n1\"}", []string{"api_token"}},
		{"several at once", "{routing_key: abc, endpoint: relay, network: {proxy: proxy}}", []string{"routing_key", "endpoint", "network.proxy"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var cfg Config
			if err := yaml.Unmarshal([]byte(tt.config), &cfg); err != nil {
				t.Fatal(err)
			}
			err := cfg.Validate()
			if diff := cmp.Diff(tt.want, notifiertest.Keys(err)); diff != "" {
				t.Errorf("keys with mistakes (-want +got):\n%s\n%v", diff, err)
			}
			if err != nil && strings.Contains(err.Error(), "AAAA") {
				t.Errorf("the mistake shows the key: %v", err)
			}
		})
	}
}

func TestWhereTheRESTAPIIs(t *testing.T) {
	key := notifier.PlainSecret("key")
	for _, tt := range []struct {
		cfg  Config
		ok   bool
		at   string
		want map[string]string // destinations
	}{
		{Config{}, false, "https://api.pagerduty.com", map[string]string{"region": "https://events.pagerduty.com"}},
		{Config{APIToken: key}, true, "https://api.pagerduty.com", map[string]string{"region": "https://events.pagerduty.com", "api_token": "https://api.pagerduty.com"}},
		{Config{APIToken: key, Region: "eu"}, true, "https://api.eu.pagerduty.com", map[string]string{"region": "https://events.eu.pagerduty.com", "api_token": "https://api.eu.pagerduty.com"}},
		{Config{APIToken: key, Endpoint: "https://a.example.com", APIEndpoint: "https://b.example.com"}, true, "https://b.example.com",
			map[string]string{"endpoint": "https://a.example.com", "api_endpoint": "https://b.example.com"}},
	} {
		token, at, ok := tt.cfg.API()
		if token != tt.cfg.APIToken || at != tt.at || ok != tt.ok {
			t.Errorf("%+v: %v, %v", tt.cfg, at, ok)
		}
		if diff := cmp.Diff(tt.want, tt.cfg.Destinations(t.Context())); diff != "" {
			t.Errorf("destinations (-want +got):\n%s", diff)
		}
	}
}

// payload is the event as PagerDuty gets it.
type payload struct {
	Action    string `json:"event_action"`
	DedupKey  string `json:"dedup_key"`
	Client    string
	ClientURL string `json:"client_url"`
	Links     []link
	Payload   *struct {
		Summary, Source, Severity, Timestamp string
		Details                              map[string]any `json:"custom_details"`
	}
}

func event(t *testing.T, n notifier.Notification) (payload, int) {
	t.Helper()
	e, err := newEvent(n, testKey)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var p payload
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	return p, len(b)
}

func TestSeverities(t *testing.T) {
	for ours, want := range map[string]string{"critical": "critical", "high": "error", "medium": "warning", "low": "info", "info": "info", "unknown": "warning", "": "warning"} {
		if got := severity(ours); got != want {
			t.Errorf("severity %q: got %s, want %s", ours, got, want)
		}
	}
}

func TestTimestampKeepsZoneAndDropsEmptyMilliseconds(t *testing.T) {
	west := time.FixedZone("", -8*3600)
	tests := []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, ""},
		{time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC), "2026-11-23T13:28:22Z"},
		{time.Date(2026, 11, 23, 13, 28, 22, 452_999_999, west), "2026-11-23T13:28:22.452-08:00"},
		{time.Date(2026, 11, 23, 13, 28, 22, 500_000_000, time.UTC), "2026-11-23T13:28:22.5Z"},
		{time.Date(2026, 11, 23, 13, 28, 22, 999, time.UTC), "2026-11-23T13:28:22Z"},
	}
	for _, tt := range tests {
		if got := timestamp(tt.at); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestSummaryIsOneLineWithinTheLimit(t *testing.T) {
	n := examples()["brute-force"]
	n.Parts["summary"] = display.Join(display.Words("File changed: "), display.Quote("/srv/`x`\n"+strings.Repeat("ä/", 1000)+"index.php"), display.Words(" on\nweb-01"))
	p, _ := event(t, n)
	got := p.Payload.Summary
	if chars := utf8.RuneCountInString(got); chars != maxSummary {
		t.Errorf("got %d characters, want %d", chars, maxSummary)
	}
	if !strings.HasPrefix(got, "File changed: /srv/'x'⏎ä/") || !strings.HasSuffix(got, "index.php on web-01") || !strings.Contains(got, "…") {
		t.Errorf("got %q", got)
	}
}

func TestPlainTemplateIsTheSummary(t *testing.T) {
	n := examples()["brute-force"]
	n.Parts["body"] = display.Join(display.Words("Somebody tries "), display.Quote("web-01"))
	if p, _ := event(t, n); p.Payload.Summary != "Somebody tries web-01" {
		t.Errorf("got summary %q", p.Payload.Summary)
	}
}

func TestLongDedupKeyIsHashed(t *testing.T) {
	n := examples()["brute-force"]
	n.DedupKey = strings.Repeat("é", 255) // characters, not bytes
	if p, _ := event(t, n); p.DedupKey != n.DedupKey {
		t.Errorf("a key of 255 characters became %q", p.DedupKey)
	}
	n.DedupKey = "mgr/w/550/" + strings.Repeat("a", 246)
	p, _ := event(t, n)
	if want := "sha256:e2003d9e699eecfa737c3552ae585213395b1d6d82622e160376b080a04d3f76"; p.DedupKey != want {
		t.Errorf("got %q, want %q", p.DedupKey, want)
	}
	if meters := newNotifier(t, Config{RoutingKey: notifier.PlainSecret(testKey)}, nil).Meters(n); len(meters) != 2 || meters[1].N != len(p.DedupKey) {
		t.Errorf("got meters %v, want the hash measured", meters)
	}
	n.Action = notifier.Resolve
	if r, _ := event(t, n); r.DedupKey != p.DedupKey {
		t.Errorf("resolve has the key %q, trigger had %q", r.DedupKey, p.DedupKey)
	}
}

func TestMetersCountWhatIsSent(t *testing.T) {
	p := newNotifier(t, Config{RoutingKey: notifier.PlainSecret(testKey)}, nil)
	n := examples()["brute-force"]
	want := []notifier.Meter{{Name: "summary", N: 62, Limit: 1024}, {Name: "key", N: 25, Limit: 255}}
	if diff := cmp.Diff(want, p.Meters(n)); diff != "" {
		t.Errorf("meters differ (-want +got):\n%s", diff)
	}
	n.Parts["summary"] = display.Quote(strings.Repeat("ä", 2000))
	if got := p.Meters(n); got[0].N != maxSummary {
		t.Errorf("got %v, want the summary as it is cut", got)
	}
	n.Action = notifier.Resolve // says nothing to people
	if got := p.Meters(n); got != nil {
		t.Errorf("got %v, want none", got)
	}
}

func TestAcknowledgeAndResolveNeedTheKeyAlone(t *testing.T) {
	for _, action := range []notifier.Action{notifier.Acknowledge, notifier.Resolve} {
		n := notifier.Notification{Action: action, DedupKey: "-/web-01/5712/203.0.113.9"}
		p, _ := event(t, n)
		if diff := cmp.Diff(payload{Action: string(action), DedupKey: n.DedupKey}, p); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
		n.DedupKey = ""
		if _, err := newEvent(n, testKey); err == nil || notifier.Retryable(err) {
			t.Errorf("%s without a key: got %v, want a permanent error", action, err)
		}
	}
}

// An update of an incident that was resolved by hand meanwhile would open it again: a page for nothing.
func TestUpdateIsNoEvent(t *testing.T) {
	n := examples()["brute-force"]
	n.Action = notifier.Update
	if _, err := newEvent(n, testKey); err == nil || notifier.Classify(err).Reason != notifier.Permanent {
		t.Errorf("got %v, want a permanent error", err)
	}
	p := newNotifier(t, Config{RoutingKey: notifier.PlainSecret(testKey)}, nil)
	for action, want := range map[notifier.Action]bool{
		notifier.Trigger: true, notifier.Acknowledge: true, notifier.Resolve: true, notifier.Digest: true, notifier.Update: false, "open": false,
	} {
		if got := notifier.Follows(p, action); got != want {
			t.Errorf("follows %s: got %v, want %v", action, got, want)
		}
	}
}

func TestDigestIsAnIncidentUnderItsOwnKey(t *testing.T) {
	n := notifier.Notification{
		Action: notifier.Digest, DedupKey: "digest/oncall/" + strings.Repeat("x", 300), Severity: "high",
		Parts: map[string]display.Text{"summary": display.Words("Digest for oncall: 10,000 alerts, 22:00 to 06:00, highest HIGH")},
	}
	p, size := event(t, n)
	want := payload{Action: "trigger", DedupKey: dedupKey(n.DedupKey), Client: "ossec-notify"}
	if p.Action != want.Action || p.DedupKey != want.DedupKey || utf8.RuneCountInString(p.DedupKey) > maxDedupKey {
		t.Errorf("got action %q, key %q, want %q, %q", p.Action, p.DedupKey, want.Action, want.DedupKey)
	}
	if p.Payload == nil || p.Payload.Summary != n.Parts["summary"].String() || p.Payload.Severity != "error" || p.Payload.Source != "unknown" {
		t.Errorf("got %+v, %d bytes", p.Payload, size)
	}
}

func TestEventFitsTheLimit(t *testing.T) {
	details := func(m map[string]string) display.Text {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return display.Words(string(b))
	}
	t.Run("log is cut", func(t *testing.T) {
		n := examples()["brute-force"]
		n.Parts["details.json"] = details(map[string]string{"from": "203.0.113.9", "log": strings.Repeat("<log ä😀>\n", 25_000)})
		p, size := event(t, n)
		if size > maxEvent || size < maxEvent-100 {
			t.Errorf("got %d bytes, want close to %d", size, maxEvent)
		}
		log, _ := p.Payload.Details["log"].(string)
		if !strings.HasSuffix(log, " of 225,000 characters") || !utf8.ValidString(log) || p.Payload.Details["from"] != "203.0.113.9" {
			t.Errorf("got log … %q, from %v", log[max(0, len(log)-60):], p.Payload.Details["from"])
		}
	})
	t.Run("details are dropped", func(t *testing.T) {
		n := examples()["brute-force"]
		n.Parts["details.json"] = details(map[string]string{"command": strings.Repeat("x", 600_000), "log": "short"})
		p, size := event(t, n)
		want := map[string]any{"log": "the details were dropped: the event was over 512 KB"}
		if diff := cmp.Diff(want, p.Payload.Details); diff != "" || size > maxEvent {
			t.Errorf("%d bytes, details (-want +got):\n%s", size, diff)
		}
	})
	t.Run("links go before the details", func(t *testing.T) {
		n := examples()["brute-force"]
		long := strings.Repeat("x", 600_000)
		n.Parts["links.json"] = display.Words(`[{"href":"https://example.com/` + long + `","text":"Open"},{"href":"https://example.com/","text":"` + long + `"}]`)
		n.Parts["client_url"] = display.Words("https://example.com/" + long)
		p, size := event(t, n)
		if size > maxEvent || len(p.Links) != 1 || len(p.Links[0].Text) > maxField+2 || p.ClientURL != "" || p.Payload.Details["from"] != "203.0.113.9" {
			t.Errorf("%d bytes with %d links and %v", size, len(p.Links), p.Payload.Details)
		}
	})
	t.Run("links are dropped", func(t *testing.T) {
		n := examples()["brute-force"]
		n.Parts["links.json"] = display.Words(`[` + strings.Repeat(`{"href":"https://example.com/","text":"Open"},`, 20_000) + `{}]`)
		if p, size := event(t, n); size > maxEvent || len(p.Links) != 0 {
			t.Errorf("%d bytes with %d links", size, len(p.Links))
		}
	})
}

func TestBrokenTrimmingsDoNotLoseThePage(t *testing.T) {
	n := examples()["brute-force"]
	n.Parts["details.json"] = display.Words(`{"from": `)
	n.Parts["links.json"] = display.Words(`{}`)
	n.Parts["client_url"] = display.Words("javascript:alert(1)")
	p, _ := event(t, n)
	got, _ := p.Payload.Details["template_error"].(string)
	if !strings.Contains(got, "details.json") || !strings.Contains(got, "links.json") {
		t.Errorf("details do not say what is wrong: %v", p.Payload.Details)
	}
	if p.Payload.Summary == "" || p.Links != nil {
		t.Errorf("got summary %q, links %v", p.Payload.Summary, p.Links)
	}
}

func TestAlertDoesNotSayWhereTheClientURLLeads(t *testing.T) {
	w, q := display.Words, display.Quote
	for _, tc := range []struct {
		url  display.Text
		want string
		note bool
	}{
		{display.Join(w("https://example.com/?q="), q("a b&c"), w("\n")), "https://example.com/?q=a%20b%26c", false},
		{q("https://evil.example/"), "", true},
		{display.Join(w("https://"), q("evil.example"), w("/")), "", true},
		{display.Join(w("https://example.com"), q(".evil.example/")), "", true},
	} {
		n := examples()["brute-force"]
		n.Parts["client_url"] = tc.url
		n.Parts["template_error"] = w("a link was left out")
		p, _ := event(t, n)
		note, _ := p.Payload.Details["template_error"].(string)
		if said := strings.Contains(note, "client_url was left out: an alert would have said where it leads"); p.ClientURL != tc.want || said != tc.note {
			t.Errorf("%q: client_url is %q, want %q; the note is %q", tc.url.Raw(), p.ClientURL, tc.want, note)
		}
		if !strings.Contains(note, "a link was left out") || p.Payload.Summary == "" {
			t.Errorf("the note of the template is lost in %q, the summary is %q", note, p.Payload.Summary)
		}
	}
}

func TestOnlyWebLinksAreSent(t *testing.T) {
	n := examples()["brute-force"]
	n.Parts["links.json"] = display.Words(`[{"href":"javascript:alert(1)","text":"Open"},{"href":"https://wazuh.example.com/1","text":"Open alert"}]`)
	p, _ := event(t, n)
	if diff := cmp.Diff([]link{{"https://wazuh.example.com/1", "Open alert"}}, p.Links); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEmptySummaryIsNotSent(t *testing.T) {
	if _, err := newEvent(notifier.Notification{Action: notifier.Trigger, DedupKey: "k"}, testKey); err == nil || notifier.Retryable(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

// examples are alerts of several kinds, as the default template gives them to this channel.
func examples() map[string]notifier.Notification {
	q, w := display.Quote, display.Words
	alert := func(severity, key string, at time.Time, parts map[string]display.Text) notifier.Notification {
		return notifier.Notification{
			Action: notifier.Trigger, Delivery: "01J9Z3", Alert: "1795440502.8", Occurrence: 1, Receiver: "oncall",
			DedupKey: key, Severity: severity, Time: at, Parts: parts,
		}
	}
	return map[string]notifier.Notification{
		"brute-force": alert("medium", "-/web-01/5712/203.0.113.9", time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC), map[string]display.Text{
			"summary":      display.Join(w("SSH brute force from "), q("203.0.113.9"), w(" on "), q("web-01"), w(" (medium, rule 5712)")),
			"source":       q("web-01"),
			"component":    q("sshd"),
			"class":        w("authentication failure"),
			"details.json": w(`{"alert_id":"1795440502.8","from":"203.0.113.9","level":"10","location":"/var/log/auth.log","log":"Nov 23 13:20:17 web-01 sshd[2007]: Failed password for invalid user admin from 203.0.113.9 port 4007 ssh2\nNov 23 13:20:15 web-01 sshd[2005]: Failed password for invalid user admin from 203.0.113.9 port 4005 ssh2\n… 2 of at least 8 lines","next":"Was any login from this address accepted? If it goes on, block it.","rule":"5712 SSHD brute force trying to get access to the system.","tries":"at least 8","user":"admin (no such user)"}`),
		}),
		"file-changed": alert("medium", "manager-1/db-02/550//etc/hosts.deny", time.Date(2026, 11, 23, 13, 28, 22, 452_000_000, time.FixedZone("", -8*3600)), map[string]display.Text{
			"summary":      display.Join(w("File changed: "), q("/etc/hosts.deny"), w(" on "), q("db-02"), w(" (medium, rule 550)")),
			"source":       q("db-02"),
			"component":    q("syscheck"),
			"group":        q("manager-1"),
			"class":        w("file change"),
			"client_url":   w("https://wazuh.example.com/alert/1795440502.9"),
			"links.json":   w(`[{"href":"https://wazuh.example.com/alert/1795440502.9","text":"Open alert"}]`),
			"details.json": w(`{"alert_id":"1795440502.9","by":"operator as root, with /bin/nano (pid 4711)","changed":"size 421 to 433, content","level":"7","location":"syscheck","log":"10a11,12\n> 192.0.2.34","next":"Planned? If not, restore the file and look at what this login did.","now":"root:root rw-r--r--","rule":"550 Integrity checksum changed.","sha256":"0a1b2c3d4e5f to f5e4d3c2b1a0"}`),
		}),
		"web-scan": alert("medium", "-/web-01/31151/198.51.100.77", time.Date(2026, 11, 23, 13, 28, 23, 0, time.UTC), map[string]display.Text{
			"summary":      display.Join(w("Web scan from "), q("198.51.100.77"), w(" on "), q("web-01"), w(" (medium, rule 31151)")),
			"source":       q("web-01"),
			"component":    q("nginx"),
			"class":        w("web attack"),
			"details.json": w(`{"alert_id":"h-ce95b7d13465a1c9","client":"Mozilla/5.0 zgrab/0.x","from":"198.51.100.77","level":"10","location":"/var/log/nginx/access.log","log":"198.51.100.77 - - [23/Nov/2026:13:22:23 +0000]  GET /phpmyadmin13/ HTTP/1.1  404 162  -   Mozilla/5.0 zgrab/0.x","next":"Any answer but 4xx to this address? If there is none, it is noise.","note":"text as OSSEC's shell format leaves it: quotes and more are blanks","request":"GET /phpmyadmin13/, answered 404","rule":"31151 Multiple web server 400 error codes from same source ip."}`),
		}),
		"block": alert("info", "-/vm/601/203.0.113.9", time.Date(2026, 11, 23, 13, 28, 24, 0, time.UTC), map[string]display.Text{
			"summary":      display.Join(w("Blocked "), q("203.0.113.9"), w(" on "), q("vm"), w(" (info, rule 601)")),
			"source":       q("vm"),
			"component":    q("firewall-drop.sh"),
			"class":        w("active response"),
			"details.json": w(`{"address":"203.0.113.9","alert_id":"1795440504.44","because":"rule 5712, alert 1795439488.12345","how":"firewall-drop.sh","level":"3","location":"/var/ossec/logs/active-responses.log","log":"Mon Nov 23 13:25:30 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh add - 203.0.113.9 1795439488.12345 5712","next":"Nothing, if the block is right.","rule":"601 Host Blocked by firewall-drop.sh Active Response"}`),
		}),
		"hostile": alert("high", "m/001/100300/-", time.Date(2024, 5, 6, 7, 8, 9, 123_000_000, time.UTC), map[string]display.Text{
			"summary":      w("Rule 100300 fired on agent 001 (high, rule 100300)"),
			"source":       w("agent 001"),
			"component":    q("x"),
			"group":        q("m"),
			"class":        w("other"),
			"client_url":   w("https://wazuh.example.com/alert/1714979289.1"),
			"links.json":   w(`[{"href":"https://wazuh.example.com/alert/1714979289.1","text":"Open alert"}]`),
			"details.json": w("{\"agent\":\"web</b>01\\\"; drop\",\"alert_id\":\"1714979289.1\",\"from\":\"203.0.113.9, 10.0.0.1 (not one address)\",\"level\":\"12\",\"location\":\"/var/log/o'brien \\\"x\\\".log\",\"log\":\"line1 ```fence``` <script>alert(1)</script>\\nline2 \\\\x07\\\\x1b[31mred\\\\x1b[0m \\\\u202eRTL \\\\u200b zero 😀 {{.Exec}} ${jndi:ldap[:]//x} %s%n\",\"next\":\"Somebody writes to your screen: find who can write this log.\",\"note\":\"text holds mention, link, markup, control and bidi characters: shown, not run\",\"rule\":\"100300\",\"says\":\"<!channel> <@U123> <hxxps://evil[.]example/|click> *bold* `code` & \\\"q\\\" @everyone [x](hxxp://evil[.]example)\"}"),
		}),
	}
}
