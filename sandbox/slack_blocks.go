package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of Block Kit in characters or items, docs.slack.dev/reference/block-kit/blocks.
const (
	slackBlocks      = 50
	slackHeader      = 150
	slackSection     = 3000
	slackFields      = 10
	slackField       = 2000
	slackContext     = 10
	slackContextText = 3000
	slackActions     = 25
	slackButton      = 75
	slackButtonValue = 2000
	slackURL         = 3000
	slackAltText     = 2000
	slackImageTitle  = 2000
	slackMarkdown    = 12000 // in all markdown blocks together
	slackBlockID     = 255
	slackActionID    = 255
	slackAnyRichText = 3000 // elements; not documented, a bound against runaway templates
)

// The types of text objects.
const (
	plainText = "plain_text"
	mrkdwn    = "mrkdwn"
)

// blockCheck gathers what is wrong with the blocks of a message, in the words and with the JSON pointers of
// Slack's response_metadata.
type blockCheck struct {
	errors   []string
	chars    int // of all texts
	markdown int // of the markdown blocks
	ids      map[string]bool
}

func (c *blockCheck) fail(at, format string, args ...any) {
	c.errors = append(c.errors, pointed(fmt.Sprintf(format, args...), at))
}

// blocks checks a list of blocks.
func (c *blockCheck) blocks(v any, at string) {
	list, ok := v.([]any)
	if !ok {
		c.fail(at, "must be an array")
		return
	}
	if len(list) > slackBlocks {
		c.fail(at, "no more than %d items allowed", slackBlocks)
	}
	for i, v := range list {
		at := fmt.Sprintf("%s/%d", at, i)
		b, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must be an object")
			continue
		}
		c.block(b, at)
		c.chars += visible(b)
	}
}

// block checks one block by its type.
func (c *blockCheck) block(b map[string]any, at string) {
	if id, ok := b["block_id"]; ok {
		c.id(id, at+"/block_id", slackBlockID)
		if s, ok := id.(string); ok && c.ids[s] {
			c.fail(at+"/block_id", "%q is the block_id of another block", s)
		} else if ok {
			c.ids[s] = true
		}
	}
	switch kind := b["type"]; kind {
	case nil:
		c.fail(at, "missing required field: type")
	case "header":
		c.keys(b, at, "text")
		c.text(b, "text", at, slackHeader, plainText)
	case "section":
		c.section(b, at)
	case "context":
		c.keys(b, at, "elements")
		for i, e := range c.list(b, "elements", at, slackContext) {
			at := fmt.Sprintf("%s/elements/%d", at, i)
			if m, ok := e.(map[string]any); ok && m["type"] == "image" {
				c.image(m, at, false)
				continue
			}
			c.textObject(e, at, slackContextText, plainText, mrkdwn)
		}
	case "divider":
		c.keys(b, at)
	case "image":
		c.image(b, at, true)
	case "markdown":
		c.keys(b, at, "text")
		c.markdown += utf8.RuneCountInString(c.required(b, "text", at, slackMarkdown))
		if c.markdown > slackMarkdown {
			c.fail(at+"/text", "all markdown blocks together must be less than %d characters", slackMarkdown+1)
		}
	case "actions":
		c.keys(b, at, "elements")
		for i, e := range c.list(b, "elements", at, slackActions) {
			c.element(e, fmt.Sprintf("%s/elements/%d", at, i))
		}
	case "rich_text":
		c.keys(b, at, "elements")
		for i, e := range c.list(b, "elements", at, slackAnyRichText) {
			c.richText(e, fmt.Sprintf("%s/elements/%d", at, i))
		}
	case "file", "input", "video", "table", "context_actions":
		// They are valid in messages; no notification has them, so what is in them is not looked at.
	default:
		c.fail(at+"/type", "unsupported type: %v", kind)
	}
}

// section must have a text or fields.
func (c *blockCheck) section(b map[string]any, at string) {
	c.keys(b, at, "text", "fields", "accessory", "expand")
	_, hasText := b["text"]
	_, hasFields := b["fields"]
	if !hasText && !hasFields {
		c.fail(at, "must define either `text` or `fields`")
	}
	if hasText {
		c.text(b, "text", at, slackSection, plainText, mrkdwn)
	}
	if hasFields {
		for i, f := range c.list(b, "fields", at, slackFields) {
			c.textObject(f, fmt.Sprintf("%s/fields/%d", at, i), slackField, plainText, mrkdwn)
		}
	}
	if v, ok := b["expand"]; ok {
		c.boolean(v, at+"/expand")
	}
	if v, ok := b["accessory"]; ok {
		if m, isObject := v.(map[string]any); isObject && m["type"] == "image" {
			c.image(m, at+"/accessory", false)
		} else {
			c.element(v, at+"/accessory")
		}
	}
}

// image checks an image block or element; only the block has a title.
func (c *blockCheck) image(b map[string]any, at string, block bool) {
	if block {
		c.keys(b, at, "image_url", "slack_file", "alt_text", "title")
	} else {
		c.keys(b, at, "image_url", "slack_file", "alt_text")
	}
	if _, ok := b["slack_file"]; !ok {
		c.url(b, "image_url", at)
	}
	c.required(b, "alt_text", at, slackAltText)
	if _, ok := b["title"]; ok && block {
		c.text(b, "title", at, slackImageTitle, plainText)
	}
}

