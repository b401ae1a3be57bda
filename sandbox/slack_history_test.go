package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

// asked is what the two methods that read answer.
type asked struct {
	OK                      bool
	Error, Needed, Provided string
	HasMore                 bool `json:"has_more"`
	Messages                []struct {
		TS, Text string
		Metadata struct {
			Type    string         `json:"event_type"`
			Payload map[string]any `json:"event_payload"`
		}
	}
	Channels []struct{ ID, Name string }
	Page     struct {
		Next string `json:"next_cursor"`
	} `json:"response_metadata"`
}

func (a asked) texts() string {
	var all []string
	for _, m := range a.Messages {
		all = append(all, m.Text)
	}
	return strings.Join(all, " ")
}

// ask calls a method with a form, as slack-go does. args are key=value.
func ask(t *testing.T, s *Server, method string, args ...string) asked {
	t.Helper()
	form := url.Values{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		form.Set(key, value)
	}
	a := do(t, "POST", s.SlackAPIURL()+method, apiForm, form.Encode())
	var out asked
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != 200 {
		t.Fatalf("got %v, %v", a, err)
	}
	if last(t, s).Accepted {
		t.Errorf("%s counts as a message", method)
	}
	return out
}

// say posts a message with metadata and returns its ts.
func say(t *testing.T, s *Server, channel, text string) string {
	t.Helper()
	a := do(t, "POST", s.SlackAPIURL()+"chat.postMessage", apiJSON,
		fmt.Sprintf(`{"channel":%q,"text":%q,"metadata":{"event_type":"ossec_notify","event_payload":{"delivery":%q}}}`, channel, text, text))
	var out struct {
		OK bool
		TS string
	}
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || !out.OK {
		t.Fatalf("got %v, %v", a, err)
	}
	return out.TS
}

func TestSlackHistoryIsNewestFirstInPages(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now})
	var ts []string
	for _, text := range []string{"a", "b", "c", "d", "e"} {
		ts = append(ts, say(t, s, "#soc", text))
		clock.advance(time.Minute)
	}
	say(t, s, "#other", "x")
	const channel = "channel=C00000001"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"all":                 {nil, "e d c b a"},
		"since":               {[]string{"oldest=" + ts[2]}, "e d"},
		"since, inclusive":    {[]string{"oldest=" + ts[2], "inclusive=1"}, "e d c"},
		"until":               {[]string{"latest=" + ts[2], "inclusive=true"}, "c b a"},
		"seconds":             {[]string{"oldest=" + ts[3][:10], "inclusive=1"}, "e d"},
		"between two seconds": {[]string{"oldest=" + ts[3][:10] + ".5"}, "e"},
		"of no time":          {[]string{"oldest=9999999999"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, s, "conversations.history", append(c.args, channel)...); !got.OK || got.texts() != c.want || got.HasMore {
				t.Errorf("got %q (%+v), want %q", got.texts(), got, c.want)
			}
		})
	}
	var pages []string
	for cursor := ""; ; {
		page := ask(t, s, "conversations.history", channel, "limit=2", "cursor="+cursor)
		pages = append(pages, page.texts())
		cursor = page.Page.Next
		if page.HasMore != (cursor != "") {
			t.Errorf("has_more is %v, next_cursor %q", page.HasMore, cursor)
		}
		if cursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"e d", "c b", "a"}, pages); diff != "" {
		t.Errorf("pages differ (-want +got):\n%s", diff)
	}
}

func TestSlackHistoryGivesMetadataToThoseWhoAsk(t *testing.T) {
	s := start(t, Options{})
	say(t, s, "#soc", "a")
	without := ask(t, s, "conversations.history", "channel=C00000001").Messages[0].Metadata
	if without.Type != "ossec_notify" || without.Payload != nil {
		t.Errorf("unasked: got %+v, want the type alone", without)
	}
	with := ask(t, s, "conversations.history", "channel=C00000001", "include_all_metadata=1").Messages[0].Metadata
	if diff := cmp.Diff(map[string]any{"delivery": "a"}, with.Payload); diff != "" {
		t.Errorf("the payload differs (-want +got):\n%s", diff)
	}
}

func TestSlackHistoryLeavesOutThreadsAndTellsEdits(t *testing.T) {
	s := start(t, Options{})
	ts := say(t, s, "#soc", "a")
	for _, body := range []string{
		`{"channel":"#soc","text":"hidden","thread_ts":"` + ts + `"}`,
		`{"channel":"#soc","text":"shown","thread_ts":"` + ts + `","reply_broadcast":true}`,
	} {
		do(t, "POST", s.SlackAPIURL()+"chat.postMessage", apiJSON, body)
	}
	do(t, "POST", s.SlackAPIURL()+"chat.update", apiJSON, `{"channel":"C00000001","ts":"`+ts+`","text":"edited"}`)
	got := ask(t, s, "conversations.history", "channel=C00000001", "include_all_metadata=1")
	if got.texts() != "shown edited" || got.Messages[1].Metadata.Payload["delivery"] != "a" {
		t.Errorf("got %+v", got)
	}
}

