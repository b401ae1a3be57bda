// Package site owns an installation as its deliverer sees it: the config in use, which while the file is broken is the last that
// loaded; the receivers that ossec.conf describes; whom the records of the spool and the alerts of followed files are for; and
// what PagerDuty says of who is on call and who took a page. It is what package dispatch delivers for.
//
// Locks, processes, signals, HTTP and all that people read on a terminal are the command's; what a config says is package config's.
package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/managerlog"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// Site is an installation as its deliverer sees it: the config, the receivers, and those that ossec.conf
// describes by key and URL.
type Site struct {
	home, state string
	path        string     // of the config
	box         *outbox.DB // nil where there is none: the last config that loaded is known in this process only
	log         *slog.Logger

	keeping  sync.Mutex     // one keeps at a time, the last load last
	mu       sync.Mutex     // of what follows; not held while the outbox is written to
	cfg      *config.Config // nil when there is none to go by
	d        *dispatch.Dispatcher
	oncall   *oncall.Cache    // closed by Close
	egress   *notifier.Egress // of cfg or, where there is none, of the broken one as far as it can be read
	loaded   time.Time        // when cfg loaded first
	fault    error            // why cfg is not what the config file says; nil when it is
	noListen error            // why the daemon does not listen where the config says
	missing  bool             // there is no file and no config to go by; cfg is an empty one
	loads    chan struct{}    // signalled when it was loaded again
	nth      int              // how often that was
	unkept   *config.Texts    // what it was read from, until the outbox keeps that
	sources  []string         // patterns of the files that the config is made of, as far as it can be read
	stamps   map[string]Stamp
	looked   time.Time // when they were compared
	whole    *managerlog.Logs
	argv     map[string]*argvKept // by name
	acks     AckLink              // nil where nobody answers to links
	lookups  *enrich.Store        // what configs one after the other have read to add to alerts; nil where none is in use
	damaged  map[string]string    // what is wrong with the files of receivers of ossec.conf, by name, said once
	unused   map[string]bool      // names whose key and URL in ossec.conf are not used, said once
}

// Options say where an installation is.
type Options struct {
	Home  string // an absolute path, as all are
	State string // the state directory; "" where there is none, and nothing waits
	Path  string // of the config
	// Box is the outbox, whose owner is the caller; nil where there is none.
	Box *outbox.DB
	Log *slog.Logger
}

// Open loads the config, and asks who is on call where nothing is known of that. The caller closes the site.
func Open(ctx context.Context, opt Options) *Site {
	s := &Site{
		home: opt.Home, state: opt.State, path: opt.Path, box: opt.Box, log: opt.Log,
		argv: map[string]*argvKept{}, damaged: map[string]string{}, unused: map[string]bool{}, loads: make(chan struct{}, 1), lookups: enrich.NewStore(),
	}
	s.oncall = newOnCall(opt.Box, opt.Log)
	s.sources = []string{s.path, filepath.Join(s.home, "etc", "ossec-notify", "templates", "*")}
	s.load()
	s.keep()
	AskFirst(ctx, s.d.Aliases, s.oncall)
	return s
}

// Of is a site of a config that stays as it is, to deliver by and to read what an outbox holds of alerts. The dispatcher may be nil
// for who only reads.
func Of(cfg *config.Config, d *dispatch.Dispatcher, log *slog.Logger) *Site {
	return &Site{cfg: cfg, d: d, log: log}
}

// Close ends what asks in the background who is on call. A site of [Of] asks nobody.
func (s *Site) Close() {
	if s.oncall != nil {
		s.oncall.Close()
	}
}

// Watch asks, until ctx ends, who is on call and who took pages, as often as it matters.
func (s *Site) Watch(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.oncall.Watch(ctx, s.schedules) })
	group.Go(func() { (&pages{site: s, box: s.box, log: s.log}).run(ctx) })
	group.Wait()
}

// Path is the config's.
func (s *Site) Path() string { return s.path }

// Loads is signalled when the config was loaded again.
func (s *Site) Loads() <-chan struct{} { return s.loads }

// lookAgain is how old may be what is known of the config's files when something is sent.
const lookAgain = 10 * time.Millisecond

// Stamp tells whether a file was changed, or who may read it.
type Stamp struct {
	at       time.Time
	size     int64
	mode     fs.FileMode
	uid, gid int
}

