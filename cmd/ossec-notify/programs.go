package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// isOpenVariable reports a variable of a program that holds no secret.
func isOpenVariable(r *config.Receiver, s notifier.Secret) bool {
	c := r.Config.Program()
	return c != nil && slices.ContainsFunc(c.OpenSecrets(), s.Equal)
}

// checkPrograms looks whether the programs of receivers are there and can be run by who looks, and who else can change them.
// Who is to run as another user can do so where serve, which runs, may.
func checkPrograms(cfg *config.Config, d *dispatch.Dispatcher, served *confined) []finding {
	var found []finding
	for _, r := range cfg.Receivers {
		c := r.Config.Program()
		if c == nil {
			continue
		}
		mistake := func(key, format string, args ...any) {
			found = append(found, findingAbout(r, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)}, exitFail))
		}
		warn := func(key, format string, args ...any) {
			mistake(key, format, args...)
			found[len(found)-1].Warning, found[len(found)-1].code = true, exitDone
		}
		for _, name := range c.Report {
			if to := d.Receivers[name]; to != nil && !notifier.Follows(to.Notifier, notifier.Report) {
				warn("report", "%q is told nothing: %s has no message for it", name, cmp.Or(to.Preset, to.Channel))
			}
		}
		for _, doubt := range c.Doubts() {
			warn(doubt.Key, "%s", doubt.Message)
		}
		user, err := c.Account()
		uid := os.Geteuid()
		if field := (*notifier.FieldError)(nil); errors.As(err, &field) {
			mistake(field.Key, "%s", field.Message)
		}
		if user != nil {
			uid = int(user.UID)
			if err := user.Allowed(); err != nil && (served == nil || !served.mayBecomeOthers()) {
				warn("user", "%s: only root can, or serve whose unit gives it CAP_SETUID, CAP_SETGID and CAP_KILL (docs/runbooks.md has the lines)", err)
			}
		}
		if c.Directory != "" {
			if st, err := os.Stat(c.Directory); err != nil || !st.IsDir() {
				mistake("directory", "there is no directory %s", display.Quote(c.Directory).Line())
			}
		}
		path := c.Run[0]
		switch st, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			mistake("run", "there is no %s on this host", display.Quote(path).Line())
			continue
		case err != nil:
			mistake("run", "%s", err)
			continue
		case !st.Mode().IsRegular():
			mistake("run", "%s is no file", display.Quote(path).Line())
			continue
		case unix.Access(path, unix.X_OK) != nil || st.Mode().Perm()&0o111 == 0:
			mistake("run", "who delivers cannot execute %s: chmod +x, and mind its directories", display.Quote(path).Line())
			continue
		}
		if fault := programFault(path, uid); fault != "" {
			warn("run", "who can change the program runs what he likes, with every alert: %s", fault)
		}
		if fault := interpreterFault(path); fault != "" {
			mistake("run", "%s", fault)
		}
	}
	return found
}

// interpreterFault says what is wrong with the first line of a script; "" for a program that is none.
func interpreterFault(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "" // it can be executed, and need not be readable
	}
	defer f.Close()
	var head [256]byte
	n, _ := f.Read(head[:])
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	rest, script := strings.CutPrefix(line, "#!")
	words := strings.Fields(rest)
	switch {
	case script && strings.HasSuffix(line, "\r"):
		return fmt.Sprintf("the lines of %s end as in Windows: its first line names no program then", filepath.Base(path))
	case script && len(words) > 0:
		if _, err := os.Stat(words[0]); err != nil {
			return fmt.Sprintf("the first line of %s names %s, which is not there", filepath.Base(path), display.Quote(words[0]).Line())
		}
		return ""
	case !script && printable(head[:n]):
		return fmt.Sprintf("%s is a script without a first line such as #!/bin/sh", filepath.Base(path))
	}
	return ""
}

// printable reports text, as scripts are.
func printable(b []byte) bool {
	return len(b) > 0 && !slices.ContainsFunc(b, func(c byte) bool { return c < 0x20 && c != '\n' && c != '\t' && c != '\r' })
}
