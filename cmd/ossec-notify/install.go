package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/regular"
)

const installHelp = `Makes what an installation needs, and says each thing that it made: the links in HOME/integrations, the state directory
of the integration user (who cannot make it), a config to begin with, the directory of templates, a systemd unit for
"serve". Then it prints the <integration> blocks for this manager. What is there already stays as it is, so running it
twice changes nothing. ossec.conf is yours: install does not touch it.`

const installExample = `  ossec-notify install --dry-run                 what would be made? nothing is
  ossec-notify install                           as root
  ossec-notify install --home /opt/ossec --manager ossec --user ossecm
  ossec-notify install --no-unit`

type installOptions struct {
	manager, user, binary, unitDir string
	noUnit, dryRun                 bool
}

func installCommand(e *env) *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use:     "install",
		Short:   "links, directories, a first config, the systemd unit, the blocks for ossec.conf",
		Long:    installHelp,
		Example: installExample,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return e.install(o) },
	}
	flags := cmd.Flags()
	managerFlags(cmd, &o.manager, &o.user)
	flags.StringVar(&o.binary, "binary", "", "the program that the links lead to (default this one)")
	flags.StringVar(&o.unitDir, "unit-dir", defaultUnitDir, "where systemd looks for units")
	flags.BoolVar(&o.noUnit, "no-unit", false, "no systemd unit")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only say what would be made")
	return cmd
}

const defaultUnitDir = "/etc/systemd/system"

// linkNames are the links that install makes.
func linkNames() []string {
	names := []string{"custom-notify"}
	for _, c := range channel.Names() {
		names = append(names, "custom-"+c)
	}
	return names
}

// thisBinary is the program that links are to lead to.
func thisBinary(flag string) (string, error) {
	path := flag
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return "", fmt.Errorf("where this program lies is not known; name it with --binary: %w", err)
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("--binary: %w", err)
	}
	if !st.Mode().IsRegular() || st.Mode().Perm()&0o111 == 0 {
		return "", fmt.Errorf("--binary: %s is no program", path)
	}
	return path, nil
}

// installer makes things, or says what it would make.
type installer struct {
	*env
	manager manager
	who     account
	dry     bool
	failed  int
}

func (e *env) install(o installOptions) error {
	home, err := filepath.Abs(e.home)
	if err != nil {
		return err
	}
	i := &installer{env: e, dry: o.dryRun}
	var nobody error
	i.manager, err = findManager(home, o.manager)
	if i.who, nobody = findAccount(i.manager, o.user); err != nil && nobody != nil { // both are asked for at once
		return fmt.Errorf("%w; %w", err, nobody)
	}
	if err := cmp.Or(err, nobody); err != nil {
		return err
	}
	binary, err := thisBinary(o.binary)
	if err != nil {
		return err
	}
	if err := i.mayInstall(home); err != nil {
		return err
	}
	e.home = home
	state, err := filepath.Abs(e.statePlaces()[0])
	if err != nil {
		return err
	}

	fmt.Fprintf(e.stdout, "%s in %s; integratord runs as %s:%s\n", i.manager, home, i.who.name, i.who.group)
	i.binary(binary)
	i.directory(filepath.Join(home, "integrations"))
	for _, name := range linkNames() {
		i.link(filepath.Join(home, "integrations", name), binary)
	}
	i.state(state)
	i.directory(filepath.Join(home, "etc", "ossec-notify"))
	i.directory(filepath.Join(home, "etc", "ossec-notify", "templates"))
	i.config(configPath(e.config, home), starterConfig(home))
	i.log(filepath.Join(home, "logs"))
	if !o.noUnit {
		i.unit(o.unitDir, unitText(binary, home, state, i.who))
	}
	fmt.Fprint(e.stdout, integrationText(i.manager))
	i.runs(binary)
	if i.failed > 0 {
		return failed("%s could not be made", display.Count(i.failed, "thing"))
	}
	return nil
}

// mayInstall refuses early what would fail at every step.
func (i *installer) mayInstall(home string) error {
	st, err := os.Stat(home)
	if err != nil {
		return err
	}
	if etc := filepath.Join(home, "etc"); !isDirectory(etc) {
		return failed("there is no directory %s, so %s is no manager's: name its directory with --home", etc, home)
	}
	if uid, _ := ownerOf(st); !i.dry && os.Geteuid() != 0 && uid != os.Geteuid() {
		return failed("%s belongs to %s: run install as root (or look what it would do with --dry-run)", home, ownerName(st))
	}
	return nil
}

