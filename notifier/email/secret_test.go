package email

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

// TestAnswerThatEndsInThePassword has servers that hang up while they repeat it, or say more before than is read of them.
func TestAnswerThatEndsInThePassword(t *testing.T) {
	const password = "awkw4rd/p4ss&word"
	long := func(text string, cutAt int) string {
		said := len("220 mail.example.com\r\n") + len(politeScript["EHLO"]+"\r\n") + len("535 ")
		return "535 " + strings.Repeat(" ", maxAnswers-said-cutAt) + text + " is wrong"
	}
	inBase64 := base64.StdEncoding.EncodeToString([]byte("\x00soc\x00" + password))
	for name, reply := range map[string]string{
		"hangs up":              cut + "535 5.7.8 no " + password[:14],
		"hangs up, two lines":   cut + "535-5.7.8 no\r\n535 5.7.8 " + password[:14],
		"hangs up, escaped":     cut + "535 5.7.8 awkw4rd%2Fp4ss%2",
		"hangs up, in base64":   cut + "535 5.7.8 no " + inBase64[:20],
		"challenge":             cut + "334 " + inBase64[:20],
		"no SMTP":               cut + "no " + password[:14],
		"more than is read":     long(password, 14),
		"of that, in base64":    long(inBase64, 20),
		"of that, nearly whole": long(password, len(password)-1),
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := script{"AUTH": reply}.start(t)
			cfg := Config{Username: "soc", Password: notifier.PlainSecret(password)}
			_, got := attempt(t, newNotifier(t, cfg, address))
			if got == nil {
				t.Fatal("got no error")
			}
			for _, piece := range []string{password[:9], inBase64[:16]} {
				if strings.Contains(got.Error(), piece) {
					t.Errorf("%q stands in %q", piece, got)
				}
			}
		})
	}
}

// TestPasswordOfNoUseWaits: nothing is sent, for the server would only be asked to guess.
func TestPasswordOfNoUseWaits(t *testing.T) {
	for name, content := range map[string]string{"two lines": "p4ssw0rd\np4ssw0rd\n", "a control character": "p4ss\x00w0rd", "empty": " \n"} {
		t.Run(name, func(t *testing.T) {
			h := &heard{offer: "250-mail.example.com\r\n250 AUTH PLAIN"}
			secret := notifiertest.FileSecret(t, content)
			m := newNotifier(t, Config{Username: "soc", Password: secret}, h.start(t))
			_, got := attempt(t, m)
			if got == nil || got.Reason != notifier.Temporary || !strings.Contains(got.Error(), secret.File()) || h.all() != "" {
				t.Errorf("got %v, and the server heard %q; want a temporary error that names the file, and nothing", got, h.all())
			}
			if err := m.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), secret.File()) {
				t.Errorf("Probe: got %v", err)
			}
		})
	}
}

// TestCertificatesAreReadAgainWhenTheyChange: mail waits while a file is of no use, and goes when that is mended.
func TestCertificatesAreReadAgainWhenTheyChange(t *testing.T) {
	ours, theirs := notifiertest.NewAuthority(t), notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	serverTLS, file := certificates(t)
	box := &mailbox{}
	address := box.start(t, func(s *smtp.Server) { s.TLSConfig = serverTLS })
	certFile, keyFile := notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	_, otherKey := notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	m := newNotifier(t, Config{TLS: tlsStartTLS, CAFile: file, CertFile: certFile, KeyFile: keyFile}, address)
	content := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	replace := func(path, content string) {
		t.Helper()
		fresh := filepath.Join(t.TempDir(), "fresh")
		if err := os.WriteFile(fresh, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, path, content, want string }{
		{"empty authorities", file, "", "ca_file: " + file + " holds no certificate"},
		{"another authority", file, content(theirs.File), "give the certificate of the server's authority in ca_file"},
		{"an empty certificate", certFile, "", certFile + " and " + keyFile + " are not a certificate and its key"},
		{"another's key", keyFile, content(otherKey), certFile + " and " + keyFile + " are not a certificate and its key"},
	} {
		good := content(tt.path)
		replace(tt.path, tt.content)
		before := box.count()
		_, got := attempt(t, m)
		if got == nil || got.Reason != notifier.Temporary || got.Ambiguous || !strings.Contains(got.Error(), tt.want) || box.count() != before {
			t.Errorf("%s: got %v, want a temporary error with %q", tt.name, got, tt.want)
		}
		replace(tt.path, good)
		if _, got := attempt(t, m); got != nil || box.count() != before+1 {
			t.Errorf("%s, mended: got %v, %d mails", tt.name, got, box.count()-before)
		}
	}
}
