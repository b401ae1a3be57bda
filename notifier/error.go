package notifier

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reason says what is to become of a delivery that failed.
type Reason int

// The reasons. The zero value is Temporary: a failure that says nothing about itself is tried again, because a
// notification that comes twice is a nuisance and one that never comes is a failure.
const (
	// Temporary: try again.
	Temporary Reason = iota
	// Permanent: this message will never be accepted.
	Permanent
	// Misconfigured: the receiver is broken (wrong key, no such channel); no message will be accepted until
	// somebody mends it. For the delivery it is permanent.
	Misconfigured
)

func (r Reason) String() string {
	return [...]string{"temporary", "permanent", "misconfigured"}[r]
}

// Error is a failed attempt. Its text names the vendor's own words and holds no secret.
type Error struct {
	Reason Reason
	// Status is the HTTP status or SMTP code; 0 when there was no answer.
	Status int
	// Code is the vendor's own error code or word: "invalid_payload", "7", "5.1.1".
	Code string
	// RetryAfter is what the vendor asked for; 0 when it did not.
	RetryAfter time.Duration
	// Ambiguous: the message may have been accepted (the connection broke after it was sent), so a repeat may be a second
	// one. What leaves no trace when it is done twice, such as a change of an earlier message, is never ambiguous.
	Ambiguous bool
	// Alone: a temporary failure of this message, which says nothing about others (it goes to a place of its own there). It waits by
	// itself, and the receiver is not paused.
	Alone bool
	// Hint says what a person can do about it; empty when we do not know.
	Hint string
	Err  error
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + " (" + e.Hint + ")"
}

func (e *Error) Unwrap() error { return e.Err }

// TakenForAttack is the failure of one message that something before a service refused for what it says, where the service itself is
// well: an attack that a log line tells of may look like one. Else who can write into a log could stop the receiver.
func (e *Error) TakenForAttack(service, message string) *Error {
	own := *e
	own.Reason, own.Hint = Permanent, service+" itself is well: what stands before it takes this "+message+" for an attack; have it let pass what goes there"
	return &own
}

// Errorf makes an Error whose text is formatted as by fmt.Errorf, %w included.
func Errorf(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// EmptyTemplate is the error of a notification whose template made nothing to send. parts names what would do:
// "text, body".
func EmptyTemplate(channel, parts string) *Error {
	e := Errorf(Permanent, "%s template: it makes none of %s", channel, parts)
	e.Hint = "see it with: ossec-notify preview"
	return e
}

// UnknownAction is the error of a notification that asks for what the channel cannot do.
func UnknownAction(channel string, a Action) *Error {
	return Errorf(Permanent, "%s: there is no message for the action %q", channel, a)
}

// Classify finds the Error in err. What is none is temporary.
func Classify(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Err: err}
}

// Retryable reports whether trying again may help. It is true for an error that it does not know.
func Retryable(err error) bool { return err != nil && Classify(err).Reason == Temporary }

// StatusReason is the verdict on an HTTP status where the vendor has no rule of its own: 407, 408, 425, 429 and 5xx
// are temporary, except 501, 505 and those that no repeat mends (407 is the proxy's, which the receiver knows nothing
// of); 401, 403, 404 and 410 mean that the receiver
// is broken; any other answer that is no success is permanent. Redirects are permanent too: a body or a token
// is never sent to a place that the operator did not name.
func StatusReason(status int) Reason {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Temporary
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return Misconfigured
	}
	if status >= 520 { // proxies in front of the vendor
		return Temporary
	}
	return Permanent
}

// MaxRetryAfter bounds what a vendor may ask us to wait.
const MaxRetryAfter = time.Hour

// RetryAfter reads a Retry-After header in both forms of RFC 9110, 10.2.3, seconds (a fraction is accepted) or
// a date, which counts from the answer's own Date where that is given. It returns 0 when there is none, and at
// most MaxRetryAfter.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if !(s > 0) {
			return 0
		}
		return min(time.Duration(min(s, MaxRetryAfter.Seconds())*float64(time.Second)), MaxRetryAfter)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if d, err := http.ParseTime(h.Get("Date")); err == nil {
		now = d
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// FieldError is a mistake in one setting of a channel's config. Validate returns all of them joined; the config
// loader finds the line.
type FieldError struct {
	Key     string // the setting's name as in the config: "webhook_url", or "network.ca_file"
	Message string // what is wrong and what to do, beginning in lower case
}

func (e *FieldError) Error() string { return e.Key + ": " + e.Message }

// Split takes joined errors apart, however deeply they are joined: what a Validate says, one mistake after the other. nil is none.
func Split(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, Split(e)...)
		}
		return out
	}
	return []error{err}
}
