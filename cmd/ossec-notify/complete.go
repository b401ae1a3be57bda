package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// managerLogs are what a manager keeps of its alerts, the fullest first.
var managerLogs = []string{"alerts.json", "alerts.log"}

// completeTail is how much of the end of a manager's log is searched for an original, in bytes. The alert was
// written there moments ago.
const completeTail = 4 << 20

// completeAlert returns the original of an alert that came through the shell file, found in the manager's own
// logs, or the alert itself where there is none, or where they cannot be read.
func completeAlert(a *alert.Alert, home string, zone *time.Location) *alert.Alert {
	if a.Format != alert.FormatShell {
		return a
	}
	for _, name := range managerLogs {
		if whole := completeFrom(a, filepath.Join(home, "logs", "alerts", name), zone); whole != nil {
			return whole
		}
	}
	return a
}

func completeFrom(a *alert.Alert, path string, zone *time.Location) *alert.Alert {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	r := bufio.NewReader(f)
	if start := st.Size() - completeTail; start > 0 {
		if _, err := f.Seek(start, io.SeekStart); err != nil {
			return nil
		}
		if _, err := r.ReadString('\n'); err != nil { // the rest of a line
			return nil
		}
	}
	return alert.Complete(a, alert.Read(r, alert.Options{Location: zone}))
}

// canComplete reports whether the manager's own logs can be read: they hold what the shell file leaves out.
func canComplete(home string) bool {
	for _, name := range managerLogs {
		if f, err := os.Open(filepath.Join(home, "logs", "alerts", name)); err == nil {
			f.Close()
			return true
		}
	}
	return false
}
