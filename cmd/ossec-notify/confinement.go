package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/regular"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/spool"
)

// served looks at the serve that runs, for which it must still be who was called: its owner may not be allowed to. nil is none. The
// number of one that was killed may be another process's by now, which neither holds the lock nor is anybody's to be held against.
func (e *env) served() (*confined, error) {
	for _, state := range e.statePlaces() {
		h, err := spool.ReadHolder(state)
		if err != nil || h.Kind != "serve" || !alive(h.PID) {
			continue
		}
		holds, err := hasOpen(h.PID, spool.LockPath(state))
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return nil, nil
		case err != nil:
			return nil, err
		case holds:
			return confinementOf(h.PID)
		}
	}
	return nil, nil
}

// drop is what to write to let the unit do more.
func (c *confined) drop(line string) string {
	return fmt.Sprintf("systemctl edit %s, write [Service] and below it %s, then systemctl restart %[1]s", c.unit, line)
}

// lends gives this process the credentials and variables of serve that the config names and only serve has, to read them as it does.
func (c *confined) lends(cfg *config.Config) {
	if c == nil || cfg == nil {
		return
	}
	lend := func(name string) {
		if _, ours := os.LookupEnv(name); !ours && c.environment[name] != "" {
			_ = os.Setenv(name, c.environment[name]) // else it is not there, which is told
		}
	}
	of := func(_ string, s *notifier.Secret) {
		switch kind, name := s.ServeOnly(); kind {
		case "credential":
			lend("CREDENTIALS_DIRECTORY")
		case "env":
			lend(name)
		}
	}
	for _, r := range cfg.All() {
		r.Config.Secrets(of)
	}
	of("", &cfg.HTTP.Token)
}

// check says what the config asks for and the running serve may not do.
func (c *confined) check(cfg *config.Config, home string) []finding {
	if c == nil {
		return nil
	}
	var found []finding
	say := func(f finding, warning bool, remedy string) {
		f.Warning, f.remedy = warning, remedy
		if warning {
			f.code = exitDone
		}
		if !slices.ContainsFunc(found, func(old finding) bool { return old.Message == f.Message }) {
			found = append(found, f)
		}
	}
	hidden := func(what, path string, at func(message string) finding) bool {
		path = absolute(path)
		if !c.hides(path) {
			return false
		}
		why := "its unit hides it (ProtectHome, InaccessiblePaths)"
		remedy := "let it lie elsewhere; systemctl cat " + c.unit + " shows what is hidden"
		for _, tmp := range []string{"/tmp/", "/var/tmp/"} {
			if strings.HasPrefix(path+"/", tmp) {
				why = "it has a " + strings.TrimSuffix(tmp, "/") + " of its own (PrivateTmp), which goes when it stops"
				remedy = "let it lie elsewhere, or " + c.drop("PrivateTmp=no")
			}
		}
		say(at(fmt.Sprintf("%sserve does not see %s: %s", what, path, why)), false, remedy)
		return true
	}
	for _, r := range cfg.All() {
		at := func(key string) func(string) finding {
			return func(message string) finding {
				return findingAbout(r, &notifier.FieldError{Key: key, Message: message}, exitFail)
			}
		}
		r.Config.Files(func(f channel.File) {
			switch {
			case hidden("", f.Path, at(f.Key)):
			case f.Writes && hidden("", filepath.Dir(f.Path), at(f.Key)):
			case f.Writes && c.readOnly(absolute(f.Path)):
				dir := filepath.Dir(absolute(f.Path))
				say(at(f.Key)(fmt.Sprintf("serve may not write to %s, which is read-only for it", dir)), false, c.drop("ReadWritePaths="+unitWord(dir, false)))
			}
		})
		program := r.Config.Program()
		if program == nil {
			continue
		}
		if st, err := os.Stat(program.Run[0]); err == nil && c.noNewRights && st.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
			say(at("run")(fmt.Sprintf("%s gains no rights under serve (NoNewPrivileges), so it commonly fails", filepath.Base(program.Run[0]))), true,
				"hand over instead: docs/runbooks.md")
		}
	}
	whole := func(message string) finding {
		return finding{Problem: rules.Problem{File: cfg.Path, Message: message}, code: exitFail}
	}
	hidden("", cfg.Path, whole)
	if cfg.TemplatesDir != "" {
		hidden("templates: ", cfg.TemplatesDir, whole)
	}
	for _, path := range cfg.Follow {
		if !filepath.IsAbs(path) {
			path = filepath.Join(home, path)
		}
		hidden("follow: ", path, whole)
	}
	for _, path := range cfg.Enrich.Files() {
		hidden("enrich: ", path, whole)
	}
	return found
}

// unit looks at what systemd makes of serve: its file, and whether what the config asks for gets past its walls.
func (x *examination) unit() {
	path := filepath.Join(defaultUnitDir, unitName)
	if text, err := regular.Read(path, maxManagerFile); err == nil && isOutdated(string(text), x.home, x.statePlaces()[0]) {
		x.warning("unit", "ossec-notify install writes it anew; then systemctl daemon-reload && systemctl restart ossec-notify",
			"%s was written by another version of ossec-notify, and differs", path)
	}
	if x.confinedErr != nil {
		x.ok("unit", "what serve may do and see cannot be looked at by who runs doctor: run it as root, or as the user of serve (in a container, root may not look either): %s", x.confinedErr)
		return
	}
	if x.confined == nil || x.cfg == nil {
		return
	}
	found := x.confined.check(x.cfg, x.home)
	for _, f := range found {
		if f.Warning {
			x.warning("unit", f.remedy, "%s", f.Message)
		} else {
			x.problem("unit", f.remedy, "%s", f.Message)
		}
	}
	if len(found) == 0 {
		x.ok("unit", "serve may do what the config asks for, as far as can be seen from outside")
	}
}

// isOutdated reports a unit that install wrote for this home, and would write otherwise now. Which program and which user it names
// is up to who ran install.
func isOutdated(text, home, state string) bool {
	walls := func(text string) (kept []string) {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "ExecStart=") && !strings.HasPrefix(line, "User=") && !strings.HasPrefix(line, "Group=") {
				kept = append(kept, line)
			}
		}
		return kept
	}
	now := unitText("ossec-notify", home, state, account{})
	_, command, _ := strings.Cut(now, "ExecStart=ossec-notify")
	command, _, _ = strings.Cut(command, "\n")
	return strings.HasPrefix(text, unitMark) && strings.Contains(text, command+"\n") && !slices.Equal(walls(text), walls(now))
}
