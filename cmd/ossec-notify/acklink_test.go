package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// asksEverybody has a receiver of every channel that is told at once, and a step that is far away.
const asksEverybody = `
receivers:
  soc: {slack: {webhook_url: SLACK_URL}, rate: 100/s}
  bot: {slack: {token: SLACK_TOKEN, channel: "#soc", api_url: SLACK_API}, rate: 100/s}
  root-mail: {email: {smtp: "SMTP_URL", from: ossec@example.com, to: [root@example.com]}}
  oncall: {pagerduty: {routing_key: ROUTING_KEY, endpoint: "PAGERDUTY_URL"}}
  hook: {webhook: {url: WEBHOOK_URL}}
  siem: {splunk: {url: SPLUNK_URL, token: HEC_TOKEN}}
  boss: {webhook: {url: WEBHOOK_URL}}
routes:
  - {name: page, escalate: [{to: [soc, bot, root-mail, oncall, hook, siem]}, {after: 1h, to: boss}]}
time_zone: UTC
`

// linked is an installation with a daemon that answers to links, at an address, behind https://notify.example.com.
func linked(t *testing.T, config, token string) (in *installation, address string) {
	t.Helper()
	address = freeAddress(t)
	in = newInstallation(t, config+fmt.Sprintf("http: {listen: %q, url: https://notify.example.com%s}\n", address, token))
	in.serve()
	return in, address
}

// visit asks for a page of the daemon's as a browser does that came by way of its proxy.
func visit(t *testing.T, address, method, path string, form url.Values) (*http.Response, string) {
	t.Helper()
	return visitBody(t, address, method, path, "application/x-www-form-urlencoded", form.Encode())
}

func visitBody(t *testing.T, address, method, path, kind, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "notify.example.com"
	if body != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// takenBy is who has an alert, "" for nobody.
func (in *installation) takenBy(identity string) string {
	in.t.Helper()
	box, _, err := outbox.Open(in.t.Context(), outbox.Path(in.state()), outbox.Options{})
	if err != nil {
		in.t.Fatal(err)
	}
	defer box.Close()
	ack, _, err := box.Acked(in.t.Context(), identity, 1)
	if err != nil {
		in.t.Fatal(err)
	}
	return ack.By
}

// parts are the texts of a mail, by their types.
func parts(t *testing.T, body []byte) map[string]string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		var text io.Reader = p
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			text = quotedprintable.NewReader(p)
		case "base64":
			text = base64.NewDecoder(base64.StdEncoding, p)
		}
		b, err := io.ReadAll(text)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";")
		out[kind] = string(b)
	}
}

const identity1 = "mgr/1795440017.1"

func TestLinksAreInSlackAndMailAlone(t *testing.T) {
	t.Parallel()
	in, address := linked(t, asksEverybody, "")
	in.call("custom-notify", in.alert("1"))
	in.delivered(6)
	links := map[string]string{}
	for _, m := range in.stand.Messages() {
		if !m.Accepted {
			continue
		}
		body := string(m.Body)
		if m.Service == sandbox.SlackAPI {
			form, err := url.ParseQuery(body)
			if err != nil {
				t.Fatal(err)
			}
			body = form.Get("blocks")
		}
		body = plainly(body)
		switch m.Service {
		case sandbox.Slack, sandbox.SlackAPI:
			link := linkIn(t, body)
			if !strings.Contains(body, "<https://notify.example.com"+link+"|I take it>") {
				t.Errorf("%s: the link has no words:\n%s", m.Service, body)
			}
			links[string(m.Service)] = link
		case sandbox.Email:
			texts := parts(t, m.Body)
			links["text"] = linkIn(t, texts["text/plain"])
			if !strings.Contains(texts["text/html"], `href="https://notify.example.com`+links["text"]+`"`) {
				t.Errorf("the HTML has no link:\n%s", texts["text/html"])
			}
		default:
			if strings.Contains(body, ackPath) {
				t.Errorf("%s, where nobody is asked, was sent a link:\n%s", m.Service, body)
			}
		}
	}
	if len(links) != 3 || links["slack"] == links["slack-api"] || links["slack"] == links["text"] {
		t.Errorf("links: %q, want three that tell by whose message they were followed", links)
	}
	// A link is a permission: who may look at what was sent does not get it.
	shown := in.command(exitDone, "explain", "--id", identity1, "--format", "json")
	for _, x := range in.deliveries() {
		shown += in.command(exitDone, "outbox", "show", x.Delivery, "--format", "json")
	}
	for kind, link := range links {
		if strings.Contains(shown, strings.TrimPrefix(link, ackPath)) {
			t.Errorf("what was sent by %s is shown with its link:\n%s", kind, shown)
		}
	}
	if n := strings.Count(shown, "https://notify.example.com"+ackPath+notifier.Redacted); n < 2*len(links) {
		t.Errorf("%d links are shown as redacted, want one of each message at least:\n%s", n, shown)
	}
	// Each says by which way it was followed.
	visit(t, address, http.MethodPost, links["text"], url.Values{"by": {"NAME"}})
	in.shows(sandbox.Slack, "(mail link)")
}

