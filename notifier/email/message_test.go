package email

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

func bruteForce() notifier.Notification {
	w, q := display.Words, display.Quote
	return notifier.Notification{
		Action:     notifier.Trigger,
		Delivery:   "01J9Z3",
		Alert:      "1795440502.8",
		Occurrence: 1,
		Receiver:   "root-mail",
		DedupKey:   "-/web-01/5712/203.0.113.9",
		Severity:   "medium",
		Parts: map[string]display.Text{
			"subject":   display.Join(w("[MEDIUM] SSH brute force from "), q("203.0.113.9"), w(" on "), q("web-01")),
			"from_name": w("ossec-notify manager-1"),
			"headers": display.Join(w("X-OSSEC-Severity: medium\nX-OSSEC-Level: 10\nX-OSSEC-Rule: 5712\nX-OSSEC-Agent: "), q("web-01"),
				w("\nX-OSSEC-Id: "), q("1795440502.8"), w("\n")),
			"text": display.Join(w("From     "), q("203.0.113.9"), w("\nUser     "), q("jörg"), w(" (no such user)\n\nLog      "),
				q("Failed password for invalid user jörg from 203.0.113.9 port 4007 ssh2, see http://example.com/"+strings.Repeat("x", 1100)+"\n.\nend\n"), w("\n\n")),
			"html": w("<!doctype html>\n<html lang=\"en\"><body><h1>SSH brute force</h1><pre>j&ouml;rg &lt;b&gt;</pre></body></html>\n"),
		},
	}
}

func composer(t *testing.T, cfg Config) *Notifier {
	t.Helper()
	return newNotifier(t, cfg, "127.0.0.1:25")
}

func compose(t *testing.T, m *Notifier, n notifier.Notification) []byte {
	t.Helper()
	composed, err := m.Compose(n)
	if err != nil {
		t.Fatal(err)
	}
	return composed.Body
}

var dateLine = regexp.MustCompile(`(?m)^Date: .*$`)

func TestComposedMail(t *testing.T) {
	m := composer(t, Config{
		To: Addresses{"Root <root@example.com>, soc@example.com"}, CC: Addresses{"audit@example.com"}, BCC: Addresses{"hidden@example.com"},
		ReplyTo: "soc@example.com",
	})
	message := compose(t, m, bruteForce())
	if bytes.Contains(message, []byte("hidden@")) {
		t.Error("a blind copy's address stands in the mail")
	}
	if rest := bytes.ReplaceAll(message, []byte("\r\n"), nil); bytes.ContainsAny(rest, "\r\n") {
		t.Error("a line does not end in CRLF")
	}
	masked := dateLine.ReplaceAll(bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n")), []byte("Date: (now)"))
	notifiertest.Golden(t, "brute-force.eml", masked)
}

// part is a body of a mail, decoded.
type part struct{ contentType, text string }

// parse reads a mail as a mail program does, and checks what must hold for every mail.
func parse(t *testing.T, message []byte) (mail.Header, []part) {
	t.Helper()
	for _, line := range strings.Split(string(message), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d bytes, RFC 5322 allows 998: %.60q…", len(line), line)
		}
		if strings.IndexFunc(line, func(r rune) bool { return r > 0x7e || (r < 0x20 && r != '\t') }) >= 0 {
			t.Errorf("a line is not plain ASCII: %q", line)
		}
	}
	head, _, _ := strings.Cut(string(message), "\r\n\r\n")
	for _, line := range strings.Split(head, "\r\n") {
		if strings.TrimSpace(line) == "" {
			t.Error("a header has a line of nothing but blanks")
		}
	}
	msg, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatalf("no mail: %v\n%s", err, message)
	}
	mediaType, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		if got, want := msg.Header.Get("Content-Transfer-Encoding"), "quoted-printable"; got != want {
			t.Errorf("got encoding %q, want %q", got, want)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		if err != nil {
			t.Fatal(err)
		}
		return msg.Header, []part{{msg.Header.Get("Content-Type"), string(body)}}
	}
	if mediaType != "multipart/alternative" {
		t.Errorf("got type %q, want multipart/alternative", mediaType)
	}
	var parts []part
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextPart() // undoes quoted-printable
		if err == io.EOF {
			return msg.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{p.Header.Get("Content-Type"), string(text)})
	}
}

