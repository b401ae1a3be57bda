package enrich

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// Bounds of a list of addresses: those of Tor, VPNs and hosters have some ten thousand.
const (
	maxListFile    = 64 << 20
	maxListEntries = 1_000_000
)

// addressList is a class of addresses that a file lists.
type addressList struct {
	name, id string // the class, and what notes call it
	*source[addresses]
}

// addresses are those of a file.
type addresses struct {
	in *prefixes[struct{}]
	// count is how many they are; odd are lines that are no address, the first of which is on line first.
	count, odd, first int
}

func (l *addresses) empty() bool { return l.count == 0 }

func (l *addresses) hold(addr netip.Addr) bool {
	_, in := l.in.get(addr)
	return in
}

// readList reads one address or network a line, with comments behind # and ;, or the form of Tor's list of exit addresses. A
// few lines that are something else are passed over; a file that has nothing else, such as the page of an error, is refused.
func readList(f *os.File, size int64) (*addresses, error) {
	if size > maxListFile {
		return nil, &fileError{fmt.Errorf("it has %d bytes, more than the %d that a list may have", size, maxListFile)}
	}
	out := &addresses{in: &prefixes[struct{}]{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 4096), 64<<10)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimPrefix(lines.Text(), "\ufeff")
		if i := strings.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "ExitNode", "Published", "LastStatus":
			continue
		case "ExitAddress":
			words = words[1:]
		}
		var network netip.Prefix
		ok := len(words) > 0
		if ok {
			network, ok = parseNetwork(words[0])
		}
		if !ok {
			if out.odd++; out.odd == 1 {
				out.first = n
			}
			continue
		}
		if out.in.put(network, struct{}{}) {
			if out.count++; out.count > maxListEntries {
				return nil, &fileError{fmt.Errorf("it has more than %d entries", maxListEntries)}
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, &fileError{err}
	}
	if out.count == 0 && out.odd > 0 {
		return nil, &fileError{fmt.Errorf("line %d is no address, and no other line is one", out.first)}
	}
	return out, nil
}
