// Package splunk sends notifications to Splunk's HTTP Event Collector (HEC): events in their envelopes, or lines to the raw
// endpoint, several in one request while more than one waits. It owns the envelope (event.go), the collector's answers and what
// they say of each event of a request (answer.go), its acknowledgements (ack.go), and which of several collectors is used
// (indexers.go). What the event says (the CIM field names) is the template's.
//
// An index that a template makes of an alert is that alert's doing: one that Splunk does not take is told to the events that go
// to it, and to no others (indexes.go). One that stands in the config is the receiver's.
//
// The template's parts are event.json (the event, an object), fields.json (the indexed fields, a flat object),
// host, source, sourcetype and index. The part body, which an operator's own plain template makes, takes the place of
// event.json.
package splunk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// defaultSourceType is what the eventtypes of docs/ look for.
const defaultSourceType = "ossec:alert"

// Notifier sends to one receiver's collectors. It is safe for concurrent use.
type Notifier struct {
	cfg      Config
	client   *http.Client
	indexers []*indexer        // in the order of the config
	failover notifier.Failover // which of them takes the next request
	batch    notifier.Batch[*item]
	strange  notifier.Batch[*item] // of events whose index may be wrong: nobody else waits for what becomes of them
	indexes  indexes
}

var _ notifier.Notifier = (*Notifier)(nil)

// item is one event of a request, and what becomes of it.
type item struct {
	delivery string
	token    string
	target   target
	query    string // of the raw endpoint: where it goes
	body     []byte
	warning  string // what a person should know of it

	result notifier.Result
	ack    *ack     // where a collector took it and has yet to acknowledge it
	asked  *indexer // who was asked last to take it
}

// fail says that it was not taken.
func (it *item) fail(e *notifier.Error) { it.result, it.ack = notifier.Result{Err: e}, nil }

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from
// cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if client != nil && client.Jar == nil {
		// Only the indexer that took an event can acknowledge it. A load balancer knows by a cookie which that was.
		own := *client
		own.Jar = newCookies()
		client = &own
	}
	s := &Notifier{cfg: cfg, client: client}
	for _, text := range cfg.URLs {
		endpoint, err := cfg.endpoint(text)
		if err != nil {
			return nil, err
		}
		channel := cmp.Or(cfg.Channel, channelOf(endpoint, cfg.Index))
		server := len(s.indexers)
		s.indexers = append(s.indexers, &indexer{
			endpoint: endpoint, channel: channel, ackURL: ackURL(endpoint, channel), acks: newAcks(),
			moved: func() string { return s.failover.Took(server) },
		})
		s.failover.Hosts = append(s.failover.Hosts, endpoint.Host)
	}
	s.failover.Servers = len(s.indexers)
	for _, batch := range []*notifier.Batch[*item]{&s.batch, &s.strange} {
		batch.Send = s.send
		batch.Use(cfg.batching())
	}
	return s, nil
}

