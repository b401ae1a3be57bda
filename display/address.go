package display

import "strings"

// Address is how far the operator's words have said where an address leads. Text from an alert may stand in an address
// that [Address.Led] alone: behind a scheme, a host and a / ? or # of the operator's. The zero value is the beginning.
type Address struct {
	at   addressPlace
	seen string // of the scheme, in small letters
}

type addressPlace uint8

const (
	addressBegin  addressPlace = iota
	addressNoHost              // https:// and no sign of a host yet
	addressHost                // https://example.com
	addressWhole               // behind an address that is whole in itself
	addressMail                // mailto:soc@example.com
	addressRest                // from the first / ? # on
	addressLost                // it is none of these: only its end helps
)

// WholeAddress is where an address leads behind one that is the operator's as a whole: a / ? or # may follow.
var WholeAddress = Address{at: addressWhole}

// LostAddress is where no text of an alert may follow, whatever words do.
var LostAddress = Address{at: addressLost}

// schemes are those that say where they lead, with what stands behind them.
var schemes = map[string]addressPlace{"https://": addressNoHost, "http://": addressNoHost, "mailto:": addressMail}

// After is the address behind words. What a browser reads as something else than it looks is lost: a \ is a / to it,
// and & may be the beginning of any sign in HTML.
func (a Address) After(words string) Address {
	for i := 0; i < len(words) && a.at != addressRest && a.at != addressLost; i++ {
		a = a.after(words[i])
	}
	return a
}

func (a Address) after(c byte) Address {
	blank := c <= ' '
	switch a.at {
	case addressBegin:
		if blank && a.seen == "" {
			return a
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		seen := a.seen + string(c)
		for s, leads := range schemes {
			if seen == s {
				return Address{at: leads}
			}
			if strings.HasPrefix(s, seen) {
				return Address{seen: seen}
			}
		}
	case addressNoHost:
		switch {
		case blank, c == '/', c == '\\': // https:///example.com is https://example.com to a browser
			return a
		case strings.IndexByte("?#&@:", c) < 0:
			return Address{at: addressHost}
		}
	case addressHost:
		switch c {
		case '/', '?', '#':
			return Address{at: addressRest}
		case '@': // what stood before was a name of a user
			return Address{at: addressNoHost}
		case '\\', '&':
		default:
			return a
		}
	case addressWhole:
		if c == '/' || c == '?' || c == '#' {
			return Address{at: addressRest}
		}
	case addressMail:
		switch c {
		case '?':
			return Address{at: addressRest}
		case '&':
		default:
			return a
		}
	}
	return LostAddress
}

// Begins reports that nothing of the address is there yet.
func (a Address) Begins() bool { return a == Address{} }

// Led reports that the words have said where the address leads, so that text of an alert may follow.
func (a Address) Led() bool { return a.at == addressRest }

// Lost reports that text of an alert may not follow, nor what is an address in itself.
func (a Address) Lost() bool { return a.at == addressLost }

// Trusted is the address behind text of an alert that the operator takes for their own words.
func (a Address) Trusted() Address {
	switch a.at {
	case addressBegin:
		return WholeAddress
	case addressNoHost:
		return Address{at: addressHost}
	}
	return a
}

// String names the place, for people.
func (a Address) String() string {
	switch a.at {
	case addressNoHost, addressHost, addressMail:
		return "the address's host"
	case addressWhole:
		return "an address, directly behind another"
	case addressRest:
		return "the address's path or query"
	case addressLost:
		return "an address whose host does not stand before it"
	}
	return "the beginning of the address"
}

// Address is the text as an address: words as they are, and each quotation, as it came, as one part of the path or one
// value of the query. It reports false where a quotation would say where the address leads.
func (t Text) Address() (string, bool) {
	var a Address
	var b strings.Builder
	for _, s := range t {
		if !s.quoted {
			a = a.After(s.raw)
			b.WriteString(s.raw)
			continue
		}
		if !a.Led() {
			return "", false
		}
		b.WriteString(Percent(s.raw))
	}
	return b.String(), true
}

// Percent escapes all that is not unreserved in a URL (RFC 3986, 2.3), so that a text stays one part of the path or
// one value of the query. A name that leads to another path however it is written (. and ..) is made none.
func Percent(s string) string {
	if s == "." || s == ".." {
		s = strings.ReplaceAll(s, ".", "[.]")
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c|0x20 >= 'a' && c|0x20 <= 'z') || (c >= '0' && c <= '9') || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
