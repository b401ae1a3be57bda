package noise

import (
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/rules"
)

// An alert that nobody is told of is decided about only where it holds others back or ends what is open.
func TestIdle(t *testing.T) {
	match := func(text string) *rules.Match {
		m, err := rules.ParseMatchText(text, alert.DefaultScale)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	c := &Control{
		Scale:    alert.DefaultScale,
		Inhibit:  []*rules.Inhibit{{Name: "down", Source: match("{rule: 504}"), Target: match("{level: 3}")}},
		Pairs:    []rules.Pair{{Route: "agents", Resolve: &rules.Resolve{Opens: match("{rule: 504}"), Closes: match("{rule: 503}")}}},
		Receiver: func(string) *Receiver { return &Receiver{} },
	}
	soc := []Want{{Receiver: "soc", Route: "web"}}
	for _, x := range []struct {
		rule  string
		wants []Want
		want  bool
	}{
		{"5710", nil, true}, {"504", nil, false}, {"503", nil, false}, {"5710", soc, false},
	} {
		if got := c.Idle(&alert.Alert{Rule: alert.Rule{ID: x.rule, Level: 5}}, x.wants); got != x.want {
			t.Errorf("rule %s, told %v: idle %v, want %v", x.rule, x.wants, got, x.want)
		}
	}
}
