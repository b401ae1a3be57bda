package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlaces(t *testing.T) {
	for home, want := range map[string][]string{
		"/var/ossec": {"/var/ossec/queue/ossec-notify", "/var/ossec/var/run/ossec-notify"},
		"/":          {"/queue/ossec-notify", "/var/run/ossec-notify"},
	} {
		if diff := cmp.Diff(Places(home), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", home, diff)
		}
	}
}

// What permissions do to it is tested with processes of a user's, in package door: root has them all.
func TestLocate(t *testing.T) {
	const usual, fallback = "queue/ossec-notify", "var/run/ossec-notify"
	for _, tc := range []struct {
		name string
		have []string
		want string // "" for an error
	}{
		{"as the installer leaves it", []string{usual, "var/run"}, usual},
		{"to be made", []string{"queue", "var/run"}, usual},
		{"no queue directory", []string{"var/run"}, fallback},
		{"only the fall-back is there", []string{"var/run/ossec-notify"}, fallback},
		{"nothing", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			home := t.TempDir()
			for _, dir := range tc.have {
				if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Locate(Places(home)...)
			if tc.want == "" {
				if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), home) != 2 {
					t.Errorf("%q, %v; want one line that names both", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(home, tc.want); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestRootMakesNoPlaceBesideOneThatIsThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	home := t.TempDir()
	for _, dir := range []string{"queue", "var/run/ossec-notify"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Locate(Places(home)...)
	if want := filepath.Join(home, "var/run/ossec-notify"); err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

func TestLocateWantsADirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Locate(path); err == nil || !strings.Contains(err.Error(), "is no directory") {
		t.Errorf("error %v", err)
	}
}
