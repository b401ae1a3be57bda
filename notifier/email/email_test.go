package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

// guard ends a test that hangs. No test waits for it otherwise.
const guard = 10 * time.Second

func TestDeliversOverEveryKindOfConnection(t *testing.T) {
	serverTLS, caFile := certificates(t)
	offersTLS := func(s *smtp.Server) { s.TLSConfig = serverTLS }
	implicit := func(s *smtp.Server) { s.TLSConfig, s.Domain = serverTLS, "implicit.example.com" }
	withLogin := Config{Username: "soc", Password: notifier.PlainSecret("p4ssw0rd")}
	secured := func(c Config, mode string) Config {
		c.TLS, c.CAFile = mode, caFile
		return c
	}
	tests := []struct {
		name       string
		cfg        Config
		configure  func(*smtp.Server)
		mechanisms []string
		wantTLS    bool
		wantUser   string
	}{
		{name: "plain"},
		{name: "plain though TLS is offered", configure: offersTLS},
		{name: "STARTTLS", cfg: secured(Config{}, tlsStartTLS), configure: offersTLS, wantTLS: true},
		{name: "implicit TLS", cfg: secured(Config{}, tlsImplicit), configure: implicit, wantTLS: true},
		{name: "PLAIN", cfg: withLogin, mechanisms: []string{"LOGIN", "PLAIN"}, wantUser: "soc"},
		{name: "LOGIN", cfg: withLogin, mechanisms: []string{"LOGIN"}, wantUser: "soc"},
		{name: "PLAIN within STARTTLS", cfg: secured(withLogin, tlsStartTLS), configure: offersTLS, mechanisms: []string{"PLAIN"}, wantTLS: true, wantUser: "soc"},
		{name: "LOGIN within implicit TLS", cfg: secured(withLogin, tlsImplicit), configure: implicit, mechanisms: []string{"LOGIN"}, wantTLS: true, wantUser: "soc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			box := &mailbox{mechanisms: tt.mechanisms}
			m := newNotifier(t, tt.cfg, box.start(t, tt.configure))
			receipt, err := m.Notify(t.Context(), bruteForce())
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			got := box.only(t)
			if got.tls != tt.wantTLS || got.user != tt.wantUser {
				t.Errorf("got TLS %v, user %q, want %v, %q", got.tls, got.user, tt.wantTLS, tt.wantUser)
			}
			if got.from != "ossec@example.com" || !slices.Equal(got.to, []string{"root@example.com"}) {
				t.Errorf("got envelope %s to %s", got.from, got.to)
			}
			header, _ := parse(t, []byte(got.data))
			if want := (notifier.Receipt{Status: 250, ID: header.Get("Message-Id")}); receipt != want {
				t.Errorf("got receipt %+v, want %+v", receipt, want)
			}
		})
	}
}

func TestSendsWhatComposeShows(t *testing.T) {
	box := &mailbox{}
	m := newNotifier(t, Config{}, box.start(t, nil))
	if _, err := m.Notify(t.Context(), bruteForce()); err != nil {
		t.Fatal(err)
	}
	mask := func(s string) string { return dateLine.ReplaceAllString(s, "Date:\r") }
	if diff := cmp.Diff(mask(string(compose(t, m, bruteForce()))), mask(box.only(t).data)); diff != "" {
		t.Errorf("the mail differs (-composed +received):\n%s", diff)
	}
}

func TestEnvelopeHasEachRecipientOnce(t *testing.T) {
	box := &mailbox{}
	m := newNotifier(t, Config{
		To: Addresses{"a@example.com, B <b@example.com>"}, CC: Addresses{"a@example.com", "c@example.com"}, BCC: Addresses{`"d d"@example.com`},
	}, box.start(t, nil))
	if _, err := m.Notify(t.Context(), bruteForce()); err != nil {
		t.Fatal(err)
	}
	want := []string{"a@example.com", "b@example.com", "c@example.com", "d d@example.com"}
	if diff := cmp.Diff(want, box.only(t).to); diff != "" {
		t.Errorf("recipients differ (-want +got):\n%s", diff)
	}
}

