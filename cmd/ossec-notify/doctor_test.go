package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// examine runs one part of the examination, and returns its lines.
func examine(part func(*examination)) (string, *examination) {
	var out strings.Builder
	x := &examination{env: &env{stdout: &out, format: "text"}, state: "/s"}
	part(x)
	return out.String(), x
}

func TestDoctorTellsOfQueues(t *testing.T) {
	hourAgo := time.Now().Add(-61 * time.Minute)
	got, x := examine(func(x *examination) {
		x.queues([]outbox.Queue{
			{Receiver: "done", Counts: map[outbox.State]int{outbox.Delivered: 5}},
			{Receiver: "busy", Counts: map[outbox.State]int{outbox.Pending: 2, outbox.Delivering: 1}, Oldest: time.Now()},
			{Receiver: "stuck", Counts: map[outbox.State]int{outbox.Pending: 4}, Oldest: hourAgo},
			{Receiver: "down", Counts: map[outbox.State]int{outbox.Pending: 1}, Oldest: hourAgo},
			{Receiver: "wrong", Counts: map[outbox.State]int{outbox.Dead: 2}},
		}, map[string]outbox.Receiver{"down": {Failures: 3, LastError: "HTTP 503\nfrom a proxy"}, "done": {LastError: "old"}},
			map[string]outbox.Delivery{"wrong": {Reason: "status 400: no such index\x1b[2J", Changed: hourAgo}})
	})
	want := `ok       outbox       receiver busy: 3 wait, the oldest for 0 s
warning  outbox       receiver stuck: 4 wait, the oldest for 1 h 1 min. To do: ossec-notify outbox list --receiver stuck
warning  outbox       receiver down: 1 wait, the oldest for 1 h 1 min; 3 failures, the last said: HTTP 503⏎from a proxy. To do: ossec-notify outbox list --receiver down
warning  outbox       receiver wrong: 2 dead letters, the last at ` + hourAgo.Format(time.DateTime) + `: status 400: no such index\x1b[2J. To do: ossec-notify outbox list --states dead --receiver wrong; mend the cause, then ossec-notify outbox retry --dead --receiver wrong (or drop in place of retry)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if x.worst != "" {
		t.Errorf("the worst is %q, want none that fails the command", x.worst)
	}
	got, _ = examine(func(x *examination) { x.nothingWaits(nil) })
	if want := "ok       outbox       nothing waits, and nothing was given up\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDoctorTellsOfReceiversThatAreReplaced(t *testing.T) {
	at := time.Now().Add(-time.Minute)
	fell := func(n int) []outbox.Delivery {
		return slices.Repeat([]outbox.Delivery{{Reason: "fallback to root-mail: status 404: no such index\x1b[2J", Changed: at}}, n)
	}
	got, x := examine(func(x *examination) {
		x.replaced([]outbox.Queue{
			{Receiver: "down", Counts: map[outbox.State]int{outbox.Suppressed: 2}},
			{Receiver: "busy", Counts: map[outbox.State]int{outbox.Suppressed: 1, outbox.Pending: 1}},
			{Receiver: "wrong", Counts: map[outbox.State]int{outbox.Suppressed: 1}},
			{Receiver: "alone", Counts: map[outbox.State]int{outbox.Delivered: 1}},
			{Receiver: "dead", Counts: map[outbox.State]int{outbox.Dead: 1}},
			{Receiver: "well", Counts: map[outbox.State]int{outbox.Suppressed: 1}},
		}, map[string]outbox.Receiver{"down": {Failures: 1, Since: at, LastError: "refused\n"}, "busy": {Failures: 1}, "alone": {Failures: 2, Since: at, LastError: "late"}, "dead": {Failures: 1}},
			map[string][]outbox.Delivery{"down": fell(2), "busy": fell(1), "wrong": fell(1)})
	})
	when := at.Format(time.DateTime)
	want := "warning  outbox       receiver down has failed since " + when + ", the last said: refused; 2 deliveries of the last day went to its fallback root-mail. To do: mend the cause; ossec-notify outbox list --states suppressed --receiver down shows them\n" +
		"warning  outbox       receiver busy: 1 delivery of the last day went to its fallback root-mail, the last at " + when + `: status 404: no such index\x1b[2J. To do: mend the cause; ossec-notify outbox list --states suppressed --receiver busy shows them` + "\n" +
		"warning  outbox       receiver wrong: 1 delivery of the last day went to its fallback root-mail, the last at " + when + `: status 404: no such index\x1b[2J. To do: mend the cause; ossec-notify outbox list --states suppressed --receiver wrong shows them` + "\n" +
		"warning  outbox       receiver alone has failed since " + when + ", the last said: late. To do: mend the cause; ossec-notify outbox list --all --receiver alone shows what became of its alerts\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if x.worst != "" {
		t.Errorf("the worst is %q, want none that fails the command", x.worst)
	}
}

func TestDoctorKnowsPortsThatNeedARight(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:80": ": below port 1024 it needs a right that serve's user lacks", "[::1]:1023": ": below port 1024 it needs a right that serve's user lacks",
		"127.0.0.1:1024": "", ":9720": "", "x": "",
	} {
		if got := lowPort(address, 1024); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func TestDoctorTellsOfAnOutboxThatWasRemoved(t *testing.T) {
	for ran, want := range map[time.Duration]string{
		-1:        "ok       outbox       there is none: no alert has been delivered yet\n",
		0:         "ok       outbox       there is none yet: the deliverer has only begun\n",
		time.Hour: "warning  outbox       there is none, while somebody delivers since ",
	} {
		got, _ := examine(func(x *examination) {
			x.home, x.state = t.TempDir(), t.TempDir()
			x.delivering, x.since = ran >= 0, time.Now().Add(-ran)
			x.outbox(t.Context())
		})
		if !strings.HasPrefix(got, want) {
			t.Errorf("after %s: got %q, want %q", ran, got, want)
		}
	}
}

// A background deliverer stays while anything waits: where it does not, something took it away.
func TestDoctorTellsOfWhatWaitsWhileNobodyDelivers(t *testing.T) {
	for state, want := range map[outbox.State]string{
		outbox.Pending:   "warning  deliverer    nobody delivers now, and what is to go to soc waits for the next call. To do: ossec-notify outbox retry --receiver soc starts one; ",
		outbox.Held:      "warning  deliverer    nobody delivers now, and what is held for its time waits for the next call. To do: ossec-notify serve ",
		outbox.Delivered: "ok       deliverer    nobody delivers now; the next call starts one\n",
	} {
		got, _ := examine(func(x *examination) {
			x.idle = true
			x.queues([]outbox.Queue{{Receiver: "soc", Counts: map[outbox.State]int{state: 1}, Oldest: time.Now()}}, nil, nil)
			x.lastDeliverer()
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", state, got, want)
		}
	}
}

func TestDoctorTellsOfWhatWaitsForAReceiverThatIsNotInTheConfig(t *testing.T) {
	cfg := &config.Config{Path: "/c.yaml", Receivers: []*config.Receiver{{Name: "soc"}}}
	tell := func(cfg *config.Config) string {
		got, _ := examine(func(x *examination) {
			x.cfg = cfg
			for name, held := range map[string]int{"soc": 1, "down": 3, "argv-slack-123456": 1, "done": 0} {
				x.open = nil
				x.queues([]outbox.Queue{{Receiver: name, Counts: map[outbox.State]int{outbox.Held: held}}}, nil, nil)
				x.unknown()
			}
		})
		var lines []string
		for line := range strings.Lines(got) {
			if strings.Contains(line, "does not have") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	want := "warning  outbox       3 deliveries wait for down, which the config does not have, and will be given up. To do: put it back into /c.yaml; else they are given up, and then: ossec-notify outbox drop --dead --receiver down\n"
	if diff := cmp.Diff(want, tell(cfg)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := tell(nil); got != "" {
		t.Errorf("got %q without a config to go by", got)
	}
}

func TestDoctorWarnsOfAKilledDelivererWhenSomethingWaits(t *testing.T) {
	for waits, want := range map[int]string{0: "ok       deliverer    the last one was killed; the next", 2: "warning  deliverer    the last one was killed, and nobody delivers what waits (2). To do: "} {
		got, _ := examine(func(x *examination) {
			x.killed, x.waits = "the last one was killed", waits
			x.lastDeliverer()
		})
		if !strings.HasPrefix(got, want) {
			t.Errorf("%d wait: got %q, want %q", waits, got, want)
		}
	}
}

func TestDoctorTellsOfADiskThatIsNearlyFull(t *testing.T) {
	for free, want := range map[int64]string{
		noSpace - 1: "problem", noSpace: "warning", littleSpace - 1: "warning", littleSpace: "ok",
	} {
		got, x := examine(func(x *examination) { x.space(free) })
		if level := strings.Fields(got)[0]; level != want || (x.worst == levelProblem) != (want == "problem") {
			t.Errorf("%d bytes: got %q (worst %q), want %s", free, got, x.worst, want)
		}
	}
}

func TestDoctorAsksTheDaemonWhetherItIsReady(t *testing.T) {
	status, text := http.StatusOK, "ready\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	defer s.Close()
	address := s.Listener.Addr().String()
	ask := func(serving bool, http string) string {
		got, _ := examine(func(x *examination) {
			x.serving, x.cfg = serving, &config.Config{HTTP: config.HTTP{Listen: http}}
			x.ready(t.Context())
		})
		return got
	}
	for _, c := range []struct {
		status int
		text   string
		want   string
	}{
		{200, "ready\n", "ok       ready        serve answers on http " + address + ", and is ready\n"},
		{503, "the config is gone\nand so on\n", "problem  ready        serve says that it is not ready: the config is gone⏎and so on. To do: mend what it says"},
		{200, "It works!", "problem  ready        serve runs, and something else answers on http " + address + " (status 200); is the address in use by another program? To do: see its log"},
		{302, "", "problem  ready        serve runs, and something else answers on http " + address + " (status 302)"},
	} {
		status, text = c.status, c.text
		if got := ask(true, address); !strings.HasPrefix(got, c.want) {
			t.Errorf("status %d: got %q, want %q", c.status, got, c.want)
		}
	}
	if got := ask(false, address) + ask(true, ""); got != "" {
		t.Errorf("got %q with nobody to ask", got)
	}
	closed := freeAddress(t)
	if got, want := ask(true, closed), "problem  ready        serve runs, and nobody listens on http "+closed+". To do: see its log"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
