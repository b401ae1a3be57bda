package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/spool"
)

// walled is a process for which one directory is read-only and another a different one, as systemd lays them around a unit's.
func walled(t *testing.T, readOnly, hidden string) *confined {
	t.Helper()
	const script = `mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount -t tmpfs tmpfs "$2" && echo ready && read end`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", readOnly, hidden)
	cmd.Env = append(os.Environ(), "HOOK_TOKEN=lent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	c, err := confinementOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.root.Close() })
	return c
}

func TestTheConfigIsHeldAgainstWhatServeMayDo(t *testing.T) {
	if !mayMount(t) {
		return
	}
	dir := t.TempDir()
	for _, name := range []string{"readonly", "hidden", "open"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"there.json", "token"} {
			if err := os.WriteFile(filepath.Join(dir, name, file), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink("hidden", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	c := walled(t, filepath.Join(dir, "readonly"), filepath.Join(dir, "hidden"))
	path := filepath.Join(dir, "c.yaml")
	text := strings.ReplaceAll(`receivers:
  open-there: {file: {path: DIR/open/there.json}}
  open-new: {file: {path: DIR/open/new.json}}
  ro-there: {file: {path: DIR/readonly/there.json}}
  ro-new: {file: {path: DIR/readonly/new.json}}
  hid-there: {file: {path: DIR/hidden/there.json}}
  hid-new: {file: {path: DIR/hidden/new.json}}
  read-ro: {webhook: {url: "http://127.0.0.1/", bearer_token: {file: DIR/readonly/token}}}
  read-hid: {webhook: {url: "http://127.0.0.1/", bearer_token: {file: DIR/link/token}}}
  read-env: {webhook: {url: "http://127.0.0.1/", bearer_token: {env: HOOK_TOKEN}}}
  sock: {syslog: {address: "unix://DIR/hidden/there.json"}}
  run: {command: {run: [DIR/hidden/there.json]}}
follow: [DIR/hidden/there.json, DIR/open/there.json]
enrich: {lists: {tor: {file: DIR/hidden/there.json}, vpn: {file: DIR/readonly/there.json}}}
`, "DIR", dir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Read(path, dir).Config
	if cfg == nil {
		t.Fatal("the config does not load")
	}
	var got []string
	for _, f := range c.check(cfg, dir) {
		name := f.receiver
		if name == "" {
			name, _, _ = strings.Cut(f.Message, ":")
		}
		switch {
		case strings.Contains(f.Message, "read-only") && strings.Contains(f.remedy, "ReadWritePaths="+dir+"/readonly,"):
			name += " read-only"
		case strings.Contains(f.Message, "does not see "+dir):
			name += " hidden"
		default:
			t.Errorf("%s; %s", f.Message, f.remedy)
		}
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{"enrich hidden", "follow hidden", "hid-new hidden", "hid-there hidden", "read-hid hidden", "ro-new read-only", "ro-there read-only", "run hidden", "sock hidden"}
	if !slices.Equal(got, want) {
		t.Errorf("serve is said to miss\n%q, want\n%q", got, want)
	}
	t.Setenv("HOOK_TOKEN", "") // which puts back what lends changes
	_ = os.Unsetenv("HOOK_TOKEN")
	if c.lends(cfg); os.Getenv("HOOK_TOKEN") != "lent" {
		t.Error("a variable that only serve has is not read from it")
	}
}

// A config is asked about from anywhere, and who looks stands elsewhere than serve.
func TestNothingIsHiddenByARelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("c.yaml", []byte("receivers: {hook: {webhook: {url: \"http://127.0.0.1/\"}}}\ndefault: hook\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := confinementOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.root.Close() })
	cfg := config.Read("c.yaml", ".").Config
	if cfg == nil {
		t.Fatal("the config does not load")
	}
	for _, f := range c.check(cfg, ".") {
		t.Error(f.Message)
	}
}

// A serve that was killed leaves its number behind, which the next process may get.
func TestAProcessWithTheNumberOfAServeIsNone(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := spool.TryLock(state, "serve", "v1")
	if err != nil {
		t.Fatal(err)
	}
	e := &env{state: state}
	c, err := e.served()
	if err != nil || c == nil {
		t.Fatalf("the process that holds the lock is not found: %v", err)
	}
	_ = c.root.Close()
	text, err := os.ReadFile(spool.LockPath(state))
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(spool.LockPath(state), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := e.served(); err != nil || c != nil {
		t.Errorf("a process without the lock is taken for serve: %v", err)
	}
}

func TestAUnitOfAnotherVersionIsToldFromOurs(t *testing.T) {
	const home, state = "/var/ossec", "/var/ossec/queue/ossec-notify"
	text := unitText("/opt/x/ossec-notify", home, state, ossecm)
	for name, tc := range map[string]struct {
		text string
		want bool
	}{
		"as install writes it":   {text, false},
		"with a line less":       {strings.Replace(text, "KillMode=mixed\n", "", 1), true},
		"of another home":        {strings.Replace(strings.ReplaceAll(text, "/var/ossec", "/opt/ossec"), "KillMode=mixed\n", "", 1), false},
		"that a person wrote":    {strings.Replace(strings.TrimPrefix(text, unitMark), "KillMode=mixed\n", "", 1), false},
		"with a state elsewhere": {unitText("/opt/x/ossec-notify", home, "/srv/state", ossecm), false},
	} {
		if got := isOutdated(tc.text, home, state); got != tc.want {
			t.Errorf("a unit %s: outdated is %v", name, got)
		}
	}
}
