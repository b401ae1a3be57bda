package live

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/views"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/templates"
)

// cardMaker makes the cards of one alert.
type cardMaker struct {
	g      *Previews
	ctx    context.Context
	alert  *alert.Alert
	tricks []draw.Trick
}

// card is what one receiver would get, and how that differs from what it would have got by another revision: other is nil
// where nothing is compared, earlier where it would not have been told.
func (m *cardMaker) card(r *revision, s *sheet, other *revision, earlier *sheet) page.Card {
	rc := r.receiver(s.Receiver.Name)
	c := page.Card{
		Receiver: s.Receiver.Name, Channel: s.Receiver.Channel, Where: where(s), Route: s.Route, Template: templateOf(rc, s),
		New: other != nil && earlier == nil && s.Route != "", Changed: earlier != nil && !s.same(earlier),
		Marks: page.Marks{Mentions: []string{}}, Views: []page.View{},
	}
	if s.shown.TemplateErr != nil {
		c.Problems = append(c.Problems, page.CardProblem{Kind: "template", Problem: r.failure(s.Receiver.Templates, s.shown.TemplateErr)})
	}
	for _, b := range r.broken {
		if b.concerns(rc) {
			c.Problems = append(c.Problems, page.CardProblem{Kind: "template", Problem: b.Problem})
		}
	}
	for _, p := range r.unread[s.Receiver.Name] {
		c.Problems = append(c.Problems, page.CardProblem{Kind: "secret", Problem: p})
	}
	if s.err != nil {
		c.Problems = append(c.Problems, page.CardProblem{Kind: "error", Problem: page.Problem{Text: s.err.Error()}})
		c.Views = append(c.Views, page.View{ID: page.ViewShown, Label: "As shown", Draw: []draw.Node{{Kind: draw.Para, Children: draw.Visible("There is no message: " + s.err.Error())}}}, templateView(s, c.Template))
		return c
	}
	d := m.drawn(s)
	c.Marks = d.marks
	c.Limits = limits(s, d.cut)
	if d.cut > 0 {
		c.Problems = append(c.Problems, page.CardProblem{Kind: "limit", Problem: page.Problem{Text: display.Thousands(d.cut) + " " + d.cutUnit + " cut"}})
	}
	c.Views = d.views
	if c.Changed {
		old := m.drawn(earlier)
		for i, v := range c.Views {
			j := slices.IndexFunc(old.views, func(o page.View) bool { return o.ID == v.ID })
			switch {
			case j < 0 || v.Frame != "":
			case v.ID == page.ViewRequest:
				c.Views[i].Draw = []draw.Node{{Kind: draw.Pre, Children: draw.CompareLines(requestText(earlier), requestText(s))}}
			default:
				c.Views[i].Draw = []draw.Node{draw.Compare(draw.Node{Kind: draw.Group, Children: old.views[j].Draw}, draw.Node{Kind: draw.Group, Children: v.Draw})}
			}
		}
	}
	c.Views = append(c.Views, templateView(s, c.Template))
	if s.shown.Requests != nil && len(*s.shown.Requests) > 0 {
		first := (*s.shown.Requests)[0]
		c.Curl, c.Copy = curl(first), copied(first)
	} else {
		c.Copy = display.Visible(s.shown.Message)
		if text, document := s.shown.Document(); text == "" && s.shown.Mail() == "" {
			c.Copy = string(display.SetOut(display.JSON([]byte(document))))
		}
	}
	return c
}

// concerns reports whether a broken template is one of the receiver's, or one that all share.
func (b brokenTemplate) concerns(rc *config.Receiver) bool {
	own := func(name string) bool { return name == b.name || strings.HasSuffix(name, "/"+b.name) }
	if rc == nil || slices.ContainsFunc(rc.TemplateFiles(), own) {
		return true
	}
	return slices.ContainsFunc(templates.Default().Sources(), func(s templates.Source) bool { return s.Name == b.name })
}

// maxWhere is how much is said of the addresses of a mail, in characters.
const maxWhere = 80

// where says in what way a receiver is reached.
func where(s *sheet) string {
	switch s.Receiver.Channel {
	case "slack":
		if s.Receiver.Place != "" {
			return "Slack, " + s.Receiver.Place
		}
		return "Slack, incoming webhook"
	case "pagerduty":
		return "PagerDuty Events v2"
	case "splunk":
		return "Splunk HEC"
	case "elasticsearch":
		return "Elasticsearch"
	case "loki":
		return "Loki"
	case "email":
		if m, err := mail.ReadMessage(strings.NewReader(s.shown.Mail())); err == nil {
			return display.Quote("Mail · " + strings.NewReplacer("<", "", ">", "").Replace(m.Header.Get("To"))).Line().CutEnd(maxWhere).String()
		}
		return "Mail"
	case "webhook":
		if p := s.Receiver.Preset; p != "" {
			return "Webhook, preset " + p
		}
		return "Webhook"
	}
	if s.shown.To != "" {
		return display.Words(s.Receiver.Channel + " · " + display.Visible(s.shown.To)).Line().CutEnd(maxWhere).Capital().String() // the config has it
	}
	return s.Receiver.Channel
}

