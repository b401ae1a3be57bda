package notifier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// MaxServers is the most servers that one receiver may name: each is asked within one attempt, which has some ten seconds.
const MaxServers = 10

// failoverBack is how long another server serves before the first one is asked again, unless Back says otherwise.
const failoverBack = 5 * time.Minute

// Failover says which of a receiver's servers takes the next request, where several would do: the first one, and when it
// fails the next, which is stayed with until it fails, too, or until the first one has had time to come back.
//
// Only a failure that another server need not share moves on: no connection, no answer, one that says "later". A server
// that refuses a message or a credential speaks for all of them.
type Failover struct {
	// Servers is how many there are.
	Servers int
	// Hosts are their names for people, each a host with its port and nothing else of the address.
	Hosts []string
	// Repeatable: a message that arrives twice is told once, so that after a request of which nobody knows whether it arrived
	// the next server is asked. Else that ends the attempt, and only the next one, which is marked as a repeat, goes elsewhere.
	Repeatable bool
	// Back is how long another server serves before the first one is asked again; 0 is five minutes.
	Back time.Duration

	mu      sync.Mutex
	current int
	left    time.Time      // when the first one was left, or asked the last time since
	told    int            // the one that people think takes what is sent
	why     map[int]string // what is wrong with those that failed since
}

// Do makes one attempt: it calls try with the number of a server, from 0, until one of them answered for all. While
// others remain, try's context has a share of the time, so that a server that says nothing leaves some for the next. The
// failures of try name their server.
func (f *Failover) Do(ctx context.Context, try func(ctx context.Context, server int) error) error {
	var failures []error
	order := f.order(time.Now())
	for i, server := range order {
		err := f.within(ctx, len(order)-i, server, try)
		if err == nil {
			f.worked(server)
			return nil
		}
		failures = append(failures, err)
		failure := Classify(err)
		if failure.Reason != Temporary || ctx.Err() != nil {
			break
		}
		f.Failed(server, whatIsWrong(err))
		if failure.Ambiguous && !f.Repeatable {
			break
		}
	}
	return joinFailures(failures)
}

var errShare = errors.New("no answer within this server's share of the timeout")

// within calls try with a share of the time that is left.
func (f *Failover) within(ctx context.Context, left, server int, try func(context.Context, int) error) error {
	if end, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Until(end)/time.Duration(left), errShare)
		defer cancel()
	}
	return try(ctx, server)
}

// order is that in which servers are asked now.
func (f *Failover) order(now time.Time) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := max(f.Servers, 1)
	var order []int
	if f.current != 0 && now.Sub(f.left) >= cmp.Or(f.Back, failoverBack) {
		f.left = now // of those who come meanwhile none asks it
		order = append(order, 0)
	}
	for i := range n {
		if server := (f.current + i) % n; !slices.Contains(order, server) {
			order = append(order, server)
		}
	}
	return order
}

// worked notes an answer: the first one is gone back to.
func (f *Failover) worked(server int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if server == 0 {
		f.current = 0
	}
}

// Failed has the next server take over from one that does not do, unless somebody has already. Do calls it by itself. why is
// what people are told of it, behind its name: "does not answer".
func (f *Failover) Failed(server int, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.why == nil {
		f.why = map[int]string{}
	}
	f.why[server] = why
	if server != f.current {
		return
	}
	f.current = (server + 1) % max(f.Servers, 1)
	if server == 0 {
		f.left = time.Now()
	}
}

// Took notes that a server took a message. Where that is another one than before, it says so, once, and why: it is the
// Warning of the message's receipt. Else it is "". try calls it, for it alone knows of messages.
func (f *Failover) Took(server int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if server != 0 && server != f.current { // it is late: another one has taken over since
		return ""
	}
	before := f.told
	if server == before {
		delete(f.why, server)
		return ""
	}
	var wrong []string
	if f.why[before] != "" { // else the first one is back
		for _, other := range slices.Sorted(maps.Keys(f.why)) {
			if other != server {
				wrong = append(wrong, f.host(other)+" "+f.why[other])
			}
		}
	}
	f.told = server
	clear(f.why)
	if wrong == nil {
		return f.host(server) + " takes again what is sent"
	}
	return strings.Join(wrong, ", ") + ": " + f.host(server) + " takes what is sent"
}

func (f *Failover) host(server int) string {
	if server < len(f.Hosts) {
		return f.Hosts[server]
	}
	return fmt.Sprintf("server %d", server+1)
}

