package program

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// User is an account that a program runs as.
type User struct {
	Name     string
	Home     string
	UID, GID uint32
	Groups   []uint32
}

// LookupUser finds an account by its name or number.
func LookupUser(name string) (*User, error) {
	found, err := user.Lookup(name)
	if err != nil {
		if _, number := strconv.ParseUint(name, 10, 32); number == nil {
			found, err = user.LookupId(name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("this host has no user %s", strconv.Quote(name))
	}
	u := &User{Name: found.Username, Home: found.HomeDir}
	groups, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("the groups of user %s: %w", found.Username, err)
	}
	var errs []error
	id := func(text string) uint32 {
		n, err := strconv.ParseUint(text, 10, 32)
		errs = append(errs, err)
		return uint32(n)
	}
	u.UID, u.GID = id(found.Uid), id(found.Gid)
	for _, g := range groups {
		u.Groups = append(u.Groups, id(g))
	}
	return u, errors.Join(errs...)
}

// Allowed says why we cannot run a program as the user; nil where we can.
func (u *User) Allowed() error {
	if u.isUs() || mayBecomeOthers() {
		return nil
	}
	return fmt.Errorf("a process of %s cannot run programs as %s", us().Name, u.Name)
}

func (u *User) isUs() bool { return int(u.UID) == os.Geteuid() }

func (u *User) credential() *syscall.Credential {
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// us is who we are. $HOME is not asked: it is root's in a process that root started.
func us() *User {
	id := strconv.Itoa(os.Geteuid())
	u := &User{Name: "uid " + id}
	if found, err := user.LookupId(id); err == nil {
		u.Name, u.Home = found.Username, found.HomeDir
	}
	return u
}

// environment is what every program of the user gets: the same whoever delivers.
func (u *User) environment() []string {
	if u == nil {
		u = us()
	}
	return []string{"PATH=" + Path, "HOME=" + cmp.Or(u.Home, "/"), "LANG=C.UTF-8"}
}

// Environment is what every program gets beside its own: of the user, or of who we are where that is nil.
func Environment(u *User) []string { return u.environment() }
