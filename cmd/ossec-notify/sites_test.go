package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/rules"
)

// shellSites say that they route the alerts of OSSEC's shell file.
var shellSites = []string{"small-web-host", "splunk-and-mail"}

// TestSitesDoAsTheySay holds the configs of testdata/configs, each of the shape of a real site, against the table
// beside it: an alert of the corpus, and the receivers that hear of it, with what noise control may do about it. The table
// is whole: every route and every receiver has its alert.
func TestSitesDoAsTheySay(t *testing.T) {
	sites, err := filepath.Glob("../../testdata/configs/*/ossec-notify.yaml")
	if err != nil || len(sites) != 5 {
		t.Fatalf("got %d configs, %v", len(sites), err)
	}
	for _, path := range sites {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if code := run(t.Context(), []string{"check", "--home", t.TempDir(), "--config", path}, strings.NewReader(""), &out, &out); code != exitDone {
				t.Fatalf("check: exit status %d\n%s", code, out.String())
			}
			if slices.Contains(shellSites, filepath.Base(filepath.Dir(path))) && strings.Contains(out.String(), "shell file") {
				t.Errorf("the config asks for what OSSEC's shell file does not hold:\n%s", out.String())
			}
			cfg, problems, err := loadConfig(path, t.TempDir())
			if err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			p, err := preview.New(cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			var expect map[string][]string
			b, err := os.ReadFile(filepath.Join(filepath.Dir(path), "expect.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &expect); err != nil {
				t.Fatal(err)
			}
			unused := map[string]bool{}
			for _, r := range cfg.Receivers {
				unused["receiver "+r.Name] = true
			}
			routePaths(cfg.Table.Routes, "", func(path string) { unused["route "+path] = true })
			for _, file := range slices.Sorted(maps.Keys(expect)) {
				a := corpusAlert(t, filepath.FromSlash(file), cfg.Zone)
				decision := cfg.Table.Decide(a)
				for _, v := range decision.Verdicts {
					if v.Matched {
						delete(unused, "route "+v.Route)
					}
				}
				got := []string{}
				for _, x := range p.Plan(a) {
					got = append(got, asSiteSays(x))
					delete(unused, "receiver "+x.Receiver.Name)
					if shown, _, err := p.Show(t.Context(), x); err != nil || shown.TemplateErr != nil {
						t.Errorf("%s for %s: %v, %v", file, x.Receiver.Name, err, shown.TemplateErr)
					}
				}
				if diff := cmp.Diff(got, expect[file]); diff != "" {
					t.Errorf("%s goes to (-got +want):\n%s", file, diff)
					x := explain.Explainer{
						Table: &cfg.Table, Control: &noise.Control{Scale: cfg.Scale, Zone: cfg.Zone, Log: discard},
						Expand: func(all []rules.Choice) []rules.Choice { return all },
					}
					found := x.Explain(a, time.Time{}, nil)
					writeTold(testOutput{t}, &found, nil, "")
					writeRoutes(testOutput{t}, found.Telling, cfg.Table.Tree(a))
				}
			}
			for _, what := range slices.Sorted(maps.Keys(unused)) {
				t.Errorf("no alert of expect.json shows what %s is for", what)
			}
		})
	}
}

// asSiteSays is a delivery as the tables have it: "soc", "soc: dedup digest" with the settings of its route, "lead after 10
// min" for a later step.
func asSiteSays(x dispatch.Delivery) string {
	if x.After > 0 {
		return x.Receiver.Name + " after " + display.Span(x.After)
	}
	p := x.Policy
	if p == nil {
		return x.Receiver.Name
	}
	var settings []string
	for _, s := range []struct {
		name string
		set  bool
	}{
		{"active", len(p.Active) > 0}, {"mute", len(p.Mute) > 0}, {"outside", len(p.Outside) > 0}, {"dedup", p.Dedup != nil}, {"group", p.Group != nil},
		{"throttle", p.Throttle != nil}, {"digest", p.Digest != nil}, {"resolve", len(p.Resolve) > 0}, {"escalate", len(p.Escalate) > 0},
	} {
		if s.set {
			settings = append(settings, s.name)
		}
	}
	return x.Receiver.Name + ": " + strings.Join(settings, " ")
}

// routePaths calls f with the path of every route.
func routePaths(routes []*rules.Route, parent string, f func(path string)) {
	for _, r := range routes { // all routes of the sites have names
		f(parent + r.Name)
		routePaths(r.Routes, parent+r.Name+"/", f)
	}
}

// testOutput is the log of a test.
type testOutput struct{ t *testing.T }

func (o testOutput) Write(p []byte) (int, error) {
	o.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
