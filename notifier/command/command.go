// Package command runs a program of the operator's for an alert: a runbook. The program finds the alert as JSON on its standard
// input, and what is safe of it in its environment; nothing of an alert is ever an argument, and no shell is involved. The package
// owns what the environment holds (environment.go) and what the exit status means; how a program is started and ended is package
// program's, and the document is the template's.
package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/program"
)

// Exit statuses that mean something.
const (
	statusTryAgain    = 75  // EX_TEMPFAIL of sysexits.h
	statusNotRunnable = 126 // of every shell: what it called cannot be run
	statusNotFound    = 127 // or is not there
)

// readOnlyText is what programs say where the unit that we run in forbids them to write. English: LANG is ours.
const readOnlyText = "Read-only file system"

var errNUL = errors.New("holds a NUL, which no variable can")

// Notifier runs one program. It is safe for concurrent use.
type Notifier struct{ cfg Config }

var (
	_ notifier.Notifier = (*Notifier)(nil)
	_ notifier.Composer = (*Notifier)(nil)
	_ notifier.Follower = (*Notifier)(nil)
)

// New makes the notifier of a receiver. It makes no connection.
func New(cfg Config, _ notifier.Dial) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Notifier{cfg}, nil
}

// Follows: the program is run for what it was asked to be run for.
func (c *Notifier) Follows(a notifier.Action) bool { return c.cfg.runsFor(a) }

// Notify runs the program and waits for its end. Its receipt, which is there with an error, too, tells what became of it: status 0
// is delivered, 75 is tried again, and any other end is for good, because nobody knows how far the program came.
//
// Where we are told to end, or die, while it runs, the delivery is tried again: the program may run a second time for it, and finds
// OSSEC_NOTIFY_REPEAT=1 and the same OSSEC_NOTIFY_DELIVERY.
func (c *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	p, secrets, err := c.program(ctx, n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	output := program.Limited{Limit: c.limit()}
	p.Stdout = &output
	end, err := p.Run(ctx)
	if err != nil && ctx.Err() != nil { // it did not begin
		return notifier.Receipt{}, notifier.Errorf(notifier.Temporary, "run %s: %w", c.name(), err)
	}
	ran := &notifier.Ran{Program: c.name(), Receiver: n.Receiver, Delivery: n.Delivery, Status: end.Status, Took: end.Took,
		Output: strings.ToValidUTF8(notifier.RedactCut(string(output.Bytes()), secrets...), "\ufffd"), Dropped: output.Dropped()}
	if n.Action != notifier.Trigger {
		ran.Action = n.Action
	}
	failure := c.failure(end, err, ran)
	receipt := notifier.Receipt{Ran: ran}
	if end.Left && !end.Beyond {
		receipt.Warning = c.name() + " has ended, and left a process behind that still holds its output: what that prints is lost"
	}
	if failure == nil {
		return receipt, nil
	}
	if failure.Ambiguous { // we were told to end; what it would have done is not known
		receipt.Ran = nil
	}
	return receipt, failure
}

// failure is what an ending means; nil where the program did what it was run for.
func (c *Notifier) failure(end program.Ending, err error, ran *notifier.Ran) *notifier.Error {
	fail := func(reason notifier.Reason, hint, format string, args ...any) *notifier.Error {
		e := notifier.Errorf(reason, "run "+c.name()+": "+format, args...)
		e.Hint = hint
		return e
	}
	switch {
	case err != nil:
		ran.Status, ran.Ended = -1, "did not start: "+err.Error()
		return c.unstarted(err, fail)
	case end.Beyond && errors.Is(end.Cause, program.ErrTimeout): // to run it again would make it two
		ran.Status, ran.Ended = -1, "still running after its timeout of "+display.Span(c.cfg.timeout())+", and not ours to end"
		return fail(notifier.Permanent, beyondHint, "it had not ended after its timeout of %s, and could not be ended: it goes on%s", display.Span(c.cfg.timeout()), said(ran))
	case errors.Is(end.Cause, program.ErrTimeout):
		reason, hint := notifier.Permanent, "nobody knows how far it came: with retry_timeout it is run again"
		if c.cfg.RetryTimeout {
			reason, hint = notifier.Temporary, ""
		}
		ran.Status, ran.Ended = -1, "ended by us at its timeout of "+display.Span(c.cfg.timeout())
		return fail(reason, hint, "it had not ended after its timeout of %s, and was ended with all that it had started%s", display.Span(c.cfg.timeout()), said(ran))
	case end.Cause != nil:
		e := fail(notifier.Temporary, "", "it was ended while it ran: %w", end.Cause)
		e.Ambiguous = true
		return e
	case end.Signal != 0:
		ran.Ended = "ended by signal " + end.Signal.String()
		return fail(notifier.Permanent, "not by us: by a person, by itself, or by the kernel for want of memory, which its log says; nobody knows how far it came", "it was ended by a signal: %s%s", end.Signal, said(ran))
	case end.Status == 0:
		return nil
	}
	var e *notifier.Error
	switch end.Status {
	case statusTryAgain:
		e = fail(notifier.Temporary, "", "status %d, to be tried again%s", end.Status, said(ran))
	case statusNotRunnable:
		e = fail(notifier.Misconfigured, "something that it calls cannot be run: mind its mode", "status %d%s", end.Status, said(ran))
	case statusNotFound:
		e = fail(notifier.Misconfigured, "something that it calls is not there: PATH is "+program.Path, "status %d%s", end.Status, said(ran))
	default:
		e = fail(notifier.Permanent, "", "status %d%s", end.Status, said(ran))
	}
	if e.Hint == "" && strings.Contains(ran.Output, readOnlyText) {
		e.Hint = "under the unit of serve it may write where ReadWritePaths says: docs/delivery.md"
	}
	e.Status = end.Status
	return e
}

// beyondHint is what is to be done about a program that cannot be ended.
const beyondHint = "it runs as another user than who delivers: serve needs CAP_KILL for that (docs/runbooks.md); ps shows it"

// unstarted is what it means that the program did not start.
func (c *Notifier) unstarted(err error, fail func(notifier.Reason, string, string, ...any) *notifier.Error) *notifier.Error {
	busy := []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY, syscall.EINTR}
	hint := ""
	switch {
	case slices.ContainsFunc(busy, func(b error) bool { return errors.Is(err, b) }):
		return fail(notifier.Temporary, "", "%w", err)
	case strings.HasPrefix(err.Error(), "directory "):
		hint = "make it, or mend the setting directory"
	case errors.Is(err, fs.ErrNotExist):
		hint = c.cfg.Run[0] + " is not there, or its first line names a program that is not"
	case errors.Is(err, syscall.EPERM) && c.cfg.User != "":
		hint = "only root, or who has CAP_SETUID, CAP_SETGID and CAP_KILL, can run programs as " + c.cfg.User
	case errors.Is(err, fs.ErrPermission):
		hint = "who delivers cannot execute it: chmod +x " + c.cfg.Run[0] + ", and mind its directories"
	case errors.Is(err, syscall.ENOEXEC):
		hint = "a script needs a first line such as #!/bin/sh"
	}
	return fail(notifier.Misconfigured, hint, "%w", err)
}

