package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestScriptedRepliesComeInOrderAndOnce(t *testing.T) {
	s := start(t, Options{})
	s.Script(Slack,
		Reply{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: "rate_limited"},
		Reply{},
		Reply{Status: 200, Body: "<html>proxy</html>"},
	)
	post := func() got { return do(t, "POST", s.SlackWebhookURL(), asJSON, `{"text":"x"}`) }

	if a := do(t, "POST", s.WebhookURL(), asJSON, `{}`); a.Status != 200 {
		t.Errorf("another service: got %v, want 200", a)
	}
	if a := post(); a.Status != 429 || a.header.Get("Retry-After") != "7" || a.Body != "rate_limited" {
		t.Errorf("got %v", a)
	}
	if m := last(t, s); m.Accepted || m.Status != 429 {
		t.Errorf("got %d, accepted %v; the service has not seen the message", m.Status, m.Accepted)
	}
	if a := post(); a.Body != "ok" || !last(t, s).Accepted {
		t.Errorf("got %v", a)
	}
	if a := post(); a.Body != "<html>proxy</html>" || last(t, s).Accepted {
		t.Errorf("got %v", a)
	}
	if a := post(); a.Body != "ok" {
		t.Errorf("got %v", a)
	}
}

func TestResetTakesTheMessageUnlessToldOtherwise(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct {
		reply Reply
		taken bool
	}{
		{Reply{Reset: true}, true},
		{Reply{Reset: true, Status: 503}, false},
	} {
		s.Script(Webhook, c.reply)
		_, err := http.Post(s.WebhookURL(), "application/json", strings.NewReader("{}"))
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
		if got := last(t, s).Accepted; got != c.taken {
			t.Errorf("accepted: got %v, want %v", got, c.taken)
		}
	}
}

func TestCloseAfterHeadersCutsTheAnswer(t *testing.T) {
	s := start(t, Options{})
	s.Script(PagerDuty, Reply{CloseAfterHeaders: true})
	resp, err := http.Post(s.PagerDutyURL()+"/v2/enqueue", "application/json", strings.NewReader(trigger("")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != 202 {
		t.Errorf("got status %d, %v; want 202, unexpected EOF", resp.StatusCode, err)
	}
	if !last(t, s).Accepted {
		t.Error("the event was not taken")
	}
}

func TestHoldKeepsTheAnswerUntilReleased(t *testing.T) {
	s := start(t, Options{})
	release := make(chan struct{})
	s.Script(Webhook, Reply{Hold: release})
	done := make(chan got)
	go func() { done <- do(t, "POST", s.WebhookURL(), asJSON, `{}`) }()

	if _, err := s.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-done:
		t.Fatalf("answered before the release: %v", a)
	default:
	}
	close(release)
	if a := <-done; a.Status != 200 {
		t.Errorf("got %v", a)
	}
}

func TestHoldEndsWithItsSenderAndWithTheServer(t *testing.T) {
	s := start(t, Options{})
	s.Script(Webhook, Reply{Hold: make(chan struct{})}, Reply{Hold: make(chan struct{})})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	send := func(ctx context.Context) {
		req, err := http.NewRequestWithContext(ctx, "POST", s.WebhookURL(), strings.NewReader("{}"))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			var resp *http.Response
			if resp, err = http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		}
		done <- err
	}
	go send(ctx)
	if _, err := s.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}

	go send(t.Context())
	if _, err := s.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Whether the sender sees an answer or a broken connection is a race; that it returns is the point.
	<-done
}
