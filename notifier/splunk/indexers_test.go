package splunk

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestNextCollectorTakesOver(t *testing.T) {
	code := func(n int) sandbox.Reply {
		r, ok := sandbox.HECReply(n)
		if !ok {
			t.Fatalf("there is no code %d", n)
		}
		return r
	}
	tests := []struct {
		name   string
		answer sandbox.Reply
		want   string // of the attempt
		next   bool   // the second has the event
		moved  bool   // the second is used from then on
	}{
		{"internal error", code(8), "delivered", true, true},
		{"busy", code(9), "delivered", true, true},
		{"queues are full", code(18), "delivered", true, true},
		{"acknowledgements are full", code(19), "delivered", true, true},
		{"shutting down", code(23), "delivered", true, true},
		{"at its limit", code(26), "delivered", true, true},
		{"channel at its limit", code(27), "delivered", true, true},
		{"a proxy before it that finds nobody", sandbox.Reply{Status: 502, Body: "Bad Gateway"}, "delivered", true, true},
		{"limited", sandbox.Reply{Status: 429, Body: "slow down"}, "delivered", true, true},
		{"it is not known whether it was taken", sandbox.Reply{Reset: true}, "temporary ambiguous", false, true},
		{"wrong token", code(4), "misconfigured 4", false, false},
		{"wrong index", code(7), "misconfigured 7", false, false},
		{"no event", code(12), "permanent 12", false, false},
		{"nearly at its limit", sandbox.Reply{Status: 200, Body: `{"text":"Queue is approaching its limit","code":24}`}, "delivered", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, hec := start(t, Config{}, sandbox.Options{}, sandbox.Options{})
			hec[0].Script(sandbox.Splunk, tt.answer)
			if got := outcomes(together(t, n, long, named("a", nil))); got[0] != tt.want {
				t.Errorf("got %s, want %s", got[0], tt.want)
			}
			if has, _ := indexedAt(t, hec[1]); slices.Contains(has, "a") != tt.next {
				t.Errorf("the second has %q", has)
			}
			if got := outcomes(together(t, n, long, named("b", nil))); got[0] != "delivered" {
				t.Errorf("the next event: %s", got[0])
			}
			if has, _ := indexedAt(t, hec[1]); slices.Contains(has, "b") != tt.moved {
				t.Errorf("after the next event, the second has %q", has)
			}
		})
	}
}

func TestDeadCollectorCostsNoEvent(t *testing.T) {
	live, hec := start(t, Config{}, sandbox.Options{})
	cfg := live.cfg
	cfg.URLs = []string{nobody(t), nobody(t), hec[0].SplunkURL()}
	n := newNotifier(t, cfg, live.client)
	for _, name := range []string{"a", "b"} {
		if got := outcomes(together(t, n, long, named(name, nil))); got[0] != "delivered" {
			t.Errorf("%s: %s", name, got[0])
		}
	}
}

func TestFirstCollectorIsUsedAgain(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{}, sandbox.Options{})
	send := func(name string) {
		t.Helper()
		if got := outcomes(together(t, n, long, named(name, nil))); got[0] != "delivered" {
			t.Errorf("%s: %s", name, got[0])
		}
	}
	busy, _ := sandbox.HECReply(9)
	hec[0].Script(sandbox.Splunk, busy, busy)
	send("a") // to the second
	send("b") // stays there
	n.failover.Back = 1
	send("c") // the first is tried, and is still busy
	n.failover.Back = time.Hour
	send("d") // so it is left alone
	n.failover.Back = 1
	send("e") // the first again
	send("f")
	one, asked := indexedAt(t, hec[0])
	two, _ := indexedAt(t, hec[1])
	if got, want := strings.Join(one, "")+" "+strings.Join(two, ""), "ef abcd"; got != want || asked != 4 {
		t.Errorf("the collectors have %q, want %q; the first was asked %d times, want 4", got, want, asked)
	}
}

// One that takes connections and says nothing leaves time for the next; whether it has the event nobody knows, so that is told
// to the next attempt, which goes elsewhere.
func TestSilentCollectorIsLeftInTime(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{}, sandbox.Options{})
	hold := make(chan struct{})
	defer close(hold)
	hec[0].Script(sandbox.Splunk, sandbox.Reply{Hold: hold})
	results := together(t, n, time.Second, named("a", nil))
	if got := outcomes(results); got[0] != "temporary ambiguous" || !strings.Contains(results[0].Err.Error(), "no answer within this server's share of the timeout") {
		t.Errorf("got %s: %v, want an ambiguous failure in half of the time", got[0], results[0].Err)
	}
	if got := outcomes(together(t, n, long, named("a", nil))); got[0] != "delivered" {
		t.Errorf("the next attempt: %s", got[0])
	}
	if has, _ := indexedAt(t, hec[1]); !slices.Equal(has, []string{"a"}) {
		t.Errorf("the second has %q", has)
	}
}

func TestAcknowledgementIsAskedOfWhoTookTheEvent(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{HECAck: true, HECAckAfter: 3}, sandbox.Options{HECAck: true})
	first := make(chan []notifier.Result, 1)
	hold := make(chan struct{})
	hec[0].Script(sandbox.Splunk, sandbox.Reply{}, sandbox.Reply{Hold: hold}) // taken, and then asked
	go func() { first <- together(t, n, long, named("a", nil)) }()
	waitFor(t, func() bool { return len(hec[0].Messages()) >= 2 })
	n.failover.Failed(0, "is ill")
	if got := together(t, n, long, named("b", nil)); got[0].Err != nil || got[0].Receipt.ID != "0" {
		t.Errorf("b: %+v", got[0])
	}
	close(hold)
	if got := <-first; got[0].Err != nil || got[0].Receipt.ID != "0" {
		t.Errorf("a: %+v", got[0])
	}
	channels := map[string]int{}
	for i, s := range hec {
		for _, m := range s.Messages() {
			channels[m.Header.Get("X-Splunk-Request-Channel")] |= 1 << i
		}
		if has, _ := indexedAt(t, s); len(has) != 1 {
			t.Errorf("collector %d has %q", i+1, has)
		}
	}
	if len(channels) != 2 {
		t.Errorf("the two have channels %v, want one each", channels)
	}
}

