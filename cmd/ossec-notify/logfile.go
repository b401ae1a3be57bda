package main

import (
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ossec-notify/ossec-notify/regular"
)

// discard is a log that nobody reads.
var discard = slog.New(slog.DiscardHandler)

// maxLog is the size at which the log file is put aside, in bytes. One old file is kept.
const maxLog = 10 << 20

// openLog opens the log of an installation: HOME/logs/ossec-notify.log, or syslog where that cannot be written
// (OSSEC's integratord runs as a user who may not) or is no file of its own, or nothing. Close it when done.
func openLog(home string) (*slog.Logger, io.Closer) {
	path := filepath.Join(home, "logs", "ossec-notify.log")
	if st, err := os.Lstat(path); err == nil && st.Size() > maxLog {
		_ = os.Rename(path, path+".1") // if it cannot be moved, it grows on
	}
	// The managers' other users may write to the directory: no link of theirs is followed, and no FIFO holds us up.
	f, err := regular.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o640)
	if err == nil {
		return slog.New(slog.NewTextHandler(f, nil)), f
	}
	s, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_WARNING, "ossec-notify")
	if err != nil {
		return discard, io.NopCloser(nil)
	}
	return slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{ReplaceAttr: withoutTime})), s
}

// withoutTime: syslog has its own.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
