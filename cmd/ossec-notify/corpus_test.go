package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// corpusDir holds an alert of every format, and of every kind that somebody tries to break us with.
const corpusDir = "../../testdata/alerts"

// corpusConfig has a receiver of every channel, and each gets every alert.
const corpusConfig = `receivers:
  soc:
    slack: {webhook_url: %q}
  soc-bot:
    slack: {token: %q, channel: "#soc", api_url: %q}
  oncall:
    pagerduty: {routing_key: %q, endpoint: %q}
  siem:
    splunk: {url: %q, token: %q, index: ossec, gzip: true}
  hook:
    webhook: {url: %q, bearer_token: %q, gzip: true}
  root-mail:
    email: {smtp: %q, from: ossec@example.com, to: [root@example.com]}
always: [soc, soc-bot, oncall, siem, hook, root-mail]
links: {alert: "https://wazuh.example.com/alert/{{ .ID }}"}
`

// services are where the receivers of corpusConfig send to.
var services = map[string]sandbox.Service{
	"soc": sandbox.Slack, "soc-bot": sandbox.SlackAPI, "oncall": sandbox.PagerDuty,
	"siem": sandbox.Splunk, "hook": sandbox.Webhook, "root-mail": sandbox.Email,
}

// received is when all alerts of the corpus arrived.
var received = time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)

// corpusAlert is an alert of the corpus by its file.
func corpusAlert(t testing.TB, file string, zone *time.Location) *alert.Alert {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpusDir, file))
	if err != nil {
		t.Fatal(err)
	}
	return alert.Parse(b, alert.Options{FileName: filepath.Base(file), Location: zone, Received: received})
}

