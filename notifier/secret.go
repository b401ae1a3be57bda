package notifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/regular"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

var credentialName = regexp.MustCompile(`(?i)auth|cookie|credential|key|pass|secret|token`)

// NamesSecret reports whether the name of a header, a variable or a parameter promises that its value is a secret: X-Api-Key, PASSWORD.
func NamesSecret(name string) bool { return credentialName.MatchString(name) }

// maxSecret bounds a secret, in bytes.
const maxSecret = 64 << 10

// Secret is a value that must never be shown: a token, a key, a password, a URL that is one. It is given in the
// config as plain text, {file: PATH}, {env: NAME}, {credential: NAME} (systemd's LoadCredential=) or {command:
// [PROGRAM, ARGUMENT, …]}, and read when it is used, so that a new key needs no restart. Every way of printing a
// Secret prints where it comes from, not what it is. The zero value is "not set".
type Secret struct {
	from *source
}

// source is where a secret comes from.
type source struct {
	kind string // plain, file, env, credential or command
	// text is the secret itself, the path, the name, the program. Of what is behind a pointer in a pointer, fmt shows no
	// more than the address: where a Secret stands in a field that is not exported, as in notifiers, it is not asked how
	// it wants to be printed.
	text    *string
	command *command
}

func (s *source) value() string { return *s.text }

func newSource(kind, text string) *source { return &source{kind: kind, text: &text} }

// PlainSecret makes a Secret of the value itself.
func PlainSecret(v string) Secret {
	if v == "" {
		return Secret{}
	}
	return Secret{newSource("plain", v)}
}

// sourceWord tells a key that was misspelt from a secret that stands where a key should.
var sourceWord = regexp.MustCompile(`^[a-z_]{1,16}$`)

// UnmarshalYAML reads the forms that the type's comment lists.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*s = PlainSecret(node.Value)
		if s.IsZero() {
			return errors.New("is empty: give the value, or one of " + secretForm)
		}
		return nil
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return errors.New("give the value itself, or one of " + secretForm)
	}
	kind, value := node.Content[0].Value, node.Content[1]
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch {
	case kind == "command":
		c, err := newCommand(value)
		if err != nil {
			return err
		}
		*s = Secret{newSource(kind, c.args[0])}
		s.from.command = c
		return nil
	case !slices.Contains([]string{"file", "env", "credential"}, kind):
		if !sourceWord.MatchString(kind) {
			return errors.New("give the value itself, or one of " + secretForm)
		}
		return fmt.Errorf("%q is no source of a secret: use file, env, credential or command", kind)
	case value.Kind != yaml.ScalarNode || value.Value == "":
		return errors.New("give the value itself, or one of " + secretForm)
	}
	*s = Secret{newSource(kind, value.Value)}
	return nil
}

const secretForm = "{file: PATH}, {env: NAME}, {credential: NAME}, {command: [PROGRAM, ARGUMENT, …]}"

func (s Secret) kind() string {
	if s.from == nil {
		return ""
	}
	return s.from.kind
}

// IsZero reports whether the secret is not set at all.
func (s Secret) IsZero() bool { return s.from == nil }

// IsPlain reports whether the config holds the secret itself.
func (s Secret) IsPlain() bool { return s.kind() == "plain" }

// Plain is the value where the config holds it itself: what can be checked without reading anything else.
func (s Secret) Plain() (value string, ok bool) {
	if !s.IsPlain() {
		return "", false
	}
	return strings.TrimSpace(s.from.value()), true
}

// File is the path that the secret is read from, or "".
func (s Secret) File() string {
	switch s.kind() {
	case "file":
		return s.from.value()
	case "credential":
		if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
			return filepath.Join(dir, filepath.Base(s.from.value()))
		}
	}
	return ""
}

// ServeOnly is the kind and the name of a secret that only a process has which was started for it, as serve is: env, credential.
func (s Secret) ServeOnly() (kind, name string) {
	if kind = s.kind(); kind == "env" || kind == "credential" {
		return kind, s.from.value()
	}
	return "", ""
}

// Program is the path of the program that prints the secret, or "".
func (s Secret) Program() string {
	if s.kind() != "command" {
		return ""
	}
	return s.from.value()
}

// Resolve returns a Secret whose file, if it is given by a relative path, is below dir.
func (s Secret) Resolve(dir string) Secret {
	if s.kind() == "file" && !filepath.IsAbs(s.from.value()) {
		return Secret{newSource("file", filepath.Join(dir, s.from.value()))}
	}
	return s
}

// Read returns the value, without white space at its ends. A secret that cannot be read is a temporary failure:
// the message waits until somebody mends it. Only a command makes it wait; it ends with ctx.
func (s Secret) Read(ctx context.Context) (string, error) {
	var v string
	var err error
	switch s.kind() {
	case "":
		return "", nil
	case "plain":
		v = s.from.value()
	case "env":
		if v = os.Getenv(s.from.value()); v == "" {
			err = fmt.Errorf("environment variable %s is not set", s.from.value())
		}
	case "command":
		v, err = s.from.command.read(ctx)
	default:
		path := s.File()
		if path == "" {
			err = fmt.Errorf("credential %s: CREDENTIALS_DIRECTORY is not set (systemd sets it for LoadCredential=)", s.from.value())
			break
		}
		var b []byte
		b, err = regular.Read(path, maxSecret)
		v = string(b)
	}
	if err != nil {
		return "", Errorf(Temporary, "secret: %w", err)
	}
	if v = strings.TrimSpace(v); v == "" {
		return "", Errorf(Temporary, "secret: %s is empty: write the secret into it", s)
	}
	return v, nil
}

// ReadHeader is Read for a secret that is sent in a header. setting is the setting's name: one that no header can
// carry, such as a file of two lines, is the operator's to mend.
func (s Secret) ReadHeader(ctx context.Context, setting string) (string, error) {
	v, err := s.Read(ctx)
	if err != nil {
		return "", err
	}
	if err := HeaderValue(v); err != nil {
		return "", s.Unfit(setting, err)
	}
	return v, nil
}

// Unfit is the failure of a secret that was read and cannot be what its setting asks for: why says so without showing it.
// It is as temporary as one that cannot be read. What a command printed is asked for anew.
func (s Secret) Unfit(setting string, why error) *Error {
	s.Renew()
	if !s.IsPlain() {
		setting += " (" + s.String() + ")"
	}
	e := Errorf(Temporary, "the setting %s %w", setting, why)
	e.Hint = "messages wait until that is mended"
	return e
}

// Renew forgets what is kept of the secret, and reports whether Read may now return another value than it did. What
// was read a moment ago stays: it would be the same again. Only what a command printed is kept.
func (s Secret) Renew() bool { return s.kind() == "command" && s.from.command.renew() }

// Equal reports whether both come from the same place.
func (s Secret) Equal(other Secret) bool {
	if s.from == nil || other.from == nil {
		return s.from == other.from
	}
	a, b := s.from, other.from
	return a.kind == b.kind && a.value() == b.value() && (a.command == nil || slices.Equal(a.command.args, b.command.args))
}

// String says where the secret comes from.
func (s Secret) String() string {
	switch s.kind() {
	case "":
		return ""
	case "plain":
		return Redacted
	}
	return s.from.kind + " " + s.from.value() // of a command not the arguments: they may be secret
}

// Format prints String for every verb: fmt would show the fields for those that fit no text, such as %d.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText keeps the value out of JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
