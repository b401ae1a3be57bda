//go:build !linux

package main

import "errors"

// confined is known on Linux alone.
type confined struct {
	unit        string
	environment map[string]string
	noNewRights bool
}

func confinementOf(int) (*confined, error) { return nil, errors.ErrUnsupported }

func hasOpen(int, string) (bool, error) { return false, errors.ErrUnsupported }

func (*confined) hides(string) bool     { return false }
func (*confined) readOnly(string) bool  { return false }
func (*confined) mayBecomeOthers() bool { return false }
