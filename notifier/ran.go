package notifier

import (
	"fmt"
	"time"
)

// Ran is what became of a program that was run for an alert. What it printed may hold text of the alert, and must be shown as that.
type Ran struct {
	// Program is the name of its file, Receiver whose program it is, Delivery the one that ran it.
	Program  string `json:"program"`
	Receiver string `json:"receiver"`
	Delivery string `json:"delivery"`
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
	how := fmt.Sprintf("status %d", r.Status)
	if r.Status < 0 {
		how = r.Ended
	}
	return fmt.Sprintf("%s after %s", how, took(r.Took))
}

// took is a time span to a tenth of a second while it is short.
func took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
