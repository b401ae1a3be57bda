package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/enrich/enrichtest"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/templates"
)

// blockRoutes is the config of the story that OSSEC's users tell each other: block data goes to the SIEM with the country in it, and
// the channel hears of it only where that is not ours.
const blockRoutes = `receivers:
  soc: {slack: {webhook_url: SLACK_URL}}
  siem: {splunk: {url: SPLUNK_URL, token: HEC_TOKEN, index: blocks}}
enrich:
  geoip: [geo.mmdb, asn.mmdb]
  tables:
    gate: {file: gates.csv, by: agent, show: [site]}
always: [siem]
routes:
  - name: blocks
    match: {rule: 601-606}
    to: []
    routes:
      - {name: foreign, match: {field.srcip_geo.country: "~.", not: {field.srcip_geo.country: "^DE$"}}, to: [soc]}
time_zone: UTC
`

// blockAlert is what OSSEC writes when a response blocked an address.
func blockAlert(id, rule, action, address string) string {
	return fmt.Sprintf(`{"rule":{"level":3,"comment":"Host Blocked by firewall-drop.sh Active Response","sidid":%s,"firedtimes":1,"group":"ossec,active_response,","groups":["ossec","active_response"]},`+
		`"id":"1795440504.%s","TimeStamp":1795440504000,"decoder":"ar_log","action":"firewall-drop.sh","srcip":"%s","status":"%s","data":"5712","location":"/var/ossec/logs/active-responses.log",`+
		`"full_log":"Mon Nov 23 13:28:24 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh %s - %s 1795439488.12345 5712","hostname":"gate","agent_name":"gate"}`,
		rule, id, address, action, action, address)
}

