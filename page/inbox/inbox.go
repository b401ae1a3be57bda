// Package inbox owns the page's inbox: what arrived at the stand-ins, as each channel would show it, and what was answered. It checks
// no message (package sandbox does) and serves no page.
package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/views"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

const (
	keepArrivals = 500 // that the inbox keeps
	itemsListed  = 200 // of them in one part of the list
)

// Inbox answers for the page's inbox: what arrived at the stand-ins, as each channel would show it.
type Inbox struct {
	views.Frames                 // of the mails among the cards
	Stand        *sandbox.Server // the stand-ins, which whoever started them closes
	redact       *preview.Redactor

	mu      sync.Mutex
	arrived func(item string)
	read    map[int]bool
	cleared int // the last arrival that was cleared away
}

// Start starts the stand-ins. also is called for each message, too, and may be nil.
func Start(opt sandbox.Options, also func(sandbox.Message)) (*Inbox, error) {
	in := &Inbox{read: map[int]bool{}, arrived: func(string) {}}
	opt.Keep = keepArrivals
	opt.OnMessage = func(m sandbox.Message) {
		if also != nil {
			also(m)
		}
		in.mu.Lock()
		arrived := in.arrived
		in.mu.Unlock()
		if shownArrival(m) {
			arrived(strconv.Itoa(m.ID))
		}
	}
	var err error
	if in.Stand, err = sandbox.Start(opt); err != nil {
		return nil, err
	}
	in.redact = preview.NewRedactor([]string{
		sandbox.FakeSlackToken, sandbox.FakeRoutingKey, sandbox.FakeHECToken, sandbox.FakeWebhookToken, sandbox.FakePagerDutyToken,
		sandbox.FakeElasticKey, sandbox.FakeLokiToken,
	}, []string{in.Stand.SlackWebhookURL()})
	return in, nil
}

// OnArrival calls f from now on.
func (in *Inbox) OnArrival(f func(item string)) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.arrived = f
}

// shownArrival reports whether an arrival is a message, or wanted to be one: what only asks for something is left out.
func shownArrival(m sandbox.Message) bool {
	if m.Service == sandbox.Unknown && m.Method == http.MethodHead { // whether somebody answers
		return false
	}
	if m.AsksForToken() {
		return false
	}
	return m.Accepted || m.Status >= 300 || len(m.Problems) > 0
}

// titleOf is what an arrival says; one that says nothing is told by its size. Its path may hold a secret.
func titleOf(m sandbox.Message) string {
	text := strings.TrimSpace(Gist(m))
	if text == "" || text == fmt.Sprintf("%d bytes", len(m.Body)) {
		text = fmt.Sprintf("%s, %s bytes", m.Method, display.Thousands(len(m.Body)))
	}
	return display.OneLine(display.Visible(text))
}

// messages are those that the inbox shows, the oldest first.
func (in *Inbox) messages() []sandbox.Message {
	in.mu.Lock()
	cleared := in.cleared
	in.mu.Unlock()
	return slices.DeleteFunc(in.Stand.Messages(), func(m sandbox.Message) bool { return m.ID <= cleared || !shownArrival(m) })
}

// Unread counts what was not looked at.
func (in *Inbox) Unread() int {
	all := in.messages()
	in.mu.Lock()
	defer in.mu.Unlock()
	n := 0
	for _, m := range all {
		if !in.read[m.ID] {
			n++
		}
	}
	return n
}

// Clear forgets what arrived.
func (in *Inbox) Clear() {
	all := in.Stand.Messages()
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(all) > 0 {
		in.cleared = all[len(all)-1].ID
	}
	clear(in.read)
	in.Forget()
}

