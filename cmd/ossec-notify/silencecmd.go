package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/spool"
	"github.com/ossec-notify/ossec-notify/window"
)

const silenceExample = `  ossec-notify silence add --rule 5710 --agent web-01 --for 2h --reason "kernel update"
  ossec-notify silence add --srcip 192.0.2.10 --every "sat 02:00-06:00 Europe/Berlin" --reason "weekly scan"
  ossec-notify silence list
  ossec-notify silence expire S-7K2MQ`

func silenceCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "silence",
		Short: "keep alerts from being told, for a time and with a reason",
		Long: `Keeps alerts that match from being told while the silence holds. They are kept and counted, and when it is over those
who would have been told get one message that says what there was. Receivers under "always" are told all the same.`,
		Example: silenceExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.silenceAdd(), e.silenceList(), e.silenceExpire())
	return cmd
}

// silenceOrder is what silence add was asked for.
type silenceOrder struct {
	matchers map[string]*[]string
	fields   []string
	match    string
	span     time.Duration
	forText  string
	from     string
	until    string
	every    string
	reason   string
	by       string
}

func (e *env) silenceAdd() *cobra.Command {
	o := silenceOrder{matchers: map[string]*[]string{}}
	cmd := &cobra.Command{
		Use:   "add",
		Short: "silence alerts that match",
		Long: `Silences alerts that match all of the matchers, which are those of routes (docs/routing.md); one that is given twice holds
for either. It begins now, or at --from, and ends after --for, or at --until. With --every it holds at these times of the week
only, and needs no end.`,
		Example: `  ossec-notify silence add --rule 5710 --agent web-01 --for 2h --reason "kernel update" --by NAME
  ossec-notify silence add --severity "<high" --location nginx --until "2026-12-24 18:00" --reason "release"
  ossec-notify silence add --match '{not: {agent: web-01}, group: syscheck}' --for 30m --reason "package updates"
  ossec-notify silence add --srcip 192.0.2.10 --every "mon-fri 02:00-03:30" --reason "nightly scan"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.addSilence(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	for _, key := range rules.MatcherKeys() {
		var values []string
		o.matchers[key] = &values
		flags.StringArrayVar(&values, key, nil, "matcher, as in a route")
	}
	flags.StringArrayVar(&o.fields, "field", nil, "PATH=TEXT: a matcher of any field of the original alert")
	flags.StringVar(&o.match, "match", "", "further matchers, as a route's match is written: '{not: {agent: web-01}}'")
	flags.StringVar(&o.forText, "for", "", "how long: 30m, 2h, 7d")
	flags.StringVar(&o.from, "from", "", `when it begins, "2026-12-24 18:00" or "18:00" (default now)`)
	flags.StringVar(&o.until, "until", "", `when it ends, "2026-12-24 18:00" or "18:00"`)
	flags.StringVar(&o.every, "every", "", `times of the week at which it holds: "sat 02:00-06:00 Europe/Berlin"`)
	flags.StringVar(&o.reason, "reason", "", "why; it is shown to those who are not told")
	flags.StringVar(&o.by, "by", "", "who asks for it (default: who runs this)")
	e.formatFlag(cmd)
	return cmd
}

// whoRuns is the name of the person at the terminal.
func whoRuns() string {
	return cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER"), os.Getenv("LOGNAME"), fmt.Sprintf("user %d", os.Getuid()))
}

func (e *env) addSilence(ctx context.Context, o silenceOrder) error {
	scale, zone := e.scaleAndZone()
	s, err := o.silence(scale, zone, time.Now())
	if err != nil {
		return err
	}
	db, err := e.boxToWrite(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.AddSilence(ctx, s); err != nil {
		return failed("%w", err)
	}
	if e.format == "json" {
		return jsonLine(e.stdout, silenceLineOf(s, true))
	}
	fmt.Fprintf(e.stdout, "%s silences %s %s.\n", s.ID, s.Match, timesOf(s, zone, time.Now()))
	fmt.Fprintf(e.stdout, "To end it earlier: ossec-notify silence expire %s\n", s.ID)
	return nil
}

// silence makes what was asked for, or says everything that is wrong with it.
func (o *silenceOrder) silence(scale alert.Scale, zone *time.Location, now time.Time) (outbox.Silence, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	pairs := map[string][]string{}
	for key, values := range o.matchers {
		if len(*values) > 0 {
			pairs[key] = *values
		}
	}
	for _, f := range o.fields {
		path, text, ok := strings.Cut(f, "=")
		if !ok || path == "" {
			bad("--field %q: write PATH=TEXT, such as --field data.srcuser=root", f)
			continue
		}
		key := "field." + path
		pairs[key] = append(pairs[key], text)
	}
	var texts []string
	if len(pairs) > 0 {
		m, err := rules.NewMatches(pairs, scale)
		if err != nil {
			bad("%w", err)
		} else {
			texts = append(texts, m.String())
		}
	}
	if o.match != "" {
		m, err := rules.ParseMatchText(o.match, scale)
		if err != nil {
			bad("--match: %w", err)
		} else {
			texts = append(texts, m.String())
		}
	}
	if len(texts) == 0 && len(errs) == 0 {
		bad("say what to silence, such as --rule 5710 --agent web-01: a silence of everything would hide the alert that matters")
	}
	s := outbox.Silence{ID: newSilenceID(), Created: now, Starts: now, Every: o.every, Reason: strings.TrimSpace(o.reason), By: cmp.Or(o.by, whoRuns())}
	if len(texts) == 2 {
		s.Match = "{all: [" + texts[0] + ", " + texts[1] + "]}"
	} else if len(texts) == 1 {
		s.Match = texts[0]
	}
	if s.Reason == "" {
		bad(`say why: --reason "kernel update"; those who are not told will ask`)
	}
	if o.from != "" {
		at, err := parseTime(o.from, zone, now)
		if err != nil {
			bad("--from: %w", err)
		}
		s.Starts = at
	}
	switch {
	case o.forText != "" && o.until != "":
		bad("give --for or --until, not both")
	case o.forText != "":
		span, err := rules.ParseDuration(o.forText)
		if err != nil || span <= 0 {
			bad("--for %q is no time span: write 30m, 2h or 7d", o.forText)
		}
		s.Ends = s.Starts.Add(span)
	case o.until != "":
		at, err := parseTime(o.until, zone, s.Starts)
		if err != nil {
			bad("--until: %w", err)
		} else if !at.After(now) || !at.After(s.Starts) {
			bad("--until %q is past, or before it begins", o.until)
		}
		s.Ends = at
	case o.every == "":
		bad("say how long: --for 2h, --until \"18:00\", or --every \"sat 02:00-06:00\"; a silence that nobody ends hides alerts for ever")
	}
	if o.every != "" {
		w, err := window.ParseSpan(o.every, zone)
		if err != nil {
			bad("--every: %w", err)
		} else {
			s.Every = w.String() // with its zone: it means the same wherever it is read
		}
	}
	return s, errors.Join(errs...)
}

// newSilenceID is short, for people to type.
func newSilenceID() string { return "S-" + rand.Text()[:5] }

// parseTime reads a time as people write it: a day and a time of it, or a time of the day that comes next after.
func parseTime(text string, zone *time.Location, after time.Time) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse("15:04", text); err == nil {
		day := after.In(zone)
		at := time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), 0, 0, zone)
		if at.Before(after) {
			at = time.Date(day.Year(), day.Month(), day.Day()+1, t.Hour(), t.Minute(), 0, 0, zone)
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf(`%q is no time: write "2026-12-24 18:00", or "18:00" for the next one`, text)
}

// timesOf says in words when a silence holds.
func timesOf(s outbox.Silence, zone *time.Location, now time.Time) string {
	var words []string
	shown := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04 MST") }
	if s.Starts.After(now) {
		words = append(words, "from "+shown(s.Starts))
	}
	switch {
	case s.Ends.IsZero() && s.Every == "":
		words = append(words, "until somebody ends it")
	case !s.Ends.IsZero():
		words = append(words, "until "+shown(s.Ends))
	}
	if s.Every != "" {
		words = append(words, "at "+s.Every)
	}
	return strings.Join(words, ", ")
}

// scaleAndZone are the config's, or the defaults where it does not load: a person must be able to silence all the same.
func (e *env) scaleAndZone() (alert.Scale, *time.Location) {
	if r := readConfig(disk{}, configPath(e.config, e.home), e.home); r.cfg != nil {
		return r.cfg.Scale, r.cfg.Zone
	}
	return alert.DefaultScale, time.Local
}

// boxToWrite opens the outbox for what a person keeps in it, and makes it where no alert has come yet.
func (e *env) boxToWrite(ctx context.Context) (*outbox.DB, error) {
	state, err := e.stateDir()
	if err != nil {
		return nil, err
	}
	if err := spool.BecomeOwner(state); err != nil {
		return nil, failed("%w", err)
	}
	db, _, err := outbox.Open(ctx, outboxPath(state), outbox.Options{})
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, outbox.ErrOlder) {
		if err != nil {
			err = failed("%w", err)
		}
		return db, err
	}
	if err := e.makeBox(ctx, state); err != nil {
		return nil, failed("%w", err)
	}
	if db, _, err = outbox.Open(ctx, outboxPath(state), outbox.Options{}); err != nil {
		return nil, failed("%w", err)
	}
	return db, nil
}

// makeBox makes the outbox, or takes it to the newest schema, as a deliverer does when it starts.
func (e *env) makeBox(ctx context.Context, state string) error {
	if err := spool.Prepare(state); err != nil {
		return err
	}
	lock, err := spool.TryLock(state, "silence", versionText())
	if err != nil {
		return fmt.Errorf("the outbox is being made by another process; try again: %w", err)
	}
	db, _, err := outbox.Open(ctx, outboxPath(state), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err == nil {
		err = db.Close()
	}
	return errors.Join(err, lock.Release())
}

// silenceLine is one line of silence list --format json.
type silenceLine struct {
	ID       string    `json:"id"`
	Match    string    `json:"match"`
	Starts   time.Time `json:"starts"`
	Ends     time.Time `json:"ends,omitzero"`
	Every    string    `json:"every,omitempty"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	Created  time.Time `json:"created"`
	Silenced int       `json:"silenced"`
	Active   bool      `json:"active"`
}

func silenceLineOf(s outbox.Silence, active bool) silenceLine {
	return silenceLine{s.ID, s.Match, s.Starts, s.Ends, s.Every, s.Reason, s.By, s.Created, s.Silenced, active}
}

func (e *env) silenceList() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "silences that hold, or will",
		Example: "  ossec-notify silence list\n  ossec-notify silence list --all --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := e.box(cmd.Context())
			if errors.Is(err, errNoOutbox) {
				if e.format != "json" {
					fmt.Fprintln(e.stderr, "There are no silences.")
				}
				return nil
			}
			if err != nil {
				return err
			}
			defer db.Close()
			now := time.Now()
			since := now
			if all {
				since = time.Time{}
			}
			found, err := db.Silences(cmd.Context(), since)
			if err != nil {
				return failed("%w", err)
			}
			_, zone := e.scaleAndZone()
			for _, s := range found {
				active := s.Holds(now)
				if w, err := window.ParseSpan(s.Every, zone); s.Every != "" && err == nil {
					active = active && w.Open(now)
				}
				if e.format == "json" {
					if err := jsonLine(e.stdout, silenceLineOf(s, active)); err != nil {
						return err
					}
					continue
				}
				state := "holds"
				switch {
				case active:
				case !s.Ends.IsZero() && !s.Ends.After(now):
					state = "over"
				default:
					state = "waits"
				}
				fmt.Fprintf(e.stdout, "%s  %-5s  %s\n", s.ID, state, display.Quote(s.Match).Line())
				fmt.Fprintf(e.stdout, "         %s; %s: %s; %s so far\n", timesOf(s, zone, now), display.Quote(s.By).Line(), display.Quote(s.Reason).Line(), count(s.Silenced, "alert"))
			}
			if len(found) == 0 && e.format != "json" {
				fmt.Fprintln(e.stderr, "There are no silences.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that are over, too")
	e.formatFlag(cmd)
	return cmd
}

func (e *env) silenceExpire() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "expire ID...",
		Aliases: []string{"end"},
		Short:   "end silences now",
		Long:    "Ends silences now. Those who would have been told get one message that says what there was.",
		Example: "  ossec-notify silence expire S-7K2MQ",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("name a silence: ossec-notify silence list shows them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := e.box(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			for _, id := range args {
				id = strings.ToUpper(id)
				err := db.EndSilence(cmd.Context(), id, time.Now())
				if errors.Is(err, outbox.ErrNotFound) {
					return failed("there is no silence %s that has not ended: ossec-notify silence list shows them", display.Quote(id).Line())
				}
				if err != nil {
					return failed("%w", err)
				}
				fmt.Fprintf(e.stdout, "%s is over.\n", id)
			}
			return e.startDeliverer() // who was not told gets a summary now
		},
	}
	return cmd
}
