package live

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/managerlog"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/site"
)

// Bounds of the alerts that the page keeps.
const (
	maxOfFiles  = 10_000
	maxOfLog    = 500 // the last of the manager's own log, where no file is named
	maxOfOutbox = 200
	maxPasted   = 2_000
	maxUnread   = 20 // problems of one source that are told one by one
	// maxBytes bounds the alerts of one source as they came. What is made of them takes several times as much.
	maxBytes = 32 << 20
)

// listedAlert is an alert of the page, with what its list shows of it by any config.
type listedAlert struct {
	id    string
	a     *alert.Alert
	row   page.AlertRow
	words string // in lower case: what the filter looks in
}

// source is a list of alerts. It is changed as a whole.
type source struct {
	page.AlertSource
	alerts []*listedAlert
	bytes  int // of the alerts as they came
}

// add lists an alert, which is shown as if it came now unless it is known when it came.
func (s *source) add(id string, a *alert.Alert) *listedAlert {
	if a.Received.IsZero() {
		a.Received = time.Now()
	}
	x := &listedAlert{id: s.ID + "-" + id, a: a}
	line := func(s string) string { return display.Quote(s).Line().String() }
	x.row = page.AlertRow{
		ID: x.id, Level: a.Rule.Level, Title: family.Read(a).Sentence.Line().String(), Rule: line(a.Rule.ID), Agent: line(cmp.Or(a.Agent.Name, a.Host)),
	}
	if !a.Time.IsZero() {
		x.row.Time = a.Time.Format(time.DateTime)
	}
	x.words = strings.ToLower(strings.Join([]string{x.row.Title, x.row.Rule, x.row.Agent, a.ID, a.Rule.Description, a.Source.IP, a.User, a.Location, "rule " + a.Rule.ID}, "\n"))
	s.alerts = append(s.alerts, x)
	s.Count = len(s.alerts)
	s.bytes += len(a.Raw)
	return x
}

// problem notes what could not be read, and keeps count of what is beyond the first.
func (s *source) problem(p page.Problem) {
	if len(s.Problems) < maxUnread {
		s.Problems = append(s.Problems, p)
	}
}

// corpusSource are the built-in alerts.
func corpusSource() *source {
	s := &source{AlertSource: page.AlertSource{ID: "corpus", Name: "Built-in corpus"}}
	for _, name := range sample.Names() {
		if a, err := sample.Alert(name); err == nil { // embedded
			s.add(name, a)
		}
	}
	for _, a := range sample.Corpus() {
		s.add(a.Rule.ID, a)
	}
	return s
}

// filesSource are the alerts of the files that a command was given or, without any, the last of the manager's own log.
func (g *Previews) filesSource(ctx context.Context, zone *time.Location) *source {
	in := &g.opt
	s := &source{AlertSource: page.AlertSource{ID: "files", Name: "Files"}}
	if in.Sample != "" {
		s.Name = "Sample " + in.Sample
	}
	if len(in.Files) == 0 && in.Sample == "" {
		g.managerLog(s, zone)
		return s
	}
	if len(in.Files) == 1 {
		s.Name = filepath.Base(in.Files[0])
	}
	read, files := in.Read, in.Files
	if in.Sample != "" {
		files = []string{""}
		read = func(context.Context, string, *time.Location) iter.Seq2[*alert.Alert, error] {
			return func(yield func(*alert.Alert, error) bool) { yield(sample.Alert(in.Sample)) }
		}
	}
	for _, file := range files {
		for a, err := range read(ctx, file, zone) {
			if err != nil {
				s.problem(page.Problem{File: file, Text: err.Error()})
				break
			}
			if len(s.alerts) == maxOfFiles || s.bytes+len(a.Raw) > maxBytes {
				s.problem(page.Problem{File: file, Text: fmt.Sprintf("only the first %s are shown", display.Count(len(s.alerts), "alert")), Hint: "name a smaller file"})
				return s
			}
			x := s.add(strconv.Itoa(len(s.alerts)+1), a)
			if a.Problem.Kind != "" {
				s.problem(page.Problem{File: file, Text: fmt.Sprintf("alert %d is not whole: %s", len(s.alerts), a.Problem.ReadsAs), Hint: "it is in the list: " + x.row.Title})
			}
		}
	}
	if len(s.alerts) == 0 {
		s.Empty = "no alert in " + strings.Join(in.Files, ", ") + ": pass another file, or paste one"
	}
	return s
}

// trouble says why there is no alert in the source.
func (s *source) trouble() string {
	if len(s.Problems) == 0 {
		return s.Empty
	}
	var all []string
	for _, p := range s.Problems {
		all = append(all, display.Form(p.Text))
	}
	return strings.Join(all, "; ")
}

