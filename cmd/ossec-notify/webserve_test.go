package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/page"
)

// browsed is a command that serves its page, and a browser that has it open.
type browsed struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Scanner
	said   strings.Builder
	base   string
	client *http.Client
	stderr bytes.Buffer
}

// browse starts a command as a person does, and opens the address that it prints.
func browse(t *testing.T, args ...string) *browsed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browsed{t: t, cmd: exec.CommandContext(ctx, filepath.Join(binDir(), "ossec-notify"), args...), client: &http.Client{Jar: jar}}
	b.cmd.Stderr = &b.stderr
	stdout, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.out = bufio.NewScanner(stdout)
	for b.out.Scan() {
		b.said.WriteString(b.out.Text() + "\n")
		address, ok := strings.CutPrefix(b.out.Text(), "Open ")
		if !ok {
			continue
		}
		resp, err := b.client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", address, resp.StatusCode)
		}
		b.base = "http://" + resp.Request.URL.Host
		return b
	}
	t.Fatalf("%q prints no address: %s%s", args, b.said.String(), b.stderr.String())
	return nil
}

// asked gets an address of the page.
func asked[T any](b *browsed, address string) T {
	b.t.Helper()
	resp, err := b.client.Get(b.base + address)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: status %d, %v: %s", address, resp.StatusCode, err, text)
	}
	return unmarshal[T](b.t, text)
}

// stream is the stream of events.
func (b *browsed) stream() (next func(name string) string) {
	b.t.Helper()
	resp, err := b.client.Get(b.base + "/events")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	return func(name string) string {
		b.t.Helper()
		for lines.Scan() {
			if lines.Text() != "event: "+name {
				continue
			}
			lines.Scan()
			return strings.TrimPrefix(lines.Text(), "data: ")
		}
		b.t.Fatalf("the event %s does not come: %v", name, lines.Err())
		return ""
	}
}

// end ends it as Ctrl-C does.
func (b *browsed) end() {
	b.t.Helper()
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil {
		b.t.Fatal(err)
	}
	for b.out.Scan() {
		b.said.WriteString(b.out.Text() + "\n")
	}
	if err := b.cmd.Wait(); err != nil {
		b.t.Errorf("ended with %v: %s", err, b.stderr.String())
	}
}

func TestPreviewServesUntilInterrupted(t *testing.T) {
	home, _ := webHome(t, webConfig)
	file := filepath.Join(t.TempDir(), "alert.json")
	putFile(t, file, string(corpusAlert(t, "wazuh/5712-ssh-brute-force.json", time.UTC).Raw))
	b := browse(t, "preview", "--web", "--home", home, file)
	next := b.stream()
	hello := unmarshal[struct{ Instance string }](t, []byte(next("hello")))
	state := asked[page.State](b, "/api/state")
	if !slices.Equal(state.Faces, []string{"preview"}) || state.Instance != hello.Instance || state.Config.Path != filepath.Join(home, "etc", "ossec-notify.yaml") || state.Sources[0].Count != 1 {
		t.Errorf("got %+v", state)
	}
	putFile(t, filepath.Join(home, "etc", "ossec-notify", "templates", "slack.tmpl"), `{{define "slack.footer"}}Call the desk.{{end}}`)
	if c := unmarshal[page.Change](t, []byte(next("change"))); c.Revision < 2 || c.Errors != 0 {
		t.Errorf("got %+v", c)
	}
	if i := unmarshal[page.Impact](t, []byte(next("impact"))); i.Of != 1 || i.Changed != 1 {
		t.Errorf("got %+v", i)
	}
	p := asked[page.Preview](b, "/api/preview?alert=files-1&against=before")
	if !cardOf(t, &p, "soc").Changed {
		t.Error("the card does not say that it changed")
	}
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if got := next("bye"); got != `{"reason":"ended in the terminal"}` {
		t.Errorf("got %s", got)
	}
	if err := b.cmd.Wait(); err != nil {
		t.Errorf("ended with %v: %s", err, b.stderr.String())
	}
}

func TestSandboxShowsWhatArrives(t *testing.T) {
	b := browse(t, "sandbox", "--web")
	next := b.stream()
	next("hello")
	config := filepath.Join(t.TempDir(), "ossec-notify.yaml")
	putFile(t, config, b.said.String()[:strings.Index(b.said.String(), "Open ")])
	if code := run(t.Context(), []string{"send", "--config", config, "--sample", "550", "--to", "soc"}, strings.NewReader(""), io.Discard, io.Discard); code != exitDone {
		t.Fatalf("send: exit status %d", code)
	}
	if got := next("arrived"); !strings.Contains(got, `"unread":1`) {
		t.Errorf("got %s", got)
	}
	list := asked[page.ItemList](b, "/api/inbox")
	if len(list.Items) != 1 || list.Items[0].Title != "[TEST] MEDIUM: File changed: /etc/passwd on web-01" {
		t.Errorf("got %+v", list.Items)
	}
	if faces := asked[page.State](b, "/api/state").Faces; !slices.Equal(faces, []string{"inbox"}) {
		t.Errorf("faces are %q", faces)
	}
	b.end()
	if !strings.Contains(b.said.String(), "slack      accepted (200)") {
		t.Errorf("the terminal says nothing of it: %s", b.said.String())
	}
}

func TestDemoGoesOnInABrowser(t *testing.T) {
	b := browse(t, "demo", "--web")
	state := asked[page.State](b, "/api/state")
	if !slices.Equal(state.Faces, []string{"preview", "inbox"}) || state.Unread < 18 || len(state.Config.Errors) != 0 {
		t.Errorf("got %+v", state)
	}
	list := asked[page.ItemList](b, "/api/inbox?channel=pagerduty")
	if len(list.Items) == 0 || !list.Items[0].OK {
		t.Errorf("got %+v", list.Items)
	}
	// The config that it names can be edited.
	next := b.stream()
	next("hello")
	text, err := os.ReadFile(state.Config.Path)
	if err != nil {
		t.Fatal(err)
	}
	putFile(t, state.Config.Path, strings.Replace(string(text), "default: [root-mail]", "default: [hook]", 1))
	if i := unmarshal[page.Impact](t, []byte(next("impact"))); i.Changed == 0 {
		t.Errorf("got %+v", i)
	}
	b.end()
	if _, err := os.Stat(state.Config.Path); !os.IsNotExist(err) {
		t.Errorf("its config is left behind: %v", err)
	}
}