// Stamps tells whether any file was changed that the patterns match, or is new, or gone.
func Stamps(patterns []string) map[string]Stamp {
	stamps := map[string]Stamp{}
	for _, pattern := range patterns {
		files, _ := filepath.Glob(pattern)            // a pattern that is none matches nothing, and is a mistake of the config
		for _, file := range append(files, pattern) { // as a name, too: it may hold a bracket
			if st, err := os.Stat(file); err == nil {
				sys := st.Sys().(*syscall.Stat_t)
				uid, gid := int(sys.Uid), int(sys.Gid)
				stamps[file] = Stamp{st.ModTime(), st.Size(), st.Mode(), uid, gid}
			}
		}
	}
	return stamps
}

// Newest is when the last of the files was changed that the patterns match; zero where there is none.
func Newest(patterns []string) time.Time {
	var at time.Time
	for _, st := range Stamps(patterns) {
		if st.at.After(at) {
			at = st.at
		}
	}
	return at
}

// read reads the config. The stamps are of before: a change in between is seen the next time.
func (s *Site) read() config.Reading {
	for {
		s.stamps = Stamps(s.sources)
		r := config.Read(s.path, s.home)
		if slices.Equal(s.sources, r.Sources) {
			return r
		}
		s.sources = r.Sources
	}
}

// load reads the config again. One that is broken leaves the last that loaded in use: in this process or, where it
// has loaded none, in one before. So does a file that is gone: somebody moved or deleted it by mistake more often
// than on purpose. A last one without receivers is none, in both cases: by it alerts would go to nobody that can wait.
func (s *Site) load() {
	r := s.read()
	cfg, fault := r.Config, s.faultOf(r)
	if cfg == nil && s.cfg == nil {
		s.useKept()
	}
	if s.cfg != nil && len(s.cfg.Receivers) == 0 {
		s.cfg, s.d = nil, nil
	}
	missing := cfg == nil && s.cfg == nil && errors.Is(r.Err, fs.ErrNotExist)
	if missing {
		cfg, fault = s.noConfig(), nil
	}
	s.fault, s.missing = fault, missing
	s.nth++
	switch {
	case cfg != nil:
		s.use(cfg, time.Now())
		if r.Config != nil {
			s.unkept = &r.Texts
		}
	case s.cfg != nil:
		s.log.Error("the last config that loaded is in use", "loaded", s.loaded.Local().Format(time.DateTime), "config", s.path, "err", fault)
	default:
		s.permit(r.Egress)
		s.d, _ = s.noConfig().Dispatcher(config.Options{Log: s.log}) // only receivers of ossec.conf can be served
	}
	select {
	case s.loads <- struct{}{}:
	default:
	}
}

// noConfig is what holds where there is no config file.
func (s *Site) noConfig() *config.Config {
	return &config.Config{Path: s.path, Scale: alert.DefaultScale, Zone: time.Local}
}

