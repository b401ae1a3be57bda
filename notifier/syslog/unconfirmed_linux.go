package syslog

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// unconfirmed is how many bytes of a connection the other host has not confirmed yet, where the system can tell.
func unconfirmed(socket syscall.RawConn) (left int, known bool) {
	if socket == nil {
		return 0, false
	}
	var err error
	failed := socket.Control(func(fd uintptr) { left, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return left, errors.Join(failed, err) == nil
}
