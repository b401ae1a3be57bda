// Package window owns times of the week and of the year: at which times a window is open, and when that changes next. It
// knows neither alerts nor routes.
package window

import (
	"time"
)

// Window is a set of spans of time in a time zone. Its zero value is never open.
type Window struct {
	// Name is its own in the config, or "".
	Name string
	// Zone is what its times are of.
	Zone *time.Location
}

// Open reports whether the window is open at a time. A span begins with its first instant and ends before its last.
func (w *Window) Open(at time.Time) bool { return false }

// Change is the first time after at when the window opens or closes; zero when it never does.
func (w *Window) Change(at time.Time) time.Time { return time.Time{} }

// String is the window as the config may say it.
func (w *Window) String() string { return w.Name }
