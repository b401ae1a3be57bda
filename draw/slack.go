package draw

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Slack draws a message to Slack, of an incoming webhook (JSON) or of a method of the Web API (a form, or JSON):
// chat.postMessage, in a thread too, and chat.update. phone is what a locked phone and a screen reader are given of it; its
// Kind is "" where that is nothing. What cannot be read is drawn as it came, and err says why.
func Slack(body []byte) (message, phone Node, err error) {
	m, err := slackMessage(body)
	if err != nil {
		return Node{Kind: Message, Style: "slack", Children: []Node{raw(body)}}, Node{}, fmt.Errorf("draw the message to Slack: %w", err)
	}
	message = Node{Kind: Message, Style: "slack", Text: "ossec-notify"}
	note := func(format, s string) {
		if s != "" {
			message.Children = append(message.Children, Node{Kind: Note, Text: fmt.Sprintf(format, written(s))})
		}
	}
	note("to %s", m.text("channel"))
	note("changes the message %s", m.text("ts"))
	note("in the thread of %s", m.text("thread_ts"))
	if b := m.take("reply_broadcast"); b != nil && strings.Trim(b.raw, `"`) == "true" {
		note("%s", "and in the channel")
	}
	if name := m.text("username"); name != "" {
		message.Text = written(name)
	}
	text := m.text("text")
	blocks := m.list("blocks")
	for i := range blocks {
		message.Children = append(message.Children, slackBlock(&blocks[i])...)
	}
	if len(blocks) == 0 && text != "" { // else the blocks are shown instead
		message.Children = append(message.Children, cuts(Mrkdwn(text))...)
	}
	if text != "" {
		phone = Node{Kind: Phone, Text: "Slack", Children: plainText(text)}
	}
	attachments := m.list("attachments")
	for i := range attachments {
		message.Children = append(message.Children, slackAttachment(&attachments[i]))
	}
	// By metadata we find the message again; the others are orders, of which nothing is seen.
	m.ignore("metadata", "unfurl_links", "unfurl_media", "mrkdwn", "parse", "link_names", "as_user", "token", "response_type", "replace_original", "delete_original")
	message.Children = append(message.Children, m.rest("more in the message")...)
	return message, phone, nil
}

// slackMessage reads a body in either form.
func slackMessage(body []byte) (*value, error) {
	if s := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n"); strings.HasPrefix(s, "{") || len(body) > maxBody {
		return readObject(body)
	}
	pairs, err := url.ParseQuery(string(body))
	if err != nil || !pairs.Has("text") && !pairs.Has("blocks") && !pairs.Has("attachments") {
		return nil, errors.New("it is neither JSON nor a form with text, blocks or attachments")
	}
	m := &value{kind: '{'}
	for _, f := range formOf(string(body)) {
		v := value{kind: '"', raw: quote(f[1])}
		if f[0] == "blocks" || f[0] == "attachments" || f[0] == "metadata" {
			// An array cannot be read by itself, only an object can.
			if o, err := readObject([]byte(`{"":` + f[1] + `}`)); err == nil && len(o.members) == 1 {
				v = o.members[0].value
			}
		}
		m.members = append(m.members, member{f[0], quote(f[0]), v})
	}
	m.taken = make([]bool, len(m.members))
	return m, nil
}

// slackBlock draws a block. What it does not know of one follows as JSON.
func slackBlock(b *value) []Node {
	if b.kind != '{' {
		return []Node{labelled("block", b.raw)}
	}
	kind := b.text("type")
	b.ignore("block_id")
	var out []Node
	switch kind {
	case "header":
		out = append(out, Node{Kind: Heading, Children: flat(slackText(b, "text"))})
	case "section":
		out = slackSection(b)
	case "context":
		var parts []Node
		elements := b.list("elements")
		for i := range elements {
			if i > 0 {
				parts = append(parts, Node{Kind: Text, Text: " "})
			}
			parts = append(parts, slackElement(&elements[i])...)
		}
		if allWithin(parts) {
			out = []Node{{Kind: Small, Children: parts}}
		} else {
			out = []Node{{Kind: Group, Children: wrap(parts, Small)}}
		}
	case "divider":
		out = []Node{{Kind: Divider}}
	case "image":
		title := flat(slackText(b, "title"))
		if len(title) > 0 {
			out = append(out, Node{Kind: Para, Children: title})
		}
		out = append(out, slackImage(b))
	case "actions":
		var buttons []Node
		elements := b.list("elements")
		for i := range elements {
			buttons = append(buttons, slackElement(&elements[i])...)
		}
		out = []Node{{Kind: Group, Children: wrap(buttons, Para)}}
	case "rich_text":
		elements := b.list("elements")
		for i := range elements {
			out = append(out, richBlock(&elements[i], 0)...)
		}
	default:
		return []Node{labelled("block "+written(kind), b.raw)}
	}
	return append(out, b.rest("more in the block "+kind)...)
}

