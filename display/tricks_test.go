package display

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMentionsAndMarkupAreFoundAsTheExpressionsSay(t *testing.T) {
	t.Parallel()
	pieces := []string{"@", "@here", "@HERE", "@all", "@ally", "@all_", "@Channel", "@everyone", "everyone", "here", " ", "\n", "\t", "\v", "\"", "'", "(", "ſ", "é", "\xff",
		"<", ">", "</", "/>", "<!", "<@", "<b", "<B", "<br", "<h1", "<h7", "<svg", "<SCRIPT", "<sſ", "b", "a", "x", "/", "{{", "}}", "{", "}", "```", "`", "=\"1\"", ":", "."}
	random := rand.New(rand.NewPCG(1, 2))
	found := [2]int{}
	for range 50_000 {
		var b strings.Builder
		for range 1 + random.IntN(8) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		s := b.String()
		for i, x := range []struct {
			name      string
			got, want bool
		}{{"mention", hasMention(s), mention.MatchString(s)}, {"markup", hasMarkup(s), markup().MatchString(s)}} {
			if x.got != x.want {
				t.Fatalf("%q: %s %t, want %t", s, x.name, x.got, x.want)
			}
			if x.got {
				found[i]++
			}
		}
	}
	if min(found[0], found[1]) < 2_500 {
		t.Errorf("of 50,000 texts %d had a mention and %d markup: too few to tell", found[0], found[1])
	}
}

// BenchmarkTricksOfLargeText is a text of 400 KB full of what nearly is a mention or a tag.
func BenchmarkTricksOfLargeText(b *testing.B) {
	text := strings.Repeat("<x:1>& user@example.com ", 400<<10/24)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if got := Tricks(text); got != "" {
			b.Fatal(got)
		}
	}
}
