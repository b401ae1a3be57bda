package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

const outboxExample = `  ossec-notify outbox list                     what waits, and what was given up
  ossec-notify outbox list --receiver soc --all
  ossec-notify outbox show 5Q9J…               one delivery, with every attempt
  ossec-notify outbox retry 5Q9J…              try again now (a person mended the cause)
  ossec-notify outbox retry --receiver oncall  try that receiver now, with all that waits for it
  ossec-notify outbox retry --dead --receiver oncall
  ossec-notify outbox drop 5Q9J…`

func outboxCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "outbox",
		Short:   "what waits, what was delivered, what was given up",
		Example: outboxExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.outboxList(), e.outboxShow(), e.outboxMove("retry"), e.outboxMove("drop"))
	return cmd
}

// stateDir is the state directory that exists.
func (e *env) stateDir() (string, error) {
	places := e.statePlaces()
	for _, p := range places {
		if st, err := os.Stat(p); err == nil && st.IsDir() {
			return p, nil
		}
	}
	if e.state != "" { // named, and so meant to be there: an empty answer would be read as good news
		return "", failed("there is no state directory %s, which --state names", e.state)
	}
	return "", failed("%w (there is no state directory %s; name it with --home or --state)", errNoOutbox, strings.Join(places, " or "))
}

var errNoOutbox = errors.New("no alert has come yet")

// box opens the outbox to read, and for what a person may change. Root does so as its owner, like the deliverer that
// a retry starts: what root made there the owner could not read.
func (e *env) box(ctx context.Context) (*outbox.DB, error) {
	state, err := e.stateDir()
	if err != nil {
		return nil, err
	}
	if err := spool.BecomeOwner(state); err != nil {
		return nil, failed("%w", err)
	}
	db, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failed("%w (there is no outbox in %s)", errNoOutbox, state)
	}
	if err != nil {
		return nil, failed("%w", err)
	}
	return db, nil
}

