package alert

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shellOf writes an alert as OSSEC's integratord would.
func shellOf(t *testing.T, a *Alert, cut int) *Alert {
	t.Helper()
	log, _, _ := strings.Cut(a.Log, "\n")
	log = mask(log)
	if len(log) > cut {
		log = log[:cut-3] + "..."
	}
	raw := "alertdate='" + a.Time.Format("2006 Jan 02 15:04:05") + "'\nalertlocation='" + a.Location + "'\nruleid='" + a.Rule.ID +
		"'\nalertlevel='" + strconv.Itoa(a.Rule.Level) + "'\nruledescription='" + a.Rule.Description + "'\nalertlog='" + log + "'\nsrcip='" + a.Source.IP + "'"
	return Parse([]byte(raw), Options{Location: time.UTC, FileName: "custom-slack-1-2.alert"})
}

const completeLog = `** Alert 1795440502.7: - syslog,sshd,invalid_login,authentication_failed,
2026 Nov 23 13:28:22 (web-01) 10.0.0.5->/var/log/auth.log
Rule: 5710 (level 5) -> 'Attempt to login using a non-existent user'
Src IP: 203.0.113.9
Nov 23 13:20:16 web-01 sshd[2006]: Failed password for invalid user "admin"; café from 203.0.113.9 port 4006 ssh2

** Alert 1795440502.8: mail  - syslog,sshd,authentication_failures,
2026 Nov 23 13:28:22 (web-01) 10.0.0.5->/var/log/auth.log
Rule: 5712 (level 10) -> 'SSHD brute force trying to get access to the system.'
Src IP: 203.0.113.9
Nov 23 13:20:17 web-01 sshd[2007]: Failed password for invalid user $(id) ` + "`x`" + ` {a|b} from 203.0.113.9 port 4007 ssh2

** Alert 1795440502.9: - syslog,sshd,invalid_login,authentication_failed,
2026 Nov 23 13:28:22 (web-01) 10.0.0.5->/var/log/auth.log
Rule: 5710 (level 5) -> 'Attempt to login using a non-existent user'
Src IP: 203.0.113.9
Nov 23 13:20:18 web-01 sshd[2008]: Failed password for invalid user admin from 203.0.113.9 port 4008 ssh2

`

func originals(t *testing.T) []*Alert {
	t.Helper()
	var all []*Alert
	for a, err := range Read(strings.NewReader(completeLog), Options{Location: time.UTC}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if len(all) != 3 {
		t.Fatalf("%d alerts, want 3", len(all))
	}
	return all
}

func TestCompleteFindsTheOriginal(t *testing.T) {
	for _, want := range originals(t) {
		for _, cut := range []int{465, 60} {
			shell := shellOf(t, want, cut)
			got := Complete(shell, Read(strings.NewReader(completeLog), Options{Location: time.UTC}))
			if got == nil {
				t.Fatalf("alert %s, cut at %d: no original found", want.ID, cut)
			}
			if got.ID != want.ID || got.Log != want.Log || got.Agent.Name != "web-01" || len(got.Rule.Groups) == 0 {
				t.Errorf("got %s %q, want %s %q with agent and groups", got.ID, got.Log, want.ID, want.Log)
			}
			if got.FileName != "custom-slack-1-2.alert" {
				t.Errorf("file name %q is not that of the shell file", got.FileName)
			}
		}
	}
}

func TestCompleteStaysAsItIsWhenInDoubt(t *testing.T) {
	all := originals(t)
	for _, tc := range []struct {
		name   string
		change func(a *Alert)
		log    string
	}{
		{"another second", func(a *Alert) { a.Time = a.Time.Add(time.Second) }, completeLog},
		{"another rule", func(a *Alert) { a.Rule.ID = "5711" }, completeLog},
		{"another level", func(a *Alert) { a.Rule.Level = 6 }, completeLog},
		{"another location", func(a *Alert) { a.Location = "(web-02) 10.0.0.6->/var/log/auth.log" }, completeLog},
		{"another address", func(a *Alert) { a.Source.IP = "203.0.113.10" }, completeLog},
		{"another log", func(a *Alert) { a.Log += "x" }, completeLog},
		{"two that fit", func(*Alert) {}, completeLog + strings.ReplaceAll(completeLog, "1795440502.", "1795440503.")},
		{"none", func(*Alert) {}, ""},
		{"a Wazuh alert", func(a *Alert) { a.Format = FormatWazuh }, completeLog},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shell := *shellOf(t, all[0], 465)
			tc.change(&shell)
			// The two logs of "two that fit" differ in the time of the id only where the format says it; force it.
			candidates := func(yield func(*Alert, error) bool) {
				for c, err := range Read(strings.NewReader(tc.log), Options{Location: time.UTC}) {
					if c != nil && tc.name == "two that fit" {
						c.Time = all[0].Time
					}
					if !yield(c, err) {
						return
					}
				}
			}
			if got := Complete(&shell, candidates); got != nil {
				t.Errorf("took %s for the original", got.ID)
			}
		})
	}
}

// TestCompleteOfTheCorpus: the shell file of every alert of the corpus that has an id leads back to it.
func TestCompleteOfTheCorpus(t *testing.T) {
	files, err := filepath.Glob("../testdata/alerts/log/*.log")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	var corpus strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		corpus.Write(b)
		corpus.WriteString("\n")
	}
	for a, err := range Read(strings.NewReader(corpus.String()), Options{Location: time.UTC}) {
		if err != nil {
			t.Fatal(err)
		}
		got := Complete(shellOf(t, a, 465), Read(strings.NewReader(corpus.String()), Options{Location: time.UTC}))
		if got == nil || got.ID != a.ID {
			t.Errorf("alert %s of rule %s does not lead back to itself: %v", a.ID, a.Rule.ID, got)
		}
	}
}
