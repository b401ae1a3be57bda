//go:build !linux

package spool

import "syscall"

// dup copies a descriptor onto another, which programs that are executed inherit.
func dup(from, to int) error { return syscall.Dup2(from, to) }