// drawing is a message as its channel shows it.
type drawing struct {
	views   []page.View
	marks   page.Marks
	cut     int
	cutUnit string
}

func (m *cardMaker) drawn(s *sheet) drawing {
	var d drawing
	switch {
	case s.shown.Mail() != "":
		d.views = views.Mail([]byte(s.shown.Mail()), m.g.Keep)
	case s.shown.Message != "":
		d.views = views.Composed(s.shown)
	case s.shown.Requests != nil:
		for _, r := range *s.shown.Requests {
			d.views = append(d.views, views.Request(s.Receiver.Channel, r)...)
		}
		d.views = joined(d.views)
	}
	d.marks.Mentions = []string{}
	// To a machine the alert goes as it came, as JSON: nothing there is made harmless.
	machine := slices.Contains([]string{"webhook", "splunk", "elasticsearch", "loki"}, s.Receiver.Channel) || s.shown.Message != "" && s.shown.Mail() == ""
	for i, v := range d.views {
		if machine || v.ID != page.ViewShown && v.ID != page.ViewText && v.ID != page.ViewHTML {
			continue
		}
		for j, n := range v.Draw {
			marked, count := draw.Neutralise(n, m.tricks)
			d.marks.Neutralised += count
			d.look(marked)
			if d.cut > 0 { // tricks are counted without what the message does not hold
				marked = draw.WithRest(marked, textsOf(m.alert)...)
			}
			d.views[i].Draw[j] = marked
		}
	}
	return d
}

// look notes whom the operator mentions, and what was cut.
func (d *drawing) look(n draw.Node) {
	switch n.Kind {
	case draw.Mark: // the alert's
		return
	case draw.Mention:
		if !slices.Contains(d.marks.Mentions, n.Text) {
			d.marks.Mentions = append(d.marks.Mentions, n.Text)
		}
	case draw.Cut:
		if m := cutWords.FindStringSubmatch(n.Text); m != nil && d.cut == 0 {
			d.cut, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
			d.cutUnit = m[2]
		}
	}
	for _, c := range n.Children {
		d.look(c)
	}
}

// cutWords are those of a [draw.Cut].
var cutWords = regexp.MustCompile(`^([\d,]+) (\w+)`)

// joined are the views of several requests, those of one kind in one.
func joined(views []page.View) []page.View {
	var out []page.View
	for _, v := range views {
		if i := slices.IndexFunc(out, func(o page.View) bool { return o.ID == v.ID }); i >= 0 {
			out[i].Draw = append(out[i].Draw, v.Draw...)
			continue
		}
		out = append(out, v)
	}
	return out
}

// requestText is what is compared of requests, line by line.
func requestText(s *sheet) string {
	if s.shown.Requests == nil {
		return ""
	}
	var b strings.Builder
	for _, r := range *s.shown.Requests {
		fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL)
		for _, h := range views.Pairs(r.Headers) {
			fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
		}
		body := r.Text()
		if j, ok := r.Body.(json.RawMessage); ok {
			body = string(display.SetOut(j))
		}
		fmt.Fprintf(&b, "\n%s\n", body)
	}
	return b.String()
}

// templateOf is the file that makes the message of a receiver.
func templateOf(rc *config.Receiver, s *sheet) string {
	usual := s.Receiver.Channel + ".tmpl"
	if !s.n.Parts["html"].Blank() {
		usual = s.Receiver.Channel + ".html.tmpl"
	}
	if rc == nil {
		return usual
	}
	if p := rc.Config.Preset(); p != "" {
		return p + ".yaml"
	}
	return append(rc.TemplateFiles(), usual)[0]
}

var defines = regexp.MustCompile(`\{\{-?\s*define\s+"([^"]+)"`)

// maxTemplate is how much of a template is shown, in lines.
const maxTemplate = 2000

