package family

import "testing"

func TestEnrichmentReadings(t *testing.T) {
	const (
		look = "Look at the alert it is about; isolate the file or block the address."
		sum  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	)
	answer := func(rule, description, agent, data string) string {
		return `{"rule":{"level":12,"description":"` + description + `","id":"` + rule + `","groups":["virustotal"]},"agent":` + agent + `,
			"data":` + data + `,"decoder":{"name":"json"},"location":"virustotal","full_log":"{}"}`
	}
	const (
		manager = `{"id":"000","name":"mgr"}`
		web     = `{"id":"001","name":"web-01"}`
	)
	checkReadings(t, "enrichment", []reading{
		{
			name: "address flagged",
			raw: answer("87105", "d", manager, `{"integration":"virustotal_ip","virustotal_ip":{"counts":{"malicious":"11","suspicious":2},
				"as_owner":"EXAMPLE-NET","country":"ZZ","verdict":"malicious","source":{"alert_id":"1795440502.8","ip":"203.0.113.7","rule":"5712"}}}`),
			sentence: "VirusTotal: `11` engines flag `203.0.113.7`",
			facts: []string{
				"Verdict  `11` engines, `2` suspicious, `malicious`", "About  `203.0.113.7`", "Owner  `EXAMPLE-NET`, `ZZ`",
				"Because  rule `5712`, alert `1795440502.8`",
			},
			next: look, object: "203.0.113.7",
		},
		{
			name: "file flagged, reported by its agent",
			raw: answer("87105", "d", web, `{"integration":"virustotal","virustotal":{"found":"1","malicious":"1","positives":"50","total":"57",
				"sha1":"`+sum+`","permalink":"https://example.com/x","source":{"alert_id":"1795440502.9","file":"/tmp/a.php","md5":"m"}}}`),
			sentence: "VirusTotal: `50` engines flag `/tmp/a.php` on `web-01`",
			facts: []string{
				"Verdict  `50` of `57` engines", "About  `/tmp/a.php`, `" + sum + "`", "Because  alert `1795440502.9`",
			},
			next: look, object: sum,
		},
		{
			name:     "one engine",
			raw:      answer("87105", "d", web, `{"virustotal":{"positives":1,"source":{"file":"/tmp/a.php","alert_id":"1.2"}}}`),
			sentence: "VirusTotal: 1 engine flags `/tmp/a.php` on `web-01`",
			facts:    []string{"Verdict  `1` engine", "About  `/tmp/a.php`", "Because  alert `1.2`"},
			next:     look, object: "/tmp/a.php",
		},
		{
			name:     "no engine",
			raw:      answer("87104", "d", web, `{"virustotal":{"found":1,"positives":0,"total":60,"source":{"file":"/tmp/a.php","alert_id":"1.2"}}}`),
			sentence: "VirusTotal: no engine flags `/tmp/a.php` on `web-01`",
			facts:    []string{"Verdict  `0` of `60` engines", "About  `/tmp/a.php`", "Because  alert `1.2`"},
			next:     "No engine flags it: judge by the alert it is about.", object: "/tmp/a.php",
		},
		{
			name:     "no record",
			raw:      answer("87103", "d", web, `{"virustotal":{"found":"0","source":{"file":"/tmp/a.php","alert_id":"1.2"}}}`),
			sentence: "VirusTotal: no record of `/tmp/a.php` on `web-01`",
			facts:    []string{"About  `/tmp/a.php`", "Because  alert `1.2`"},
			next:     "No record is no verdict: look at the alert it is about.", object: "/tmp/a.php",
		},
		{
			name: "AbuseIPDB",
			raw: answer("1999", "d", manager, `{"integration":"custom-abuseipdb","abuseipdb":{"abuse_confidence_score":100,"total_reports":2216,
				"country_code":"ZZ","isp":"Example, Inc.","source":{"alert_id":"1.2","ip":"203.0.113.7","rule":"100003"}}}`),
			sentence: "AbuseIPDB: `100` % abuse confidence for `203.0.113.7`",
			facts: []string{
				"Verdict  `100` % confidence, `2216` reports", "About  `203.0.113.7`", "Owner  `Example, Inc.`, `ZZ`",
				"Because  rule `100003`, alert `1.2`",
			},
			next: look, object: "203.0.113.7",
		},
		{
			name:     "a rule of the operator keeps its words",
			raw:      answer("100200", "A bad address.", manager, `{"virustotal_ip":{"counts":{"malicious":11},"source":{"ip":"203.0.113.7"}}}`),
			sentence: "`A bad address`: `203.0.113.7`",
			facts:    []string{"Verdict  `11` engines", "About  `203.0.113.7`"},
			next:     look, object: "203.0.113.7",
		},
		{
			name:     "a service that we do not know, found by the alert it is about",
			raw:      `{"rule":{"level":12,"description":"Bad domain seen","id":"1999"},"agent":` + manager + `,"data":{"integration":"custom-intel","custom-intel":{"verdict":"bad","source":{"alert_id":"1.2","ip":"203.0.113.7"}}}}`,
			sentence: "`Bad domain seen`: `203.0.113.7`",
			facts:    []string{"Verdict  `bad`", "About  `203.0.113.7`", "Because  alert `1.2`"},
			next:     look, object: "203.0.113.7",
		},
		{
			name:     "Wazuh's shell file, which has the description only",
			raw:      shell("virustotal", "87105", "12", "VirusTotal: Alert - /tmp/a.php - 50 engines detected this file", "", ""),
			sentence: "VirusTotal: `50` engines flag `/tmp/a.php`",
			facts:    []string{"Verdict  `50` engines", "About  `/tmp/a.php`"},
			next:     look, object: "/tmp/a.php",
		},
		{
			name:     "an error of the service",
			raw:      answer("87101", "VirusTotal: Error: Public API request rate limit reached", manager, `{"virustotal":{"error":204,"description":"limit reached"}}`),
			sentence: "`VirusTotal: Error: Public API request rate limit reached`",
			facts:    []string{"Verdict  `limit reached`"},
			next:     "See the log below.", object: "-",
		},
		{
			name:     "a hostile file name is a fact",
			raw:      answer("87105", "d", web, `{"virustotal":{"positives":"5","source":{"file":"/tmp/@everyone @here"}}}`),
			sentence: "VirusTotal flags something on `web-01`",
			facts:    []string{"Verdict  `5` engines", "About  `/tmp/@everyone @here`"},
			next:     look, object: "/tmp/@everyone @here",
		},
		{
			name:     "nothing known",
			raw:      `{"rule":{"level":3,"id":"87105","groups":["virustotal"]},"data":{"virustotal":[],"integration":{}}}`,
			sentence: "Answer of an integration", next: look, object: "-",
		},
	})
}

func TestEnrichmentShowsTheLogItIsAbout(t *testing.T) {
	const log = "Mar  4 05:06:07 web-01 sshd[1234]: Accepted none for root from 203.0.113.7 port 1066 ssh2"
	r := readRaw(`{"rule":{"level":3,"id":"87105","groups":["virustotal"]},"full_log":"{}","data":{"virustotal":{"positives":"5"},"original_full_log":"` + log + `"}}`)
	if got := r.Evidence.Text; got != log {
		t.Errorf("got %q, want %q", got, log)
	}
}

func TestTheLogOfACloudIsNoEnrichment(t *testing.T) {
	r := readRaw(`{"rule":{"level":3,"id":"80202"},"data":{"integration":"aws","aws":{"source":"cloudtrail","eventName":"X"}}}`)
	if got, want := r.Family, "cloud"; got != want {
		t.Errorf("got family %q, want %q", got, want)
	}
}
