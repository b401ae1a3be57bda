package notifiertest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// actions checks the messages about an earlier one: those that the channel follows keep the rules that all messages keep,
// the others are sent or refused, and what is no action is refused before anything is sent.
func (c Case) actions(t *testing.T) {
	for _, action := range []notifier.Action{notifier.Trigger, notifier.Update, notifier.Acknowledge, notifier.Resolve, notifier.Digest, notifier.Report} {
		t.Run(string(action), func(t *testing.T) {
			c := c
			c.Notification.Action = action
			if action != notifier.Digest { // which begins something
				c.Notification.Earlier = c.Earlier
			}
			if !notifier.Follows(c.New(t, "http://127.0.0.1:1", newClient(t)), action) {
				c.unfollowed(t)
				return
			}
			t.Run("success", c.success)
			t.Run("statuses", c.statuses)
			t.Run("retry after", c.retryAfter)
			t.Run("secrets stay secret", c.secrets)
			t.Run("connection breaks before the answer", c.breaksBefore)
			t.Run("connection breaks in the answer", c.breaksInside)
		})
	}
	for _, action := range []notifier.Action{"", "open", "Trigger", "trigger "} {
		t.Run("no action "+string(action), func(t *testing.T) {
			c := c
			c.Notification.Action = action
			c.refuses(t)
		})
	}
}

// unfollowed allows both answers: a message all the same, and a refusal that is for good.
func (c Case) unfollowed(t *testing.T) {
	url, client := serve(t, c.accept)
	if _, err := c.New(t, url, client).Notify(t.Context(), c.Notification); err != nil {
		c.refuses(t)
	}
}

// refuses expects that nothing is sent, and why.
func (c Case) refuses(t *testing.T) {
	var requests atomic.Int32
	url, client := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
	got := c.failed(t, err)
	if got.Reason != notifier.Permanent || got.Ambiguous || requests.Load() != 0 {
		t.Errorf("got %v, ambiguous %v, %d requests, want permanent, false, 0: %v", got.Reason, got.Ambiguous, requests.Load(), err)
	}
	if want := `"` + string(c.Notification.Action) + `"`; !strings.Contains(err.Error(), want) {
		t.Errorf("the error does not name the action %s: %v", want, err)
	}
}