// managerLog are the last alerts of the fullest log that the manager keeps of today.
func (g *Previews) managerLog(s *source, zone *time.Location) {
	dir := filepath.Join(g.opt.Home, "logs", "alerts")
	c := managerlog.New(g.opt.Home, zone)
	for _, name := range managerlog.Names() {
		var last [][]byte
		for piece := range c.Recent(name) {
			if len(bytes.TrimSpace(piece)) > 0 {
				last = append(last, piece)
			}
		}
		if len(last) == 0 {
			continue
		}
		s.Name = name
		for i, piece := range slices.Backward(last[max(0, len(last)-maxOfLog):]) { // the newest first
			s.add(strconv.Itoa(i+1), alert.Parse(piece, alert.Options{FileName: name, Location: zone}))
		}
		return
	}
	s.Name = "Manager's log"
	s.Empty = fmt.Sprintf("no %s in %s: pass a file, or paste one", managerlog.Names()[0], dir)
}

// outboxSource are the last alerts that came to the outbox, which it only reads, and the silences that hold now.
func (g *Previews) outboxSource(ctx context.Context, cfg *config.Config) (s *source, silences []outbox.Silence) {
	s = &source{AlertSource: page.AlertSource{ID: "outbox", Name: "Outbox"}}
	for _, state := range g.opt.States {
		box, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
		if err != nil {
			continue // there is none yet, or it is not for us to read
		}
		reader := site.Of(cfg, nil, slog.New(slog.DiscardHandler))
		_, err = box.Recent(ctx, time.Time{}, maxOfOutbox, func(kept outbox.Alert) {
			if noise.IsMessage(kept.Identity) {
				return
			}
			if a, _ := reader.Read(kept.Header, kept.Raw); a != nil {
				s.add(fmt.Sprintf("%s-%d", kept.Identity, kept.Occurrence), a)
			}
		})
		var silencesErr error
		silences, silencesErr = box.Silences(ctx, time.Now())
		for _, err := range []error{err, silencesErr, box.Close()} {
			if err != nil {
				s.problem(page.Problem{File: outbox.Path(state), Text: err.Error()})
			}
		}
		break
	}
	if len(s.alerts) == 0 {
		s.Empty = fmt.Sprintf("no alert has come yet, or none that you may read, in %s", strings.Join(g.opt.States, " or "))
	}
	return s, silences
}

// pasted are the alerts that were pasted: in memory only, the newest first, the oldest forgotten.
type pasted struct {
	mu     sync.Mutex
	source *source
	count  int // of all that ever were
}

func newPasted() *pasted {
	return &pasted{source: &source{AlertSource: page.AlertSource{ID: "pasted", Name: "Pasted", Empty: "nothing is pasted yet"}}}
}

func (p *pasted) get() *source {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source
}

// add takes alerts of any format. What is none is an error that says how it was read.
func (p *pasted) add(text []byte, zone *time.Location) ([]string, error) {
	next := &source{AlertSource: p.get().AlertSource}
	next.Empty, next.Problems = "", nil
	var read []*alert.Alert
	var why string
	for a, err := range alert.Read(bytes.NewReader(text), alert.Options{Location: zone, Received: time.Now()}) {
		if err != nil {
			return nil, err // of a reader that cannot fail
		}
		if k := a.Problem.Kind; k == alert.ProblemUnknown || k == alert.ProblemEmpty || k != "" && a.Rule.ID == "" {
			why = a.Problem.ReadsAs
			continue
		}
		if read = append(read, a); len(read) == maxPasted {
			break
		}
	}
	if len(read) == 0 {
		if strings.TrimSpace(string(text)) == "" {
			return nil, &page.Error{Status: http.StatusBadRequest, Text: "there is nothing to read", Hint: "paste an alert as the manager writes it"}
		}
		return nil, &page.Error{
			Status: http.StatusBadRequest, Text: "this is no alert: it reads as " + why,
			Hint: "paste Wazuh or OSSEC JSON, text of alerts.log, or the shell file of integratord, whole",
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, a := range read {
		p.count++
		ids = append(ids, next.add(strconv.Itoa(p.count), a).id)
	}
	for _, x := range p.source.alerts {
		if len(next.alerts) == maxPasted || next.bytes+len(x.a.Raw) > maxBytes {
			break
		}
		next.alerts = append(next.alerts, x)
		next.bytes += len(x.a.Raw)
	}
	next.Count = len(next.alerts)
	p.source = next
	return ids, nil
}
