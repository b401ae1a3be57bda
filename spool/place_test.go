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

func TestDoubt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	const user, other = 4242, 4244
	for _, tc := range []struct {
		name       string
		link       int // whose the link is; -1 for none
		owner      int
		mode       fs.FileMode
		user, root string // what each is told
	}{
		{"the user's own", -1, user, 0o700, "", ""},
		{"root's, for the group", -1, 0, 0o770, "", ""},
		{"by root's link", 0, user, 0o700, "", ""},
		{"by a link of the user's", user, user, 0o700, "", "is a link that user 4242 made"},
		{"by a link of another's", other, user, 0o700, "is a link that user 4244 made", "is a link that user 4244 made"},
		{"another's", -1, other, 0o770, "belongs to user 4244", ""},
		{"open to all", -1, user, 0o757, "can be written by every user", "can be written by every user"},
		{"like /tmp", -1, 0, 0o777 | fs.ModeSticky, "can be written by every user", "can be written by every user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			state := filepath.Join(dir, "state")
			if err := errors.Join(os.Mkdir(state, 0o700), os.Chown(state, tc.owner, -1), os.Chmod(state, tc.mode)); err != nil {
				t.Fatal(err)
			}
			if tc.link >= 0 {
				link := filepath.Join(dir, "link")
				if err := errors.Join(os.Symlink(state, link), os.Lchown(link, tc.link, -1)); err != nil {
					t.Fatal(err)
				}
				state = link
			}
			for uid, want := range map[int]string{user: tc.user, 0: tc.root} {
				err := Doubt(state, uid)
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("user %d: %v, want %q", uid, err, want)
				}
			}
		})
	}
}
