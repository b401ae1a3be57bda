package slack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// newLife is a stand with a receiver whose repeats are shown so.
func newLife(t *testing.T, repeats string, opt sandbox.Options) *stand {
	t.Helper()
	st := newStand(t, "#soc", opt)
	st.bot.repeats = repeats
	return st
}

// later is a message about an earlier one.
func later(a notifier.Action, earlier *notifier.Receipt) notifier.Notification {
	n := notification(map[string]string{
		"header": "MEDIUM x37: SSH brute force from ‹203.0.113.9› on ‹web-01›",
		"text":   "MEDIUM x37: SSH brute force from ‹203.0.113.9› on ‹web-01›\nSeen: 37 times in 15 min, last 13:43:10\nFrom: ‹203.0.113.9›",
		"facts":  "*Seen*  37 times in 15 min, last 13:43:10\n*From*  ‹203.0.113.9›",
		"footer": "id 1",
	})
	n.Action, n.Delivery, n.Earlier = a, "LATER", earlier
	return n
}

const laterText = "MEDIUM x37: SSH brute force from 203.0.113.9 on web-01\nSeen: 37 times in 15 min, last 13:43:10\nFrom: 203.0.113.9"

func (st *stand) tell(n notifier.Notification) notifier.Receipt {
	st.Helper()
	r, err := st.bot.Notify(st.Context(), n)
	if err != nil {
		st.Fatal(err)
	}
	return r
}

// channel is what the channel shows, without times; the first message's is 1.
func (st *stand) channel() []sandbox.SlackMessage {
	st.Helper()
	shown := st.slack.SlackMessages("#soc")
	first := shown[0].TS
	for i := range shown {
		shown[i].TS = ""
		if shown[i].Thread == first {
			shown[i].Thread = "1"
		}
	}
	for _, m := range st.slack.Messages() {
		if m.Accepted && len(m.Problems) > 0 {
			st.Errorf("%s: Slack has something to say: %q", m.Path, m.Problems)
		}
	}
	return shown
}

func TestLaterLifeOfAMessage(t *testing.T) {
	const line = "MEDIUM x37: SSH brute force from 203.0.113.9 on web-01\nSeen: 37 times in 15 min, last 13:43:10"
	type messages = []sandbox.SlackMessage
	edited := messages{{Text: laterText, Edits: 1}}
	threaded := messages{{Text: "FIRST", Replies: 1}, {Text: laterText, Thread: "1", Broadcast: true}}
	another := messages{{Text: "FIRST"}, {Text: laterText}}
	below := messages{{Text: "FIRST", Replies: 1}, {Text: laterText, Thread: "1"}}
	for _, c := range []struct {
		repeats string
		action  notifier.Action
		want    messages
	}{
		{"edit", notifier.Update, edited},
		{"edit", notifier.Acknowledge, edited},
		{"edit", notifier.Resolve, edited},
		{"edit", notifier.Trigger, threaded},
		{"edit", notifier.Digest, another},
		{"edit", notifier.Report, below},
		{"thread", notifier.Report, below},
		{"none", notifier.Report, below},
		{"thread", notifier.Update, messages{{Text: "FIRST", Replies: 1}, {Text: line, Thread: "1"}}},
		{"thread", notifier.Acknowledge, edited},
		{"thread", notifier.Resolve, edited},
		{"thread", notifier.Trigger, threaded},
		{"thread", notifier.Digest, another},
		{"none", notifier.Update, another},
		{"none", notifier.Acknowledge, edited},
		{"none", notifier.Resolve, edited},
		{"none", notifier.Trigger, another},
		{"none", notifier.Digest, another},
	} {
		t.Run(c.repeats+" "+string(c.action), func(t *testing.T) {
			st := newLife(t, c.repeats, sandbox.Options{SlackScopes: []string{"chat:write"}})
			first := st.post("FIRST")
			r := st.tell(later(c.action, &first))
			if diff := cmp.Diff(c.want, st.channel()); diff != "" {
				t.Errorf("the channel differs (-want +got):\n%s", diff)
			}
			if same, edits := r.ID == first.ID, c.want[0].Edits > 0; same != edits || r.Channel != first.Channel || r.Status != 200 {
				t.Errorf("got %+v after %+v, want the same message: %v", r, first, edits)
			}
			if want := len(c.want) == 2 && c.repeats == "none" && c.action == notifier.Update; r.Replaces != want {
				t.Errorf("got replaces %v, want %v", r.Replaces, want)
			}
			if got := len(st.slack.Messages()); got != 2 {
				t.Errorf("%d requests, want 2: one for each attempt", got)
			}
		})
	}
}