// parseStates reads names of states, with commas.
func parseStates(words string) ([]outbox.State, error) {
	var states []outbox.State
	for _, word := range strings.Split(words, ",") {
		state, err := parseState(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// parseState reads the name of a state.
func parseState(word string) (outbox.State, error) {
	var known []string
	for _, s := range outbox.States() {
		if string(s) == word {
			return s, nil
		}
		known = append(known, string(s))
	}
	near := ""
	if n := rules.Nearest(word, known); n != "" {
		near = fmt.Sprintf(": did you mean %q?", n)
	}
	return "", fmt.Errorf("%q is no state%s (%s)", word, near, strings.Join(known, ", "))
}

// knownReceiver refuses a name that neither the outbox nor the config knows: an empty answer to it would be read as
// good news.
func (e *env) knownReceiver(ctx context.Context, db *outbox.DB, name string) error {
	if name == "" {
		return nil
	}
	queues, err := db.Queues(ctx)
	if err != nil {
		return failed("%w", err)
	}
	var known []string
	for _, q := range queues {
		known = append(known, q.Receiver)
	}
	if r := config.Read(configPath(e.config, e.home), e.home); r.Config != nil {
		for _, x := range r.Config.Receivers {
			known = append(known, x.Name)
		}
	}
	if slices.Contains(known, name) {
		return nil
	}
	if near := rules.Nearest(name, known); near != "" {
		return fmt.Errorf("no receiver %q: did you mean %q?", name, near)
	}
	return fmt.Errorf("no receiver %q, neither in the config nor in the outbox", name)
}

// listed is a delivery with what noise control knows of it.
type listed struct {
	sent
	Title  string     `json:"title,omitempty"`  // of a message about many alerts
	Bundle string     `json:"bundle,omitempty"` // what it is told with, or counted with
	Until  *time.Time `json:"until,omitempty"`  // of one that is held: when it is told, where that is known
	Notes  []string   `json:"notes,omitempty"`  // how it came to be what it is
}

func listedOf(x outbox.Delivery, open bundles) listed {
	out := listed{sent: lineOf(x), Bundle: x.Bundle, Notes: notesOf(x)}
	if noise.IsMessage(x.Alert.Identity) {
		out.Title = x.Alert.Title
	}
	if at := open.toldAt(x); x.State == outbox.Held && !at.IsZero() {
		at = at.UTC()
		out.Until = &at
	}
	return out
}

// notesOf are the notes of noise control, one for each thing that it looked at.
func notesOf(x outbox.Delivery) []string {
	if x.Notes == "" {
		return nil
	}
	return strings.Split(x.Notes, "\n")
}

func lineOf(x outbox.Delivery) sent {
	s := sent{x.ID, identity(x), x.Receiver, x.Channel, string(x.State), x.Attempts, "", x.Kind}
	if x.State != outbox.Delivered {
		s.Error = x.Reason
	}
	return s
}

// identity is the alert's, with its occurrence from the second on.
func identity(x outbox.Delivery) string {
	if x.Alert.Occurrence > 1 {
		return fmt.Sprintf("%s#%d", x.Alert.Identity, x.Alert.Occurrence)
	}
	return x.Alert.Identity
}

func (e *env) outboxList() *cobra.Command {
	var receiver, states string
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "deliveries that wait or were given up",
		Example: "  ossec-notify outbox list\n  ossec-notify outbox list --states dead --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := outbox.Filter{Receiver: receiver, Limit: limit, States: []outbox.State{outbox.Delivering, outbox.Pending, outbox.Held, outbox.Dead}}
			if all {
				f.States = nil
			}
			if states != "" {
				var err error
				if f.States, err = parseStates(states); err != nil {
					return err
				}
			}
			db, err := e.box(cmd.Context())
			if _, none := parseStates(e.state); err != nil && none == nil {
				return fmt.Errorf("--state is the state directory, and there is no %s: did you mean --states %s?", e.state, e.state)
			}
			if errors.Is(err, errNoOutbox) && receiver == "" {
				if e.format == "text" && !e.tellSpooled() {
					fmt.Fprintln(e.stderr, "Nothing waits: "+err.Error()+".")
				}
				return nil
			}
			if err != nil {
				return err
			}
			defer db.Close()
			if err := e.knownReceiver(cmd.Context(), db, receiver); err != nil {
				return err
			}
			found, err := db.Find(cmd.Context(), f)
			if err != nil {
				return failed("%w", err)
			}
			open, err := openBundles(cmd.Context(), db)
			if err != nil {
				return err
			}
			for _, x := range found {
				if e.format == "json" {
					if err := jsonLine(e.stdout, listedOf(x, open)); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintln(e.stdout, listLine(x))
			}
			queues, err := db.Queues(cmd.Context())
			if err != nil {
				return failed("%w", err)
			}
			e.tellCounts(f, queues, len(found))
			return nil
		},
	}
	cmd.Flags().StringVar(&receiver, "receiver", "", "only this receiver's")
	cmd.Flags().StringVar(&states, "states", "", "only these, with commas: pending, delivering, held, dead, suppressed, delivered")
	cmd.Flags().BoolVar(&all, "all", false, "delivered and suppressed ones too")
	cmd.Flags().IntVar(&limit, "limit", 1000, "at most so many; 0 is all")
	e.formatFlag(cmd)
	return cmd
}

// tellCounts says how many deliveries there are in each state, and how many of those that were asked for are not listed. All
// of it is for people: a list that ends must not look like all there is.
func (e *env) tellCounts(f outbox.Filter, queues []outbox.Queue, listed int) {
	counts, wanted := map[outbox.State]int{}, 0
	for _, q := range queues {
		if f.Receiver != "" && q.Receiver != f.Receiver {
			continue
		}
		for state, n := range q.Counts {
			counts[state] += n
			if len(f.States) == 0 || slices.Contains(f.States, state) {
				wanted += n
			}
		}
	}
	if more := wanted - listed; more > 0 && f.Limit > 0 && listed >= f.Limit {
		fmt.Fprintf(e.stderr, "… %s more: --limit 0 shows all\n", display.Thousands(more))
	}
	if e.format != "text" {
		return
	}
	var all []string
	for _, state := range outbox.States() {
		if n := counts[state]; n > 0 {
			all = append(all, display.Thousands(n)+" "+string(state))
		}
	}
	switch in := strings.Join(all, ", "); {
	case e.tellSpooled() && listed == 0:
	case listed > 0:
		fmt.Fprintf(e.stderr, "In the outbox: %s\n", in)
	case len(f.States) > 0 && in != "":
		fmt.Fprintf(e.stderr, "Nothing to list. In the outbox: %s\n", in)
	default:
		fmt.Fprintln(e.stderr, "Nothing waits, and nothing was given up.")
	}
}

// tellSpooled says that alerts wait to be taken into the outbox, and reports whether any do. What cannot be looked at is
// doctor's to tell.
func (e *env) tellSpooled() bool {
	state, err := e.stateDir()
	if err != nil {
		return false
	}
	names, err := spool.List(state)
	if err != nil || len(names) == 0 {
		return false
	}
	what, it := "1 alert waits", "it"
	if n := len(names); n > 1 {
		what, it = display.Thousands(n)+" alerts wait", "them"
	}
	why := "nobody delivers now; the next call, ossec-notify send or serve takes " + it
	if h, err := spool.ReadHolder(state); err == nil && alive(h.PID) {
		why = "the deliverer takes " + it + " within seconds, unless the config is broken; then the log says so, and ossec-notify check what is wrong"
	}
	fmt.Fprintf(e.stderr, "%s in the spool, and no receiver was chosen yet: %s\n", what, why)
	return true
}

func listLine(x outbox.Delivery) string {
	line := shortLine(x)
	if x.Reason != "" && x.State != outbox.Delivered {
		line += ": " + display.Quote(x.Reason).Line().CutEnd(160).String()
	}
	return line
}

// shortLine is listLine without the reason.
func shortLine(x outbox.Delivery) string {
	receiver := x.Receiver
	if x.Channel != "" { // nobody has none
		receiver += " (" + x.Channel + ")"
	}
	line := fmt.Sprintf("%s  %-10s %s  %s  %s", x.ID, x.State, x.Changed.Local().Format("01-02 15:04:05"), receiver, display.Quote(identity(x)).Line())
	if what := kindWords(x.Kind); what != "" {
		line += "  " + display.Quote(what).Line().String()
	}
	if noise.IsMessage(x.Alert.Identity) {
		line += "  " + display.Quote(x.Alert.Title).Line().String()
	}
	if x.Attempts > 0 {
		line += "  " + display.Count(x.Attempts, "attempt")
	}
	return line
}

func (e *env) outboxShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show DELIVERY",
		Short:   "one delivery with every attempt",
		Example: "  ossec-notify outbox show 5Q9J0M4K2T6V8W1X",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := e.box(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			x, attempts, err := db.Show(cmd.Context(), args[0])
			if errors.Is(err, outbox.ErrNotFound) {
				if holdsAlert(cmd.Context(), db, args[0]) {
					return failed("%[1]s is an alert, not a delivery: ossec-notify explain --id %[1]s says what became of it", display.Quote(args[0]).Line())
				}
				return failed("there is no delivery %s (ossec-notify outbox list --all shows them)", display.Quote(args[0]).Line())
			}
			if err != nil {
				return failed("%w", err)
			}
			owner, err := fileOwner(cmd.Context(), db, x)
			if err != nil {
				return failed("%w", err)
			}
			open, err := openBundles(cmd.Context(), db)
			if err != nil {
				return err
			}
			summary, err := summaryOf(cmd.Context(), db, x)
			if err != nil {
				return failed("%w", err)
			}
			if e.format == "json" {
				return jsonLine(e.stdout, struct {
					listed
					FileOwner *int            `json:"file_owner,omitempty"`
					Summary   *digest.Summary `json:"summary,omitempty"`
					Attempted []attemptLine   `json:"attempted"`
				}{listedOf(x, open), owner, summary, attemptLines(attempts)})
			}
			fmt.Fprintln(e.stdout, listLine(x))
			if why, err := waitsFor(cmd.Context(), db, x, open); err != nil {
				return failed("%w", err)
			} else if why != "" {
				fmt.Fprintln(e.stdout, "  "+why)
			}
			if summary != nil {
				writeSummary(e.stdout, summary)
			} else {
				fmt.Fprintf(e.stdout, "  alert %s, rule %s: %s\n", display.Quote(identity(x)).Line(), display.Quote(x.Alert.Rule).Line(), display.Quote(x.Alert.Title).Line())
			}
			for _, note := range notesOf(x) {
				fmt.Fprintf(e.stdout, "  - %s\n", display.Quote(note).Line())
			}
			if owner != nil {
				fmt.Fprintf(e.stdout, "  the alert file was user %d's, and not the caller's\n", *owner)
			}
			for i, a := range attempts {
				fmt.Fprintf(e.stdout, "  attempt %d, %s, %s: %s\n", i+1, a.Started.Local().Format("2006-01-02 15:04:05"), a.Duration.Round(time.Millisecond), attemptVerdict(a, ranProgram(x)))
			}
			return nil
		},
	}
	e.formatFlag(cmd)
	return cmd
}

