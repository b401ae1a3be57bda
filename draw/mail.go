package draw

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Letter is a mail, as the views of it need it. A view that the mail has nothing for has the Kind "".
type Letter struct {
	Subject string
	Headers Node   // a Table: those that a reader sees
	More    Node   // a Table: the others
	Text    Node   // a Group of Pre of 72 columns, with a Break of the style fold where a line goes on
	Source  Node   // a Pre: the mail as it is sent
	HTML    string // for a sandboxed frame: its images from the mail itself are within it
	// Inlined counts those images. Remote counts what a mail program would load from elsewhere, which the frame's policy
	// blocks. Active counts scripts, forms and the like, which do nothing there.
	Inlined, Remote, Active int
	// Attached are the names of parts that are neither text nor HTML nor an image of it.
	Attached []string
}

// Bounds of a mail: bytes, parts within one another, parts in all, columns of the text.
const (
	maxMail      = 10 << 20
	maxMailDepth = 8
	maxMailParts = 200
	mailColumns  = 72
)

// Mail reads a mail (RFC 5322, MIME). Where it has mistakes, what can be read of it is there, with the error.
func Mail(message []byte) (*Letter, error) {
	if len(message) > maxMail {
		return nil, errors.New("draw the mail: it has over 10 MiB")
	}
	l := &Letter{Source: Node{Kind: Pre, Children: mailSource(string(message))}}
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return l, fmt.Errorf("draw the mail: %w", err)
	}
	words := mime.WordDecoder{CharsetReader: charset}
	decoded := func(s string) string {
		if d, err := words.DecodeHeader(s); err == nil {
			return d
		}
		return s
	}
	l.Subject = decoded(m.Header.Get("Subject"))
	l.Headers, l.More = Node{Kind: Table}, Node{Kind: Table, Text: "other headers"}
	add := func(table *Node, name string) {
		for _, v := range m.Header[name] {
			table.Children = append(table.Children, Node{Kind: Pair, Text: written(name), Children: lines(decoded(v))})
		}
	}
	first := []string{"From", "To", "Cc", "Reply-To", "Subject", "Date"}
	for _, name := range first {
		add(&l.Headers, name)
	}
	names := make([]string, 0, len(m.Header))
	for name := range m.Header {
		if !slices.Contains(first, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		add(&l.More, name)
	}
	r := mailReader{images: map[string]string{}}
	err = r.part(mailHeader(m.Header), m.Body, 0)
	if r.hasText {
		l.Text = mailText(r.text)
	}
	l.Attached = r.attached
	if r.html != "" {
		l.HTML, l.Inlined = inlined(r.html, r.images)
		l.Remote = countRemote(r.html)
		l.Active = len(htmlParts().active.FindAllStringIndex(r.html, -1))
	}
	if err != nil {
		return l, fmt.Errorf("draw the mail: %w", err)
	}
	return l, nil
}

// mailHeader is what the headers of a mail and of a part have in common.
type mailHeader map[string][]string

func (h mailHeader) get(name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// mailReader gathers the parts of a mail: the first text, the first HTML, and images by their id.
type mailReader struct {
	text, html string
	hasText    bool
	images     map[string]string // as data: URLs
	attached   []string
	parts      int
}

func (r *mailReader) part(h mailHeader, body io.Reader, depth int) error {
	if r.parts++; depth > maxMailDepth || r.parts > maxMailParts {
		return errors.New("it has too many parts")
	}
	kind, params, err := mime.ParseMediaType(h.get("Content-Type"))
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := r.part(mailHeader(p.Header), p, depth+1); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, err := io.ReadAll(body)
	id := strings.Trim(h.get("Content-Id"), "<> ")
	switch {
	case kind == "text/plain" && !r.hasText:
		r.text, r.hasText = inUTF8(b, params["charset"]), true
	case kind == "text/html" && r.html == "":
		r.html = inUTF8(b, params["charset"])
	case strings.HasPrefix(kind, "image/") && id != "":
		r.images[id] = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b)
	default:
		_, named, _ := mime.ParseMediaType(h.get("Content-Disposition"))
		name := named["filename"]
		if name == "" {
			name = kind
		}
		r.attached = append(r.attached, written(name))
	}
	if err != nil {
		return fmt.Errorf("a part of type %s: %w", kind, err)
	}
	return nil
}

// charset is for headers: what is Latin-1, by whichever name, as UTF-8; other sets but UTF-8 are left as they are.
func charset(name string, r io.Reader) (io.Reader, error) {
	b, err := io.ReadAll(r)
	return strings.NewReader(inUTF8(b, name)), err
}

func inUTF8(b []byte, charset string) string {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "latin1", "windows-1252":
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes)
	}
	return string(b)
}

