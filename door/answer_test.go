package door_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/spool"
)

const alertText = "alertdate='2026 Nov 23 13:28:23'\nalertlocation='(web-01) 192.0.2.5->/var/log/auth.log'\nruleid='5712'\n" +
	"alertlevel='10'\nruledescription='SSHD brute force.'\nalertlog='Failed password'\nsrcip='198.51.100.7'"

// ignoreArrival: when the call came is checked where it matters.
var ignoreArrival = cmpopts.IgnoreFields(spool.Record{}, "Arrival")

func TestCallIsSpooledWhenItReturns(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(i *installation, file, options string) (*exec.Cmd, []string){
		"OSSEC": func(i *installation, file, _ string) (*exec.Cmd, []string) {
			args := []string{file, "KEY", "http://127.0.0.1:9/hook?a=1&amp;b=2"}
			return i.ossec(args...), args
		},
		"Wazuh": func(i *installation, file, options string) (*exec.Cmd, []string) {
			args := []string{file, "KEY", "http://127.0.0.1:9/hook", "", options, "10", "3", "> /dev/null 2>&1"}
			cmd := i.command("integrations/custom-slack")
			cmd.Args = append([]string{"integrations"}, args...)
			cmd.Dir = i.home
			return cmd, args
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstallation(t, "queue")
			file := i.file("custom-slack-1795439488-1.alert", alertText)
			options := ""
			want := &spool.Record{
				Version: 1, Name: "slack", Home: i.home, UID: os.Getuid(), File: "custom-slack-1795439488-1.alert",
				Alert: []byte(alertText),
			}
			if name == "Wazuh" {
				options = i.file("custom-slack-1795439488-1.options", "{\"pretext\":\"x\"}\n")
				want.Options = []byte("{\"pretext\":\"x\"}\n")
			}
			cmd, args := call(i, file, options)
			want.Args = args
			before := time.Now()
			i.run(cmd)
			got := i.record(i.state())
			if diff := cmp.Diff(got, want, ignoreArrival); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if got.Arrival.Before(before) || got.Arrival.After(time.Now()) {
				t.Errorf("arrival %s, want one since %s", got.Arrival, before)
			}
		})
	}
}

func TestAlertFileThatCannotBeReadIsSpooledWithTheReason(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	path := func(name string) string { return filepath.Join(i.home, "files", name) }
	i.check(
		os.Mkdir(path("directory"), 0o755), syscall.Mkfifo(path("FIFO"), 0o644), syscall.Mkfifo(path("held FIFO"), 0o644),
		os.Symlink(i.file("target", alertText), path("link")), os.Symlink("/dev/zero", path("link to a device")),
		os.Symlink("nowhere", path("link to nothing")), os.WriteFile(path("secret"), nil, 0),
	)
	i.check(syscall.Mknod(path("socket"), syscall.S_IFSOCK|0o644, 0))
	held, err := os.OpenFile(path("held FIFO"), os.O_RDWR, 0) // its writer never writes
	i.check(err)
	defer held.Close()
	uid := i.asUser()
	i.own("queue")
	for name, want := range map[string]string{
		path("missing"):          "open " + path("missing") + ": no such file or directory",
		path("directory"):        path("directory") + " is no regular file",
		path("FIFO"):             path("FIFO") + " is no regular file", // that nobody writes to
		path("held FIFO"):        path("held FIFO") + " is no regular file",
		path("socket"):           "open " + path("socket") + ": no such device or address",
		"/dev/zero":              "/dev/zero is no regular file", // which never ends
		path("link"):             path("link") + " is a symbolic link",
		path("link to a device"): path("link to a device") + " is a symbolic link",
		path("link to nothing"):  path("link to nothing") + " is a symbolic link",
		path("secret"):           "open " + path("secret") + ": permission denied",
		"":                       "the call names no alert file",
	} {
		i.run(i.ossec(name, "", "https://hook.example.com/"))
		r := i.record(i.state())
		if r.Problem != want || len(r.Alert) > 0 || r.UID != uid {
			t.Errorf("%q: problem %q, want %q; alert %q, user %d", name, r.Problem, want, r.Alert, r.UID)
		}
		names, err := spool.List(i.state())
		i.check(err, spool.Remove(i.state(), names...))
	}
}

