package door

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/spool"
)

// startDeliverer starts the background deliverer, unless there is one or one failed to start just now. It does not
// wait for it.
//
// The child has a session of its own, so that integratord's end is not its end; the lock; and nothing else of ours:
// integratord reads our standard output until the last process that has it is gone, and leaks the descriptor of
// its alerts file.
func startDeliverer(home, state string, env []string) error {
	if spool.FailedLately(state, time.Now()) {
		return nil
	}
	lock, err := spool.TryLock(state, spool.KindDoor, "")
	if errors.Is(err, spool.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	args := []string{"ossec-notify", "deliver", "--home", home, "--state", state}
	if err := startProcess(args, env, lock.File()); err != nil {
		return errors.Join(err, spool.MarkFailed(state), lock.Release())
	}
	return lock.File().Close() // it is the child's alone, also when this call goes on in main
}

// startProcess starts this program with one file, as its descriptor spool.LockFD.
func startProcess(args, env []string, lock *os.File) error {
	self, err := program()
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	closeOnExec()
	// os.StartProcess would first find out, by a child of its own, how the kernel lets it wait. We do not wait.
	_, _, err = syscall.StartProcess(self, args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   env,
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), spool.LockFD: lock.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return errors.New("start " + self + ": " + err.Error())
	}
	return nil
}

// program is what to execute to get this program again. Neither its last part nor the child's argv[0] is a name
// of a door's: the child belongs to the command line.
func program() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil // also when the file was replaced
	}
	return os.Executable()
}

// closeOnExec keeps every descriptor from children but those that are given to them by number. Go opens its own
// that way; these are our caller's.
func closeOnExec() {
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, e := range fds {
			if fd, err := strconv.Atoi(e.Name()); err == nil {
				syscall.CloseOnExec(fd)
			}
		}
		return
	}
	for fd := range 1024 { // the usual limit
		syscall.CloseOnExec(fd)
	}
}

// environment is what a deliverer gets of ours. It outlives the call, so it must not depend on who happened to make
// it.
func environment(environ []string, cwd string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case name == "OSSEC_NOTIFY_CONFIG" && value != "":
			env = append(env, name+"="+absolute(value, cwd)) // the child's working directory is /
		case name == "TZ" || name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR" || strings.HasPrefix(name, "OSSEC_NOTIFY_"):
			env = append(env, kv)
		}
	}
	return env
}

// StartDeliverer starts the background deliverer of a state directory unless there is one, as a call does. Commands
// use it that leave work for it.
func StartDeliverer(home, state string) error {
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "/"
	}
	return startDeliverer(home, state, environment(os.Environ(), cwd))
}
