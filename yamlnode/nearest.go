package yamlnode

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the known word that word was most likely meant to be, or "" if none is near. Letter case does
// not count; a letter too many, too few, wrong, or swapped with its neighbour is one mistake, and about one
// mistake in three letters of the shorter word is forgiven. Among equally near words it is the first in the alphabet.
func Nearest(word string, known []string) string {
	best, fewest := "", -1
	for _, k := range known {
		n := distance(strings.ToLower(word), strings.ToLower(k))
		if n > (min(utf8.RuneCountInString(word), utf8.RuneCountInString(k))+1)/3 {
			continue
		}
		if fewest < 0 || n < fewest || (n == fewest && k < best) {
			best, fewest = k, n
		}
	}
	return best
}

// distance counts the mistakes between two words (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			wrong := 1
			if s[i-1] == t[j-1] {
				wrong = 0
			}
			n := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+wrong)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				n = min(n, rows[i-2][j-2]+1)
			}
			rows[i][j] = n
		}
	}
	return rows[len(s)][len(t)]
}
