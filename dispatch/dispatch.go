// Package dispatch owns the order of things. A [Dispatcher] is the way of one alert: it is matched against the
// routes, a delivery is planned for each receiver that was chosen, the templates are rendered, the notifier is
// called, and what came of it is told. A [Deliverer] is that way for good: from its sources through the outbox to
// the receivers, each in a lane of its own, over failures and restarts. Preview and the demo use the same steps
// with another end, and a [Replay] does by a clock of its own, for past alerts. The package knows no channel by name,
// reads no config and no file.
package dispatch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
)

// Receiver is a configured destination.
type Receiver struct {
	Name    string
	Channel string
	// Preset is the name of the preset by which its channel speaks to one vendor, or "".
	Preset    string
	Notifier  notifier.Notifier
	Templates *templates.Set
	// Timeout bounds one attempt.
	Timeout time.Duration
	// Renew, which may be nil, is called when the receiver turns out to be misconfigured: it forgets what is kept of
	// the receiver's secrets, and reports whether another attempt may find others.
	Renew func() bool

	// What follows is for the deliverer.

	// Concurrency is how many attempts run at once; with 1 the receiver hears in order.
	Concurrency int
	// Apart: an attempt may take minutes, and must not be made twice where it need not be. So none waits for another's end, and
	// what came of each is recorded at once.
	Apart bool
	// Rate is how much the destination takes; zero is no limit.
	Rate Rate
	// MaxAge is how old a delivery may become before it is dead.
	MaxAge time.Duration
	// Fallback receivers take over when this one has failed for FallbackAfter, or refuses a message for good.
	Fallback      []string
	FallbackAfter time.Duration
	// Throttle is how many messages go out whatever the destination takes; nil is no limit. What is above becomes a digest.
	Throttle *rules.Throttle
	// StormAfter is how long the work ahead may be at Rate before what is less severe becomes a digest; zero is never.
	StormAfter time.Duration
	// Report are the receivers that are told how the program ended which this one runs for an alert. Reported: this one is told
	// so by another.
	Report   []string
	Reported bool
	// Place is what people call the receiver where that is not its name: "#soc".
	Place string
}

// DefaultMaxAge, DefaultFallbackAfter and DefaultStormAfter hold where a receiver sets none.
const (
	DefaultMaxAge        = 24 * time.Hour
	DefaultFallbackAfter = 5 * time.Minute
	DefaultStormAfter    = 5 * time.Minute
)

func (r *Receiver) fallbackAfter() time.Duration {
	return cmp.Or(r.FallbackAfter, DefaultFallbackAfter)
}

// DefaultTimeout is the bound on one attempt where the receiver sets none.
const DefaultTimeout = 10 * time.Second

// Dispatcher takes alerts to receivers. Its fields are not changed after the first use.
type Dispatcher struct {
	Table     *rules.Table
	Scale     alert.Scale
	Receivers map[string]*Receiver
	// Aliases are receivers that stand for others. Their names are none of Receivers.
	Aliases Aliases
	Log     *slog.Logger
	// Zone is the config's time zone; nil is UTC.
	Zone *time.Location
	// AckURL, which may be nil, is where the reader of a message can say that they take the alert; "" where they cannot.
	AckURL func(identity string, occurrence int, receiver string) string
}

// Nobody is, in the outbox, the receiver of an alert that a route sends to nobody on purpose, or whose call named nobody that
// there is. No receiver of a config can have that name.
const Nobody = "(nobody)"

// Delivery is one alert for one receiver.
type Delivery struct {
	ID       string
	Alert    *alert.Alert
	Receiver *Receiver
	Route    string // the path of the route that chose it; "" when no route was asked
	// Alias is the receiver that the route names where it stands for this one, and Note why it does: see [rules.Choice].
	Alias, Note string
	Occurrence  int
	Sample      string // send --sample: what is sent is marked as a test

	// Policy, Step and After are those of the [rules.Choice].
	Policy *rules.Policy
	Step   int
	After  time.Duration

	// About is what the message must know of its incident; nil when there is none. ResolvedBy and Earlier are what it names.
	About      *noise.About
	ResolvedBy *alert.Alert
	Earlier    *notifier.Receipt
	// Summary is what is told in a message about many alerts, ID its identity, and Alerts are some of them; Alert is the
	// first of these, or nil.
	Summary  *digest.Summary
	Identity string
	Alerts   []*alert.Alert

	// PossibleRepeat: an earlier attempt may have arrived. Instead: whose place this receiver takes, and why.
	// Late and LateWhy: how long the alert waited.
	PossibleRepeat bool
	Instead        string
	Late           time.Duration
	LateWhy        string
}

