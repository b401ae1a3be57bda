package door

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/spool"
)

// lineWait is how long an active response waits for its line. execd has written it before we run.
const lineWait = 2 * time.Second

// receive takes in what a call brings. It does so as who was called, before a door of root's becomes the state
// directory's owner: the alert file may be root's own. What cannot be read is the record's Problem: somebody has
// to hear of the alert all the same. It reports false when there is no call, as when somebody tries the program
// by hand.
func receive(call Call, args []string) (*spool.Record, bool) {
	r := &spool.Record{
		Name: call.Name, Response: call.Response, Args: args, Home: call.Home, UID: os.Getuid(), Arrival: time.Now(),
	}
	if call.Response {
		if len(args) > 0 {
			return r, true
		}
		st, err := os.Stdin.Stat()
		if err != nil || st.Mode()&os.ModeCharDevice != 0 { // a terminal, or /dev/null
			return nil, false
		}
		r.Alert, r.Truncated, err = readLine(os.Stdin, lineWait)
		if err != nil {
			r.Problem = err.Error()
		}
		return r, len(r.Alert) > 0 || err != nil
	}
	var err error
	_, r.File = split(call.File)
	var owner int
	if r.Alert, r.Truncated, owner, err = readFile(call.File); err != nil {
		r.Problem = err.Error()
	}
	if owner >= 0 && owner != r.UID {
		r.Owner = &owner
	}
	if call.Options != "" {
		// Without them, or without their end, the alert is told as well.
		if options, cut, _, err := readFile(call.Options); err == nil && !cut {
			r.Options = options
		}
	}
	return r, true
}

// readFile reads a regular file, spool.MaxAlert bytes of it at most, and finds out whose it is: -1 if it
// cannot be opened. integratord's files lie in /tmp, where others may put links and FIFOs: a link is not followed,
// and neither a FIFO nor a lease (fcntl(2)) is waited for. What was opened is looked at, not what lies at the path.
func readFile(path string) (data []byte, cut bool, owner int, err error) {
	if path == "" { // a manager that could not make its file calls us all the same
		return nil, false, -1, errors.New("the call names no alert file")
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, false, -1, errors.New(path + " is a symbolic link")
	}
	if err != nil {
		return nil, false, -1, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, false, -1, err
	}
	owner = -1
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		owner = int(sys.Uid)
	}
	if !st.Mode().IsRegular() {
		return nil, false, owner, errors.New(path + " is no regular file")
	}
	data, err = io.ReadAll(io.LimitReader(f, spool.MaxAlert+1))
	data, cut = limit(data)
	return data, cut, owner, err
}

// readLine reads up to a line end or the end of f, but no longer than wait and spool.MaxAlert bytes at most. f
// may be a pipe that its writer keeps open.
func readLine(f *os.File, wait time.Duration) (line []byte, cut bool, err error) {
	type chunk struct {
		data []byte
		err  error
	}
	chunks := make(chan chunk)
	go func() { // ends with the process
		for {
			buf := make([]byte, 64<<10)
			n, err := f.Read(buf)
			chunks <- chunk{buf[:n], err}
			if err != nil {
				return
			}
		}
	}()
	timeout := time.After(wait)
	for len(line) <= spool.MaxAlert {
		select {
		case c := <-chunks:
			before, _, ended := bytes.Cut(c.data, []byte("\n"))
			line = append(line, before...)
			if errors.Is(c.err, io.EOF) {
				c.err, ended = nil, true
			}
			if ended || c.err != nil {
				line, cut = limit(line)
				return line, cut, c.err
			}
		case <-timeout:
			return line, false, errors.New("no whole line came on standard input within " + wait.String())
		}
	}
	line, cut = limit(line)
	return line, cut, nil
}

// limit cuts data to spool.MaxAlert bytes.
func limit(data []byte) (limited []byte, cut bool) {
	if len(data) > spool.MaxAlert {
		return data[:spool.MaxAlert], true
	}
	return data, false
}
