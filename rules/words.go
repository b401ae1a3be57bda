package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/window"
)

// Words says the policy in words, a short line for each setting, in the order in which they come to an alert; nil for
// none. What a setting leaves to its default is said too.
func (p *Policy) Words() []string {
	if p == nil {
		return nil
	}
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if len(p.Active)+len(p.Mute) > 0 {
		when := ""
		if len(p.Active) > 0 {
			when = "in " + oneOf(p.Active)
		}
		if len(p.Mute) > 0 {
			when = strings.TrimSpace(when + " not in " + oneOf(p.Mute))
		}
		if len(p.Outside) > 0 {
			say("goes out %s, else to %s", when, strings.Join(p.Outside, ", "))
		} else {
			say("goes out %s, else held until then", when)
		}
	}
	if p.Dedup != nil {
		say("%s", p.Dedup)
	}
	if p.Group != nil {
		say("%s", p.Group)
	}
	if p.Digest != nil {
		say("digest every %s", spanWords(p.Digest.Every))
	}
	if p.Throttle != nil {
		say("throttle %s", p.Throttle)
	}
	if len(p.Escalate) > 0 {
		steps := make([]string, len(p.Escalate))
		for i, s := range p.Escalate {
			steps[i] = strings.Join(s.To, ", ") + " " + afterWords(s.After)
		}
		say("escalate to %s, until somebody takes it", strings.Join(steps, "; "))
	}
	for _, r := range p.Resolve {
		say("%s", r)
	}
	return lines
}

func afterWords(after time.Duration) string {
	if after == 0 {
		return "at once"
	}
	return "after " + spanWords(after)
}

func oneOf(windows []*window.Window) string {
	names := make([]string, len(windows))
	for i, w := range windows {
		names[i] = w.Name
	}
	return strings.Join(names, " or ")
}

// String is the deduplication in words: dedup by rule, agent for 15 min.
func (d *Dedup) String() string {
	s := fmt.Sprintf("dedup by %s for %s", keys(d.By), spanWords(d.For))
	if d.Growing {
		s += ", doubled while it repeats, up to " + spanWords(MaxDedup)
	}
	return s
}

// String is the group in words.
func (g *Group) String() string {
	s := fmt.Sprintf("group by %s, after %s, then every %s", keys(g.By), spanWords(g.Wait), spanWords(g.Interval))
	if g.Repeat > 0 {
		s += ", again every " + spanWords(g.Repeat) + " while it is open"
	}
	return s
}

// String is the rate as the config says it, with the burst in words: 20/h, 5 at once.
func (t *Throttle) String() string { return fmt.Sprintf("%s, %d at once", t.rate(), t.Burst) }

func (t *Throttle) rate() string {
	for unit, per := range units {
		if per == t.Per {
			return fmt.Sprintf("%d/%s", t.Count, unit)
		}
	}
	return fmt.Sprintf("%d in %s", t.Count, spanWords(t.Per)) // made by hand
}

// String is the pair in words, with the matches as the config says them.
func (r *Resolve) String() string {
	return fmt.Sprintf("opened by %s, closed by %s, by %s", r.Opens, r.Closes, keys(r.By))
}

// String is the inhibition in words.
func (in *Inhibit) String() string {
	s := fmt.Sprintf("%s holds back %s for %s", in.Source, in.Target, spanWords(in.For))
	if len(in.Equal) > 0 {
		s += " where they have the same " + keys(in.Equal)
	}
	return s
}
