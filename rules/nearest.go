package rules

import "github.com/ossec-notify/ossec-notify/yamlnode"

// Nearest returns the known word that word was most likely meant to be, or "" if none is near: [yamlnode.Nearest].
func Nearest(word string, known []string) string { return yamlnode.Nearest(word, known) }

// suggest words a suggestion for an unknown word: the nearest known one, or else what may be used.
func suggest(word string, known []string, otherwise string) string {
	if near := Nearest(word, known); near != "" {
		return `did you mean "` + near + `"?`
	}
	return otherwise
}
