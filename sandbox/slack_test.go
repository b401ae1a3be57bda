package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// slackBody is a message as the channel sends it, with changes as in trigger.
func slackBody(changes ...string) string {
	m, err := parseObject([]byte(`{"text":"MEDIUM: SSH brute force from 198.51.100.7 on db-02\nFrom: 198.51.100.7",
	"blocks":[{"type":"header","text":{"type":"plain_text","emoji":false,"text":"MEDIUM: SSH brute force from 198.51.100.7 on db-02"}},
	 {"type":"section","expand":true,"text":{"type":"mrkdwn","verbatim":true,"text":"*From*  ` + "`198.51.100.7`" + `\n*Next*  Block it.  <https://wazuh.example.com/alert/1.2|Open alert>"}},
	 {"type":"section","text":{"type":"mrkdwn","verbatim":true,"text":"` + "```line 1\\n&gt; line 2```" + `"}}],
	"attachments":[{"color":"#B7791F","blocks":[{"type":"context","elements":[{"type":"mrkdwn","verbatim":true,"text":"Rule 5712, level 10 · ` + "`/var/log/auth.log`" + `"}]}]}],
	"unfurl_links":false,"unfurl_media":false}`))
	if err != nil {
		panic(err)
	}
	return change(m, changes)
}

// blocks is a message of the given blocks and a text.
func blocks(list ...string) string {
	return `{"text":"x","blocks":[` + strings.Join(list, ",") + `]}`
}

// many repeats a value as the items of a list.
func many(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
}

// block makes a block with a text object of n characters.
func block(kind, textType string, n int) string {
	return fmt.Sprintf(`{"type":%q,"text":{"type":%q,"text":%q}}`, kind, textType, strings.Repeat("ü", n))
}

