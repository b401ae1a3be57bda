package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// collector is a stand-in with a receiver that sends to it.
type collector struct {
	*testing.T
	hec *sandbox.Server
	n   *Notifier
}

func newCollector(t *testing.T, opt sandbox.Options) *collector {
	t.Helper()
	s, err := sandbox.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return &collector{t, s, newNotifier(t, Config{URLs: []string{s.SplunkURL()}, Token: notifier.PlainSecret(sandbox.FakeHECToken)}, client)}
}

// attempt is one of a delivery, as long as the receiver's timeout. A short one ends when the event was taken, and a question for it answered:
// there is another one.
func (c *collector) attempt(id string, timeout time.Duration) (notifier.Receipt, error) {
	c.Helper()
	ctx, cancel := context.WithTimeoutCause(c.Context(), long, errTimeout)
	defer cancel()
	n := bruteForce()
	n.Delivery = id
	if timeout != short {
		return c.n.Notify(ctx, n)
	}
	_, before := c.sent()
	ctx, end := context.WithCancelCause(ctx)
	told := make(chan notifier.Result, 1)
	go func() {
		r, err := c.n.Notify(ctx, n)
		told <- notifier.Result{Receipt: r, Err: err}
	}()
	waitFor(c.T, func() bool { _, questions := c.sent(); return questions > before+1 || len(told) > 0 })
	end(errTimeout)
	r := <-told
	return r.Receipt, r.Err
}

var errTimeout = errors.New("no answer within the receiver's timeout")

const (
	long  = 20 * time.Second // nothing that is tested takes as long
	short = 0                // as long as it has to be
)

// sent counts the events and the questions.
func (c *collector) sent() (events, questions int) {
	for _, m := range c.hec.Messages() {
		if strings.HasSuffix(m.Path, "/ack") {
			questions++
		} else if m.Accepted {
			events++
		}
	}
	return events, questions
}

// unacknowledged checks the failure of an attempt in which the event was taken and not acknowledged.
func (c *collector) unacknowledged(err error) {
	c.Helper()
	if err == nil {
		c.Fatal("delivered, though nothing was acknowledged")
	}
	e := notifier.Classify(err)
	if e.Reason != notifier.Temporary || !e.Ambiguous || e.Code != "not acknowledged" {
		c.Errorf("got %v, ambiguous %v, code %q, want temporary, true, not acknowledged: %v", e.Reason, e.Ambiguous, e.Code, err)
	}
	if !errors.Is(err, errTimeout) {
		c.Errorf("the error does not wrap the cause of the context: %v", err)
	}
}

func TestEventIsDeliveredWhenItIsAcknowledged(t *testing.T) {
	for name, c := range map[string]struct {
		opt       sandbox.Options
		id        string
		questions int
	}{
		"acks off": {sandbox.Options{}, "", 0},
		"at once":  {sandbox.Options{HECAck: true}, "0", 1},
		"late":     {sandbox.Options{HECAck: true, HECAckAfter: 3}, "0", 4},
	} {
		t.Run(name, func(t *testing.T) {
			hec := newCollector(t, c.opt)
			got, err := hec.attempt("D1", long)
			if want := (notifier.Receipt{Status: 200, ID: c.id}); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			if events, questions := hec.sent(); events != 1 || questions != c.questions {
				t.Errorf("%d events, %d questions, want 1, %d", events, questions, c.questions)
			}
			for _, m := range hec.hec.Messages() {
				if len(m.Problems) > 0 {
					t.Errorf("%s: %q", m.Path, m.Problems)
				}
			}
			if left := hec.n.indexers[0].acks.ids(); len(left) != 0 {
				t.Errorf("%v are still waited for", left)
			}
		})
	}
}

func TestNextAttemptWaitsOnAndSendsNothing(t *testing.T) {
	c := newCollector(t, sandbox.Options{HECAck: true, HECAckAfter: 4})
	_, err := c.attempt("D1", short)
	c.unacknowledged(err)
	got, err := c.attempt("D1", long)
	if err != nil || got.ID != "0" {
		t.Errorf("got %+v, %v, want the first event's receipt", got, err)
	}
	if events, _ := c.sent(); events != 1 {
		t.Errorf("%d events, want 1", events)
	}
	// That it was told is not remembered for ever: a person may retry what was delivered.
	if got, err := c.attempt("D1", long); err != nil || got.ID != "1" {
		t.Errorf("sent once more: got %+v, %v, want a second event", got, err)
	}
}

func TestEventIsSentAgainWhenItWasWaitedForLongEnough(t *testing.T) {
	c := newCollector(t, sandbox.Options{HECAck: true, HECAckAfter: -1})
	for range 3 { // as the queue does
		_, err := c.attempt("D1", short)
		c.unacknowledged(err)
	}
	if events, _ := c.sent(); events != 1 {
		t.Errorf("%d events before the patience was over, want 1", events)
	}
	c.forgetPatience()
	_, err := c.attempt("D1", short)
	c.unacknowledged(err)
	if events, _ := c.sent(); events != 2 {
		t.Errorf("%d events after it, want 2", events)
	}
}

