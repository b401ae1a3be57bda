package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/managerlog"
	"github.com/ossec-notify/ossec-notify/sample"
)

// input is where a command gets its alerts: files, a built-in sample, or stdin.
type input struct {
	files  []string
	sample string
}

const inputHelp = `Alerts are read from the files, or from stdin without any ("-" is stdin too), in any format: Wazuh or OSSEC
JSON, alerts.log, the shell file of integratord; one alert or many, also compressed by gzip.`

// check finds wrong usage.
func (in input) check() error {
	if in.sample == "" {
		return nil
	}
	if len(in.files) > 0 {
		return fmt.Errorf("give files or --sample, not both")
	}
	_, _, err := sample.Raw(in.sample)
	return err
}

// alerts yields the alerts of the input, completed as those of a call by integratord are. The error is for input
// that cannot be read; it names the file.
func (e *env) alerts(ctx context.Context, in input, zone *time.Location) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		if in.sample != "" {
			a, err := sample.Alert(in.sample)
			yield(a, err)
			return
		}
		files := in.files
		if len(files) == 0 {
			files = []string{"-"}
		}
		c := managerlog.New(e.home, zone)
		for _, file := range files {
			if !e.file(ctx, file, zone, c, yield) {
				return
			}
		}
	}
}

// inflate unpacks what gzip packed, as managers do with what they rotate, and leaves all else as it is.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(3); string(head) != "\x1f\x8b\x08" {
		return b, nil
	}
	return gzip.NewReader(b)
}

// file yields the alerts of one file and reports whether to go on.
func (e *env) file(ctx context.Context, name string, zone *time.Location, c *managerlog.Logs, yield func(*alert.Alert, error) bool) bool {
	r, base := e.stdin, ""
	if name == "-" {
		if isTerminal(e.stdin) {
			fmt.Fprintln(e.stderr, "Reading alerts from the terminal; end with Ctrl-D.")
		}
	} else {
		f, err := openInput(ctx, name)
		if err != nil {
			return yield(nil, err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err == nil && st.IsDir() {
			return yield(nil, fmt.Errorf("%s is a directory; name the files in it", name))
		}
		r, base = f, filepath.Base(name)
		if err != nil || !st.Mode().IsRegular() { // a pipe
			r = interruptible{ctx, f}
		}
	}
	if name == "-" && isTerminal(e.stdin) { // lines are read as they are typed
	} else if unpacked, err := inflate(r); err != nil {
		return yield(nil, fmt.Errorf("%s: %w", name, err))
	} else {
		r = unpacked
	}
	for a, err := range alert.Read(r, alert.Options{FileName: base, Location: zone}) {
		if err != nil {
			return yield(nil, fmt.Errorf("%s: %w", name, err))
		}
		if name == "-" && a.Problem.Kind == alert.ProblemEmpty { // a pipe that nothing came through; an empty file is a lost alert
			continue
		}
		if !yield(c.Complete(a), nil) {
			return false
		}
	}
	return true
}

// openInput opens a file, which may be a pipe: then it waits for who writes, or for ctx.
func openInput(ctx context.Context, name string) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result, 1)
	go func() {
		f, err := os.Open(name)
		done <- result{f, err}
	}()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("open %s: %w", name, context.Cause(ctx))
	case r := <-done:
		return r.f, r.err
	}
}

// interruptible is a stream whose Read ends with ctx: nobody should have to press Ctrl-C twice because we wait for
// input. The read that was begun goes on, and what it gets is lost with the process.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	own := make([]byte, len(p))
	done := make(chan result, 1)
	go func() {
		n, err := i.r.Read(own)
		done <- result{n, err}
	}()
	select {
	case <-i.ctx.Done():
		return 0, context.Cause(i.ctx)
	case r := <-done:
		return copy(p, own[:r.n]), r.err
	}
}

// sampleFlag explains --sample.
func sampleFlag() string {
	return "send a built-in alert instead, marked as a test: " + strings.Join(sample.Names(), ", ")
}
