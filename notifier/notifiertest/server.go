package notifiertest

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Tool is the program of a tool that the go.mod of the test's module names, which the go command builds once for all tests. env is what
// its building needs beside the environment.
func Tool(t testing.TB, name string, env ...string) (path string) {
	t.Helper()
	build := exec.Command("go", "tool", "-n", name)
	build.Env = append(os.Environ(), env...)
	out, err := build.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Logf("%s", exit.Stderr)
		}
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// maxSaid is how much a test that failed shows of what its server said, in bytes: the end of it.
const maxSaid = 10_000

// Serve runs a server until the test ends, and returns when it answers at a URL, whatever it says.
func Serve(t testing.TB, cmd *exec.Cmd, url string) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s says:\n%s", cmd.Path, log.Bytes()[max(log.Len()-maxSaid, 0):])
		}
	})
	for end := time.After(2 * time.Minute); ; {
		if resp, err := http.Get(url); err == nil {
			_ = resp.Body.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended", cmd.Path)
		case <-end:
			t.Fatalf("%s does not answer", cmd.Path)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
