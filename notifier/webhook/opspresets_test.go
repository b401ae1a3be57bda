package webhook_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// opsVendor is a vendor of incidents, tickets or automation, with a receiver for it.
type opsVendor struct {
	preset   string
	desk     func() *desk
	address  string            // behind that of the desk
	settings map[string]string // beside url
	secrets  []string
	answers  []answerCase
	anyBody  bool // a page of a proxy's cannot be told from its answer
	reasons  map[int]notifier.Reason
}

// opsVendors are all of them. Settings that the preset has a default for are left out where it is the one that the desk wants.
func opsVendors() []opsVendor {
	wiki := map[string]string{"user": "ossec@example.com", "token": "ATATT3xFfGF0secret", "project": "SOC"}
	return []opsVendor{
		{preset: "alertmanager", desk: func() *desk { return &newAlertmanager().desk }, answers: alertmanagerAnswers, anyBody: true},
		{preset: "opsgenie", desk: func() *desk { return &newOpsgenie("", "details").desk }, settings: map[string]string{"key": "0a1b2c3d-1111-2222-3333-444444444444"},
			secrets: []string{"0a1b2c3d-1111-2222-3333-444444444444"}, answers: opsgenieAnswers},
		{preset: "jsm", desk: func() *desk { return &newOpsgenie("/jsm/ops/integration", "extraProperties").desk }, settings: map[string]string{"key": "0a1b2c3d-1111-2222-3333-444444444444"},
			secrets: []string{"0a1b2c3d-1111-2222-3333-444444444444"}, answers: opsgenieAnswers},
		{preset: "thehive", desk: func() *desk { return &newTheHive(theHiveKnows[0]).desk }, settings: map[string]string{"key": "th3h1ve-k3y"}, secrets: []string{"th3h1ve-k3y"}, answers: theHiveAnswers},
		{preset: "jira", desk: func() *desk { return jira("3") }, settings: wiki, secrets: []string{"ATATT3xFfGF0secret", "b3NzZWNAZXhhbXBsZS5jb206QVRBVFQzeEZmR0Ywc2VjcmV0"}, answers: jiraAnswers},
		{preset: "jira-dc", desk: func() *desk { return jira("2") }, settings: map[string]string{"token": "MDEyMzQ1c2VjcmV0cGF0", "project": "SOC"}, secrets: []string{"MDEyMzQ1c2VjcmV0cGF0"}, answers: jiraAnswers},
		{preset: "incident-io", desk: func() *desk { return &incidentIO().desk }, address: "/v2/alert_events/http/01GW2G3V0S59R238FAHPDS1R66", settings: map[string]string{"token": "1nc1d3nt-t0ken"},
			secrets: []string{"1nc1d3nt-t0ken"}, answers: incidentIOAnswers},
		{preset: "grafana-oncall", desk: func() *desk { return &onCall().desk }, address: "/integrations/v1/formatted_webhook/0nc4ll-t0ken/", secrets: []string{"0nc4ll-t0ken"}, answers: onCallAnswers,
			reasons: redirects(notifier.Misconfigured, 301, 302, 307, 308)},
		{preset: "victorops", desk: func() *desk { return &victorOps().desk }, address: "/integrations/generic/20131114/alert", settings: map[string]string{"key": "v1ct0r-k3y", "routing_key": "soc"},
			secrets: []string{"v1ct0r-k3y"}, answers: victorOpsAnswers},
		{preset: "pushover", desk: func() *desk { return &newPushover().desk }, settings: map[string]string{"token": pushoverToken, "user": pushoverUser}, secrets: []string{pushoverToken, pushoverUser}, answers: pushoverAnswers},
		{preset: "github-dispatch", desk: github, settings: map[string]string{"owner": "example", "repo": "runbooks", "token": "github_pat_s3cr3t"}, secrets: []string{"github_pat_s3cr3t"}, answers: automationAnswers["github-dispatch"]},
		{preset: "gitlab-trigger", desk: gitlab, settings: map[string]string{"project": "17", "token": "glptt-s3cr3t"}, secrets: []string{"glptt-s3cr3t"}, answers: automationAnswers["gitlab-trigger"]},
		{preset: "rundeck", desk: rundeck, settings: map[string]string{"job": "0a1b2c3d-1111-2222-3333-444444444444", "token": "rund3ck-t0ken"}, secrets: []string{"rund3ck-t0ken"}, answers: automationAnswers["rundeck"]},
		{preset: "awx", desk: func() *desk { return awx(true) }, address: "/api/v2", settings: map[string]string{"template": "42", "token": "4wx-t0ken"}, secrets: []string{"4wx-t0ken"}, answers: automationAnswers["awx"]},
		{preset: "stackstorm", desk: stackStorm, settings: map[string]string{"key": "st2-k3y-s3cr3t"}, secrets: []string{"st2-k3y-s3cr3t"}, answers: automationAnswers["stackstorm"], anyBody: true},
		{preset: "n8n", desk: n8n, address: "/webhook/n8n-s3cr3t-path", secrets: []string{"n8n-s3cr3t-path"}, answers: automationAnswers["n8n"], anyBody: true},
		{preset: "shuffle", desk: shuffle, address: "/api/v1/hooks/webhook_shuff1e-s3cr3t", secrets: []string{"webhook_shuff1e-s3cr3t"}, answers: automationAnswers["shuffle"]},
		{preset: "jenkins", desk: jenkins, address: "/job/security", settings: map[string]string{"job": "runbook", "user": "ossec-notify", "token": "11s3cr3t-j3nk1ns"}, secrets: []string{"11s3cr3t-j3nk1ns"}, answers: automationAnswers["jenkins"],
			reasons: redirects(notifier.Misconfigured, 302, 303)},
	}
}