// lateAfter is from when on a message says that it is late.
const lateAfter = 2 * time.Minute

// Outcome is what came of a delivery.
type Outcome struct {
	Delivery Delivery
	State    outbox.State // outbox.Delivered or outbox.Dead
	Attempts int
	Receipt  notifier.Receipt
	Err      error // why it is dead
	// TemplateErr is set when the message went out in its default form because a template failed.
	TemplateErr error
}

// AtOnce are those of planned deliveries that go out at once, and not at a later step of an escalation.
func AtOnce(planned []Delivery) []Delivery {
	return slices.DeleteFunc(planned, func(x Delivery) bool { return x.After > 0 })
}

// Plan makes the deliveries of an alert to the receivers that the routes choose, those of later steps of an escalation too.
func (d *Dispatcher) Plan(a *alert.Alert) []Delivery { return d.PlanAt(a, time.Now()) }

// PlanAt is Plan as at another time: somebody else may have been on call.
func (d *Dispatcher) PlanAt(a *alert.Alert, at time.Time) []Delivery {
	return d.plan(a, d.Table.Choose(a), at)
}

// PlanChannel keeps those of one kind of channel; where the routes choose none, the default receivers of that
// kind get the alert, unless a route says that nobody shall.
func (d *Dispatcher) PlanChannel(a *alert.Alert, channel string) []Delivery {
	ofKind := func(in []Delivery) []Delivery {
		var escalates []string // the routes by which one of that kind is told: their later steps go with it
		for _, x := range in {
			if x.After == 0 && x.Receiver.isKind(channel) {
				escalates = append(escalates, x.Route)
			}
		}
		return slices.DeleteFunc(in, func(x Delivery) bool {
			if x.After > 0 {
				return !slices.Contains(escalates, x.Route)
			}
			return !x.Receiver.isKind(channel)
		})
	}
	if chosen := ofKind(d.Plan(a)); len(chosen) > 0 {
		return chosen
	}
	if d.Table.Nobody(a) != "" {
		return nil
	}
	return ofKind(d.PlanDefault(a))
}

// isKind reports whether a call for one kind of channel means the receiver: by its channel, or by its preset.
func (r *Receiver) isKind(kind string) bool {
	return r.Channel == kind || r.Preset == kind && kind != ""
}

// PlanDefault makes deliveries to the default receivers, past the routes.
func (d *Dispatcher) PlanDefault(a *alert.Alert) []Delivery {
	var defaults []rules.Choice
	for _, name := range d.Table.Default {
		defaults = append(defaults, rules.Choice{Receiver: name, Route: rules.Default})
	}
	return d.plan(a, defaults, time.Now())
}

// Nobody says which route sends an alert to nobody on purpose, of which Plan or PlanChannel made these deliveries; else "".
func (d *Dispatcher) Nobody(a *alert.Alert, planned []Delivery) (route string) {
	if slices.ContainsFunc(planned, func(x Delivery) bool { return x.Route != rules.Always }) {
		return "" // most alerts: the routes need not be asked again
	}
	return d.Table.Nobody(a)
}

// PlanReceivers makes deliveries to receivers by name, past the routes. An unknown name is an error.
func (d *Dispatcher) PlanReceivers(a *alert.Alert, names ...string) ([]Delivery, error) {
	var choices []rules.Choice
	for _, name := range names {
		if !d.Has(name) {
			return nil, NoReceiver(name, slices.Concat(slices.Collect(maps.Keys(d.Receivers)), slices.Collect(maps.Keys(d.Aliases))))
		}
		choices = append(choices, rules.Choice{Receiver: name})
	}
	return d.plan(a, choices, time.Now()), nil
}

// PlanFor makes a delivery to one receiver, which the table need not know.
func (d *Dispatcher) PlanFor(a *alert.Alert, r *Receiver) Delivery {
	return Delivery{ID: DeliveryID(a.Identity(), r.Name, 1), Alert: a, Receiver: r, Occurrence: 1}
}

