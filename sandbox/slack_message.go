package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// Limits of a message. The first is documented with chat.postMessage, the second with attachments; the third is
// not documented but observed (slackapi/bolt-js#2509).
const (
	slackText        = 40000 // characters, the rest is cut
	slackAttachments = 100
	slackAllBlocks   = 13200 // characters in all blocks
)

// The keys that a message may have. Slack ignores others without a word.
var (
	slackMessageKeys = []string{"text", "blocks", "attachments", "thread_ts", "mrkdwn", "parse", "link_names", "unfurl_links", "unfurl_media", "reply_broadcast", "metadata"}
	slackWebhookKeys = append([]string{"response_type", "replace_original", "delete_original"}, slackMessageKeys...)
	slackPostKeys    = append([]string{"channel", "username", "icon_emoji", "icon_url", "markdown_text", "as_user"}, slackMessageKeys...)
	slackUpdateKeys  = []string{"channel", "ts", "text", "blocks", "attachments", "metadata", "markdown_text", "as_user", "parse", "link_names", "reply_broadcast", "file_ids"}
)

// slackCheck is what there is to say of a message. An empty code means that Slack takes it.
type slackCheck struct {
	code     string
	errors   []string // why not
	warnings []string // Slack's own codes
	notes    []string // what Slack takes and ignores, cuts or does not show
}

func (c slackCheck) all() []string { return slices.Concat(c.errors, c.notes) }

func (c *slackCheck) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// checkSlackMessage checks a message as webhook and API share it: text, blocks, attachments.
func checkSlackMessage(m map[string]any, keys []string) slackCheck {
	var c slackCheck
	for _, k := range sorted(m) {
		if !slices.Contains(keys, k) {
			c.note("Slack ignores the key %q here", k)
		}
	}
	for _, k := range []string{"unfurl_links", "unfurl_media", "mrkdwn", "reply_broadcast"} {
		switch v := m[k]; v {
		case nil, true, false, "true", "false", "1", "0":
		default:
			c.note("%s is %v, not true or false", k, v)
		}
	}

	var text string
	if v, ok := m["text"]; ok && v != nil {
		if text, ok = v.(string); !ok {
			c.code, c.errors = "invalid_payload", []string{"text is not a string"}
			return c
		}
	}
	if n := utf8.RuneCountInString(text); n > slackText {
		c.warnings = append(c.warnings, "message_truncated")
		c.note("the text has %d characters, Slack cuts it at %d", n, slackText)
	}

	b := blockCheck{ids: map[string]bool{}}
	if v := m["blocks"]; v != nil {
		b.blocks(v, "/blocks")
	}
	if len(b.errors) > 0 {
		c.code, c.errors = "invalid_blocks", b.errors
		return c
	}
	list, isList := m["attachments"].([]any)
	switch {
	case m["attachments"] != nil && !isList:
		c.code, c.errors = "invalid_attachments", []string{"attachments is not a list"}
		return c
	case len(list) > slackAttachments:
		c.code, c.errors = "too_many_attachments", []string{fmt.Sprintf("%d attachments, over %d", len(list), slackAttachments)}
		return c
	}
	shown := 0
	for i, v := range list {
		if c.attachment(v, fmt.Sprintf("/attachments/%d", i), &b) {
			shown++
		}
	}
	c.errors = append(c.errors, b.errors...)
	if len(c.errors) > 0 {
		c.code = "invalid_attachments"
		return c
	}
	blocks, _ := m["blocks"].([]any)
	switch {
	case text == "" && len(blocks) == 0 && shown == 0:
		c.code, c.errors = "no_text", []string{"neither text nor blocks nor an attachment with content"}
	case b.chars > slackAllBlocks:
		c.code, c.errors = "msg_blocks_too_long", []string{fmt.Sprintf("%d characters in all blocks, over %d", b.chars, slackAllBlocks)}
	case text == "":
		c.note("without text, notifications and screen readers have little to say")
	}
	return c
}

// The fields of docs.slack.dev/messaging/formatting-message-text/#attachments. Those of the first list go with
// blocks; the others may not stand beside them (slack-go/slack#826), not even empty or false.
var (
	slackAttachmentWithBlocks = []string{"blocks", "color", "fallback"}
	slackAttachmentContent    = []string{"text", "pretext", "title", "fields", "image_url", "thumb_url", "footer", "author_name", "fallback", "actions"}
	slackColor                = regexp.MustCompile(`^#?[0-9A-Fa-f]{6}$`)
)

// attachment checks one attachment and reports whether it shows anything.
func (c *slackCheck) attachment(v any, at string, b *blockCheck) bool {
	m, ok := v.(map[string]any)
	if !ok {
		c.errors = append(c.errors, pointed("must be an object", at))
		return false
	}
	_, hasBlocks := m["blocks"]
	if color, ok := m["color"]; ok {
		s, _ := color.(string)
		named := s == "good" || s == "warning" || s == "danger"
		switch {
		case named && hasBlocks:
			c.note("%s", pointed("the colour "+s+" is not shown beside blocks, write it as #rrggbb", at+"/color"))
		case !named && !slackColor.MatchString(s):
			c.note("%s", pointed(fmt.Sprintf("%v is no colour", color), at+"/color"))
		}
	}
	if !hasBlocks {
		return slices.ContainsFunc(slackAttachmentContent, func(k string) bool { return m[k] != nil && m[k] != "" })
	}
	for _, k := range sorted(m) {
		if !slices.Contains(slackAttachmentWithBlocks, k) {
			c.errors = append(c.errors, "invalid_keys", pointed(fmt.Sprintf("%q does not go with blocks", k), at))
		}
	}
	b.blocks(m["blocks"], at+"/blocks")
	blocks, _ := m["blocks"].([]any)
	return len(blocks) > 0
}

// pointed is a problem with the place where it is, in Slack's form.
func pointed(problem, at string) string { return problem + " [json-pointer:" + at + "]" }
