package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/managerlog"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/regular"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/window"
)

const explainExample = `  ossec-notify explain alert.json
  ossec-notify explain --tree alert.json           every route, and each of its matchers
  ossec-notify explain --id 1795440502.8           a past alert, and what became of it
  ossec-notify explain --id 1795440502.8 --receiver oncall       why oncall was told, or was not
  ossec-notify explain alert.json --at "sat 03:00" what would be decided then
  ossec-notify explain --format json < alerts.json`

func explainCommand(e *env) *cobra.Command {
	var in input
	var id, receiver, at string
	var tree bool
	cmd := &cobra.Command{
		Use:   "explain [FILE...]",
		Short: "which routes an alert takes, and why",
		Long: "Says who is told of an alert and why, and what the other routes ask for that it is not. With --tree it draws all routes, with\n" +
			"what each matcher says of the alert.\n\n" + inputHelp,
		Example: explainExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			if err := in.check(); err != nil {
				return err
			}
			if id != "" && (len(args) > 0 || in.sample != "") {
				return fmt.Errorf("give --id, or alerts, not both")
			}
			// Routes do not go by templates: with mistakes in these alone deliverers go by this very config.
			loads := func(config.Reading) bool { return true }
			cfg, err := e.loadFile(configPath(e.config, e.home), "the config", loads)
			if err != nil && id != "" {
				var kept *config.Config
				if kept, err = e.inPlaceOf(cmd.Context(), err); kept == nil && err != nil {
					return e.explainFate(cmd.Context(), id, receiver, err)
				}
				cfg = kept
			}
			if err != nil {
				return err
			}
			x, err := e.explainer(cmd.Context(), cfg, receiver, at)
			if err != nil {
				return err
			}
			defer x.done()
			x.tree = tree
			if id != "" {
				return x.explainID(cmd.Context(), id)
			}
			n := 0
			for a, err := range e.enriched(cmd.Context(), in, cfg) {
				if err != nil {
					return failed("%w", err)
				}
				n++
				if err := x.explain(a, nil); err != nil {
					return err
				}
			}
			if n == 0 {
				return failed("the input holds no alert")
			}
			e.noteEnrichment(cfg.Enrich)
			return e.unlessMistaken(nil)
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "explain the alert with this id, found in the manager's own logs or the outbox, and say what became of it")
	cmd.Flags().StringVar(&receiver, "receiver", "", "say of this receiver why it is told, or is not")
	cmd.Flags().StringVar(&at, "at", "", `decide as at this time: "2026-12-24 03:00", "03:00" or "sat 03:00" (default now; with --id when the alert came)`)
	cmd.Flags().StringVar(&in.sample, "sample", "", "explain a built-in alert")
	cmd.Flags().BoolVar(&tree, "tree", false, "draw all routes, also those that were not asked, with each of their matchers")
	e.formatFlag(cmd)
	return cmd
}

// inPlaceOf is the config that deliverers go by while that of the file is broken, which why says; and a word that it is so. Where there
// is none it returns why.
func (e *env) inPlaceOf(ctx context.Context, why error) (*config.Config, error) {
	box, err := e.box(ctx)
	if err != nil {
		return nil, why
	}
	defer box.Close()
	path := absolute(configPath(e.config, e.home))
	kept, err := site.ReadKept(ctx, box, path)
	if err != nil || kept == nil {
		return nil, why
	}
	cfg := kept.Config(path, absolute(e.home))
	if cfg == nil {
		return nil, why
	}
	fmt.Fprintf(e.stderr, "note: %s; this is by the one that loaded at %s, by which deliverers go until it is mended\n", why, kept.Loaded.Local().Format(time.DateTime))
	return cfg, nil
}