// faultOf logs the mistakes of a config, and says why it is not used.
func (s *Site) faultOf(r config.Reading) error {
	mistakes := 0
	for _, p := range r.Problems {
		if !p.Warning {
			mistakes++
			switch of := r.Faulty(p); {
			case of != nil:
				s.log.Error("a receiver has a fault; the rest of the config is used", "receiver", of.Name, "at", p.String())
			case r.Config != nil:
				s.log.Error("a template has a mistake; the rest of the config is used", "at", p.String())
			default:
				s.log.Error("config is broken", "at", p.String())
			}
		}
	}
	switch {
	case errors.Is(r.Err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s any more (to have no receivers, write into it: receivers: {})", s.path)
	case r.Err != nil:
		s.log.Error("config cannot be read", "err", r.Err)
		return fmt.Errorf("the config cannot be read: %w", r.Err)
	case r.Config == nil:
		if mistakes == 1 {
			return fmt.Errorf("%s has 1 mistake (ossec-notify check)", s.path)
		}
		return fmt.Errorf("%s has %d mistakes (ossec-notify check)", s.path, mistakes)
	}
	return nil
}

// use makes a config the one in use, which loaded first at a time.
func (s *Site) use(cfg *config.Config, loaded time.Time) {
	d, err := cfg.Dispatcher(config.Options{Log: s.log, OnCall: s.oncall})
	for _, err := range notifier.Split(err) {
		if of := (*config.ReceiverError)(nil); errors.As(err, &of) {
			s.log.Error("a receiver has a fault; the rest of the config is used", "receiver", of.Receiver.Name, "err", of.Err)
			continue
		}
		s.log.Error("config is broken", "err", err)
	}
	if s.lookups != nil {
		cfg.Enrich.Use(s.lookups, s.log)
	}
	s.cfg, s.d, s.loaded = cfg, d, loaded
	s.linkAcks()
	s.permit(cfg.Egress)
	s.whole = managerlog.New(s.home, cfg.Zone)
	for _, r := range config.OnCall(d.Aliases) {
		r.Known() // which asks in the background
	}
}

// schedules are those that receivers of the config ask for.
func (s *Site) schedules() []oncall.Schedule {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []oncall.Schedule
	if s.d == nil {
		return all
	}
	for _, r := range config.OnCall(s.d.Aliases) {
		all = append(all, r.Schedule())
	}
	return all
}

// AckLink is the link by which the reader of a message takes an alert. base is the address at which people reach us.
type AckLink func(base, identity string, occurrence int, receiver string) string

// UseAckLinks lets messages carry links by which their readers take the alert, where the config says at which address they
// reach us. Only the daemon calls it: a background deliverer answers nobody.
func (s *Site) UseAckLinks(links AckLink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks = links
	s.linkAcks()
}

// linkAcks is for who holds the lock.
func (s *Site) linkAcks() {
	if s.acks == nil || s.cfg == nil || s.cfg.HTTP.URL == "" {
		return
	}
	links, base, answered := s.acks, s.cfg.HTTP.URL, map[string]bool{}
	for _, r := range s.cfg.Receivers {
		answered[r.Name] = r.Channel.Answers
	}
	s.d.AckURL = func(identity string, occurrence int, receiver string) string {
		if !answered[receiver] { // a link is a permission: it is for who is asked, and for no archive
			return ""
		}
		return links(base, identity, occurrence, receiver)
	}
}

// permit says where connections may lead from now on, those of receivers of ossec.conf too.
func (s *Site) permit(egress *notifier.Egress) {
	s.egress = egress
	clear(s.argv)
}

// useKept uses the config that the outbox keeps, if it keeps one that still loads.
func (s *Site) useKept() {
	kept := s.kept()
	if kept == nil {
		return
	}
	if cfg := kept.Config(s.path, s.home); cfg != nil {
		s.use(cfg, kept.Loaded)
		return
	}
	s.log.Warn("the last config that loaded has no receivers, or is not for this version", "loaded", kept.Loaded.Local().Format(time.DateTime))
}

// kept is what the outbox keeps of the config, or nil.
func (s *Site) kept() *Kept {
	if s.box == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	kept, err := ReadKept(ctx, s.box, s.path)
	if err != nil {
		s.log.Error("cannot look for the last config that loaded", "err", err)
	}
	return kept
}

// keep sees that the outbox keeps what the config in use was read from. It is called without the lock: who writes to
// the outbox may ask for a receiver meanwhile.
func (s *Site) keep() {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.mu.Lock()
	t, loaded, nth := s.unkept, s.loaded, s.nth
	s.unkept = nil
	s.mu.Unlock()
	if t == nil || s.box == nil {
		return
	}
	if kept := s.kept(); kept != nil && kept.Equal(*t) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.nth == nth {
			s.loaded = kept.Loaded
		}
		return
	}
	if err := (&Kept{loaded, *t}).write(s.box, s.path); err != nil {
		s.log.Error("the config is not kept for the time when it is broken", "err", err)
	}
}

// refresh loads the config again if it, a file that it includes, or a template was changed.
func (s *Site) refresh() { s.look(0) }

// Look is refresh before something is sent, unless that was done just now: who mends the config and then retries a
// delivery means the mended one.
func (s *Site) Look() { s.look(lookAgain) }

// look is refresh, unless that was done so lately.
func (s *Site) look(lately time.Duration) {
	s.mu.Lock()
	if time.Since(s.looked) > lately {
		s.looked = time.Now()
		if !maps.Equal(Stamps(s.sources), s.stamps) {
			s.loadAgain()
		}
	}
	s.mu.Unlock()
	s.keep()
}

func (s *Site) loadAgain() {
	s.load()
	if s.fault == nil {
		s.log.Info("config loaded again")
	} else {
		s.log.Warn("config not loaded again", "err", s.fault)
	}
}

// Reload loads the config again, whether it changed or not.
func (s *Site) Reload() {
	s.mu.Lock()
	s.loadAgain()
	s.mu.Unlock()
	s.keep()
}

// Listens notes whether the daemon could listen as the config asks.
func (s *Site) Listens(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noListen = err
}

