package syslog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// Lengths of what stands in a header, in characters (RFC 5424, 6.2; RFC 3164, 4.1.3).
const (
	maxHostname = 255
	maxAppName  = 48
	maxTag      = 32
	maxMsgID    = 32
	maxName     = 32 // of a parameter of structured data
	maxValue    = 255
)

// nothing stands in a header where a value is not known, and appName where a template makes none.
const (
	nothing = "-"
	appName = "ossec-notify"
)

// severities are what the priority says of ours. What nobody has judged is a warning, as what is medium.
var severities = map[string]int{"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}

// noticeSeverity is that of what only says what became of an alert: it is no news, however severe the alert was.
const noticeSeverity = 6

// priority is the number in front of a message.
func (s *Notifier) priority(n notifier.Notification) int {
	severity, ok := severities[n.Severity]
	if !ok {
		severity = severities["medium"]
	}
	if n.Action != notifier.Trigger && n.Action != notifier.Digest {
		severity = noticeSeverity
	}
	return s.facility*8 + severity
}

// message makes a message without what divides it from others. No control character is in it, whatever the alert holds, so it is
// one line and nothing in it begins another.
func (s *Notifier) message(n notifier.Notification) (string, error) {
	if !n.Action.Known() {
		return "", notifier.UnknownAction("syslog", n.Action)
	}
	header := s.header(n)
	if s.maxBytes-len(header) < minRoom {
		e := notifier.Errorf(notifier.Permanent, "syslog: the header has %d bytes of the %d that a message may have", len(header), s.maxBytes)
		e.Hint = "raise max_bytes"
		return "", e
	}
	text, err := s.text(n, s.maxBytes-len(header))
	if err != nil {
		return "", err
	}
	return header + text, nil
}

// header is everything before the text.
func (s *Notifier) header(n notifier.Notification) string {
	host := headerWord(cmp.Or(s.part(n, s.cfg.Hostname, "hostname"), s.hostname), maxHostname)
	app := cmp.Or(s.part(n, s.cfg.AppName, "app_name"), appName)
	if s.old {
		// RFC 3164, 4.1.2: the receiver's local time, without year and zone.
		at := cmp.Or(n.Time, time.Now()).Local().Format(time.Stamp)
		tag := headerWord(strings.ReplaceAll(app, ":", "_"), maxTag)
		if s.server.scheme == schemeUnix { // the socket of a host knows its name
			return fmt.Sprintf("<%d>%s %s: ", s.priority(n), at, tag)
		}
		return fmt.Sprintf("<%d>%s %s %s: ", s.priority(n), at, host, tag)
	}
	at := nothing
	if !n.Time.IsZero() {
		at = n.Time.Format("2006-01-02T15:04:05.000Z07:00")
	}
	return fmt.Sprintf("<%d>1 %s %s %s %s %s %s ", s.priority(n), at, host, headerWord(app, maxAppName), nothing, headerWord(string(n.Action), maxMsgID), s.structured(n))
}

// part is what a setting says, or the template where that is none or is a template itself.
func (s *Notifier) part(n notifier.Notification, setting, part string) string {
	if setting != "" && !strings.Contains(setting, "{{") {
		return setting
	}
	return n.Parts[part].Line().Trim().Raw()
}

// headerWord is a word of the header: printable ASCII without blanks (RFC 5424, 6). What does not fit is an underscore.
func headerWord(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	return cmp.Or(s[:min(len(s), most)], nothing)
}

// structured is the structured data: one element, or nothing where the receiver has no number to name it by.
func (s *Notifier) structured(n notifier.Notification) string {
	var values map[string]string
	if s.cfg.Enterprise == 0 || json.Unmarshal([]byte(n.Parts["data.json"].Raw()), &values) != nil || len(values) == 0 {
		return nothing
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[ossec@%d", s.cfg.Enterprise)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := cutEnd(singleLine(values[name]), maxValue)
		fmt.Fprintf(&b, ` %s="%s"`, dataName(name), dataValue.Replace(value))
	}
	b.WriteByte(']')
	return b.String()
}

// dataName is the name of a parameter: as a word of the header, without what ends it.
func dataName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`="]`, r) {
			return '_'
		}
		return r
	}, headerWord(s, maxName))
}

