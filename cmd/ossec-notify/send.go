package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/site"
)

const sendExample = `  ossec-notify send --sample 5712 --to oncall      is oncall reached? (marked as a test)
  ossec-notify send alert.json                     by the routes of the config
  tail -n 1 /var/ossec/logs/alerts/alerts.json | ossec-notify send`

func sendCommand(e *env) *cobra.Command {
	var in input
	var to []string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "send [FILE...]",
		Short:   "deliver alerts now and wait",
		Long:    "Delivers alerts now, to the receivers that the routes choose or to those named with --to, and waits for the\noutcome.\n\n" + inputHelp,
		Example: sendExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			if err := in.check(); err != nil {
				return err
			}
			return e.send(cmd.Context(), in, to, timeout)
		},
	}
	cmd.Flags().StringSliceVar(&to, "to", nil, "receivers to send to, past the routes")
	cmd.Flags().StringVar(&in.sample, "sample", "", sampleFlag())
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to try")
	e.formatFlag(cmd)
	return cmd
}

// sent is one line of send --format json.
type sent struct {
	Delivery string `json:"delivery"`
	Alert    string `json:"alert"`
	Receiver string `json:"receiver"`
	Channel  string `json:"channel"`
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	Error    string `json:"error"`
	// Kind is what it is where it is not the alert's first message: a report of a program, a step, a reminder.
	Kind string `json:"kind,omitempty"`
}

func (e *env) send(ctx context.Context, in input, to []string, timeout time.Duration) error {
	cfg, err := e.loadUsed()
	if err != nil {
		return err
	}
	cache := oncall.NewCache(nil, discard)
	defer cache.Close()
	d, made := cfg.Dispatcher(config.Options{Log: discard, OnCall: cache})
	if err := e.othersMade(cfg, made); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("--timeout of %s is over", timeout))
	defer cancel()

	out := reporter{w: e.stdout, notes: e.stderr, json: e.format == "json"}
	if len(to) > 0 {
		deliveries, err := d.PlanReceivers(&alert.Alert{}, to...)
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		for _, x := range deliveries {
			if err := faultOf(cfg, made, x.Receiver.Name); err != nil {
				return fmt.Errorf("--to: %w", err)
			}
		}
	}
	state, noState := e.spoolState()
	if noState != nil {
		fmt.Fprintf(e.stderr, "note: sending from memory, for there is no state directory to keep alerts in (%s)\n", noState)
	}
	if state != "" {
		err = e.sendSpooled(ctx, state, in, site.Order{To: to, Sample: in.sample}, cfg, &out)
	} else {
		site.AskFirst(ctx, d.Aliases, cache)
		err = e.sendDirect(ctx, in, to, cfg, d, &out)
	}
	if err != nil {
		return err
	}
	if out.alerts == 0 {
		return failed("the input holds no alert")
	}
	if out.failed {
		return silent(exitFail)
	}
	return nil
}

// sendDirect delivers from memory: there is no state directory, or another config than the installation's is tried.
func (e *env) sendDirect(ctx context.Context, in input, to []string, cfg *config.Config, d *dispatch.Dispatcher, out *reporter) error {
	aliases := map[string]bool{} // that were told of
	noted := len(to) > 0 || in.sample != ""
	for a, err := range e.enriched(ctx, in, cfg) {
		if err != nil {
			return failed("%w", err)
		}
		deliveries := d.Plan(a)
		if !noted && quietable(d, deliveries) {
			noted = true
			fmt.Fprintln(e.stderr, "note: noise control needs the state directory: these alerts are sent at once, whatever the config says of silences, inhibition, windows, dedup, groups, digests, throttles and escalation")
		}
		if len(to) > 0 {
			if deliveries, err = d.PlanReceivers(a, to...); err != nil {
				return fmt.Errorf("--to: %w", err)
			}
		}
		for i := range deliveries {
			deliveries[i].Sample = in.sample
		}
		out.arrived(a)
		for _, note := range aliasNotes(deliveries, aliases) {
			fmt.Fprintf(e.stderr, "note: %s\n", note)
		}
		if len(deliveries) == 0 {
			out.nobody(a.Identity(), d.Nobody(a, nil))
		}
		d.DeliverAll(ctx, deliveries, out.outcome)
		if err := ended(ctx); err != nil && ctx.Err() == context.Canceled {
			return err
		}
	}
	return nil
}

// quietable reports whether noise control would have a say in these deliveries.
func quietable(d *dispatch.Dispatcher, deliveries []dispatch.Delivery) bool {
	return slices.ContainsFunc(deliveries, func(x dispatch.Delivery) bool {
		return x.Route != rules.Always && (x.Policy != nil || x.Step > 0 || x.Receiver.Throttle != nil || len(d.Table.Inhibit) > 0)
	})
}

// reporter tells what came of each delivery.
type reporter struct {
	w, notes io.Writer
	json     bool
	alerts   int
	failed   bool
	said     map[string]bool // deliveries of the outbox: one message may tell of many alerts
}

