// Package program owns how a program of the operator's is run: without a shell, in a session of its own, with an environment that
// is built by list, for a bounded time. When its time is up nothing of it is left. It does not know what the program is for, nor
// what its exit status means.
package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Path is where the program finds others. It does not depend on who started us.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// hurry is the longest grace where nobody waits for the program any more: whoever is to leave must not keep others waiting.
const hurry = 3 * time.Second

// rest is how long the output may stay open once the program has ended.
const rest = time.Second

// deathTime is how long a program may take to end once it was killed. What is ours ends at once.
const deathTime = 2 * time.Second

// Program is a program to run.
type Program struct {
	// Args are the absolute path of the program and its arguments, as they are: no shell reads them.
	Args []string
	// Env stands behind what every program gets: PATH, HOME and LANG. Nothing of our own environment is among it.
	Env []string
	Dir string // "" is /
	// Stdin is what the program can read; nil is /dev/null. It need not read it.
	Stdin []byte
	// Stdout takes what it prints, Stderr what it complains of; nil is where Stdout goes, in the order in which it comes. Where
	// one answers with an error, the program is told by a closed pipe.
	Stdout, Stderr io.Writer
	// Timeout is how long it may run. Grace is how long it has to end by itself once it was told to.
	Timeout, Grace time.Duration
	// User is who it runs as; nil is who we are.
	User *User
}

// Ending is how a program came to its end.
type Ending struct {
	Took time.Duration
	// Status is its exit status, -1 where a signal ended it, which is then Signal.
	Status int
	Signal syscall.Signal
	// Cause says why it was ended by us; nil where it ended by itself.
	Cause error
	// Left: it has ended, and another process still holds its output. What that prints is lost.
	Left bool
	// Beyond: it could not be ended, since it has made itself another user's or the kernel holds it, and goes on without us.
	Beyond bool
}

// ErrTimeout is the cause of a program's end that took too long.
var ErrTimeout = errors.New("its time was up")

