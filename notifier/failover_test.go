package notifier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// house is a few servers, some of them ill.
type house struct {
	asked []int
	ill   map[int]error
}

func (h *house) try(_ context.Context, server int) error {
	h.asked = append(h.asked, server)
	return h.ill[server]
}

func (h *house) expect(t *testing.T, want ...int) {
	t.Helper()
	if !slices.Equal(h.asked, want) {
		t.Errorf("asked %v, want %v", h.asked, want)
	}
	h.asked = nil
}

func TestFailoverStaysUntilTheFirstHadTimeToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{ill: map[int]error{0: Errorf(Temporary, "a: down"), 1: &Error{Status: 503, Err: errors.New("b: busy")}}}
		f := Failover{Servers: 3}
		do := func() {
			t.Helper()
			if err := f.Do(t.Context(), h.try); err != nil {
				t.Error(err)
			}
		}
		do()
		h.expect(t, 0, 1, 2)
		do()
		h.expect(t, 2)
		time.Sleep(failoverBack)
		do() // the first is asked again, once
		h.expect(t, 0, 2)
		do()
		h.expect(t, 2)
		delete(h.ill, 0)
		time.Sleep(failoverBack)
		do()
		h.expect(t, 0)
		do()
		h.expect(t, 0)
	})
}

func TestFailoverAsksEachServerOnceAndNamesThemAll(t *testing.T) {
	h := &house{ill: map[int]error{
		0: &Error{RetryAfter: time.Minute, Err: errors.New("a: " + strings.Repeat("down ", 400))},
		1: &Error{RetryAfter: time.Hour, Ambiguous: true, Status: 503, Hint: "wait", Err: errors.New("b: busy")},
	}}
	f := Failover{Servers: 2, Repeatable: true}
	err := f.Do(t.Context(), h.try)
	h.expect(t, 0, 1)
	e := Classify(err)
	if e.Reason != Temporary || e.Status != 503 || !e.Ambiguous || e.RetryAfter != time.Minute || e.Hint != "wait" {
		t.Errorf("got %+v", e)
	}
	if text := err.Error(); !strings.HasPrefix(text, "b: busy; a: down") || len(text) > 300 {
		t.Errorf("got %q", text)
	}
}

func TestFailoverLeavesWhatSpeaksForAll(t *testing.T) {
	for _, reason := range []Reason{Permanent, Misconfigured} {
		h := &house{ill: map[int]error{0: Errorf(reason, "no")}}
		f := Failover{Servers: 2}
		if err := f.Do(t.Context(), h.try); Classify(err).Reason != reason {
			t.Errorf("got %v", err)
		}
		h.expect(t, 0)
	}
	// The first may come back, so a credential that only the second refuses is not the end of a message; a refusal of the message is.
	for refusal, want := range map[Reason]Reason{Permanent: Permanent, Misconfigured: Temporary} {
		h := &house{ill: map[int]error{0: errors.New("a: down"), 1: Errorf(refusal, "b: no")}}
		f := Failover{Servers: 2}
		if err := f.Do(t.Context(), h.try); Classify(err).Reason != want {
			t.Errorf("got %v: %v, want %v", Classify(err).Reason, err, want)
		}
	}
}

func TestFailoverSendsNothingTwiceByItself(t *testing.T) {
	h := &house{ill: map[int]error{0: &Error{Ambiguous: true, Err: errors.New("a: the connection broke")}}}
	f := Failover{Servers: 2}
	if err := f.Do(t.Context(), h.try); !Classify(err).Ambiguous {
		t.Errorf("got %v", err)
	}
	h.expect(t, 0)
	if err := f.Do(t.Context(), h.try); err != nil { // the repeat goes elsewhere
		t.Error(err)
	}
	h.expect(t, 1)
}

func TestFailoverLeavesTimeForTheNextServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		begun := time.Now()
		var took []time.Duration
		f := Failover{Servers: 3}
		err := f.Do(ctx, func(ctx context.Context, server int) error {
			if server < 2 {
				<-ctx.Done()
				took = append(took, time.Since(begun))
				return fmt.Errorf("dial: %w", context.Cause(ctx))
			}
			return nil
		})
		if want := []time.Duration{3 * time.Second, 6 * time.Second}; err != nil || !slices.Equal(took, want) {
			t.Errorf("got %v, %v, want %v", took, err, want)
		}
	})
}

func TestFailoverEndsWithItsContext(t *testing.T) {
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	h := &house{}
	f := Failover{Servers: 2}
	err := f.Do(ctx, func(ctx context.Context, server int) error {
		cancel(over)
		_ = h.try(ctx, server)
		return context.Cause(ctx)
	})
	if !errors.Is(err, over) {
		t.Errorf("got %v", err)
	}
	h.expect(t, 0)
	if err := f.Do(t.Context(), h.try); err != nil { // nobody knows that the server is ill
		t.Error(err)
	}
	h.expect(t, 0)
}

