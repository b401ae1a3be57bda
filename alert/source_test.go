package alert

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What messages show as the source is what routes match and enrichment looks up, wherever it stands.
func TestSourceWhereverItStands(t *testing.T) {
	for data, want := range map[string]string{
		`{"srcip":["203.0.113.9"]}`:                                                           "203.0.113.9||203.0.113.9",
		`{"srcip":["203.0.113.9","-","203.0.113.9"]}`:                                         "203.0.113.9||203.0.113.9",
		`{"srcip":["203.0.113.9","192.0.2.1"]}`:                                               "||203.0.113.9, 192.0.2.1",
		`{"srcip":[],"src_ip":"203.0.113.9"}`:                                                 "203.0.113.9||203.0.113.9",
		`{"aws":{"srcaddr":"203.0.113.9","srcport":"50000"}}`:                                 "203.0.113.9|50000|203.0.113.9",
		`{"aws":{"srcaddr":"-","client_ip":"203.0.113.9"}}`:                                   "203.0.113.9||203.0.113.9",
		`{"aws":{"httpRequest":{"clientIp":"2001:db8::9"}}}`:                                  "2001:db8::9||2001:db8::9",
		`{"office365":{"ClientIP":"203.0.113.9:50001"}}`:                                      "203.0.113.9|50001|203.0.113.9:50001",
		`{"office365":{"ClientIPAddress":"[2001:db8::9]:50001"}}`:                             "2001:db8::9|50001|[2001:db8::9]:50001",
		`{"office365":{"ActorIpAddress":"::ffff:203.0.113.9"}}`:                               "203.0.113.9||::ffff:203.0.113.9",
		`{"github":{"actor_ip":"203.0.113.9"}}`:                                               "203.0.113.9||203.0.113.9",
		`{"CallerIPAddress":"203.0.113.9"}`:                                                   "203.0.113.9||203.0.113.9",
		`{"ipAddress":"203.0.113.9"}`:                                                         "203.0.113.9||203.0.113.9",
		`{"gcp":{"jsonPayload":{"sourceIP":"203.0.113.9"}}}`:                                  "203.0.113.9||203.0.113.9",
		`{"gcp":{"jsonPayload":{"connection":{"src_ip":"203.0.113.9","src_port":5}}}}`:        "203.0.113.9|5|203.0.113.9",
		`{"parameters":{"alert":{"data":{"win":{"eventdata":{"ipAddress":"203.0.113.9"}}}}}}`: "203.0.113.9||203.0.113.9",

		`{"aws":{"service":{"action":{"networkConnectionAction":{"remoteIpDetails":{"ipAddressV6":"2001:db8::9"},"remotePortDetails":{"port":5}}}}}}`: "2001:db8::9|5|2001:db8::9",
		`{"aws":{"service":{"action":{"portProbeAction":{"portProbeDetails":{"remoteIpDetails":{"ipAddressV4":"203.0.113.9"}}}}}}}`:                   "203.0.113.9||203.0.113.9",
		probes("203.0.113.9", "203.0.113.9"): "203.0.113.9||203.0.113.9",
		probes("203.0.113.9", "192.0.2.1"):   "||203.0.113.9, 192.0.2.1",
	} {
		line := `{"rule":{"id":"1","level":3},"data":` + data + `}`
		a := Parse([]byte(line), Options{})
		if got := a.Source.IP + "|" + a.Source.Port + "|" + a.Source.Text; got != want {
			t.Errorf("%s\n got %s\nwant %s", data, got, want)
		}
		// A glance sees the same, or says that it cannot.
		var g Glance
		if g.Look(NewLens(FieldSource), []byte(line)) && g.Alert.Source.Text != a.Source.Text {
			t.Errorf("%s: a glance sees %+v", data, g.Alert.Source)
		}
	}
}

func probes(addresses ...string) string {
	var list []string
	for _, a := range addresses {
		list = append(list, `{"remoteIpDetails":{"ipAddressV4":"`+a+`"}}`)
	}
	return `{"aws":{"service":{"action":{"portProbeAction":{"portProbeDetails":[` + strings.Join(list, ",") + `]}}}}}`
}

