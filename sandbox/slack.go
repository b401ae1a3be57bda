package sandbox

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Where Slack is. The hook's last part is its made-up secret.
const (
	slackTeam     = "T00000000"
	slackHook     = "B00000000"
	slackHookPath = "/services/" + slackTeam + "/" + slackHook + "/sandbox"
	slackAPIPath  = "/slack/api/"
)

// workspace is a Slack workspace: one incoming webhook, and the methods of the Web API that a notifier uses.
type workspace struct {
	token string
	limit *limiter // a message a second, docs.slack.dev/apis/web-api/rate-limits
	edits *limiter // calls of chat.update a minute

	window  time.Duration   // how long a message may be changed; 0 is for good
	scopes  []string        // nil: all
	outside map[string]bool // names and ids of channels that the app is not in

	mu     sync.Mutex
	lastTS int64                     // microseconds
	posted map[string][]slackMessage // by channel id, the oldest first
	ids    map[string]string         // channel names to ids
}

func newWorkspace(opt Options) *workspace {
	w := &workspace{
		token:   opt.SlackToken,
		limit:   newLimiter(opt.RateLimit, 1, time.Second),
		edits:   newLimiter(opt.RateLimit, slackEditsPerMinute, time.Minute),
		window:  opt.SlackEditWindow,
		scopes:  opt.SlackScopes,
		outside: map[string]bool{},
		posted:  map[string][]slackMessage{},
		ids:     map[string]string{},
	}
	for _, name := range opt.SlackOutside {
		w.outside[strings.TrimPrefix(name, "#")] = true
	}
	for _, name := range opt.SlackChannels {
		w.idOf(strings.TrimPrefix(name, "#"))
	}
	return w
}

// webhook answers in plain text, as docs.slack.dev/messaging/sending-messages-using-incoming-webhooks lists it.
func (w *workspace) webhook(r *request) *answer {
	part := strings.Split(strings.TrimPrefix(r.path, "/services/"), "/")
	switch {
	case len(part) != 3:
		return text(http.StatusNotFound, "no_service", "the path is not /services/TEAM/SERVICE/TOKEN")
	case part[0] != slackTeam:
		return text(http.StatusNotFound, "no_team", "the path names another team")
	case part[1] != slackHook:
		return text(http.StatusNotFound, "no_service", "the path names another service")
	case !matches(r.path, slackHookPath):
		return text(http.StatusForbidden, "invalid_token", "the path has another token")
	case r.method != http.MethodPost:
		return notAllowed(r.method, http.MethodPost)
	}
	if wait := w.limit.wait(slackHook, r.at); wait > 0 {
		after := seconds(wait)
		return object(http.StatusTooManyRequests, map[string]any{"retry_after": after, "ok": false, "error": "rate_limited"},
			"more than one message a second").with("Retry-After", strconv.Itoa(after))
	}
	m, err := webhookPayload(r)
	if err != nil {
		return text(http.StatusBadRequest, "invalid_payload", "the payload is "+err.Error())
	}
	check := checkSlackMessage(m, slackWebhookKeys)
	if check.code != "" {
		return text(http.StatusBadRequest, check.code, check.all()...)
	}
	return text(http.StatusOK, "ok", check.all()...).accept()
}

// webhookPayload is the message: the body as JSON, or the form field that older integrations use.
func webhookPayload(r *request) (map[string]any, error) {
	if r.gzip {
		return nil, errors.New("gzip, which a webhook does not read")
	}
	body := r.body
	switch r.mediaType() {
	case "application/json":
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil || !form.Has("payload") {
			return nil, errors.New("a form without the field payload: send JSON as application/json")
		}
		body = []byte(form.Get("payload"))
	default:
		return nil, fmt.Errorf("of type %q, not application/json", r.header.Get("Content-Type"))
	}
	m, err := parseObject(body)
	if err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	return m, nil
}

// seconds rounds up: a client that waits them out is let in.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

var (
	slackChannelID = regexp.MustCompile(`^[CDG][A-Z0-9]{8,}$`)
	slackTS        = regexp.MustCompile(`^[0-9]{10}\.[0-9]{6}$`)
	slackTime      = regexp.MustCompile(`^[0-9]{1,10}(\.[0-9]{1,6})?$`)
)

