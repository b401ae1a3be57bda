package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

// checkSecrets reads every secret, which runs the programs that print some, and looks who else may read or change it.
func checkSecrets(ctx context.Context, cfg *config.Config) []finding {
	var found []finding
	said := map[string]bool{} // of files: several receivers may have theirs in one
	warned := func(of func(error, int) finding) func(format string, args ...any) {
		return func(format string, args ...any) {
			text := fmt.Sprintf(format, args...)
			if !said[text] {
				said[text] = true
				f := of(errors.New(text), exitDone)
				f.Warning = true
				found = append(found, f)
			}
		}
	}
	for _, r := range cfg.All() {
		about := func(err error, code int) finding { return findingAbout(r, err, code) }
		r.Config.Secrets(func(_ string, s *notifier.Secret) {
			if n := r.Config.Network(); n.ProxyIsOpen() && *s == n.Proxy || isOpenVariable(r, *s) || isOpenSetting(r.Config, *s) { // holds none
				return
			}
			if err := checkSecret(ctx, s, r.File, warned(about)); err != nil {
				found = append(found, unreadableSecret(about(err, exitFail), s))
				return
			}
			for _, err := range unfit(ctx, r.Config, *s) {
				f := about(err, exitFail)
				f.remedy = "put there what the setting asks for, and nothing else"
				found = append(found, f)
			}
		})
	}
	about := func(err error, code int) finding {
		return finding{Problem: rules.Problem{File: cfg.Path, Message: "http.token: " + err.Error()}, code: code}
	}
	if err := checkSecret(ctx, &cfg.HTTP.Token, cfg.Path, warned(about)); err != nil {
		found = append(found, about(err, exitFail))
	}
	return found
}

// unreadableSecret is a finding about a secret that cannot be read. A credential is systemd's to give, and nobody else's business
// than serve's: where none runs that could be asked, it may be well.
func unreadableSecret(f finding, s *notifier.Secret) finding {
	kind, name := s.ServeOnly()
	switch kind {
	case "":
		return f
	case "env":
		f.remedy = fmt.Sprintf("set %s where it is needed: for serve, systemctl edit ossec-notify, write [Service] and below it EnvironmentFile=/PATH/OF/THE/FILE, then systemctl restart ossec-notify", name)
		return f
	}
	f.remedy = fmt.Sprintf("systemctl edit ossec-notify, write [Service] and below it LoadCredential=%s:/PATH/OF/THE/FILE, then systemctl restart ossec-notify", name)
	if os.Getenv("CREDENTIALS_DIRECTORY") == "" {
		f.Warning, f.code = true, exitDone
		f.Message += "; only serve can be given one: " + f.remedy
	}
	return f
}

// isOpenSetting reports a setting of a preset that the preset says is no secret.
func isOpenSetting(c *channel.Config, s notifier.Secret) bool {
	hook, ok := c.Settings().(*webhook.Config)
	return ok && hook.Preset != "" && slices.ContainsFunc(hook.OpenSecrets(), s.Equal)
}

// unfit says why a secret that can be read cannot be what its setting asks for. The channels know: what each looks at where
// the config holds a secret itself is what its messages wait for where a file does.
func unfit(ctx context.Context, c *channel.Config, s notifier.Secret) []error {
	v, err := s.Read(ctx)
	if err != nil || s.IsPlain() || s.IsZero() { // it has been said, or was looked at when the config was loaded
		return nil
	}
	whole := c.WithSecrets(func(x notifier.Secret) notifier.Secret {
		if x.Equal(s) {
			return notifier.PlainSecret(v)
		}
		return x
	})
	var found []error
	for _, err := range notifier.Split(whole.Validate()) {
		found = append(found, fmt.Errorf("%w (%s): messages wait until that is mended", err, s))
	}
	return found
}

// checkSecret reads a secret that the config file has, or names, and warns of who else may.
func checkSecret(ctx context.Context, s *notifier.Secret, config string, warn func(format string, args ...any)) error {
	if s.IsZero() {
		return nil
	}
	if _, err := s.Read(ctx); err != nil {
		return err
	}
	if program := s.Program(); program != "" {
		if fault := programFault(program, os.Geteuid()); fault != "" {
			warn("who can change the program that prints a secret runs what he likes as the deliverer: %s", fault)
		}
		return nil
	}
	path := s.File()
	if s.IsPlain() {
		path = config
	}
	st, err := os.Stat(path)
	if path == "" || err != nil {
		return nil
	}
	if st.Mode().Perm()&0o004 != 0 {
		warn("every user of this host can read the secrets in %s: chmod o-r %[1]s", path)
	}
	if !s.IsPlain() && st.Mode().Perm()&0o022 != 0 {
		warn("others than its owner can change the secret in %s: chmod go-w %[1]s", path)
	}
	return nil
}

