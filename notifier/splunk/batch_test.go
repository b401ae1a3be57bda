package splunk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// named is a notification whose event is {"n":"name"}, with further parts of its own.
func named(name string, parts map[string]string) notifier.Notification {
	n := bruteForce()
	n.Delivery = name
	n.Parts = map[string]display.Text{"event.json": display.Words(fmt.Sprintf(`{"n":%q}`, name))}
	for part, text := range parts {
		n.Parts[part] = display.Quote(text)
	}
	return n
}

// start makes a receiver of stand-ins, whose addresses are put before those of cfg.
func start(t *testing.T, cfg Config, options ...sandbox.Options) (*Notifier, []*sandbox.Server) {
	t.Helper()
	var all []*sandbox.Server
	var urls []string
	for _, opt := range options {
		c := newCollector(t, opt)
		all, urls = append(all, c.hec), append(urls, c.hec.SplunkURL())
	}
	cfg.URLs = append(urls, cfg.URLs...)
	cfg.Token = notifier.PlainSecret(sandbox.FakeHECToken)
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return newNotifier(t, cfg, client), all
}

// together sends events in one request, as far as that goes, and waits for their acknowledgements.
func together(t *testing.T, n *Notifier, timeout time.Duration, events ...notifier.Notification) []notifier.Result {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), timeout, errTimeout)
	defer cancel()
	var items []*item
	for _, e := range events {
		it, err := n.item(e)
		if err != nil {
			t.Fatal(err)
		}
		it.token = sandbox.FakeHECToken
		items = append(items, it)
	}
	results := n.send(ctx, items)
	for i, it := range items {
		if it.ack != nil {
			r, err := n.await(ctx, it.token, it.ack)
			results[i] = notifier.Result{Receipt: r, Err: err}
		}
	}
	return results
}

// outcomes are what became of each event, in a word or two.
func outcomes(results []notifier.Result) (all []string) {
	for _, r := range results {
		word := "delivered"
		if r.Err != nil {
			e := notifier.Classify(r.Err)
			word = strings.TrimSpace(e.Reason.String() + " " + e.Code)
			if e.Ambiguous {
				word += " ambiguous"
			}
		}
		all = append(all, word)
	}
	return all
}

// indexedAt are the names of the events that a collector has, and how often it was asked to take some.
func indexedAt(t *testing.T, s *sandbox.Server) (names []string, requests int) {
	t.Helper()
	for _, e := range s.HECEvents() {
		var event struct{ N string }
		if err := json.Unmarshal([]byte(e.Event), &event); err != nil {
			t.Errorf("%s: %v", e.Event, err)
		}
		names = append(names, event.N)
	}
	for _, m := range s.Messages() {
		if !strings.HasSuffix(m.Path, "/ack") {
			requests++
		}
	}
	return names, requests
}

