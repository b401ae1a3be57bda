// Package door owns how integratord and execd call us: which name we were called by, what the arguments mean in
// every version of OSSEC and Wazuh, where the installation's home is, and the answer to the call: the alert is
// read and handed to the spool, a deliverer is started if there is none, and the process exits with 0. It does
// all that while it is initialised, before most of the program is; see answer. It reads no config and delivers
// nothing: what the spool does not take is left to main (see Pending).
package door

import (
	"encoding/binary"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/spool"
)

// Call is one call by integratord, or by execd as an active response.
type Call struct {
	// Name is what stands behind "custom-": a receiver, a kind of channel, or "notify".
	Name string
	// Response is true when the program was called as an active response. Its arguments, or the line on its
	// standard input, are about an alert; none of the fields from File to Debug is set.
	Response bool
	// File is the alert file; Options the file with the text of Wazuh's <options>, or "".
	File    string
	Options string
	// APIKey and HookURL are <api_key> and <hook_url> of ossec.conf, or "".
	APIKey  string
	HookURL string
	// NoURL is true when something stands in the place of the URL that is none.
	NoURL bool
	// Debug is true when integratord itself runs in debug mode.
	Debug bool
	// Home is the installation's directory as the program's path tells, or "".
	Home string
	// Usage is true when the arguments are no call: there is none, or the first begins with "-". (Wazuh gives an
	// active response none.)
	Usage bool
}

// stock are names without "custom-" that the managers know themselves.
var stock = []string{"slack", "pagerduty"}

// Parse reads a call from the path that the program was executed by (see ExecPath), its arguments and the
// working directory. It reports false when this is no call by integratord but one of the command line.
func Parse(execPath string, args []string, cwd string) (Call, bool) {
	paths := []string{execPath}
	if len(args) > 0 && args[0] != "integrations" { // Wazuh since 4.2 passes this in place of the path
		paths = append(paths, args[0])
	}
	for _, path := range paths {
		if name, ok := callName(path); ok {
			c := Call{Name: name}
			c.Home, c.Response = installation(path, cwd)
			c.arguments(args)
			return c, true
		}
	}
	return Call{}, false
}

func callName(path string) (string, bool) {
	dir, base := split(path)
	if name, ok := strings.CutPrefix(base, "custom-"); ok && name != "" {
		return name, true
	}
	if _, parent := split(strings.TrimSuffix(dir, "/")); parent == "integrations" {
		for _, name := range stock {
			if base == name {
				return name, true
			}
		}
	}
	return "", false
}

func split(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/')
	return path[:i+1], path[i+1:]
}

// FromRecord is the call that a record is of.
func FromRecord(r *spool.Record) Call {
	c := Call{Name: r.Name, Response: r.Response, Home: r.Home}
	c.arguments(append([]string{""}, r.Args...))
	return c
}

// installation reads from the program's path the home, the parent of the directory named integrations or
// active-response/bin that holds it, and whether it is the latter. Links are not followed: the link is in the
// installation, the program it points to need not be.
func installation(path, cwd string) (home string, response bool) {
	if !strings.HasPrefix(path, "/") {
		if cwd == "" || !strings.Contains(path, "/") {
			return "", false
		}
		path = absolute(strings.TrimPrefix(path, "./"), cwd)
	}
	dir, _ := split(path)
	dir = strings.TrimRight(dir, "/")
	home, ok := strings.CutSuffix(dir, "/integrations")
	if !ok {
		home, response = strings.CutSuffix(dir, "/active-response/bin")
		ok = response
	}
	switch {
	case !ok:
		return "", false
	case home == "":
		return "/", response
	}
	return home, response
}

// arguments reads what follows argv[0]:
//
//	OSSEC, Wazuh to 3.7   file key url
//	Wazuh 3.8 to 4.6      file key url debug|"> /dev/null 2>&1"
//	Wazuh 4.7             file key url debug|"" options|"" ["> /dev/null 2>&1"]
//	Wazuh 4.8 to 4.14     file key url debug|"" options|"" timeout retries ["> /dev/null 2>&1"]
//
// Wazuh cuts its line at blanks, so a blank in the key moves all that follows; the URL is found by its scheme.
func (c *Call) arguments(args []string) {
	switch {
	case len(args) > 1 && strings.HasPrefix(args[1], "-"), len(args) < 2 && !c.Response:
		c.Usage = true
		return
	case c.Response:
		return
	}
	c.File = args[1]
	rest := args[2:]
	if len(rest) > 0 {
		c.APIKey = rest[0]
	}
	urlAt := 1
	for i, a := range rest {
		if i > 0 && isURL(a) {
			c.APIKey = strings.TrimSpace(strings.Join(rest[:i], " "))
			urlAt = i
			break
		}
	}
	if len(rest) > urlAt && isURL(rest[urlAt]) {
		// The managers do not decode XML entities: an & that was written as XML asks arrives as &amp;.
		c.HookURL = strings.ReplaceAll(rest[urlAt], "&amp;", "&")
	} else if len(rest) > urlAt {
		c.NoURL = rest[urlAt] != ""
	}
	for _, a := range rest[min(urlAt, len(rest)):] {
		switch {
		case a == "debug":
			c.Debug = true
		case strings.HasSuffix(a, ".options") && c.Options == "":
			c.Options = a
		}
	}
}

func isURL(s string) bool {
	for _, scheme := range []string{"http://", "https://", "smtp://", "smtps://", "tcp://", "tls://", "udp://", "unix://", "file://"} {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// atExecFN is the entry of the auxiliary vector that holds the address of the path given to execve(2); see
// getauxval(3).
const atExecFN = 31

// ExecPath is the path that this process was executed by, as it was given to the kernel: unlike /proc/self/exe
// it is the name of the link. It is "" where the system does not tell (only Linux does).
func ExecPath() string {
	auxv, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return ""
	}
	const word = strconv.IntSize / 8
	number := func(b []byte) int64 {
		if word == 4 {
			return int64(binary.NativeEndian.Uint32(b))
		}
		return int64(binary.NativeEndian.Uint64(b))
	}
	for ; len(auxv) >= 2*word; auxv = auxv[2*word:] {
		if number(auxv) == atExecFN {
			return readString(number(auxv[word:]))
		}
	}
	return ""
}

// readString reads a C string out of this process's own memory.
func readString(address int64) string {
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		return ""
	}
	defer mem.Close()
	buf := make([]byte, 4096) // PATH_MAX
	n, err := mem.ReadAt(buf, address)
	if err != nil && err != io.EOF && n == 0 {
		return ""
	}
	for i, b := range buf[:n] {
		if b == 0 {
			return string(buf[:i])
		}
	}
	return ""
}
