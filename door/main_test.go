package door_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/spool"
)

// The tests run this test binary under names of a door's. A call that is spooled ends before TestMain; TestMain is
// what main is in the program.
func TestMain(m *testing.M) {
	if u, ok := door.Pending(); ok {
		if err := json.NewEncoder(os.Stdout).Encode(pending{u.Record, u.Call, u.Err.Error(), errors.Is(u.Err, spool.ErrFull), slices.Collect(maps.Values(descriptors()))}); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	if _, ok := door.Parse(door.ExecPath(), os.Args, "/"); ok {
		os.Stdout.WriteString("usage")
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "deliver" {
		deliver()
		os.Exit(0)
	}
	if os.Getenv("DOOR_TEST_EXECPATH") != "" {
		os.Stdout.WriteString(door.ExecPath())
		os.Exit(0)
	}
	// A deliverer whose door has ended becomes our child, and is there to be counted; prctl(2).
	const prSetChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		panic(errno)
	}
	os.Exit(m.Run())
}

// pending is what TestMain prints of door.Unspooled.
type pending struct {
	Record *spool.Record
	Call   door.Call
	Err    string
	Full   bool
	Open   []string // what this process has open
}

// facts are what a deliverer tells of itself.
type facts struct {
	Args, Env   []string
	Dir         string
	UID, GID    int
	Groups      []int
	PID, SID    int
	Descriptors map[int]string
	LockErr     string
}

// factsPath names, in a deliverer's environment, the FIFO that it tells its facts to.
const factsPath = "OSSEC_NOTIFY_TEST_FACTS"

// deliver is a deliverer that delivers nothing: it tells its facts, if there is who asks, and works until it is
// killed.
func deliver() {
	path := os.Getenv(factsPath)
	if path == "" {
		return
	}
	time.AfterFunc(time.Minute, func() { os.Exit(1) }) // in case that the test died
	f := facts{Args: os.Args, Env: os.Environ(), UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid(), Descriptors: descriptors()}
	f.Dir, _ = os.Getwd()
	f.Groups, _ = os.Getgroups()
	if sid, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0); errno == 0 {
		f.SID = int(sid)
	}
	lock, err := spool.LockFromFile(os.Args[5], os.NewFile(spool.LockFD, "lock"), "deliver", "")
	if err != nil {
		f.LockErr = err.Error()
	} else {
		defer lock.Release()
	}
	out, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(out).Encode(f); err != nil {
		panic(err)
	}
	select {}
}

// descriptors are this process's, and what each is of.
func descriptors() map[int]string {
	found := map[int]string{}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil { // else it was ReadDir's own
			fd, _ := strconv.Atoi(e.Name())
			found[fd] = target
		}
	}
	return found
}

// installation is a home of OSSEC's or Wazuh's in which the program is installed, that every user may look into.
type installation struct {
	t    testing.TB
	home string
	// env is the environment of calls.
	env []string
	// user is whom calls are made by: the test's own if nil.
	user *syscall.Credential
}

// newInstallation makes a home with the program under integrations and active-response/bin, and directories.
func newInstallation(t testing.TB, dirs ...string) *installation {
	t.Helper()
	base := t.TempDir()
	i := &installation{t: t, home: filepath.Join(base, "ossec")}
	for _, dir := range append([]string{"integrations", "active-response/bin", "files"}, dirs...) {
		i.check(os.MkdirAll(filepath.Join(i.home, dir), 0o755))
	}
	i.check(os.Chmod(filepath.Dir(base), 0o755), os.Chmod(base, 0o755))
	exe, err := os.Executable()
	i.check(err)
	program := filepath.Join(base, "ossec-notify")
	if os.Link(exe, program) != nil { // another file system
		data, err := os.ReadFile(exe)
		i.check(err, os.WriteFile(program, data, 0o755))
	}
	for _, link := range []string{"integrations/custom-slack", "active-response/bin/custom-notify"} {
		i.check(os.Symlink(program, filepath.Join(i.home, link)))
	}
	t.Cleanup(func() {
		for _, pid := range i.deliverers() {
			i.end(pid)
		}
	})
	return i
}

func (i *installation) check(errs ...error) {
	i.t.Helper()
	if err := errors.Join(errs...); err != nil {
		i.t.Fatal(err)
	}
}