// api answers the Web API: nearly always status 200, and an object that says whether it went well.
func (w *workspace) api(r *request) *answer {
	method := strings.TrimPrefix(r.path, slackAPIPath)
	var call func(*request, map[string]any) *answer
	switch method {
	case "auth.test":
		call = w.authTest
	case "chat.postMessage":
		call = w.postMessage
	case "chat.update":
		call = w.update
	case "conversations.history":
		call = w.history
	case "conversations.replies":
		call = w.replies
	case "users.conversations":
		call = w.conversations
	default:
		return failed("unknown_method", "the sandbox knows auth.test, chat.postMessage, chat.update, conversations.history, conversations.replies and users.conversations")
	}
	if r.method != http.MethodPost {
		return notAllowed(r.method, http.MethodPost)
	}
	args, token, refusal := apiArguments(r)
	if refusal != nil {
		return refusal
	}
	switch {
	case matches(token, w.token):
		return call(r, args)
	case token == "":
		return failed("not_authed", "no token: send Authorization: Bearer, or the form field token")
	}
	return failed("invalid_auth", "the token is not the one that the sandbox expects")
}

// failed is the API's refusal.
func failed(code string, problems ...string) *answer {
	return object(http.StatusOK, map[string]any{"ok": false, "error": code}, problems...)
}

// refusedWith is a refusal that says what is wrong with the arguments.
func refusedWith(code string, problems ...string) *answer {
	messages := make([]string, len(problems))
	for i, p := range problems {
		messages[i] = "[ERROR] " + p
	}
	return object(http.StatusOK, map[string]any{
		"ok": false, "error": code, "errors": problems, "response_metadata": map[string]any{"messages": messages},
	}, problems...)
}

// apiArguments reads a call's arguments and token, from a form or from JSON. In a form, structures are JSON
// text; a JSON body cannot carry the token.
func apiArguments(r *request) (args map[string]any, token string, refusal *answer) {
	scheme, bearer, _ := strings.Cut(r.header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		token = bearer
	}
	switch r.mediaType() {
	case "application/json":
		args, err := parseObject(r.body)
		if err != nil {
			return nil, "", failed("invalid_json", "the body is not a JSON object: "+err.Error())
		}
		return args, token, nil
	case "application/x-www-form-urlencoded", "":
	default:
		return nil, "", failed("invalid_post_type", fmt.Sprintf("the content type is %q, neither JSON nor a form", r.header.Get("Content-Type")))
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return nil, "", failed("invalid_form_data", "the body is not a form")
	}
	args = map[string]any{}
	for key, values := range form {
		args[key] = values[0]
	}
	if token == "" {
		token = form.Get("token")
	}
	delete(args, "token")
	for key, code := range map[string]string{
		"blocks":      "invalid_blocks_format",
		"attachments": "invalid_attachments",
		"metadata":    "invalid_metadata_format",
	} {
		value, ok := args[key].(string)
		if !ok {
			continue
		}
		if args[key], err = parseJSON([]byte(value)); err != nil {
			return nil, "", failed(code, fmt.Sprintf("the field %s is not JSON: %v", key, err))
		}
	}
	return args, token, nil
}

func (w *workspace) authTest(*request, map[string]any) *answer {
	return object(http.StatusOK, map[string]any{
		"ok": true, "url": "https://sandbox.slack.com/", "team": "sandbox", "user": "ossec-notify",
		"team_id": slackTeam, "user_id": "U00000000", "bot_id": slackHook, "is_enterprise_install": false,
	})
}

