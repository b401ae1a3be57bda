package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func commandsBelow(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, commandsBelow(sub)...)
	}
	return all
}

// TestEveryCommandHasExamplesThatAreRight reads the examples of all commands as the command line would.
func TestEveryCommandHasExamplesThatAreRight(t *testing.T) {
	root := rootCommand(&env{})
	for _, c := range commandsBelow(root) {
		if c.Hidden { // not for people
			continue
		}
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
			if !c.HasSubCommands() && named != c {
				t.Errorf("%s: %q is an example of %s", c.Name(), words, named.Name())
			}
			if err := named.ParseFlags(args); err != nil {
				t.Errorf("%s: %q: %v", c.Name(), words, err)
			}
		}
	}
}
