// Package historytest makes past alerts for tests and benchmarks: Wazuh's alerts.json as a busy manager writes it. It owns how
// often each kind of alert comes (nearly half are of level 3, three in a hundred are of level 10 and above) and how long they are
// (1.3 KB), and knows nothing of who reads them.
package historytest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// kind is one kind of alert: its rule and what follows the manager's part of it.
type kind struct {
	level  int
	id     int
	words  string
	groups string
	share  int // of ten thousand
	rest   func(g *generator) string
}

// Begin is the time of the first alert.
var Begin = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// Every is how long after each alert the next one comes, on average.
const Every = 5 * time.Second

const compliance = `"pci_dss":["10.2.4","10.2.5"],"gpg13":["7.1","7.8"],"gdpr":["IV_35.7.d","IV_32.2"],"hipaa":["164.312.b"],"nist_800_53":["AU.14","AC.7"],"tsc":["CC6.1","CC6.8","CC7.2","CC7.3"]`

type generator struct {
	*rand.Rand
	kinds []kind
	at    time.Time
	n     int
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 6)), kinds: kinds(), at: Begin}
}

// Write writes alerts until they are size bytes or a little more, the same for the same seed, and answers how many they are and
// how long.
func Write(w io.Writer, size int64, seed uint64) (alerts int, bytes int64, err error) {
	g, out := newGenerator(seed), bufio.NewWriterSize(w, 1<<20)
	for bytes < size && err == nil {
		line := g.alert()
		bytes += int64(len(line))
		_, err = out.WriteString(line)
		alerts++
	}
	if err == nil {
		err = out.Flush()
	}
	return alerts, bytes, err
}

// Lines are n alerts, a line each.
func Lines(n int, seed uint64) [][]byte {
	g := newGenerator(seed)
	var out [][]byte
	for range n {
		out = append(out, []byte(strings.TrimSuffix(g.alert(), "\n")))
	}
	return out
}

func kinds() []kind {
	return []kind{
		{3, 5501, "PAM: Login session opened.", `"pam","syslog","authentication_success"`, 1800, (*generator).session},
		{3, 5715, "sshd: authentication success.", `"syslog","sshd","authentication_success"`, 700, (*generator).login},
		{3, 60106, "Windows logon success.", `"windows","windows_security","authentication_success"`, 900, (*generator).windows},
		{3, 5402, "Successful sudo to ROOT executed.", `"syslog","sudo"`, 700, (*generator).sudo},
		{3, 86601, "Suricata: Alert - ET INFO Observed DNS query to a dynamic domain", `"ids","suricata"`, 400, (*generator).suricata},
		{5, 31101, "Web server 400 error code.", `"web","accesslog","attack"`, 1500, (*generator).web},
		{5, 5710, "sshd: Attempt to login using a non-existent user", `"syslog","sshd","authentication_failed","invalid_login"`, 1300, (*generator).login},
		{5, 60122, "Logon failure - Unknown user or bad password.", `"windows","windows_security","authentication_failed"`, 500, (*generator).windows},
		{4, 2904, "Dpkg (Debian Package) half configured.", `"syslog","dpkg"`, 500, (*generator).session},
		{1, 1002, "Unknown problem somewhere in the system.", `"syslog","errors"`, 80, (*generator).session},
		{7, 550, "Integrity checksum changed.", `"ossec","syscheck","syscheck_entry_modified","syscheck_file"`, 900, (*generator).syscheck},
		{7, 19009, "CIS benchmark: Ensure permissions on all logfiles are configured.", `"sca"`, 400, (*generator).session},
		{10, 5712, "sshd: brute force trying to get access to the system. Non existent user.", `"syslog","sshd","authentication_failures"`, 200, (*generator).login},
		{10, 31151, "Multiple web server 400 error codes from same source ip.", `"web","accesslog","web_scan","recon"`, 80, (*generator).web},
		{12, 5720, "sshd: Multiple authentication failures.", `"syslog","sshd","authentication_failures"`, 30, (*generator).login},
		{13, 31168, "Shellshock attack detected", `"web","accesslog","attack"`, 10, (*generator).web},
	}
}