func TestEventsOfOneRequestHaveOutcomesOfTheirOwn(t *testing.T) {
	plain := func(name string) notifier.Notification { return named(name, nil) }
	to := func(name, index string) notifier.Notification { return named(name, map[string]string{"index": index}) }
	tests := []struct {
		name     string
		opt      sandbox.Options
		cfg      Config
		other    bool // it is no Splunk that answers
		broken   bool // it takes nothing
		events   []notifier.Notification
		want     []string
		has      []string
		requests int
	}{
		{
			name: "all are well", events: []notifier.Notification{plain("a"), plain("b"), plain("c")},
			want: []string{"delivered", "delivered", "delivered"}, has: []string{"a", "b", "c"}, requests: 1,
		},
		{
			name: "one goes to an index that is not there", opt: sandbox.Options{HECIndexes: []string{"ossec"}},
			events: []notifier.Notification{plain("a"), to("b", "ossec"), to("c", "wrong"), plain("d"), plain("e")},
			want:   []string{"delivered", "delivered", "permanent 7", "delivered", "delivered"},
			has:    []string{"a", "b", "d", "e"}, requests: 3, // what goes to no index that may be wrong, b, c
		},
		{
			name: "many go to that index", opt: sandbox.Options{HECIndexes: []string{"ossec"}},
			events: []notifier.Notification{to("a", "wrong"), plain("b"), to("c", "wrong"), to("d", "wrong"), to("e", "bad"), plain("f"), to("g", "wrong")},
			want:   []string{"permanent 7", "delivered", "permanent 7", "permanent 7", "permanent 7", "delivered", "permanent 7"},
			has:    []string{"b", "f"}, requests: 3,
		},
		{
			name: "which need not be Splunk", opt: sandbox.Options{HECIndexes: []string{"ossec"}}, other: true,
			events: []notifier.Notification{plain("a"), to("b", "wrong"), plain("c")},
			want:   []string{"delivered", "permanent 7", "delivered"}, has: []string{"a", "c"}, requests: 2,
		},
		{
			name: "nor take what it takes for good", opt: sandbox.Options{HECIndexes: []string{"ossec"}, HECAck: true},
			events: []notifier.Notification{plain("a"), to("b", "wrong"), plain("c")},
			want:   []string{"delivered", "permanent 7", "delivered"}, has: []string{"a", "c"}, requests: 2,
		},
		{
			name: "an index of the config that is not there", opt: sandbox.Options{HECIndexes: []string{"ossec"}}, cfg: Config{Index: "osec"}, broken: true,
			events: []notifier.Notification{plain("a"), plain("b"), plain("c")},
			want:   []string{"misconfigured 7", "misconfigured 7", "misconfigured 7"}, requests: 1,
		},
		{
			name: "lines to one place", cfg: Config{Endpoint: "raw"}, events: []notifier.Notification{plain("a"), plain("b")},
			want: []string{"delivered", "delivered"}, has: []string{"a", "b"}, requests: 1,
		},
		{
			name: "lines to several places", cfg: Config{Endpoint: "raw"}, opt: sandbox.Options{HECIndexes: []string{"ossec", "sec"}},
			events: []notifier.Notification{to("a", "ossec"), to("b", "sec"), to("c", "ossec"), to("d", "wrong"), to("e", "wrong")},
			want:   []string{"delivered", "delivered", "delivered", "permanent 7", "permanent 7"},
			has:    []string{"a", "b", "c"}, requests: 3,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, hec := start(t, tt.cfg, tt.opt)
			if tt.other {
				n.client = &http.Client{Transport: unnamed{n.client.Transport}, Jar: n.client.Jar, CheckRedirect: n.client.CheckRedirect}
			}
			before := 0
			if !tt.broken {
				if got := outcomes(together(t, n, long, plain("first"))); got[0] != "delivered" {
					t.Fatalf("the first event is %s", got[0])
				}
				before = 1
			}
			results := together(t, n, long, tt.events...)
			if diff := cmp.Diff(tt.want, outcomes(results)); diff != "" {
				t.Errorf("outcomes differ (-want +got):\n%s", diff)
			}
			has, requests := indexedAt(t, hec[0])
			has, requests = has[before:], requests-before
			slices.Sort(has) // several places are written to side by side
			if diff := cmp.Diff(tt.has, has); diff != "" || requests != tt.requests {
				t.Errorf("%d requests, want %d; what is indexed differs (-want +got):\n%s", requests, tt.requests, diff)
			}
		})
	}
}

// unnamed takes away who answered.
type unnamed struct{ http.RoundTripper }

func (u unnamed) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Server")
	}
	return resp, err
}

