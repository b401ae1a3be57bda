package draw

// richBlock draws an element of rich text that is a block.
func richBlock(v *value, depth int) []Node {
	if v.kind != '{' || depth > maxRichDepth {
		return []Node{labelled("rich text", v.raw)}
	}
	kind := v.text("type")
	elements := v.list("elements")
	v.ignore("indent", "offset", "border", "style")
	var out []Node
	switch kind {
	case "rich_text_section":
		out = richSpans(elements, Para)
	case "rich_text_preformatted":
		out = richSpans(elements, Pre)
	case "rich_text_quote":
		out = []Node{{Kind: Quote, Children: richSpans(elements, Para)}}
	case "rich_text_list":
		list := Node{Kind: List}
		for i := range elements {
			list.Children = append(list.Children, Node{Kind: Item, Children: richBlock(&elements[i], depth+1)})
		}
		out = []Node{list}
	default:
		return []Node{labelled("rich text "+written(kind), v.raw)}
	}
	return append(out, v.rest("more in the rich text")...)
}

// maxRichDepth is how many lists stand in one another at most: Slack takes none within another.
const maxRichDepth = 8

// richSpans draws elements within a line of rich text. Its text is literal: no markup, no entities.
func richSpans(elements []value, block Kind) []Node {
	var out []Node
	for i := range elements {
		out = append(out, richSpan(&elements[i], block == Pre)...)
	}
	return wrap(out, block)
}

func richSpan(v *value, inPre bool) []Node {
	if v.kind != '{' {
		return []Node{labelled("rich text", v.raw)}
	}
	style := v.take("style")
	var node []Node
	switch kind := last(v, "type"); kind {
	case "text":
		if s := v.text("text"); inPre {
			node = Visible(s)
		} else {
			node = lines(s)
		}
	case "link":
		at := v.text("url")
		label := v.text("text")
		if label == "" {
			label = at
		}
		node = []Node{{Kind: Link, Style: written(at), Children: Visible(label)}}
	case "emoji":
		node = Visible(":" + v.text("name") + ":")
		v.ignore("unicode")
	case "user":
		node = []Node{mention("@"+v.text("user_id"), "")}
	case "usergroup":
		node = []Node{mention("!subteam^"+v.text("usergroup_id"), "")}
	case "channel":
		node = []Node{mention("#"+v.text("channel_id"), "")}
	case "broadcast":
		node = []Node{mention("!"+v.text("range"), "")}
	case "color":
		node = Visible(v.text("value"))
	default:
		return []Node{labelled("rich text "+written(kind), v.raw)}
	}
	v.ignore("type")
	if style != nil && style.kind == '{' {
		for _, s := range []struct {
			key  string
			kind Kind
		}{{"code", Code}, {"strike", Strike}, {"italic", Italic}, {"bold", Bold}} {
			if on := style.take(s.key); on != nil && on.raw == "true" {
				node = []Node{{Kind: s.kind, Children: node}}
			}
		}
	}
	return append(node, v.rest("more in the rich text")...)
}
