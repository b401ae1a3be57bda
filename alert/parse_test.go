package alert

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLimitCutsAndSaysSo(t *testing.T) {
	alert := []byte(`{"timestamp":"2026-03-14T09:20:09.123+0100","rule":{"level":10,"id":"5712"},"full_log":"` + strings.Repeat("x", 500) + `"}`)
	a := Parse(alert, Options{Limit: 200})
	if got, want := a.Problem, (Problem{Kind: "truncated", ReadsAs: "Wazuh JSON, ends in full_log", CutAt: 200}); got != want {
		t.Errorf("problem %+v, want %+v", got, want)
	}
	if len(a.Raw) != 200 || a.Rule.Level != 10 || a.Rule.ID != "5712" {
		t.Errorf("kept %d bytes, level %d, rule %q", len(a.Raw), a.Rule.Level, a.Rule.ID)
	}

	// Text formats stay readable where they are cut, and are marked all the same.
	log := []byte("** Alert 1773475810.1: - a,\n2026 Mar 14 08:10:10 mgr-01->/var/log/x\nRule: 1 (level 3) -> 'd'\n" + strings.Repeat("y", 500))
	a = Parse(log, Options{Limit: 200})
	if got, want := a.Problem, (Problem{Kind: "truncated", ReadsAs: "alerts.log text, cut at byte 200", CutAt: 200}); got != want {
		t.Errorf("problem %+v, want %+v", got, want)
	}
}

