package draw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// PagerDuty draws an event for PagerDuty's Events API v2 as the incident that it makes: what a responder reads of it, and the
// details from A to Z, as PagerDuty sorts them. phone is roughly what a push says; its Kind is "" where there is none: to
// acknowledge and to resolve calls nobody. What cannot be read is drawn as it came, and err says why.
func PagerDuty(body []byte) (incident, phone Node, err error) {
	e, err := readObject(body)
	if err != nil {
		return Node{Kind: Message, Style: "pagerduty", Children: []Node{raw(body)}}, Node{}, fmt.Errorf("draw the event for PagerDuty: %w", err)
	}
	incident = Node{Kind: Message, Style: "pagerduty"}
	add := func(nodes ...Node) { incident.Children = append(incident.Children, nodes...) }
	key := e.text("dedup_key")
	joins := ""
	switch action := e.text("event_action"); action {
	case "trigger":
		incident.Text, joins = "Triggered", "repeats join this incident"
	case "acknowledge":
		incident.Text, joins = "Acknowledged", "acknowledges the incident of this key, and calls nobody"
	case "resolve":
		incident.Text, joins = "Resolved", "resolves the incident of this key, and calls nobody"
	default:
		incident.Text = written(action)
	}
	e.ignore("routing_key") // a secret
	table := Node{Kind: Table}
	row := func(label, s string) {
		if s != "" {
			table.Children = append(table.Children, Node{Kind: Pair, Text: label, Children: lines(s)})
		}
	}
	var details, more []Node
	if p := e.take("payload"); p != nil && p.kind == '{' {
		if severity := p.text("severity"); severity != "" {
			incident.Text += " · severity " + written(severity)
		}
		if summary := p.text("summary"); summary != "" {
			add(Node{Kind: Heading, Children: lines(summary)})
			if strings.HasPrefix(incident.Text, "Triggered") {
				phone = Node{Kind: Phone, Text: "PagerDuty", Children: lines(summary)}
			}
		}
		row("Source", p.text("source"))
		row("Component", p.text("component"))
		row("Group", p.text("group"))
		row("Class", p.text("class"))
		row("Time", p.text("timestamp"))
		details = pageDetails(p.take("custom_details"))
		more = p.rest("more in the payload")
	} else if p != nil {
		more = []Node{labelled("payload", p.raw)}
	}
	if key != "" {
		value := lines(key)
		if joins != "" {
			value = []Node{{Kind: Para, Children: value}, {Kind: Note, Text: joins}}
		}
		table.Children = append(table.Children, Node{Kind: Pair, Text: "Dedup key", Children: value})
	}
	client, at := e.text("client"), e.text("client_url")
	switch {
	case at != "" && client != "":
		table.Children = append(table.Children, Node{Kind: Pair, Text: "Client", Children: []Node{{Kind: Link, Style: written(at), Children: Visible(client)}}})
	case at != "":
		table.Children = append(table.Children, Node{Kind: Pair, Text: "Client", Children: []Node{{Kind: Link, Style: written(at), Children: Visible(at)}}})
	default:
		row("Client", client)
	}
	table.Children = append(table.Children, pageLinks(e)...)
	if len(table.Children) > 0 {
		add(table)
	}
	add(details...)
	add(more...)
	add(e.rest("more in the event")...)
	return incident, phone, nil
}

// pageLinks draws links and images of an event, each a row.
func pageLinks(e *value) []Node {
	var out []Node
	links := e.list("links")
	for i := range links {
		l := &links[i]
		at := l.text("href")
		if at == "" {
			out = append(out, labelled("link", l.raw))
			continue
		}
		label := l.text("text")
		if label == "" {
			label = at
		}
		row := Node{Kind: Pair, Text: "Link", Children: []Node{{Kind: Link, Style: written(at), Children: Visible(label)}}}
		out = append(append(out, row), l.rest("more in the link")...)
	}
	images := e.list("images")
	for i := range images {
		m := &images[i]
		if m.kind != '{' {
			out = append(out, labelled("image", m.raw))
			continue
		}
		image := Node{Kind: Image, Style: written(m.text("src")), Text: written(m.text("alt"))}
		if at := m.text("href"); at != "" {
			image = Node{Kind: Group, Children: []Node{image, {Kind: Para, Children: []Node{{Kind: Link, Style: written(at), Children: Visible(at)}}}}}
		}
		out = append(append(out, image), m.rest("more in the image")...)
	}
	return out
}

// pageDetails is the table of the custom details.
func pageDetails(d *value) []Node {
	switch {
	case d == nil:
		return nil
	case d.kind != '{':
		return []Node{labelled("custom details", d.raw)}
	}
	table := Node{Kind: Table, Text: "Custom details, A to Z as PagerDuty sorts them"}
	sorted := slices.Clone(d.members)
	slices.SortStableFunc(sorted, func(a, b member) int { return strings.Compare(a.key, b.key) })
	for _, m := range sorted {
		var value []Node
		switch {
		case m.kind == '{' || m.kind == '[':
			value = []Node{{Kind: Pre, Children: Indented([]byte(m.raw))}}
		case m.kind != '"':
			value = JSON([]byte(m.raw))
		default:
			value = detail(unquote(m.raw))
		}
		table.Children = append(table.Children, Node{Kind: Pair, Text: written(m.key), Children: value})
	}
	return []Node{table}
}

// detailLines is how many lines of a detail are shown at once.
const detailLines = 4

// detail draws a detail's text: within a line, or, where it has more of them, as they are. What follows the first lines is
// folded away, but for our own note of what was left out.
func detail(s string) []Node {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.Contains(s, "\n") {
		return shortened(Visible(s))
	}
	var after []Node
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		if words := cutWords(s[i+1:]); words != "" {
			after = []Node{{Kind: Cut, Text: words}, {Kind: Para, Children: Visible(s[i+1:])}}
			s = s[:i]
		}
	}
	shown, hidden := s, ""
	if all := strings.SplitAfterN(s, "\n", detailLines+1); len(all) > detailLines && all[detailLines] != "" {
		hidden = all[detailLines]
		shown = strings.TrimSuffix(s, hidden)
	}
	out := []Node{{Kind: Pre, Children: shortened(Visible(strings.TrimSuffix(shown, "\n")))}}
	if hidden != "" {
		out = append(out, Node{Kind: Fold, Text: display.Count(1+strings.Count(strings.TrimSuffix(hidden, "\n"), "\n"), "more line"), Children: []Node{{Kind: Pre, Children: Visible(hidden)}}})
	} else if strings.HasSuffix(shown, "\n") {
		out[0].Children = shortened(Visible(shown))
	}
	return append(out, after...)
}
