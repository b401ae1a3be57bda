package display

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// marked shows provenance: words as they are, quotations in ‹›.
func marked(t Text) string {
	return t.Render(func(s string) string { return s }, func(s string) string { return "‹" + s + "›" })
}

func TestJoin(t *testing.T) {
	got := Join(Words("a"), Words("b"), Quote("c"), Quote("d"), Words(""), Quote(""), Words("e"))
	if want := "ab‹c›‹d›e"; marked(got) != want {
		t.Errorf("got %s, want %s", marked(got), want)
	}
	if !Join().IsZero() || !Words("").IsZero() || !Quote("").IsZero() {
		t.Error("an empty text is not zero")
	}
}

func TestJoinDoesNotChangeItsArguments(t *testing.T) {
	a := Join(Quote("q"), Words("a"))
	Join(a, Words("b"))
	Join(a, Words("c"))
	if got, want := marked(a), "‹q›a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTextAsItIsShownAndAsItCame(t *testing.T) {
	text := Join(Words("From "), Quote("http://h.example/\x1b"), Words("\x1b"))
	if got, want := text.String(), "From hxxp://h[.]example/\\x1b\x1b"; got != want {
		t.Errorf("String: got %q, want %q", got, want)
	}
	if got, want := text.Raw(), "From http://h.example/\x1b\x1b"; got != want {
		t.Errorf("Raw: got %q, want %q", got, want)
	}
	if !text.HasQuote() || Words("x").HasQuote() {
		t.Error("HasQuote is wrong")
	}
	if !Quote(" \n").Blank() || Quote("x").Blank() {
		t.Error("Blank is wrong")
	}
}

func TestLine(t *testing.T) {
	tests := []struct {
		in   Text
		want string
	}{
		{Words("a\nb\r\n\r\nc"), "a b c"},
		{Quote("a\nb\r\nc\td\n"), "‹a⏎b⏎c d›"},
		{Join(Words("Seen\n"), Quote("x"), Words("\ntwice")), "Seen ‹x› twice"},
		{Join(Words("\n a"), Quote("b\n\n")), "a‹b›"},
	}
	for _, tt := range tests {
		if got := marked(tt.in.Line()); got != tt.want {
			t.Errorf("%s: got %s, want %s", marked(tt.in), got, tt.want)
		}
	}
}

func TestTrim(t *testing.T) {
	tests := []struct {
		in   Text
		want string
	}{
		{Join(Words(" \n"), Quote(" a "), Words(" ")), "‹a›"},
		{Join(Quote(" "), Words("a "), Quote("\n")), "a"},
		{Quote(" \t\n"), ""},
		{nil, ""},
	}
	for _, tt := range tests {
		before := marked(tt.in)
		if got := marked(tt.in.Trim()); got != tt.want {
			t.Errorf("%s: got %s, want %s", before, got, tt.want)
		}
		if marked(tt.in) != before {
			t.Errorf("Trim changed %s", before)
		}
	}
}

func TestCut(t *testing.T) {
	path := Join(Words("File "), Quote("/srv/www/a/b/c/index.php"), Words(" on web-01"))
	tests := []struct {
		n    int
		in   Text
		want string
	}{
		{40, path, "File ‹/srv/www/a/b/c/index.php› on web-01"},
		{39, path, "File ‹/srv/www/a/b/c/index.php› on web-01"},
		{30, path, "File ‹/srv/www/a/b/c›… on web-01"},
		{0, path, "F…1"},
		{0, Quote("a"), "‹a›"}, // no character twice
		{7, Quote("äöüäöüäöü"), "‹äöüä›…‹öü›"},
		{12, Quote("\x01\x02\x03\x04\x05"), "‹\\x01›…‹\\x05›"}, // an escape is never halved
	}
	for _, tt := range tests {
		got := tt.in.Cut(tt.n)
		if marked(got) != tt.want {
			t.Errorf("Cut(%d): got %s, want %s", tt.n, marked(got), tt.want)
		}
	}
}