// explainFate says what became of an alert where no config loads that could say what routes make of it. The error says why.
func (e *env) explainFate(ctx context.Context, id, receiver string, why error) error {
	a, fate, err := e.fateOf(ctx, nil, nil, id)
	if err != nil || fate == nil {
		return why
	}
	x := &explainer{env: e, receiver: receiver}
	if a == nil {
		if err := x.explainMessage(id, fate); err != nil {
			return err
		}
		return why
	}
	if e.format == "json" {
		out := explained{Line: explain.NewLine(a.Identity())}
		out.Added = a.Added
		x.jsonFate(&out, fate)
		if err := jsonLine(e.stdout, out); err != nil {
			return err
		}
		return why
	}
	fmt.Fprintf(e.stdout, "%s  %s\n", shownID(a), family.Read(a).Sentence.Line())
	writeAdded(e.stdout, a)
	fate.write(e.stdout, receiver)
	fmt.Fprintln(e.stdout, "  What the routes say of it is not known: no config loads.")
	return why
}

// explained is one line of explain --format json.
type explained struct {
	explain.Line
	// Tree is with --tree alone.
	Tree []treeBranch `json:"tree,omitempty"`
	// Receiver and Chances are with --receiver alone: every route that names it, and why it told it, or did not.
	Receiver string   `json:"receiver,omitempty"`
	Chances  []chance `json:"chances,omitempty"`
	// Then is with --id alone: who was chosen when it came in, where that is not what is decided now.
	Then []string `json:"then,omitempty"`
	// Deliveries and Taken are with --id alone: what became of it, where the outbox knows.
	Called     string     `json:"called,omitempty"` // the name by which it came first, and why that led to nobody
	Astray     string     `json:"astray,omitempty"`
	Deliveries []toldLine `json:"deliveries,omitempty"`
	Resolved   []toldLine `json:"resolved,omitempty"` // the messages which say that it ended others, where it was not told itself
	Taken      *takenBy   `json:"taken,omitempty"`
}

type chance struct {
	Route string `json:"route"`
	Told  bool   `json:"told"`
	Why   string `json:"why"`
}

type takenBy struct {
	By  string    `json:"by"`
	Via string    `json:"via"`
	At  time.Time `json:"at"`
}

// explainer explains alerts by a config, as at a time.
type explainer struct {
	*env
	cfg      *config.Config
	at       time.Time
	asked    bool   // at is what was asked for
	receiver string // of whom is asked, or ""
	tree     bool   // all routes are drawn
	out      io.Writer
	of       explain.Explainer
	done     func()
	unknown  string // why it is not known what became of the alert, which may never have come to us; "" where that is known, or not asked
	silences []outbox.Silence
}

// explainer makes one. The caller calls done.
func (e *env) explainer(ctx context.Context, cfg *config.Config, receiver, at string) (*explainer, error) {
	x := &explainer{env: e, cfg: cfg, at: time.Now(), receiver: receiver, out: e.styled()}
	if at != "" {
		var err error
		x.asked = true
		if x.at, err = window.ParseWeekMoment(at, cfg.Zone, x.at); err != nil {
			return nil, fmt.Errorf("--at: %w", err)
		}
	}
	if receiver != "" && !slices.ContainsFunc(cfg.All(), func(r *config.Receiver) bool { return r.Name == receiver }) {
		var known []string
		for _, r := range cfg.All() {
			known = append(known, r.Name)
		}
		return nil, dispatch.NoReceiver(receiver, known)
	}
	x.of = explain.Explainer{Table: &cfg.Table, Control: &noise.Control{Scale: cfg.Scale, Zone: cfg.Zone, Log: discard}}
	x.of.Expand, x.done = e.expander(ctx, cfg)
	for _, state := range e.statePlaces() {
		box, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
		if err != nil {
			continue // there is none yet, or it is not for us to read: nothing is said of silences
		}
		x.silences, err = box.Silences(ctx, time.Time{}) // those that are over, too: a past alert may have come while one held
		if err := errors.Join(err, box.Close()); err != nil {
			fmt.Fprintf(e.stderr, "note: silences are not known: %s\n", err)
		}
		break
	}
	return x, nil
}

// settingLines say in words what a route asks for, and whether its windows are open.
func (x *explainer) settingLines(s explain.Setting) []string {
	if s.Times == "" {
		return s.Words
	}
	return append(slices.Clip(s.Words), fmt.Sprintf("at %s its times are %s", x.at.In(x.cfg.Zone).Format("Mon 2006-01-02 15:04 MST"), s.Times))
}