// places writes the databases of a test into a directory: London, Berlin, and whose networks they are.
func places(t testing.TB, dir string) {
	t.Helper()
	country := func(code, city string) map[string]any {
		return map[string]any{"country": map[string]any{"iso_code": code}, "city": map[string]any{"names": map[string]any{"en": city}}}
	}
	for name, d := range map[string]enrichtest.Database{
		"geo.mmdb": {Type: "GeoLite2-City", Networks: map[string]any{"81.2.69.0/24": country("GB", "London"), "89.160.20.0/24": country("DE", "Berlin")}},
		"asn.mmdb": {Type: "GeoLite2-ASN", Networks: map[string]any{"81.2.69.0/24": map[string]any{"autonomous_system_number": 64500, "autonomous_system_organization": "Example Net"}}},
	} {
		if err := d.Write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABlockGetsItsCountryBeforeItGoesToTheSIEM(t *testing.T) {
	t.Parallel()
	in := newInstallationWith(t, blockRoutes, sandbox.Options{HECAck: true, HECIndexes: []string{"blocks"}})
	etc := filepath.Join(in.home, "etc")
	places(t, etc)
	if err := os.WriteFile(filepath.Join(etc, "gates.csv"), []byte("agent,site\ngate,Cellar\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	send := func(id, rule, action, address string) {
		path := filepath.Join(in.t.TempDir(), "custom-notify-"+id+".alert")
		if err := os.WriteFile(path, []byte(blockAlert(id, rule, action, address)), 0o644); err != nil {
			t.Fatal(err)
		}
		in.call("custom-notify", path)
	}
	send("1", "601", "add", "81.2.69.142")
	send("2", "601", "add", "89.160.20.112") // ours
	send("3", "602", "delete", "81.2.69.142")
	send("4", "601", "add", "203.0.113.9") // nobody knows where that is
	in.until("all are told", func() bool { return in.count("delivered") == 6 })

	type event struct {
		Index string `json:"index"`
		Event struct {
			ID    string         `json:"id"`
			SrcIP string         `json:"src_ip"`
			Geo   map[string]any `json:"srcip_geo"`
			Class []string       `json:"srcip_class"`
			Gate  map[string]any `json:"gate"`
		} `json:"event"`
	}
	events, asked := map[string]event{}, 0
	for _, m := range in.stand.Messages() {
		switch {
		case m.Service != sandbox.Splunk:
		case strings.HasSuffix(m.Path, "/ack"):
			asked++
		case m.Accepted:
			for d := json.NewDecoder(strings.NewReader(string(m.Body))); d.More(); {
				var e event
				if err := d.Decode(&e); err != nil {
					t.Fatal(err)
				}
				events[e.Event.ID] = e
			}
		}
	}
	if len(events) != 4 || asked == 0 {
		t.Fatalf("Splunk has %d events, and was asked %d times whether they are indexed", len(events), asked)
	}
	if e := events["1795440504.1"]; e.Index != "blocks" || e.Event.SrcIP != "81.2.69.142" || e.Event.Geo["country"] != "GB" || e.Event.Geo["asn"] != 64500.0 || e.Event.Gate["site"] != "Cellar" {
		t.Errorf("the block is %+v", e)
	}
	if e := events["1795440504.2"]; e.Event.Geo["country"] != "DE" || e.Event.Geo["city"] != "Berlin" {
		t.Errorf("the block of ours is %+v", e)
	}
	if e := events["1795440504.4"]; e.Event.Geo != nil || len(e.Event.Class) != 1 || e.Event.Class[0] != "documentation" {
		t.Errorf("the block of nowhere is %+v", e)
	}
	heard := in.at(sandbox.Slack)
	if len(heard) != 2 || !strings.Contains(string(heard[0].Body), "Blocked 81.2.69.142 on gate") || !strings.Contains(string(heard[1].Body), "Unblocked 81.2.69.142 on gate") {
		t.Fatalf("Slack heard %d messages", len(heard))
	}
	for _, want := range []string{"London GB", "AS64500", "Example Net", "Site", "Cellar"} {
		if !strings.Contains(string(heard[0].Body), want) {
			t.Errorf("Slack's message does not say %q: %s", want, heard[0].Body)
		}
	}
}

// What the routes saw is kept: a message that is made an hour later, or again, says the same, though the file is another by then.
func TestMessagesSayWhatTheRoutesSaw(t *testing.T) {
	t.Parallel()
	in := newInstallationWith(t, blockRoutes, sandbox.Options{})
	etc := filepath.Join(in.home, "etc")
	places(t, etc)
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 400, Body: "invalid_blocks"})
	path := filepath.Join(t.TempDir(), "custom-notify-1.alert")
	if err := os.WriteFile(path, []byte(blockAlert("1", "601", "add", "81.2.69.142")), 0o644); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", path)
	in.until("Slack refused it", func() bool { return in.count("dead") == 1 })
	in.killDeliverer(syscall.SIGTERM)
	moved := enrichtest.Database{Type: "GeoLite2-City", Networks: map[string]any{"81.2.69.0/24": map[string]any{"country_code": "DE"}}}
	if err := moved.Write(filepath.Join(etc, "geo.mmdb")); err != nil {
		t.Fatal(err)
	}
	in.command(exitDone, "outbox", "retry", "--dead")
	in.until("told", func() bool { return len(in.at(sandbox.Slack)) == 1 })
	if body := string(in.at(sandbox.Slack)[0].Body); !strings.Contains(body, "London GB") {
		t.Errorf("Slack heard %s", body)
	}
	out := in.command(exitDone, "explain", "--id", "1795440504.1")
	if !strings.Contains(out, "srcip_geo.country  GB\n") || !strings.Contains(out, "srcip_geo.asn      64500\n") {
		t.Errorf("explain says\n%s", out)
	}
}

// The followers of serve enrich as calls do, metrics count it, and a file that comes later is found without a restart.
func TestServeEnrichesWhatItFollows(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	in := newInstallationWith(t, blockRoutes+"follow: [logs/alerts/alerts.json]\nhttp: "+address+"\n", sandbox.Options{})
	log := in.managerLog(ways[1])
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	daemon := in.serve()
	defer in.stop(daemon)
	write := func(id string) {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(blockAlert(id, "601", "add", "81.2.69.142") + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	in.until("the file is followed", func() bool { return strings.Contains(in.log(), "msg=following") })
	write("1")
	in.until("the SIEM heard of it", func() bool { return len(in.at(sandbox.Splunk)) == 1 })
	if !strings.Contains(in.log(), "enrichment cannot look it up") {
		t.Errorf("the log does not say that there is no database:\n%s", in.log())
	}
	places(t, filepath.Join(in.home, "etc"))
	n := 1
	in.until("it is found", func() bool {
		n++
		write(fmt.Sprint(n))
		return len(in.at(sandbox.Slack)) > 0
	})
	_, text := get(t, address, "/metrics")
	for _, want := range []string{`ossec_notify_enrichments_total{result="failed",source="geoip"} `, `ossec_notify_enrichments_total{result="found",source="geoip"} `, `ossec_notify_enrichments_total{result="failed",source="tables.gate"} `} {
		_, value, found := strings.Cut(text, want)
		if !found || strings.HasPrefix(value, "0\n") {
			t.Errorf("the metrics do not count %s", want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

// What an attacker writes, into a log or into the name of his address, is text wherever it is shown.
func TestWhatIsLookedUpIsQuoted(t *testing.T) {
	dir := t.TempDir()
	evil := "<!channel> <https://evil.example|x> \u202e\n*Fix*: run this"
	d := enrichtest.Database{Type: "x", Networks: map[string]any{"81.2.69.0/24": map[string]any{"city": evil, "country_code": "GB", "as_name": evil, "asn": "AS1"}}}
	if err := d.Write(filepath.Join(dir, "geo.mmdb")); err != nil {
		t.Fatal(err)
	}
	row, err := json.Marshal(map[string]any{"gate": map[string]any{"owner": evil, "wiki": "https://wiki.example.com/\"><script>", "page": "javascript:alert(1)", "fine": "https://wiki.example.com/fine"}})
	if err != nil {
		t.Fatal(err)
	}
	config := `receivers:
  soc: {slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/x"}}
  mail: {email: {smtp: "smtp://127.0.0.1:25", from: a@example.com, to: [b@example.com]}}
enrich:
  geoip: [geo.mmdb]
  tables:
    gate: {file: gate.json, by: agent, show: [owner], links: {Wiki: wiki, Page: page, Fine: fine}}
default: [soc, mail]
`
	for name, text := range map[string]string{"gate.json": string(row), "c.yaml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, problems, err := loadConfig(filepath.Join(dir, "c.yaml"), dir)
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	p, err := preview.New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Enrich.Enrich(alert.Parse([]byte(blockAlert("1", "601", "add", "81.2.69.142")), alert.Options{}))
	for _, x := range p.Plan(a) {
		shown, _, err := p.Show(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		text, err := url.QueryUnescape(strings.ReplaceAll(string(b), "%", "%25"))
		if err != nil {
			t.Fatal(err)
		}
		for _, never := range []string{"<!channel>", "<https://evil", "\u202e", "javascript:", "<script>", `\n*Fix*`} {
			if strings.Contains(text, never) {
				t.Errorf("the message holds %q: %s", never, text)
			}
		}
		if !strings.Contains(text, "https://wiki.example.com/fine") {
			t.Errorf("the link of the table is not there: %s", text)
		}
	}
	var out strings.Builder
	writeAdded(&out, a)
	if strings.ContainsAny(out.String(), "\u202e\x1b") || strings.Contains(out.String(), "\n*Fix*") || strings.Contains(out.String(), "https://evil") {
		t.Errorf("explain shows %q", out.String())
	}
}

// The links of docs/enrichment.md lead where they say.
func TestManualDashboardLinks(t *testing.T) {
	var block string
	for _, b := range fence.FindAllStringSubmatch(manual(t)["docs/enrichment.md"], -1) {
		if strings.HasPrefix(b[2], "links:\n") {
			block = b[2]
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(path, []byte("receivers: {}\n"+block), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, problems, err := loadConfig(path, dir)
	if err != nil || cfg == nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	a := alert.Parse([]byte(`{"rule":{"id":"5710","level":5,"mitre":{"id":["T1110.001"]}},"agent":{"id":"007"},"id":"1795440504.44"}`), alert.Options{})
	got := map[string]string{}
	for _, l := range cfg.Templates.Links(templates.NewData(a, cfg.Scale, templates.Context{})) {
		got[l.Name] = l.URL.Raw()
	}
	want := map[string]string{
		"alert":   "https://wazuh.example.com/app/threat-hunting#/overview/?tab=general&tabView=events&_a=(query:(language:kuery,query:'id:%221795440504.44%22'))",
		"agent":   "https://wazuh.example.com/app/endpoints-summary#/agents?tab=welcome&agent=007",
		"rule":    "https://wazuh.example.com/app/rules#/manager/?tab=rules&redirectRule=5710",
		"mitre":   "https://attack.mitre.org/techniques/T1110/001",
		"runbook": "https://wiki.example.com/runbooks/5710",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What check says of enrichment, doctor says, too, with what to do; the page shows what was added; backtest and test go by it.
func TestEnrichmentInEveryCommand(t *testing.T) {
	dir := t.TempDir()
	places(t, dir)
	for name, text := range map[string]string{
		"gates.csv": "agent,site\ngate,Cellar\n", "alerts.json": blockAlert("1", "601", "add", "81.2.69.142") + "\n" + blockAlert("2", "601", "add", "89.160.20.112") + "\n",
		"c.yaml": strings.NewReplacer("SLACK_URL", "https://hooks.slack.com/services/T0/B0/x", "SPLUNK_URL", "https://splunk.example.com:8088", "HEC_TOKEN", "11111111-2222-3333-4444-555555555555").Replace(blockRoutes),
		"tests/t.yaml": `- {name: abroad, alert: {rule: 601, level: 3, srcip: 81.2.69.142}, expect: {receivers: [siem, soc], route: blocks/foreign}}
- {name: at home, alert: {rule: 601, level: 3, srcip: 89.160.20.112}, expect: {receivers: [siem]}}
- {name: whatever the file says, alert: {rule: 601, level: 3, srcip: 89.160.20.112}, added: {srcip_geo: {country: FR}}, expect: {receivers: [siem, soc]}}
`,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := func(args ...string) string {
		t.Helper()
		var out, notes strings.Builder
		args = append(args, "--config", filepath.Join(dir, "c.yaml"), "--home", dir)
		if code := run(t.Context(), args, strings.NewReader(""), &out, &notes); code != exitDone {
			t.Fatalf("%q: exit %d\n%s%s", args, code, out.String(), notes.String())
		}
		return out.String()
	}
	doctor := func() string {
		var out strings.Builder
		run(t.Context(), []string{"doctor", "--config", filepath.Join(dir, "c.yaml"), "--home", dir}, strings.NewReader(""), &out, &out) // there is no manager here
		return out.String()
	}
	if got := doctor(); !strings.Contains(got, "ok       enrich       2 databases, 1 table\n") {
		t.Errorf("doctor says\n%s", got)
	}
	if got := command("test"); !strings.HasPrefix(got, "3 cases, all passed") {
		t.Errorf("test says\n%s", got)
	}
	var report struct {
		Receivers []struct {
			Name string
			Now  struct{ Messages int }
		}
	}
	if err := json.Unmarshal([]byte(command("backtest", filepath.Join(dir, "alerts.json"), "--format", "json")), &report); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, r := range report.Receivers {
		counts[r.Name] = r.Now.Messages
	}
	if counts["siem"] != 2 || counts["soc"] != 1 {
		t.Errorf("backtest counts %v", counts)
	}
	if err := os.Rename(filepath.Join(dir, "gates.csv"), filepath.Join(dir, "moved.csv")); err != nil {
		t.Fatal(err)
	}
	if got := doctor(); !strings.Contains(got, "warning  enrich       tables.gate: there is no file "+filepath.Join(dir, "gates.csv")+". To do: put it there, or mend it") {
		t.Errorf("doctor says\n%s", got)
	}
	e := &env{home: dir, config: filepath.Join(dir, "c.yaml"), state: filepath.Join(dir, "state"), stderr: io.Discard, stdout: io.Discard, stdin: strings.NewReader("")}
	g, err := e.newPreviews(t.Context(), input{files: []string{filepath.Join(dir, "alerts.json")}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := g.Alerts(t.Context(), "files", "", "")
	if err != nil || len(list.Alerts) != 2 || list.Alerts[0].Told != 2 || list.Alerts[1].Told != 1 {
		t.Fatalf("the page lists %+v, %v", list, err)
	}
	p, err := g.Preview(t.Context(), page.Query{Alert: list.Alerts[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(p.Alert.Facts); !strings.Contains(string(b), "srcip_geo.country") || !strings.Contains(string(p.Explain), `"added":{`) || len(p.Cards) != 2 {
		t.Errorf("the page shows %s, %s, %d cards", b, p.Explain, len(p.Cards))
	}
}

// Where a route waits for a country that never comes, explain says why; and it shows links of the operator's as such, and no other.
func TestExplainSaysWhyAnAddressHasNoPlace(t *testing.T) {
	for _, tt := range []struct {
		added map[string]any
		shown []alert.Shown
		want  string
	}{
		{map[string]any{"srcip_geo": nil, "srcip_class": []any{"documentation"}, "dstip_geo": nil, "dstip_class": []any{"public", "tor"}}, nil,
			"    dstip_class  public, tor\n    dstip_geo    nothing: no database that is read knows the address\n    srcip_class  documentation\n    srcip_geo    nothing: addresses of the class documentation have no place\n"},
		{map[string]any{"srcip_geo": nil, "srcip_class": nil, "mitre": nil}, nil, ""},
		{map[string]any{"srcip_class": []any{"public"}}, nil, "    srcip_class  public\n"}, // nobody asked for a place
		{map[string]any{"r": map[string]any{"a": "https://wiki.example.com/1", "b": "https://wiki.example.com/2"}}, []alert.Shown{{Name: "A", Value: "https://wiki.example.com/1", Link: true}},
			"    r.a  https://wiki.example.com/1\n    r.b  hxxps://wiki[.]example[.]com/2\n"},
	} {
		var out strings.Builder
		writeAdded(&out, &alert.Alert{Added: tt.added, Shown: tt.shown})
		_, got, _ := strings.Cut(out.String(), "  Added:\n")
		if got != tt.want {
			t.Errorf("%v: got\n%s\nwant\n%s", tt.added, got, tt.want)
		}
	}
}

// TestColumnsDoNotSteerTheTerminal: a table may come from somebody else, and so may what its columns are called.
func TestColumnsDoNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	const column, shown = "ow\x1b]0;pwned\aner", `ow\x1b]0;pwned\x07ner`
	var added strings.Builder
	writeAdded(&added, &alert.Alert{Added: map[string]any{"asset": map[string]any{column: "alice"}}})
	if want := "    asset." + shown + "  alice\n"; !strings.HasSuffix(added.String(), want) {
		t.Errorf("explain says %q, want the end %q", added.String(), want)
	}

	dir := t.TempDir()
	for name, text := range map[string]string{
		"assets.csv": "agent," + column + "\nweb-01,alice\n",
		"config.yaml": "receivers:\n  soc: {webhook: {url: https://example.com/hook}}\nenrich: {tables: {asset: {file: assets.csv, by: agent, show: [owner]}}}\n" +
			"routes:\n  - {match: {field.asset.site: x}, to: [soc]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	run(t.Context(), []string{"check", "--home", dir, "--config", filepath.Join(dir, "config.yaml")}, strings.NewReader(""), &out, &out)
	if got := out.String(); strings.Count(got, shown) != 2 || strings.ContainsAny(got, "\x1b\a") {
		t.Errorf("check says %q", got)
	}
}
