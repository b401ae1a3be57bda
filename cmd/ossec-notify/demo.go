package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

func demoCommand(e *env) *cobra.Command {
	var brief bool
	var page webFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "all of it against stand-ins on this machine; nothing to set up",
		Long: `Starts stand-ins of Slack, PagerDuty, Splunk, a webhook and a mail server on this machine, writes a config for
them, and takes the built-in alerts through the real code over real connections. Shows which route took each
alert, and what arrived where. Nothing leaves the machine. With --web it goes on in a browser: what arrived, and what
the config that is named there makes of any alert, until Ctrl-C.`,
		Example: "  ossec-notify demo\n  ossec-notify demo --web                      in a browser: what arrived, and what changes as you edit",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := page.check(cmd); err != nil {
				return err
			}
			return e.demo(cmd.Context(), brief, page)
		},
	}
	cmd.Flags().BoolVar(&brief, "brief", false, "leave out the messages in full")
	page.add(cmd, "what arrives, and the preview,")
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
    group_by: [rule, agent]
    group_wait: 200ms   # 30s in earnest
default: [root-mail]
enrich:   # what no alert says, here from tables beside this config, which messages show: docs/enrichment.md
  tables:
    asset: {file: assets.csv, by: agent, show: [owner, criticality]}
    runbook: {file: runbooks.csv, by: rule, links: {Runbook: page}}
`

// demoTables are what the demo knows of its own hosts and rules. The addresses of its alerts are documentation, and have no place.
var demoTables = map[string]string{
	"assets.csv":   "agent,owner,criticality\nweb-01|web-02,web team,high\ndc-01,windows team,high\ngate,network team,medium\n",
	"runbooks.csv": "rule,page\n5712|40112,https://wiki.example.com/ssh\n550,https://wiki.example.com/changed-files\n60122,https://wiki.example.com/windows-logons\n",
}

func (e *env) demo(ctx context.Context, brief bool, page webFlags) error {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	in, err := inbox.Start(sandbox.Options{}, nil)
	if err != nil {
		return failed("%w", err)
	}
	stand := in.Stand
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
	for name, rows := range demoTables {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(rows), 0o600); err != nil {
			return failed("%w", err)
		}
	}
	r := config.Read(path, dir)
	if r.Err != nil || slices.ContainsFunc(r.Problems, func(p rules.Problem) bool { return !p.Warning }) {
		return failed("the demo's own config does not load: %v %v", r.Err, r.Problems)
	}
	d, err := newDemo(e.styled(), r.Config, stand)
	if err != nil {
		return failed("%w", err)
	}
	d.introduce(text)
	for _, name := range sample.Names() {
		if err := d.alert(ctx, name); err != nil {
			return err
		}
	}
	if err := d.burst(ctx); err != nil {
		return err
	}
	if !brief && !page.web {
		if err := d.messages(ctx); err != nil {
			return err
		}
	}
	d.conclude()
	if page.web {
		return e.demoWeb(whole, page, path, dir, in)
	}
	if d.dead > 0 || d.refused > 0 {
		return silent(exitFail)
	}
	return nil
}

// demo takes alerts to the stand-ins, tells about it, and counts.
type demo struct {
	w     io.Writer
	cfg   *config.Config
	d     *dispatch.Dispatcher
	stand *sandbox.Server

	alerts, deliveries, dead, refused int
}

func newDemo(w io.Writer, cfg *config.Config, stand *sandbox.Server) (*demo, error) {
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	return &demo{w: w, cfg: cfg, d: d, stand: stand}, err
}

func (d *demo) introduce(config string) {
	fmt.Fprintln(d.w, "Stand-ins of Slack, PagerDuty, Splunk, a webhook and a mail server are running on this machine.")
	fmt.Fprintln(d.w, "They refuse what the real ones refuse. The config, with the routes that decide:")
	fmt.Fprintln(d.w)
	for line := range strings.Lines(config) {
		fmt.Fprintln(d.w, faint.Render(strings.TrimRight("  "+line, " \n")))
	}
	fmt.Fprintln(d.w)
}

func (d *demo) conclude() {
	fmt.Fprintf(d.w, "%s, %s, %d not delivered, %d refused.\n", display.Count(d.alerts, "alert"), display.Count(d.deliveries, "delivery"), d.dead, d.refused)
	fmt.Fprintln(d.w, `Next: README.md has the ossec.conf snippet and a config to begin with; "ossec-notify check" reads it,