func TestFailoverOfNoneIsOneServer(t *testing.T) {
	h := &house{ill: map[int]error{0: errors.New("a: down")}}
	var f Failover
	if err := f.Do(t.Context(), h.try); err == nil || err.Error() != "a: down" {
		t.Errorf("got %v", err)
	}
	h.expect(t, 0)
}

func TestFailoverAsksAll(t *testing.T) {
	f := Failover{Servers: 3}
	if err := f.All(func(int) error { return nil }); err != nil {
		t.Error(err)
	}
	err := f.All(func(server int) error {
		if server == 1 {
			return nil
		}
		return fmt.Errorf("server %d", server)
	})
	if err == nil || err.Error() != "1 of 3 servers answers: server 2; server 0" {
		t.Errorf("got %v", err)
	}
	if some, ok := errors.AsType[*SomeAnswer](err); !ok || some.Well != 1 || some.Of != 3 {
		t.Errorf("got %+v", some)
	}
	err = f.All(func(server int) error { return fmt.Errorf("server %d", server) })
	if _, ok := errors.AsType[*SomeAnswer](err); ok || err == nil {
		t.Errorf("none answers: got %v", err)
	}
}

func TestFailoverTellsOfEachChangeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := func(err error) error { return &Error{Err: fmt.Errorf("post to s3cr3t: %w", err)} }
		h := &house{ill: map[int]error{}}
		f := Failover{Servers: 3, Repeatable: true, Hosts: []string{"a.example.com:1", "b.example.com:1", "c.example.com:1"}}
		do := func(want string) {
			t.Helper()
			got := ""
			err := f.Do(t.Context(), func(ctx context.Context, server int) error {
				err := h.try(ctx, server)
				if err == nil {
					got = f.Took(server)
				}
				return err
			})
			if err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
		do("")
		h.ill[0] = down(syscall.ECONNREFUSED)
		do("a.example.com:1 does not answer (connection refused): b.example.com:1 takes what is sent")
		do("")
		time.Sleep(failoverBack)
		do("") // the first was asked, and is still down
		delete(h.ill, 0)
		time.Sleep(failoverBack)
		do("a.example.com:1 takes again what is sent")
		do("")
		h.ill[0], h.ill[1] = down(errShare), &Error{Status: 503, Err: errors.New("s3cr3t is busy")}
		do("a.example.com:1 does not answer in time, b.example.com:1 takes nothing for now (status 503): c.example.com:1 takes what is sent")
		if got := f.Took(1); got != "" { // an answer that was on its way while the third took over
			t.Errorf("got %q", got)
		}
		do("")
	})
}

func TestWhatIsWrongHasNoWordsOfTheServer(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errors.New("s3cr3t"), "does not answer"},
		{&Error{Ambiguous: true, Err: &Error{Status: 502, Err: errors.New("s3cr3t")}}, "takes nothing for now (status 502)"},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Name: "s3cr3t", Err: "no such host"}}, "does not answer (its name is not found)"},
		{&Error{Err: &tls.CertificateVerificationError{Err: errors.New("s3cr3t")}}, "does not answer (its certificate is not trusted)"},
		{fmt.Errorf("s3cr3t: %w", context.DeadlineExceeded), "does not answer in time"},
	} {
		if got := whatIsWrong(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestParseServers(t *testing.T) {
	const example = "https://siem.example.com:9200"
	servers, err := ParseServers("url", example, []string{"https://a.example.com:9200", "http://b.example.com/x"})
	if err != nil || len(servers) != 2 || servers[1].Path != "/x" {
		t.Errorf("got %v, %v", servers, err)
	}
	for _, tt := range []struct {
		addresses []string
		key       string
	}{
		{nil, "url"},
		{[]string{""}, "url"},
		{[]string{"a.example.com"}, "url"},
		{[]string{"https://soc:s3cr3t@a.example.com"}, "url"},
		{[]string{"https://a.example.com", "https://b.example.com?x=s3cr3t"}, "url[1]"},
		{[]string{"https://a.example.com", "https://a.example.com"}, "url[1]"},
		{slices.Repeat([]string{"https://a.example.com"}, MaxServers+1), "url"},
	} {
		_, err := ParseServers("url", example, tt.addresses)
		field := (*FieldError)(nil)
		if !errors.As(err, &field) || field.Key != tt.key || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: got %v", tt.addresses, err)
		}
	}
	if got := ServerDestinations("url", []string{"a"}); len(got) != 1 || got["url"] != "a" {
		t.Errorf("got %v", got)
	}
	if got := ServerDestinations("url", []string{"a", "b"}); len(got) != 2 || got["url[1]"] != "b" {
		t.Errorf("got %v", got)
	}
}
