package syslog

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

// What real servers make of our messages. They run as whoever runs the tests, on high ports of loopback; .ci/run installs rsyslog
// (with rsyslog-gnutls), and unpacks syslog-ng, which Debian does not install beside it, into the folder that SYSLOG_NG_ROOT names.
// One that is not here is skipped.

// realServer is a server that writes what it gets to a file, one record a line: host|app|pri|msgid|data|text.
type realServer struct {
	t    *testing.T
	name string
	args []string // the program first
	env  []string
	out  string
	ip   string // address of TCP
	none string // what it writes for structured data that there is not
	cmd  *exec.Cmd
	said bytes.Buffer
}

// ports that nobody listens on now.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	return ports
}

// serverFiles are those of TLS: what the server shows, and whom it trusts.
type serverFiles struct{ ca, cert, key string }

// rsyslog starts one that takes TCP (or TLS, if files are given), UDP and a socket.
func rsyslog(t *testing.T, files serverFiles) (s *realServer, tcp, udp, socket string) {
	t.Helper()
	program := find(t, "rsyslogd", "/usr/sbin/rsyslogd")
	dir, ports := t.TempDir(), freePorts(t, 2)
	s = &realServer{t: t, name: "rsyslog", none: "-", out: filepath.Join(dir, "out"), ip: "127.0.0.1:" + ports[0]}
	tls := ""
	if files.cert != "" {
		if found, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_gtls.so"); len(found) == 0 {
			t.Skip("rsyslog-gnutls is not here")
		}
		tls = ` StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"`
	}
	global := fmt.Sprintf(`global(workDirectory=%q)`, dir)
	if files.cert != "" {
		global = fmt.Sprintf(`global(workDirectory=%q defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q)`,
			dir, files.ca, files.cert, files.key)
	}
	config := fmt.Sprintf(`%s
module(load="imtcp"%s)
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
template(name="line" type="string" string="%%hostname%%|%%app-name%%|%%pri%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
input(type="imtcp" address="127.0.0.1" port=%q)
input(type="imudp" address="127.0.0.1" port=%q)
input(type="imuxsock" Socket=%q)
action(type="omfile" file=%q template="line" flushOnTXEnd="on")
`, global, tls, ports[0], ports[1], dir+"/log", s.out)
	path := filepath.Join(dir, "conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{program, "-n", "-f", path, "-i", filepath.Join(dir, "pid")}
	s.start()
	return s, s.ip, "127.0.0.1:" + ports[1], dir + "/log"
}

