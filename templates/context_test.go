package templates

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
)

// ticks is a markup with one sign: between two of ` stands code.
type ticks struct{}

func (ticks) After(at display.Place, words string) display.Place {
	return (at + display.Place(strings.Count(words, "`"))) % 2
}

func (ticks) Name(at display.Place) string { return []string{"text", "code"}[at] }

func TestAmbiguousTemplatesAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"closed", "{{define `slack.log`}}`{{.Log}}`{{range facts .}} `{{.Value}}` {{end}}{{end}}", ""},
		{"both branches open", "{{define `slack.log`}}{{if .Host}}a`{{else}}b`{{end}}{{.Log}}`{{end}}", ""},
		{"opened in a template", "{{define `open`}}`{{end}}{{define `slack.log`}}{{template `open` .}}{{.Log}}{{template `open` .}}{{end}}", ""},
		{"what calls itself", "{{define `self`}}`{{.}}`{{if .}}{{template `self` false}}{{end}}{{end}}{{define `slack.log`}}{{template `self` true}}{{end}}", ""},
		{"break at the place of the loop", "{{define `slack.log`}}{{range facts .}}`{{.Value}}`{{break}}`{{else}}`x`{{end}}{{end}}", ""},
		{"if", "{{define `slack.log`}}\n{{if .Host}}`{{end}}{{.Log}}{{end}}", "template own.tmpl:2: the branches of {{if}} end at different places, in code and in text"},
		{"else if", "{{define `slack.log`}}{{if .Host}}a{{else if .ID}}`{{end}}{{.Log}}{{end}}", "the branches of {{if}} end at different places"},
		{"with", "{{define `slack.log`}}{{with .Host}}`{{.}}{{else}}{{end}}`{{end}}", "the branches of {{with}} end at different places"},
		{"range", "{{define `slack.log`}}{{range facts .}}`{{end}}{{end}}", "a turn of {{range}} begins and ends at different places, in text and in code"},
		{"range else", "{{define `slack.log`}}{{range facts .}}x{{else}}`{{end}}{{end}}", "the branches of {{range}} end"},
		{"break", "{{define `slack.log`}}{{range facts .}}`{{if .Label}}{{break}}{{end}}`{{end}}{{end}}", "a turn of {{range}} begins and is left"},
		{"in a template that is called", "{{define `x`}}\n\n{{if .}}`{{end}}{{end}}{{define `slack.log`}}{{template `x` .}}{{end}}", "template own.tmpl:3: the branches"},
		{"left open", "{{define `slack.log`}}`{{.Log}}{{end}}", "\"slack.log\" ends inside code: close it"},
		{"a shared part", "{{define `next.rule.5712`}}`{{.Log}}{{end}}", "\"next.rule.5712\" ends inside code"},
		{"of another channel", "{{define `pagerduty.summary`}}it`s{{end}}", ""},
		{"the whole message", "`{{.Log}}", "ends inside code"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Default().WithText("own.tmpl", tc.text)
			if err != nil {
				t.Fatal(err)
			}
			err = set.CheckMarkup("slack", ticks{})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAmbiguousJSONAndLinksAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": {{if .Host}}"{{end}}{{.Log}}"}`: `the branches of {{if}} end at different places, in a string ("…") and in JSON`,
		`{"a": "\{{.Log}}"}`:                   `a \ stands before {{…}}`,
		`{"a": "{{.Log}}}`:                     `ends inside a string`,
		`{{define "x"}}{{range facts .}}"{{end}}{{end}}{{template "x" .}}`: `a turn of {{range}}`,
		`{{define "a$b"}}{{end}}{}`:                                        `holds a $`,
		`{{define "a"}}{{end}}{{template "a" .}}{{template "a$0" .}}{}`:    `holds a $`,
	} {
		if _, err := Default().WithText("hook.json.tmpl", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %q", text, err, want)
		}
	}
	for link, want := range map[string]string{
		`{{.Agent.Name}}://x`:            "stands in the beginning of the address",
		`javascript:alert({{.Rule.ID}})`: "stands in the beginning of the address",
		`https://{{.Host}}/x`:            "stands in the address's host",
		`https://example.com{{.Host}}/`:  "stands in the address's host",
		`https://{{if .Host}}a.example.com/{{else}}b.example.com{{end}}{{.ID}}`: "end at different places",
		`https://{{template "x" .}}{{define "x"}}{{.Host}}{{end}}/`:             "write the host there",
		`https://a/{{.Host | raw | upper}}`:                                     "raw must be the last step",
	} {
		if _, err := Load(Options{Links: map[string]string{"alert": link}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %q", link, err, want)
		}
	}
}