func TestALinkIsFollowedByLooksAndTakenByPressing(t *testing.T) {
	t.Parallel()
	in, address := linked(t, asksEverybody, "")
	in.call("custom-notify", in.alert("1"))
	in.delivered(6)
	link := linkIn(t, plainly(string(in.at(sandbox.Slack)[0].Body)))
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		resp, body := visit(t, address, method, link, nil)
		looks := method == http.MethodGet || method == http.MethodHead
		if looks != (resp.StatusCode == http.StatusOK) || !looks && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, resp.StatusCode)
		}
		if by := in.takenBy(identity1); by != "" {
			t.Fatalf("%s took it, for %q", method, by)
		}
		if method == http.MethodGet && (!strings.Contains(body, "<h1>Story 1 on web-01</h1>") || !strings.Contains(body, `<form method="post">`) || !strings.Contains(body, "default: soc")) {
			t.Errorf("the page:\n%s", body)
		}
		if looks {
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
				"Referrer-Policy":         "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex", "Content-Type": "text/html; charset=utf-8",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if c := resp.Cookies(); len(c) > 0 {
				t.Errorf("cookies: %v", c)
			}
		}
	}
	// What is no form of ours takes nothing.
	for name, body := range map[string]string{"too long": "by=" + strings.Repeat("x", 10<<10), "no form": "by=%zz"} {
		if resp, page := visitBody(t, address, http.MethodPost, link, "application/x-www-form-urlencoded", body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(page, "Nothing was noted.") || in.takenBy(identity1) != "" {
			t.Errorf("%s: %d, taken by %q\n%s", name, resp.StatusCode, in.takenBy(identity1), page)
		}
	}
	// The first who presses has it, and who comes after sees who.
	resp, body := visit(t, address, http.MethodPost, link, url.Values{"by": {"alice"}})
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "It is yours: taken by alice at ") || !strings.Contains(body, "(Slack link)") || in.takenBy(identity1) != "alice" {
		t.Errorf("%d, taken by %q:\n%s", resp.StatusCode, in.takenBy(identity1), body)
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		resp, body := visit(t, address, method, link, url.Values{"by": {"bob"}})
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "<p>Taken by alice at ") || strings.Contains(body, "bob") || strings.Contains(body, "<form") || in.takenBy(identity1) != "alice" {
			t.Errorf("%s of the second: %d\n%s", method, resp.StatusCode, body)
		}
	}
	if log, token := in.log(), strings.TrimPrefix(link, ackPath); strings.Contains(log, token) || strings.Contains(log, token[len(token)-20:]) || !strings.Contains(log, `msg="alert is taken"`) {
		t.Errorf("the log, which must say who took it and hold no link:\n%s", log)
	}
}