// syslogNG starts one that takes octet-counted TCP (or TLS) and UDP, and TCP with line ends.
func syslogNG(t *testing.T, files serverFiles) (s *realServer, tcp, udp, lines string) {
	t.Helper()
	root := os.Getenv("SYSLOG_NG_ROOT")
	program := find(t, "syslog-ng", root+"/usr/sbin/syslog-ng")
	dir, ports := t.TempDir(), freePorts(t, 3)
	s = &realServer{t: t, name: "syslog-ng", out: filepath.Join(dir, "out"), ip: "127.0.0.1:" + ports[0]}
	transport := `transport("tcp")`
	if files.cert != "" {
		transport = fmt.Sprintf(`transport("tls") tls(key-file(%q) cert-file(%q) ca-file(%q) peer-verify(required-trusted))`, files.key, files.cert, files.ca)
	}
	config := fmt.Sprintf(`@version: 3.38
options { keep-hostname(yes); use-dns(no); dns-cache(no); flush-lines(1); log-msg-size(65536); stats-freq(0); };
source counted { syslog(ip(127.0.0.1) port(%s) %s); syslog(ip(127.0.0.1) port(%s) transport("udp")); };
source lines { network(ip(127.0.0.1) port(%s) transport("tcp") flags(syslog-protocol)); };
destination out { file(%q template("$HOST|$PROGRAM|$PRI|$MSGID|$SDATA|$MSG\n")); };
log { source(counted); source(lines); destination(out); };
`, ports[0], transport, ports[1], ports[2], s.out)
	path := filepath.Join(dir, "conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{program, "-F", "--no-caps", "-f", path, "--persist-file=" + dir + "/persist", "--pidfile=" + dir + "/pid", "--control=" + dir + "/ctl"}
	if root != "" {
		modules, _ := filepath.Glob(root + "/usr/lib/syslog-ng/[0-9]*")
		if len(modules) == 0 {
			t.Skip("SYSLOG_NG_ROOT holds no syslog-ng")
		}
		s.args = append(s.args, "--module-path="+modules[0])
		s.env = []string{"LD_LIBRARY_PATH=" + root + "/usr/lib/syslog-ng"}
	}
	s.start()
	return s, s.ip, "127.0.0.1:" + ports[1], "127.0.0.1:" + ports[2]
}

func find(t *testing.T, name, elsewhere string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if st, err := os.Stat(elsewhere); err == nil && st.Mode().IsRegular() {
		return elsewhere
	}
	t.Skip(name + " is not here")
	return ""
}

// start runs it until it listens.
func (s *realServer) start() {
	s.t.Helper()
	s.said.Reset()
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.cmd
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // twice is an error that says nothing
	})
	s.until(s.name+" does not listen", func() bool {
		conn, err := net.Dial("tcp", s.ip)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// stop ends it by a signal, and waits until it has.
func (s *realServer) stop(signal os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait()
}

// until waits for what another process does.
func (s *realServer) until(otherwise string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(guard); !done(); {
		if time.Now().After(end) {
			s.t.Fatalf("%s\n%s", otherwise, s.said.String())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// records are what it has written, whole lines alone.
func (s *realServer) records() []string {
	b, err := os.ReadFile(s.out)
	if err != nil || !bytes.Contains(b, []byte("\n")) {
		return nil
	}
	return strings.Split(string(b[:bytes.LastIndexByte(b, '\n')]), "\n")
}

// hears sends messages and wants each to be one record, with the parts that it was sent with.
func (s *realServer) hears(cfg Config, all ...notifier.Notification) {
	s.t.Helper()
	n := newNotifier(s.t, cfg)
	from := len(s.records())
	for i, x := range all {
		var err error
		s.until("it is not sent", func() bool { // until its UDP is there, too
			_, err = n.Notify(s.t.Context(), x)
			return err == nil || cfg.Address[:3] != "udp"
		})
		if err != nil {
			s.t.Fatal(err)
		}
		s.until(fmt.Sprintf("message %d does not come", i), func() bool { return len(s.records()) > from+i })
	}
	got := s.records()[from:]
	if len(got) != len(all) {
		s.t.Errorf("%s: %d records for %d messages: %.300q", cfg.Address, len(got), len(all), got)
	}
	for i, x := range all {
		if want := recordOf(s.t, n, x, s.none); got[i] != want {
			s.t.Errorf("%s, message %d:\n got %.500q\nwant %.500q", cfg.Address, i, got[i], want)
		}
	}
}

// recordOf is the record of a message: what RFC 5424 says that its parts are.
func recordOf(t *testing.T, n *Notifier, x notifier.Notification, none string) string {
	t.Helper()
	m, err := n.Compose(x)
	if err != nil {
		t.Fatal(err)
	}
	read, err := rfc5424.NewParser().Parse(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	p := read.(*rfc5424.SyslogMessage)
	data := none
	if p.StructuredData != nil {
		_, data, _ = strings.Cut(strings.TrimSuffix(string(m.Body), " "+*p.Message), " - trigger ")
	}
	return fmt.Sprintf("%s|%s|%d|%s|%s|%s", *p.Hostname, *p.Appname, *p.Priority, *p.MsgID, data, *p.Message)
}

// hostile are alerts that try to be more than one.
func hostile() []notifier.Notification {
	var all []notifier.Notification
	for _, text := range []string{
		`\n<14>1 2026-11-23T00:00:00Z evil.example.com evil - - - forged`, `\r\n57 <14>1 2026-11-23T00:00:00Z evil.example.com evil - - - forged`,
		`\u0000<14>Nov 23 00:00:00 evil.example.com evil: forged`, `\u001b[31m \u007f \u0085 \u2028 \u202e`, `#012<14>1 - evil.example.com evil - - - x`, `é 😀 %s%n $HOST %hostname% | \\ \"`,
	} {
		x := bruteForce()
		x.Parts["message.json"] = words(map[string]string{"x": `{"log":"` + text + `"}`})["x"]
		all = append(all, x)
		own := bruteForce()
		own.Parts["body"] = words(map[string]string{"x": "own " + strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\u0000`, "\x00", `\u001b`, "\x1b", `\u2028`, "\u2028").Replace(text)})["x"]
		all = append(all, own)
	}
	return all
}

// long is a message as long as the limit permits.
func long() notifier.Notification {
	x := bruteForce()
	x.Parts["message.json"] = words(map[string]string{"x": `{"log":"` + strings.Repeat("long ", 4000) + `"}`})["x"]
	return x
}

func TestRsyslog(t *testing.T) {
	t.Parallel()
	s, tcp, udp, socket := rsyslog(t, serverFiles{})
	for name, address := range map[string]string{"TCP": "tcp://" + tcp, "UDP": "udp://" + udp} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			for _, format := range []string{formatJSON, formatCEF, formatLEEF} {
				s.hears(Config{Address: address, Format: format, Facility: "local4"}, tidy(bruteForce()))
			}
			s.hears(Config{Address: address, Enterprise: 32473, AppName: "alerts"}, bruteForce())
			s.hears(Config{Address: address}, append(hostile(), long())...)
		})
	}
	t.Run("line ends", func(t *testing.T) {
		s.t = t
		s.hears(Config{Address: "tcp://" + tcp, Framing: framingNewline}, append(hostile(), long())...)
	})
	t.Run("socket of the host", func(t *testing.T) {
		s.t = t
		from := len(s.records())
		n := newNotifier(t, Config{Address: "unix://" + socket})
		if _, err := n.Notify(t.Context(), hostile()[0]); err != nil {
			t.Fatal(err)
		}
		s.until("it does not come", func() bool { return len(s.records()) > from })
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		short, _, _ := strings.Cut(host, ".")
		// The old form has a blank before the text, and no name of the message.
		want := `|ossec-notify|132|-|-| {"log":"\n<14>1 2026-11-23T00:00:00Z evil.example.com evil - - - forged"}`
		if got := s.records()[from:]; len(got) != 1 || got[0] != host+want && got[0] != short+want {
			t.Errorf("got %q, want %q", got, host+want)
		}
	})
}

func TestSyslogNG(t *testing.T) {
	t.Parallel()
	s, tcp, udp, lines := syslogNG(t, serverFiles{})
	for name, cfg := range map[string]Config{"TCP": {Address: "tcp://" + tcp}, "UDP": {Address: "udp://" + udp}, "line ends": {Address: "tcp://" + lines, Framing: framingNewline}} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			for _, format := range []string{formatJSON, formatCEF, formatLEEF} {
				c := cfg
				c.Format = format
				s.hears(c, tidy(bruteForce()))
			}
			s.hears(cfg, append(hostile(), long())...)
		})
	}
}

// tidy is the alert without what LEEF cannot have.
func tidy(n notifier.Notification) notifier.Notification {
	n.Parts["leef.json"] = words(map[string]string{"x": strings.Replace(n.Parts["leef.json"].Raw(), `,"src ":"no"`, "", 1)})["x"]
	return n
}

// TLS with certificates on both sides.
func TestServersOverTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := notifiertest.NewAuthority(t), notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	cert, key := notifiertest.Files(t, ours.Sign(t, "127.0.0.1", tomorrow))
	own, ownKey := notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	strange, strangeKey := notifiertest.Files(t, theirs.Sign(t, "manager.example.com", tomorrow))
	files := serverFiles{ours.File, cert, key}
	for name, start := range map[string]func(*testing.T, serverFiles) (*realServer, string, string, string){"rsyslog": rsyslog, "syslog-ng": syslogNG} {
		t.Run(name, func(t *testing.T) {
			s, tcp, _, _ := start(t, files)
			cfg := Config{Address: "tls://" + tcp, CAFile: ours.File, CertFile: own, KeyFile: ownKey}
			s.hears(cfg, append(hostile(), long())...)
			for wrong, cfg := range map[string]Config{
				"no certificate": {Address: cfg.Address, CAFile: ours.File}, "a strange certificate": {Address: cfg.Address, CAFile: ours.File, CertFile: strange, KeyFile: strangeKey},
				"a strange server": {Address: cfg.Address, CAFile: theirs.File, CertFile: own, KeyFile: ownKey},
			} {
				before := len(s.records())
				if _, err := newNotifier(t, cfg).Notify(t.Context(), bruteForce()); err == nil || notifier.Classify(err).Reason != notifier.Temporary || notifier.Classify(err).Ambiguous {
					t.Errorf("%s: got %v, want a temporary error that is not ambiguous", wrong, err)
				}
				if got := s.records(); len(got) != before {
					t.Errorf("%s: it was heard: %q", wrong, got[before:])
				}
			}
		})
	}
}

// A server that is started again between messages, in good order or not, costs none of them and doubles none.
func TestServersThatAreStartedAgain(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, serverFiles) (*realServer, string, string, string){"rsyslog": rsyslog, "syslog-ng": syslogNG} {
		t.Run(name, func(t *testing.T) {
			s, tcp, _, _ := start(t, serverFiles{})
			n := newNotifier(t, Config{Address: "tcp://" + tcp})
			want := []string{}
			for i := range 30 {
				if i%10 == 5 {
					s.stop(map[bool]os.Signal{true: syscall.SIGTERM, false: syscall.SIGKILL}[i < 20])
					if _, err := n.Notify(t.Context(), numbered(i)); err == nil || notifier.Classify(err).Ambiguous || !notifier.Retryable(err) {
						t.Fatalf("nobody listens: got %v, want a temporary error that is not ambiguous", err)
					}
					s.start()
				}
				if _, err := n.Notify(t.Context(), numbered(i)); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf(`{"n":%d}`, i))
				s.until("a message does not come", func() bool { return len(s.records()) >= len(want) })
			}
			got := s.records()
			for i, r := range got {
				if _, text, _ := cut5(r); i >= len(want) || text != want[i] {
					t.Errorf("record %d is %q", i, r)
				}
			}
		})
	}
}

func numbered(i int) notifier.Notification {
	n := bruteForce()
	n.Parts["message.json"] = words(map[string]string{"x": fmt.Sprintf(`{"n":%d}`, i)})["x"]
	return n
}

// cut5 is what stands behind the fifth bar of a record.
func cut5(record string) (head, text string, ok bool) {
	parts := strings.SplitN(record, "|", 6)
	if len(parts) < 6 {
		return record, "", false
	}
	return strings.Join(parts[:5], "|"), parts[5], true
}

// A server that is started again in the middle of a stream of messages loses what its host had and it had not read: nobody can
// tell, and the test says how many that were. Whatever comes is whole, and only what was ambiguous comes twice.
func TestServersThatAreStartedAgainUnderFire(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, serverFiles) (*realServer, string, string, string){"rsyslog": rsyslog, "syslog-ng": syslogNG} {
		t.Run(name, func(t *testing.T) {
			s, tcp, _, _ := start(t, serverFiles{})
			n := newNotifier(t, Config{Address: "tcp://" + tcp})
			const all = 3000
			ambiguous := map[int]bool{}
			restart := make(chan struct{})
			var restarted sync.WaitGroup
			restarted.Go(func() {
				for range restart {
					_ = s.cmd.Process.Signal(syscall.SIGTERM)
					_ = s.cmd.Wait()
					s.start()
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 3*guard)
			defer cancel()
			for i := range all {
				if i%1000 == 500 {
					restart <- struct{}{}
				}
				for {
					_, err := n.Notify(ctx, numbered(i))
					if err == nil {
						break
					}
					e := notifier.Classify(err)
					if e.Reason != notifier.Temporary || ctx.Err() != nil {
						t.Fatal(err)
					}
					ambiguous[i] = ambiguous[i] || e.Ambiguous
				}
			}
			close(restart)
			restarted.Wait()
			last := fmt.Sprintf(`{"n":%d}`, all-1)
			if _, err := n.Notify(ctx, numbered(all)); err != nil {
				t.Fatal(err)
			}
			s.until("the last does not come", func() bool {
				r := s.records()
				return len(r) > 0 && strings.HasSuffix(r[len(r)-1], fmt.Sprintf(`{"n":%d}`, all))
			})
			count := map[int]int{}
			head := ""
			for _, r := range s.records() {
				h, text, ok := cut5(r)
				var i int
				if _, err := fmt.Sscanf(text, `{"n":%d}`, &i); err != nil || !ok || h != cmp.Or(head, h) {
					t.Errorf("a record that is none of ours: %q", r)
				}
				head = h
				count[i]++
			}
			lost := 0
			for i := range all {
				switch {
				case count[i] == 0:
					lost++
				case count[i] > 1 && !ambiguous[i]:
					t.Errorf("message %d came %d times", i, count[i])
				}
			}
			if count[all-1] == 0 {
				t.Errorf("the last, %s, is lost", last)
			}
			t.Logf("%d of %d messages lost over 3 restarts, %d ambiguous", lost, all, len(ambiguous))
		})
	}
}

// The configs of docs/syslog.md do what it says: they write the JSON of each alert as a line of its own.
func TestConfigsOfTheManual(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/syslog.md")
	if err != nil {
		t.Fatal(err)
	}
	ours := notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	cert, key := notifiertest.Files(t, ours.Sign(t, "127.0.0.1", tomorrow))
	own, ownKey := notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	blocks := regexp.MustCompile("(?ms)^```text\n(.*?)^```$").FindAllStringSubmatch(string(b), -1)
	if len(blocks) != 3 {
		t.Fatalf("it has %d configs, want 3", len(blocks))
	}
	for i, block := range blocks {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			var s *realServer
			dir, port := t.TempDir(), freePorts(t, 1)[0]
			replace := []string{
				"/var/log/ossec-alerts.json", dir + "/out", `port="601"`, `address="127.0.0.1" port="` + port + `"`, `port="6514"`, `address="127.0.0.1" port="` + port + `"`,
				"/etc/rsyslog.d/ca.pem", ours.File, "/etc/rsyslog.d/cert.pem", cert, "/etc/rsyslog.d/key.pem", key, "ip(0.0.0.0) port(601)", "ip(127.0.0.1) port(" + port + ")",
			}
			config := strings.NewReplacer(replace...).Replace(block[1])
			if path := filepath.Join(dir, "conf"); os.WriteFile(path, []byte(config), 0o600) != nil {
				t.Fatal(path)
			}
			if strings.Contains(config, "@version") {
				s, _, _, _ = syslogNG(t, serverFiles{})
			} else {
				s, _, _, _ = rsyslog(t, serverFiles{})
			}
			s.stop(syscall.SIGTERM)
			for i, arg := range s.args {
				if arg == "-f" {
					s.args[i+1] = filepath.Join(dir, "conf")
				}
			}
			s.out, s.ip = filepath.Join(dir, "out"), "127.0.0.1:"+port
			cfg := Config{Address: "tcp://" + s.ip}
			if strings.Contains(config, "gtls") {
				if found, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_gtls.so"); len(found) == 0 {
					t.Skip("rsyslog-gnutls is not here")
				}
				cfg = Config{Address: "tls://" + s.ip, CAFile: ours.File, CertFile: own, KeyFile: ownKey}
			}
			s.start()
			n := newNotifier(t, cfg)
			for i := range 3 {
				if _, err := n.Notify(t.Context(), numbered(i)); err != nil {
					t.Fatal(err)
				}
			}
			s.until("the messages do not come", func() bool { return len(s.records()) >= 3 })
			if got := strings.Join(s.records(), "\n"); got != "{\"n\":0}\n{\"n\":1}\n{\"n\":2}" {
				t.Errorf("got %s", got)
			}
		})
	}
}
