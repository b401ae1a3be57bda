package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// freeAddress is a loopback address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get asks the daemon.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (in *installation) configPath() string {
	return filepath.Join(in.home, "etc", "ossec-notify.yaml")
}

// spoilt are configs that are of no use: how a file becomes one, and what the log says of it.
var spoilt = []struct {
	name  string
	spoil func(in *installation) error
	said  string
}{
	{"deleted", func(in *installation) error { return os.Remove(in.configPath()) }, "there is no config any more"},
	{"blank", func(in *installation) error { return os.Truncate(in.configPath(), 0) }, "the file is empty"},
	{"misspelt", func(in *installation) error {
		return os.WriteFile(in.configPath(), []byte("receivers: {soc: {slakc: {}}}\n"), 0o600)
	}, `did you mean \"slack\"?`},
	{"no YAML", func(in *installation) error {
		return os.WriteFile(in.configPath(), []byte("receivers: [\n"), 0o600)
	}, "config is broken"},
	{"a directory", func(in *installation) error {
		if err := os.Remove(in.configPath()); err != nil {
			return err
		}
		return os.Mkdir(in.configPath(), 0o700)
	}, "config cannot be read"},
}

func (in *installation) mendConfig(text string) {
	in.t.Helper()
	if err := os.RemoveAll(in.configPath()); err != nil {
		in.t.Fatal(err)
	}
	in.configure(text)
}

// TestFaultConfigSpoiltUnderADaemon deletes the config of a running daemon, or breaks it. The daemon goes on with the
// last one that loaded, and says so; it takes the mended one.
func TestFaultConfigSpoiltUnderADaemon(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for _, c := range spoilt {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				in := newInstallation(t, "")
				address := freeAddress(t)
				config := toSlack + "http: " + address + "\n"
				in.configure(config)
				daemon := in.serve()
				ready := func(want int) func() bool {
					return func() bool { code, _ := get(t, "http://"+address+"/readyz"); return code == want }
				}
				// What waits when it happens is for a receiver that is down for a moment.
				in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503})
				stories := []story{low("0"), low("1"), low("2")}
				in.callFor(w, stories[:2]...)
				in.until("tried", func() bool { return len(in.stand.Messages()) > 0 })
				if err := c.spoil(in); err != nil {
					t.Fatal(err)
				}
				in.until("seen", ready(http.StatusServiceUnavailable))
				in.callFor(w, stories[2])
				inOrderOnce(t, "Slack", in.told(3), stories)
				if !strings.Contains(in.log(), c.said) {
					t.Errorf("the log does not say %q:\n%s", c.said, in.log())
				}
				if _, metrics := get(t, "http://"+address+"/metrics"); !strings.Contains(metrics, "ossec_notify_config_last_reload_successful 0") {
					t.Errorf("the metrics do not tell:\n%s", metrics)
				}
				in.mendConfig(strings.Replace(config, "default: [soc]", "routes: [{match: {level: 5}, to: []}]", 1))
				in.until("mended", ready(http.StatusOK))
				in.callFor(w, low("3")) // to nobody
				in.until("taken", func() bool { return strings.Contains(in.log(), "goes to nobody") })
				in.mendConfig(config)
				in.callFor(w, low("4"))
				inOrderOnce(t, "Slack", in.told(4), append(stories, low("4")))
				in.stop(daemon)
			})
		}
	})
}

// TestFaultConfigSpoiltBetweenDeliverers spoils the config while no deliverer runs, and while an alert waits in the
// outbox. The next deliverer has no config at all; what waits goes on waiting until it is mended.
func TestFaultConfigSpoiltBetweenDeliverers(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for _, c := range spoilt {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				in := newInstallation(t, toSlack)
				hold := make(chan struct{})
				in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
				stories := []story{low("0"), low("1"), low("2")}
				in.callFor(w, stories[:2]...)
				in.until("in the outbox", func() bool { return len(in.stand.Messages()) == 1 && in.count(outbox.Pending) == 1 })
				in.killDeliverer(syscall.SIGKILL)
				close(hold)
				if err := c.spoil(in); err != nil {
					t.Fatal(err)
				}
				in.callFor(w, stories[2])
				in.until("said", func() bool { return strings.Contains(in.log(), "alert waits") })
				if n := in.count(outbox.Pending); n != 2 {
					t.Errorf("%d deliveries wait, want 2:\n%s", n, in.command(exitDone, "outbox", "list", "--all"))
				}
				in.mendConfig(toSlack)
				in.callFor(w, low("3"))
				inOrderOnce(t, "Slack", in.told(4), append(stories, low("3")))
			})
		}
	})
}

// TestFaultConfigReplacedAgainAndAgain writes the config anew while alerts come, as an editor does: the old one is
// gone for a moment. Everything is told, by one config or the other.
func TestFaultConfigReplacedAgainAndAgain(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		heard, opt := listen()
		config := strings.Replace(toSlack, "100/s", "5000/s", 1)
		in := newInstallationWith(t, config, opt)
		daemon := in.serve()
		var stories []story
		for i := range atLength(30, 2000) {
			s := low(fmt.Sprint(i))
			stories = append(stories, s)
			if err := os.Remove(in.configPath()); err != nil {
				t.Fatal(err)
			}
			in.callFor(w, s)
			in.configure(config + strings.Repeat("#", i%7) + "\n")
		}
		in.until("all told", func() bool { return len(heard.missing(sandbox.Slack, stories)) == 0 })
		in.stop(daemon)
		if n := heard.repeats(sandbox.Slack); n != 0 {
			t.Errorf("%d repeats", n)
		}
	})
}
