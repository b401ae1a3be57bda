package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// What requests of several notifications hold: the documents of Elasticsearch's bulk API, and the lines of Loki's push.

// lokiPush is a push as it is read here.
type lokiPush struct {
	Streams []struct {
		Stream map[string]string   `json:"stream"`
		Values [][]json.RawMessage `json:"values"`
	} `json:"streams"`
}

// maxDrawn is how many documents or lines of one request are drawn.
const maxDrawn = 100

// drawDocuments draws the lines of a bulk request, each set out: where a document goes, and the document.
func drawDocuments(body []byte) []draw.Node {
	var out []draw.Node
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	for _, line := range lines[:min(len(lines), 2*maxDrawn)] {
		out = append(out, draw.Node{Kind: draw.Pre, Children: draw.Indented(line)})
	}
	if more := len(lines)/2 - maxDrawn; more > 0 {
		out = append(out, draw.Node{Kind: draw.Note, Text: fmt.Sprintf("and %s more", display.Count(more, "document"))})
	}
	return out
}

// drawLines draws the lines of a push as Grafana lists them: the line, and below it its labels and metadata.
func drawLines(body []byte) []draw.Node {
	var push lokiPush
	if err := json.Unmarshal(body, &push); err != nil {
		return []draw.Node{{Kind: draw.Pre, Children: draw.Indented(body)}}
	}
	var out []draw.Node
	n := 0
	for _, s := range push.Streams {
		for _, v := range s.Values {
			if n++; n > maxDrawn || len(v) < 2 {
				continue
			}
			var line string
			var metadata map[string]string
			if json.Unmarshal(v[1], &line) != nil {
				line = string(v[1])
			}
			shown := draw.Visible(line)
			if json.Valid([]byte(line)) {
				shown = draw.Indented([]byte(line))
			}
			if len(v) > 2 {
				_ = json.Unmarshal(v[2], &metadata) // without it there are the labels
			}
			table := draw.Node{Kind: draw.Table}
			for _, fields := range []map[string]string{s.Stream, metadata} {
				for _, key := range slices.Sorted(maps.Keys(fields)) {
					table.Children = append(table.Children, draw.Node{Kind: draw.Pair, Text: display.Visible(key), Children: draw.Visible(fields[key])})
				}
			}
			out = append(out, draw.Node{Kind: draw.Pre, Children: shown}, table)
		}
	}
	if n > maxDrawn {
		out = append(out, draw.Node{Kind: draw.Note, Text: fmt.Sprintf("and %s more", display.Count(n-maxDrawn, "line"))})
	}
	return out
}

// firstDocument is what the first alert of a request says, and how many more there are.
func firstDocument(m sandbox.Message) string {
	var what struct {
		Message     string `json:"message"`
		Description string `json:"description"`
		Severity    string `json:"severity"`
		OSSEC       struct {
			Severity string `json:"severity"`
		} `json:"ossec"`
	}
	n := 0
	switch m.Service {
	case sandbox.Elasticsearch:
		lines := bytes.Split(bytes.TrimSpace(m.Body), []byte("\n"))
		if n = len(lines) / 2; n == 0 || json.Unmarshal(lines[1], &what) != nil {
			return ""
		}
	case sandbox.Loki:
		var push lokiPush
		if json.Unmarshal(m.Body, &push) != nil {
			return ""
		}
		for _, s := range push.Streams {
			for _, v := range s.Values {
				var line string
				if n++; n == 1 && (len(v) < 2 || json.Unmarshal(v[1], &line) != nil) {
					return ""
				}
				if n == 1 && json.Unmarshal([]byte(line), &what) != nil {
					what.Message = line
				}
			}
		}
	}
	text := withSeverity(what.OSSEC.Severity+what.Severity, strings.TrimSpace(what.Message+what.Description))
	if n == 0 || text == "" {
		return ""
	}
	if n > 1 {
		text = fmt.Sprintf("%s, and %d more", text, n-1)
	}
	return text
}