func TestLinksThatAreNotOursOpenNothing(t *testing.T) {
	t.Parallel()
	in, address := linked(t, asksEverybody, "")
	in.call("custom-notify", in.alert("1"))
	in.delivered(6)
	link := linkIn(t, plainly(string(in.at(sandbox.Slack)[0].Body)))
	key, err := os.ReadFile(filepath.Join(in.state(), "ack.key"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(key []byte, when time.Time, identity string) string {
		l := &ackLinks{key, func() time.Time { return when }}
		return strings.TrimPrefix(l.url("https://notify.example.com", identity, 1, "soc"), "https://notify.example.com")
	}
	grant, signature, _ := strings.Cut(strings.TrimPrefix(link, ackPath), ".")
	other, _, _ := strings.Cut(strings.TrimPrefix(at(key, time.Now(), "mgr/1795440017.2"), ackPath), ".")
	for name, c := range map[string]struct {
		link   string
		status int
		says   string
	}{
		"none":                    {ackPath, http.StatusForbidden, "not one of ours"},
		"cut":                     {link[:len(link)-1], http.StatusForbidden, "not one of ours"},
		"longer":                  {link + "A", http.StatusForbidden, "not one of ours"},
		"without a signature":     {ackPath + grant, http.StatusForbidden, "not one of ours"},
		"an empty signature":      {ackPath + grant + ".", http.StatusForbidden, "not one of ours"},
		"another's signature":     {ackPath + other + "." + signature, http.StatusForbidden, "not one of ours"},
		"of another key":          {at([]byte(strings.Repeat("k", ackKeySize)), time.Now(), identity1), http.StatusForbidden, "not one of ours"},
		"of no key":               {at(nil, time.Now(), identity1), http.StatusForbidden, "not one of ours"},
		"hostile":                 {ackPath + "%3Cscript%3Ealert(1)%3C/script%3E." + signature, http.StatusForbidden, "not one of ours"},
		"old":                     {at(key, time.Now().Add(-ackLife-time.Minute), identity1), http.StatusForbidden, "too old"},
		"of an alert that is not": {at(key, time.Now(), "mgr/1.1"), http.StatusNotFound, "not kept any more"},
		"nearly old":              {at(key, time.Now().Add(-ackLife+time.Hour), identity1), http.StatusOK, "I take it"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if c.status == http.StatusOK && method == http.MethodPost {
					continue
				}
				resp, body := visit(t, address, method, c.link, url.Values{"by": {"mallory"}})
				if resp.StatusCode != c.status || !strings.Contains(body, c.says) || strings.Contains(body, "<script") || c.status != http.StatusOK && strings.Contains(body, "web-01") {
					t.Errorf("%s: %d, want %d and %q:\n%s", method, resp.StatusCode, c.status, c.says, body)
				}
				if resp.Header.Get("Content-Security-Policy") == "" {
					t.Errorf("%s: the page has no policy", method)
				}
			}
		})
	}
	if by := in.takenBy(identity1); by != "" {
		t.Errorf("taken by %q", by)
	}
	if strings.Contains(in.log(), "mallory") || strings.Contains(in.log(), grant) {
		t.Errorf("the log:\n%s", in.log())
	}
}

