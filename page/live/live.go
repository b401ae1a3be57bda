// Package live owns what the preview page shows of a config while it is edited: its revisions as saves leave them, the alerts to look
// at, and for each what receivers would get by one revision and how that differs from another. Messages are made by package preview,
// views of them by page/views; it serves no page, and changes nothing but its own memory.
package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/views"
	"github.com/ossec-notify/ossec-notify/site"
)

const (
	keepRevisions = 20 // to compare with
	listPart      = 200
	// freshOutbox is how long what was read of the outbox is good.
	freshOutbox = 2 * time.Second
)

// Previews answers for the page: which alerts there are, and what receivers would get by the config as it is now. What it
// shows is made by the code that delivers.
type Previews struct {
	views.Frames // of the mails among the cards
	opt          Options
	tell         func(page.Change)
	count        func(revision int, i page.Impact)

	corpus, files *source
	lookups       *enrich.Store // what enrichment reads, for all revisions
	pasted        *pasted

	outboxMu sync.Mutex
	outbox   *source
	silences []outbox.Silence
	outboxAt time.Time

	loading   sync.Mutex // one load at a time; of what follows
	sources   []string   // patterns of the files that the config is made of
	stamps    map[string]site.Stamp
	cache     *oncall.Cache
	closers   []func()
	standsIn  bool // there is no config: one receiver of each channel
	stopCount context.CancelFunc
	counting  sync.WaitGroup

	mu        sync.Mutex  // of what follows
	rev       int         // counts the saves
	revisions []*revision // that loaded, the oldest first
	start     *revision
	runs      *revision      // what the deliverer goes by, as it was asked for last
	errors    []page.Problem // of the config as it is now
	changed   *page.Change
	impact    map[string]bool // alerts whose messages the last save changed
	looked    string          // the source that was looked at last
	watched   int
}

// Options say what there is to preview.
type Options struct {
	Config string   // the path of the config
	Named  bool     // somebody named it: no example stands in for it
	Home   string   // of the installation
	States []string // directories of its state, in the first of which that can be read the outbox is
	// Files hold the alerts to show first, or Sample names the built-in one; without either they are the last of the manager's own log.
	Files  []string
	Sample string
	// Read reads the alerts of a file, OnCall knows who is on call as long as done was not called.
	Read   func(ctx context.Context, file string, zone *time.Location) iter.Seq2[*alert.Alert, error]
	OnCall func(ctx context.Context, cfg *config.Config) (known *oncall.Cache, done func())
}

// New loads the config and the alerts. The error is for files without any alert; a config with mistakes is shown with them.
func New(ctx context.Context, opt Options) (*Previews, error) {
	g := &Previews{
		opt: opt, lookups: enrich.NewStore(), sources: []string{opt.Config},
		tell: func(page.Change) {}, count: func(int, page.Impact) {}, corpus: corpusSource(), pasted: newPasted(), looked: "corpus",
	}
	g.load(ctx, nil)
	g.files = g.filesSource(ctx, g.now().cfg.Zone)
	if len(opt.Files) > 0 && g.files.Count == 0 { // who named files wants to see them
		return nil, errors.New(g.files.trouble())
	}
	if g.files.Count > 0 {
		g.looked = g.files.ID
	}
	return g, nil
}

// Unread is what could not be read of the alerts to show first.
func (g *Previews) Unread() []page.Problem { return g.files.Problems }

// Close ends what runs beside.
func (g *Previews) Close() {
	g.loading.Lock()
	defer g.loading.Unlock()
	g.stop()
	for _, f := range g.closers {
		f()
	}
}

// stop ends the count of what the last save changed. The lock of loading is held.
func (g *Previews) stop() {
	if g.stopCount != nil {
		g.stopCount()
		g.counting.Wait()
		g.stopCount = nil
	}
}

// now is the last revision that loaded.
func (g *Previews) now() *revision {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.revisions) == 0 {
		return nil
	}
	return g.revisions[len(g.revisions)-1]
}