// holdsAlert reports whether an id is that of an alert, with or without the manager's name.
func holdsAlert(ctx context.Context, db *outbox.DB, id string) bool {
	if _, err := db.Alert(ctx, id, 0); err == nil {
		return true
	}
	_, err := db.Qualified(ctx, id)
	return err == nil
}

// fileOwner is whose the alert file was, where that was not the caller; else nil.
func fileOwner(ctx context.Context, db *outbox.DB, x outbox.Delivery) (*int, error) {
	a, err := db.Alert(ctx, x.Alert.Identity, x.Alert.Occurrence)
	if err != nil {
		return nil, err
	}
	var h site.Header
	if err := json.Unmarshal(a.Header, &h); err != nil {
		return nil, nil // a header of another program's has nothing to tell
	}
	return h.Owner, nil
}

// waitsFor says what a delivery waits for: a pending one that is to be told in turn for nothing.
func waitsFor(ctx context.Context, db *outbox.DB, x outbox.Delivery, open bundles) (string, error) {
	switch x.State {
	case outbox.Pending:
		return waitsForReceiver(ctx, db, x)
	case outbox.Held:
		return waitsForTime(ctx, db, x, open)
	}
	return "", nil
}

// waitsForReceiver is for one whose receiver fails.
func waitsForReceiver(ctx context.Context, db *outbox.DB, x outbox.Delivery) (string, error) {
	receivers, err := db.Receivers(ctx)
	r := receivers[x.Receiver]
	if err != nil || r.Failures == 0 {
		return "", err
	}
	why := fmt.Sprintf("waits for %s, which has failed since %s (%s)", x.Receiver, r.Since.Local().Format("15:04:05"), display.Count(r.Failures, "time"))
	if r.NextAt.After(time.Now()) {
		why += ", next try at " + r.NextAt.Local().Format("15:04:05")
	}
	return why + ": " + display.Quote(r.LastError).Line().String(), nil
}

