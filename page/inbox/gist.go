package inbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// Gist is what a message that arrived says, in one line.
func Gist(m sandbox.Message) string {
	switch m.Service {
	case sandbox.Email:
		subject := m.Header.Get("Subject")
		if s, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
			subject = s
		}
		return subject
	case sandbox.Elasticsearch, sandbox.Loki:
		if s := firstDocument(m); s != "" {
			return s
		}
	case sandbox.SlackAPI:
		if form, err := url.ParseQuery(string(m.Body)); err == nil && form.Has("text") {
			return inChannel(m.Path, form) + firstLine(form.Get("text"))
		}
	}
	var body struct {
		Text        string `json:"text"`
		Action      string `json:"action"`
		EventAction string `json:"event_action"`
		DedupKey    string `json:"dedup_key"`
		Payload     struct {
			Summary  string `json:"summary"`
			Severity string `json:"severity"`
		} `json:"payload"`
		Title    string `json:"title"`
		Severity string `json:"severity"`
	}
	if m.Service == sandbox.Splunk {
		return gistOfEvents(m)
	}
	if err := json.NewDecoder(bytes.NewReader(m.Body)).Decode(&body); err != nil {
		return fmt.Sprintf("%d bytes", len(m.Body))
	}
	switch {
	case body.Payload.Summary != "":
		return fmt.Sprintf("%s %s: %s", body.EventAction, body.Payload.Severity, body.Payload.Summary)
	case body.EventAction != "": // acknowledge and resolve, which need no more than the incident's key
		return body.EventAction + " " + body.DedupKey
	case body.Text != "":
		return firstLine(body.Text)
	case body.Title != "":
		switch notifier.Action(body.Action) {
		case notifier.Update, notifier.Acknowledge, notifier.Resolve, notifier.Digest, notifier.Report:
			return body.Action + " " + body.Severity + ": " + body.Title
		}
		return withSeverity(body.Severity, body.Title)
	}
	return fmt.Sprintf("%d bytes", len(m.Body))
}

// withSeverity is a text behind its severity, which not every document has: its template may be the operator's.
func withSeverity(severity, text string) string {
	if severity == "" || text == "" {
		return cmp.Or(text, severity)
	}
	return severity + ": " + text
}

// gistOfEvents is what a request to Splunk says: its first event, and how many come with it.
func gistOfEvents(m sandbox.Message) string {
	type event struct {
		Description string `json:"description"`
		Severity    string `json:"severity"`
	}
	first, events := "", 0
	for dec := json.NewDecoder(bytes.NewReader(m.Body)); ; events++ {
		var e struct {
			event                 // a line of the raw endpoint
			In    json.RawMessage `json:"event"`
		}
		if dec.Decode(&e) != nil {
			break
		}
		if e.In != nil && json.Unmarshal(e.In, &e.event) != nil {
			continue
		}
		if events == 0 && e.Description != "" {
			first = withSeverity(e.Severity, e.Description)
		}
	}
	if first == "" {
		first = fmt.Sprintf("%d bytes", len(m.Body))
	}
	if events > 1 {
		first += fmt.Sprintf(" (and %d more)", events-1)
	}
	return first
}

// inChannel says what a call of Slack's Web API does beside posting a message of its own.
func inChannel(path string, form url.Values) string {
	switch {
	case strings.HasSuffix(path, "/chat.update"):
		return "changes " + form.Get("ts") + ": "
	case form.Get("thread_ts") == "":
		return ""
	case form.Get("reply_broadcast") == "true":
		return "in the thread of " + form.Get("thread_ts") + " and the channel: "
	}
	return "in the thread of " + form.Get("thread_ts") + ": "
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(line)
}

// firstDocument is what the first alert of a request says, and how many more there are.
func firstDocument(m sandbox.Message) string {
	var what struct {
		Message     string `json:"message"`
		Description string `json:"description"`
		Severity    string `json:"severity"`
		OSSEC       struct {
			Severity string `json:"severity"`
		} `json:"ossec"`
	}
	n := 0
	switch m.Service {
	case sandbox.Elasticsearch:
		lines := bytes.Split(bytes.TrimSpace(m.Body), []byte("\n"))
		if n = len(lines) / 2; n == 0 || json.Unmarshal(lines[1], &what) != nil {
			return ""
		}
	case sandbox.Loki:
		var push lokiPush
		if json.Unmarshal(m.Body, &push) != nil {
			return ""
		}
		for _, s := range push.Streams {
			for _, v := range s.Values {
				var line string
				if n++; n == 1 && (len(v) < 2 || json.Unmarshal(v[1], &line) != nil) {
					return ""
				}
				if n == 1 && json.Unmarshal([]byte(line), &what) != nil {
					what.Message = line
				}
			}
		}
	}
	text := withSeverity(what.OSSEC.Severity+what.Severity, strings.TrimSpace(what.Message+what.Description))
	if n == 0 || text == "" {
		return ""
	}
	if n > 1 {
		text = fmt.Sprintf("%s, and %d more", text, n-1)
	}
	return text
}

// lokiPush is a push as it is read here.
type lokiPush struct {
	Streams []struct {
		Stream map[string]string   `json:"stream"`
		Values [][]json.RawMessage `json:"values"`
	} `json:"streams"`
}
