package main

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/page/live"
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
func (e *env) serveWeb(ctx context.Context, f webFlags, g *live.Previews, in *inbox.Inbox) error {
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
		beside.Go(func() { g.Watch(ctx, s.Changed, s.Impact) })
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
		g.Close()
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

// newPreviews reads the config and the alerts of a command, and says on stderr what cannot be read of these.
func (e *env) newPreviews(ctx context.Context, in input) (*live.Previews, error) {
	opt := live.Options{
		Config: absolute(configPath(e.config, e.home)), Named: e.config != "" || os.Getenv("OSSEC_NOTIFY_CONFIG") != "",
		Home: e.home, States: e.statePlaces(), Files: in.files, Sample: in.sample, OnCall: e.rememberedOnCall,
		Read: func(ctx context.Context, file string, zone *time.Location) iter.Seq2[*alert.Alert, error] {
			return e.alerts(ctx, input{files: []string{file}}, zone)
		},
	}
	if exists, err := configExists(opt.Config); opt.Named && err == nil && !exists {
		return nil, config.FileError(opt.Config, fs.ErrNotExist)
	}
	g, err := live.New(ctx, opt)
	if err != nil {
		return nil, failed("%w", err)
	}
	for _, p := range g.Unread() {
		fmt.Fprintf(e.stderr, "note: %s\n", safe(p.Text))
	}
	return g, nil
}
