package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
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
		flags.StringArrayVar(&values, key, nil, matcherHelp(key))
	}
	flags.StringArrayVar(&o.fields, "field", nil, "`PATH=TEXT`: a matcher of any field of the original alert")
	flags.StringVar(&o.match, "match", "", "further `MATCHERS`, as a route's match is written: '{not: {agent: web-01}}'")
	flags.StringVar(&o.forText, "for", "", "`SPAN` for which it holds: 30m, 2h, 7d")
	flags.StringVar(&o.from, "from", "", "`TIME`"+` when it begins, "2026-12-24 18:00" or "18:00" (default now)`)
	flags.StringVar(&o.until, "until", "", "`TIME`"+` when it ends, "2026-12-24 18:00" or "18:00"`)
	flags.StringVar(&o.every, "every", "", "`TIMES`"+` of the week at which it holds: "sat 02:00-06:00 Europe/Berlin"`)
	flags.StringVar(&o.reason, "reason", "", "why, as `TEXT`; it is shown to those who are not told")
	flags.StringVar(&o.by, "by", "", "`NAME` of who asks for it (default: who runs this)")
	e.formatFlag(cmd)
	return cmd
}

// matcherHelp says in a line what a matcher takes.
func matcherHelp(key string) string {
	switch key {
	case "level":
		return "`LEVEL`: at least 10; \"=10\", 7-9, \"<5\""
	case "severity":
		return "`SEVERITY`: at least high; \"=high\", \"<high\""
	case "rule":
		return "`ID` of the rule, or a range: 5710, 5700-5799"
	case "srcip", "dstip", "agent_ip":
		return "`ADDRESS`: 192.0.2.10, 10.0.0.0/8"
	case "agent_id", "group", "mitre":
		return "`NAME`, exactly so"
	}
	return "`TEXT` that is part of it; ^ and $ anchor, | is or, ! is not; or ~REGEXP"
}

// whoRuns is the name of the person at the terminal.
func whoRuns() string {
	if name := cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER"), os.Getenv("LOGNAME")); name != "" {
		return name
	}
	id := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(id); err == nil && u.Username != "" { // cron and su set none of these
		return u.Username
	}
	return "user " + id
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
	now := time.Now()
	at := noise.StandingOf(s, scale, zone, now)
	reach, err := e.reachOf(ctx, db, s, scale, zone, now)
	if err != nil { // it is kept all the same
		fmt.Fprintf(e.stderr, "note: how much it silences is not known: %s\n", err)
	}
	for _, doubt := range doubtsAbout(s, scale) {
		fmt.Fprintf(e.stderr, "warning: it %s%s\n", doubt, reach.words("; it would have silenced "))
	}
	for _, warning := range rules.MatchWarnings(s.Match, scale) {
		fmt.Fprintf(e.stderr, "warning: %s\n", display.Quote(warning).Line())
	}
	if e.format == "json" {
		return jsonLine(e.stdout, silenceLineOf(s, at))
	}
	fmt.Fprintf(e.stdout, "%s silences %s %s.\n", s.ID, display.Quote(s.Match).Line(), noise.TimesOf(s, at, zone, now))
	if words := reach.words("It would have silenced "); words != "" {
		fmt.Fprintf(e.stdout, "%s.\n", words)
	}
	fmt.Fprintf(e.stdout, "To end it: ossec-notify silence expire %s\n", s.ID)
	return nil
}

// What a new silence is tried on: the alerts of the last day, but of no more than the newest, so that it takes no time.
const (
	silencePast = 24 * time.Hour
	silenceMost = 5000
)

// reach is how many of the alerts that came lately a silence matches.
type reach struct {
	matched, of int
	whole       bool // these are all of the last day
	anyTime     bool // it holds at times only, which were not asked for
}