func redirects(r notifier.Reason, statuses ...int) map[int]notifier.Reason {
	m := map[int]notifier.Reason{}
	for _, s := range statuses {
		m[s] = r
	}
	return m
}

// opsHouse is a receiver of a preset, with the vendor that it sends to.
type opsHouse struct {
	vendor opsVendor
	desk   *desk
	hook   *webhook.Notifier
	set    *templates.Set
	// receipt is that of the last message.
	receipt notifier.Receipt
}

func (v opsVendor) config(t *testing.T, base string) webhook.Config {
	t.Helper()
	p := presets.Embedded(v.preset)
	if p == nil {
		t.Fatalf("there is no preset %s", v.preset)
	}
	cfg := webhook.Config{URL: notifier.PlainSecret(base + v.address), Preset: v.preset, Settings: map[string]notifier.Secret{}}
	for name, value := range v.settings {
		cfg.Settings[name] = notifier.PlainSecret(value)
	}
	cfg.UsePreset(p)
	return cfg
}

// newOpsHouse makes one. own is a file of the operator's templates, or "".
func newOpsHouse(t *testing.T, v opsVendor, own string) *opsHouse {
	t.Helper()
	h := &opsHouse{vendor: v, desk: v.desk()}
	server := httptest.NewServer(h.desk)
	t.Cleanup(server.Close)
	cfg := v.config(t, server.URL)
	var err error
	if h.set, err = linked(t, own).WithPreset(cfg.LoadedPreset(), cfg.PresetSettings()); err != nil {
		t.Fatal(err)
	}
	if h.hook, err = webhook.New(cfg, http.DefaultClient); err != nil {
		t.Fatal(err)
	}
	return h
}

// said is a message about an alert, or about many.
func (h *opsHouse) said(t *testing.T, a *alert.Alert, c templates.Context) notifier.Notification {
	t.Helper()
	c.Receiver, c.Channel, c.Route = "ops", "webhook", "page"
	return rendered(t, h.set, a, c)
}

// deliver sends a message, which the vendor takes, and returns what arrived.
func (h *opsHouse) deliver(t *testing.T, n notifier.Notification) sinkRequest {
	t.Helper()
	receipt, err := h.hook.Notify(t.Context(), n)
	took, why := h.desk.results()
	if err != nil || len(took) != 1 {
		t.Fatalf("%s not taken: %q (%v)", n.Action, why, err)
	}
	h.receipt = receipt
	return took[0]
}