func isDirectory(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// make says what it makes and makes it, unless this is a dry run.
func (i *installer) make(what string, step func() error) {
	if i.dry {
		fmt.Fprintln(i.stdout, "would make", what)
		return
	}
	if err := step(); err != nil {
		i.fail(what, err)
		return
	}
	fmt.Fprintln(i.stdout, "made", what)
}

func (i *installer) there(what string) { fmt.Fprintln(i.stdout, "is there already:", what) }

func (i *installer) warn(what string) { fmt.Fprintln(i.stderr, "warning:", what) }

func (i *installer) fail(what string, err error) {
	i.failed++
	hint := ""
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		hint = " (root may)"
	}
	fmt.Fprintf(i.stderr, "could not make %s: %s%s\n", what, err, hint)
}

// mayChown is to whom this process can give a file that is meant for a user and a group: who is not root keeps what is
// his own. -1 stands for no change.
func (i *installer) mayChown(uid, gid int) (int, int) {
	if os.Geteuid() != 0 {
		uid = -1
		if gid == os.Getegid() {
			gid = -1
		}
	}
	return uid, gid
}

func (i *installer) binary(path string) {
	refused, doubts, err := binaryFaults(path, i.who)
	if err != nil {
		i.warn(err.Error())
	}
	if refused != "" {
		if i.manager.wazuh {
			refused += ": Wazuh refuses to run it"
		}
		i.warn(refused + "; " + writableRemedy(i.who))
	}
	if len(doubts) > 0 {
		i.warn(strings.Join(doubts, "; ") + ": better put the program where only root may write, such as /usr/local/bin, and name it with --binary")
	}
}

// runs warns, as the last word, of a program that integratord's user cannot run. It is no refusal: an ACL, which a mode
// does not tell of, may let him.
func (i *installer) runs(path string) {
	fault, err := runFault(path, i.who)
	if err != nil {
		i.warn(err.Error())
	}
	if fault != "" {
		i.warn(fault + ": no call of integratord's can work; " + runRemedy)
	}
}

// directory makes a directory that root fills and the integration user reads.
func (i *installer) directory(path string) {
	what := fmt.Sprintf("directory %s", path)
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		i.there(what)
		return
	}
	i.make(what, func() error {
		if err := os.Mkdir(path, 0o750); err != nil {
			return err
		}
		return i.give(path, 0o750, 0)
	})
}

// give gives a directory to a user and the integration user's group. It does so by the open directory: Wazuh lets its
// user write to HOME/etc, who could put a link in its place, and root would give away what that leads to.
func (i *installer) give(path string, mode fs.FileMode, uid int) error {
	d, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	uid, gid := i.mayChown(uid, i.who.gid)
	return errors.Join(d.Chmod(mode), d.Chown(uid, gid), d.Close())
}

// link makes a link. It replaces one that leads nowhere or to another ossec-notify; another program stays.
func (i *installer) link(path, binary string) {
	what := fmt.Sprintf("link %s to %s", path, binary)
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.make(what, func() error { return os.Symlink(binary, path) })
		return
	case err != nil:
		i.fail(what, err)
		return
	case st.Mode()&fs.ModeSymlink == 0:
		i.fail(what, errors.New("another program is there; move it away and run install again"))
		return
	}
	target, _ := os.Readlink(path)
	if sameFile(path, binary) {
		i.there(what)
		return
	}
	if _, err := os.Stat(path); err == nil && !strings.HasPrefix(filepath.Base(target), "ossec-notify") {
		i.fail(what, fmt.Errorf("it leads to another program, %s; remove it and run install again", target))
		return
	}
	i.make(what+", which led to "+target, func() error {
		fresh := path + ".new" // integratord may run it at any moment
		if err := os.Symlink(binary, fresh); err != nil {
			return err
		}
		return os.Rename(fresh, path)
	})
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// stateMode is the state directory's: alerts hold what nobody else should read.
const stateMode = 0o700

