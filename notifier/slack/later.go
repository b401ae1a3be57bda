package slack

import (
	"context"
	"regexp"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// A message has a later life where a bot posts: what happens next is shown where the reader looks first. An update, an
// acknowledgement and a resolve change the first message, which notifies nobody; a trigger about the same incident, such as
// a rise in severity, is a new message in its thread that the channel sees, too. With `repeats: thread` an update is a line
// in the thread; with `repeats: none` repeats are left alone, and a trigger stands by itself. What a program did about an alert is
// told in its thread, to whom that is enough.
//
// Whatever keeps the first message from being changed or answered, the news is told: then by a message of its own
// ([notifier.Receipt].Replaces). That is the one case in which an attempt takes a second request.
//
// To change a message twice in the same way leaves no trace, so a change whose outcome is not known is not Ambiguous.

// Follows: a webhook is told nothing by which its messages could be found again, so it gets no updates.
func (s *Notifier) Follows(a notifier.Action) bool {
	return a != notifier.Update || (s.webhook.IsZero() && s.repeats != repeatsNone)
}

// Edits: see [notifier.Editor].
func (s *Notifier) Edits(n notifier.Notification) bool {
	return s.webhook.IsZero() && s.how(n) == asEdit
}

// how is what becomes of a notification.
type how int

const (
	anew     how = iota // a new message in the channel
	asEdit              // the first message is changed
	asReply             // a line in the thread of the first message
	asThread            // a new message in that thread, which the channel sees, too
)

// how decides it.
func (s *Notifier) how(n notifier.Notification) how {
	switch {
	case n.Earlier == nil || !messageTS.MatchString(n.Earlier.ID) || !channelID.MatchString(n.Earlier.Channel):
		return anew
	case n.Action == notifier.Acknowledge, n.Action == notifier.Resolve:
		return asEdit
	case n.Action == notifier.Update && s.repeats == repeatsEdit:
		return asEdit
	case !s.postsTo(n.Earlier.Channel):
		return anew
	case n.Action == notifier.Report:
		return asReply
	case s.repeats == repeatsNone:
		return anew
	case n.Action == notifier.Update:
		return asReply
	case n.Action == notifier.Trigger:
		return asThread
	}
	return anew
}

// messageTS is how Slack names a message of a channel: by its time.
var messageTS = regexp.MustCompile(`^[0-9]{10}\.[0-9]{6}$`)

// postsTo reports whether a channel is the config's, as far as it is known: after the config was changed, nobody looks for
// news in a thread of the old channel.
func (s *Notifier) postsTo(channel string) bool {
	if channelID.MatchString(s.channel) {
		return channel == s.channel
	}
	id := s.id.Load()
	return id == nil || channel == *id
}

// follows reports whether a notification belongs to an earlier message.
func (s *Notifier) follows(n notifier.Notification) bool {
	switch n.Action {
	case notifier.Update, notifier.Acknowledge, notifier.Resolve:
		return true
	case notifier.Trigger:
		return n.Earlier != nil && s.repeats != repeatsNone
	}
	return false
}

// tell sends a notification with a bot's token.
func (s *Notifier) tell(ctx context.Context, token string, n notifier.Notification, m message) (notifier.Receipt, error) {
	how := s.how(n)
	var receipt notifier.Receipt
	var err error
	switch how {
	case asEdit:
		receipt, err = s.update(ctx, token, *n.Earlier, m)
	case asReply:
		if n.Action == notifier.Update {
			m = m.short()
		}
		receipt, err = s.reply(ctx, token, n, m, false)
	case asThread:
		receipt, err = s.reply(ctx, token, n, m, true)
	}
	if how != anew && !(err != nil && isGone(notifier.Classify(err).Code)) {
		return receipt, err
	}
	receipt, err = s.post(ctx, token, n, m)
	receipt.Replaces = err == nil && s.follows(n)
	return receipt, err
}

// isGone reports whether Slack says of a message that it cannot be changed or answered, while a new one may be posted: the
// words are those of chat.update and of a thread_ts in chat.postMessage (docs.slack.dev/reference/methods).
func isGone(word string) bool {
	switch word {
	case "message_not_found", "cant_update_message", "edit_window_closed", // a person deleted it, another app posted it, the workspace forbids late changes
		"cannot_reply_to_message", "thread_not_found", "invalid_thread_ts",
		"restricted_action_thread_locked", "restricted_action_non_threadable_channel",
		"channel_not_found", "not_in_channel", "is_archived", "is_inactive", // where it was; the config may name another channel by now
		"msg_too_long": // chat.update takes less than chat.postMessage
		return true
	}
	return false
}

// post makes a new message in the channel.
func (s *Notifier) post(ctx context.Context, token string, n notifier.Notification, m message) (notifier.Receipt, error) {
	receipt, _, err := s.call("post to Slack channel "+s.channel, token, func(api *slack.Client) error {
		_, _, err := api.PostMessageContext(ctx, s.channel, postOptions(n, m)...)
		return err
	})
	if err == nil && channelID.MatchString(receipt.Channel) {
		s.id.Store(&receipt.Channel)
	}
	return receipt, err
}

// reply makes a message in the thread of the first. Where that was deleted, Slack posts it as a message of its own without
// a word (slack-go/slack issue 1571); only what the answer leaves out tells.
func (s *Notifier) reply(ctx context.Context, token string, n notifier.Notification, m message, broadcast bool) (notifier.Receipt, error) {
	options := append(postOptions(n, m), slack.MsgOptionTS(n.Earlier.ID))
	if broadcast {
		options = append(options, slack.MsgOptionBroadcast())
	}
	receipt, thread, err := s.call("post in a thread of Slack channel "+s.channel, token, func(api *slack.Client) error {
		_, _, err := api.PostMessageContext(ctx, n.Earlier.Channel, options...)
		return err
	})
	receipt.Replaces = err == nil && thread == "" && n.Action != notifier.Report // which is nothing to change later
	return receipt, err
}

// update changes an earlier message. Its metadata stays, by which Find knows it.
func (s *Notifier) update(ctx context.Context, token string, first notifier.Receipt, m message) (notifier.Receipt, error) {
	receipt, _, err := s.call("change a message in Slack channel "+s.channel, token, func(api *slack.Client) error {
		_, _, _, err := api.UpdateMessageContext(ctx, first.Channel, first.ID,
			slack.MsgOptionText(m.textOfUpdate(), false),
			slack.MsgOptionParse(false), // chat.update would else look for names in the text, unlike chat.postMessage
			// Both also when there are none: what is left out stays as it was.
			slack.MsgOptionBlocks(m.blocks...),
			slack.MsgOptionAttachments(append([]slack.Attachment{}, m.attachments...)...),
		)
		return err
	})
	if err != nil {
		notifier.Classify(err).Ambiguous = false
	}
	return receipt, err
}

// postOptions are the arguments of chat.postMessage.
func postOptions(n notifier.Notification, m message) []slack.MsgOption {
	options := []slack.MsgOption{
		slack.MsgOptionText(m.text, false),
		slack.MsgOptionAttachments(m.attachments...),
		slack.MsgOptionDisableLinkUnfurl(), // unfurling makes Slack fetch what an attacker wrote
		slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{
			EventType:    eventType,
			EventPayload: map[string]any{"id": n.Alert, "delivery": n.Delivery}, // by which Find knows it
		}),
	}
	if len(m.blocks) > 0 {
		options = append(options, slack.MsgOptionBlocks(m.blocks...))
	}
	return options
}

