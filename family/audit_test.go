package family

import (
	"strings"
	"testing"
)

func TestRootcheckReadings(t *testing.T) {
	const (
		compare = "Compare with its package before you trust the host."
		plan    = "Plan the fix."
	)
	log := func(log string) string {
		return `{"rule":{"level":7,"description":"Host-based anomaly detection event (rootcheck).","id":"510","groups":["ossec","rootcheck"]},
			"agent":{"id":"001","name":"web-01"},"full_log":"` + log + `","decoder":{"name":"rootcheck"},"location":"rootcheck"}`
	}
	trojan := []string{"Finding  `Trojaned version of file '/usr/bin/diff' detected.`", "File  `/usr/bin/diff`"}
	checkReadings(t, "rootcheck", []reading{
		{
			name: "Wazuh, with a title",
			raw: strings.Replace(log("Trojaned version of file '/bin/diff' detected. Signature used: 'bash|proc' (Generic)."), `"decoder"`,
				`"data":{"title":"Trojaned version of file detected.","file":"/bin/diff"},"decoder"`, 1),
			sentence: "Rootcheck: trojaned `/bin/diff` on `web-01`",
			facts:    []string{"Finding  `Trojaned version of file detected.`", "File  `/bin/diff`"},
			next:     compare, object: "/bin/diff",
		},
		{
			name: "ossec-hids, which fills SyscheckFile",
			raw: `{"rule":{"level":7,"comment":"Host-based anomaly detection event (rootcheck).","sidid":510,"groups":["ossec","rootcheck"]},"id":"1.42",
				"decoder":"rootcheck","location":"(web-01) 192.0.2.5->rootcheck","full_log":"Trojaned version of file '/usr/bin/diff' detected. Signature used: 'bash' (Generic).",
				"SyscheckFile":{"path":"/usr/bin/diff"},"agent_name":"web-01","agentip":"192.0.2.5"}`,
			sentence: "Rootcheck: trojaned `/usr/bin/diff` on `web-01`", facts: trojan, next: compare, object: "/usr/bin/diff",
		},
		{
			name: "shell file, where quotes are blanks",
			raw: shell("(web-01) 192.0.2.5->rootcheck", "510", "7", "Host-based anomaly detection event (rootcheck).",
				"Trojaned version of file  /usr/bin/diff  detected. Signature used:  bash  (Generic).", ""),
			sentence: "Rootcheck: trojaned `/usr/bin/diff` on `web-01`",
			facts:    []string{"Finding  `Trojaned version of file  /usr/bin/diff  detected.`", "File  `/usr/bin/diff`"},
			next:     compare, object: "/usr/bin/diff",
		},
		{
			name:     "rootkit",
			raw:      log("Rootkit 'Example' detected by the presence of file '/tmp/.x'."),
			sentence: "Rootcheck: rootkit `Example` on `web-01`",
			facts:    []string{"Finding  `Rootkit 'Example' detected by the presence of file '/tmp/.x'.`", "File  `/tmp/.x`"},
			next:     compare, object: "/tmp/.x",
		},
		{
			name:     "hidden process",
			raw:      log("Process '4711' hidden from kill (1) or getsid (0). Possible kernel-level rootkit."),
			sentence: "Rootcheck: hidden process `4711` on `web-01`",
			facts:    []string{"Finding  `Process '4711' hidden from kill (1) or getsid (0).`"},
			next:     compare, object: "Process '4711' hidden from kill (1) or getsid (0).",
		},
		{
			name:     "interface",
			raw:      log("Interface 'eth0' in promiscuous mode."),
			sentence: "Rootcheck: interface `eth0` listens to everything on `web-01`",
			facts:    []string{"Finding  `Interface 'eth0' in promiscuous mode.`"},
			next:     compare, object: "Interface 'eth0' in promiscuous mode.",
		},
		{
			name: "audit of settings, alerts.log",
			raw: "** Alert 1795440504.43: - ossec,rootcheck,\n2026 Nov 23 13:28:24 gate->rootcheck\nRule: 516 (level 3) -> 'System Audit event.'\n" +
				"System Audit: SSH Hardening - 3: Root can log in. File: /etc/ssh/sshd_config. Reference: 3 .\n",
			sentence: "Rootcheck: `SSH Hardening - 3: Root can log in` on `gate`",
			facts:    []string{"Finding  `System Audit: SSH Hardening - 3: Root can log in.`", "File  `/etc/ssh/sshd_config`"},
			next:     plan, object: "System Audit: SSH Hardening - 3: Root can log in.",
		},
		{
			name:     "a hostile path is a fact",
			raw:      log("Trojaned version of file '/tmp/<!channel>' detected. Signature used: 'x' (Generic)."),
			sentence: "Rootcheck finding on `web-01`",
			facts:    []string{"Finding  `Trojaned version of file '/tmp/<!channel>' detected.`", "File  `/tmp/<!channel>`"},
			next:     compare, object: "/tmp/<!channel>",
		},
		{
			name:     "nothing but the group",
			raw:      `{"rule":{"level":7,"id":510,"groups":"rootcheck"}}`,
			sentence: "Rootcheck", next: plan, object: "-",
		},
	})
}

