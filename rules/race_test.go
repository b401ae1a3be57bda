//go:build race

package rules

func init() { pooled = false }
