package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindManager(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		forced string
		want   string
		err    string
	}{
		"wazuh":               {files: map[string]string{"bin/wazuh-integratord": "", "etc/ossec.conf": ""}, want: "Wazuh"},
		"ossec":               {files: map[string]string{"bin/ossec-integratord": ""}, want: "OSSEC"},
		"wazuh to 4.1":        {files: map[string]string{"bin/ossec-integratord": "", "etc/ossec-init.conf": "NAME=\"Wazuh\"\n"}, want: "Wazuh"},
		"ossec's init file":   {files: map[string]string{"bin/ossec-integratord": "", "etc/ossec-init.conf": "VERSION=\"v2.9\"\n"}, want: "OSSEC"},
		"wazuh without conf":  {files: map[string]string{"bin/wazuh-integratord": ""}, err: "no manager in "},
		"wazuh 5":             {files: map[string]string{"bin/wazuh-analysisd": ""}, err: "has no integratord"},
		"nothing":             {err: "looked for bin/wazuh-integratord"},
		"nothing, forced":     {forced: "wazuh", want: "Wazuh"},
		"forced against disk": {files: map[string]string{"bin/ossec-integratord": ""}, forced: "wazuh", want: "Wazuh"},
		"forced to what":      {forced: "splunk", err: "--manager is ossec or wazuh"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(home, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			m, err := findManager(home, c.forced)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, %v, want an error with %q", m, err, c.err)
				}
				return
			}
			if err != nil || m.String() != c.want {
				t.Errorf("got %v, %v, want %s", m, err, c.want)
			}
		})
	}
}

func TestMayWriteTakesTheFirstClassThatApplies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := ownerOf(st)
	const otherID = 54321
	owner := account{uid: uid, groups: []int{gid}}
	member := account{uid: otherID, groups: []int{otherID, gid}}
	stranger := account{uid: otherID, groups: []int{otherID}}
	for _, c := range []struct {
		mode                    os.FileMode
		owner, member, stranger bool
	}{
		{0o755, true, false, false},
		{0o775, true, true, false},
		{0o757, true, false, true},
		{0o577, uid == 0, true, true}, // root is not bound by modes
		{0o555, uid == 0, false, false},
	} {
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if st, err = os.Stat(path); err != nil {
			t.Fatal(err)
		}
		got := []bool{owner.may(mayWrite, st), member.may(mayWrite, st), stranger.may(mayWrite, st)}
		if diff := cmp.Diff([]bool{c.owner, c.member, c.stranger}, got); diff != "" {
			t.Errorf("mode %#o: owner, member, stranger (-want +got):\n%s", c.mode, diff)
		}
	}
}