func (w *workspace) postMessage(r *request, args map[string]any) *answer {
	if refusal := w.needs("chat:write"); refusal != nil {
		return refusal
	}
	channel, refusal := w.channel(args, true)
	if refusal != nil {
		return refusal
	}
	if w.isOutside(channel) && w.needs("chat:write.public") != nil {
		return failed("not_in_channel", "the app is not in the channel, and the token lacks the scope chat:write.public")
	}
	if wait := w.limit.wait(channel, r.at); wait > 0 {
		return object(http.StatusTooManyRequests, map[string]any{"ok": false, "error": "ratelimited"},
			"more than one message a second").with("Retry-After", strconv.Itoa(seconds(wait)))
	}
	thread, note, refusal := w.thread(channel, args)
	if refusal != nil {
		return refusal
	}
	check := checkSlackMessage(args, slackPostKeys)
	if check.code != "" {
		return refusedWith(check.code, check.all()...)
	}
	if code, problem := checkMetadata(args["metadata"]); code != "" {
		return refusedWith(code, problem)
	}
	if note != "" {
		check.note("%s", note)
	}
	text, _ := args["text"].(string)
	attachments, _ := args["attachments"].([]any)
	m := slackMessage{
		at: r.at, text: text, thread: thread, broadcast: thread != "" && truth(args, "reply_broadcast"),
		attachments: len(attachments) > 0, metadata: args["metadata"],
	}
	m.ts = w.post(channel, m)
	return posted(r, channel, m, check).accept()
}

// thread is the thread that a message is to go to, "" for none. note says what Slack takes without a word.
func (w *workspace) thread(channel string, args map[string]any) (thread, note string, refusal *answer) {
	v, ok := args["thread_ts"]
	if !ok {
		if truth(args, "reply_broadcast") {
			note = "Slack ignores reply_broadcast without thread_ts"
		}
		return "", note, nil
	}
	// Slack takes a number, answers ok, and puts the message where nobody finds it
	// (slackapi/python-slack-sdk#840); the sandbox says so instead.
	thread, isString := v.(string)
	if !isString || !slackTS.MatchString(thread) {
		return "", "", refusedWith("invalid_thread_ts", fmt.Sprintf("%v is not a valid thread_ts", v))
	}
	m, found := w.lookup(channel, thread)
	switch {
	case !found:
		// Which word Slack has for a ts that never was is not documented; conversations.replies has this one.
		return "", "", failed("thread_not_found", "no message of this channel has the ts "+thread)
	case m.deleted && m.replies > 0:
		return "", "", failed("cannot_reply_to_message", "the message was deleted; what stands in its place takes no replies")
	case m.deleted:
		return "", "the message of thread_ts was deleted: Slack posts to the channel and says nothing (slack-go/slack#1571)", nil
	case m.thread != "":
		note = "thread_ts is that of a reply; Slack wants that of the message which begins the thread, " + m.thread
		return m.thread, note, nil
	}
	return thread, "", nil
}

const (
	// slackUpdateText is where chat.update answers msg_too_long, in bytes of escaped text (gitlab-org/gitlab#258898;
	// not documented).
	slackUpdateText = 4000
	// slackEditsPerMinute: chat.update is of tier 3, "50+ per minute" (docs.slack.dev/apis/web-api/rate-limits).
	slackEditsPerMinute = 50
)

// update is chat.update (docs.slack.dev/reference/methods/chat.update).
func (w *workspace) update(r *request, args map[string]any) *answer {
	if refusal := w.needs("chat:write"); refusal != nil {
		return refusal
	}
	channel, refusal := w.channel(args, false)
	if refusal != nil {
		return refusal
	}
	if wait := w.edits.wait("", r.at); wait > 0 {
		return object(http.StatusTooManyRequests, map[string]any{"ok": false, "error": "ratelimited"},
			fmt.Sprintf("more than %d calls of chat.update a minute", slackEditsPerMinute)).with("Retry-After", strconv.Itoa(seconds(wait)))
	}
	ts, isString := args["ts"].(string)
	m, found := w.lookup(channel, ts)
	switch {
	case !found || m.deleted:
		problem := "no message of this channel has the ts " + strconv.Quote(ts)
		if !isString {
			problem = fmt.Sprintf("ts is %v, not a text: a number does not hold all of its digits", args["ts"])
		}
		return failed("message_not_found", problem)
	case m.other:
		return failed("cant_update_message", "the message is somebody else's")
	case w.window > 0 && r.at.Sub(m.at) > w.window:
		return failed("edit_window_closed", fmt.Sprintf("the message is older than %s, in which the workspace lets messages be changed", w.window))
	}
	check := checkSlackMessage(args, slackUpdateKeys)
	if check.code != "" {
		return refusedWith(check.code, check.all()...)
	}
	text, _ := args["text"].(string)
	if len(text) > slackUpdateText {
		return failed("msg_too_long", fmt.Sprintf("the text has %d bytes, over %d", len(text), slackUpdateText))
	}
	if code, problem := checkMetadata(args["metadata"]); code != "" {
		return refusedWith(code, problem)
	}
	if args["attachments"] == nil && m.attachments {
		check.note("the attachments of before stay: send an empty list to take them away")
	}
	m = w.edit(channel, ts, text, args)
	return posted(r, channel, m, check).accept()
}

