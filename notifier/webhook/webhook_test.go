package webhook

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

const (
	bearer   = "b34r3r-t0ken"
	hmacKey  = "sh4red-k3y"
	password = "p4ss:w0rd"
	urlToken = "hook-s3cr3t-7Yq"
)

func bruteForce() notifier.Notification {
	return notifier.Notification{
		Action:   notifier.Trigger,
		Delivery: "01J9Z3",
		Alert:    "1795440502.8",
		Receiver: "hook",
		Severity: "medium",
		Parts: map[string]display.Text{
			"document.json": display.Words(`{"version":1,"id":"1795440502.8","log":"<!channel> \u202e"}` + "\n"),
			"raw":           display.Quote(`{"rule": {"level": 10}}`),
		},
	}
}

func newNotifier(t *testing.T, cfg Config, url string, client *http.Client) *Notifier {
	t.Helper()
	cfg.URL = notifier.PlainSecret(url)
	n, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func channel(cfg Config) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return newNotifier(t, cfg, url+"/hook/"+urlToken, client)
		},
		Notification: bruteForce(),
		Secrets:      []string{urlToken},
		Broken:       broken(),
		AnyBody:      true,
	}
}

func TestChannel(t *testing.T) {
	t.Run("bearer and signature", func(t *testing.T) {
		c := channel(Config{
			BearerToken: notifier.PlainSecret(bearer),
			HMAC:        &HMAC{Secret: notifier.PlainSecret(hmacKey)},
			Headers:     map[string]notifier.Secret{"X-Api-Key": notifier.PlainSecret("k3y-of-header")},
		})
		c.Secrets = append(c.Secrets, bearer, hmacKey, "k3y-of-header")
		notifiertest.Run(t, c)
	})
	t.Run("basic", func(t *testing.T) {
		c := channel(Config{Method: "PUT", BasicAuth: &BasicAuth{Username: "soc", Password: notifier.PlainSecret(password)}})
		c.Secrets = append(c.Secrets, password, "c29jOnA0c3M6dzByZA==") // soc:p4ss:w0rd
		notifiertest.Run(t, c)
	})
}

// request makes one attempt and returns what was sent.
func request(t *testing.T, cfg Config) notifiertest.Request {
	t.Helper()
	requests := notifiertest.Requests(t, channel(cfg))
	if len(requests) != 1 {
		t.Fatalf("got %d requests, want 1", len(requests))
	}
	return requests[0]
}

func TestBody(t *testing.T) {
	const document, own = `{"version":1,"id":"1795440502.8","log":"<!channel> \u202e"}`, `{"what":"x"}`
	text := display.Join(display.Words("From "), display.Quote("203.0.113.9\x1b http://example.com\n"))
	parts := bruteForce().Parts
	// with is what templates make where a receiver has one of its own: its part beside the presets'.
	with := func(name string, part display.Text) map[string]display.Text {
		m := maps.Clone(parts)
		m[name] = part
		return m
	}
	tests := []struct {
		name        string
		body        string
		parts       map[string]display.Text
		want        string
		contentType string
		schema      string
	}{
		{"our JSON", "", parts, document, "application/json", "1"},
		{"our JSON by name", "json", parts, document, "application/json", "1"},
		{"JSON template as body", "hook.json.tmpl", with("body.json", display.Words(own+"\n")), own, "application/json", ""},
		{"plain template as body", "hook.tmpl", with("body", text), "From 203.0.113.9\x1b http://example.com\n", "text/plain; charset=utf-8", ""},
		{"JSON template of the receiver", "", with("body.json", display.Words(own)), own, "application/json", ""},
		{"plain template of the receiver", "json", with("body", text), "From 203.0.113.9\x1b http://example.com\n", "text/plain; charset=utf-8", ""},
		{"the template failed", "hook.json.tmpl", parts, document, "application/json", "1"},
		{"every template failed", "", map[string]display.Text{"body": text}, "From 203.0.113.9\x1b http://example.com\n", "text/plain; charset=utf-8", ""},
		{"every template failed, raw", "raw", map[string]display.Text{"body": text}, "From 203.0.113.9\x1b http://example.com\n", "text/plain; charset=utf-8", ""},
		{"raw JSON", "raw", parts, `{"rule": {"level": 10}}`, "application/json", ""},
		{"raw text", "raw", map[string]display.Text{"raw": display.Quote("** Alert 1:\nx\x00")}, "** Alert 1:\nx\x00", "text/plain; charset=utf-8", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := channel(Config{Body: tt.body})
			c.Notification.Parts = tt.parts
			r := notifiertest.Requests(t, c)[0]
			if got := string(r.Body); got != tt.want {
				t.Errorf("got body %q, want %q", got, tt.want)
			}
			if got := r.Header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("got type %q, want %q", got, tt.contentType)
			}
			if got := r.Header.Get("X-Ossec-Notify-Schema"); got != tt.schema {
				t.Errorf("got schema %q, want %q", got, tt.schema)
			}
		})
	}
}

