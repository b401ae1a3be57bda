package main

import (
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

// loss is what went with an outbox that somebody removed under its deliverer, as the next outbox keeps it, and what went earlier with others:
// for doctor and explain --id, which would else find nothing and say that all is well. The zero loss is none.
type loss struct {
	At         time.Time `json:"at"`
	Why        string    `json:"why"`
	Deliveries int       `json:"deliveries"`
	Known      []lostOne `json:"known,omitempty"`   // the first of them, and of those that were lost earlier
	Unknown    bool      `json:"unknown,omitempty"` // there may have been more: an outbox could not be read any more
	Earlier    []loss    `json:"earlier,omitempty"`

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

	maxLosses = 20          // that are kept
	lossApart = time.Minute // between losses of which one took nothing with it
)

// never reports that no outbox was lost.
func (l *loss) never() bool { return l == nil || l.At.IsZero() }

// events are the losses one by one, the last first, without names.
func (l *loss) events() []loss {
	if l.never() {
		return nil
	}
	all := []loss{{At: l.At, Why: l.Why, Deliveries: l.Deliveries, Unknown: l.Unknown}}
	for _, x := range l.Earlier[:min(len(l.Earlier), maxLosses-1)] {
		all = append(all, loss{At: x.At, Why: x.Why, Deliveries: max(x.Deliveries, 0), Unknown: x.Unknown})
	}
	return all
}

// total is how many deliveries were lost in all.
func (l *loss) total() int {
	n := 0
	for _, x := range l.events() {
		n += x.Deliveries
	}
	return n
}

// and adds what a deliverer lost that ended with err. It may lose one outbox after the other, while somebody still removes the directory.
func (l *loss) and(err error) {
	var lost *dispatch.LostError
	if !errors.As(err, &lost) {
		return
	}
	why, _, _ := strings.Cut(lost.Error(), ": "+errStateLost.Error())
	last := &loss{At: lost.At, Why: why, Deliveries: lost.Deliveries, Unknown: lost.Unknown}
	for _, x := range lost.Known {
		last.Known = append(last.Known, lostOne{x.Alert.Identity, x.Receiver})
	}
	*l = *last.with(l)
	l.kept = false
}

// keep puts it into the outbox that takes the place of the lost one, with what that outbox knows and what another deliverer has left; and
// remembers these, too, for the day on which that outbox is removed. Alerts go on without that.
func (l *loss) keep(ctx context.Context, home string, box *outbox.DB, log *slog.Logger) {
	kept, err := readLoss(ctx, box)
	if err != nil {
		log.Warn("what was lost with an outbox is written anew", "err", err)
	}
	left, err := leftLoss(home)
	if err != nil {
		log.Warn("what was lost with an outbox cannot be read; the log has it", "err", err)
	}
	all := l.with(left).with(kept)
	if !l.never() || left != nil {
		b, err := json.Marshal(all)
		if err == nil {
			err = box.SetMeta(ctx, lossKey, string(b))
		}
		if err != nil {
			log.Error("doctor will not know of what was lost with the outbox", "err", err)
			return
		}
	}
	if !all.never() {
		*l = *all
		l.kept = true
	}
	if err := os.Remove(filepath.Join(home, "logs", lossFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what was lost with an outbox is told from its file, too", "err", err)
	}
}

// with is one loss that has those of both, each once; either may be nil. What is no news any more it leaves out, and what took nothing with
// it beside another: who removes a directory removes more than one outbox.
func (l *loss) with(o *loss) *loss {
	if l.never() || o.never() {
		if l.never() {
			return o
		}
		return l
	}
	all := append(l.events(), o.events()...)
	slices.SortStableFunc(all, func(a, b loss) int { return b.At.Compare(a.At) })
	var each []loss
	for _, x := range all {
		last := len(each) - 1
		switch {
		case last < 0:
			each = append(each, x)
		case each[last].At.Equal(x.At) && each[last].Why == x.Why || time.Since(x.At) > lossLong || len(each) == maxLosses:
		case each[last].At.Sub(x.At) > lossApart || !each[last].none() && !x.none():
			each = append(each, x)
		case each[last].none():
			each[last] = x
		}
	}
	both := each[0]
	both.Earlier = each[1:]
	if l.At.Before(o.At) {
		l, o = o, l
	}
	has := map[lostOne]bool{}
	for _, x := range slices.Concat(o.Known, l.Known) {
		if !has[x] && len(both.Known) < maxLost {
			has[x] = true
			both.Known = append(both.Known, x)
		}
	}
	return &both
}

// leave puts it where the next deliverer finds it, and doctor does until then. Where nothing can be put there, the log has it.
func (l *loss) leave(home string, log *slog.Logger) {
	if l.kept || !l.some() {
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
	if time.Since(l.At) > lossLong || l.Deliveries < 0 || !l.some() {
		return nil, nil
	}
	l.Known = l.Known[:min(len(l.Known), maxLost)]
	return l, nil
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
	case l.total() > len(l.Known) || slices.ContainsFunc(l.events(), func(x loss) bool { return x.Unknown }):
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
	for _, l := range l.events() {
		switch {
		case time.Since(l.At) > lossLong:
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
}

// none reports that nobody is missing anything of the last.
func (l *loss) none() bool { return l.Deliveries == 0 && !l.Unknown }

// some reports that somebody is missing something, or may be.
func (l *loss) some() bool {
	return slices.ContainsFunc(l.events(), func(x loss) bool { return !x.none() })
}

// words are what happened last.
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
	if err != nil || !l.some() || time.Since(l.At) > lossLong {
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
