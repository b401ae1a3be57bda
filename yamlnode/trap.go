package yamlnode

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Trap says what YAML made of a text that should have been quoted, or that is missing, and what to write instead:
// a tag, a null, an empty text. It is "" for every other text. of is the entry that the text is the value of, or,
// with item, a value in the list of; its KeyNode may be nil.
func Trap(node *yaml.Node, of Entry, item bool) string {
	in := Subject(of, item)
	switch {
	case Tagged(node):
		return fmt.Sprintf("%s begins with an unquoted !, which makes it a tag in YAML: write %s", in, Quoted(Untagged(node), of, item))
	case node.ShortTag() == "!!null":
		return null(node, of, item)
	case strings.TrimSpace(node.Value) == "":
		return in + " is empty: write a text, or leave the key out"
	}
	return ""
}

// Subject names a value in messages: by its key, or as an item of the key's list.
func Subject(of Entry, item bool) string {
	if item {
		return "an item of " + of.Key
	}
	return of.Key
}

// Quoted is how a text should have been written: behind its key, or alone in a list.
func Quoted(text string, of Entry, item bool) string {
	if item {
		return strconv.Quote(text)
	}
	return of.Key + ": " + strconv.Quote(text)
}

func null(node *yaml.Node, of Entry, item bool) string {
	in, comment := Subject(of, item), ""
	if of.KeyNode != nil {
		comment = of.KeyNode.LineComment
	}
	switch {
	case node.Value == "~":
		return in + " is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out"
	case node.Value != "":
		return fmt.Sprintf("%s is %s, which is nothing in YAML: if you mean the word, write %s", in, node.Value, Quoted(node.Value, of, item))
	case strings.HasPrefix(comment, "#") && !strings.HasPrefix(comment, "# "):
		return fmt.Sprintf("%s has no value, because an unquoted # begins a comment: write %s", in, Quoted(comment, of, item))
	}
	return in + " has no value: write one (in quotes if it begins with #), or leave the key out"
}