// life is what becomes of an alert, in the order in which it happens. by ends it.
func (h *opsHouse) life(t *testing.T, text string, a, by *alert.Alert, delivery string) {
	t.Helper()
	opened := corpusReceived.Add(-time.Minute)
	var first *notifier.Receipt
	for i, c := range []templates.Context{
		{Action: notifier.Trigger, Opened: opened},
		{
			Action: notifier.Trigger, Opened: opened, PossibleRepeat: true, Late: 14 * time.Minute, LateWhy: text, Instead: "oncall has failed for 5 min (status 401)",
			Seen: &templates.Seen{Count: 37, Since: corpusReceived, Last: corpusReceived.Add(time.Hour)}, Step: &templates.Step{N: 2, Of: 3, Who: []string{text}, After: time.Minute},
		},
		{Action: notifier.Trigger, Sample: "5712"},
		{Action: notifier.Acknowledge, Opened: opened, Taken: &templates.Taken{By: text, Via: text, At: corpusReceived}},
		{Action: notifier.Resolve, Opened: opened, Resolved: &templates.Resolved{After: 42 * time.Minute, By: by}},
	} {
		c.Delivery = fmt.Sprintf("%s-%d", delivery, i)
		if !h.hook.Follows(c.Action) {
			continue
		}
		n := h.said(t, a, c)
		n.Earlier = first
		h.deliver(t, n)
		if i == 0 {
			first = &notifier.Receipt{ID: h.receipt.ID}
		}
	}
}

func eachOpsVendor(t *testing.T, f func(t *testing.T, k int, v opsVendor)) {
	for k, v := range opsVendors() {
		t.Run(v.preset, func(t *testing.T) {
			t.Parallel()
			f(t, k, v)
		})
	}
}

// The alerts of the corpus arrive, each at some vendors, and what becomes of some of them; the digest has all.
func TestOpsPresetsTakeEveryAlert(t *testing.T) {
	eachOpsVendor(t, func(t *testing.T, k int, v opsVendor) {
		h := newOpsHouse(t, v, "")
		all := everyAlert(t, func(t *testing.T, i int, a *alert.Alert) {
			switch {
			case !webhook.Meets(i, k, 4): // the rest is much the same
			case !webhook.Meets(i/4, k, 4):
				h.deliver(t, h.said(t, a, templates.Context{Action: notifier.Trigger, Delivery: fmt.Sprint(i)}))
			default:
				h.life(t, "carol", a, a, fmt.Sprint(i))
			}
		})
		c := many("night, until 06:00", all...)
		c.Delivery = "many"
		h.deliver(t, h.said(t, all[0], c))
	})
}

// Whatever stands in the fields of an alert, the vendor takes the message and finds nothing live in it.
func TestPayloadsStayTextInOpsPresets(t *testing.T) {
	bases := []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "ossec/5712-ssh-brute-force.json"}
	every := flag.Lookup("payloads").Value.String() == "true"
	eachOpsVendor(t, func(t *testing.T, k int, v opsVendor) {
		h := newOpsHouse(t, v, "")
		own := newOpsHouse(t, v, everywhereTemplate)
		for i, p := range injection.All() {
			if p.Name != "nul" && !webhook.Meets(i, k, 10) || p.Large && !every { // TestOpsPresetsFit has large ones
				continue
			}
			t.Run(p.Name, func(t *testing.T) {
				var all []*alert.Alert
				for j, base := range bases {
					if p.Large && j > 0 {
						continue
					}
					a := hostile(t, base, p.Text)
					if all = append(all, a); !webhook.Meets(i/10, j, len(bases)) {
						continue
					}
					h.life(t, p.Text, a, a, fmt.Sprintf("%d-%d", i, j))
				}
				c := many(p.Text, all...)
				c.Delivery = fmt.Sprintf("many-%d", i)
				h.deliver(t, h.said(t, all[0], c))
				if !p.Large { // TestOpsPresetsFit has long ones
					own.deliver(t, own.said(t, all[0], templates.Context{Action: notifier.Trigger, Delivery: c.Delivery}))
				}
			})
		}
	})
}