func TestConnectionsThatCannotBeTrusted(t *testing.T) {
	serverTLS, caFile := certificates(t)
	offersTLS := func(s *smtp.Server) { s.TLSConfig = serverTLS }
	implicit := func(s *smtp.Server) { s.TLSConfig, s.Domain = serverTLS, "implicit.example.com" }
	byName := func(address string) string {
		_, port, _ := net.SplitHostPort(address)
		return "smtp://localhost:" + port // the certificate is for 127.0.0.1
	}
	login := Config{Username: "soc", Password: notifier.PlainSecret("p4ssw0rd")}
	tests := []struct {
		name      string
		cfg       Config
		address   func(string) string
		configure func(*smtp.Server)
		want      notifier.Reason
		hint      string
	}{
		{"no STARTTLS", Config{TLS: tlsStartTLS}, nil, nil, notifier.Misconfigured, "tls: implicit"},
		{"STARTTLS, unknown authority", Config{TLS: tlsStartTLS}, nil, offersTLS, notifier.Temporary, "ca_file"},
		{"implicit, unknown authority", Config{TLS: tlsImplicit}, nil, implicit, notifier.Temporary, "ca_file"},
		{"another name", Config{TLS: tlsStartTLS, CAFile: caFile}, byName, offersTLS, notifier.Temporary, "the name that the certificate is for"},
		{"implicit on a plain port", Config{TLS: tlsImplicit, CAFile: caFile}, nil, nil, notifier.Misconfigured, "tls: starttls"},
		{"no log-in offered", login, nil, nil, notifier.Misconfigured, "username"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			box := &mailbox{}
			address := box.start(t, tt.configure)
			if tt.address != nil {
				tt.cfg.SMTP = tt.address(address)
			}
			_, got := attempt(t, newNotifier(t, tt.cfg, address))
			if got == nil || got.Reason != tt.want || !strings.Contains(got.Hint, tt.hint) {
				t.Errorf("got %v, want %v with a hint of %s", got, tt.want, tt.hint)
			}
			if box.count() != 0 {
				t.Error("a mail arrived")
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		t.Run(mechanism, func(t *testing.T) {
			box := &mailbox{mechanisms: []string{mechanism}}
			m := newNotifier(t, Config{Username: "soc", Password: notifier.PlainSecret("wrong-p4ssw0rd")}, box.start(t, nil))
			_, got := attempt(t, m) // the server repeats the password in its answer
			if got == nil || got.Reason != notifier.Misconfigured || got.Status != 535 || got.Code != "5.7.8" || !strings.Contains(got.Hint, "password") {
				t.Errorf("got %+v, want misconfigured, 535 5.7.8", got)
			}
		})
	}
}

func TestPasswordThatCannotBeReadIsTemporary(t *testing.T) {
	m := newNotifier(t, Config{Username: "soc", Password: notifiertest.MissingSecret(t)}, "127.0.0.1:1")
	if _, got := attempt(t, m); got == nil || got.Reason != notifier.Temporary {
		t.Errorf("got %v, want a temporary error", got)
	}
}

func TestAnswersAtEveryStage(t *testing.T) {
	const T, P, M = notifier.Temporary, notifier.Permanent, notifier.Misconfigured
	tests := []struct {
		at, reply string
		want      notifier.Reason
		hint      string
	}{
		{"greeting", "421 4.3.2 too busy", T, ""},
		{"greeting", "450 come back", T, ""},
		{"greeting", "554 5.7.1 you are listed", M, "does not serve"},
		{"EHLO", "421 4.3.2 shutting down", T, ""},
		{"EHLO", "550 5.7.1 who?", M, "does not serve"},
		{"AUTH", "454 4.7.0 later", T, ""},
		{"AUTH", "535 5.7.8 no", M, "password"},
		{"AUTH", "534 5.7.9 application-specific password required", M, "made for programs"},
		{"AUTH", "504 5.5.4 mechanism", M, ""},
		{"MAIL", "421 4.3.2 shutting down", T, ""},
		{"MAIL", "451 4.3.0 later", T, ""},
		{"MAIL", "452 4.3.1 disk full", T, ""},
		{"MAIL", "530 5.7.0 Must issue a STARTTLS command first", M, "tls: starttls"},
		{"MAIL", "530 5.7.0 Authentication required", M, "username"},
		{"MAIL", "550 5.7.1 sender refused", M, "from"},
		{"MAIL", "552 5.3.4 too big", P, "larger"},
		{"MAIL", "553 5.7.1 not yours", M, "from"},
		{"RCPT", "421 4.3.2 shutting down", T, ""},
		{"RCPT", "450 4.2.0 greylisted", T, ""},
		{"RCPT", "451 4.3.0 later", T, ""},
		{"RCPT", "452 4.5.3 too many", T, ""},
		{"RCPT", "530 5.7.0 Authentication required", M, "username"},
		{"RCPT", "550 5.1.1 no such user", P, "address"},
		{"RCPT", "550 relaying denied", M, "relay"},
		{"RCPT", "551 5.1.6 moved", P, "address"},
		{"RCPT", "552 5.2.2 mailbox full", T, ""},
		{"RCPT", "554 5.7.1 Relay access denied", M, "relay"},
		{"DATA", "421 4.3.2 shutting down", T, ""},
		{"DATA", "451 4.3.0 later", T, ""},
		{"DATA", "554 5.5.1 no", P, ""},
		{".", "421 4.3.2 shutting down", T, ""},
		{".", "450 4.7.1 later", T, ""},
		{".", "451 4.3.0 queue", T, ""},
		{".", "452 4.3.1 disk full", T, ""},
		{".", "550 5.7.1 looks like spam", P, ""},
		{".", "551 5.7.1 no", P, ""},
		{".", "552 5.3.4 too big", P, "larger"},
		{".", "554-5.7.1 no\r\n554 5.7.1 and \x1b[31mno", P, ""},
	}
	for _, tt := range tests {
		t.Run(tt.at+" "+tt.reply[:3], func(t *testing.T) {
			s := script{tt.at: tt.reply}
			if tt.at == "EHLO" {
				s["HELO"] = tt.reply
			}
			address, _ := s.start(t)
			_, got := attempt(t, newNotifier(t, Config{Username: "soc", Password: notifier.PlainSecret("p4ssw0rd")}, address))
			if got == nil {
				t.Fatal("got no error, want one")
			}
			if got.Reason != tt.want || got.Ambiguous {
				t.Errorf("got %v, ambiguous %v, want %v, false: %v", got.Reason, got.Ambiguous, tt.want, got)
			}
			if got.Hint != "" && tt.hint == "" || !strings.Contains(got.Hint, tt.hint) {
				t.Errorf("got hint %q, want one of %q", got.Hint, tt.hint)
			}
			if want := tt.reply[:3]; fmt.Sprint(got.Status) != want || !strings.Contains(got.Err.Error(), want) {
				t.Errorf("got status %d in %q, want %s", got.Status, got.Err, want)
			}
			if want, _, _ := strings.Cut(tt.reply[4:], " "); strings.Count(want, ".") == 2 && got.Code != want {
				t.Errorf("got code %q, want %q", got.Code, want)
			}
			if !strings.HasPrefix(got.Error(), "send mail to "+address+": ") {
				t.Errorf("the error does not say what was attempted: %v", got)
			}
		})
	}
}

func TestErrorsReadWell(t *testing.T) {
	address, _ := script{"RCPT": "550 5.1.1 no such user"}.start(t)
	_, got := attempt(t, newNotifier(t, Config{}, address))
	if want := "send mail to " + address + ": RCPT TO root@example.com: 550 5.1.1 no such user (check the address)"; got.Error() != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAttemptEndsWithItsContextAtEveryStage(t *testing.T) {
	for _, at := range []string{"greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		t.Run(at, func(t *testing.T) {
			address, reached := script{at: hang}.start(t)
			m := newNotifier(t, Config{Username: "soc", Password: notifier.PlainSecret("p4ssw0rd")}, address)
			timeout := errors.New("receiver's timeout has passed")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			result := make(chan error, 1)
			go func() {
				_, err := m.Notify(ctx, bruteForce())
				result <- err
			}()
			wait(t, reached, "the server was not reached")
			cancel(timeout)
			err := wait(t, result, "Notify goes on after its context has ended")
			got := notifier.Classify(err)
			if got.Reason != notifier.Temporary || !errors.Is(err, timeout) {
				t.Errorf("got %v: %v, want temporary, with the context's cause", got.Reason, err)
			}
			if want := at == "."; got.Ambiguous != want {
				t.Errorf("got ambiguous %v, want %v", got.Ambiguous, want)
			}
		})
	}
}

func TestAttemptEndsWithItsContextInTheHandshake(t *testing.T) {
	address, reached := script{"greeting": hang}.start(t)
	m := newNotifier(t, Config{TLS: tlsImplicit}, address)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := m.Notify(ctx, bruteForce())
		result <- err
	}()
	wait(t, reached, "the server was not reached")
	cancel()
	if err := wait(t, result, "Notify goes on after its context has ended"); !errors.Is(err, context.Canceled) || !notifier.Retryable(err) {
		t.Errorf("got %v, want a temporary error with the context's", err)
	}
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	box := &mailbox{}
	m := newNotifier(t, Config{}, box.start(t, nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.Notify(ctx, bruteForce())
	if got := notifier.Classify(err); err == nil || got.Reason != notifier.Temporary || got.Ambiguous || box.count() != 0 {
		t.Errorf("got %v, %d mails, want a temporary error and none", err, box.count())
	}
}

func TestConnectionThatBreaks(t *testing.T) {
	for _, at := range []string{"greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		t.Run(at, func(t *testing.T) {
			address, _ := script{at: drop}.start(t)
			_, got := attempt(t, newNotifier(t, Config{Username: "soc", Password: notifier.PlainSecret("p4ssw0rd")}, address))
			if got == nil || got.Reason != notifier.Temporary || got.Status != 0 {
				t.Fatalf("got %+v, want a temporary error without a status", got)
			}
			if want := at == "."; got.Ambiguous != want {
				t.Errorf("got ambiguous %v, want %v: %v", got.Ambiguous, want, got)
			}
			if !strings.Contains(got.Error(), "closed the connection") {
				t.Errorf("the error does not say what happened: %v", got)
			}
		})
	}
}

