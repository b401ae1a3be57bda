package loki

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// TestTooManyStreamsStopNobody: whatever labels alerts make, each line is there once, none fails, and the requests are few.
func TestTooManyStreamsStopNobody(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"of the config":   {"job": "ossec", "site": "fra", "host": "{{ .Host }}"},
		"of the template": nil,
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 6))
			clock := time.Now().UTC()
			f := newForgetful(t, clock)
			f.streams = 6
			l := newNotifier(t, Config{URL: []string{f.url}, Labels: labels}, http.DefaultClient)
			event := func(id, host string) notifier.Notification {
				n := at(clock, id)
				n.Parts["label_host"] = display.Quote(host)
				n.Parts["labels.json"] = display.Words(fmt.Sprintf(`{"job":"ossec","host":%q}`, host))
				return n
			}
			for _, first := range []string{"", "web-01", "web-02"} { // those of a quiet day
				if _, err := l.Notify(t.Context(), event("first-"+first, first)); err != nil {
					t.Fatal(err)
				}
			}
			const many = 300
			hosts := 1 + random.IntN(many)
			var callers sync.WaitGroup
			var mu sync.Mutex
			warnings := 0
			for i := range many {
				host := "web-01"
				if random.IntN(3) > 0 {
					host = fmt.Sprint("evil-", random.IntN(hosts))
				}
				callers.Go(func() {
					r, err := l.Notify(t.Context(), event(fmt.Sprint("d", i), host))
					if err != nil {
						t.Errorf("d%d of %s: %v", i, host, err)
					}
					mu.Lock()
					defer mu.Unlock()
					warnings += strings.Count(r.Warning, "too many streams")
				})
			}
			callers.Wait()
			for i := range many {
				if got := f.stored[fmt.Sprint("d", i)]; len(got) != 1 {
					t.Errorf("d%d is there %d times: %v", i, len(got), got)
				}
			}
			if len(f.newest) > f.streams || f.requests > 3*many {
				t.Errorf("%d streams, want %d at most; %d requests for %d lines", len(f.newest), f.streams, f.requests, many)
			}
			if hosts > 100 && warnings != 1 {
				t.Errorf("it is told %d times, want once", warnings)
			}
			t.Logf("%d lines of %d hosts: %d requests", many, hosts, f.requests)
			before := 0
			for i := range 2 {
				before = f.requests
				if _, err := l.Notify(t.Context(), event(fmt.Sprint("last", i), "evil-last")); err != nil {
					t.Error(err)
				}
			}
			if f.requests != before+1 {
				t.Errorf("%d requests for a stream that was asked for a moment ago", f.requests-before)
			}
		})
	}
}

// Where not even one stream is to be had, the line waits as it did.
func TestNoStreamAtAllIsTemporary(t *testing.T) {
	f := newForgetful(t, time.Now())
	f.streams = 0
	_, err := newNotifier(t, Config{URL: []string{f.url}}, http.DefaultClient).Notify(t.Context(), at(time.Now(), "x"))
	if e := notifier.Classify(err); err == nil || e.Reason != notifier.Temporary || e.Code != tooMany || f.requests != 2 {
		t.Errorf("got %v after %d requests", err, f.requests)
	}
}

func TestSparedLineKeepsWhatItsLabelsSaid(t *testing.T) {
	n := at(time.Now(), "x")
	n.Parts["label_host"], n.Parts["label_src"], n.Parts["label_none"] = display.Quote("web-01"), display.Quote("another"), display.Quote("")
	e, err := newNotifier(t, Config{URL: []string{"http://127.0.0.1:1"}, Labels: map[string]string{"site": "fra", "host": "{{ .Host }}", "src": "{{ .User }}", "none": "{{ .None }}"}}, nil).entry(n)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(e.spared().labels, e.spared().metadata), "map[site:fra] map[host:web-01 rule_id:5712 src:203.0.113.9]"; got != want { // the metadata's own stays
		t.Errorf("got %s, want %s", got, want)
	}
	if got := fmt.Sprint(e.labels, e.metadata); got != "map[host:web-01 site:fra src:another] map[rule_id:5712 src:203.0.113.9]" {
		t.Errorf("the line itself is changed: %s", got)
	}
}

// A guard before Loki that takes what a log line says for an attack keeps that line out, and does not stop the receiver; one that knows
// nobody does.
func TestGuardBeforeLoki(t *testing.T) {
	requests, closed := 0, false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if body, _ := io.ReadAll(r.Body); closed || strings.Contains(string(body), "attack") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	l := newNotifier(t, Config{URL: []string{s.URL}}, s.Client())
	var entries []entry
	for _, id := range []string{"a", "attack", "b", "c", "d", "e", "f", "attack"} {
		e, err := l.entry(at(time.Now(), id))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	for i, r := range l.send(t.Context(), entries) {
		if bad := i == 1 || i == 7; bad != (r.Err != nil) || bad && notifier.Classify(r.Err).Reason != notifier.Permanent {
			t.Errorf("%d: %v", i, r.Err)
		}
	}
	if requests > 2*len(entries) {
		t.Errorf("%d requests for %d lines", requests, len(entries))
	}
	requests, closed = 0, true
	for i, r := range l.send(t.Context(), entries) {
		if r.Err == nil || notifier.Classify(r.Err).Reason != notifier.Misconfigured {
			t.Errorf("%d: %v", i, r.Err)
		}
	}
	if requests != 2 {
		t.Errorf("%d requests to who takes none, want the lines and a question", requests)
	}
}