func TestBrokenTemplateIsPermanentAndSendsNothing(t *testing.T) {
	words := display.Words
	tests := []struct {
		name, body string
		parts      map[string]display.Text
		want       string // in the error
	}{
		{"no JSON", "hook.json.tmpl", map[string]display.Text{"body.json": words(`{"a":}`)}, "no valid JSON"},
		{"two values", "hook.json.tmpl", map[string]display.Text{"body.json": words(`{} {}`)}, "no valid JSON"},
		{"empty JSON", "", map[string]display.Text{"body.json": words(" \n"), "document.json": words("{}")}, "no valid JSON"},
		{"nothing", "hook.tmpl", nil, "makes none of"},
		{"blank", "hook.tmpl", map[string]display.Text{"body": words("\n \n"), "document.json": words("{}")}, "makes none of"},
		{"no original", "raw", map[string]display.Text{"document.json": words("{}")}, "original"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
			defer s.Close()
			_, err := newNotifier(t, Config{Body: tt.body}, s.URL, s.Client()).Notify(t.Context(), notifier.Notification{Action: notifier.Trigger, Parts: tt.parts})
			if err == nil || notifier.Classify(err).Reason != notifier.Permanent {
				t.Fatalf("got %v, want a permanent error", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error does not name %s: %v", tt.want, err)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	r := request(t, Config{
		Method:      "PATCH",
		ContentType: "application/vnd.example+json",
		Headers:     map[string]notifier.Secret{"x-team": notifier.PlainSecret("soc"), "X-Api-Key": notifiertest.FileSecret(t, "from-a-file\n")},
		BasicAuth:   &BasicAuth{Username: "soc", Password: notifier.PlainSecret(password)},
	})
	if got, want := r.Method+" "+r.Path, "PATCH /hook/"+urlToken; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := map[string]string{
		"Content-Type":    "application/vnd.example+json",
		"User-Agent":      "ossec-notify",
		"Idempotency-Key": "01J9Z3",
		"X-Team":          "soc",
		"X-Api-Key":       "from-a-file",
		"Authorization":   "Basic c29jOnA0c3M6dzByZA==",
	}
	for name, value := range want {
		if got := r.Header.Get(name); got != value {
			t.Errorf("got %s: %q, want %q", name, got, value)
		}
	}
	if got, want := request(t, Config{BearerToken: notifier.PlainSecret(bearer)}).Header.Get("Authorization"), "Bearer "+bearer; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The signature is computed here as the comment of HMAC tells receivers to, not with the code under test.
func TestSignatureVerifiesOverWhatTravels(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain":     {HMAC: &HMAC{Secret: notifier.PlainSecret(hmacKey)}},
		"gzip":      {Gzip: true, HMAC: &HMAC{Secret: notifier.PlainSecret(hmacKey)}},
		"own names": {HMAC: &HMAC{Secret: notifier.PlainSecret(hmacKey), Header: "X-Sig", TimestampHeader: "X-Time"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, cfg)
			signed, stamp := r.Header.Get("X-Ossec-Notify-Signature"), r.Header.Get("X-Ossec-Notify-Timestamp")
			if name == "own names" {
				signed, stamp = r.Header.Get("X-Sig"), r.Header.Get("X-Time")
			}
			mac := hmac.New(sha256.New, []byte(hmacKey))
			fmt.Fprintf(mac, "%s.%s", stamp, r.Body)
			if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); signed != want {
				t.Errorf("got %q, want %q", signed, want)
			}
			at, err := strconv.ParseInt(stamp, 10, 64)
			if age := time.Since(time.Unix(at, 0)); err != nil || age < 0 || age > time.Minute {
				t.Errorf("got the time %q, want now in seconds", stamp)
			}
		})
	}
}