func decoded(t *testing.T, h mail.Header, name string) string {
	t.Helper()
	v, err := new(mime.WordDecoder).DecodeHeader(h.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMailProgramReadsWhatTheTemplateWrote(t *testing.T) {
	n := bruteForce()
	header, parts := parse(t, compose(t, composer(t, Config{}), n))
	want := map[string]string{
		"Subject":                  "[MEDIUM] SSH brute force from 203.0.113.9 on web-01",
		"From":                     `"ossec-notify manager-1" <ossec@example.com>`,
		"To":                       "<root@example.com>",
		"Mime-Version":             "1.0",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"List-Id":                  "root-mail <root-mail.ossec-notify.example.com>",
		"X-Ossec-Severity":         "medium",
		"X-Ossec-Level":            "10",
		"X-Ossec-Rule":             "5712",
		"X-Ossec-Agent":            "web-01",
		"X-Ossec-Id":               "1795440502.8",
		"Importance":               "",
		"User-Agent":               "",
		"X-Mailer":                 "",
		"Bcc":                      "",
	}
	for name, value := range want {
		if got := decoded(t, header, name); got != value {
			t.Errorf("got %s: %q, want %q", name, got, value)
		}
	}
	if date, err := header.Date(); err != nil || time.Since(date) > time.Minute {
		t.Errorf("got date %v, %v, want now", date, err)
	}
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	wantParts := []part{
		{"text/plain; charset=UTF-8", crlf(strings.TrimRight(n.Parts["text"].String(), "\n") + "\n")},
		{"text/html; charset=UTF-8", crlf(n.Parts["html"].Raw())},
	}
	if diff := cmp.Diff(wantParts, parts, cmp.AllowUnexported(part{})); diff != "" {
		t.Errorf("parts differ (-want +got):\n%s", diff)
	}
}

func TestIdentityOfMails(t *testing.T) {
	m := composer(t, Config{})
	ids := func(change func(*notifier.Notification)) (id, thread string) {
		n := bruteForce()
		if change != nil {
			change(&n)
		}
		h, _ := parse(t, compose(t, m, n))
		if h.Get("In-Reply-To") != h.Get("References") {
			t.Errorf("In-Reply-To %q and References %q differ", h.Get("In-Reply-To"), h.Get("References"))
		}
		return h.Get("Message-Id"), h.Get("References")
	}
	id, thread := ids(nil)
	for _, v := range []string{id, thread} {
		if !regexp.MustCompile(`^<[0-9a-f]{32}@example\.com>$`).MatchString(v) {
			t.Errorf("%q is no id", v)
		}
	}
	if id == thread {
		t.Error("the mail answers itself")
	}
	type change = func(*notifier.Notification)
	for name, tt := range map[string]struct {
		change               change
		sameID, sameInThread bool
	}{
		"another attempt":    {nil, true, true},
		"another severity":   {func(n *notifier.Notification) { n.Severity = "high" }, true, true},
		"another delivery":   {func(n *notifier.Notification) { n.Delivery = "01J9Z4" }, false, true},
		"another occurrence": {func(n *notifier.Notification) { n.Occurrence = 2 }, false, true},
		"another cause":      {func(n *notifier.Notification) { n.DedupKey = "-/web-02/5712/203.0.113.9" }, true, false},
		"another receiver":   {func(n *notifier.Notification) { n.Receiver = "soc-mail" }, false, false},
	} {
		otherID, otherThread := ids(tt.change)
		if (otherID == id) != tt.sameID || (otherThread == thread) != tt.sameInThread {
			t.Errorf("%s: same id %v, same thread %v, want %v, %v", name, otherID == id, otherThread == thread, tt.sameID, tt.sameInThread)
		}
	}
	if _, thread := ids(func(n *notifier.Notification) { n.DedupKey = "" }); thread != "" {
		t.Errorf("got thread %q without a dedup key, want none", thread)
	}
}

// All mails of an incident are one thread, whichever of them arrive, and the next incident of the same cause is another.
func TestThreadIsTheIncidents(t *testing.T) {
	m := composer(t, Config{})
	opened := time.Date(2026, 11, 23, 13, 28, 22, 412e6, time.UTC)
	references := func(a notifier.Action, delivery string, opened time.Time, earlier string) (all []string, answers string) {
		t.Helper()
		n := bruteForce()
		n.Action, n.Delivery, n.Opened = a, delivery, opened
		if earlier != "" {
			n.Earlier = &notifier.Receipt{ID: earlier}
		}
		h, _ := parse(t, compose(t, m, n))
		return strings.Fields(h.Get("References")), h.Get("In-Reply-To")
	}
	firstID := "<" + m.messageID(bruteForce()) + ">"
	first, answers := references(notifier.Trigger, "01J9Z3", opened, "")
	if len(first) != 1 || answers != first[0] {
		t.Errorf("the first mail: got references %q, in reply to %q", first, answers)
	}
	for name, c := range map[string]struct {
		opened  time.Time
		earlier string
		same    bool
	}{
		"it":                                {opened, firstID, true},
		"it, whose first mail is not known": {opened, "", true},
		"it, as the outbox kept the time":   {opened.Truncate(time.Second).In(time.FixedZone("", 3600)), firstID, true},
		"it, with a receipt of no mail":     {opened, "1795440503.000100", true},
		"it, with a header in the receipt":  {opened, "<" + strings.Repeat("0", 32) + "@example.com>\r\nBcc: x@example.com", true},
		"the next incident":                 {opened.Add(time.Hour), "", false},
		"no incident":                       {time.Time{}, "", false},
	} {
		for _, a := range []notifier.Action{notifier.Update, notifier.Acknowledge, notifier.Resolve, notifier.Trigger} {
			got, answers := references(a, "LATER", c.opened, c.earlier)
			want := 1
			if c.earlier == firstID {
				want = 2
			}
			if len(got) != want || answers != got[want-1] || (got[0] == first[0]) != c.same {
				t.Errorf("%s of %s: got references %q, in reply to %q; the first mail has %q", a, name, got, answers, first)
			}
			if want == 2 && answers != firstID {
				t.Errorf("%s of %s: answers %q, want the first mail, %q", a, name, answers, firstID)
			}
		}
	}
	untracked, _ := references(notifier.Trigger, "01J9Z3", time.Time{}, "")
	if other, _ := references(notifier.Trigger, "01J9Z4", time.Time{}, ""); !slices.Equal(untracked, other) {
		t.Errorf("where nobody keeps track of incidents: got %q and %q, want one thread for the cause", untracked, other)
	}
}

func TestUnknownActionIsNoMail(t *testing.T) {
	for _, action := range []notifier.Action{"", "open"} {
		n := bruteForce()
		n.Action = action
		if _, err := composer(t, Config{}).Compose(n); err == nil || notifier.Classify(err).Reason != notifier.Permanent {
			t.Errorf("%q: got %v, want a permanent error", action, err)
		}
	}
}

func TestListIDNamesReceiverAndSender(t *testing.T) {
	for from, want := range map[string]string{
		"ossec@example.com":         "soc <soc.ossec-notify.example.com>",
		"O <ossec@ids.example.com>": "soc <soc.ossec-notify.ids.example.com>",
		"root@localhost":            "soc <soc.ossec-notify.localhost>",
	} {
		n := bruteForce()
		n.Receiver = "soc"
		h, _ := parse(t, compose(t, composer(t, Config{From: from}), n))
		if got := h.Get("List-Id"); got != want {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
	}
}

func TestSubjectIsMeasuredAsItIsSent(t *testing.T) {
	m, n := composer(t, Config{}), bruteForce()
	n.Parts["subject"] = display.Join(display.Words("[HIGH] "), display.Quote(strings.Repeat("ä", 300)))
	for _, want := range []int{250, len("[MEDIUM] Alert " + n.Alert)} {
		h, _ := parse(t, compose(t, m, n))
		got := m.Meters(n)
		if len(got) != 1 || got[0].N != want || got[0].Limit != 250 || utf8.RuneCountInString(decoded(t, h, "Subject")) != want {
			t.Errorf("got meters %v of the subject %q, want %d", got, decoded(t, h, "Subject"), want)
		}
		delete(n.Parts, "subject") // it names the alert then
	}
	n.Parts = nil
	if got := m.Meters(n); got != nil {
		t.Errorf("got meters %v of a mail that is not sent", got)
	}
}

func TestImportanceIsForCriticalAlone(t *testing.T) {
	for _, tt := range []struct {
		severity string
		action   notifier.Action
		want     string
	}{{"critical", notifier.Trigger, "high"}, {"critical", notifier.Digest, "high"}, {"critical", notifier.Resolve, ""},
		{"critical", notifier.Acknowledge, ""}, {"critical", notifier.Update, ""}, {"high", notifier.Trigger, ""}, {"unknown", notifier.Trigger, ""}} {
		n := bruteForce()
		n.Severity, n.Action = tt.severity, tt.action
		h, _ := parse(t, compose(t, composer(t, Config{}), n))
		if got := h.Get("Importance"); got != tt.want {
			t.Errorf("%s %s: got importance %q, want %q", tt.severity, tt.action, got, tt.want)
		}
	}
}

func TestSenderName(t *testing.T) {
	part := func(s string) map[string]display.Text {
		return map[string]display.Text{"text": display.Words("x"), "from_name": display.Words(s)}
	}
	for _, tt := range []struct {
		from  string
		parts map[string]display.Text
		want  string
	}{
		{"ossec@example.com", part("ossec-notify m1"), "ossec-notify m1"},
		{"ossec@example.com", part(""), "ossec-notify"},
		{"Alerts <ossec@example.com>", part("ossec-notify m1"), "Alerts"},
		{"ossec@example.com", part(`a "b" <c@example.com>, d`), `a "b" <c@example.com>, d`},
		{"ossec@example.com", part("Überwachung"), "Überwachung"},
		{"ossec@example.com", part("=?utf-8?q?evil?="), "= ?utf-8?q?evil?="},
	} {
		h, _ := parse(t, compose(t, composer(t, Config{From: tt.from}), notifier.Notification{Action: notifier.Trigger, Parts: tt.parts}))
		got, err := h.AddressList("From")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]*mail.Address{{Name: tt.want, Address: "ossec@example.com"}}, got); diff != "" {
			t.Errorf("sender differs (-want +got):\n%s", diff)
		}
	}
}

func TestPlainTemplateIsTheWholeMail(t *testing.T) {
	n := bruteForce()
	n.Parts["body"] = display.Join(display.Words("Alert: "), display.Quote("a\x1b[31m\r\nb"), display.Words("\n"))
	_, parts := parse(t, compose(t, composer(t, Config{}), n))
	want := []part{{"text/plain; charset=UTF-8", "Alert: a\\x1b[31m\r\nb\r\n"}}
	if diff := cmp.Diff(want, parts, cmp.AllowUnexported(part{})); diff != "" {
		t.Errorf("parts differ (-want +got):\n%s", diff)
	}
}

func TestPartsThatAreMissing(t *testing.T) {
	m := composer(t, Config{})
	compose := func(names ...string) ([]part, mail.Header, error) {
		n := bruteForce()
		all := n.Parts
		n.Parts = map[string]display.Text{}
		for _, name := range names {
			n.Parts[name] = all[name]
		}
		composed, err := m.Compose(n)
		if err != nil {
			return nil, nil, err
		}
		h, parts := parse(t, composed.Body)
		return parts, h, nil
	}
	if parts, _, err := compose("subject", "text"); err != nil || len(parts) != 1 || !strings.HasPrefix(parts[0].contentType, "text/plain") {
		t.Errorf("text alone: got %v, %v", parts, err)
	}
	if parts, _, err := compose("subject", "html"); err != nil || len(parts) != 1 || !strings.HasPrefix(parts[0].contentType, "text/html") {
		t.Errorf("HTML alone: got %v, %v", parts, err)
	}
	if _, h, err := compose("text"); err != nil || h.Get("Subject") != "[MEDIUM] Alert 1795440502.8" {
		t.Errorf("no subject: got %q, %v", h.Get("Subject"), err)
	}
	if _, _, err := compose("subject", "headers"); err == nil || notifier.Classify(err).Reason != notifier.Permanent {
		t.Errorf("no body: got %v, want a permanent error", err)
	}
}

// hostile is what an attacker writes into a log, and the template puts into every part.
var hostile = map[string]string{
	"line ends":       "a\r\nBcc: evil@example.com\r\n\r\nbody\nX-Evil: 1\rX-Evil: 2",
	"other line ends": "a\u2028Bcc: x\u2029Bcc: y\u0085Bcc: z\vBcc: v\fBcc: w\x00",
	"bidi":            "a\u202egnp.exe\u2066\u200b",
	"encoded word":    "=?utf-8?q?=0D=0ABcc:_evil=40example.com_=E2=80=AE?= =?utf-8?b?4oCu?=",
	"blanks":          "a" + strings.Repeat(" ", 160) + " \t b",
	"long word":       strings.Repeat("x", 5000),
	"long letters":    strings.Repeat("ü😀", 3000),
	"bad UTF-8":       "a\xff\xfe\xc3(",
	"boundary":        "--boundary--\r\n--\r\nContent-Type: text/html\r\n\r\n<b>",
	"dots":            ".\r\n.\r\nQUIT\r\n..",
	"quotes":          `"; <evil@example.com>, "x\`,
	"marks":           "\x0e\x0f\x10",
	"markup":          "</pre><script>alert(1)</script>&amp;",
}

func TestHostileTextChangesNoStructure(t *testing.T) {
	allowed := []string{
		"Auto-Submitted", "Cc", "Content-Type", "Date", "From", "In-Reply-To", "List-Id", "Message-Id", "Mime-Version", "References",
		"Subject", "To", "X-Auto-Response-Suppress", "X-Ossec-Agent", "X-Ossec-Last",
	}
	m := composer(t, Config{CC: Addresses{"audit@example.com"}})
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			w, q := display.Words, display.Quote(text)
			message := compose(t, m, notifier.Notification{
				Action:   notifier.Trigger,
				Delivery: text, Alert: text, Receiver: text, DedupKey: text, Severity: "medium",
				Parts: map[string]display.Text{
					"subject":   display.Join(w("[MEDIUM] "), q, w(" on "), q),
					"from_name": display.Join(w("ossec-notify "), q),
					"headers":   display.Join(w("X-OSSEC-Agent: "), q, w("\n"), q, w(": x\nX-OSSEC-Last: z")),
					"text":      display.Join(w("Log  "), q, w("\n")),
					"html":      display.Join(w("<pre>"), q, w("</pre>")),
				},
			})
			header, parts := parse(t, message)
			for name := range header {
				if !slices.Contains(allowed, name) {
					t.Errorf("got the header %s: %q", name, header[name])
				}
			}
			if got := header.Get("X-Ossec-Last"); got != "z" {
				t.Errorf("got X-OSSEC-Last %q, want z", got)
			}
			for _, name := range []string{"Subject", "X-Ossec-Agent"} {
				got := decoded(t, header, name)
				if !utf8.ValidString(got) || strings.IndexFunc(got, hiddenOrControl) >= 0 {
					t.Errorf("%s acts on the reader's screen: %q", name, got)
				}
				if n := utf8.RuneCountInString(got); n > 250 {
					t.Errorf("%s has %d characters, want at most 250", name, n)
				}
			}
			if got := decoded(t, header, "Subject"); !strings.HasPrefix(got, "[MEDIUM] ") {
				t.Errorf("got subject %q", got)
			}
			from, err := header.AddressList("From")
			if err != nil || len(from) != 1 || from[0].Address != "ossec@example.com" {
				t.Errorf("got sender %v, %v", from, err)
			}
			if to, err := header.AddressList("To"); err != nil || len(to) != 1 {
				t.Errorf("got recipients %v, %v", to, err)
			}
			if len(parts) != 2 || !strings.HasPrefix(parts[0].text, "Log  ") || !strings.HasPrefix(parts[1].text, "<pre>") {
				t.Fatalf("got parts %q", parts)
			}
			if strings.IndexFunc(strings.ReplaceAll(parts[0].text, "\r\n", ""), hiddenOrControl) >= 0 {
				t.Errorf("the text acts on the reader's screen: %q", parts[0].text)
			}
			if inside := strings.TrimSuffix(strings.TrimPrefix(parts[1].text, "<pre>"), "</pre>"); strings.ContainsAny(inside, "<>") {
				t.Errorf("HTML of the alert's: %q", inside)
			}
		})
	}
}

func TestTextSpellsItselfInHeaders(t *testing.T) {
	for _, s := range []string{
		"plain words", "naïve café", "=?utf-8?q?hello?=", "a =? b", "100% & = ? _ x", strings.Repeat("日本", 60), "😀", "tab and two blanks",
	} {
		got, err := new(mime.WordDecoder).DecodeHeader(headerValue(s))
		if err != nil || got != s {
			t.Errorf("%q is read as %q, %v", s, got, err)
		}
		for _, word := range strings.Fields(headerValue(s)) {
			if strings.HasPrefix(word, "=?") && len(word) > 75 {
				t.Errorf("%q: an encoded word has %d characters, RFC 2047 allows 75", s, len(word))
			}
		}
	}
}

func TestHeadersOfTheTemplate(t *testing.T) {
	w, q := display.Words, display.Quote
	tests := []struct {
		name     string
		part     display.Text
		want     []header
		warnings int
	}{
		{"none", w(""), nil, 0},
		{"blank lines", w("\n\nX-A: 1\n\n"), []header{{"X-A", "1"}}, 0},
		{"CRLF", w("X-A: 1\r\nX-B: 2\r\n"), []header{{"X-A", "1"}, {"X-B", "2"}}, 0},
		{"colons in values", display.Join(w("X-A: "), q("a:b: c")), []header{{"X-A", "a:b: c"}}, 0},
		{"no value", w("X-A:\nX-B:  "), nil, 0},
		{"the first of two", w("X-A: 1\nx-a: 2"), []header{{"X-A", "1"}}, 0},
		{"ours", w("Subject: x\nBcc: e@example.com\nx-auto-response-suppress: None\nX-A: 1"), []header{{"X-A", "1"}}, 3},
		{"no header", w("hello\nX A: 1\nX-: 1"), nil, 3},
		{"a name from an alert", display.Join(q("X-Evil"), w(": 1\n"), q("X-Evil: 1\nX-Evil"), w(": 2")), nil, 2},
		{"a value that begins a header", display.Join(w("X-A: "), q("1\r\nX-Evil: 2")), []header{{"X-A", headerValue("1⏎X-Evil: 2")}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings := extraHeaders(tt.part)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(header{})); diff != "" {
				t.Errorf("headers differ (-want +got):\n%s", diff)
			}
			if len(warnings) != tt.warnings {
				t.Errorf("got warnings %q, want %d", warnings, tt.warnings)
			}
		})
	}
}

func hiddenOrControl(r rune) bool {
	return r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
