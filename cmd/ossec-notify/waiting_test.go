package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sample"
)

// pemOfAServer is a certificate with its key, and another key.
func pemOfAServer(t *testing.T) (certificate, key, other string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	private := func(key crypto.PrivateKey) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", s.Certificate().Raw), private(s.TLS.Certificates[0].PrivateKey), private(another)
}

// TestFilesOfNoUseMakeMessagesWait breaks every file that a receiver of every channel names: its secret, its certificates.
// No message dies of it, the error says which file it is and shows nothing of it, and it is over once the file is mended,
// for receivers that were made before and after.
func TestFilesOfNoUseMakeMessagesWait(t *testing.T) {
	closed, _ := closedPort(t)
	const key = "0123456789abcdefghijklmnopqrstuv"
	certificate, certificateKey, otherKey := pemOfAServer(t)
	notText := []string{"", " \n", key + "\n" + key + "\n", "x\x01" + key}
	notPEM := []string{"", "no certificate", certificate[:200]}
	broken := map[string][]string{ // by the name of a file
		"secret": notText, "proxy": append([]string{"proxy.example.com:3128"}, notText...),
		"ca.pem": notPEM, "cert.pem": notPEM, "key.pem": append([]string{otherKey}, notPEM...),
	}
	for _, c := range []struct{ name, secret, text string }{
		{"slack", "http://ADDRESS/services/x", `slack: {webhook_url: {file: secret}, NETWORK}`},
		{"slack bot", key, `slack: {token: {file: secret}, channel: "#soc", api_url: "http://ADDRESS/api/", NETWORK}`},
		{"pagerduty", key, `pagerduty: {routing_key: {file: secret}, endpoint: "http://ADDRESS", NETWORK}`},
		{"webhook", "http://ADDRESS/hook", `webhook: {url: {file: secret}, NETWORK}`},
		{"webhook bearer", key, `webhook: {url: "http://ADDRESS/hook", bearer_token: {file: secret}, NETWORK}`},
		{"webhook basic", key, `webhook: {url: "http://ADDRESS/hook", basic_auth: {username: ops, password: {file: secret}}, NETWORK}`},
		{"webhook header", key, `webhook: {url: "http://ADDRESS/hook", headers: {X-Api-Key: {file: secret}}, NETWORK}`},
		{"splunk", key, `splunk: {url: "http://ADDRESS", token: {file: secret}, NETWORK}`},
		{"email", key, `email: {smtp: "smtp://soc@ADDRESS", password: {file: secret}, from: a@example.com, to: [b@example.com], tls: starttls, ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			good := map[string]string{
				"secret": c.secret, "proxy": "http://soc:" + key + "@ADDRESS", "ca.pem": certificate, "cert.pem": certificate, "key.pem": certificateKey,
			}
			lay := func(name, content string) {
				t.Helper()
				path := filepath.Join(home, name)
				if err := os.WriteFile(path+".new", []byte(strings.ReplaceAll(content, "ADDRESS", closed)), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(path+".new", path); err != nil {
					t.Fatal(err)
				}
			}
			for name, content := range good {
				lay(name, content)
			}
			text := strings.NewReplacer("ADDRESS", closed, "NETWORK", "network: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem, proxy: {file: proxy}}").Replace(c.text)
			path := filepath.Join(home, "ossec-notify.yaml")
			lay("ossec-notify.yaml", "receivers: {r: {"+text+"}}\ndefault: [r]\n")
			receiver := func() *dispatch.Dispatcher {
				t.Helper()
				cfg, problems, err := loadConfig(path, home)
				if err != nil || cfg == nil {
					t.Fatal(err, problems)
				}
				d, _ := cfg.Dispatcher(config.Options{Log: discard}) // a file that is broken is the test
				return d
			}
			attempt := func(d *dispatch.Dispatcher) *notifier.Error {
				t.Helper()
				a, err := sample.Alert("5712")
				if err != nil {
					t.Fatal(err)
				}
				n, err := d.Notification(dispatch.Delivery{ID: "D1", Alert: a, Receiver: d.Receivers["r"], Occurrence: 1})
				if err != nil {
					t.Fatal(err)
				}
				_, err = d.Receivers["r"].Notifier.Notify(t.Context(), n)
				return notifier.Classify(err)
			}
			before := receiver()
			if got := attempt(before); !strings.Contains(fmt.Sprint(got), "connection refused") {
				t.Fatalf("with all files as they should be: got %v, want a server that is down", got)
			}
			for name, contents := range broken {
				if name == "proxy" && c.name == "email" {
					continue
				}
				for _, content := range contents {
					lay(name, content)
					after := receiver()
					for when, d := range map[string]*dispatch.Dispatcher{"before": before, "after": after} {
						got := attempt(d)
						if got.Reason != notifier.Temporary || !strings.Contains(got.Error(), filepath.Join(home, name)) || strings.Contains(got.Error(), key) {
							t.Errorf("%s is %.60q, made %s that: got %v: %v; want a temporary error that names the file", name, content, when, got.Reason, got)
						}
					}
					lay(name, good[name])
					for when, d := range map[string]*dispatch.Dispatcher{"before": before, "after": after} {
						if got := attempt(d); !strings.Contains(got.Error(), "connection refused") {
							t.Errorf("%s was %.60q and is mended, made %s that: got %v", name, content, when, got)
						}
					}
				}
			}
		})
	}
}
