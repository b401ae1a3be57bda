package hectest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/splunk"
)

// gate refuses, in the place of the receiver, which takes any index, what goes to one that is wrong.
type gate struct{ http.RoundTripper }

func (g gate) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(body), `"index":"wrong-`) {
		answer := `{"text":"Incorrect index","code":7,"invalid-event-number":1}`
		return &http.Response{StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
	}
	out := req.Clone(req.Context())
	out.Body, out.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	return g.RoundTripper.RoundTrip(out)
}

// Of events for many indexes, some of which are wrong, all others come out of the receiver once and in their index, acknowledged.
func TestEventsComeOutInTheIndexesOfATemplate(t *testing.T) {
	const events, indexes = 300, 25
	c := start(t, true)
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	client.Transport = gate{client.Transport}
	n, err := splunk.New(splunk.Config{URLs: []string{c.url}, Token: notifier.PlainSecret(token), Index: "{{ .Agent.Name }}"}, client)
	if err != nil {
		t.Fatal(err)
	}
	of := func(i int) string {
		if i%7 == 0 {
			return fmt.Sprint("wrong-", i)
		}
		return fmt.Sprint("web-", i%indexes)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var callers sync.WaitGroup
	for i := range events {
		callers.Go(func() {
			x := numbered(i)
			x.Parts["index"] = display.Quote(of(i))
			r, err := n.Notify(ctx, x)
			switch e := notifier.Classify(err); {
			case i%7 == 0 && (e.Reason != notifier.Permanent || !strings.Contains(e.Err.Error(), of(i))):
				t.Errorf("%s: got %v", of(i), err)
			case i%7 != 0 && (err != nil || r.ID == ""):
				t.Errorf("%s: got %+v, %v", of(i), r, err)
			}
		})
	}
	callers.Wait()
	want := slices.DeleteFunc(to(events), func(i int) bool { return i%7 == 0 })
	if diff := cmp.Diff(want, c.numbers()); diff != "" {
		t.Errorf("the events differ (-want +got):\n%s", diff)
	}
	for _, r := range c.records() {
		if body, ok := r.Body.(map[string]any); !ok || r.Index != of(int(body["n"].(float64))) {
			t.Errorf("%v is in the index %s", r.Body, r.Index)
		}
	}
	if requests := len(c.AllLogs()); requests >= len(want) {
		t.Errorf("%d requests for %d events", requests, len(want))
	}
}
