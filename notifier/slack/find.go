package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// eventType is the metadata's on every message of a bot.
const eventType = "ossec_notify"

// Bounds of a search.
const (
	// findMargin is by how much the clocks of this host and of Slack may differ.
	findMargin = 15 * time.Minute
	// Slack recommends at most 200 entries a page (docs.slack.dev/reference/methods/conversations.history). Apps that
	// are sold outside of its marketplace get 15 whatever they ask for.
	findPage  = 100
	findPages = 10
	// maxPage bounds what is read of a page, in bytes: a message may have 40,000 characters, and has its blocks beside.
	maxPage = 8 << 20
)

// channelID is what conversations.history knows a channel by; it takes no names.
var channelID = regexp.MustCompile(`^[CDG][A-Z0-9]{8,}$`)

// Find looks for the message of a delivery, by the metadata that it was sent with
// (docs.slack.dev/messaging/message-metadata): in the thread where it is a line of one, then in the channel. It needs the
// scope channels:history, for a private channel groups:history, and the app as a member; where the config names the channel
// and nothing was posted yet, channels:read or groups:read besides. A webhook can be asked for nothing.
func (s *Notifier) Find(ctx context.Context, n notifier.Notification, since time.Time) (notifier.Receipt, bool, error) {
	if !s.webhook.IsZero() {
		return notifier.Receipt{}, false, errors.ErrUnsupported
	}
	token, err := s.token.ReadHeader(ctx, "token")
	if err != nil {
		return notifier.Receipt{}, false, err
	}
	if s.how(n) == asReply {
		receipt, found, err := s.findReply(ctx, token, n, since)
		if found || (err != nil && !isGone(notifier.Classify(err).Code)) {
			return receipt, found, err
		}
	}
	id, err := s.findChannel(ctx, token)
	if err != nil {
		return notifier.Receipt{}, false, err
	}
	query := slack.GetConversationHistoryParameters{ChannelID: id, Limit: findPage, Inclusive: true, IncludeAllMetadata: true, Oldest: oldest(since)}
	receipt, found, err := s.search(token, n.Delivery, id, func(api *slack.Client, cursor string) error {
		query.Cursor = cursor
		_, err := api.GetConversationHistoryContext(ctx, &query)
		return err
	})
	receipt.Replaces = receipt.Replaces && s.follows(n)
	return receipt, found, err
}

// findReply looks in the thread: what is said there and not to the channel is not in the channel's history
// (docs.slack.dev/reference/methods/conversations.replies).
func (s *Notifier) findReply(ctx context.Context, token string, n notifier.Notification, since time.Time) (notifier.Receipt, bool, error) {
	query := slack.GetConversationRepliesParameters{
		ChannelID: n.Earlier.Channel, Timestamp: n.Earlier.ID, Limit: findPage, Inclusive: true, IncludeAllMetadata: true, Oldest: oldest(since),
	}
	receipt, found, err := s.search(token, n.Delivery, n.Earlier.Channel, func(api *slack.Client, cursor string) error {
		query.Cursor = cursor
		_, _, _, err := api.GetConversationRepliesContext(ctx, &query)
		return err
	})
	receipt.Replaces = false
	return receipt, found, err
}

// oldest is where a search ends.
func oldest(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return timestamp(since.Add(-findMargin))
}

// search reads pages of messages until one is the delivery's. The receipt's Replaces says that it is no reply.
func (s *Notifier) search(token, delivery, channel string, read func(api *slack.Client, cursor string) error) (notifier.Receipt, bool, error) {
	what := "look for an earlier copy in Slack channel " + s.channel
	cursor := ""
	for range findPages {
		var page struct {
			Messages []struct {
				TS       string
				Thread   string `json:"thread_ts"` // its own, where it begins one
				Metadata struct {
					Type    string          `json:"event_type"`
					Payload json.RawMessage `json:"event_payload"` // another app's may be anything
				}
			}
			HasMore bool `json:"has_more"`
			nextPage
		}
		if err := s.ask(what, token, &page, func(api *slack.Client) error { return read(api, cursor) }); err != nil {
			return notifier.Receipt{}, false, err
		}
		for _, m := range page.Messages {
			var payload struct{ Delivery string }
			if m.Metadata.Type == eventType && json.Unmarshal(m.Metadata.Payload, &payload) == nil && payload.Delivery == delivery {
				return notifier.Receipt{Status: 200, ID: m.TS, Channel: channel, Replaces: m.Thread == "" || m.Thread == m.TS}, true, nil
			}
		}
		cursor = page.cursor()
		if cursor == "" && !page.HasMore {
			return notifier.Receipt{}, false, nil
		}
		if cursor == "" {
			break
		}
	}
	return notifier.Receipt{}, false, notifier.Errorf(notifier.Permanent, "%s: it is not among the newest messages, and there are more", what)
}

