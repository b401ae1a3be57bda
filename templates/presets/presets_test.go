package presets

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole is a preset without mistakes.
const whole = `name: chat
title: Chat
about: A message.
checked: 2026-11-23
rate: 5/m
settings:
  url: {required: true, secret: true, help: "the hook", example: "https://chat.example.com/1"}
  token: {required: true, secret: true, help: "the token", example: "abc"}
  room: {default: soc, values: [soc, night], help: "the room"}
request:
  url: "{url}/send/{delivery}"
  query: {room: "{room}"}
  headers: {Authorization: "Bearer {token}"}
  body: |
    {"text": "{{.Sentence}}", "room": {{setting "room"}}}
on:
  acknowledge: none
  resolve: {url: "{url}/close", method: PUT}
plain: {text: "{text}", "room": "{room}", n: 3, list: [true, null]}
text:
  escape: {"*": "\\*", " ": ""}
limits:
  body: {bytes: 100}
  fields: [{path: text, chars: 10}]
answer:
  success: {status: [200, "202-204"], json: {ok: true}}
  wait: {header: X-Reset, unit: epoch_ms}
  verdicts:
    - {status: 429, code: [quota], is: temporary, wait: 6h}
    - {body: full, is: permanent}
tested: [a stand-in, Chat 2.1]
`

func TestParse(t *testing.T) {
	p, problems := Parse("chat.yaml", []byte(whole))
	if p == nil {
		t.Fatal(problems)
	}
	resolve, told := p.For(Resolve, func(string) bool { return false })
	if !told || resolve.URL != "{url}/close" || resolve.Method != "PUT" || resolve.Body != p.Request.Body || resolve.Headers["Authorization"] == "" {
		t.Errorf("resolve is %+v: what on says takes the place of the request's, and nothing else", resolve)
	}
	if _, told := p.For(Acknowledge, func(string) bool { return false }); told {
		t.Error("acknowledge: none is told")
	}
	if digest, told := p.For(Digest, func(string) bool { return false }); !told || digest.Body != p.Request.Body {
		t.Error("a digest has another body than the request's")
	}
	if _, told := p.For("update", func(string) bool { return false }); told {
		t.Error("an update is told")
	}
	if want := `{"text":"{text}","room":"{room}","n":3,"list":[true,null]}`; p.Request.Plain != want {
		t.Errorf("plain is %s, want %s", p.Request.Plain, want)
	}
	if want := []Statuses{{200, 200}, {202, 204}}; !slices.Equal(p.Answer.Success.Status, want) {
		t.Errorf("success: %v, want %v", p.Answer.Success.Status, want)
	}
	if want := []string{"a stand-in", "Chat 2.1"}; !slices.Equal(p.Tested, want) || p.Answer.Verdicts[1].Body != "full" {
		t.Errorf("tested against %q, want %q; verdicts %+v", p.Tested, want, p.Answer.Verdicts)
	}
	if v := p.Answer.Verdicts[0]; v.Wait.Hours() != 6 || v.Status[0].From != 429 || v.Code[0] != "quota" {
		t.Errorf("verdict %+v", v)
	}
	line := strings.Split(p.Source(), "\n")[p.Request.BodyLine]
	if !strings.Contains(line, "{{.Sentence}}") {
		t.Errorf("the body begins in line %d, which is %q", p.Request.BodyLine, line)
	}
	if !p.IsAddress("url") || p.IsAddress("room") || p.Host() != "" {
		t.Error("url is an address, and no other")
	}
}