func TestRawIsTheOnlyWayOut(t *testing.T) {
	hostile := strings.ReplaceAll(bruteForce, `"web-01"`, `"<!here>"`)
	set, err := Default().WithText("own.tmpl", `{{define "next"}}{{.Agent.Name | raw}} {{.Agent.Name}}{{if .Host}}
{{raw .Agent.Name}}{{end}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Parts(data(t, "slack", hostile))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := marked(p["text"]), "Next: <!here> ‹<!here>›\n<!here>"; !strings.HasSuffix(got, want) {
		t.Errorf("text is\n%s\nwant it to end in\n%s", got, want)
	}
	want := []Use{{"own.tmpl", 1, "{{.Agent.Name | raw}}"}, {"own.tmpl", 2, "{{raw .Agent.Name}}"}}
	if diff := cmp.Diff(set.RawUses(), want); diff != "" {
		t.Errorf("uses of raw (-got +want):\n%s", diff)
	}
	for _, text := range []string{
		"{{.Log | raw | upper}}", "{{$x := .Log | raw}}{{$x}}", "{{if .Log | raw}}{{end}}", "{{printf `%s` (.Log | raw)}}", "{{raw (raw .Log)}}",
		"{{range (raw .Log)}}{{end}}", "{{template `headline` raw .}}", "{{(raw .Log).Foo}}", "{{with raw .Log}}{{.}}{{end}}", "{{part (`next` | raw) . | raw}}",
	} {
		if _, err := Default().WithText("own.tmpl", text); err == nil || !strings.Contains(err.Error(), "raw must be the last step") {
			t.Errorf("%s: error = %v", text, err)
		}
	}
	html, err := Default().WithText("own.html.tmpl", "<p>{{.Agent.Name}}\n{{.Agent.Name | raw}}</p>")
	if err != nil {
		t.Fatal(err)
	}
	if p, err = html.Parts(data(t, "email", hostile)); err != nil || p["html"].Raw() != "<p>&lt;!here&gt;\n<!here></p>" {
		t.Errorf("HTML is %s (%v)", p["html"].Raw(), err)
	}
	if uses := html.RawUses(); len(uses) != 1 || uses[0].Line != 2 {
		t.Errorf("uses of raw in HTML: %v", uses)
	}
}

// marked shows quotations in ‹›.
func marked(t display.Text) string {
	return t.Render(func(s string) string { return s }, func(s string) string { return "‹" + s + "›" })
}

func TestNothingMakesAQuotationWords(t *testing.T) {
	hostile := strings.ReplaceAll(bruteForce, `"web-01"`, `"<!here>"`)
	for _, action := range []string{
		"{{.Host}}", "{{.Host | upper | lower}}", "{{printf `%s` .Host}}", "{{print .Host}}", "{{.Host | quote}}", "{{list .Host | join `,`}}", "{{list .Host}}", "{{dict `a` .Host}}",
		"{{dict .Host 1}}", "{{$x := .Host}}{{$x}}", "{{.Original}}", "{{.Host | b64enc | b64dec}}", "{{.Host | html}}", "{{.Host | js}}", "{{html .Host | replace `&lt;` `<` | replace `&gt;` `>`}}",
		"{{regexReplaceAll `x` .Host `y`}}", "{{.Host | live}}", "{{.Host | checked}}", "{{joinText `, ` (list .Host)}}", "{{(fact `a` .Host).Value}}",
		"{{default `` .Host}}", "{{ternary .Host `` true}}", "{{first (list .Host)}}", "{{.Raw | toString}}", "{{.Original | toJson}}", "{{part `webhook.document.json` .}}", "{{.Agent}}", "{{.Host | trunc 100 | capital}}",
		"{{coalesce `` .Host}}", "{{ .Host | splitList `!` | join `!`}}", "{{field `agent.name` .}}", "{{index .Original `agent` `name`}}", "{{table (fact `a` .Host)}}", "{{cat .Host}}", "{{.Rule.Description}}{{.Host | title}}",
		// The text between and the label are words only where they stand in the template.
		"{{joinText .Host (list `a` `b`)}}", "{{list 1 2 | joinText (lower .Host)}}", "{{$x := .Host}}{{joinText $x (list 1 2)}}", "{{(fact .Host 1).Label}}", "{{table (fact .Host 1)}}",
		"{{with fact (print .Host) 1}}{{.Label}}{{end}}",
	} {
		set, err := Default().WithText("own.tmpl", action)
		if err != nil {
			t.Errorf("%s: %v", action, err)
			continue
		}
		p, err := set.Parts(data(t, "slack", hostile))
		if err != nil {
			if !strings.Contains(action, "capital") { // which takes no string
				t.Errorf("%s: %v", action, err)
			}
			continue
		}
		words := p["body"].Render(func(s string) string { return s }, func(string) string { return "" })
		if strings.Contains(strings.ToLower(words), "here") || !p["body"].HasQuote() {
			t.Errorf("%s: the words are %q", action, words)
		}
	}
}

func TestTextsInQuotesAreWords(t *testing.T) {
	set, err := Default().WithText("own.tmpl", "{{joinText ` *and* ` (list .Host .Host)}} {{list .Host 1 | joinText `, `}}\n{{if joinText `` (list 1)}}{{table (fact `*a*` .Host)}}{{end}}{{with fact `b` 1}} {{.Label}}{{end}}")
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Parts(data(t, "slack", bruteForce))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := marked(p["body"]), "‹web-01› *and* ‹web-01› ‹web-01›, 1\n*a*      ‹web-01› b"; got != want {
		t.Errorf("body is\n%s\nwant\n%s", got, want)
	}
	// What JSON is made of marks no quotation, and is no part.
	set, err = Default().WithText("own.tmpl", "{{define `call`}}{{.Host}}{{end}}{{define `x.json`}}{{template `call` .}}{{end}}{{part `call$0` .}}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = set.Parts(data(t, "slack", bruteForce)); err == nil || !strings.Contains(err.Error(), `there is no part "call$0"`) {
		t.Errorf("a copy is a part: %v", err)
	}
	// Nor where an alert's group has its name.
	set, err = Default().WithText("own.tmpl", "{{define `next.group.x`}}{{.Host}}{{end}}{{define `x.json`}}{{template `next.group.x` .}}{{end}}{{part `next` .}}")
	if err != nil {
		t.Fatal(err)
	}
	p, err = set.Parts(data(t, "slack", strings.Replace(bruteForce, `["syslog"`, `["x$0"`, 1)))
	if err != nil || strings.Contains(marked(p["body"]), "web-01") {
		t.Errorf("the part is %q (%v)", marked(p["body"]), err)
	}
	// A template has no method of a text that makes words.
	set, err = Default().WithText("own.tmpl", "{{(part `footer` .).ReplaceLineEnds .Host}}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = set.Parts(data(t, "slack", bruteForce)); err == nil {
		t.Error("ReplaceLineEnds can be called")
	}
}

func TestLiveLinks(t *testing.T) {
	raw := strings.ReplaceAll(bruteForce, "Failed password", "GET http://h.example/ Failed")
	set, err := Default().WithText("own.tmpl", "{{.Log}}\n{{.Log | live}}\n{{(log 1 20 .).Text | live}}")
	if err != nil {
		t.Fatal(err)
	}
	got := parts(t, set, data(t, "slack", raw))["body"]
	if strings.Count(got, "http://h.example/") != 1 || strings.Count(got, "hxxp://h[.]example/") != 1 {
		t.Errorf("body is\n%s", got)
	}
}

func TestTemplatesUseUpNoMoreThanTheyMay(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"loops in loops", `{{define "slack.text"}}{{range until 10000}}{{range until 10000}}{{range until 10000}}{{end}}{{end}}{{end}}{{end}}`, "it takes longer than 5s"},
		{"templates that call each other", strings.Join([]string{chain(40, `{{template "t%d" .}}{{template "t%d" .}}`), `{{define "slack.text"}}{{template "t0" .}}{{end}}`}, ""), "it takes longer than 5s"},
		{"parts that call each other", strings.Join([]string{chain(40, `{{part "t%d" .}}{{part "t%d" .}}`), `{{define "slack.text"}}{{part "t0" .}}{{end}}`}, ""), "it takes longer than 5s"},
		{"a template that calls itself", `{{define "slack.text"}}{{template "slack.text" .}}{{end}}`, "template own.tmpl:1 failed (exceeded maximum template depth (100000))"},
		{"a text that doubles", `{{define "slack.text"}}{{$x := .Log}}{{range until 60}}{{$x = print $x $x}}{{end}}{{end}}`, "holds more than 4194304 bytes"},
		{"a list that doubles", `{{define "slack.text"}}{{$x := list 1}}{{range until 60}}{{$x = concat $x $x}}{{end}}{{end}}`, "holds more than 100000 elements"},
		{"a map in a map", `{{define "slack.text"}}{{$x := dict}}{{range until 60}}{{$x = dict "a" $x "b" $x}}{{end}}{{$x | toJson}}{{end}}`, "holds more than 100000 elements"},
		{"replace", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{replace "a" $x $x}}{{end}}`, "replace: more than 67108864 bytes"},
		{"join", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{join $x (splitList "" $x)}}{{end}}`, "join: more than 67108864 bytes"},
		{"expressions", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{regexReplaceAll "a" $x $x}}{{end}}`, "regexReplaceAll: more than 67108864 bytes"},
		{"expressions that must be right", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{mustRegexReplaceAllLiteral "a" $x $x}}{{end}}`, "more than 67108864 bytes"},
		{"wrapped", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{wrapWith 1 $x $x}}{{end}}`, "wrapWith: more than 67108864 bytes"},
		{"a wide field", `{{define "slack.text"}}{{printf "%0999999d" 1}}{{end}}`, "printf: %0999999 is wider than 1000"},
		{"a field as wide as an argument says", `{{define "slack.text"}}{{printf "%*d" 999999 1}}{{end}}`, "printf"},
		{"what doubles in one action", `{{define "slack.text"}}{{.Log` + strings.Repeat(" | quote", 40) + `}}{{end}}`, "holds more than 4194304 bytes"},
		{"what doubles by text/template's own", `{{define "slack.text"}}{{printf "%q" .Log` + strings.Repeat(" | js", 40) + `}}{{end}}`, "holds more than 4194304 bytes"},
		{"JSON in JSON", `{{define "slack.text"}}{{.Original` + strings.Repeat(" | toJson", 40) + `}}{{end}}`, "holds more than 4194304 bytes"},
		{"expressions in expressions", `{{define "slack.text"}}{{` + strings.Repeat("regexReplaceAll `(?s)^.*$` (", 20) + ".Log" + strings.Repeat(" ) `$0$0$0$0$0$0$0$0`", 20) + `}}{{end}}`, "holds more than 4194304 bytes"},
		{"one argument many times", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{print` + strings.Repeat(" $x", 100) + `}}{{end}}`, "holds more than 4194304 bytes"},
		{"one argument many times in printf", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{printf "` + strings.Repeat("%[1]s", 2000) + `" $x}}{{end}}`, "printf: more than 67108864 bytes"},
		{"one text many times in a list", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{$l := list}}{{range until 1000}}{{$l = append $l $x}}{{end}}{{join "" $l}}{{end}}`, "holds more than 4194304 bytes"},
		{"one fact many times in a list", `{{define "slack.text"}}{{$x := fact "a" (repeat 60000 "a")}}{{$l := list}}{{range until 1000}}{{$l = append $l $x}}{{end}}{{print $l}}{{end}}`, "holds more than 4194304 bytes"},
		{"from the least to the largest number", `{{define "slack.text"}}{{untilStep -9223372036854775808 9223372036854775807 1}}{{end}}`, "until: more than 10000 elements"},
		{"a long list without repeats", `{{define "slack.text"}}{{$l := list}}{{range $i := until 2000}}{{$l = append $l (list $i)}}{{end}}{{uniq $l}}{{end}}`, "uniq: more than 1000 elements"},
		{"a large expression", `{{define "slack.text"}}{{regexMatch "(?:a?b?c?d?e?f?g?h?i?j?){900}x" (repeat 60000 "a")}}{{end}}`, "too large an expression for so long a text"},
		{"a text in letters", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{splitList "" (print $x $x)}}{{end}}`, "splitList: more than 100000 elements"},
		{"all that matches", `{{define "slack.text"}}{{$x := repeat 60000 "a"}}{{list (regexFindAll "a" (print $x $x) -1)}}{{end}}`, "holds more than 100000 elements"},
		{"JSON that lies deep", `{{define "slack.text"}}{{toPrettyJson (fromJson (print (repeat 9000 "[") (repeat 9000 "]")))}}{{end}}`, "toPrettyJson: more than 67108864 bytes"},
		{"data that begins anew", `{{define "next"}}{{part "next" (.WithFailure "x")}}{{end}}`, "no field .WithFailure"},
		{"much in HTML", `HTML`, "it takes longer than 5s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name, channel := "own.tmpl", "slack"
			if tc.text == "HTML" {
				name, channel, tc.text = "own.html.tmpl", "email", `{{range until 10000}}{{range until 10000}}{{range until 10000}}{{end}}{{end}}{{end}}`
			}
			set, err := Default().WithText(name, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = set.Parts(data(t, channel, bruteForce))
			// On a slow host the time may be up first.
			if err == nil || !strings.Contains(err.Error(), tc.want) && !strings.Contains(err.Error(), errTime.Error()) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// chain are n defines, each of which says the body with the next.
func chain(n int, body string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("{{define \"t" + strconv.Itoa(i) + "\"}}" + strings.ReplaceAll(body, "%d", strconv.Itoa(i+1)) + "{{end}}")
	}
	return b.String() + "{{define \"t" + strconv.Itoa(n) + "\"}}{{end}}"
}

func TestMarksInATemplateAreRefused(t *testing.T) {
	if _, err := Default().WithText("own.tmpl", "a\n\x0eb"); err == nil || !strings.Contains(err.Error(), "template own.tmpl:2: a control character") {
		t.Errorf("error = %v", err)
	}
}

func TestJSONIsNoText(t *testing.T) {
	_, err := Default().WithText("own.tmpl", "x\n{{if .Host}}{{template `webhook.document.json` .}}{{end}}")
	if err == nil || !strings.Contains(err.Error(), "template own.tmpl:2: \"webhook.document.json\" prints JSON, which is no text") {
		t.Errorf("error = %v", err)
	}
}