// Run runs the program and waits for its end. The error is for one that did not start. When ctx ends, or the time is up, the
// program is told to end, with all that it has started, and is killed after its grace.
func (p Program) Run(ctx context.Context) (Ending, error) {
	if err := ctx.Err(); err != nil {
		return Ending{}, context.Cause(ctx)
	}
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Dir = cmp.Or(p.Dir, "/")
	cmd.Env = append(p.User.environment(), p.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it can ask nobody for a password, and its group is its own
	if p.User != nil && !p.User.isUs() {
		cmd.SysProcAttr.Credential = p.User.credential()
	}
	pipes := new(pipes)
	defer pipes.close()
	var err error
	if cmd.Stdout, err = pipes.from(p.Stdout); err != nil {
		return Ending{}, err
	}
	if cmd.Stderr = cmd.Stdout; p.Stderr != nil {
		if cmd.Stderr, err = pipes.from(p.Stderr); err != nil {
			return Ending{}, err
		}
	}
	if p.Stdin != nil {
		if cmd.Stdin, err = pipes.to(p.Stdin); err != nil {
			return Ending{}, err
		}
	}
	began := time.Now()
	err = start(cmd)
	pipes.started(err == nil)
	if err != nil {
		return Ending{}, unstarted(err, cmd.Dir)
	}
	end := Ending{Status: -1}
	state, cause := p.wait(ctx, cmd)
	end.Cause, end.Beyond = cause, state == nil
	end.Took = time.Since(began)
	if state != nil {
		end.Status = state.ExitCode()
		if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			end.Signal = s.Signal()
		}
	}
	end.Left = !pipes.drained(rest)
	if end.Left && p.Grace == 0 { // who holds the output is of its group, or out of our reach
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return end, nil
}

// unstarted is why a program did not start, without its path, which the caller knows.
func unstarted(err error, dir string) error {
	if _, missing := os.Stat(dir); missing != nil { // the kernel does not say which of the two it is about
		err = missing
	}
	var path *os.PathError
	switch {
	case !errors.As(err, &path):
		return err
	case path.Path == dir:
		return fmt.Errorf("directory %s: %w", dir, path.Err)
	}
	return path.Err
}

// wait waits for the program's end, and says why it was ended by us. The state is nil where it could not be ended.
func (p Program) wait(ctx context.Context, cmd *exec.Cmd) (state *os.ProcessState, cause error) {
	ended := make(chan *os.ProcessState, 1)
	go func() {
		_ = cmd.Wait() // what it says is in ProcessState
		ended <- cmd.ProcessState
	}()
	timer := time.NewTimer(p.Timeout)
	defer timer.Stop()
	left := p.Grace
	select {
	case state := <-ended:
		return state, nil
	case <-ctx.Done():
		cause, left = context.Cause(ctx), min(left, hurry)
	case <-timer.C:
		cause = ErrTimeout
	}
	started := tree(cmd.Process.Pid) // before those who know each other are gone
	if p.Grace > 0 {
		signal(cmd.Process.Pid, started, syscall.SIGTERM)
		grace := time.NewTimer(left)
		defer grace.Stop()
		select {
		case state = <-ended:
		case <-grace.C:
		}
	}
	started = append(started, tree(cmd.Process.Pid)...)
	signal(cmd.Process.Pid, started, syscall.SIGKILL)
	letGo(started)
	if state != nil {
		return state, cause
	}
	dying := time.NewTimer(deathTime)
	defer dying.Stop()
	select {
	case state = <-ended:
	case <-dying.C:
	}
	return state, cause
}

// pipes are the ends of what a program reads and prints.
type pipes struct {
	ours, theirs []*os.File
	work         []func()
	workers      sync.WaitGroup
}

// from makes the end of a pipe to print to; what comes out of it goes to w. No writer is /dev/null.
func (p *pipes) from(w io.Writer) (*os.File, error) {
	if w == nil {
		return nil, nil
	}
	r, theirs, err := p.pipe()
	if err != nil {
		return nil, err
	}
	p.ours, p.theirs = append(p.ours, r), append(p.theirs, theirs)
	p.work = append(p.work, func() {
		_, _ = io.Copy(w, r) // w says itself what it did not want
		_ = r.Close()
	})
	return theirs, nil
}

// to makes the end of a pipe to read b from.
func (p *pipes) to(b []byte) (*os.File, error) {
	theirs, w, err := p.pipe()
	if err != nil {
		return nil, err
	}
	p.ours, p.theirs = append(p.ours, w), append(p.theirs, theirs)
	go p.feed(w, b)
	return theirs, nil
}

// feed writes b; nobody waits for it, since the program need not read.
func (p *pipes) feed(w *os.File, b []byte) {
	_, _ = w.Write(b)
	_ = w.Close()
}

func (*pipes) pipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	return r, w, nil
}

// started closes the program's ends, which it has now, and begins to read ours.
func (p *pipes) started(ok bool) {
	for _, f := range p.theirs {
		_ = f.Close()
	}
	if !ok {
		return
	}
	for _, work := range p.work {
		p.workers.Go(work)
	}
}

// drained waits for the end of the output, and reports whether it came. After that nothing is written any more.
func (p *pipes) drained(wait time.Duration) bool {
	done := make(chan struct{})
	go func() {
		p.workers.Wait()
		close(done)
	}()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	}
	p.close()
	<-done
	return false
}

func (p *pipes) close() {
	for _, f := range p.ours {
		_ = f.Close()
	}
}

// Limited keeps so many bytes of what is written to it. More of them are counted and dropped; with Refuse they are an error.
// Its methods may be called by one goroutine at a time.
type Limited struct {
	Limit  int
	Refuse bool

	kept    []byte
	dropped int64
}

// Write never fails, unless it refuses.
func (l *Limited) Write(b []byte) (int, error) {
	n := len(b)
	if room := l.Limit - len(l.kept); n > room {
		l.dropped += int64(n - room)
		if l.Refuse {
			return 0, errors.New("too much")
		}
		b = b[:room]
	}
	l.kept = append(l.kept, b...)
	return n, nil
}

// Bytes are those that were kept, Dropped how many were not.
func (l *Limited) Bytes() []byte  { return l.kept }
func (l *Limited) Dropped() int64 { return l.dropped }
