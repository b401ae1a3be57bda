// Package draw owns how a message looks in its channel: it reads what delivery would send, a request or a mail, and makes a
// tree of nodes of it, of a closed list, which the page draws with createElement and textContent alone. It compares two
// trees, says where alert text was neutralised, and shows characters that nobody would see as what they are.
//
// It never reads an alert, renders no template and sends nothing. What it does not know of a channel's format is drawn as
// labelled JSON, never dropped.
package draw

// Node is one node of what is drawn. Texts are plain: who draws them must not read them as markup.
type Node struct {
	Kind Kind `json:"k"`
	// Text is the text of a leaf, or the label of a block that has one.
	Text string `json:"t,omitempty"`
	// Style narrows some kinds, as the list of kinds says: the class of a run of code, the colour of a bar as #RRGGBB, the
	// address behind a link.
	Style    string `json:"s,omitempty"`
	Children []Node `json:"c,omitempty"`

	// Of a mark: what kind of trick the alert tried (mention, link, markup, control, url), the text as it came, with U+202E
	// for what nobody would see, the field of the alert that it came from, and the place in the template that let it in, each
	// "" where it is not known. Of a box and of a redacted secret Was is the text that stands in the message: it is not to be
	// drawn.
	Trick    string `json:"n,omitempty"`
	Was      string `json:"was,omitempty"`
	From     string `json:"from,omitempty"`
	Template string `json:"at,omitempty"`

	// Change is + or - in a tree that shows a difference: it was added, or it is gone.
	Change string `json:"d,omitempty"`
}

// Kind is the kind of a node.
type Kind string

// Kinds within a line. Those with Children hold others of this list.
const (
	Text    Kind = "text"    // Text, in a Pre with line ends in it; Style: what stands in the message, where that is another
	Bold    Kind = "b"       // Children
	Italic  Kind = "i"       // Children
	Strike  Kind = "s"       // Children
	Code    Kind = "code"    // Children
	Mention Kind = "mention" // Text: @channel, @U123, #general; Style: what stands in the message, as !channel
	Link    Kind = "link"    // Children, Style: the address; drawn, and not to be followed
	Mark    Kind = "mark"    // Children, Trick, Was, From, Template: alert text that was made harmless
	Box     Kind = "box"     // Text: a character that nobody would see, as U+202E; Was: itself
	Redact  Kind = "redact"  // Text: redacted, in a box; Was: [redacted]
	Run     Kind = "run"     // Text, Style: key, string, number, word or sign of JSON, "" for what is none; name of a header
	Break   Kind = "br"      // the end of a line within a paragraph; Style fold: the line goes on, it is only wrapped here
	Button  Kind = "button"  // Text: a button of the message, which does nothing here; Style: its address
)

// Kinds that are blocks.
const (
	Group   Kind = "group"   // Children: blocks one below the other
	Para    Kind = "p"       // Children: within a line
	Heading Kind = "h"       // Children: within a line
	Small   Kind = "small"   // Children: within a line; a footer
	Pre     Kind = "pre"     // Children: within a line; line ends count
	Quote   Kind = "quote"   // Children: blocks
	List    Kind = "list"    // Children: items
	Item    Kind = "item"    // Children: blocks or within a line
	Fields  Kind = "fields"  // Children: paragraphs in two columns
	Divider Kind = "hr"      //
	Image   Kind = "image"   // Text: what it would show, Style: its address; nothing is loaded
	Bar     Kind = "bar"     // Style: a colour, Children: blocks beside the bar
	Fold    Kind = "fold"    // Text: "Show more", Children: what is there when it is opened: blocks, or within a line or Pre more of it
	Cut     Kind = "cut"     // Text: "990 characters cut here", Children: what was cut, where it is known
	Table   Kind = "table"   // Text: a caption or "", Children: pairs
	Pair    Kind = "kv"      // Text: the label, Children: within a line or blocks
	Labeled Kind = "json"    // Text: what it is that is not known, Children: runs
	Note    Kind = "note"    // Text: what the page says of a message, no part of it: "repeats join this incident"
	Message Kind = "message" // Style: slack, pagerduty, splunk; Text: who sends it, the incident's state, the time; Children: blocks
	Phone   Kind = "phone"   // Text: the app, Children: within a line; what a locked phone shows, roughly
	Request Kind = "request" // Text: the method, Children: a paragraph that is the address, pairs of headers, then blocks of the body
	Lines   Kind = "lines"   // Children: numbered lines of a source
	Line    Kind = "line"    // Text: its number, Style: "here" where it made the message, "raw", "error" or "", Children: within a line
)
