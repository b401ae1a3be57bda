//go:build !linux

package spool

import "context"

// arrivals is nil: Watch looks every two seconds.
func arrivals(context.Context, string) <-chan struct{} { return nil }