// dataValue escapes what RFC 5424, 6.3.3 says, and nothing else: a receiver keeps other backslashes.
var dataValue = strings.NewReplacer(`"`, `\"`, `\`, `\\`, `]`, `\]`)

// text is what follows the header, in so many bytes. A template of the receiver's own goes before the format, and so does the text
// that stands in where every template failed.
func (s *Notifier) text(n notifier.Notification, room int) (string, error) {
	if own, ok := n.Parts["body.json"]; ok {
		return fitDocument(own.Raw(), room)
	}
	if own := n.Parts["body"]; !own.Blank() {
		return cutBytes(singleLine(own.Trim().Raw()), room), nil
	}
	part := map[string]string{formatJSON: "message.json", formatCEF: "cef.json", formatLEEF: "leef.json"}[s.format]
	made := strings.TrimSpace(n.Parts[part].Raw())
	if made == "" {
		return "", notifier.EmptyTemplate("syslog", part+", body.json, body")
	}
	if s.format == formatJSON {
		return fitDocument(made, room)
	}
	e, err := readEvent(made)
	if err != nil {
		return "", notifier.Errorf(notifier.Permanent, "syslog template: the part %s: %w", part, err)
	}
	e.Vendor, e.Product, e.Version = cmp.Or(s.cfg.Device.Vendor, e.Vendor), cmp.Or(s.cfg.Device.Product, e.Product), cmp.Or(s.cfg.Device.Version, e.Version, eventVersion)
	if s.format == formatCEF {
		return e.fit(room, e.cef)
	}
	return e.fit(room, e.leef)
}

// hostname is this host's name, for alerts that do not say which manager made them.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// singleLine is text of any origin without control characters: they are shown, as \x1b, a line end as ⏎, a tab as a blank.
func singleLine(s string) string { return display.OneLine(display.Visible(s)) }

// inert is JSON on one line, with what may end one somewhere escaped: the values are the same.
func inert(document string) (string, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(document)); err != nil {
		return "", err
	}
	return string(display.JSON(b.Bytes())), nil
}

// fitDocument is JSON in so many bytes. Of an object that is too long, first what is large and no text (the alert as it came) is left out,
// then the longest texts are cut or left out, until it fits; its last member "cut" says which.
func fitDocument(document string, room int) (string, error) {
	text, err := inert(document)
	if err != nil {
		e := notifier.Errorf(notifier.Permanent, "syslog template: the result is no valid JSON: %w", err)
		e.Hint = "see it with: ossec-notify preview"
		return "", e
	}
	if len(text) <= room {
		return text, nil
	}
	members, err := readObject(text)
	if err != nil {
		return "", tooLong(len(text), room)
	}
	var cut []string
	for range 2 * maxMembers {
		if len(members) == 0 {
			break
		}
		longest := longestOf(members)
		m := &members[longest]
		if !slices.Contains(cut, m.key) {
			cut = append(cut, m.key)
		}
		over := len(writeObject(members, cut)) - room
		if s, ok := stringOf(m.value); ok && len(m.value)-over > minCut && !m.cut {
			m.cut = true
			// JSON may write a text longer than it is, and not all of it alike.
			for keep := len(s) * (len(m.value) - over) / len(m.value); keep > minCut; keep -= keep / 4 {
				if m.value = quote(cutBytes(s, keep)); len(writeObject(members, cut)) <= room {
					break
				}
			}
		} else {
			members = slices.Delete(members, longest, longest+1)
		}
		if out := writeObject(members, cut); len(out) <= room {
			return out, nil
		}
	}
	return "", tooLong(len(text), room)
}

// longestOf is the member to be made shorter next.
func longestOf(members []member) int {
	longest, large := 0, -1
	for i, m := range members {
		if len(m.value) > len(members[longest].value) {
			longest = i
		}
		if m.value[0] != '"' && len(m.value) > largeValue && (large < 0 || len(m.value) > len(members[large].value)) {
			large = i
		}
	}
	if large >= 0 {
		return large
	}
	return longest
}

// Bounds of cutting: the members of an object, from where on a value that is no text is large, how long what is left of a text must be to be of use, and how much room a text wants
// behind the header.
const (
	maxMembers = 200
	largeValue = 1000
	minCut     = 80
	minRoom    = 120
)

func tooLong(n, room int) *notifier.Error {
	e := notifier.Errorf(notifier.Permanent, "syslog: the message has %d bytes too many, and cannot be cut", n-room)
	e.Hint = "raise max_bytes, or make the template say less"
	return e
}

// member is one of an object, its value as JSON.
type member struct {
	key, value string
	cut        bool
}

// readObject reads the members of an object, in their order.
func readObject(text string) ([]member, error) {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("is no JSON object")
	}
	var all []member
	for d.More() {
		if len(all) == maxMembers {
			return nil, fmt.Errorf("has over %d members", maxMembers)
		}
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("is no JSON object: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("is no JSON object: %w", err)
		}
		all = append(all, member{key: fmt.Sprint(key), value: string(value)})
	}
	return all, nil
}

func writeObject(members []member, cut []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for _, m := range members {
		fmt.Fprintf(&b, "%s:%s,", quote(m.key), m.value)
	}
	names := make([]string, len(cut))
	for i, c := range cut {
		names[i] = quote(c)
	}
	fmt.Fprintf(&b, `"cut":[%s]}`, strings.Join(names, ","))
	return b.String()
}

// stringOf is the text of a JSON string.
func stringOf(value string) (string, bool) {
	var s string
	if !strings.HasPrefix(value, `"`) || json.Unmarshal([]byte(value), &s) != nil {
		return "", false
	}
	return s, true
}

// quote is a text as JSON, with no control character in it.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("syslog: a string that is no JSON: " + err.Error()) // encoding/json takes every string
	}
	out, err := inert(b.String())
	if err != nil {
		panic("syslog: encoding/json writes no JSON: " + err.Error())
	}
	return out
}

// cutBytes is the beginning of a text, and how much of it that is, in so many bytes: in at least [minCut].
func cutBytes(s string, room int) string {
	if len(s) <= room {
		return s
	}
	of := display.Thousands(len(s)) + " bytes"
	keep := max(room-len(" …  of ")-2*len(of), 0)
	kept := strings.ToValidUTF8(s[:min(keep, len(s))], "")
	return kept + " … " + display.Thousands(len(kept)) + " of " + of
}

// cutEnd is at most so many characters of a text, the last … where something is left out.
func cutEnd(s string, most int) string {
	if len(s) <= most {
		return s
	}
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

// frame is a message as it travels.
func (s *Notifier) frame(message string) []byte {
	switch {
	case !s.server.stream():
		return []byte(message)
	case s.cfg.Framing == framingNewline:
		return []byte(message + "\n")
	}
	return []byte(strconv.Itoa(len(message)) + " " + message)
}