// Who owns a file can lease it, and then whoever opens it waits for 45 seconds.
func TestLeaseOfTheAlertFileHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	file := i.file("a.alert", alertText)
	i.lease(file)
	i.run(i.ossec(file, "", ""))
	if r, want := i.record(i.state()), "open "+file+": resource temporarily unavailable"; r.Problem != want {
		t.Errorf("problem %q, want %q", r.Problem, want)
	}
}

// What lies where the options should does not keep the alert from anybody.
func TestOptionsFileThatIsNoneIsLeftOut(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	path := func(name string) string { return filepath.Join(i.home, "files", name+".options") }
	i.check(
		os.Mkdir(path("directory"), 0o755), syscall.Mkfifo(path("FIFO"), 0o644), os.Symlink(i.file("target", "{}"), path("link")),
		os.Symlink("/dev/zero", path("device")),
	)
	for _, name := range []string{"missing", "directory", "FIFO", "link", "device"} {
		i.run(i.ossec(i.file("a.alert", alertText), "", "", "", path(name), "10", "3"))
		r := i.record(i.state())
		if string(r.Alert) != alertText || r.Problem != "" || len(r.Options) > 0 {
			t.Errorf("%s: alert %q, problem %q, options %q", name, r.Alert, r.Problem, r.Options)
		}
		names, err := spool.List(i.state())
		i.check(err, spool.Remove(i.state(), names...))
	}
}

func TestOwnerOfTheAlertFileIsNoted(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root: all files are ours")
	}
	const planter = 4244
	i := newInstallation(t, "queue")
	uid := i.asUser()
	i.own("queue")
	for owner, want := range map[int]*int{uid: nil, planter: new(planter), 0: new(0)} {
		file := i.file("a.alert", alertText)
		i.check(os.Chown(file, owner, owner))
		i.run(i.ossec(file, "", ""))
		r := i.record(i.state())
		if !cmp.Equal(r.Owner, want) || r.UID != uid || string(r.Alert) != alertText {
			t.Errorf("a file of user %d: owner %v, called by %d, alert %q", owner, r.Owner, r.UID, r.Alert)
		}
		names, err := spool.List(i.state())
		i.check(err, spool.Remove(i.state(), names...))
	}
}

// A directory on the way to the file may be a link: HOME often is one.
func TestAlertFileBehindALinkedDirectoryIsRead(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	i.file("a.alert", alertText)
	i.check(os.Symlink("files", filepath.Join(i.home, "linked")))
	i.run(i.ossec(filepath.Join(i.home, "linked", "a.alert"), "", ""))
	if r := i.record(i.state()); string(r.Alert) != alertText || r.Problem != "" {
		t.Errorf("alert %q, problem %q", r.Alert, r.Problem)
	}
}

// Others of the group may make directories in var/run. What they lay out there is not used.
func TestStateThatIsLaidOutForUsIsNotUsed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root: nothing is another user's")
	}
	const planter = 4244
	for _, tc := range []struct {
		name  string
		plant func(home, state string) error
		want  string
	}{
		{"a directory", func(_, state string) error {
			return errors.Join(os.Mkdir(state, 0o777), os.Chmod(state, 0o777), os.Chown(state, planter, planter))
		}, "belongs to user 4244, and this is user 4242"},
		{"a link", func(home, state string) error {
			target := filepath.Join(home, "files")
			return errors.Join(os.Chown(target, 4242, 4242), os.Symlink(target, state), os.Lchown(state, planter, planter))
		}, "is a link that user 4244 made"},
		{"open to all", func(_, state string) error {
			return errors.Join(os.Mkdir(state, 0o777), os.Chmod(state, 0o777), os.Chown(state, 4242, 4242))
		}, "can be written by every user"},
		{"a FIFO", func(_, state string) error {
			return errors.Join(syscall.Mkfifo(state, 0o666), os.Chmod(state, 0o666))
		}, "is no directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := newInstallation(t, "var/run")
			i.asUser()
			i.own("var/run")
			i.check(tc.plant(i.home, filepath.Join(i.home, "var/run/ossec-notify")))
			got := i.pending(i.ossec(i.file("a.alert", alertText), "", ""))
			if !strings.Contains(got.Err, tc.want) || string(got.Record.Alert) != alertText {
				t.Errorf("error %q, want %q; alert %q", got.Err, tc.want, got.Record.Alert)
			}
		})
	}
}

