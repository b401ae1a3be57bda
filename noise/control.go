package noise

import (
	"log/slog"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Control decides by one config. It holds nothing that is not in the config or in the outbox; its fields are not changed after
// the first use.
type Control struct {
	Scale   alert.Scale
	Inhibit []*rules.Inhibit
	// Pairs are the resolve pairs of all routes.
	Pairs []rules.Pair
	// Policies are those of routes, by their paths.
	Policies map[string]*rules.Policy
	// Zone is what times are shown in, and what those of silences mean.
	Zone *time.Location
	// Receiver says what is known of a receiver; nil when there is none (any more).
	Receiver func(name string) *Receiver
	// Read makes an alert of what the outbox stored.
	Read func(header, raw []byte) *alert.Alert
	Log  *slog.Logger

	matches sync.Map // compiled silences, by what they are written as
}

// Receiver is what noise control must know of one.
type Receiver struct {
	Channel  string
	Throttle *rules.Throttle
	// Rate is how many messages a second it takes, and StormAfter how long its queue may need at that rate; 0 for a receiver
	// that is never braked.
	Rate       float64
	StormAfter time.Duration
	// Pages: its messages wake people. They are never held by the storm brake, and none says that nothing happens.
	Pages bool
	// Follows reports whether it is told of what an action says; who follows updates sees them in a message that was sent.
	Follows func(notifier.Action) bool
}

func (r *Receiver) follows(a notifier.Action) bool { return r.Follows == nil || r.Follows(a) }
