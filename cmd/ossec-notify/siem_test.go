package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/sandbox"
)

// hecEvent is an event that Splunk took, and whether it says that it may be a repeat.
type hecEvent struct {
	ID     string
	Repeat bool `json:"possible_repeat"`
}

// hecEvents are in the order of their coming.
func (in *installation) hecEvents() (all []hecEvent) {
	in.t.Helper()
	for _, e := range in.stand.HECEvents() {
		var event hecEvent
		if err := json.Unmarshal([]byte(e.Event), &event); err != nil {
			in.t.Fatalf("%v: %s", err, e.Event)
		}
		all = append(all, event)
	}
	return all
}

// What Splunk took and has not acknowledged when the deliverer ends, or goes by another config, is sent again: once, and marked. This
// is what docs/splunk.md says.
func TestWhatWasNotAcknowledgedIsSentAgainAndSaysSo(t *testing.T) {
	t.Parallel()
	const config = "receivers: {siem: {splunk: {url: SPLUNK_URL, token: HEC_TOKEN}, timeout: TIMEOUT}}\nalways: [siem]\ntime_zone: UTC\n"
	for name, tt := range map[string]struct {
		timeout string
		end     func(in *installation)
	}{
		"killed":       {"60s", func(in *installation) { in.killDeliverer(syscall.SIGKILL) }},
		"told to stop": {"1s", func(in *installation) { in.killDeliverer(syscall.SIGTERM) }},
		"another config": {"1s", func(in *installation) {
			in.configure(strings.Replace(config, "TIMEOUT", "2s", 1))
			in.until("the config read", func() bool { return strings.Contains(in.log(), "config loaded again") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstallationWith(t, strings.Replace(config, "TIMEOUT", tt.timeout, 1), sandbox.Options{HECAck: true, HECAckAfter: -1})
			in.call("custom-notify", in.alert("1"))
			in.until("taken, and asked for", func() bool {
				return slices.ContainsFunc(in.stand.Messages(), func(m sandbox.Message) bool { return strings.HasSuffix(m.Path, "/ack") })
			})
			tt.end(in)
			in.call("custom-notify", in.alert("2")) // which starts a deliverer, if there is none
			of := func(id string) (all []hecEvent) {
				return slices.DeleteFunc(in.hecEvents(), func(e hecEvent) bool { return e.ID != "1795440017."+id })
			}
			in.until("sent again", func() bool { return len(of("1")) > 1 })
			in.killDeliverer(syscall.SIGKILL) // else it waits on
			if first := of("1"); len(first) != 2 || first[0].Repeat || !first[1].Repeat {
				t.Errorf("the first alert's events are %v, want two, the second marked", first)
			}
			if second := of("2"); len(second) > 1 || len(second) == 1 && second[0].Repeat { // its turn may not have come
				t.Errorf("the second alert's events are %v, want none marked", second)
			}
		})
	}
}

// Whoever can put a name of his own into an alert can make indexes that are not there: of a thousand, each is told to its own delivery;
// the other alerts arrive once, the receiver is not stopped for a moment, and is asked no more often than if each alert went alone.
func TestAThousandWrongIndexesStopNobody(t *testing.T) {
	t.Parallel()
	const wrong, good = 1000, 200
	for channel, tt := range map[string]struct {
		opt    sandbox.Options
		says   string
		config func(s *sandbox.Server) string
	}{
		"splunk": {sandbox.Options{HECAck: true, HECIndexes: []string{"web-01"}}, "status 400: Incorrect index", func(s *sandbox.Server) string {
			return fmt.Sprintf("url: %q, token: %q", s.SplunkURL(), sandbox.FakeHECToken)
		}},
		"elasticsearch": {sandbox.Options{ElasticIndexes: []string{"web-01"}}, "status 404: index_not_found_exception", func(s *sandbox.Server) string {
			return fmt.Sprintf("url: %q, api_key: %q", s.ElasticURL(), sandbox.FakeElasticKey)
		}},
	} {
		t.Run(channel, func(t *testing.T) {
			t.Parallel()
			tt.opt.Keep = 10_000
			in := newInstallationWith(t, "", tt.opt)
			in.configure(fmt.Sprintf("receivers: {siem: {%s: {%s, index: \"{{ .Agent.Name }}\"}}}\nalways: [siem]\ntime_zone: UTC\n", channel, tt.config(in.stand)))
			var b strings.Builder
			for i := range wrong + good {
				agent := fmt.Sprint("evil-", i)
				if i%6 == 0 {
					agent = "web-01"
				}
				fmt.Fprintf(&b, `{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":5,"description":"Story","id":"100001","groups":["local"]},`+
					`"agent":{"id":"001","name":"%s"},"manager":{"name":"mgr"},"id":"1795440017.%d","full_log":"x","location":"/l"}`+"\n", agent, i)
			}
			path := filepath.Join(t.TempDir(), "alerts.json")
			if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			told := map[string]int{}
			for line := range strings.Lines(in.command(exitFail, "send", "--format", "json", path)) {
				var x struct {
					Alert, State, Error string
					Attempts            int
				}
				if json.Unmarshal([]byte(line), &x) != nil {
					continue // what it says to a person
				}
				_, number, _ := strings.Cut(x.Alert, ".")
				n, err := strconv.Atoi(number)
				switch {
				case err != nil || x.Attempts != 1:
					t.Errorf("%+v", x)
				case n%6 == 0 && x.State != "delivered":
					t.Errorf("a good one: %+v", x)
				case n%6 != 0 && (x.State != "dead" || !strings.Contains(x.Error, fmt.Sprintf(`the index "evil-%d": %s`, n, tt.says))):
					t.Errorf("a wrong one: %+v", x)
				}
				told[x.State]++
			}
			if told["dead"] != wrong || told["delivered"] != good || len(told) != 2 {
				t.Errorf("told %v", told)
			}
			posts := 0
			for _, m := range in.stand.Messages() {
				if !strings.HasSuffix(m.Path, "/ack") {
					posts++
				}
			}
			if posts > wrong+good {
				t.Errorf("%d requests for %d alerts", posts, wrong+good)
			}
			t.Logf("%d requests for %d alerts", posts, wrong+good)
			if log := in.log(); strings.Contains(log, "trying again") {
				t.Errorf("the receiver was stopped: %s", tail20(log))
			}
			if channel != "splunk" {
				return
			}
			if events := in.hecEvents(); len(events) != good || slices.ContainsFunc(events, func(e hecEvent) bool { return e.Repeat }) {
				t.Errorf("Splunk has %d events, want %d, none marked", len(events), good)
			}
		})
	}
}
