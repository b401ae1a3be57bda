package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandHasExamplesThatAreRight reads the examples of all commands as the command line would.
func TestEveryCommandHasExamplesThatAreRight(t *testing.T) {
	root := rootCommand(&env{})
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s: it has no example, or no line of its own in the list of commands", c.Name())
		}
		for line := range strings.Lines(c.Example) {
			_, line, found := strings.Cut("  "+strings.TrimSpace(line), " ossec-notify ")
			if !found {
				t.Errorf("%s: %q is no example", c.Name(), line)
				continue
			}
			words, _, _ := strings.Cut(line, "   ") // a comment follows
			named, args, err := root.Find(strings.Fields(words))
			if err != nil || named == root {
				t.Errorf("%s: %q names no command: %v", c.Name(), words, err)
				continue
			}
			if c != root && named != c {
				t.Errorf("%s: %q is an example of %s", c.Name(), words, named.Name())
			}
			if err := named.ParseFlags(args); err != nil {
				t.Errorf("%s: %q: %v", c.Name(), words, err)
			}
		}
	}
}