"ossec-notify send --sample 5712 --to RECEIVER" proves that a receiver is reached.`)
}

// alert takes one built-in alert to its receivers and tells where it arrived.
func (d *demo) alert(ctx context.Context, name string) error {
	a, err := sample.Alert(name)
	if err != nil {
		return failed("%w", err)
	}
	d.alerts++
	a = d.cfg.Enrich.Enrich(a)
	d.tellRoutes(name, a)
	outcomes, arrived := d.deliver(ctx, a)
	d.tellOutcomes(outcomes, arrived)
	return ended(ctx)
}

// deliver delivers an alert. The outcomes are in the order of the deliveries; arrived is what came to the stand-ins.
func (d *demo) deliver(ctx context.Context, a *alert.Alert) (outcomes []dispatch.Outcome, arrived []sandbox.Message) {
	before := len(d.stand.Messages())
	deliveries := dispatch.AtOnce(d.d.Plan(a))
	of := map[string]dispatch.Outcome{}
	d.d.DeliverAll(ctx, deliveries, func(o dispatch.Outcome) { of[o.Delivery.ID] = o })
	for _, x := range deliveries {
		outcomes = append(outcomes, of[x.ID])
	}
	return outcomes, d.stand.Messages()[before:]
}

// tellRoutes tells what an alert is, and which routes take it.
func (d *demo) tellRoutes(name string, a *alert.Alert) {
	severity := d.cfg.Scale.Severity(a.Rule.Level)
	fmt.Fprintf(d.w, "%s\n", bold.Render(fmt.Sprintf("%s: %s", severity.Word(), family.Read(a).Sentence.Line())))
	fmt.Fprintf(d.w, "  %s\n", faint.Render(fmt.Sprintf("sample %s (%s), %s, level %d", name, sample.Title(name), a.Format.Words(), a.Rule.Level)))
	var added []string
	links := ownLinks(a)
	for _, l := range enrich.Fields(a.Added) {
		if !strings.HasSuffix(l.Name, ".key") && !strings.HasPrefix(l.Name, "mitre.") { // which the alert says itself
			added = append(added, addedName(l)+" "+addedValue(l, links))
		}
	}
	fmt.Fprintf(d.w, "  added: %s\n", strings.Join(added, ", "))
	decision := d.d.Table.Decide(a)
	for _, v := range decision.Verdicts {
		if v.Matched {
			fmt.Fprintf(d.w, "  route %s: %s\n", v.Route, safe(v.Reason))
		}
	}
	if decision.Defaulted {
		fmt.Fprintf(d.w, "  no route matched: the default receivers get it\n")
	}
}

// tellOutcomes tells what arrived where, and what did not.
func (d *demo) tellOutcomes(outcomes []dispatch.Outcome, arrived []sandbox.Message) {
	for _, o := range outcomes {
		to := o.Delivery.Receiver
		d.deliveries++
		if o.State != outbox.Delivered {
			d.dead++
			fmt.Fprintf(d.w, "  ✗ %-10s %s\n", to.Name, safe(o.Err.Error()))
			continue
		}
		for _, m := range arrived {
			if m.Service == serviceOf(to) {
				fmt.Fprintf(d.w, "  → %-10s %-10s %d  %s\n", to.Name, m.Service, m.Status, safe(inbox.Gist(m)))
			}
		}
	}
	for _, m := range arrived {
		if !m.Accepted {
			d.refused++
			fmt.Fprintf(d.w, "  ✗ %-10s refused: %s\n", m.Service, safe(strings.Join(m.Problems, "; ")))
		}
	}
	fmt.Fprintln(d.w)
}

// serviceOf is the stand-in that a receiver of the demo's config reaches.
func serviceOf(r *dispatch.Receiver) sandbox.Service {
	if r.Name == "soc-bot" {
		return sandbox.SlackAPI
	}
	return sandbox.Service(r.Channel)
}

// messages shows one alert in full, as each channel shows it.
func (d *demo) messages(ctx context.Context) error {
	const name = "40112"
	a, err := sample.Alert(name)
	if err != nil {
		return failed("%w", err)
	}
	a = d.cfg.Enrich.Enrich(a)
	p, err := preview.New(d.cfg, nil)
	if err != nil {
		return failed("%w", err)
	}
	fmt.Fprintf(d.w, "The second alert in full, as each channel shows it (ossec-notify preview shows any alert like this):\n\n")
	deliveries, err := p.PlanReceivers(a, "soc", "oncall", "root-mail")
	if err != nil {
		return failed("%w", err)
	}
	for _, x := range deliveries {
		shown, n, err := p.Show(ctx, x)
		if err != nil {
			return failed("%w", err)
		}
		frame(d.w, x, n, shown)
	}
	return nil
}

// demoWeb goes on in a browser: what arrived, and what the demo's config makes of alerts.
func (e *env) demoWeb(ctx context.Context, page webFlags, path, home string, in *inbox.Inbox) error {
	own := *e
	own.config, own.home, own.state = path, home, filepath.Join(home, "state")
	g, err := own.newPreviews(ctx, input{})
	if err != nil {
		return err
	}
	dir := filepath.Join(home, "etc", "ossec-notify", "templates")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed("%w", err)
	}
	fmt.Fprintf(e.stdout, "The config is %s, your templates go into %s:\nsave a change, and the page shows what it does.\n", path, dir)
	return own.serveWeb(ctx, page, g, in)
}
