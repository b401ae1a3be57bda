package site

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/spool"
)

var discard = slog.New(slog.DiscardHandler)

// openSite opens the site of a home, which ends with the test.
func openSite(t *testing.T, home, state string, box *outbox.DB, log *slog.Logger) *Site {
	t.Helper()
	s := Open(t.Context(), Options{Home: home, State: state, Path: filepath.Join(home, "etc", "ossec-notify.yaml"), Box: box, Log: log})
	t.Cleanup(s.Close)
	return s
}

// write puts files below a new directory and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loaded is a config of a text.
func loaded(t *testing.T, text string) *config.Config {
	t.Helper()
	home := write(t, map[string]string{"etc/ossec-notify.yaml": text})
	r := config.Read(filepath.Join(home, "etc", "ossec-notify.yaml"), home)
	if r.Config == nil {
		t.Fatal(r.Err, r.Problems)
	}
	return r.Config
}

// bruteForce is an alert of a brute force.
func bruteForce(t *testing.T) *alert.Alert {
	t.Helper()
	a, err := sample.Alert("5712")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What the spool cut is told as cut by us, and not by a full disk, also by a message that is made of what the outbox keeps.
func TestCutByTheSpoolIsKept(t *testing.T) {
	home := write(t, map[string]string{"etc/ossec-notify.yaml": "receivers: {hook: {webhook: {url: https://hook.example.com/}}}\ndefault: [hook]\n"})
	s := openSite(t, home, t.TempDir(), nil, discard)
	text := "alertdate='2026 Nov 24 10:11:12'\nalertlocation='web-01->/x'\nruleid='1002'\nalertlevel='9'\nruledescription='d'\nalertlog='x'\nsrcip=''"
	for _, r := range []*spool.Record{
		{Name: "notify", Alert: []byte(text), Truncated: true},
		{Args: []string{"{}"}, Alert: []byte(text), Truncated: true},
	} {
		arrival, err := s.Arrive(r)
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := s.Read(arrival.Header, []byte(text))
		for at, a := range map[string]*alert.Alert{"arrived": arrival.Alert, "kept": kept} {
			if a.Problem.CutAt != len(text) || a.Problem.Kind != alert.ProblemTruncated {
				t.Errorf("%q, %s: %+v", r.Name, at, a.Problem)
			}
		}
	}
}
