package sample_test

import (
	"testing"

	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/sample"
)

// The alerts of the corpus are whole, each is of a rule of its own, also beside the samples, and they are of many families.
func TestCorpusShowsManyFamilies(t *testing.T) {
	rules, families := map[string]bool{}, map[string]bool{}
	for _, name := range sample.Names() {
		rules[name] = true
	}
	all := sample.Corpus()
	for _, a := range all {
		r := family.Read(a)
		if a.Problem.Kind != "" || a.Time.IsZero() || a.Rule.Level < 0 || r.Sentence.Blank() || a.ID == "" {
			t.Errorf("rule %s: %+v, %q", a.Rule.ID, a.Problem, r.Sentence)
		}
		if rules[a.Rule.ID] {
			t.Errorf("rule %s is there twice", a.Rule.ID)
		}
		rules[a.Rule.ID], families[r.Family] = true, true
	}
	if len(all) < 20 || len(families) < 12 {
		t.Errorf("%d alerts of %d families", len(all), len(families))
	}
}