// element checks an interactive element. Only buttons are looked at closely.
func (c *blockCheck) element(v any, at string) {
	m, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	if kind, _ := m["type"].(string); kind == "" {
		c.fail(at, "missing required field: type")
		return
	}
	if id, ok := m["action_id"]; ok {
		c.id(id, at+"/action_id", slackActionID)
	}
	if m["type"] != "button" {
		return
	}
	c.keys(m, at, "text", "action_id", "url", "value", "style", "confirm", "accessibility_label")
	c.text(m, "text", at, slackButton, plainText)
	if _, ok := m["url"]; ok {
		c.url(m, "url", at)
	}
	if _, ok := m["value"]; ok {
		c.required(m, "value", at, slackButtonValue)
	}
	if style, ok := m["style"]; ok && style != "primary" && style != "danger" {
		c.fail(at+"/style", "must be one of: primary, danger")
	}
}

// richText checks the outer forms of rich text, and that no text in it is empty.
func (c *blockCheck) richText(v any, at string) {
	m, _ := v.(map[string]any)
	switch m["type"] {
	case "rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list":
	default:
		c.fail(at, "unsupported type: %v", m["type"])
		return
	}
	list, ok := m["elements"].([]any)
	if !ok {
		c.fail(at, "missing required field: elements")
	}
	for i, e := range list {
		at := fmt.Sprintf("%s/elements/%d", at, i)
		e, _ := e.(map[string]any)
		switch e["type"] {
		case "text":
			c.required(e, "text", at, slackSection)
		case "link":
			c.url(e, "url", at)
		case "rich_text_section":
			c.richText(e, at)
		case "emoji", "user", "usergroup", "channel", "broadcast", "date", "color", "team":
		default:
			c.fail(at, "unsupported type: %v", e["type"])
		}
	}
}

// text checks a text object that must be there.
func (c *blockCheck) text(b map[string]any, key, at string, limit int, kinds ...string) {
	v, ok := b[key]
	if !ok {
		c.fail(at, "missing required field: %s", key)
		return
	}
	c.textObject(v, at+"/"+key, limit, kinds...)
}

// textObject checks docs.slack.dev/reference/block-kit/composition-objects/text-object. Slack opens its list of
// what is wrong with one by a line of its own.
func (c *blockCheck) textObject(v any, at string, limit int, kinds ...string) {
	before := len(c.errors)
	defer func() {
		if len(c.errors) > before {
			c.errors = slices.Insert(c.errors, before, pointed("failed to match all allowed schemas", at))
		}
	}()
	m, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	kind, _ := m["type"].(string)
	if !slices.Contains(kinds, kind) {
		c.fail(at+"/type", "must be one of: %s", strings.Join(kinds, ", "))
	}
	flag := "emoji"
	if kind == mrkdwn {
		flag = "verbatim"
	}
	for _, k := range sorted(m) {
		switch k {
		case "type", "text":
		case flag:
			c.boolean(m[k], at+"/"+k)
		default:
			c.fail(at, "invalid additional property: %s", k)
		}
	}
	c.required(m, "text", at, limit)
}

// required checks a string of 1 to limit characters that must be there, and returns it.
func (c *blockCheck) required(m map[string]any, key, at string, limit int) string {
	v, ok := m[key]
	if !ok {
		c.fail(at, "missing required field: %s", key)
		return ""
	}
	at += "/" + key
	s, ok := v.(string)
	switch n := utf8.RuneCountInString(s); {
	case !ok:
		c.fail(at, "must be a string")
	case n == 0:
		c.fail(at, "must be more than 0 characters")
	case n > limit:
		c.fail(at, "must be less than %d characters", limit+1)
	}
	return s
}

// url checks a link that must be there.
func (c *blockCheck) url(m map[string]any, key, at string) {
	s := c.required(m, key, at, slackURL)
	if s != "" && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "mailto:") {
		c.fail(at+"/"+key, "must be a valid URL")
	}
}

// list returns a list of 1 to limit items that must be there.
func (c *blockCheck) list(b map[string]any, key, at string, limit int) []any {
	v, ok := b[key]
	if !ok {
		c.fail(at, "missing required field: %s", key)
		return nil
	}
	list, ok := v.([]any)
	switch {
	case !ok:
		c.fail(at+"/"+key, "must be an array")
	case len(list) == 0:
		c.fail(at+"/"+key, "no less than 1 items allowed")
	case len(list) > limit:
		c.fail(at+"/"+key, "no more than %d items allowed", limit)
	}
	return list
}

func (c *blockCheck) id(v any, at string, limit int) {
	if s, ok := v.(string); !ok {
		c.fail(at, "must be a string")
	} else if utf8.RuneCountInString(s) > limit {
		c.fail(at, "must be less than %d characters", limit+1)
	}
}

func (c *blockCheck) boolean(v any, at string) {
	if _, ok := v.(bool); !ok {
		c.fail(at, "must be a boolean")
	}
}

// keys refuses keys that a block does not have; type and block_id are every block's.
func (c *blockCheck) keys(b map[string]any, at string, allowed ...string) {
	for _, k := range sorted(b) {
		if k != "type" && k != "block_id" && !slices.Contains(allowed, k) {
			c.fail(at, "invalid additional property: %s", k)
		}
	}
}

// visible counts the characters of all texts in a block, at any depth.
func visible(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += visible(e)
		}
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && (k == "text" || k == "alt_text") {
				n += utf8.RuneCountInString(s)
			} else {
				n += visible(e)
			}
		}
	}
	return n
}

// sorted lists the keys of an object in a fixed order, so that answers repeat.
func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
