package draw

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestNothingIsLostOfOddForms: whatever stands where another kind of value belongs is drawn as JSON.
func TestNothingIsLostOfOddForms(t *testing.T) {
	for _, body := range []string{
		`{"text":{"of":"kept"}}`,
		`{"text":"a","text":"kept"}`,
		`{"text":"kept","text":"b"}`,
		`{"text":null,"blocks":{"a":"kept"}}`,
		`{"blocks":["kept",{"type":5,"a":"kept"},{"a":"kept"},{"type":"header","text":"kept"},{"type":"header","text":{"type":"plain_text","text":"a","odd":"kept"}}]}`,
		`{"blocks":[{"type":"section","text":{"type":"odd","text":"kept"},"fields":["kept"],"accessory":"kept"},{"type":"section","fields":{"a":"kept"}}]}`,
		`{"blocks":[{"type":"context","elements":["kept",{"type":"odd","a":"kept"},{"type":"mrkdwn","text":"a\nb ` + "```kept```" + `"}]}]}`,
		`{"blocks":[{"type":"actions","elements":[{"type":"button","text":{"type":"mrkdwn","text":"` + "```kept```" + `"},"value":"kept"}]}]}`,
		`{"blocks":[{"type":"rich_text","elements":["kept",{"type":"odd","a":"kept"},{"type":"rich_text_section","elements":["kept",{"type":"odd","a":"kept"},{"type":"link","url":"https://kept.example"},
		  {"type":"usergroup","usergroup_id":"S1kept"},{"type":"channel","channel_id":"C1kept"},{"type":"color","value":"#kept"},{"type":"text","text":{"a":"kept"}}]}]}]}`,
		`{"attachments":["kept",{"color":"good","fields":["kept",{"title":"kept","value":"kept","a":"kept"}],"author_icon":"https://example.com/kept","thumb_url":"https://example.com/kept"},
		  {"color":"warning","mrkdwn_in":["text"],"pretext":"*kept*","text":"*b*","footer":["kept"]}],"username":"kept","ts":"1kept"}`,
		`{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"<!date^1^kept>"}}]}`,
	} {
		body = numbered(body)
		m, phone, err := Slack([]byte(body))
		if err != nil {
			t.Error(body, err)
		}
		checkTree(t, m, len(body))
		checkNoLoss(t, []byte(body), unseenInSlack, m, phone)
	}
	for _, body := range []string{
		`{"event_action":["kept"],"payload":"kept","dedup_key":{"a":"kept"},"client":5,"links":"kept","images":{"a":"kept"}}`,
		`{"event_action":"trigger","client_url":"https://kept.example","links":["kept",{"href":"https://kept.example","odd":"kept"},{"text":"kept"}],
		  "images":["kept",{"src":"https://example.com/kept","href":"https://example.com/kept2","alt":"kept","odd":"kept"}],"payload":{"summary":["kept"],"custom_details":"kept","odd":"kept"}}`,
		`{"event_action":"trigger","payload":{"custom_details":{"a":{"b":"kept"},"c":["kept"],"d":null,"e":"kept\n"}}}`,
	} {
		body = numbered(body)
		m, phone, err := PagerDuty([]byte(body))
		if err != nil {
			t.Error(body, err)
		}
		checkTree(t, m, len(body))
		checkNoLoss(t, []byte(strings.ReplaceAll(body, `"trigger"`, `""`)), nil, m, phone)
	}
	for _, body := range []string{
		`{"time":"kept","event":null,"fields":["kept"],"host":{"a":"kept"},"odd":"kept"}`,
		`{"event":{"a":["kept",{"kept":"kept"}],"b":""},"fields":{"a":["kept"]}}`,
	} {
		body = numbered(body)
		n, err := Event([]byte(body))
		if err != nil {
			t.Error(body, err)
		}
		checkTree(t, n, len(body))
		checkNoLoss(t, []byte(body), nil, n)
	}
}

// numbered tells the words apart that are to be kept.
func numbered(body string) string {
	n := 0
	return regexp.MustCompile("kept").ReplaceAllStringFunc(body, func(string) string { n++; return fmt.Sprintf("kept%dx", n) })
}

func TestColours(t *testing.T) {
	for in, want := range map[string]string{"#B7791F": "#B7791F", "b7791f": "#B7791F", "good": "#2EB886", "warning": "#DAA038", "danger": "#A30200", "": "#DDDDDD", "red": "#DDDDDD",
		"#fff": "#DDDDDD", "url(x)": "#DDDDDD", "-12345": "#DDDDDD", "#B7791F;x": "#DDDDDD"} {
		if got := slackColor(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestMailOfOtherCharacterSets(t *testing.T) {
	l, err := Mail([]byte("Subject: =?windows-1252?q?=E4?= =?odd?q?a=FF?=\r\nContent-Type: text/plain; charset=windows-1252\r\n\r\n\xe4"))
	if err != nil || TextOf(l.Text) != "ä" || !strings.Contains(inPairs(l.Headers), "ä") {
		t.Errorf("%v, %q, %q", err, TextOf(l.Text), inPairs(l.Headers))
	}
}

func TestNoteOfWhatWas(t *testing.T) {
	old, _, _ := PagerDuty([]byte(`{"event_action":"trigger","dedup_key":"a","payload":{"severity":"info","summary":"a"}}`))
	new, _, _ := PagerDuty([]byte(`{"event_action":"trigger","dedup_key":"a","payload":{"severity":"error","summary":"a"}}`))
	if got, want := find(Compare(old, new), Note).Text, "repeats join this incident"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	n := Compare(old, new)
	if last := n.Children[len(n.Children)-1]; last.Text != "was Triggered · severity info" || last.Change != "+" {
		t.Errorf("the note is %+v", last)
	}
}