// NoReceiver says that a config has no receiver of a name, and which of those that it has may be meant.
func NoReceiver(name string, known []string) error {
	known = slices.Sorted(slices.Values(known))
	if near := rules.Nearest(name, known); near != "" {
		return fmt.Errorf("no receiver %q: did you mean %q?", name, near)
	}
	if len(known) == 0 {
		return fmt.Errorf("no receiver %q: the config has no receivers", name)
	}
	for i := range known {
		known[i] = strconv.Quote(known[i])
	}
	return fmt.Errorf("no receiver %q: the config has %s", name, strings.Join(known, ", "))
}

func (d *Dispatcher) plan(a *alert.Alert, choices []rules.Choice, at time.Time) []Delivery {
	var out []Delivery
	now, later := choices, []rules.Choice(nil)
	if i := slices.IndexFunc(choices, func(c rules.Choice) bool { return c.After > 0 }); i >= 0 {
		now, later = nil, nil
		for _, c := range choices {
			if c.After > 0 {
				later = append(later, c)
			} else {
				now = append(now, c)
			}
		}
	}
	for _, c := range append(slices.Clip(d.Aliases.Expand(now, at)), later...) {
		r := d.Receivers[c.Receiver]
		if r == nil && c.After > 0 && d.Aliases[c.Receiver] != nil { // whom it stands for is asked when it is its time
			r = d.standIn(c.Receiver)
		}
		if r == nil { // the config loader refuses unknown names; this is for a table made by hand
			d.Log.Error("route names an unknown receiver", "receiver", c.Receiver, "route", c.Route)
			continue
		}
		out = append(out, Delivery{ID: DeliveryID(a.Identity(), r.Name, 1), Alert: a, Receiver: r, Route: c.Route, Alias: c.Alias, Note: c.Note, Occurrence: 1,
			Policy: c.Policy, Step: c.Step, After: c.After})
	}
	return out
}

var idEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// DeliveryID names the delivery of an alert to a receiver: the same in a preview, in the first attempt and in
// the last one, on every machine.
func DeliveryID(identity, receiver string, occurrence int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", identity, receiver, occurrence))
	return idEncoding.EncodeToString(sum[:10])
}

// Notification renders a delivery. The notification is whole even when err is not nil: then a template failed,
// and the message is the default form that says so.
func (d *Dispatcher) Notification(x Delivery) (n notifier.Notification, err error) {
	n, _, err = d.rendered(x)
	return n, err
}

// rendered is Notification, and the address in it by which its reader can take the alert; "" for none.
func (d *Dispatcher) rendered(x Delivery) (n notifier.Notification, ackURL string, err error) {
	route := x.Route
	if route == rules.Always || route == rules.Default { // no routes of the operator's: the receiver's name says it
		route = ""
	}
	var uses func(string) bool
	if s, ok := x.Receiver.Notifier.(notifier.Selective); ok {
		uses = s.Uses
	}
	c := templates.Context{
		Receiver: x.Receiver.Name, Channel: x.Receiver.Channel, Route: route,
		Delivery: x.ID, Occurrence: x.Occurrence, Sample: x.Sample,
		PossibleRepeat: x.PossibleRepeat, Instead: x.Instead, Late: x.Late, LateWhy: x.LateWhy, Uses: uses,
		OnCall: d.Aliases.onCall(x.Receiver.Name),
	}
	d.incident(&c, x)
	data, parts, err := d.render(x, c)
	n = notifier.Notification{
		Action:     x.unrendered().Action, // what it says may be another: see incident
		Delivery:   x.ID,
		Alert:      x.identity(),
		Occurrence: max(x.Occurrence, 1),
		Receiver:   x.Receiver.Name,
		DedupKey:   x.identity(),
		Severity:   d.severity(x).String(),
		Time:       x.time(),
		Opened:     c.Opened,
		Earlier:    x.Earlier,
		Parts:      parts,
	}
	if x.Summary == nil {
		n.Received = x.Alert.Received
	}
	if data != nil {
		n.DedupKey = data.DedupKey
		if data.Calm() { // what became of a critical alert is not critical
			n.Severity = alert.Info.String()
		}
		if x.Summary != nil {
			n.Action = data.Action
		}
	}
	return n, c.AckURL, err
}

// Deliver renders and sends, and tries again after temporary failures until ctx ends.
func (d *Dispatcher) Deliver(ctx context.Context, x Delivery) Outcome {
	out, why := d.deliver(ctx, x)
	if why != "" {
		d.log(x).Error(why, "attempt", out.Attempts, "err", out.Err)
	}
	return out
}

