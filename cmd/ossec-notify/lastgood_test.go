package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sample"
)

// place writes a file below the home's etc.
func (in *installation) place(text string, path ...string) {
	in.t.Helper()
	file := filepath.Join(append([]string{in.home, "etc"}, path...)...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		in.t.Fatal(err)
	}
}

// manyFiles is a config of five files, each named relative to the one that names it.
const manyFiles = `include: [conf.d/*.yaml]
templates_dir: own
receivers: {soc: {slack: {webhook_url: {file: soc.url}}, template: soc.tmpl, rate: 100/s}}
time_zone: UTC
`

// configureMany lays out manyFiles. The secret is the only one that stays a file.
func (in *installation) configureMany() {
	in.t.Helper()
	in.configure(manyFiles)
	in.place(in.stand.SlackWebhookURL(), "soc.url")
	in.place("routes: [{name: all, match: {level: 1}, to: [soc]}]\n", "conf.d", "10-routes.yaml")
	in.place(`{{define "sentence"}}own {{.Rule.Description}}{{end}}`, "own", "parts.tmpl")
	in.place(`{{define "slack.text"}}{{template "sentence" .}}, for soc{{end}}`, "own", "soc.tmpl")
}

// removeMany removes all of it but the secret.
func (in *installation) removeMany() {
	in.t.Helper()
	for _, name := range []string{"conf.d", "own", "ossec-notify.yaml"} {
		if err := os.RemoveAll(filepath.Join(in.home, "etc", name)); err != nil {
			in.t.Fatal(err)
		}
	}
}

func TestConfigReadFromItsTextsIsTheSame(t *testing.T) {
	in := newInstallation(t, "")
	in.configureMany()
	path := filepath.Join(in.home, "etc", "ossec-notify.yaml")
	was := config.Read(path, in.home)
	if was.Config == nil || len(was.Problems) > 0 {
		t.Fatal(was.Err, was.Problems)
	}
	in.removeMany()
	is := was.Texts.Read(path, in.home)
	if is.Config == nil || len(is.Problems) > 0 {
		t.Fatal(is.Err, is.Problems)
	}
	if !is.Texts.Equal(was.Texts) {
		t.Errorf("it was read from other files: %v, want %v", is.Texts, was.Texts)
	}
	a, err := sample.Alert("5712")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, cfg := range []*config.Config{was.Config, is.Config} {
		d, err := cfg.Dispatcher(config.Options{Log: discard})
		if err != nil {
			t.Fatal(err)
		}
		plan := d.Plan(a)
		if len(plan) != 1 {
			t.Fatalf("%d deliveries, want 1", len(plan))
		}
		n, err := d.Notification(dispatch.Delivery{Alert: a, Receiver: plan[0].Receiver, Occurrence: 1})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Receivers[0].Config.Secrets(func(_ string, s *notifier.Secret) {
			if want := filepath.Join(in.home, "etc", "soc.url"); !s.IsZero() && s.File() != want {
				t.Errorf("the secret is in %s, want %s", s.File(), want)
			}
		})
		texts = append(texts, n.Parts["text"].String())
	}
	if texts[0] != texts[1] || !strings.HasSuffix(texts[1], ", for soc") {
		t.Errorf("the message says %q, then %q", texts[0], texts[1])
	}
}

// A deliverer that finds the config broken, or gone, goes by the last that loaded, with its includes and templates; and
// by the file again once that is mended.
func TestDelivererStartsWithTheLastConfigThatLoaded(t *testing.T) {
	for name, spoil := range map[string]func(*installation){
		"broken": func(in *installation) { in.removeMany(); in.configure("receivers: {soc: {slakc: {}}}\n") },
		"gone":   (*installation).removeMany,
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, "")
			in.configureMany()
			in.call("custom-notify", in.alert("1"))
			in.told(1)
			in.killDeliverer(syscall.SIGTERM)
			spoil(in)
			in.call("custom-notify", in.alert("2"))
			if got := in.told(2); !strings.HasPrefix(got[1], "own Story 2") || !strings.HasSuffix(got[1], ", for soc") {
				t.Errorf("Slack heard %q, want the second story by the template that is gone", got)
			}
			if !strings.Contains(in.log(), "the last config that loaded is in use") {
				t.Errorf("the log does not say so:\n%s", in.log())
			}
			if out := in.command(exitFail, "doctor"); !strings.Contains(out, "deliverers go by the config that loaded at") {
				t.Errorf("doctor says\n%s", out)
			}
			in.configure(toSlack)
			in.call("custom-notify", in.alert("3"))
			if got := in.told(3); got[2] != "LOW: Story 3 on web-01" {
				t.Errorf("once it is mended, Slack hears %q", got[2])
			}
		})
	}
}

func TestServeStartsWithTheLastConfigThatLoaded(t *testing.T) {
	address := freeAddress(t)
	in := newInstallation(t, "receivers: {soc: {slakc: {}}}\n")
	if out := in.command(exitUsage, "serve"); !strings.Contains(out, `did you mean "slack"?`) || !strings.Contains(out, "the config has 1 mistake") {
		t.Errorf("with none that ever loaded, serve says\n%s", out)
	}
	in.configure(toSlack + "http: " + address + "\n")
	in.stop(in.serve())
	in.configure("receivers: {soc: {slakc: {}}}\n")
	daemon := in.serve()
	in.call("custom-notify", in.alert("1"))
	in.told(1)
	if code, body := get(t, address, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "ossec-notify.yaml has 1 mistake (ossec-notify check); the config that loaded at 20") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if _, metrics := get(t, address, "/metrics"); !strings.Contains(metrics, "\nossec_notify_config_last_reload_successful 0\n") {
		t.Errorf("metrics say\n%s", metrics)
	}
	// Gone is no other than broken. A config without receivers is how to have none.
	if err := os.Remove(filepath.Join(in.home, "etc", "ossec-notify.yaml")); err != nil {
		t.Fatal(err)
	}
	in.until("seen that it is gone", func() bool {
		_, body := get(t, address, "/readyz")
		return strings.Contains(body, "there is no "+in.home)
	})
	in.call("custom-notify", in.alert("2"))
	in.told(2)
	in.configure("receivers: {}\n")
	in.call("custom-notify", in.alert("3"))
	in.until("said that nobody is told", func() bool { return strings.Contains(in.log(), "alert has no receiver") })
	in.stop(daemon)
	if err := os.Remove(filepath.Join(in.home, "etc", "ossec-notify.yaml")); err != nil {
		t.Fatal(err)
	}
	if out := in.command(exitUsage, "serve"); !strings.Contains(out, "there is no config") {
		t.Errorf("serve says\n%s", out)
	}
	if n := len(in.stand.Messages()); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

// A config is loaded again when it becomes readable, though no byte of it was changed.
func TestConfigThatBecomesReadableIsLoaded(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is unreadable to root")
	}
	in := newInstallation(t, toSlack)
	path := filepath.Join(in.home, "etc", "ossec-notify.yaml")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("1"))
	in.until("waiting", func() bool { return strings.Contains(in.log(), "alert waits") })
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	in.told(1)
}
