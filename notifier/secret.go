package notifier

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// maxSecret bounds what is read from a secret's file, in bytes.
const maxSecret = 64 << 10

// Secret is a value that must never be shown: a token, a key, a password, a URL that is one. It is given in the
// config as plain text, {file: PATH}, {env: NAME} or {credential: NAME} (systemd's LoadCredential=), and read
// when it is used, so that a new key needs no restart. Every way of printing a Secret prints where it comes
// from, not what it is. The zero value is "not set".
type Secret struct {
	kind, value string // kind is plain, file, env or credential
}

// PlainSecret makes a Secret of the value itself.
func PlainSecret(v string) Secret {
	if v == "" {
		return Secret{}
	}
	return Secret{kind: "plain", value: v}
}

// UnmarshalYAML reads the forms that the type's comment lists.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*s = PlainSecret(node.Value)
		if s.IsZero() {
			return errors.New("is empty: give the value, or {file: PATH}, {env: NAME} or {credential: NAME}")
		}
		return nil
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 || node.Content[1].Kind != yaml.ScalarNode || node.Content[1].Value == "" {
		return errors.New("give the value itself, or one of {file: PATH}, {env: NAME}, {credential: NAME}")
	}
	switch k := node.Content[0].Value; k {
	case "file", "env", "credential":
		*s = Secret{kind: k, value: node.Content[1].Value}
		return nil
	default:
		return fmt.Errorf("%q is no source of a secret: use file, env or credential", k)
	}
}

// IsZero reports whether the secret is not set at all.
func (s Secret) IsZero() bool { return s.kind == "" }

// IsPlain reports whether the config holds the secret itself.
func (s Secret) IsPlain() bool { return s.kind == "plain" }

// File is the path that the secret is read from, or "".
func (s Secret) File() string {
	switch s.kind {
	case "file":
		return s.value
	case "credential":
		if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
			return filepath.Join(dir, filepath.Base(s.value))
		}
	}
	return ""
}

// Resolve returns a Secret whose file, if it is given by a relative path, is below dir.
func (s Secret) Resolve(dir string) Secret {
	if s.kind == "file" && !filepath.IsAbs(s.value) {
		s.value = filepath.Join(dir, s.value)
	}
	return s
}

// Read returns the value, without white space at its ends. A secret that cannot be read is a temporary failure:
// the message waits until somebody mends it.
func (s Secret) Read() (string, error) {
	var v string
	switch s.kind {
	case "":
		return "", nil
	case "plain":
		v = s.value
	case "env":
		v = os.Getenv(s.value)
		if v == "" {
			return "", Errorf(Temporary, "secret: environment variable %s is not set", s.value)
		}
	default:
		path := s.File()
		if path == "" {
			return "", Errorf(Temporary, "secret: credential %s: CREDENTIALS_DIRECTORY is not set (systemd sets it for LoadCredential=)", s.value)
		}
		f, err := os.Open(path)
		if err != nil {
			return "", Errorf(Temporary, "secret: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxSecret))
		if err != nil {
			return "", Errorf(Temporary, "secret: %w", err)
		}
		v = string(b)
	}
	v = strings.TrimSpace(v)
	if v == "" {
		return "", Errorf(Temporary, "secret: %s is empty", s)
	}
	return v, nil
}

// ReadHeader is Read for a secret that is sent in a header. setting is the setting's name: one that no header can
// carry, such as a file of two lines, is the operator's to mend.
func (s Secret) ReadHeader(setting string) (string, error) {
	v, err := s.Read()
	if err != nil {
		return "", err
	}
	if err := HeaderValue(v); err != nil {
		return "", Errorf(Misconfigured, "the setting %s %w", setting, err)
	}
	return v, nil
}

// String says where the secret comes from.
func (s Secret) String() string {
	switch s.kind {
	case "":
		return ""
	case "plain":
		return Redacted
	}
	return s.kind + " " + s.value
}

// Format prints String for every verb: fmt would show the fields for those that fit no text, such as %d.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText keeps the value out of JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