// TestMistakesAreToldWithPlaceAndRemedy changes the whole preset in one place each.
func TestMistakesAreToldWithPlaceAndRemedy(t *testing.T) {
	for _, x := range []struct{ old, new, want string }{
		{"title: Chat\n", "", `1:1: title is missing`},
		{"name: chat", "name: chot", `1:7: name is "chot", and the file's name says "chat": they must be the same`},
		{"rate: 5/m", "rate: 5/w", `5:7: rate: "5/w" is no rate: write 1/s, 120/m or 20/h`},
		{"checked: 2026-11-23", "checked: lately", `4:10: checked: "lately" is no day: write 2026-11-23`},
		{"rate: 5/m", "raet: 5/m", `5:1: unknown key "raet" in the preset: did you mean "rate"?`},
		{"rate: 5/m", "concurrency: 0", `5:14: concurrency takes a number above 0`},
		{"rate: 5/m", "idempotent: maybe", `5:13: idempotent takes true or false`},
		{`"Bearer {token}"`, `"Bearer {tokn}"`, `13:28: headers.Authorization: {tokn} is neither a setting nor a value of the message: did you mean {token}?`},
		{"{Authorization:", "{x-token: a, Authorization:", `13:13: headers: write "x-token" with a capital X: keys that begin with x- are for anchors`},
		{"{Authorization:", "{Content-Length: a, Authorization:", `13:13: headers: "Content-Length" is no header that a preset can set`},
		{`setting "room"`, `setting "rom"`, `15:1: body: setting "rom" is not there: did you mean "room"?`},
		{`setting "room"`, `setting "token"`, `15:1: body: setting "token" is a secret, which may stand in url, query, headers, basic and secret_fields only: a body is kept and shown`},
		{`setting "room"`, `setting "url"`, `15:1: body: setting "url" is a secret, which may stand in url, query, headers, basic and secret_fields only: a body is kept and shown`},
		{`{text: "{text}",`, `{text: "{txt}",`, `19:15: plain: {txt} is neither a setting nor a value of the message: did you mean {text}?|19:8: plain holds no {text}: it is what goes out when templates fail, and must say what happened`},
		{`{text: "{text}",`, `{text: "{text}{token}",`, `19:15: plain: {token} is a secret, which may stand in url, query, headers, basic and secret_fields only: a body is kept and shown`},
		{`"{url}/send/{delivery}"`, `"{delivery}/send"`, `11:8: url: {delivery} stands at its beginning, so an alert would say where the message goes`},
		{`"{url}/send/{delivery}"`, `"https://{alert}.example.com/"`, `11:8: url: {alert} stands in the host, so an alert would say where the message goes`},
		{`"{url}/send/{delivery}"`, `"{url}/send?x=1"`, `11:8: url: write what stands behind ? under query`},
		{`"{url}/send/{delivery}"`, `"ftp://example.com"`, `11:8: url: begin it with https:// or with a setting that is an address, such as {url}`},
		{"method: PUT", "method: GET", `18:41: method: "GET" is none of POST, PUT, PATCH`},
		{"{url}/send/{delivery}", "{url}/send/{earlier}", `11:3: request: {earlier} is how the vendor calls an earlier message: it may stand under on, in acknowledge and resolve`},
		{"acknowledge: none", `digest: {headers: {X: "{earlier}"}}`, `17:11: digest: {earlier} is how the vendor calls an earlier message: it may stand under on, in acknowledge and resolve`},
		{"method: PUT", `success: {status: [99]}`, `18:51: status: "99" is no HTTP status or range of them: write 202 or 200-299`},
		{"  headers: {", "  success: {status: 200}\n  headers: {", `13:3: unknown key "success" in request: it takes basic, body, form, headers, method, query, secret_fields, url`},
		{"  headers: {", "  secret_fields: {key: \"{tokn}\"}\n  headers: {", `13:24: secret_fields.key: {tokn} is neither a setting nor a value of the message: did you mean {token}?`},
		{"  headers: {", "  secret_fields: {auth.key: \"{token}\", \"*\": x}\n  headers: {", `13:19: secret_fields: "auth.key" is no key that can be put into the body: letters, digits, _ and -|13:40: secret_fields: "*" is no key that can be put into the body: letters, digits, _ and -`},
		{"acknowledge: none", "update: none", `17:3: unknown key "update" in on: it takes acknowledge, digest, resolve`},
		{"acknowledge: none", "digest: none", `17:11: digest takes a request`},
		{"default: soc,", "default: so,", `9:19: setting room: the default "so" is none of the values`},
		{`help: "the room"`, `help2: "the room"`, `9:9: setting room: help is missing: what it is and where it is found|9:46: unknown key "help2" in setting room: did you mean "help"?`},
		{`resolve: {url: "{url}/close", method: PUT}`, `resolve: [{when: room, method: PUT}, {method: PUT}]`, `18:20: when: the setting room must be one that a receiver may leave out: neither secret nor required, without a default`},
		{`resolve: {url: "{url}/close", method: PUT}`, `resolve: [{when: rom, method: PUT}, {method: PUT}]`, `18:20: when: there is no setting "rom": declare it under settings`},
		{`resolve: {url: "{url}/close", method: PUT}`, `resolve: [{method: PUT}, {method: PATCH}]`, `18:13: resolve: what stands after this request is never sent: say with when: SETTING for which receivers it is, or put it last`},
		{`resolve: {url: "{url}/close", method: PUT}`, `resolve: []`, `18:12: resolve takes a request, or several`},
		{`resolve: {url: "{url}/close", method: PUT}`, `resolve: [PUT]`, `18:13: resolve is a text: write key: value pairs`},
		{"limits:", "find: {url: \"{url}/find\", body: {text: \"{token}\"}}\nlimits:", `22:40: body: {token} is a secret, which may stand in url, query, headers, basic and secret_fields only: a body is kept and shown|22:7: find: id is missing`},
		{"limits:", "find: {url: \"{url}/find\", body: {text: \"{text}\"}, id: a}\nlimits:", `22:40: body: {text} is neither a setting nor a value of the message: it takes {delivery}, {alert}, {dedup_key}, {dedup_hash}, {severity}, {action}, {receiver}, {room}`},
		{"limits:", "find: {url: \"{url}/find\", form: true, body: {a: \"{delivery}\"}, id: a}\nlimits:", `22:27: unknown key "form" in find: it takes basic, body, headers, id, method, query, url`},
		{"limits:", "find: {url: \"{url}/find/{earlier}\", body: {}, id: a}\nlimits:", `22:7: find: {earlier} is how the vendor calls an earlier message: it may stand under on, in acknowledge and resolve`},
		{`resolve: {url: "{url}/close", method: PUT}`, `resolve: {when: silent, method: PUT}`, `18:19: when: there is no setting "silent": declare it under settings|18:12: resolve: say behind this one what is sent where the setting silent is not given`},
		{`example: "abc"`, `example: "abc", forms: {like: '[a-', hint: "mend it"}`, `8:90: like is no expression: missing closing ]: ` + "`[a-`" + `: mend it (RE2's syntax, which has no lookahead)`},
		{`example: "abc"`, `example: "abc", forms: {unlike: 'a)(b', hint: "mend it"}`, `8:92: unlike is no expression: unexpected ): ` + "`a)(b`" + `: mend it (RE2's syntax, which has no lookahead)`},
		{`example: "abc"`, `example: "abc", forms: {like: '[0-9]+', hint: "give a number"}`, `8:69: setting token: the example "abc" does not have the form that forms ask for`},
		{`example: "abc"`, `example: "abc", forms: {like: '.*', unlike: 'b', hint: "mend it"}`, `8:83: a form takes like or unlike: an expression for the whole value, such as '[0-9]+'`},
		{`example: "abc"`, `example: "abc", forms: [{like: '.*'}]`, `8:84: a form needs a hint: what to do about a value that does not have it`},
		{`example: "abc"`, `example: "abc", forms: {like: '` + strings.Repeat("a", 1001) + `', hint: "mend it"}`, `8:90: like has more than 1000 bytes`},
		{`values: [soc, night],`, `values: [soc, night], forms: {like: 'soc', hint: "mend it"},`, `9:53: setting room: values say already what it takes: leave forms out`},
		{"{path: text, chars: 10}", "{path: text}", `24:12: a limit takes one of chars, utf16, bytes, items`},
		{"{path: text, chars: 10}", "{path: text, items: 10, sum: true}", `24:12: items are counted in one list: leave sum out`},
		{"{path: text, chars: 10}", "{path: text, items: 10, more: {text: and more}}", `24:42: more holds no {more}: it is what says how many elements are left out`},
		{"{path: text, chars: 10}", `{path: text, items: 10, more: ["{more}", "{token}"]}`, `24:53: more: {token} is none of its placeholders: it takes {more}, how many elements are left out`},
		{"{path: text, chars: 10}", `{path: text, chars: 10, more: "{more}"}`, `24:12: more and last say how a list is cut: they stand beside items`},
		{"{path: text, chars: 10}", `{path: text, items: 10, last: 9}`, `24:12: last is 9 of 10 items: leave room for the first ones, and for what more says`},
		{"{path: text, chars: 10}", `{path: text, items: 1, more: "and {more}"}`, `24:12: items is 1, which is what more says: leave room for the first ones`},
		{"unit: epoch_ms", "unit: hours", `27:9: wait takes json or header, and unit: one of s, ms, epoch_s, epoch_ms`},
		{"is: temporary, wait: 6h", "is: permanent, wait: 6h", `29:57: wait is for what is temporary`},
		{"status: 429, code: [quota], is: temporary, wait: 6h", "is: permanent", `29:7: a verdict needs a condition: status, code, text, body or json`},
		{"is: temporary, wait: 6h", "is: later", `29:40: is: "later" is no verdict: write delivered, unmarked, temporary, permanent or misconfigured`},
		{"is: temporary, wait: 6h", "is: misconfiguered", `29:40: is: "misconfiguered" is no verdict: did you mean "misconfigured"?`},
		{", is: temporary, wait: 6h", "", `29:7: a verdict says what the answer is: delivered, unmarked, temporary, permanent or misconfigured`},
		{"[200, ", "[99, ", `26:21: status: "99" is no HTTP status or range of them: write 202 or 200-299`},
		{"is: temporary, wait: 6h", "is: unmarked", `26:3: a verdict is unmarked: say under unmarked what the body is without markup, such as {drop: [parse_mode], words: {"<b>": ""}}`},
		{"limits:", "unmarked: {drop: [mode]}\nlimits:", `22:11: no verdict is unmarked: say of which answer it is, under answer.verdicts`},
		{"limits:", "unmarked: {escape: {\"\": a}}\nlimits:", `22:11: an empty text cannot be replaced: take it out|22:11: no verdict is unmarked: say of which answer it is, under answer.verdicts|22:11: unmarked takes drop, words or both: without them the body is the same again`},
		{`"*": "\\*"`, `"": "\\*"`, `21:3: an empty text cannot be replaced: take it out`},
		{"title: Chat\n", "title: \"a\\x01b\"\n", `2:8: title holds a control character ('\x01'): take it out`},
		{"text:\n  escape", "text: &a\n  code: *a\n  escape", `22:3: nested too deeply or too large`},
	} {
		text := strings.Replace(whole, x.old, x.new, 1)
		if text == whole {
			t.Errorf("%q is not there", x.old)
			continue
		}
		p, problems := Parse("presets/chat.yaml", []byte(text))
		var got []string
		for _, q := range problems {
			got = append(got, fmt.Sprintf("%d:%d: %s", q.Line, q.Column, q.Message))
		}
		if x.new == "text: &a\n  code: *a\n  escape" {
			if p != nil {
				t.Error("a text that holds itself is read")
			}
			continue
		}
		slices.Sort(got)
		want := strings.Split(x.want, "|")
		slices.Sort(want)
		if diff := cmp.Diff(want, got); p != nil || diff != "" {
			t.Errorf("%q instead of %q (-want +got):\n%s", x.new, x.old, diff)
		}
	}
	for _, text := range []string{"", "- a", "a: [", "\x00", strings.Repeat("#", maxFile+1)} {
		if p, problems := Parse("chat.yaml", []byte(text)); p != nil || len(problems) == 0 {
			t.Errorf("%.20q is a preset", text)
		}
	}
}

