package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/preview"
)

const previewExample = `  ossec-notify preview alert.json                  as each receiver would see it
  ossec-notify preview --sample 5712 --to soc
  ossec-notify preview --format json alert.json    the exact requests
  ossec-notify preview --web alerts.json           in a browser, as templates and config are saved
  ossec-notify preview --as digest alerts.json     all of them in one message, as noise control tells them`

func previewCommand(e *env) *cobra.Command {
	var in input
	var to []string
	var as string
	var page webFlags
	cmd := &cobra.Command{
		Use:   "preview [FILE...]",
		Short: "what each receiver would get; nothing is sent",
		Long: `Shows what each receiver that the routes choose would get. Nothing is sent, and secrets are neither needed nor
shown. Without a config, one receiver of every channel stands in.

With --web it is shown in a browser, beside the routes that decide; a template or config that is saved shows there at
once, and what it changes. Only this machine can look.

` + inputHelp,
		Example: previewExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			if err := in.check(); err != nil {
				return err
			}
			if err := page.check(cmd); err != nil {
				return err
			}
			if !page.web {
				return e.unlessMistaken(e.preview(cmd.Context(), in, to, as))
			}
			for _, name := range []string{"to", "as", "format"} {
				if cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s and --web do not go together: the page shows every receiver, and each request", name)
				}
			}
			return e.previewWeb(cmd.Context(), page, in)
		},
	}
	cmd.Flags().StringSliceVar(&to, "to", nil, "receivers to show, past the routes")
	cmd.Flags().StringVar(&in.sample, "sample", "", "show a built-in alert")
	cmd.Flags().StringVar(&as, "as", "", "show the alerts together, in one message: digest or group")
	e.formatFlag(cmd)
	page.add(cmd, "the preview")
	return cmd
}

func (e *env) preview(ctx context.Context, in input, to []string, as string) error {
	cfg, err := e.loadOrExample()
	if err != nil {
		return err
	}
	var gathered *preview.Gathering // nil: each alert is shown by itself
	if as != "" {
		if gathered, err = preview.NewGathering(as, cfg); err != nil {
			return err
		}
	}
	cache, done := e.rememberedOnCall(ctx, cfg)
	defer done()
	p, made := preview.New(cfg, cache)
	if err := e.othersMade(cfg, made); err != nil {
		return err
	}
	all := []preview.Shown{}
	aliases := map[string]bool{} // that were told of
	alerts, broken := 0, false
	arrival := time.Now() // of all of them, as if they were sent now
	show := func(x dispatch.Delivery) {
		if err := faultOf(cfg, made, x.Receiver.Name); err != nil {
			if broken = broken || len(to) > 0; len(to) > 0 {
				fmt.Fprintf(e.stderr, "ossec-notify: error: --to: %s\n", err)
			} else {
				fmt.Fprintf(e.stderr, "note: %s gets this alert, too, and is not shown for its fault\n", x.Receiver.Name)
			}
			return
		}
		shown, n, err := p.Show(ctx, x)
		if err != nil {
			fmt.Fprintf(e.stderr, "ossec-notify: error: receiver %q: %s\n", x.Receiver.Name, err)
			broken = true
			return
		}
		if shown.TemplateErr != nil {
			fmt.Fprintf(e.stderr, "note: %s gets the default form: %s\n", x.Receiver.Name, shown.TemplateErr)
		}
		if c, ok := x.Receiver.Notifier.(notifier.Cautious); ok {
			if err := c.Caution(n); err != nil {
				fmt.Fprintf(e.stderr, "note: %s: %s\n", x.Receiver.Name, display.OneLine(err.Error()))
			}
		}
		if e.format == "json" {
			all = append(all, shown)
			return
		}
		frame(e.styled(), x, n, shown)
	}
	for a, err := range e.enriched(ctx, in, cfg) {
		if err != nil {
			return failed("%w", err)
		}
		alerts++
		a.Received = arrival
		deliveries := dispatch.AtOnce(p.Plan(a))
		if len(to) > 0 {
			if deliveries, err = p.PlanReceivers(a, to...); err != nil {
				return fmt.Errorf("--to: %w", err)
			}
		}
		if len(deliveries) == 0 {
			fmt.Fprintf(e.stderr, "note: alert %s goes to nobody (ossec-notify explain says why)\n", shownID(a))
		}
		for _, note := range aliasNotes(deliveries, aliases) {
			fmt.Fprintf(e.stderr, "note: %s\n", note)
		}
		if gathered != nil {
			gathered.Add(a, deliveries)
			continue
		}
		for _, x := range deliveries {
			if err := ended(ctx); err != nil {
				return err
			}
			show(x)
		}
	}
	if alerts == 0 {
		return failed("the input holds no alert")
	}
	e.noteEnrichment(cfg.Enrich)
	if gathered != nil {
		for _, x := range gathered.Deliveries() {
			show(x)
		}
	}
	if e.format == "json" {
		if err := jsonSetOut(e.stdout, all); err != nil {
			return failed("%w", err)
		}
	}
	if broken {
		return silent(exitFail)
	}
	return nil
}

// loadOrExample is load, but where there is no config and none was asked for, one receiver of each channel
// stands in: people look before they configure.
func (e *env) loadOrExample() (*config.Config, error) {
	path := configPath("", e.home)
	if e.config == "" && os.Getenv("OSSEC_NOTIFY_CONFIG") == "" {
		if exists, err := configExists(path); err == nil && !exists {
			fmt.Fprintf(e.stderr, "note: there is no config %s: showing one receiver of each channel\n", path)
			return config.Example(), nil
		}
	}
	return e.loadUsed()
}