func TestPayloadOfAnEdit(t *testing.T) {
	c := botCase(bruteForce())
	c.Notification.Action, c.Notification.Earlier = notifier.Resolve, c.Earlier
	r := notifiertest.Requests(t, c)[0]
	if want := "/api/chat.update"; r.Path != want {
		t.Errorf("got path %s, want %s", r.Path, want)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	if form.Get("channel") != "C0000SOC1" || form.Get("ts") != "1795440502.000100" || form.Get("parse") != "none" || form.Has("metadata") {
		t.Errorf("got channel %q, ts %q, parse %q, metadata %q", form.Get("channel"), form.Get("ts"), form.Get("parse"), form.Get("metadata"))
	}
	payload := map[string]any{"text": form.Get("text"), "unfurl_links": false, "unfurl_media": false}
	for _, key := range []string{"blocks", "attachments"} {
		payload[key] = json.RawMessage(form.Get(key))
	}
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	notifiertest.GoldenJSON(t, "brute-force.golden.json", body) // what it would be as a new message
}

func TestEditTakesAwayWhatIsNoMore(t *testing.T) {
	c := botCase(notification(map[string]string{"text": "over"}))
	c.Notification.Action, c.Notification.Earlier = notifier.Resolve, c.Earlier
	form, err := url.ParseQuery(string(notifiertest.Requests(t, c)[0].Body))
	if err != nil || form.Get("blocks") != "[]" || form.Get("attachments") != "[]" {
		t.Errorf("got blocks %q, attachments %q, %v, want empty lists", form.Get("blocks"), form.Get("attachments"), err)
	}
}

func TestTextOfAnEditFits(t *testing.T) {
	for name, text := range map[string]display.Text{
		"short":         display.Words("short"),
		"ASCII":         display.Join(display.Words("a "), display.Quote(strings.Repeat("x", 5000))),
		"three bytes":   display.Join(display.Words("a "), display.Quote(strings.Repeat("€", 5000))),
		"four bytes":    display.Join(display.Words("a "), display.Quote(strings.Repeat("😀", 5000))),
		"to be escaped": display.Join(display.Words("a "), display.Quote(strings.Repeat("&", 5000))),
		"words":         display.Words(strings.Repeat("€", 5000)),
	} {
		t.Run(name, func(t *testing.T) {
			st := newLife(t, "edit", sandbox.Options{})
			first := st.post("FIRST")
			n := later(notifier.Update, &first)
			n.Parts["text"] = text
			if r := st.tell(n); r.Replaces {
				t.Errorf("got %+v, want an edit", r)
			}
			got := st.slack.SlackMessages("#soc")[0].Text
			if len(got) > 4000 || (len(got) < 1400 && name != "short") {
				t.Errorf("got %d bytes, want at most 4,000 and not much less than may be", len(got))
			}
			if strings.Contains(strings.ReplaceAll(got, "&amp;", ""), "&") {
				t.Errorf("an entity is cut: …%s", got[len(got)-60:])
			}
		})
	}
}

func TestLineInAThreadIsEscaped(t *testing.T) {
	st := newLife(t, "thread", sandbox.Options{})
	first := st.post("FIRST")
	n := later(notifier.Update, &first)
	n.Parts = map[string]display.Text{"body": display.Join(display.Words("\n*web-01* says "), display.Quote("<!channel> `x` & *y*"), display.Words("\n\nsecond\nthird"))}
	st.tell(n)
	all := st.slack.Messages()
	form, err := url.ParseQuery(string(all[len(all)-1].Body))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := form.Get("text"), "*web-01* says &lt;!channel&gt; `x` &amp; *y*\nsecond"; got != want {
		t.Errorf("got text %q, want %q", got, want)
	}
	if got, want := form.Get("blocks"), `"text":"*web-01* says `+"`"+`\u0026lt;!channel\u0026gt; ˋxˋ \u0026amp; *y*`+"`"+`\nsecond","verbatim":true`; !strings.Contains(got, want) {
		t.Errorf("got blocks %s, want %s in them", got, want)
	}
	if form.Has("attachments") || form.Get("thread_ts") != first.ID || form.Has("reply_broadcast") {
		t.Errorf("got attachments %q, thread_ts %q, broadcast %q", form.Get("attachments"), form.Get("thread_ts"), form.Get("reply_broadcast"))
	}
}

// Whatever keeps the first message from being changed or answered, the news is told, once.
func TestNewsIsToldWhereTheFirstMessageIsOutOfReach(t *testing.T) {
	for name, c := range map[string]struct {
		opt    sandbox.Options
		breaks func(st *stand, first *notifier.Receipt)
		asked  int // requests of the attempt
	}{
		"deleted":         {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { st.slack.SlackDelete("#soc", first.ID) }, 2},
		"window closed":   {sandbox.Options{SlackEditWindow: time.Nanosecond}, func(*stand, *notifier.Receipt) {}, 2},
		"somebody else's": {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { first.ID = st.slack.SlackSay("#soc", "x") }, 2},
		"another channel": {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { first.Channel = "C0000OLD1" }, 2},
		"no channel":      {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { first.Channel = "" }, 1},
		"name of channel": {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { first.Channel = "#soc" }, 1},
		"no ts":           {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { first.ID = "" }, 1},
		"a mail's id":     {sandbox.Options{}, func(st *stand, first *notifier.Receipt) { first.ID = "<x@example.com>" }, 1},
	} {
		for _, action := range []notifier.Action{notifier.Update, notifier.Acknowledge, notifier.Resolve} {
			t.Run(name+" "+string(action), func(t *testing.T) {
				st := newLife(t, "edit", c.opt)
				first := st.post("FIRST")
				c.breaks(st, &first)
				before := len(st.slack.Messages())
				r := st.tell(later(action, &first))
				if !r.Replaces || r.ID == first.ID || !messageTS.MatchString(r.ID) || !channelID.MatchString(r.Channel) {
					t.Errorf("got %+v, want a message in place of %+v", r, first)
				}
				if got := len(st.slack.Messages()) - before; got != c.asked {
					t.Errorf("%d requests, want %d", got, c.asked)
				}
				shown := st.slack.SlackMessages("#soc")
				if last := shown[len(shown)-1]; last.Text != laterText || last.Thread != "" {
					t.Errorf("got %+v, want the news in the channel", last)
				}
				if c.opt.SlackEditWindow > 0 {
					return
				}
				if next := st.tell(later(action, &r)); next.ID != r.ID || next.Replaces {
					t.Errorf("the next: got %+v, want %+v changed", next, r)
				}
			})
		}
	}
	t.Run("not known", func(t *testing.T) {
		st := newLife(t, "edit", sandbox.Options{})
		if r := st.tell(later(notifier.Resolve, nil)); !r.Replaces {
			t.Errorf("got %+v, want one that the next can change", r)
		}
		if r := st.tell(later(notifier.Trigger, nil)); r.Replaces {
			t.Errorf("got %+v: it takes nothing's place", r)
		}
	})
}

func TestThreadThatIsGone(t *testing.T) {
	for _, answered := range []bool{false, true} { // Slack refuses one, and posts the other to the channel without a word
		for _, action := range []notifier.Action{notifier.Update, notifier.Trigger} {
			st := newLife(t, "thread", sandbox.Options{})
			first := st.post("FIRST")
			if answered {
				st.tell(later(notifier.Update, &first))
			}
			st.slack.SlackDelete("#soc", first.ID)
			r := st.tell(later(action, &first))
			shown := st.slack.SlackMessages("#soc")
			if last := shown[len(shown)-1]; !r.Replaces || last.TS != r.ID || last.Thread != "" {
				t.Errorf("%s, answered %v: got %+v, shown %+v, want a message of its own", action, answered, r, last)
			}
		}
	}
}

func TestThreadOfAnotherChannelIsLeft(t *testing.T) {
	st := newStand(t, "C0000SOC1", sandbox.Options{})
	old := st.post("FIRST")
	for name, channel := range map[string]string{"by id": "C0000SOC2", "by name": "#new"} {
		st.restart(channel)
		st.post("something else")
		r := st.tell(later(notifier.Trigger, &old))
		if r.Channel == old.Channel || !r.Replaces {
			t.Errorf("%s: got %+v, want a message in the config's channel", name, r)
		}
	}
	if got := len(st.slack.SlackMessages("C0000SOC1")); got != 1 {
		t.Errorf("%d messages in the old channel, want 1", got)
	}
}

func TestEditThatFailsIsTriedAgainAndNotPosted(t *testing.T) {
	for name, c := range map[string]struct {
		reply  sandbox.Reply
		reason notifier.Reason
		after  time.Duration
	}{
		"broken after":  {afterAcceptance, notifier.Temporary, 0},
		"answer cut":    {insideTheAnswer, notifier.Temporary, 0},
		"broken before": {beforeAcceptance, notifier.Temporary, 0},
		"rate limit":    {sandbox.Reply{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: `{"ok":false,"error":"ratelimited"}`}, notifier.Temporary, 7 * time.Second},
		"503":           {sandbox.Reply{Status: 503}, notifier.Temporary, 0},
		"Slack's fault": {sandbox.Reply{Status: 200, Body: `{"ok":false,"error":"update_failed"}`}, notifier.Temporary, 0},
		"tomorrow's":    {sandbox.Reply{Status: 200, Body: `{"ok":false,"error":"a_word_of_tomorrow"}`}, notifier.Temporary, 0},
		"blocks":        {sandbox.Reply{Status: 200, Body: `{"ok":false,"error":"invalid_blocks"}`}, notifier.Permanent, 0},
		"token":         {sandbox.Reply{Status: 200, Body: `{"ok":false,"error":"token_revoked"}`}, notifier.Misconfigured, 0},
		"scope":         {sandbox.Reply{Status: 200, Body: `{"ok":false,"error":"missing_scope"}`}, notifier.Misconfigured, 0},
	} {
		t.Run(name, func(t *testing.T) {
			st := newLife(t, "edit", sandbox.Options{})
			first := st.post("FIRST")
			st.slack.Script(sandbox.SlackAPI, c.reply)
			n := later(notifier.Update, &first)
			_, err := st.bot.Notify(t.Context(), n)
			if err == nil {
				t.Fatal("got no error")
			}
			e := notifier.Classify(err)
			if e.Reason != c.reason || e.Ambiguous || e.RetryAfter != c.after {
				t.Errorf("got %v, ambiguous %v, retry after %v, want %v, false, %v: %v", e.Reason, e.Ambiguous, e.RetryAfter, c.reason, c.after, err)
			}
			if !strings.Contains(err.Error(), "change a message in Slack channel #soc") {
				t.Errorf("the error does not say what was tried: %v", err)
			}
			if r := st.tell(n); r.ID != first.ID || r.Replaces {
				t.Errorf("again: got %+v, want the edit", r)
			}
			if shown := st.slack.SlackMessages("#soc"); len(shown) != 1 || shown[0].Text != laterText {
				t.Errorf("the channel shows %+v, want the one message, changed", shown)
			}
		})
	}
}

func TestLaterMessageThatArrivedIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		repeats  string
		action   notifier.Action
		deleted  bool // the first message, so that the news is a message of its own
		replaces bool
	}{
		"line in a thread":        {"thread", notifier.Update, false, false},
		"rise in severity":        {"edit", notifier.Trigger, false, false},
		"resolve in its place":    {"edit", notifier.Resolve, true, true},
		"update in its place":     {"edit", notifier.Update, true, true},
		"line, no thread":         {"thread", notifier.Update, true, true},
		"severity, no thread":     {"thread", notifier.Trigger, true, true},
		"report":                  {"edit", notifier.Report, false, false},
		"report, no thread":       {"edit", notifier.Report, true, false},
		"by itself, as it should": {"none", notifier.Trigger, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			st := newLife(t, c.repeats, sandbox.Options{SlackScopes: []string{"chat:write", "channels:history"}})
			first := st.post("FIRST")
			n := later(c.action, &first)
			for range 3 {
				if _, found, err := st.bot.Find(t.Context(), n, time.Now()); found || err != nil {
					t.Fatalf("before it was sent: got %v, %v", found, err)
				}
			}
			var breaks []sandbox.Reply
			if c.deleted {
				st.slack.SlackDelete("#soc", first.ID)
				if st.bot.how(n) == asEdit {
					breaks = append(breaks, sandbox.Reply{}) // the edit is answered
				}
			}
			st.slack.Script(sandbox.SlackAPI, append(breaks, afterAcceptance)...)
			if _, err := st.bot.Notify(t.Context(), n); err == nil || !notifier.Classify(err).Ambiguous {
				t.Fatalf("got %v, want an error that is ambiguous", err)
			}
			want := len(st.slack.SlackMessages("#soc"))
			r, found, err := st.bot.Find(t.Context(), n, time.Now())
			if err != nil || !found || r.Replaces != c.replaces || r.Channel != first.Channel || !messageTS.MatchString(r.ID) || r.ID == first.ID {
				t.Errorf("got %+v, %v, %v, want the message, replaces %v", r, found, err, c.replaces)
			}
			if got := len(st.slack.SlackMessages("#soc")); got != want {
				t.Errorf("%d messages, want %d", got, want)
			}
		})
	}
}

