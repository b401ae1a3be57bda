package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/sample"
)

const pageConfig = `receivers:
  soc: {slack: {webhook_url: https://hooks.slack.com/services/T0/B0/secret}}
  oncall: {pagerduty: {routing_key: 00000000000000000000000000000000}}
  siem: {splunk: {url: "https://splunk.example.com:8088", token: 00000000-0000-0000-0000-000000000000}}
  hook: {webhook: {url: https://example.com/hook}}
  root-mail: {email: {smtp: "smtp://localhost", from: ossec@example.com, to: root@example.com}}
templates_dir: templates
always: [siem]
routes:
  - {name: page, match: {severity: high}, to: [oncall, soc]}
  - {name: ssh, match: {group: authentication_failures, level: 10}, to: [soc, oncall, root-mail, hook]}
`

// pageFiles are a config and the built-in alerts as files, in a directory.
func pageFiles(t testing.TB, config string) (dir string, alerts []string) {
	t.Helper()
	files := map[string]string{"ossec-notify.yaml": config, "templates/empty": ""}
	for _, of := range sample.Names() {
		raw, name, err := sample.Raw(of)
		if err != nil {
			t.Fatal(err)
		}
		files["alerts/"+name] = string(raw)
		alerts = append(alerts, "alerts/"+name)
	}
	dir = write(t, files)
	for i, a := range alerts {
		alerts[i] = filepath.Join(dir, a)
	}
	return dir, alerts
}

func (b *tab) ready() {
	b.t.Helper()
	b.until(`document.querySelector('main h1') && document.querySelector('#live b').textContent === 'Live' && !document.querySelector('[aria-busy]')`)
}

