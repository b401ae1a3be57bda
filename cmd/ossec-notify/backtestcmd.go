package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/backtest/report"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/history"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

const backtestExample = `  ossec-notify backtest /var/ossec/logs/alerts/2026/Nov/
  ossec-notify backtest alerts.json.gz --against new.yaml       what would a change add and remove?
  ossec-notify backtest alerts/ --from 2026-10-01 --to 2026-11-01 --html report.html
  zcat ossec-alerts-*.json.gz | ossec-notify backtest - --format json`

const backtestHelp = `Takes past alerts through the config, by a clock that follows them, and says who would have been told of what, and when:
repeats, groups, digests, throttles, windows and silences included. Nothing is sent.

FILE is alerts.json, alerts.log, what was rotated or compressed of them, a folder of them as the managers keep it, or -
for stdin. It supposes that every receiver takes every message and that nobody takes an alert, so that escalations go on.`

// memoryGoal is from where on garbage is collected more often: a backtest runs beside a manager, and with what is not of the heap
// it is to stay below 100 MB.
const memoryGoal = 52 << 20

// backtestFlags are what the command is told.
type backtestFlags struct {
	against, html, night, from, to string
	strict, silences               bool
	workers                        int
}

func backtestCommand(e *env) *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:     "backtest FILE...",
		Short:   "what a config would have sent over past alerts",
		Long:    backtestHelp,
		Example: backtestExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("name files of past alerts, or a folder such as %s; - is stdin\nTry: %s -h", filepath.Join(e.home, "logs", "alerts"), cmd.CommandPath())
			}
			return e.unlessMistaken(e.backtest(cmd.Context(), args, f))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.against, "against", "", "another config: what would it add and remove?")
	flags.StringVar(&f.html, "html", "", "write the report into this file, too, with charts")
	flags.StringVar(&f.from, "from", "", `only alerts from this time on: "2026-10-01" or "2026-10-01 06:00"`)
	flags.StringVar(&f.to, "to", "", "only alerts before this time")
	flags.StringVar(&f.night, "night", "22-06", "the hours that count as night")
	flags.BoolVar(&f.strict, "strict", false, "look at every line whole, and exit 1 if any is damaged")
	flags.BoolVar(&f.silences, "silences", true, "the silences that the outbox knows hold at their times")
	flags.IntVar(&f.workers, "workers", 0, "how many read at a time (default one for each processor)")
	e.formatFlag(cmd, "csv")
	return cmd
}

func (e *env) backtest(ctx context.Context, args []string, f backtestFlags) error {
	cfg, err := e.loadUsed()
	if err != nil {
		return err
	}
	opt := backtest.Options{Zone: cfg.Zone, Log: discard}
	if opt.Night, err = parseNight(f.night); err != nil {
		return err
	}
	if opt.Begin, err = parseDay(f.from, cfg.Zone); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if opt.End, err = parseDay(f.to, cfg.Zone); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if !opt.End.IsZero() && !opt.Begin.Before(opt.End) {
		return errors.New("--to must be after --from")
	}
	if f.html != "" { // before hours of reading, not after
		if st, err := os.Stat(filepath.Dir(f.html)); err != nil || !st.IsDir() {
			return fmt.Errorf("--html: there is no directory %s", filepath.Dir(f.html))
		}
	}
	var silences []outbox.Silence
	if f.silences {
		silences = e.allSilences(ctx)
	}
	opt.Now = e.backtested(cfg, silences)
	enrichers := []*enrich.Enricher{cfg.Enrich.WithoutDNS()} // a name server knows the names of today
	opt.Now.Enrich = enrichers[0].Enrich
	tables := []*rules.Table{&cfg.Table}
	if f.against != "" {
		other, err := e.loadFile(f.against, f.against, othersServe)
		if err != nil {
			return err
		}
		then := e.backtested(other, silences)
		enrichers = append(enrichers, other.Enrich.WithoutDNS())
		then.Enrich = enrichers[1].Enrich
		opt.Then = &then
		tables = append(tables, &other.Table)
	}
	files, notes, err := history.Find(args, cfg.Zone)
	if err != nil {
		return failed("%w", err)
	}
	for _, note := range notes {
		fmt.Fprintln(e.stderr, "note: "+note)
	}
	var html *htmlFile
	if f.html != "" {
		if html, err = createHTML(f.html); err != nil {
			return failed("--html: %w", err)
		}
		defer html.drop()
	}
	past := history.New(files, history.Options{Pass: rules.NewGate(tables...).Pass, Strict: f.strict, Workers: f.workers, Zone: cfg.Zone, Stdin: e.stdin})
	opt.Totals = func() backtest.Totals {
		t := past.Totals()
		return backtest.Totals{Alerts: t.Alerts, Passed: t.Passed, From: t.From, To: t.To, Days: t.Days}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryGoal))
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as long as that is far away
	began := time.Now()
	stop := e.progress(past)
	r, fault := backtest.Run(ctx, past.Alerts(ctx), opt)
	stop()
	for _, x := range enrichers {
		e.noteEnrichment(x)
	}
	if r == nil {
		return failed("%w", fault)
	}
	r.Read.Took = time.Since(began)
	totals := past.Totals()
	r.Read.Bytes, r.Read.Damaged = totals.Bytes, totals.Damaged
	for _, file := range files {
		r.Files = append(r.Files, file.Path)
	}
	for _, d := range past.Damages() {
		r.Damaged = append(r.Damaged, backtest.Damage{File: d.File, Line: d.Line, Text: d.Text})
	}
	if err := e.report(r, html); err != nil {
		return err
	}
	switch {
	case fault != nil:
		return failed("%w", fault)
	case r.Stopped:
		return failed("stopped: the report is of what was read until then")
	case totals.Alerts == 0:
		return failed("the input holds no alert")
	case f.strict && totals.Damaged > 0:
		return failed("%s damaged", display.Count(totals.Damaged, "line"))
	}
	return nil
}