func TestLongAlertIsCutAndFlagged(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		length int
		cut    bool
	}{{spool.MaxAlert, false}, {spool.MaxAlert + 1, true}} {
		i := newInstallation(t, "queue")
		long := strings.Repeat("x", tc.length)
		i.run(i.ossec(i.file("a.alert", long), "", "", "", i.file("a.options", long)))
		r := i.record(i.state())
		if len(r.Alert) != spool.MaxAlert || r.Truncated != tc.cut {
			t.Errorf("%d bytes: %d are kept, truncated is %v, want %v", tc.length, len(r.Alert), r.Truncated, tc.cut)
		}
		if tc.cut == (len(r.Options) > 0) {
			t.Errorf("%d bytes of options: %d are kept", tc.length, len(r.Options))
		}
	}
}

func TestCallByHandIsLeftToMain(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	for name, cmd := range map[string]*exec.Cmd{
		"no argument":             i.ossec(),
		"a flag":                  i.ossec("--help"),
		"response, a flag":        i.response("-h"),
		"response, /dev/null":     i.response(),
		"response, nothing comes": withInput(i.response(), ""),
	} {
		if got := i.output(cmd); got != "usage" {
			t.Errorf("%s: main did not see it; the call said %q", name, got)
		}
	}
	if _, err := os.Stat(i.state()); err == nil {
		t.Error("it was spooled")
	}
}

func withInput(cmd *exec.Cmd, text string) *exec.Cmd {
	cmd.Stdin = strings.NewReader(text)
	return cmd
}

func TestActiveResponseIsSpooled(t *testing.T) {
	t.Parallel()
	const line = `{"version":1,"command":"add","parameters":{"alert":{"rule":{"id":"5712"}}}}`
	args := []string{"add", "-", "192.0.2.7", "1795440503.34", "5712", "(web-01)", "10.0.0.5->/var/log/auth.log"}
	long := strings.Repeat("x", spool.MaxAlert+100)
	for _, tc := range []struct {
		name        string
		args        []string
		input, want string
		cut         bool
	}{
		{name: "OSSEC's arguments", args: args},
		{name: "Wazuh's line", input: line + "\n", want: line},
		{name: "only the first line", input: line + "\nmore\n", want: line},
		{name: "no line end", input: line, want: line},
		{name: "a long line", input: long + "\n", want: long[:spool.MaxAlert], cut: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := newInstallation(t, "queue")
			i.run(withInput(i.response(tc.args...), tc.input))
			got := i.record(i.state())
			if len(got.Alert) == spool.MaxAlert && string(got.Alert) == tc.want {
				got.Alert, tc.want = nil, "" // too long for a diff
			}
			want := &spool.Record{Version: 1, Name: "notify", Response: true, Args: tc.args, Home: i.home, UID: os.Getuid(), Truncated: tc.cut, Alert: []byte(tc.want)}
			if diff := cmp.Diff(got, want, ignoreArrival, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// execd keeps the pipe open to read what a stateful response answers.
func TestActiveResponseDoesNotWaitForTheEndOfItsInput(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, input, want, problem string
	}{
		{"a line", "{}\n", "{}", ""},
		{"half a line", "{", "{", "no whole line came on standard input within 2s"},
		{"nothing", "", "", "no whole line came on standard input within 2s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			i := newInstallation(t, "queue")
			r, w, err := os.Pipe()
			i.check(err)
			defer w.Close()
			_, err = w.WriteString(tc.input)
			i.check(err)
			cmd := i.response()
			cmd.Stdin = r
			i.run(cmd)
			if got := i.record(i.state()); string(got.Alert) != tc.want || got.Problem != tc.problem {
				t.Errorf("alert %q, problem %q; want %q, %q", got.Alert, got.Problem, tc.want, tc.problem)
			}
		})
	}
}

func TestHomeAndStateOfTheEnvironment(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue", "elsewhere/queue", "data")
	file := i.file("a.alert", alertText)
	outside := filepath.Join(i.home, "files/custom-slack")
	i.check(os.Symlink("../../ossec-notify", outside))
	for _, tc := range []struct {
		name, path, dir string
		env             []string
		home, state     string
	}{
		{"the program's path wins", filepath.Join(i.home, "integrations/custom-slack"), "/", []string{"OSSEC_NOTIFY_HOME=/none"}, i.home, i.state()},
		{
			"a program that is elsewhere", outside, "/", []string{"OSSEC_NOTIFY_HOME=" + i.home + "/elsewhere"},
			i.home + "/elsewhere", i.home + "/elsewhere/queue/ossec-notify",
		},
		{
			"a relative home", outside, i.home, []string{"OSSEC_NOTIFY_HOME=elsewhere"},
			i.home + "/elsewhere", i.home + "/elsewhere/queue/ossec-notify",
		},
		{
			"a state directory", filepath.Join(i.home, "integrations/custom-slack"), "/", []string{"OSSEC_NOTIFY_STATE=" + i.home + "/data/state"},
			i.home, i.home + "/data/state",
		},
		{
			"a relative state directory", filepath.Join(i.home, "integrations/custom-slack"), i.home + "/data", []string{"OSSEC_NOTIFY_STATE=state"},
			i.home, i.home + "/data/state",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := i.command(tc.path, file, "", "")
			cmd.Dir, cmd.Env = tc.dir, tc.env
			i.run(cmd)
			if got := i.record(tc.state).Home; got != tc.home {
				t.Errorf("home %s, want %s", got, tc.home)
			}
			i.check(os.RemoveAll(tc.state))
		})
	}
}

func TestStateFallsBackWhereTheUserMayWrite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		dirs  []string
		owned []string
	}{
		{"the queue directory is not ours", []string{"queue", "var/run"}, []string{"var/run"}},
		{"the state directory is not ours", []string{"queue/ossec-notify", "var/run"}, []string{"var/run"}},
		{"there is no queue directory", []string{"var/run"}, []string{"var/run"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := newInstallation(t, tc.dirs...)
			uid := i.asUser()
			if i.user == nil {
				t.Skip("not root: all directories are ours")
			}
			i.own(tc.owned...)
			i.run(i.ossec(i.file("a.alert", alertText), "", ""))
			if r := i.record(filepath.Join(i.home, "var/run/ossec-notify")); r.UID != uid || string(r.Alert) != alertText {
				t.Errorf("record %+v", r)
			}
		})
	}
}