// untilShown waits until the alert of a row is chosen and drawn.
func (b *tab) untilShown(row int) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(row => row?.matches('[aria-current]') && document.querySelector('.head')?.dataset.key === 'head' + row.dataset.id && !document.querySelector('[aria-busy]'))(document.querySelectorAll('.row')[%d])`, row))
}

// output is what the program answers.
func output(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(filepath.Join(binDir(), "ossec-notify"), args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return out
}

func TestPageInChromium(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *tab)
	}{
		{"what is shown is what explain and preview say", testPageSaysWhatTheCommandsSay},
		{"a save shows at once", testPageShowsASave},
		{"a broken template", testPageShowsABrokenTemplate},
		{"a broken config", testPageShowsABrokenConfig},
		{"hostile alerts stay text", testPageKeepsHostileAlertsText},
		{"a hostile mail does nothing", testPageFramesHostileMail},
		{"nobody, cut, no secret, many", testPageShowsWhatIsMissing},
		{"what arrives", testPageShowsArrivals},
		{"messages that are one text", testPageShowsOneText},
		{"keys", testPageKeys},
		{"every kind of node is drawn", testPageDrawsEveryKind},
		{"everybody can read it", testPageIsAccessible},
		{"another server", testPageOutlivesTheServer},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newTab(t, browser)
			defer b.check()
			test.run(t, b)
		})
	}
}

func testPageSaysWhatTheCommandsSay(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	config := filepath.Join(dir, "ossec-notify.yaml")
	for _, kind := range []string{"wazuh", "ossec"} {
		more, err := filepath.Glob(filepath.Join("..", "..", "testdata", "alerts", kind, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		alerts = append(alerts, more...)
	}
	s := serve(t, append([]string{"preview", "--web", "--config", config}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()

	// A click, and j and k choose, and the address says what is chosen.
	id := eval[string](b, `document.querySelectorAll('.row')[2].dataset.id`)
	b.click(`.row[data-id=` + quoted(id) + `]`)
	b.until(`new URLSearchParams(location.search).get('alert') === ` + quoted(id) + ` && document.querySelector('h1').textContent === document.querySelectorAll('.row .t')[2].textContent`)
	b.press("j")
	b.untilShown(3)
	b.press("k")
	b.until(`location.search.includes(` + quoted(id) + `) && document.querySelectorAll('.row')[2].matches('[aria-current]')`)
	eval[bool](b, `history.back(), true`)
	b.untilShown(3)

	type explained struct {
		Alert     string   `json:"alert"`
		Receivers []string `json:"receivers"`
	}
	explains := map[string][]explained{}
	for d := json.NewDecoder(bytes.NewReader(output(t, append([]string{"explain", "--config", config, "--format", "json"}, alerts...)...))); d.More(); {
		var x explained
		if err := d.Decode(&x); err != nil {
			t.Fatal(err)
		}
		explains[x.Alert] = append(explains[x.Alert], x)
	}
	var previewed []struct {
		Alert, Receiver string
		Requests        []struct {
			Method, URL string
			Headers     map[string]string
			Body        json.RawMessage
		}
	}
	if err := json.Unmarshal(output(t, append([]string{"preview", "--config", config, "--format", "json"}, alerts...)...), &previewed); err != nil {
		t.Fatal(err)
	}
	requests := map[string]string{} // what is sent, by alert and receiver
	for _, p := range previewed {
		for _, r := range p.Requests {
			text := r.Method + r.URL
			for _, k := range slices.Sorted(maps.Keys(r.Headers)) {
				text += k + r.Headers[k]
			}
			var body bytes.Buffer
			if err := json.Compact(&body, r.Body); err != nil {
				t.Fatal(err)
			}
			requests[p.Alert+" to "+p.Receiver] += bare(text + body.String())
		}
	}

	eval[bool](b, `localStorage.setItem('ossec-notify view', JSON.stringify({slack: 'request', pagerduty: 'request', splunk: 'request', webhook: 'request'})), true`)
	b.open(s.at("/"), 1440)
	b.ready()
	b.until(fmt.Sprintf(`document.querySelectorAll('.row').length === %d`, len(alerts)))
	compared := 0
	for i := range alerts {
		if i > 0 {
			b.press("j")
		}
		b.untilShown(i)
		got := eval[struct {
			Alert, Title, Heading, Told string
			Receivers                   []string
			Requests                    map[string]string
		}](b, `(async () => ({Alert: (await (await fetch('/api/preview?alert=' + document.querySelector('.row[aria-current]').dataset.id)).json()).explain.alert,
			Title: document.title, Heading: document.querySelector('h1').textContent, Told: document.querySelector('.told p').textContent, Receivers: [...document.querySelectorAll('.card')].map(c => c.dataset.r),
			Requests: Object.fromEntries([...document.querySelectorAll('[data-view=request]')].map(v => [v.closest('.card').dataset.r, v.textContent]))}))()`)
		if len(explains[got.Alert]) != 1 { // two files hold it
			continue
		}
		compared++
		want := explains[got.Alert][0].Receivers
		if slices.Sort(got.Receivers); !slices.Equal(got.Receivers, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: cards of %v, and explain names %v", got.Alert, got.Receivers, want)
		}
		if !strings.HasPrefix(got.Title, got.Heading) || !strings.Contains(got.Title, "Preview") {
			t.Errorf("%s: the title is %q, want the alert and the face", got.Alert, got.Title)
		}
		for _, r := range want {
			if !strings.Contains(got.Told, r) {
				t.Errorf("%s: %q does not name %s", got.Alert, got.Told, r)
			}
			if sent, ok := requests[got.Alert+" to "+r]; ok && anyTime(bare(got.Requests[r])) != anyTime(sent) {
				t.Errorf("%s to %s: the page shows\n%s\nand preview says\n%s", got.Alert, r, bare(got.Requests[r]), sent)
			}
		}
	}
	if compared < len(alerts)*3/4 {
		t.Errorf("only %d of %d alerts are compared", compared, len(alerts))
	}
	eval[bool](b, `localStorage.clear(), true`)
	b.open(s.at("/"), 1440)
	b.ready()
	b.until(`document.querySelectorAll('.card .view').length > 2`)
	b.shoot("preview-light", 1440)
}

var escapedRune = regexp.MustCompile(`\\u[0-9a-f]{4}`)

// anyTime leaves out when an alert came, which is the time of one that says none: each preview has a now of its own.
func anyTime(s string) string {
	return momentText.ReplaceAllStringFunc(s, func(text string) string {
		parts := momentText.FindStringSubmatch(text)
		at, err := time.Parse(time.DateTime, parts[2]+" "+parts[3])
		if seconds, e := strconv.ParseFloat(parts[1], 64); e == nil {
			at, err = time.Unix(int64(seconds), 0), nil
		}
		if err != nil || time.Since(at).Abs() > 26*time.Hour { // clocks of all zones
			return text
		}
		if parts[1] != "" {
			return `"time":"now"`
		}
		return "now"
	})
}

// momentText is a moment in JSON or in words, with blanks or without.
var momentText = regexp.MustCompile(`"time": ?([0-9.]+)|(\d{4}-\d\d-\d\d)[T ]?(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z| ?UTC)`)

// bare is a text without blanks, with secrets and what nobody sees as the page shows them.
func bare(s string) string {
	var out strings.Builder
	s = escapedRune.ReplaceAllStringFunc(strings.ReplaceAll(s, "[redacted]", "redacted"), func(e string) string { return "U+" + strings.ToUpper(e[2:]) })
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
			fmt.Fprintf(&out, "U+%04X", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// save writes a file as an editor does that puts another one in its place; directly, as others do, if inPlace.
func save(t testing.TB, path, text string, inPlace bool) {
	t.Helper()
	to := path
	if !inPlace {
		to += ".new"
	}
	err := os.WriteFile(to, []byte(text), 0o600)
	if err == nil && to != path {
		err = os.Rename(to, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func testPageShowsASave(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	s := serve(t, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	b.until(`document.querySelector('.card[data-r=soc] .seg button')`)
	eval[bool](b, `(() => { window.held = document.querySelector('.card[data-r=soc] .seg button[data-id=template]'); held.focus(); scrollTo(0, 120); return true })()`)

	template := filepath.Join(dir, "templates", "slack.tmpl")
	save(t, template, `{{define "slack.header"}}Saved once: {{template "sentence" .}}{{end}}`, true)
	b.untilText(`.strip.plus`, "slack.tmpl")
	b.until(`[...document.querySelectorAll('.card[data-r=soc] ins')].some(e => e.textContent.includes('Saved once'))`)
	b.until(`document.querySelector('.card[data-r=soc] del')`)
	b.until(`document.querySelectorAll('.row .pm').length > 1`)
	b.untilText(`#say`, "slack.tmpl saved")
	b.shoot("preview-saved", 1440)

	save(t, template, `{{define "slack.header"}}Saved twice: {{template "sentence" .}}{{end}}`, false)
	b.until(`[...document.querySelectorAll('.card[data-r=soc] ins')].some(e => e.textContent.includes('twice'))`)
	b.until(`[...document.querySelectorAll('.card[data-r=soc] del')].some(e => e.textContent.includes('once'))`)
	if !eval[bool](b, `document.activeElement === held && held.isConnected`) {
		t.Error("a save takes the focus away")
	}
	if y := eval[float64](b, `scrollY`); y < 100 || y > 400 {
		t.Errorf("a save scrolls the page from 120 to %v", y)
	}
	b.press("n")
	b.until(`document.activeElement.matches('ins, del')`)
	b.press("d")
	b.until(`!document.querySelector('ins, del') && document.querySelector('.card[data-r=soc]').textContent.includes('Saved twice')`)
	b.press("d")
	b.until(`document.querySelector('ins')`)

	// Against the start it is another difference, and the address says so.
	eval[bool](b, `(() => { const e = document.querySelector('#against'); e.value = 'start'; e.dispatchEvent(new Event('change', {bubbles: true})); return true })()`)
	b.until(`location.search.includes('against=start') && ![...document.querySelectorAll('del')].some(e => e.textContent.includes('once'))`)

	// A receiver that is not told any more stays, and says so; a new one does, too.
	save(t, filepath.Join(dir, "ossec-notify.yaml"), strings.ReplaceAll(pageConfig, "to: [soc, oncall, root-mail, hook]", "to: [soc, oncall, root-mail]"), false)
	b.untilText(`.card.gone[data-r=hook]`, "no longer told")
	b.untilText(`.nottold`, "hook")
	b.click(`.nottold button[data-r=hook]`)
	b.until(`document.querySelector('.card.asked[data-r=hook] .view')`)
}

