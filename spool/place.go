package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Places are where the state of an installation may be, the best first. The second is for a manager whose
// integratord may not make the first, and that nobody ran install for: every OSSEC and Wazuh can write there.
func Places(home string) []string {
	if home == "/" {
		home = ""
	}
	return []string{home + "/queue/ossec-notify", home + "/var/run/ossec-notify"}
}

// Locate returns the first of places that is a state directory which this process may use, or can be made one.
// The error says what is wrong with each.
func Locate(places ...string) (string, error) {
	if os.Geteuid() == 0 {
		// Root could make the first: beside a second that integratord's user has made, and out of its reach.
		for _, state := range places {
			if usable(state) == nil {
				return state, nil
			}
		}
	}
	var problems error
	for _, state := range places {
		err := usable(state)
		if errors.Is(err, fs.ErrNotExist) {
			if err = Prepare(state); err == nil {
				err = usable(state) // somebody may have made it just before us
			}
		}
		if err == nil {
			return state, nil
		}
		if problems == nil {
			problems = err
		} else {
			problems = fmt.Errorf("%w; %w", problems, err)
		}
	}
	return "", problems
}

// usable returns nil for a directory that this process may make files in, and that nobody has laid out for it.
func usable(state string) error {
	if err := Doubt(state, os.Geteuid()); err != nil {
		return err
	}
	const writeAndSearch = 2 | 1 // W_OK, X_OK of access(2)
	if err := syscall.Access(state, writeAndSearch); err != nil {
		return fmt.Errorf("use %s: %w", state, err)
	}
	return nil
}

// Doubt says why who works as a user must not trust a state directory: other users of the group can make directories
// in var/run, and who chooses the directory reads the alerts and the credentials in it, and writes alerts of his own.
// It must be the user's own, or root's; so must a link to it; and it must not be open to all. Root becomes its owner,
// so for root it may be anybody's, as long as the link to it is root's.
func Doubt(state string, uid int) error {
	st, err := os.Lstat(state)
	if err != nil {
		return err
	}
	if st.Mode()&fs.ModeSymlink != 0 {
		if of := uidOf(st); of != 0 && of != uid {
			return fmt.Errorf("%s is a link that user %d made", state, of)
		}
		if st, err = os.Stat(state); err != nil {
			return err
		}
	}
	switch of := uidOf(st); {
	case !st.IsDir():
		return fmt.Errorf("%s is no directory", state)
	case uid != 0 && of != 0 && of != uid:
		return fmt.Errorf("%s belongs to user %d, and this is user %d", state, of, uid)
	case st.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("%s can be written by every user: chmod 0700 it", state)
	}
	return nil
}

func uidOf(st fs.FileInfo) int { return int(st.Sys().(*syscall.Stat_t).Uid) }