func (g *generator) alert() string {
	n := g.IntN(10000)
	var k kind
	for _, k = range g.kinds {
		if n -= k.share; n < 0 {
			break
		}
	}
	g.n++
	g.at = g.at.Add(time.Duration(g.Int64N(int64(2 * Every)))).Round(time.Millisecond)
	agent := 1 + g.IntN(40)
	var b strings.Builder
	fmt.Fprintf(&b, `{"timestamp":"%s","rule":{"level":%d,"description":"%s","id":"%d",`, g.at.Format("2006-01-02T15:04:05.000-0700"), k.level, k.words, k.id)
	fmt.Fprintf(&b, `"mitre":{"id":["T1078"],"tactic":["Defense Evasion","Persistence","Privilege Escalation","Initial Access"],"technique":["Valid Accounts"]},"firedtimes":%d,"mail":%t,"groups":[%s],%s},`,
		1+g.IntN(900), k.level >= 7, k.groups, compliance)
	fmt.Fprintf(&b, `"agent":{"id":"%03d","name":"web-%02d","ip":"192.0.2.%d"},"manager":{"name":"mgr-01"},"id":"%d.%d","cluster":{"name":"wazuh","node":"node01"},`,
		agent, agent, agent, g.at.Unix(), g.n)
	b.WriteString(k.rest(g))
	b.WriteString("}\n")
	return b.String()
}

// address is one of a few hundred, some of which come often.
func (g *generator) address() string {
	return fmt.Sprintf("203.0.113.%d", min(g.IntN(254), g.IntN(254), g.IntN(254)))
}

func (g *generator) user() string {
	return []string{"root", "admin", "oracle", "deploy", "backup", "git", "jenkins", "alice"}[min(g.IntN(8), g.IntN(8))]
}

func (g *generator) stamp() string { return g.at.Format("Jan _2 15:04:05") }

func (g *generator) login() string {
	source, user, port := g.address(), g.user(), 1024+g.IntN(60000)
	previous := ""
	for range g.IntN(4) {
		previous += fmt.Sprintf(`%s web-01 sshd[%d]: Failed password for invalid user %s from %s port %d ssh2\n`, g.stamp(), g.IntN(30000), user, source, 1024+g.IntN(60000))
	}
	if previous != "" {
		previous = `"previous_output":"` + previous + `",`
	}
	return previous + fmt.Sprintf(`"full_log":"%s web-01 sshd[%d]: Failed password for invalid user %s from %s port %d ssh2","predecoder":{"program_name":"sshd","timestamp":"%s","hostname":"web-01"},"decoder":{"parent":"sshd","name":"sshd"},"data":{"srcip":"%s","srcport":"%d","srcuser":"%s"},"location":"/var/log/auth.log"`,
		g.stamp(), g.IntN(30000), user, source, port, g.stamp(), source, port, user)
}

func (g *generator) session() string {
	user := g.user()
	return fmt.Sprintf(`"full_log":"%s web-01 systemd[%d]: pam_unix(systemd-user:session): session opened for user %s(uid=%d) by (uid=0)","predecoder":{"program_name":"systemd","timestamp":"%s","hostname":"web-01"},"decoder":{"parent":"pam","name":"pam"},"data":{"dstuser":"%s","uid":"0"},"location":"journald"`,
		g.stamp(), g.IntN(30000), user, g.IntN(2000), g.stamp(), user)
}

func (g *generator) sudo() string {
	user := g.user()
	return fmt.Sprintf(`"full_log":"%s web-01 sudo: %s : TTY=pts/%d ; PWD=/home/%s ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx.service --no-block --quiet","predecoder":{"program_name":"sudo","timestamp":"%s","hostname":"web-01"},"decoder":{"parent":"sudo","name":"sudo","ftscomment":"First time user executed the sudo command"},"data":{"srcuser":"%s","dstuser":"root","tty":"pts/%d","pwd":"/home/%s","command":"/usr/bin/systemctl restart nginx.service --no-block --quiet"},"location":"/var/log/auth.log"`,
		g.stamp(), user, g.IntN(9), user, g.stamp(), user, g.IntN(9), user)
}

