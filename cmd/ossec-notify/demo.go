package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

func demoCommand(e *env) *cobra.Command {
	var brief bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "all of it against stand-ins on this machine; nothing to set up",
		Long: `Starts stand-ins of Slack, PagerDuty, Splunk, a webhook and a mail server on this machine, writes a config for
them, and takes the built-in alerts through the real code over real connections. Shows which route took each
alert, and what arrived where. Nothing leaves the machine.`,
		Example: "  ossec-notify demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.demo(cmd.Context(), brief)
		},
	}
	cmd.Flags().BoolVar(&brief, "brief", false, "leave out the messages in full")
	return cmd
}

// demoRoutes are the routes of the demo: a team channel, a pager, a SIEM that hears everything.
const demoRoutes = `
always: [siem]
routes:
  - name: page
    match: {severity: high}
    to: [oncall, soc]
  - name: files
    match: {group: syscheck}
    to: [soc, root-mail]
  - name: blocks
    match: {rule: 601-606}
    to: [hook]
  - name: web
    match: {location: nginx}
    to: [hook, soc-bot]
  - name: logins
    match: {level: 10, group: [authentication_failures, authentication_failed]}
    to: [soc]
default: [root-mail]
`

func (e *env) demo(ctx context.Context, brief bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stand, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		return failed("%w", err)
	}
	defer stand.Close()
	dir, err := os.MkdirTemp("", "ossec-notify-demo-")
	if err != nil {
		return failed("%w", err)
	}
	defer os.RemoveAll(dir)
	text := sandboxConfig(stand) + demoRoutes
	path := filepath.Join(dir, "ossec-notify.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return failed("%w", err)
	}
	cfg, problems, err := loadConfig(path, dir)
	if err != nil || cfg == nil {
		return failed("the demo's own config does not load: %v %v", err, problems)
	}
	d, err := cfg.dispatcher(buildOptions{log: discard})
	if err != nil {
		return failed("%w", err)
	}

	w := e.styled()
	fmt.Fprintln(w, "Stand-ins of Slack, PagerDuty, Splunk, a webhook and a mail server are running on this machine.")
	fmt.Fprintln(w, "They refuse what the real ones refuse. The config, with the routes that decide:")
	fmt.Fprintln(w)
	for line := range strings.Lines(text) {
		fmt.Fprintln(w, faint.Render(strings.TrimRight("  "+line, " \n")))
	}
	fmt.Fprintln(w)
	tally := tally{}
	for _, name := range sample.Names() {
		a, err := sample.Alert(name)
		if err != nil {
			return failed("%w", err)
		}
		if err := e.demoAlert(ctx, w, cfg, d, stand, name, a, &tally); err != nil {
			return err
		}
	}
	if !brief {
		if err := e.demoMessages(ctx, w, cfg); err != nil {
			return err
		}
	}
	tally.print(w)
	fmt.Fprintln(w, `Next: README.md has the ossec.conf snippet and a config to begin with; "ossec-notify check" reads it,
"ossec-notify send --sample 5712 --to RECEIVER" proves that a receiver is reached.`)
	if tally.failed() {
		return silent(exitFail)
	}
	return nil
}

// demoAlert takes one alert to its receivers and tells where it arrived.
func (e *env) demoAlert(ctx context.Context, w io.Writer, cfg *config, d *dispatch.Dispatcher, stand *sandbox.Server, name string, a *alert.Alert, t *tally) error {
	t.alerts++
	before := len(stand.Messages())
	severity := cfg.Scale.Severity(a.Rule.Level)
	fmt.Fprintf(w, "%s\n", bold.Render(fmt.Sprintf("%s: %s", severity.Word(), family.Read(a).Sentence.Line())))
	fmt.Fprintf(w, "  %s\n", faint.Render(fmt.Sprintf("sample %s (%s), %s, level %d", name, sample.Title(name), formatWords[a.Format], a.Rule.Level)))
	decision := d.Table.Decide(a)
	for _, v := range decision.Verdicts {
		if v.Matched {
			fmt.Fprintf(w, "  route %s: %s\n", v.Route, safe(v.Reason))
		}
	}
	if decision.Defaulted {
		fmt.Fprintf(w, "  no route matched: the default receivers get it\n")
	}
	deliveries := d.Plan(a)
	outcomes := map[string]dispatch.Outcome{}
	d.DeliverAll(ctx, deliveries, func(o dispatch.Outcome) { outcomes[o.Delivery.Receiver.Name] = o })
	arrived := stand.Messages()[before:]
	for _, x := range deliveries {
		o := outcomes[x.Receiver.Name]
		t.deliveries++
		if o.State != dispatch.Delivered {
			t.dead++
			fmt.Fprintf(w, "  ✗ %-10s %s\n", x.Receiver.Name, safe(o.Err.Error()))
			continue
		}
		for _, m := range arrived {
			if m.Service == serviceOf(x.Receiver) {
				fmt.Fprintf(w, "  → %-10s %-10s %d  %s\n", x.Receiver.Name, m.Service, m.Status, safe(gist(m)))
			}
		}
	}
	for _, m := range arrived {
		if !m.Accepted {
			t.refused++
			fmt.Fprintf(w, "  ✗ %-10s refused: %s\n", m.Service, safe(strings.Join(m.Problems, "; ")))
		}
	}
	fmt.Fprintln(w)
	return ended(ctx)
}

// serviceOf is the stand-in that a receiver of the demo's config reaches.
func serviceOf(r *dispatch.Receiver) sandbox.Service {
	if r.Name == "soc-bot" {
		return sandbox.SlackAPI
	}
	return sandbox.Service(r.Channel)
}

var formatWords = map[alert.Format]string{
	alert.FormatShell: "OSSEC's shell file", alert.FormatWazuh: "Wazuh JSON", alert.FormatOSSEC: "OSSEC JSON",
	alert.FormatLog: "alerts.log", alert.FormatUnknown: "no known format",
}

// demoMessages shows one alert in full, as each channel shows it.
func (e *env) demoMessages(ctx context.Context, w io.Writer, cfg *config) error {
	const name = "40112"
	a, err := sample.Alert(name)
	if err != nil {
		return failed("%w", err)
	}
	p, err := newPreviewer(cfg)
	if err != nil {
		return failed("%w", err)
	}
	fmt.Fprintf(w, "The second alert in full, as each channel shows it (ossec-notify preview shows any alert like this):\n\n")
	deliveries, err := p.PlanReceivers(a, "soc", "oncall", "root-mail")
	if err != nil {
		return failed("%w", err)
	}
	for _, x := range deliveries {
		shown, n, err := p.show(ctx, x)
		if err != nil {
			return failed("%w", err)
		}
		frame(w, x, n, shown)
	}
	return nil
}

// tally counts what the demo did.
type tally struct{ alerts, deliveries, dead, refused int }

func (t *tally) failed() bool { return t.dead > 0 || t.refused > 0 }

func (t *tally) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, %d not delivered, %d refused.\n", count(t.alerts, "alert"), count(t.deliveries, "delivery"), t.dead, t.refused)
}
