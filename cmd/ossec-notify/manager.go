package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/regular"
)

// managerFlags are for who knows better than what is found on the disk.
func managerFlags(cmd *cobra.Command, manager, user *string) {
	cmd.Flags().StringVar(manager, "manager", "", "ossec or wazuh (default: what HOME holds)")
	cmd.Flags().StringVar(user, "user", "", "whom integratord runs as, by name or id (default: the first of wazuh, ossecm, ossec that there is)")
}

// manager is the OSSEC or Wazuh of a home.
type manager struct {
	home  string
	wazuh bool
}

func (m manager) String() string {
	if m.wazuh {
		return "Wazuh"
	}
	return "OSSEC"
}

// findManager tells which manager a home belongs to. forced is the flag.
func findManager(home, forced string) (manager, error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(home, name))
		return err == nil
	}
	m := manager{home: home}
	if forced != "" {
		if forced != "ossec" && forced != "wazuh" {
			return m, fmt.Errorf("--manager is ossec or wazuh, not %q", forced)
		}
		if !has(".") {
			return m, fmt.Errorf("there is no directory %s: name the manager's with --home", home)
		}
		m.wazuh = forced == "wazuh"
		return m, nil
	}
	switch {
	case has("bin/wazuh-integratord") && has("etc/ossec.conf"):
		m.wazuh = true
		return m, nil
	case has("bin/ossec-integratord"):
		m.wazuh = initFileSaysWazuh(home) // to 4.1 its daemons had OSSEC's names
		return m, nil
	case has("bin/wazuh-analysisd"), has("bin/ossec-analysisd"):
		return m, fmt.Errorf("the manager in %s has no integratord (upstream OSSEC and Wazuh 5 have none): use \"follow\" and ossec-notify serve, or force it with --manager ossec|wazuh", home)
	}
	return m, fmt.Errorf("no manager in %s: looked for bin/wazuh-integratord with etc/ossec.conf (Wazuh) and for bin/ossec-integratord (OSSEC, Wazuh to 4.1); name its directory with --home, or force it with --manager ossec|wazuh", home)
}

// maxManagerFile is the size of the largest file of a manager's that is read whole, in bytes.
const maxManagerFile = 8 << 20

// initFileSaysWazuh reads what Wazuh's installer left: in the home, or for the home in /etc.
func initFileSaysWazuh(home string) bool {
	for _, path := range []string{filepath.Join(home, "etc", "ossec-init.conf"), "/etc/ossec-init.conf"} {
		b, err := regular.Read(path, maxManagerFile)
		if err != nil {
			continue
		}
		values := map[string]string{}
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				values[k] = strings.Trim(v, `"'`)
			}
		}
		if filepath.Clean(values["DIRECTORY"]) == home || filepath.Dir(path) != "/etc" {
			return values["NAME"] == "Wazuh"
		}
	}
	return false
}

// account is a user of this host with his groups.
type account struct {
	name, group string
	uid, gid    int
	groups      []int // gid is one of them
}

// findAccount finds the user that integratord runs as; forced is the flag.
func findAccount(m manager, forced string) (account, error) {
	names := []string{"wazuh", "ossecm", "ossec"}
	if !m.wazuh {
		names = names[1:]
	}
	if forced != "" {
		names = []string{forced}
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			if u, err = user.LookupId(name); err != nil {
				continue
			}
		}
		return accountOf(u)
	}
	return account{}, fmt.Errorf("there is no user %s on this host: name the one that integratord runs as with --user", strings.Join(names, " or "))
}

func accountOf(u *user.User) (account, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, fmt.Errorf("group of user %s: %w", u.Username, err)
	}
	a := account{name: u.Username, group: u.Gid, uid: uid, gid: gid, groups: []int{gid}}
	if g, err := user.LookupGroupId(u.Gid); err == nil {
		a.group = g.Name
	}
	if ids, err := u.GroupIds(); err == nil {
		for _, id := range ids {
			if n, err := strconv.Atoi(id); err == nil {
				a.groups = append(a.groups, n)
			}
		}
	}
	return a, nil
}

// The bits of a permission; see [account.may].
const (
	mayWrite fs.FileMode = 2
	mayEnter fs.FileMode = 1 // a directory
	mayRun   fs.FileMode = 1 // a program
)

// may reports whether the user has all of a permission's bits on a file. It looks at the mode only.
func (a account) may(bits fs.FileMode, st fs.FileInfo) bool {
	uid, gid := ownerOf(st)
	mode := st.Mode().Perm()
	switch {
	case a.uid == 0:
		return true
	case uid == a.uid:
		mode >>= 6
	case slices.Contains(a.groups, gid):
		mode >>= 3
	}
	return mode&bits == bits
}

func ownerOf(st fs.FileInfo) (uid, gid int) {
	sys := st.Sys().(*syscall.Stat_t)
	return int(sys.Uid), int(sys.Gid)
}

// ownerName is the owner as ls writes it.
func ownerName(st fs.FileInfo) string {
	uid, gid := ownerOf(st)
	name, group := strconv.Itoa(uid), strconv.Itoa(gid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return name + ":" + group
}

// binaryFaults says what is wrong with the place of the program. refused is what Wazuh does not run: a program that the
// integration user can write. doubts are ways in which he, or another user, could put a program in its place.
func binaryFaults(path string, who account) (refused string, doubts []string, err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if who.may(mayWrite, st) {
		refused = fmt.Sprintf("%s can be written by %s, as whom integratord runs it", path, who.name)
	}
	for child, first := path, true; ; first = false {
		uid, _ := ownerOf(st)
		sticky := st.IsDir() && st.Mode()&fs.ModeSticky != 0
		switch {
		case first && refused != "":
		case uid != 0 && !sticky:
			doubts = append(doubts, fmt.Sprintf("%s belongs to %s, not to root", child, ownerName(st)))
		case who.uid != 0 && who.may(mayWrite, st) && !sticky: // in a sticky directory only its owner replaces a file
			doubts = append(doubts, fmt.Sprintf("%s can be written by %s, who could replace the program", child, who.name))
		}
		if child == "/" {
			return refused, doubts, nil
		}
		child = filepath.Dir(child)
		if st, err = os.Stat(child); err != nil {
			return refused, doubts, err
		}
	}
}

// runFault is why the user cannot run a program, "" where he can: for want of a permission on it or on a directory that
// leads to it. Like [account.may] it looks at modes only.
func runFault(path string, who account) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(real)
	if err != nil {
		return "", err
	}
	if !who.may(mayRun, st) || st.Mode().Perm()&0o111 == 0 {
		return cannotRun(path, who, real, st), nil
	}
	for _, p := range []string{path, real} {
		for dir := filepath.Dir(p); ; dir = filepath.Dir(dir) {
			if st, err = os.Stat(dir); err != nil {
				return "", err
			}
			if !who.may(mayEnter, st) {
				return cannotRun(path, who, dir, st), nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", nil
}

func cannotRun(path string, who account, at string, st fs.FileInfo) string {
	return fmt.Sprintf("%s cannot run %s: %s is %s's with mode %#o", who.name, path, at, ownerName(st), st.Mode().Perm())
}

// runRemedy is what to do about a program that the integration user cannot run.
const runRemedy = "put it, with mode 0755, where every user may run it, such as /usr/local/bin, and run ossec-notify install there"

// writableRemedy is what to do about a program that the integration user can write.
func writableRemedy(who account) string {
	if who.uid == 0 {
		return "let integratord run as its own user: root can write every program"
	}
	return "chown root:root and chmod 0755 it"
}