// People read ReadsAs as our words, so no key of an alert may speak through it.
func TestReadsAsNamesOnlyPlainKeys(t *testing.T) {
	for in, want := range map[string]string{
		`{"timestamp":"x","rule":{"level":3,"desc`:                      "Wazuh JSON, ends in rule",
		`{"timestamp":"x","<!channel> all clear":{"a":"b`:               "Wazuh JSON, ends at byte 47",
		`{"timestamp":"x","data":{"` + strings.Repeat("k", 90) + `":"b`: "Wazuh JSON, ends at byte 120",
		`{"timestamp":"x",`:                             "Wazuh JSON, ends at byte 17",
		`{"message":"x","user":"y`:                      "JSON, ends in user",
		`{"message":}`:                                  "JSON, damaged at byte 12",
		"\uFEFF\n" + `{"message":}`:                     "JSON, damaged at byte 16",
		`{"timestamp":"x","rule":{"level":3}} and more`: "Wazuh JSON, damaged at byte 37",
	} {
		if got := Parse([]byte(in), Options{}).Problem.ReadsAs; got != want {
			t.Errorf("%s\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestWhatCameWholeOfBrokenJSONIsKept(t *testing.T) {
	in := `{"timestamp":"2026-03-14T09:20:09.123+0100","rule":{"level":10,"groups":["a","b"],"mitre":{"id":["T1110","T11`
	got := Parse([]byte(in), Options{}).Original
	want := map[string]any{
		"timestamp": "2026-03-14T09:20:09.123+0100",
		"rule": map[string]any{
			"level":  int64(10),
			"groups": []any{"a", "b"},
			"mitre":  map[string]any{"id": []any{"T1110"}},
		},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("original (-got +want):\n%s", diff)
	}
}

// Whatever byte the disk was full at: nothing is invented, and the level is the whole one or none.
func TestEveryCutOfAnAlert(t *testing.T) {
	whole := []byte(`{"timestamp":"2026-03-14T09:20:09.123+0100","rule":{"level":12,"id":"5712","description":"d"},"id":"1.2","data":{"srcip":"203.0.113.90"}}`)
	for n := range whole {
		a := Parse(whole[:n], Options{})
		if a.Problem.Kind == "" {
			t.Errorf("%s: no problem", whole[:n])
		}
		if a.Rule.Level != -1 && a.Rule.Level != 12 {
			t.Errorf("%s: level %d", whole[:n], a.Rule.Level)
		}
		if a.Source.IP != "" && a.Source.IP != "203.0.113.90" {
			t.Errorf("%s: source %s", whole[:n], a.Source.IP)
		}
	}
}

func TestNumbersAreReadyForTemplates(t *testing.T) {
	in := `{"rule":{"level":3},"data":{"a":7,"b":-1,"c":0.5,"d":1.0,"e":9223372036854775807,"f":98765432109876543210,"g":1.23e+19,"h":[1,{"i":2}],"j":1e999}}`
	got := Parse([]byte(in), Options{}).Original["data"]
	want := map[string]any{
		"a": int64(7), "b": int64(-1), "c": 0.5, "d": 1.0, "e": int64(9223372036854775807), "f": "98765432109876543210",
		"g": 1.23e19, "h": []any{int64(1), map[string]any{"i": int64(2)}}, "j": "1e999",
	}
	if diff := cmp.Diff(got, any(want)); diff != "" {
		t.Errorf("data (-got +want):\n%s", diff)
	}
}

func TestSourceAddressByPath(t *testing.T) {
	for path, want := range map[string]string{
		"data.srcip":                                     "192.0.2.1",
		"data.src_ip":                                    "192.0.2.1",
		"data.win.eventdata.ipAddress":                   "192.0.2.1",
		"data.aws.sourceIPAddress":                       "192.0.2.1",
		"data.aws.source_ip_address":                     "192.0.2.1",
		"data.office365.ClientIP":                        "192.0.2.1",
		"data.CallerIpAddress":                           "192.0.2.1",
		"data.protoPayload.requestMetadata.callerIp":     "192.0.2.1",
		"data.gcp.protoPayload.requestMetadata.callerIp": "192.0.2.1",
		"data.vendor.waf.client_ip":                      "192.0.2.1",
		"data.parameters.alert.data.srcip":               "192.0.2.1",
		"data.aws.service.action.awsApiCallAction.remoteIpDetails.ipAddressV4":      "192.0.2.1",
		"data.aws.service.action.rdsLoginAttemptAction.remoteIpDetails.ipAddressV4": "192.0.2.1",
		"srcip":                       "192.0.2.1",
		"data.virustotal_ip.ip":       "",
		"data.flow.src_ip":            "",
		"agent.ip":                    "",
		"data.win.system.ipAddress":   "",
		"data.aws.userIdentity.srcip": "",
	} {
		o := map[string]any{}
		nest(o, path, "192.0.2.1")
		a := &Alert{}
		wazuhFields(a, o, time.UTC)
		if a.Source.IP != want {
			t.Errorf("%s: source %q, want %q", path, a.Source.IP, want)
		}
	}
}

func TestUsersByPath(t *testing.T) {
	type users struct{ User, Source, Target string }
	for name, c := range map[string]struct {
		json string
		want users
	}{
		"login":              {`"data":{"dstuser":"bob"}`, users{"bob", "", "bob"}},
		"unknown account":    {`"data":{"srcuser":"oracle"}`, users{"oracle", "oracle", ""}},
		"both":               {`"data":{"srcuser":"ann","dstuser":"bob"}`, users{"bob", "ann", "bob"}},
		"placeholders":       {`"data":{"srcuser":"-","dstuser":"N/A","win":{"eventdata":{"targetUserName":""}}}`, users{}},
		"windows":            {`"data":{"win":{"eventdata":{"subjectUserName":"ann","targetUserName":"bob"}}}`, users{"bob", "ann", "bob"}},
		"windows, no target": {`"data":{"win":{"eventdata":{"subjectUserName":"ann","targetUserName":"-"}}}`, users{"ann", "ann", ""}},
		"wazuh sudo":         {`"decoder":{"name":"sudo"},"data":{"srcuser":"ann","dstuser":"root"}`, users{"ann", "ann", "root"}},
		"ossec sudo":         {`"TimeStamp":1,"decoder":"sudo","srcuser":"root","dstuser":"ann"`, users{"ann", "ann", "root"}},
		"ossec su":           {`"TimeStamp":1,"decoder":"su","srcuser":"ann","dstuser":"root"`, users{"root", "ann", "root"}},
		"wazuh 2.x":          {`"srcuser":"ann","dstuser":"root","program_name":"sudo"`, users{"ann", "ann", "root"}},
	} {
		a := Parse([]byte(`{"rule":{"level":3},`+c.json+`}`), Options{})
		if got := (users{a.User, a.SourceUser, a.TargetUser}); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		text, port string
		want       Endpoint
	}{
		{"203.0.113.9", "22", Endpoint{IP: "203.0.113.9", Port: "22", Text: "203.0.113.9"}},
		{"203.0.113.9", "0", Endpoint{IP: "203.0.113.9", Text: "203.0.113.9"}},
		{"203.0.113.9", "-", Endpoint{IP: "203.0.113.9", Text: "203.0.113.9"}},
		{"-", "22", Endpoint{}},
		{"", "", Endpoint{}},
		{"203.0.113.9 / US", "", Endpoint{IP: "203.0.113.9", Text: "203.0.113.9 / US", Geo: "US"}},
		{"203.0.113.9, 10.0.0.1", "", Endpoint{Text: "203.0.113.9, 10.0.0.1"}},
		{"ec2.amazonaws.com", "", Endpoint{Text: "ec2.amazonaws.com"}},
		{"2001:DB8:0::9", "", Endpoint{IP: "2001:db8::9", Text: "2001:DB8:0::9"}},
		{"fe80::1%eth0", "", Endpoint{IP: "fe80::1", Text: "fe80::1%eth0"}},
		{"::ffff:203.0.113.9", "", Endpoint{IP: "203.0.113.9", Text: "::ffff:203.0.113.9"}},
		{"203.0.113.9:52341", "", Endpoint{IP: "203.0.113.9", Port: "52341", Text: "203.0.113.9:52341"}},
		{"[2001:db8::9]:52341", "", Endpoint{IP: "2001:db8::9", Port: "52341", Text: "[2001:db8::9]:52341"}},
		{"[2001:db8::9]", "", Endpoint{IP: "2001:db8::9", Text: "[2001:db8::9]"}},
		{"203.0.113.999", "", Endpoint{Text: "203.0.113.999"}},
	} {
		if got := endpoint(c.text, c.port); got != c.want {
			t.Errorf("endpoint(%q, %q) = %+v, want %+v", c.text, c.port, got, c.want)
		}
	}
}

func TestLocation(t *testing.T) {
	for in, want := range map[string]place{
		"(web-01) 192.0.2.11->/var/log/auth.log":                       {name: "web-01", ip: "192.0.2.11", behind: "/var/log/auth.log"},
		"(web-01) any->syscheck":                                       {name: "web-01", behind: "syscheck"},
		"(web-01) 192.0.2.11->syscheck->(web-01) 192.0.2.11->syscheck": {name: "web-01", ip: "192.0.2.11", behind: "syscheck"},
		"vm->syscheck":                         {host: "vm", behind: "syscheck"},
		"mgr-01->192.0.2.99":                   {host: "mgr-01", behind: "192.0.2.99"},
		"/var/log/auth.log":                    {behind: "/var/log/auth.log"},
		"vm->/tmp/x->/var/log/auth.log":        {host: "vm", behind: "/tmp/x->/var/log/auth.log"},
		"(script) root@192.0.2.254->agentless": {host: "192.0.2.254", behind: "agentless"},
		"it's host->/var/log/o'brien.log":      {host: "it's host", behind: "/var/log/o'brien.log"},
		"":                                     {},
	} {
		if got := splitLocation(in); got != want {
			t.Errorf("%s: got %+v, want %+v", in, got, want)
		}
	}
}

func TestSyslogHeadIsAnchored(t *testing.T) {
	for in, want := range map[string][2]string{
		"Nov 23 13:20:17 web-01 sshd[2007]: Failed password":         {"web-01", "sshd"},
		"Nov  3 13:20:17 web-01 CRON[1]: x":                          {"web-01", "CRON"},
		"<34>Nov 23 13:20:17 web-01 postfix/smtpd[1]: x":             {"web-01", "postfix/smtpd"},
		"Nov 23 13:24:01 db-01 sudo:   carol : TTY=pts/0":            {"db-01", "sudo"},
		"Nov 23 13:20:17 web-01 sshd(pam_unix)[2]: x":                {"web-01", "sshd"},
		"2026-03-14T09:10:31.001+01:00 web-01 sshd[1]: x":            {"web-01", "sshd"},
		"Nov 23 13:20:17 web-01 no program here":                     {"web-01", ""},
		"Nov 23 13:20:17 web<01 sshd[1]: x":                          {"", ""},
		"Nov 23 13:20:17 web-01 evil program: x":                     {"web-01", ""},
		"x Nov 23 13:20:17 web-01 sshd[1]: x":                        {"", ""},
		`198.51.100.77 - - [23/Nov/2026:13:22:23 +0000]  GET / x: y`: {"", ""},
		"": {"", ""},
	} {
		host, program := syslogHead(in)
		if got := [2]string{host, program}; got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestFileMode(t *testing.T) {
	for _, c := range []struct {
		in   string
		base int
		want string
	}{
		{"rw-r--r--", octal, "rw-r--r--"},
		{"100644", octal, "rw-r--r--"},
		{"644", octal, "rw-r--r--"},
		{"33206", decimal, "rw-rw-rw-"},
		{"104755", octal, "rwsr-xr-x"},
		{"102644", octal, "rw-r-Sr--"},
		{"41777", octal, "rwxrwxrwt"},
		{"Administrators (allowed): DELETE|READ", octal, ""},
		{"", decimal, ""},
	} {
		if got := fileMode(c.in, c.base); got != c.want {
			t.Errorf("fileMode(%q, %d) = %q, want %q", c.in, c.base, got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	berlin := time.FixedZone("CEST", 7200)
	for in, want := range map[string]string{
		"2024-05-06T07:08:09.123+0000": "2024-05-06T07:08:09.123Z",
		"2024-05-06T07:08:09.123+0530": "2024-05-06T07:08:09.123+05:30",
		"2024-05-06T07:08:09-08:00":    "2024-05-06T07:08:09-08:00",
		"2024-05-06T07:08:09.5Z":       "2024-05-06T07:08:09.5Z",
		"2016 Nov 24 15:06:41":         "2016-11-24T15:06:41+02:00",
		"2016 Nov  4 15:06:41":         "2016-11-04T15:06:41+02:00",
		"2024-05-06 07:08:09":          "2024-05-06T07:08:09+02:00",
		"1795440502":                   "2026-11-23T15:28:22+02:00",
		"1795440502001":                "2026-11-23T15:28:22.001+02:00",
		"99999999999999999999999":      "0001-01-01T00:00:00Z",
		"yesterday":                    "0001-01-01T00:00:00Z",
		"":                             "0001-01-01T00:00:00Z",
		"2024-13-06T07:08:09.123+0000": "0001-01-01T00:00:00Z",
	} {
		if got := date(in, berlin).Format(time.RFC3339Nano); got != want {
			t.Errorf("date(%q) = %s, want %s", in, got, want)
		}
	}
	if zone, _ := date("2024-05-06T07:08:09.123+0000", berlin).Zone(); zone != "UTC" {
		t.Errorf("zone of +0000 is %q, want UTC", zone)
	}
}

func TestIdentity(t *testing.T) {
	for name, c := range map[string]struct {
		json string
		want string
	}{
		"node before manager": {`{"rule":{},"id":"1.2","manager":{"name":"m"},"cluster":{"name":"c","node":"n"}}`, "n/1.2"},
		"manager":             {`{"rule":{},"id":"1.2","manager":{"name":"m"}}`, "m/1.2"},
		"id alone":            {`{"rule":{},"id":"1.2"}`, "1.2"},
		"inside a call":       {`{"command":"add","parameters":{"alert":{"rule":{},"id":"1.2","manager":{"name":"m"}}}}`, "m/1.2"},
		// printf '2026-03-14T09:00:00.000+0100\n/var/log/x\n7\nline\nf.alert' | sha256sum
		"content": {`{"timestamp":"2026-03-14T09:00:00.000+0100","rule":{"id":"7"},"location":"/var/log/x","full_log":"line","agent":{"name":"a"}}`, "h-12f6df99fbb8c54c"},
	} {
		if got := Parse([]byte(c.json), Options{FileName: "f.alert"}).Identity(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}

	shell := "alertdate='2026 Mar 14 09:10:31'\nalertlocation='vm->/var/log/x'\nruleid='7'\nalertlevel='3'\nruledescription='d'\nalertlog=' line '\nsrcip=''"
	// printf '2026 Mar 14 09:10:31\nvm->/var/log/x\n7\n line \nf.alert' | sha256sum
	if got, want := Parse([]byte(shell), Options{FileName: "f.alert"}).Identity(), "h-0c8bd5be413c0b42"; got != want {
		t.Errorf("shell: %s, want %s", got, want)
	}

	// Two wrecks of which nothing is known are two alerts.
	a, b := Parse([]byte("one"), Options{}).Identity(), Parse([]byte("two"), Options{}).Identity()
	if a == b {
		t.Errorf("different texts share the identity %s", a)
	}
}

func TestLookup(t *testing.T) {
	a := Parse([]byte(`{
		"rule": {"level": 7, "groups": ["web", "attack"], "mail": false, "info": null},
		"data": {
			"win": {"system": {"eventID": "4625"}},
			"level": "warn",
			"app.version": "1.4",
			"k8s": {"app.kubernetes.io/name": "shop", "app": {"tier": "front"}},
			"workers": [{"name": "a", "jobs": [1, 2]}, {"name": "b"}, "c"],
			"ratio": 0.75, "big": 98765432109876543210, "empty": ""
		}
	}`), Options{})
	for path, want := range map[string][]string{
		"data.win.system.eventID":    {"4625"},
		"win.system.eventID":         {"4625"},
		"rule.level":                 {"7"},
		"level":                      {"warn"},
		"rule.groups":                {"web", "attack"},
		"rule.mail":                  {"false"},
		"rule.info":                  nil,
		"app.version":                {"1.4"},
		"k8s.app.kubernetes.io/name": {"shop"},
		"k8s.app.tier":               {"front"},
		"workers.name":               {"a", "b"},
		"workers.jobs":               {"1", "2"},
		"workers":                    {"c"},
		"ratio":                      {"0.75"},
		"big":                        {"98765432109876543210"},
		"empty":                      {""},
		"win.system":                 nil,
		"win.system.eventID.x":       nil,
		"nothing.here":               nil,
		"":                           nil,
		"...":                        nil,
	} {
		if diff := cmp.Diff(a.Lookup(path), want); diff != "" {
			t.Errorf("%q (-got +want):\n%s", path, diff)
		}
	}

	shell := Parse([]byte("alertdate='d'\nalertlocation='l'\nruleid='7'\nalertlevel='3'\nruledescription='d'\nalertlog='x'\nsrcip=''"), Options{})
	if diff := cmp.Diff(shell.Lookup("ruleid"), []string{"7"}); diff != "" {
		t.Errorf("ruleid of a shell file (-got +want):\n%s", diff)
	}
}

func TestFieldsBelowTheLogOfWazuh(t *testing.T) {
	a := Parse([]byte("** Alert 1773475810.1: - sca,\n2026 Mar 14 08:10:10 (db-01) any->sca\nenv: prod\nteam.name: data\nRule: 19004 (level 7) -> 'it's 'x''\n"+
		"{\"type\":\"summary\"}\nsca.type: summary\nsca.policy: a: b\nscore: 38\nsca.type.odd: 1\n\n"), Options{})
	for path, want := range map[string]string{
		"agent.labels.env": "prod", "agent.labels.team.name": "data",
		"sca.type": "summary", "data.sca.policy": "a: b", "score": "38", "sca.type.odd": "1",
		"log": `{"type":"summary"}`, "date": "2026 Mar 14 08:10:10", "level": "7", "groups": "sca",
	} {
		if diff := cmp.Diff(a.Lookup(path), []string{want}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", path, diff)
		}
	}
	if a.Rule.Description != "it's 'x'" || a.Previous != nil || a.Log != `{"type":"summary"}` {
		t.Errorf("description %q, log %q, previous %q", a.Rule.Description, a.Log, a.Previous)
	}
}

// The address lines have one order; whatever is out of it is already the log.
func TestLogLinesThatLookLikeHeaders(t *testing.T) {
	for body, want := range map[string]struct{ source, user, log string }{
		"Src IP: 192.0.2.1\nUser: ann\nline":        {"192.0.2.1", "ann", "line"},
		"User: ann\nSrc IP: 192.0.2.1\nline":        {"", "ann", "Src IP: 192.0.2.1"},
		"Src IP: 192.0.2.1\nSrc IP: 192.0.2.2\nx":   {"192.0.2.1", "", "Src IP: 192.0.2.2"},
		"line\nSrc IP: 192.0.2.1\nUser: ann":        {"", "", "line"},
		"Rule: 1 (level 0) -> 'x'\nSrc IP: 1.1.1.1": {"", "", "Rule: 1 (level 0) -> 'x'"},
		"": {},
	} {
		a := Parse([]byte("** Alert 1773475810.1: - a,\n2026 Mar 14 08:10:10 mgr-01->/var/log/x\nRule: 7 (level 9) -> 'd'\n"+body+"\n\n"), Options{})
		if a.Source.IP != want.source || a.User != want.user || a.Log != want.log || a.Rule.ID != "7" || a.Rule.Level != 9 {
			t.Errorf("%q: source %q, user %q, log %q, rule %s", body, a.Source.IP, a.User, a.Log, a.Rule.ID)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	corpus := readCorpus(b)
	for _, name := range []string{
		"wazuh/5712-ssh-brute-force.json", "wazuh/60122-windows-logon-failure.json",
		"ossec/5712-ssh-brute-force.json", "shell/5712-ssh-brute-force.alert", "log/5712-ssh-brute-force.log",
	} {
		text := corpus[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(text, Options{Location: time.UTC})
			}
		})
	}
}

func ExampleParse() {
	a := Parse([]byte("alertdate='2026 Mar 14 09:10:31'\nalertlocation='(web-01) 192.0.2.11->/var/log/auth.log'\n"+
		"ruleid='5712'\nalertlevel='10'\nruledescription='SSHD brute force.'\n"+
		"alertlog='Mar 14 09:10:31 web-01 sshd[7]: Failed password for root'\nsrcip='203.0.113.9 / US'"), Options{Location: time.UTC})
	fmt.Println(a.Format, a.Rule.ID, a.Rule.Level, a.Host, a.Program, a.Source.IP, a.Source.Geo)
	// Output: shell 5712 10 web-01 sshd 203.0.113.9 US
}

func ExampleRead() {
	stream := bytes.NewBufferString(`{"id":"1.1","rule":{"id":"5710","level":5}}
{"id":"1.2","rule":{"id":"5712","level":
{"id":"1.3","rule":{"id":"5715","level":3}}
`)
	for a, err := range Read(stream, Options{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %d %q\n", a.Rule.ID, a.Rule.Level, a.Problem.ReadsAs)
	}
	// Output:
	// 5710 5 ""
	// 5712 -1 "Wazuh JSON, ends in rule.level"
	// 5715 3 ""
}

func TestWhatWasAddedHidesWhatTheAlertSays(t *testing.T) {
	a := Parse([]byte(`{"rule":{"id":"1"},"srcip_geo":{"country":"XX"},"data":{"asset":{"owner":"mallory"},"other":"x"}}`), Options{})
	if got := a.Lookup("srcip_geo.country"); len(got) != 1 || got[0] != "XX" {
		t.Errorf("without enrichment: got %q", got)
	}
	b := *a
	b.Added = map[string]any{"srcip_geo": map[string]any{"asn": int64(64500)}, "asset": nil}
	for path, want := range map[string]string{"srcip_geo.country": "", "srcip_geo.asn": "64500", "asset.owner": "", "data.asset.owner": "mallory", "other": "x"} {
		if got := strings.Join(b.Lookup(path), ","); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