func TestSlackTakesWhatTheChannelSends(t *testing.T) {
	s := start(t, Options{})
	form := header{"Content-Type": "application/x-www-form-urlencoded"}
	for name, c := range map[string]struct {
		h    header
		body string
	}{
		"a whole message":   {asJSON, slackBody()},
		"charset":           {header{"Content-Type": "application/json; charset=utf-8"}, slackBody()},
		"a form":            {form, url.Values{"payload": {slackBody()}}.Encode()},
		"text alone":        {asJSON, `{"text":"x"}`},
		"old attachment":    {asJSON, `{"text":"x","attachments":[{"color":"danger","fallback":"f","title":"t","text":"x","fields":[{"title":"a","value":"b"}]}]}`},
		"fallback beside":   {asJSON, `{"text":"x","attachments":[{"color":"#000000","fallback":"f","blocks":[{"type":"divider"}]}]}`},
		"the longest":       {asJSON, blocks(block("header", "plain_text", 150), block("section", "mrkdwn", 3000), block("section", "plain_text", 3000))},
		"50 blocks":         {asJSON, blocks(many(50, `{"type":"divider"}`))},
		"10 fields":         {asJSON, blocks(`{"type":"section","block_id":"a","fields":[` + many(10, `{"type":"mrkdwn","text":"x"}`) + `]}`)},
		"10 elements":       {asJSON, blocks(`{"type":"context","elements":[` + many(10, `{"type":"plain_text","text":"x"}`) + `]}`)},
		"13,200 characters": {asJSON, blocks(many(4, block("section", "mrkdwn", 3000)), block("section", "mrkdwn", 1200))},
		"image and context": {asJSON, blocks(`{"type":"image","image_url":"https://example.com/i.png","alt_text":"a","title":{"type":"plain_text","text":"x"}}`, `{"type":"context","elements":[{"type":"image","image_url":"https://example.com/i.png","alt_text":"a"}]}`)},
		"accessory":         {asJSON, blocks(`{"type":"section","text":{"type":"mrkdwn","text":"x"},"accessory":{"type":"button","text":{"type":"plain_text","text":"x"},"url":"https://example.com/","style":"danger"}}`)},
		"actions":           {asJSON, blocks(`{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"action_id":"a","value":"1"},{"type":"datepicker"}]}`)},
		"markdown":          {asJSON, blocks(`{"type":"markdown","text":"**x**"}`)},
		"rich text":         {asJSON, blocks(`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x","style":{"bold":true}},{"type":"link","url":"https://example.com/"}]},{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"emoji","name":"x"}]}]}]}`)},
		"not looked into":   {asJSON, blocks(`{"type":"table","rows":[]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			if a := do(t, "POST", s.SlackWebhookURL(), c.h, c.body); a.Status != 200 || a.Body != "ok" {
				t.Errorf("got %v", a)
			}
			if m := last(t, s); !m.Accepted || m.Problems != nil {
				t.Errorf("accepted %v, problems %q", m.Accepted, m.Problems)
			}
		})
	}
}

func TestSlackRefusesAWebhookInItsOwnWords(t *testing.T) {
	s := start(t, Options{})
	hook := s.SlackWebhookURL()
	for name, c := range map[string]struct {
		method, url string
		h           header
		body        string
		status      int
		want        string
	}{
		"other team":        {"POST", s.url("/services/T1/B00000000/sandbox"), asJSON, slackBody(), 404, "no_team"},
		"other service":     {"POST", s.url("/services/T00000000/B1/sandbox"), asJSON, slackBody(), 404, "no_service"},
		"other token":       {"POST", hook + "x", asJSON, slackBody(), 403, "invalid_token"},
		"no path":           {"POST", s.url("/services/T00000000"), asJSON, slackBody(), 404, "no_service"},
		"method":            {"PUT", hook, asJSON, slackBody(), 405, "Method Not Allowed"},
		"not JSON":          {"POST", hook, asJSON, `{"text":}`, 400, "invalid_payload"},
		"trailing comma":    {"POST", hook, asJSON, `{"text":"x",}`, 400, "invalid_payload"},
		"not an object":     {"POST", hook, asJSON, `"x"`, 400, "invalid_payload"},
		"not UTF-8":         {"POST", hook, asJSON, "{\"text\":\"\xff\"}", 400, "invalid_payload"},
		"empty":             {"POST", hook, asJSON, ``, 400, "invalid_payload"},
		"gzip":              {"POST", hook, asJSON.also(header{"Content-Encoding": "gzip"}), zipped(slackBody()), 400, "invalid_payload"},
		"no content type":   {"POST", hook, nil, slackBody(), 400, "invalid_payload"},
		"form, no payload":  {"POST", hook, header{"Content-Type": "application/x-www-form-urlencoded"}, slackBody(), 400, "invalid_payload"},
		"text is a number":  {"POST", hook, asJSON, `{"text":1}`, 400, "invalid_payload"},
		"nothing":           {"POST", hook, asJSON, `{}`, 400, "no_text"},
		"empty text":        {"POST", hook, asJSON, `{"text":"","blocks":[]}`, 400, "no_text"},
		"empty attachment":  {"POST", hook, asJSON, `{"attachments":[{"color":"#000000"}]}`, 400, "no_text"},
		"101 attachments":   {"POST", hook, asJSON, `{"text":"x","attachments":[` + many(101, `{"text":"x"}`) + `]}`, 400, "too_many_attachments"},
		"attachments text":  {"POST", hook, asJSON, `{"text":"x","attachments":"x"}`, 400, "invalid_attachments"},
		"attachment text":   {"POST", hook, asJSON, `{"text":"x","attachments":["x"]}`, 400, "invalid_attachments"},
		"blocks beside old": {"POST", hook, asJSON, `{"text":"x","attachments":[{"footer":"f","blocks":[{"type":"divider"}]}]}`, 400, "invalid_attachments"},
		"old but false":     {"POST", hook, asJSON, `{"text":"x","attachments":[{"indent":false,"blocks":[{"type":"divider"}]}]}`, 400, "invalid_attachments"},
		"block inside":      {"POST", hook, asJSON, `{"text":"x","attachments":[{"blocks":[{"type":"header"}]}]}`, 400, "invalid_attachments"},
		"invalid block":     {"POST", hook, asJSON, blocks(`{"type":"header"}`), 400, "invalid_blocks"},
		"too much in all":   {"POST", hook, asJSON, blocks(many(4, block("section", "mrkdwn", 3000)), block("section", "mrkdwn", 1201)), 400, "msg_blocks_too_long"},
		"too much with att": {"POST", hook, asJSON, slackBody(`blocks=[`+many(4, block("section", "mrkdwn", 3000))+`]`, `attachments=[{"blocks":[`+block("section", "mrkdwn", 1201)+`]}]`), 400, "msg_blocks_too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, c.method, c.url, c.h, c.body)
			if a.Status != c.status || a.Body != c.want {
				t.Errorf("got %d %s, want %d %s", a.Status, a.Body, c.status, c.want)
			}
			if m := last(t, s); m.Accepted || len(m.Problems) == 0 || m.Service != Slack {
				t.Errorf("accepted %v by %s, problems %q", m.Accepted, m.Service, m.Problems)
			}
		})
	}
}

func TestSlackSaysWhatIsWrongWithABlock(t *testing.T) {
	s := start(t, Options{})
	form := func(blocks string) string {
		return url.Values{"channel": {"#soc"}, "text": {"x"}, "blocks": {blocks}}.Encode()
	}
	for name, c := range map[string]struct {
		blocks string
		want   []string
	}{
		"no list":             {`{}`, []string{"must be an array [json-pointer:/blocks]"}},
		"no object":           {`["x"]`, []string{"must be an object [json-pointer:/blocks/0]"}},
		"51 blocks":           {"[" + many(51, `{"type":"divider"}`) + "]", []string{"no more than 50 items allowed [json-pointer:/blocks]"}},
		"no type":             {`[{}]`, []string{"missing required field: type [json-pointer:/blocks/0]"}},
		"unknown type":        {`[{"type":"alert"}]`, []string{"unsupported type: alert [json-pointer:/blocks/0/type]"}},
		"unknown key":         {`[{"type":"divider","text":"x"}]`, []string{"invalid additional property: text [json-pointer:/blocks/0]"}},
		"same block_id":       {`[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`, []string{`"a" is the block_id of another block [json-pointer:/blocks/1/block_id]`}},
		"long block_id":       {`[{"type":"divider","block_id":"` + strings.Repeat("a", 256) + `"}]`, []string{"must be less than 256 characters [json-pointer:/blocks/0/block_id]"}},
		"block_id is number":  {`[{"type":"divider","block_id":1}]`, []string{"must be a string [json-pointer:/blocks/0/block_id]"}},
		"header, no text":     {`[{"type":"header"}]`, []string{"missing required field: text [json-pointer:/blocks/0]"}},
		"header, empty":       {"[" + block("header", "plain_text", 0) + "]", []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be more than 0 characters [json-pointer:/blocks/0/text/text]"}},
		"header, long":        {"[" + block("header", "plain_text", 151) + "]", []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be less than 151 characters [json-pointer:/blocks/0/text/text]"}},
		"header, mrkdwn":      {"[" + block("header", "mrkdwn", 1) + "]", []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be one of: plain_text [json-pointer:/blocks/0/text/type]"}},
		"section, nothing":    {`[{"type":"section"}]`, []string{"must define either `text` or `fields` [json-pointer:/blocks/0]"}},
		"section, long":       {"[" + block("section", "mrkdwn", 3001) + "]", []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"}},
		"section, other type": {"[" + block("section", "markdown", 1) + "]", []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be one of: plain_text, mrkdwn [json-pointer:/blocks/0/text/type]"}},
		"section, bare text":  {`[{"type":"section","text":"x"}]`, []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be an object [json-pointer:/blocks/0/text]"}},
		"expand is text":      {`[{"type":"section","text":{"type":"mrkdwn","text":"x"},"expand":"true"}]`, []string{"must be a boolean [json-pointer:/blocks/0/expand]"}},
		"verbatim, plain":     {`[{"type":"section","text":{"type":"plain_text","text":"x","verbatim":true}}]`, []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "invalid additional property: verbatim [json-pointer:/blocks/0/text]"}},
		"emoji, mrkdwn":       {`[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":false}}]`, []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "invalid additional property: emoji [json-pointer:/blocks/0/text]"}},
		"text is a number":    {`[{"type":"section","text":{"type":"mrkdwn","text":1}}]`, []string{"failed to match all allowed schemas [json-pointer:/blocks/0/text]", "must be a string [json-pointer:/blocks/0/text/text]"}},
		"11 fields":           {`[{"type":"section","fields":[` + many(11, `{"type":"mrkdwn","text":"x"}`) + `]}]`, []string{"no more than 10 items allowed [json-pointer:/blocks/0/fields]"}},
		"no field":            {`[{"type":"section","fields":[]}]`, []string{"no less than 1 items allowed [json-pointer:/blocks/0/fields]"}},
		"long field":          {`[{"type":"section","fields":[{"type":"mrkdwn","text":"` + strings.Repeat("x", 2001) + `"}]}]`, []string{"failed to match all allowed schemas [json-pointer:/blocks/0/fields/0]", "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"}},
		"11 elements":         {`[{"type":"context","elements":[` + many(11, `{"type":"mrkdwn","text":"x"}`) + `]}]`, []string{"no more than 10 items allowed [json-pointer:/blocks/0/elements]"}},
		"no elements":         {`[{"type":"context"}]`, []string{"missing required field: elements [json-pointer:/blocks/0]"}},
		"elements no list":    {`[{"type":"context","elements":{}}]`, []string{"must be an array [json-pointer:/blocks/0/elements]"}},
		"image, nothing":      {`[{"type":"image"}]`, []string{"missing required field: image_url [json-pointer:/blocks/0]", "missing required field: alt_text [json-pointer:/blocks/0]"}},
		"image, no URL":       {`[{"type":"image","image_url":"i.png","alt_text":"a"}]`, []string{"must be a valid URL [json-pointer:/blocks/0/image_url]"}},
		"button, style":       {`[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"style":"red"}]}]`, []string{"must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]"}},
		"button, long":        {`[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"` + strings.Repeat("x", 76) + `"}}]}]`, []string{"failed to match all allowed schemas [json-pointer:/blocks/0/elements/0/text]", "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"}},
		"element, no type":    {`[{"type":"actions","elements":[{}]}]`, []string{"missing required field: type [json-pointer:/blocks/0/elements/0]"}},
		"element, no object":  {`[{"type":"actions","elements":["x"]}]`, []string{"must be an object [json-pointer:/blocks/0/elements/0]"}},
		"markdown, long":      {`[{"type":"markdown","text":"` + strings.Repeat("x", 6001) + `"},{"type":"markdown","text":"` + strings.Repeat("x", 6000) + `"}]`, []string{"all markdown blocks together must be less than 12001 characters [json-pointer:/blocks/1/text]"}},
		"rich text, empty":    {`[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":""}]}]}]`, []string{"must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]"}},
		"rich text, type":     {`[{"type":"rich_text","elements":[{"type":"text","text":"x"}]}]`, []string{"unsupported type: text [json-pointer:/blocks/0/elements/0]"}},
		"rich text, deeper":   {`[{"type":"rich_text","elements":[{"type":"rich_text_quote","elements":["x"]},{"type":"rich_text_list"}]}]`, []string{"unsupported type: <nil> [json-pointer:/blocks/0/elements/0/elements/0]", "missing required field: elements [json-pointer:/blocks/0/elements/1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, "POST", s.SlackAPIURL()+"chat.postMessage", apiForm, form(c.blocks))
			var answer struct {
				OK       bool
				Error    string
				Errors   []string
				Metadata struct{ Messages []string } `json:"response_metadata"`
			}
			if err := json.Unmarshal([]byte(a.Body), &answer); err != nil {
				t.Fatal(err)
			}
			if a.Status != 200 || answer.OK || answer.Error != "invalid_blocks" {
				t.Errorf("got %v", a)
			}
			if diff := cmp.Diff(answer.Errors, c.want); diff != "" {
				t.Errorf("got(-), want(+):\n%s", diff)
			}
			if got, want := answer.Metadata.Messages, "[ERROR] "+c.want[0]; len(got) != len(c.want) || got[0] != want {
				t.Errorf("got %q, want %q first", got, want)
			}
			if diff := cmp.Diff(last(t, s).Problems, c.want); diff != "" {
				t.Errorf("problems: got(-), want(+):\n%s", diff)
			}
		})
	}
}

func TestSlackSaysWhatItIgnores(t *testing.T) {
	s := start(t, Options{})
	for name, c := range map[string]struct{ body, want string }{
		"unknown key":   {slackBody(`channel="#soc"`), `Slack ignores the key "channel" here`},
		"not boolean":   {slackBody(`unfurl_links="no"`), "unfurl_links is no, not true or false"},
		"named colour":  {slackBody(`attachments=[{"color":"danger","blocks":[{"type":"divider"}]}]`), "the colour danger is not shown beside blocks, write it as #rrggbb [json-pointer:/attachments/0/color]"},
		"no colour":     {slackBody(`attachments=[{"color":"red","blocks":[{"type":"divider"}]}]`), "red is no colour [json-pointer:/attachments/0/color]"},
		"no text":       {slackBody("text"), "without text, notifications and screen readers have little to say"},
		"text too long": {slackBody(`text="` + strings.Repeat("x", 40001) + `"`), "the text has 40001 characters, Slack cuts it at 40000"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := do(t, "POST", s.SlackWebhookURL(), asJSON, c.body); a.Body != "ok" {
				t.Errorf("got %v", a)
			}
			if diff := cmp.Diff(last(t, s).Problems, []string{c.want}); diff != "" {
				t.Errorf("got(-), want(+):\n%s", diff)
			}
		})
	}
}

var (
	apiForm = header{"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer " + FakeSlackToken}
	apiJSON = header{"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer " + FakeSlackToken}
)

func TestSlackAPIRefusesInItsOwnWords(t *testing.T) {
	s := start(t, Options{})
	posted := do(t, "POST", s.SlackAPIURL()+"chat.postMessage", apiJSON, `{"channel":"C0000SOC1","text":"x"}`)
	var first struct{ TS string }
	if err := json.Unmarshal([]byte(posted.Body), &first); err != nil || first.TS == "" {
		t.Fatal(posted, err)
	}
	const post, update = "chat.postMessage", "chat.update"
	known := `"channel":"C0000SOC1","ts":"` + first.TS + `"`
	for name, c := range map[string]struct {
		method string
		h      header
		body   string
		want   string
	}{
		"unknown method":       {"chat.postMessages", apiJSON, `{}`, "unknown_method"},
		"no token":             {post, header{"Content-Type": "application/json"}, `{"channel":"#soc","text":"x"}`, "not_authed"},
		"token in JSON":        {post, header{"Content-Type": "application/json"}, `{"token":"` + FakeSlackToken + `","channel":"#soc","text":"x"}`, "not_authed"},
		"wrong token":          {post, apiJSON.also(header{"Authorization": "Bearer xoxb-other"}), `{"channel":"#soc","text":"x"}`, "invalid_auth"},
		"not JSON":             {post, apiJSON, `{`, "invalid_json"},
		"a list":               {post, apiJSON, `[]`, "invalid_json"},
		"post type":            {post, apiJSON.also(header{"Content-Type": "text/plain"}), `x`, "invalid_post_type"},
		"bad form":             {post, apiForm, `a=%zz`, "invalid_form_data"},
		"no channel":           {post, apiJSON, `{"text":"x"}`, "channel_not_found"},
		"channel with blank":   {post, apiJSON, `{"channel":"#a b","text":"x"}`, "channel_not_found"},
		"channel of 81":        {post, apiJSON, `{"channel":"#` + strings.Repeat("ä", 81) + `","text":"x"}`, "channel_not_found"},
		"channel of 80":        {post, apiJSON, `{"channel":"#` + strings.Repeat("ä", 80) + `"}`, "no_text"},
		"channel in capitals":  {post, apiJSON, `{"channel":"#SOC","text":"x"}`, "channel_not_found"},
		"channel of a #":       {post, apiJSON, `{"channel":"#","text":"x"}`, "channel_not_found"},
		"blocks not JSON":      {post, apiForm, `channel=%23soc&text=x&blocks=%5B`, "invalid_blocks_format"},
		"attachments not JSON": {post, apiForm, `channel=%23soc&text=x&attachments=x`, "invalid_attachments"},
		"metadata not JSON":    {post, apiForm, `channel=%23soc&text=x&metadata=x`, "invalid_metadata_format"},
		"metadata not whole":   {post, apiJSON, `{"channel":"#soc","text":"x","metadata":{"event_type":"a"}}`, "invalid_metadata_format"},
		"nothing":              {post, apiJSON, `{"channel":"#soc"}`, "no_text"},
		"thread_ts a number":   {post, apiJSON, `{"channel":"C0000SOC1","text":"x","thread_ts":` + first.TS + `}`, "invalid_thread_ts"},
		"thread_ts cut":        {post, apiJSON, `{"channel":"C0000SOC1","text":"x","thread_ts":"` + first.TS[:12] + `"}`, "invalid_thread_ts"},
		"thread elsewhere":     {post, apiJSON, `{"channel":"C0000SOC2","text":"x","thread_ts":"` + first.TS + `"}`, "thread_not_found"},
		"update by name":       {update, apiJSON, `{"channel":"#soc","ts":"` + first.TS + `","text":"x"}`, "channel_not_found"},
		"update unknown":       {update, apiJSON, `{"channel":"C0000SOC1","ts":"1.2","text":"x"}`, "message_not_found"},
		"update, no ts":        {update, apiJSON, `{"channel":"C0000SOC1","text":"x"}`, "message_not_found"},
		"update, long":         {update, apiJSON, `{` + known + `,"text":"` + strings.Repeat("ü", 2001) + `"}`, "msg_too_long"},
		"update, nothing":      {update, apiJSON, `{` + known + `}`, "no_text"},
		"update, metadata":     {update, apiJSON, `{` + known + `,"text":"x","metadata":[]}`, "invalid_metadata_format"},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, "POST", s.SlackAPIURL()+c.method, c.h, c.body)
			var answer struct {
				OK    bool
				Error string
			}
			if err := json.Unmarshal([]byte(a.Body), &answer); err != nil {
				t.Fatal(err)
			}
			if a.Status != 200 || answer.OK || answer.Error != c.want {
				t.Errorf("got %v, want %s", a, c.want)
			}
			if m := last(t, s); m.Accepted || len(m.Problems) == 0 || m.Service != SlackAPI {
				t.Errorf("accepted %v by %s, problems %q", m.Accepted, m.Service, m.Problems)
			}
		})
	}
	if a := do(t, "GET", s.SlackAPIURL()+post, apiForm, ""); a.Status != 405 {
		t.Errorf("got %v, want 405", a)
	}
}

