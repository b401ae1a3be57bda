package draw

import (
	"encoding/json"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Web draws a request as it is: method, address, headers (name and value, in the order given), and the body by its type: JSON
// set out and in colours, a form as its pairs, else text. Characters that nobody would see are boxes.
func Web(method, address string, headers [][2]string, body []byte) Node {
	n := Node{Kind: Request, Text: written(method), Children: []Node{{Kind: Para, Children: Visible(address)}}}
	kind := ""
	for _, h := range headers {
		if strings.EqualFold(h[0], "Content-Type") {
			kind, _, _ = mime.ParseMediaType(h[1]) // what it cannot read is no type that we know
		}
		n.Children = append(n.Children, Node{Kind: Pair, Text: written(h[0]), Children: Visible(h[1])})
	}
	if len(body) > 0 {
		n.Children = append(n.Children, webBody(kind, body))
	}
	return n
}

func webBody(kind string, body []byte) Node {
	switch {
	case kind == "application/x-www-form-urlencoded":
		table := Node{Kind: Table, Text: "the form, decoded"}
		for _, f := range formOf(string(body)) {
			var value []Node
			if s := f[1]; strings.HasPrefix(s, "[") || strings.HasPrefix(s, "{") {
				value = []Node{{Kind: Pre, Children: Indented([]byte(s))}}
			} else {
				value = lines(s)
			}
			table.Children = append(table.Children, Node{Kind: Pair, Text: written(f[0]), Children: value})
		}
		return table
	case kind == "application/json", strings.HasSuffix(kind, "+json"), json.Valid(body):
		return Node{Kind: Pre, Children: Indented(body)}
	case !utf8.Valid(body):
		return Node{Kind: Pre, Children: Visible(shortBinary(body))}
	}
	return Node{Kind: Pre, Children: Visible(string(body))}
}

// shortBinary is as much of a body that is no text as is of use to look at.
func shortBinary(body []byte) string {
	if len(body) <= maxBinary {
		return string(body)
	}
	return string(body[:maxBinary]) + "…"
}

// maxBinary is how many bytes are drawn of what is no text.
const maxBinary = 4096

// formOf are the pairs of a form in their order. What is not encoded as it should be stays as it is.
func formOf(body string) [][2]string {
	if body == "" {
		return nil
	}
	decode := func(s string) string {
		if d, err := url.QueryUnescape(s); err == nil {
			return d
		}
		return s
	}
	var out [][2]string
	for _, pair := range strings.SplitN(body, "&", maxPairs) {
		name, value, _ := strings.Cut(pair, "=")
		out = append(out, [2]string{decode(name), decode(value)})
	}
	return out
}

// maxPairs is how many pairs of a form are drawn each by itself; the others are the last one's value.
const maxPairs = 1000
