package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// stand is a Slack with a receiver that posts to it.
type stand struct {
	*testing.T
	slack *sandbox.Server
	bot   *Notifier
}

func newStand(t *testing.T, channel string, opt sandbox.Options) *stand {
	t.Helper()
	s, err := sandbox.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	st := &stand{T: t, slack: s}
	st.restart(channel)
	return st
}

// restart makes the receiver anew, as another process has it.
func (st *stand) restart(channel string) {
	st.Helper()
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		st.Fatal(err)
	}
	st.Cleanup(client.CloseIdleConnections)
	st.bot = newNotifier(st.T, Config{Token: notifier.PlainSecret(sandbox.FakeSlackToken), Channel: channel, APIURL: st.slack.SlackAPIURL()}, client)
}

func delivery(id string) notifier.Notification {
	n := notification(map[string]string{"text": id})
	n.Delivery = id
	return n
}

// post makes an attempt that must succeed.
func (st *stand) post(id string) notifier.Receipt {
	st.Helper()
	r, err := st.bot.Notify(st.Context(), delivery(id))
	if err != nil {
		st.Fatal(err)
	}
	return r
}

// breaks makes an attempt of which nobody knows whether it arrived.
func (st *stand) breaks(id string, reply sandbox.Reply) {
	st.Helper()
	st.slack.Script(sandbox.SlackAPI, reply)
	if _, err := st.bot.Notify(st.Context(), delivery(id)); err == nil || !notifier.Classify(err).Ambiguous {
		st.Fatalf("got %v, want an error that is ambiguous", err)
	}
}

// trigger is what Find needs of a message.
func trigger(id string) notifier.Notification {
	return notifier.Notification{Action: notifier.Trigger, Delivery: id}
}

func (st *stand) find(id string) (notifier.Receipt, bool, error) {
	return st.bot.Find(st.Context(), trigger(id), time.Now())
}

// shown counts the messages in the channels.
func (st *stand) shown() int {
	return len(slices.DeleteFunc(st.slack.Messages(), func(m sandbox.Message) bool { return !m.Accepted }))
}

var (
	afterAcceptance  = sandbox.Reply{Reset: true}
	insideTheAnswer  = sandbox.Reply{CloseAfterHeaders: true}
	beforeAcceptance = sandbox.Reply{Status: 500, Reset: true}
)

func TestMessageThatArrivedIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		channel string
		before  bool // something was posted before
		restart bool
		opt     sandbox.Options
		breaks  sandbox.Reply
	}{
		"by id":                     {channel: "C0000SOC1", breaks: afterAcceptance},
		"answer cut":                {channel: "C0000SOC1", breaks: insideTheAnswer},
		"by id, poor in scopes":     {channel: "C0000SOC1", breaks: afterAcceptance, opt: sandbox.Options{SlackScopes: []string{"chat:write", "channels:history"}}},
		"by name":                   {channel: "#soc", breaks: afterAcceptance},
		"by name without #":         {channel: "soc", breaks: afterAcceptance},
		"after a restart":           {channel: "#soc", breaks: afterAcceptance, restart: true},
		"public channels only":      {channel: "#soc", breaks: afterAcceptance, opt: sandbox.Options{SlackScopes: []string{"chat:write", "channels:history", "channels:read"}}},
		"id from an earlier answer": {channel: "#soc", before: true, breaks: afterAcceptance, opt: sandbox.Options{SlackScopes: []string{"chat:write", "channels:history"}}},
		"private, by id":            {channel: "G0000SOC1", breaks: afterAcceptance, opt: sandbox.Options{SlackScopes: []string{"chat:write", "groups:history"}}},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStand(t, c.channel, c.opt)
			want := 1
			if c.before {
				st.post("EARLIER")
				want++
			}
			st.breaks("D1", c.breaks)
			if c.restart {
				st.restart(c.channel)
			}
			r, found, err := st.find("D1")
			if err != nil || !found || r.Status != 200 || !slackTS(r.ID) || !channelID.MatchString(r.Channel) {
				t.Errorf("got %+v, %v, %v, want the message", r, found, err)
			}
			if got := st.shown(); got != want {
				t.Errorf("%d messages, want %d", got, want)
			}
			if _, found, err := st.find("D2"); found || err != nil {
				t.Errorf("of another delivery: got %v, %v, want that it is not there", found, err)
			}
		})
	}
}