// waitsForTime is for one that is held: with others, or alone.
func waitsForTime(ctx context.Context, db *outbox.DB, x outbox.Delivery, open bundles) (string, error) {
	until := "until somebody retries or drops it"
	if at := open.toldAt(x); !at.IsZero() {
		until = "until " + clockOf(at, time.Now())
	}
	if x.Bundle == "" {
		return "waits " + until, nil
	}
	_, held, err := db.Members(ctx, x.Bundle)
	if err != nil {
		return "", err
	}
	why := "waits " + until
	if b, known := open[x.Bundle]; known {
		why += ", in " + display.Quote(bundleWords(b)).Line().String()
	}
	if others := held[x.Receiver] - 1; others > 0 {
		why += ", with " + display.Count(others, "other")
	}
	return why + " (" + x.Bundle + ")", nil
}

type attemptLine struct {
	Started  time.Time `json:"started"`
	Duration float64   `json:"duration_s"`
	Status   int       `json:"status,omitempty"`
	Answer   string    `json:"answer,omitempty"`
	Error    string    `json:"error,omitempty"`
	Request  string    `json:"request,omitempty"`
}

func attemptLines(attempts []outbox.Attempt) []attemptLine {
	out := []attemptLine{}
	for _, a := range attempts {
		out = append(out, attemptLine{a.Started, a.Duration.Seconds(), a.Status, a.Answer, a.Error, a.Request})
	}
	return out
}

// refuseNobody refuses deliveries that have no receiver: who retries one wants somebody to be told.
func refuseNobody(ctx context.Context, db *outbox.DB, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := db.Find(ctx, outbox.Filter{IDs: ids, Receiver: dispatch.Nobody})
	if err != nil {
		return failed("%w", err)
	}
	if len(found) > 0 {
		return failed("%s has no receiver: %s; to tell somebody: ossec-notify send --to RECEIVER ALERTFILE", found[0].ID, display.Quote(found[0].Reason).Line())
	}
	return nil
}