func testPageShowsABrokenTemplate(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	template := filepath.Join(dir, "templates", "slack.tmpl")
	save(t, template, `{{define "slack.header"}}Fine{{end}}`, true)
	s := serve(t, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	others := eval[int](b, `document.querySelectorAll('.card').length`)

	save(t, template, "{{define \"slack.header\"}}\n{{ .Rule.Nmae }}{{end}}", false)
	b.untilText(`.strip.bad`, "slack.tmpl:2")
	b.untilText(`.card[data-r=soc] .problem`, "slack.tmpl:2")
	b.untilText(`.card[data-r=soc]`, "gets the default message")
	b.until(`document.querySelector('.card[data-r=soc] .n-message')`)
	b.untilText(`#cry`, "slack.tmpl:2")
	b.untilText(`#live`, "1 error")
	if n := eval[int](b, `document.querySelectorAll('.card').length`); n != others {
		t.Errorf("%d cards, want %d as before", n, others)
	}
	if n := eval[int](b, `document.querySelectorAll('.card .problem').length`); n != 1 {
		t.Errorf("%d cards with a problem, want 1", n)
	}
	b.click(`.strip.bad button[data-do=trouble]`)
	b.until(`document.activeElement.matches('.card[data-r=soc] .problem')`)
	b.media(map[string]string{"prefers-color-scheme": "dark"})
	b.shoot("preview-dark", 1440)

	save(t, template, `{{define "slack.header"}}Mended{{end}}`, true)
	b.until(`!document.querySelector('.strip.bad, .problem') && document.querySelector('.card[data-r=soc]').textContent.includes('Mended')`)
}

func testPageShowsABrokenConfig(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	config := filepath.Join(dir, "ossec-notify.yaml")
	s := serve(t, append([]string{"preview", "--web", "--config", config}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	before := eval[[]string](b, `[...document.querySelectorAll('.card')].map(c => c.dataset.r)`)

	save(t, config, strings.NewReplacer("{webhook: {url:", "{webhook: {urll:", "to: [oncall, soc]", "to: [oncall, sco]").Replace(pageConfig), true)
	b.untilText(`.strip.bad`, "2 mistakes")
	b.untilText(`.strip.bad`, "ossec-notify.yaml:5:")
	b.untilText(`.strip.bad`, "ossec-notify.yaml:10:")
	b.untilText(`.strip.bad`, "Shown with the one that loaded at")
	b.until(`document.querySelectorAll('.strip.bad .n-line.error').length === 2`)
	if got := eval[[]string](b, `[...document.querySelectorAll('.card')].map(c => c.dataset.r)`); !slices.Equal(got, before) {
		t.Errorf("cards of %v, want those of the config that loaded: %v", got, before)
	}
	b.shoot("preview-broken", 1440)
	save(t, config, pageConfig, false)
	b.until(`!document.querySelector('.strip.bad')`)
}

func testPageKeepsHostileAlertsText(t *testing.T, b *tab) {
	hostile, err := filepath.Glob(filepath.Join("..", "..", "testdata", "alerts", "hostile", "*.*"))
	if err != nil || len(hostile) == 0 {
		t.Fatalf("no hostile alerts: %v", err)
	}
	dir, alerts := pageFiles(t, pageConfig)
	// A page has more ways to go wrong than a terminal: names of elements, addresses that act, entities.
	odd := filepath.Join(dir, "odd.json")
	save(t, odd, `{"timestamp":"2026-11-23T13:28:22.412+0000","rule":{"level":12,"id":"100301","description":"<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202egnp.exe &lt;b&gt; javascript:alert(3) {{constructor.constructor('alert(4)')()}}"},"agent":{"id":"1","name":"\"><svg/onload=alert(5)>"},"manager":{"name":"m"},"id":"1.2","location":"/var/log/</textarea><iframe srcdoc=x>","full_log":"<a href=javascript:alert(6)>x</a>\u0007\u200b <form action=http://192.0.2.1/><base href=http://192.0.2.1/>"}`, true)
	s := serve(t, append(append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml"), odd}, alerts...), hostile...)...)
	b.open(s.url, 1440)
	b.ready()
	count := eval[int](b, `document.querySelectorAll('.row').length`)
	if count < len(alerts)+5 {
		t.Errorf("%d alerts are listed, want more than the hostile ones: %d", count, len(alerts))
	}
	// Of each alert every view of every card is looked at.
	const look = `(() => {
		const out = [];
		for (const view of ['request', 'template', 'text', 'source', 'html', 'shown']) {
			for (const channel of ['slack', 'pagerduty', 'splunk', 'webhook', 'email']) document.querySelector('.card button[data-id=' + view + '][data-channel=' + channel + ']')?.click();
			for (const e of document.querySelectorAll('main :is(script, img, base, form, object, embed, link, meta, textarea), main svg[onload], main iframe[srcdoc], .view a, .facts a, .row a a, [onerror], [onload], [onclick]')) out.push(view + ' makes ' + e.outerHTML.slice(0, 200));
			for (const m of document.body.innerText.replace(/[\n\t]/g, '').matchAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu)) out.push(view + ' has U+' + m[0].codePointAt(0).toString(16));
		}
		return [...new Set(out)];
	})()`
	for i := range count {
		if i > 0 {
			b.press("j")
		}
		b.untilShown(i)
		b.until(`document.querySelector('.card, .nobody')`)
		for _, bad := range eval[[]string](b, look) {
			t.Errorf("%s: %s", eval[string](b, `document.querySelector('h1').textContent`), bad)
		}
	}
	// What was made harmless says so to who comes by with keys, and is silent again after Esc.
	eval[bool](b, `[...document.querySelectorAll('.row')].find(r => r.textContent.includes('100300')).click(), true`)
	b.until(`document.querySelector('.card mark')`)
	b.press("m")
	b.until(`document.activeElement.matches('mark[aria-describedby=tip]') && !document.querySelector('#tip').hidden && document.querySelector('#tip').textContent.includes('rule.description')`)
	b.press("\u001b")
	b.until(`document.querySelector('#tip').hidden`)
	if p := eval[string](b, `location.pathname`); p != "/" {
		t.Errorf("an alert leads to %s", p)
	}
	if !eval[bool](b, `document.querySelector('.row .t').textContent.length > 0 && window.length >= 0 && !window.opener`) {
		t.Error("the list is empty")
	}
}

func testPageFramesHostileMail(t *testing.T, b *tab) {
	s := serve(t, "sandbox", "--web")
	b.open(s.at("/")+"inbox"+strings.TrimPrefix(s.url, s.at("/")), 1440)
	b.until(`document.querySelector('.addresses div')`)
	address := eval[string](b, `[...document.querySelectorAll('.addresses code')].map(e => e.textContent).find(a => a.startsWith('smtp'))`)
	_, host, _ := strings.Cut(address, "://")
	html := `<meta http-equiv=refresh content="0;url=http://192.0.2.1/gone"><script>top.document.title='taken';parent.location='http://192.0.2.1/'</script>` +
		`<body style="color:rgb(1,2,3)" onload="top.location='/'"><p>Pay <a href="http://192.0.2.1/" target=_top>here</a></p><form action="http://192.0.2.1/"><input autofocus><button>go</button></form>` +
		`<img src="http://192.0.2.1/seen.png"><style>@import url(http://192.0.2.1/x.css);body{background:url(http://192.0.2.1/y.png)}</style><iframe src="http://192.0.2.1/"></iframe>`
	mail := "From: ossec@example.com\r\nTo: root@example.com\r\nSubject: hostile mail\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nDate: Mon, 23 Nov 2026 13:28:22 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n" + html + "\r\n"
	if err := smtp.SendMail(strings.TrimSuffix(host, "/"), nil, "ossec@example.com", []string{"root@example.com"}, []byte(mail)); err != nil {
		t.Logf("the stand-in says: %v", err) // it keeps what it refuses, too
	}
	// What the frame tries is stopped, and Chromium says so.
	b.expected = []string{"/frame/", "sandboxed", "Content Security Policy"}
	b.click(`.row.item`)
	b.click(`.seg button[data-id=html]`)
	b.until(`document.querySelector('iframe')`)
	b.until(`performance.getEntriesByType('resource').some(e => e.name.includes('/frame/'))`)
	if !eval[bool](b, `document.querySelector('iframe').contentDocument === null`) {
		t.Error("the page reaches into the mail's frame, and so the frame into the page")
	}
	b.click(`.seg button[data-id=source]`)
	b.untilText(`.view`, "192.0.2.1")
	if got := eval[string](b, `document.title + ' ' + location.pathname`); !strings.Contains(got, "hostile mail") || !strings.HasSuffix(got, "/inbox") {
		t.Errorf("the mail made the page %q", got)
	}
}

func testPageShowsWhatIsMissing(t *testing.T, b *tab) {
	config := `receivers:
  soc: {slack: {webhook_url: https://hooks.slack.com/services/T0/B0/secret}}
  lost: {webhook: {url: {file: nothing-here.url}}}
`
	var all []string
	for i := range 50 {
		all = append(all, fmt.Sprint("hook", i))
		config += fmt.Sprintf("  hook%d: {webhook: {url: https://example.com/%d}}\n", i, i)
	}
	config += "routes:\n  - {name: all, match: {rule: 31151}, to: [" + strings.Join(all, ", ") + "]}\n  - {name: high, match: {severity: high}, to: [soc]}\n  - {name: lost, match: {rule: 5712}, to: [lost]}\n"
	dir, alerts := pageFiles(t, config)
	long := filepath.Join(dir, "long.json")
	save(t, long, `{"timestamp":"2026-11-23T13:28:22.412+0000","rule":{"level":13,"id":"100302","description":"A long one"},"agent":{"id":"1","name":"web-01"},"manager":{"name":"m"},"id":"1.3","location":"/var/log/app.log","full_log":"`+strings.Repeat("one more line of the log\\n", 200)+`"}`, true)
	s := serve(t, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml"), long}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	choose := func(part string) {
		t.Helper()
		b.until(`[...document.querySelectorAll('.row')].some(r => r.textContent.includes(` + quoted(part) + `))`)
		eval[bool](b, `[...document.querySelectorAll('.row')].find(r => r.textContent.includes(`+quoted(part)+`)).click(), true`)
		b.until(`document.querySelector('.head .sev').textContent.includes(` + quoted(part) + `)`)
	}
	choose("rule 100302")
	b.untilText(`.card[data-r=soc] .tag.bad`, "cut")
	b.until(`document.querySelector('.card[data-r=soc] details.n-cut').textContent.includes('one more line of the log')`)

	choose("rule 550")
	b.untilText(`.nobody h2`, "Nobody")
	b.untilText(`.nobody pre`, "default:")
	b.untilText(`.row[aria-current]`, "nobody")
	if n := eval[int](b, `document.querySelectorAll('.card').length`); n != 0 {
		t.Errorf("%d cards, and nobody is told", n)
	}

	choose("rule 5712")
	b.untilText(`.card[data-r=lost] .tag.warn`, "can’t be sent")
	b.untilText(`.card[data-r=lost]`, "nothing-here.url")

	choose("rule 31151")
	b.until(`document.querySelectorAll('.card').length === 50`)
	b.press("3")
	b.until(`document.activeElement === document.querySelector('.card[data-r=hook2]') || document.activeElement.matches('.card')`)
}

func testPageShowsArrivals(t *testing.T, b *tab) {
	s := serve(t, "sandbox", "--web")
	b.open(s.url, 1440)
	b.until(`document.querySelector('.addresses div')`)
	address := eval[string](b, `[...document.querySelectorAll('.addresses div')].find(d => d.textContent.startsWith('Webhook')).querySelector('code').textContent`)
	slackURL := eval[string](b, `[...document.querySelectorAll('.addresses div')].find(d => d.textContent.startsWith('Slack')).querySelector('code').textContent`)
	dir := write(t, map[string]string{"ossec-notify.yaml": "receivers:\n  hook: {webhook: {url: \"" + address + "\"}}\n  soc: {slack: {webhook_url: \"" + slackURL + "\"}}\n  wrong: {slack: {webhook_url: \"" + slackURL + "x\"}}\ndefault: [hook]\n"})
	send := func(to string) {
		cmd := exec.Command(filepath.Join(binDir(), "ossec-notify"), "send", "--config", filepath.Join(dir, "ossec-notify.yaml"), "--state", filepath.Join(dir, "state"), "--sample", "550", "--to", to)
		out, err := cmd.CombinedOutput()
		t.Logf("send --to %s: %v\n%s", to, err, out)
	}
	send("soc")
	b.until(`document.querySelectorAll('.row.item').length === 1`)
	b.untilText(`.row.item`, "File changed")
	b.until(`document.title.startsWith('(1) ')`)
	b.until(`document.querySelector('.row.item').matches('.new')`)
	send("hook")
	b.until(`document.querySelectorAll('.row.item').length === 2 && document.title.startsWith('(2) ')`)
	send("wrong")
	b.until(`document.querySelector('.row.item .refused')`)

	b.press("j")
	b.until(`document.querySelector('article.card h1')`)
	b.click(`.row.item:not(:has(.refused))`)
	b.until(`document.querySelector('article.card .fine')`)
	b.click(`.seg button[data-id=answer]`)
	b.until(`document.querySelector('[data-view=answer]')`)
	b.click(`.seg button[data-id=request]`)
	b.until(`document.querySelector('[data-view=request] .first b')?.textContent === 'POST'`)
	raw := eval[string](b, `[...document.querySelectorAll('[data-view=request] .n-request > :not(.first, .headers)')].map(e => e.textContent).join('')`)
	var sent map[string]any
	if err := json.Unmarshal([]byte(raw), &sent); err != nil || cmp.Or(sent["title"], sent["text"]) == nil {
		t.Errorf("the body shown is not what was sent: %v\n%s", err, raw)
	}
	if got := eval[string](b, `document.title`); !strings.HasPrefix(got, "(1) ") {
		t.Errorf("the title is %q, and one of three was not opened", got)
	}
	b.press("j")
	b.click(`.row.item:has(.refused)`)
	b.until(`document.querySelector('article.card .problem')`)
	b.until(`!document.title.startsWith('(')`)
	for _, scheme := range []string{"light", "dark"} {
		b.media(map[string]string{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"})
		b.painted()
		for _, bad := range eval[[]string](b, accessible) {
			t.Errorf("%s: %s", scheme, bad)
		}
	}
	b.shoot("inbox-dark", 1440)

	b.click(`#clear`)
	b.untilText(`#clear`, "Forget all 3?")
	if n := eval[int](b, `document.querySelectorAll('.row.item').length`); n != 3 {
		t.Errorf("%d arrivals after the first click at Clear, want 3", n)
	}
	b.click(`#clear`)
	b.until(`!document.querySelector('.row.item') && document.querySelector('.addresses')`)
}

func testPageKeys(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	s := serve(t, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	b.until(`document.querySelector('.card')`)
	b.click(`button[data-do=running]`) // and no deliverer has loaded anything
	b.expected = []string{"404"}
	b.untilText(`.head [role=alert]`, "no deliverer has loaded this config yet")
	b.until(`!location.search.includes('against') && document.querySelector('.card')`)
	b.press("o")
	b.until(`document.querySelector('#original').textContent.includes('"rule"')`)
	b.press("o")
	b.press("2")
	b.until(`document.activeElement === document.querySelectorAll('.card')[1]`)
	b.press("[")
	b.until(`document.activeElement === document.querySelectorAll('.card')[0]`)
	b.press("v")
	b.until(`document.querySelector('.card [data-id=request]').matches('[aria-pressed=true]')`)
	b.press("/")
	b.until(`document.activeElement.id === 'q'`)
	b.press("100300")
	b.until(`document.querySelectorAll('.row').length === 1`)
	if got := eval[string](b, `document.querySelector('#q').value`); got != "100300" { // and no card was chosen by it
		t.Errorf("the filter holds %q", got)
	}
	b.press("\u001b") // Esc empties a search field
	b.until(`document.querySelectorAll('.row').length > 1`)
	eval[bool](b, `document.activeElement.blur(), true`)
	b.press("t")
	b.until(`document.documentElement.dataset.theme === 'light'`)
	b.press("p")
	b.until(`document.querySelector('#paste').open && document.activeElement.id === 'paste-t'`)
	b.press("\u001b")
	b.until(`!document.querySelector('#paste').open && document.activeElement === document.body`)
	b.press("?")
	b.until(`document.querySelector('#help').open`)
	b.click(`#letters`)
	b.click(`#help [data-do=close]`)
	theme := eval[string](b, `document.documentElement.dataset.theme`)
	b.press("t")
	if got := eval[string](b, `document.documentElement.dataset.theme`); got != theme {
		t.Error("a letter still acts where letters are switched off")
	}
	b.press("\u0806") // F6
	b.until(`document.activeElement.matches('#bar, #rail, main > *')`)

	// Paste: what cannot be read says why, and what can is shown.
	b.expected = append(b.expected, "400", "422")
	b.click(`button[data-do=paste]`)
	eval[bool](b, `document.querySelector('#paste-t').value = 'no alert \u0000 at all', true`)
	b.click(`button[data-do=pasted]`)
	b.until(`document.querySelector('#paste-e').textContent || !document.querySelector('#paste').open`)
	if eval[bool](b, `!document.querySelector('#paste').open`) { // any text can be an alert's
		b.click(`button[data-do=paste]`)
	}
	eval[bool](b, `document.querySelector('#paste-t').value = `+quoted(`{"timestamp":"2026-11-23T13:28:22.412+0000","rule":{"level":5,"id":"100303","description":"A pasted one"},"agent":{"id":"1","name":"web-01"},"manager":{"name":"m"},"id":"1.4","location":"x","full_log":"y"}`)+`, true`)
	b.click(`button[data-do=pasted]`)
	b.until(`document.querySelector('.sev')?.textContent.includes('rule 100303') && location.search.includes('source=pasted')`)
	b.until(`document.querySelector('.tools .two span:not(.vh)').textContent !== '0'`)
}

// testPageDrawsEveryKind hands the page one node of each kind, as it is listed in the source of package draw.
func testPageDrawsEveryKind(t *testing.T, b *tab) {
	source, err := os.ReadFile(filepath.Join("..", "..", "draw", "node.go"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`\bKind += "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 30 {
		t.Fatalf("%d kinds of nodes are found in draw/node.go", len(kinds))
	}
	var nodes []draw.Node
	for _, k := range kinds {
		for _, change := range []string{"", "+", "-"} {
			nodes = append(nodes, draw.Node{Kind: draw.Kind(k[1]), Text: "text of " + k[1], Style: "javascript:style", Change: change, Children: []draw.Node{{Kind: draw.Para, Children: []draw.Node{{Kind: draw.Text, Text: "within " + k[1] + change}}}}})
		}
	}
	nodes = append(nodes, draw.Node{Kind: "hologram", Text: "not of this list"}, draw.Node{Kind: draw.Text, Text: "turned \u202e round"}, draw.Node{Kind: "constructor"})
	all, err := json.Marshal(nodes)
	if err != nil {
		t.Fatal(err)
	}
	dir, alerts := pageFiles(t, pageConfig)
	s := serve(t, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	eval[bool](b, `(() => {
		const real = window.fetch, nodes = `+string(all)+`;
		window.fetch = async (path, o) => {
			const r = await real(path, o);
			if (!path.startsWith('/api/preview')) return r;
			const p = await r.json();
			p.cards[0].views[0].draw = nodes;
			p.alert.title = 'a title that is \u202e turned';
			return new Response(JSON.stringify(p), {headers: {'Content-Type': 'application/json'}});
		};
		return true;
	})()`)
	b.press("j")
	b.untilText(`.view`, "within note")
	text := eval[string](b, `document.querySelector('.view').textContent`)
	leaves := map[string]bool{"text": true, "mention": true, "box": true, "redact": true, "run": true, "br": true, "button": true, "hr": true, "image": true}
	for _, k := range kinds {
		want := "within " + k[1]
		if leaves[k[1]] {
			want = "text of " + k[1]
		}
		if k[1] != "br" && k[1] != "hr" && !strings.Contains(text, want) {
			t.Errorf("kind %s: nothing shows %q", k[1], want)
		}
	}
	if n := strings.Count(text, "Not known here"); n != 2 || !strings.Contains(text, "hologram") || !strings.Contains(text, "constructor") {
		t.Errorf("%d nodes are drawn as not known, want those of kinds hologram and constructor", n)
	}
	// Nobody but the page itself would box these.
	title := eval[string](b, `document.title + document.querySelector('h1').textContent`)
	if !strings.Contains(text, "turned U+202E round") || !strings.Contains(title, "U+202E turned") || strings.ContainsRune(text+title, 0x202e) {
		t.Errorf("a character that turns the text is not boxed: %+q", title)
	}
	if n := eval[int](b, `document.querySelectorAll('.view :is(ins, del)').length`); n < 2*(len(kinds)-1) {
		t.Errorf("%d changes are marked, want 2 of each kind", n)
	}
}

// accessible are rules that the page must keep, as WCAG 2.2 AA has them: contrast, size of what is to be hit, nothing that
// needs scrolling sideways, a name for everything that can be pressed, headings in order.
const accessible = `(() => {
	const bad = [], seen = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true, contentVisibilityAuto: false}) && !e.closest('.vh, [hidden], dialog:not([open])');
	const canvas = document.createElement('canvas'), pen = canvas.getContext('2d', {willReadFrequently: true});
	const rgba = c => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = c; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
	const over = (a, b) => a.slice(0, 3).map((v, i) => v * a[3] / 255 + b[i] * (1 - a[3] / 255)).concat(255);
	const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const behind = e => { let c = [0, 0, 0, 0]; for (; e; e = e.parentElement) { const b = rgba(getComputedStyle(e).backgroundColor); if (b[3]) { c = c[3] ? over(c, b) : b; if (b[3] === 255) return c; } } return over(c, [255, 255, 255, 255]); };
	const what = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + '.' + [...e.classList].join('.') + ' ' + JSON.stringify(e.textContent.slice(0, 30));
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walker.nextNode();) {
		const e = n.parentElement;
		if (!n.data.trim() || !seen(e) || e.closest('script, style, option, :disabled')) continue;
		const bg = behind(e), fg = over(rgba(getComputedStyle(e).color), bg), [a, b] = [light(fg), light(bg)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
		if (ratio < 4.5) bad.push('contrast ' + ratio.toFixed(2) + ' ' + what(e));
	}
	for (const e of document.querySelectorAll('button, a, select, input, summary, textarea')) {
		if (!seen(e)) continue;
		const r = e.getBoundingClientRect();
		if ((r.width < 24 || r.height < 23.5) && !e.matches('.skip, input[type=checkbox], pre summary')) bad.push('size ' + r.width.toFixed() + 'x' + r.height.toFixed() + ' ' + what(e));
		const name = e.getAttribute('aria-label') || e.textContent.trim() || [...(e.labels || [])].map(l => l.textContent.trim()).join('') || (e.getAttribute('aria-labelledby') || '');
		if (!name) bad.push('no name ' + what(e));
	}
	if (document.documentElement.scrollWidth > innerWidth) bad.push('scrolls sideways: ' + document.documentElement.scrollWidth + ' of ' + innerWidth + ' ' + [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(what));
	let last = 0;
	for (const e of [...document.querySelectorAll('h1, h2, h3, h4')].filter(e => e.checkVisibility() && !e.closest('dialog:not([open])'))) { const l = +e.tagName[1]; if (l > last + 1) bad.push('heading ' + e.tagName + ' after H' + last + ' ' + what(e)); last = l; }
	if (document.querySelectorAll('h1').length !== 1) bad.push('h1: ' + document.querySelectorAll('h1').length);
	const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
	for (const id of new Set(ids)) if (ids.filter(x => x === id).length > 1) bad.push('id twice: ' + id);
	for (const a of ['aria-describedby', 'aria-controls', 'aria-labelledby']) for (const e of document.querySelectorAll('[' + a + ']')) if (!document.getElementById(e.getAttribute(a))) bad.push(a + ' leads nowhere ' + what(e));
	return [...new Set(bad)].slice(0, 12);
})()`

func testPageIsAccessible(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	template := filepath.Join(dir, "templates", "slack.tmpl")
	s := serve(t, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)...)
	b.open(s.url, 1440)
	b.ready()
	save(t, template, `{{define "slack.header"}}Saved: {{template "sentence" .}}{{end}}`, true)
	b.until(`document.querySelector('ins')`)
	save(t, filepath.Join(dir, "templates", "pagerduty.tmpl"), "{{define \"pagerduty.summary\"}}\n{{ .Rule.Nmae }}{{end}}", true)
	b.until(`document.querySelector('.card .problem')`)
	hostile := eval[string](b, `[...document.querySelectorAll('.row')].find(r => r.textContent.includes('100300')).dataset.id`)
	for _, id := range []string{"", hostile} {
		b.open(s.at("/?alert="+id), 1440)
		b.ready()
		b.until(`document.querySelector('.card .view')`)
		for _, width := range []int64{1440, 400, 320} {
			b.resize(width)
			for _, look := range []map[string]string{{"prefers-color-scheme": "light"}, {"prefers-color-scheme": "dark"}, {"forced-colors": "active", "prefers-color-scheme": "light"}} {
				look["prefers-reduced-motion"] = "reduce" // no colour is on its way to another one
				b.media(look)
				b.painted()
				for _, bad := range eval[[]string](b, accessible) {
					if look["forced-colors"] != "" && strings.HasPrefix(bad, "contrast") {
						continue // those are the reader's own colours
					}
					t.Errorf("%v, %d px, alert %q: %s", look, width, id, bad)
				}
			}
			if width == 400 && id != "" {
				b.media(map[string]string{"prefers-color-scheme": "light"})
				b.shoot("preview-narrow", 400)
			}
		}
	}

	// Where it is narrow, the list is behind the title.
	b.media(nil)
	b.click(`#steps .link`)
	b.until(`document.querySelector('#railbox').open && document.activeElement.matches('.row[aria-current]')`)
	b.click(`#railbox li:first-child .row`)
	b.until(`!document.querySelector('#railbox').open && document.querySelector('#layout > #rail') && document.activeElement.matches('#steps .link')`)

	// Nothing that has the focus lies below the bars that stick.
	b.open(s.at("/"), 400)
	b.ready()
	b.until(`document.querySelector('.card .view')`)
	for range 60 {
		b.press("\t")
		if hidden := eval[string](b, `(() => { const e = document.activeElement, r = e.getBoundingClientRect(), top = e.closest('#bar, #steps') ? 0 : document.querySelector('#steps').getBoundingClientRect().bottom; return r.height < 400 && !e.matches('.skip') && r.top < top - 1 && e !== document.body && e.tagName !== 'IFRAME' ? e.outerHTML.slice(0, 120) + ' at ' + r.top : '' })()`); hidden != "" {
			t.Errorf("the bar covers what has the focus: %s", hidden)
			break
		}
	}
}

func testPageOutlivesTheServer(t *testing.T, b *tab) {
	dir, alerts := pageFiles(t, pageConfig)
	args := append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)
	s := serve(t, args...)
	b.open(s.url, 1440)
	b.ready()
	b.until(`document.querySelector('.card')`)
	b.expected = []string{"ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE", "403"}
	s.stop()
	b.untilText(`#live`, "nded in the terminal")
	if !eval[bool](b, `document.querySelectorAll('.card').length > 0`) {
		t.Error("the last picture is gone")
	}
	again := serve(t, append(args, "--listen", strings.TrimSuffix(strings.TrimPrefix(s.at("/"), "http://"), "/"))...)
	b.untilText(`#live`, "open the address that it printed")
	b.open(again.url, 1440)
	b.ready()
}

// BenchmarkPageInChromium says how long people wait: until an alert is drawn, and from a save until what it changes is.
func BenchmarkPageInChromium(b *testing.B) {
	page := newTab(b, newBrowser(b))
	dir, alerts := pageFiles(b, pageConfig)
	s := serve(b, append([]string{"preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml")}, alerts...)...)
	page.open(s.url, 1440)
	page.ready()
	b.Run("open", func(b *testing.B) {
		var paint, drawn float64
		for range b.N {
			page.open(s.at("/"), 1440)
			page.until(`document.querySelector('.card .view')`)
			page.until(`performance.getEntriesByName('first-contentful-paint').length`)
			paint += eval[float64](page, `performance.getEntriesByName('first-contentful-paint')[0].startTime`)
			drawn += eval[float64](page, `Math.max(...performance.getEntriesByType('resource').filter(r => r.name.includes('/api/preview')).map(r => r.responseEnd))`)
		}
		b.ReportMetric(paint/float64(b.N), "ms/paint")
		b.ReportMetric(drawn/float64(b.N), "ms/answer")
	})
	b.Run("save", func(b *testing.B) {
		for i := range b.N {
			word := fmt.Sprintf("Save%d", i)
			save(b, filepath.Join(dir, "templates", "slack.tmpl"), `{{define "slack.header"}}`+word+`{{end}}`, i%2 == 0)
			page.until(`document.querySelector('.card[data-r=soc]').textContent.includes('` + word + `')`)
			page.painted()
		}
	})
}

// testPageShowsOneText: what syslog and files get is drawn whole, whatever the alert holds.
func testPageShowsOneText(t *testing.T, b *tab) {
	dir := write(t, map[string]string{"ossec-notify.yaml": `receivers:
  siem: {syslog: {address: "tls://siem.example.com", format: cef}}
  qradar: {syslog: {address: "udp://siem.example.com"}}
  lines: {file: {path: /var/log/alerts.json}}
always: [siem, qradar, lines]
`})
	s := serve(t, "preview", "--web", "--config", filepath.Join(dir, "ossec-notify.yaml"), filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json"), filepath.Join(corpusDir, "hostile", "ansi-and-bidi.json"))
	b.open(s.url, 1440)
	b.ready()
	b.shoot("one-text", 1440)
	for receiver, want := range map[string]string{"siem": "CEF:0|Wazuh|Wazuh|1|5712|", "qradar": `"version": 1,`, "lines": `"version": 1,`} {
		b.until(fmt.Sprintf(`[...document.querySelectorAll('.card')].find(c => c.getAttribute('aria-label') === %q)?.querySelector('.in').textContent.includes(%q)`, receiver, want))
	}
	b.press("j")
	b.untilShown(1)
	b.until(`document.querySelectorAll('.card').length === 3`)
	b.shoot("one-text-hostile", 1440)
}