// call makes one call of the Web API and reads what Slack answers. thread is the thread that a message was posted in.
func (s *Notifier) call(what, token string, do func(*slack.Client) error) (receipt notifier.Receipt, thread string, err error) {
	client, answer := notifier.Capture(s.client)
	err = do(slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(s.api)))
	if answer.Status == 0 && answer.Err == nil {
		answer.Err = notifier.Unurl(err)
	}
	answer.Redact(token)
	receipt, err = readAPIAnswer(what, answer)
	if err == nil {
		thread = threadOf(answer.Body)
	}
	return receipt, thread, err
}

// short is a message as a line in a thread: what happened, and what is new, without the evidence, which stands above it.
func (m message) short() message {
	if m.said.Blank() {
		return m
	}
	var said display.Text
	n := 0
	for _, line := range m.said.SplitLines() {
		if line.Blank() {
			continue
		}
		if n++; n > shortLines {
			break
		}
		if n > 1 {
			said = display.Join(said, display.Words("\n"))
		}
		said = display.Join(said, line.Trim())
	}
	return message{
		said: said, text: fit(said, maxText, plain),
		blocks: []slack.Block{section(fit(said, maxSection, mrkdwn), true)},
	}
}

// shortLines is how many lines of the text are told in a thread: the sentence with its count, and the first fact, which
// says of a repeat how many there were and since when.
const shortLines = 2