func TestCutEnd(t *testing.T) {
	text := Join(Words("Says "), Quote("äöü äöü"))
	if got := marked(Quote("a").CutEnd(0)); got != "‹a›" {
		t.Errorf("CutEnd(0) of one character: got %s", got)
	}
	for n, want := range map[int]string{20: "Says ‹äöü äöü›", 12: "Says ‹äöü äöü›", 11: "Says ‹äöü ä›…", 5: "Says…", 1: "…", -1: "…"} {
		if got := marked(text.CutEnd(n)); got != want {
			t.Errorf("CutEnd(%d): got %s, want %s", n, got, want)
		}
	}
}

func TestCutQuotedKeepsWords(t *testing.T) {
	text := Join(Words("```"), Quote("abcdef"), Words("``` and "), Quote("ghi"), Words(" end"))
	tests := []struct {
		n, kept int
		want    string
	}{
		{100, 9, "```‹abcdef›``` and ‹ghi› end"},
		{9, 9, "```‹abcdef›``` and ‹ghi› end"},
		{7, 7, "```‹abcdef›``` and ‹g›… end"},
		{3, 3, "```‹abc›…``` and … end"},
		{0, 0, "```…``` and … end"},
	}
	for _, tt := range tests {
		got, kept := text.CutQuoted(tt.n)
		if marked(got) != tt.want || kept != tt.kept {
			t.Errorf("CutQuoted(%d): got %s, %d, want %s, %d", tt.n, marked(got), kept, tt.want, tt.kept)
		}
	}
	if got := text.QuotedLen(); got != 9 {
		t.Errorf("QuotedLen: got %d, want 9", got)
	}
}