func TestBinaryFaultsSeeTheFileAndWhatIsAboveIt(t *testing.T) {
	dir := t.TempDir() // not writable for others
	path, link := filepath.Join(dir, "in", "program"), filepath.Join(dir, "link")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	stranger := account{name: "wazuh", uid: 54321, gid: 54321, groups: []int{54321}}
	faults := func() (string, string) {
		t.Helper()
		refused, doubts, err := binaryFaults(link, stranger)
		if err != nil {
			t.Fatal(err)
		}
		return refused, strings.Join(doubts, "\n")
	}
	replace := filepath.Dir(path) + " can be written by wazuh, who could replace the program"
	if os.Geteuid() != 0 {
		replace = filepath.Dir(path) + " belongs to "
	}

	if refused, doubts := faults(); refused != "" || os.Geteuid() == 0 && doubts != "" {
		t.Errorf("got %q, %q of a program in its place, want nothing", refused, doubts)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if refused, doubts := faults(); refused != "" || !strings.Contains(doubts, replace) {
		t.Errorf("got %q, %q below a directory that all can write, want %q", refused, doubts, replace)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, doubts := faults(); strings.Contains(doubts, replace) {
		t.Errorf("got %q in a sticky directory, where only the owner replaces a file", doubts)
	}
	if err := os.Chmod(path, 0o757); err != nil {
		t.Fatal(err)
	}
	if refused, _ := faults(); refused != path+" can be written by wazuh, as whom integratord runs it" {
		t.Errorf("got %q of a program that all can write", refused)
	}
	if _, _, err := binaryFaults(filepath.Join(dir, "missing"), stranger); err == nil {
		t.Error("a program that is not there has no faults")
	}
}

func TestRunFault(t *testing.T) {
	top := t.TempDir()
	for dir := top; dir != "/"; dir = filepath.Dir(dir) { // below a directory that others cannot enter all is a fault
		st, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm()&0o011 != 0o011 {
			if err := os.Chmod(dir, st.Mode().Perm()|0o011); err != nil {
				t.Skip(err)
			}
		}
	}
	dir := filepath.Join(top, "in")
	path, link := filepath.Join(dir, "program"), filepath.Join(top, "link")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	_, gid := ownerOf(st)
	stranger := account{name: "wazuh", uid: 54321, gid: 54321, groups: []int{54321}}
	member := account{name: "wazuh", uid: 54321, gid: 54321, groups: []int{54321, gid}}
	for _, c := range []struct {
		dir, file os.FileMode
		who       account
		at        string // where the fault is
	}{
		{0o755, 0o755, stranger, ""},
		{0o711, 0o711, stranger, ""},
		{0o750, 0o755, stranger, dir},
		{0o755, 0o750, stranger, path},
		{0o750, 0o750, member, ""},
		{0o705, 0o755, member, dir},
		{0o700, 0o700, account{name: "root"}, ""},
		{0o700, 0o600, account{name: "root"}, path}, // nobody runs what nobody may
	} {
		if err := os.Chmod(path, c.file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.dir); err != nil {
			t.Fatal(err)
		}
		got, err := runFault(link, c.who)
		if err != nil {
			t.Fatal(err)
		}
		if (got == "") != (c.at == "") || !strings.Contains(got, " cannot run "+link+": "+c.at+" is ") && c.at != "" {
			t.Errorf("directory %#o, program %#o, groups %v: got %q, want a fault at %q", c.dir, c.file, c.who.groups, got, c.at)
		}
	}
}

// settingLine is a line of the starter config that a person turns into a setting.
var settingLine = regexp.MustCompile(`(?m)^#([^ \n]|  )`)

func TestStarterConfigLoadsAsItIsAndWithAllItsSettings(t *testing.T) {
	text := starterConfig("/var/ossec")
	whole := settingLine.ReplaceAllString(strings.Replace(text, "receivers: {}\n", "", 1), "$1")
	path := filepath.Join(t.TempDir(), "ossec-notify.yaml")
	for text, want := range map[string]int{text: 0, whole: 3} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, problems, err := loadConfig(path, "/var/ossec")
		if err != nil || cfg == nil || len(problems) > 0 {
			t.Fatalf("got %v, %v\n%s", problems, err, text)
		}
		if got := len(cfg.Receivers); got != want {
			t.Errorf("got %d receivers, want %d:\n%s", got, want, text)
		}
	}
}

var ossecm = account{name: "ossecm", group: "ossec", uid: 1001, gid: 1001, groups: []int{1001}}

func TestUnit(t *testing.T) {
	golden := filepath.Join("testdata", unitName)
	got := unitText("/usr/local/bin/ossec-notify", "/var/ossec", "/var/ossec/queue/ossec-notify", ossecm)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("unit (-want +got; -update rewrites it):\n%s", diff)
	}
}

func TestUnitNamesPathsWithOddCharacters(t *testing.T) {
	got := unitText("/opt/my tools/100%/$x/ossec-notify", "/var/o s", "/srv/state", ossecm)
	for _, want := range []string{
		`ExecStart="/opt/my tools/100%%/$$x/ossec-notify" serve --home "/var/o s" --state /srv/state` + "\n",
		`ReadWritePaths=/srv/state` + "\n",
		`ReadWritePaths=-"/var/o s/logs"` + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no line %q in\n%s", want, got)
		}
	}
}

// units are the units that install may write, by the name of a case.
func units(binary string) map[string]string {
	wazuh := account{name: "wazuh", group: "wazuh", uid: 1002, gid: 1002, groups: []int{1002}}
	return map[string]string{
		"OSSEC":           unitText(binary, "/var/ossec", "/var/ossec/queue/ossec-notify", ossecm),
		"Wazuh":           unitText(binary, "/var/ossec", "/var/ossec/queue/ossec-notify", wazuh),
		"state elsewhere": unitText(binary, "/opt/o s", "/srv/state", wazuh),
	}
}

// analyze runs systemd-analyze on a unit.
func analyze(t *testing.T, unit string, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	path := filepath.Join(t.TempDir(), unitName)
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, append(args, path)...).CombinedOutput()
	return string(out), err
}

func TestSystemdTakesTheUnit(t *testing.T) {
	for name, unit := range units("/bin/true") {
		t.Run(name, func(t *testing.T) {
			if out, err := analyze(t, unit, "verify", "--man=no"); strings.Contains(out, unitName) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// maxExposure is what systemd-analyze security may say of the unit, of 10.
const maxExposure = 2.0

func TestUnitIsHardened(t *testing.T) {
	exposure := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for name, unit := range units("/usr/local/bin/ossec-notify") {
		t.Run(name, func(t *testing.T) {
			out, err := analyze(t, unit, "security", "--offline=yes", "--no-pager")
			if strings.Contains(out, "unrecognized option") {
				t.Skip("systemd-analyze is older than 250")
			}
			m := exposure.FindStringSubmatch(out)
			if m == nil {
				t.Fatalf("no exposure level: %v\n%s", err, out)
			}
			if got, err := strconv.ParseFloat(m[1], 64); err != nil || got >= maxExposure {
				t.Errorf("exposure %s, want less than %.1f\n%s", m[1], maxExposure, out)
			}
			t.Logf("exposure %s", m[1])
		})
	}
}
