package email

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

func TestServer(t *testing.T) {
	tests := []struct {
		smtp, tls string
		want      server
	}{
		{"smtp://mail.example.com", "", server{"mail.example.com", "587", "", tlsStartTLS}},
		{"smtp://mail.example.com:25", "", server{"mail.example.com", "25", "", tlsStartTLS}},
		{"smtp://mail.example.com", "none", server{"mail.example.com", "25", "", tlsNone}},
		{"smtp://mail.example.com", "implicit", server{"mail.example.com", "465", "", tlsImplicit}},
		{"smtp://mail.example.com:465", "", server{"mail.example.com", "465", "", tlsImplicit}},
		{"smtp://mail.example.com:465", "starttls", server{"mail.example.com", "465", "", tlsStartTLS}},
		{"smtps://mail.example.com", "", server{"mail.example.com", "465", "", tlsImplicit}},
		{"smtps://mail.example.com:4650", "implicit", server{"mail.example.com", "4650", "", tlsImplicit}},
		{"smtp://127.0.0.1:25", "", server{"127.0.0.1", "25", "", tlsNone}},
		{"smtp://127.0.0.1", "", server{"127.0.0.1", "25", "", tlsNone}},
		{"smtp://[::1]", "", server{"::1", "25", "", tlsNone}},
		{"smtp://localhost/", "starttls", server{"localhost", "587", "", tlsStartTLS}},
		{"smtp://[2001:db8::1]", "", server{"2001:db8::1", "587", "", tlsStartTLS}},
		{"smtp://soc@mail.example.com", "", server{"mail.example.com", "587", "soc", tlsStartTLS}},
		{"smtp://soc@example.com@mail.example.com:2525", "", server{"mail.example.com", "2525", "soc@example.com", tlsStartTLS}},
	}
	for _, tt := range tests {
		got, mistake := Config{SMTP: tt.smtp, TLS: tt.tls}.server()
		if mistake != nil || got != tt.want {
			t.Errorf("%s %s: got %+v, %v, want %+v", tt.smtp, tt.tls, got, mistake, tt.want)
		}
	}
	if got, _ := (Config{SMTP: "smtp://a@mail.example.com", Username: "b"}).server(); got.user != "b" {
		t.Errorf("got user %q, want the setting username to win", got.user)
	}
}

func TestValidateReportsEveryMistake(t *testing.T) {
	good := func(change func(*Config)) Config {
		c := Config{SMTP: "smtp://mail.example.com", From: "OSSEC <ossec@example.com>", To: Addresses{"root@example.com"}}
		if change != nil {
			change(&c)
		}
		return c
	}
	secret := notifier.PlainSecret("p4ssw0rd")
	tests := []struct {
		name string
		cfg  Config
		want []string // keys
	}{
		{"complete", good(nil), nil},
		{"log-in", good(func(c *Config) { c.Username, c.Password = "u", secret }), nil},
		{"log-in on this host without TLS", good(func(c *Config) { c.SMTP, c.Username, c.Password = "smtp://localhost", "u", secret }), nil},
		{"empty", Config{}, []string{"smtp", "from", "to"}},
		{"no scheme", good(func(c *Config) { c.SMTP = "mail.example.com:25" }), []string{"smtp"}},
		{"no host", good(func(c *Config) { c.SMTP = "smtp://:25" }), []string{"smtp"}},
		{"port", good(func(c *Config) { c.SMTP = "smtp://mail.example.com:70000" }), []string{"smtp"}},
		{"query", good(func(c *Config) { c.SMTP = "smtp://mail.example.com/?from=a@example.com" }), []string{"smtp"}},
		{"password in the address", good(func(c *Config) { c.SMTP = "smtp://u:p4ssw0rd@mail.example.com" }), []string{"smtp"}},
		{"tls", good(func(c *Config) { c.TLS = "yes" }), []string{"tls"}},
		{"tls against smtps", good(func(c *Config) { c.SMTP, c.TLS = "smtps://mail.example.com", "starttls" }), []string{"tls"}},
		{"password without a user", good(func(c *Config) { c.Password = secret }), []string{"username"}},
		{"user without a password", good(func(c *Config) { c.Username = "u" }), []string{"password"}},
		{"readable password", good(func(c *Config) { c.TLS, c.Username, c.Password = "none", "u", secret }), []string{"tls"}},
		{"from", good(func(c *Config) { c.From = "root" }), []string{"from"}},
		{"two senders", good(func(c *Config) { c.From = "a@example.com, b@example.com" }), []string{"from"}},
		{"addresses", good(func(c *Config) {
			c.To, c.CC, c.BCC, c.ReplyTo = Addresses{"a@example.com", "b"}, Addresses{""}, Addresses{"x@ü.example"}, "a b"
		}), []string{"to", "cc", "bcc", "reply_to"}},
		{"certificate without its key", good(func(c *Config) { c.CertFile = "cert.pem" }), []string{"key_file"}},
		{"key without its certificate", good(func(c *Config) { c.KeyFile = "key.pem" }), []string{"cert_file"}},
		{"line ends", good(func(c *Config) {
			c.From, c.To, c.HeloName = "a@example.com\r\nBcc: b@example.com", Addresses{"a@example.com>\r\nDATA"}, "a\r\nRSET"
		}), []string{"from", "to", "helo"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			if diff := cmp.Diff(tt.want, notifiertest.Keys(err)); diff != "" {
				t.Errorf("keys differ (-want +got):\n%s\n%v", diff, err)
			}
			if err != nil && strings.Contains(err.Error(), "p4ssw0rd") {
				t.Errorf("the password stands in %q", err)
			}
			if _, err := New(tt.cfg, (*notifier.Egress)(nil).Dial); (err == nil) != (tt.want == nil) {
				t.Errorf("New: got error %v", err)
			}
		})
	}
}

