package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/spool"
)

// site is an installation as its deliverer sees it: the config, the receivers, and those that ossec.conf
// describes by key and URL.
type site struct {
	home, state string
	path        string // of the config
	log         *slog.Logger

	mu      sync.Mutex
	cfg     *config // nil when it is broken
	d       *dispatch.Dispatcher
	sources []string // patterns of the files that the config is made of: as far as is known, while none has loaded
	stamps  map[string]fileStamp
	broken  bool // the file does not load; cfg is the last that did, if any
	missing bool // there is no file, and none has loaded; cfg is an empty one
	loads   int  // how often it was read
	whole   *completer
	argv    map[string]*dispatch.Receiver
	unused  map[string]bool // names whose key and URL in ossec.conf are not used, said once
}

func openSite(home, state string, log *slog.Logger) *site {
	s := &site{home: home, state: state, path: configPath("", home), log: log, argv: map[string]*dispatch.Receiver{}, unused: map[string]bool{}}
	s.sources = []string{s.path, filepath.Join(home, "etc", "ossec-notify", "templates", "*")}
	s.load()
	return s
}

// fileStamp tells whether a file was changed.
type fileStamp struct {
	at   time.Time
	size int64
}

// stampsOf tells whether any file was changed that the patterns match, or is new, or gone.
func stampsOf(patterns []string) map[string]fileStamp {
	stamps := map[string]fileStamp{}
	for _, pattern := range patterns {
		files, _ := filepath.Glob(pattern)            // a pattern that is none matches nothing, and is a mistake of the config
		for _, file := range append(files, pattern) { // as a name, too: it may hold a bracket
			if st, err := os.Stat(file); err == nil {
				stamps[file] = fileStamp{st.ModTime(), st.Size()}
			}
		}
	}
	return stamps
}

// load reads the config again. One that is broken leaves the last that loaded in use.
func (s *site) load() {
	s.stamps = stampsOf(s.sources) // before they are read: a change in between is seen the next time
	s.loads++
	cfg, problems, err := loadConfig(s.path, s.home)
	missing := false
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.cfg != nil && !s.missing: // perhaps for the moment in which an editor replaces it
		s.log.Error("there is no config any more; the last one that loaded is in use", "config", s.path)
	case errors.Is(err, fs.ErrNotExist):
		cfg, missing = &config{Path: s.path, Scale: alert.DefaultScale, Zone: time.Local}, true
	case err != nil:
		s.log.Error("config cannot be read", "err", err)
	}
	for _, p := range problems {
		if !p.Warning {
			s.log.Error("config is broken", "at", p.String())
		}
	}
	s.broken = cfg == nil
	if cfg == nil {
		if s.d == nil { // there is none to go on with: only receivers of ossec.conf can be served
			s.d, _ = (&config{Path: s.path, Scale: alert.DefaultScale, Zone: time.Local}).dispatcher(buildOptions{log: s.log})
		}
		return
	}
	d, err := cfg.dispatcher(buildOptions{log: s.log})
	for _, err := range split(err) {
		s.log.Error("config is broken", "err", err)
	}
	s.cfg, s.d, s.missing = cfg, d, missing
	if len(cfg.sources) > 0 && !slices.Equal(s.sources, cfg.sources) {
		s.sources = cfg.sources
		s.stamps = stampsOf(s.sources)
	}
	s.whole = newCompleter(s.home, cfg.Zone)
}

// refresh loads the config again if it, a file that it includes, or a template was changed.
func (s *site) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.Equal(stampsOf(s.sources), s.stamps) {
		s.load()
		s.log.Info("config loaded again", "ok", !s.broken)
	}
}

// loaded is how often the config was read.
func (s *site) loaded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// sound reports whether the config file is the one in use.
func (s *site) sound() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.broken
}

// Settled reports whether the config says all: a receiver that it does not know may be in the one that is broken, or
// missing, now.
func (s *site) Settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.broken && !s.missing
}

