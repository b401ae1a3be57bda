package slack

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// readWebhookAnswer: a webhook answers "ok", or one word that says what is wrong.
func readWebhookAnswer(what string, a *notifier.Answer) (notifier.Receipt, error) {
	body := strings.TrimSpace(string(a.Body))
	if a.Err == nil && a.Status == http.StatusOK && body == "ok" {
		return notifier.Receipt{Status: a.Status}, nil
	}
	word := ""
	if isWord(body) {
		word = body
	}
	return notifier.Receipt{}, failure(what, a, word, "")
}

// readAPIAnswer: a method of the Web API answers {"ok": true, …} or {"ok": false, "error": word}, mostly with
// status 200 in either case.
func readAPIAnswer(what string, a *notifier.Answer) (notifier.Receipt, error) {
	var body struct {
		OK      bool
		Error   string
		Channel string
		TS      string
		Details struct{ Messages []string } `json:"response_metadata"`
	}
	if a.Err == nil && json.Unmarshal(a.Body, &body) == nil && body.OK && a.Status == http.StatusOK {
		return notifier.Receipt{Status: a.Status, ID: body.TS, Channel: body.Channel}, nil
	}
	if !isWord(body.Error) {
		body.Error = ""
	}
	return notifier.Receipt{}, failure(what, a, body.Error, strings.Join(body.Details.Messages, "; "))
}

// threadOf is the thread that a posted message is in, "" where it is in none.
func threadOf(body []byte) string {
	var answer struct {
		Message struct {
			Thread string `json:"thread_ts"`
		}
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return answer.Message.Thread
}

// failure is the error of an answer that is no success. word is Slack's own for it, detail its sentences about
// it; both may be empty.
func failure(what string, a *notifier.Answer, word, detail string) *notifier.Error {
	e := a.Failure(what)
	if e == nil && word != "" {
		text := strings.TrimSuffix(word+": "+notifier.Snippet([]byte(detail)), ": ")
		e = notifier.Errorf(notifier.Temporary, "%s: status %d: %s", what, a.Status, text)
	} else if e == nil {
		e = notifier.Errorf(notifier.Temporary, "%s: status %d, but the answer is not Slack's: %q", what, a.Status, notifier.Snippet(a.Body))
		e.Hint = "something between this host and Slack answers, such as a proxy"
	}
	e.Status = a.Status
	e.RetryAfter = notifier.RetryAfter(a.Header, time.Now())
	e.Code = word
	if reason, hint, ok := verdict(word); ok {
		e.Reason, e.Hint = reason, hint
	}
	return e
}

// isWord tells one of Slack's words (no_service) from other text.
func isWord(s string) bool {
	return s != "" && len(s) <= 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// verdict says what becomes of the delivery after one of Slack's words, from the documents of chat.postMessage,
// chat.update and incoming webhooks (docs.slack.dev); isGone comes before it. A word that is not here keeps the verdict on its status; with status
// 200 it is temporary, like everything that we do not know.
func verdict(word string) (reason notifier.Reason, hint string, known bool) {
	const (
		temporary     = notifier.Temporary
		permanent     = notifier.Permanent
		misconfigured = notifier.Misconfigured
	)
	switch word {
	case "rate_limited", "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
		"team_added_to_org", "accesslimited", "rollup_error", "update_failed":
		return temporary, "", true
	case "message_limit_exceeded":
		return temporary, "the workspace has used up its quota of messages: an owner must look at its plan", true

	case "invalid_payload", "invalid_blocks", "invalid_blocks_format", "invalid_attachments", "no_text",
		"msg_too_long", "msg_blocks_too_long", "too_many_attachments", "attachment_payload_limit_exceeded",
		"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "invalid_arguments",
		"invalid_charset", "invalid_form_data":
		return permanent, "Slack does not take this message: look at it with ossec-notify preview", true

	case "no_service", "no_service_id", "no_active_hooks", "no_team", "team_disabled":
		return misconfigured, "the webhook is gone: make a new one and put its URL into webhook_url", true
	case "invalid_token":
		return misconfigured, "the webhook's URL is not complete or was replaced: copy it again from the app's page", true
	case "user_not_found", "channel_not_found":
		return misconfigured, "no such channel, or a private one that the app is not in: invite it, or give the channel's id", true
	case "not_in_channel":
		return misconfigured, "the app is not in the channel: type /invite @app there", true
	case "is_archived", "channel_is_archived":
		return misconfigured, "the channel is archived: post to another one", true
	case "action_prohibited", "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"posting_to_general_channel_denied", "team_access_not_granted", "enterprise_is_restricted", "access_denied", "no_permission":
		return misconfigured, "the workspace's administrators do not let the app post there", true
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired":
		return misconfigured, "the token is not valid (any more): copy the bot token from the app's page, or install the app again", true
	case "missing_scope", "not_allowed_token_type":
		return misconfigured, "the token may not post: give the app the scope chat:write, install it again, use its bot token (xoxb-…)", true
	case "metadata_must_be_sent_from_app":
		return misconfigured, "the token is not an app's: use the bot token of an app (xoxb-…)", true
	}
	return temporary, "", false
}
