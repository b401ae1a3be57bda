package site

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
)

const pagers = `
receivers:
  us: {pagerduty: {routing_key: 00000000000000000000000000000000, api_token: one}}
  eu: {pagerduty: {routing_key: 00000000000000000000000000000001, region: eu, api_token: two}}
  mute: {pagerduty: {routing_key: 00000000000000000000000000000002}}
  broken: {pagerduty: {routing_key: 00000000000000000000000000000003, api_token: three, network: {ca_file: ca.pem}}}
  duty: {oncall: {pagerduty_schedule: PABC123, token: other, people: {a: us}, otherwise: us}}
default: [us]
`

// pageSite is an outbox in which alerts were told by pages, and a step of each is to come.
type pageSite struct {
	t    *testing.T
	home string
	box  *outbox.DB
	p    *pages
	log  *strings.Builder
}

func newPageSite(t *testing.T) *pageSite {
	home := write(t, map[string]string{"etc/ossec-notify.yaml": pagers})
	box, _, err := outbox.Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	log := new(strings.Builder)
	logger := slog.New(slog.NewTextHandler(log, nil))
	s := openSite(t, home, "", box, logger)
	return &pageSite{t, home, box, &pages{site: s, box: box, log: logger}, log}
}

// paged enters an alert that was told to receivers under a key.
func (s *pageSite) paged(identity, key string, receivers ...string) {
	s.t.Helper()
	now := time.Now()
	in := outbox.Arrival{Identity: identity, Arrived: now, Time: now, Raw: []byte("x"), Header: []byte("{}"), Deliveries: []outbox.NewDelivery{
		{Receiver: "backup", Kind: outbox.StepKind + "2", State: outbox.Held, Due: now.Add(time.Hour)},
	}}
	for _, r := range receivers {
		in.Deliveries = append(in.Deliveries, outbox.NewDelivery{Receiver: r, Channel: "pagerduty"})
	}
	if _, err := s.box.Accept(s.t.Context(), []outbox.Arrival{in}, nil); err != nil {
		s.t.Fatal(err)
	}
	for _, r := range receivers {
		found, err := s.box.Next(s.t.Context(), r, now, 1)
		if err != nil || len(found) != 1 {
			s.t.Fatal(found, err)
		}
		result := outbox.Result{Seq: found[0].Seq, State: outbox.Delivered, Receipt: notifier.Receipt{ID: key}.Ref()}
		if err := s.box.Finish(s.t.Context(), now, []outbox.Result{result}, outbox.Receiver{Name: r}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// waiting is who is asked for what.
func (s *pageSite) waiting() (list []oncall.Waiting, said []string) {
	s.t.Helper()
	list, err := s.p.waiting(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range list {
		token, err := w.Source.Token.Read(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		said = append(said, fmt.Sprint(w.Key, " of ", w.Source.Endpoint, " with ", token))
	}
	return list, said
}

func (s *pageSite) takenBy(identity string) string {
	s.t.Helper()
	ack, found, err := s.box.Acked(s.t.Context(), identity, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	if !found {
		return ""
	}
	return ack.By + " (" + ack.Via + ") at " + ack.Receiver
}

func TestEachAccountIsAskedForItsOwnPages(t *testing.T) {
	s := newPageSite(t)
	if list, _ := s.waiting(); list != nil {
		t.Errorf("before any alert: %v", list)
	}
	s.paged("a", "k1", "us", "eu")
	s.paged("b", "k1", "us")
	s.paged("c", "k2", "mute") // who has no token is not asked, whatever others have
	s.paged("d", "k3", "broken")
	list, said := s.waiting()
	want := []string{"k1 of https://api.eu.pagerduty.com with two", "k1 of https://api.pagerduty.com with one", "k1 of https://api.pagerduty.com with one"}
	if diff := cmp.Diff(said, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	s.waiting()
	if n := strings.Count(s.log.String(), `msg="cannot ask who took pages; acknowledgements there are not seen" receiver=broken err="network.ca_file: open `); n != 1 {
		t.Errorf("it is said %d times that one cannot be asked:\n%s", n, s.log)
	}
	// A source is the same until the config changes: it knows how the account fares.
	again, _ := s.waiting()
	if again[0].Source != list[0].Source {
		t.Error("the account is another each time")
	}
	path := filepath.Join(s.home, "etc", "ossec-notify.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(pagers, "api_token: one", "api_token: four", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.p.site.Reload()
	if _, said := s.waiting(); said[1] != "k1 of https://api.pagerduty.com with four" {
		t.Errorf("after the config was changed: %q", said)
	}

	// Taken in one account: all that was told there under the key, and nothing of another's.
	list, _ = s.waiting()
	if err := s.p.changed(t.Context(), list[0], oncall.Incident{Key: "k1", Status: oncall.Acknowledged, By: "Alice Example", Person: true}); err != nil {
		t.Fatal(err)
	}
	if a, b := s.takenBy("a"), s.takenBy("b"); a != "Alice Example (PagerDuty) at eu" || b != "" {
		t.Errorf("a is taken by %q, b by %q", a, b)
	}
	if _, said := s.waiting(); len(said) != 1 || !strings.HasPrefix(said[0], "k1 of https://api.pagerduty.com") {
		t.Errorf("asked for what is taken: %q", said)
	}
}

func TestWhatBecameOfAPage(t *testing.T) {
	for name, c := range map[string]struct {
		found oncall.Incident
		want  string
	}{
		"acknowledged":               {oncall.Incident{Status: oncall.Acknowledged, By: "Alice Example", Person: true}, "Alice Example (PagerDuty) at us"},
		"acknowledged by a program":  {oncall.Incident{Status: oncall.Acknowledged, By: "ChatOps"}, "ChatOps (PagerDuty) at us"},
		"acknowledged by nobody":     {oncall.Incident{Status: oncall.Acknowledged}, "somebody (PagerDuty) at us"},
		"hostile":                    {oncall.Incident{Status: oncall.Acknowledged, By: "Al\x1b[31mice\n\u202e"}, "Al[31mice (PagerDuty) at us"},
		"resolved by a person":       {oncall.Incident{Status: oncall.Resolved, By: "Bob Example", Person: true}, "Bob Example (PagerDuty, resolved) at us"},
		"resolved for its age":       {oncall.Incident{Status: oncall.Resolved, By: "Servers"}, ""},
		"open again, or for the 1st": {oncall.Incident{Status: oncall.Triggered}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPageSite(t)
			s.paged("a", "k1", "us")
			list, _ := s.waiting()
			if err := s.p.changed(t.Context(), list[0], c.found); err != nil {
				t.Fatal(err)
			}
			if got := s.takenBy("a"); got != c.want {
				t.Errorf("taken by %q, want %q", got, c.want)
			}
			if strings.Contains(s.log.String(), "\x1b") {
				t.Errorf("the log:\n%s", s.log)
			}
		})
	}
}

// TestTheTimeOfAnAnswerIsPagerDutysWhereThatCanBe: their clock is not ours, and an incident may have been taken before the
// alert joined it.
func TestTheTimeOfAnAnswerIsPagerDutysWhereThatCanBe(t *testing.T) {
	s := newPageSite(t)
	s.paged("a", "k1", "us")
	list, _ := s.waiting()
	w := list[0]
	w.Triggered = time.Now().Add(-time.Hour)
	for i, c := range []struct {
		at     time.Time
		theirs bool
	}{{w.Triggered.Add(time.Minute), true}, {w.Triggered.Add(-time.Minute), false}, {time.Now().Add(time.Hour), false}, {time.Time{}, false}} {
		identity := fmt.Sprint("x", i)
		s.paged(identity, "k1", "us")
		if _, err := s.p.waiting(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.p.changed(t.Context(), w, oncall.Incident{Status: oncall.Acknowledged, By: "A", At: c.at}); err != nil {
			t.Fatal(err)
		}
		ack, found, err := s.box.Acked(t.Context(), identity, 1)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if theirs := ack.At.Equal(c.at.Truncate(time.Microsecond)); theirs != c.theirs || !theirs && time.Since(ack.At).Abs() > time.Minute {
			t.Errorf("%d: it is taken at %s", i, ack.At)
		}
	}
}
