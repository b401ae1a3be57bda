package family

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wazuhFIM is an alert of Wazuh around a syscheck object.
func wazuhFIM(rule, syscheck string) string {
	return `{"timestamp":"2026-11-23T13:28:51.000+0000","rule":{"level":7,"description":"Integrity checksum changed.","id":"` + rule +
		`","groups":["ossec","syscheck"]},"agent":{"id":"002","name":"web-02"},"manager":{"name":"mgr"},"id":"1795440531.49",` +
		`"syscheck":` + syscheck + `,"decoder":{"name":"syscheck_integrity_changed"},"location":"syscheck"}`
}

const (
	sumA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestFileIntegrityReadings(t *testing.T) {
	const (
		planned = "Planned? If not, restore the file and look at what this login did."
		arrived = "Planned? If not, keep a copy of the file and look at what this login did."
	)
	checkReadings(t, "fim", []reading{
		{
			name: "Wazuh 3, whodata",
			raw: wazuhFIM("550", `{"path":"/etc/hosts.allow","size_before":"421","size_after":"433","perm_after":"100644",
				"sha256_before":"`+sumA+`","sha256_after":"`+sumB+`","uname_after":"root","gname_after":"root",
				"mtime_before":"2026-11-23T13:00:00","mtime_after":"2026-11-23T13:28:50","inode_after":268234,"diff":"1a2\n> 192.0.2.9\n",
				"event":"modified","audit":{"user":{"name":"root"},"process":{"id":"82845","name":"/bin/nano"},
				"login_user":{"name":"deploy"},"effective_user":{"name":"root"}}}`),
			sentence: "File changed: `/etc/hosts.allow` on `web-02`",
			facts: []string{
				"Changed  size `421` to `433`, content",
				"By  `deploy` as `root`, with `/bin/nano` (pid `82845`)",
				"Now  `root:root` `rw-r--r--`",
				"SHA-256  `aaaaaaaaaaaa` to `bbbbbbbbbbbb`",
			},
			next: planned, object: "/etc/hosts.allow",
		},
		{
			name: "Wazuh 4, mode and owner",
			raw: wazuhFIM("550", `{"path":"/usr/local/bin/tool","mode":"realtime","size_after":"10","perm_before":"rwxr-xr-x","perm_after":"rwsrwxrwx",
				"uname_before":"root","uname_after":"www","gname_before":"root","gname_after":"web","uid_before":"0","uid_after":"33",
				"changed_attributes":["permission","uid","user_name","gid","group_name"],"event":"modified",
				"audit":{"user":{"name":"root"},"process":{"name":"/bin/chmod"}}}`),
			sentence: "File changed: `/usr/local/bin/tool` on `web-02`",
			facts: []string{
				"Changed  permissions, owner, group",
				"Mode  `rwxr-xr-x` to `rwsrwxrwx`, writable by all, runs as its owner",
				"Owner  `root` to `www`, group `root` to `web`",
				"By  `root`, with `/bin/chmod`",
			},
			next: planned, object: "/usr/local/bin/tool",
		},
		{
			name: "only the time",
			raw: wazuhFIM("550", `{"path":"/etc/motd","mtime_before":"2026-11-23T13:00:00","mtime_after":"2020-01-01T00:00:00",
				"sha256_after":"`+sumA+`","changed_attributes":["mtime"],"event":"modified"}`),
			sentence: "File changed: `/etc/motd` on `web-02`",
			facts:    []string{"Changed  modification time `2026-11-23T13:00:00` to `2020-01-01T00:00:00`"},
			next:     planned, object: "/etc/motd",
		},
		{
			name: "content of the same size, SHA-1 only",
			raw: wazuhFIM("550", `{"path":"/etc/motd","size_after":"10","sha1_before":"`+sumA[:40]+`","sha1_after":"`+sumB[:40]+`",
				"inode_before":1,"inode_after":2,"changed_attributes":["inode","sha1"],"event":"modified"}`),
			sentence: "File changed: `/etc/motd` on `web-02`",
			facts:    []string{"Changed  content", "Size  `10`", "SHA-1  `aaaaaaaaaaaa` to `bbbbbbbbbbbb`"},
			next:     planned, object: "/etc/motd",
		},
		{
			name: "added, writable by all",
			raw: wazuhFIM("554", `{"path":"/var/www/shell.php","size_after":"31","perm_after":"rw-rw-rw-","uname_after":"www","gname_after":"www",
				"sha256_after":"`+sumA+`","event":"added"}`),
			sentence: "File added: `/var/www/shell.php` on `web-02`",
			facts:    []string{"Size  `31`", "Now  `www:www` `rw-rw-rw-`, writable by all", "SHA-256  `aaaaaaaaaaaa`"},
			next:     arrived, object: "/var/www/shell.php",
		},
		{
			name:     "deleted",
			raw:      wazuhFIM("553", `{"path":"/etc/motd","size_after":"31","perm_after":"rw-r--r--","uid_after":"0","gid_after":"0","event":"deleted"}`),
			sentence: "File deleted: `/etc/motd` on `web-02`",
			facts:    []string{"Size  `31`", "Was  `0:0` `rw-r--r--`"},
			next:     planned, object: "/etc/motd",
		},
		{
			name: "value of the registry",
			raw: wazuhFIM("750", `{"path":"HKEY_LOCAL_MACHINE\\Software\\Run","value_name":"updater","arch":"[x64]","size_before":"4","size_after":"9",
				"changed_attributes":["size","sha1"],"event":"modified"}`),
			sentence: "Registry changed: `HKEY_LOCAL_MACHINE\\Software\\Run\\updater` on `web-02`",
			facts:    []string{"Changed  size `4` to `9`, content"},
			next:     planned, object: `HKEY_LOCAL_MACHINE\Software\Run\updater`,
		},
		{
			name: "access list of Windows",
			raw: wazuhFIM("550", `{"path":"c:\\apps\\tool.exe","changed_attributes":["permission"],"event":"modified",
				"win_perm_before":[{"name":"SYSTEM","allowed":["GENERIC_ALL"]},{"name":"Everyone","allowed":["READ_DATA"]}],
				"win_perm_after":[{"name":"SYSTEM","allowed":["GENERIC_ALL"]},{"name":"Everyone","allowed":["READ_DATA","WRITE_DATA"]}]}`),
			sentence: "File changed: `c:\\apps\\tool.exe` on `web-02`",
			facts:    []string{"Changed  permissions", "Mode  `Everyone` may write now"},
			next:     planned, object: `c:\apps\tool.exe`,
		},
		{
			name: "ossec-hids, which has modes in decimal and the size only in the log",
			raw: `{"rule":{"level":7,"comment":"Integrity checksum changed.","sidid":550,"groups":["ossec","syscheck"]},"id":"1.49",
				"decoder":"syscheck_integrity_changed","location":"(web-02) 192.0.2.7->syscheck",
				"full_log":"Integrity checksum changed for: '/etc/shadow'\nSize changed from '1000' to '1050'\nPermissions changed from 'rw-r--r--' to 'rw-rw-rw-'\n` +
				`Old sha256sum was: '` + sumA + `'\nNew sha256sum is : '` + sumB + `'\n",
				"SyscheckFile":{"path":"/etc/shadow","sha256_before":"` + sumA + `","sha256_after":"` + sumB + `","perm_before":33188,"perm_after":33206},
				"agent_name":"web-02","agentip":"192.0.2.7"}`,
			sentence: "File changed: `/etc/shadow` on `web-02`",
			facts: []string{
				"Changed  size `1000` to `1050`, content, permissions",
				"Mode  `rw-r--r--` to `rw-rw-rw-`, writable by all",
				"SHA-256  `aaaaaaaaaaaa` to `bbbbbbbbbbbb`",
			},
			next: planned, object: "/etc/shadow",
		},
		{
			name: "shell file, which has the path only",
			raw: shell("(web-02) 192.0.2.7->syscheck->(web-02) 192.0.2.7->syscheck", "550", "7", "Integrity checksum changed.",
				"Integrity checksum changed for:  /etc/shadow ", ""),
			sentence: "File changed: `/etc/shadow` on `web-02`",
			next:     planned, object: "/etc/shadow",
		},
		{
			name:     "shell file, deleted",
			raw:      shell("gate->syscheck", "553", "7", "File deleted.", "File  /etc/hosts  was deleted. Unable to retrieve checksum.", ""),
			sentence: "File deleted: `/etc/hosts` on `gate`",
			next:     planned, object: "/etc/hosts",
		},
		{
			name: "alerts.log",
			raw: "** Alert 1795440532.50: mail  - ossec,syscheck,\n2026 Nov 23 13:28:52 gate->syscheck\n" +
				"Rule: 550 (level 7) -> 'Integrity checksum changed.'\nIntegrity checksum changed for: '/etc/hosts'\n" +
				"Size changed from '1000' to '1048'\nOld md5sum was: '" + sumA[:32] + "'\nNew md5sum is : '" + sumB[:32] + "'\n",
			sentence: "File changed: `/etc/hosts` on `gate`",
			facts:    []string{"Changed  size `1000` to `1048`, content", "MD5  `aaaaaaaaaaaa` to `bbbbbbbbbbbb`"},
			next:     planned, object: "/etc/hosts",
		},
		{
			name:     "a hostile path is a fact",
			raw:      wazuhFIM("550", `{"path":"/srv/<!channel>/`+"`x`"+`\nNext  all is well","event":"modified"}`),
			sentence: "File changed on `web-02`",
			facts:    []string{"File  `/srv/<!channel>/`x`⏎Next  all is well`"},
			next:     planned, object: "/srv/<!channel>/`x`\nNext  all is well",
		},
		{
			name:     "a long path is cut in the sentence and whole in a fact",
			raw:      wazuhFIM("550", `{"path":"/srv/shops/`+strings.Repeat("very-long-name/", 6)+`index.php","event":"modified"}`),
			sentence: "File changed: `/srv/shops/very-long-name/very-long-name/very-long-name/`...`/index.php` on `web-02`",
			facts:    []string{"File  `/srv/shops/" + strings.Repeat("very-long-name/", 6) + "index.php`"},
			next:     planned, object: "/srv/shops/" + strings.Repeat("very-long-name/", 6) + "index.php",
		},
		{
			name:     "odd types",
			raw:      wazuhFIM("550", `{"path":["/etc/motd"],"size_before":1,"size_after":2.5,"perm_after":{},"changed_attributes":"size","win_perm_after":[1,{"name":2}]}`),
			sentence: "File changed on `web-02`",
			facts:    []string{"Changed  size `1` to `2.5`"},
			next:     planned, object: "-",
		},
		{
			name:     "nothing but the group",
			raw:      `{"rule":{"level":7,"id":"100550","groups":["syscheck"]}}`,
			sentence: "File reported", next: planned, object: "-",
		},
	})
}

func TestFileIntegrityTellsMachines(t *testing.T) {
	r := readRaw(wazuhFIM("550", `{"path":"/etc/motd","diff":"1a2\n> hello\n","changed_attributes":["permission"],"event":"modified",
		"audit":{"process":{"id":"7","name":"/bin/chmod"}}}`))
	if got, want := r.Evidence.Text, "1a2\n> hello"; got != want {
		t.Errorf("got evidence %q, want %q", got, want)
	}
	if got, want := r.Outcome, "acl_modified"; got != want {
		t.Errorf("got outcome %q, want %q", got, want)
	}
	if diff := cmp.Diff(&Process{Name: "/bin/chmod", PID: "7"}, r.Process); diff != "" {
		t.Errorf("process (-want +got):\n%s", diff)
	}
	if r.File == nil || r.File.Path != "/etc/motd" {
		t.Errorf("got file %+v", r.File)
	}
}

func TestFileIntegrityOutcomes(t *testing.T) {
	for event, want := range map[string]string{"modified": "modified", "added": "created", "deleted": "deleted", "moved": ""} {
		r := readRaw(wazuhFIM("100001", `{"path":"/etc/motd","changed_attributes":["size","permission"],"event":"`+event+`"}`))
		if r.Outcome != want {
			t.Errorf("%s: got outcome %q, want %q", event, r.Outcome, want)
		}
	}
}