func (g *generator) web() string {
	source, page := g.address(), g.IntN(100000)
	return fmt.Sprintf(`"full_log":"%s - - [%s] \"GET /wp-content/plugins/%d/readme.txt?ver=%d HTTP/1.1\" 404 %d \"https://www.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36\"","decoder":{"name":"web-accesslog"},"data":{"protocol":"GET","srcip":"%s","id":"404","url":"/wp-content/plugins/%d/readme.txt?ver=%d"},"location":"/var/log/nginx/access.log"`,
		source, g.at.Format("02/Jan/2006:15:04:05 -0700"), page, g.IntN(9), g.IntN(9000), source, page, g.IntN(9))
}

func (g *generator) windows() string {
	return fmt.Sprintf(`"decoder":{"name":"windows_eventchannel"},"data":{"win":{"system":{"providerName":"Microsoft-Windows-Security-Auditing","providerGuid":"{54849625-5478-4994-a5ba-3e3b0328c30d}","eventID":"4624","version":"2","level":"0","task":"12544","opcode":"0","keywords":"0x8020000000000000","systemTime":"%s","eventRecordID":"%d","processID":"832","threadID":"%d","channel":"Security","computer":"dc1.example.com","severityValue":"AUDIT_SUCCESS","message":"\"An account was successfully logged on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-5-18\r\n\tAccount Name:\t\tDC1$\r\n\tAccount Domain:\t\tEXAMPLE\r\n\r\nProcess Name:\t\tC:\\Windows\\System32\\services.exe\""},"eventdata":{"subjectUserSid":"S-1-5-18","subjectUserName":"DC1$","targetUserName":"%s","targetDomainName":"EXAMPLE","logonType":"5","processName":"C:\\Windows\\System32\\services.exe","ipAddress":"%s","ipPort":"%d"}}},"location":"EventChannel"`,
		g.at.Format("2006-01-02T15:04:05.0000000Z"), g.n, g.IntN(9000), g.user(), g.address(), g.IntN(60000))
}

func (g *generator) suricata() string {
	return fmt.Sprintf(`"decoder":{"name":"json"},"data":{"timestamp":"%s","flow_id":"%d","in_iface":"eth0","event_type":"alert","src_ip":"%s","src_port":"%d","dest_ip":"198.51.100.7","dest_port":"53","proto":"UDP","alert":{"action":"allowed","gid":"1","signature_id":"2027863","rev":"4","signature":"ET INFO Observed DNS query to a dynamic domain","category":"Potentially Bad Traffic","severity":"2"},"app_proto":"dns","flow":{"pkts_toserver":"1","pkts_toclient":"0","bytes_toserver":"%d","bytes_toclient":"0"}},"location":"/var/log/suricata/eve.json"`,
		g.at.Format("2006-01-02T15:04:05.000000-0700"), g.Uint32(), g.address(), g.IntN(60000), g.IntN(900))
}

func (g *generator) syscheck() string {
	file := g.IntN(1000)
	before, after := g.hash(64), g.hash(64)
	return fmt.Sprintf(`"full_log":"File '/etc/app/conf.d/%d.conf' modified\nMode: realtime\nChanged attributes: size,mtime,md5,sha1,sha256\nSize changed from '120' to '%d'\nOld sha256sum was: '%s'\nNew sha256sum is : '%s'\n","decoder":{"name":"syscheck_integrity_changed"},"location":"syscheck","syscheck":{"path":"/etc/app/conf.d/%d.conf","mode":"realtime","size_before":"120","size_after":"%d","perm_after":"rw-r--r--","uid_after":"0","gid_after":"0","md5_before":"%s","md5_after":"%s","sha256_before":"%s","sha256_after":"%s","uname_after":"root","gname_after":"root","mtime_before":"2026-10-30T08:00:00","mtime_after":"2026-11-01T09:14:31","inode_after":%d,"changed_attributes":["size","mtime","md5","sha1","sha256"],"event":"modified"}`,
		file, g.IntN(900), before, after, file, g.IntN(900), g.hash(32), g.hash(32), before, after, g.Uint32())
}

func (g *generator) hash(n int) string {
	return fmt.Sprintf("%016x%016x%016x%016x", g.Uint64(), g.Uint64(), g.Uint64(), g.Uint64())[:n]
}
