package draw

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ossec-notify/ossec-notify/display"
)

// maxDrawn is how many documents or lines of one request are drawn.
const maxDrawn = 100

// Documents draws the lines of a bulk request, each set out: where a document goes, and the document.
func Documents(body []byte) []Node {
	var out []Node
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	for _, line := range lines[:min(len(lines), 2*maxDrawn)] {
		out = append(out, Node{Kind: Pre, Children: Indented(line)})
	}
	if more := len(lines)/2 - maxDrawn; more > 0 {
		out = append(out, Node{Kind: Note, Text: fmt.Sprintf("and %s more", display.Count(more, "document"))})
	}
	return out
}

// PushedLines draws the lines of a push as Grafana lists them: the line, and below it its labels and metadata.
func PushedLines(body []byte) []Node {
	var push lokiPush
	if err := json.Unmarshal(body, &push); err != nil {
		return []Node{{Kind: Pre, Children: Indented(body)}}
	}
	var out []Node
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
			shown := Visible(line)
			if json.Valid([]byte(line)) {
				shown = Indented([]byte(line))
			}
			if len(v) > 2 {
				_ = json.Unmarshal(v[2], &metadata) // without it there are the labels
			}
			table := Node{Kind: Table}
			for _, fields := range []map[string]string{s.Stream, metadata} {
				for _, key := range slices.Sorted(maps.Keys(fields)) {
					table.Children = append(table.Children, Node{Kind: Pair, Text: display.Visible(key), Children: Visible(fields[key])})
				}
			}
			out = append(out, Node{Kind: Pre, Children: shown}, table)
		}
	}
	if n > maxDrawn {
		out = append(out, Node{Kind: Note, Text: fmt.Sprintf("and %s more", display.Count(n-maxDrawn, "line"))})
	}
	return out
}

// lokiPush is a push as it is read here.
type lokiPush struct {
	Streams []struct {
		Stream map[string]string   `json:"stream"`
		Values [][]json.RawMessage `json:"values"`
	} `json:"streams"`
}
