package rules

import "testing"

func TestWhatWasMeantForARegularExpressionIsSeen(t *testing.T) {
	for _, text := range []string{
		`^(DE|AT)$`, `(web|shop)-0`, `^(sshd)$`, `failed.*root`, `a.+b`, `web-[0-9]`, `[a-z0-9_.-]+`, `[^ ]+`, `srv\d+`, `\d{3}`, `user \S+ from`,
		`auth\.log$`, `^web-0\d+\.example\.com$`, `(?i)admin`, `(?:a)b`, `(ab)*`, `\.+`, `[ab]{2}`,
	} {
		if !looksLikeRegexp(text) {
			t.Errorf("%s is taken for a text", text)
		}
	}
	for _, text := range []string{
		`web.example.com`, `/var/log/auth.log`, `^/var/log`, `.log$`, `secure|auth`, `^web|shop$`, `^DE$|^AT$`, // OSSEC's own notation
		`Login failed (bad password)`, `(web-01) 192.0.2.10->/var/log/auth.log`, `^(web-01)`, `^(web-01) any->syscheck$`, `session opened (uid=0)|session closed (uid=0)`,
		`[error]`, `sshd[2007]:`, `[drm:intel_dp] error`, `[a] [b]`, `what is this?`, `C++`, `costs $5`, `a|b (c)`, `*/5 * * * *`, `SELECT * FROM users`,
		`C:\Windows\System32\cmd.exe`, `C:\Users\bob\.ssh`, `\\.\pipe\x`, `\System32\drivers\.x`, `DOMAIN\webmaster`, `{0}`, `a{2}`, `e^x`, `$HOME`, `(`, `(a|b`,
		`2001:db8::1`, `T1110.001`, `Accepted password for root from 192.0.2.7 port 22 ssh2`, `<script>`, `GET /a?b=1&c=2`, `() { :; }; id`, `(){:;};id`, `eval(function(p){`,
	} {
		if looksLikeRegexp(text) {
			t.Errorf("%s is taken for a regular expression", text)
		}
	}
}
