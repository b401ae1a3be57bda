package family

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// reading is an alert and what is expected to be said of it. Alert text stands between backticks, as in Slack;
// a fact is "Label  value".
type reading struct {
	name     string
	raw      string
	sentence string
	facts    []string
	next     string
	object   string
}

// code renders a text with alert text between backticks.
func code(t display.Text) string {
	return t.Render(func(s string) string { return s }, func(s string) string { return "`" + s + "`" })
}

func factLines(r *Reading) []string {
	var lines []string
	for _, f := range r.Facts {
		lines = append(lines, f.Label+"  "+code(f.Value))
	}
	return lines
}

func readRaw(raw string) *Reading {
	return Read(alert.Parse([]byte(raw), alert.Options{Location: time.UTC}))
}

// checkReadings reads each alert and compares all that people see of it.
func checkReadings(t *testing.T, family string, cases []reading) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := readRaw(c.raw)
			if r.Family != family {
				t.Fatalf("got family %q, want %q", r.Family, family)
			}
			got := reading{c.name, c.raw, code(r.Sentence), factLines(r), code(r.Next), r.Object}
			if diff := cmp.Diff(c, got, cmp.AllowUnexported(reading{})); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
		})
	}
}

// shell is an alert as integratord writes it for shell scripts.
func shell(location, rule, level, description, log, srcip string) string {
	return "alertdate='2026 Nov 23 13:28:24'\nalertlocation='" + location + "'\nruleid='" + rule + "'\nalertlevel='" + level +
		"'\nruledescription='" + description + "'\nalertlog='" + log + "'\nsrcip='" + srcip + "'"
}

