package splunk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Times of acknowledgement. Splunk says neither how long an indexer takes nor how often to ask.
const (
	// ackPatience is how long an event that was taken may go without acknowledgement before it is sent again.
	ackPatience = 5 * time.Minute
	// The pause between two questions is halved while answers come, and doubled while none does.
	minPause = 25 * time.Millisecond
	maxPause = time.Second
	// maxAskAfter bounds what the collector may ask us to wait between questions: an attempt has some 10 s in all.
	maxAskAfter = 5 * time.Second
)

// ack is an event that the collector took and has not acknowledged.
type ack struct {
	delivery string
	id       int64
	sent     time.Time
	receipt  notifier.Receipt
	done     chan struct{} // closed once it is known to be indexed, or that nobody can say
}

// acks are the acknowledgements that a receiver waits for. Whoever waits asks for all, and one at a time: an
// acknowledgement is given once and then forgotten, and of an id that it does not know the collector says what it
// says of one that must wait (help.splunk.com "About HTTP Event Collector Indexer Acknowledgment").
//
// What is not acknowledged when its attempt ends is kept, so that the next attempt goes on waiting and does not send
// the event a second time. Only with the process is it forgotten.
type acks struct {
	turn chan struct{} // holds one: who put it there is asking

	mu      sync.Mutex
	waiting map[*ack]bool
	pause   time.Duration
	trouble error // why the last question had no answer
	unasked bool  // that nobody can be asked was told
}

func newAcks() *acks {
	return &acks{turn: make(chan struct{}, 1), waiting: map[*ack]bool{}}
}

// add notes an event that was taken.
func (a *acks) add(delivery string, id int64, receipt notifier.Receipt) *ack {
	a.mu.Lock()
	defer a.mu.Unlock()
	// Of what waited in vain and never came again, nobody will ask.
	maps.DeleteFunc(a.waiting, func(w *ack, _ bool) bool { return time.Since(w.sent) > 2*ackPatience })
	if len(a.waiting) == 0 {
		a.pause = minPause
	}
	w := &ack{delivery: delivery, id: id, sent: time.Now(), receipt: receipt, done: make(chan struct{})}
	a.waiting[w] = true
	return w
}

// of finds the event of a delivery that was sent in an earlier attempt, unless it was waited for long enough.
func (a *acks) of(delivery string) *ack {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.waiting {
		if w.delivery != delivery || delivery == "" {
			continue
		}
		if !w.isDone() && time.Since(w.sent) >= ackPatience {
			delete(a.waiting, w)
			continue
		}
		return w
	}
	return nil
}

func (w *ack) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// ids are those to ask for.
func (a *acks) ids() []int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ids []int64
	for w := range a.waiting {
		if !w.isDone() {
			ids = append(ids, w.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// given notes what was acknowledged, before anything else happens: it is not said again.
func (a *acks) given(indexed map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = nil
	progress := false
	for w := range a.waiting {
		if indexed[strconv.FormatInt(w.id, 10)] && !w.isDone() {
			close(w.done)
			progress = true
		}
	}
	if progress {
		a.pause = max(a.pause/2, minPause)
	} else {
		a.pause = min(a.pause*2, maxPause)
	}
}

// failed notes a question that had no answer, and may be asked again.
func (a *acks) failed(err *notifier.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = err
	a.pause = max(min(a.pause*2, maxPause), min(err.RetryAfter, maxAskAfter))
}

// unanswerable ends the wait for all: they were taken, and more is not to be known. That is told once.
func (a *acks) unanswerable(why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.waiting {
		if w.isDone() {
			continue
		}
		if !a.unasked {
			a.unasked = true
			w.receipt.Warning = strings.TrimPrefix(w.receipt.Warning+"; "+why, "; ")
		}
		close(w.done)
	}
}

func (a *acks) forget(w *ack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, w)
}

func (a *acks) state() (pause time.Duration, trouble error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pause, a.trouble
}

// await waits until an event is acknowledged.
func (s *Notifier) await(ctx context.Context, token string, w *ack) (notifier.Receipt, error) {
	ctx, cancel := context.WithDeadlineCause(ctx, w.sent.Add(ackPatience), fmt.Errorf("not within %s", ackPatience))
	defer cancel()
	for !w.isDone() {
		select {
		case <-w.done:
		case <-ctx.Done():
			return notifier.Receipt{}, s.unacknowledged(context.Cause(ctx), w)
		case s.acks.turn <- struct{}{}:
			s.askAfterPause(ctx, token, w)
			<-s.acks.turn
		}
	}
	s.acks.forget(w)
	return w.receipt, nil
}

func (s *Notifier) unacknowledged(cause error, w *ack) error {
	_, trouble := s.acks.state()
	e := notifier.Errorf(notifier.Temporary, "post to Splunk HEC at %s: status %d, but the event is not acknowledged: %w", s.endpoint.Host, w.receipt.Status, cause)
	if trouble != nil {
		e.Err = fmt.Errorf("%w; %w", e.Err, trouble)
	}
	e.Code, e.Ambiguous = "not acknowledged", true
	e.Hint = "the indexers are slow or down; give the receiver a longer timeout, or turn acknowledgement off for the token"
	return e
}

// askAfterPause asks for all that wait, on behalf of one of them.
func (s *Notifier) askAfterPause(ctx context.Context, token string, w *ack) {
	pause, _ := s.acks.state()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-w.done: // by who had the turn before
		return
	case <-t.C:
	}
	s.ask(ctx, token)
}

// ask polls once. An acknowledgement in an answer that is lost is lost, too: its event will be sent again.
func (s *Notifier) ask(ctx context.Context, token string) {
	if s.ackURL == nil {
		s.acks.unanswerable("Splunk acknowledges events, but the setting url names a path whose ack endpoint is not known; leave the path away")
		return
	}
	body, err := json.Marshal(map[string][]int64{"acks": s.acks.ids()})
	if err != nil {
		panic(fmt.Sprintf("splunk: numbers that are no JSON: %v", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.ackURL.String(), bytes.NewReader(body))
	if err != nil {
		s.acks.failed(notifier.Classify(err))
		return
	}
	s.authorize(req, token)
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	what := "ask Splunk HEC at " + s.endpoint.Host + " for acknowledgements"
	failure := answer.Failure(what)
	switch {
	case failure != nil && failure.Reason == notifier.Temporary:
		s.acks.failed(failure)
		return
	case failure != nil: // 14 is "ACK is disabled"; or it is no collector's endpoint, or not for this token
		s.acks.unanswerable("Splunk took the event, but cannot be asked whether it is indexed: " + failure.Error())
		return
	}
	var reply struct {
		Acks map[string]bool `json:"acks"`
	}
	if err := json.Unmarshal(answer.Body, &reply); err != nil || reply.Acks == nil {
		s.acks.failed(&notifier.Error{Err: errors.New(what + ": the answer is none of a collector's")})
		return
	}
	s.acks.given(reply.Acks)
}

// ackURL is where acknowledgements are asked for, beside the endpoint for events; nil where the path is an
// operator's own (help.splunk.com "HTTP Event Collector REST API endpoints").
func ackURL(endpoint *url.URL, channel string) *url.URL {
	u := *endpoint
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/1.0"), "/event")
	if !strings.HasSuffix(base, "/services/collector") {
		return nil
	}
	u.Path, u.RawPath = base+"/ack", ""
	query := u.Query()
	query.Set("channel", channel)
	u.RawQuery = query.Encode()
	return &u
}