func TestRepeatAfterALostAnswerHasTheSameMessageID(t *testing.T) {
	box := &mailbox{}
	var once sync.Once
	box.onData = func(c *smtp.Conn) (err error) {
		once.Do(func() {
			c.Conn().Close()
			err = errors.New("gone")
		})
		return err
	}
	m := newNotifier(t, Config{}, box.start(t, nil))
	if _, got := attempt(t, m); got == nil || !got.Ambiguous || got.Reason != notifier.Temporary {
		t.Fatalf("got %v, want a temporary error that is ambiguous", got)
	}
	first, _ := parse(t, compose(t, m, bruteForce()))
	if _, got := attempt(t, m); got != nil {
		t.Fatal(got)
	}
	second, _ := parse(t, []byte(box.only(t).data))
	if got, want := second.Get("Message-Id"), first.Get("Message-Id"); got != want {
		t.Errorf("got Message-ID %s, want %s", got, want)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, got := attempt(t, newNotifier(t, Config{}, l.Addr().String()))
	if got == nil || got.Reason != notifier.Temporary || got.Ambiguous || !strings.Contains(got.Error(), "refused") {
		t.Errorf("got %v, want a temporary error", got)
	}
}

func TestServerThatIsNone(t *testing.T) {
	for name, greeting := range map[string]string{
		"HTTP":       "HTTP/1.1 400 Bad Request\r\n\r\n<html>\x1b[31m",
		"no end":     "220-" + strings.Repeat("x", 70) + strings.Repeat("\r\n220-"+strings.Repeat("x", 70), maxAnswers/70),
		"one line":   strings.Repeat("x", 2*maxAnswers),
		"empty line": "",
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := script{"greeting": greeting}.start(t)
			_, got := attempt(t, newNotifier(t, Config{}, address))
			if got == nil || got.Reason != notifier.Temporary {
				t.Fatalf("got %v, want a temporary error", got)
			}
			if endless := len(greeting) > maxAnswers; endless != strings.Contains(got.Error(), "said more than") {
				t.Errorf("got %v, want the limit to be the reason: %v", got, endless)
			}
		})
	}
}