func TestCertificateThatCannotBeRead(t *testing.T) {
	_, err := New(Config{SMTP: "smtp://mail.example.com", From: "a@example.com", To: Addresses{"b@example.com"}, CertFile: "/nonexistent.pem", KeyFile: "/nonexistent.key"}, (*notifier.Egress)(nil).Dial)
	if err == nil || !strings.Contains(err.Error(), "cert_file, key_file: ") || !strings.Contains(err.Error(), "/nonexistent.pem") {
		t.Errorf("got %v, want an error that names the settings and the file", err)
	}
}

func TestAuthorityFile(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".none"} {
		_, err := New(Config{SMTP: "smtp://mail.example.com", From: "a@example.com", To: Addresses{"b@example.com"}, CAFile: file}, (*notifier.Egress)(nil).Dial)
		if err == nil || !strings.Contains(err.Error(), "ca_file") || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v, want an error that names ca_file and %s", err, file)
		}
	}
}

func TestConfigFromYAML(t *testing.T) {
	for text, want := range map[string]Addresses{
		"root@example.com":                   {"root@example.com"},
		`"a@example.com, b@example.com"`:     {"a@example.com, b@example.com"},
		"[a@example.com, B <b@example.com>]": {"a@example.com", "B <b@example.com>"},
	} {
		var got Config
		err := yaml.Unmarshal([]byte("{smtp: smtp://127.0.0.1:25, from: ossec@example.com, tls: none, to: "+text+"}"), &got)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got.To); diff != "" {
			t.Errorf("%s: recipients differ (-want +got):\n%s", text, diff)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: got error %v, want none", text, err)
		}
	}
	for _, text := range []string{"{a: b}", "[{a: b}]"} {
		var got Config
		if err := yaml.Unmarshal([]byte("to: "+text), &got); err == nil {
			t.Errorf("%s: got %v, want an error", text, got.To)
		}
	}
}

func TestConfigFromURL(t *testing.T) {
	secret := notifier.PlainSecret("p4ssw0rd")
	tests := []struct {
		url      string
		password notifier.Secret
		want     Config
	}{
		{
			"smtp://soc@mail.example.com:587/?from=ossec@example.com&to=root@example.com,soc@example.com", secret,
			Config{SMTP: "smtp://mail.example.com:587/", Username: "soc", Password: secret, From: "ossec@example.com", To: Addresses{"root@example.com,soc@example.com"}},
		},
		{
			"smtp://127.0.0.1?from=ossec%40example.com&to=root+ossec@example.com&to=b@example.com&cc=c@example.com&reply_to=r@example.com&helo=h&tls=none", notifier.Secret{},
			Config{
				SMTP: "smtp://127.0.0.1", From: "ossec@example.com", To: Addresses{"root+ossec@example.com", "b@example.com"},
				CC: Addresses{"c@example.com"}, ReplyTo: "r@example.com", HeloName: "h", TLS: "none",
			},
		},
		{
			"smtps://soc%40example.com:p4ssw0rd@mail.example.com?from=a@example.com&to=b@example.com", notifier.Secret{},
			Config{SMTP: "smtps://mail.example.com", Username: "soc@example.com", Password: secret, From: "a@example.com", To: Addresses{"b@example.com"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			got, err := ConfigFromURL(tt.url, tt.password)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("config differs (-want +got):\n%s", diff)
			}
			if _, err := New(got, (*notifier.Egress)(nil).Dial); err != nil {
				t.Error(err)
			}
		})
	}
	for url, want := range map[string]string{
		"smtp://mail.example.com": "from",
		"smtp://mail.example.com/?from=a@example.com&too=b@example.com":    `"too"`,
		"smtp://soc@mail.example.com/?from=a@example.com&to=b@example.com": "password",
		"https://example.com/?from=a@example.com&to=b@example.com":         "smtp",
		"smtp://u:p4ssw0rd@mail.example.com:x/?from=a@example.com":         "smtp",
		"smtp://u:p4ssw0rd@mail.example.com/?from=%zz":                     "smtp",
		"": "smtp",
	} {
		_, err := ConfigFromURL(url, notifier.Secret{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "p4ssw0rd") {
			t.Errorf("%s: got %v, want an error about %s without the password", url, err, want)
		}
	}
}
