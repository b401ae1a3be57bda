package family

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// maxSentence is the length of a sentence in characters. It is a header, a mail subject and the title of an
// incident, and telephones show even less of it.
const maxSentence = 100

// sentence holds the pieces of "what[: object] [from ADDRESS] [by USER] on HOST". What is in our words; the
// others are raw alert text and are left out of the sentence when they hold anything that does not belong into
// a heading. A rule of the operator's has its description in the place of What.
type sentence struct {
	What string
	// Kind is What where that says nothing without an object ("IDS"). Empty: What says it.
	Kind   string
	Object string
	// Label is the fact that Object becomes when it cannot stand in the sentence: "File". Empty where Object is
	// among the facts anyway.
	Label string
	From  string
	By    string
	// In is the account of a cloud; it stands for the host.
	In string
	// Own is the sentence up to the host for what has another shape ("alice ran sudo as root"). Each of its
	// parts is words or a quotation, not both. If a quotation does not belong into a heading, or the rule is
	// the operator's, What and the others are used instead.
	Own []display.Text
	// Described puts the description of the rule in the place of What even if the rule is not the operator's.
	Described bool
	// NoHost leaves the host out, where the sentence names it already.
	NoHost bool
	// Tail comes behind the host: ", answered 200".
	Tail display.Text
}

// operatorRule reports the rules that operators write themselves: ids from 100000 up.
func operatorRule(a *alert.Alert) bool {
	id, err := strconv.Atoi(a.Rule.ID)
	return err == nil && id >= 100000
}

// write makes the sentence of the reading. What cannot stand in it is returned as facts.
func (r *Reading) write(s *sentence, a *alert.Alert) (facts []Fact) {
	var parts []display.Text
	described := false
	r.What = cmp.Or(s.Kind, s.What)
	if (s.Described || operatorRule(a)) && a.Problem.Kind == "" {
		text := strings.TrimSuffix(strings.TrimSpace(a.Rule.Description), ".")
		switch {
		case clean(text):
			described = true
			r.What, r.Quoted = text, true
			parts = append(parts, q(text))
		case !absent(text):
			facts = append(facts, Fact{"Says", q(a.Rule.Description)})
		}
	}
	if !described && len(s.Own) > 0 && allClean(s.Own) {
		parts = append(parts, s.Own...)
	} else {
		if !described {
			parts = append(parts, w(s.What))
		}
		// What the operator's own description names already is not said twice.
		said := func(v string) bool { return described && strings.Contains(a.Rule.Description, v) }
		if s.Label != "" && !absent(s.Object) && !clean(s.Object) {
			facts = append(facts, Fact{s.Label, q(s.Object)})
		}
		for _, p := range []struct{ before, value string }{{": ", s.Object}, {" from ", s.From}, {" by ", s.By}} {
			if clean(p.value) && !said(p.value) {
				parts = append(parts, w(p.before), q(p.value))
			}
		}
	}
	parts = append(parts, s.place(a, r.Host)...)
	parts = append(parts, s.Tail)
	r.Sentence = display.Join(fit(parts)...).Line().CutEnd(maxSentence)
	return facts
}

// place is the end of the sentence: on which host, or in which account.
func (s *sentence) place(a *alert.Alert, host string) []display.Text {
	switch {
	case clean(s.In):
		return []display.Text{w(" in "), q(s.In)}
	case s.NoHost || s.In != "" || host == "":
		return nil
	case host == a.Host:
		return []display.Text{w(" on "), q(host)}
	case host == "agent "+a.Agent.ID:
		return []display.Text{w(" on agent "), q(a.Agent.ID)}
	}
	return []display.Text{w(" on " + host)}
}

func allClean(parts []display.Text) bool {
	return !slices.ContainsFunc(parts, func(t display.Text) bool { return t.HasQuote() && !clean(t.Raw()) })
}

// leastShown is how much of a value the sentence keeps at least when it is too long.
const leastShown = 16

// fit shortens the quotations among the parts, the longest first, until the sentence is no longer than
// maxSentence.
func fit(parts []display.Text) []display.Text {
	parts = slices.Clone(parts)
	over := -maxSentence
	for _, p := range parts {
		over += p.Len()
	}
	for range parts { // each has its turn at most once
		longest := -1
		for i, p := range parts {
			if p.HasQuote() && p.Len() > leastShown && (longest < 0 || p.Len() > parts[longest].Len()) {
				longest = i
			}
		}
		if over <= 0 || longest < 0 {
			break
		}
		was := parts[longest].Len()
		parts[longest] = middle(parts[longest].Raw(), max(was-over, leastShown))
		over -= was - parts[longest].Len()
	}
	return parts
}

// middle shortens clean alert text to at most n characters by leaving out its middle, in a path whole
// directories: /srv/.../index.php.
func middle(s string, n int) display.Text {
	const dots = "..."
	if utf8.RuneCountInString(s) <= n {
		return q(s)
	}
	runes := []rune(s)
	if end := strings.LastIndexAny(s, `/\`); end > 0 {
		name := []rune(s[end:])
		if room := n - len(dots) - len(name); room > 0 {
			head := string(runes[:room])
			if start := strings.LastIndexAny(head, `/\`); start >= 0 {
				return display.Join(q(head[:start+1]), w(dots), q(string(name)))
			}
		}
	}
	tail := (n - len(dots)) / 3
	return display.Join(q(string(runes[:n-len(dots)-tail])), w(dots), q(string(runes[len(runes)-tail:])))
}
