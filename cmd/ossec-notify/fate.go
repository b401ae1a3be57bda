package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/site"
)

// fate is what became of an alert.
type fate struct {
	arrived time.Time
	// occurrence is which of that identity it is.
	occurrence int
	called     string // the NAME of custom-NAME by which it came first; "" where it came in another way
	astray     string // why that led to nobody
	of         string // the title of a message of ours, which is no alert
	told       []told
	ack        *outbox.Ack
	// ended are the messages that tell of others that this one ended them, where it was not told itself.
	ended []outbox.Delivery
}

// told is one delivery with all that is known of it.
type told struct {
	outbox.Delivery
	attempts []outbox.Attempt
	// in are the deliveries, to the same receiver, of the message in which the alert was told with others, or of the alert
	// that it is a repeat of.
	in []outbox.Delivery
}

// toldLine is a delivery in explain --format json.
type toldLine struct {
	sent
	Route     string        `json:"route,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Notes     []string      `json:"notes,omitempty"`
	With      []sent        `json:"with,omitempty"`
	Attempted []attemptLine `json:"attempted,omitempty"`
}

func (x *told) line() toldLine {
	out := toldLine{sent: lineOf(x.Delivery), Route: x.Route, Reason: x.Reason, Attempted: attemptLines(x.attempts)}
	if x.Notes != "" {
		out.Notes = strings.Split(x.Notes, "\n")
	}
	for _, d := range x.in {
		out.With = append(out.With, lineOf(d))
	}
	return out
}

// write says what became of it: of one receiver, unless that is "".
func (f *fate) write(w io.Writer, receiver string) {
	at := f.arrived.Local().Format(time.DateTime) + f.calledWords()
	var shown []told
	for _, x := range f.told {
		if receiver == "" || x.Receiver == receiver {
			shown = append(shown, x)
		}
	}
	switch {
	case len(f.told) == 0 && f.ofKind():
		fmt.Fprintf(w, "  It came in at %s; no route chose a receiver of that kind then.\n", at)
	case len(f.told) == 0:
		fmt.Fprintf(w, "  It came in at %s; no route chose a receiver then.\n", at)
	case len(shown) == 0:
		fmt.Fprintf(w, "  It came in at %s, and nothing was entered for %s then.\n", at, receiver)
	default:
		fmt.Fprintf(w, "  It came in at %s. What became of it:\n", at)
	}
	for _, x := range shown {
		x.write(w)
	}
	said := map[string]bool{}
	for _, x := range f.ended {
		if id := identity(x); !said[id] {
			said[id] = true
			fmt.Fprintf(w, "  It resolved %s: those who were told of that are told that it is over.\n", display.Quote(id).Line())
		}
		if receiver == "" || x.Receiver == receiver {
			fmt.Fprintln(w, "    "+listLine(x))
		}
	}
	if f.ack != nil {
		fmt.Fprintf(w, "  Taken by %s at %s (%s).\n", display.Quote(f.ack.By).Line(), f.ack.At.Local().Format(time.DateTime), display.Quote(f.ack.Via).Line())
	}
}

// ofKind reports whether it was called for the receivers of one kind.
func (f *fate) ofKind() bool {
	_, ok := channel.ByCall(f.called)
	return ok
}

// calledWords say by which name it came, where that decided who is told.
func (f *fate) calledWords() string {
	switch {
	case f.called == "" || f.called == "notify":
		return ""
	case f.astray != "":
		return fmt.Sprintf(", called as custom-%s, which led to nobody: %s", display.Quote(f.called).Line(), display.Quote(f.astray).Line())
	case f.ofKind():
		return ", called as custom-" + f.called
	}
	return fmt.Sprintf(", called as custom-%s, past the routes", display.Quote(f.called).Line())
}

func (x *told) write(w io.Writer) {
	head := listLine(x.Delivery)
	if n := len(x.attempts); n > 0 && x.attempts[n-1].Error == x.Reason { // which is told below
		head = shortLine(x.Delivery)
	}
	fmt.Fprintln(w, "    "+head)
	if x.Notes != "" {
		for _, note := range strings.Split(x.Notes, "\n") {
			if note != x.Reason || x.State == outbox.Delivered {
				fmt.Fprintf(w, "        %s\n", display.Quote(note).Line())
			}
		}
	}
	for _, d := range x.in {
		fmt.Fprintf(w, "        with it: %s\n", listLine(d))
	}
	for _, line := range attemptWords(x.attempts, ranProgram(x.Delivery)) {
		fmt.Fprintln(w, "        "+line)
	}
}

// ranProgram reports a delivery whose receiver is a program, which answers with its status and what it prints.
func ranProgram(x outbox.Delivery) bool { return x.Channel == "command" }

// attemptVerdict is what came of an attempt, in words.
func attemptVerdict(a outbox.Attempt, program bool) string {
	accepted, answered := "accepted", ", the answer: "
	if program {
		accepted, answered = "status 0", ", it printed: "
	}
	verdict := accepted
	if a.Error != "" {
		verdict = display.Quote(a.Error).Line().String()
	}
	if a.Status != 0 && !strings.Contains(a.Error, fmt.Sprintf("status %d", a.Status)) {
		verdict += fmt.Sprintf(" (%d)", a.Status)
	}
	if first, _, _ := strings.Cut(strings.TrimSpace(a.Answer), "\n"); first != "" && !strings.Contains(a.Error, first) {
		verdict += answered + display.Quote(a.Answer).Line().CutEnd(160).String()
	}
	return verdict
}

// attemptWords are lines about attempts. Those that came to the same are one, at the place of the last.
func attemptWords(attempts []outbox.Attempt, program bool) []string {
	type same struct {
		verdict string
		first   int
		last    int
		n       int
	}
	var all []same
	for i, a := range attempts {
		verdict := attemptVerdict(a, program)
		s := same{verdict: verdict, first: i}
		if at := slices.IndexFunc(all, func(s same) bool { return s.verdict == verdict }); at >= 0 {
			s = all[at]
			all = slices.Delete(all, at, at+1)
		}
		s.last = i
		s.n++
		all = append(all, s)
	}
	var lines []string
	for _, s := range all {
		last := attempts[s.last]
		at := last.Started.Local().Format(time.DateTime)
		if s.n == 1 {
			lines = append(lines, fmt.Sprintf("attempt %d, %s, %s: %s", s.last+1, at, last.Duration.Round(time.Millisecond), s.verdict))
			continue
		}
		lines = append(lines, fmt.Sprintf("%d attempts, from %s to %s: %s", s.n, attempts[s.first].Started.Local().Format(time.DateTime), at, s.verdict))
	}
	return lines
}

// writeWhy says in words why a receiver is told of an alert by the config as it is, or is not.
// would: nobody knows whether the alert ever came.
func writeWhy(w io.Writer, t *rules.Table, a *alert.Alert, receiver string, would bool) {
	chances := t.Chances(a, receiver)
	told := false
	for _, c := range chances {
		told = told || c.Told
	}
	switch {
	case len(chances) == 0:
		fmt.Fprintf(w, "  No route names %s, so the routes never tell it of an alert.\n", receiver)
	case told && would:
		fmt.Fprintf(w, "  %s would be told:\n", receiver)
	case told:
		fmt.Fprintf(w, "  %s is told:\n", receiver)
	case would:
		fmt.Fprintf(w, "  %s would not be told:\n", receiver)
	default:
		fmt.Fprintf(w, "  %s is not told:\n", receiver)
	}
	for _, c := range chances {
		mark := markNo
		if c.Told {
			mark = markYes
		}
		fmt.Fprintf(w, "    %s %s: %s\n", mark, routeWords(c.Route), display.Quote(c.Why).Line())
	}
}

func routeWords(path string) string {
	if path == rules.Always || path == rules.Default {
		return path
	}
	return "route " + path
}

// otherwise is whom the routes chose when the alert came in, "soc by route logins", where that is not whom they choose now; else nil. An
// alert that was called past the routes, or for one kind, has no such decision.
func (f *fate) otherwise(now explain.Telling) []string {
	if f.called != "" && f.called != "notify" {
		return nil
	}
	may, must := map[string]bool{}, map[string]bool{} // those of later steps are entered when their time comes
	for _, some := range [][]rules.Choice{now.Now, now.Outside, now.Held} {
		for _, c := range some {
			may[chosenBy(c.Receiver, c.Route)], must[chosenBy(c.Receiver, c.Route)] = true, true
		}
	}
	for _, c := range now.Choices {
		may[chosenBy(c.Receiver, c.Route)] = true
	}
	then, differs := []string{}, false
	for _, x := range f.told {
		if x.Alert.Occurrence != f.occurrence || x.Kind != "" || x.Receiver == dispatch.Nobody || strings.HasPrefix(x.Route, noise.FallbackPrefix) {
			continue
		}
		by := chosenBy(x.Receiver, x.Route)
		then, differs = append(then, by), differs || !may[by]
		delete(must, by)
	}
	if !differs && len(must) == 0 {
		return nil
	}
	if len(then) == 0 {
		return []string{"nobody"}
	}
	return then
}

// chosenBy is "soc by route logins".
func chosenBy(receiver, route string) string {
	if route == "" {
		return receiver
	}
	return receiver + " by " + routeWords(route)
}

// errNotHeld is also of alerts that serve read in a followed file while no route could take them: these are not entered.
var errNotHeld = errors.New("the outbox does not hold it")

// lostOf is errNotHeld, with what was lost with an outbox that held the alert before; nil where no such loss is known. kept is what the
// outbox knows of losses, if there is one.
func (e *env) lostOf(found *alert.Alert, id string, kept *loss) error {
	if found != nil {
		id = found.Identity()
	}
	if left, err := leftLoss(absolute(e.home)); err == nil {
		kept = kept.with(left)
	}
	if kept == nil || found != nil && !found.Time.Before(kept.At) {
		return nil
	}
	return fmt.Errorf("%w: %s", errNotHeld, kept.of(id))
}

// fateOf looks an alert up in the outbox: one that was found, else the one of an identity. All is nil where there is no
// outbox; the error says that it holds no such alert, or why it cannot be read.
func (e *env) fateOf(ctx context.Context, cfg *config.Config, found *alert.Alert, id string) (*alert.Alert, *fate, error) {
	state, err := e.stateDir()
	if err != nil { // no alert has come yet, or all of it was removed
		return nil, nil, e.lostOf(found, id, nil)
	}
	if _, err := os.Stat(outbox.Path(state)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, e.lostOf(found, id, nil)
	}
	box, err := e.box(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer box.Close()
	if found != nil {
		id = found.Identity()
	}
	kept, err := box.Alert(ctx, id, 0)
	if errors.Is(err, outbox.ErrNotFound) && found == nil {
		if whole, wholeErr := box.Qualified(ctx, id); wholeErr == nil { // messages show the id without the manager's name
			id = whole
			kept, err = box.Alert(ctx, id, 0)
		}
	}
	if errors.Is(err, outbox.ErrNotFound) {
		lost, lossErr := readLoss(ctx, box)
		if lossErr != nil {
			lost = nil
		}
		return nil, nil, cmp.Or(e.lostOf(found, id, lost), error(errNotHeld))
	}
	if err != nil {
		return nil, nil, err
	}
	f := &fate{arrived: kept.Arrived, occurrence: kept.Occurrence}
	var h site.Header
	if json.Unmarshal(kept.Header, &h) == nil { // one that is not ours says nothing
		f.called, f.astray = h.Called, h.Astray
	}
	if f.told, err = readFate(ctx, box, id); err != nil {
		return nil, nil, err
	}
	if ack, taken, err := box.Acked(ctx, kept.Identity, kept.Occurrence); err != nil {
		return nil, nil, err
	} else if taken {
		f.ack = &ack
	}
	if noise.IsMessage(id) {
		f.of = kept.Title
		return nil, f, nil
	}
	if f.ended, err = endedBy(ctx, box, kept, f.told); err != nil {
		return nil, nil, err
	}
	a, _ := site.Of(cfg, nil, discard).Read(kept.Header, kept.Raw)
	return a, f, nil
}

// endedBy are the messages which say that an alert ended an incident. An alert that somebody was told of says so itself.
func endedBy(ctx context.Context, box *outbox.DB, a outbox.Alert, of []told) ([]outbox.Delivery, error) {
	for _, x := range of {
		if x.Receiver != dispatch.Nobody {
			return nil, nil
		}
	}
	all, err := box.OfKind(ctx, "resolve", a.Arrived)
	if err != nil {
		return nil, err
	}
	var out []outbox.Delivery
	for _, x := range all {
		about, err := noise.ParseAbout(x.About)
		if err == nil && about != nil && about.Resolved != nil && about.Resolved.By == (noise.Ref{Identity: a.Identity, Occurrence: a.Occurrence}) {
			out = append(out, x)
		}
	}
	return out, nil
}

func readFate(ctx context.Context, box *outbox.DB, identity string) ([]told, error) {
	deliveries, err := box.Find(ctx, outbox.Filter{Identity: identity})
	if err != nil {
		return nil, err
	}
	var out []told
	for _, d := range deliveries {
		x := told{Delivery: d}
		if d.Attempts > 0 {
			if _, x.attempts, err = box.Show(ctx, d.ID); err != nil {
				return nil, err
			}
		}
		// Of a silence, the bundle is the message that it ends in, once that is told.
		with := cmp.Or(noise.ToldIn(d.Reason), noise.RepeatOf(d.Reason), d.Bundle)
		if with != "" && d.State == outbox.Suppressed && d.Receiver != dispatch.Nobody {
			if x.in, err = box.Find(ctx, outbox.Filter{Identity: with, Receiver: d.Receiver}); err != nil {
				return nil, err
			}
		}
		out = append(out, x)
	}
	return out, nil
}
