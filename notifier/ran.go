package notifier

import (
	"fmt"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
)

// Ran is what became of a program that was run for an alert. What it printed may hold text of the alert, and must be shown as that.
type Ran struct {
	// Program is the name of its file, Receiver whose program it is, Delivery the one that ran it.
	Program  string `json:"program"`
	Receiver string `json:"receiver"`
	Delivery string `json:"delivery"`
	// Action is what it was run for where that is not a new alert.
	Action Action `json:"action,omitempty"`
	// Status is its exit status; -1 where it has none, which Ended then says why.
	Status int           `json:"status"`
	Ended  string        `json:"ended,omitempty"`
	Took   time.Duration `json:"took"`
	// Output is what it printed, and Dropped how many bytes of that were not kept.
	Output  string `json:"output,omitempty"`
	Dropped int64  `json:"dropped,omitempty"`
}

// OK reports whether it did what it was run for.
func (r *Ran) OK() bool { return r.Status == 0 }

// Words are how it ended: "status 0 after 3.2 s". They hold no text of an alert.
func (r *Ran) Words() string {
	switch {
	case r.Status < 0:
		return r.Ended
	case r.Took < time.Minute:
		return fmt.Sprintf("status %d after %.1f s", r.Status, r.Took.Seconds())
	}
	return fmt.Sprintf("status %d after %s", r.Status, display.Span(r.Took.Round(time.Second)))
}