// forgetPatience makes what waits as old as it may become.
func (c *collector) forgetPatience() {
	c.n.indexers[0].acks.mu.Lock()
	defer c.n.indexers[0].acks.mu.Unlock()
	for w := range c.n.indexers[0].acks.waiting {
		w.sent = w.sent.Add(-ackPatience)
	}
}

func TestWhoWaitsAsksForAll(t *testing.T) {
	const workers, each = 8, 10
	c := newCollector(t, sandbox.Options{HECAck: true, HECAckAfter: 1})
	var done sync.WaitGroup
	for worker := range workers {
		done.Go(func() {
			for i := range each {
				if _, err := c.attempt(fmt.Sprint(worker, "-", i), long); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	requests, questions := c.sent()
	if requests >= workers*each {
		t.Errorf("%d requests for %d events: they were not sent together", requests, workers*each)
	}
	// Alone, each event takes two questions.
	if questions > workers*each {
		t.Errorf("%d questions for %d events: they were not asked for together", questions, workers*each)
	}
	t.Logf("%d events, %d requests, %d questions", workers*each, requests, questions)
}

func TestQuestionThatFailsIsAskedAgain(t *testing.T) {
	for name, reply := range map[string]sandbox.Reply{
		"busy":      {Status: 503, Body: `{"text":"Server is busy","code":9}`},
		"limited":   {Status: 429, Header: http.Header{"Retry-After": {"0.01"}}},
		"a proxy's": {Status: 200, Body: "<html>"},
		"no acks":   {Status: 200, Body: `{"text":"Success","code":0}`},
		"reset":     {Status: 500, Reset: true}, // before Splunk saw it
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, sandbox.Options{HECAck: true})
			c.hec.Script(sandbox.Splunk, sandbox.Reply{}, reply, reply)
			if got, err := c.attempt("D1", long); err != nil || got.Warning != "" {
				t.Errorf("got %+v, %v, want success", got, err)
			}
			if events, questions := c.sent(); events != 1 || questions != 3 {
				t.Errorf("%d events, %d questions, want 1, 3", events, questions)
			}
		})
	}
}

// An acknowledgement is given once. If that answer is lost, the event is sent again, and only then.
func TestLostAcknowledgementCostsASecondEvent(t *testing.T) {
	c := newCollector(t, sandbox.Options{HECAck: true})
	c.hec.Script(sandbox.Splunk, sandbox.Reply{}, sandbox.Reply{Reset: true})
	for range 2 {
		_, err := c.attempt("D1", short)
		c.unacknowledged(err)
	}
	c.forgetPatience()
	if got, err := c.attempt("D1", long); err != nil || got.ID != "1" {
		t.Errorf("got %+v, %v, want the second event's receipt", got, err)
	}
}

// Who asks may have to leave before the answer is there. What it says holds all the same.
func TestAnswerToAQuestionIsHeardThoughWhoAskedHasGone(t *testing.T) {
	c := newCollector(t, sandbox.Options{HECAck: true})
	hold := make(chan struct{})
	c.hec.Script(sandbox.Splunk, sandbox.Reply{}, sandbox.Reply{Hold: hold})
	ctx, leave := context.WithCancelCause(t.Context())
	left := make(chan error, 1)
	go func() {
		n := bruteForce()
		n.Delivery = "D1"
		_, err := c.n.Notify(ctx, n)
		left <- err
	}()
	waitFor(t, func() bool { _, questions := c.sent(); return questions == 1 })
	leave(errTimeout)
	c.unacknowledged(<-left)
	close(hold)
	if got, err := c.attempt("D1", long); err != nil || got.ID != "0" {
		t.Errorf("got %+v, %v, want the receipt of what was sent", got, err)
	}
	if events, questions := c.sent(); events != 1 || questions != 1 {
		t.Errorf("%d events, %d questions, want one each", events, questions)
	}
}

func TestCollectorThatCannotBeAskedIsTakenAtItsWord(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			c := newCollector(t, sandbox.Options{HECAck: true})
			refusal := sandbox.Reply{Status: status, Body: `{"text":"ACK is disabled","code":14} ` + sandbox.FakeHECToken}
			c.hec.Script(sandbox.Splunk, sandbox.Reply{}, refusal, sandbox.Reply{}, refusal)
			got, err := c.attempt("D1", long)
			if err != nil || !strings.Contains(got.Warning, "cannot be asked") || !strings.Contains(got.Warning, "ACK is disabled") {
				t.Errorf("got %+v, %v, want success and a warning", got, err)
			}
			if strings.Contains(got.Warning, sandbox.FakeHECToken) {
				t.Errorf("the token stands in the warning: %s", got.Warning)
			}
			if got, err := c.attempt("D2", long); err != nil || got.Warning != "" {
				t.Errorf("got %+v, %v, want success: it is told once", got, err)
			}
		})
	}
}

