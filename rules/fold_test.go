package rules

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The regular expressions of the standard library fold as we do, slowly: they are the measure.
func TestFoldingIsThatOfRegularExpressions(t *testing.T) {
	alphabet := []string{"a", "A", "b", "k", "K", "\u212a", "ß", "ẞ", "é", "É", "ſ", "s", "S", "1", " ", "Σ", "σ", "ς", "\ufffd"}
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		var b strings.Builder
		for range random.IntN(n + 1) {
			b.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	hits := 0
	for range 20_000 {
		s, sub := word(6), word(3)
		for _, form := range []struct {
			name, before, after string
			got                 bool
		}{
			{"contains", "", "", containsFold(s, sub)},
			{"equal", "^", "$", equalFold(s, sub)},
			{"suffix", "", "$", hasSuffixFold(s, sub)},
			{"prefix", "^", "", func() bool { _, ok := cutPrefixFold(s, sub); return ok }()},
		} {
			want := regexp.MustCompile("(?i)" + form.before + regexp.QuoteMeta(sub) + form.after).MatchString(s)
			if form.got != want {
				t.Fatalf("%s(%q, %q) = %v, want %v", form.name, s, sub, form.got, want)
			}
			if want {
				hits++
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d of the random texts matched: the test shows little", hits)
	}
}

func TestFoldingTakesInvalidTextAsItComes(t *testing.T) {
	s := "caf\xe9 \xff\xfeend"
	for _, sub := range []string{"CAF", " ", "END", "\xff"} {
		if !containsFold(s, sub) {
			t.Errorf("containsFold(%q, %q) = false", s, sub)
		}
	}
	if containsFold(s, "cafe") {
		t.Error("an invalid byte matched a letter")
	}
}
