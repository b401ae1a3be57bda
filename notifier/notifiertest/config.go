package notifiertest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Keys are the settings that the error of a Validate is about, in its order. What is no FieldError stands there
// as its text.
func Keys(err error) []string {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var keys []string
		for _, e := range joined.Unwrap() {
			keys = append(keys, Keys(e)...)
		}
		return keys
	}
	if f, ok := errors.AsType[*notifier.FieldError](err); ok {
		return []string{f.Key}
	}
	return []string{"no FieldError: " + err.Error()}
}

// FileSecret is a secret in a file of its own, as a config names it. What is wrong with it shows when it is read.
func FileSecret(t *testing.T, content string) notifier.Secret {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret(t, path)
}

// MissingSecret is a secret whose file is not there.
func MissingSecret(t *testing.T) notifier.Secret {
	t.Helper()
	return secret(t, filepath.Join(t.TempDir(), "missing"))
}

func secret(t *testing.T, path string) notifier.Secret {
	t.Helper()
	text, err := yaml.Marshal(map[string]string{"file": path})
	if err != nil {
		t.Fatal(err)
	}
	var s notifier.Secret
	if err := yaml.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}
