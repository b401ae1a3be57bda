// Package compare owns the benchmarks that compare the reading of past alerts with what others offer. It is a module of its own,
// so that their libraries are no dependency of the program, not even of its tests.
package compare