// said is the beginning of the last line that the program printed, which commonly says why it failed.
func said(ran *notifier.Ran) string {
	output := strings.TrimSpace(ran.Output)
	if line := notifier.Snippet([]byte(output[strings.LastIndexByte(output, '\n')+1:])); line != "" {
		return ": " + line
	}
	return ""
}

// program is what is run for a notification. secrets are the values in its environment that must not be shown.
func (c *Notifier) program(ctx context.Context, n notifier.Notification) (p program.Program, secrets []string, err error) {
	if !n.Action.Known() || n.Action == notifier.Update || n.Action == notifier.Report {
		return p, nil, notifier.UnknownAction("command", n.Action)
	}
	if !c.cfg.runsFor(n.Action) {
		e := notifier.Errorf(notifier.Permanent, "run %s: it is not run for the action %q", c.name(), n.Action)
		e.Hint = "its receiver's actions do not hold it"
		if n.Action == notifier.Digest {
			e.Hint = "many alerts came in one message, which is no alert to run it for: take the receiver out of routes with digest, group or throttle, or put digest into its actions"
		}
		return p, nil, e
	}
	document := n.Parts["document.json"]
	if document.Blank() { // the alert could not be read, or no template of ours is left
		return p, nil, notifier.EmptyTemplate("command", "document.json")
	}
	if body := n.Parts["body"]; !body.Blank() { // an operator's template
		document = body
	} else if body := n.Parts["body.json"]; !body.Blank() {
		document = body
	}
	own, secrets, err := c.cfg.ownEnvironment(ctx)
	if err != nil {
		return p, nil, err
	}
	user, err := c.cfg.Account()
	if err != nil {
		return p, nil, notifier.Errorf(notifier.Misconfigured, "run %s: %w", c.name(), err)
	}
	return program.Program{
		Args: c.cfg.Run, Env: append(own, alertEnvironment(n)...), Dir: c.cfg.Directory, User: user,
		Stdin: append([]byte(strings.TrimSpace(document.Raw())), '\n'), Timeout: c.cfg.timeout(), Grace: grace,
	}, secrets, nil
}

// Compose is what the program gets: its variables a line each, and behind a blank line its standard input. Nothing is run.
func (c *Notifier) Compose(n notifier.Notification) (notifier.Message, error) {
	p, secrets, err := c.program(context.Background(), n)
	if err != nil {
		return notifier.Message{}, err
	}
	env := append(program.Environment(p.User), p.Env...)
	for i, v := range env {
		env[i] = notifier.Redact(v, secrets...)
	}
	return notifier.Message{Type: "text/plain", To: c.to(), Body: []byte(strings.Join(env, "\n") + "\n\n " + string(p.Stdin))}, nil
}

// to is the program with its arguments, and who it runs as where.
func (c *Notifier) to() string {
	words := make([]string, len(c.cfg.Run))
	for i, arg := range c.cfg.Run {
		words[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'\\") {
			words[i] = fmt.Sprintf("%q", arg)
		}
	}
	to := strings.Join(words, " ")
	if c.cfg.User != "" {
		to += ", as " + c.cfg.User
	}
	if c.cfg.Directory != "" {
		to += ", in " + c.cfg.Directory
	}
	return to
}

// name is what people call the program.
func (c *Notifier) name() string { return filepath.Base(c.cfg.Run[0]) }

func (c *Notifier) limit() int {
	if c.cfg.Output == 0 {
		return defaultOutput
	}
	return int(c.cfg.Output)
}
