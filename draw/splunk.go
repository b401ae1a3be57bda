package draw

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxEvents is how many events of one request are drawn each by itself.
const maxEvents = 100

// Event draws the events of a request to Splunk's HTTP Event Collector as its search lists them: the time, the event with its
// keys from A to Z and what stands within it folded, then host, source, sourcetype, index and the indexed fields. A body holds one
// or more, one behind the other. What cannot be read is drawn as it came, and err says why.
func Event(body []byte) (Node, error) {
	var events []Node
	rest := string(body)
	for rest = strings.TrimLeft(rest, " \t\r\n"); rest != ""; rest = strings.TrimLeft(rest, " \t\r\n") {
		in := scanner{in: rest}
		in.piece()
		for in.depth > 0 && in.piece() != "" {
		}
		e, err := readObject([]byte(rest[:in.at]))
		if err == nil && len(events) == maxEvents {
			err = fmt.Errorf("there are over %d of them", maxEvents)
		}
		if err != nil {
			err = fmt.Errorf("draw event %d of the request: %w", len(events)+1, err)
			return Node{Kind: Group, Children: append(events, Node{Kind: Message, Style: "splunk", Children: []Node{raw([]byte(rest))}})}, err
		}
		events = append(events, splunkEvent(e))
		rest = rest[in.at:]
	}
	if len(events) == 0 {
		return Node{Kind: Group}, fmt.Errorf("draw the events of the request: there are none")
	}
	if len(events) == 1 {
		return events[0], nil
	}
	return Node{Kind: Group, Children: events}, nil
}

// EventLines draws the events of a request to the collector's raw endpoint in the same way: each is a line, and where they go
// stands in the request's query. A line that begins with a time, as ours do, has it from there.
func EventLines(query url.Values, body []byte) (Node, error) {
	var events []Node
	line, rest := "", string(body)
	for rest != "" {
		before := rest
		if line, rest, _ = strings.Cut(rest, "\n"); strings.TrimSpace(line) == "" {
			continue
		}
		line = strings.TrimSuffix(line, "\r")
		if len(events) == maxEvents {
			return Node{Kind: Group, Children: append(events, Node{Kind: Message, Style: "splunk", Children: []Node{raw([]byte(before))}})}, fmt.Errorf("draw the lines of the request: there are over %d of them", maxEvents)
		}
		n := Node{Kind: Message, Style: "splunk"}
		if e, err := readObject([]byte(line)); err != nil {
			n.Children = []Node{{Kind: Pre, Children: shortened(Visible(line))}}
		} else {
			if len(e.members) > 0 && e.members[0].key == "time" && e.members[0].kind == '"' {
				if at, err := time.Parse(time.RFC3339, unquote(e.members[0].raw)); err == nil {
					n.Text, e.members = at.UTC().Format(splunkStamp), e.members[1:]
				}
			}
			n.Children = []Node{{Kind: Pre, Children: openObject(e)}}
		}
		table := Node{Kind: Table}
		for _, name := range []string{"host", "source", "sourcetype", "index"} {
			if v := query.Get(name); v != "" {
				table.Children = append(table.Children, Node{Kind: Pair, Text: name, Children: Visible(v)})
			}
		}
		if len(table.Children) > 0 {
			n.Children = append(n.Children, table)
		}
		events = append(events, n)
	}
	switch len(events) {
	case 0:
		return Node{Kind: Group}, fmt.Errorf("draw the lines of the request: there are none")
	case 1:
		return events[0], nil
	}
	return Node{Kind: Group, Children: events}, nil
}

// splunkEvent draws one event in its envelope.
func splunkEvent(e *value) Node {
	n := Node{Kind: Message, Style: "splunk"}
	if t := e.take("time"); t != nil {
		n.Text = splunkTime(t)
	}
	if event := e.take("event"); event != nil {
		switch event.kind {
		case '{':
			n.Children = append(n.Children, Node{Kind: Pre, Children: openObject(event)})
		case '"':
			n.Children = append(n.Children, Node{Kind: Pre, Children: shortened(Visible(unquote(event.raw)))})
		default:
			n.Children = append(n.Children, Node{Kind: Pre, Children: Indented([]byte(event.raw))})
		}
	}
	fields := e.take("fields")
	table := Node{Kind: Table}
	row := func(name string, v *value) {
		if v == nil {
			return
		}
		value := JSON([]byte(v.raw))
		if v.kind == '"' {
			value = Visible(unquote(v.raw))
		}
		table.Children = append(table.Children, Node{Kind: Pair, Text: written(name), Children: value})
	}
	for _, name := range []string{"host", "source", "sourcetype", "index"} {
		row(name, e.take(name))
	}
	if fields != nil && fields.kind == '{' {
		for i := range fields.members {
			row(fields.members[i].key, &fields.members[i].value)
		}
	} else if fields != nil {
		n.Children = append(n.Children, labelled("fields", fields.raw))
	}
	if len(table.Children) > 0 {
		n.Children = append(n.Children, table)
	}
	n.Children = append(n.Children, e.rest("more in the envelope")...)
	return n
}

// splunkStamp is how a time is shown.
const splunkStamp = "2006-01-02 15:04:05.000 UTC"

// splunkTime is the time of an event as the list has it, to the millisecond. Splunk shows it in its reader's zone; here it is
// UTC, and says so.
func splunkTime(v *value) string {
	s := strings.Trim(v.raw, `"`)
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(seconds) > 1e11 {
		return written(s)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC().Format(splunkStamp)
}

// openObject draws an object with its keys open and what is within them folded.
func openObject(v *value) []Node {
	var out []Node
	sign := func(s string) {
		if n := len(out) - 1; n >= 0 && out[n].Kind == Run && out[n].Style == isSign {
			out[n].Text += s
			return
		}
		out = append(out, Node{Kind: Run, Style: isSign, Text: s})
	}
	sorted := slices.Clone(v.members)
	slices.SortStableFunc(sorted, func(a, b member) int { return strings.Compare(a.key, b.key) })
	sign("{")
	for _, m := range sorted {
		sign("\n  ")
		out = appendVisible(out, m.key, Run, isKey)
		sign(": ")
		inside := len(m.members) + len(m.items)
		if inside == 0 {
			out = append(out, shortened(JSON([]byte(m.raw)))...)
			continue
		}
		open, shut := m.raw[:1], m.raw[len(m.raw)-1:]
		sign(open)
		body := Indented([]byte(m.raw))
		out = append(out, Node{Kind: Fold, Text: fmt.Sprintf("+%d", inside), Children: indented(inner(body))})
		sign(shut)
	}
	sign("\n}")
	return out
}

// inner is what stands between the brackets of runs.
func inner(runs []Node) []Node {
	runs[0].Text = runs[0].Text[1:]
	last := &runs[len(runs)-1]
	last.Text = strings.TrimRight(last.Text, " \n\t\r")
	last.Text = last.Text[:max(len(last.Text)-1, 0)]
	return runs
}

// indented is runs of JSON that stand within another object: its lines begin two blanks further to the right.
func indented(runs []Node) []Node {
	for i := range runs {
		if runs[i].Style == isSign {
			runs[i].Text = strings.ReplaceAll(runs[i].Text, "\n", "\n  ")
		}
	}
	return runs
}
