package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// argvSite is a site without a config, and a receiver of ossec.conf.
func argvSite(t *testing.T) (*site, *dispatch.Receiver, door.Call) {
	t.Helper()
	home := t.TempDir()
	box, _, err := outbox.Open(t.Context(), outboxPath(home), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	call := door.Call{Name: "slack", HookURL: "https://hooks.slack.com/services/T0/B0/x"}
	kind, _ := channel.ByName("slack")
	r, err := argvReceiver(kind, call, nil)
	if err != nil {
		t.Fatal(err)
	}
	return openSite(home, home, box, discard), r, call
}

// used is when the file of a receiver was used last; zero when there is none.
func used(t *testing.T, s *site, r *dispatch.Receiver) time.Time {
	t.Helper()
	st, err := os.Stat(s.argvPath(r.Name))
	if errors.Is(err, os.ErrNotExist) {
		return time.Time{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return st.ModTime()
}

func TestReceiverOfOssecConfGoesAMonthAfterItsLastUse(t *testing.T) {
	s, r, call := argvSite(t)
	now := time.Now()
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(s.keepArgv(r, call, now))
	at := func(age time.Duration) time.Time { return now.Add(age) }
	step(s.keepArgv(r, call, at(25*time.Hour))) // used again
	if got := used(t, s, r); !got.Equal(at(25*time.Hour)) && got.Sub(at(25*time.Hour)).Abs() > time.Second {
		t.Errorf("used at %v, want a day later than %v", got, now)
	}
	step(s.pruneArgv(t.Context(), at(argvLife)))
	if s.Receiver(r.Name) == nil {
		t.Error("it went within a month after its last use")
	}

	// What waits for it keeps it, however old it is, and counts as use.
	x := outbox.Arrival{Identity: "1", Arrived: now, Deliveries: []outbox.NewDelivery{{Receiver: r.Name, Channel: r.Channel}}}
	if _, err := s.box.Accept(t.Context(), []outbox.Arrival{x}, nil); err != nil {
		t.Fatal(err)
	}
	late := at(100 * 24 * time.Hour)
	step(s.pruneArgv(t.Context(), late))
	if got := used(t, s, r); got.Sub(late).Abs() > time.Second {
		t.Errorf("used at %v, want %v: a delivery waits", got, late)
	}
	taken, err := s.box.Next(t.Context(), r.Name, now, 1)
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	step(s.box.Finish(t.Context(), now, []outbox.Result{{Seq: taken[0].Seq, State: outbox.Delivered}}, outbox.Receiver{Name: r.Name}))
	step(s.pruneArgv(t.Context(), late.Add(argvLife-time.Minute)))
	if used(t, s, r).IsZero() {
		t.Error("it went within a month after something waited for it")
	}
	step(s.pruneArgv(t.Context(), late.Add(argvLife)))
	if !used(t, s, r).IsZero() || s.Receiver(r.Name) != nil {
		t.Error("it is still there after a month without use")
	}

	// The next call brings it back.
	step(s.keepArgv(r, call, late.Add(argvLife)))
	if s.Receiver(r.Name) == nil || used(t, s, r).IsZero() {
		t.Error("it does not come back")
	}
	if st, err := os.Stat(s.argvPath(r.Name)); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("its file is %v, %v; want mode 0600", st.Mode(), err)
	}
}

// waitsForArgv is an installation in which a message waits for a receiver that ossec.conf describes, and nobody delivers.
func waitsForArgv(t *testing.T) *installation {
	t.Helper()
	in := newInstallation(t, "")
	hold := make(chan struct{})
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
	in.call("custom-slack", in.alert("1"), "", in.stand.SlackWebhookURL())
	in.taken()
	in.killDeliverer(syscall.SIGKILL)
	close(hold)
	return in
}

// A deliverer that starts looks for files that nobody needs, and takes none that something waits for.
func TestDelivererForgetsReceiversOfOssecConf(t *testing.T) {
	in := waitsForArgv(t)
	dir := filepath.Join(in.state(), "receivers")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	needed, forgotten := filepath.Join(dir, files[0].Name()), filepath.Join(dir, "argv-slack-0000ff.json")
	old := time.Now().Add(-argvLife - time.Hour)
	if err := errors.Join(os.WriteFile(forgotten, []byte(`{"kind":"slack","url":"https://hooks.slack.com/services/T0/B0/x"}`), 0o600),
		os.Chtimes(forgotten, old, old), os.Chtimes(needed, old, old)); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2")) // has no receiver, and starts a deliverer
	in.told(1)
	if _, err := os.Stat(forgotten); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", forgotten, err)
	}
	if st, err := os.Stat(needed); err != nil || time.Since(st.ModTime()) > time.Hour {
		t.Errorf("%s: %v; want it to be there and to count as used", needed, err)
	}
	if !strings.Contains(in.log(), "forgot a receiver of ossec.conf") {
		t.Errorf("the log says nothing of it:\n%s", in.log())
	}
}

// A delivery is dead at once if its receiver is gone, so nothing may say so of one that is there and cannot be used now.
func TestReceiverThatCannotBeUsedNowIsNotGone(t *testing.T) {
	s, r, call := argvSite(t)
	if s.Gone("soc") {
		t.Error("without a config, one that it may have is gone")
	}
	if !s.Gone(r.Name) {
		t.Error("one of ossec.conf is not gone, and has no file")
	}
	if err := s.keepArgv(r, call, time.Now()); err != nil {
		t.Fatal(err)
	}
	s = openSite(s.home, s.state, s.box, discard)
	file := s.argvPath(r.Name)
	if err := errors.Join(os.Remove(file), os.Symlink(filepath.Base(file), file)); err != nil { // no user can read that
		t.Fatal(err)
	}
	if s.Receiver(r.Name) != nil || s.Gone(r.Name) {
		t.Error("one of ossec.conf is gone, and has a file that cannot be read")
	}
	config := "receivers:\n  hook: {webhook: {url: \"https://127.0.0.1/\", network: {ca_file: /nowhere/ca.pem}}}\ndefault: [hook]\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(s.path), 0o700), os.WriteFile(s.path, []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	s.reload()
	if s.fault != nil || s.Receiver("hook") == nil {
		t.Fatalf("the config is %v, and the receiver that cannot be made is not there to wait for", s.fault)
	}
	var failure *notifier.Error
	if _, err := s.Receiver("hook").Notifier.Notify(t.Context(), notifier.Notification{}); !errors.As(err, &failure) || failure.Reason != notifier.Temporary || !strings.Contains(err.Error(), "/nowhere/ca.pem") {
		t.Errorf("an attempt says %v, want that it is to be tried again and what is missing", err)
	}
	if s.Gone("hook") || !s.Gone("soc") {
		t.Errorf("hook is gone: %v, and soc: %v; want only soc, which the config does not have", s.Gone("hook"), s.Gone("soc"))
	}
}

// What is wrong with the file of a receiver of ossec.conf is told once and shows nothing of it, what is for the receiver
// waits, and the next call of its integration makes it whole.
func TestDamagedFileOfAReceiverIsToldAndWrittenAgain(t *testing.T) {
	const hook = "https://hooks.slack.com/services/T0/B0/x"
	for name, damage := range map[string]func(path string) error{
		"empty":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut":      func(path string) error { return os.Truncate(path, 30) },
		"a number": func(path string) error { return os.WriteFile(path, []byte(`{"kind":"slack","url":74839201}`), 0o600) },
		"a kind":   func(path string) error { return os.WriteFile(path, []byte(`{"kind":"slacc","url":"`+hook+`"}`), 0o600) },
		"no URL":   func(path string) error { return os.WriteFile(path, []byte(`{"kind":"slack"}`), 0o600) },
		"another URL": func(path string) error {
			return os.WriteFile(path, []byte(`{"kind":"slack","url":"`+hook+`y"}`), 0o600)
		},
		"a link to itself": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink(filepath.Base(path), path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, call := argvSite(t)
			now := time.Now()
			if err := s.keepArgv(r, call, now); err != nil {
				t.Fatal(err)
			}
			path := s.argvPath(r.Name)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			s = openSite(s.home, s.state, s.box, slog.New(slog.NewTextHandler(&log, nil)))
			for range 3 {
				if s.Receiver(r.Name) != nil || s.Gone(r.Name) {
					t.Fatal("it is there, or gone; want neither")
				}
			}
			if said := log.String(); strings.Count(said, "waits") != 1 || !strings.Contains(said, r.Name) || !strings.Contains(said, path) || strings.Contains(said, "74839201") || strings.Contains(said, hook) {
				t.Errorf("the log says\n%s\nwant one line that names the receiver and the file, and shows nothing of it", said)
			}
			if err := s.keepArgv(r, call, now); err != nil {
				t.Fatal(err)
			}
			again, err := os.ReadFile(path)
			if err != nil || string(again) != string(whole) || !strings.Contains(log.String(), "written it again") {
				t.Errorf("the file holds %q, %v; want %q, and a word in the log:\n%s", again, err, whole, log.String())
			}
			if st, err := os.Lstat(path); err != nil || st.Mode() != 0o600 {
				t.Errorf("it has mode %v, %v, want 0600", st.Mode(), err)
			}
			if openSite(s.home, s.state, s.box, discard).Receiver(r.Name) == nil {
				t.Error("the next process does not know the receiver")
			}
		})
	}
}

// TestWhatWaitsForADamagedReceiverGoesOnWaiting has it damaged while nobody delivers.
func TestWhatWaitsForADamagedReceiverGoesOnWaiting(t *testing.T) {
	in := waitsForArgv(t)
	files, err := filepath.Glob(filepath.Join(in.state(), "receivers", "argv-slack-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte(`{"kind":"sl`), 0o600); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2")) // has no receiver, and starts a deliverer
	in.until("told in the log", func() bool { return strings.Contains(in.log(), files[0]+" is damaged") })
	if n := in.count(outbox.Pending); n != 1 {
		t.Errorf("%d deliveries wait, want 1: %+v", n, in.deliveries())
	}
	if said := in.command(exitFail, "doctor"); !strings.Contains(said, files[0]+" is damaged") || !strings.Contains(said, "; 1 wait for it") {
		t.Errorf("doctor says nothing of it:\n%s", said)
	}
	in.call("custom-slack", in.alert("3"), "", in.stand.SlackWebhookURL())
	in.told(2)
	in.until("both delivered", func() bool { return in.count(outbox.Delivered) == 2 })
	if said := in.command(exitFail, "doctor"); strings.Contains(said, "is damaged") {
		t.Errorf("doctor still says it:\n%s", said)
	}
}