// As long as the first may come back, it does not matter what is wrong with the second.
func TestEventIsNotGivenUpForTheSecondCollector(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{}, sandbox.Options{HECToken: "another"})
	busy, _ := sandbox.HECReply(9)
	hec[0].Script(sandbox.Splunk, busy)
	results := together(t, n, long, named("a", nil))
	if e := notifier.Classify(results[0].Err); results[0].Err == nil || e.Reason != notifier.Temporary || e.Hint == "" || !strings.Contains(e.Error(), "none of 2 collectors took it, the last: ") {
		t.Errorf("got %v, want a temporary failure with what to mend", results[0].Err)
	}
}

func TestRestOfARequestGoesToTheNextCollector(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{}, sandbox.Options{})
	n.indexers[0].final.Store(true)
	hec[0].Script(sandbox.Splunk, sandbox.Reply{Status: 503, Body: `{"text":"Server is busy","code":9,"invalid-event-number":2}`, Header: http.Header{"Server": {"Splunkd"}}})
	got := strings.Join(outcomes(together(t, n, long, named("a", nil), named("b", nil), named("c", nil), named("d", nil))), ", ")
	if want := "delivered, temporary ambiguous, delivered, delivered"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if has, _ := indexedAt(t, hec[1]); !slices.Equal(has, []string{"c", "d"}) {
		t.Errorf("the second has %q", has)
	}
}

func TestChangeOfCollectorIsToldOnce(t *testing.T) {
	live, hec := start(t, Config{}, sandbox.Options{HECAck: true})
	cfg := live.cfg
	dead := nobody(t)
	cfg.URLs = []string{dead, hec[0].SplunkURL()}
	n := newNotifier(t, cfg, live.client)
	host := func(i int) string { return n.indexers[i].endpoint.Host }
	told := ""
	for _, r := range append(together(t, n, long, named("a", nil), named("b", nil)), together(t, n, long, named("c", nil))...) {
		if r.Err != nil {
			t.Error(r.Err)
		}
		told += r.Receipt.Warning
	}
	if want := host(0) + " does not answer (connection refused): " + host(1) + " takes what is sent"; told != want {
		t.Errorf("got %q, want %q", told, want)
	}
}

func TestProbeAsksEachCollector(t *testing.T) {
	live, hec := start(t, Config{}, sandbox.Options{}, sandbox.Options{})
	if err := live.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	for i, s := range hec {
		if m := s.Messages(); len(m) != 2 || m[0].Path != "/services/collector/health" || m[1].Path != eventPath || len(m[1].Body) > 0 {
			t.Errorf("collector %d was asked %+v", i+1, m)
		}
		if has := s.HECEvents(); len(has) > 0 {
			t.Errorf("collector %d has %+v", i+1, has)
		}
	}
	cfg := live.cfg
	dead := []string{nobody(t), nobody(t)}
	cfg.URLs = []string{dead[0], hec[0].SplunkURL(), dead[1]}
	err := newNotifier(t, cfg, live.client).Probe(t.Context())
	for _, address := range dead {
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(address, "http://")) {
			t.Errorf("got %v, which does not name %s", err, address)
		}
	}
}

func TestProbeTellsWhetherTheTokenIsGood(t *testing.T) {
	code := func(n int) sandbox.Reply { r, _ := sandbox.HECReply(n); return r }
	for name, tt := range map[string]struct {
		health, answer sandbox.Reply
		want           string // in the error; "" for none
	}{
		"good":                     {sandbox.Reply{}, sandbox.Reply{}, ""},
		"wrong":                    {sandbox.Reply{}, code(4), "status 403: Invalid token (code 4) (check the token"},
		"disabled":                 {sandbox.Reply{}, code(1), "enable it"},
		"unwell":                   {code(18), sandbox.Reply{}, "ask the health of Splunk HEC"},
		"shutting down":            {sandbox.Reply{}, code(23), "shutting down"},
		"another server":           {sandbox.Reply{}, sandbox.Reply{Status: 200, Body: "<html>"}, "not a HEC endpoint"},
		"it takes what is empty":   {sandbox.Reply{}, sandbox.Reply{Status: 200, Body: `{"text":"Success","code":0,"ackId":7}`}, ""},
		"it has words of its own":  {sandbox.Reply{}, sandbox.Reply{Status: 400, Body: "no data"}, ""},
		"it says what it was told": {sandbox.Reply{}, sandbox.Reply{Status: 401, Body: "who is " + sandbox.FakeHECToken}, "status 401"},
	} {
		t.Run(name, func(t *testing.T) {
			n, hec := start(t, Config{}, sandbox.Options{})
			hec[0].Script(sandbox.Splunk, tt.health, tt.answer)
			err := n.Probe(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), sandbox.FakeHECToken) {
				t.Errorf("the token stands in %v", err)
			}
			if left := n.indexers[0].acks.ids(); len(left) > 0 {
				t.Errorf("%v are waited for", left)
			}
		})
	}
}
