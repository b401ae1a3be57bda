package splunk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// TestWrongIndexesHarmNobodyElse: whichever events of many go to indexes that are not there, all others are indexed once, without a
// failure that would stop the receiver, and nobody is asked more often than if each event went alone.
func TestWrongIndexesHarmNobodyElse(t *testing.T) {
	good := []string{"ossec", "blocks", "sec-1", "audit", ""}
	for name, tt := range map[string]struct {
		opt   sandbox.Options
		cfg   Config
		other bool
	}{
		"Splunk":               {},
		"with acknowledgement": {opt: sandbox.Options{HECAck: true, HECAckAfter: 1}},
		"another collector":    {other: true},
		"lines":                {cfg: Config{Endpoint: "raw"}},
		"one by one":           {cfg: Config{Batch: notifier.Batching{Size: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 3))
			tt.opt.HECIndexes, tt.opt.Keep, tt.cfg.Index = good, 10_000, "{{ .User }}"
			n, hec := start(t, tt.cfg, tt.opt)
			if tt.other {
				n.client = &http.Client{Transport: unnamed{n.client.Transport}, Jar: n.client.Jar, CheckRedirect: n.client.CheckRedirect}
			}
			const events = 400
			share, kinds := random.IntN(100), 1+random.IntN(events) // of wrong ones, and how many of these there are
			index := map[string]string{}
			var want []string
			for i := range events {
				id := fmt.Sprintf("e%03d", i)
				if random.IntN(100) < share {
					index[id] = fmt.Sprint("wrong-", random.IntN(kinds))
				} else {
					index[id] = good[random.IntN(len(good))]
					want = append(want, id)
				}
			}
			var done sync.WaitGroup
			turns := make(chan struct{}, tt.cfg.Parallel()+8)
			for _, id := range slices.Sorted(maps.Keys(index)) {
				turns <- struct{}{}
				done.Go(func() {
					defer func() { <-turns }()
					_, err := n.Notify(t.Context(), named(id, map[string]string{"index": index[id]}))
					if !strings.HasPrefix(index[id], "wrong-") {
						if err != nil {
							t.Errorf("%s for %q: %v", id, index[id], err)
						}
						return
					}
					if e := notifier.Classify(err); err == nil || e.Reason != notifier.Permanent || e.Code != wrongIndex || !strings.Contains(e.Error(), fmt.Sprintf("the index %q: ", index[id])) {
						t.Errorf("%s for %q: got %v", id, index[id], err)
					}
				})
			}
			done.Wait()
			has, requests := indexedAt(t, hec[0])
			slices.Sort(has)
			if diff := cmp.Diff(want, has); diff != "" {
				t.Errorf("what is indexed differs (-want +got):\n%s", diff)
			}
			if requests > events {
				t.Errorf("%d requests for %d events", requests, events)
			}
			for _, e := range hec[0].HECEvents() {
				if id := e.Event[len(e.Event)-len(`e000"}`):][:len("e000")]; index[id] != e.Index {
					t.Errorf("%s is in the index %q, want %q", id, e.Index, index[id])
				}
			}
			t.Logf("%d events, of them %d for %d wrong indexes at most: %d requests", events, events-len(want), kinds, requests)
		})
	}
}

// What becomes of an event whose index may be wrong holds nobody up whose index is right.
func TestNobodyWaitsForAStrangeIndex(t *testing.T) {
	n, hec := start(t, Config{Index: "{{ .User }}"}, sandbox.Options{HECIndexes: []string{"ossec"}})
	attempt := func(name, index string) error {
		_, err := n.Notify(t.Context(), named(name, map[string]string{"index": index}))
		return err
	}
	if err := attempt("1", "ossec"); err != nil {
		t.Fatal(err)
	}
	hold, held := make(chan struct{}), make(chan error, 1)
	hec[0].Script(sandbox.Splunk, sandbox.Reply{Hold: hold})
	go func() { held <- attempt("2", "wrong") }()
	waitFor(t, func() bool { return len(hec[0].Messages()) == 2 })
	for i := range 3 {
		if err := attempt(fmt.Sprint(i), "ossec"); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-held:
		t.Errorf("nothing was held: %v", err)
	default:
	}
	close(hold)
	if err := <-held; notifier.Classify(err).Reason != notifier.Permanent {
		t.Errorf("got %v", err)
	}
}

// An index that was there and is not any more, or not at the collector that took over: the request tells which event it was.
func TestIndexThatIsGoneIsFoundInItsRequest(t *testing.T) {
	n, hec := start(t, Config{Index: "{{ .User }}"}, sandbox.Options{})
	to := func(name, index string) notifier.Notification { return named(name, map[string]string{"index": index}) }
	for _, r := range together(t, n, long, to("1", "a"), to("2", "b")) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	hec[0].Clear()
	gone := sandbox.Reply{Status: 400, Body: `{"text":"Incorrect index","code":7,"invalid-event-number":2}`, Header: http.Header{"Server": {"Splunkd"}}}
	alone := gone
	alone.Body = strings.Replace(gone.Body, "2", "1", 1)
	hec[0].Script(sandbox.Splunk, gone, alone)
	results := together(t, n, long, to("3", "a"), to("4", "b"), to("5", "a"), to("6", "b"))
	if got, want := strings.Join(outcomes(results), ", "), "delivered, permanent 7, delivered, permanent 7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(hec[0].Messages()) != 3 {
		t.Errorf("%d requests, want all, the one that is wrong, and the rest", len(hec[0].Messages()))
	}
	if n.indexes.strange(target{"a", true}) || !n.indexes.strange(target{"b", true}) {
		t.Error("b is still trusted, or a is not")
	}
}

// That a request was refused as a whole says nothing about its index.
func TestIndexIsTrustedForWhatWasTakenAlone(t *testing.T) {
	n, hec := start(t, Config{Index: "{{ .User }}"}, sandbox.Options{})
	busy, _ := sandbox.HECReply(9)
	hec[0].Script(sandbox.Splunk, sandbox.Reply{Status: 413}, busy, busy)
	to := func(name string) notifier.Notification { return named(name, map[string]string{"index": "a"}) }
	if got, want := strings.Join(outcomes(together(t, n, long, to("1"), to("2"))), ", "), "temporary 9, temporary 9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !n.indexes.strange(target{"a", true}) {
		t.Error("the index is trusted, and nothing was taken for it")
	}
	if got := outcomes(together(t, n, long, to("1"), to("2"))); got[0] != "delivered" || n.indexes.strange(target{"a", true}) {
		t.Errorf("got %s; trusted: %v", got, !n.indexes.strange(target{"a", true}))
	}
}

// TestWhatIndexesAreRememberedIsBounded: a collector may take any.
func TestWhatIndexesAreRememberedIsBounded(t *testing.T) {
	var x indexes
	for i := range 3 * maxIndexes {
		x.learn([]*item{{target: target{fmt.Sprint(i), true}, result: notifier.Result{Receipt: notifier.Receipt{Status: 200}}}}, nil)
		if len(x.taken) > maxIndexes || x.strange(target{fmt.Sprint(i), true}) {
			t.Fatalf("%d: %d are remembered, the last: %v", i, len(x.taken), x.taken[fmt.Sprint(i)])
		}
	}
}
