package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdpinput "github.com/chromedp/cdproto/input"
	cdpnetwork "github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The tests of the page drive Chromium, and the program runs as people run it: a process that reads files. They wait until
// the page shows what they expect, and each ends with: no message in the console, nothing that the policy stopped, nothing
// asked of another machine.

// chromium is where Chromium is, or skips.
func chromium(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Chromium here: install it, or name it in $CHROMIUM")
	return ""
}

// newBrowser starts one, with a profile of its own, for the tests below t.
func newBrowser(t testing.TB) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		end, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_ = chromedp.Cancel(end)
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is a page that is open.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	console  []string
	asked    []string
	ended    chan struct{} // the last thing that is logged was
	expected []string      // parts of messages that a test means to cause
}

const lastWords = "that is all"

// newTab opens one. Its check is to be called at its end, before the server ends.
func newTab(t testing.TB, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	ctx, stop := context.WithTimeout(ctx, 3*time.Minute)
	b := &tab{t: t, ctx: ctx, ended: make(chan struct{})}
	var readers sync.WaitGroup
	messages, requests := chromedp.Console(ctx), chromedp.Events(ctx, cdpnetwork.RequestWillBeSent)
	readers.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Text == lastWords {
				close(b.ended)
				return
			}
			b.mu.Lock()
			b.console = append(b.console, fmt.Sprintf("%s: %s (%s)", m.Type, m.Text, m.URL))
			b.mu.Unlock()
		}
	})
	readers.Go(func() {
		for r, err := range requests {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.asked = append(b.asked, r.Request.URL)
			b.mu.Unlock()
		}
	})
	if _, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener('securitypolicyviolation', e => console.error('the policy stopped ' + e.blockedURI + ' ' + e.violatedDirective))`,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cancel()
		readers.Wait()
	})
	return b
}

// check is what each test ends with.
func (b *tab) check() {
	b.t.Helper()
	if b.t.Failed() {
		b.t.Logf("the page:\n%.700s", eval[string](b, `document.querySelector('#live').textContent + '\n' + document.querySelector('main').innerText`))
	}
	eval[bool](b, `console.debug('`+lastWords+`'), true`)
	select {
	case <-b.ended:
	case <-time.After(10 * time.Second):
		b.t.Error("the console does not end")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, m := range b.console {
		for _, e := range b.expected {
			if strings.Contains(m, e) {
				continue next
			}
		}
		b.t.Errorf("in the console: %s", m)
	}
	for _, u := range b.asked {
		at, err := url.Parse(u)
		if ip := net.ParseIP(at.Hostname()); err != nil || at.Scheme != "data" && at.Scheme != "about" && !(ip != nil && ip.IsLoopback()) {
			b.t.Errorf("asked for %s", u)
		}
	}
}

// eval is what an expression gives.
func eval[T any](b *tab, js string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// open loads an address, in a window of that width.
func (b *tab) open(address string, width int64) {
	b.t.Helper()
	b.resize(width)
	if err := chromedp.Do(b.ctx, chromedp.Navigate(address)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) resize(width int64) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)); err != nil {
		b.t.Fatal(err)
	}
}

// painted waits until what was changed is on the screen.
func (b *tab) painted() {
	b.t.Helper()
	eval[bool](b, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

// until waits for a condition, which is JavaScript.
func (b *tab) until(js string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	look := time.NewTicker(15 * time.Millisecond)
	defer look.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!(`+js+`)`))
		if ok {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			b.t.Fatalf("it does not come to: %s (%v)", js, err)
		}
	}
}

// untilText waits until an element's text holds what is wanted.
func (b *tab) untilText(selector, want string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%s)?.textContent.includes(%s)`, quoted(selector), quoted(want)))
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

func (b *tab) click(selector string) {
	b.t.Helper()
	b.until(`document.querySelector(` + quoted(selector) + `)?.offsetParent`)
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("click %s: %v", selector, err)
	}
}

// press presses keys, as a keyboard does: what a key writes does not come where the page takes the key for itself.
func (b *tab) press(keys string) {
	b.t.Helper()
	for _, r := range keys {
		err := chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			for _, k := range kb.Encode(r) {
				if k.Type == kb.KeyChar { // comes with the key
					continue
				}
				if k.Type != kb.KeyUp && unicode.IsPrint(r) {
					k.Type, k.Text = cdpinput.DispatchKeyEventTypeKeyDown, string(r)
				}
				if _, err := cdp.Call(ctx, t, cdpinput.DispatchKeyEvent, *k); err != nil {
					return err
				}
			}
			return nil
		}))
		if err != nil {
			b.t.Fatalf("press %q: %v", r, err)
		}
	}
}

// media sets what the reader's system prefers, such as prefers-color-scheme: dark.
func (b *tab) media(features map[string]string) {
	b.t.Helper()
	var p emulation.SetEmulatedMediaParams
	for k, v := range features {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: k, Value: v})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

// shoot keeps a picture where $ARTIFACTS names a folder.
func (b *tab) shoot(name string, width int64) {
	b.t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		return
	}
	// A frame is painted only where the window reaches.
	at := eval[float64](b, `scrollY`)
	defer func() {
		b.resize(width)
		eval[bool](b, fmt.Sprintf(`scrollTo(0, %v), true`, at))
	}()
	err := chromedp.Do(b.ctx, chromedp.EmulateViewport(width, eval[int64](b, `Math.min(4000, document.documentElement.scrollHeight)`)))
	b.painted()
	var png []byte
	if err == nil {
		png, err = chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// served is the program while it serves a page.
type served struct {
	url string // with the token
	cmd *exec.Cmd
	// out is what it says after the address.
	out *bufio.Scanner
}

// serve starts the program, and ends it with the test, as Ctrl-C does.
func serve(t testing.TB, args ...string) *served {
	t.Helper()
	s := &served{cmd: exec.Command(filepath.Join(binDir(), "ossec-notify"), args...)}
	s.cmd.Stderr = os.Stderr
	s.cmd.Env = append(os.Environ(), "TZ=UTC")
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	s.out = bufio.NewScanner(stdout)
	for s.out.Scan() {
		if rest, ok := strings.CutPrefix(s.out.Text(), "Open "); ok {
			s.url = rest
			return s
		}
	}
	t.Fatal("no address is printed")
	return nil
}

func (s *served) stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	kill := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait()
}

// at is the address of a part of the page, for who has the cookie.
func (s *served) at(rest string) string {
	u, _ := url.Parse(s.url)
	return "http://" + u.Host + rest
}
