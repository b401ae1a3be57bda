package sandbox

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is kept of the messages of a channel.
const (
	slackKeep     = 2 * keepCount
	slackKeepText = 4000 // bytes of each text
)

// slackMessage is a posted message as people and conversations.history are told it.
type slackMessage struct {
	at               time.Time
	ts, text, thread string
	broadcast        bool // a reply that is shown in the channel, too
	attachments      bool // there are some
	metadata         any
	edits, replies   int
	other            bool // somebody else's
	deleted          bool
}

// told is the message as the Web API has it. Metadata is whole only for those who ask for it; others are told its type.
func (m slackMessage) told(withMetadata bool) map[string]any {
	told := map[string]any{"type": "message", "ts": m.ts, "text": m.text}
	switch {
	case m.deleted:
		told["subtype"] = "tombstone"
	case m.other:
		told["user"] = "U00000001"
	default:
		told["subtype"], told["bot_id"] = "bot_message", slackHook
	}
	if m.thread != "" {
		told["thread_ts"] = m.thread
	} else if m.replies > 0 {
		told["thread_ts"], told["reply_count"] = m.ts, m.replies
	}
	if metadata, ok := m.metadata.(map[string]any); ok {
		if !withMetadata {
			metadata = map[string]any{"event_type": metadata["event_type"]}
		}
		told["metadata"] = metadata
	}
	return told
}

// keep notes a message that was posted to a channel.
func (w *workspace) keep(channel string, m slackMessage) {
	m.text = shortened(m.text)
	list := append(w.posted[channel], m)
	w.posted[channel] = list[max(0, len(list)-slackKeep):]
}

// edit changes what is kept of a message. What the call leaves out stays.
func (w *workspace) edit(channel, ts, text string, args map[string]any) slackMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.index(channel, ts)
	if i < 0 { // gone since it was looked up
		return slackMessage{ts: ts, text: text}
	}
	m := &w.posted[channel][i]
	m.text = shortened(text)
	m.edits++
	if metadata := args["metadata"]; metadata != nil {
		m.metadata = metadata
	}
	if list, ok := args["attachments"].([]any); ok {
		m.attachments = len(list) > 0
	}
	return *m
}

// SlackMessage is a message in a channel of Slack as people see it now.
type SlackMessage struct {
	TS string
	// Thread is the ts of the message that it answers, "" where it stands in the channel. Broadcast: it answers one and
	// stands in the channel, too.
	Thread    string
	Broadcast bool
	// Text is that of the last change, 4,000 bytes at most; what is longer is cut.
	Text string
	// Edits counts the changes, Replies the answers in its thread.
	Edits, Replies int
}

// SlackMessages are the messages in a channel (its id, or its name with or without #), the oldest first. Those that were
// deleted, and what came by webhook, are not among them.
func (s *Server) SlackMessages(channel string) []SlackMessage {
	w := s.slack
	id := w.idFor(channel)
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []SlackMessage
	for _, m := range w.posted[id] {
		if !m.deleted {
			list = append(list, SlackMessage{TS: m.ts, Thread: m.thread, Broadcast: m.broadcast, Text: m.text, Edits: m.edits, Replies: m.replies})
		}
	}
	return list
}

// SlackSay is a person who writes into a channel. It returns the message's ts.
func (s *Server) SlackSay(channel, text string) string {
	return s.slack.post(s.slack.idFor(channel), slackMessage{at: s.opt.Now(), text: text, other: true})
}

// SlackDelete is a person who deletes a message. It reports whether there was one.
func (s *Server) SlackDelete(channel, ts string) bool {
	w := s.slack
	id := w.idFor(channel)
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.index(id, ts)
	if i < 0 || w.posted[id][i].deleted {
		return false
	}
	m := &w.posted[id][i]
	m.deleted, m.text, m.metadata = true, "This message was deleted.", nil
	return true
}

// idFor is the id of a channel that is named by it, or by its name.
func (w *workspace) idFor(channel string) string {
	if slackChannelID.MatchString(channel) {
		return channel
	}
	return w.idOf(strings.TrimPrefix(channel, "#"))
}

func shortened(text string) string {
	if len(text) > slackKeepText {
		return strings.ToValidUTF8(text[:slackKeepText], "")
	}
	return text
}