// load reads the config again. files are those that were saved, nil at the start.
func (g *Previews) load(ctx context.Context, files []page.ChangedFile) {
	g.loading.Lock()
	defer g.loading.Unlock()
	g.stop()
	at := time.Now()
	r := g.read()
	cfg, mistakes := r.Config, g.mistakes(r)
	absent := errors.Is(r.Err, fs.ErrNotExist) && !g.opt.Named && g.standsIn
	switch {
	case cfg != nil:
		g.standsIn = false
	case g.now() == nil || absent: // of a first one that is broken the channels are shown all the same
		cfg, g.standsIn = config.Example(), true
	}
	var made, old *revision
	if cfg != nil {
		g.know(ctx, cfg)
		made = newRevision(at, cfg, r.Problems, r.Texts, g.cache)
	}
	g.mu.Lock()
	g.rev++
	rev := g.rev
	if made != nil {
		old = g.add(made)
	}
	g.errors, g.impact, g.watched = mistakes, nil, len(g.stamps)
	if files != nil {
		g.changed = changeOf(files, mistakes, made)
		g.changed.Revision, g.changed.At = rev, at
	}
	change := g.changed
	g.mu.Unlock()
	if files == nil {
		return
	}
	g.tell(*change)
	if old != nil {
		ctx, cancel := context.WithCancel(ctx)
		g.stopCount = cancel
		g.counting.Go(func() { g.compare(ctx, rev, old, made) })
	}
}

// mistakes are those of a config, without those that are told of its templates.
func (g *Previews) mistakes(r config.Reading) []page.Problem {
	lines := fileLines{Texts: r.Texts}
	last := g.now()
	if last != nil {
		lines.redact = last.p.Redact
	}
	var out []page.Problem
	none := errors.Is(r.Err, fs.ErrNotExist) && !g.opt.Named && (last == nil || g.standsIn)
	if r.Err != nil && !none {
		out = append(out, page.Problem{File: g.opt.Config, Text: config.FileError(g.opt.Config, r.Err).Error()})
	}
	for _, p := range r.Problems {
		if !p.Warning && (r.Config == nil || !templatePlace.MatchString(p.Message)) {
			out = append(out, lines.problem(p))
		}
	}
	return out
}

// changeOf is the save of files, of which a revision was made unless the config is broken.
func changeOf(files []page.ChangedFile, mistakes []page.Problem, made *revision) *page.Change {
	broken := map[string]bool{}
	for _, p := range mistakes {
		broken[filepath.Base(p.File)] = true
	}
	c := &page.Change{Files: files, Errors: len(mistakes)}
	if made != nil {
		for _, b := range made.faulty() {
			broken[b.name] = true
			c.Errors++
		}
	}
	for i, f := range files {
		files[i].OK = !broken[f.Name]
	}
	return c
}

// read reads the config. The stamps are of before: what is saved in between is seen the next time.
func (g *Previews) read() config.Reading {
	for {
		g.stamps = savedStamps(g.sources)
		r := config.Read(g.opt.Config, g.opt.Home)
		if r.Config != nil {
			r.Config.Enrich.Use(g.lookups, slog.New(slog.DiscardHandler))
		}
		if slices.Equal(g.sources, r.Sources) {
			return r
		}
		g.sources = r.Sources
	}
}

// add makes a revision the one in use, and answers with the one that was; nil for the first. The lock is held.
func (g *Previews) add(made *revision) (old *revision) {
	made.n = g.rev
	if n := len(g.revisions); n > 0 {
		old = g.revisions[n-1]
		if old.files.Equal(made.files.Texts) { // saved as it was: the one before stays that
			g.revisions = g.revisions[:n-1]
		}
	}
	if g.start == nil {
		g.start = made
	}
	g.revisions = append(g.revisions, made)
	g.revisions = g.revisions[max(0, len(g.revisions)-keepRevisions):]
	return old
}

// know makes the cache of who is on call, once it is needed.
func (g *Previews) know(ctx context.Context, cfg *config.Config) {
	if g.cache == nil || len(cfg.Aliases) > 0 && len(g.closers) < 2 {
		cache, done := g.opt.OnCall(ctx, cfg)
		g.cache, g.closers = cache, append(g.closers, done)
	}
}

// before is the revision before one. The lock is held.
func (g *Previews) before(r *revision) *revision {
	if i := slices.Index(g.revisions, r); i > 0 {
		return g.revisions[i-1]
	}
	return nil
}

