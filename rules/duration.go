package rules

import (
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// maxSpan bounds the times of settings: what is counted or held for longer is a slip.
const maxSpan = 366 * 24 * time.Hour

// span reads a time span. It is 0 after a mistake.
func (p *parser) span(e yamlnode.Entry) time.Duration {
	v, ok := p.text(e.Value, e, false)
	if !ok {
		return 0
	}
	d, err := yamlnode.ParseDuration(strings.TrimSpace(v.text))
	switch {
	case err != nil:
		p.problem(v.node, "%s: %q is no time span: write 30s, 5m, 24h or 7d", e.Key, v.text)
	case d <= 0:
		p.problem(v.node, "%s: %q is no time span: it must be longer than nothing", e.Key, v.text)
	case d > maxSpan:
		p.problem(v.node, "%s: %q is longer than a year", e.Key, v.text)
	default:
		return d
	}
	return 0
}

// spanWords says a time span without rounding it: 15 min, 1 h 30 min, 7 days.
func spanWords(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		one  time.Duration
		word string
	}{{24 * time.Hour, "days"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		n := d / u.one
		d %= u.one
		switch {
		case n == 0:
		case u.word == "days" && n == 1:
			n, d = 0, d+u.one // 24 h
			parts = append(parts, strconv.FormatInt(int64(d/time.Hour), 10)+" h")
			d %= time.Hour
		default:
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+u.word)
		}
	}
	if parts == nil {
		return d.String()
	}
	return strings.Join(parts, " ")
}