// none reports whether there is no config to go by, and alerts wait for one. Those that no spool has taken cannot wait
// until a config is written.
func (s *site) none() bool { return s.cfg == nil || s.missing && s.state != "" }

// Dispatcher is the one of the config in use.
func (s *site) Dispatcher() *dispatch.Dispatcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.d
}

// Receiver is a receiver of the config or, by the name argv-…, one of ossec.conf that waits for nothing but
// itself.
func (s *site) Receiver(name string) *dispatch.Receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.d.Receivers[name]; r != nil {
		return r
	}
	if r := s.argv[name]; r != nil {
		return r
	}
	r, err := s.readArgv(name)
	if err != nil {
		return nil
	}
	s.argv[name] = r
	return r
}

func (s *site) zone() *time.Location {
	if s.cfg != nil {
		return s.cfg.Zone
	}
	return time.Local
}

// complete finds the original of an alert that came through the shell file.
func (s *site) complete(a *alert.Alert) *alert.Alert {
	return s.logs().complete(a)
}

// logs are the manager's.
func (s *site) logs() *completer {
	if s.whole == nil {
		s.whole = newCompleter(s.home, s.zone())
	}
	return s.whole
}

// header is what is stored of an alert beside its bytes, to read it again.
type header struct {
	File     string    `json:"file,omitempty"`
	Received time.Time `json:"received"`
	Sample   string    `json:"sample,omitempty"`
	Problem  string    `json:"problem,omitempty"` // why the alert file could not be read
}

func (h header) encode() []byte {
	b, err := json.Marshal(h)
	if err != nil {
		panic(err) // text and a time
	}
	return b
}

// Read makes an alert of what was stored.
func (s *site) Read(head, raw []byte) (*alert.Alert, string) {
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		s.log.Error("outbox holds a header that is not ours", "err", err)
	}
	if raw == nil {
		return nil, h.Sample
	}
	s.mu.Lock()
	zone := s.zone()
	s.mu.Unlock()
	a := alert.Parse(raw, alert.Options{FileName: h.File, Location: zone, Received: h.Received})
	if h.Problem != "" && len(raw) == 0 {
		a.Problem = alert.Problem{Kind: alert.ProblemUnreadable, ReadsAs: h.Problem}
	}
	if h.Sample != "" {
		a.Time = h.Received
	}
	return a, h.Sample
}

// errWait says that a record must wait: there is no config to say who gets it.
var errWait = errors.New("there is no config that loads; the alert waits until there is")

// errLater says that a record must wait for something that may be mended any moment, such as a full disk.
var errLater = errors.New("the alert waits in the spool")

// arrival plans what a record asks for.
func (s *site) arrival(name string, r *spool.Record) (dispatch.Arrival, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Name == "" {
		return s.sent(name, r)
	}
	h := header{File: r.File, Received: r.Arrival, Problem: r.Problem}
	raw := r.Alert
	if r.Response && len(r.Args) > 0 {
		var err error
		if raw, err = responseAlert(r.Args, s.logs()); err != nil {
			return dispatch.Arrival{}, err
		}
	}
	a := alert.Parse(raw, alert.Options{FileName: r.File, Location: s.zone(), Received: r.Arrival})
	if r.Response && a.Response != nil && a.Response.Command == "delete" {
		return dispatch.Arrival{}, errNothing
	}
	if r.Problem != "" && len(r.Alert) == 0 {
		a.Problem = alert.Problem{Kind: alert.ProblemUnreadable, ReadsAs: r.Problem}
	}
	if r.Truncated {
		a.Problem.CutAt = spool.MaxAlert
	}
	a = s.complete(a)
	if a.Problem.Kind != "" {
		s.log.Error("alert is not whole", "alert", a.Identity(), "file", r.File, "problem", a.Problem.Kind, "reads_as", a.Problem.ReadsAs)
	}
	out := dispatch.Arrival{Alert: a, Header: h.encode(), Record: name}
	call := door.FromRecord(r)
	if s.none() && call.HookURL+call.APIKey == "" {
		return out, errWait
	}
	plan, err := planCall(s.d, s.cfg, call, a)
	if err != nil && s.none() {
		return out, errWait
	}
	if plan.argv != nil {
		if err := s.keepArgv(plan.argv, call); err != nil {
			return out, fmt.Errorf("%w: keep the receiver of ossec.conf: %w", errLater, err)
		}
	} else if call.HookURL+call.APIKey != "" && !s.unused[call.Name] {
		s.unused[call.Name] = true
		s.log.Info("api_key and hook_url of ossec.conf are not used: the config has receivers for this name", "name", call.Name)
	}
	out.Deliveries = plan.deliveries
	if err == nil && len(out.Deliveries) == 0 && s.cfg != nil && len(s.cfg.Receivers) == 0 {
		err = fmt.Errorf("there is no config %s with receivers", s.path)
	}
	return out, err
}

