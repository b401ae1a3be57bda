package webhook

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// everyForm is a text with all that a preset can say.
var everyForm = presets.Text{
	Escape:    map[string]string{`\`: `\\`, "*": `\*`, "_": `\_`, "`": "\\`", "<": "&lt;", "&": "&amp;", "@": "@\u200b", "<!": "&lt;\u200b!"},
	LineStart: map[string]string{"#": `\#`, "-": `\-`, ">": `\>`, "1.": `1\.`},
	Code:      &presets.Wrap{Open: "`", Close: "`", Escape: map[string]string{"`": "ˋ"}},
	Fence:     &presets.Wrap{Open: "```\n", Close: "\n```", Escape: map[string]string{"```": "ˋˋˋ"}},
}

func quoted(s string) []segment {
	if s == "" {
		return nil
	}
	return []segment{{display.Quote(s), true, 0}}
}

func TestForm(t *testing.T) {
	f := newForm(everyForm)
	words := func(s string) segment { return segment{display.Words(s), false, 0} }
	quote := func(s string, wrap rune) segment { return segment{display.Quote(s), true, wrap} }
	for _, x := range []struct {
		in   []segment
		want string
	}{
		{quoted("a*b_c`d\\e"), "a\\*b\\_c\\`d\\\\e"},
		{quoted("<!x <y &amp; @z"), "&lt;\u200b!x &lt;y &amp;amp; @\u200bz"},
		{quoted("# a\n  - b\n> c\n12. d\n12) e\n- \n"), "\\# a\n  \\- b\n\\> c\n12\\. d\n12) e\n\\- \n"},
		{quoted("a # - b"), "a # - b"},
		{[]segment{words("> **"), quote("# x", 0)}, "> **\\# x"},
		{[]segment{words("a "), quote("# x", 0)}, "a # x"},
		{[]segment{words("a\n"), quote("# x", 0), words("\n"), quote("- y", 0)}, "a\n\\# x\n\\- y"},
		{[]segment{words("*w* "), quote("a`b*", presets.CodeOpen), words(" "), quote("x```y", presets.FenceOpen)}, "*w* `aˋb*` ```\nxˋˋˋy\n```"},
		{[]segment{quote(" ", presets.CodeOpen), words("x")}, "x"},
		{[]segment{quote("a*\x1b http://x", presets.PlainOpen)}, "a*\x1b http://x"},
		{quoted("\x1b[31m http://evil.example/"), "\\\\x1b[31m hxxp://evil[.]example/"},
	} {
		if got := f.text(x.in, -1); got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
	raw := newForm(presets.Text{Raw: true})
	if got := raw.text(quoted("\x1b http://evil.example \xff"), -1); got != "\x1b http://evil.example \ufffd" {
		t.Errorf("raw: %q", got)
	}
}

// unescape reads what a vendor reads: each replacement is the text that it stands for, the longest first. ok is false where something live is
// left beside them.
func unescape(table map[string]string, s string) (text string, ok bool) {
	withs := slices.Collect(maps.Values(table))
	slices.SortFunc(withs, func(a, b string) int { return len(b) - len(a) })
	of := map[string]string{}
	for old, with := range table {
		of[with] = old
	}
	var b strings.Builder
	ok = true
next:
	for s != "" {
		for _, with := range withs {
			if with != "" && strings.HasPrefix(s, with) {
				b.WriteString(of[with])
				s = s[len(with):]
				continue next
			}
		}
		for old := range table {
			ok = ok && !strings.HasPrefix(s, old)
		}
		_, n := utf8.DecodeRuneInString(s)
		b.WriteString(s[:n])
		s = s[n:]
	}
	return b.String(), ok
}

// seen is a text without the blank of no width that parts two signs.
func seen(s string) string { return strings.ReplaceAll(s, "\u200b", "") }

// lookalikes read the signs that a preset puts in the place of live ones, where its vendor has no escape: those that are the same in the text of
// an alert. What is not distinguished there need not be here.
func lookalikes(f *form, table map[string]string) (read *strings.Replacer, any bool) {
	same := map[string]string{}
	for old, with := range table {
		if seen(with) != seen(old) && seen(f.escape.Replace(with)) == seen(with) {
			same[seen(with)] = old
		}
	}
	return replacer(same), len(same) > 0
}

// TestEscapesOfEveryPreset: whatever the alert holds, who reads the vendor's markup reads the text of the alert; and nothing in a code span
// or a fence ends it.
func TestEscapesOfEveryPreset(t *testing.T) {
	texts := injection.Seeds()
	tables := map[string]presets.Text{"a preset with everything": everyForm}
	for _, name := range presets.Names() {
		tables[name] = presets.Embedded(name).Text
	}
	for name, x := range tables {
		f := newForm(presets.Text{Raw: x.Raw, Escape: x.Escape, Code: x.Code, Fence: x.Fence})
		alike, hasAlike := lookalikes(f, x.Escape)
		for old := range x.Escape {
			texts = append(texts, old, old+old, "a"+old+"b"+old, x.Escape[old], old+x.Escape[old])
		}
		for _, s := range texts {
			if s == "" {
				continue
			}
			want := display.Quote(s).String()
			if x.Raw {
				want = string([]rune(s))
			}
			sent := f.text(quoted(s), -1)
			got, ok := unescape(x.Escape, sent)
			meant := alike.Replace(want)
			if hasAlike { // what nobody sees may be read as part of one replacement or another
				got, meant = seen(got), seen(meant)
			}
			if got != meant || !ok {
				t.Errorf("%s: %q is sent as %q, which reads as %q, want %q (nothing live: %v)", name, s, sent, got, want, ok)
			}
			for _, w := range []struct {
				wrap *presets.Wrap
				mark rune
			}{{x.Code, presets.CodeOpen}, {x.Fence, presets.FenceOpen}} {
				if w.wrap == nil || strings.TrimSpace(want) == "" {
					continue
				}
				text := display.Quote(s)
				if w.mark == presets.CodeOpen {
					text = text.Line() // as {{code}} makes it
				}
				sent := f.text([]segment{{text, true, w.mark}}, -1)
				inner, ok1 := strings.CutPrefix(sent, w.wrap.Open)
				inner, ok2 := strings.CutSuffix(inner, w.wrap.Close)
				if closed := strings.TrimSpace(w.wrap.Close); sent != "" && (!ok1 || !ok2 || strings.Contains(inner, closed)) {
					t.Errorf("%s: %q in %q ends it: %q", name, s, w.wrap.Open, sent)
				}
			}
		}
	}
}

// FuzzCut cuts texts to limits: never above the limit, and what is left reads as the beginning of the text.
func FuzzCut(f *testing.F) {
	for i, s := range injection.Seeds() {
		f.Add(s, i%70, i%3)
	}
	f.Add(strings.Repeat("*", 50), 7, 0)
	f.Add(strings.Repeat("😀*", 50), 9, 1)
	units := []presets.Unit{presets.Chars, presets.UTF16, presets.Bytes}
	f.Fuzz(func(t *testing.T, s string, limit, unit int) {
		if limit < 5 || limit > 10_000 || unit < 0 || unit >= len(units) || s == "" {
			return
		}
		u := units[unit]
		table := presets.Text{Escape: map[string]string{`\`: `\\`, "*": `\*`, "&": "&amp;", "<": "&lt;"}}
		p := &preset{Preset: &presets.Preset{Text: table, Limits: presets.Limits{Fields: []presets.Limit{{Path: "text", Max: limit, Unit: u}}}}, form: newForm(table)}
		root := oneString("text", s)
		if !p.fit(root, false) {
			t.Fatal("it does not fit, and has no limit of its body")
		}
		sent := p.form.string(root.items[0])
		if n := length(sent, u); n > limit {
			t.Fatalf("%q has %d %s, more than %d", sent, n, u, limit)
		}
		whole := display.Quote(s).String()
		got, ok := unescape(table.Escape, sent)
		if !ok {
			t.Fatalf("%q was cut within an escape: %q", s, sent)
		}
		if full := p.form.text(root.items[0].text, -1); length(full, u) <= limit && got != whole {
			t.Fatalf("%q fits, and was cut to %q", s, got)
		}
		if got == whole {
			return
		}
		begin, cut := strings.CutSuffix(got, "…")
		for i := range s { // the display form of a beginning need not be the beginning of the display form: http, http://
			if cut && display.Quote(s[:i]).String() == begin {
				return
			}
		}
		t.Fatalf("%q is no beginning of %q", got, s)
	})
}

// oneString is a body with one string, a quotation.
func oneString(key, s string) *node {
	return &node{kind: isObject, keys: [][]segment{{{display.Words(key), false, 0}}}, items: []*node{{kind: isString, text: quoted(s), quote: -1, whole: -1}}}
}

// FuzzBody: what stands in strings of a body reads as the text that was quoted, wherever it stands, and nothing else changes.
func FuzzBody(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return
		}
		q := display.Quote(s)
		body := display.Join(display.Words(`{"a": "<`), q, q, display.Words(`>", "`), q, display.Words(`": ["`), q, display.Words(`", 1.50, null]}`))
		root, err := parseBody(body)
		if err != nil {
			t.Fatal(err)
		}
		raw := newForm(presets.Text{Raw: true})
		p := &preset{Preset: &presets.Preset{}, form: raw}
		p.fit(root, false)
		var got map[string]any
		b := p.encoded(root)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		want := string([]rune(s))
		if got["a"] != "<"+string([]rune(s+s))+">" && want != "a" {
			t.Fatalf("%q, want %q", got["a"], "<"+want+want+">")
		}
		if list, ok := got[want].([]any); want != "a" && (!ok || list[0] != want) {
			t.Fatalf("%v", got)
		}
		if !strings.Contains(string(b), "1.50,null") {
			t.Fatalf("numbers are changed: %s", b)
		}
	})
}

func TestBodyLimits(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, x := range []struct {
		name, body, want string
		limits           presets.Limits
	}{
		{"what the preset names gives way first", `{"title":"Q","log":"Q","end":"w"}`, `{"title":"` + long + `","log":"xxxxxxxxxxx…","end":"w"}`,
			presets.Limits{Body: 145, CutFirst: []string{"log"}}},
		{"then the longest", `{"title":"Qyyy","log":"Q"}`, `{"title":"` + strings.Repeat("x", 32) + `…yyy","log":"` + long + `"}`,
			presets.Limits{Body: 159}},
		{"a sum", `{"e":[{"t":"Q","d":"Q"}]}`, `{"e":[{"t":"` + long + `","d":"` + strings.Repeat("x", 19) + `…"}]}`,
			presets.Limits{Fields: []presets.Limit{{Path: "e", Max: 120, Unit: presets.Chars, Sum: true}}, CutFirst: []string{"e.*.d"}}},
		{"items", `{"e":[1,2,3]}`, `{"e":[1,2]}`, presets.Limits{Fields: []presets.Limit{{Path: "e", Max: 2, Unit: presets.Items}}}},
		{"words, in the end", `{"a":"wwwwwwwwww"}`, `{"a":"wwww…"}`, presets.Limits{Fields: []presets.Limit{{Path: "a", Max: 5, Unit: presets.Chars}}}},
		{"words around a quotation stay", `{"a":"<b>Q</b>"}`, `{"a":"<b>xx…</b>"}`, presets.Limits{Fields: []presets.Limit{{Path: "a", Max: 10, Unit: presets.Chars}}}},
	} {
		t.Run(x.name, func(t *testing.T) {
			var body []display.Text
			for i, part := range strings.Split(x.body, "Q") {
				if i > 0 {
					body = append(body, display.Quote(long))
				}
				body = append(body, display.Words(part))
			}
			root, err := parseBody(display.Join(body...))
			if err != nil {
				t.Fatal(err)
			}
			p := &preset{Preset: &presets.Preset{Limits: x.limits}, form: newForm(presets.Text{})}
			if !p.fit(root, false) {
				t.Error("it does not fit")
			}
			if got := string(p.encoded(root)); got != x.want {
				t.Errorf("%s\nwant\n%s", got, x.want)
			}
		})
	}
}
