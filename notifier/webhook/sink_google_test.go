package webhook_test

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// googleSink is a space of Google Chat.
func googleSink() sinkVendor {
	paragraph := object(map[string]shape{"!textParagraph": object(map[string]shape{"!text": words(32_000, unseen, googleHTML)})})
	buttons := object(map[string]shape{"!buttonList": object(map[string]shape{"!buttons": list(20, object(map[string]shape{
		"!text":    words(60, unseen),
		"!onClick": object(map[string]shape{"!openLink": object(map[string]shape{"!url": words(2000, ours)})}),
	}))})})
	widget := func(v any) error {
		if m, _ := v.(map[string]any); m["buttonList"] != nil {
			return buttons(v)
		}
		return paragraph(v)
	}
	message := object(map[string]shape{
		"fallbackText": words(4096, unseen, lacks("a mention", `<users/`)), // no "text": there <users/all> calls everybody
		"thread":       object(map[string]shape{"!threadKey": words(4000, lacks("more than a hash", `[^0-9a-f]`))}),
		"!cardsV2": list(1, object(map[string]shape{
			"!cardId": words(64),
			"!card": object(map[string]shape{"!sections": list(20, object(map[string]shape{
				"!widgets": list(100, widget), "header": words(60),
			}))}),
		})),
	})
	return sinkVendor{
		name: "google-chat",
		path: "/v1/spaces/AAAA1234567/messages",
		query: url.Values{
			"key": {"g00gle-k3y-of-space"}, "token": {"t0ken-of-the-webhook"},
			"messageReplyOption": {"REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"}, // without it the thread is ignored
		},
		address: "/v1/spaces/AAAA1234567/messages?key=g00gle-k3y-of-space&token=t0ken-of-the-webhook",
		secrets: []string{"g00gle-k3y-of-space", "t0ken-of-the-webhook"},
		yes:     sinkAnswer{200, nil, `{"name":"spaces/AAAA1234567/messages/Bc.De","sender":{"name":"users/1"},"text":""}`},
		check: func(r sinkRequest) error {
			if q := r.URL.Query(); q.Get("key") != "g00gle-k3y-of-space" || q.Get("token") != "t0ken-of-the-webhook" {
				return refusal{errors.New("key or token"), sinkAnswer{401, nil, googleError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")}}
			}
			return jsonBody(r, 32_000, message)
		},
		no: func(error) sinkAnswer {
			return sinkAnswer{400, nil, googleError(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")}
		},
	}
}

func googleError(status int, word, message string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q}}`, status, message, word)
}

var (
	googleTag    = regexp.MustCompile(`^<(/?(?:b|i|u|s)|br|font color="#[0-9A-F]{6}"|/font)>`)
	googleEntity = regexp.MustCompile(`^&(?:amp|lt|gt);`)
)

// googleHTML reads the markup of a card's text: the tags that we write, each closed in order, and entities.
func googleHTML(s string) error {
	var open []string
	for s != "" {
		switch s[0] {
		case '<':
			tag := googleTag.FindStringSubmatch(s)
			if tag == nil {
				return fmt.Errorf("live markup %.20q", s)
			}
			name, closing := strings.CutPrefix(strings.Fields(tag[1])[0], "/")
			switch {
			case name == "br":
			case !closing:
				open = append(open, name)
			case len(open) == 0 || open[len(open)-1] != name:
				return fmt.Errorf("</%s> closes nothing", name)
			default:
				open = open[:len(open)-1]
			}
			s = s[len(tag[0]):]
		case '&':
			entity := googleEntity.FindString(s)
			if entity == "" {
				return fmt.Errorf("bare & in %.20q", s)
			}
			s = s[len(entity):]
		case '>':
			return errors.New("bare >")
		case '\n':
			return errors.New("a line end that nobody sees")
		default:
			s = s[1:]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("<%s> is not closed", open)
	}
	return nil
}

func TestGoogleSink(t *testing.T) {
	card := func(text string) string {
		return `{"cardsV2":[{"cardId":"x","card":{"sections":[{"widgets":[{"textParagraph":{"text":"` + text + `"}}]}]}}]}`
	}
	v := googleSink()
	testSink(t, v, map[string]string{"Content-Type": "application/json"}, []sinkCase{
		{name: "card", body: card("<b>x</b> &lt;users/all&gt;<br>y")},
		{name: "no token", path: v.path + "?key=g00gle-k3y-of-space", body: card("x"), why: "key or token"},
		{name: "thread that is ignored", path: v.path + "?key=g00gle-k3y-of-space&token=t0ken-of-the-webhook", body: card("x"), why: "messageReplyOption"},
		{name: "text", body: `{"text":"<users/all>"}`, why: `unknown key "text"`},
		{name: "mention in the fallback", body: `{"fallbackText":"<users/all>",` + card("x")[1:], why: "a mention"},
		{name: "empty text", body: card(""), why: "0 characters"},
		{name: "tag", body: card("<img src=x>"), why: "live markup"},
		{name: "link", body: card("<a href=x>y</a>"), why: "live markup"},
		{name: "mention", body: card("<users/all>"), why: "live markup"},
		{name: "open tag", body: card("<b>x"), why: "is not closed"},
		{name: "tag of the alert's", body: card("x</b>"), why: "closes nothing"},
		{name: "bare &", body: card("a & b"), why: "bare &"},
		{name: "half an entity", body: card("a &lt"), why: "bare &"},
		{name: "foreign button", body: strings.Replace(card("x"), `"widgets":[`, `"widgets":[{"buttonList":{"buttons":[{"text":"x","onClick":{"openLink":{"url":"https://evil.example/"}}}]}},`, 1), why: "not the operator's"},
		{name: "32,000 bytes", body: card(strings.Repeat("x", 32_000-len(card(""))))},
		{name: "32,001 bytes", body: card(strings.Repeat("x", 32_001-len(card("")))), why: "32001 bytes"},
	})
}
