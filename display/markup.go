package display

// Markup is a language that the words of a message are written in, as far as it decides what quotations must not do:
// in Slack's mrkdwn a text, a code span, a link.
type Markup interface {
	// After is where words lead that stand at a place. A quotation leads nowhere: whoever writes it sees to that.
	After(at Place, words string) Place
	// Name says what a place is, for people: "a code span (`)".
	Name(Place) string
}

// Linked is a [Markup] with links: InHost reports the places where a text says where a link leads.
type Linked interface {
	InHost(Place) bool
}

// Place is a place in a [Markup]. 0 is where every message begins, and where it must end.
type Place int
