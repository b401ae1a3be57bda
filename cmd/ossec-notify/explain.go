package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/rules"
)

const explainExample = `  ossec-notify explain alert.json
  ossec-notify explain --id 1795440502.8           an alert that the manager's log still holds
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
			if id != "" {
				if len(args) > 0 || in.sample != "" {
					return fmt.Errorf("give --id, or alerts, not both")
				}
				return e.explainID(cfg, id)
			}
			n := 0
			for a, err := range e.alerts(in, cfg.Zone) {
				if err != nil {
					return failed("%w", err)
				}
				n++
				if err := e.explain(cfg, a); err != nil {
					return err
				}
			}
			if n == 0 {
				return failed("the input holds no alert")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "explain the alert with this id, found in the manager's own logs")
	cmd.Flags().StringVar(&in.sample, "sample", "", "explain a built-in alert")
	e.formatFlag(cmd)
	return cmd
}

// explained is one line of explain --format json.
type explained struct {
	Alert     string     `json:"alert"`
	Severity  string     `json:"severity"`
	Receivers []string   `json:"receivers"`
	Decisions []decision `json:"decisions"`
}

type decision struct {
	Route   string `json:"route"`
	Matched bool   `json:"matched"`
	Reason  string `json:"reason"`
}

func (e *env) explain(cfg *config, a *alert.Alert) error {
	d := cfg.Table.Decide(a)
	severity := cfg.Scale.Severity(a.Rule.Level)
	if e.format == "json" {
		x := explained{Alert: a.Identity(), Severity: severity.String(), Receivers: []string{}, Decisions: []decision{}}
		for _, c := range d.Choices {
			x.Receivers = append(x.Receivers, c.Receiver)
		}
		for _, v := range d.Verdicts {
			x.Decisions = append(x.Decisions, decision{v.Route, v.Matched, v.Reason})
		}
		return jsonLine(e.stdout, x)
	}
	writeExplanation(e.stdout, a, severity, d)
	return nil
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
			to = append(to, fmt.Sprintf("%s (%s)", c.Receiver, c.Route))
		}
		fmt.Fprintf(w, "  Goes to %s.\n", strings.Join(to, ", "))
	}
}

// explainID finds an alert in the logs that the manager keeps of today.
func (e *env) explainID(cfg *config, id string) error {
	if strings.HasPrefix(id, "h-") {
		return failed("no log holds %s: ids that begin with h- are made from the content; explain the alert file itself", id)
	}
	dir := filepath.Join(e.home, "logs", "alerts")
	var tried []string
	for _, name := range managerLogs {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		tried = append(tried, path+": not in it")
		found, err := findAlert(f, id, alert.Options{FileName: name, Location: cfg.Zone})
		f.Close()
		if err != nil {
			return failed("%s: %w", path, err)
		}
		if found != nil {
			return e.explain(cfg, found)
		}
	}
	return failed("no alert %s:\n  %s\nFor an older one: zcat %s | ossec-notify explain",
		id, strings.Join(tried, "\n  "), filepath.Join(dir, archive(id, time.Now().In(cfg.Zone))))
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