// words say it, behind some others; "" where no alert has come.
func (r reach) words(before string) string {
	if r.of == 0 {
		return ""
	}
	text := fmt.Sprintf("%s%s of the %s of the last 24 h", before, display.Thousands(r.matched), display.Count(r.of, "alert"))
	if !r.whole {
		text = fmt.Sprintf("%s%s of the newest %s", before, display.Thousands(r.matched), display.Count(r.of, "alert"))
	}
	if r.anyTime {
		text += ", had it held all the time"
	}
	return text
}

// reachOf tries a silence on the alerts of the last day.
func (e *env) reachOf(ctx context.Context, db *outbox.DB, s outbox.Silence, scale alert.Scale, zone *time.Location, now time.Time) (reach, error) {
	r := reach{anyTime: s.Every != ""}
	m, err := rules.ParseMatchText(s.Match, scale)
	if err != nil {
		return r, err
	}
	reader := site.Of(&config.Config{Zone: zone}, nil, discard)
	r.whole, err = db.Recent(ctx, now.Add(-silencePast), silenceMost, func(kept outbox.Alert) {
		if noise.IsMessage(kept.Identity) {
			return
		}
		r.of++
		if a, _ := reader.Read(kept.Header, kept.Raw); a != nil && m.Matches(a) {
			r.matched++
		}
	})
	return r, err
}

// longSilence is from when on a silence may be one that somebody forgets.
const longSilence = 30 * 24 * time.Hour

// doubtsAbout say what of a silence may be more than somebody meant, as the end of a sentence about it.
func doubtsAbout(s outbox.Silence, scale alert.Scale) []string {
	var doubts []string
	if s.Every == "" && !s.Ends.IsZero() && s.Ends.Sub(s.Starts) > longSilence {
		doubts = append(doubts, fmt.Sprintf("holds for %d days", int(s.Ends.Sub(s.Starts).Hours()/24)))
	}
	if matchesAll(s.Match, scale) {
		doubts = append(doubts, "matches nearly every alert, so the one that matters, too")
	}
	return doubts
}

// matchesAll reports whether a match holds for (nearly) every alert: that is, for nine of ten of the built-in ones, which are
// of all kinds and levels.
func matchesAll(text string, scale alert.Scale) bool {
	m, err := rules.ParseMatchText(text, scale)
	if err != nil {
		return false
	}
	matched, of := 0, 0
	for _, name := range sample.Names() {
		if a, err := sample.Alert(name); err == nil {
			of++
			if m.Matches(a) {
				matched++
			}
		}
	}
	return matched*10 >= of*9
}

// silence makes what was asked for, or says everything that is wrong with it.
func (o *silenceOrder) silence(scale alert.Scale, zone *time.Location, now time.Time) (outbox.Silence, error) {
	s := outbox.Silence{ID: newSilenceID(), Created: now, Starts: now}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s.Match = o.matches(scale, bad)
	s.Reason = oneLine("--reason", o.reason, maxReason, bad)
	if s.Reason == "" {
		bad(`say why: --reason "kernel update"; those who are not told will ask`)
	}
	s.By = oneLine("--by", cmp.Or(o.by, plainName(whoRuns())), maxName, bad)
	o.times(&s, zone, now, bad)
	return s, errors.Join(errs...)
}

// How long what a person types may be, in characters: it is shown in messages that have other things to say.
const (
	maxReason = 300
	maxName   = 80
)

// oneLine is what a person typed, which is shown in notes of one line each: no other line is to be made of it.
func oneLine(flag, text string, most int, bad func(string, ...any)) string {
	text = strings.TrimSpace(text)
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		bad("%s %q: write it in one line, without control characters", flag, text)
	case utf8.RuneCountInString(text) > most:
		bad("%s has %d characters: write at most %d", flag, utf8.RuneCountInString(text), most)
	}
	return text
}

// plainName is a name of the environment's, which nobody typed just now, without what [oneLine] refuses.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if runes := []rune(name); len(runes) > maxName {
		return string(runes[:maxName])
	}
	return name
}

