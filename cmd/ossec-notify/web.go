package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"sync"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/inbox"
)

// webFlags are those of the commands that show their page in a browser.
type webFlags struct {
	web, open bool
	listen    string
}

func (f *webFlags) add(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVar(&f.web, "web", false, "show "+what+" in a browser, until Ctrl-C")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "with --web: the address to serve at, of this machine alone")
	cmd.Flags().BoolVar(&f.open, "open", false, "with --web: open the browser, too")
}

// check finds flags that do nothing.
func (f *webFlags) check(cmd *cobra.Command) error {
	for _, name := range []string{"listen", "open"} {
		if !f.web && cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s says how the page is served: add --web", name)
		}
	}
	return nil
}

// serveWeb serves the page until ctx ends. Of previews and inbox one may be nil.
func (e *env) serveWeb(ctx context.Context, f webFlags, g *previews, in *inbox.Inbox) error {
	opt := page.Options{Listen: f.listen, Version: versionText()}
	if g != nil {
		opt.Previews = g
	}
	if in != nil {
		opt.Inbox = in
	}
	s, err := page.Start(opt)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	var beside sync.WaitGroup
	if in != nil {
		in.OnArrival(s.Arrived)
	}
	if g != nil {
		g.tell, g.count = s.Changed, s.Impact
		beside.Go(func() { g.watch(ctx) })
	}
	fmt.Fprintf(e.stdout, "Open %s\nEnd with Ctrl-C.\n", s.URL())
	if f.open {
		if err := openBrowser(ctx, s.URLOnce()); err != nil {
			fmt.Fprintf(e.stderr, "note: no browser could be opened: %s\n", err)
		}
	}
	<-ctx.Done()
	s.Close("ended in the terminal")
	beside.Wait()
	if g != nil {
		g.close()
	}
	return nil
}

// openBrowser asks the desktop for its browser, and does not wait for it.
func openBrowser(ctx context.Context, address string) error {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, address)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // what became of it is to be seen
	return nil
}

// previewWeb shows the preview in a browser.
func (e *env) previewWeb(ctx context.Context, f webFlags, in input) error {
	g, err := e.newPreviews(ctx, in)
	if err != nil {
		return err
	}
	return e.serveWeb(ctx, f, g, nil)
}