// Sound reports why the config file is not wholly in use, and what is in use instead; nil when it is.
func (s *Site) Sound() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fault == nil:
		return s.noListen
	case s.cfg == nil:
		return fmt.Errorf("%w; alerts wait until that is mended", s.fault)
	}
	return fmt.Errorf("%w; the config that loaded at %s is in use", s.fault, s.loaded.Local().Format(time.DateTime))
}

// LoadedAt is when the config in use loaded first; zero for none.
func (s *Site) LoadedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg == nil {
		return time.Time{}
	}
	return s.loaded
}

// Gone reports whether there is no such receiver, for good: one that the config does not know may be in that which is
// broken, or missing, now, and one of ossec.conf may have a file that cannot be used until it is written again.
func (s *Site) Gone(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.receiver(name)
	switch {
	case err == nil:
		return false
	case strings.HasPrefix(name, "argv-"): // no receiver of a config has such a name
		return errors.Is(err, fs.ErrNotExist)
	}
	return s.fault == nil && !s.none()
}

// none reports whether there is no config to go by, and alerts wait for one. Those that no spool has taken cannot wait
// until a config is written.
func (s *Site) none() bool { return s.cfg == nil || s.missing && s.state != "" }

// loadCount is how often the config was loaded.
func (s *Site) loadCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nth
}

// Config is the one in use; nil when there is none.
func (s *Site) Config() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// Dispatcher is the one of the config in use.
func (s *Site) Dispatcher() *dispatch.Dispatcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.d
}

// Receiver is a receiver of the config or, by the name argv-…, one of ossec.conf that waits for nothing but
// itself.
func (s *Site) Receiver(name string) *dispatch.Receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.receiver(name) // Gone tells why there is none
	return r
}

// receiver is the same for who holds the lock; the error says why there is none.
func (s *Site) receiver(name string) (*dispatch.Receiver, error) {
	if r := s.d.Receivers[name]; r != nil {
		return r, nil
	}
	if k := s.argv[name]; k != nil {
		return k.receiver, nil
	}
	if !strings.HasPrefix(name, "argv-") {
		return nil, fs.ErrNotExist
	}
	r, err := ReadArgv(s.argvDir(), name, s.egress)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.tellArgv(name, err)
		}
		return nil, err
	}
	delete(s.damaged, name)
	s.argv[name] = &argvKept{receiver: r}
	return r, nil
}

func (s *Site) zone() *time.Location {
	if s.cfg != nil {
		return s.cfg.Zone
	}
	return time.Local
}

// complete finds the original of an alert that came through the shell file.
func (s *Site) complete(a *alert.Alert) *alert.Alert {
	return s.logs().Complete(a)
}

// names is closed when names of addresses are known, or nobody waits for them any more; nil where nobody ever did.
type names <-chan struct{}

// waits reports whether it is not closed yet.
func (n names) waits() bool {
	select {
	case <-n:
		return false
	default:
		return n != nil
	}
}

// pendingError says that an alert waits for a name server, which takes no longer than reverse DNS may. It waits once.
type pendingError struct{ settled names }

func (e *pendingError) Error() string { return "the alert waits for the name of an address" }

// then does something when it is settled.
func (e *pendingError) then(do func()) {
	<-e.settled
	do()
}

// enriched adds to what is planned what the config knows of it: it prepares alerts, enriches them, and plans them. The lock is held while it
// prepares and plans, and not in between: a file may be on a disk that hangs. All is done by one config, so that no route sees what another
// config added; where the config changes in between, it begins anew. patient gives an error instead, where name servers are still to answer.
func (s *Site) enriched(patient bool, prepare func() ([]*enriching, error), plan func() error) error {
	for {
		s.mu.Lock()
		cfg := s.cfg
		all, err := prepare()
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if cfg != nil && cfg.Enrich != nil {
			if patient {
				alerts := make([]*alert.Alert, len(all))
				for i, x := range all {
					alerts[i] = x.alert
				}
				if settled := cfg.Enrich.Pending(alerts...); settled != nil {
					return &pendingError{settled}
				}
			}
			for _, x := range all {
				x.alert = cfg.Enrich.EnrichNow(x.alert)
				x.header.Added = enrich.Encode(x.alert.Added)
			}
		}
		s.mu.Lock()
		if s.cfg == cfg {
			defer s.mu.Unlock()
			return plan()
		}
		s.mu.Unlock()
	}
}

// enriching is an alert on its way to the routes.
type enriching struct {
	alert  *alert.Alert
	header Header // which keeps what is added
}

// logs are the manager's.
func (s *Site) logs() *managerlog.Logs {
	if s.whole == nil {
		s.whole = managerlog.New(s.home, s.zone())
	}
	return s.whole
}