// State is what is loaded now.
func (g *Previews) State(ctx context.Context) (page.State, error) {
	sources := g.all(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.revisions[len(g.revisions)-1]
	out := page.State{
		Revision: g.rev, Templates: []page.TemplateState{}, Sources: []page.AlertSource{}, Receivers: []page.ReceiverState{}, Watched: g.watched, Changed: g.changed,
		Config: page.ConfigState{Path: r.cfg.Path, LoadedAt: r.at, Errors: append([]page.Problem{}, g.errors...)},
	}
	if len(g.errors) > 0 {
		out.Config.Path = g.opt.Config
	}
	for _, s := range sources {
		out.Sources = append(out.Sources, s.AlertSource)
	}
	for _, rc := range r.cfg.Receivers {
		out.Receivers = append(out.Receivers, page.ReceiverState{Receiver: rc.Name, Channel: rc.Channel.Name})
	}
	out.Templates = r.templates()
	return out, nil
}

// templates are those in use, and what is wrong with them.
func (r *revision) templates() []page.TemplateState {
	var out []page.TemplateState
	at := map[string]int{}
	note := func(name string, embedded bool) int {
		i, ok := at[name]
		if !ok {
			i = len(out)
			at[name] = i
			out = append(out, page.TemplateState{Name: name, Embedded: embedded, Errors: []page.Problem{}})
		}
		out[i].Embedded = out[i].Embedded && embedded
		return i
	}
	for _, rc := range r.cfg.Receivers {
		if rc.Templates == nil {
			continue
		}
		for _, src := range rc.Templates.Sources() {
			note(src.Name, src.Embedded)
		}
	}
	for path := range r.files.Files {
		if filepath.Dir(path) == r.cfg.TemplatesDir && strings.HasSuffix(path, ".tmpl") {
			note(filepath.Base(path), false)
		}
	}
	for _, b := range r.faulty() {
		i := note(b.name, false)
		out[i].Errors = append(out[i].Errors, b.Problem)
	}
	slices.SortFunc(out, func(a, b page.TemplateState) int { return strings.Compare(a.Name, b.Name) })
	return append([]page.TemplateState{}, out...)
}

// all are the sources of alerts, those that the operator named first.
func (g *Previews) all(ctx context.Context) []*source {
	all := []*source{g.corpus, g.fromOutbox(ctx), g.pasted.get()}
	if g.files != nil {
		all = append([]*source{g.files}, all...)
	}
	return all
}

// fromOutbox are the last alerts of the outbox. Silences are read beside.
func (g *Previews) fromOutbox(ctx context.Context) *source {
	g.outboxMu.Lock()
	defer g.outboxMu.Unlock()
	if g.outbox == nil || time.Since(g.outboxAt) > freshOutbox {
		s, silences := g.outboxSource(ctx, g.now().cfg)
		if ctx.Err() != nil { // who asked is gone: what was read until then is not for those who ask next
			return s
		}
		g.outbox, g.silences, g.outboxAt = s, silences, time.Now()
	}
	return g.outbox
}

func (g *Previews) source(ctx context.Context, id string) (*source, error) {
	for _, s := range g.all(ctx) {
		if s.ID == id {
			return s, nil
		}
	}
	return nil, &page.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("there is no source %q of alerts", id), Hint: "corpus, files, outbox and pasted are"}
}

// Alerts lists alerts of a source.
func (g *Previews) Alerts(ctx context.Context, source, q, after string) (page.AlertList, error) {
	s, err := g.source(ctx, cmp.Or(source, g.first()))
	if err != nil {
		return page.AlertList{}, err
	}
	g.mu.Lock()
	g.looked = s.ID
	changed := g.impact
	g.mu.Unlock()
	r := g.now()
	out := page.AlertList{Alerts: []page.AlertRow{}}
	q = strings.ToLower(strings.TrimSpace(q))
	skip := after != ""
	for _, x := range s.alerts {
		if skip {
			skip = x.id != after
			continue
		}
		if !strings.Contains(x.words, q) {
			continue
		}
		if len(out.Alerts) == listPart {
			out.Next = out.Alerts[listPart-1].ID
			break
		}
		row := x.row
		row.Severity = r.cfg.Scale.Severity(x.a.Rule.Level).String()
		row.Told = r.count(x.a)
		row.Changed = changed[x.id]
		out.Alerts = append(out.Alerts, row)
	}
	return out, nil
}

// first is the source that is shown where none is named.
func (g *Previews) first() string {
	if g.files != nil && g.files.Count > 0 {
		return g.files.ID
	}
	return g.corpus.ID
}

// Paste takes alerts.
func (g *Previews) Paste(_ context.Context, text []byte) ([]string, error) {
	return g.pasted.add(text, g.now().cfg.Zone)
}

// alert finds an alert of any source by its id.
func (g *Previews) alert(ctx context.Context, id string) (*listedAlert, error) {
	for _, s := range g.all(ctx) {
		if !strings.HasPrefix(id, s.ID+"-") {
			continue
		}
		if i := slices.IndexFunc(s.alerts, func(x *listedAlert) bool { return x.id == id }); i >= 0 {
			return s.alerts[i], nil
		}
	}
	return nil, &page.Error{Status: http.StatusNotFound, Text: "this alert is not in the list any more", Hint: "choose another one"}
}