// posted is the answer to a message that Slack took, with its warnings.
func posted(r *request, channel string, m slackMessage, check slackCheck) *answer {
	body := map[string]any{"ok": true, "channel": channel, "ts": m.ts, "text": m.text, "message": m.told(false)}
	warnings := check.warnings
	if r.mediaType() == "application/json" && !strings.Contains(strings.ToLower(r.header.Get("Content-Type")), "charset=utf-8") {
		warnings = append(warnings, "missing_charset")
	}
	if len(warnings) > 0 {
		body["warning"] = strings.Join(warnings, ",")
		body["response_metadata"] = map[string]any{"warnings": warnings}
	}
	return object(http.StatusOK, body, check.all()...)
}

// channel finds the channel of a call. Every well-formed name is a channel here; only chat.postMessage takes
// names.
func (w *workspace) channel(args map[string]any, byName bool) (id string, refusal *answer) {
	name, _ := args["channel"].(string)
	switch {
	case slackChannelID.MatchString(name):
		return name, nil
	case name == "":
		return "", failed("channel_not_found", "no channel is named")
	case !byName:
		return "", failed("channel_not_found", fmt.Sprintf("%q is no channel id, and this method takes no names", name))
	case !isSlackChannelName(name):
		return "", failed("channel_not_found", fmt.Sprintf("%q is neither a channel id nor a channel name", name))
	}
	return w.idOf(strings.TrimPrefix(name, "#")), nil
}

// isSlackChannelName reports whether a channel can have the name. As a regular expression, which repeats all of Unicode eighty times,
// it would take five milliseconds of every start of the program.
func isSlackChannelName(name string) bool {
	name = strings.TrimPrefix(name, "#")
	n := utf8.RuneCountInString(name)
	return n >= 1 && n <= 80 && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.In(r, unicode.Ll, unicode.Lo, unicode.N) && r != '_' && r != '-'
	})
}

// idOf is the id of a channel, which it gets when it is first named.
func (w *workspace) idOf(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids[name] == "" {
		w.ids[name] = fmt.Sprintf("C%08d", len(w.ids)+1)
	}
	return w.ids[name]
}

// lookup finds a message, also one that was deleted.
func (w *workspace) lookup(channel, ts string) (slackMessage, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.index(channel, ts); i >= 0 {
		return w.posted[channel][i], true
	}
	return slackMessage{}, false
}

// index is the place of a message among those of its channel; -1 where it is not there.
func (w *workspace) index(channel, ts string) int {
	return slices.IndexFunc(w.posted[channel], func(m slackMessage) bool { return m.ts == ts })
}

// post gives a message its ts: its time, made unique.
func (w *workspace) post(channel string, m slackMessage) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastTS = max(w.lastTS+1, m.at.UnixMicro())
	m.ts = fmt.Sprintf("%010d.%06d", w.lastTS/1e6, w.lastTS%1e6)
	if m.thread != "" {
		if i := w.index(channel, m.thread); i >= 0 {
			w.posted[channel][i].replies++
		}
	}
	w.keep(channel, m)
	return m.ts
}

// checkMetadata checks docs.slack.dev/messaging/message-metadata: a type and an object.
func checkMetadata(v any) (code, problem string) {
	if v == nil {
		return "", ""
	}
	m, _ := v.(map[string]any)
	kind, _ := m["event_type"].(string)
	_, payload := m["event_payload"].(map[string]any)
	if kind == "" || !payload {
		return "invalid_metadata_format", "metadata is not {event_type: TEXT, event_payload: OBJECT}"
	}
	return "", ""
}
