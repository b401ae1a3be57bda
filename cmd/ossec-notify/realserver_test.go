package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// serverProgram is a server of others: the program that the variable names, or one on the path. Without it the test is skipped.
func serverProgram(t *testing.T, variable, name string) string {
	t.Helper()
	program, err := exec.LookPath(cmp.Or(os.Getenv(variable), name))
	if err != nil {
		t.Skipf("there is no %s here: name one in $%s", name, variable)
	}
	return program
}

// runServer runs it until the test ends, and returns when what it serves at an address answers.
func (in *installation) runServer(cmd *exec.Cmd, address string) {
	in.t.Helper()
	log, err := os.Create(filepath.Join(in.t.TempDir(), "log"))
	if err != nil {
		in.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	in.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if in.t.Failed() {
			said, _ := os.ReadFile(log.Name())
			in.t.Logf("%s says:\n%s", cmd.Path, said)
		}
	})
	in.until("ready: "+cmd.Path, func() bool {
		select {
		case <-ended:
			in.t.Fatalf("%s has ended", cmd.Path)
		default:
		}
		resp, err := http.Get(address)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// everyAlert are the alerts of the corpus, and one for each payload, with it in every field. Of the large ones there are few.
func everyAlert(t *testing.T) (all []*alert.Alert) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpusDir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, alert.Parse(b, alert.Options{FileName: filepath.Base(file), Location: time.UTC, Received: received}))
	}
	bases := []spot{everywhere(t, "wazuh/5712-ssh-brute-force.json"), everywhere(t, "wazuh/550-fim-changed.json"), everywhere(t, "ossec/5712-ssh-brute-force.json")}
	for i, p := range injection.All() {
		if !p.Large || i%4 == 0 {
			all = append(all, bases[i%len(bases)].make(p.Text))
		}
	}
	return all
}

// shownAndSent delivers alerts to the receivers of a config, each of which must take it, and returns what preview shows of the
// requests' bodies.
func (in *installation) shownAndSent(alerts []*alert.Alert) (bodies [][]byte) {
	in.t.Helper()
	cfg, problems, err := loadConfig(in.configPath(), in.home)
	if err != nil || cfg == nil {
		in.t.Fatal(err, problems)
	}
	p, err := preview.New(cfg, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	if err != nil {
		in.t.Fatal(err)
	}
	var all []dispatch.Delivery
	for _, a := range alerts {
		for _, x := range p.Plan(a) {
			shown, _, err := p.Show(in.t.Context(), x)
			if err != nil || shown.Requests == nil {
				in.t.Fatalf("preview of %s: %v", shown.Alert, err)
			}
			for _, r := range *shown.Requests {
				body, ok := r.Body.(json.RawMessage)
				if !ok {
					in.t.Fatalf("preview of %s shows %v", shown.Alert, r.Body)
				}
				bodies = append(bodies, body)
			}
		}
		all = append(all, d.Plan(a)...)
	}
	d.DeliverAll(in.t.Context(), all, func(o dispatch.Outcome) {
		if o.State != outbox.Delivered {
			in.t.Errorf("%s of %s: %s, %v", o.Delivery.Receiver.Name, fmt.Sprint(o.Delivery.Alert.ID), o.State, o.Err)
		}
	})
	return bodies
}
