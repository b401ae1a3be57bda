package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

func (in *installation) configPath() string {
	return filepath.Join(in.home, "etc", "ossec-notify.yaml")
}

// spoilt are configs that are of no use: how a file becomes one, and what the log says of it.
var spoilt = []struct {
	name  string
	spoil func(in *installation) error
	said  string
}{
	{"deleted", func(in *installation) error { return os.Remove(in.configPath()) }, "ossec-notify.yaml any more"},
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
					return func() bool { code, _ := get(t, address, "/readyz"); return code == want }
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
				if _, metrics := get(t, address, "/metrics"); !strings.Contains(metrics, "ossec_notify_config_last_reload_successful 0") {
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

// TestFaultConfigSpoiltBeforeTheFirstDeliverer has no config that ever loaded: what comes waits until it is mended.
func TestFaultConfigSpoiltBeforeTheFirstDeliverer(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for _, c := range spoilt {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				in := newInstallation(t, toSlack)
				if err := c.spoil(in); err != nil {
					t.Fatal(err)
				}
				stories := []story{low("0"), low("1"), low("2")}
				in.callFor(w, stories[0])
				in.until("said", func() bool { return strings.Contains(in.log(), "alert waits") })
				in.killDeliverer(syscall.SIGKILL)
				in.callFor(w, stories[1])
				in.until("said again", func() bool { return strings.Count(in.log(), "alert waits") >= 2 })
				in.mendConfig(toSlack)
				in.callFor(w, stories[2])
				inOrderOnce(t, "Slack", in.told(3), stories)
			})
		}
	})
}

// TestFaultConfigSpoiltBetweenDeliverers spoils the config while no deliverer runs, and while an alert waits in the
// outbox. The next deliverer goes by the last config that loaded, which it finds there, and says so.
func TestFaultConfigSpoiltBetweenDeliverers(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for _, c := range spoilt {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				in := newInstallation(t, toSlack)
				hold := make(chan struct{})
				in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
				stories := []story{low("0"), low("1"), low("2"), low("3")}
				in.callFor(w, stories[:2]...)
				in.until("in the outbox", func() bool { return len(in.stand.Messages()) == 1 && in.count(outbox.Pending) == 1 })
				in.killDeliverer(syscall.SIGKILL)
				close(hold)
				if err := c.spoil(in); err != nil {
					t.Fatal(err)
				}
				in.callFor(w, stories[2])
				inOrderOnce(t, "Slack", in.told(3), stories[:3])
				for _, want := range []string{c.said, "the last config that loaded is in use"} {
					if !strings.Contains(in.log(), want) {
						t.Errorf("the log does not say %q:\n%s", want, in.log())
					}
				}
				in.mendConfig(toSlack)
				in.callFor(w, stories[3])
				inOrderOnce(t, "Slack", in.told(4), stories)
			})
		}
	})
}

// TestFaultConfigReplacedAgainAndAgain writes the config anew while alerts come, as an editor does: the old one is
// gone for a moment. Everything is told, by one config or the other.
func TestFaultConfigReplacedAgainAndAgain(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		heard, opt := newEar()
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
