package templates

import (
	"html"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// htmlMarkup is HTML as templates write it, as far as it decides where text of an alert could say where something
// leads: html/template keeps such text from being a tag, an attribute or a script, but not from being an address.
// It reads HTML as html/template does, and where browsers see more than that, as they do.
type htmlMarkup struct{ *places[htmlPlace] }

// htmlPlace is a place in HTML. The zero value is text.
type htmlPlace struct {
	in      htmlState
	element string // whose tag it is, or whose text, where that makes a difference: style, meta
	attr    string // the attribute's name, in a tag
	named   bool   // that name is at its end
	quote   byte   // of the value; 0: none
	value   htmlValue
	address display.Address
	css     cssPlace
}

type htmlState uint8

const (
	htmlText    htmlState = iota
	htmlComment           // <!-- …
	htmlTag               // <a href
	htmlEquals            // <a href=
	htmlInside            // <a href="…
	htmlRaw               // <style>…, where no tag begins
)

// htmlValue is what a browser makes of an attribute's value.
type htmlValue uint8

const (
	valuePlain htmlValue = iota
	valueAddress
	valueAddresses // several, with blanks or commas between
	valueStyle
	valuePage // a page of its own
	valueMeta // may lead elsewhere: 0;url=https://…
)

// rawElements hold text, whatever stands there.
var rawElements = map[string]bool{"script": true, "style": true, "textarea": true, "title": true}

// addressAttributes are those whose value leads somewhere, or is loaded.
var addressAttributes = func() map[string]htmlValue {
	m := map[string]htmlValue{}
	for _, name := range strings.Fields("action background cite classid codebase data formaction href icon longdesc manifest poster profile src usemap xmlns") {
		m[name] = valueAddress
	}
	for _, name := range strings.Fields("archive attributionsrc imagesrcset ping srcset") {
		m[name] = valueAddresses
	}
	m["style"], m["srcdoc"] = valueStyle, valuePage
	return m
}()

func valueOf(element, attr string) htmlValue {
	if element == "meta" && attr == "content" {
		return valueMeta
	}
	name := strings.TrimPrefix(attr, "data-")
	if space, short, ok := strings.Cut(name, ":"); ok && name == attr {
		if space == "xmlns" {
			return valueAddress
		}
		name = short // xlink:href
	}
	if v, ok := addressAttributes[name]; ok {
		return v
	}
	if strings.HasPrefix(name, unsure) || strings.Contains(name, "src") || strings.Contains(name, "uri") || strings.Contains(name, "url") {
		return valueAddress
	}
	return valuePlain
}

// unsure is the name of an attribute of which branches disagree.
const unsure = "?"

// After implements display.Markup.
func (m htmlMarkup) After(n display.Place, words string) display.Place {
	at := m.at(n)
	for words != "" {
		var read int
		at, read = at.after(words)
		words = words[read:]
	}
	return m.of(at)
}

// after reads one sign of words, or more, and returns where it leads and its length.
func (at htmlPlace) after(s string) (htmlPlace, int) {
	c := s[0]
	blank := strings.IndexByte(" \t\n\f\r", c) >= 0
	switch at.in {
	case htmlText:
		return textAfter(s)
	case htmlComment:
		if i := strings.Index(s, "-->"); i >= 0 {
			return htmlPlace{}, i + 3
		}
		return at, len(s)
	case htmlRaw:
		n := tagEnd(s, at.element)
		if at.element == "style" {
			at.css = at.css.after(s[:n])
		}
		if n < len(s) {
			at = htmlPlace{}
		}
		return at, n
	case htmlTag:
		switch {
		case c == '>':
			return at.closed(), 1
		case blank || c == '/': // a / divides attributes, too
			at.named = at.attr != ""
		case c == '=' && at.attr != "":
			at.in = htmlEquals
		default:
			if at.named {
				at.attr, at.named = "", false
			}
			at.attr += strings.ToLower(s[:1])
		}
		return at, 1
	case htmlEquals:
		switch {
		case c == '>':
			return at.closed(), 1
		case blank:
			return at, 1
		case c == '"' || c == '\'':
			return at.opened(c), 1
		}
		return at.opened(0), 0
	}
	if at.quote == 0 && (blank || c == '>') || at.quote != 0 && c == at.quote {
		next := htmlPlace{in: htmlTag, element: at.element}
		if c == '>' && at.quote == 0 {
			return next, 0
		}
		return next, 1
	}
	n := 1
	switch at.value {
	case valueAddress:
		at.address = at.address.After(s[:1])
	case valueAddresses:
		if at.address = at.address.After(s[:1]); blank || c == ',' {
			at.address = display.Address{}
		}
	case valueStyle:
		end := string(at.quote)
		if at.quote == 0 {
			end = " \t\n\f\r>"
		}
		if n = strings.IndexAny(s, end); n < 0 {
			n = len(s)
		}
		at.css = at.css.after(html.UnescapeString(s[:n]))
	}
	return at, n
}

// closed is the place behind the > of a tag.
func (at htmlPlace) closed() htmlPlace {
	if rawElements[at.element] {
		return htmlPlace{in: htmlRaw, element: at.element}
	}
	return htmlPlace{}
}

// opened is the place where a value begins.
func (at htmlPlace) opened(quote byte) htmlPlace {
	return htmlPlace{in: htmlInside, element: at.element, attr: at.attr, quote: quote, value: valueOf(at.element, at.attr)}
}

// textAfter reads text, up to the end of the first name of a tag.
func textAfter(s string) (htmlPlace, int) {
	for i := 0; i < len(s); i++ {
		if s[i] != '<' {
			continue
		}
		if strings.HasPrefix(s[i:], "<!--") {
			return htmlPlace{in: htmlComment}, i + 4
		}
		name := i + 1
		if name < len(s) && s[name] == '/' {
			name++
		}
		end := name
		for end < len(s) && (isLetter(s[end]) || end > name && (s[end] >= '0' && s[end] <= '9' || s[end] == '-' || s[end] == ':')) {
			end++
		}
		if end == name {
			continue
		}
		at := htmlPlace{in: htmlTag}
		// An end tag has no text behind it.
		if e := strings.ToLower(s[name:end]); s[name-1] != '/' && (rawElements[e] || e == "meta") {
			at.element = e
		}
		return at, end
	}
	return htmlPlace{}, len(s)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// tagEnd is where the end tag of an element begins, or the length of s.
func tagEnd(s, element string) int {
	for i := 0; ; i++ {
		j := strings.Index(s[i:], "</")
		if j < 0 {
			return len(s)
		}
		i += j
		name := s[i+2:]
		if len(name) >= len(element) && strings.EqualFold(name[:len(element)], element) &&
			(len(name) == len(element) || strings.IndexByte(" \t\n\f\r/>", name[len(element)]) >= 0) {
			return i
		}
	}
}

// printed is the place behind an action.
func (at htmlPlace) printed() htmlPlace {
	if at.in == htmlEquals {
		at = at.opened(0)
	}
	at.css.word = ""
	return at
}

// join is the place behind two branches, if there is one. Where they only disagree on an address, on the name of an
// attribute or on its style, it is one where no text of an alert may follow.
func (at htmlPlace) join(b htmlPlace) (htmlPlace, bool) {
	at.address = joinAddresses(at.address, b.address)
	b.address = at.address
	if at.in == htmlTag && b.in == htmlTag && (at.attr != b.attr || at.named != b.named) {
		at.attr, at.named = unsure, false
		b.attr, b.named = at.attr, at.named
	}
	at.css = at.css.join(b.css)
	b.css = at.css
	return at, at == b
}

// Name implements display.Markup.
func (m htmlMarkup) Name(n display.Place) string {
	switch at := m.at(n); at.in {
	case htmlComment:
		return "a comment"
	case htmlTag:
		return "a tag"
	case htmlEquals, htmlInside:
		return "the attribute " + at.attr
	case htmlRaw:
		return "<" + at.element + ">"
	}
	return "text"
}

// cssPlace is a place in CSS, as far as something is loaded there.
type cssPlace struct {
	word    string // the name that is being written: ur of url(
	comment bool
	quote   byte
	depth   int  // of parentheses within one that holds addresses
	loads   bool // behind @import
	address display.Address
}

// loading are the functions of CSS that take addresses.
var loading = map[string]bool{"url": true, "src": true, "image": true, "image-set": true, "-webkit-image-set": true, "domain": true, "url-prefix": true}

// after is the place behind a piece of CSS.
func (p cssPlace) after(s string) cssPlace {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case p.comment:
			if strings.HasPrefix(s[i:], "*/") {
				p.comment = false
				i++
			}
		case strings.HasPrefix(s[i:], "/*") && p.quote == 0 && !p.inAddress():
			p.comment, p.word = true, ""
			i++
		case p.quote != 0 && c == '\\':
			i++
			p.address = display.LostAddress
		case p.quote != 0 && c == p.quote:
			p.quote, p.address = 0, display.Address{}
		case p.quote != 0:
			p.address = p.address.After(s[i : i+1])
		case c == '"' || c == '\'':
			p.quote, p.word, p.address = c, "", display.Address{}
		case c == '(':
			if p.depth > 0 || loading[p.word] {
				p.depth++
			}
			p.word, p.address = "", display.Address{}
		case c == ')':
			p.depth, p.word = max(p.depth-1, 0), ""
		case isLetter(c) || c == '-' || c == '@' || c == '_' || c >= '0' && c <= '9':
			p.word += strings.ToLower(s[i : i+1])
			p.word = p.word[max(0, len(p.word)-20):]
			p.loads = p.loads || p.word == "@import"
			p.address = p.address.After(s[i : i+1])
		default:
			p.word = ""
			if p.loads = p.loads && c != ';' && c != '}'; p.depth > 0 {
				if p.address = p.address.After(s[i : i+1]); c == ',' || c <= ' ' {
					p.address = display.Address{}
				}
			}
		}
	}
	if !p.inAddress() {
		p.address = display.Address{}
	}
	return p
}

// inAddress reports a place whose text may be an address.
func (p cssPlace) inAddress() bool { return p.depth > 0 || p.loads }

func (p cssPlace) join(b cssPlace) cssPlace {
	if p.word != b.word {
		p.word = ""
	}
	p.address = joinAddresses(p.address, b.address)
	// What may be an address is one.
	p.loads = p.loads || b.loads
	p.depth = max(p.depth, b.depth)
	if p.comment != b.comment || p.quote != b.quote {
		p.comment, p.quote, p.depth = false, 0, max(p.depth, 1)
	}
	return p
}