// Items lists what arrived, the newest first.
func (in *Inbox) Items(_ context.Context, channel, q, after string) (page.ItemList, error) {
	out := page.ItemList{Items: []page.Item{}, Counts: map[string]int{}, Addresses: in.addresses()}
	out.Example = fmt.Sprintf(`curl -H 'Content-Type: application/json' -d '{"text":"hello"}' %s`, in.Stand.SlackWebhookURL())
	all := in.messages()
	threads := threadsOf(all)
	before, _ := strconv.Atoi(after)
	q = strings.ToLower(strings.TrimSpace(q))
	for _, m := range slices.Backward(all) {
		item := in.item(m, threads)
		out.Counts[item.Channel]++
		if channel != "" && item.Channel != channel || before > 0 && m.ID >= before ||
			!strings.Contains(strings.ToLower(item.Title+"\n"+item.Receiver+"\n"+item.Word), q) {
			continue
		}
		if len(out.Items) == itemsListed {
			out.Next = out.Items[itemsListed-1].ID
			break
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}

func (in *Inbox) addresses() []page.Address {
	s := in.Stand
	return []page.Address{
		{Channel: "slack", URL: s.SlackWebhookURL()}, {Channel: "pagerduty", URL: s.PagerDutyURL()}, {Channel: "splunk", URL: s.SplunkURL()},
		{Channel: "elasticsearch", URL: s.ElasticURL()}, {Channel: "loki", URL: s.LokiURL()},
		{Channel: "webhook", URL: s.WebhookURL()}, {Channel: "email", URL: s.SMTPURL()},
	}
}

// channelOf is the channel whose stand-in a message came to.
func channelOf(s sandbox.Service) string {
	switch s {
	case sandbox.SlackAPI:
		return "slack"
	case sandbox.PagerDutyREST:
		return "pagerduty"
	}
	return string(s)
}

// receiverOfService is the receiver of the config that sandbox and demo print, which reaches a stand-in.
var receiverOfService = map[sandbox.Service]string{
	sandbox.Slack: "soc", sandbox.SlackAPI: "soc-bot", sandbox.PagerDuty: "oncall", sandbox.Splunk: "siem", sandbox.Webhook: "hook",
	sandbox.Elasticsearch: "search", sandbox.Loki: "logs", sandbox.Email: "root-mail",
}

// item is an arrival in the list.
func (in *Inbox) item(m sandbox.Message, threads map[int]thread) page.Item {
	t := threads[m.ID]
	out := page.Item{
		ID: strconv.Itoa(m.ID), Channel: channelOf(m.Service), Receiver: receiverOfService[m.Service],
		Title: titleOf(m), At: m.At, Status: m.Status, OK: m.Accepted && m.Status < 300,
		Word: "ok", Joined: t.joined,
	}
	if m.Service == sandbox.SlackAPI {
		if form, err := url.ParseQuery(string(m.Body)); err == nil && form.Get("channel") != "" {
			out.Receiver += " " + display.OneLine(display.Visible(form.Get("channel")))
		}
	}
	if m.Service == sandbox.Email && len(m.To) > 0 {
		out.Receiver = display.OneLine(display.Visible(strings.Join(m.To, ", ")))
	}
	if t.of > 0 {
		out.Of = strconv.Itoa(t.of)
	}
	if !out.OK {
		out.Word = "refused"
		if why := refusal(m); why != "" {
			out.Word += ": " + why
		}
	}
	in.mu.Lock()
	out.Unread = !in.read[m.ID]
	in.mu.Unlock()
	return out
}

// refusal is why a stand-in refused: the vendor's own word, where it is one.
func refusal(m sandbox.Message) string {
	var answer struct {
		Error   string `json:"error"`
		Message string `json:"message"`
		Text    string `json:"text"`
	}
	word := strings.TrimSpace(m.Answer)
	if json.Unmarshal([]byte(m.Answer), &answer) == nil {
		word = cmp.Or(answer.Error, answer.Message, answer.Text)
	}
	if word == "" && len(m.Problems) > 0 {
		word = m.Problems[0]
	}
	return display.Quote(word).Line().CutEnd(100).String()
}

// thread says what an arrival belongs to.
type thread struct {
	of     int // the arrival that it answers, edits or joins
	joined int // how many repeats joined the incident that it opened
}

// threadsOf finds what belongs together: alerts of one PagerDuty incident, answers below a message of Slack and edits of it.
func threadsOf(all []sandbox.Message) map[int]thread {
	out := map[int]thread{}
	incidents := map[string]int{} // by dedup key, while they are open
	posts := map[string]int{}     // by Slack's ts
	for _, m := range all {
		if !m.Accepted {
			continue
		}
		switch m.Service {
		case sandbox.PagerDuty:
			var event struct {
				Action string `json:"event_action"`
				Key    string `json:"dedup_key"`
			}
			if json.Unmarshal(m.Body, &event) != nil || event.Key == "" {
				continue
			}
			first, open := incidents[event.Key]
			switch {
			case !open && event.Action == "trigger":
				incidents[event.Key] = m.ID
			case open:
				out[m.ID] = thread{of: first}
				if event.Action == "trigger" {
					opened := out[first]
					opened.joined++
					out[first] = opened
				}
				if event.Action == "resolve" {
					delete(incidents, event.Key)
				}
			}
		case sandbox.SlackAPI:
			var answer struct {
				TS string `json:"ts"`
			}
			_ = json.Unmarshal([]byte(m.Answer), &answer) // one without ts is none to answer
			form, err := url.ParseQuery(string(m.Body))
			if err != nil {
				continue
			}
			if of := posts[cmp.Or(form.Get("thread_ts"), form.Get("ts"))]; of > 0 {
				out[m.ID] = thread{of: of}
			}
			if _, known := posts[answer.TS]; answer.TS != "" && !known {
				posts[answer.TS] = m.ID
			}
		}
	}
	return out
}

// Item is one arrival with all that is known of it. From then on it counts as read.
func (in *Inbox) Item(_ context.Context, id string) (*page.Item, error) {
	all := in.messages()
	i := slices.IndexFunc(all, func(m sandbox.Message) bool { return strconv.Itoa(m.ID) == id })
	if i < 0 {
		return nil, &page.Error{Status: http.StatusNotFound, Text: "this arrival is not kept any more", Hint: fmt.Sprintf("the last %d are", keepArrivals)}
	}
	m := all[i]
	in.mu.Lock()
	in.read[m.ID] = true
	in.mu.Unlock()
	out := in.item(m, threadsOf(all))
	if m.Service == sandbox.Email {
		out.Views = views.Mail(m.Body, in.Keep)
	} else {
		out.Views = views.Request(out.Channel, in.request(m))
	}
	out.Views = append(out.Views, page.View{ID: page.ViewAnswer, Label: "Answer", Draw: []draw.Node{answerNode(m)}})
	for _, p := range m.Problems {
		out.Checks = append(out.Checks, page.Check{Text: display.Visible(p)})
	}
	if len(m.Problems) == 0 {
		out.Checks = append(out.Checks, page.Check{OK: true, Text: checked(m.Service)})
	}
	return &out, nil
}

// routingKey is the one credential that stands in a body. Somebody may have pointed a config with a real one at the stand-in.
var routingKey = regexp.MustCompile(`("routing_key"\s*:\s*)"(?:[^"\\]|\\.)*"`)

// request is an arrival as a preview would have recorded it: without secrets, be they made up or not.
func (in *Inbox) request(m sandbox.Message) preview.Request {
	u := &url.URL{Scheme: "http", Host: in.Stand.HTTPAddr(), Path: m.Path, RawQuery: m.Query}
	out := preview.Request{Method: m.Method, URL: in.redact.URL(u), Headers: map[string]string{}}
	for name, values := range m.Header {
		out.Headers[name] = in.redact.Header(name, strings.Join(values, ", "))
	}
	text := in.redact.Text(string(m.Body))
	if m.Service == sandbox.PagerDuty {
		text = routingKey.ReplaceAllString(text, `${1}"`+notifier.Redacted+`"`)
	}
	out.Body = text
	if json.Valid([]byte(text)) {
		out.Body = json.RawMessage(text)
	}
	return out
}

// answerNode is what the stand-in answered.
func answerNode(m sandbox.Message) draw.Node {
	if m.Service == sandbox.Email {
		return draw.Node{Kind: draw.Pre, Children: draw.Visible(fmt.Sprintf("%d %s", m.Status, m.Answer))}
	}
	headers := map[string]string{}
	for name, values := range m.AnswerHeader {
		headers[name] = strings.Join(values, ", ")
	}
	return draw.Web(strconv.Itoa(m.Status), http.StatusText(m.Status), views.Pairs(headers), []byte(m.Answer))
}

// checked says what a stand-in looked at where it found nothing wrong.
func checked(s sandbox.Service) string {
	switch s {
	case sandbox.Slack, sandbox.SlackAPI:
		return "credential, block types, their fields, lengths and counts: as Slack asks for"
	case sandbox.PagerDuty:
		return "routing key, action, severity, dedup key and sizes: as PagerDuty asks for"
	case sandbox.Splunk:
		return "token, index, time, fields and the form of each event: as the HTTP Event Collector asks for"
	case sandbox.Elasticsearch:
		return "key, lines of the request, index, ids and the type of each field: as the bulk API asks for"
	case sandbox.Loki:
		return "tenant, labels, times, lengths and metadata of each line: as Loki asks for"
	case sandbox.Webhook:
		return "token and body: as schema 1 has them"
	case sandbox.Email:
		return "envelope, headers, line lengths and encodings: as RFC 5321 and 5322 ask for"
	}
	return "accepted"
}