// Hosts are the names of servers, as [Failover] wants them.
func Hosts(servers []*url.URL) []string {
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.Host)
	}
	return hosts
}

// whatIsWrong says of a server that failed what can be said without its own words, which may repeat what it was told.
func whatIsWrong(err error) string {
	for cause := err; ; {
		e, ok := errors.AsType[*Error](cause)
		if !ok {
			break
		}
		if e.Status > 0 {
			return fmt.Sprintf("takes nothing for now (status %d)", e.Status)
		}
		cause = e.Err
	}
	const silent = "does not answer"
	if refused, ok := errors.AsType[syscall.Errno](err); ok {
		return fmt.Sprintf("%s (%s)", silent, refused)
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return silent + " (its name is not found)"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return silent + " (its certificate is not trusted)"
	}
	if slow, ok := errors.AsType[net.Error](err); errors.Is(err, errShare) || ok && slow.Timeout() {
		return silent + " in time"
	}
	return silent
}

// All calls try for each server at the same time, and returns what is wrong with them: for who wants to know of all, as
// Probe. Where some of several are well that is a [SomeAnswer].
func (f *Failover) All(try func(server int) error) error {
	results := make([]error, max(f.Servers, 1))
	var asked sync.WaitGroup
	for server := range results {
		asked.Go(func() { results[server] = try(server) })
	}
	asked.Wait()
	failures := slices.DeleteFunc(results, func(err error) bool { return err == nil })
	err, well := joinFailures(failures), len(results)-len(failures)
	if err != nil && well > 0 {
		return &SomeAnswer{Well: well, Of: len(results), Err: err}
	}
	return err
}

// joinFailures is one failure of several servers. Trying again helps where it may with one of them, unless one has refused
// the message itself; the last has the say on everything else.
func joinFailures(failures []error) error {
	switch len(failures) {
	case 0:
		return nil
	case 1:
		return failures[0]
	}
	last := *Classify(failures[len(failures)-1])
	var before []string
	for _, err := range failures[:len(failures)-1] {
		e := Classify(err)
		if e.Reason == Temporary && last.Reason == Misconfigured {
			last.Reason = Temporary
		}
		last.Ambiguous = last.Ambiguous || e.Ambiguous
		last.RetryAfter = min(last.RetryAfter, e.RetryAfter)
		before = append(before, Snippet([]byte(e.Err.Error())))
	}
	last.Err = fmt.Errorf("%w; %s", last.Err, strings.Join(before, "; "))
	return &last
}

// ParseServers reads the addresses of a receiver's servers, in the setting that lists them. A mistake is a FieldError
// of that setting. It does not show the address, which may hold a password.
func ParseServers(setting, example string, addresses []string) ([]*url.URL, error) {
	var errs []error
	bad := func(i int, message string) {
		key := setting
		if len(addresses) > 1 {
			key = fmt.Sprintf("%s[%d]", setting, i)
		}
		errs = append(errs, &FieldError{Key: key, Message: message})
	}
	if len(addresses) == 0 || len(addresses) == 1 && addresses[0] == "" {
		return nil, &FieldError{Key: setting, Message: "is missing: the address of the server, such as " + example}
	}
	if len(addresses) > MaxServers {
		return nil, &FieldError{Key: setting, Message: fmt.Sprintf("lists %d servers: an attempt can ask %d", len(addresses), MaxServers)}
	}
	var servers []*url.URL
	for i, address := range addresses {
		u, err := ParseURL(address)
		switch {
		case err != nil:
			bad(i, "is not a URL such as "+example)
		case u.User != nil:
			bad(i, "holds a user name: credentials have settings of their own")
		case u.RawQuery != "" || u.Fragment != "":
			bad(i, "holds a query: leave away what stands behind the path")
		case slices.ContainsFunc(servers, func(s *url.URL) bool { return s.String() == u.String() }):
			bad(i, "stands there twice")
		}
		servers = append(servers, u)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return servers, nil
}

// ServerDestinations are the servers by the setting that names each, as a channel's Destinations tells them.
func ServerDestinations(setting string, addresses []string) map[string]string {
	all := map[string]string{}
	for i, address := range addresses {
		if len(addresses) == 1 {
			return map[string]string{setting: address}
		}
		all[fmt.Sprintf("%s[%d]", setting, i)] = address
	}
	return all
}