// history is conversations.history (docs.slack.dev/reference/methods/conversations.history): the newest message
// first, replies in threads left out.
func (w *workspace) history(_ *request, args map[string]any) *answer {
	read, refusal := w.reading(args)
	if refusal != nil {
		return refusal
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []map[string]any
	for _, m := range slices.Backward(w.posted[read.channel]) {
		if (m.thread == "" || m.broadcast) && (!m.deleted || m.replies > 0) && read.within(m.ts) {
			found = append(found, m.told(read.withMetadata))
		}
	}
	return read.page.answer("messages", found)
}

// replies is conversations.replies (docs.slack.dev/reference/methods/conversations.replies): the message that begins the
// thread, then its replies, the oldest first.
func (w *workspace) replies(_ *request, args map[string]any) *answer {
	read, refusal := w.reading(args)
	if refusal != nil {
		return refusal
	}
	ts := argument(args, "ts")
	first, found := w.lookup(read.channel, ts)
	if !found || first.deleted && first.replies == 0 {
		return failed("thread_not_found", "no message of this channel has the ts "+strconv.Quote(ts))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	told := []map[string]any{first.told(read.withMetadata)}
	for _, m := range w.posted[read.channel] {
		if m.thread == ts && !m.deleted && read.within(m.ts) {
			told = append(told, m.told(read.withMetadata))
		}
	}
	return read.page.answer("messages", told)
}

// slackReading is what a call asks for of the messages of a channel.
type slackReading struct {
	channel        string
	page           slackPage
	oldest, latest string
	inclusive      bool
	withMetadata   bool
}

func (w *workspace) reading(args map[string]any) (slackReading, *answer) {
	var read slackReading
	channel, refusal := w.channel(args, false)
	if refusal != nil {
		return read, refusal
	}
	scope := "channels:history"
	if privateChannel(channel) {
		scope = "groups:history"
	}
	if refusal := w.needs(scope); refusal != nil {
		return read, refusal
	}
	if w.isOutside(channel) {
		return read, failed("not_in_channel", "the app is not in the channel, and history is for members")
	}
	page, refusal := readPage(args)
	if refusal != nil {
		return read, refusal
	}
	read = slackReading{channel: channel, page: page, inclusive: truth(args, "inclusive"), withMetadata: truth(args, "include_all_metadata")}
	for key, bound := range map[string]*string{"oldest": &read.oldest, "latest": &read.latest} {
		value := argument(args, key)
		if value == "" {
			continue
		}
		if !slackTime.MatchString(value) {
			return read, failed("invalid_ts_"+key, fmt.Sprintf("%s is %q, no time in seconds", key, value))
		}
		*bound = paddedTS(value)
	}
	return read, nil
}

// within reports whether a message is of the time that is asked for.
func (r slackReading) within(ts string) bool {
	if ts == r.oldest || ts == r.latest {
		return r.inclusive
	}
	return ts > r.oldest && (r.latest == "" || ts < r.latest)
}

// conversations is users.conversations (docs.slack.dev/reference/methods/users.conversations): the channels that
// the app is in.
func (w *workspace) conversations(_ *request, args map[string]any) *answer {
	page, refusal := readPage(args)
	if refusal != nil {
		return refusal
	}
	types := strings.Split(argument(args, "types"), ",")
	if argument(args, "types") == "" {
		types = []string{"public_channel"}
	}
	for _, t := range types {
		scope, ok := map[string]string{"public_channel": "channels:read", "private_channel": "groups:read", "mpim": "mpim:read", "im": "im:read"}[t]
		if !ok {
			return failed("invalid_types", fmt.Sprintf("%q is no type of conversation", t))
		}
		if refusal := w.needs(scope); refusal != nil {
			return refusal
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []map[string]any
	for _, name := range slices.Sorted(maps.Keys(w.ids)) {
		id := w.ids[name]
		private := privateChannel(id)
		kind := "public_channel"
		if private {
			kind = "private_channel"
		}
		if !slices.Contains(types, kind) || w.outside[name] || w.outside[id] {
			continue
		}
		found = append(found, map[string]any{"id": id, "name": name, "is_channel": !private, "is_private": private, "is_archived": false})
	}
	return page.answer("channels", found)
}

// privateChannel tells it by the id, as older ids do. Here all ids do.
func privateChannel(id string) bool { return strings.HasPrefix(id, "G") }

// needs refuses a call that the token's scopes do not cover.
func (w *workspace) needs(scope string) *answer {
	if w.scopes == nil || slices.Contains(w.scopes, scope) {
		return nil
	}
	return object(http.StatusOK, map[string]any{
		"ok": false, "error": "missing_scope", "needed": scope, "provided": strings.Join(w.scopes, ","),
	}, "the token lacks the scope "+scope)
}

func (w *workspace) isOutside(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outside[id] {
		return true
	}
	for name, known := range w.ids {
		if known == id && w.outside[name] {
			return true
		}
	}
	return false
}

// slackPage is what a call asks for of a list (docs.slack.dev/apis/web-api/pagination).
type slackPage struct{ from, limit int }

// readPage refuses a limit that the documents do not allow. A cursor is opaque: base64 of where the next page
// begins.
func readPage(args map[string]any) (slackPage, *answer) {
	p := slackPage{limit: 100}
	if text := argument(args, "limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 999 {
			return p, failed("invalid_limit", fmt.Sprintf("limit is %q, not a number from 1 to 999", text))
		}
		p.limit = n
	}
	if cursor := argument(args, "cursor"); cursor != "" {
		text, notBase64 := base64.StdEncoding.DecodeString(cursor)
		from, isOurs := strings.CutPrefix(string(text), "next:")
		n, notNumber := strconv.Atoi(from)
		if notBase64 != nil || !isOurs || notNumber != nil || n < 0 {
			return p, failed("invalid_cursor", "the cursor is none of ours")
		}
		p.from = n
	}
	return p, nil
}

func (p slackPage) answer(key string, all []map[string]any) *answer {
	rest := all[min(p.from, len(all)):]
	page, next := rest, ""
	if len(rest) > p.limit {
		page = rest[:p.limit]
		next = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "next:%d", p.from+p.limit))
	}
	if page == nil {
		page = []map[string]any{}
	}
	return object(http.StatusOK, map[string]any{
		"ok": true, key: page, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next},
	})
}

// argument is one of a call's as text: in JSON it may be a number or a truth value.
func argument(args map[string]any, key string) string {
	if v, ok := args[key]; ok && v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func truth(args map[string]any, key string) bool {
	v := argument(args, key)
	return v == "1" || v == "true"
}

// paddedTS writes a time in seconds as a ts, so that the two compare as text.
func paddedTS(s string) string {
	seconds, fraction, _ := strings.Cut(s, ".")
	return fmt.Sprintf("%010s.%s", seconds, (fraction + "000000")[:6])
}
