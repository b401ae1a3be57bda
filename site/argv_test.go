package site

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// argvSite is a site without a config, and a receiver of ossec.conf.
func argvSite(t *testing.T) (*Site, *dispatch.Receiver, door.Call) {
	t.Helper()
	home := t.TempDir()
	box, _, err := outbox.Open(t.Context(), filepath.Join(home, "outbox.db"), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
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
	return openSite(t, home, home, box, discard), r, call
}

// used is when the file of a receiver was used last; zero when there is none.
func used(t *testing.T, s *Site, r *dispatch.Receiver) time.Time {
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
	s = openSite(t, s.home, s.state, s.box, discard)
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
	s.Reload()
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
			s = openSite(t, s.home, s.state, s.box, slog.New(slog.NewTextHandler(&log, nil)))
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
			if openSite(t, s.home, s.state, s.box, discard).Receiver(r.Name) == nil {
				t.Error("the next process does not know the receiver")
			}
		})
	}
}

func TestListThatIsAddedHoldsForReceiversOfOssecConfAtOnce(t *testing.T) {
	s, _, _ := argvSite(t)
	kind, _ := channel.ByName("slack")
	call := door.Call{Name: "slack", HookURL: "http://127.0.0.1:9/services/T0/B0/x"} // nobody listens there
	r, err := argvReceiver(kind, call, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keepArgv(r, call, time.Now()); err != nil {
		t.Fatal(err)
	}
	attempt := func() *notifier.Error {
		_, err := s.Receiver(r.Name).Notifier.Notify(t.Context(), notifier.Notification{Action: notifier.Trigger, Parts: map[string]display.Text{"text": display.Words("a test")}})
		return notifier.Classify(err)
	}
	if got := attempt(); got.Reason != notifier.Temporary {
		t.Fatalf("without a list: got %v: %v, want a temporary error", got.Reason, got)
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path, []byte("egress: {allow: [hooks.slack.com]}\nreceivers: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.refresh()
	if refused := (*notifier.EgressError)(nil); !errors.As(attempt(), &refused) {
		t.Errorf("with one: got %v, want the list's error", attempt())
	}
}

// Who writes to the outbox may ask for a receiver meanwhile, so a config that is kept there must not be waited for by
// who asks.
func TestReceiverIsThereWhileTheConfigWaitsToBeKept(t *testing.T) {
	s, _, _ := argvSite(t)
	var log strings.Builder
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	queued := outbox.Arrival{Identity: "1", Arrived: time.Now(), Deliveries: []outbox.NewDelivery{{Receiver: "hook"}}}
	if _, err := s.box.Accept(t.Context(), []outbox.Arrival{queued}, nil); err != nil {
		t.Fatal(err)
	}
	text := "receivers:\n  hook: {webhook: {url: \"https://127.0.0.1/\"}}\ndefault: [hook]\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(s.path), 0o700), os.WriteFile(s.path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	kept := make(chan struct{})
	asked := false
	_, err := s.box.Expire(t.Context(), time.Now(), func(name string) time.Duration { // within a transaction
		loads := s.loadCount()
		go func() {
			defer close(kept)
			s.Reload()
		}()
		for s.loadCount() == loads { // it loads, and then waits for us
			runtime.Gosched()
		}
		asked = s.Receiver(name) != nil
		return time.Hour
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-kept
	if !asked {
		t.Error("the receiver is not there")
	}
	if strings.Contains(log.String(), "not kept") || s.kept() == nil {
		t.Errorf("the config is not kept:\n%s", log.String())
	}
}