func TestRefusalOfARequestIsNotThatOfAllItsEvents(t *testing.T) {
	splunkd, page := http.Header{"Server": {"Splunkd"}}, sandbox.Reply{Status: 403, Body: "<html>"}
	tests := []struct {
		name    string
		answers []sandbox.Reply
		want    string
		has     string
	}{
		{"which event it is, is not said", []sandbox.Reply{{Status: 400, Body: `{"text":"Invalid data format","code":6}`}},
			"delivered, delivered, delivered, delivered", "a b c d"},
		{"a number beyond the last", []sandbox.Reply{{Status: 400, Body: `{"text":"Invalid data format","code":6,"invalid-event-number":4}`, Header: splunkd}},
			"delivered, delivered, delivered, delivered", "a b c d"},
		{"one of them, found by halves", []sandbox.Reply{{Status: 413}, {}, {Status: 413}, {Status: 413}},
			"delivered, delivered, permanent, delivered", "a b d"},
		// After the first it is asked whether it is well.
		{"a guard that takes an alert for an attack", []sandbox.Reply{page, {}, page, {}, page, {}, {}},
			"delivered, permanent, delivered, delivered", "a c d"},
		{"a guard that knows nobody", []sandbox.Reply{page, page},
			"misconfigured, misconfigured, misconfigured, misconfigured", ""},
		{"the third, by its number", []sandbox.Reply{{Status: 400, Body: `{"text":"Event field cannot be blank","code":13,"invalid-event-number":2}`, Header: splunkd},
			{Status: 400, Body: `{"text":"Event field cannot be blank","code":13,"invalid-event-number":0}`, Header: splunkd}},
			"delivered, delivered, permanent 13, delivered", "d"}, // the stand-in saw neither a nor b
		{"the third, and then it is not", []sandbox.Reply{{Status: 400, Body: `{"text":"Event field cannot be blank","code":13,"invalid-event-number":2}`, Header: splunkd}},
			"delivered, delivered, delivered, delivered", "c d"},
		{"the token is wrong", []sandbox.Reply{{Status: 403, Body: `{"text":"Invalid token","code":4}`}},
			"misconfigured 4, misconfigured 4, misconfigured 4, misconfigured 4", ""},
		{"busy", []sandbox.Reply{{Status: 503, Body: `{"text":"Server is busy","code":9}`}},
			"temporary 9, temporary 9, temporary 9, temporary 9", ""},
		{"busy from the third on", []sandbox.Reply{{Status: 503, Body: `{"text":"Server is busy","code":9,"invalid-event-number":2}`, Header: splunkd}},
			"delivered, temporary ambiguous, temporary 9, temporary 9", ""},
		{"busy from the third on, somebody says", []sandbox.Reply{{Status: 503, Body: `{"text":"Server is busy","code":9,"invalid-event-number":2}`}},
			"temporary ambiguous, temporary ambiguous, temporary 9, temporary 9", ""},
		{"busy with the last", []sandbox.Reply{{Status: 503, Body: `{"text":"Server is busy","code":9,"invalid-event-number":4}`, Header: splunkd}},
			"delivered, delivered, delivered, temporary ambiguous", ""},
		{"a page", []sandbox.Reply{{Status: 200, Body: "<html>Please log in"}},
			"misconfigured, misconfigured, misconfigured, misconfigured", ""},
		{"no answer", []sandbox.Reply{{Reset: true}},
			"temporary ambiguous, temporary ambiguous, temporary ambiguous, temporary ambiguous", "a b c d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, hec := start(t, Config{}, sandbox.Options{})
			n.indexers[0].final.Store(true)
			hec[0].Script(sandbox.Splunk, tt.answers...)
			results := together(t, n, long, named("a", nil), named("b", nil), named("c", nil), named("d", nil))
			if got := strings.Join(outcomes(results), ", "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			has, requests := indexedAt(t, hec[0])
			if got := strings.Join(has, " "); got != tt.has {
				t.Errorf("%q are indexed, want %q", got, tt.has)
			}
			if requests > 2*len(results) {
				t.Errorf("%d requests for %d events", requests, len(results))
			}
			for _, r := range results {
				if r.Err != nil && strings.Contains(r.Err.Error(), sandbox.FakeHECToken) {
					t.Errorf("the token stands in %v", r.Err)
				}
			}
		})
	}
}

// Lines of many hosts are as many requests to the raw endpoint. One that takes long must not use up the time of the others.
func TestLinesThatGoToSeveralPlacesDoNotWaitForEachOther(t *testing.T) {
	n, hec := start(t, Config{Endpoint: "raw"}, sandbox.Options{})
	hold := make(chan struct{})
	hec[0].Script(sandbox.Splunk, sandbox.Reply{Hold: hold})
	results := make(chan []notifier.Result, 1)
	var events []notifier.Notification
	for i := range 2 * maxGroups {
		events = append(events, named(fmt.Sprint(i), map[string]string{"host": fmt.Sprint("host-", i%maxGroups)}))
	}
	go func() { results <- together(t, n, long, events...) }()
	waitFor(t, func() bool { return len(hec[0].HECEvents()) == len(events) }) // also those of the one that is held
	close(hold)
	for i, r := range <-results {
		if r.Err != nil {
			t.Errorf("event %d: %v", i, r.Err)
		}
	}
	if _, requests := indexedAt(t, hec[0]); requests != maxGroups {
		t.Errorf("%d requests, want one for each host", requests)
	}
}

func TestEventsOfOneRequestShareANumber(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{HECAck: true, HECAckAfter: 1})
	results := together(t, n, long, named("a", nil), named("b", nil), named("c", nil))
	for i, r := range results {
		if r.Err != nil || r.Receipt.ID != "0" {
			t.Errorf("event %d: got %+v, %v", i, r.Receipt, r.Err)
		}
	}
	if left := n.indexers[0].acks.ids(); len(left) != 0 {
		t.Errorf("%v are still waited for", left)
	}
	for _, m := range hec[0].Messages() {
		if strings.HasSuffix(m.Path, "/ack") && string(m.Body) != `{"acks":[0]}` {
			t.Errorf("asked for %s, want the number once", m.Body)
		}
	}
}

