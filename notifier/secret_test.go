package notifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"
)

const hidden = "hunter2hunter2"

func TestSecretIsNeverPrinted(t *testing.T) {
	type config struct {
		URL  string
		Key  Secret
		Keys []Secret
		Map  map[string]Secret
		Ptr  *Secret
	}
	secret := PlainSecret(hidden)
	type holder struct { // as notifiers are: fmt does not ask a Secret for its form where it is not exported
		key  Secret
		keys map[string]Secret
		cfg  *config
		list []Secret
	}
	cfg := config{URL: "u", Key: secret, Keys: []Secret{secret}, Map: map[string]Secret{"k": secret}, Ptr: &secret}
	inside := holder{secret, cfg.Map, &cfg, cfg.Keys}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t", "%10.3f"} {
		for _, v := range []any{secret, &secret, cfg, &cfg, inside, &inside, []any{inside, &inside}, map[string]holder{"k": inside}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, hidden) || strings.Contains(got, fmt.Sprintf("%x", hidden)) {
				t.Errorf("%s of %T shows it: %s", verb, v, got)
			}
		}
	}
	inJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	inYAML, err := yaml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "cfg", cfg, "key", secret)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "cfg", cfg, "key", secret)
	for _, out := range []string{string(inJSON), string(inYAML), log.String()} {
		if strings.Contains(out, hidden) || !strings.Contains(out, Redacted) {
			t.Errorf("got %s", out)
		}
	}
}

func TestSecretForms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(" "+hidden+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OSSEC_NOTIFY_TEST_KEY", hidden)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(file))
	tests := []struct{ yaml, file, shown string }{
		{hidden, "", Redacted},
		{"'" + hidden + "'", "", Redacted},
		{"{file: " + file + "}", file, "file " + file},
		{"{env: OSSEC_NOTIFY_TEST_KEY}", "", "env OSSEC_NOTIFY_TEST_KEY"},
		{"{credential: key}", file, "credential key"},
		{"{credential: ../../etc/key}", file, "credential ../../etc/key"}, // stays in its directory
	}
	for _, tt := range tests {
		var s Secret
		if err := yaml.Unmarshal([]byte(tt.yaml), &s); err != nil {
			t.Errorf("%s: %v", tt.yaml, err)
			continue
		}
		got, err := s.Read(t.Context())
		if err != nil || got != hidden {
			t.Errorf("%s: read %q, %v", tt.yaml, got, err)
		}
		if s.File() != tt.file || s.String() != tt.shown || s.IsZero() || s.IsPlain() != (tt.shown == Redacted) {
			t.Errorf("%s: file %q, shown as %q, zero %v, plain %v", tt.yaml, s.File(), s, s.IsZero(), s.IsPlain())
		}
	}
}

func TestSecretKeepsItsSpelling(t *testing.T) {
	for _, in := range []string{"0123456789", "1e9", "true", "0x1F", "2026-11-23"} {
		var s Secret
		if err := yaml.Unmarshal([]byte(in), &s); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(t.Context()); err != nil || got != in {
			t.Errorf("%s became %q, %v", in, got, err)
		}
	}
}

func TestSecretRefusesOtherForms(t *testing.T) {
	for _, in := range []string{`""`, "[a]", "{vault: x}", "{file: a, env: b}", "{file: ''}", "{file: {a: b}}", "{}"} {
		var s Secret
		if err := yaml.Unmarshal([]byte(in), &s); err == nil {
			t.Errorf("%s was accepted as %v", in, s)
		}
	}
}

func TestMissingSecretIsTemporary(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"{file: /nonexistent/key}", "{env: OSSEC_NOTIFY_NOT_SET}", "{credential: key}", "{file: " + empty + "}"} {
		var s Secret
		if err := yaml.Unmarshal([]byte(in), &s); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context()); err == nil || !Retryable(err) {
			t.Errorf("%s: got %v, want a temporary error", in, err)
		}
	}
}

func TestSecretForAHeader(t *testing.T) {
	dir := t.TempDir()
	written := func(name, content string) Secret {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return Secret{newSource("file", path)}
	}
	tests := []struct {
		name string
		in   Secret
		want string // in the error; empty for none
	}{
		{"one line", PlainSecret(" t0ken\tü\n"), ""},
		{"not set", Secret{}, ""},
		{"two lines", PlainSecret("t0ken\nX-Evil: 1"), "the setting bearer_token holds a line end"},
		{"escape", PlainSecret("t0\x1bken"), "the setting bearer_token holds a line end"},
		{"two lines of a file", written("two", "t0ken\nX-Evil: 1"), "the setting bearer_token (file " + dir + "/two) holds a line end"},
		{"empty file", written("empty", " \n"), "file " + dir + "/empty is empty"},
		{"not there", Secret{newSource("file", "/nonexistent/t0ken")}, "/nonexistent/t0ken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.in.ReadHeader(t.Context(), "bearer_token")
			if tt.want == "" {
				if want, _ := tt.in.Read(t.Context()); err != nil || got != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
				return
			}
			if err == nil || Classify(err).Reason != Temporary || strings.Contains(err.Error(), "Evil") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a temporary error with %q", err, tt.want)
			}
		})
	}
}

func TestZeroSecretIsEmpty(t *testing.T) {
	var s Secret
	if got, err := s.Read(t.Context()); got != "" || err != nil || !s.IsZero() || s.String() != "" {
		t.Errorf("got %q, %v, %v, %q", got, err, s.IsZero(), s)
	}
	if !PlainSecret("").IsZero() {
		t.Error("an empty plain secret is not zero")
	}
}

// What is no file must not hold up who reads it, and what is too large is no secret.
func TestSecretIsReadFromFilesOnly(t *testing.T) {
	dir := t.TempDir()
	pipe, large, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "large"), filepath.Join(dir, "link")
	err := errors.Join(
		syscall.Mkfifo(pipe, 0o600),
		os.WriteFile(large, bytes.Repeat([]byte("x"), maxSecret+1), 0o600),
		os.Symlink(pipe, link),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	for in, want := range map[string]string{
		"{file: " + pipe + "}":  "not a regular file",
		"{file: " + link + "}":  "not a regular file",
		"{file: " + dir + "}":   "not a regular file",
		"{file: /dev/null}":     "not a regular file",
		"{file: " + large + "}": "has more than 65536 bytes",
		"{credential: pipe}":    "not a regular file",
		"{credential: large}":   "has more than 65536 bytes",
	} {
		var s Secret
		if err := yaml.Unmarshal([]byte(in), &s); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context()); err == nil || !Retryable(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a temporary failure: %s", in, err, want)
		}
	}
}

func TestSecretIsReadAgainAtEachUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	s := Secret{newSource("file", file)}
	for _, key := range []string{"k1", "k2"} {
		if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(t.Context()); got != key || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, key)
		}
	}
}
