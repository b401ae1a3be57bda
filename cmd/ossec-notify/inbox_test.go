package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

func newTestInbox(t *testing.T) (in *inbox.Inbox, config string) {
	t.Helper()
	in, err := inbox.Start(sandbox.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Stand.Close() })
	config = filepath.Join(t.TempDir(), "ossec-notify.yaml")
	putFile(t, config, sandboxConfig(in.Stand))
	return in, config
}

func items(t *testing.T, in *inbox.Inbox, channel, q, after string) page.ItemList {
	t.Helper()
	list, err := in.Items(t.Context(), channel, q, after)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What send sends shows in the inbox as its channel would show it, with the request that came, byte by byte but for the
// secrets, and what was answered.
func TestTheInboxShowsWhatArrived(t *testing.T) {
	in, config := newTestInbox(t)
	var arrived []string
	in.OnArrival(func(item string) { arrived = append(arrived, item) })
	receivers := []string{"soc", "soc-bot", "oncall", "siem", "search", "logs", "hook", "root-mail"}
	for _, receiver := range receivers {
		if code := run(t.Context(), []string{"send", "--config", config, "--sample", "100300", "--to", receiver}, strings.NewReader(""), io.Discard, io.Discard); code != exitDone {
			t.Fatalf("send to %s: exit status %d", receiver, code)
		}
	}
	list := items(t, in, "", "", "")
	if want := map[string]int{"slack": 2, "pagerduty": 1, "splunk": 1, "elasticsearch": 1, "loki": 1, "webhook": 1, "email": 1}; !maps.Equal(list.Counts, want) {
		t.Errorf("counts are %v, want %v", list.Counts, want)
	}
	if len(list.Items) != 8 || len(arrived) != 8 || in.Unread() != 8 || list.Items[0].Channel != "email" {
		t.Errorf("%d items, %d told of, %d unread, the newest from %s", len(list.Items), len(arrived), in.Unread(), list.Items[0].Channel)
	}
	if len(list.Addresses) != 7 || !strings.HasPrefix(list.Example, "curl ") {
		t.Errorf("addresses are %+v, an example %q", list.Addresses, list.Example)
	}
	sent := map[string]sandbox.Message{}
	for _, m := range in.Stand.Messages() {
		sent[strconv.Itoa(m.ID)] = m
	}
	slices.Reverse(receivers) // the newest first
	for i, x := range list.Items {
		if name, _, _ := strings.Cut(x.Receiver, " "); name != receivers[i] && x.Channel != "email" {
			t.Errorf("what was sent to %s is shown as of %s", receivers[i], x.Receiver)
		}
		item, err := in.Item(t.Context(), x.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !x.Unread || !x.OK || x.Word != "ok" || !strings.Contains(x.Title, "Rule 100300 fired") || len(item.Checks) != 1 || !item.Checks[0].OK {
			t.Errorf("got %+v", x)
		}
		ids := []string{}
		for _, v := range item.Views {
			ids = append(ids, v.ID)
		}
		want := []string{page.ViewShown, page.ViewRequest, page.ViewAnswer}
		if x.Channel == "email" {
			want = []string{page.ViewHTML, page.ViewText, page.ViewSource, page.ViewAnswer}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s has the views %q", x.Channel, ids)
		}
		all, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{sandbox.FakeSlackToken, sandbox.FakeRoutingKey, sandbox.FakeHECToken, sandbox.FakeWebhookToken, "/B00000000/sandbox"} {
			if bytes.Contains(all, []byte(secret)) {
				t.Errorf("%s shows the secret %s", x.Channel, secret)
			}
		}
		m := sent[x.ID]
		switch x.Channel {
		case "email":
			html, ok := in.Frame(item.Views[0].Frame)
			if !ok || !bytes.Contains(html, []byte("<html")) {
				t.Errorf("the frame holds %.100s", html)
			}
			if diff := cmp.Diff(stableMail(string(m.Body)), stableMail(strings.ReplaceAll(draw.TextOf(item.Views[2].Draw[0]), "\n", "\r\n"))); diff != "" {
				t.Errorf("mail (-sent +page):\n%s", diff)
			}
		default:
			body := item.Views[1].Draw[0].Children[len(item.Views[1].Draw[0].Children)-1]
			if body.Kind == draw.Pre {
				want := strings.NewReplacer(sandbox.FakeRoutingKey, "[redacted]").Replace(string(m.Body))
				if diff := cmp.Diff(decodedText(want), decodedText(draw.TextOf(body))); diff != "" {
					t.Errorf("%s (-sent +page):\n%s", x.Channel, diff)
				}
			}
		}
	}
	if n := in.Unread(); n != 0 {
		t.Errorf("%d are unread after all were opened", n)
	}
	if n := len(items(t, in, "slack", "", "").Items); n != 2 {
		t.Errorf("%d of Slack", n)
	}
	if n := len(items(t, in, "", "ROOT@", "").Items); n != 1 {
		t.Errorf("%d to root", n)
	}
	in.Clear()
	if list := items(t, in, "", "", ""); len(list.Items) != 0 || in.Unread() != 0 {
		t.Errorf("after Clear: %d items", len(list.Items))
	}
	var gone *page.Error
	if _, err := in.Item(t.Context(), arrived[0]); !errors.As(err, &gone) || gone.Status != http.StatusNotFound {
		t.Errorf("an item that was cleared: %v", err)
	}
}

func post(t *testing.T, address, kind, body string, header map[string]string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestARefusalSaysWhy(t *testing.T) {
	in, _ := newTestInbox(t)
	post(t, in.Stand.SlackWebhookURL(), "application/json", `{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"`+strings.Repeat("x", 3412)+`"}}]}`, nil)
	post(t, in.Stand.PagerDutyURL()+"/v2/enqueue", "application/json", `{"routing_key": "real\"0000","event_action":"trigger"}`, nil)
	resp, err := http.Head(in.Stand.SplunkURL()) // whether somebody answers: no message
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	list := items(t, in, "", "", "")
	if len(list.Items) != 2 {
		t.Fatalf("got %+v", list.Items)
	}
	slack := list.Items[1]
	if slack.OK || slack.Status != http.StatusBadRequest || slack.Word != "refused: invalid_blocks" {
		t.Errorf("got %+v", slack)
	}
	item, err := in.Item(t.Context(), slack.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(item.Checks) != 2 || item.Checks[0].OK || !strings.Contains(item.Checks[1].Text, "/blocks/0/text/text") {
		t.Errorf("checks are %+v", item.Checks)
	}
	if pager := list.Items[0]; pager.OK || !strings.HasPrefix(pager.Word, "refused: ") {
		t.Errorf("got %+v", pager)
	}
	if item, err = in.Item(t.Context(), list.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(item); bytes.Contains(b, []byte("0000")) || !bytes.Contains(b, []byte("[redacted]")) {
		t.Errorf("the key, which may be a real one, is shown: %s", b)
	}
}

// Repeats join their incident until it is resolved, answers and edits in Slack stand below their message.
func TestWhatBelongsTogether(t *testing.T) {
	in, _ := newTestInbox(t)
	event := func(action, key string) {
		post(t, in.Stand.PagerDutyURL()+"/v2/enqueue", "application/json", `{"routing_key":"`+sandbox.FakeRoutingKey+`","event_action":"`+action+`","dedup_key":"`+key+`","payload":{"summary":"s","source":"h","severity":"error"}}`, nil)
	}
	for _, action := range []string{"trigger", "trigger", "trigger", "acknowledge", "resolve", "trigger"} {
		event(action, "one")
	}
	event("trigger", "other")
	type row struct {
		ID, Of string
		Joined int
	}
	rows := func(channel string) []row {
		var out []row
		for _, x := range slices.Backward(items(t, in, channel, "", "").Items) {
			out = append(out, row{x.ID, x.Of, x.Joined})
		}
		return out
	}
	want := []row{{"1", "", 2}, {"2", "1", 0}, {"3", "1", 0}, {"4", "1", 0}, {"5", "1", 0}, {"6", "", 0}, {"7", "", 0}}
	if diff := cmp.Diff(want, rows("pagerduty")); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
	call := func(method, form string) {
		post(t, in.Stand.SlackAPIURL()+method, "application/x-www-form-urlencoded", form, map[string]string{"Authorization": "Bearer " + sandbox.FakeSlackToken})
	}
	call("chat.postMessage", "channel=%23soc&text=first")
	var posted struct{ TS, Channel string }
	all := in.Stand.Messages()
	if err := json.Unmarshal([]byte(all[len(all)-1].Answer), &posted); err != nil || posted.TS == "" {
		t.Fatalf("the answer is %s", all[len(all)-1].Answer)
	}
	call("chat.postMessage", "channel=%23soc&text=answer&thread_ts="+posted.TS)
	call("chat.update", "channel="+posted.Channel+"&text=edited&ts="+posted.TS)
	call("chat.postMessage", "channel=%23soc&text=second")
	if diff := cmp.Diff([]row{{"8", "", 0}, {"9", "8", 0}, {"10", "8", 0}, {"11", "", 0}}, rows("slack")); diff != "" {
		t.Errorf("threads (-want +got):\n%s", diff)
	}
}

// The inbox is in parts, and keeps so many.
func TestTheInboxIsBounded(t *testing.T) {
	in, _ := newTestInbox(t)
	const kept = 500
	for range kept + 10 {
		post(t, in.Stand.WebhookURL(), "application/json", `{}`, nil)
	}
	n, after := 0, ""
	for {
		list := items(t, in, "", "", after)
		n += len(list.Items)
		if after = list.Next; after == "" {
			break
		}
	}
	if n != kept {
		t.Errorf("%d are kept, want %d", n, kept)
	}
}