// slackSection draws a section: its text, folded as Slack does unless it is to be expanded, and its fields.
func slackSection(b *value) []Node {
	var out []Node
	text := cuts(slackText(b, "text"))
	if expand := b.take("expand"); expand == nil || expand.raw != "true" {
		text = folded(text)
	}
	out = append(out, text...)
	fields := b.list("fields")
	if len(fields) > 0 {
		node := Node{Kind: Fields}
		for i := range fields {
			node.Children = append(node.Children, Node{Kind: Group, Children: slackObject(&fields[i])})
		}
		out = append(out, node)
	}
	if a := b.take("accessory"); a != nil {
		out = append(out, wrap(slackElement(a), Para)...)
	}
	return out
}

// slackText draws the text object that is a member of a block: blocks of its markup, or a paragraph of plain text.
func slackText(b *value, key string) []Node {
	if v := b.take(key); v != nil {
		return slackObject(v)
	}
	return nil
}

func slackObject(v *value) []Node {
	if v.kind != '{' {
		return []Node{labelled("text", v.raw)}
	}
	v.ignore("verbatim", "emoji")
	kind, text := v.text("type"), v.text("text")
	var out []Node
	switch {
	case text == "":
	case kind == "mrkdwn":
		out = Mrkdwn(text)
	default:
		out = []Node{{Kind: Para, Children: plainText(text)}}
		if kind != "plain_text" {
			out = append(out, Node{Kind: Note, Text: fmt.Sprintf("text of the unknown type %q", written(kind))})
		}
	}
	return append(out, v.rest("more in the text")...)
}

// slackElement draws an element of a context or of actions.
func slackElement(v *value) []Node {
	if v.kind != '{' {
		return []Node{labelled("element", v.raw)}
	}
	switch kind := last(v, "type"); kind {
	case "image":
		v.ignore("type")
		return append([]Node{slackImage(v)}, v.rest("more in the image")...)
	case "mrkdwn", "plain_text":
		return slackInline(v)
	case "button":
		v.ignore("type", "action_id", "style")
		label := slackText(v, "text")
		button := Node{Kind: Button, Style: written(v.text("url"))}
		if strip := flat(label); allWithin(strip) {
			button.Text = written(TextOf(Node{Kind: Para, Children: strip}))
			label = nil
		}
		return append(append([]Node{button}, label...), v.rest("more in the button")...)
	default:
		return []Node{labelled("element "+written(kind), v.raw)}
	}
}

// slackInline draws a text object within a line where its text is one paragraph.
func slackInline(v *value) []Node { return flat(slackObject(v)) }

// last is the text of a member, which does not count as asked for.
func last(v *value, key string) string {
	for i := len(v.members) - 1; i >= 0; i-- {
		if v.members[i].key == key {
			return unquote(v.members[i].raw)
		}
	}
	return ""
}

func slackImage(v *value) Node {
	return Node{Kind: Image, Text: written(v.text("alt_text")), Style: written(v.text("image_url"))}
}