// However long the parts are, the message fits.
func TestOpsPresetsFit(t *testing.T) {
	signs := [][2]string{{"letters", "x"}, {"emoji", "😀"}, {"braces", "{"}, {"backticks", "`"}, {"backslashes", `\`}, {"control", "\x01"}}
	eachOpsVendor(t, func(t *testing.T, k int, v opsVendor) {
		h := newOpsHouse(t, v, everywhereTemplate)
		for i, s := range signs {
			name, sign := s[0], s[1]
			if name != "emoji" && !webhook.Meets(i, k, len(signs)) { // an emoji is one sign, two units and four bytes
				continue
			}
			t.Run(name, func(t *testing.T) {
				for _, n := range []int{130, 500, 33_000, 200_000} {
					if n > 33_000 && name != "braces" { // the rest is the same, and takes long
						continue
					}
					raw, err := json.Marshal(map[string]any{"id": "1795440502.8", "rule": map[string]any{"id": "5712", "level": 10, "groups": []string{"sshd"}}, "agent": map[string]any{"name": "web-01"}, "full_log": "x" + strings.Repeat(sign, n)})
					if err != nil {
						t.Fatal(err)
					}
					h.deliver(t, h.said(t, parsed(raw, "x.json"), templates.Context{Action: notifier.Trigger, Delivery: fmt.Sprint(name, n)}))
				}
			})
		}
	})
}

// What a vendor answers means what the preset says of it, in words that a person can use.
func TestOpsPresetsReadAnswers(t *testing.T) {
	eachOpsVendor(t, func(t *testing.T, _ int, v opsVendor) {
		h := newOpsHouse(t, v, "")
		message := h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"})
		if len(v.answers) < 4 {
			t.Errorf("%d answers are known", len(v.answers))
		}
		for _, x := range v.answers {
			t.Run(x.name, func(t *testing.T) {
				h.desk.answer(x.answer)
				_, err := h.hook.Notify(t.Context(), message)
				h.desk.results()
				if x.reason == "delivered" {
					if err != nil {
						t.Errorf("got %v, want it delivered", err)
					}
					return
				}
				if err == nil {
					t.Fatal("taken for delivered")
				}
				e := notifier.Classify(err)
				if e.Reason.String() != x.reason || e.Status != x.answer.status {
					t.Errorf("got %s, status %d, want %s, status %d: %v", e.Reason, e.Status, x.reason, x.answer.status, err)
				}
				if !strings.Contains(e.Err.Error(), x.text) {
					t.Errorf("the error %q does not say %q", e.Err, x.text)
				}
				if !strings.Contains(e.Hint, x.hint) {
					t.Errorf("the hint %q does not say %q", e.Hint, x.hint)
				}
				if e.RetryAfter.Round(time.Second) != x.wait {
					t.Errorf("waits %s, want %s", e.RetryAfter, x.wait)
				}
				if e.Ambiguous {
					t.Error("an answer that refuses leaves no doubt")
				}
			})
		}
	})
}

// The rules for statuses, secrets, connections and actions hold for these presets as for every channel.
func TestOpsPresetsAsChannels(t *testing.T) {
	for _, v := range opsVendors() {
		t.Run(v.preset, func(t *testing.T) {
			h := newOpsHouse(t, v, "")
			message := h.said(t, shortAlert(), templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"})
			yes := yesOf(t, v, message)
			notifiertest.Run(t, notifiertest.Case{
				New: func(t *testing.T, base string, client *http.Client) notifier.Notifier {
					n, err := webhook.New(v.config(t, base), client)
					if err != nil {
						t.Fatal(err)
					}
					return n
				},
				Notification: message,
				Earlier:      &notifier.Receipt{ID: "EARLIER-1"},
				Secrets:      v.secrets,
				Accept: func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(yes.status)
					_, _ = w.Write([]byte(yes.body))
				},
				Reasons: v.reasons,
				AnyBody: v.anyBody,
			})
		})
	}
}

// yesOf is what the vendor answers to a message that it takes.
func yesOf(t *testing.T, v opsVendor, n notifier.Notification) (yes sinkAnswer) {
	t.Helper()
	h := newOpsHouse(t, v, "")
	handle := h.desk.handle
	h.desk.handle = func(r sinkRequest) (sinkAnswer, error) {
		answer, err := handle(r)
		yes = answer
		return answer, err
	}
	h.deliver(t, n)
	return yes
}

// A test says so to what it starts, which can end there.
func TestAutomationIsToldOfATest(t *testing.T) {
	told := 0
	for _, v := range opsVendors() {
		if !strings.Contains(presets.Embedded(v.preset).Source(), ".Delivery") || presets.Embedded(v.preset).Idempotent {
			continue
		}
		told++
		h := newOpsHouse(t, v, "")
		for sample, want := range map[string]string{"": "trigger", "5712": "test"} {
			got := string(h.deliver(t, h.said(t, shortAlert(), templates.Context{Action: notifier.Trigger, Sample: sample, Delivery: "D" + sample})).body)
			if !strings.Contains(got, `"action":"`+want+`"`) && !strings.Contains(got, "OSSEC_ACTION="+want) {
				t.Errorf("%s, sample %q: %s is not said in %s", v.preset, sample, want, got)
			}
		}
	}
	if told != 8 {
		t.Errorf("%d presets start something, want 8", told)
	}
}

// The end of an incident has the labels, key or alias of its beginning, whatever the alert holds.
func TestOpsPresetsEndWhatBegan(t *testing.T) {
	a := newAlertmanager()
	h := newOpsHouse(t, opsVendor{preset: "alertmanager", desk: func() *desk { return &a.desk }}, "")
	for i, p := range injection.All() {
		if p.Large {
			continue
		}
		x := hostile(t, "wazuh/5712-ssh-brute-force.json", p.Text)
		began := len(a.alerts)
		h.deliver(t, h.said(t, x, templates.Context{Action: notifier.Trigger, Opened: corpusReceived, Delivery: fmt.Sprint(i)}))
		n := len(a.alerts)
		h.deliver(t, h.said(t, x, templates.Context{Action: notifier.Resolve, Opened: corpusReceived, Delivery: fmt.Sprint(i), Resolved: &templates.Resolved{After: time.Hour}}))
		if len(a.alerts) != n || n < began {
			t.Errorf("%s: its end is another alert", p.Name)
		}
	}
	for _, x := range a.alerts {
		if x.EndsAt != corpusReceived.Add(time.Hour) {
			t.Errorf("it ends at %v, want %v", x.EndsAt, corpusReceived.Add(time.Hour))
		}
	}
}

// An alert that waited is not over before Alertmanager hears of it.
func TestAlertmanagerHearsOfWhatIsLate(t *testing.T) {
	for name, c := range map[string]templates.Context{
		"late":     {Late: 10 * time.Hour},
		"step":     {Step: &templates.Step{N: 2, Of: 2, Who: []string{"oncall"}, After: 10 * time.Hour}},
		"incident": {Opened: corpusReceived.Add(10 * time.Hour)},
	} {
		a := newAlertmanager()
		h := newOpsHouse(t, opsVendor{preset: "alertmanager", desk: func() *desk { return &a.desk }}, "")
		c.Action, c.Delivery = notifier.Trigger, name
		h.deliver(t, h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), c))
		for _, x := range a.alerts {
			if want := corpusReceived.Add(14 * time.Hour); x.EndsAt != want {
				t.Errorf("%s: it ends at %v, want %v: 4 hours after it could be told", name, x.EndsAt, want)
			}
		}
	}
}

// TheHive refuses what it has, in two ways, and that is delivered.
func TestTheHiveHasItOnce(t *testing.T) {
	for _, known := range theHiveKnows {
		hive := newTheHive(known)
		h := newOpsHouse(t, opsVendor{preset: "thehive", desk: func() *desk { return &hive.desk }, settings: map[string]string{"key": "th3h1ve-k3y"}}, "")
		message := h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"})
		h.deliver(t, message)
		first := h.receipt.ID
		for range 2 { // as after an answer that was lost
			receipt, err := h.hook.Notify(t.Context(), message)
			if took, why := h.desk.results(); err != nil || len(took) != 2 || took[1].URL.Path != "/api/v1/query" || len(why) > 0 {
				t.Fatalf("%d requests, refused %q: %v", len(took), why, err)
			}
			if receipt.ID != first || receipt.Warning != "" {
				t.Errorf("it is known as %q, want %q (%s)", receipt.ID, first, receipt.Warning)
			}
		}
		if len(hive.alerts) != 1 {
			t.Errorf("TheHive has %d alerts, want 1", len(hive.alerts))
		}
		comment := h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Acknowledge, Taken: &templates.Taken{By: "carol", At: corpusReceived}})
		comment.Earlier = &notifier.Receipt{ID: first}
		h.deliver(t, comment)
	}
}

// What cannot be found is delivered all the same, and what that means is said.
func TestWhatTheHiveDoesNotFindIsDelivered(t *testing.T) {
	for name, x := range map[string]struct {
		answer sinkAnswer
		says   string
	}{
		"nothing":   {sinkAnswer{200, nil, `[]`}, "not among what was found"},
		"no right":  {sinkAnswer{403, nil, `{"type":"AuthorizationError","message":"Your are not authorized, th3h1ve-k3y"}`}, "status 403"},
		"down":      {sinkAnswer{503, nil, "down"}, "status 503"},
		"a page":    {sinkAnswer{200, nil, "<html>log in</html>"}, "not among what was found"},
		"no object": {sinkAnswer{200, nil, `[[]]`}, "not among what was found"},
	} {
		hive := newTheHive(theHiveKnows[1])
		h := newOpsHouse(t, opsVendor{preset: "thehive", desk: func() *desk { return &hive.desk }, settings: map[string]string{"key": "th3h1ve-k3y"}}, "")
		message := h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"})
		h.deliver(t, message)
		handle := hive.handle
		hive.handle = func(r sinkRequest) (sinkAnswer, error) {
			if r.URL.Path == "/api/v1/query" {
				return x.answer, nil
			}
			return handle(r)
		}
		receipt, err := h.hook.Notify(t.Context(), message)
		if err != nil || receipt.ID != "" {
			t.Errorf("%s: %q, %v: want it delivered, without an id", name, receipt.ID, err)
		}
		if !strings.Contains(receipt.Warning, "what becomes of the alert cannot be told there") || !strings.Contains(receipt.Warning, x.says) || strings.Contains(receipt.Warning, "th3h1ve-k3y") {
			t.Errorf("%s: it warns %q, want %q", name, receipt.Warning, x.says)
		}
	}
}

// With a setting that says how, what is over is closed in place of a comment; taken by somebody, it is commented as ever.
func TestWhatIsOverIsClosed(t *testing.T) {
	for _, v := range opsVendors() {
		closes := map[string][3]string{
			"thehive": {"closed_status", "PATCH /api/v1/alert/~4096", `{"status":"Ignored"}`},
			"jira":    {"done_transition", "POST /rest/api/3/issue/SOC-1/transitions", `{"transition":{"id":"31"}}`},
			"jira-dc": {"done_transition", "POST /rest/api/2/issue/SOC-1/transitions", `{"transition":{"id":"31"}}`},
		}[v.preset]
		if closes[0] == "" {
			continue
		}
		v.settings = maps.Clone(v.settings)
		v.settings[closes[0]] = map[bool]string{true: "Ignored", false: "31"}[v.preset == "thehive"]
		h := newOpsHouse(t, v, "")
		a := corpusAlert(t, "wazuh/5712-ssh-brute-force.json")
		h.deliver(t, h.said(t, a, templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"}))
		earlier := notifier.Receipt{ID: h.receipt.ID}
		taken := h.said(t, a, templates.Context{Action: notifier.Acknowledge, Taken: &templates.Taken{By: "carol", At: corpusReceived}})
		taken.Earlier = &earlier
		if got := h.deliver(t, taken); !strings.HasSuffix(got.URL.Path, "/comment") {
			t.Errorf("%s: that it is taken goes to %s", v.preset, got.URL.Path)
		}
		over := h.said(t, a, templates.Context{Action: notifier.Resolve, Resolved: &templates.Resolved{After: 42 * time.Minute}})
		over.Earlier = &earlier
		got := h.deliver(t, over)
		if request := got.Method + " " + got.URL.Path; request != closes[1] || string(got.body) != closes[2] {
			t.Errorf("%s: it is closed by %s %s, want %s %s", v.preset, request, got.body, closes[1], closes[2])
		}
		over.Parts = templates.Plain(templates.NewData(a, alert.DefaultScale, templates.Context{Receiver: "ops", Channel: "webhook", Action: notifier.Resolve}), errors.New("broken"))
		n := notifier.Notification{Action: over.Action, Earlier: &earlier, Parts: over.Parts}
		h.desk.answer(sinkAnswer{status: 204})
		if got := h.deliver(t, n); string(got.body) != closes[2] {
			t.Errorf("%s: where templates fail it is closed by %s", v.preset, got.body)
		}
	}
}

// AWX runs a template that does not ask for variables without the alert: that is no success.
func TestAWXThatDropsTheAlertIsNoSuccess(t *testing.T) {
	h := newOpsHouse(t, opsVendor{preset: "awx", desk: func() *desk { return awx(false) }, address: "/api/v2", settings: map[string]string{"template": "42", "token": "4wx-t0ken"}}, "")
	_, err := h.hook.Notify(t.Context(), h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"}))
	if e := notifier.Classify(err); err == nil || e.Reason != notifier.Misconfigured || !strings.Contains(e.Hint, "Prompt on launch") {
		t.Errorf("got %v, want it misconfigured, with a hint", err)
	}
}

// What became of an alert is told where it is, by what the vendor called it; where that is not known, it is not told as something new.
func TestWhatBecameIsAComment(t *testing.T) {
	for _, v := range opsVendors() {
		if !map[string]bool{"thehive": true, "jira": true, "jira-dc": true}[v.preset] {
			continue
		}
		h := newOpsHouse(t, v, "")
		a := corpusAlert(t, "wazuh/5712-ssh-brute-force.json")
		h.deliver(t, h.said(t, a, templates.Context{Action: notifier.Trigger, Delivery: "01J9Z3"}))
		for _, c := range []templates.Context{
			{Action: notifier.Acknowledge, Taken: &templates.Taken{By: "carol", Via: "mail link", At: corpusReceived}},
			{Action: notifier.Resolve, Resolved: &templates.Resolved{After: 42 * time.Minute}},
		} {
			n := h.said(t, a, c)
			earlier := notifier.Receipt{ID: h.receipt.ID}
			n.Earlier = &earlier
			if got := h.deliver(t, n); !strings.HasSuffix(got.URL.Path, earlier.ID+"/comment") {
				t.Errorf("%s: %s goes to %s", v.preset, c.Action, got.URL.Path)
			}
			h.receipt = earlier
			n.Earlier = nil
			_, err := h.hook.Notify(t.Context(), n)
			if e := notifier.Classify(err); err == nil || e.Reason != notifier.Permanent || !strings.Contains(e.Error(), "nothing is known of the message that this one is about") {
				t.Errorf("%s: %s without an earlier message: %v", v.preset, c.Action, err)
			}
			if took, why := h.desk.results(); len(took)+len(why) > 0 {
				t.Errorf("%s: something was sent: %q", v.preset, why)
			}
		}
	}
}

// The shapes that the corpus does not have arrive, with what becomes of them, and in a digest of all.
func TestOpsPresetsTakeEveryShape(t *testing.T) {
	eachOpsVendor(t, func(t *testing.T, k int, v opsVendor) {
		h := newOpsHouse(t, v, "")
		var all []*alert.Alert
		for i, s := range webhook.Shapes() {
			a := s.Alert()
			all = append(all, a)
			t.Run(s.Name, func(t *testing.T) {
				switch {
				case webhook.Meets(i, k, 6):
					h.life(t, a.Log, a, a, fmt.Sprint(i))
				case webhook.Meets(i, k, 2):
					h.deliver(t, h.said(t, a, templates.Context{Action: notifier.Trigger, Delivery: fmt.Sprint(i)}))
				}
			})
		}
		c := many("night, until 06:00", all...)
		c.Delivery = "many"
		h.deliver(t, h.said(t, all[0], c))
	})
}