// TestAFormAndSecretsNeedAnObject: a list has no place for a key, which would be found out at the first alert whose template fails.
func TestAFormAndSecretsNeedAnObject(t *testing.T) {
	list := strings.Replace(whole, `{text: "{text}", "room": "{room}", n: 3, list: [true, null]}`, `["{text}"]`, 1)
	if _, problems := Parse("chat.yaml", []byte(list)); len(problems) > 0 {
		t.Errorf("a list is refused where nothing is put into it: %v", problems)
	}
	for _, with := range []string{"  form: true\n", "  secret_fields: {key: \"{token}\"}\n"} {
		_, problems := Parse("chat.yaml", []byte(strings.Replace(list, "  headers: {", with+"  headers: {", 1)))
		if len(problems) == 0 || !strings.HasPrefix(problems[0].Message, "plain is a list, and form and secret_fields of request need a mapping") {
			t.Errorf("%s: %v", with, problems)
		}
	}
}

func TestExpand(t *testing.T) {
	value := func(name string, begins bool) (string, error) { return fmt.Sprintf("<%s %v>", name, begins), nil }
	for s, want := range map[string]string{
		"":                      "",
		"{a}/x{b_1}":            "<a true>/x<b_1 false>",
		`{"a": "{a}"}`:          `{"a": "<a false>"}`,
		"{} {A} {a b} {":        "{} {A} {a b} {",
		"{{a}}":                 "{<a false>}",
		"{a":                    "{a",
		"https://x.{host}/{a}{": "https://x.<host false>/<a false>{",
	} {
		if got, err := Expand(s, value); got != want || err != nil {
			t.Errorf("Expand(%q) = %q, %v, want %q", s, got, err, want)
		}
	}
}

