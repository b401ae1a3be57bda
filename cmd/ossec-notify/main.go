// Command ossec-notify tells the right people about OSSEC and Wazuh alerts.
//
// integratord runs it under the names custom-slack, custom-pagerduty, custom-webhook, custom-splunk,
// custom-email and custom-notify (symlinks to the one binary); run under its own name it is a command line with
// send, preview, check, explain and more. This package owns the commands, what they print and the exit codes; what an
// alert is, who wants it, what it says, how it leaves and how the config says all that is in packages of their own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones of the config on hosts that have none installed

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/door"
)

// Exit codes of the command line. A call by integratord always exits 0.
const (
	exitDone  = 0
	exitFail  = 1 // the work failed: a delivery is dead, a check found something
	exitUsage = 2 // wrong usage or configuration
)

func main() {
	silenceLibraries()
	// integratord ignores SIGHUP and its children inherit that; commands do not need it back.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us whatever we are waiting for
	// A call by integratord that the spool took has ended before we came here; see package door.
	if u, ok := door.Pending(); ok {
		os.Exit(runUnspooled(ctx, u, os.Stderr))
	}
	cwd, _ := os.Getwd()
	if call, ok := door.Parse(door.ExecPath(), os.Args, cwd); ok {
		fmt.Fprintf(os.Stderr, callUsage, call.Name)
		os.Exit(exitDone)
	}
	os.Exit(run(ctx, os.Args[1:], interruptible{ctx, os.Stdin}, os.Stdout, os.Stderr))
}

// silenceLibraries keeps off standard error what net/http prints by itself, past our log: what a server says unasked for,
// which may be the secret that it was sent.
func silenceLibraries() { log.SetOutput(io.Discard) }

// failure is an error with its exit code. An error that is none exits with exitUsage: cobra's own are about
// usage.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failed is an error of the work itself.
func failed(format string, args ...any) error {
	return &failure{exitFail, fmt.Errorf(format, args...)}
}

// silent is a failure of which everything has been said.
func silent(code int) error { return &failure{code, errSaid} }

var errSaid = errors.New("")

// visible is a stream of messages, each of which is written at once. The name of a file or an alert's text in an error
// does not steer the terminal.
type visible struct{ w io.Writer }

func (v visible) Write(p []byte) (int, error) {
	if _, err := io.WriteString(v.w, display.Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// run runs one command of the command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stderr = visible{stderr}
	root := rootCommand(&env{stdin: stdin, stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintf(stderr, "ossec-notify: error: %s\n", err)
	}
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return exitUsage
}
