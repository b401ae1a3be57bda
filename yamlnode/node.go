package yamlnode

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Entry is one key of a mapping with its value, aliases resolved.
type Entry struct {
	Key            string
	KeyNode, Value *yaml.Node
}

// Resolve follows an alias, and a document to what it holds. It is nil where there is nothing, as in a document
// that is empty.
func Resolve(node *yaml.Node) *yaml.Node {
	for node != nil {
		switch {
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		case node.Kind == yaml.DocumentNode && len(node.Content) == 1:
			node = node.Content[0]
		default:
			return node
		}
	}
	return nil
}

// At is the value at a path of keys, merged ones too, or the deepest value on the way to it: the best place for a
// problem with what may not be there. A key such as success[1] is an item of the list success.
func At(node *yaml.Node, path ...string) *yaml.Node {
	node = Resolve(node)
	for _, key := range path {
		next := find(node, key, map[*yaml.Node]bool{})
		if next == nil {
			return item(node, key)
		}
		node = next
	}
	return node
}

// ItemWith is the item of a list that holds a text, or the node itself where none does, or it is no list.
func ItemWith(node *yaml.Node, text string) *yaml.Node {
	if node.Kind == yaml.SequenceNode {
		for _, item := range node.Content {
			if item = Resolve(item); item != nil && item.Value == text {
				return item
			}
		}
	}
	return node
}

// item is what a key with a number names below a mapping, or the deepest value on the way to it.
func item(node *yaml.Node, key string) *yaml.Node {
	name, rest, _ := strings.Cut(key, "[")
	list := find(node, name, map[*yaml.Node]bool{})
	if list == nil {
		return node
	}
	if i, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); err == nil && list.Kind == yaml.SequenceNode && i >= 0 && i < len(list.Content) {
		return Resolve(list.Content[i])
	}
	return list
}

// find is the value of a key of a mapping: its own, else the first merged one. seen are the nodes that were
// looked into, for aliases can make a mapping merge itself.
func find(node *yaml.Node, key string, seen map[*yaml.Node]bool) *yaml.Node {
	if node == nil || seen[node] {
		return nil
	}
	seen[node] = true
	if node.Kind == yaml.SequenceNode { // the sources of a merge
		for _, item := range node.Content {
			if found := find(Resolve(item), key, seen); found != nil {
				return found
			}
		}
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return nil
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		switch k := Resolve(node.Content[i]); {
		case k == nil || k.Kind != yaml.ScalarNode:
		case isMerge(k):
			merged = append(merged, Resolve(node.Content[i+1]))
		case k.Value == key:
			return Resolve(node.Content[i+1])
		}
	}
	for _, m := range merged {
		if found := find(m, key, seen); found != nil {
			return found
		}
	}
	return nil
}

func isMerge(key *yaml.Node) bool { return key.Value == "<<" && key.ShortTag() == "!!merge" }

// Kind says what a node is, in words that fit behind "is".
func Kind(node *yaml.Node) string {
	switch {
	case Tagged(node):
		return "a YAML tag"
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.ShortTag() == "!!null":
		return "empty"
	}
	return "a text"
}

// Tagged reports whether the node has a tag that somebody wrote, the bare ! included.
func Tagged(node *yaml.Node) bool { return node.Style&yaml.TaggedStyle != 0 || node.Tag == "!" }

// Untagged is the text that a tag and its value were meant to be.
func Untagged(node *yaml.Node) string {
	if tag := node.ShortTag(); strings.HasPrefix(tag, "!!") && node.Tag != "!" {
		return node.Value
	}
	if node.Tag == "!" {
		return "!" + node.Value
	}
	return strings.TrimSpace(node.Tag + " " + node.Value)
}
