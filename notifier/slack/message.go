package slack

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// message is what both ways of posting send.
type message struct {
	text        string // phones notify with it, screen readers read it instead of the blocks
	blocks      []slack.Block
	attachments []slack.Attachment
}

// compose makes the message of the template's parts: text, header, facts, log, footer and color, or body, a
// whole message that an operator wrote as one text.
func compose(parts map[string]display.Text) (message, error) {
	part := func(name string) display.Text { return parts[name].Trim() }
	var m message
	if body := part("body"); !body.Blank() {
		m.text = fit(body, maxText, plain)
		for _, piece := range pieces(fit(body, maxBody, mrkdwn), maxSection) {
			m.blocks = append(m.blocks, section(piece, true))
		}
	} else {
		m.text = fit(part("text"), maxText, plain)
		if header := fitHeader(part("header")); header != "" {
			m.blocks = append(m.blocks, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, header, false, false)))
			if m.text == "" {
				m.text = header
			}
		}
		if facts := part("facts"); !facts.Blank() {
			m.blocks = append(m.blocks, section(fit(facts, maxSection, mrkdwn), true))
		}
		if log := part("log"); !log.Blank() {
			m.blocks = append(m.blocks, section(fit(log, maxSection, mrkdwn), false)) // Slack folds it when it is long
		}
	}
	if m.text == "" && len(m.blocks) == 0 {
		return message{}, notifier.Errorf(notifier.Permanent, "post to Slack: the template leaves the message empty")
	}
	if footer := part("footer"); !footer.Blank() {
		m.attachments = []slack.Attachment{{
			Color: strings.TrimSpace(part("color").String()),
			Blocks: slack.Blocks{BlockSet: []slack.Block{
				slack.NewContextBlock("", markup(fit(footer, maxFooter, mrkdwn))),
			}},
		}}
	}
	return m, nil
}

// section is a block of mrkdwn; expanded, Slack never folds it.
func section(text string, expand bool) slack.Block {
	return slack.NewSectionBlock(markup(text), nil, nil, slack.SectionBlockOptionExpand(expand))
}

// markup is verbatim, so that Slack makes no links and channel names of what merely looks like them.
func markup(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}
