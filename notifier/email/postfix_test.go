package email

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

// postfix is a running Postfix, out of Debian's package and not installed, that takes mail of one user for example.com.
type postfix struct {
	dir                string
	startTLS, implicit string // where it listens
	authority          *notifiertest.Authority
}

const (
	postfixUser     = "ossec"
	postfixPassword = "a pass, with = and \\ in it"
)

// startPostfix starts one, or skips the test: $POSTFIX is the folder that Debian's packages postfix, libsasl2-modules
// and sasl2-bin were unpacked to, as .ci/run does. It must be root, who alone can start a Postfix.
func startPostfix(t *testing.T) *postfix {
	t.Helper()
	root := os.Getenv("POSTFIX")
	if root == "" {
		t.Skip("there is no Postfix: .ci/run unpacks one and names its folder in POSTFIX")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can start a Postfix")
	}
	dir, err := os.MkdirTemp("", "postfix") // short: its sockets lie below, and others than root must get there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &postfix{dir: dir, authority: notifiertest.NewAuthority(t)}
	// Postfix wants an account of its own that owns nothing else that runs. Debian has many of these.
	owner, group := account(t, "news"), "voice"
	gid, err := user.LookupGroup(group)
	if err != nil {
		t.Skipf("this system has no group for a Postfix: %v", err)
	}
	box, queue := account(t, "nobody"), []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"}
	make := func(uid, gid int, mode os.FileMode, names ...string) {
		t.Helper()
		for _, name := range names {
			full := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(full, 0o755), os.Chown(full, uid, gid), os.Chmod(full, mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	make(0, 0, 0o755, ".", "etc", "queue", "queue/pid")
	for _, name := range queue {
		make(owner, 0, 0o700, "queue/"+name)
	}
	setgid, _ := strconv.Atoi(gid.Gid)
	make(owner, setgid, 0o710, "queue/maildrop", "queue/public")
	make(owner, 0, 0o700, "data", "etc/sasl") // Debian's Postfix looks for SASL's settings beside its own
	make(box, box, 0o700, "mail")

	certFile, keyFile := notifiertest.Files(t, p.authority.Sign(t, "127.0.0.1", time.Now().Add(20*time.Hour)))
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, file := range map[string]string{"etc/cert.pem": certFile, "etc/key.pem": keyFile} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(b))
	}
	libraries := strings.Join([]string{root + "/usr/lib/postfix", root + "/usr/lib/x86_64-linux-gnu", root + "/usr/lib/aarch64-linux-gnu"}, ":")
	plugins, _ := filepath.Glob(root + "/usr/lib/*/sasl2")
	env := []string{"PATH=/usr/bin:/bin", "LANG=C", "LD_LIBRARY_PATH=" + libraries, "SASL_PATH=" + strings.Join(plugins, ":"), "MAIL_CONFIG=" + dir + "/etc"}
	write("etc/main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
daemon_directory = %[2]s/usr/lib/postfix/sbin
command_directory = %[2]s/usr/sbin
shlib_directory = %[2]s/usr/lib/postfix
meta_directory = %[1]s/etc
import_environment = MAIL_CONFIG LD_LIBRARY_PATH SASL_PATH LANG
mail_owner = news
setgid_group = %[3]s
default_privs = nobody
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = mail.example.com
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_alias_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:%[4]d
virtual_gid_maps = static:%[4]d
smtpd_tls_cert_file = %[1]s/etc/cert.pem
smtpd_tls_key_file = %[1]s/etc/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = example.com
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_client_auth_rate_limit = 0
`, dir, root, group, box))
	p.startTLS, p.implicit = notifiertest.FreeAddress(t), notifiertest.FreeAddress(t)
	write("etc/master.cf", p.startTLS+" inet n - n - - smtpd -o smtpd_tls_security_level=encrypt\n"+
		p.implicit+" inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"+`cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`)
	write("etc/sasl/smtpd.conf", fmt.Sprintf("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s/etc/sasl/users\nmech_list: PLAIN LOGIN\n", dir))
	add := exec.Command(root+"/usr/sbin/saslpasswd2", "-p", "-c", "-f", dir+"/etc/sasl/users", "-u", "example.com", postfixUser)
	add.Env, add.Stdin = env, strings.NewReader(postfixPassword)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("saslpasswd2: %v: %s", err, out)
	}
	if err := os.Chown(dir+"/etc/sasl/users", owner, 0); err != nil {
		t.Fatal(err)
	}
	master := exec.Command(root+"/usr/lib/postfix/sbin/master", "-d", "-c", dir+"/etc")
	master.Env = env
	master.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it ends what it started
	if err := master.Start(); err != nil {
		t.Fatalf("start Postfix: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-master.Process.Pid, syscall.SIGTERM)
		_ = master.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(dir + "/log")
			t.Logf("Postfix said:\n%s", log)
		}
	})
	for _, address := range []string{p.startTLS, p.implicit} {
		within(t, func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err == nil
		}, "Postfix does not listen at "+address)
	}
	return p
}

// account is the number of a user, who must be there.
func account(t *testing.T, name string) int {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Skipf("this system has no account for a Postfix: %v", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

// within waits until something that another process does is done.
func within(t *testing.T, done func() bool, otherwise string) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(end) {
			t.Fatal(otherwise)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// mails are those that arrived.
func (p *postfix) mails(t *testing.T) (mails []string) {
	t.Helper()
	files, err := filepath.Glob(p.dir + "/mail/box/new/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, string(b))
	}
	return mails
}

func (p *postfix) notifier(t *testing.T, change func(*Config)) *Notifier {
	t.Helper()
	cfg := Config{
		SMTP: "smtp://" + p.startTLS, TLS: tlsStartTLS, CAFile: p.authority.File, From: "ossec@example.com", To: Addresses{"root@example.com"},
		Username: postfixUser, Password: notifier.PlainSecret(postfixPassword),
	}
	change(&cfg)
	n, err := New(cfg, (*notifier.Egress)(nil).Dial)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPostfix(t *testing.T) {
	p := startPostfix(t)
	message := func(delivery string) notifier.Notification {
		return notifier.Notification{Action: notifier.Trigger, Delivery: delivery, Alert: "1795440502.8", Occurrence: 1, Receiver: "root-mail", Severity: "medium", Time: time.Now(),
			Parts: map[string]display.Text{
				"subject": display.Words("[MEDIUM] SSH brute force from 203.0.113.9 on web-01"),
				"text":    display.Join(display.Words("Log "), display.Quote("..\n.\nQUIT\nsubject: injected ü"), display.Words("\n")),
			}}
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
	}{
		{"STARTTLS and AUTH", func(*Config) {}},
		{"implicit TLS and AUTH", func(c *Config) { c.SMTP, c.TLS = "smtps://"+p.implicit, tlsImplicit }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(p.mails(t))
			n := message("D" + strconv.Itoa(before))
			receipt, err := p.notifier(t, tt.change).Notify(t.Context(), n)
			if err != nil || receipt.Status != 250 || receipt.Warning != "" {
				t.Fatalf("got %+v, %v", receipt, err)
			}
			within(t, func() bool { return len(p.mails(t)) == before+1 }, "the mail did not arrive")
			// Files of one second are not in the order in which they came.
			i := slices.IndexFunc(p.mails(t), func(mail string) bool { return strings.Contains(mail, receipt.ID) })
			if i < 0 {
				t.Fatalf("no mail has the id %s", receipt.ID)
			}
			got := p.mails(t)[i]
			m, err := mail.ReadMessage(strings.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			if m.Header.Get("Message-Id") != receipt.ID || m.Header.Get("Subject") != n.Parts["subject"].String() {
				t.Errorf("arrived as\n%s", got)
			}
			if !strings.Contains(got, "ESMTPSA id") { // over TLS, and logged in (RFC 3848)
				t.Errorf("Postfix did not see TLS and a log-in:\n%s", got)
			}
			if m.Header.Get("Subject") == "injected" || !strings.Contains(got, "QUIT") {
				t.Errorf("the log changed the mail:\n%s", got)
			}
		})
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		reason notifier.Reason
		want   string
	}{
		{"wrong password", func(c *Config) { c.Password = notifier.PlainSecret("wr0ng-password") }, notifier.Misconfigured, "535"},
		{"no log-in", func(c *Config) { c.Username, c.Password = "", notifier.Secret{} }, notifier.Misconfigured, "554 5.7.1"},
		{"without TLS", func(c *Config) { c.TLS = tlsNone; c.Username, c.Password = "", notifier.Secret{} }, notifier.Misconfigured, "set tls: starttls"},
		{"another authority", func(c *Config) { c.CAFile = notifiertest.NewAuthority(t).File }, notifier.Temporary, "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.notifier(t, tt.change).Notify(t.Context(), message("X"))
			if e := notifier.Classify(err); err == nil || e.Reason != tt.reason || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v (%v), want %v with %q", err, notifier.Classify(err).Reason, tt.reason, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), postfixPassword)) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}