// channelOf makes the channel of a sender: the same in every process, so that a preview shows what is sent, and
// another one on each host. What it is called means nothing to Splunk, as long as it is a GUID.
func channelOf(endpoint *url.URL, index string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "" // then hosts share it, which does no harm: each asks for its own ids
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "ossec-notify\n%s\n%s\n%s", host, endpoint, index))
	id := sum[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8, made by a rule of one's own: RFC 9562, 5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// Notify posts one event, whatever the action: what it says is the template's. It goes in one request with what others send at
// the same time, and has an outcome of its own. Where the token has acknowledgement, the answer holds an ackId, which is the
// receipt's ID, and the event counts as delivered when it is indexed; else when the collector took it. An event that is not
// acknowledged in time is waited for in the next attempt, and sent again after ackPatience.
func (s *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	token, err := s.cfg.Token.ReadHeader(ctx, "token")
	if err != nil {
		return notifier.Receipt{}, err
	}
	if w := s.waiting(n.Delivery); w != nil {
		return s.await(ctx, token, w)
	}
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("splunk", n.Action)
	}
	it, err := s.item(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	it.token = token
	batch := &s.batch
	if s.indexes.strange(it.target) {
		batch = &s.strange
	}
	receipt, err := batch.Add(ctx, it, len(it.body))
	if err != nil || it.ack == nil {
		return receipt, err
	}
	return s.await(ctx, token, it.ack) // outside of Send, so that the next request need not wait for it
}

// maxGroups is how many requests are under way for the events of one batch, where they go to several places.
const maxGroups = 8

// send makes one request of events, or one for each place that they go to.
func (s *Notifier) send(ctx context.Context, items []*item) []notifier.Result {
	groups := s.indexes.apart(items)
	if len(groups) == 1 {
		s.sendGroup(ctx, items)
	} else { // side by side: to many places, one after the other would not end in time
		var all sync.WaitGroup
		turns := make(chan struct{}, maxGroups)
		for _, group := range groups {
			turns <- struct{}{}
			all.Go(func() {
				defer func() {
					if r := recover(); r != nil {
						refuse(group, &notifier.Error{Reason: notifier.Permanent, Err: notifier.Recovered(r)})
					}
					<-turns
				}()
				s.sendGroup(ctx, group)
			})
		}
		all.Wait()
	}
	results := make([]notifier.Result, len(items))
	for i, it := range items {
		results[i] = it.result
	}
	return results
}

// sendGroup makes one request of events, and further ones of those for which the answer to it decides nothing: where one event is
// refused, the others of its request are not, and none is tried without end.
func (s *Notifier) sendGroup(ctx context.Context, group []*item) {
	refused, well := map[target]*notifier.Error{}, false
	for queue := [][]*item{group}; len(queue) > 0; {
		part := without(refused, queue[0])
		queue = queue[1:]
		if len(part) == 0 {
			continue
		}
		again := s.post(ctx, part)
		if turnedAway(part) && (well || s.probeToken(ctx, part[0].token, part[0].asked) == nil) {
			well, again = true, disliked(part)
		}
		queue = append(again, queue...)
		s.indexes.learn(part, refused)
	}
}

// turnedAway reports whether a request was refused with a 403 that is not a collector's own. To what stands before one, an attack that a
// log line tells of may look like an attack, and its refusal is that of a stranger. Only if the collector answers when it is sent nothing
// does it lie in the events; else who can write into a log could stop the receiver.
func turnedAway(part []*item) bool {
	e := notifier.Classify(part[0].result.Err)
	return part[0].result.Err != nil && e.Reason == notifier.Misconfigured && e.Code == "" && e.Status == http.StatusForbidden
}

// disliked looks for the events that what stands before a collector does not let pass. The last one has failed by that.
func disliked(part []*item) [][]*item {
	if len(part) > 1 {
		return halves(part).again
	}
	part[0].fail(notifier.Classify(part[0].result.Err).TakenForAttack("the collector", "event"))
	return nil
}

// post brings events to the first collector that takes them, and returns those that are to be sent again in other requests. A
// request whose outcome is not known is not made a second time elsewhere: only the next attempt can mark its events as repeats.
func (s *Notifier) post(ctx context.Context, part []*item) (again [][]*item) {
	for _, it := range part {
		it.result, it.ack = notifier.Result{}, nil // what it had in a request that decided nothing
	}
	all, down := part, false
	_ = s.failover.Do(ctx, func(ctx context.Context, server int) error { // what became of each event stands in it
		o := s.request(ctx, s.indexers[server], part)
		if o.down == nil {
			again = o.again
			return nil
		}
		down = true
		if part = o.left; len(part) == 0 { // nothing that another may take now
			return &notifier.Error{Ambiguous: true, Err: o.down}
		}
		return o.down
	})
	if n := len(s.indexers); n > 1 && down {
		for _, it := range all {
			if it.result.Err != nil {
				it.fail(elsewhere(notifier.Classify(it.result.Err), n))
			}
		}
	}
	return again
}

// elsewhere is the failure of an event that the collector before this one would not take for now: as long as that one may come
// back, it is no reason to give up that another is not set up well.
func elsewhere(e *notifier.Error, collectors int) *notifier.Error {
	if e.Ambiguous || e.Reason == notifier.Permanent {
		return e
	}
	all := *e
	all.Reason = notifier.Temporary
	all.Err = fmt.Errorf("none of %d collectors took it, the last: %w", collectors, e.Err)
	return &all
}

// request makes one request to one collector.
func (s *Notifier) request(ctx context.Context, ix *indexer, part []*item) outcome {
	for _, it := range part {
		it.asked = ix
	}
	body := join(part)
	if s.cfg.Gzip {
		body = notifier.Gzip(body)
	}
	u := *ix.endpoint
	if part[0].query != "" {
		u.RawQuery = and(u.RawQuery, part[0].query)
	}
	token := part[len(part)-1].token // the one that was read last
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return refuse(part, notifier.Classify(err))
	}
	authorize(req, token, ix)
	req.Header.Set("Content-Type", "application/json")
	if s.cfg.raw() {
		req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if s.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	return ix.judge(answer, part)
}

// join is the body of a request: events one after the other, lines with their ends.
func join(part []*item) []byte {
	if len(part) == 1 {
		return part[0].body
	}
	var b bytes.Buffer
	for i, it := range part {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.Write(it.body)
	}
	return b.Bytes()
}

func and(query, another string) string {
	if query == "" {
		return another
	}
	return query + "&" + another
}

// authorize sets what every request carries. Tokens without acknowledgement ignore the channel.
func authorize(req *http.Request, token string, ix *indexer) {
	req.Header.Set("Authorization", "Splunk "+token)
	req.Header.Set("X-Splunk-Request-Channel", ix.channel)
}
