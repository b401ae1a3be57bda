package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/regular"
	"github.com/ossec-notify/ossec-notify/rules"
)

const explainExample = `  ossec-notify explain alert.json
  ossec-notify explain --id 1795440502.8           a past alert, and what became of it
  ossec-notify explain --format json < alerts.json`

func explainCommand(e *env) *cobra.Command {
	var in input
	var id string
	cmd := &cobra.Command{
		Use:     "explain [FILE...]",
		Short:   "which routes an alert takes, and why",
		Long:    "Says which routes an alert takes and, for each route that was looked at, the reason.\n\n" + inputHelp,
		Example: explainExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			if err := in.check(); err != nil {
				return err
			}
			cfg, err := e.load()
			if err != nil {
				return err
			}
			expand, done := e.expander(cmd.Context(), cfg)
			defer done()
			if id != "" {
				if len(args) > 0 || in.sample != "" {
					return fmt.Errorf("give --id, or alerts, not both")
				}
				return e.explainID(cmd.Context(), cfg, id, expand)
			}
			n := 0
			for a, err := range e.alerts(cmd.Context(), in, cfg.Zone) {
				if err != nil {
					return failed("%w", err)
				}
				n++
				if err := e.explain(cfg, a, nil, expand); err != nil {
					return err
				}
			}
			if n == 0 {
				return failed("the input holds no alert")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "explain the alert with this id, found in the manager's own logs or the outbox, and say what became of it")
	cmd.Flags().StringVar(&in.sample, "sample", "", "explain a built-in alert")
	e.formatFlag(cmd)
	return cmd
}

// explained is one line of explain --format json.
type explained struct {
	Alert     string     `json:"alert"`
	Severity  string     `json:"severity"`
	Receivers []string   `json:"receivers"`
	Aliases   []standsIn `json:"aliases,omitempty"` // of those that were chosen in the place of another
	Decisions []decision `json:"decisions"`
	// Deliveries are with --id alone: what became of it, where the outbox knows.
	Deliveries []sent `json:"deliveries,omitempty"`
}

// standsIn is a receiver that was chosen in the place of another.
type standsIn struct {
	Receiver string `json:"receiver"`
	Alias    string `json:"alias"`
	Note     string `json:"note"`
}

type decision struct {
	Route   string `json:"route"`
	Matched bool   `json:"matched"`
	Reason  string `json:"reason"`
}

// explain explains one alert by the config. fate is what became of it; nil where that is not asked, or not known.
func (e *env) explain(cfg *config, a *alert.Alert, fate *fate, expand expander) error {
	d := cfg.Table.Decide(a)
	d.Choices = expand(d.Choices)
	severity := cfg.Scale.Severity(a.Rule.Level)
	if e.format == "json" {
		x := explained{Alert: a.Identity(), Severity: severity.String(), Receivers: []string{}, Decisions: []decision{}}
		for _, c := range d.Choices {
			if c.After > 0 {
				continue
			}
			x.Receivers = append(x.Receivers, c.Receiver)
			if c.Alias != "" {
				x.Aliases = append(x.Aliases, standsIn{c.Receiver, c.Alias, c.Note})
			}
		}
		for _, v := range d.Verdicts {
			x.Decisions = append(x.Decisions, decision{v.Route, v.Matched, v.Reason})
		}
		if fate != nil {
			for _, y := range fate.deliveries {
				x.Deliveries = append(x.Deliveries, lineOf(y))
			}
		}
		return jsonLine(e.stdout, x)
	}
	writeExplanation(e.stdout, a, severity, d)
	if fate != nil {
		fate.write(e.stdout)
	}
	return nil
}

// fate is what became of an alert.
type fate struct {
	arrived    time.Time
	deliveries []outbox.Delivery
}

func (f *fate) write(w io.Writer) {
	if len(f.deliveries) == 0 {
		fmt.Fprintf(w, "  It came in at %s; no route chose a receiver then.\n", f.arrived.Local().Format(time.DateTime))
		return
	}
	fmt.Fprintf(w, "  It came in at %s. What became of it:\n", f.arrived.Local().Format(time.DateTime))
	for _, x := range f.deliveries {
		fmt.Fprintln(w, "    "+listLine(x))
	}
}

func writeExplanation(w io.Writer, a *alert.Alert, severity alert.Severity, d *rules.Decision) {
	fmt.Fprintf(w, "%s  %s: %s\n", shownID(a), severity.Word(), family.Read(a).Sentence.Line())
	for _, v := range d.Verdicts {
		mark := "-"
		if v.Matched {
			mark = "+"
		}
		fmt.Fprintf(w, "  %s route %s: %s\n", mark, v.Route, display.Quote(v.Reason).Line())
	}
	switch {
	case len(d.Choices) == 0 && d.Suppressed:
		fmt.Fprintln(w, "  Nobody is told: the route that matched says so (to: []).")
	case len(d.Choices) == 0:
		fmt.Fprintln(w, "  Nobody is told: no route matched, and the config has no default.")
	default:
		var to []string
		for _, c := range d.Choices {
			by := c.Route
			if c.Alias != "" {
				by += ", as " + c.Alias
			}
			if c.After > 0 {
				by += fmt.Sprintf(", step %d after %s", c.Step, display.Span(c.After))
			}
			to = append(to, fmt.Sprintf("%s (%s)", c.Receiver, by))
		}
		fmt.Fprintf(w, "  Goes to %s.\n", strings.Join(to, ", "))
		said := map[string]bool{}
		for _, c := range d.Choices {
			if c.Alias != "" && !said[c.Alias] {
				said[c.Alias] = true
				fmt.Fprintf(w, "  %s now: %s.\n", c.Alias, c.Note)
			}
		}
	}
}

// explainID explains an alert that the logs hold, which the manager keeps of today, or the outbox; and says what became
// of it.
func (e *env) explainID(ctx context.Context, cfg *config, id string, expand expander) error {
	dir := filepath.Join(e.home, "logs", "alerts")
	var tried []string
	var found *alert.Alert
	for _, name := range managerLogs {
		path := filepath.Join(dir, name)
		f, err := regular.Open(path)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		tried = append(tried, path+": not in it")
		found, err = findAlert(f, id, alert.Options{FileName: name, Location: cfg.Zone})
		f.Close()
		if err != nil {
			return failed("%s: %w", path, err)
		}
		if found != nil {
			break
		}
	}
	kept, fate, err := e.fateOf(ctx, cfg, found, id)
	switch {
	case err != nil && found == nil:
		tried = append(tried, err.Error())
	case err != nil:
		fmt.Fprintf(e.stderr, "note: what became of it is not known: %s\n", err)
	case found == nil:
		found = kept
	}
	if found != nil {
		return e.explain(cfg, found, fate, expand)
	}
	if strings.HasPrefix(id, "h-") {
		return failed("no log holds %s: ids that begin with h- are made from the content; explain the alert file itself", id)
	}
	return failed("no alert %s:\n  %s\nFor an older one: zcat %s | ossec-notify explain",
		id, strings.Join(tried, "\n  "), filepath.Join(dir, archive(id, time.Now().In(cfg.Zone))))
}

// fateOf looks an alert up in the outbox: one that was found, else the one of an identity. All is nil where there is no
// outbox; the error says that it holds no such alert, or why it cannot be read.
func (e *env) fateOf(ctx context.Context, cfg *config, found *alert.Alert, id string) (*alert.Alert, *fate, error) {
	state, err := e.stateDir()
	if err != nil { // no alert has come yet
		return nil, nil, nil
	}
	if _, err := os.Stat(outboxPath(state)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
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
		return nil, nil, errors.New("the outbox does not hold it")
	}
	if err != nil {
		return nil, nil, err
	}
	deliveries, err := box.Find(ctx, outbox.Filter{Identity: id})
	if err != nil {
		return nil, nil, err
	}
	a, _ := (&site{cfg: cfg, log: discard}).Read(kept.Header, kept.Raw)
	return a, &fate{kept.Arrived, deliveries}, nil
}

// archive is the file in which a manager keeps the alerts of the day of an id, which begins with its second; or those
// of yesterday, where the id does not tell.
func archive(id string, now time.Time) string {
	day := now.AddDate(0, 0, -1)
	seconds, _, _ := strings.Cut(id[strings.LastIndexByte(id, '/')+1:], ".")
	if n, err := strconv.ParseInt(seconds, 10, 64); err == nil && n > 0 && n < day.Unix() {
		day = time.Unix(n, 0).In(now.Location())
	}
	return filepath.Join(day.Format("2006"), day.Format("Jan"), "ossec-alerts-"+day.Format("02")+".json.gz")
}

func findAlert(r io.Reader, id string, opt alert.Options) (*alert.Alert, error) {
	for a, err := range alert.Read(r, opt) {
		if err != nil {
			return nil, err
		}
		if a.ID == id || a.Identity() == id {
			return a, nil
		}
	}
	return nil, nil
}