func TestSearchOfAThreadSaysWhatItLacks(t *testing.T) {
	st := newLife(t, "thread", sandbox.Options{SlackScopes: []string{"chat:write"}})
	first := st.post("FIRST")
	_, found, err := st.bot.Find(t.Context(), later(notifier.Update, &first), time.Now())
	if e := notifier.Classify(err); found || err == nil || e.Code != "missing_scope" || !strings.Contains(e.Hint, "channels:history") || e.Ambiguous {
		t.Errorf("got %v, %v, want what scope is missing", found, err)
	}
}

func TestWhichActionsAReceiverFollows(t *testing.T) {
	hook := newNotifier(t, Config{WebhookURL: notifier.PlainSecret("https://hooks.slack.com/x")}, nil)
	bot := func(repeats string) notifier.Notifier {
		return newNotifier(t, Config{Token: notifier.PlainSecret("xoxb-1"), Channel: "#soc", Repeats: repeats}, nil)
	}
	for name, c := range map[string]struct {
		n       notifier.Notifier
		updates bool
	}{"webhook": {hook, false}, "bot": {bot(""), true}, "edit": {bot("edit"), true}, "thread": {bot("thread"), true}, "none": {bot("none"), false}} {
		for _, a := range []notifier.Action{notifier.Trigger, notifier.Acknowledge, notifier.Resolve, notifier.Digest, notifier.Report} {
			if !notifier.Follows(c.n, a) {
				t.Errorf("%s does not follow %s", name, a)
			}
		}
		if got := notifier.Follows(c.n, notifier.Update); got != c.updates {
			t.Errorf("%s: follows updates %v, want %v", name, got, c.updates)
		}
		if notifier.Follows(c.n, "open") {
			t.Errorf("%s follows what is no action", name)
		}
	}
}

func TestWebhookTellsEverythingAnew(t *testing.T) {
	c := webhookCase(bruteForce())
	s := httptest.NewServer(c.Accept)
	defer s.Close()
	n := c.New(t, s.URL, s.Client())
	for _, a := range []notifier.Action{notifier.Update, notifier.Acknowledge, notifier.Resolve, notifier.Digest, notifier.Trigger} {
		c.Notification.Action, c.Notification.Earlier = a, &notifier.Receipt{ID: "1795440502.000100", Channel: "C0000SOC1"}
		if r, err := n.Notify(t.Context(), c.Notification); err != nil || r != (notifier.Receipt{Status: 200}) {
			t.Errorf("%s: got %+v, %v", a, r, err)
		}
	}
}