// TestWhatPeopleAndAlertsSayStaysTextOnThePage has a name and an alert that would be something else.
func TestWhatPeopleAndAlertsSayStaysTextOnThePage(t *testing.T) {
	t.Parallel()
	in, address := linked(t, asksEverybody, "")
	file := in.alert("1")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const hostile = `</h1><script>alert(1)</script> <!channel> \u202e\u0007 {{.Exec}}`
	if err := os.WriteFile(file, []byte(strings.Replace(string(b), `"name":"web-01"`, `"name":"`+hostile+`"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", file)
	in.delivered(6)
	link := linkIn(t, plainly(string(in.at(sandbox.Slack)[0].Body)))
	for _, c := range []struct {
		method, by string
	}{{http.MethodGet, ""}, {http.MethodPost, "<b>NAME</b>\x1b[31m\u202e\n<!channel> \"x\" &amp; " + strings.Repeat("n", 200)}, {http.MethodGet, ""}} {
		_, page := visit(t, address, c.method, link, url.Values{"by": {c.by}})
		if !strings.Contains(page, "<h1>Story 1 on agent 001</h1>") || strings.Contains(page, "<script") || strings.ContainsAny(page, "\x07\x1b\u202e") || strings.Contains(page, "<b>") {
			t.Errorf("%s: the page:\n%s", c.method, page)
		}
	}
	// Such a host is none, and is left out of the sentence. What gets there is escaped.
	var page strings.Builder
	if err := ackTemplate.Execute(&page, ackPage{Title: hostile, Text: hostile, Receiver: hostile, Form: true, By: hostile, Via: hostile, At: hostile}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), "&lt;script&gt;"); n != 7 || strings.Contains(page.String(), "<script") || strings.Count(page.String(), "</h1>") != 1 {
		t.Errorf("%d texts are shown:\n%s", n, page.String())
	}
	by := in.takenBy(identity1)
	if n := len([]rune(by)); n > 60 || !strings.HasPrefix(by, "<b>NAME</b>[31m") || strings.ContainsAny(by, "\x1b\u202e\n") {
		t.Errorf("taken by %q, %d characters", by, n)
	}
	in.shows(sandbox.Slack, "(Slack link)")
	slack := in.at(sandbox.Slack)
	if text := string(slack[len(slack)-1].Body); strings.Contains(text, "<!channel>") || strings.Contains(plainly(text), "<!channel>") {
		t.Errorf("Slack calls the channel:\n%s", text)
	}
	if n := strings.Count(in.log(), "alert is taken"); n != 1 || strings.Contains(in.log(), "\x1b") {
		t.Errorf("%d lines in the log:\n%s", n, in.log())
	}
}

func TestALinkIsItsOwnPermission(t *testing.T) {
	t.Parallel()
	in, address := linked(t, withoutPagerDutyAfter("1h"), ", token: s3cret-t0ken")
	in.call("custom-notify", in.alert("1"))
	in.delivered(1)
	link := linkIn(t, plainly(string(in.at(sandbox.Slack)[0].Body)))
	if resp, _ := visit(t, address, http.MethodGet, link, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the link wants a token: %d", resp.StatusCode)
	}
	for _, path := range []string{"/metrics", ackPath + "../metrics", ackPath + "..%2Fmetrics", link + "/../../metrics", "//ack/../metrics", ackPath + "x/../../metrics"} {
		for range 3 { // a redirect leads to where the token is asked for
			resp, body := visit(t, address, http.MethodGet, path, nil)
			if strings.Contains(body, "ossec_notify_") {
				t.Errorf("%s shows the metrics", path)
			}
			to, err := resp.Location()
			if err != nil {
				if resp.StatusCode == http.StatusOK {
					t.Errorf("%s: %d %s", path, resp.StatusCode, body)
				}
				break
			}
			path = to.Path
		}
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+address+link, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "attacker.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("by another name: %d", resp.StatusCode)
	}
}

func withoutPagerDutyAfter(after string) string {
	return strings.ReplaceAll(withoutPagerDuty, "AFTER", after)
}

func TestLinksAreGoodOverRestartsAndTheirKeyIsGuarded(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	in := newInstallation(t, withoutPagerDutyAfter("1h")+fmt.Sprintf("http: {listen: %q, url: https://notify.example.com/notify/}\n", address))
	daemon := in.serve()
	in.call("custom-notify", in.alert("1"))
	in.delivered(1)
	body := plainly(string(in.at(sandbox.Slack)[0].Body))
	_, rest, found := strings.Cut(body, "https://notify.example.com/notify/ack/") // the proxy takes its own path off
	if !found {
		t.Fatalf("no link below the path of http.url:\n%s", body)
	}
	link := ackPath + rest[:strings.IndexByte(rest, '|')]
	path := filepath.Join(in.state(), "ack.key")
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 || st.Size() != ackKeySize {
		t.Errorf("the key: %v, %v", st, err)
	}
	in.stop(daemon)
	daemon = in.serve()
	if resp, body := visit(t, address, http.MethodGet, link, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("after a restart: %d %s", resp.StatusCode, body)
	}
	in.stop(daemon)

	if err := os.WriteFile(path, []byte("half of a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon = in.serve() // alerts are told all the same
	if want := "the key of these: " + path + " holds no key of 32 bytes: remove it"; !strings.Contains(in.log(), want) || strings.Contains(in.log(), "half of") {
		t.Errorf("with a damaged key serve says\n%s\nwant %s", in.log(), want)
	}
	in.call("custom-notify", in.alert("2"))
	in.delivered(2)
	if body := plainly(string(in.at(sandbox.Slack)[1].Body)); strings.Contains(body, ackPath) {
		t.Errorf("a link without a key:\n%s", body)
	}
	if resp, _ := visit(t, address, http.MethodGet, link, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a key a link is answered with %d", resp.StatusCode)
	}
	in.stop(daemon)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	in.serve()
	if resp, _ := visit(t, address, http.MethodGet, link, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a link of the key that was removed: %d", resp.StatusCode)
	}
}

func TestWithoutAnAddressThereAreNoLinks(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, withoutPagerDutyAfter("1h")+"http: \""+freeAddress(t)+"\"\n")
	in.serve()
	in.call("custom-notify", in.alert("1"))
	in.delivered(1)
	if body := plainly(string(in.at(sandbox.Slack)[0].Body)); strings.Contains(body, ackPath) || strings.Contains(body, "I take it") {
		t.Errorf("a link to nowhere:\n%s", body)
	}
}
