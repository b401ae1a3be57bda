package sandbox

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// What is kept of the messages of a channel.
const (
	slackKeep     = 2 * keepCount
	slackKeepText = 4000 // bytes of each text
)

// slackMessage is a posted message as conversations.history tells it.
type slackMessage struct {
	ts, text, thread string
	broadcast        bool // a reply that is shown in the channel, too
	metadata         any
}

// keep notes a message that was posted to a channel.
func (w *workspace) keep(channel string, m slackMessage) {
	m.text = shortened(m.text)
	list := append(w.posted[channel], m)
	w.posted[channel] = list[max(0, len(list)-slackKeep):]
}

// edit changes what is kept of a message.
func (w *workspace) edit(channel, ts, text string, metadata any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.posted[channel] {
		if m := &w.posted[channel][i]; m.ts == ts {
			m.text = shortened(text)
			if metadata != nil {
				m.metadata = metadata
			}
		}
	}
}

func shortened(text string) string {
	if len(text) > slackKeepText {
		return strings.ToValidUTF8(text[:slackKeepText], "")
	}
	return text
}

// history is conversations.history (docs.slack.dev/reference/methods/conversations.history): the newest message
// first, replies in threads left out. Metadata is whole only for those who ask for it; others are told its type.
func (w *workspace) history(_ *request, args map[string]any) *answer {
	channel, refusal := w.channel(args, false)
	if refusal != nil {
		return refusal
	}
	scope := "channels:history"
	if privateChannel(channel) {
		scope = "groups:history"
	}
	if refusal := w.needs(scope); refusal != nil {
		return refusal
	}
	if w.isOutside(channel) {
		return failed("not_in_channel", "the app is not in the channel, and history is for members")
	}
	page, refusal := readPage(args)
	if refusal != nil {
		return refusal
	}
	bound := map[string]string{"oldest": "", "latest": ""}
	for key := range bound {
		value, code := argument(args, key), "invalid_ts_"+key
		if value == "" {
			continue
		}
		if !slackTime.MatchString(value) {
			return failed(code, fmt.Sprintf("%s is %q, no time in seconds", key, value))
		}
		bound[key] = paddedTS(value)
	}
	inclusive, withMetadata := truth(args, "inclusive"), truth(args, "include_all_metadata")

	w.mu.Lock()
	defer w.mu.Unlock()
	var found []map[string]any
	for _, m := range slices.Backward(w.posted[channel]) {
		edge := m.ts == bound["oldest"] || m.ts == bound["latest"]
		switch {
		case m.thread != "" && !m.broadcast,
			edge && !inclusive,
			m.ts < bound["oldest"],
			bound["latest"] != "" && m.ts > bound["latest"]:
			continue
		}
		told := map[string]any{"type": "message", "subtype": "bot_message", "ts": m.ts, "text": m.text, "bot_id": slackHook}
		if metadata, ok := m.metadata.(map[string]any); ok {
			if !withMetadata {
				metadata = map[string]any{"event_type": metadata["event_type"]}
			}
			told["metadata"] = metadata
		}
		found = append(found, told)
	}
	return page.answer("messages", found)
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
