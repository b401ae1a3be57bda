package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/regular"
)

// loss is what went with an outbox that somebody removed under its deliverer, as the next outbox keeps it: for doctor and explain --id,
// which would else find nothing and say that all is well.
type loss struct {
	At         time.Time `json:"at"`
	Why        string    `json:"why"`
	Deliveries int       `json:"deliveries"`
	Known      []lostOne `json:"known,omitempty"`   // the first of them
	Unknown    bool      `json:"unknown,omitempty"` // there may have been more: an outbox could not be read any more

	kept bool // by the outbox that took its place
}

type lostOne struct {
	Alert    string `json:"alert"`
	Receiver string `json:"receiver"`
}

// Where no outbox takes the place of the lost one while its deliverer is there, what was lost lies in a file beside the log, until the next
// deliverer takes it.
const (
	lossFile  = "ossec-notify.lost"
	lossBytes = 1 << 20 // of such a file
)

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
	out := &loss{At: lost.At, Why: why, Deliveries: lost.Deliveries, Unknown: lost.Unknown}
	if l != nil && lost.At.Sub(l.At) < lossLong {
		out.Deliveries += l.Deliveries
		out.Known = append(out.Known, l.Known...)
		out.Unknown = out.Unknown || l.Unknown
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
	kept, err := readLoss(ctx, box)
	if err == nil && kept != nil && !kept.At.Before(l.At) { // and it may hold what others lost
		l.kept = true
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		err = box.SetMeta(ctx, lossKey, string(b))
	}
	l.kept = err == nil
	if err != nil {
		log.Error("doctor will not know of what was lost with the outbox", "err", err)
	}
}

// with is one loss that has both; either may be nil.
func (l *loss) with(o *loss) *loss {
	if l == nil || o == nil {
		return cmp.Or(l, o)
	}
	if l.At.Before(o.At) {
		l, o = o, l
	}
	both := *l
	both.Deliveries += o.Deliveries
	both.Unknown = both.Unknown || o.Unknown
	both.Known = slices.Concat(o.Known, l.Known)
	both.Known = both.Known[:min(len(both.Known), maxLost)]
	return &both
}

// leave puts it where the next deliverer finds it, and doctor does until then. Where nothing can be put there, the log has it.
func (l *loss) leave(home string, log *slog.Logger) {
	if l == nil || l.kept || l.none() {
		return
	}
	before, err := leftLoss(home)
	if err != nil {
		before = nil // what nobody can read is written anew
	}
	b, err := json.Marshal(l.with(before))
	if err == nil {
		err = replaceFile(filepath.Join(home, "logs", lossFile), b)
	}
	if err != nil {
		log.Error("doctor will not know of what was lost with the outbox", "err", err)
	}
}

// replaceFile has a file hold what is given, or what it held before.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// leftLoss is what leave left; nil for nothing, or what is no news any more.
func leftLoss(home string) (*loss, error) {
	path := filepath.Join(home, "logs", lossFile)
	f, err := regular.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0) // others may write to the directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	l := new(loss)
	if err == nil {
		err = errors.Join(json.NewDecoder(io.LimitReader(f, lossBytes)).Decode(l), f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if time.Since(l.At) > lossLong || l.Deliveries < 0 || l.none() {
		return nil, nil
	}
	l.Known = l.Known[:min(len(l.Known), maxLost)]
	return l, nil
}

// adoptLoss puts what another deliverer left into the outbox.
func adoptLoss(ctx context.Context, home string, box *outbox.DB, log *slog.Logger) {
	left, err := leftLoss(home)
	if err != nil {
		log.Warn("what was lost with an outbox cannot be read; the log has it", "err", err)
	}
	if left != nil {
		kept, err := readLoss(ctx, box)
		if err != nil {
			log.Warn("what was lost with an outbox is written anew", "err", err)
		}
		b, err := json.Marshal(left.with(kept))
		if err == nil {
			err = box.SetMeta(ctx, lossKey, string(b))
		}
		if err != nil {
			log.Error("what was lost with an outbox stays in its file", "err", err)
			return
		}
	}
	if err := os.Remove(filepath.Join(home, "logs", lossFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what was lost with an outbox is told from its file, too", "err", err)
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
		said += "; the delivery of this one was lost for " + display.Quote(strings.Join(untold, ", ")).Line().String()
	case l.Deliveries > len(l.Known) || l.Unknown:
		said += "; of what was lost it has not all names"
	}
	return said
}

// loss tells of an outbox that was removed lately. Nothing else in the new one, which is nil where there is none yet, shows that something is
// missing.
func (x *examination) loss(ctx context.Context, db *outbox.DB) {
	l, err := leftLoss(x.home)
	if err != nil {
		x.warning("outbox", "run doctor as root; else remove it", "%s", err)
	}
	if db != nil {
		kept, err := readLoss(ctx, db)
		if err != nil {
			x.problem("outbox", "", "%s", err)
		}
		l = l.with(kept)
	}
	switch {
	case l == nil || time.Since(l.At) > lossLong:
	case l.none():
		x.ok("outbox", "at %s %s; nothing waited in it, and what it knew of past alerts and silences is gone", l.At.Local().Format(time.DateTime), display.Quote(l.Why).Line())
	default:
		where := "the log names them (delivery is lost with the outbox)"
		if l.Unknown {
			where = "the log names those that are known (delivery is lost with the outbox), and the manager's logs hold all alerts"
		}
		x.warning("outbox", where+": tell what still matters with ossec-notify send --to RECEIVER ALERTFILE", "%s", l.words())
	}
}

// none reports that nobody is missing anything.
func (l *loss) none() bool { return l.Deliveries == 0 && !l.Unknown }

// words are what happened.
func (l *loss) words() string {
	said := fmt.Sprintf("at %s %s", l.At.Local().Format(time.DateTime), display.Quote(l.Why).Line())
	if l.Deliveries > 0 {
		said += ", and " + lostWords(l.Deliveries) + " with it"
	}
	if l.Unknown {
		said += "; it could not be read any more, so nobody knows what else was lost"
	}
	return said
}

// lately is what was lost in the last days with an outbox; nil for nothing.
func lately(ctx context.Context, box *outbox.DB) *loss {
	l, err := readLoss(ctx, box)
	if err != nil || l == nil || l.none() || time.Since(l.At) > lossLong {
		return nil
	}
	return l
}

func lostWords(n int) string {
	if n == 1 {
		return "1 delivery was lost"
	}
	return display.Thousands(n) + " deliveries were lost"
}
