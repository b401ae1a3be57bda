package notifier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/program"
)

// Bounds of a command that prints a secret.
const (
	commandTimeout = 5 * time.Second
	// commandLife is how long what it printed is used: the programs of vaults take their time, and vaults count.
	commandLife = 5 * time.Minute
	// commandFresh is how long it is taken for the newest there is, whatever the receiver thinks of it.
	commandFresh  = 10 * time.Second
	maxComplaints = 4 << 10 // bytes of its standard error
)

// command is a program that prints a secret. It is run without a shell, by one reader at a time: who comes meanwhile
// waits for what that one is told.
type command struct {
	args []string
	turn chan struct{} // holds one: who put it there runs the program

	mu    sync.Mutex
	value string
	at    time.Time // of value; zero where there is none
	runs  int       // that came to an end
	err   error     // of the last
}

func newCommand(node *yaml.Node) (*command, error) {
	const form = "command: give a list, [PROGRAM, ARGUMENT, …]: the program is run without a shell"
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		return nil, errors.New(form)
	}
	c := &command{turn: make(chan struct{}, 1)}
	for _, n := range node.Content {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return nil, errors.New(form)
		}
		c.args = append(c.args, n.Value)
	}
	if !filepath.IsAbs(c.args[0]) {
		return nil, errors.New("command: the program must be an absolute path, such as /usr/bin/vault: PATH and the working directory are not the same for all who deliver")
	}
	return c, nil
}

// read returns what the program prints, or printed lately.
func (c *command) read(ctx context.Context) (string, error) {
	value, ok, before := c.kept()
	if ok {
		return value, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("command %s: %w", c.args[0], context.Cause(ctx))
	}
	value, ok, runs := c.kept()
	if ok {
		return value, nil
	}
	if runs != before { // it failed while we waited, and would take as long to fail again
		c.mu.Lock()
		defer c.mu.Unlock()
		return "", c.err
	}
	value, err := c.run(ctx)
	if err != nil {
		err = fmt.Errorf("command %s: %w", c.args[0], err)
	}
	if err != nil && ctx.Err() != nil { // which says nothing to the others
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	c.err = err
	if err == nil {
		c.value, c.at = value, time.Now()
	}
	return value, err
}

// kept is what the program printed, if that may still be used, and how often it was run.
func (c *command) kept() (value string, ok bool, runs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || time.Since(c.at) >= commandLife {
		c.value, c.at = "", time.Time{}
		return "", false, c.runs
	}
	return c.value, true, c.runs
}

func (c *command) renew() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || time.Since(c.at) < commandFresh {
		return false
	}
	c.value, c.at = "", time.Time{}
	return true
}

// run runs the program: when its time is up nothing of it is left.
func (c *command) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandTimeout, fmt.Errorf("it did not end within %s", commandTimeout))
	defer cancel()
	out, complaints := program.Limited{Limit: maxSecret, Refuse: true}, program.Limited{Limit: maxComplaints}
	end, err := program.Program{Args: c.args, Stdout: &out, Stderr: &complaints, Timeout: 2 * commandTimeout}.Run(ctx)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
	case end.Left:
		err = errors.New("it has ended, but left a process behind that holds its output")
	case out.Dropped() > 0:
		err = fmt.Errorf("it printed more than %d KiB: that is no secret", maxSecret>>10)
	case end.Signal != 0:
		err = fmt.Errorf("signal: %s", end.Signal)
	case end.Status != 0:
		err = fmt.Errorf("exit status %d", end.Status)
	case len(bytes.TrimSpace(out.Bytes())) == 0:
		err = errors.New("it printed nothing")
	}
	if err == nil {
		return string(out.Bytes()), nil
	}
	// What it printed on the way to its failure may be the secret.
	said := RedactCut(string(complaints.Bytes()), string(bytes.TrimSpace(out.Bytes())))
	if said = Snippet([]byte(said)); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return "", err
}
