package family

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// q marks alert text, w our own words: see package display for the law behind the two.
func q(s string) display.Text { return display.Quote(s) }
func w(s string) display.Text { return display.Words(s) }

// maxValue is the length of a fact's value in characters of its display form.
const maxValue = 200

// fact adds a labelled value made of parts, on one line and cut in the middle. A value without anything to see
// adds nothing, so that a reader states its facts in order and need not ask which of them are there.
func (r *Reading) fact(label string, parts ...display.Text) {
	value := display.Join(parts...).Line().Trim()
	if value.Blank() {
		return
	}
	r.Facts = append(r.Facts, Fact{Label: label, Value: value.Cut(maxValue)})
}

// opt is a text around an alert value: before, the value quoted, after. It is empty where the value is absent.
func opt(before, value, after string) display.Text {
	if absent(value) {
		return display.Text{}
	}
	return display.Join(w(before), q(value), w(after))
}

// list joins the texts that are not empty, with sep between them.
func list(sep string, texts ...display.Text) display.Text {
	var out display.Text
	for _, t := range texts {
		switch {
		case t.Blank():
		case out.IsZero():
			out = t
		default:
			out = display.Join(out, w(sep), t)
		}
	}
	return out
}

// hasGroup reports whether the rule is in one of the groups.
func hasGroup(a *alert.Alert, names ...string) bool {
	return slices.ContainsFunc(a.Rule.Groups, func(g string) bool { return slices.Contains(names, g) })
}

// ids is a range of rule ids, both ends included.
type ids struct{ from, to int }

// ungrouped reports an alert that does not say its groups, as no shell file does, whose rule is one of the
// given stock rules.
func ungrouped(a *alert.Alert, rules ...ids) bool {
	return len(a.Rule.Groups) == 0 && isStockRule(a, rules...)
}

// isStockRule reports an alert of one of the given rules.
func isStockRule(a *alert.Alert, rules ...ids) bool {
	id, err := strconv.Atoi(a.Rule.ID)
	return err == nil && slices.ContainsFunc(rules, func(r ids) bool { return r.from <= id && id <= r.to })
}

// has reports whether the original alert holds anything at one of the paths.
func has(a *alert.Alert, paths ...string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return len(a.Lookup(p)) > 0 })
}

// first is the first value at the paths that is not absent, or empty.
func first(a *alert.Alert, paths ...string) string {
	for _, p := range paths {
		for _, v := range a.Lookup(p) {
			if !absent(v) {
				return v
			}
		}
	}
	return ""
}

// firstOf is the first of the values that is not absent, or empty.
func firstOf(values ...string) string {
	for _, v := range values {
		if !absent(v) {
			return v
		}
	}
	return ""
}

// absent reports the ways in which the sources say that there is no value: an empty text, "-", and Windows'
// null SID, null handle and unresolved message number (%%2313).
func absent(s string) bool {
	s = strings.TrimSpace(s)
	switch s {
	case "", "-", "S-1-0-0", "0x0":
		return true
	}
	number, found := strings.CutPrefix(s, "%%")
	return found && strings.Trim(number, "0123456789") == ""
}

// isAddress reports whether s is one IP address.
func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isPrivate reports an address that is not routed on the Internet. Loopback is not meant: it is this machine.
func isPrivate(s string) bool {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

// isLoopback reports an address of the machine itself.
func isLoopback(s string) bool {
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Unmap().IsLoopback()
}

// endpoint is the value of a From or To fact: the address, its port, and what there is to say of it.
func endpoint(e alert.Endpoint) display.Text {
	switch {
	case e.IP == "" && absent(e.Text):
		return display.Text{}
	case e.IP == "" && isName(e.Text):
		return display.Join(q(e.Text), w(" (a name, not an address)"))
	case e.IP == "":
		return display.Join(q(e.Text), w(" (not one address)"))
	case isLoopback(e.IP):
		return display.Join(w("this machine ("), q(e.IP), w(")"))
	}
	text := display.Join(q(e.IP), opt(" port ", port(e.Port), ""))
	if isPrivate(e.IP) {
		text = display.Join(text, w(" (private network)"))
	}
	return text
}

// isName reports what looks like a host or service name ("cloudtrail.amazonaws.com").
func isName(s string) bool {
	return cleanHost(s) && strings.ContainsFunc(s, func(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' })
}

// port drops the ports that say that there is none.
func port(s string) string {
	if s == "0" {
		return ""
	}
	return s
}

// cleanHost reports a name that may stand in a heading as the name of a host.
func cleanHost(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '.' && c != '_' && c != '-'
	})
}

// clean reports alert text that may stand in a heading: one line, nothing invisible, and nothing that would act
// as a mention, a link or markup on the screen of any channel.
func clean(s string) bool {
	return !absent(s) && display.Form(s) == s && display.Tricks(s) == "" && !strings.ContainsAny(s, "\n\r\t`<>") &&
		!strings.Contains(s, "](") && !strings.HasPrefix(s, "@") && !strings.Contains(s, " @")
}

// line is the first line of a text, without the white space around it.
func line(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(s)
}

// short is the first twelve digits of a hash, enough to compare by eye.
func short(hash string) string {
	if len(hash) <= 12 {
		return hash
	}
	return hash[:12]
}

// pattern is a regular expression with a text that stands in all that it matches. Most logs are not of the kind that
// it is for, and looking for a text costs a hundredth.
//
// It is made when it is first needed: together they cost a tenth of the time of a short command, and one alert needs few.
type pattern struct {
	holds string
	re    func() *regexp.Regexp
}

func compile(holds, expression string) pattern {
	return pattern{holds, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// find is what the expression and its groups match, or nil.
func (p pattern) find(s string) []string {
	if !strings.Contains(s, p.holds) {
		return nil
	}
	return p.re().FindStringSubmatch(s)
}

func (p pattern) matches(s string) bool { return strings.Contains(s, p.holds) && p.re().MatchString(s) }

// Clean reports alert text that may stand in a heading.
func Clean(s string) bool { return clean(s) }