// state makes the state directory, or mends its owner and mode.
func (i *installer) state(path string) {
	what := fmt.Sprintf("state directory %s, %s:%s %#o", path, i.who.name, i.who.group, stateMode)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		st, err := os.Lstat(path)
		if err != nil {
			i.fail(what, err)
			return
		}
		if uid, _ := ownerOf(st); st.Mode()&fs.ModeSymlink != 0 && uid != 0 && os.Geteuid() == 0 {
			i.fail(what, fmt.Errorf("it is a link of %s's: root does not follow it", ownerName(st)))
			return
		}
		path = real
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.make(what, func() error {
			if err := i.mayGive(); err != nil {
				return err
			}
			if err := i.queue(filepath.Dir(path)); err != nil {
				return err
			}
			if err := os.Mkdir(path, stateMode); err != nil {
				return err
			}
			return i.giveState(path)
		})
	case err != nil:
		i.fail(what, err)
	case !st.IsDir():
		i.fail(what, errors.New("a file is there"))
	default:
		uid, gid := ownerOf(st)
		if uid == i.who.uid && gid == i.who.gid && st.Mode().Perm() == stateMode {
			i.there(what)
			return
		}
		i.make(fmt.Sprintf("%s, which was %s %#o", what, ownerName(st), st.Mode().Perm()), func() error {
			if err := i.mayGive(); err != nil {
				return err
			}
			return i.giveState(path)
		})
	}
}

// mayGive reports why a directory cannot be made the integration user's: only root gives things to others.
func (i *installer) mayGive() error {
	if os.Geteuid() != 0 && i.who.uid != os.Geteuid() {
		return fmt.Errorf("give it to %s: %w", i.who.name, fs.ErrPermission)
	}
	return nil
}

// queue makes the directory that holds the state, where a manager has none.
func (i *installer) queue(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.Mkdir(path, 0o750); err != nil {
		return err
	}
	return i.give(path, 0o750, 0)
}

// giveState gives the state directory to the integration user. What lies in one that was root's is given too: a command
// that root ran before the installation made it. Of one that was another user's only itself is given: it may hold links
// that he made.
func (i *installer) giveState(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if uid, _ := ownerOf(st); uid == 0 && os.Geteuid() == 0 {
		err := filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || name == path {
				return err
			}
			return os.Lchown(name, i.who.uid, i.who.gid)
		})
		if err != nil {
			return err
		}
	}
	return i.give(path, stateMode, i.who.uid)
}

// config writes the starter config where there is none.
func (i *installer) config(path, text string) {
	what := "config " + path
	if _, err := os.Lstat(path); err == nil {
		i.there(what)
		return
	}
	i.make(what+", to begin with", func() error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		uid, gid := i.mayChown(0, i.who.gid)
		return errors.Join(err, f.Chmod(0o640), f.Chown(uid, gid), f.Close())
	})
}

// log says where the log goes.
func (i *installer) log(logs string) {
	st, err := os.Stat(logs)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(i.stdout, "log: syslog (daemon, ossec-notify), as there is no %s\n", logs)
		return
	}
	if err != nil || !i.who.may(mayWrite|mayEnter, st) {
		fmt.Fprintf(i.stdout, "log: syslog (daemon, ossec-notify), as %s may not write to %s\n", i.who.name, logs)
		return
	}
	fmt.Fprintf(i.stdout, "log: %s\n", filepath.Join(logs, "ossec-notify.log"))
}

// unit writes the systemd unit. One that a person wrote stays.
func (i *installer) unit(dir, text string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		i.fail("systemd unit", err)
		return
	}
	path := filepath.Join(dir, unitName)
	what := "systemd unit " + path
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir == defaultUnitDir {
		fmt.Fprintf(i.stdout, "no systemd unit: there is no %s (run ossec-notify serve as %s by other means)\n", dir, i.who.name)
		return
	}
	old, err := regular.Read(path, maxManagerFile)
	switch {
	case err == nil && string(old) == text:
		i.there(what)
		return
	case err == nil && !bytes.HasPrefix(old, []byte(unitMark)):
		i.fail(what, errors.New("another is there that install did not write; remove it and run install again"))
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		i.fail(what, err)
		return
	}
	i.make(what, func() error {
		fresh := path + ".new"
		if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
			return err
		}
		return os.Rename(fresh, path)
	})
	fmt.Fprintln(i.stdout, "then: systemctl daemon-reload && systemctl enable --now ossec-notify (paging should have the daemon)")
}