// against finds the revision that a preview is compared with; nil is none.
func (g *Previews) against(ctx context.Context, name string, now *revision) (*revision, error) {
	switch name {
	case "":
		return nil, nil
	case "running":
		return g.running(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch name {
	case "before":
		return g.before(now), nil
	case "start":
		return g.start, nil
	}
	n, err := strconv.Atoi(name)
	i := slices.IndexFunc(g.revisions, func(r *revision) bool { return r.n == n })
	if err != nil || i < 0 {
		return nil, &page.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("revision %q is not kept any more", name), Hint: fmt.Sprintf("compare with before, start, running or one of the last %d", keepRevisions)}
	}
	return g.revisions[i], nil
}

// running is the config that the deliverer goes by, as the outbox keeps it.
func (g *Previews) running(ctx context.Context) (*revision, error) {
	for _, state := range g.opt.States {
		box, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
		if err != nil {
			continue
		}
		kept, err := site.ReadKept(ctx, box, g.opt.Config)
		if err := errors.Join(err, box.Close()); err != nil {
			return nil, err
		}
		if kept == nil {
			break
		}
		if r := g.ran(kept); r != nil {
			return r, nil
		}
	}
	return nil, &page.Error{Status: http.StatusNotFound, Text: "no deliverer has loaded this config yet", Hint: "compare with the save before, or with the start"}
}

// ran makes of a config that the outbox keeps a revision, once for as long as it stays the same; nil where it does not load.
func (g *Previews) ran(kept *site.Kept) *revision {
	g.loading.Lock()
	defer g.loading.Unlock()
	g.mu.Lock()
	r := g.runs
	g.mu.Unlock()
	if r != nil && r.at.Equal(kept.Loaded) && r.files.Equal(kept.Texts) {
		return r
	}
	cfg := kept.Config(g.opt.Config, g.opt.Home)
	if cfg == nil {
		return nil
	}
	r = newRevision(kept.Loaded, cfg, nil, kept.Texts, g.cache)
	r.n = page.RevisionRunning
	g.mu.Lock()
	defer g.mu.Unlock()
	g.runs = r
	return r
}

// Preview shows an alert.
func (g *Previews) Preview(ctx context.Context, q page.Query) (*page.Preview, error) {
	x, err := g.alert(ctx, q.Alert)
	if err != nil {
		return nil, err
	}
	now := g.now()
	other, err := g.against(ctx, q.Against, now)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	out := &page.Preview{Revision: g.rev, Against: q.Against, Alert: shownAlert(x, now.cfg, now.with(x.a))}
	g.mu.Unlock()
	at := time.Now()
	g.fromOutbox(ctx)
	g.outboxMu.Lock()
	silences := g.silences
	g.outboxMu.Unlock()
	a := now.with(x.a)
	d := now.explainer.Explain(a, at, silences)
	if out.Explain, err = json.Marshal(d.Line()); err != nil {
		return nil, err
	}
	now.say(out, a, &d)

	cards := &cardMaker{g: g, ctx: ctx, alert: x.a, tricks: tricksOf(x.a)}
	deliveries := now.told(x.a)
	if q.To != "" && !slices.ContainsFunc(deliveries, func(y dispatch.Delivery) bool { return y.Receiver.Name == q.To }) {
		more, err := now.p.PlanReceivers(a, q.To)
		if err != nil {
			return nil, &page.Error{Status: http.StatusNotFound, Text: err.Error()}
		}
		deliveries = append(deliveries, more...)
	}
	earlier := map[string]*sheet{}
	var gone []*sheet
	if other != nil {
		out.AgainstRevision = other.n
		before := other.told(x.a)
		if more, err := other.p.PlanReceivers(other.with(x.a), q.To); err == nil && len(deliveries) > len(now.told(x.a)) {
			before = append(before, more...)
		}
		for _, y := range before {
			s := other.sheet(ctx, y)
			earlier[y.Receiver.Name] = &s
			if !slices.ContainsFunc(deliveries, func(z dispatch.Delivery) bool { return z.Receiver.Name == y.Receiver.Name }) {
				gone = append(gone, &s)
			}
		}
	}
	out.Cards = []page.Card{}
	for _, y := range deliveries {
		s := now.sheet(ctx, y)
		out.Cards = append(out.Cards, cards.card(now, &s, other, earlier[y.Receiver.Name]))
	}
	for _, s := range gone {
		out.Gone = append(out.Gone, cards.card(other, s, nil, nil))
	}
	return out, ctx.Err()
}