// mailText is a mail's text as a program of 72 columns shows it, with a Cut before each note of ours that something was left
// out.
func mailText(s string) Node {
	text := Node{Kind: Group}
	var block []string
	flush := func() {
		if len(block) > 0 {
			text.Children = append(text.Children, Node{Kind: Pre, Children: wrapped(block)})
		}
		block = nil
	}
	for _, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if words := cutWords(strings.TrimSpace(line)); words != "" && len(text.Children) < maxCuts {
			flush()
			text.Children = append(text.Children, Node{Kind: Cut, Text: words})
		}
		block = append(block, line)
	}
	flush()
	return text
}

// maxCuts is how many notes of what was left out are looked for: a mail has one or two.
const maxCuts = 20

// wrapped are lines in 72 columns.
func wrapped(all []string) []Node {
	var out []Node
	for i, line := range all {
		for utf8.RuneCountInString(line) > mailColumns {
			n := wrapAt(line)
			out = append(appendVisible(out, line[:n], Text, ""), Node{Kind: Break, Style: foldMark})
			line = line[n:]
		}
		if i < len(all)-1 {
			line += "\n"
		}
		out = appendVisible(out, line, Text, "")
	}
	return joined(out)
}

// wrapAt is where a line is wrapped that is too long: behind a blank, or within a word that has none.
func wrapAt(line string) int {
	n := 0
	for range mailColumns {
		_, size := utf8.DecodeRuneInString(line[n:])
		n += size
	}
	if i := strings.LastIndexByte(line[:n], ' '); i > n/2 {
		return i + 1
	}
	return n
}

// joined makes one text of texts side by side.
func joined(nodes []Node) []Node {
	var out []Node
	for _, n := range nodes {
		if last := len(out) - 1; last >= 0 && isSame(out[last], n) {
			out[last].Text += n.Text
			continue
		}
		out = append(out, n)
	}
	return out
}

// mailSource is the mail as it is sent, with the names of headers told apart.
func mailSource(s string) []Node {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var out []Node
	for s != "" {
		line, rest, found := strings.Cut(s, "\n")
		if line == "" {
			break
		}
		if found {
			line += "\n"
		}
		if i := strings.IndexByte(line, ':'); i > 0 && headerName.MatchString(line[:i]) {
			out = append(out, Node{Kind: Run, Style: "name", Text: line[:i+1]})
			line = line[i+1:]
		}
		out = append(out, Visible(line)...)
		s = rest
	}
	return append(out, Visible(s)...)
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

var contentID = regexp.MustCompile(`(?i)cid:([^"'\s>)]+)`)

// inlined is HTML with the images that the mail brings.
func inlined(page string, images map[string]string) (string, int) {
	if len(images) == 0 {
		return page, 0
	}
	n, size := 0, len(page)
	page = contentID.ReplaceAllStringFunc(page, func(m string) string {
		id := m[len("cid:"):]
		if decoded, err := url.PathUnescape(id); err == nil && images[decoded] != "" {
			id = decoded
		}
		data := images[id]
		if size += len(data); data == "" || size > 2*maxMail { // named many times
			return m
		}
		n++
		return data
	})
	return page, n
}

// htmlParts find what a page would do or load. They are made where mail is drawn: few commands do.
var htmlParts = sync.OnceValue(func() (p struct{ attr, set, style, link, ofSet, comment, active *regexp.Regexp }) {
	p.attr = regexp.MustCompile(`(?i)[\s"'](?:src|background|poster|data)\s*=\s*["']?\s*(?:https?:)?//`)
	p.set = regexp.MustCompile(`(?i)\bsrcset\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)`)
	p.style = regexp.MustCompile(`(?i)(?:\burl\(\s*["']?\s*|@import\s+["'])(?:https?:)?//`)
	p.link = regexp.MustCompile(`(?i)<link\b[^>]*\bhref\s*=\s*["']?\s*(?:https?:)?//`)
	p.ofSet = regexp.MustCompile(`(?i)(?:https?:)?//`)
	p.comment = regexp.MustCompile(`(?s)<!--.*?-->`)
	p.active = regexp.MustCompile(`(?i)<(?:script|form|iframe|object|embed|applet)\b|<meta\b[^>]*http-equiv\s*=\s*["']?refresh|\son[a-z]+\s*=\s*["']|\bjavascript:`)
	return p
})

// countRemote counts what a page would load from elsewhere.
func countRemote(page string) int {
	parts := htmlParts()
	page = parts.comment.ReplaceAllString(page, "")
	n := 0
	for _, r := range []*regexp.Regexp{parts.attr, parts.style, parts.link} {
		n += len(r.FindAllStringIndex(page, -1))
	}
	for _, set := range parts.set.FindAllString(page, -1) {
		n += len(parts.ofSet.FindAllStringIndex(set, -1))
	}
	return n
}