func TestErrorOfAQuestionHoldsNoToken(t *testing.T) {
	c := newCollector(t, sandbox.Options{HECAck: true})
	echo := sandbox.Reply{Status: 503, Body: "Authorization: Splunk " + sandbox.FakeHECToken}
	c.hec.Script(sandbox.Splunk, sandbox.Reply{}, echo, echo, echo, echo, echo, echo, echo, echo)
	_, err := c.attempt("D1", short)
	c.unacknowledged(err)
	if !strings.Contains(err.Error(), "status 503") || strings.Contains(err.Error(), sandbox.FakeHECToken) {
		t.Errorf("want what the question failed with and no token: %v", err)
	}
}

func TestPathOfOnesOwnIsNotAsked(t *testing.T) {
	var paths []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		_, _ = io.WriteString(w, `{"text":"Success","code":0,"ackId":7}`)
	}))
	defer s.Close()
	n := newNotifier(t, Config{URLs: []string{s.URL + "/hec"}}, s.Client())
	got, err := n.Notify(t.Context(), bruteForce())
	if err != nil || got.ID != "7" || !strings.Contains(got.Warning, "path") {
		t.Errorf("got %+v, %v, want success and a warning", got, err)
	}
	if len(paths) != 1 || paths[0] != "/hec" {
		t.Errorf("requests to %q", paths)
	}
}

// A load balancer that keeps a sender with one indexer does so by a cookie.
func TestQuestionGoesToTheIndexerThatTookTheEvent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/ack") {
			http.SetCookie(w, &http.Cookie{Name: "AWSALB", Value: "indexer-2", Path: "/"})
			_, _ = io.WriteString(w, `{"text":"Success","code":0,"ackId":7}`)
			return
		}
		cookie, err := r.Cookie("AWSALB")
		if err != nil || cookie.Value != "indexer-2" || r.URL.Query().Get("channel") != r.Header.Get("X-Splunk-Request-Channel") {
			t.Errorf("cookie %v, %v, channel %q", cookie, err, r.URL.Query().Get("channel"))
		}
		var asked struct{ Acks []int64 }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Acks) != 1 || asked.Acks[0] != 7 {
			t.Errorf("asked for %v, %v", asked.Acks, err)
		}
		_, _ = io.WriteString(w, `{"acks":{"7":true}}`)
	}))
	defer s.Close()
	if got, err := newNotifier(t, Config{URLs: []string{s.URL}}, s.Client()).Notify(t.Context(), bruteForce()); err != nil || got.ID != "7" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAckURL(t *testing.T) {
	for from, want := range map[string]string{
		"https://splunk:8088/services/collector/event":            "https://splunk:8088/services/collector/ack?channel=G",
		"https://splunk:8088/services/collector/event/1.0":        "https://splunk:8088/services/collector/ack?channel=G",
		"https://splunk:8088/services/collector":                  "https://splunk:8088/services/collector/ack?channel=G",
		"https://splunk:8088/services/collector/":                 "https://splunk:8088/services/collector/ack?channel=G",
		"https://example.com/eu/services/collector/event?auto=1":  "https://example.com/eu/services/collector/ack?auto=1&channel=G",
		"https://example.com/hec":                                 "",
		"https://example.com/services/collector/raw?sourcetype=x": "https://example.com/services/collector/ack?channel=G",
	} {
		u, err := url.Parse(from)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if a := ackURL(u, "G"); a != nil {
			got = a.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
	}
}

func TestChannelIsTheSendersOwnAndStays(t *testing.T) {
	of := func(cfg Config) string { return newNotifier(t, cfg, nil).indexers[0].channel }
	one := of(Config{URLs: []string{"https://splunk:8088"}})
	if !guid.MatchString(one) {
		t.Errorf("%q is no GUID", one)
	}
	if again := of(Config{URLs: []string{"https://splunk:8088"}}); again != one {
		t.Errorf("the same receiver has %q and %q", one, again)
	}
	for _, cfg := range []Config{{URLs: []string{"https://splunk:8088"}, Index: "i"}, {URLs: []string{"https://other:8088"}}} {
		if of(cfg) == one {
			t.Errorf("%+v has the channel of another receiver", cfg)
		}
	}
	const own = "8f7e2c1a-0b9d-4c3e-a1f0-5d6b7a8c9e0f"
	if got := of(Config{URLs: []string{"https://splunk:8088"}, Channel: own}); got != own {
		t.Errorf("got %q, want the setting's", got)
	}
}
