package door

import (
	"bufio"
	"io"
	"os"
	"strings"

	"github.com/ossec-notify/ossec-notify/spool"
)

// Unspooled is a call that the spool did not take.
type Unspooled struct {
	Call Call
	// Record is what was to be spooled. The alert file has been read, and standard input has been consumed.
	Record *spool.Record
	// Err says why the spool did not take it.
	Err error
}

// Pending returns the call that this process was started for, if the spool did not take it: main delivers it at
// once, or says that it is lost. A call that the spool took never gets as far as main.
func Pending() (Unspooled, bool) {
	if pending == nil {
		return Unspooled{}, false
	}
	return *pending, true
}

// pending is what answer leaves. That it is a variable of the package is the whole trick of this package: its
// value is computed when the package is initialised, and for a call by integratord that computation ends the
// process.
//
// Why here: integratord runs us once for each alert and waits. The program links Slack's library, sprig, a
// database and more, and their initialisation takes longer than all that a call has to do. Go initialises
// packages in the order of their import paths, each as soon as its imports are (the language's specification,
// "Program initialization"). This package's path begins with "github.com" and its imports are few and ready
// early, so it comes before nearly all of them.
//
// What spoils it: an import, in this package or in spool, that is ready late. That is no question of size:
// encoding/json and fmt come first anyway, since "e" and "f" are before "g", while path/filepath, os/exec, os/user
// and log/syslog have names behind "github.com" and would let all others go ahead. A test file inside this
// package would add its own imports to it, which is why the tests are outside, in package door_test: they fix the
// list of imports and look at the order with GODEBUG=inittrace=1.
var pending = answer()

// answer does the work of a call by integratord or execd and exits with 0. It returns when this process is
// no such call: nil for the command line, and for a call by hand that wants to see the usage; else the call that
// could not be spooled.
//
// The status is 0 whatever happened, because OSSEC disables an integration for good after one other.
func answer() *Unspooled {
	cwd, _ := os.Getwd()
	call, ok := Parse(ExecPath(), os.Args, cwd)
	if !ok || call.Usage {
		return nil
	}
	if call.Home == "" {
		call.Home = absolute(DefaultHome(), cwd)
	}
	record, ok := receive(call, os.Args[1:])
	if !ok {
		return nil
	}
	places := spool.Places(call.Home)
	if state := os.Getenv("OSSEC_NOTIFY_STATE"); state != "" {
		places = []string{absolute(state, cwd)}
	}
	state, err := spool.Locate(places...)
	if err == nil {
		err = spool.BecomeOwner(state)
	}
	if err != nil {
		return &Unspooled{call, record, err}
	}
	if spool.IsFull(state) {
		err = spool.ErrFull
	} else {
		_, err = spool.Write(state, record)
	}
	// A deliverer is what a full spool, or a full disk, needs most.
	startErr := startDeliverer(call.Home, state, environment(os.Environ(), cwd))
	if err != nil {
		return &Unspooled{call, record, err}
	}
	if startErr != nil {
		why, _, _ := strings.Cut(startErr.Error(), "\n")
		os.Stderr.WriteString("ossec-notify: custom-" + call.Name + ": the alert is kept, but no deliverer started: " + why + "\n")
	}
	os.Exit(0)
	return nil
}

// DefaultHome is the home of the installation where neither a flag nor the program's path tells.
func DefaultHome() string {
	if home := os.Getenv("OSSEC_NOTIFY_HOME"); home != "" {
		return home
	}
	if f, err := os.Open("/etc/ossec-init.conf"); err == nil {
		defer f.Close()
		lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
		for lines.Scan() {
			if v, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "DIRECTORY="); ok {
				if v = strings.Trim(v, `"'`); strings.HasPrefix(v, "/") {
					return v
				}
			}
		}
	}
	return "/var/ossec"
}

// absolute is path as seen from a directory.
func absolute(path, dir string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return strings.TrimSuffix(dir, "/") + "/" + path
}