// explain explains one alert. fate is what became of it; nil where that is not asked, or not known.
func (x *explainer) explain(a *alert.Alert, fate *fate) error {
	found := x.of.Explain(a, x.at, x.silences)
	if x.format == "json" {
		return jsonLine(x.stdout, x.json(&found, fate))
	}
	w, branches := x.out, x.cfg.Table.Tree(a)
	var then []string
	if fate != nil {
		then = fate.otherwise(found.Telling)
	}
	writeTold(w, &found, then, x.unknown)
	writeAdded(w, a)
	if x.tree {
		x.writeTree(w, &found, branches)
	} else {
		writeRoutes(w, found.Telling, branches)
		for _, s := range found.Settings {
			for _, l := range x.settingLines(s) {
				fmt.Fprintf(w, "    %s: %s\n", s.Route, l)
			}
		}
	}
	for _, s := range found.Silences {
		fmt.Fprintf(x.stdout, "  Silenced by %s, %s (%s: %s).\n", s.ID, noise.TimesOf(s, noise.StandingOf(s, x.cfg.Scale, x.cfg.Zone, x.at), x.cfg.Zone, x.at), display.Quote(s.By).Line(), display.Quote(s.Reason).Line())
	}
	if x.receiver != "" {
		writeWhy(x.stdout, &x.cfg.Table, a, x.receiver, x.unknown != "")
	}
	if fate != nil {
		fate.write(x.stdout, x.receiver)
	}
	return nil
}

func (x *explainer) json(found *explain.Explanation, fate *fate) explained {
	out := explained{Line: found.Line()}
	if x.tree {
		out.Tree = treeJSON(x.cfg.Table.Tree(found.Alert))
	}
	if x.receiver != "" {
		out.Receiver = x.receiver
		for _, c := range x.cfg.Table.Chances(found.Alert, x.receiver) {
			out.Chances = append(out.Chances, chance{c.Route, c.Told, c.Why})
		}
	}
	if fate != nil {
		out.Then = fate.otherwise(found.Telling)
		x.jsonFate(&out, fate)
	}
	return out
}

// jsonFate adds what became of the alert.
func (x *explainer) jsonFate(out *explained, fate *fate) {
	if fate.called != "" {
		out.Called, out.Astray = "custom-"+fate.called, fate.astray
	}
	for _, y := range fate.told {
		if x.receiver == "" || x.receiver == y.Receiver {
			out.Deliveries = append(out.Deliveries, y.line())
		}
	}
	for _, y := range fate.ended {
		x := told{Delivery: y}
		out.Resolved = append(out.Resolved, x.line())
	}
	if fate.ack != nil {
		out.Taken = &takenBy{fate.ack.By, fate.ack.Via, fate.ack.At}
	}
}

// writeTold says what the alert is, and in a sentence who is told of it and why. What is silenced, held or for later has one of its own.
// then is who was chosen when it came in, where that was another; unknown is why nobody knows what became of it, where that is so: then it
// says who would be told.
func writeTold(w io.Writer, found *explain.Explanation, then []string, unknown string) {
	t := found.Told()
	fmt.Fprintf(w, "%s  %s: %s\n", shownID(found.Alert), found.Severity.Word(), family.Read(found.Alert).Sentence.Line())
	if then != nil {
		fmt.Fprintf(w, "  By the config of now; when it came in, it was for %s:\n", strings.Join(then, ", "))
	}
	would := ""
	if unknown != "" {
		would = "Would be "
		fmt.Fprintf(w, "  What became of it is not known: %s. By the config of now:\n", unknown)
	}
	told := t.Sentence(t.Now)
	if nobody := t.Nobody(); nobody != "" {
		told = strings.TrimSuffix("nobody "+nobody+"; "+told, "; ")
	}
	for _, s := range []struct{ word, what string }{
		{"Told", told},
		{"Told outside of the route's times", t.Sentence(t.Outside)},
		{"Silenced", t.Sentence(t.Silenced)},
		{"Held", t.Sentence(t.Held)},
		{"Later, unless somebody takes it", t.LaterWords()},
	} {
		if s.what != "" {
			word := s.word
			if would != "" && word != "Later, unless somebody takes it" {
				word = would + strings.ToLower(word[:1]) + word[1:]
			}
			fmt.Fprintf(w, "  %s: %s.\n", word, s.what)
		}
	}
	said := map[string]bool{}
	for _, c := range t.Choices {
		if c.Alias != "" && !said[c.Alias] {
			said[c.Alias] = true
			fmt.Fprintf(w, "  %s now: %s.\n", c.Alias, c.Note)
		}
	}
}

