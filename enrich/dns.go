package enrich

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	dnsSource = "reverse_dns"
	// lookupTimeout ends a question that nobody waits for any more; its answer still serves the next alert.
	lookupTimeout = 5 * time.Second
	maxQuestions  = 16   // at a time
	maxNames      = 8192 // that are remembered
	// failedFor is how long is remembered that a name server failed. That there is no name is remembered as a name is.
	failedFor = time.Minute
)

// resolver asks for the names of addresses. For an answer is waited until its time is up, counted from when it was asked for; what comes
// later serves the next alert of the address.
type resolver struct {
	timeout, cache time.Duration
	ask            func(context.Context, string) ([]string, error)
	now            func() time.Time

	mu      sync.Mutex
	names   map[netip.Addr]*ptr
	asking  int
	patient time.Time // when somebody may wait again who holds up others
}

// ptr is what is known of an address.
type ptr struct {
	name    string
	err     error
	expires time.Time
	known   chan struct{} // closed when it is known
	settled chan struct{} // closed when it is known, or nobody waits for it any more
}

func newResolver(c ReverseDNS) *resolver {
	from := net.DefaultResolver
	if c.Server != "" {
		from = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, c.server())
		}}
	}
	return &resolver{timeout: c.timeout(), cache: c.cache(), ask: from.LookupAddr, now: time.Now, names: map[netip.Addr]*ptr{}}
}

var errNotAsked = errors.New("more addresses come than can be asked for; some have no name")

// pending is closed when there is no use in waiting for the name of an address any more; nil where there is none now.
func (r *resolver) pending(addr netip.Addr) <-chan struct{} {
	p, _ := r.question(addr)
	if p == nil || isClosed(p.settled) {
		return nil
	}
	return p.settled
}

// name is the name of an address as far as it is known now or, with wait, within the time. Waiting takes at most a tenth of the time: so a
// burst from many addresses, or a name server that is down, does not hold up one who waits for each.
func (r *resolver) name(addr netip.Addr, wait bool) (string, error) {
	p, err := r.question(addr)
	if p == nil {
		return "", err
	}
	if wait && !isClosed(p.settled) && r.mayWait() {
		began := r.now()
		<-p.settled
		r.waited(r.now().Sub(began))
	}
	switch {
	case isClosed(p.known):
		return p.name, p.err
	case isClosed(p.settled):
		return "", fmt.Errorf("no answer within %s", r.timeout)
	}
	return "", errLater
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// mayWait reports whether it is time that somebody waits again, who then tells how long it was.
func (r *resolver) mayWait() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Before(r.patient) {
		return false
	}
	r.patient = now.Add(10 * r.timeout) // for others that come meanwhile
	return true
}

func (r *resolver) waited(so time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.patient = r.now().Add(9 * so)
}

// question is what is known of an address, or will be: it is asked for unless that was done.
func (r *resolver) question(addr netip.Addr) (*ptr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if p := r.names[addr]; p != nil && (p.expires.IsZero() || now.Before(p.expires)) {
		return p, nil
	}
	if r.asking >= maxQuestions {
		return nil, errNotAsked
	}
	if len(r.names) >= maxNames {
		for a, p := range r.names { // what is old; if nothing is, some of them
			if !p.expires.IsZero() && (now.After(p.expires) || len(r.names) > maxNames*3/4) {
				delete(r.names, a)
			}
		}
	}
	p := &ptr{known: make(chan struct{}), settled: make(chan struct{})}
	r.names[addr] = p
	r.asking++
	settle := sync.OnceFunc(func() { close(p.settled) })
	up := time.AfterFunc(r.timeout, settle)
	go func() {
		r.answer(addr, p)
		up.Stop()
		settle()
	}()
	return p, nil
}

// answer asks, and keeps what comes.
func (r *resolver) answer(addr netip.Addr, p *ptr) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	found, err := r.ask(ctx, addr.String())
	name, keep := hostName(found), r.cache
	if err = serverFault(err); err != nil {
		keep = min(keep, failedFor)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.name, p.err, p.expires = name, err, r.now().Add(keep)
	r.asking--
	close(p.known)
}

// serverFault is what is wrong with a name server that gave an error; nil where it says that there is no name.
func serverFault(err error) error {
	var of *net.DNSError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &of):
		return fmt.Errorf("the name server does not answer: %w", err)
	case of.IsNotFound:
		return nil
	}
	// The error names the address and a port of ours, and is to be said once of all.
	return fmt.Errorf("the name server does not answer: %s", strings.TrimSpace(of.Err[strings.LastIndex(of.Err, ": ")+1:]))
}

// probed is an address that name servers answer for themselves (RFC 6303, section 4.3), so that the question goes no further.
const probed = "192.0.2.1"

// Probe asks the name server for the name of an address that is nobody's, and says why it does not answer. Where the config asks for
// no names it asks nothing.
func (e *Enricher) Probe(ctx context.Context) error {
	if e == nil || e.dns == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lookupTimeout, fmt.Errorf("no answer within %s", lookupTimeout))
	defer cancel()
	_, err := e.dns.ask(ctx, probed)
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return serverFault(err)
}

// hostName is the first of the names that is one: whoever owns the address writes them, and may write anything.
func hostName(all []string) string {
	best := ""
	for _, s := range all[:min(len(all), 10)] {
		s = strings.ToLower(strings.TrimSuffix(s, "."))
		odd := strings.ContainsFunc(s, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
		})
		if s != "" && len(s) <= 253 && !odd && (best == "" || s < best) {
			best = s
		}
	}
	return best
}