func (d *Dispatcher) log(x Delivery) *slog.Logger {
	return d.Log.With("alert", x.Alert.Identity(), "rule", x.Alert.Rule.ID, "receiver", x.Receiver.Name, "channel", x.Receiver.Channel)
}

// deliver is Deliver; dead is what the log shall say of a delivery that is dead, unless somebody else is told.
func (d *Dispatcher) deliver(ctx context.Context, x Delivery) (out Outcome, dead string) {
	out = Outcome{Delivery: x, State: outbox.Dead}
	log := d.log(x)
	n, err := d.Notification(x)
	if err != nil {
		out.TemplateErr = err
		log.Warn("template failed, sending the default form", "err", err)
	}
	said, ambiguous, begun := "", false, time.Now()
	for {
		out.Attempts++
		start := time.Now()
		var earlier search
		if ambiguous {
			earlier = d.search(ctx, x.Receiver, n, begun, out.Attempts-1)
			x.PossibleRepeat = earlier.repeat
			n, _ = d.Notification(x) // a template that fails was told of
		}
		out.Receipt, err = earlier.receipt, earlier.err
		if !earlier.settled {
			out.Receipt, err = d.attempt(ctx, x.Receiver, n)
		}
		log := log.With("attempt", out.Attempts, "duration", time.Since(start).Round(time.Millisecond))
		if err == nil {
			out.State = outbox.Delivered
			level := slog.LevelDebug
			if out.Attempts > 1 {
				level = slog.LevelInfo
			}
			log.Log(ctx, level, "delivered")
			return out, ""
		}
		out.Err = err
		ambiguous = ambiguous || notifier.Classify(err).Ambiguous
		if !notifier.Retryable(err) {
			return out, isDead
		}
		wait := backoff(out.Attempts, notifier.Classify(err).RetryAfter)
		if text := err.Error(); text != said { // a failure is told once, until it changes
			log.Warn("attempt failed, trying again", "err", err, "wait", wait)
			said = text
		}
		if !sleep(ctx, wait) {
			return out, isDead + ": out of time"
		}
	}
}

func (d *Dispatcher) attempt(ctx context.Context, r *Receiver, n notifier.Notification) (notifier.Receipt, error) {
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	send := func() (notifier.Receipt, error) { return r.Notifier.Notify(ctx, n) }
	receipt, err := notify(send)
	if err != nil && notifier.Classify(err).Reason == notifier.Misconfigured && r.Renew != nil && r.Renew() {
		return notify(send) // the message must not be dead for a key that was replaced
	}
	return receipt, err
}

// deadline bounds one request to the receiver.
func (r *Receiver) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return context.WithTimeoutCause(ctx, timeout, timeoutError(timeout))
}

// timeoutError is the cause of a deadline: it names the setting.
type timeoutError time.Duration

func (e timeoutError) Error() string {
	return fmt.Sprintf("no answer within the receiver's timeout of %s", time.Duration(e))
}

// Backoff of a delivery that waits in this process: full jitter over a doubling interval.
const (
	backoffBase = 500 * time.Millisecond
	backoffMax  = 15 * time.Second
)

// backoff is how long to wait after so many attempts: at least what the vendor asked for.
func backoff(attempts int, retryAfter time.Duration) time.Duration {
	ceiling := backoffMax
	if attempts < 6 {
		ceiling = min(backoffBase<<(attempts-1), backoffMax)
	}
	return max(retryAfter, backoffBase/5+rand.N(ceiling))
}

// sleep waits, unless ctx ends before the wait would: then it does not wait at all and reports false.
func sleep(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// DeliverAll delivers to all receivers at the same time, and to each receiver in order. done is called for each
// outcome, from one goroutine at a time.
func (d *Dispatcher) DeliverAll(ctx context.Context, deliveries []Delivery, done func(Outcome)) {
	queues := map[string][]Delivery{}
	for _, x := range AtOnce(slices.Clone(deliveries)) { // only a deliverer that stays can wait for the rest
		queues[x.Receiver.Name] = append(queues[x.Receiver.Name], x)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	tell := func(o Outcome) {
		mu.Lock()
		defer mu.Unlock()
		done(o)
	}
	for _, queue := range queues {
		wg.Go(func() {
			for _, x := range queue {
				out := d.Deliver(ctx, x)
				tell(out)
				for _, y := range d.reportsInMemory(out) {
					tell(d.Deliver(ctx, y))
				}
			}
		})
	}
	wg.Wait()
}