// matches is what the matchers say together, as it is kept.
func (o *silenceOrder) matches(scale alert.Scale, bad func(string, ...any)) string {
	pairs := map[string][]string{}
	wrong := false
	for key, values := range o.matchers {
		if len(*values) > 0 {
			pairs[key] = *values
		}
	}
	for _, f := range o.fields {
		path, text, ok := strings.Cut(f, "=")
		if !ok || path == "" {
			bad("--field %q: write PATH=TEXT, such as --field data.srcuser=root", f)
			wrong = true
			continue
		}
		key := "field." + path
		pairs[key] = append(pairs[key], text)
	}
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		_, err := rules.NewMatch(key, pairs[key], scale)
		for _, err := range notifier.Split(err) {
			flag := "--" + key
			if path, of := strings.CutPrefix(key, "field."); of {
				flag = "--field " + path
			}
			text := err.Error()
			if what, _, list := strings.Cut(text, ": write several as a list"); list { // which is the config's form
				text = what + ": give " + flag + " twice, each with one of them"
			}
			if rest, about := strings.CutPrefix(text, key+" "); about {
				bad("%s %s", flag, rest)
			} else {
				bad("%s: %s", flag, text)
			}
			wrong = true
		}
	}
	var texts []string
	if len(pairs) > 0 && !wrong {
		m, err := rules.NewMatches(pairs, scale)
		if err != nil { // each alone was right
			bad("%w", err)
			wrong = true
		} else {
			texts = append(texts, m.String())
		}
	}
	if o.match != "" {
		m, err := rules.ParseMatchText(o.match, scale)
		for _, err := range notifier.Split(err) {
			bad("--match: %w", err)
			wrong = true
		}
		if err == nil {
			texts = append(texts, m.String())
		}
	}
	switch {
	case len(texts) == 2:
		return "{all: [" + texts[0] + ", " + texts[1] + "]}"
	case len(texts) == 1:
		return texts[0]
	case !wrong:
		bad("say what to silence, such as --rule 5710 --agent web-01: a silence of everything would hide the alert that matters")
	}
	return ""
}

