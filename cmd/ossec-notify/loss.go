package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// loss is what went with an outbox that somebody removed under its deliverer, as the next outbox keeps it: for doctor and explain --id,
// which would else find nothing and say that all is well.
type loss struct {
	At         time.Time `json:"at"`
	Why        string    `json:"why"`
	Deliveries int       `json:"deliveries"`
	Known      []lostOne `json:"known,omitempty"` // the first of them
}

type lostOne struct {
	Alert    string `json:"alert"`
	Receiver string `json:"receiver"`
}

const (
	lossKey  = "lost"             // where the outbox keeps it
	maxLost  = 1000               // how many it names
	lossLong = 7 * 24 * time.Hour // how long doctor tells it
)

// and is what was lost before, with what a deliverer lost that ended with err. It may lose one outbox after the other, while somebody
// still removes the directory.
func (l *loss) and(err error) *loss {
	var lost *dispatch.LostError
	if !errors.As(err, &lost) {
		return l
	}
	why, _, _ := strings.Cut(lost.Error(), ": "+errStateLost.Error())
	out := &loss{At: lost.At, Why: why, Deliveries: lost.Deliveries}
	if l != nil && lost.At.Sub(l.At) < lossLong {
		out.Deliveries += l.Deliveries
		out.Known = append(out.Known, l.Known...)
	}
	for _, x := range lost.Known {
		out.Known = append(out.Known, lostOne{x.Alert.Identity, x.Receiver})
	}
	out.Known = out.Known[:min(len(out.Known), maxLost)]
	return out
}

// keep puts it into the outbox that takes the place of the lost one. Alerts go on without that.
func (l *loss) keep(ctx context.Context, box *outbox.DB, log *slog.Logger) {
	if l == nil {
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		err = box.SetMeta(ctx, lossKey, string(b))
	}
	if err != nil {
		log.Error("doctor will not know of what was lost with the outbox", "err", err)
	}
}

// readLoss is what was lost with the outbox before this one; nil where there was none.
func readLoss(ctx context.Context, box *outbox.DB) (*loss, error) {
	text, err := box.Meta(ctx, lossKey)
	if err != nil || text == "" {
		return nil, err
	}
	l := new(loss)
	if err := json.Unmarshal([]byte(text), l); err != nil {
		return nil, fmt.Errorf("what was lost with the last outbox is not readable: %w", err)
	}
	return l, nil
}

// of says what it means for an alert that this outbox does not hold.
func (l *loss) of(identity string) string {
	said := fmt.Sprintf("at %s %s, and with it what became of alerts before", l.At.Local().Format(time.DateTime), display.Quote(l.Why).Line())
	var untold []string
	for _, x := range l.Known {
		if (x.Alert == identity || strings.HasSuffix(x.Alert, "/"+identity)) && !slices.Contains(untold, x.Receiver) {
			untold = append(untold, x.Receiver)
		}
	}
	switch {
	case len(untold) > 0:
		said += "; the delivery of this one was lost for " + strings.Join(untold, ", ")
	case l.Deliveries > len(l.Known):
		said += "; of what was lost it has not all names"
	}
	return said
}

// loss tells of an outbox that was removed lately. Nothing else in the new one shows that something is missing.
func (x *examination) loss(ctx context.Context, db *outbox.DB) {
	l, err := readLoss(ctx, db)
	switch {
	case err != nil:
		x.problem("outbox", "", "%s", err)
	case l == nil || time.Since(l.At) > lossLong:
	case l.Deliveries == 0:
		x.ok("outbox", "at %s %s; nothing waited in it, and what it knew of past alerts and silences is gone", l.At.Local().Format(time.DateTime), display.Quote(l.Why).Line())
	default:
		x.warning("outbox", "the log names them (delivery is lost with the outbox): tell what still matters with ossec-notify send --to RECEIVER ALERTFILE",
			"at %s %s, and %s with it", l.At.Local().Format(time.DateTime), display.Quote(l.Why).Line(), lostWords(l.Deliveries))
	}
}

func lostWords(n int) string {
	if n == 1 {
		return "1 delivery was lost"
	}
	return display.Thousands(n) + " deliveries were lost"
}