// arrived counts an alert, and notes one that is not whole.
func (r *reporter) arrived(a *alert.Alert) {
	r.alerts++
	if a.Problem.Kind != "" {
		r.failed = true
		fmt.Fprintf(r.notes, "note: alert %s is %s\n", shownID(a), problemWords(a.Problem))
	}
}

// nobody notes an alert that nobody gets, on purpose where a route says so.
func (r *reporter) nobody(identity, route string) {
	if route != "" {
		fmt.Fprintf(r.notes, "note: alert %s goes to nobody, on purpose: route %s says so (to: [])\n", display.Quote(identity).Line(), route)
		return
	}
	fmt.Fprintf(r.notes, "note: alert %s goes to nobody: no route chose a receiver (ossec-notify explain says why)\n", display.Quote(identity).Line())
}

func problemWords(p alert.Problem) string {
	words := map[alert.ProblemKind]string{
		alert.ProblemEmpty: "empty", alert.ProblemTruncated: "cut off", alert.ProblemDamaged: "damaged",
		alert.ProblemUnknown: "in no known format", alert.ProblemUnreadable: "not readable",
	}[p.Kind]
	if p.ReadsAs != "" && p.Kind != alert.ProblemEmpty {
		words += " (" + p.ReadsAs + ")"
	}
	return words
}

// shownID is the identity of an alert for people: whoever writes alerts can write into it what steers a terminal.
func shownID(a *alert.Alert) string { return display.Quote(a.Identity()).Line().String() }

func (r *reporter) outcome(o dispatch.Outcome) {
	x := o.Delivery
	s := sent{x.ID, x.Alert.Identity(), x.Receiver.Name, x.Receiver.Channel, string(o.State), o.Attempts, "", dispatch.ReportOf(x)}
	if o.Err != nil && o.State != outbox.Delivered {
		s.Error = o.Err.Error()
		r.failed = true
	}
	if o.TemplateErr != nil {
		fmt.Fprintf(r.notes, "note: %s got the default form: %s\n", x.Receiver.Name, o.TemplateErr)
	}
	if o.Receipt.Warning != "" {
		fmt.Fprintf(r.notes, "note: %s: %s\n", x.Receiver.Name, o.Receipt.Warning)
	}
	r.line(s)
}

// delivery reports one of the outbox; a held one is told at a time, which is zero when nobody knows.
func (r *reporter) delivery(x outbox.Delivery, at, now time.Time) {
	if r.said[x.ID] {
		return
	}
	if r.said == nil {
		r.said = map[string]bool{}
	}
	r.said[x.ID] = true
	reason := display.Quote(x.Reason).Line()
	switch x.State {
	case outbox.Delivered:
	case outbox.Suppressed: // by noise control, or a fallback has it
		fmt.Fprintf(r.notes, "note: %s is not told of %s by itself: %s\n", x.Receiver, display.Quote(identity(x)).Line(), reason)
	case outbox.Held:
		fmt.Fprintf(r.notes, "note: %s: %s (to send it now: ossec-notify outbox retry %s)\n", x.Receiver, reason, x.ID)
	default:
		r.failed = true
	}
	if x.State != outbox.Held || r.json {
		r.line(lineOf(x))
		return
	}
	until := ", until somebody retries or drops it"
	if !at.IsZero() {
		until = " until " + clockOf(at, now)
	}
	fmt.Fprintf(r.w, "%sheld%s\n", whoOf(lineOf(x)), until)
}

// whoOf begins a line about a delivery.
func whoOf(s sent) string {
	who := s.Receiver
	if s.Channel != "" {
		who += " (" + s.Channel + ")"
	}
	if what := kindWords(s.Kind); what != "" {
		who += "  " + display.Quote(what).Line().String()
	}
	return fmt.Sprintf("%s  %s  ", display.Quote(s.Alert).Line(), who)
}

// line prints one outcome.
func (r *reporter) line(s sent) {
	if r.json {
		_ = jsonLine(r.w, s)
		return
	}
	who, attempts := whoOf(s), display.Count(s.Attempts, "attempt")
	switch {
	case s.State == string(outbox.Suppressed):
		fmt.Fprintf(r.w, "%snot sent by itself\n", who)
	case s.State == string(outbox.Pending) || s.State == string(outbox.Delivering):
		why := ""
		if s.Error != "" {
			why = ": " + s.Error
		}
		fmt.Fprintf(r.w, "%snot delivered yet after %s; the delivery goes on%s\n", who, attempts, why)
	case s.Error != "":
		fmt.Fprintf(r.w, "%snot delivered after %s: %s\n", who, attempts, s.Error)
	case s.Attempts > 1:
		fmt.Fprintf(r.w, "%sdelivered at attempt %d\n", who, s.Attempts)
	default:
		fmt.Fprintf(r.w, "%sdelivered\n", who)
	}
}
