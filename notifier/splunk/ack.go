package splunk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
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

// taken is a request that a collector took and has not acknowledged. All its events have one number.
type taken struct {
	by   *indexer
	id   int64
	sent time.Time
	done chan struct{} // closed once it is known to be indexed, or that nobody can say
	lost bool          // set before done is closed: it is known that it never will be acknowledged
}

// ack is an event that was taken.
type ack struct {
	*taken
	delivery string
	receipt  notifier.Receipt
}

// acks are the acknowledgements that one collector owes. Whoever waits asks for all, and one at a time: an
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

// add notes the events of a request that was taken, before anybody learns of it: who waited for the answer may have gone.
//
// A collector that was started again counts from the beginning, and what it had taken before is gone with what it knew of
// it. So a number that comes a second time says that the first is lost.
func (a *acks) add(t *taken, events []*ack) {
	t.sent, t.done = time.Now(), make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	// Of what waited in vain and never came again, nobody will ask.
	maps.DeleteFunc(a.waiting, func(w *ack, _ bool) bool { return time.Since(w.sent) > 2*ackPatience })
	if len(a.waiting) == 0 {
		a.pause = minPause
	}
	for w := range a.waiting {
		if w.id == t.id && !w.isDone() {
			w.lost = true
			close(w.done)
		}
	}
	for _, w := range events {
		w.taken = t
		a.waiting[w] = true
	}
}

// of finds the event of a delivery that was sent in an earlier attempt, unless it is lost or was waited for long enough.
func (a *acks) of(delivery string) (w *ack, overdue bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.waiting {
		switch {
		case w.delivery != delivery:
		case w.lost:
			delete(a.waiting, w)
		case !w.isDone() && time.Since(w.sent) >= ackPatience:
			delete(a.waiting, w)
			overdue = true
		default:
			return w, false
		}
	}
	return nil, overdue
}

func (t *taken) isDone() bool {
	select {
	case <-t.done:
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
	return slices.Compact(ids) // events of one request share theirs
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
			w.receipt.Warning = both(w.receipt.Warning, why)
		}
		close(w.done)
	}
}

func both(warning, another string) string {
	return strings.Trim(warning+"; "+another, "; ")
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

// isLost reports whether an event that is no longer waited for was lost.
func (a *acks) isLost(w *ack) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.lost
}

// await waits until an event is acknowledged.
func (s *Notifier) await(ctx context.Context, token string, w *ack) (notifier.Receipt, error) {
	acks := w.by.acks
	ctx, cancel := context.WithDeadlineCause(ctx, w.sent.Add(ackPatience), fmt.Errorf("not within %s", ackPatience))
	defer cancel()
	for !w.isDone() {
		select {
		case <-w.done:
		case <-ctx.Done():
			return notifier.Receipt{}, unacknowledged(context.Cause(ctx), w)
		case acks.turn <- struct{}{}:
			s.askAfterPause(ctx, token, w)
			<-acks.turn
		}
	}
	acks.forget(w)
	if acks.isLost(w) {
		return notifier.Receipt{}, unacknowledged(errors.New("the collector began to count anew, so it was started again and has forgotten it"), w)
	}
	return w.receipt, nil
}

func unacknowledged(cause error, w *ack) error {
	_, trouble := w.by.acks.state()
	e := notifier.Errorf(notifier.Temporary, "post to Splunk HEC at %s: status %d, but the event is not acknowledged: %w", w.by.endpoint.Host, w.receipt.Status, cause)
	if trouble != nil {
		e.Err = fmt.Errorf("%w; %w", e.Err, trouble)
	}
	e.Code, e.Ambiguous = "not acknowledged", true
	e.Hint = "the indexers are slow or down; give the receiver a longer timeout, or turn acknowledgement off for the token"
	return e
}

// askAfterPause asks for all that wait, on behalf of one of them.
func (s *Notifier) askAfterPause(ctx context.Context, token string, w *ack) {
	pause, _ := w.by.acks.state()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-w.done: // by who had the turn before
		return
	case <-t.C:
	}
	s.ask(ctx, token, w.by)
}

// ask polls once. An acknowledgement in an answer that is lost is lost, too: its event will be sent again.
func (s *Notifier) ask(ctx context.Context, token string, of *indexer) {
	if of.ackURL == nil {
		of.acks.unanswerable("Splunk acknowledges events, but the setting url names a path whose ack endpoint is not known; leave the path away")
		return
	}
	ids := of.acks.ids()
	if len(ids) == 0 { // all were lost meanwhile
		return
	}
	body, err := json.Marshal(map[string][]int64{"acks": ids})
	if err != nil {
		panic(fmt.Sprintf("splunk: numbers that are no JSON: %v", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, of.ackURL.String(), bytes.NewReader(body))
	if err != nil {
		of.acks.failed(notifier.Classify(err))
		return
	}
	authorize(req, token, of)
	req.Header.Set("Content-Type", "application/json")
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	what := "ask Splunk HEC at " + of.endpoint.Host + " for acknowledgements"
	failure := answer.Failure(what)
	switch {
	case failure != nil && failure.Reason == notifier.Temporary:
		of.acks.failed(failure)
		return
	case failure != nil: // 14 is "ACK is disabled"; or it is no collector's endpoint, or not for this token
		of.acks.unanswerable("Splunk took the event, but cannot be asked whether it is indexed: " + failure.Error())
		return
	}
	var reply struct {
		Acks map[string]bool `json:"acks"`
	}
	if err := json.Unmarshal(answer.Body, &reply); err != nil || reply.Acks == nil {
		of.acks.failed(&notifier.Error{Err: errors.New(what + ": the answer is none of a collector's")})
		return
	}
	of.acks.given(reply.Acks)
}