func TestSplitLinesSplitsOnlyWords(t *testing.T) {
	got := Join(Words("a\nb "), Quote("c\nd"), Words("\n\ne")).SplitLines()
	var lines []string
	for _, l := range got {
		lines = append(lines, marked(l))
	}
	if diff := cmp.Diff([]string{"a", "b ‹c\nd›", "", "e"}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCutWordsFindsOnlyWords(t *testing.T) {
	before, after, found := Join(Quote("a: b"), Words(" c: d: "), Quote("e")).CutWords(": ")
	if marked(before) != "‹a: b› c" || marked(after) != "d: ‹e›" || !found {
		t.Errorf("got %s, %s, %v", marked(before), marked(after), found)
	}
	whole := Quote("a: b")
	before, after, found = whole.CutWords(": ")
	if marked(before) != "‹a: b›" || !after.IsZero() || found {
		t.Errorf("got %s, %s, %v", marked(before), marked(after), found)
	}
}

func TestDecodeReadsTemplatesAround(t *testing.T) {
	stream := "*From*  " + Quote("192.0.2.1").Encode() + " and\n" + Quote("x\x0e\x0f\x10y").Encode() + "."
	got := Decode(stream)
	want := Join(Words("*From*  "), Quote("192.0.2.1"), Words(" and\n"), Quote("x\x0e\x0f\x10y"), Words("."))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, want %s", marked(got), marked(want))
	}
}

func TestDecodeOfABrokenStreamIsQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"a\x0eb":             "a‹b›", // cut off
		"a\x0fb":             "ab",   // a mark that closes nothing
		"a\x0eb\x0ec\x0fd":   "a‹b\\x0ec›d",
		"a\x0eb\x10":         "a‹b\\x10›",
		"a\x0eb\x0f\x0e\x0f": "a‹b›",
		"a\x11b":             "a‹b›",
		"a\x11b\x0ec\x0fd":   "a‹b\\x0ec›d",
	} {
		if got := marked(Decode(in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestLiveLinksStay(t *testing.T) {
	text := Join(Words("see "), Quote("http://h.example/a\x1b\u202e")).Live()
	if got, want := text.String(), `see http://h.example/a\x1b\u202e`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := text.Cut(24).String(); !strings.Contains(got, "http://") {
		t.Errorf("cut: %s", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// FuzzProvenance is the law of the package: what comes from an alert stays a quotation through everything that
// can be done with a Text.
func FuzzProvenance(f *testing.F) {
	for _, s := range []string{"x", "a\nb: c", "\x0e\x0f\x10", "\x0f<!channel>\x0e", "\x10\x2f", "http://h.example", "\xff\xfe", "pаypal", "\r\n\r\n", strings.Repeat("\x01ä", 50)} {
		f.Add(s, "words: ", 7)
	}
	f.Add("", "", 0)
	f.Fuzz(func(t *testing.T, alert, words string, n int) {
		text := Join(Words(words), Quote(alert), Words("\n"), Quote(alert), Quote(alert), Words(words))
		n = n & 0xfff

		if got := Decode(text.Encode()); !reflect.DeepEqual(got, text) {
			t.Fatalf("Decode(Encode) = %q, want %q", got, text)
		}
		if w := stripMarks(words); !reflect.DeepEqual(Decode(w+Quote(alert).Encode()+w), Join(Words(w), Quote(alert), Words(w))) {
			t.Errorf("a quotation in a template's output is not itself: %q", Decode(w+Quote(alert).Encode()+w))
		}

		// All words together are a part of ours, whatever the alert says.
		ours := Join(Words(words), Words("\n"), Words(words)).Raw()
		wordsOf := func(t Text) string {
			return t.Render(func(s string) string { return s }, func(string) string { return "" })
		}
		check := func(what string, got Text, ours string) {
			if !isPart(strings.ReplaceAll(wordsOf(got), "…", ""), ours) {
				t.Errorf("%s turned alert text into words: %q", what, got)
			}
		}
		check("Join", Join(text, text), ours+ours)
		check("Trim", text.Trim(), ours)
		check("Encode", Decode(text.Encode()), ours)
		live := text.Live()
		if got := Decode(live.Encode()); !reflect.DeepEqual(got, live) {
			t.Fatalf("Decode(Encode) of a live text = %q, want %q", got, live)
		}
		check("Live", live, ours)
		if strings.ReplaceAll(live.Raw(), text.Raw(), "") != "" {
			t.Errorf("Live changed the text: %q", live.Raw())
		}
		var b Builder
		b.AddWords(stripMarks(words))
		b.Add(Quote(alert))
		b.AddWords("\n")
		b.Add(Join(Quote(alert), Quote(alert), Words(words)))
		if got := b.Text(); !reflect.DeepEqual(Join(got), text) || b.Size() != text.Size() {
			t.Errorf("Builder: %q of %d bytes, want %q of %d", got, b.Size(), text, text.Size())
		}
		for i, line := range text.SplitLines() {
			if strings.Contains(wordsOf(line), "\n") {
				t.Errorf("line %d holds a line end: %q", i, line)
			}
			check("SplitLines", line, ours)
		}
		if got, want := len(text.SplitLines()), 1+strings.Count(ours, "\n"); got != want {
			t.Errorf("SplitLines: %d lines, want %d", got, want)
		}
		if before, after, found := text.CutWords("\n"); found {
			check("CutWords", Join(before, after), ours)
		}
		for name, cut := range map[string]func(int) Text{"Cut": text.Cut, "CutEnd": text.CutEnd} {
			got := cut(n)
			check(name, got, ours)
			if limit := max(n, 3); got.Len() > limit {
				t.Errorf("%s(%d) has %d characters", name, n, got.Len())
			}
			if !utf8.ValidString(got.String()) && utf8.ValidString(words) {
				t.Errorf("%s(%d) is not valid UTF-8: %q", name, n, got.String())
			}
		}
		got, kept := text.CutQuoted(n)
		check("CutQuoted", got, ours)
		if kept > n || kept > text.QuotedLen() {
			t.Errorf("CutQuoted(%d) kept %d of %d", n, kept, text.QuotedLen())
		}
		if one := text.Line(); strings.ContainsAny(one.String(), "\n\r") && !strings.Contains(words, "\r") {
			t.Errorf("Line has a line end: %q", one.String())
		}
	})
}

// isPart reports whether part is what remains of whole after some of its bytes were left out.
func isPart(part, whole string) bool {
	i := 0
	for j := 0; i < len(part) && j < len(whole); j++ {
		if part[i] == whole[j] {
			i++
		}
	}
	return i == len(part)
}
