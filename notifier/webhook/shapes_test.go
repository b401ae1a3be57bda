package webhook

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// Shape is an alert of a form that the corpus does not have: where what it says is large, empty, of another type or in another script.
type Shape struct {
	Name, File string
	Raw        []byte
}

// Alert is the shape as it is read.
func (s Shape) Alert() *alert.Alert {
	return alert.Parse(s.Raw, alert.Options{FileName: s.File, Location: time.UTC, Received: presetTime})
}

// Shapes are all of them.
func Shapes() []Shape {
	type o = map[string]any
	var all []Shape
	// add puts what is given over an alert of Wazuh's.
	add := func(name string, over o) {
		a := o{
			"timestamp": "2026-11-23T13:28:22.123+0000", "id": "1795440502.8", "location": "/var/log/auth.log",
			"rule":  o{"id": "5712", "level": 10, "description": "sshd: brute force", "groups": []string{"syslog", "sshd", "authentication_failures"}},
			"agent": o{"id": "001", "name": "web-01", "ip": "192.0.2.10"}, "manager": o{"name": "manager"}, "decoder": o{"name": "sshd"},
			"data": o{"srcip": "203.0.113.9", "srcuser": "root"}, "full_log": "Failed password for root from 203.0.113.9 port 40131 ssh2",
		}
		maps.Copy(a, over)
		raw, err := json.Marshal(a)
		if err != nil {
			panic(err)
		}
		all = append(all, Shape{name, name + ".json", raw})
	}
	rule := func(over o) o {
		r := o{"id": "100200", "level": 12, "description": "of our own", "groups": []string{"local"}}
		maps.Copy(r, over)
		return o{"rule": r}
	}
	family := "👩\u200d👩\u200d👧\u200d👦"
	lines := func(n int, line string) string { return strings.Repeat(line+"\n", n) }

	add("osquery", o{"location": "osquery", "rule": o{"id": "24010", "level": 3, "description": "osquery: listening ports", "groups": []string{"osquery"}},
		"data": o{"osquery": o{"name": "pack/ports", "action": "added", "columns": o{"pid": "0", "port": "4444", "address": "::", "path": ""}, "calendarTime": "Mon Nov 23 13:28:22 2026 UTC"}}, "full_log": ""})
	add("windows service, Chinese", o{"location": "EventChannel", "rule": o{"id": "61138", "level": 5, "description": "New Windows Service Created", "groups": []string{"windows", "windows_system"}}, "full_log": nil,
		"data": o{"win": o{"system": o{"eventID": "7045", "channel": "System", "severityValue": "INFORMATION", "message": "\"服务已安装在系统中。\r\n\r\n服务名称:  更新\r\n服务文件名:  C:\\Windows\\temp\\更新.exe\\\r\n\""},
			"eventdata": o{"serviceName": "更新", "imagePath": `C:\Windows\temp\更新.exe\`, "serviceType": "用户模式服务"}}}})
	add("lists within lists", o{"data": o{"office365": o{"Parameters": []any{o{"Name": "a", "Value": []any{"x", o{"y": []any{nil, true, 1.5}}}}, []any{}, o{}}, "ClientIP": "[2001:db8::1]:51234", "UserId": "carol@example.com"}},
		"rule": o{"id": "91545", "level": 3, "description": "Office 365", "groups": []string{"office365"}}})
	add("many techniques", rule(o{"mitre": o{"id": []string{"T1110", "T1110.001", "T1078", "T1021.004"}, "tactic": []string{"Credential Access", "Lateral Movement"}, "technique": []string{"Brute Force", "Password Guessing", "Valid Accounts", "SSH"}}}))
	add("many groups", rule(o{"groups": strings.Fields(strings.Repeat("pci_dss_10.2.4 gdpr_IV_35.7.d hipaa_164.312.b ", 40))}))
	add("address with a zone", o{"data": o{"srcip": "fe80::1%eth0"}, "agent": o{"id": "002", "name": "v6", "ip": "fe80::2%en0"}})
	add("IPv4 in IPv6", o{"data": o{"srcip": "::ffff:203.0.113.9", "dstip": "2001:db8::1"}})
	add("a name for an address", o{"data": o{"srcip": "host-9.evil.example", "srcuser": ""}})
	add("address with a port", o{"data": o{"srcip": "203.0.113.9:40131", "srcport": "99999"}})
	add("names of emoji", o{"agent": o{"id": "003", "name": strings.Repeat(family, 60)}, "data": o{"srcuser": strings.Repeat("😀", 300), "srcip": "203.0.113.9"}})
	add("long location", o{"location": "(" + strings.Repeat("web", 2000) + ") 192.0.2.10->/var/log/" + strings.Repeat("x/", 2000)})
	add("description of one word", rule(o{"description": strings.Repeat("Überlänge", 1200)}))
	add("numbers as texts", rule(o{"id": 5712, "level": "12", "firedtimes": "7", "frequency": "x"}))
	add("time in nanoseconds", o{"timestamp": "2026-11-23T13:28:22.123456789Z"})
	add("time of no zone", o{"timestamp": "2026 Nov 23 13:28:22"})
	add("time that is none", o{"timestamp": "yesterday"})
	add("lines that end in CR", o{"full_log": strings.Repeat("type=EXECVE a0=\"sh\"\r\n", 500)})
	add("log of emoji", o{"full_log": strings.Repeat(family, 900)})
	add("log of quotes", o{"full_log": strings.Repeat("\"\\", 50_000)})
	add("log from right to left", o{"full_log": strings.Repeat("محاولة دخول فاشلة للمستخدم מנהל ", 60), "data": o{"srcuser": "\u202eمدير\u202c", "srcip": "203.0.113.9"}})
	add("NUL everywhere", o{"full_log": "a\x00b", "data": o{"srcuser": "\x00", "srcip": "203.0.113.9"}, "agent": o{"id": "004", "name": "w\x00b"}, "location": "\x00"})
	add("hostile keys", o{"data": o{"a.b": "1", "$where": "x", "__proto__": "y", "constructor": o{"prototype": 1}, "": "nothing", strings.Repeat("k", 3000): "v", "@type": "z", "<b>": "t"}})
	add("much that changed", o{"location": "syscheck", "rule": o{"id": "550", "level": 7, "description": "Integrity checksum changed.", "groups": []string{"ossec", "syscheck"}},
		"syscheck": o{"path": "/srv/" + strings.Repeat("ä/", 600), "event": "modified", "mode": "realtime", "changed_attributes": strings.Fields(strings.Repeat("size mtime inode md5 sha1 sha256 ", 17)), "size_before": "0", "size_after": "18446744073709551615",
			"diff": lines(2000, "< 203.0.113.9 web") + "---\n" + lines(2000, "> `x` *y* @all"), "sha256_after": strings.Repeat("G", 64)}})
	add("path of Windows that ends in a backslash", o{"location": "syscheck", "rule": o{"id": "554", "level": 5, "description": "File added to the system.", "groups": []string{"ossec", "syscheck"}}, "syscheck": o{"path": `C:\Users\b\AppData\`, "event": "added", "sha256_after": strings.Repeat("AB", 32)}})
	add("file name of two lines", o{"location": "syscheck", "rule": o{"id": "553", "level": 7, "description": "File deleted.", "groups": []string{"ossec", "syscheck"}}, "syscheck": o{"path": "/tmp/a\n# **All is well**\n", "event": "deleted"}})
	add("many earlier lines", o{"previous_output": lines(300, "Nov 23 13:28:20 web-01 sshd[2]: Failed password for root from 203.0.113.9"), "previous_log": "x"})
	add("nothing but empty texts", o{"full_log": "", "location": "", "id": "", "agent": o{"id": "", "name": "", "ip": ""}, "manager": o{"name": ""}, "data": o{"srcip": "", "srcuser": ""}, "rule": o{"id": "", "level": 7, "description": "", "groups": []string{""}}})
	add("JSON for a log", o{"full_log": `{"a":{"b":["c",{"d":"\u0000 \ud83d\ude00 \\\" }]"}]},"e":"` + strings.Repeat("f", 5000) + `"}`, "decoder": o{"name": "json"}})
	add("payload of an intrusion", o{"rule": o{"id": "86601", "level": 3, "description": "Suricata: Alert", "groups": []string{"ids", "suricata"}}, "data": o{"src_ip": "203.0.113.9", "dest_ip": "192.0.2.10", "dest_port": "445", "proto": "TCP",
		"payload": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x90\xeb", 6000))), "alert": o{"signature": "ET EXPLOIT <script>", "signature_id": "2027863", "severity": "1", "category": "A\nB"}}})
	add("vulnerability with references", o{"location": "vulnerability-detector", "rule": o{"id": "23505", "level": 10, "description": "CVE-2026-1 affects x", "groups": []string{"vulnerability-detector"}},
		"data": o{"vulnerability": o{"cve": "CVE-2026-1", "severity": "High", "package": o{"name": "x", "version": "1:2.3~rc4+dfsg-1", "condition": "less than"}, "references": strings.Fields(strings.Repeat("https://evil.example/advisory?id=1&x=<y> ", 80)), "cvss": o{"cvss3": o{"base_score": "9.8"}}}}})
	add("formulas", o{"data": o{"srcuser": `=HYPERLINK("http://evil.example","x")`, "srcip": "203.0.113.9", "dstuser": "+1-1"}, "agent": o{"id": "005", "name": "@SUM(A1)"}})
	add("markup in groups", rule(o{"groups": []string{"<!channel>", "@everyone", "`x`", "[a](b)", "<at>x</at>", "<users/all>", "{{x}}", "a,b", "a b"}}))
	add("names that end in what escapes", o{"agent": o{"id": "006", "name": `web\`}, "data": o{"srcuser": "x`", "srcip": "203.0.113.9"}, "full_log": "x```", "location": "y{noformat}"})
	long := strings.Repeat("😀", 8000)
	add("long in every field", o{"location": "syscheck", "rule": o{"id": "550", "level": 7, "description": long, "groups": []string{"ossec", "syscheck", long}}, "agent": o{"id": "007", "name": long}, "manager": o{"name": long},
		"data": o{"srcip": long, "srcuser": long, "dstuser": long, "url": long}, "syscheck": o{"path": long, "event": "modified", "uname_after": long, "audit": o{"user": o{"name": long}, "process": o{"name": long}}}, "full_log": long})
	all = append(all,
		Shape{"broken UTF-8", "x.json", []byte("{\"id\":\"1\",\"rule\":{\"id\":\"5712\",\"level\":10,\"description\":\"a\xffb\",\"groups\":[\"sshd\"]},\"agent\":{\"name\":\"w\xc3\x28b\xed\xa0\x80\"},\"full_log\":\"\xf0\x9f\x98 \xc0\xaf \xfe\"}")},
		Shape{"number out of all bounds", "x.json", []byte(`{"id":1e400,"rule":{"id":-1,"level":99999999999999999999,"groups":"sshd","description":null},"agent":[],"data":"x","full_log":{"a":1}}`)},
		Shape{"one line of text", "x.alert", []byte("** Alert 1795440502.8: mail - syslog,sshd,\n2026 Nov 23 13:28:22 web-01->/var/log/auth.log\nRule: 5712 (level 10) -> 'brute force'\nSrc IP: 203.0.113.9\n" + strings.Repeat("é", 40_000) + "\n")},
	)
	return all
}

// TestShapesInRooms sends every shape to Discord, Telegram and Matrix, and what becomes of it.
func TestShapesInRooms(t *testing.T) {
	for _, x := range rooms() {
		t.Run(x.preset, func(t *testing.T) {
			t.Parallel()
			base, problems := serveRoom(t, x, noAnswer)
			cfg := x.config(base)
			cfg.UsePreset(presets.Embedded(x.preset))
			n, err := New(cfg, http.DefaultClient)
			if err != nil {
				t.Fatal(err)
			}
			set := presetSet(t, cfg)
			for _, s := range Shapes() {
				for action, c := range map[string]templates.Context{
					"trigger":  {PossibleRepeat: true},
					"resolved": {Action: notifier.Resolve, Resolved: &templates.Resolved{After: time.Hour, By: s.Alert()}},
				} {
					receipt, err := n.Notify(t.Context(), presetMessage(t, set, s.Alert(), c))
					if err != nil || receipt.ID != x.receipt || receipt.Warning != "" {
						t.Errorf("%s, %s: %q, %q, %v, %q", s.Name, action, receipt.ID, receipt.Warning, err, problems())
					}
				}
			}
		})
	}
}

// TestShapesInEveryPreset: what the presets' own limits say holds for every shape.
func TestShapesInEveryPreset(t *testing.T) {
	for k, name := range presets.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := presetConfig(presets.Embedded(name))
			set := presetSet(t, cfg)
			for i, s := range Shapes() {
				if Meets(i, k, 6) {
					checkRequest(t, cfg, sentByPreset(t, cfg, presetMessage(t, set, s.Alert(), templates.Context{})), s.Name)
				}
			}
		})
	}
}