func TestGoodbyeDoesNotMatter(t *testing.T) {
	for _, reply := range []string{"500 what?", drop} {
		address, _ := script{"QUIT": reply}.start(t)
		if _, got := attempt(t, newNotifier(t, Config{}, address)); got != nil {
			t.Errorf("%s: got error %v, want none", reply, got)
		}
	}
}

func TestMessageTooLargeForTheServerIsNotSent(t *testing.T) {
	box := &mailbox{}
	m := newNotifier(t, Config{}, box.start(t, func(s *smtp.Server) { s.MaxMessageBytes = 500 }))
	_, got := attempt(t, m)
	if got == nil || got.Reason != notifier.Permanent || got.Status != 552 || box.count() != 0 {
		t.Errorf("got %v, %d mails, want a permanent error, none", got, box.count())
	}
}

// refuser answers for single recipients, and can change its mind.
type refuser struct {
	mu      sync.Mutex
	answers map[string]error
	asked   []string
}

func (r *refuser) rcpt(to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, to)
	return r.answers[to]
}

func (r *refuser) change(answers map[string]error) (asked []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked, r.asked, r.answers = r.asked, nil, answers
	return asked
}

var (
	noSuchUser = smtpError(550, smtp.EnhancedCode{5, 1, 1}, "no such user")
	greylisted = smtpError(450, smtp.EnhancedCode{4, 7, 1}, "greylisted")
	noRelay    = smtpError(554, smtp.EnhancedCode{5, 7, 1}, "Relay access denied")
)

