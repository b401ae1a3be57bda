package draw

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// shaper makes JSON of the words that channels know, mostly in places where they belong.
type shaper struct {
	random *rand.Rand
	keys   []string
	n      int
}

// lists and objects are what mostly stands behind a key, with what its type may be.
var (
	lists = map[string][]string{
		"blocks":      {"header", "section", "context", "divider", "image", "actions", "rich_text", "odd"},
		"elements":    {"button", "rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted", "text", "link", "user", "emoji", "mrkdwn", "plain_text", "image", "odd"},
		"fields":      {"mrkdwn", "plain_text"},
		"attachments": {"odd"}, "links": {"odd"}, "images": {"odd"},
	}
	objects = map[string][]string{"text": {"mrkdwn", "plain_text"}, "title": {"plain_text"}, "accessory": {"button", "image"}, "payload": {"odd"}, "custom_details": {"odd"}, "event": {"odd"}}
)

func (s *shaper) value(key string, depth int) any {
	k := s.random.IntN(8)
	switch {
	case depth > 0 && lists[key] != nil && k > 0 || depth > 0 && k == 1:
		list := make([]any, s.random.IntN(4))
		for i := range list {
			list[i] = s.object(lists[key], depth-1)
		}
		return list
	case depth > 0 && objects[key] != nil && k > 3 || depth > 0 && k == 2:
		return s.object(objects[key], depth-1)
	case k == 3:
		return []any{nil, true, 1.5}[s.random.IntN(3)]
	}
	s.n++
	return fmt.Sprintf([]string{"w%dx", "*w%dx* a", "```w%dx```", "<https://w%dx.example>", "a\n… 1 of %d w lines\n"}[s.random.IntN(5)], s.n)
}

func (s *shaper) object(kinds []string, depth int) any {
	if s.random.IntN(10) == 0 {
		return s.value("", depth)
	}
	object := map[string]any{}
	if len(kinds) > 0 {
		object["type"] = kinds[s.random.IntN(len(kinds))]
	}
	for range 1 + s.random.IntN(5) {
		key := s.keys[s.random.IntN(len(s.keys))]
		object[key] = s.value(key, depth)
	}
	return object
}

// FuzzShapes: nothing of a message is lost, whatever its form.
func FuzzShapes(f *testing.F) {
	for i := range uint64(200) {
		f.Add(i, i)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		shape := func(keys ...string) []byte {
			s := shaper{random: rand.New(rand.NewPCG(a, b)), keys: keys}
			object := map[string]any{}
			for _, key := range keys[:3] {
				object[key] = s.value(key, 5)
			}
			object["odd"] = s.value("odd", 3)
			body, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
		body := shape("text", "blocks", "attachments", "text", "text", "blocks", "elements", "elements", "fields", "accessory", "title", "image_url", "alt_text", "url", "value", "footer", "pretext", "user_id", "odd", "name")
		m, phone, err := Slack(body)
		if err != nil {
			t.Fatal(err)
		}
		checkTree(t, m, len(body))
		checkNoLoss(t, body, unseenInSlack, m, phone)
		checkCompare(t, m, Node{Kind: Message, Children: append(m.Children[len(m.Children)/2:], phone)})

		body = shape("payload", "links", "images", "custom_details", "summary", "source", "severity", "component", "dedup_key", "href", "text", "src", "alt", "client", "client_url", "odd")
		incident, phone, err := PagerDuty(body)
		if err != nil {
			t.Fatal(err)
		}
		checkTree(t, incident, len(body))
		checkNoLoss(t, body, nil, incident, phone)

		body = shape("event", "fields", "host", "source", "sourcetype", "index", "odd")
		event, err := Event(body)
		if err != nil {
			t.Fatal(err)
		}
		checkTree(t, event, len(body))
		checkNoLoss(t, body, nil, event)
	})
}
