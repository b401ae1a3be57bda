package cases

import (
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/rules"
)

// readCases reads a file of cases for a config.
func readCases(t testing.TB, cfg *config.Config, text string) *reader {
	t.Helper()
	r := newReader(cfg)
	r.readFile = func(path string) ([]byte, error) {
		if path == "cases.yaml" {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	if err := r.read("cases.yaml"); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWhatACaseSaysOfAnAlertIsFoundByItsMatcher makes an alert of each field that a matcher looks at.
func TestWhatACaseSaysOfAnAlertIsFoundByItsMatcher(t *testing.T) {
	values := map[string]string{"level": "10", "severity": "high", "agent_id": "001", "srcip": "192.0.2.7", "dstip": "2001:db8::5", "agent_ip": "192.0.2.8"}
	for _, key := range append(rules.MatcherKeys(), "field.data.x", "field.win.system.eventID") {
		value := values[key]
		if value == "" {
			value = "it"
		}
		cfg := &config.Config{Scale: alert.DefaultScale, Zone: time.UTC}
		r := readCases(t, cfg, fmt.Sprintf("- {name: a, alert: {%s: %q}, expect: {receivers: []}}\n", key, value))
		if len(r.Problems) > 0 || len(r.cases) != 1 {
			t.Fatal(key, r.Problems)
		}
		m, err := rules.NewMatch(key, []string{value}, cfg.Scale)
		if err != nil {
			t.Fatal(err)
		}
		a := r.cases[0].alert
		if held, why := m.Explain(a); !held || a.Problem.Kind != "" {
			t.Errorf("%s: %s; problem %q", key, why, a.Problem.Kind)
		}
	}
}

// FuzzCases reads any text as a file of cases: it is read, or its mistakes are told, and what is read can be run.
func FuzzCases(f *testing.F) {
	f.Add(Example)
	f.Add("- {name: a, alert: {level: 3, group: [a, b], field.a.b: x, mitre: T1110}, at: sat 03:00, expect: {suppressed: page, held: [soc], route: [default]}}")
	f.Add("- &a {name: a, sample: 5712, alert: {rule: 1, field.rule.id: 2}, expect: {page: true, suppressed: false}}\n- {<<: *a, name: b}")
	f.Add("- {name: a, alert: &x {user: *x}, expect: [*x]}")
	f.Add("- {name: a, sample: 5712, alert: {field.agent: x, field.rule: y}, expect: {later: []}}")
	f.Fuzz(func(t *testing.T, text string) {
		cfg := &config.Config{Scale: alert.DefaultScale, Zone: time.UTC, Receivers: []*config.Receiver{{Name: "soc"}}}
		cfg.Table.Routes = []*rules.Route{{Name: "page", To: []string{"soc"}}}
		r := readCases(t, cfg, text)
		for _, c := range r.cases {
			if c.alert == nil || c.Name == "" {
				t.Fatalf("%+v is no case", c)
			}
			newTester(cfg).run(&c)
		}
		for _, p := range r.Problems {
			if p.Message == "" || p.Line < 1 {
				t.Errorf("%+v has no place", p)
			}
		}
	})
}
