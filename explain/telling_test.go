package explain

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// randomTimes writes a config whose routes go by windows and escalate.
func randomTimes(r *rand.Rand) string {
	names := []string{"a", "b", "c", "d", "e"}
	some := func() string {
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		return "[" + strings.Join(names[:1+r.IntN(2)], ", ") + "]"
	}
	var b strings.Builder
	b.WriteString("time_zone: UTC\nwindows: {office: {days: mon-fri, from: \"08:00\", to: \"18:00\"}}\nreceivers:\n")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		fmt.Fprintf(&b, "  %s: {webhook: {url: https://example.com/%s}}\n", name, name)
	}
	fmt.Fprintf(&b, "always: %s\ndefault: %s\nroutes:\n", some(), some())
	for i := range 1 + r.IntN(4) {
		parts := []string{fmt.Sprintf("name: r%d, match: {rule: [%d, %d]}", i, 1+r.IntN(3), 1+r.IntN(3)), "continue: " + fmt.Sprint(r.IntN(2) == 0)}
		if parts = append(parts, "to: "+some()); r.IntN(6) == 0 {
			parts[2] = "to: []"
		}
		if r.IntN(3) > 0 {
			parts = append(parts, []string{"active", "mute"}[r.IntN(2)]+": office")
			if r.IntN(2) == 0 {
				parts = append(parts, "outside: {to: "+some()+"}")
			}
		}
		if r.IntN(3) == 0 && parts[2] != "to: []" {
			parts = append(parts, "escalate: [{to: "+some()+"}, {after: 5m, to: "+some()+"}]")
		}
		fmt.Fprintf(&b, "  - {%s}\n", strings.Join(parts, ", "))
	}
	return strings.ReplaceAll(b.String(), "rule: [1, 1]", "rule: 1")
}

// TestWhatIsSaidIsWhatTheDelivererDoes compares what explain and test say of the routes and their windows with what noise control
// enters in an outbox.
func TestWhatIsSaidIsWhatTheDelivererDoes(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 9, 14, 0, 0, 0, 0, time.UTC)
	box, _, err := outbox.Open(t.Context(), filepath.Join(dir, "outbox.db"), outbox.Options{Owner: true, Now: now,
		DeliveryID: func(identity, receiver string, n int) string { return fmt.Sprintf("%s>%s#%d", identity, receiver, n) }})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	random := rand.New(rand.NewPCG(41, 42))
	held, outside, later, n := 0, 0, 0, 0
	for range 60 {
		text := randomTimes(random)
		path := filepath.Join(dir, "ossec-notify.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		read := config.Read(path, dir)
		cfg := read.Config
		if cfg == nil {
			t.Fatalf("%s\n%v, %v", text, read.Problems, read.Err)
		}
		control := &noise.Control{Scale: cfg.Scale, Zone: cfg.Zone, Log: slog.New(slog.DiscardHandler), Policies: cfg.Table.Policies(),
			Receiver: func(string) *noise.Receiver { return &noise.Receiver{Channel: "webhook"} }}
		for rule := range 4 {
			for _, at := range []time.Time{now.Add(3 * time.Hour), now.Add(12 * time.Hour)} {
				n++
				a := alert.Parse(fmt.Appendf(nil, `{"rule":{"level":5,"id":"%d"},"agent":{"id":"001"},"manager":{"name":"m"},"id":"%d.1","full_log":"x","location":"/l"}`, rule, n), alert.Options{})
				said := Tell(control, cfg.Table.Decide(a), at)
				var wants []noise.Want
				for _, c := range cfg.Table.Choose(a) {
					wants = append(wants, noise.Want{Receiver: c.Receiver, Channel: "webhook", Route: c.Route, Policy: c.Policy, Step: c.Step, After: c.After})
				}
				var entered []outbox.NewDelivery
				_, err := box.Accept(t.Context(), []outbox.Arrival{{
					Identity: a.Identity(), Arrived: at, Raw: a.Raw,
					Plan: func(tx *outbox.Tx, occurrence int, known bool) ([]outbox.NewDelivery, error) {
						entered, err = control.Plan(tx, a, occurrence, known, at, wants)
						return entered, err
					},
				}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := map[outbox.State][]string{}
				for _, d := range entered {
					if d.Kind == "" && d.State != outbox.Suppressed {
						state := d.State
						if state == "" {
							state = outbox.Pending
						}
						got[state] = append(got[state], d.Receiver)
					}
				}
				for _, names := range got {
					slices.Sort(names)
				}
				want := map[outbox.State][]string{}
				if names := Receivers(slices.Concat(said.Now, said.Outside)); len(names) > 0 {
					want[outbox.Pending] = names
				}
				if names := Receivers(said.Held); len(names) > 0 {
					want[outbox.Held] = names
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s\nrule %d at %s (-said +done):\n%s", text, rule, at, diff)
				}
				// Later steps of those who are held begin when they are told.
				steps := map[string]bool{}
				for _, d := range entered {
					if d.Kind != "" {
						steps[d.Receiver] = true
					}
				}
				for _, c := range said.Later {
					if waits := slices.ContainsFunc(said.Held, func(h rules.Choice) bool { return h.Route == c.Route }); !waits && !steps[c.Receiver] {
						t.Fatalf("%s\nrule %d at %s: %s is said to be told later, and is not", text, rule, at, c.Receiver)
					}
					delete(steps, c.Receiver)
				}
				if len(steps) > 0 {
					t.Fatalf("%s\nrule %d at %s: %v are told later, which is not said", text, rule, at, steps)
				}
				held, outside, later = held+len(said.Held), outside+len(said.Outside), later+len(said.Later)
			}
		}
	}
	if held < 50 || outside < 30 || later < 30 {
		t.Errorf("%d held, %d outside, %d later: the test shows little", held, outside, later)
	}
}