// programFault says who beside root and the user could put another program in the place of this one; "" for nobody.
func programFault(path string, uid int) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err.Error()
	}
	for at := real; ; at = filepath.Dir(at) {
		st, err := os.Stat(at)
		if err != nil {
			return err.Error()
		}
		owner, _ := ownerOf(st)
		sticky := st.IsDir() && st.Mode()&fs.ModeSticky != 0 // there, only its owner replaces a file
		switch {
		case owner != 0 && owner != uid:
			return fmt.Sprintf("%s belongs to %s: chown root %[1]s", at, ownerName(st))
		case st.Mode().Perm()&0o022 != 0 && !sticky:
			return fmt.Sprintf("others than its owner can write %s: chmod go-w %[1]s", at)
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// argvUsed is how lately a receiver of ossec.conf must have been called to be worth a word: its file tells that to the
// day.
const argvUsed = 2 * site.ArgvTouch

// checkArgv warns of secrets that come as arguments: every user of the host sees those in ps while a call runs.
func (e *env) checkArgv(cfg *config.Config, now time.Time) []finding {
	var found []finding
	warn := func(file, format string, args ...any) {
		found = append(found, finding{Problem: rules.Problem{File: file, Warning: true, Message: fmt.Sprintf(format, args...)}})
	}
	const remedy = "name a receiver in the config, with the secret as {file: PATH}"
	conf := filepath.Join(e.home, "etc", "ossec.conf")
	blocks, err := integrationBlocks(conf)
	if err != nil {
		blocks = nil // doctor says that it cannot be read; what the state has tells enough
	}
	told := map[string]bool{} // kinds
	for _, b := range blocks {
		elements := b.secrets()
		if len(elements) == 0 || !e.callsUs(b.name, cfg) {
			continue
		}
		told[strings.TrimPrefix(b.name, "custom-")] = true
		instead := remedy + ", and take it out of ossec.conf"
		if fault, _ := (integrationBlock{name: b.name}).astray(cfg); fault == "" {
			instead = "take it out of ossec.conf: the config has a receiver for these calls, and it is not used"
		}
		warn(conf, "every user of this host can see the %s of the <integration> %s, in ps while a call runs: %s", strings.Join(elements, " and "), b.name, instead)
	}
	for _, state := range e.statePlaces() {
		dir := filepath.Join(state, "receivers")
		entries, _ := os.ReadDir(dir) // none, or not ours to see
		for _, entry := range entries {
			name, ok := strings.CutSuffix(entry.Name(), ".json")
			st, err := entry.Info()
			if !ok || err != nil {
				continue
			}
			path := filepath.Join(dir, entry.Name())
			if st.Mode().Perm()&0o077 != 0 {
				warn(path, "others than its owner may read the secrets of the receiver %s: chmod 0600 %s", name, path)
			}
			kind, _, _ := strings.Cut(strings.TrimPrefix(name, "argv-"), "-")
			if told[kind] || now.Sub(st.ModTime()) >= argvUsed {
				continue
			}
			told[kind] = true
			warn(path, "the secrets of the receiver %s come as arguments, which every user of this host can see in ps while a call runs: %s, and take <hook_url> and <api_key> out of ossec.conf", name, remedy)
		}
	}
	return found
}

// callsUs reports whether the program of an <integration> is this one.
func (e *env) callsUs(name string, cfg *config.Config) bool {
	short := strings.TrimPrefix(name, "custom-")
	_, kind := channel.ByCall(short)
	if kind || short == "notify" || slices.ContainsFunc(cfg.All(), func(r *config.Receiver) bool { return r.Name == short }) {
		return true
	}
	self, err := os.Executable()
	return err == nil && sameFile(filepath.Join(e.home, "integrations", name), self)
}

// secrets are the elements of an <integration> that hold a secret: not each server's address is one.
func (b integrationBlock) secrets() []string {
	held := b.hookURL + "\n" + b.apiKey
	if kind, ok := channel.ByCall(strings.TrimPrefix(b.name, "custom-")); ok {
		held = ""
		if cfg, err := kind.FromArgv(b.hookURL, notifier.PlainSecret(b.apiKey)); err == nil {
			cfg.Secrets(func(_ string, s *notifier.Secret) {
				v, _ := s.Plain()
				held += v + "\n"
			})
		}
	}
	var elements []string
	for _, of := range []struct{ element, text string }{{"<hook_url>", b.hookURL}, {"<api_key>", b.apiKey}} {
		holds := func(v string) bool { return v != "" && strings.Contains(of.text, v) }
		if slices.ContainsFunc(strings.Split(held, "\n"), holds) {
			elements = append(elements, of.element)
		}
	}
	return elements
}

// becomeOwner makes a check by root one by who delivers: what root may read, he perhaps may not, and what the config
// has run is not root's to run.
func (e *env) becomeOwner() error {
	for _, state := range e.statePlaces() {
		err := spool.BecomeOwner(state)
		if errors.Is(err, fs.ErrNotExist) { // a config is also checked on other hosts than it is for
			continue
		}
		if err != nil {
			return failed("%w", err)
		}
		break
	}
	return nil
}
