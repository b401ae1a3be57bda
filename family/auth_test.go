package family

import "testing"

// FuzzSSHLogin: what is read without the expressions is what they read.
func FuzzSSHLogin(f *testing.F) {
	plain := 0
	for _, s := range []string{
		"Nov 23 13:20:17 web-01 sshd[4721]: Failed password for invalid user admin from 203.0.113.9 port 40022 ssh2",
		"Nov 23 13:20:17 web-01 sshd-session[4721]: Failed password for root from 203.0.113.9 port 40022 ssh2",
		"sshd[1]: Accepted publickey for deploy from 2001:db8::7 port 5 ssh2",
		"sshd[1]: Accepted publickey for deploy from 192.0.2.1 port 5 ssh2: ED25519 SHA256:x",
		"sshd[1]: Failed keyboard-interactive/pam for invalid user a b from 192.0.2.1 port 5 ssh2",
		"sshd[1]: Failed password for invalid user  from 192.0.2.1 port 5 ssh2",
		"sshd[1]: Failed password for invalid user from 192.0.2.1 port 5 ssh2",
		"sshd[1]: Failed password for illegal user x from 192.0.2.1 port 5 ssh2",
		"sshd[1]: Failed password for invalid user x from y from 192.0.2.1 port 5 ssh2",
		"sshd[1]: Failed none for invalid user sshd[2]: x from 192.0.2.1 port 5",
		"sshd[1]: Failed Password for x from 192.0.2.1 port 5 ssh2 ",
		"sshd[1]: Failed password for x  for y from 192.0.2.1 port 5 ssh2",
		"sshd1]: Failed password for x from 192.0.2.1 port 5",
		"sshd[1]: Invalid user x from 192.0.2.1 port 5",
		"sshd[1]: Accepted password for invalid user x from 192.0.2.1 port 5",
		"sshd[1]: Failed password for  x from 192.0.2.1 port 5",
		"sshd[1]: Failed password for x\nfrom 192.0.2.1 port 5",
	} {
		f.Add(s)
		if _, ok := plainSSHLogin(s); ok {
			plain++
		}
	}
	if plain < 5 {
		f.Errorf("only %d of the seeds are plain", plain)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := plainSSHLogin(s); ok && got != patternLogin(s) {
			t.Errorf("%q: got %+v, want %+v", s, got, patternLogin(s))
		}
	})
}