// retry tries deliveries again whose receivers there are. One that the config does not have would be tried for nothing until it is given
// up: of what is named that is an error, of all dead letters a word.
func (e *env) retry(ctx context.Context, db *outbox.DB, f outbox.Filter) (int, error) {
	if err := refuseNobody(ctx, db, f.IDs); err != nil {
		return 0, err
	}
	cfg := e.loaded()
	named, err := namedReceivers(ctx, db, f)
	if err != nil {
		return 0, failed("%w", err)
	}
	n := 0
	for _, name := range named {
		one := f
		one.Receiver = name
		if !hasReceiver(cfg, name) {
			if f.Receiver != "" || len(f.IDs) > 0 {
				return n, failed("the config has no receiver %[1]s, so that nobody can be tried: put it back into %[2]s; to tell another: ossec-notify send --to RECEIVER ALERTFILE; to be done with it: ossec-notify outbox drop", name, cfg.Path)
			}
			fmt.Fprintf(e.stderr, "note: the dead letters of %s stay: the config has no such receiver; to be done with them: ossec-notify outbox drop --dead --receiver %[1]s\n", name)
			continue
		}
		moved, err := db.Retry(ctx, one, time.Now())
		if err != nil {
			return n, failed("%w", err)
		}
		n += moved
	}
	return n, nil
}

// namedReceivers are those of the deliveries that a filter means.
func namedReceivers(ctx context.Context, db *outbox.DB, f outbox.Filter) ([]string, error) {
	if f.Receiver != "" {
		return []string{f.Receiver}, nil
	}
	var names []string
	if len(f.IDs) > 0 {
		found, err := db.Find(ctx, f)
		for _, x := range found {
			names = append(names, x.Receiver)
		}
		slices.Sort(names)
		return slices.Compact(names), err
	}
	queues, err := db.Queues(ctx)
	for _, q := range queues {
		if q.Counts[outbox.Dead] > 0 {
			names = append(names, q.Receiver)
		}
	}
	return names, err
}

// loaded is the config of the file; nil where that does not load, and so may have anything.
func (e *env) loaded() *config.Config {
	return config.Read(configPath(e.config, e.home), e.home).Config
}

// hasReceiver reports whether there may be such a receiver: those of ossec.conf are in no config, and of one that is not known nothing is.
func hasReceiver(cfg *config.Config, name string) bool {
	return cfg == nil || strings.HasPrefix(name, "argv-") || name == dispatch.Nobody ||
		slices.ContainsFunc(cfg.Receivers, func(r *config.Receiver) bool { return r.Name == name })
}

// outboxMove is retry or drop.
func (e *env) outboxMove(what string) *cobra.Command {
	var receiver string
	var dead bool
	short := map[string]string{"retry": "try deliveries again now", "drop": "give deliveries up; they stay in sight"}[what]
	cmd := &cobra.Command{
		Use:     what + " [DELIVERY...]",
		Short:   short,
		Example: "  ossec-notify outbox " + what + " 5Q9J0M4K2T6V8W1X\n  ossec-notify outbox " + what + " --dead --receiver oncall",
		RunE: func(cmd *cobra.Command, args []string) error {
			now := what == "retry" && receiver != "" // that receiver, whatever waits for it
			if len(args) == 0 && !dead && !now {
				if what == "retry" {
					return fmt.Errorf("name deliveries or a --receiver, or say --dead for all dead letters (of one --receiver)")
				}
				return fmt.Errorf("name deliveries, or say --dead for all dead letters (of one --receiver)")
			}
			db, err := e.box(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			if err := e.knownReceiver(cmd.Context(), db, receiver); err != nil {
				return err
			}
			f := outbox.Filter{IDs: args, Receiver: receiver}
			switch {
			case dead:
				f.States = []outbox.State{outbox.Dead}
			case len(args) == 0:
				f.States = []outbox.State{outbox.Pending}
			}
			n := 0
			if what == "drop" {
				n, err = db.Drop(cmd.Context(), f, time.Now())
			} else {
				n, err = e.retry(cmd.Context(), db, f)
			}
			if err != nil {
				return err
			}
			if n == 0 && len(args) == 0 && !dead {
				return failed("nothing waits for %s; for its dead letters: ossec-notify outbox retry --dead --receiver %[1]s", receiver)
			}
			if n == 0 {
				return failed("nothing to %s: no such delivery, or it was delivered", what)
			}
			fmt.Fprintf(e.stdout, "%s: %s\n", what, display.Count(n, "delivery"))
			if what == "retry" {
				return e.startDeliverer()
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&receiver, "receiver", "", "only this receiver's")
	cmd.Flags().BoolVar(&dead, "dead", false, "all dead letters")
	return cmd
}