func TestSlackReadingIsRefusedInItsOwnWords(t *testing.T) {
	s := start(t, Options{})
	say(t, s, "#soc", "a")
	poor := start(t, Options{SlackScopes: []string{"chat:write"}, SlackChannels: []string{"#soc"}})
	outside := start(t, Options{SlackOutside: []string{"#soc", "C0000SOC1"}, SlackChannels: []string{"#soc"}})
	for name, c := range map[string]struct {
		server       *Server
		method       string
		args         []string
		want, needed string
	}{
		"no channel":      {s, "conversations.history", nil, "channel_not_found", ""},
		"channel by name": {s, "conversations.history", []string{"channel=#soc"}, "channel_not_found", ""},
		"limit 0":         {s, "conversations.history", []string{"channel=C00000001", "limit=0"}, "invalid_limit", ""},
		"limit 1000":      {s, "conversations.history", []string{"channel=C00000001", "limit=1000"}, "invalid_limit", ""},
		"cursor":          {s, "conversations.history", []string{"channel=C00000001", "cursor=x"}, "invalid_cursor", ""},
		"oldest":          {s, "conversations.history", []string{"channel=C00000001", "oldest=2026-11-23"}, "invalid_ts_oldest", ""},
		"latest":          {s, "conversations.history", []string{"channel=C00000001", "latest=now"}, "invalid_ts_latest", ""},
		"scope":           {poor, "conversations.history", []string{"channel=C00000001"}, "missing_scope", "channels:history"},
		"private scope":   {poor, "conversations.history", []string{"channel=G00000001"}, "missing_scope", "groups:history"},
		"no member":       {outside, "conversations.history", []string{"channel=C00000001"}, "not_in_channel", ""},
		"no member, id":   {outside, "conversations.history", []string{"channel=C0000SOC1"}, "not_in_channel", ""},
		"list, scope":     {poor, "users.conversations", nil, "missing_scope", "channels:read"},
		"list, private":   {poor, "users.conversations", []string{"types=private_channel"}, "missing_scope", "groups:read"},
		"list, types":     {s, "users.conversations", []string{"types=public"}, "invalid_types", ""},
		"list, limit":     {s, "users.conversations", []string{"limit=x"}, "invalid_limit", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, c.server, c.method, c.args...)
			if got.OK || got.Error != c.want || got.Needed != c.needed || len(last(t, c.server).Problems) == 0 {
				t.Errorf("got %+v, problems %q, want %s", got, last(t, c.server).Problems, c.want)
			}
		})
	}
	// Who may post to a public channel need not be in it.
	say(t, outside, "#soc", "a")
	strict := start(t, Options{SlackScopes: []string{"chat:write"}, SlackOutside: []string{"soc"}})
	if a := do(t, "POST", strict.SlackAPIURL()+"chat.postMessage", apiJSON, `{"channel":"#soc","text":"x"}`); !strings.Contains(a.Body, "not_in_channel") {
		t.Errorf("got %v, want not_in_channel", a)
	}
	mute := start(t, Options{SlackScopes: []string{"channels:history"}})
	if a := do(t, "POST", mute.SlackAPIURL()+"chat.postMessage", apiJSON, `{"channel":"#soc","text":"x"}`); !strings.Contains(a.Body, "missing_scope") {
		t.Errorf("got %v, want missing_scope", a)
	}
}

func TestSlackListsTheChannelsThatTheAppIsIn(t *testing.T) {
	s := start(t, Options{SlackChannels: []string{"ops", "#soc", "away"}, SlackOutside: []string{"away"}})
	first := ask(t, s, "users.conversations", "types=public_channel,private_channel", "limit=1")
	if !first.OK || len(first.Channels) != 1 || first.Channels[0].Name != "ops" {
		t.Fatalf("got %+v", first)
	}
	second := ask(t, s, "users.conversations", "limit=1", "cursor="+first.Page.Next)
	if len(second.Channels) != 1 || second.Channels[0].ID != "C00000002" || second.Channels[0].Name != "soc" || second.Page.Next != "" {
		t.Errorf("got %+v", second)
	}
	if got := ask(t, s, "users.conversations", "types=private_channel"); !got.OK || len(got.Channels) != 0 {
		t.Errorf("got %+v, want no private channel", got)
	}
}

func TestSlackGoReadsAChannel(t *testing.T) {
	s := start(t, Options{})
	ts := say(t, s, "#soc", "a")
	api := slack.New(FakeSlackToken, slack.OptionAPIURL(s.SlackAPIURL()))
	channels, _, err := api.GetConversationsForUserContext(t.Context(), &slack.GetConversationsForUserParameters{Types: []string{"public_channel", "private_channel"}, Limit: 200})
	if err != nil || len(channels) != 1 || channels[0].Name != "soc" {
		t.Fatalf("got %+v, %v", channels, err)
	}
	history, err := api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: channels[0].ID, Oldest: ts, Inclusive: true, Limit: 100, IncludeAllMetadata: true})
	if err != nil || len(history.Messages) != 1 || history.Messages[0].Metadata.EventPayload["delivery"] != "a" {
		t.Fatalf("got %+v, %v", history, err)
	}
}
