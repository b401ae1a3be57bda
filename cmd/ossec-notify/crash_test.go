package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// crashName is what the test binary is called to crash.
const crashName = "crash"

// crash ends this process in the middle of an attempt, with the notifier, its config and its request in hand.
func crash() {
	kind, _ := channel.ByName(os.Args[1])
	key := (core(1) + strings.Repeat("0", 32))[:32]
	hook := map[string]string{"slack": "https://ops:" + core(0) + "@hooks.example.com/" + core(0), "webhook": "https://hooks.example.com/" + core(0)}
	cfg, err := kind.FromArgv(cmp.Or(hook[kind.Name], "https://hooks.example.com"), notifier.PlainSecret(key))
	if err != nil {
		fmt.Println("no config")
		return
	}
	noCoreDump()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 {
		fmt.Println("a core would be written")
		return
	}
	c := &crasher{how: os.Args[2], hand: []any{cfg, cfg.Settings()}}
	n, err := cfg.Build(channel.Connect{Client: func(notifier.Network) (*http.Client, error) { return &http.Client{Transport: c}, nil }})
	if err != nil {
		fmt.Println("no notifier")
		return
	}
	c.hand = append(c.hand, n)
	_, err = n.Notify(context.Background(), notifier.Notification{Action: notifier.Trigger, DedupKey: "k", Severity: "high", Parts: map[string]display.Text{
		"text": display.Words("x"), "summary": display.Words("x"), "document.json": display.Words("{}"), "event.json": display.Words("{}"), "line.json": display.Words("{}"),
	}})
	fmt.Println("no crash:", err)
}

// crasher crashes in place of the network.
type crasher struct {
	how  string
	hand []any
}

func (c *crasher) RoundTrip(req *http.Request) (*http.Response, error) {
	switch c.how {
	case "nil":
		return nil, (*http.Response)(nil).Write(nil)
	case "index":
		return nil, fmt.Errorf("%d", []byte(req.Header.Get("Authorization"))[len(req.URL.Path)+1000])
	case "values":
		panic(c.hand)
	case "notifier":
		panic(c.hand[len(c.hand)-1])
	case "printed":
		panic(fmt.Sprintf("%v %+v %#v %s %d %x", c.hand, c.hand, c.hand, c.hand, c.hand, c.hand))
	case "request":
		panic(req)
	case "abort":
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	}
	return nil, nil
}

// TestCrashShowsNoSecret crashes processes in the middle of an attempt. What they print goes to the journal.
func TestCrashShowsNoSecret(t *testing.T) {
	for _, c := range channel.All() {
		if _, http := c.Config().Settings().(interface{ HTTP() notifier.Network }); !http {
			continue // it has no place of ours to crash in, and the same Secret, if any
		}
		for _, how := range []string{"nil", "index", "values", "notifier", "printed", "request", "abort"} {
			t.Run(c.Name+"/"+how, func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command(crashName, c.Name, how)
				cmd.Env = append(os.Environ(), "GOTRACEBACK=system") // all goroutines, with the runtime's own
				if how == "printed" {                                // it reads what is another goroutine's to write, which the race detector would tell in its place
					cmd.Env = append(cmd.Env, "GORACE=exitcode=0 log_path="+filepath.Join(t.TempDir(), "race"))
				}
				out, err := cmd.CombinedOutput()
				text := string(out)
				// Who puts several deliveries into a request keeps a crash of one from the others.
				if c.Config().Parallel() > 0 && how != "abort" {
					if err != nil || !strings.HasPrefix(text, "no crash: a mistake in ossec-notify, please report it: ") {
						t.Fatalf("it is not kept from the others: %v\n%s", err, text)
					}
				} else if err == nil || !strings.Contains(text, "goroutine ") || !strings.Contains(text, "RoundTrip") {
					t.Fatalf("it did not crash: %v\n%s", err, text)
				}
				for n := range 2 {
					for _, trace := range traces(core(n)) {
						if i := strings.Index(text, trace); i >= 0 {
							t.Fatalf("secret %d stands in the crash: …%s…", n, text[max(i-200, 0):min(i+80, len(text))])
						}
					}
				}
			})
		}
	}
}
