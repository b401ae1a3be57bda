package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
)

// env is what every command is given: the streams, and the flags that all commands share.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	home, config, state string
	format              string
	mistaken            bool // the config has mistakes, and is used all the same
}

const rootHelp = `ossec-notify tells the right people about OSSEC and Wazuh alerts: on Slack, by PagerDuty, mail, webhook (Teams, Discord,
Telegram and others by presets), in Splunk, Elasticsearch, Loki, syslog and files, and by a program of yours.

integratord runs it as custom-notify, custom-slack, custom-pagerduty and so on, which are links to this program. Run it by
its own name to try, check and explain.`

const rootExample = `  ossec-notify demo                              all of it, against stand-ins on this machine
  ossec-notify check                             is the config right?
  ossec-notify send --sample 5712 --to oncall    does a page arrive?
  ossec-notify preview alert.json                what would each receiver get?
  ossec-notify explain alert.json                and why?
  ossec-notify test                              and does it stay so?
  ossec-notify backtest logs/alerts/2026/Nov/    what would this config have sent?`

func rootCommand(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:           "ossec-notify",
		Short:         "tell the right people about OSSEC and Wazuh alerts",
		Long:          rootHelp,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionText(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return fmt.Errorf("unknown command %q: did you mean %q?", args[0], near[0])
			}
			return fmt.Errorf("unknown command %q\nTry: ossec-notify -h", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVar(&e.home, "home", "", "home of OSSEC or Wazuh (default $OSSEC_NOTIFY_HOME, else what /etc/ossec-init.conf says, else /var/ossec)")
	flags.StringVar(&e.config, "config", "", "config file (default $OSSEC_NOTIFY_CONFIG, else HOME/etc/ossec-notify.yaml)")
	flags.StringVar(&e.state, "state", "", "state directory (default $OSSEC_NOTIFY_STATE, else HOME/queue/ossec-notify)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			var known []string
			cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
			if near := rules.Nearest(unknown.GetSpecifiedName(), known); near != "" {
				err = fmt.Errorf("%w: did you mean --%s?", err, near)
			}
		}
		return fmt.Errorf("%w\nTry: %s -h", err, cmd.CommandPath())
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if f := cmd.Flags().Lookup("format"); f != nil && !slices.Contains(strings.Split(strings.Replace(f.Usage, " or ", ", ", 1), ", "), e.format) {
			return fmt.Errorf("--format is %s, not %q", f.Usage, e.format)
		}
		e.home = cmp.Or(e.home, door.DefaultHome())
		return nil
	}
	root.AddCommand(
		sendCommand(e), previewCommand(e), checkCommand(e), explainCommand(e), testCommand(e), backtestCommand(e),
		serveCommand(e), outboxCommand(e), silenceCommand(e), ackCommand(e), installCommand(e), doctorCommand(e), demoCommand(e), sandboxCommand(e), presetsCommand(e), versionCommand(e), deliverCommand(e),
	)
	return root
}

// formatFlag adds --format to a command that prints data: text, json, and what else it knows.
func (e *env) formatFlag(cmd *cobra.Command, more ...string) {
	all := append([]string{"text", "json"}, more...)
	last := len(all) - 1
	cmd.Flags().StringVar(&e.format, "format", "text", strings.Join(all[:last], ", ")+" or "+all[last])
}

// configPath is the config file that a command uses.
func configPath(flag, home string) string {
	return cmp.Or(flag, os.Getenv("OSSEC_NOTIFY_CONFIG"), filepath.Join(home, "etc", "ossec-notify.yaml"))
}

// load reads the config or says on stderr everything that is wrong with it.
func (e *env) load() (*config.Config, error) {
	return e.loadFile(configPath(e.config, e.home), "the config", nil)
}

// loadUsed is load for what does as delivery does: with faults in some receivers the others are used, and stderr says so.
func (e *env) loadUsed() (*config.Config, error) {
	return e.loadFile(configPath(e.config, e.home), "the config", othersServe)
}

// othersServe reports that all mistakes are faults of receivers, and not every receiver has one.
func othersServe(r config.Reading) bool {
	for _, p := range r.Problems {
		if !p.Warning && r.Faulty(p) == nil {
			return false
		}
	}
	return slices.ContainsFunc(r.Config.Receivers, func(x *config.Receiver) bool { return len(x.Faults) == 0 })
}

