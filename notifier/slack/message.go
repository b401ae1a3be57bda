package slack

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// message is what both ways of posting send.
type message struct {
	text        string       // phones notify with it, screen readers read it instead of the blocks
	said        display.Text // of which text was made
	blocks      []slack.Block
	attachments []slack.Attachment
	measured    []measured // all texts of the blocks, those of the attachments too
}

// compose makes the message of the template's parts: text, header, facts, log, footer and color, or body, a
// whole message that an operator wrote as one text.
func compose(parts map[string]display.Text) (message, error) {
	part := func(name string) display.Text { return parts[name].Trim() }
	var m message
	if body := part("body"); !body.Blank() {
		m.said, m.text = body, fit(body, maxText, plain)
		text := fit(body, maxBody, mrkdwn)
		m.measure("body", text, maxBody)
		for _, piece := range pieces(text, maxSection) {
			m.blocks = append(m.blocks, section(piece, true))
		}
	} else {
		m.said, m.text = part("text"), fit(part("text"), maxText, plain)
		if header := fitHeader(part("header")); header != "" {
			m.measure("header", header, maxHeader)
			m.blocks = append(m.blocks, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, header, false, false)))
			if m.text == "" {
				m.said, m.text = part("header").Line(), header
			}
		}
		if facts := part("facts"); !facts.Blank() {
			text := fit(facts, maxSection, mrkdwn)
			m.measure("facts", text, maxSection)
			m.blocks = append(m.blocks, section(text, true))
		}
		if log := part("log"); !log.Blank() {
			text := fit(log, maxSection, mrkdwn)
			m.measure("log", text, maxSection)
			m.blocks = append(m.blocks, section(text, false)) // Slack folds it when it is long
		}
	}
	if len(m.blocks) == 0 { // then the text is what Slack shows, with markup
		m.text = fit(part("text"), maxText, mrkdwn)
	}
	if m.text == "" && len(m.blocks) == 0 {
		return message{}, notifier.EmptyTemplate("slack", "text, header, facts, log, body")
	}
	if footer := part("footer"); !footer.Blank() {
		text := fit(footer, maxFooter, mrkdwn)
		m.measure("", text, 0)
		m.attachments = []slack.Attachment{{
			Color: strings.TrimSpace(part("color").String()),
			Blocks: slack.Blocks{BlockSet: []slack.Block{
				slack.NewContextBlock("", markup(text)),
			}},
		}}
	}
	return m, nil
}

// textOfUpdate is the text for chat.update.
func (m message) textOfUpdate() string {
	if len(m.text) <= maxUpdateText {
		return m.text
	}
	return fit(m.said, maxUpdateText/maxUnit, plain)
}

// measured is a text of the blocks with its limit; one without a name has no limit of its own.
type measured struct {
	name, text string
	limit      int
}

func (m *message) measure(name, text string, limit int) {
	m.measured = append(m.measured, measured{name, text, limit})
}

// Meters are those of header, facts and log, or of an operator's plain template, and of all blocks together.
func (*Notifier) Meters(n notifier.Notification) []notifier.Meter {
	m, err := compose(n.Parts)
	if err != nil {
		return nil
	}
	var meters []notifier.Meter
	all := notifier.Meter{Name: "blocks", Limit: maxMessage}
	for _, x := range m.measured {
		size := units(x.text)
		if all.N += size; x.name != "" {
			meters = append(meters, notifier.Meter{Name: x.name, N: size, Limit: x.limit})
		}
	}
	return append(meters, all)
}

// section is a block of mrkdwn; expanded, Slack never folds it.
func section(text string, expand bool) slack.Block {
	return slack.NewSectionBlock(markup(text), nil, nil, slack.SectionBlockOptionExpand(expand))
}

// markup is verbatim, so that Slack makes no links and channel names of what merely looks like them.
func markup(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}