// findChannel is the channel's id: from the config, from an earlier answer, or from the list of the channels that
// the app is in (docs.slack.dev/reference/methods/users.conversations). The list of all channels of a workspace would
// need the same scopes and may have thousands.
func (s *Notifier) findChannel(ctx context.Context, token string) (string, error) {
	if channelID.MatchString(s.channel) {
		return s.channel, nil
	}
	if id := s.id.Load(); id != nil {
		return *id, nil
	}
	what := "look for the id of Slack channel " + s.channel
	query := slack.GetConversationsForUserParameters{Types: []string{"public_channel", "private_channel"}, Limit: 200, ExcludeArchived: true}
	for range findPages {
		var page struct {
			Channels []struct{ ID, Name string }
			nextPage
		}
		err := s.ask(what, token, &page, func(api *slack.Client) error {
			_, _, err := api.GetConversationsForUserContext(ctx, &query)
			return err
		})
		if e := notifier.Classify(err); err != nil && e.Code == "missing_scope" && len(query.Types) > 1 {
			// An app for public channels needs no scope for private ones.
			query.Types, query.Cursor = query.Types[:1], ""
			continue
		}
		if err != nil {
			return "", err
		}
		for _, c := range page.Channels {
			if c.Name == strings.TrimPrefix(s.channel, "#") && channelID.MatchString(c.ID) {
				s.id.Store(&c.ID)
				return c.ID, nil
			}
		}
		if query.Cursor = page.cursor(); query.Cursor == "" {
			break
		}
	}
	e := notifier.Errorf(notifier.Misconfigured, "%s: it is none of the channels that the app is in", what)
	e.Hint = "invite the app, or give the channel's id in place of its name"
	return "", e
}

// nextPage is where a list of the Web API goes on (docs.slack.dev/apis/web-api/pagination).
type nextPage struct {
	Page struct {
		Next string `json:"next_cursor"`
	} `json:"response_metadata"`
}

func (p nextPage) cursor() string { return p.Page.Next }

// ask makes one call that reads, and decodes what Slack answers. slack-go makes the request; the answer is taken
// from the connection, like all others, and so that one odd message of somebody else's does not fail the page.
func (s *Notifier) ask(what, token string, into any, call func(*slack.Client) error) error {
	client, answer := notifier.CaptureUpTo(maxPage, s.client)
	err := call(slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(s.api)))
	if answer.Status == 0 && answer.Err == nil {
		answer.Err = notifier.Unurl(err)
	}
	answer.Redact(token)
	if _, err := readAPIAnswer(what, answer); err != nil {
		e := notifier.Classify(err)
		e.Ambiguous = false // nothing was sent that could arrive
		if e.Code == "missing_scope" {
			e.Hint = "give the app the scope " + neededScope(answer.Body) + " and install it again"
		}
		return e
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return notifier.Errorf(notifier.Temporary, "%s: the answer is not Slack's: %w", what, err)
	}
	return nil
}

// neededScope is the scope that Slack says is missing.
func neededScope(body []byte) string {
	var answer struct{ Needed string }
	if json.Unmarshal(body, &answer) != nil || !isScopes(answer.Needed) {
		return "channels:history (groups:history for a private channel)"
	}
	return answer.Needed
}

func isScopes(s string) bool {
	return s != "" && len(s) <= 200 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz:._,") == ""
}

// timestamp is a time as Slack writes it, in seconds with six digits behind the point.
func timestamp(t time.Time) string {
	us := t.UnixMicro()
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}
