package family

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// TestExamplesOfTheManual has the alerts of the shapes that docs/messages.md shows as examples. What is said of
// them is said word by word.
func TestExamplesOfTheManual(t *testing.T) {
	tests := []struct {
		name string
		raw  string
		want []string // sentence, facts, note, next, program, dedup key
	}{
		{
			name: "brute force, ossec-hids",
			raw: `{"rule":{"level":10,"comment":"SSHD brute force trying to get access to the system.","sidid":5712,"frequency":6,
				"groups":["syslog","sshd","authentication_failures"]},"id":"1795440502.8","TimeStamp":1795440502000,"decoder":"sshd",
				"srcip":"203.0.113.40","location":"(web-03) 192.0.2.5->/var/log/auth.log",
				"full_log":"Nov 23 13:20:17 web-03 sshd[2007]: Failed password for invalid user oracle from 203.0.113.40 port 4007 ssh2",
				"previous_output":"Nov 23 13:20:15 web-03 sshd[2005]: Failed password for invalid user oracle from 203.0.113.40 port 4005 ssh2",
				"program_name":"sshd","agent_name":"web-03","agentip":"192.0.2.5"}`,
			want: []string{
				"SSH brute force from `203.0.113.40` on `web-03`",
				"From  `203.0.113.40`",
				"User  `oracle` (no such user)",
				"Tries  at least 8",
				"Next  Was any login from this address accepted? If it goes on, block it.",
				"sshd", "-/web-03/5712/203.0.113.40",
			},
		},
		{
			name: "file changed, with the process that did it",
			raw: `{"timestamp":"2026-11-23T14:05:28.452-0800","rule":{"level":7,"description":"Integrity checksum changed.","id":"550",
				"groups":["ossec","syscheck"]},"agent":{"id":"058","ip":"192.0.2.58","name":"db-02"},"manager":{"name":"mgr"},"id":"1.2",
				"syscheck":{"path":"/etc/cron.allow","size_before":"421","size_after":"433","perm_after":"100644",
				"sha256_before":"aaaaaaaaaaaa1111111111111111111111111111111111111111111111111111",
				"sha256_after":"bbbbbbbbbbbb2222222222222222222222222222222222222222222222222222","uname_after":"root","gname_after":"root",
				"diff":"1a2\n> carol\n","event":"modified","audit":{"process":{"id":"828","name":"/bin/vi"},"login_user":{"name":"carol"},
				"effective_user":{"name":"root"}}},"decoder":{"name":"syscheck_integrity_changed"},"location":"syscheck"}`,
			want: []string{
				"File changed: `/etc/cron.allow` on `db-02`",
				"Changed  size `421` to `433`, content",
				"By  `carol` as `root`, with `/bin/vi` (pid `828`)",
				"Now  `root:root` `rw-r--r--`",
				"SHA-256  `aaaaaaaaaaaa` to `bbbbbbbbbbbb`",
				"Next  Planned? If not, restore the file and look at what this login did.",
				"syscheck", "mgr/db-02/550//etc/cron.allow",
			},
		},
		{
			name: "Windows event without a log",
			raw: `{"timestamp":"2026-04-08T14:34:22.745+0700","rule":{"level":5,"description":"Logon Failure - Unknown user or bad password",
				"id":"60122","groups":["windows","windows_security","authentication_failed"]},"agent":{"id":"001","name":"pc1","ip":"192.0.2.1"},
				"manager":{"name":"mgr"},"id":"1.3","data":{"win":{"system":{"providerName":"Microsoft-Windows-Security-Auditing",
				"eventID":"4625","channel":"Security","computer":"pc1","severityValue":"AUDIT_FAILURE",
				"message":"\"An account failed to log on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-5-18\""},"eventdata":{
				"subjectUserName":"PC1$","subjectDomainName":"WORKGROUP","targetUserSid":"S-1-0-0","targetUserName":"Carol",
				"targetDomainName":"PC1","status":"0xc000006d","subStatus":"0xc000006a","failureReason":"%%2313","logonType":"2",
				"workstationName":"PC1","processName":"C:\\\\Windows\\\\System32\\\\svchost.exe","ipAddress":"127.0.0.1","ipPort":"0"}}},
				"location":"EventChannel"}`,
			want: []string{
				"Windows logon failed for `Carol` on `pc1`",
				"User  `PC1\\Carol` (local account)",
				"Reason  wrong password (`0xc000006a`)",
				"Logon  at the keyboard (type `2`)",
				"From  this machine (`127.0.0.1`)",
				"Process  `C:\\Windows\\System32\\svchost.exe`",
				"Next  Once is a typo. Again and again, or with nobody there, is not.",
				"Microsoft-Windows-Security-Auditing", "mgr/pc1/60122/PC1\\Carol",
			},
		},
		{
			name: "web scan, shell file",
			raw: shell("(web-03) 192.0.2.5->/var/log/nginx/access.log", "31151", "10", "Multiple web server 400 error codes from same source ip.",
				"198.51.100.77 - - [23/Nov/2026:13:22:23 +0000]  GET /setup/ HTTP/1.1  404 162  -   Scanner/1.0 scan/0.x ", "198.51.100.77"),
			want: []string{
				"Web scan from `198.51.100.77` on `web-03`",
				"From  `198.51.100.77`",
				"Request  `GET /setup/`, answered `404`",
				"Client  `Scanner/1.0 scan/0.x`",
				"Note  text as OSSEC's shell format leaves it: quotes and more are blanks",
				"Next  Any answer but 4xx to this address? If there is none, it is noise.",
				"nginx", "-/web-03/31151/198.51.100.77",
			},
		},
		{
			name: "block, ossec-hids",
			raw: `{"rule":{"level":3,"comment":"Host Blocked by firewall-drop.sh Active Response","sidid":601,"groups":["ossec","active_response"]},
				"id":"1.4","decoder":"ar_log","action":"firewall-drop.sh","srcip":"203.0.113.40","location":"/var/ossec/logs/active-responses.log",
				"full_log":"Mon Nov 23 13:25:30 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh add - 203.0.113.40 1795439488.1 5712",
				"hostname":"gate","status":"add","data":"5712","agent_name":"gate"}`,
			want: []string{
				"Blocked `203.0.113.40` on `gate`",
				"Address  `203.0.113.40`",
				"How  `firewall-drop.sh`",
				"Because  rule `5712`, alert `1795439488.1`",
				"Next  Nothing, if the block is right.",
				"firewall-drop.sh", "-/gate/601/203.0.113.40",
			},
		},
		{
			name: "hostile text",
			raw: `{"timestamp":"2026-05-06T07:08:09.123+0000","rule":{"level":12,"id":"100300","groups":["local"],
				"description":"<!channel> <https://evil.example/|c> *b* ` + "`c`" + ` @everyone [x](http://evil.example)"},
				"agent":{"id":"001","name":"web</b>01\"; x"},"manager":{"name":"mgr"},"id":"1.5",
				"full_log":"a <script>alert(1)</script>\nb \u0007\u001b[31m \u202e c\r\n","decoder":{"name":"x"},
				"data":{"srcip":"203.0.113.40, 192.0.2.1"},"location":"/var/log/o'x.log"}`,
			want: []string{
				"Rule 100300 fired on agent `001`",
				"Says  `<!channel> <hxxps://evil[.]example/|c> *b* `c` @everyone [x](hxxp://evil[.]example)`",
				"Agent  `web</b>01\"; x`",
				"From  `203.0.113.40, 192.0.2.1` (not one address)",
				"Note  text holds mention, link, markup, control and bidi characters: shown, not run",
				"Next  Somebody writes to your screen: find who can write this log.",
				"x", "mgr/001/100300/-",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := alert.Parse([]byte(tt.raw), alert.Options{Location: time.UTC})
			r := Read(a)
			got := append([]string{code(r.Sentence)}, factLines(r)...)
			if !r.Note.IsZero() {
				got = append(got, "Note  "+code(r.Note))
			}
			got = append(got, "Next  "+code(r.Next), r.Program, DedupKey(a, r))
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("reading (-got +want):\n%s", diff)
			}
		})
	}
}