// explainID explains an alert that the logs hold, which the manager keeps of today, or the outbox; and says what became
// of it.
func (x *explainer) explainID(ctx context.Context, id string) error {
	e, cfg := x.env, x.cfg
	dir := filepath.Join(e.home, "logs", "alerts")
	var tried []string
	var found *alert.Alert
	for _, name := range managerlog.Names() {
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
	case err == errNotHeld: // as it is: nothing was lost
		x.unknown = "the outbox does not hold it: it did not come to us, or serve read it while no route chose a receiver"
	case err != nil:
		x.unknown = err.Error()
	case fate == nil:
		x.unknown = "there is no outbox"
	case found == nil:
		found = kept
	case kept != nil: // what the routes saw then, nothing too
		whole := *found
		whole.Added, whole.Shown = kept.Added, kept.Shown
		found = &whole
	}
	if found != nil && kept == nil {
		found = cfg.Enrich.Enrich(found)
		e.noteEnrichment(cfg.Enrich)
	}
	if x.unknown != "" && found != nil && e.format == "json" {
		fmt.Fprintf(e.stderr, "note: what became of it is not known: %s\n", x.unknown)
	}
	if found != nil {
		if !x.asked { // what is decided now says little of then
			if x.at = found.Time; fate != nil && !fate.arrived.IsZero() {
				x.at = fate.arrived
			}
			if x.at.IsZero() {
				x.at = time.Now()
			}
		}
		return x.explain(found, fate)
	}
	if fate != nil && fate.of != "" {
		return x.explainMessage(id, fate)
	}
	if strings.HasPrefix(id, "h-") {
		return failed("no log holds %s: ids that begin with h- are made from the content; explain the alert file itself", id)
	}
	if e.isDelivery(ctx, id) {
		return failed("%[1]s is a delivery, not an alert: ossec-notify outbox show %[1]s says what became of it", id)
	}
	only := "" // of a whole day
	if own := id[strings.LastIndexByte(id, '/')+1:]; strings.Trim(own, "0123456789.") == "" {
		only = ` | grep -F '"` + own + `"'`
	}
	return failed("no alert %s:\n  %s\nFor an older one: zcat %s%s | ossec-notify explain", id, strings.Join(tried, "\n  "), filepath.Join(dir, archive(id, time.Now().In(cfg.Zone))), only)
}

// isDelivery reports whether an id is that of a delivery.
func (e *env) isDelivery(ctx context.Context, id string) bool {
	box, err := e.box(ctx)
	if err != nil {
		return false
	}
	defer box.Close()
	found, err := box.Find(ctx, outbox.Filter{IDs: []string{id}})
	return err == nil && len(found) > 0
}

// explainMessage says what became of a message of our own making, which no route takes.
func (x *explainer) explainMessage(id string, fate *fate) error {
	if x.format == "json" {
		out := explained{Line: explain.NewLine(id)}
		for _, y := range fate.told {
			out.Receivers = append(out.Receivers, y.Receiver)
			out.Deliveries = append(out.Deliveries, y.line())
		}
		return jsonLine(x.stdout, out)
	}
	fmt.Fprintf(x.stdout, "%s  %s, a message of ossec-notify's own; ossec-notify outbox list --all shows the alerts that were told in it\n", id, display.Quote(fate.of).Line())
	fate.write(x.stdout, x.receiver)
	return nil
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