func TestRefusedRecipientDoesNotStopTheOthers(t *testing.T) {
	r := &refuser{answers: map[string]error{"b@example.com": noSuchUser}}
	box := &mailbox{onRcpt: r.rcpt}
	m := newNotifier(t, Config{To: Addresses{"a@example.com", "b@example.com", "c@example.com"}}, box.start(t, nil))
	receipt, got := attempt(t, m)
	if got != nil {
		t.Fatalf("got error %v, want none", got)
	}
	if diff := cmp.Diff([]string{"a@example.com", "c@example.com"}, box.only(t).to); diff != "" {
		t.Errorf("recipients differ (-want +got):\n%s", diff)
	}
	if w := receipt.Warning; !strings.Contains(w, "b@example.com") || !strings.Contains(w, "no such user") {
		t.Errorf("the receipt does not name who was refused, and why: %q", w)
	}
}

func TestNobodyAccepted(t *testing.T) {
	tests := []struct {
		name    string
		answers map[string]error
		want    notifier.Reason
		status  int
	}{
		{"unknown", map[string]error{"a@example.com": noSuchUser, "b@example.com": noSuchUser}, notifier.Permanent, 550},
		{"unknown and no relay", map[string]error{"a@example.com": noSuchUser, "b@example.com": noRelay}, notifier.Misconfigured, 554},
		{"unknown and put off", map[string]error{"a@example.com": noSuchUser, "b@example.com": greylisted}, notifier.Temporary, 450},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			box := &mailbox{onRcpt: (&refuser{answers: tt.answers}).rcpt}
			_, got := attempt(t, newNotifier(t, Config{To: Addresses{"a@example.com", "b@example.com"}}, box.start(t, nil)))
			if got == nil || got.Reason != tt.want || got.Status != tt.status || got.Ambiguous || box.count() != 0 {
				t.Errorf("got %+v, %d mails, want %v with %d, none", got, box.count(), tt.want, tt.status)
			}
		})
	}
}

func TestServerThatClosesAmongTheRecipientsGetsNoMessage(t *testing.T) {
	closing := smtpError(421, smtp.EnhancedCode{4, 3, 2}, "shutting down")
	box := &mailbox{onRcpt: (&refuser{answers: map[string]error{"b@example.com": closing}}).rcpt}
	_, got := attempt(t, newNotifier(t, Config{To: Addresses{"a@example.com", "b@example.com"}}, box.start(t, nil)))
	if got == nil || got.Reason != notifier.Temporary || got.Status != 421 || box.count() != 0 {
		t.Errorf("got %v, %d mails, want a temporary error, none", got, box.count())
	}
}

func TestManyRefusedAreOneShortError(t *testing.T) {
	var to Addresses
	for i := range 40 {
		to = append(to, fmt.Sprintf("user%02d@example.com", i))
	}
	box := &mailbox{onRcpt: func(string) error { return noSuchUser }}
	_, got := attempt(t, newNotifier(t, Config{To: to}, box.start(t, nil)))
	if text := got.Error(); !strings.Contains(text, "user00@") || !strings.Contains(text, "and 35 more") {
		t.Errorf("got %s, want some and how many more", text)
	}
}

