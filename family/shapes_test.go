package family

import (
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Alerts of shapes that the corpus does not hold: the sentence, the facts as "Label: value" with bars between them, and the next step.
func TestShapes(t *testing.T) {
	for name, tt := range map[string]struct{ raw, sentence, facts, next string }{
		"a monitored command is no series of events": {
			`{"rule":{"id":"533","description":"Listened ports status (netstat) changed."},"agent":{"name":"web-01"},"full_log":"ossec: output: 'netstat':\ntcp 22","previous_output":"Previous output:\nossec: output: 'netstat':\ntcp 80","location":"netstat"}`,
			"Listened ports status (netstat) changed on web-01", "", "See the log below.",
		},
		"NTLM calls the workstation by another name": {
			`{"rule":{"id":"60122","groups":["authentication_failed"]},"agent":{"name":"dc-01"},"data":{"win":{"system":{"eventID":"4776","computer":"dc-01"},"eventdata":{"targetUserName":"carol","workstation":"KALI","status":"0xc000006a"}}}}`,
			"Windows logon failed for carol on dc-01", "User: carol | Reason: wrong password (0xc000006a) | From: workstation KALI", "",
		},
		"VirusTotal on an address": {
			`{"rule":{"id":"87105","groups":["virustotal"]},"agent":{"name":"web-01","id":"001"},"data":{"integration":"virustotal_ip","virustotal_ip":{"ip":"203.0.113.9","counts":{"malicious":11},"source":{"alert_id":"1.1"}}}}`,
			"VirusTotal: 11 engines flag 203.0.113.9 on web-01", "Verdict: 11 engines | About: 203.0.113.9 | Because: alert 1.1", "",
		},
		"an answer without a log": {
			`{"rule":{"id":"100622","description":"MISP: IoC found"},"agent":{"name":"web-01","id":"001"},"data":{"integration":"misp","misp":{"source":{"alert_id":"1.1"}}}}`,
			"MISP: IoC found on web-01", "Because: alert 1.1", "Look at the whole alert: it came without a log.",
		},
		"access to a bucket": {
			`{"rule":{"id":"80360"},"data":{"aws":{"source":"s3_server_access","remote_ip":"203.0.113.9","requester":"arn:aws:iam::123456789012:user/carol","operation":"REST.GET.OBJECT","bucket":"backups"}}}`,
			"AWS: REST.GET.OBJECT by user/carol", "Action: REST.GET.OBJECT | By: user/carol | From: 203.0.113.9 | Target: backups", "",
		},
		"sudo in a log without a head": {
			"alertdate='2026 Nov 24 10:11:12'\nalertlocation='web-01->/var/log/x'\nruleid='5402'\nalertlevel='3'\nruledescription='Successful sudo to ROOT executed'\nalertlog='TTY=pts/0'\nsrcip=''",
			"Sudo used on web-01", "", "",
		},
	} {
		r := Read(alert.Parse([]byte(tt.raw), alert.Options{}))
		var facts []string
		for _, f := range r.Facts {
			facts = append(facts, f.Label+": "+f.Value.String())
		}
		if got := strings.Join(facts, " | "); r.Sentence.String() != tt.sentence || got != tt.facts {
			t.Errorf("%s:\n got %s\n     %s\nwant %s\n     %s", name, r.Sentence, got, tt.sentence, tt.facts)
		}
		if got := r.Next.String(); tt.next != "" && got != tt.next {
			t.Errorf("%s: next is %q, want %q", name, got, tt.next)
		}
	}
}
