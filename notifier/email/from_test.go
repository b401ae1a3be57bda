package email

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// A sender that programs cannot read is no sender: some servers refuse the mail.
func TestWhateverTheNameTheSenderReads(t *testing.T) {
	m, err := New(Config{SMTP: "smtp://localhost", From: "ossec@example.com", To: Addresses{"root@example.com"}}, (*notifier.Egress)(nil).Dial)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range injection.All() {
		for _, name := range []display.Text{display.Quote(p.Text), display.Join(display.Words("of "), display.Quote(p.Text))} {
			composed, err := m.Compose(notifier.Notification{Action: notifier.Trigger, Parts: map[string]display.Text{"text": display.Words("x"), "from_name": name}})
			if err != nil {
				t.Fatal(err)
			}
			read, err := mail.ReadMessage(strings.NewReader(string(composed.Body)))
			if err != nil {
				t.Fatal(err)
			}
			if from, err := read.Header.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "ossec@example.com" {
				t.Errorf("%s: %q reads %v (%v)", p.Name, read.Header.Get("From"), from, err)
			}
		}
	}
}
