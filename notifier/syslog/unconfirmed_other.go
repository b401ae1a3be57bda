//go:build !linux

package syslog

import "syscall"

// unconfirmed cannot be known here.
func unconfirmed(syscall.RawConn) (left int, known bool) { return 0, false }
