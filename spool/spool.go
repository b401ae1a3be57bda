// Package spool owns the hand-off: what a call leaves behind for the deliverer, and the lock that says who the
// deliverer is. It owns the layout of the state directory's spool and knows where a state directory may be and
// whose rights it is worked with. It reads no config, parses no alert and delivers nothing.
//
// A record is one file. [Write] makes it in spool/tmp, syncs it, renames it into spool/new and syncs that
// directory; a record counts from the moment that it has its name in spool/new, and is whole then. Whoever is
// killed before that leaves a file in spool/tmp, which [Sweep] removes. The deliverer lists, reads and removes
// records; one that it cannot read it sets aside in spool/bad.
//
//	<state>/lock         who is the deliverer (see Lock)
//	<state>/failed       when a deliverer failed to start (see MarkFailed)
//	<state>/spool/tmp    records that are being written
//	<state>/spool/new    records
//	<state>/spool/bad    records that could not be read
//	<state>/spool/full   there is no room for more (see MarkFull)
//	<state>/receivers    not ours
//
// Package door imports this one and does its work before most of the program is initialised. That limits what
// may be imported here; door.answer says why, and a test there keeps the list.
package spool

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// MaxAlert is how much is kept of an alert, in bytes. Managers write at most 64 KiB.
	MaxAlert = 1 << 20
	// Limit is the size at which a spool is full, in bytes. The deliverer measures (Size) and marks (MarkFull).
	Limit = 1 << 30
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// Record is one call: what was called, with what, and the alert.
type Record struct {
	// Version is the version of the record's format. Write ignores it.
	Version int
	// Name is what stands behind "custom-" in the name that was called.
	Name string
	// Response is true when the call was one by execd, as an active response, and not one by integratord. Args are
	// then OSSEC's (add|delete user address id rule location…), or Alert is Wazuh's line of JSON.
	Response bool
	// Args are the arguments without argv[0].
	Args []string
	// Home is the installation's directory.
	Home string
	// UID is the user that called.
	UID int
	// Owner is whose the alert file is, where it is another user's than UID's; else nil. A manager calls as the user
	// that wrote the file.
	Owner *int
	// Arrival is when the call came.
	Arrival time.Time
	// Truncated is true when the alert was longer than MaxAlert and its end is missing.
	Truncated bool
	// Options is the text of Wazuh's <options>, or nil. Like the alert it is MaxAlert bytes at most.
	Options []byte
	// File is the base name of the alert file.
	File string
	// Problem says why the alert could not be read, or not all of it; else it is "".
	Problem string
	// Alert is the alert as it came.
	Alert []byte
}

// Write makes a record durable: when it returns nil, the record survives a crash of the machine. It makes the
// directories of the spool if they are missing. After an error there is no record.
func Write(state string, r *Record) (name string, err error) {
	name, err = write(osDisk{}, state, r)
	if errors.Is(err, fs.ErrNotExist) {
		if err := Prepare(state); err != nil {
			return "", err
		}
		name, err = write(osDisk{}, state, r)
	}
	return name, err
}

func write(d disk, state string, r *Record) (name string, err error) {
	name = recordName(r.Arrival)
	tmp, final := state+"/spool/tmp/"+name, state+"/spool/new/"+name
	f, err := d.create(tmp)
	if err != nil {
		return "", err
	}
	if _, err = f.Write(r.encode()); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.rename(tmp, final)
	}
	if err != nil {
		_ = d.remove(tmp) // else Sweep does
		return "", err
	}
	if err := d.syncDir(state + "/spool/new"); err != nil {
		_ = d.remove(final) // the caller is going to deliver by other means
		return "", err
	}
	return name, nil
}

// recordName is a name that no other record has. Names sort by arrival.
func recordName(arrival time.Time) string {
	const digits = 20 // of nanoseconds since 1970: enough for all of int64
	ns := strconv.FormatInt(arrival.UnixNano(), 10)
	return strings.Repeat("0", max(digits-len(ns), 0)) + ns + "-" + strconv.Itoa(os.Getpid()) + "-" +
		strconv.FormatUint(uint64(rand.Uint32()), 16)
}

// Prepare makes the state directory, below a parent that exists, and the directories in it.
func Prepare(state string) error {
	for _, dir := range []string{"", "/receivers", "/spool", "/spool/tmp", "/spool/new", "/spool/bad"} {
		if err := os.Mkdir(state+dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// A record is as durable as the directories above it, whoever made them just now.
	for _, dir := range []string{state + "/spool", state, parent(state)} {
		if err := (osDisk{}).syncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// parent is the directory that holds path. (path/filepath would delay the door.)
func parent(path string) string {
	path = strings.TrimRight(path, "/")
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i+1]
	}
	return "."
}

// disk is what Write asks of the file system: each step can fail, and their order matters.
type disk interface {
	create(path string) (file, error)
	rename(from, to string) error
	syncDir(path string) error
	remove(path string) error
}

type file interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

type osDisk struct{}

func (osDisk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, err // and not a file that is a nil *os.File
	}
	return f, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) remove(path string) error     { return os.Remove(path) }

func (osDisk) syncDir(path string) error {
	d, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system of others' that syncs no directories; fsync(2)
	}
	return errors.Join(err, d.Close())
}