func TestGzipBodyInflatesToTheSame(t *testing.T) {
	plain, packed := request(t, Config{}), request(t, Config{Gzip: true})
	if got, want := packed.Header.Get("Content-Encoding"), "gzip"; got != want {
		t.Fatalf("got encoding %q, want %q", got, want)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.Body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(plain.Body), string(got)); diff != "" {
		t.Errorf("the inflated body differs (-plain +gzip):\n%s", diff)
	}
}

func TestSuccessSaysWhatIsDelivered(t *testing.T) {
	const delivered = notifier.Reason(-1)
	tests := []struct {
		success []string
		status  int
		want    notifier.Reason
	}{
		{nil, 200, delivered},
		{nil, 204, delivered},
		{nil, 300, notifier.Permanent},
		{nil, 409, notifier.Permanent},
		{[]string{"202"}, 202, delivered},
		{[]string{"202"}, 200, notifier.Misconfigured},
		{[]string{"200-204", "409"}, 204, delivered},
		{[]string{"200-204", "409"}, 409, delivered},
		{[]string{"200-204", "409"}, 205, notifier.Misconfigured},
		{[]string{"200-204", "409"}, 500, notifier.Temporary},
		{[]string{"200-204", "409"}, 401, notifier.Misconfigured},
		{[]string{"302"}, 302, delivered},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.success, tt.status), func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tt.status) }))
			defer s.Close()
			client, err := notifier.NewClient(notifier.Network{}, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			receipt, err := newNotifier(t, Config{Success: tt.success}, s.URL, client).Notify(t.Context(), bruteForce())
			if tt.want == delivered {
				if err != nil || receipt.Status != tt.status {
					t.Errorf("got %+v, %v, want delivered", receipt, err)
				}
				return
			}
			if err == nil {
				t.Fatal("got no error, want one")
			}
			if got := notifier.Classify(err); got.Reason != tt.want || got.Status != tt.status {
				t.Errorf("got %v with status %d, want %v with %d: %v", got.Reason, got.Status, tt.want, tt.status, err)
			}
		})
	}
}

func TestOwnAuthorityAndClientCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, certFile, keyFile, s.TLS.Certificates[0])

	attempt := func(cfg notifier.Network) error {
		client, err := notifier.NewClient(cfg, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseIdleConnections()
		_, err = newNotifier(t, Config{}, s.URL, client).Notify(t.Context(), bruteForce())
		return err
	}
	if err := attempt(notifier.Network{CAFile: certFile, CertFile: certFile, KeyFile: keyFile}); err != nil {
		t.Errorf("got error %v, want none", err)
	}
	if err := attempt(notifier.Network{CAFile: certFile}); err == nil {
		t.Error("delivered without the client's certificate")
	}
	if err := attempt(notifier.Network{CertFile: certFile, KeyFile: keyFile}); err == nil {
		t.Error("delivered to a server whom nobody vouches for")
	}
}

// broken are receivers whose secrets are in files, and of no use.
func broken() map[string]func(*testing.T, string, *http.Client) notifier.Notifier {
	made := func(change func(*testing.T, *Config)) func(*testing.T, string, *http.Client) notifier.Notifier {
		return func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			cfg := Config{URL: notifier.PlainSecret(url)}
			change(t, &cfg)
			n, err := New(cfg, client)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
		"URL without a scheme": made(func(t *testing.T, c *Config) { c.URL = notifiertest.FileSecret(t, "example.com/"+urlToken) }),
		"URL with a user": made(func(t *testing.T, c *Config) {
			c.URL = notifiertest.FileSecret(t, "https://u:"+urlToken+"@example.com")
		}),
		"header of two lines": made(func(t *testing.T, c *Config) {
			c.Headers = map[string]notifier.Secret{"X-Key": notifiertest.FileSecret(t, urlToken+"\r\nX-Evil: 1")}
		}),
		"token of two lines": made(func(t *testing.T, c *Config) { c.BearerToken = notifiertest.FileSecret(t, urlToken+"\nX-Evil: 1") }),
	}
}