// TestEmbeddedPresets wants each of ours to say enough for the manual.
func TestEmbeddedPresets(t *testing.T) {
	for _, name := range Names() {
		p := Embedded(name)
		if p.Needs == "" || p.Notes == "" || len(p.Sources) == 0 || len(p.Tested) == 0 || p.Answer.Success.Status == nil {
			t.Errorf("%s: needs, notes, sources, tested or success is missing", name)
		}
		if len(p.About) > 120 || !strings.HasSuffix(p.About, ".") {
			t.Errorf("%s: about is a sentence for a list: %q", name, p.About)
		}
		for _, l := range p.Limits.Fields {
			if l.Unit == Items && l.More == "" {
				t.Errorf("%s: %s is cut without a word", name, l.Path)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	for _, name := range Names() {
		f.Add(Embedded(name).Source())
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, problems := Parse("chat.yaml", []byte(text))
		if (p == nil) == (len(problems) == 0) {
			t.Errorf("a preset %v with problems %v", p, problems)
		}
	})
}

func TestATabInFrontOfALineIsNamed(t *testing.T) {
	for text, named := range map[string]bool{"name: chat\n\ttitle: Chat\n": true, "name: chat\n  \ttitle: Chat\n": true, "name: [\tchat\n": false} {
		_, problems := Parse("chat.yaml", []byte(text))
		if len(problems) != 1 || strings.HasSuffix(problems[0].Message, "; the line begins with a tab: YAML is indented with blanks") != named {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

// TestHintsHoldNoAddress: what is kept of a failed attempt is shown as text of others is, where an address would be hxxps://….
func TestHintsHoldNoAddress(t *testing.T) {
	for _, name := range Names() {
		for _, v := range Embedded(name).Answer.Verdicts {
			if strings.Contains(v.Hint, "://") {
				t.Errorf("%s: %q: write the host alone", name, v.Hint)
			}
		}
	}
}