// A record of send has no name; its arguments are these.
type sendOrder struct {
	To     []string `json:"to,omitempty"`
	Sample string   `json:"sample,omitempty"`
}

// sent plans what a person sends: a new occurrence each time.
func (s *site) sent(name string, r *spool.Record) (dispatch.Arrival, error) {
	var order sendOrder
	if len(r.Args) != 1 {
		return dispatch.Arrival{}, fmt.Errorf("record of send with %d arguments", len(r.Args))
	}
	if err := json.Unmarshal([]byte(r.Args[0]), &order); err != nil {
		return dispatch.Arrival{}, fmt.Errorf("record of send: %w", err)
	}
	h := header{File: r.File, Received: r.Arrival, Sample: order.Sample}
	a := alert.Parse(r.Alert, alert.Options{FileName: r.File, Location: s.zone(), Received: r.Arrival})
	if order.Sample != "" {
		a.Time = r.Arrival.Truncate(time.Millisecond)
	} else {
		a = s.complete(a)
	}
	out := dispatch.Arrival{Alert: a, Header: h.encode(), Record: name, Again: true}
	if s.none() {
		return out, errWait
	}
	if len(order.To) == 0 {
		out.Deliveries = s.d.Plan(a)
	} else {
		var err error
		if out.Deliveries, err = s.d.PlanReceivers(a, order.To...); err != nil {
			return out, err
		}
	}
	for i := range out.Deliveries {
		out.Deliveries[i].Sample = order.Sample
	}
	return out, nil
}

// argvFile is what is kept of a receiver that ossec.conf describes: its credentials are in no other place.
type argvFile struct {
	Kind string `json:"kind"`
	Key  string `json:"key,omitempty"`
	URL  string `json:"url,omitempty"`
}

func (s *site) argvPath(name string) string {
	return filepath.Join(s.state, "receivers", name+".json")
}

// keepArgv stores a receiver of ossec.conf, so that what waits for it can be delivered by the next process.
func (s *site) keepArgv(r *dispatch.Receiver, call door.Call) error {
	if s.argv[r.Name] != nil || s.state == "" { // without a state, nothing waits
		return nil
	}
	path := s.argvPath(r.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(argvFile{r.Channel, call.APIKey, call.HookURL})
	if err != nil {
		return err
	}
	// What waits relies on the file that there may be, so it is replaced as a whole or not at all.
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, b) {
		if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
			return errors.Join(err, os.Remove(path+".new"))
		}
	}
	s.argv[r.Name] = r
	return nil
}

// readArgv makes a receiver of what keepArgv stored.
func (s *site) readArgv(name string) (*dispatch.Receiver, error) {
	b, err := os.ReadFile(s.argvPath(name))
	if err != nil {
		return nil, err
	}
	var f argvFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	kind, ok := channelByName(f.Kind)
	if !ok {
		return nil, fmt.Errorf("no channel %q", f.Kind)
	}
	return argvReceiver(kind, door.Call{Name: kind.name, APIKey: f.Key, HookURL: f.URL})
}
