package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// web makes a call of the Web API and returns Slack's word for it, "ok" for success, with its problems.
func web(t *testing.T, s *Server, method, body string) (word string, problems []string) {
	t.Helper()
	m, err := parseObject([]byte(do(t, "POST", s.SlackAPIURL()+method, apiJSON, body).Body))
	if err != nil {
		t.Fatal(err)
	}
	got := last(t, s)
	if ok := m["ok"] == true; ok != got.Accepted {
		t.Errorf("%s: answered ok %v, accepted %v", method, ok, got.Accepted)
	}
	if word, _ = m["error"].(string); word == "" {
		word = "ok"
	}
	return word, got.Problems
}

func TestSlackChannelShowsEditsAndThreads(t *testing.T) {
	s := start(t, Options{})
	first := say(t, s, "#soc", "x1")
	second := say(t, s, "#soc", "other")
	for _, call := range [][2]string{
		{"chat.update", `{"channel":"C00000001","ts":"` + first + `","text":"x2"}`},
		{"chat.update", `{"channel":"C00000001","ts":"` + first + `","text":"x3"}`},
		{"chat.postMessage", `{"channel":"#soc","text":"a line","thread_ts":"` + first + `"}`},
		{"chat.postMessage", `{"channel":"C00000001","text":"worse","thread_ts":"` + first + `","reply_broadcast":true}`},
	} {
		if word, problems := web(t, s, call[0], call[1]); word != "ok" || problems != nil {
			t.Errorf("%s: got %s, %q", call, word, problems)
		}
	}
	got := s.SlackMessages("#soc")
	for i := range got {
		if got[i].TS == "" {
			t.Errorf("message %d has no ts", i)
		}
		got[i].TS = ""
	}
	want := []SlackMessage{
		{Text: "x3", Edits: 2, Replies: 2}, {Text: "other"},
		{Text: "a line", Thread: first}, {Text: "worse", Thread: first, Broadcast: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the channel differs (-want +got):\n%s", diff)
	}
	if !s.SlackDelete("soc", second) || s.SlackDelete("soc", second) || s.SlackDelete("soc", "1.2") {
		t.Error("a message is deleted once, and one that is not there never")
	}
	if got := len(s.SlackMessages("C00000001")); got != 3 {
		t.Errorf("after one was deleted: %d messages, want 3", got)
	}
}

func TestSlackChangesOnlyWhatMayBeChanged(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now, SlackEditWindow: time.Hour})
	old := say(t, s, "#soc", "old")
	clock.advance(time.Hour + time.Second)
	fresh, gone := say(t, s, "#soc", "fresh"), say(t, s, "#soc", "gone")
	others := s.SlackSay("#soc", "lunch?")
	s.SlackDelete("#soc", gone)
	for name, c := range map[string]struct{ ts, want string }{
		"its own":         {`"` + fresh + `"`, "ok"},
		"somebody else's": {`"` + others + `"`, "cant_update_message"},
		"too old":         {`"` + old + `"`, "edit_window_closed"},
		"deleted":         {`"` + gone + `"`, "message_not_found"},
		"number":          {fresh, "message_not_found"},
	} {
		word, problems := web(t, s, "chat.update", `{"channel":"C00000001","ts":`+c.ts+`,"text":"x"}`)
		if word != c.want || (word != "ok") != (len(problems) > 0) {
			t.Errorf("%s: got %s, %q, want %s", name, word, problems, c.want)
		}
	}
	poor := start(t, Options{SlackScopes: []string{"channels:history"}})
	if word, _ := web(t, poor, "chat.update", `{"channel":"C00000001","ts":"`+fresh+`","text":"x"}`); word != "missing_scope" {
		t.Errorf("without chat:write: got %s", word)
	}
}

func TestSlackTellsWhichAttachmentsStay(t *testing.T) {
	s := start(t, Options{})
	const attachment = `[{"color":"#B7791F","blocks":[{"type":"context","elements":[{"type":"mrkdwn","text":"x"}]}]}]`
	web(t, s, "chat.postMessage", `{"channel":"#soc","text":"x","attachments":`+attachment+`}`)
	ts := s.SlackMessages("soc")[0].TS
	for _, c := range []struct {
		attachments string
		notes       int
	}{{"", 1}, {`,"attachments":` + attachment, 0}, {`,"attachments":[]`, 0}, {"", 0}} {
		word, problems := web(t, s, "chat.update", `{"channel":"C00000001","ts":"`+ts+`","text":"x"`+c.attachments+`}`)
		if word != "ok" || len(problems) != c.notes {
			t.Errorf("update with %q: got %s, %q, want %d notes", c.attachments, word, problems, c.notes)
		}
	}
}

