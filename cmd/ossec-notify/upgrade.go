package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/regular"
)

// A deliverer whose program was replaced leaves to the new one, in place: its process executes the new program with the
// arguments and the environment that it had. Whoever supervises it sees no end of it, and nobody need restart anything.

// program is the file that this process was executed from.
type program struct {
	path string
	is   fs.FileInfo // nil when it had been replaced before this process began
}

const (
	programEvery = 2 * time.Second  // how often is looked for another program
	trialTime    = 10 * time.Second // how long one may take to say its version
	trialPause   = time.Minute      // after one that does not run
)

// thisProgram finds the file, which is to be done before it may be replaced. The error says that the system does not
// tell.
func thisProgram() (program, error) {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return program{}, err
	}
	path, replaced := strings.CutSuffix(path, " (deleted)")
	st, err := os.Stat(path)
	if replaced || err != nil {
		return program{path, nil}, nil
	}
	if again, err := os.Readlink("/proc/self/exe"); err != nil || again != path { // between the two looks
		return program{path, nil}, err
	}
	return program{path, st}, nil
}

// replaced waits until another program lies at the path, whole, and runs. It returns it open; nil when ctx ends first.
func (p program) replaced(ctx context.Context, log *slog.Logger) *os.File {
	look := time.NewTicker(programEvery)
	defer look.Stop()
	var last, bad fs.FileInfo
	var tried time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		st, err := os.Stat(p.path)
		if err != nil || sameProgram(st, p.is) { // while it is gone, there is nothing to leave to
			last = nil
			continue
		}
		if !sameProgram(st, last) { // it may still be written to
			last = st
			continue
		}
		if sameProgram(st, bad) && time.Since(tried) < trialPause {
			continue
		}
		f, err := tryProgram(ctx, p.path)
		switch {
		case err == nil:
			return f
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.ETXTBSY): // it is still open to be written
			last = nil
		default:
			if !sameProgram(st, bad) {
				log.Warn("the program was replaced by one that does not run; this one goes on", "program", p.path, "err", err)
			}
			bad, tried = st, time.Now()
		}
	}
}

func sameProgram(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// tryProgram has a program say its version, and returns it open: what was tried is what is executed, whatever lies at
// the path by then.
func tryProgram(ctx context.Context, path string) (*os.File, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, openPath(f), "version")
	cmd.Args[0] = os.Args[0]
	if out, err := cmd.CombinedOutput(); err != nil {
		if said := strings.TrimSpace(string(out)); said != "" {
			err = fmt.Errorf("%w: %s", err, display.Quote(said).Line().CutEnd(160))
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openPath is a path of an open file, by which no program is taken for a call of integratord, whatever its name is.
func openPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// become makes this process one of another program. It returns only if that fails.
func become(f *os.File) error {
	return fmt.Errorf("execute %s: %w", f.Name(), syscall.Exec(openPath(f), os.Args, os.Environ()))
}

// errReplaced ends the work of a deliverer whose program was replaced.
var errReplaced = errors.New("the program was replaced")

// untilReplaced is a context that ends with errReplaced once there is another program, which next returns. stop ends
// the looking, and waits for its end.
func untilReplaced(ctx context.Context, log *slog.Logger) (out context.Context, next func() *os.File, stop func()) {
	out, cancel := context.WithCancelCause(ctx)
	p, err := thisProgram()
	if err != nil { // another system than Linux
		return out, func() *os.File { return nil }, func() { cancel(context.Canceled) }
	}
	var found *os.File
	done := make(chan struct{})
	go func() {
		defer close(done)
		if found = p.replaced(out, log); found != nil {
			log.Info("the program was replaced; leaving to the new one", "program", p.path, "version", versionText())
			cancel(errReplaced)
		}
	}()
	stop = func() {
		cancel(context.Canceled)
		<-done
	}
	return out, func() *os.File { <-done; return found }, stop
}