func TestCallWithoutASpoolIsLeftToMain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		// spoil makes the spool useless.
		spoil func(i *installation) error
		want  string
		full  bool
		// starts is whether a deliverer is started all the same.
		starts bool
	}{
		{"nothing may be written", func(i *installation) error {
			i.asUser()
			return nil
		}, "permission denied", false, false},
		{"a directory of the spool may not be written", func(i *installation) error {
			err := spool.Prepare(i.state())
			i.asUser()
			i.own("queue/ossec-notify", "queue/ossec-notify/spool")
			if err == nil {
				err = os.Chmod(i.state()+"/spool/tmp", 0o500)
			}
			return err
		}, "permission denied", false, true},
		{"the spool is full", func(i *installation) error {
			if err := spool.Prepare(i.state()); err != nil {
				return err
			}
			return spool.MarkFull(i.state(), true)
		}, "the spool is full", true, true},
		{"the state is a file", func(i *installation) error {
			i.env = append(i.env, "OSSEC_NOTIFY_STATE="+i.home+"/state")
			return os.WriteFile(i.home+"/state", nil, 0o600)
		}, "is no directory", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := newInstallation(t, "queue", "var/run")
			i.check(tc.spoil(i))
			if os.Geteuid() != 0 && tc.want == "permission denied" {
				t.Skip("not root: all directories are ours")
			}
			next := i.ask()
			args := []string{i.file("a.alert", alertText), "KEY", "https://hook.example.com/"}
			got := i.pending(i.ossec(args...))
			if !strings.Contains(got.Err, tc.want) || strings.Contains(got.Err, "\n") || got.Full != tc.full {
				t.Errorf("error %q, full %v; want %q in one line, %v", got.Err, got.Full, tc.want, tc.full)
			}
			wantCall := door.Call{Name: "slack", File: args[0], APIKey: "KEY", HookURL: "https://hook.example.com/", Home: i.home}
			if diff := cmp.Diff(got.Call, wantCall); diff != "" {
				t.Errorf("call (-got +want):\n%s", diff)
			}
			if string(got.Record.Alert) != alertText || got.Record.Arrival.IsZero() {
				t.Errorf("record %+v", got.Record)
			}
			if slices.Contains(got.Open, i.state()+"/lock") {
				t.Error("main holds the lock, and is no deliverer")
			}
			if tc.starts {
				next()
			}
			if n := len(i.deliverers()); n == 1 != tc.starts {
				t.Errorf("%d deliverers", n)
			}
		})
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue/ossec-notify")
	i.env = append(i.env, "PATH="+os.Getenv("PATH"))
	cmd := inMountNamespace(i, `mount -t tmpfs -o size=16k,mode=0700 tmpfs "$0/queue/ossec-notify"`, i.file("a.alert", strings.Repeat("x", 100<<10)))
	if got := i.pending(cmd); !strings.Contains(got.Err, "no space left on device") || len(got.Record.Alert) != 100<<10 {
		t.Errorf("error %q, want that the disk is full", got.Err)
	}
}