func TestSlackThreadsOfMessagesThatAreGone(t *testing.T) {
	s := start(t, Options{})
	plain, answered := say(t, s, "#soc", "a"), say(t, s, "#soc", "b")
	reply := func(ts string) (string, []string) {
		return web(t, s, "chat.postMessage", `{"channel":"#soc","text":"reply","thread_ts":"`+ts+`"}`)
	}
	if word, _ := reply(answered); word != "ok" {
		t.Fatalf("got %s", word)
	}
	inside := s.SlackMessages("#soc")[2].TS
	if word, problems := reply(inside); word != "ok" || len(problems) != 1 || s.SlackMessages("#soc")[3].Thread != answered {
		t.Errorf("a reply to a reply: got %s, %q, %+v, want a note, in the same thread", word, problems, s.SlackMessages("#soc")[3])
	}
	s.SlackDelete("#soc", plain)
	s.SlackDelete("#soc", answered)
	if word, _ := reply(answered); word != "cannot_reply_to_message" {
		t.Errorf("what was deleted and has answers: got %s", word)
	}
	word, problems := reply(plain)
	if word != "ok" || len(problems) != 1 || strings.Contains(last(t, s).Answer, "thread_ts") {
		t.Errorf("what was deleted: got %s, %q, %s, want a message of its own and a note", word, problems, last(t, s).Answer)
	}
	if word, _ := reply("1795435200.999999"); word != "thread_not_found" {
		t.Errorf("what never was: got %s", word)
	}
	if word, problems := web(t, s, "chat.postMessage", `{"channel":"#soc","text":"x","reply_broadcast":true}`); word != "ok" || len(problems) != 1 {
		t.Errorf("to the channel from no thread: got %s, %q, want a note", word, problems)
	}
}

func TestSlackRepliesAreOldestFirst(t *testing.T) {
	s := start(t, Options{})
	ts := say(t, s, "#soc", "first")
	say(t, s, "#soc", "other")
	for i := range 3 {
		web(t, s, "chat.postMessage", fmt.Sprintf(`{"channel":"#soc","text":"r%d","thread_ts":%q}`, i, ts))
	}
	got := ask(t, s, "conversations.replies", "channel=C00000001", "ts="+ts, "limit=3")
	if got.texts() != "first r0 r1" || !got.HasMore {
		t.Errorf("got %q, more %v", got.texts(), got.HasMore)
	}
	got = ask(t, s, "conversations.replies", "channel=C00000001", "ts="+ts, "oldest="+s.SlackMessages("soc")[3].TS)
	if got.texts() != "first r2" {
		t.Errorf("after the second reply: got %q", got.texts())
	}
	for want, args := range map[string][]string{
		"thread_not_found":  {"channel=C00000001", "ts=1795435200.999999"},
		"channel_not_found": {"channel=#soc", "ts=" + ts},
		"invalid_ts_oldest": {"channel=C00000001", "ts=" + ts, "oldest=x"},
	} {
		if got := ask(t, s, "conversations.replies", args...); got.Error != want {
			t.Errorf("%v: got %q, want %q", args, got.Error, want)
		}
	}
}

func TestSlackTakes50EditsAMinute(t *testing.T) {
	clock := newClock()
	s := start(t, Options{RateLimit: true, Now: clock.Now})
	ts := say(t, s, "#soc", "a")
	edit := func() got {
		return do(t, "POST", s.SlackAPIURL()+"chat.update", apiJSON, `{"channel":"C00000001","ts":"`+ts+`","text":"x"}`)
	}
	for i := range slackEditsPerMinute {
		if a := edit(); a.Status != 200 {
			t.Fatalf("edit %d: got %v", i, a)
		}
	}
	if a := edit(); a.Status != 429 || a.header.Get("Retry-After") != "60" {
		t.Errorf("got %v, want 429 with Retry-After 60", a)
	}
	clock.advance(time.Minute)
	if a := edit(); a.Status != 200 {
		t.Errorf("a minute later: got %v", a)
	}
}