// loadFile is load for a file that is called what in the error. It may be one with mistakes that is used all the same, if may says so.
func (e *env) loadFile(path, what string, may func(config.Reading) bool) (*config.Config, error) {
	r := config.Read(path, e.home)
	if r.Err != nil {
		return nil, config.FileError(path, r.Err)
	}
	mistakes, faulty := 0, []string(nil)
	for _, p := range r.Problems {
		if p.Warning {
			continue
		}
		fmt.Fprintln(e.stderr, displayed(p.String()))
		mistakes++
		if of := r.Faulty(p); of != nil && !slices.Contains(faulty, of.Name) {
			faulty = append(faulty, of.Name)
		}
	}
	switch {
	case mistakes == 0:
	case r.Config == nil || may == nil || !may(r):
		return nil, fmt.Errorf("%s has %s", what, display.Count(mistakes, "mistake"))
	case len(faulty) > 0:
		fmt.Fprintf(e.stderr, "note: that is a fault of %s; the rest of %s is used, as deliveries use it\n", displayed(display.List(faulty)), what)
	default:
		fmt.Fprintf(e.stderr, "note: the rest of %s is used, as deliveries use it\n", what)
	}
	e.mistaken = e.mistaken || mistakes > 0
	return r.Config, nil
}

// unlessMistaken is what a command comes to that did its work by a config, which may have mistakes: it ends as with any wrong config.
func (e *env) unlessMistaken(err error) error {
	if err == nil && e.mistaken {
		return silent(exitUsage)
	}
	return err
}

// faultOf says what is wrong with a receiver that the config is used without, which made is what came of making; nil for nothing.
func faultOf(cfg *config.Config, made error, receiver string) error {
	for _, r := range cfg.Receivers {
		if r.Name == receiver && len(r.Faults) > 0 {
			return fmt.Errorf("receiver %q has a mistake: %s", receiver, displayed(r.Faults[0].String()))
		}
	}
	for _, err := range notifier.Split(made) {
		if of := (*config.ReceiverError)(nil); errors.As(err, &of) && of.Receiver.Name == receiver {
			return err
		}
	}
	return nil
}

// othersMade says on stderr which receivers cannot be made, of what came of making them; the others can be used. An error is about
// none of them.
func (e *env) othersMade(cfg *config.Config, made error) error {
	unmade := map[string]bool{}
	for _, err := range notifier.Split(made) {
		of := (*config.ReceiverError)(nil)
		if !errors.As(err, &of) {
			return made
		}
		unmade[of.Receiver.Name] = true
	}
	if made == nil {
		return nil
	}
	if !slices.ContainsFunc(cfg.Receivers, func(r *config.Receiver) bool { return !unmade[r.Name] }) {
		return made
	}
	for _, err := range notifier.Split(made) {
		fmt.Fprintf(e.stderr, "note: %s; the other receivers are used\n", displayed(err.Error()))
	}
	return nil
}

// configExists reports whether there is a config file. The error says why that cannot be found out.
func configExists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// styled is stdout for text with colours: they are left out where the terminal, a pipe or NO_COLOR asks for it. The library
// knows only some values of NO_COLOR, and not with a pipe that is forced to have colours: https://no-color.org says any.
func (e *env) styled() io.Writer {
	w := colorprofile.NewWriter(e.stdout, os.Environ())
	if os.Getenv("NO_COLOR") != "" {
		w.Profile = min(w.Profile, colorprofile.ASCII)
	}
	return w
}

// jsonLine prints a value as one line of JSON, with < and > as they are. Nothing in it steers a terminal.
func jsonLine(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(display.JSON(b.Bytes()))
	return err
}

// jsonSetOut prints a value as JSON over several lines.
func jsonSetOut(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := jsonLine(&b, v); err != nil {
		return err
	}
	_, err := w.Write(display.SetOut(b.Bytes()))
	return err
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	if i, ok := stream.(interruptible); ok {
		stream = i.r
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ended reports why a command stopped early, if it was asked to.
func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return failed("stopped")
	}
	return nil
}