// slackAttachment draws an attachment beside its bar: blocks, or the fields of the old form.
func slackAttachment(a *value) Node {
	if a.kind != '{' {
		return labelled("attachment", a.raw)
	}
	bar := Node{Kind: Bar, Style: slackColor(a.text("color"))}
	add := func(nodes ...Node) { bar.Children = append(bar.Children, nodes...) }
	blocks := a.list("blocks")
	for i := range blocks {
		add(slackBlock(&blocks[i])...)
	}
	markedUp := map[string]bool{} // fields with markup: of the others it is text
	if a.take("mrkdwn_in") == nil {
		markedUp = map[string]bool{"text": true, "pretext": true, "fields": true}
	}
	in := a.list("mrkdwn_in")
	for i := range in {
		markedUp[unquote(in[i].raw)] = true
	}
	said := func(key, s string) []Node {
		switch {
		case s == "":
			return nil
		case markedUp[key]:
			return Mrkdwn(s)
		}
		return []Node{{Kind: Para, Children: plainText(s)}}
	}
	small := func(text, icon string) {
		var parts []Node
		if icon != "" {
			parts = append(parts, Node{Kind: Image, Style: written(icon)})
		}
		if text != "" {
			parts = append(parts, Node{Kind: Small, Children: plainText(text)})
		}
		add(parts...)
	}
	add(said("pretext", a.text("pretext"))...)
	small(a.text("author_name"), a.text("author_icon"))
	if title := a.text("title"); title != "" {
		nodes := plainText(title)
		if link := a.text("title_link"); link != "" {
			nodes = []Node{{Kind: Link, Style: written(link), Children: nodes}}
		}
		add(Node{Kind: Para, Children: []Node{{Kind: Bold, Children: nodes}}})
	}
	add(folded(cuts(said("text", a.text("text"))))...)
	if fields := a.list("fields"); len(fields) > 0 {
		node := Node{Kind: Fields}
		for i := range fields {
			f := &fields[i]
			if f.kind != '{' {
				node.Children = append(node.Children, labelled("field", f.raw))
				continue
			}
			f.ignore("short")
			var group []Node
			if title := f.text("title"); title != "" {
				group = append(group, Node{Kind: Para, Children: []Node{{Kind: Bold, Children: plainText(title)}}})
			}
			group = append(append(group, said("fields", f.text("value"))...), f.rest("more in the field")...)
			node.Children = append(node.Children, Node{Kind: Group, Children: group})
		}
		add(node)
	}
	for _, key := range []string{"image_url", "thumb_url"} {
		if at := a.text(key); at != "" {
			add(Node{Kind: Image, Style: written(at)})
		}
	}
	footer := a.text("footer")
	if ts := a.take("ts"); ts != nil {
		footer = strings.TrimPrefix(footer+" · "+strings.Trim(ts.raw, `"`), " · ")
	}
	small(footer, a.text("footer_icon"))
	if fallback := a.text("fallback"); fallback != "" && len(bar.Children) == 0 {
		add(Node{Kind: Para, Children: plainText(fallback)})
	}
	add(a.rest("more in the attachment")...)
	return bar
}

// slackColor is a colour as #RRGGBB: Slack knows three by a name, and takes others without the #. What is no colour is the
// grey of a message that has none.
func slackColor(s string) string {
	switch s {
	case "good":
		return "#2EB886"
	case "warning":
		return "#DAA038"
	case "danger":
		return "#A30200"
	}
	hex := strings.TrimPrefix(s, "#")
	if _, err := strconv.ParseUint(hex, 16, 32); err != nil || len(hex) != 6 {
		return "#DDDDDD"
	}
	return "#" + strings.ToUpper(hex)
}

// flat is the inside of a single paragraph, or the blocks themselves.
func flat(nodes []Node) []Node {
	if len(nodes) == 1 && nodes[0].Kind == Para {
		return nodes[0].Children
	}
	return nodes
}

// wrap puts what stands within a line into blocks of a kind.
func wrap(nodes []Node, kind Kind) []Node {
	var out []Node
	var line []Node
	flush := func() {
		if len(line) > 0 {
			out, line = append(out, Node{Kind: kind, Children: line}), nil
		}
	}
	for _, n := range nodes {
		if n.within() {
			line = append(line, n)
			continue
		}
		flush()
		out = append(out, n)
	}
	flush()
	return out
}

// raw draws a body that cannot be read otherwise.
func raw(body []byte) Node {
	return Node{Kind: Pre, Children: JSON(body)}
}

// quote is a text as a JSON string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
