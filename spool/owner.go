package spool

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// BecomeOwner makes a process of root's one of the state directory's owner: its user, group and further groups,
// for good. A process of anybody else's stays what it is. It is to be called before anything in the directory is
// opened: what root made there, the owner could not read.
func BecomeOwner(state string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := owner(state)
	if err != nil || uid == 0 {
		return err
	}
	// A system without these files, or with users elsewhere, leaves the directory's group.
	passwd, _ := os.ReadFile("/etc/passwd")
	group, _ := os.ReadFile("/etc/group")
	gid, groups := groupsOf(uid, gid, string(passwd), string(group))
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("take the groups of user %d, who owns %s: %w", uid, state, err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("become group %d of user %d, who owns %s: %w", gid, uid, state, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("become user %d, who owns %s: %w", uid, state, err)
	}
	return nil
}

// owner is who owns a state directory. It does not trust a link that is not root's: var/run is a place where
// others make directories, and who may choose the directory would choose who root becomes.
func owner(state string) (uid, gid int, err error) {
	st, err := os.Lstat(state)
	if err != nil {
		return 0, 0, err
	}
	if st.Mode()&fs.ModeSymlink != 0 {
		if u := uidOf(st); u != 0 {
			return 0, 0, fmt.Errorf("%s is a link that user %d made", state, u)
		}
		if st, err = os.Stat(state); err != nil {
			return 0, 0, err
		}
	}
	sys := st.Sys().(*syscall.Stat_t)
	return int(sys.Uid), int(sys.Gid), nil
}

// groupsOf finds the group and the further groups of a user in the texts of /etc/passwd and /etc/group; see
// passwd(5) and group(5). A user who is not there has the given group and no other. (os/user would delay the door.)
func groupsOf(uid, gid int, passwd, group string) (primary int, groups []int) {
	name := ""
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[2] != strconv.Itoa(uid) {
			continue
		}
		if g, err := strconv.Atoi(f[3]); err == nil {
			name, gid = f[0], g
		}
		break
	}
	if name == "" {
		return gid, nil
	}
	for line := range strings.Lines(group) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 {
			continue
		}
		g, err := strconv.Atoi(f[2])
		if err != nil {
			continue
		}
		for member := range strings.SplitSeq(f[3], ",") {
			if member == name {
				groups = append(groups, g)
			}
		}
	}
	return gid, groups
}
