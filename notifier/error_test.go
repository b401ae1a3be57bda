package notifier

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestStatusReason(t *testing.T) {
	tests := map[int]Reason{
		300: Permanent, 301: Permanent, 304: Permanent, 307: Permanent, 400: Permanent, 401: Misconfigured, 402: Permanent,
		403: Misconfigured, 404: Misconfigured, 405: Permanent, 408: Temporary, 409: Permanent, 410: Misconfigured,
		413: Permanent, 422: Permanent, 425: Temporary, 429: Temporary, 500: Temporary, 501: Permanent, 502: Temporary,
		503: Temporary, 504: Temporary, 505: Permanent, 520: Temporary, 530: Temporary,
	}
	for status, want := range tests {
		if got := StatusReason(status); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)
	server := now.Add(-24 * time.Hour) // its clock is a day behind
	tests := []struct {
		name, value, date string
		want              time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "7", "", 7 * time.Second},
		{"fraction", "0.5", "", 500 * time.Millisecond},
		{"blanks", " 7 ", "", 7 * time.Second},
		{"zero", "0", "", 0},
		{"negative", "-5", "", 0},
		{"not a number", "NaN", "", 0},
		{"infinite", "Inf", "", MaxRetryAfter},
		{"a year", "31536000", "", MaxRetryAfter},
		{"more than a number holds", "1e300", "", MaxRetryAfter},
		{"date", now.Add(90 * time.Second).Format(http.TimeFormat), "", 90 * time.Second},
		{"date by the server's clock", server.Add(90 * time.Second).Format(http.TimeFormat), server.Format(http.TimeFormat), 90 * time.Second},
		{"date that has passed", now.Add(-time.Minute).Format(http.TimeFormat), "", 0},
		{"date far away", now.Add(9000 * time.Hour).Format(http.TimeFormat), "", MaxRetryAfter},
		{"nonsense", "soon", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", tt.value)
			if tt.date != "" {
				h.Set("Date", tt.date)
			}
			if got := RetryAfter(h, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestErrorsAreClassifiedThroughWrapping(t *testing.T) {
	cause := errors.New("no such channel")
	err := fmt.Errorf("delivery d1: %w", &Error{Reason: Misconfigured, Hint: "invite the app", Err: cause})
	if got := Classify(err); got.Reason != Misconfigured || Retryable(err) {
		t.Errorf("got %v, retryable %v", got.Reason, Retryable(err))
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "delivery d1: no such channel (invite the app)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnknownErrorsAreTriedAgain(t *testing.T) {
	if err := errors.New("something"); !Retryable(err) || Classify(err).Reason != Temporary {
		t.Error("an error that says nothing must be temporary")
	}
	if Retryable(nil) {
		t.Error("success must not be repeated")
	}
}

func TestReasonHasAWord(t *testing.T) {
	for r, want := range map[Reason]string{Temporary: "temporary", Permanent: "permanent", Misconfigured: "misconfigured"} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