// times are when it holds.
func (o *silenceOrder) times(s *outbox.Silence, zone *time.Location, now time.Time, bad func(string, ...any)) {
	known := true // when it begins and ends
	if o.from != "" {
		at, err := window.ParseMoment(o.from, zone, now)
		if err != nil {
			bad("--from: %w", err)
			known = false
		} else {
			s.Starts = at
		}
	}
	span := time.Duration(0)
	if o.forText != "" {
		var err error
		if span, err = yamlnode.ParseDuration(o.forText); err != nil || span <= 0 {
			bad("--for %q is no time span: write 30m, 2h or 7d", o.forText)
			span, known = 0, false
		}
	}
	switch {
	case o.forText != "" && o.until != "":
		bad("give --for or --until, not both")
		known = false
	case span > 0:
		if s.Ends = s.Starts.Add(span); !s.Ends.After(now) {
			bad("it would be over already: --for %s counts from --from %q", o.forText, o.from)
			known = false
		}
	case o.forText != "": // which is wrong
	case o.until != "":
		at, err := window.ParseMoment(o.until, zone, later(s.Starts, now))
		switch {
		case err != nil:
			bad("--until: %w", err)
			known = false
		case !at.After(now):
			bad("--until %q is past", o.until)
			known = false
		case !at.After(s.Starts):
			bad("--until %q is not after --from %q", o.until, o.from)
			known = false
		default:
			s.Ends = at
		}
	case o.every == "":
		bad("say how long: --for 2h, --until \"18:00\", or --every \"sat 02:00-06:00\"; a silence that nobody ends hides alerts for ever")
	}
	if o.every == "" {
		return
	}
	w, err := window.ParseSpan(o.every, zoneByName(zone))
	if err != nil {
		bad("--every: %w", err)
		return
	}
	s.Every = w.String() // with its zone: it means the same wherever it is read
	next := w.Opens(later(s.Starts, now))
	switch {
	case !known:
	case next.IsZero():
		bad("--every %q is past: it would never hold", o.every)
	case !s.Ends.IsZero() && !next.Before(s.Ends):
		bad("it would never hold: --every %q is next at %s, and it ends before", o.every, display.Moment(next))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// zoneByName is a zone by its name, where that can be found out: the host's own may be another one to the deliverer, whose
// environment is not the terminal's.
func zoneByName(zone *time.Location) *time.Location {
	if zone != time.Local {
		return zone
	}
	name, ok := os.LookupEnv("TZ")
	if !ok {
		link, _ := os.Readlink("/etc/localtime")
		_, name, ok = strings.Cut(link, "zoneinfo/")
	}
	if name == "" && ok {
		return time.UTC
	}
	if found, err := time.LoadLocation(name); err == nil && ok {
		return found
	}
	return zone
}

// newSilenceID is short, for people to type.
func newSilenceID() string { return silencePrefix + rand.Text()[:5] }

const silencePrefix = "S-"

// scaleAndZone are the config's, or the defaults where it does not load: a person must be able to silence all the same.
func (e *env) scaleAndZone() (alert.Scale, *time.Location) {
	if r := config.Read(configPath(e.config, e.home), e.home); r.Config != nil {
		return r.Config.Scale, r.Config.Zone
	}
	return alert.DefaultScale, time.Local
}

// boxPatience is how long a command waits for who has the state directory to make the outbox, or take it to the newest schema.
const boxPatience = 10 * time.Second

// boxToWrite opens the outbox for what a person keeps in it, and makes it where no alert has come yet.
func (e *env) boxToWrite(ctx context.Context) (*outbox.DB, error) {
	state, err := spool.Locate(e.statePlaces()...)
	if err != nil {
		return nil, failed("there is no state directory to keep it in: %w (run it as root, or as integratord's user)", err)
	}
	state = absolute(state)
	if err := spool.BecomeOwner(state); err != nil {
		return nil, failed("%w", err)
	}
	over := time.After(boxPatience)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		db, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
		if err == nil {
			return db, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, outbox.ErrOlder) {
			return nil, failed("%w", err)
		}
		missing := err
		if err := e.makeBox(ctx, state); err == nil {
			continue
		} else if !errors.Is(err, spool.ErrLocked) {
			return nil, failed("%w", err)
		}
		select {
		case <-ctx.Done():
			return nil, failed("%w", context.Cause(ctx))
		case <-over:
			who := "another process"
			if h, err := spool.ReadHolder(state); err == nil {
				who = fmt.Sprintf("the deliverer (%s, process %d, version %s)", h.Kind, h.PID, cmp.Or(h.Version, "unknown"))
			}
			return nil, failed("%w: %s has had %s to take it to this version, %s; restart it", missing, who, boxPatience, versionText())
		case <-look.C:
		}
	}
}

// makeBox makes the outbox, or takes it to the newest schema, as a deliverer does when it starts. Error: [spool.ErrLocked].
func (e *env) makeBox(ctx context.Context, state string) error {
	if err := spool.Prepare(state); err != nil {
		return err
	}
	lock, err := spool.TryLock(state, "silence", versionText())
	if err != nil {
		return err
	}
	db, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err == nil {
		err = db.Close()
	}
	if err := errors.Join(err, lock.Release()); err != nil {
		return err
	}
	// A call that came while we had the lock has left its alert to us, who deliver nothing.
	if left, err := spool.List(state); err == nil && len(left) > 0 {
		return e.startDelivererOf(state)
	}
	return nil
}

// silenceLine is one line of silence list --format json.
type silenceLine struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Match    string    `json:"match"`
	Starts   time.Time `json:"starts"`
	Ends     time.Time `json:"ends,omitzero"`
	Every    string    `json:"every,omitempty"`
	Until    time.Time `json:"until,omitzero"` // of one that holds: the end of this spell
	Next     time.Time `json:"next,omitzero"`  // of one that waits: when it begins to hold
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	Created  time.Time `json:"created"`
	Silenced int       `json:"silenced"`
}