// inMountNamespace is a call with mounts that only it sees.
func inMountNamespace(i *installation, mount string, args ...string) *exec.Cmd {
	i.t.Helper()
	if exec.Command("unshare", "-m", "true").Run() != nil {
		i.t.Skip("this user may not mount")
	}
	script := mount + ` && exec "$0/integrations/custom-slack" "$@"`
	return i.command("/usr/bin/env", append([]string{"unshare", "-m", "sh", "-c", script, i.home}, args...)...)
}

func TestRecordIsKeptWhenNoDelivererStarts(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	i.env = append(i.env, "PATH="+os.Getenv("PATH"))
	// Without /proc there is no /proc/self/exe to start.
	cmd := inMountNamespace(i, `mount -t tmpfs tmpfs /proc`, i.file("a.alert", alertText), "KEY", "https://hook.example.com/secret")
	got := i.output(cmd)
	const want = "ossec-notify: custom-slack: the alert is kept, but no deliverer started: start /proc/self/exe: no such file or directory\n"
	if !strings.HasSuffix(got, want) || strings.Count(got, "ossec-notify") != 1 { // the race detector too misses /proc
		t.Errorf("the call said %q, want %q", got, want)
	}
	if r := i.record(i.state()); string(r.Alert) != alertText {
		t.Errorf("record %+v", r)
	}
	if !spool.FailedLately(i.state(), time.Now()) {
		t.Error("the next call does not know that none starts")
	}
	lock, err := spool.TryLock(i.state(), "deliver", "")
	i.check(err)
	i.check(lock.Release())
}

func TestRootWorksAsTheOwnerOfTheState(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	const uid, gid = 4242, 4243
	i := newInstallation(t, "queue/ossec-notify")
	i.user = &syscall.Credential{Groups: []uint32{4, 5}} // root, with groups that are not the owner's
	i.check(os.Chown(i.state(), uid, gid), os.Chmod(i.state(), 0o700))
	next := i.ask()
	file := i.file("a.alert", alertText)
	i.check(os.Chmod(file, 0o600)) // of a root's integratord, with a strict umask
	i.run(i.ossec(file, "", ""))
	if r := i.record(i.state()); string(r.Alert) != alertText || r.UID != 0 {
		t.Errorf("record %+v", r)
	}
	if f := next(); f.UID != uid || f.GID != gid || len(f.Groups) > 0 || f.LockErr != "" {
		t.Errorf("the deliverer is user %d, group %d, groups %v; lock: %q", f.UID, f.GID, f.Groups, f.LockErr)
	}
	err := filepath.WalkDir(i.state(), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if s := st.Sys().(*syscall.Stat_t); s.Uid != uid || s.Gid != gid {
			t.Errorf("%s belongs to %d:%d, want %d:%d", path, s.Uid, s.Gid, uid, gid)
		}
		return nil
	})
	i.check(err)
}

func TestManyCallsStartOneDeliverer(t *testing.T) {
	t.Parallel()
	const calls = 50
	i := newInstallation(t, "queue")
	next := i.ask()
	var wg sync.WaitGroup
	for n := range calls {
		file := i.file(fmt.Sprintf("%d.alert", n), fmt.Sprint(n))
		wg.Go(func() {
			if out, err := i.ossec(file, "", "").CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("call %d: %v: %s", n, err, out)
			}
		})
	}
	wg.Wait()
	f := next()
	if got := i.deliverers(); !cmp.Equal(got, []int{f.PID}) || f.LockErr != "" {
		t.Errorf("deliverers %v, want [%d]; lock: %q", got, f.PID, f.LockErr)
	}
	names, err := spool.List(i.state())
	i.check(err)
	seen := map[string]bool{}
	for _, name := range names {
		r, err := spool.Read(i.state(), name)
		i.check(err)
		seen[string(r.Alert)] = true
	}
	if len(names) != calls || len(seen) != calls {
		t.Errorf("%d records of %d alerts, want %d", len(names), len(seen), calls)
	}
}
