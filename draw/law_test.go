package draw

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// goldens are requests that the notifiers' tests hold for right.
func goldens(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "notifier", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(files))
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = b
	}
	return out
}

// each calls f for a node and all in it.
func each(n Node, f func(Node)) {
	f(n)
	for _, c := range n.Children {
		each(c, f)
	}
}

// find is the first node of a kind, or one without a kind.
func find(n Node, kind Kind) Node {
	var found Node
	each(n, func(n Node) {
		if found.Kind == "" && n.Kind == kind {
			found = n
		}
	})
	return found
}

// checkTree: the kinds are known, leaves hold no character that nobody would see, and there are not more nodes than a page
// can take.
func checkTree(t *testing.T, n Node, size int) {
	t.Helper()
	known := []Kind{Text, Bold, Italic, Strike, Code, Mention, Link, Mark, Box, Redact, Run, Break, Button, Group, Para, Heading, Small, Pre, Quote, List, Item,
		Fields, Divider, Image, Bar, Fold, Cut, Table, Pair, Labeled, Note, Message, Phone, Request, Lines, Line}
	nodes := 0
	each(n, func(n Node) {
		nodes++
		if !slices.Contains(known, n.Kind) {
			t.Errorf("a node is of the kind %q", n.Kind)
		}
		if strings.ContainsFunc(strings.ReplaceAll(n.Text, "\r\n", ""), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0x202e }) {
			t.Errorf("%s: a text holds what nobody would see: %q", n.Kind, n.Text)
		}
	})
	if limit := 100 + 8*size; nodes > limit {
		t.Errorf("%d nodes of %d bytes", nodes, size)
	}
	if _, err := json.Marshal(n); err != nil {
		t.Error(err)
	}
}

// said is all that a tree says, whichever way, and each string of the JSON in it once more without its escapes.
func said(trees ...Node) string {
	var b strings.Builder
	for _, tree := range trees {
		each(tree, func(n Node) {
			for _, s := range []string{n.Text, n.Style, n.Was} {
				b.WriteString(s)
				b.WriteByte('\n')
			}
			text := TextOf(n)
			b.WriteString(text)
			b.WriteByte('\n')
			if !slices.ContainsFunc(n.Children, func(c Node) bool { return c.Kind == Run }) {
				return
			}
			for in := (scanner{in: text}); ; {
				piece := in.piece()
				if piece == "" {
					break
				}
				if piece[0] == '"' {
					b.WriteString(unquote(piece))
					b.WriteByte('\n')
				}
			}
		})
	}
	return b.String()
}

// checkNoLoss: each word of each text of a JSON value is somewhere in the trees, but for what nobody sees in the channel.
func checkNoLoss(t *testing.T, body []byte, unseen []string, trees ...Node) {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(body))
	if dec.Decode(&v) != nil {
		return
	}
	all := said(trees...)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			for _, word := range strings.FieldsFunc(unescape(v), func(r rune) bool { return !isWordRune(r) || r > unicode.MaxLatin1 || r == utf8.RuneError }) {
				if !strings.Contains(all, word) {
					t.Errorf("%q of %q is not drawn", word, v)
				}
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for k, e := range v {
				if !slices.Contains(unseen, k) {
					walk(e)
				}
			}
		}
	}
	walk(v)
}

// without is a tree without the nodes that have changed one way.
func without(n Node, change string) Node {
	kept := make([]Node, 0, len(n.Children))
	for _, c := range n.Children {
		if c.Change != change {
			kept = append(kept, without(c, change))
		}
	}
	n.Children = kept
	return n
}

// checkCompare is the law of Compare.
func checkCompare(t *testing.T, old, new Node) {
	t.Helper()
	got := Node{Kind: Group, Children: []Node{Compare(old, new)}} // the root itself may be gone or added
	if text, want := TextOf(without(got, "+")), TextOf(Node{Kind: Group, Children: []Node{old}}); text != want {
		t.Errorf("without what was added: %q, want %q", text, want)
	}
	if text, want := TextOf(without(got, "-")), TextOf(Node{Kind: Group, Children: []Node{new}}); text != want {
		t.Errorf("without what is gone: %q, want %q", text, want)
	}
	for _, n := range []Node{old, new} {
		each(Compare(n, n), func(n Node) {
			if n.Change != "" {
				t.Errorf("a change where there is none: %v", n)
			}
		})
	}
}

// line is what stands within a line as one tree.
func line(nodes []Node) Node { return Node{Kind: Para, Children: nodes} }
