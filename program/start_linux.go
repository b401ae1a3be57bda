package program

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// firstOfOurs is the first descriptor that is none of the three which a program has.
const firstOfOurs = 3

// umask of programs: what they write is for their user, unless they say otherwise.
const umask = 0o077

// start starts the program from a thread that ends with that, so that what is set for the program is set for no thread of ours:
// its umask, and that it inherits no capability by which we may run programs as others. Where the kernel permits neither, it
// starts with what we have. Descriptors that we open are closed in it; those that whoever started us has left open are, too.
func start(cmd *exec.Cmd) error {
	_ = unix.CloseRange(firstOfOurs, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if unix.Unshare(unix.CLONE_FS) == nil {
			unix.Umask(umask)
		}
		handOnNothing()
		done <- cmd.Start()
	}()
	return <-done
}

// handOnNothing lets this thread's programs inherit no capability.
func handOnNothing() {
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	_ = unix.Capset(&header, &data[0])
}

// mayBecomeOthers reports whether we may take other users' ids, and end what we run by them: root's rights, or those of three
// capabilities.
func mayBecomeOthers() bool {
	if os.Geteuid() == 0 {
		return true
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	const needed = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_KILL
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&needed == needed
}

// process is one that may end at any time: its number may be another's then, the descriptor never is.
type process struct{ pid, fd int }

// tree are the processes that a process has started, and those that they have, whatever sessions they have made. A process whose
// parent has ended is not found any more. They must be let go.
func tree(pid int) []process {
	var out []process
	for at := []int{pid}; len(at) > 0; {
		var next []int
		for _, p := range at {
			tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", p))
			for _, task := range tasks {
				b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", p, task.Name()))
				for _, word := range strings.Fields(string(b)) {
					child, err := strconv.Atoi(word)
					if err != nil || len(out) >= maxTree {
						continue
					}
					next = append(next, child)
					if fd, err := unix.PidfdOpen(child, 0); err == nil {
						out = append(out, process{child, fd})
					}
				}
			}
		}
		at = next
	}
	return out
}

// maxTree bounds how many descriptors one program's end may take. More of its processes are of its group, or are left.
const maxTree = 256

// signal signals the group of a process that we started, and others that belong to it.
func signal(pid int, others []process, s syscall.Signal) {
	_ = syscall.Kill(-pid, s)
	for _, p := range others {
		if group, err := syscall.Getpgid(p.pid); err == nil && group != pid { // those have it
			_ = unix.PidfdSendSignal(p.fd, s, nil, 0)
		}
	}
}

func letGo(others []process) {
	for _, p := range others {
		_ = unix.Close(p.fd)
	}
}