func TestSecretsThatAreNotThereAreTemporary(t *testing.T) {
	hook := notifier.PlainSecret("http://127.0.0.1:1/never")
	for name, cfg := range map[string]Config{
		"URL":    {URL: notifiertest.MissingSecret(t)},
		"header": {URL: hook, Headers: map[string]notifier.Secret{"X-Key": notifiertest.MissingSecret(t)}},
		"token":  {URL: hook, BearerToken: notifiertest.MissingSecret(t)},
	} {
		n, err := New(cfg, http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Notify(t.Context(), bruteForce()); err == nil || !notifier.Retryable(err) {
			t.Errorf("%s: got %v, want a temporary error: the file may come", name, err)
		}
	}
}

func TestWhichSettingsAreSecrets(t *testing.T) {
	plain := notifier.PlainSecret
	file := notifiertest.MissingSecret(t)
	hook := plain("https://example.com/hook")
	tests := []struct {
		name       string
		cfg        Config
		urls, open []notifier.Secret
	}{
		{"URL in the config", Config{URL: hook}, nil, []notifier.Secret{hook}},
		{"URL from a file", Config{URL: file}, []notifier.Secret{file}, nil},
		{"headers", Config{URL: file, Headers: map[string]notifier.Secret{
			"X-Team": plain("soc"), "X-Api-Key": plain("k"), "Authorization": plain("a"), "Private-Token": plain("t"), "X-Site": notifiertest.FileSecret(t, "s"),
		}}, []notifier.Secret{file}, []notifier.Secret{plain("soc")}},
		{"tokens", Config{URL: file, BearerToken: plain("b"), HMAC: &HMAC{Secret: plain("h")}}, []notifier.Secret{file}, nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.urls, tt.cfg.SecretURLs()); diff != "" {
			t.Errorf("%s: URLs differ (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.open, tt.cfg.OpenSecrets()); diff != "" {
			t.Errorf("%s: open settings differ (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestWhereTheBodyComesFrom(t *testing.T) {
	tests := []struct {
		body, template string
		takes          bool // a template of the receiver's beside it
	}{
		{"", "", true}, {"json", "", true}, {"raw", "", false}, {"hook.json.tmpl", "hook.json.tmpl", false},
	}
	for _, tt := range tests {
		c := Config{Body: tt.body}
		if got, err := c.BodyTemplate(), c.TakesTemplate(); got != tt.template || (err == nil) != tt.takes {
			t.Errorf("body %q: got template %q, %v, want %q and a template taken: %v", tt.body, got, err, tt.template, tt.takes)
		}
	}
}

func TestValidateReportsEveryMistake(t *testing.T) {
	hook := notifier.PlainSecret("https://example.com/hook")
	plain := notifier.PlainSecret
	tests := []struct {
		name string
		cfg  Config
		want []string // keys
	}{
		{"complete", Config{
			URL: hook, Method: "PUT", Body: "hook.json.tmpl", ContentType: "text/plain", Success: []string{"202", "200-299"},
			Headers:   map[string]notifier.Secret{"Authorization": plain("Key x")},
			HMAC:      &HMAC{Secret: plain("x"), Header: "X-Sig"},
			BasicAuth: nil,
		}, nil},
		{"empty", Config{}, []string{"url"}},
		{"address", Config{URL: plain("ftp://example.com")}, []string{"url"}},
		{"user in the address", Config{URL: plain("https://u:p@example.com")}, []string{"url"}},
		{"method", Config{URL: hook, Method: "GET"}, []string{"method"}},
		{"method in small letters", Config{URL: hook, Method: "post"}, []string{"method"}},
		{"body that is a path", Config{URL: hook, Body: "../x.tmpl"}, []string{"body"}},
		{"header names", Config{URL: hook, Headers: map[string]notifier.Secret{
			"": plain("x"), "A B": plain("x"), "X-A\r\nX-B": plain("x"), "X:": plain("x"), "Ü": plain("x"),
		}}, []string{"headers.", "headers.A B", "headers.X-A\r\nX-B", "headers.X:", "headers.Ü"}},
		{"header values", Config{URL: hook, Headers: map[string]notifier.Secret{
			"X-A": plain("x\r\nX-B: 1"), "X-C": plain("x\x00y"), "X-D": plain("tab\tis fine"), "X-E": plain("a\x1bb"), "X-F": plain("a\x7fb"),
		}}, []string{"headers.X-A", "headers.X-C", "headers.X-E", "headers.X-F"}},
		{"headers of ours", Config{URL: hook, Headers: map[string]notifier.Secret{
			"content-type": plain("x"), "HOST": plain("x"), "Idempotency-Key": plain("x"), "X-Ossec-Notify-Signature": plain("x"),
		}}, []string{"headers.HOST", "headers.Idempotency-Key", "headers.X-Ossec-Notify-Signature", "headers.content-type"}},
		{"one header twice", Config{URL: hook, Headers: map[string]notifier.Secret{"X-A": plain("x"), "x-a": plain("y")}}, []string{"headers.x-a"}},
		{"three authorizations", Config{
			URL: hook, BasicAuth: &BasicAuth{Username: "u", Password: plain("p")}, BearerToken: plain("t"),
			Headers: map[string]notifier.Secret{"authorization": plain("x")},
		}, []string{"headers.authorization", "bearer_token"}},
		{"basic", Config{URL: hook, BasicAuth: &BasicAuth{Username: "a:b"}}, []string{"basic_auth.username", "basic_auth.password"}},
		{"bearer", Config{URL: hook, BearerToken: plain("a\nb")}, []string{"bearer_token"}},
		{"hmac", Config{URL: hook, HMAC: &HMAC{Header: "x y", TimestampHeader: "x\n"}}, []string{"hmac.secret", "hmac.header", "hmac.timestamp_header"}},
		{"hmac in one header", Config{URL: hook, HMAC: &HMAC{Secret: plain("x"), Header: "X-Sig", TimestampHeader: "x-sig"}}, []string{"hmac.timestamp_header"}},
		{"network", Config{URL: hook, Network: notifier.Network{Proxy: notifier.PlainSecret("proxy:3128"), CertFile: "x"}}, []string{"network.proxy", "network.key_file"}},
		{"content type", Config{URL: hook, ContentType: "a/b\r\nX: y"}, []string{"content_type"}},
		{"success", Config{URL: hook, Success: []string{"ok", "299-200", "100", "200-", "200", "600"}}, []string{"success[0]", "success[1]", "success[2]", "success[3]", "success[5]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			if diff := cmp.Diff(tt.want, notifiertest.Keys(err)); diff != "" {
				t.Errorf("keys differ (-want +got):\n%s\n%v", diff, err)
			}
			if _, err := New(tt.cfg, http.DefaultClient); (err == nil) != (tt.want == nil) {
				t.Errorf("New: got error %v", err)
			}
		})
	}
}

func TestConfigFromYAML(t *testing.T) {
	var got Config
	err := yaml.Unmarshal([]byte(`
url: {env: HOOK}
method: POST
headers: {X-Team: soc, X-Number: 7}
body: hook.json.tmpl
hmac: {secret: {file: /etc/ossec-notify/hmac.key}}
success: [202, 200-204]
network: {ca_file: /etc/ssl/ca.pem}
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("got error %v, want none", err)
	}
	if diff := cmp.Diff([]string{"202", "200-204"}, got.Success); diff != "" {
		t.Errorf("success differs (-want +got):\n%s", diff)
	}
	if v, _ := got.Headers["X-Number"].Read(t.Context()); v != "7" {
		t.Errorf("got header %q, want 7", v)
	}
	if got, want := got.HMAC.Secret.File(), "/etc/ossec-notify/hmac.key"; got != want {
		t.Errorf("got key file %q, want %q", got, want)
	}
}

func writePair(t *testing.T, certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Of an alert as it came nobody can tell that it is no new one.
func TestRawBodyIsForAlertsAlone(t *testing.T) {
	for body, followed := range map[string]bool{"json": true, "raw": false, "ticket.json.tmpl": true} {
		w := newNotifier(t, Config{Body: body}, "https://hook.example.com/", nil)
		for action, want := range map[notifier.Action]bool{
			notifier.Trigger: true, notifier.Digest: true, notifier.Update: false, notifier.Acknowledge: followed, notifier.Resolve: followed, "open": false,
		} {
			if got := notifier.Follows(w, action); got != want {
				t.Errorf("body %s follows %s: got %v, want %v", body, action, got, want)
			}
		}
	}
}
