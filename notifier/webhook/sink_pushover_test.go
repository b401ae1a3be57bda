package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
)

const (
	pushoverToken = "azGDORePK8gMaC0QOYAMyEEuzJnyUi"
	pushoverUser  = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"
)

// pushover is the message API of Pushover, which keeps what rings by its tag.
type pushover struct {
	desk
	rings map[string]bool
}

func newPushover() *pushover {
	p := &pushover{rings: map[string]bool{}}
	p.handle = p.serve
	return p
}

func (p *pushover) serve(r sinkRequest) (sinkAnswer, error) {
	no := func(key, why string) string {
		return fmt.Sprintf(`{%q:"invalid","errors":[%q],"status":0,"request":"647d2300-702c-4b38-8b2f-d56326ae460b"}`, key, why)
	}
	var who struct{ Token, User string }
	_ = json.Unmarshal(r.body, &who)
	if who.Token != pushoverToken {
		return sinkAnswer{}, refuse(400, no("token", "application token is invalid"), "token")
	}
	yes := sinkAnswer{status: 200, body: `{"status":1,"request":"647d2300-702c-4b38-8b2f-d56326ae460b"}`}
	if tag, ok := strings.CutPrefix(r.URL.Path, "/1/receipts/cancel_by_tag/"); ok && r.Method == "POST" {
		if err := jsonBody(r, 1<<10, object(map[string]shape{"!token": words(30)})); err != nil {
			return sinkAnswer{}, err
		}
		tag, ok := strings.CutSuffix(tag, ".json")
		if !ok {
			return sinkAnswer{}, refuse(404, "", "path %s", r.URL.Path)
		}
		delete(p.rings, tag)
		return yes, nil
	}
	if err := asked(r, "/1/messages.json", ""); err != nil {
		return sinkAnswer{}, err
	}
	if who.User != pushoverUser {
		return sinkAnswer{}, refuse(400, no("user", "user identifier is not a valid user, group, or subscribed user key"), "user")
	}
	err := jsonBody(r, 64<<10, object(map[string]shape{
		"!token": words(30), "!user": words(30), "!message": words(1024, unseen), "title": words(250, unseen), "priority": whole(-2, 2),
		"retry": whole(30, 10_800), "expire": whole(30, 10_800), "tags": words(100, has("tag", `^[A-Za-z0-9_-]+$`)),
		"url": words(512, ours), "url_title": words(100), "timestamp": whole(1e9, 1e10), "device": words(100), "sound": words(30),
	}))
	if err != nil {
		return sinkAnswer{}, refusal{err, sinkAnswer{400, nil, no("message", "message cannot be blank")}}
	}
	var m struct {
		Priority, Retry, Expire int
		Tags                    string
	}
	_ = json.Unmarshal(r.body, &m)
	if (m.Priority == 2) != (m.Retry > 0 && m.Expire > 0) {
		return sinkAnswer{}, refusal{errors.New("retry and expire belong to emergencies"), sinkAnswer{400, nil, no("expire", "expire must be supplied with priority=2")}}
	}
	if m.Priority == 2 {
		p.rings[m.Tags] = true
		yes.body = strings.Replace(yes.body, "{", `{"receipt":"rLqVuqTRh62UzxtmqiaLzQmVcPgiCy",`, 1)
	}
	return yes, nil
}

func TestPushoverSink(t *testing.T) {
	p := newPushover()
	message := func(more string) string {
		return `{"token":"` + pushoverToken + `","user":"` + pushoverUser + `","message":"x"` + more + `}`
	}
	testDesk(t, &p.desk, map[string]string{"Content-Type": "application/json"}, "/1/messages.json", []deskCase{
		{name: "message", body: message(`,"priority":-2`), status: 200},
		{name: "priority 3", body: message(`,"priority":3`), why: "whole number", status: 400},
		{name: "1,025 characters", body: message(`,"title":"` + strings.Repeat("x", 251) + `"`), why: "251 characters"},
		{name: "emergency without retry", body: message(`,"priority":2`), why: "retry and expire", status: 400},
		{name: "emergency", body: message(`,"priority":2,"retry":30,"expire":60,"tags":"ossec-1"`), status: 200},
		{name: "other token", body: strings.Replace(message(""), "azG", "xyz", 1), why: "token", status: 400},
		{name: "other user", body: strings.Replace(message(""), "uQi", "xyz", 1), why: "user", status: 400},
		{name: "no token to cancel", path: "/1/receipts/cancel_by_tag/ossec-1.json", body: `{}`, why: "token"},
		{name: "user to cancel", path: "/1/receipts/cancel_by_tag/ossec-1.json", body: message(""), why: "unknown key"},
	})
	if !p.rings["ossec-1"] {
		t.Error("nothing rings")
	}
}

var pushoverAnswers = []answerCase{
	{"wrong token", sinkAnswer{400, nil, `{"token":"invalid","errors":["application token is invalid, see https://pushover.net/api"],"status":0,"request":"x"}`}, "misconfigured", "application token is invalid", "settings.token", 0},
	{"wrong user", sinkAnswer{400, nil, `{"user":"invalid","errors":["user identifier is not a valid user, group, or subscribed user key"],"status":0,"request":"x"}`}, "misconfigured", "not a valid user", "settings.user", 0},
	{"blank", sinkAnswer{400, nil, `{"message":"cannot be blank","errors":["message cannot be blank"],"status":0,"request":"x"}`}, "permanent", "cannot be blank", "preview", 0},
	{"used up", sinkAnswer{429, map[string]string{"X-Limit-App-Remaining": "0"}, `{"errors":["application is over its monthly message limit"],"status":0,"request":"x"}`}, "misconfigured", "monthly message limit", "next month", 0},
	{"down", sinkAnswer{500, nil, ``}, "temporary", "500", "", 0},
	{"no success", sinkAnswer{200, nil, `{"status":0,"request":"x"}`}, "permanent", "200", "", 0},
	{"log-in page", sinkAnswer{200, nil, "<!DOCTYPE html><title>Log in</title>"}, "permanent", "200", "", 0},
}

// What is critical rings until somebody took it, or until it is over; nothing else does.
func TestPushoverRingsUntilTaken(t *testing.T) {
	for _, end := range []templates.Context{
		{Action: notifier.Acknowledge, Taken: &templates.Taken{By: "carol", At: corpusReceived}},
		{Action: notifier.Resolve, Resolved: &templates.Resolved{After: time.Hour}},
	} {
		p := newPushover()
		h := newOpsHouse(t, opsVendor{preset: "pushover", desk: func() *desk { return &p.desk }, settings: map[string]string{"token": pushoverToken, "user": pushoverUser, "retry": "30"}}, "")
		critical := parsed([]byte(`{"id":"1795440502.8","rule":{"id":"5712","level":15},"agent":{"name":"web-01"},"full_log":"Failed password"}`), "x.json")
		got := string(h.deliver(t, h.said(t, critical, templates.Context{Action: notifier.Trigger})).body)
		if len(p.rings) != 1 || !strings.Contains(got, `"retry":30,"expire":3600`) || !strings.Contains(got, `"token":"`+pushoverToken+`"`) {
			t.Errorf("%d ring: %s", len(p.rings), got)
		}
		h.deliver(t, h.said(t, critical, end))
		if len(p.rings) != 0 {
			t.Errorf("it still rings after %s", end.Action)
		}
		h.deliver(t, h.said(t, shortAlert(), templates.Context{Action: notifier.Trigger}))
		h.deliver(t, h.said(t, critical, many("night", critical)))
		if len(p.rings) != 0 {
			t.Error("what is less than critical, or a digest, rings")
		}
	}
}