// Header is what is stored of an alert beside its bytes, to read it again.
type Header struct {
	File     string    `json:"file,omitempty"`
	Received time.Time `json:"received"`
	Sample   string    `json:"sample,omitempty"`
	Problem  string    `json:"problem,omitempty"` // why the alert file could not be read
	Cut      bool      `json:"cut,omitempty"`     // the alert was longer than the spool takes
	Owner    *int      `json:"owner,omitempty"`   // whose the alert file was, if not the caller's
	Called   string    `json:"called,omitempty"`  // the NAME of custom-NAME
	Astray   string    `json:"astray,omitempty"`  // why that name led to nobody
	// Added is what enrichment added, as the routes saw it: messages and retries say the same.
	Added json.RawMessage `json:"added,omitempty"`
}

// Encode is what the outbox keeps.
func (h Header) Encode() []byte {
	b, err := json.Marshal(h)
	if err != nil {
		panic(err) // text and a time
	}
	return b
}

// Read makes an alert of what was stored.
func (s *Site) Read(head, raw []byte) (*alert.Alert, string) {
	var h Header
	if err := json.Unmarshal(head, &h); err != nil {
		s.log.Error("outbox holds a header that is not ours", "err", err)
	}
	if raw == nil {
		return nil, h.Sample
	}
	s.mu.Lock()
	zone := s.zone()
	var enricher *enrich.Enricher
	if s.cfg != nil {
		enricher = s.cfg.Enrich
	}
	s.mu.Unlock()
	a := alert.Parse(raw, alert.Options{FileName: h.File, Location: zone, Received: h.Received, Cut: h.Cut})
	if h.Problem != "" && len(raw) == 0 {
		a.Problem = alert.Problem{Kind: alert.ProblemUnreadable, ReadsAs: h.Problem}
	}
	if h.Sample != "" {
		a.Time = h.Received
	}
	return enricher.Restore(a, h.Added), h.Sample
}

// errWait says that a record must wait: there is no config to say who gets it.
var errWait = errors.New("there is no config that loads; the alert waits until there is")

// errLater says that a record must wait for something that may be mended any moment, such as a full disk.
var errLater = errors.New("the alert waits in the spool")

// Arrive plans what a record asks for that no spool holds; [ErrNothing] is one that asks for nothing. It waits for name servers as long
// as enrichment may.
func (s *Site) Arrive(r *spool.Record) (dispatch.Arrival, error) {
	arrival, err := s.arrival("", r, true)
	var pending *pendingError
	if errors.As(err, &pending) {
		pending.then(func() { arrival, err = s.arrival("", r, false) })
	}
	return arrival, err
}

// arrival plans what a record asks for. patient: the error may be a *[pendingError].
func (s *Site) arrival(name string, r *spool.Record, patient bool) (out dispatch.Arrival, err error) {
	if r.Name == "" {
		return s.sent(name, r, patient)
	}
	var x *enriching
	err = s.enriched(patient, func() ([]*enriching, error) {
		x, err = s.called(r)
		return []*enriching{x}, err
	}, func() error {
		out, err = s.planned(name, r, x)
		return err
	})
	return out, err
}

// called is the alert of a record of a call; for who holds the lock.
func (s *Site) called(r *spool.Record) (*enriching, error) {
	raw := r.Alert
	if r.Response && len(r.Args) > 0 {
		var err error
		if raw, err = responseAlert(r.Args, s.logs()); err != nil {
			return nil, err
		}
	}
	a := alert.Parse(raw, alert.Options{FileName: r.File, Location: s.zone(), Received: r.Arrival, Cut: r.Truncated})
	if r.Response && a.Response != nil && a.Response.Command == "delete" {
		return nil, ErrNothing
	}
	if r.Problem != "" && len(r.Alert) == 0 {
		a.Problem = alert.Problem{Kind: alert.ProblemUnreadable, ReadsAs: r.Problem}
	}
	return &enriching{s.complete(a), Header{File: r.File, Received: r.Arrival, Problem: r.Problem, Cut: r.Truncated, Owner: r.Owner, Called: r.Name}}, nil
}