// corpus calls f for every alert of the corpus.
func corpus(t *testing.T, f func(t *testing.T, a *alert.Alert)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(corpusDir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(corpusDir, path)
		if err != nil || d.IsDir() || name == "facts.json" {
			return err
		}
		n++
		t.Run(name, func(t *testing.T) { f(t, corpusAlert(t, name, time.UTC)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 100 {
		t.Errorf("%d alerts in %s, want all of them", n, corpusDir)
	}
}

// mustLoad writes a config and loads it.
func mustLoad(t testing.TB, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ossec-notify.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, problems, err := loadConfig(path, t.TempDir())
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	return cfg
}

// TestEveryAlertArrivesAsPreviewShowsIt takes the corpus over real connections to the stand-ins, which find
// nothing wrong with any message, and compares what arrived with what preview shows.
func TestEveryAlertArrivesAsPreviewShowsIt(t *testing.T) {
	stand, err := sandbox.Start(sandbox.Options{WebhookToken: sandbox.FakeWebhookToken})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	text := fmt.Sprintf(corpusConfig, stand.SlackWebhookURL(), sandbox.FakeSlackToken, stand.SlackAPIURL(), sandbox.FakeRoutingKey,
		stand.PagerDutyURL(), stand.SplunkURL(), sandbox.FakeHECToken, stand.WebhookURL(), sandbox.FakeWebhookToken, stand.SMTPURL())
	d, err := mustLoad(t, text).Dispatcher(config.Options{Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	p, err := preview.New(mustLoad(t, text), nil)
	if err != nil {
		t.Fatal(err)
	}
	corpus(t, func(t *testing.T, a *alert.Alert) {
		stand.Clear()
		d.DeliverAll(t.Context(), d.Plan(a), func(o dispatch.Outcome) {
			if o.State != outbox.Delivered || o.TemplateErr != nil || o.Receipt.Warning != "" {
				t.Errorf("%s: %s, %v, %v, %q", o.Delivery.Receiver.Name, o.State, o.Err, o.TemplateErr, o.Receipt.Warning)
			}
		})
		arrived := map[sandbox.Service]sandbox.Message{}
		for _, m := range stand.Messages() {
			if m.Problems != nil || !m.Accepted {
				t.Errorf("%s found: %q", m.Service, m.Problems)
			}
			arrived[m.Service] = m
		}
		for _, x := range p.Plan(a) {
			shown, _, err := p.Show(t.Context(), x)
			if err != nil {
				t.Errorf("%s: %v", x.Receiver.Name, err)
				continue
			}
			m := arrived[services[x.Receiver.Name]]
			if m.Service == sandbox.Email {
				if diff := cmp.Diff(stableMail(shown.Message), stableMail(string(m.Body))); diff != "" {
					t.Errorf("mail (-preview +sent):\n%s", diff)
				}
				continue
			}
			if diff := cmp.Diff(shownBody(t, shown), sentBody(t, m)); diff != "" {
				t.Errorf("%s (-preview +sent):\n%s", x.Receiver.Name, diff)
			}
		}
	})
}

// shownBody is the body of the one request of a preview.
func shownBody(t *testing.T, shown preview.Shown) any {
	t.Helper()
	if shown.Requests == nil || len(*shown.Requests) != 1 {
		t.Fatalf("%s: want one request, got %v", shown.Receiver, shown.Requests)
	}
	return decoded((*shown.Requests)[0].Body)
}

// sentBody is a body that arrived, with the fake secrets taken out as preview takes them out.
func sentBody(t *testing.T, m sandbox.Message) any {
	t.Helper()
	body := string(m.Body)
	for _, secret := range []string{sandbox.FakeSlackToken, sandbox.FakeRoutingKey} {
		body = strings.ReplaceAll(body, secret, notifier.Redacted)
	}
	if json.Valid([]byte(body)) {
		return decoded(json.RawMessage(body))
	}
	return body
}

func decoded(body any) any {
	raw, ok := body.(json.RawMessage)
	if !ok {
		return body
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err.Error()
	}
	return v
}

var (
	mailDate     = regexp.MustCompile(`(?m)^Date: .*$`)
	mailBoundary = regexp.MustCompile(`boundary="?([^"\r\n]+)"?`)
)

// stableMail is a mail without what differs each time: Date and the MIME boundary. The server took away the last
// line end.
func stableMail(text string) []string {
	if m := mailBoundary.FindStringSubmatch(text); m != nil {
		text = strings.ReplaceAll(text, m[1], "BOUNDARY")
	}
	text = mailDate.ReplaceAllString(text, "Date: now\r")
	return strings.Split(strings.TrimSpace(text), "\r\n")
}

// TestEveryMessageKeepsTheRules holds the messages of the corpus against the checklist of docs/messages.md.
func TestEveryMessageKeepsTheRules(t *testing.T) {
	p, err := preview.New(mustLoad(t, fmt.Sprintf(corpusConfig, "https://hooks.slack.com/services/T0/B0/x", "xoxb-x", "https://slack.com/api/",
		"00000000000000000000000000000000", "https://events.pagerduty.com", "https://splunk.example.com:8088", "x", "https://example.com/hook", "x", "smtp://localhost")), nil)
	if err != nil {
		t.Fatal(err)
	}
	corpus(t, func(t *testing.T, a *alert.Alert) {
		r := family.Read(a)
		sentence := r.Sentence.Line().String()
		checkSentence(t, a, r)
		severity := p.Scale.Severity(a.Rule.Level)
		for _, x := range p.Plan(a) {
			shown, n, err := p.Show(t.Context(), x)
			if err != nil {
				t.Errorf("%s: %v", x.Receiver.Name, err)
				continue
			}
			checkTerminal(t, x, n, shown)
			switch x.Receiver.Name {
			case "soc":
				body := shownBody(t, shown).(map[string]any)
				checkSlack(t, body)
				header := lookup(body, "blocks", "0", "text", "text").(string)
				equal(t, "Slack's header", header, severity.Word()+": "+sentence)
				first, _, _ := strings.Cut(body["text"].(string), "\n")
				equal(t, "the first line of Slack's text", unescape(first), severity.Word()+": "+sentence)
				checkCut(t, "Slack", unescape(strings.Join(allText(body), "\n")), r.Evidence.Text)
			case "oncall":
				body := shownBody(t, shown).(map[string]any)
				summary := lookup(body, "payload", "summary").(string)
				atMost(t, "summary", summary, 1024)
				atMost(t, "dedup key", body["dedup_key"].(string), 255)
				head, _, _ := strings.Cut(summary, " ("+severity.String())
				equal(t, "PagerDuty's summary", head, strings.ReplaceAll(sentence, "`", "'"))
				details := lookup(body, "payload", "custom_details").(map[string]any)
				if len(details) > 14 {
					t.Errorf("%d details: %v", len(details), slices.Collect(maps.Keys(details)))
				}
				checkCut(t, "PagerDuty", fmt.Sprint(details["log"]), r.Evidence.Text)
			case "root-mail":
				checkMail(t, shown.Message, "["+severity.Word()+"] "+sentence)
				checkCut(t, "mail", n.Parts["text"].String(), r.Evidence.Text)
			}
		}
	})
}

var urlLike = regexp.MustCompile(`(?i)\b(https?|hxxps?|ftp|ldap)(://|\[:\])`)

// named are families whose sentence is the name of what was found, which stands in the log too: a signature, a
// finding of rootcheck.
var named = []string{"ids", "rootcheck"}

// checkSentence: its first 60 characters are on the lock screen.
func checkSentence(t *testing.T, a *alert.Alert, r *family.Reading) {
	t.Helper()
	text := r.Sentence.Line().String()
	if n := utf8.RuneCountInString(text); n == 0 || n > 100 {
		t.Errorf("the sentence has %d characters: %s", n, text)
	}
	if strings.ContainsAny(text, "\n\r\x1b") {
		t.Errorf("the sentence holds control characters: %q", text)
	}
	start := string([]rune(text)[:min(60, utf8.RuneCountInString(text))])
	if urlLike.MatchString(start) {
		t.Errorf("the sentence begins with a URL: %s", start)
	}
	if slices.Contains(named, r.Family) {
		return
	}
	// Free text of the log: four of its words in a row. A user, "from" and an address are three.
	words := strings.Fields(a.Log)
	for i := 0; i+4 <= len(words); i++ {
		if run := strings.Join(words[i:i+4], " "); strings.Contains(start, run) && !strings.Contains(a.Rule.Description, run) {
			t.Errorf("the sentence says what the log says: %s", run)
		}
	}
}

// ourStyles are the sequences that our own styles make: bold, faint, the colour of a severity, and their end.
var ourStyles = regexp.MustCompile(`\x1b\[(1|2|38;2;\d+;\d+;\d+)?m`)

// checkTerminal: nothing that an alert holds steers the terminal on which preview shows it.
func checkTerminal(t *testing.T, x dispatch.Delivery, n notifier.Notification, shown preview.Shown) {
	t.Helper()
	var b strings.Builder
	frame(&b, x, n, shown)
	text := ourStyles.ReplaceAllString(b.String(), "")
	steers := func(r rune) bool { // the joiner stands within an emoji
		return r != '\n' && r != '\u200d' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
	}
	if i := strings.IndexFunc(text, steers); i >= 0 {
		t.Errorf("%s: the terminal gets %q", x.Receiver.Name, text[max(0, i-20):min(len(text), i+20)])
	}
	if strings.Contains(text, "(mixed scripts) (mixed scripts)") {
		t.Errorf("%s: the display form was made twice:\n%s", x.Receiver.Name, text)
	}
}

var slackLink = regexp.MustCompile(`<https://[^|<>\n]*\|[^|<>\n]*>`)

// checkSlack: nothing that Slack would act on but our own links, and within Slack's limits.
func checkSlack(t *testing.T, body map[string]any) {
	t.Helper()
	total := 0
	for _, s := range allText(body) {
		total += utf8.RuneCountInString(s)
		if rest := slackLink.ReplaceAllString(s, ""); strings.Contains(rest, "<") {
			t.Errorf("Slack would act on %q", rest)
		}
	}
	if total > 13_000 {
		t.Errorf("all strings together have %d characters", total)
	}
	for _, b := range body["blocks"].([]any) {
		limit := 3000
		if b.(map[string]any)["type"] == "header" {
			limit = 150
		}
		for _, text := range allText(lookup(b, "text")) {
			atMost(t, "block", text, limit)
		}
	}
	atMost(t, "text", body["text"].(string), 1500)
}

// checkMail: no line that a server would break or refuse, and the sentence as its subject.
func checkMail(t *testing.T, message, subject string) {
	t.Helper()
	for line := range strings.SplitSeq(message, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Error(err)
	}
	equal(t, "the subject", got, subject)
}

var twoNumbers = regexp.MustCompile(`… [\d,]+ of (at least )?[\d,]+ (lines|characters)|… cut at [\d,]+ characters by \w+`)

// checkCut: a message that does not hold the whole log says how much of it, in two numbers.
func checkCut(t *testing.T, where, text, log string) {
	t.Helper()
	whole := strings.ReplaceAll(display.Form(log), "`", "ˋ")
	if strings.Contains(squeeze(strings.ReplaceAll(text, "`", "ˋ")), squeeze(whole)) {
		return
	}
	if !twoNumbers.MatchString(text) {
		t.Errorf("%s: the log is not whole, and nothing says so:\n%s\nthe log: %.300s", where, text, log)
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// allText are all strings of a JSON value.
func allText(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			out = append(out, allText(e)...)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, allText(v[k])...)
		}
	}
	return out
}

func atMost(t *testing.T, what, s string, limit int) {
	t.Helper()
	if n := utf8.RuneCountInString(s); n > limit {
		t.Errorf("%s has %d characters, over %d", what, n, limit)
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
	}
}
