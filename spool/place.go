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
			err = Prepare(state)
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

// usable returns nil for a directory that this process may make files in.
func usable(state string) error {
	st, err := os.Stat(state)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return fmt.Errorf("%s is no directory", state)
	}
	const writeAndSearch = 2 | 1 // W_OK, X_OK of access(2)
	if err := syscall.Access(state, writeAndSearch); err != nil {
		return fmt.Errorf("use %s: %w", state, err)
	}
	return nil
}
