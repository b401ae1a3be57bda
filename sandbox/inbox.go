package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Service names a stand-in.
type Service string

// The services. Unknown is an address of the HTTP server where no service is.
const (
	Slack     Service = "slack"     // incoming webhook
	SlackAPI  Service = "slack-api" // auth.test, chat.postMessage, chat.update, conversations.history, conversations.replies, users.conversations
	PagerDuty Service = "pagerduty" // Events API v2
	// PagerDutyREST is what of the REST API v2 reads: who is on call, where incidents stand.
	PagerDutyREST Service = "pagerduty-rest"
	Splunk        Service = "splunk"        // HTTP Event Collector
	Elasticsearch Service = "elasticsearch" // bulk API
	Loki          Service = "loki"          // push API
	Webhook       Service = "webhook"
	Email         Service = "email"
	Unknown       Service = "unknown"
)

// Message is one request or mail with the answer it got. Header and Body are as they came, credentials
// included.
type Message struct {
	// ID counts arrivals from 1.
	ID      int
	Service Service
	At      time.Time

	// Method is the HTTP method, or the SMTP command that the answer is for: DATA for a whole mail, another for
	// one that was refused before. Path and Query are the request's and empty for mail.
	Method, Path, Query string
	// Header is the request's, or the mail's own. Body is the request's, inflated, or the whole mail.
	Header http.Header
	Body   []byte
	// From and To are a mail's envelope.
	From string
	To   []string

	// Status is the HTTP status or SMTP code of the answer; 0 where the sender went away before it.
	Status       int
	AnswerHeader http.Header
	Answer       string
	// Problems are all rules that the message breaks, in words: why it was refused, or what a service that took
	// it silently ignores, cuts or drops.
	Problems []string
	// Accepted is true when the service took the message. It is false for requests that are no message:
	// auth.test, what is in a channel, the state of acknowledgements, health.
	Accepted bool
}

// AsksForToken reports whether a request brings no event to Splunk's collector, and is refused for nothing else.
func (m Message) AsksForToken() bool {
	return m.Service == Splunk && len(m.Body) == 0 && m.Status == http.StatusBadRequest && !m.Accepted
}

// inbox keeps messages up to a number and a size, and wakes those who wait for them.
type inbox struct {
	keep      int
	onMessage func(Message)
	order     sync.Mutex // held from taking a place in the inbox to the end of onMessage

	mu       sync.Mutex
	messages []Message
	size     int // bytes of all bodies
	lastID   int
	accepted int
	arrived  chan struct{} // closed at the next arrival
	closed   bool
}

func newInbox(keep int, onMessage func(Message)) *inbox {
	return &inbox{keep: keep, onMessage: onMessage, arrived: make(chan struct{})}
}

func (b *inbox) add(m Message) {
	b.order.Lock()
	defer b.order.Unlock()
	m, ok := b.insert(m)
	if ok && b.onMessage != nil {
		b.onMessage(m)
	}
}

func (b *inbox) insert(m Message) (Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return m, false
	}
	b.lastID++
	m.ID = b.lastID
	b.messages = append(b.messages, m)
	b.size += len(m.Body)
	drop := 0
	for len(b.messages)-drop > b.keep || (b.size > keepBytes && len(b.messages)-drop > 1) {
		b.size -= len(b.messages[drop].Body)
		drop++
	}
	b.messages = slices.Delete(b.messages, 0, drop)
	if m.Accepted {
		b.accepted++
	}
	close(b.arrived)
	b.arrived = make(chan struct{})
	return m, true
}

func (b *inbox) all() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

func (b *inbox) wait(ctx context.Context, n int) ([]Message, error) {
	for {
		b.mu.Lock()
		var taken []Message
		for _, m := range b.messages {
			if m.Accepted {
				taken = append(taken, m)
			}
		}
		count, closed, arrived := b.accepted, b.closed, b.arrived
		b.mu.Unlock()
		if count >= n {
			return taken, nil
		}
		if closed {
			return taken, fmt.Errorf("sandbox: wait for %d messages, got %d: %w", n, count, net.ErrClosed)
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return taken, fmt.Errorf("sandbox: wait for %d messages, got %d: %w", n, count, context.Cause(ctx))
		}
	}
}

func (b *inbox) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages, b.size, b.accepted = nil, 0, 0
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	close(b.arrived)
	b.arrived = make(chan struct{})
}
