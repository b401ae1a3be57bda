package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// confined is what the system lets a running serve do. A unit of systemd lays its walls around that process and not around who
// asks: what check finds well may be read-only, or not there, for who delivers. It is the kernel that is asked, by /proc, and
// not the unit: that may have been changed, or be another.
type confined struct {
	unit        string // of systemd, by which people change it
	root        *os.File
	environment map[string]string
	rights      uint64 // capabilities
	noNewRights bool   // sudo and its like gain nothing
}

// maxProcFile bounds what is read of a file below /proc, in bytes.
const maxProcFile = 1 << 20

// serviceName is the part of a control group that is a unit.
var serviceName = regexp.MustCompile(`(?m)[:/]([A-Za-z0-9_@.\\-]+\.service)$`)

// confinementOf looks at a process. Only root and, where it has no more rights, its user may.
func confinementOf(pid int) (*confined, error) {
	file := func(name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
	var texts [3][]byte
	for i, name := range []string{"environ", "status", "cgroup"} {
		f, err := os.Open(file(name))
		if err != nil {
			return nil, err
		}
		texts[i], err = io.ReadAll(io.LimitReader(f, maxProcFile))
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	fd, err := unix.Open(file("root"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file("root"), err)
	}
	c := &confined{unit: unitName, root: os.NewFile(uintptr(fd), file("root")), environment: map[string]string{}}
	for word := range bytes.SplitSeq(texts[0], []byte{0}) {
		if name, value, ok := strings.Cut(string(word), "="); ok {
			c.environment[name] = value
		}
	}
	for line := range strings.Lines(string(texts[1])) {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); name {
		case "CapEff":
			c.rights, _ = strconv.ParseUint(value, 16, 64) // none, if the kernel should say otherwise
		case "NoNewPrivs":
			c.noNewRights = value == "1"
		}
	}
	if m := serviceName.FindSubmatch(texts[2]); m != nil {
		c.unit = string(m[1])
	}
	return c, nil
}

// hasOpen reports whether a process has a file open.
func hasOpen(pid int, path string) (bool, error) {
	want, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	open, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range open {
		switch st, err := os.Stat(filepath.Join(dir, e.Name())); {
		case errors.Is(err, os.ErrPermission): // root may read the directory, and in a container nothing in it
			return false, err
		case err == nil && os.SameFile(st, want):
			return true, nil
		}
	}
	return false, nil
}

// stat is a path as the process sees it. Links are followed within what it sees.
func (c *confined) stat(path string) (st os.FileInfo, readOnly bool, err error) {
	fd, err := unix.Openat2(int(c.root.Fd()), path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err != nil {
		return nil, false, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, false, err
	}
	err = unix.Access("/proc/self/fd/"+strconv.Itoa(fd), unix.W_OK) // of its mount, not of ours
	return st, errors.Is(err, unix.EROFS), nil
}

// hides reports whether the process sees something else at a path than we do, who see something there.
func (c *confined) hides(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for {
		ours, err := os.Stat(real)
		if err != nil {
			return false
		}
		theirs, _, err := c.stat(real)
		if err == nil && os.SameFile(ours, theirs) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
			return false // so say old kernels, and old containers, which refuse the call itself
		}
		if ours.IsDir() {
			return true
		}
		real = filepath.Dir(real) // a file may be replaced between two looks, as logs are
	}
}

// readOnly reports whether the process can write neither to a file nor, where there is none, to its directory, because what
// they lie on is read-only for it.
func (c *confined) readOnly(path string) bool {
	_, readOnly, err := c.stat(path)
	if errors.Is(err, os.ErrNotExist) {
		_, readOnly, err = c.stat(filepath.Dir(path))
	}
	return err == nil && readOnly
}

// mayBecomeOthers reports whether it may run programs as other users, and end them.
func (c *confined) mayBecomeOthers() bool {
	const needed = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_KILL
	return c.rights&needed == needed
}