func TestSCAReadings(t *testing.T) {
	const plan = "Plan the fix."
	sca := func(body string) string {
		return `{"rule":{"level":7,"description":"CIS example: Ensure SSH root login is disabled.","id":"19007","groups":["sca"]},
			"agent":{"id":"001","name":"web-01"},"decoder":{"name":"sca"},"data":{"sca":` + body + `},"location":"sca"}`
	}
	checkReadings(t, "sca", []reading{
		{
			name: "failed check",
			raw: sca(`{"type":"check","policy":"CIS example benchmark","check":{"id":"5017","title":"Ensure SSH root login is disabled.",
				"remediation":"Set PermitRootLogin no.","file":["/etc/ssh/sshd_config"],"result":"failed","previous_result":"passed"}}`),
			sentence: "Check failed: `Ensure SSH root login is disabled.` on `web-01`",
			facts: []string{
				"Finding  `Ensure SSH root login is disabled.`", "File  `/etc/ssh/sshd_config`", "Policy  `CIS example benchmark`",
				"Result  `failed` (was `passed`)", "Remedy  `Set PermitRootLogin no.`",
			},
			next: plan, object: "5017",
		},
		{
			name:     "passed check, number as id",
			raw:      sca(`{"type":"check","check":{"id":5017,"title":"Ensure SSH root login is disabled","result":"passed"}}`),
			sentence: "Check passed: `Ensure SSH root login is disabled` on `web-01`",
			facts:    []string{"Finding  `Ensure SSH root login is disabled`", "Result  `passed`"},
			next:     "Nothing: the check passes.", object: "5017",
		},
		{
			name:     "check that does not apply",
			raw:      sca(`{"type":"check","check":{"id":"5017","title":"Ensure SSH root login is disabled","result":"not applicable"}}`),
			sentence: "Check not applicable: `Ensure SSH root login is disabled` on `web-01`",
			facts:    []string{"Finding  `Ensure SSH root login is disabled`", "Result  `not applicable`"},
			next:     "Nothing, if the check does not concern this host.", object: "5017",
		},
		{
			name:     "summary",
			raw:      sca(`{"type":"summary","policy":"Example policy","policy_id":"example","passed":"2","failed":"9","invalid":"12","score":18.1818}`),
			sentence: "Policy `Example policy` at `18` % on `web-01`",
			facts:    []string{"Policy  `Example policy`", "Result  `2` passed, `9` failed, `12` not applicable, score `18.1818` %"},
			next:     plan, object: "example",
		},
		{
			name: "summary in alerts.log",
			raw: "** Alert 1795440504.50: - sca,\n2026 Nov 23 13:28:24 (web-01) any->sca\nRule: 19004 (level 7) -> 'SCA summary: Example policy: Score less than 50%'\n" +
				"{\"type\":\"summary\"}\nsca.type: summary\nsca.policy: Example policy\nsca.policy_id: example\nsca.passed: 2\nsca.failed: 9\nsca.score: 18\n",
			sentence: "Policy `Example policy` at `18` % on `web-01`",
			facts:    []string{"Policy  `Example policy`", "Result  `2` passed, `9` failed, score `18` %"},
			next:     plan, object: "example",
		},
		{
			name: "Wazuh's shell file, which has the description only",
			raw: shell("sca", "19004", "7", "SCA summary: Example policy: Score less than 50% (18)",
				" type : summary , scan_id :2009818547, name : Example policy ", ""),
			sentence: "`SCA summary: Example policy: Score less than 50% (18)`", next: plan, object: "-",
		},
		{
			name:     "a hostile title is a fact",
			raw:      sca(`{"check":{"id":"1","title":"<http://evil.example|x>","result":"failed"}}`),
			sentence: "Check failed on `web-01`",
			facts:    []string{"Finding  `<hxxp://evil[.]example|x>`", "Result  `failed`"},
			next:     plan, object: "1",
		},
		{
			name:     "nothing known",
			raw:      `{"rule":{"level":7,"id":"19001","groups":["sca"]},"data":{"sca":"x"}}`,
			sentence: "Policy check", next: plan, object: "-",
		},
	})
}
