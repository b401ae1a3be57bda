package pagerduty

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// what says what was attempted, in errors.
const what = "send event to PagerDuty"

// readAnswer: 202 is success, with the dedup key in the body. Every other answer holds {status, message, errors},
// if it comes from PagerDuty.
func readAnswer(a *notifier.Answer) (notifier.Receipt, error) {
	var body pagerduty.V2EventResponse
	if json.Unmarshal(a.Body, &body) != nil {
		body = pagerduty.V2EventResponse{}
	}
	if a.Err == nil && a.Status == http.StatusAccepted {
		return notifier.Receipt{Status: a.Status, ID: body.DedupKey}, nil
	}
	e := a.Failure(what)
	if e == nil {
		e = notifier.Errorf(notifier.Temporary, "%s: status %d, but PagerDuty answers 202: %q", what, a.Status, notifier.Snippet(a.Body))
		e.Status = a.Status
		e.Hint = "something between this host and PagerDuty answers, such as a proxy, or endpoint is wrong"
		return notifier.Receipt{}, e
	}
	if a.Err != nil {
		return notifier.Receipt{}, e
	}
	said := strings.Join(append([]string{body.Message}, body.Errors...), ": ")
	if said = strings.Trim(said, ": "); said != "" {
		e.Err = notifier.Errorf(e.Reason, "%s: status %d: %s", what, a.Status, notifier.Snippet([]byte(said))).Err
	}
	e.Code = notifier.Snippet([]byte(body.Status)) // "invalid event"
	if reason, hint, ok := verdict(e.Status, strings.ToLower(said+" "+body.Status)); ok {
		e.Reason, e.Hint = reason, hint
	}
	return notifier.Receipt{}, e
}

// verdict says what becomes of the delivery after a status and what PagerDuty says with it, in small letters.
// Where it knows nothing, the verdict on the status stands.
func verdict(status int, said string) (reason notifier.Reason, hint string, known bool) {
	switch status {
	case http.StatusBadRequest:
		if strings.Contains(said, "routing_key") || strings.Contains(said, "routing key") {
			return notifier.Misconfigured, "copy the Integration Key of an Events API v2 integration into routing_key", true
		}
	case http.StatusTooManyRequests:
		return notifier.Temporary, "more than about 120 events a minute with one key: page for less, or group alerts", true
	case http.StatusForbidden:
		if strings.Contains(said, "throttle") || strings.Contains(said, "too quickly") {
			return notifier.Temporary, "", true // the answer of the older events API to too many events
		}
		fallthrough
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusGone:
		return notifier.Misconfigured, "no events API answers there: look at region and endpoint", true
	}
	return notifier.Temporary, "", false
}