func slackTS(s string) bool { return len(s) == 17 && s[10] == '.' }

func TestMessageThatDidNotArriveIsNotFound(t *testing.T) {
	st := newStand(t, "#soc", sandbox.Options{SlackChannels: []string{"ops", "soc"}})
	st.breaks("D1", beforeAcceptance)
	if _, found, err := st.find("D1"); found || err != nil {
		t.Errorf("got %v, %v, want that it is not there", found, err)
	}
	st.post("D1")
	if _, found, err := st.find("D1"); !found || err != nil {
		t.Errorf("after it was posted: got %v, %v", found, err)
	}
}

// Who posts beside us may post anything.
func TestSearchKnowsItsOwnMessagesOnly(t *testing.T) {
	st := newStand(t, "C0000SOC1", sandbox.Options{})
	for _, metadata := range []string{
		`{"event_type":"other","event_payload":{"delivery":"D1"}}`,
		`{"event_type":"ossec_notify","event_payload":{"delivery":7}}`,
		`{"event_type":"ossec_notify","event_payload":{"id":"D1"}}`,
		``,
	} {
		form := url.Values{"token": {sandbox.FakeSlackToken}, "channel": {"C0000SOC1"}, "text": {"D1"}}
		if metadata != "" {
			form.Set("metadata", metadata)
		}
		resp, err := http.PostForm(st.slack.SlackAPIURL()+"chat.postMessage", form)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if got := st.shown(); got != 4 {
		t.Fatalf("%d messages, want 4", got)
	}
	if r, found, err := st.find("D1"); found || err != nil {
		t.Errorf("got %+v, %v, %v, want that it is not there", r, found, err)
	}
}

func TestSearchReadsPagesToABound(t *testing.T) {
	st := newStand(t, "C0000SOC1", sandbox.Options{Keep: 5000})
	st.post("D1")
	for i := range findPage + 5 {
		st.post(fmt.Sprint("X", i))
	}
	if _, found, err := st.find("D1"); !found || err != nil {
		t.Errorf("on the second page: got %v, %v", found, err)
	}
	if _, found, err := st.find("D2"); found || err != nil {
		t.Errorf("on no page: got %v, %v, want that it is not there", found, err)
	}
	for i := range findPage * findPages {
		st.post(fmt.Sprint("Y", i))
	}
	_, found, err := st.find("D1")
	if found || err == nil || notifier.Retryable(err) || !strings.Contains(err.Error(), "there are more") {
		t.Errorf("beyond the bound: got %v, %v, want an error that is not temporary", found, err)
	}
}

func TestSearchGoesBackToTheAttemptAndNoFurther(t *testing.T) {
	now := time.Now()
	st := newStand(t, "C0000SOC1", sandbox.Options{Now: func() time.Time { return now }})
	sent := now
	st.post("D1")
	now = now.Add(3 * time.Hour)
	if _, found, err := st.bot.Find(t.Context(), trigger("D1"), sent.Add(10*time.Minute)); !found || err != nil {
		t.Errorf("clocks that differ by 10 min: got %v, %v", found, err)
	}
	if _, found, err := st.bot.Find(t.Context(), trigger("D1"), sent.Add(time.Hour)); found || err != nil {
		t.Errorf("an hour before: got %v, %v, want that it is not looked at", found, err)
	}
	if _, found, err := st.bot.Find(t.Context(), trigger("D1"), time.Time{}); !found || err != nil {
		t.Errorf("without a time: got %v, %v", found, err)
	}
}

func TestSearchSaysWhatItLacks(t *testing.T) {
	for name, c := range map[string]struct {
		channel string
		opt     sandbox.Options
		code    string
		hint    string
	}{
		"history":         {"C0000SOC1", sandbox.Options{SlackScopes: []string{"chat:write"}}, "missing_scope", "scope channels:history"},
		"private history": {"G0000SOC1", sandbox.Options{SlackScopes: []string{"chat:write"}}, "missing_scope", "scope groups:history"},
		"list":            {"#soc", sandbox.Options{SlackScopes: []string{"chat:write", "channels:history"}}, "missing_scope", "scope channels:read"},
		"no member":       {"C0000SOC1", sandbox.Options{SlackOutside: []string{"C0000SOC1"}}, "not_in_channel", "/invite"},
		"not in the list": {"#soc", sandbox.Options{SlackOutside: []string{"soc"}}, "", "channel's id"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStand(t, c.channel, c.opt)
			st.breaks("D1", afterAcceptance)
			_, found, err := st.find("D1")
			if found || err == nil {
				t.Fatalf("got %v, %v, want an error", found, err)
			}
			e := notifier.Classify(err)
			if e.Reason != notifier.Misconfigured || e.Code != c.code || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("got %v %q, hint %q, want misconfigured %q, %q", e.Reason, e.Code, e.Hint, c.code, c.hint)
			}
			if e.Ambiguous {
				t.Error("a search is ambiguous")
			}
		})
	}
}

func TestSearchThatFailsIsNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		reply sandbox.Reply
		after time.Duration
	}{
		"broken":    {afterAcceptance, 0},
		"503":       {sandbox.Reply{Status: 503}, 0},
		"limit":     {sandbox.Reply{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: `{"ok":false,"error":"ratelimited"}`}, 7 * time.Second},
		"a proxy's": {sandbox.Reply{Status: 200, Body: "<html>"}, 0},
		"odd":       {sandbox.Reply{Status: 200, Body: `{"ok":true,"messages":{}}`}, 0},
		"unknown":   {sandbox.Reply{Status: 200, Body: `{"ok":false,"error":"a_word_of_tomorrow"}`}, 0},
		"an echo":   {sandbox.Reply{Status: 500, Body: "token=" + sandbox.FakeSlackToken}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStand(t, "C0000SOC1", sandbox.Options{})
			st.post("D1")
			st.slack.Script(sandbox.SlackAPI, c.reply)
			_, found, err := st.find("D1")
			if found || err == nil {
				t.Fatalf("got %v, %v, want an error", found, err)
			}
			e := notifier.Classify(err)
			if e.Reason != notifier.Temporary || e.Ambiguous || e.RetryAfter != c.after {
				t.Errorf("got %v, ambiguous %v, retry after %v, want temporary, false, %v: %v", e.Reason, e.Ambiguous, e.RetryAfter, c.after, err)
			}
			if strings.Contains(err.Error(), sandbox.FakeSlackToken) {
				t.Errorf("the token stands in the error: %v", err)
			}
		})
	}
}

func TestSearchTakesLongPages(t *testing.T) {
	st := newStand(t, "C0000SOC1", sandbox.Options{})
	st.post("D1")
	for range 40 { // 40 times 4 kB, over what is read of other answers
		n := delivery("X")
		n.Parts = map[string]display.Text{"text": display.Words(strings.Repeat("ü", 1500))}
		if _, err := st.bot.Notify(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := st.find("D1"); !found || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	st := newStand(t, "C0000SOC1", sandbox.Options{})
	hold := make(chan struct{})
	defer close(hold)
	st.slack.Script(sandbox.SlackAPI, sandbox.Reply{Hold: hold})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, found, err := st.bot.Find(ctx, trigger("D1"), time.Now()); found || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v, want the context's error", found, err)
	}
}

func TestWebhookCannotBeAsked(t *testing.T) {
	n := newNotifier(t, Config{WebhookURL: notifier.PlainSecret("https://hooks.slack.com/x")}, nil)
	if _, found, err := n.Find(t.Context(), trigger("D1"), time.Now()); found || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, %v, want errors.ErrUnsupported", found, err)
	}
}
