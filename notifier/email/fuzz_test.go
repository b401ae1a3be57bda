package email

import (
	"mime"
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// FuzzHeaders: wherever an alert's text stands in the head of a mail, the mail has the headers that it has without it,
// the sender is ours, and the subject reads as the display form.
func FuzzHeaders(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	m, err := New(Config{SMTP: "smtp://localhost", From: "ossec@example.com", To: Addresses{"root@example.com"}}, (*notifier.Egress)(nil).Dial)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := display.Quote(s)
		composed, err := m.Compose(notifier.Notification{Action: notifier.Trigger, Alert: s, Delivery: s, DedupKey: s, Receiver: s, Severity: "high", Parts: map[string]display.Text{
			"text": display.Words("x"), "subject": display.Join(display.Words("of "), q, display.Words(" end")), "from_name": q,
			"headers": display.Join(display.Words("X-Of: a "), q, display.Words("\n"), q, display.Words(": x\n"), q),
		}})
		if err != nil {
			t.Fatal(err)
		}
		read, err := mail.ReadMessage(strings.NewReader(string(composed.Body)))
		if err != nil {
			t.Fatal(err)
		}
		want := "Auto-Submitted Content-Transfer-Encoding Content-Type Date From In-Reply-To List-Id Message-Id Mime-Version References Subject To X-Auto-Response-Suppress X-Of"
		for name, values := range read.Header {
			if len(values) != 1 || !strings.Contains(" "+want+" ", " "+name+" ") {
				t.Errorf("header %s: %q", name, values)
			}
			text, err := new(mime.WordDecoder).DecodeHeader(values[0])
			if err != nil || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("header %s reads %q (%v)", name, text, err)
			}
		}
		if from, err := read.Header.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "ossec@example.com" {
			t.Errorf("%q reads %v (%v)", read.Header.Get("From"), from, err)
		}
		shown := display.Join(display.Words("of "), q, display.Words(" end")).Line().CutEnd(maxSubject).String()
		if got, _ := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(shown), " ") {
			t.Errorf("the subject reads %q, want %q", got, shown)
		}
		body := string(composed.Body)
		for line := range strings.SplitSeq(body, "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("a line of %d bytes: %.100q", len(line), line)
			}
		}
	})
}
