package templates

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// linksMarkup is JSON in which the values of some keys are addresses.
type linksMarkup struct{ *places[linksPlace] }

// linksPlace is a place in it. The zero value is where a value may stand.
type linksPlace struct {
	at      display.Place // of jsonMarkup
	last    string        // the string that may be a key
	key     string        // the key whose value comes
	address display.Address
}

// addressKeys are the keys whose values lead somewhere.
var addressKeys = map[string]bool{"href": true, "src": true, unsure: true}

// After implements display.Markup.
func (m linksMarkup) After(n display.Place, words string) display.Place {
	p := m.at(n)
	for i := range len(words) {
		p = p.after(words[i : i+1])
	}
	return m.of(p)
}

func (p linksPlace) after(c string) linksPlace {
	was := p.at
	p.at = jsonMarkup{}.After(p.at, c)
	switch {
	case was == jsonEscape:
		if c != "/" {
			c = `\`
		}
		p.text(c)
	case p.at == jsonEscape:
	case was == jsonString && p.at == jsonString:
		p.text(c)
	case was == jsonValue && p.at == jsonString:
		p.last, p.address = "", display.Address{}
	case p.at == jsonValue && c == ":":
		p.key = p.last
	case p.at == jsonValue && strings.Contains(",{}[]", c):
		p.last, p.key = "", ""
	}
	return p
}

// text is a piece of a string.
func (p *linksPlace) text(c string) {
	p.address = p.address.After(c)
	if p.key == "" {
		p.last += c
	}
}

// isAddress reports that an address stands there, or could.
func (p linksPlace) isAddress() bool { return addressKeys[strings.ToLower(p.key)] }

// Name implements display.Markup.
func (m linksMarkup) Name(n display.Place) string { return jsonMarkup{}.Name(m.at(n).at) }

func (p linksPlace) join(b linksPlace) (linksPlace, bool) {
	join := func(a, b string) string {
		if a == b {
			return a
		}
		return unsure
	}
	return linksPlace{p.at, join(p.last, b.last), join(p.key, b.key), joinAddresses(p.address, b.address)}, p.at == b.at
}

// linksContext is the context of JSON that holds addresses for people to open. raw is set when text of an alert is
// taken for the operator's words there.
func linksContext(part func(string) bool, raw *bool) jsonContext {
	m := linksMarkup{newPlaces[linksPlace]()}
	return jsonContext{
		name: "links", markup: m, part: part,
		join: func(a, b display.Place) (display.Place, bool) {
			p, ok := m.at(a).join(m.at(b))
			return m.of(p), ok
		},
		again: func(n display.Place) display.Place {
			p := m.at(n)
			p.address = display.LostAddress
			return m.of(p)
		},
		print: func(w *walk, n *parse.ActionNode, at display.Place) (display.Place, string, error) {
			p := m.at(at)
			*raw = *raw || lastIsRaw(n)
			step, err := jsonStep(w, n, p.at)
			if err != nil || !p.isAddress() {
				if p.key == "" { // a key, for all we know
					p.last = unsure
				}
				return m.of(p), step, err
			}
			was := p.address
			if p.at == jsonValue {
				was = display.Address{}
			}
			own := w.values.printed(n, "toJson", "toRawJson", "toPrettyJson") == ownAddress
			p.address, err = printsInAddress(w.tree, n, was, own, " ("+strings.TrimPrefix(p.key, unsure)+")")
			switch {
			case lastIsRaw(n):
			case was.Led():
				step = "_url"
			case p.at == jsonString:
				step = "_address"
			default:
				step = "_jsonAddress"
			}
			return m.of(p), step, err
		},
	}
}

// linksPart is the define that holds links for people to open, as JSON; linksAsTheyAre is what it is while nobody
// replaces it. addressPart is an address as a whole.
const (
	linksPart      = "pagerduty.links.json"
	linksAsTheyAre = "{{with links .}}{{. | toJson}}{{end}}"
	addressPart    = "pagerduty.client_url"
)

var written = regexp.MustCompile(`(?i)https?://[^/?#\s"'<>{}\\|%@]+`)

// addHosts takes the hosts of addresses that are written out in a define: with what ends them, or at the
// end of a text of an action.
func addHosts(root *parse.ListNode, hosts map[string]bool) {
	add := func(s string, mayEnd bool) {
		s = strings.ReplaceAll(s, `\/`, "/")
		for _, at := range written.FindAllStringIndex(s, -1) {
			if at[1] < len(s) && strings.IndexByte(`/?#"`, s[at[1]]) >= 0 || at[1] == len(s) && mayEnd {
				if u, err := url.Parse(s[at[0]:at[1]]); err == nil {
					hosts[strings.ToLower(u.Host)] = true
				}
			}
		}
	}
	eachNode(root, func(n parse.Node) {
		if n, ok := n.(*parse.TextNode); ok {
			add(string(n.Text), false)
		}
	})
	texts := map[string]bool{}
	collect(root, texts)
	for s := range texts {
		add(s, true)
	}
}

// keepOperators leaves out those of a part's links that lead where neither a template of the operator's nor a link of
// the config leads: a function made them of an alert's text, for all that can be known. What is no list of links is
// left to the channel to refuse.
func (s *Set) keepOperators(part display.Text, d *Data) (kept display.Text, left int) {
	var links []json.RawMessage
	if part.Blank() || json.Unmarshal([]byte(part.Raw()), &links) != nil {
		return part, 0
	}
	hosts := map[string]bool{}
	for _, l := range s.renderLinks(d) {
		if u, err := url.Parse(l.URL.Raw()); err == nil {
			hosts[strings.ToLower(u.Host)] = true
		}
	}
	var own []json.RawMessage
	for _, l := range links {
		var link struct {
			HRef string `json:"href"`
		}
		if json.Unmarshal(l, &link) != nil {
			return part, 0
		}
		u, err := url.Parse(link.HRef)
		if err != nil {
			continue
		}
		if host := strings.ToLower(u.Host); host != "" && !hosts[host] && !s.hosts[host] {
			continue
		}
		own = append(own, l)
	}
	if left = len(links) - len(own); left == 0 {
		return part, 0
	}
	j, err := toJSON(own, "")
	if err != nil {
		return nil, len(links)
	}
	return display.Words(string(j)), left
}

// leftOut tells what became of links, in the words of a note.
func leftOut(n int) display.Text {
	if n == 1 {
		return display.Words("a link was left out: an alert would have said where it leads")
	}
	return display.Words(fmt.Sprintf("%d links were left out: an alert would have said where they lead", n))
}