func TestSlackAPIPostsThreadsAndEdits(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now})
	call := func(method, body string) map[string]any {
		t.Helper()
		a := do(t, "POST", s.SlackAPIURL()+method, apiJSON, body)
		m, err := parseObject([]byte(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		if m["ok"] != true {
			t.Fatalf("%s: %s", method, a.Body)
		}
		return m
	}
	first := call("chat.postMessage", slackBody(`channel="#soc"`, `metadata={"event_type":"ossec_notify","event_payload":{"id":"1.2"}}`))
	if first["channel"] != "C00000001" || first["ts"] != "1795435200.000000" {
		t.Errorf("got channel %v, ts %v", first["channel"], first["ts"])
	}
	reply := call("chat.postMessage", `{"channel":"soc","text":"x","thread_ts":"1795435200.000000","reply_broadcast":true}`)
	if reply["channel"] != "C00000001" || reply["ts"] != "1795435200.000001" {
		t.Errorf("got channel %v, ts %v", reply["channel"], reply["ts"])
	}
	edit := call("chat.update", slackBody(`channel="C00000001"`, `ts="1795435200.000000"`, "unfurl_links", "unfurl_media"))
	if edit["ts"] != "1795435200.000000" {
		t.Errorf("got ts %v", edit["ts"])
	}
	if other := call("chat.postMessage", `{"channel":"#other","text":"x"}`); other["channel"] != "C00000002" {
		t.Errorf("got channel %v", other["channel"])
	}
	for _, m := range s.Messages() {
		if !m.Accepted || m.Problems != nil {
			t.Errorf("%s: accepted %v, problems %q", m.Path, m.Accepted, m.Problems)
		}
	}
}

func TestSlackAPIWarns(t *testing.T) {
	s := start(t, Options{})
	a := do(t, "POST", s.SlackAPIURL()+"chat.postMessage", apiJSON.also(asJSON), `{"channel":"#soc","text":"`+strings.Repeat("x", 40001)+`"}`)
	var answer struct {
		OK       bool
		Warning  string
		Metadata struct{ Warnings []string } `json:"response_metadata"`
	}
	if err := json.Unmarshal([]byte(a.Body), &answer); err != nil {
		t.Fatal(err)
	}
	want := []string{"message_truncated", "missing_charset"}
	if !answer.OK || answer.Warning != strings.Join(want, ",") || !cmp.Equal(answer.Metadata.Warnings, want) {
		t.Errorf("got %+v", answer)
	}
}

func TestAuthTestIsNoMessage(t *testing.T) {
	s := start(t, Options{})
	if a := do(t, "POST", s.SlackAPIURL()+"auth.test", apiForm, ""); !strings.Contains(a.Body, `"ok":true`) {
		t.Errorf("got %v", a)
	}
	if last(t, s).Accepted {
		t.Error("auth.test counts as a message")
	}
}

func TestSlackTakesAMessageASecond(t *testing.T) {
	clock := newClock()
	s := start(t, Options{RateLimit: true, Now: clock.Now})
	hook := func() got { return do(t, "POST", s.SlackWebhookURL(), asJSON, `{"text":"x"}`) }
	api := func(channel string) got {
		return do(t, "POST", s.SlackAPIURL()+"chat.postMessage", apiJSON, `{"text":"x","channel":"`+channel+`"}`)
	}
	for _, a := range []got{hook(), api("#a"), api("#b")} {
		if a.Status != 200 {
			t.Errorf("got %v, want 200", a)
		}
	}
	clock.advance(900 * time.Millisecond)
	if a := hook(); a.Status != 429 || a.header.Get("Retry-After") != "1" || a.Body != `{"error":"rate_limited","ok":false,"retry_after":1}` {
		t.Errorf("got %v", a)
	}
	if a := api("#a"); a.Status != 429 || a.header.Get("Retry-After") != "1" || a.Body != `{"error":"ratelimited","ok":false}` {
		t.Errorf("got %v", a)
	}
	clock.advance(100 * time.Millisecond)
	if a := hook(); a.Status != 200 {
		t.Errorf("a second later: got %v", a)
	}
}
