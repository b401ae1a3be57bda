// Package views owns how a message becomes the views of a card: as its channel shows it, and as it is. What a preview caught and what
// arrived at a stand-in look alike by it. It draws with package draw, and knows no config and no template.
package views

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/preview"
)

// Request draws a request as its channel shows it, and as it is.
func Request(channel string, r preview.Request) []page.View {
	body := []byte(r.Text())
	var shown []draw.Node
	two := func(message, phone draw.Node, err error) {
		if phone.Kind != "" {
			if channel == "pagerduty" { // it is what wakes
				shown = append(shown, phone)
			}
		}
		if shown = append(shown, message); phone.Kind != "" && channel != "pagerduty" {
			shown = append(shown, phone)
		}
		if err != nil {
			shown = append(shown, draw.Node{Kind: draw.Note, Text: err.Error()})
		}
	}
	switch channel {
	case "slack":
		two(draw.Slack(body))
	case "pagerduty":
		two(draw.PagerDuty(body))
	case "splunk":
		n, err := splunkEvents(r.URL, body)
		two(n, draw.Node{}, err)
	case "elasticsearch":
		shown = draw.Documents(body)
	case "loki":
		shown = draw.PushedLines(body)
	default:
		shown = []draw.Node{{Kind: draw.Pre, Children: draw.Indented(body)}}
	}
	return []page.View{
		{ID: page.ViewShown, Label: "As shown", Draw: shown},
		{ID: page.ViewRequest, Label: "Request", Draw: []draw.Node{draw.Web(r.Method, r.URL, Pairs(r.Headers), body)}},
	}
}

// Composed are the views of a message that is one text: with its JSON set out, and as it is.
func Composed(shown preview.Shown) []page.View {
	pre := draw.Node{Kind: draw.Pre}
	text, document := shown.Document()
	if text != "" && document != "" {
		text += "\n"
	}
	pre.Children = draw.Visible(text)
	if document != "" {
		pre.Children = append(pre.Children, draw.Indented([]byte(document))...)
	}
	return []page.View{
		{ID: page.ViewShown, Label: "As shown", Draw: []draw.Node{pre}},
		{ID: page.ViewSource, Label: "Source", Draw: []draw.Node{{Kind: draw.Pre, Children: draw.Visible(shown.Message)}}},
	}
}

// splunkEvents draws what a request brings to a collector: lines to its raw endpoint, else events in their envelopes.
func splunkEvents(address string, body []byte) (draw.Node, error) {
	if u, err := url.Parse(address); err == nil && preview.IsRawEndpoint(u) {
		return draw.EventLines(u.Query(), body)
	}
	return draw.Event(body)
}

// Pairs are headers in the order of their names.
func Pairs(headers map[string]string) [][2]string {
	var out [][2]string
	for _, k := range slices.Sorted(maps.Keys(headers)) {
		out = append(out, [2]string{k, headers[k]})
	}
	return out
}

// Mail are the views of a mail. keep keeps its HTML for the frame.
func Mail(message []byte, keep func([]byte) string) []page.View {
	l, err := draw.Mail(message)
	if l == nil {
		return []page.View{{ID: page.ViewSource, Label: "Source", Draw: []draw.Node{{Kind: draw.Pre, Children: draw.Visible(string(message))}}}}
	}
	var notes []draw.Node
	note := func(n int, format string) {
		if n > 0 {
			notes = append(notes, draw.Node{Kind: draw.Note, Text: fmt.Sprintf(format, display.Count(n, "part"))})
		}
	}
	if err != nil {
		notes = append(notes, draw.Node{Kind: draw.Note, Text: err.Error()})
	}
	var views []page.View
	if l.HTML != "" {
		note(l.Remote, "%s would be loaded from elsewhere; nothing is")
		note(l.Active, "%s would act, such as a script or a form; none does")
		views = append(views, page.View{ID: page.ViewHTML, Label: "HTML", Draw: append([]draw.Node{l.Headers}, notes...), Frame: keep([]byte(l.HTML))})
	}
	return append(views,
		page.View{ID: page.ViewText, Label: "Text", Draw: append([]draw.Node{l.Headers, l.Text}, notes...)},
		page.View{ID: page.ViewSource, Label: "Source", Draw: []draw.Node{l.Source}},
	)
}