func TestRecipientWhoIsPutOffIsAskedAgainAlone(t *testing.T) {
	const a, b, c = "a@example.com", "b@example.com", "c@example.com"
	r := &refuser{answers: map[string]error{b: greylisted, c: noSuchUser}}
	box := &mailbox{onRcpt: r.rcpt}
	m := newNotifier(t, Config{To: Addresses{a, b, c}}, box.start(t, nil))

	if _, got := attempt(t, m); got == nil || got.Reason != notifier.Temporary || !strings.Contains(got.Error(), b) {
		t.Fatalf("got %v, want a temporary error that names %s", got, b)
	}
	if diff := cmp.Diff([]string{a}, box.only(t).to); diff != "" {
		t.Errorf("first mail: recipients differ (-want +got):\n%s", diff)
	}
	r.change(map[string]error{b: greylisted})
	if _, got := attempt(t, m); got == nil || got.Reason != notifier.Temporary {
		t.Fatalf("got %v, want a temporary error", got)
	}
	if asked := r.change(nil); !slices.Equal(asked, []string{b}) {
		t.Errorf("second attempt: asked for %s, want %s alone", asked, b)
	}
	receipt, got := attempt(t, m)
	if got != nil {
		t.Fatal(got)
	}
	if box.count() != 2 {
		t.Errorf("got %d mails, want 2", box.count())
	}
	if !strings.Contains(receipt.Warning, c) {
		t.Errorf("the receipt forgot who was refused at first: %q", receipt.Warning)
	}
	r.change(nil)
	if _, got := attempt(t, m); got != nil {
		t.Fatal(got)
	}
	if asked := r.change(nil); !slices.Equal(asked, []string{a, b, c}) {
		t.Errorf("a delivery that is done leaves traces: asked for %s", asked)
	}
}

func TestRecipientWhoIsRefusedLaterIsAWarning(t *testing.T) {
	const a, b = "a@example.com", "b@example.com"
	r := &refuser{answers: map[string]error{b: greylisted}}
	box := &mailbox{onRcpt: r.rcpt}
	m := newNotifier(t, Config{To: Addresses{a, b}}, box.start(t, nil))
	if _, got := attempt(t, m); got == nil {
		t.Fatal("got no error, want a temporary one")
	}
	r.change(map[string]error{b: noSuchUser})
	receipt, got := attempt(t, m)
	if got != nil || !strings.Contains(receipt.Warning, b) {
		t.Errorf("got %v, %q, want delivered with a warning: %s has the mail", got, receipt.Warning, a)
	}
}

func TestInterruptedMailsAreForgottenInTheEnd(t *testing.T) {
	var i interrupted
	for n := range maxInterrupted + 10 {
		i.put(fmt.Sprint(n), progress{accepted: 1})
	}
	if _, ok := i.take("9"); ok {
		t.Error("the oldest are still remembered")
	}
	if _, ok := i.take("10"); !ok {
		t.Error("one was forgotten too early")
	}
	if got, want := len(i.ages), len(i.by); got != want {
		t.Errorf("%d ages for %d mails", got, want)
	}
}

func TestConcurrentUse(t *testing.T) {
	box := &mailbox{}
	m := newNotifier(t, Config{}, box.start(t, nil))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			n := bruteForce()
			n.Delivery = fmt.Sprint(i)
			if _, err := m.Notify(t.Context(), n); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, want := box.count(), 8; got != want {
		t.Errorf("got %d mails, want %d", got, want)
	}
}

func TestWarnsOfHeadersThatWereLeftOut(t *testing.T) {
	box := &mailbox{}
	n := bruteForce()
	n.Parts["headers"] = n.Parts["subject"] // no header at all
	receipt, err := newNotifier(t, Config{}, box.start(t, nil)).Notify(t.Context(), n)
	if err != nil || !strings.Contains(receipt.Warning, "header left out") {
		t.Errorf("got %v, %q, want delivered with a warning", err, receipt.Warning)
	}
}

func TestTLSIsTheNewerOnes(t *testing.T) {
	config, err := newNotifier(t, Config{}, "127.0.0.1:25").certs.Config()
	if err != nil || config.MinVersion < tls.VersionTLS12 || config.InsecureSkipVerify {
		t.Errorf("got TLS from %x on, unverified %v, %v", config.MinVersion, config.InsecureSkipVerify, err)
	}
}

func wait[T any](t *testing.T, c <-chan T, otherwise string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(guard):
		t.Fatal(otherwise)
		panic("unreachable")
	}
}