// planned plans the alert of a call; for who holds the lock.
func (s *Site) planned(name string, r *spool.Record, x *enriching) (dispatch.Arrival, error) {
	a, h := x.alert, x.header
	if a.Problem.Kind != "" {
		s.log.Error("alert is not whole", "alert", a.Identity(), "file", r.File, "problem", a.Problem.Kind, "reads_as", a.Problem.ReadsAs)
	}
	if r.Owner != nil {
		s.log.Warn("alert file is another user's than the caller's", "alert", a.Identity(), "file", r.File, "owner", *r.Owner, "caller", r.UID)
	}
	out := dispatch.Arrival{Alert: a, Header: h.Encode(), Record: name}
	call := door.FromRecord(r)
	if s.none() && call.HookURL+call.APIKey == "" {
		return out, errWait
	}
	plan, err := planCall(s.d, s.cfg, s.egress, call, a)
	if err != nil && s.none() {
		if kind, _ := channel.ByCall(call.Name); kind.Preset != "" { // what it lacks cannot stand in ossec.conf; other errors may quote from there
			return out, fmt.Errorf("%w (%w)", errWait, err)
		}
		return out, errWait
	}
	if plan.argv != nil {
		if err := s.keepArgv(plan.argv, call, time.Now()); err != nil {
			return out, fmt.Errorf("%w: keep the receiver of ossec.conf: %w", errLater, err)
		}
	} else if err == nil && call.HookURL+call.APIKey != "" && !s.unused[call.Name] {
		s.unused[call.Name] = true
		s.log.Info("api_key and hook_url of ossec.conf are not used: the config has receivers for this name", "name", call.Name)
	}
	out.Deliveries, out.Nobody = plan.deliveries, plan.nobody
	if err == nil && len(out.Deliveries) == 0 && s.cfg != nil && len(s.cfg.Receivers) == 0 {
		err = fmt.Errorf("there is no config %s with receivers", s.path)
	}
	switch {
	case plan.fault != nil:
		h.Astray = plan.fault.Error()
		s.log.Error("alert was called by a name that leads to nobody; the default receivers are told", "alert", a.Identity(), "name", call.Name, "err", plan.fault)
	case err != nil:
		h.Astray = err.Error()
		out.Astray = fmt.Sprintf("called as custom-%s, which leads to nobody: %s", call.Name, h.Astray)
	default:
		return out, nil
	}
	out.Header = h.Encode()
	return out, err
}

// TellNobody logs an alert that nobody gets, and why. name is what it was called by.
func (s *Site) TellNobody(a dispatch.Arrival, name string) {
	switch {
	case len(a.Deliveries) > 0:
	case a.Nobody != "":
		s.log.Info("alert goes to nobody, on purpose", "alert", a.Alert.Identity(), "name", name, "route", a.Nobody)
	default:
		s.log.Info("alert goes to nobody: no route chose a receiver", "alert", a.Alert.Identity(), "name", name)
	}
}

// Order is what a person sends an alert with. A record of send has no name; its only argument is this, as JSON.
type Order struct {
	To     []string `json:"to,omitempty"`
	Sample string   `json:"sample,omitempty"`
}

// sent plans what a person sends: a new occurrence each time.
func (s *Site) sent(name string, r *spool.Record, patient bool) (out dispatch.Arrival, err error) {
	var order Order
	if len(r.Args) != 1 {
		return out, fmt.Errorf("record of send with %d arguments", len(r.Args))
	}
	if err := json.Unmarshal([]byte(r.Args[0]), &order); err != nil {
		return out, fmt.Errorf("record of send: %w", err)
	}
	var x *enriching
	err = s.enriched(patient, func() ([]*enriching, error) {
		a := alert.Parse(r.Alert, alert.Options{FileName: r.File, Location: s.zone(), Received: r.Arrival, Cut: r.Truncated})
		if order.Sample != "" {
			a.Time = r.Arrival.Truncate(time.Millisecond)
		} else {
			a = s.complete(a)
		}
		x = &enriching{a, Header{File: r.File, Received: r.Arrival, Cut: r.Truncated, Sample: order.Sample}}
		return []*enriching{x}, nil
	}, func() error {
		out = dispatch.Arrival{Alert: x.alert, Header: x.header.Encode(), Record: name, Again: true, Direct: order.Sample != "" || len(order.To) > 0}
		if s.none() {
			return errWait
		}
		if len(order.To) == 0 {
			out.Deliveries = s.d.Plan(x.alert)
			out.Nobody = s.d.Nobody(x.alert, out.Deliveries)
		} else if out.Deliveries, err = s.d.PlanReceivers(x.alert, order.To...); err != nil {
			return err
		}
		for i := range out.Deliveries {
			out.Deliveries[i].Sample = order.Sample
		}
		return nil
	})
	return out, err
}