// An alert of 1 MB that is one list of sources took half a minute.
func TestManySourcesDelayNothing(t *testing.T) {
	var list strings.Builder
	for i := range 130_000 {
		fmt.Fprintf(&list, `"%x",`, i)
	}
	begin := time.Now()
	a := Parse([]byte(`{"rule":{"id":"1","level":3},"data":{"srcip":[`+list.String()+`"0"]}}`), Options{Limit: 2 << 20})
	if a.Source.IP != "" || strings.Count(a.Source.Text, ",") != 130_000-1 {
		t.Errorf("source %q with %d commas", a.Source.IP, strings.Count(a.Source.Text, ","))
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestDestinationWhereverItStands(t *testing.T) {
	for data, want := range map[string]string{
		`{"aws":{"dstaddr":"192.0.2.1","dstport":"22"}}`:                                  "192.0.2.1|22",
		`{"aws":{"target_ip":"192.0.2.1","target_port":"443"}}`:                           "192.0.2.1|443",
		`{"gcp":{"jsonPayload":{"connection":{"dest_ip":"192.0.2.1","dest_port":"22"}}}}`: "192.0.2.1|22",
	} {
		a := Parse([]byte(`{"rule":{"id":"1","level":3},"data":`+data+`}`), Options{})
		if got := a.Destination.IP + "|" + a.Destination.Port; got != want {
			t.Errorf("%s\n got %s\nwant %s", data, got, want)
		}
	}
}

// An alert file that went through a tool of Windows on its way is no broken one.
func TestShellFileWithCRLF(t *testing.T) {
	file := "alertdate='2026 Nov 24 10:11:12'\nalertlocation='(web-01) 192.0.2.11->/var/log/auth.log'\nruleid='5716'\nalertlevel='5'\n" +
		"ruledescription='SSHD authentication failed.'\nalertlog='Failed password for root'\nsrcip='203.0.113.9'"
	want, got := Parse([]byte(file), Options{}), Parse([]byte(strings.ReplaceAll(file, "\n", "\r\n")+"\r\n"), Options{})
	if got.Problem != want.Problem || got.Source != want.Source || got.Rule.Level != 5 || got.Host != "web-01" || got.Log != want.Log {
		t.Errorf("got %+v, source %+v, host %q, log %q", got.Problem, got.Source, got.Host, got.Log)
	}
	cut := Parse([]byte(strings.ReplaceAll(file[:150], "\n", "\r\n")), Options{})
	if cut.Problem.ReadsAs != "shell variables, ends in ruledescription" || cut.Rule.ID != "5716" {
		t.Errorf("cut: %+v, rule %q", cut.Problem, cut.Rule.ID)
	}
}

// Old OSSEC writes a word for what it does not know.
func TestLogWithNone(t *testing.T) {
	a := Parse([]byte("** Alert 1295515072.101: - syslog,errors,\n2011 Jan 20 10:11:12 (app-9) 192.0.2.9->/var/log/messages\n"+
		"Rule: 1002 (level 2) -> 'Unknown problem somewhere in the system.'\nSrc IP: (none)\nUser: (none)\nkernel: error (none)\n\n"), Options{})
	if a.Source != (Endpoint{}) || a.User != "" || a.Log != "kernel: error (none)" || a.Original["Src IP"] != nil {
		t.Errorf("source %+v, user %q, log %q", a.Source, a.User, a.Log)
	}
}

func TestWindowsAccountHasOneBackslash(t *testing.T) {
	a := Parse([]byte(`{"rule":{"id":"1"},"data":{"win":{"eventdata":{"user":"EXAMPLE\\\\carol"}}}}`), Options{})
	if a.User != `EXAMPLE\carol` {
		t.Errorf("user %q", a.User)
	}
}

// A file alert whose details were left out still names the file in its log.
func TestFileOfTheLog(t *testing.T) {
	a := Parse([]byte(`{"rule":{"id":"550","groups":["ossec","syscheck"]},"location":"syscheck","full_log":"File '/etc/hosts' modified\nMode: realtime\n"}`), Options{})
	if a.File == nil || a.File.Path != "/etc/hosts" || a.File.Event != "modified" {
		t.Errorf("file %+v", a.File)
	}
}