// Who gave up while the request was under way is told of the acknowledgement in the next attempt.
func TestEventIsKnownToWhoDidNotWaitForTheAnswer(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{HECAck: true})
	hold := make(chan struct{})
	hec[0].Script(sandbox.Splunk, sandbox.Reply{Hold: hold})
	patient, impatient := make(chan error, 1), make(chan error, 1)
	n.batch.Size, n.batch.Wait = 2, time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { _, err := n.Notify(t.Context(), named("patient", nil)); patient <- err }()
	go func() { _, err := n.Notify(ctx, named("impatient", nil)); impatient <- err }()
	waitFor(t, func() bool { return len(hec[0].Messages()) == 1 })
	cancel(errTimeout)
	if err := <-impatient; !notifier.Classify(err).Ambiguous {
		t.Errorf("got %v, want an ambiguous failure", err)
	}
	close(hold)
	if err := <-patient; err != nil {
		t.Error(err)
	}
	if r, err := n.Notify(t.Context(), named("impatient", nil)); err != nil || r.ID != "0" {
		t.Errorf("the next attempt: got %+v, %v, want the receipt of the first", r, err)
	}
	if has, requests := indexedAt(t, hec[0]); len(has) != 2 || requests != 1 {
		t.Errorf("%q are indexed by %d requests, want both, once", has, requests)
	}
}

// waitFor looks until something is so. It ends a test that hangs.
func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); !is(); <-tick.C {
		if time.Since(begun) > long {
			t.Fatal("it never was so")
		}
	}
}

// A collector that was started again counts from 0, so a number may mean another event than it did.
func TestNumberThatComesAgainMeansThatTheFirstIsLost(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{HECAck: true, HECAckAfter: 2})
	attempt := func(ctx context.Context, name string) (notifier.Receipt, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, long, errTimeout)
		defer cancel()
		return n.Notify(ctx, named(name, nil))
	}
	hold := make(chan struct{}) // so that it is not acknowledged before
	hec[0].Script(sandbox.Splunk, sandbox.Reply{}, sandbox.Reply{Status: 503, Hold: hold})
	ctx, end := context.WithCancelCause(t.Context())
	first := make(chan error, 1)
	go func() { _, err := attempt(ctx, "before"); first <- err }()
	waitFor(t, func() bool { return len(n.indexers[0].acks.ids()) == 1 && len(hec[0].Messages()) == 2 })
	end(errTimeout)
	if err := <-first; err == nil {
		t.Fatal("delivered, though nothing was acknowledged")
	}
	hec[0].RestartHEC()
	close(hold)
	if r, err := attempt(t.Context(), "after"); err != nil || r.ID != "0" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if r, err := attempt(t.Context(), "before"); err != nil || r.ID != "1" {
		t.Errorf("got %+v, %v, want that it is sent again", r, err)
	}
	if has, _ := indexedAt(t, hec[0]); !slices.Equal(has, []string{"before", "after", "before"}) {
		t.Errorf("%q are indexed", has)
	}
}

func TestWhoWaitsIsToldThatItsEventIsLost(t *testing.T) {
	n, hec := start(t, Config{}, sandbox.Options{HECAck: true, HECAckAfter: -1})
	lost := make(chan error, 1)
	go func() { _, err := n.Notify(t.Context(), named("before", nil)); lost <- err }()
	waitFor(t, func() bool { return len(n.indexers[0].acks.ids()) == 1 })
	hec[0].RestartHEC()
	ctx, end := context.WithCancelCause(t.Context())
	var other sync.WaitGroup
	other.Go(func() { _, _ = n.Notify(ctx, named("after", nil)) })
	err := <-lost
	end(errTimeout)
	other.Wait()
	if e := notifier.Classify(err); err == nil || e.Reason != notifier.Temporary || !e.Ambiguous || !strings.Contains(err.Error(), "started again") {
		t.Errorf("got %v, want a temporary, ambiguous failure that says why", err)
	}
}

func TestBatchesFillUnderLoad(t *testing.T) {
	const events = 300
	n, hec := start(t, Config{Gzip: true}, sandbox.Options{})
	workers := make(chan struct{}, Config{}.Parallel())
	var done sync.WaitGroup
	for i := range events {
		workers <- struct{}{}
		done.Go(func() {
			defer func() { <-workers }()
			if _, err := n.Notify(t.Context(), named(fmt.Sprint(i), nil)); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	has, requests := indexedAt(t, hec[0])
	slices.Sort(has)
	if len(slices.Compact(has)) != events {
		t.Errorf("%d events are indexed, want %d", len(has), events)
	}
	if requests > events/2 {
		t.Errorf("%d requests for %d events", requests, events)
	}
	t.Logf("%d events in %d requests", events, requests)
}
