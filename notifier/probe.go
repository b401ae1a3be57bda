package notifier

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Prober is implemented by notifiers that can find out whether their receiver would take a message, as far as
// that goes without sending one: that it is reachable, and where the vendor has a call for it, that the
// credentials are good.
type Prober interface {
	Probe(ctx context.Context) error
}

// SomeAnswer is what a Probe returns where some of a receiver's servers are well and others are not: messages go through.
type SomeAnswer struct {
	Well, Of int
	Err      error // of the others
}

func (e *SomeAnswer) Error() string {
	verb := "answer"
	if e.Well == 1 {
		verb = "answers"
	}
	return fmt.Sprintf("%d of %d servers %s: %v", e.Well, e.Of, verb, e.Err)
}

func (e *SomeAnswer) Unwrap() error { return e.Err }

// Reach asks a server for its root with HEAD, to see that name, route, proxy and certificate are good. Any
// answer will do: no credential is sent, so what it says does not count. The secrets that the server was told at
// another time are taken out of the error.
func Reach(ctx context.Context, client *http.Client, address string, secrets ...string) error {
	u, err := ParseURL(address)
	if err != nil {
		return Errorf(Misconfigured, "the address %w", err)
	}
	root := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		return err
	}
	a := Do(client, req)
	a.Redact(append(secrets, address)...)
	if a.Err != nil {
		return a.Failure("cannot reach " + u.Host)
	}
	return nil
}
