package pagerduty

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// PagerDuty's limits (developer.pagerduty.com: Events API v2 overview, Send an alert event).
const (
	maxSummary  = 1024      // characters
	maxDedupKey = 255       // characters
	maxEvent    = 512 << 10 // bytes of the whole event
	// maxField is ours: what a reader wants of a name.
	maxField = 255
	// maxLink is what the links of the config may have, in bytes.
	maxLink = 900
)

// newEvent makes the event of a notification. Its parts are summary, source, component, group, class,
// client_url, details.json (an object of strings), links.json (a list of {href, text}), template_error (what is to be
// said of them), or body, an operator's plain template, which is then the summary.
func newEvent(n notifier.Notification, key string) (*pagerduty.V2Event, error) {
	e := &pagerduty.V2Event{RoutingKey: key, Action: string(n.Action), DedupKey: dedupKey(n.DedupKey)}
	switch n.Action { // PagerDuty has no event for an update: a trigger would open an incident that is over once more
	case notifier.Acknowledge, notifier.Resolve:
		if e.DedupKey == "" {
			return nil, notifier.Errorf(notifier.Permanent, "event for PagerDuty: %s needs a dedup key", n.Action)
		}
		return e, nil // PagerDuty wants no more than the keys
	case notifier.Trigger, notifier.Digest: // a digest is an incident like any other, under the key that it is given
		e.Action = string(notifier.Trigger)
	default:
		return nil, notifier.UnknownAction("pagerduty", n.Action)
	}

	summary := n.Parts["body"]
	if summary.Blank() {
		summary = n.Parts["summary"]
	}
	if summary.Blank() {
		return nil, notifier.EmptyTemplate("pagerduty", "summary, body")
	}
	field := func(name string) string { return line(n.Parts[name], maxField) }
	e.Client = "ossec-notify"
	var notes []string
	clientURL, ours := n.Parts["client_url"].Trim().Address()
	switch {
	case !ours:
		notes = append(notes, "client_url was left out: an alert would have said where it leads")
	case isLink(clientURL):
		e.ClientURL = clientURL
	}
	e.Payload = &pagerduty.V2Payload{
		Summary:   strings.ReplaceAll(line(summary, maxSummary), "`", "'"),
		Source:    field("source"),
		Severity:  severity(n.Severity),
		Timestamp: timestamp(n.Time),
		Component: field("component"),
		Group:     field("group"),
		Class:     field("class"),
	}
	if e.Payload.Source == "" {
		e.Payload.Source = "unknown" // PagerDuty demands one
	}
	if note := n.Parts["template_error"]; !note.Blank() {
		notes = append(notes, note.String())
	}
	var links []link
	if err := decode(n.Parts["links.json"], &links); err != nil {
		notes = append(notes, "links.json of the template is no list of {href, text}: "+err.Error())
	}
	for _, l := range links {
		if isLink(l.HRef) {
			e.Links = append(e.Links, link{l.HRef, line(display.Words(l.Text), maxField)})
		}
	}
	var details map[string]any
	if err := decode(n.Parts["details.json"], &details); err != nil {
		notes = append(notes, "details.json of the template is no JSON object: "+err.Error())
	}
	if len(notes) > 0 { // a page is not lost for its trimmings
		if details == nil {
			details = map[string]any{}
		}
		details["template_error"] = strings.Join(notes, "; ")
	}
	if len(details) > 0 {
		e.Payload.Details = details
	}
	return e, shrink(e, details)
}

type link struct {
	HRef string `json:"href"`
	Text string `json:"text,omitempty"`
}

// isLink keeps javascript: and the like out of what a browser opens, and what is too long to be an address: it would
// take the place of the details.
func isLink(s string) bool {
	_, err := notifier.ParseURL(s)
	return err == nil && len(s) <= maxLink
}

// decode reads a part that holds JSON; a part that is missing leaves v alone.
func decode(part display.Text, v any) error {
	if part.Blank() {
		return nil
	}
	return json.Unmarshal([]byte(part.Raw()), v)
}

// line is one line of a text, with the middle taken out where it is too long.
func line(t display.Text, limit int) string { return t.Line().Cut(limit).String() }

// severity is PagerDuty's word for ours. What we cannot judge is a warning: seen, but nobody is woken.
func severity(s string) string {
	switch s {
	case "critical":
		return "critical"
	case "high":
		return "error"
	case "low", "info":
		return "info"
	}
	return "warning" // medium, unknown
}

// timestamp is RFC 3339 with the alert's own zone, and milliseconds only where it has them.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Truncate(time.Millisecond).Format(time.RFC3339Nano)
}

// dedupKey is the key itself, or its hash where PagerDuty would refuse it.
func dedupKey(key string) string {
	if utf8.RuneCountInString(key) <= maxDedupKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Meters are those of the summary and of the incident's key.
func (*Notifier) Meters(n notifier.Notification) []notifier.Meter {
	e, err := newEvent(n, "")
	if err != nil || e.Payload == nil {
		return nil
	}
	return []notifier.Meter{
		{Name: "summary", N: utf8.RuneCountInString(e.Payload.Summary), Limit: maxSummary},
		{Name: "key", N: utf8.RuneCountInString(e.DedupKey), Limit: maxDedupKey},
	}
}

// shrink makes the event fit PagerDuty's limit: the log is cut, and if that is not enough the details go. Either
// way the log says so.
func shrink(e *pagerduty.V2Event, details map[string]any) error {
	over, err := excess(e)
	if err != nil || over <= 0 {
		return err
	}
	if log, ok := details["log"].(string); ok {
		if details["log"], ok = cutLog(log, over); ok {
			if over, err = excess(e); err != nil || over <= 0 {
				return err
			}
		}
	}
	e.Payload.Details = map[string]any{"log": "the details were dropped: the event was over 512 KB"}
	if over, err = excess(e); err == nil && over > 0 {
		e.Links, e.ClientURL = nil, ""
	}
	return err
}

// excess is by how many bytes the event is too large.
func excess(e *pagerduty.V2Event) (int, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return 0, notifier.Errorf(notifier.Permanent, "event for PagerDuty: %w", err)
	}
	return len(b) - maxEvent, nil
}

// cutLog shortens a log at its end so that, as JSON, it has at least so many bytes less, the note about the cut
// included. It reports false where that cannot be.
func cutLog(log string, bytes int) (string, bool) {
	total := utf8.RuneCountInString(log)
	cut := func(n int) string {
		for n > 0 && n < len(log) && !utf8.RuneStart(log[n]) {
			n--
		}
		return log[:n] + "\n… " + display.Thousands(utf8.RuneCountInString(log[:n])) + " of " + display.Thousands(total) + " characters"
	}
	room := encodedLen(log) - bytes
	tooMany := sort.Search(len(log), func(n int) bool { return encodedLen(cut(n)) > room })
	if tooMany == 0 {
		return log, false
	}
	return cut(tooMany - 1), true
}

// encodedLen is the length of a text as JSON.
func encodedLen(s string) int {
	b, _ := json.Marshal(s) // a string can always be written
	return len(b)
}