func TestActiveResponseReadings(t *testing.T) {
	blocked := []string{"Address  `203.0.113.7`", "How  `firewall-drop.sh`", "Because  rule `5712`, alert `1795439488.12345`"}
	const right = "Nothing, if the block is right."
	const line = "Mon Nov 23 13:25:30 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh add - 203.0.113.7 1795439488.12345 5712"
	checkReadings(t, "active_response", []reading{
		{
			name: "ossec-hids, address blocked",
			raw: `{"rule":{"level":3,"comment":"Host Blocked by firewall-drop.sh Active Response","sidid":601,"groups":["ossec","active_response"]},
				"id":"1795440504.44","decoder":"ar_log","action":"firewall-drop.sh","srcip":"203.0.113.7","status":"add","data":"5712",
				"location":"/var/ossec/logs/active-responses.log","full_log":"` + line + `","hostname":"gate","agent_name":"gate"}`,
			sentence: "Blocked `203.0.113.7` on `gate`", facts: blocked, next: right, object: "203.0.113.7",
		},
		{
			name:     "shell file, address blocked",
			raw:      shell("gate->/var/ossec/logs/active-responses.log", "601", "3", "Host Blocked", line, "203.0.113.7"),
			sentence: "Blocked `203.0.113.7` on `gate`", facts: blocked, next: right, object: "203.0.113.7",
		},
		{
			name: "alerts.log, address let go",
			raw: "** Alert 1795440504.45: - ossec,active_response,\n2026 Nov 23 13:28:24 gate->/var/ossec/logs/active-responses.log\n" +
				"Rule: 602 (level 3) -> 'Host Unblocked by firewall-drop.sh Active Response'\nSrc IP: 203.0.113.7\n" +
				strings.Replace(line, " add ", " delete ", 1) + "\n",
			sentence: "Unblocked `203.0.113.7` on `gate`", facts: blocked,
			next: "Nothing, if it may come back.", object: "203.0.113.7",
		},
		{
			name: "Wazuh before 4.2",
			raw: `{"rule":{"level":3,"description":"Host Blocked by firewall-drop.sh Active Response","id":"601","groups":["ossec","active_response"]},
				"agent":{"id":"001","name":"web-01"},"decoder":{"name":"ar_log"},"location":"/var/ossec/logs/active-responses.log",
				"data":{"srcip":"203.0.113.7","id":"1795439488.12345","extra_data":"5712","type":"add","script":"firewall-drop.sh"}}`,
			sentence: "Blocked `203.0.113.7` on `web-01`", facts: blocked, next: right, object: "203.0.113.7",
		},
		{
			name: "Wazuh from 4.2 on, private address",
			raw: `{"rule":{"level":3,"description":"Host Blocked by firewall-drop Active Response","id":"651","groups":["ossec","active_response"]},
				"agent":{"id":"001","name":"web-01"},"decoder":{"name":"ar_log_json"},"location":"/var/ossec/logs/active-responses.log",
				"data":{"version":1,"command":"add","parameters":{"program":"active-response/bin/firewall-drop",
				"alert":{"id":"1795439488.12345","rule":{"id":"5712"},"data":{"srcip":"10.0.0.9"}}}}}`,
			sentence: "Blocked `10.0.0.9` on `web-01`",
			facts: []string{
				"Address  `10.0.0.9` (private network)", "How  `firewall-drop`", "Because  rule `5712`, alert `1795439488.12345`",
			},
			next: right, object: "10.0.0.9",
		},
		{
			name: "Wazuh's shell file, where quotes and braces are blanks",
			raw: strings.Replace(shell("/var/ossec/logs/active-responses.log", "651", "3", "Host Blocked",
				"2026/11/23 13:25:30 active-response/bin/firewall-drop:   version :1, origin :  name : node01 , command : add , parameters : ",
				"203.0.113.7"), "2026 Nov 23 13:28:24", "2026-11-23T13:28:24.000+0000", 1),
			sentence: "Blocked `203.0.113.7`",
			facts:    []string{"Address  `203.0.113.7`", "How  `firewall-drop`"},
			next:     right, object: "203.0.113.7",
		},
		{
			name: "an account instead of an address",
			raw: `{"rule":{"level":3,"description":"Active response: disable-account - add","id":"657","groups":["active_response"]},
				"agent":{"id":"001","name":"web-01"},"data":{"command":"add","parameters":{"program":"active-response/bin/disable-account",
				"alert":{"id":"1795439488.1","rule":{"id":"120100"},"data":{"dstuser":"deploy"}}}}}`,
			sentence: "Active response ran: `disable-account` on `web-01`",
			facts:    []string{"User  `deploy`", "How  `disable-account`", "Because  rule `120100`, alert `1795439488.1`"},
			next:     "Nothing, if the response is right.", object: "deploy",
		},
		{
			name: "something that is no address",
			raw: `{"rule":{"level":3,"description":"d","id":"601","groups":["active_response"]},"agent":{"id":"001","name":"web-01"},
				"data":{"type":"add","script":"drop.sh","srcip":"203.0.113.7 <!channel>"}}`,
			sentence: "Active response ran: `drop.sh` on `web-01`",
			facts:    []string{"Address  `203.0.113.7 <!channel>` (not one address)", "How  `drop.sh`"},
			next:     "Nothing, if the response is right.", object: "203.0.113.7 <!channel>",
		},
		{
			name:     "nothing but the group",
			raw:      `{"rule":{"level":3,"id":"601","groups":["active_response"]},"data":[1,2]}`,
			sentence: "Active response", next: "Nothing, if the response is right.", object: "-",
		},
	})
}

func TestActiveResponseTellsMachinesWhatWasBlocked(t *testing.T) {
	r := readRaw(shell("gate->/var/ossec/logs/active-responses.log", "602", "3", "Host Unblocked",
		"Mon Nov 23 13:25:30 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh delete - 2001:db8::7 1795439488.1 5712", "2001:db8::7"))
	want := &Block{Address: "2001:db8::7", By: "firewall-drop.sh", Undo: true, Rule: "5712", Alert: "1795439488.1"}
	if diff := cmp.Diff(want, r.Block); diff != "" {
		t.Errorf("block (-want +got):\n%s", diff)
	}
	if r.Outcome != "allowed" || r.Program != "firewall-drop.sh" {
		t.Errorf("got outcome %q of program %q", r.Outcome, r.Program)
	}
}

// A program that an active response starts is not what blocks: the call carries an alert of another family.
func TestAnActiveResponseCallIsReadAsTheAlertInIt(t *testing.T) {
	r := readRaw(`{"version":1,"command":"add","parameters":{"program":"active-response/bin/custom-notify","alert":{
		"rule":{"level":7,"description":"Integrity checksum changed.","id":"550","groups":["ossec","syscheck"]},
		"agent":{"id":"001","name":"web-01"},"syscheck":{"path":"/etc/motd","event":"modified"},"location":"syscheck"}}}`)
	if got, want := r.Sentence.String(), "File changed: /etc/motd on web-01"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