// backtested makes of a config what is backtested: its receivers are made, for they know what they follow, and send nothing.
func (e *env) backtested(cfg *config.Config, silences []outbox.Silence) backtest.Config {
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	for _, err := range notifier.Split(err) {
		fmt.Fprintf(e.stderr, "note: %s; what it would be told in messages that change is not known\n", err)
	}
	return backtest.Config{Path: cfg.Path, Dispatcher: d, Silences: silences}
}

// allSilences are those that the outbox knows, also those that are over: each holds at its own times.
func (e *env) allSilences(ctx context.Context) []outbox.Silence {
	for _, state := range e.statePlaces() {
		box, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
		if err != nil {
			continue // there is none yet, or it is not for us to read
		}
		silences, err := box.Silences(ctx, time.Time{})
		if err := errors.Join(err, box.Close()); err != nil {
			fmt.Fprintf(e.stderr, "note: silences are not known: %s\n", err)
			return nil
		}
		if n := len(silences); n > 0 {
			fmt.Fprintf(e.stderr, "note: %s of %s at their times (--silences=false leaves them out)\n", display.Count(n, "silence")+" hold", outbox.Path(state))
		}
		return silences
	}
	return nil
}

// report prints it, and writes it into a file if asked to.
func (e *env) report(r *backtest.Report, html *htmlFile) (err error) {
	switch e.format {
	case "json":
		err = report.JSON(e.stdout, r)
	case "csv":
		err = report.CSV(e.stdout, r)
	default:
		err = report.Text(e.styled(), r, e.width())
	}
	if err != nil || html == nil {
		return err
	}
	if err := report.HTML(html.f, r); err != nil {
		return failed("%s: %w", html.path, err)
	}
	if err := html.keep(); err != nil {
		return failed("%w", err)
	}
	fmt.Fprintf(e.stderr, "The report is in %s.\n", html.path)
	return nil
}

// htmlFile is the file of --html. It is made before anything is read, so that nobody waits for a report that cannot be written,
// and takes the place of an older one when it is whole. It holds text of alerts: it is its owner's alone, or whose the older was.
type htmlFile struct {
	path  string
	f     *os.File
	fresh string // where it is until it is whole; "" for what is no file, such as a pipe, and is written to directly
}

func createHTML(path string) (*htmlFile, error) {
	older, err := os.Stat(path)
	if err == nil && !older.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &htmlFile{path: path, f: f}, err
	}
	f, createErr := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if of := new(fs.PathError); errors.As(createErr, &of) { // the name that it has for now says nothing
		return nil, &fs.PathError{Op: of.Op, Path: path, Err: of.Err}
	} else if createErr != nil {
		return nil, createErr
	}
	h := &htmlFile{path, f, f.Name()}
	if err == nil {
		if err := f.Chmod(older.Mode().Perm()); err != nil {
			h.drop()
			return nil, err
		}
	}
	return h, nil
}

// keep ends a report that is whole.
func (h *htmlFile) keep() error {
	err := h.f.Close()
	if err == nil && h.fresh != "" {
		err = os.Rename(h.fresh, h.path)
	}
	if err == nil {
		h.fresh = ""
	}
	return err
}

// drop leaves nothing of a report that was not kept.
func (h *htmlFile) drop() {
	_ = h.f.Close() // it may be closed already
	if h.fresh != "" {
		_ = os.Remove(h.fresh)
	}
}

// width is how many columns stdout has.
func (e *env) width() int {
	if f, ok := e.stdout.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return min(w, 160)
		}
	}
	return 80
}

// progress says on a terminal how far reading is, until it is stopped.
func (e *env) progress(past *history.Reader) (stop func()) {
	if !isTerminal(e.stderr) {
		return func() {}
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	began := time.Now()
	group.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				fmt.Fprint(e.stderr, "\r\x1b[K")
				return
			case <-tick.C:
				read, of := past.Progress()
				fmt.Fprint(e.stderr, "\r"+progressLine(past.Totals().Alerts, read, of, time.Since(began))+"\x1b[K")
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}

// progressLine says how much was read, how fast, and how long the rest will take.
func progressLine(alerts int, read, of int64, took time.Duration) string {
	seconds := max(took.Seconds(), 0.001)
	line := fmt.Sprintf("%s alerts, %s a second, %.0f MB/s", display.Thousands(alerts), display.Thousands(int(float64(alerts)/seconds)), float64(read)/1e6/seconds)
	if of > 0 && read > 0 && read <= of {
		line = fmt.Sprintf("%3d %%: %s", 100*read/of, line)
		if left := time.Duration(float64(took) * float64(of-read) / float64(read)); left >= time.Second {
			line += ", " + display.Span(left) + " left"
		}
	}
	return line
}

var nightHours = regexp.MustCompile(`^([01]?[0-9]|2[0-4])(?::00)?-([01]?[0-9]|2[0-4])(?::00)?$`)

// parseNight reads 22-06.
func parseNight(text string) (backtest.Night, error) {
	m := nightHours.FindStringSubmatch(text)
	if m == nil || m[1] == m[2] {
		return backtest.Night{}, fmt.Errorf("--night: %q are no hours: write 22-06", text)
	}
	from, _ := strconv.Atoi(m[1])
	to, _ := strconv.Atoi(m[2])
	return backtest.Night{From: from % 24, To: to}, nil
}

// parseDay reads a day, or a time of it; "" is the zero time.
func parseDay(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, strings.TrimSpace(text), zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is no day: write 2026-10-01 or "2026-10-01 06:00"`, text)
}