func silenceLineOf(s outbox.Silence, at noise.Standing) silenceLine {
	utc := func(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
	return silenceLine{s.ID, at.Word, s.Match, utc(s.Starts), utc(s.Ends), s.Every, utc(at.End), utc(at.Next), s.Reason, s.By, utc(s.Created), s.Silenced}
}

func (e *env) silenceList() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "silences that hold, or will",
		Long: `Lists the silences that have not ended: what they match, when, who asked for them and why, and how many alerts they have
kept from being told so far.`,
		Example: "  ossec-notify silence list\n  ossec-notify silence list --all --format json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return e.listSilences(cmd.Context(), all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that are over, too")
	e.formatFlag(cmd)
	return cmd
}

func (e *env) listSilences(ctx context.Context, all bool) error {
	var found []outbox.Silence
	now := time.Now()
	db, err := e.box(ctx)
	switch {
	case errors.Is(err, errNoOutbox): // as empty as one without silences
	case err != nil:
		return err
	default:
		defer db.Close()
		since := now
		if all {
			since = time.Time{}
		}
		if found, err = db.Silences(ctx, since); err != nil {
			return failed("%w", err)
		}
	}
	scale, zone := e.scaleAndZone()
	for _, s := range found {
		at := noise.StandingOf(s, scale, zone, now)
		if e.format == "json" {
			if err := jsonLine(e.stdout, silenceLineOf(s, at)); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.stdout, "%s  %-6s  %s\n", s.ID, at.Word, display.Quote(s.Match).Line())
		fmt.Fprintf(e.stdout, "         %s; %s silenced so far\n", noise.TimesOf(s, at, zone, now), display.Count(s.Silenced, "alert"))
		fmt.Fprintf(e.stdout, "         %s: %s\n", display.Quote(s.By).Line(), display.Quote(s.Reason).Line())
	}
	if len(found) == 0 && e.format != "json" {
		fmt.Fprintln(e.stderr, "There are no silences.")
	}
	return nil
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
		RunE: func(cmd *cobra.Command, args []string) error { return e.expireSilences(cmd.Context(), args) },
	}
	return cmd
}

// expireSilences ends those that there are, and then says which there are not.
func (e *env) expireSilences(ctx context.Context, ids []string) error {
	db, err := e.box(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	now := time.Now()
	all, err := db.Silences(ctx, time.Time{})
	if err != nil {
		return failed("%w", err)
	}
	_, zone := e.scaleAndZone()
	var errs []error
	ended := false
	for _, id := range ids {
		id = strings.ToUpper(strings.TrimSpace(id))
		if !strings.HasPrefix(id, silencePrefix) {
			id = silencePrefix + id
		}
		i := slices.IndexFunc(all, func(s outbox.Silence) bool { return s.ID == id })
		if i < 0 {
			errs = append(errs, fmt.Errorf("there is no silence %s: ossec-notify silence list shows them", display.Quote(id).Line()))
			continue
		}
		if s := all[i]; !s.Ends.IsZero() && !s.Ends.After(now) {
			fmt.Fprintf(e.stdout, "%s was over at %s.\n", id, display.Moment(s.Ends.In(zone)))
			continue
		}
		if err := db.EndSilence(ctx, id, now); err != nil {
			errs = append(errs, err)
			continue
		}
		ended = true
		fmt.Fprintf(e.stdout, "%s is over. It silenced %s.\n", id, display.Count(all[i].Silenced, "alert"))
	}
	if ended { // who was not told gets a summary now
		if err := e.startDeliverer(); err != nil {
			errs = append(errs, err)
		}
	}
	if errs != nil {
		return failed("%w", errors.Join(errs...))
	}
	return nil
}
