// Package injection owns the texts by which an attacker tries to be more than text, for tests and as seeds of fuzz
// targets. It knows none of what it attacks.
package injection

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed payloads.txt
var list string

// Payload is one text with the name under which a test reports it.
type Payload struct {
	Name, Text string
	// Large ones are for few places: they are there for limits, not for signs.
	Large bool
}

// All are the payloads of payloads.txt, in its order.
func All() []Payload {
	var all []Payload
	for i, line := range strings.Split(list, "\n") {
		name, rest, _ := strings.Cut(line, " ")
		if name == "" || name == "#" {
			continue
		}
		rest = strings.TrimSpace(rest)
		times := 1
		if n, text, repeated := strings.Cut(rest, " * "); repeated && !strings.HasPrefix(rest, `"`) {
			var err error
			if times, err = strconv.Atoi(n); err != nil {
				panic(fmt.Sprintf("payloads.txt:%d: %q is no number", i+1, n))
			}
			rest = text
		}
		text, err := strconv.Unquote(rest)
		if err != nil {
			panic(fmt.Sprintf("payloads.txt:%d: %s is no quoted text of Go", i+1, rest))
		}
		text = strings.Repeat(text, times)
		all = append(all, Payload{name, text, len(text) > 10_000})
	}
	return all
}

// Seeds are the texts of the payloads that are not large.
func Seeds() []string {
	var seeds []string
	for _, p := range All() {
		if !p.Large {
			seeds = append(seeds, p.Text)
		}
	}
	return seeds
}