// templateView is the source of the template, with the defines marked that made this message.
func templateView(s *sheet, file string) page.View {
	base := file[strings.LastIndexByte(file, '/')+1:]
	out := page.View{ID: page.ViewTemplate, Label: "Template"}
	var text string
	for _, src := range s.Receiver.Templates.Sources() { // the last lies over the others
		if src.Name == base {
			text = src.Text
		}
	}
	raws := s.Receiver.Templates.RawUses()
	style := ""
	n := 0
	lines := draw.Node{Kind: draw.Lines}
	for line := range strings.Lines(text) {
		if n++; n > maxTemplate {
			break
		}
		if m := defines.FindStringSubmatch(line); m != nil {
			channel, part, _ := strings.Cut(m[1], ".")
			style = ""
			if _, made := s.n.Parts[part]; made && channel == s.Receiver.Channel {
				style = "here"
			}
		}
		as := style
		if slices.ContainsFunc(raws, func(u templates.Use) bool {
			return (u.File == base || strings.HasPrefix(u.File, base+"/")) && u.Line == n
		}) {
			as = "raw"
		}
		lines.Children = append(lines.Children, draw.Node{Kind: draw.Line, Text: strconv.Itoa(n), Style: as, Children: draw.Visible(strings.TrimRight(line, "\r\n"))})
	}
	if n == 0 {
		out.Draw = []draw.Node{{Kind: draw.Para, Children: draw.Visible("The message has no template of its own: its parts are those of parts.tmpl.")}}
		return out
	}
	out.Draw = []draw.Node{lines}
	return out
}

// limits are how much of each limit the message takes, the fullest first. What was cut was cut of the log.
func limits(s *sheet, cut int) []page.Limit {
	c, ok := s.Receiver.Notifier.(notifier.Metered)
	if !ok {
		return nil
	}
	var out []page.Limit
	for _, m := range c.Meters(s.n) {
		l := page.Limit{Name: meterName(m.Name), N: m.N, Of: m.Limit, Unit: "characters"}
		if m.Name == "log" {
			l.Cut = cut
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b page.Limit) int { return cmp.Compare(b.N*max(a.Of, 1), a.N*max(b.Of, 1)) })
	return out
}

// meterName is the name of a meter as it stands alone.
func meterName(name string) string {
	switch name {
	case "key":
		return "Dedup key"
	case "blocks":
		return "All blocks"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// copied is the body for the clipboard. JSON stays the same JSON; nothing in it steers where it is pasted.
func copied(r preview.Request) string {
	if j, ok := r.Body.(json.RawMessage); ok {
		return string(display.SetOut(display.JSON(j)))
	}
	return display.Visible(r.Text())
}

// curl is a request as a command. Secrets are not in it, as they are not in the request; what they are replaced by stays to
// be filled in.
func curl(r preview.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "curl -X %s %s", r.Method, shellWord(r.URL))
	for _, h := range views.Pairs(r.Headers) {
		if h[0] == "Content-Encoding" || h[0] == "Content-Length" { // the body is shown inflated
			continue
		}
		fmt.Fprintf(&b, " -H %s", shellWord(h[0]+": "+h[1]))
	}
	body := r.Text()
	if j, ok := r.Body.(json.RawMessage); ok {
		body = string(display.JSON(j))
	}
	if body != "" {
		fmt.Fprintf(&b, " --data-raw %s", shellWord(body))
	}
	return b.String()
}

// shellWord is s as one word of a shell, on one line: pasted into a terminal it is that word whatever it holds.
func shellWord(s string) string {
	steers := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
	}
	if !strings.ContainsFunc(s, steers) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case steers(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case steers(r) && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case steers(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString("'")
	return b.String()
}

// maxTexts is how many texts of an alert are looked at, and maxTextDepth how deep they may lie.
const (
	maxTexts     = 500
	maxTextDepth = 20
)

// eachText goes through the texts of an alert, each with its path.
func eachText(a *alert.Alert, f func(path, text string)) {
	n := 0
	var walk func(path string, v any, depth int)
	walk = func(path string, v any, depth int) {
		if n >= maxTexts || depth > maxTextDepth {
			return
		}
		switch v := v.(type) {
		case string:
			n++
			f(path, v)
		case []any:
			for _, x := range v {
				walk(path, x, depth+1)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				below := k
				if path != "" {
					below = path + "." + k
				}
				walk(below, v[k], depth+1)
			}
		}
	}
	walk("", a.Original, 0)
}

// tricksOf are what the texts of an alert hold that would act, were it not made harmless.
func tricksOf(a *alert.Alert) []draw.Trick {
	var out []draw.Trick
	eachText(a, func(path, text string) { out = append(out, draw.Tricks(text, path)...) })
	return out
}

// textsOf are the texts of an alert of which a message may show no more than the beginning: the evidence, which is made of several, and
// the fields.
func textsOf(a *alert.Alert) []string {
	evidence := family.Read(a).Evidence.Text
	out := []string{evidence}
	eachText(a, func(_, text string) {
		if evidence == "" || !strings.HasPrefix(text, evidence) { // mostly it is the log
			out = append(out, text)
		}
	})
	return out
}