// asUser makes calls those of a user who is not root. Where the test is not root's, they are its own user's.
func (i *installation) asUser() int {
	const uid = 4242
	if os.Geteuid() != 0 {
		return os.Getuid()
	}
	i.user = &syscall.Credential{Uid: uid, Gid: uid}
	return uid
}

// own gives directories to whom calls are made by.
func (i *installation) own(dirs ...string) {
	i.t.Helper()
	for _, dir := range dirs {
		if i.user != nil {
			i.check(os.Chown(filepath.Join(i.home, dir), int(i.user.Uid), int(i.user.Gid)))
		}
	}
}

// file makes a file, as integratord does for a call.
func (i *installation) file(name, data string) string {
	i.t.Helper()
	path := filepath.Join(i.home, "files", name)
	i.check(os.WriteFile(path, []byte(data), 0o644))
	return path
}

// lease takes a write lease of a file, which keeps who opens it waiting until the holder lets go, or for 45 seconds;
// fcntl(2). Whose the file is may do that.
func (i *installation) lease(path string) {
	i.t.Helper()
	const setLease = 1024
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	i.check(err)
	i.t.Cleanup(func() { f.Close() })
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, syscall.F_WRLCK); errno != 0 {
		i.t.Skipf("no lease: %v", errno)
	}
}

// ossec is a call as OSSEC's integratord makes it.
func (i *installation) ossec(args ...string) *exec.Cmd {
	return i.command(filepath.Join(i.home, "integrations/custom-slack"), args...)
}

// response is a call as execd makes it.
func (i *installation) response(args ...string) *exec.Cmd {
	return i.command(filepath.Join(i.home, "active-response/bin/custom-notify"), args...)
}

func (i *installation) command(path string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(i.t.Context(), 30*time.Second)
	i.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"GORACE=atexit_sleep_ms=0"}, i.env...) // else each process of a race test sleeps for a second
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: i.user}
	return cmd
}

// run makes a call that must exit with 0 and say nothing.
func (i *installation) run(cmd *exec.Cmd) {
	i.t.Helper()
	if out := i.output(cmd); out != "" {
		i.t.Errorf("the call said %q", out)
	}
}

// output makes a call that must exit with 0, and returns what it said.
func (i *installation) output(cmd *exec.Cmd) string {
	i.t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		i.t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// pending makes a call that must not be spooled.
func (i *installation) pending(cmd *exec.Cmd) pending {
	i.t.Helper()
	var p pending
	if out := i.output(cmd); json.Unmarshal([]byte(out), &p) != nil {
		i.t.Fatalf("nothing was left to main; the call said %q", out)
	}
	return p
}

// state is where the state is: queue/ossec-notify.
func (i *installation) state() string { return filepath.Join(i.home, "queue/ossec-notify") }

// record is the one record in a state directory.
func (i *installation) record(state string) *spool.Record {
	i.t.Helper()
	names, err := spool.List(state)
	i.check(err)
	if len(names) != 1 {
		i.t.Fatalf("%d records, want 1", len(names))
	}
	r, err := spool.Read(state, names[0])
	i.check(err)
	return r
}

// ask makes the deliverers that later calls start tell their facts; the function that it returns waits for the
// facts of the next.
func (i *installation) ask() func() facts {
	i.t.Helper()
	path := filepath.Join(i.home, "facts")
	i.check(syscall.Mkfifo(path, 0o666), os.Chmod(path, 0o666))
	fifo, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	i.check(err)
	i.t.Cleanup(func() { fifo.Close() })
	i.env = append(i.env, factsPath+"="+path)
	answers := json.NewDecoder(fifo)
	return func() facts {
		i.t.Helper()
		var f facts
		i.check(fifo.SetReadDeadline(time.Now().Add(20*time.Second)), answers.Decode(&f))
		return f
	}
}

// deliverers are the processes that calls of this installation started and that still run.
func (i *installation) deliverers() []int {
	procs, err := os.ReadDir("/proc")
	i.check(err)
	var pids []int
	for _, e := range procs {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			i.t.Fatal(err)
		}
		args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		if args[0] == "ossec-notify" && slices.Contains(args, i.home) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// end kills a deliverer.
func (i *installation) end(pid int) {
	i.t.Helper()
	err := syscall.Kill(pid, syscall.SIGKILL)
	if err == nil {
		_, err = syscall.Wait4(pid, nil, 0, nil)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		i.t.Errorf("end deliverer %d: %v", pid, err)
	}
}
