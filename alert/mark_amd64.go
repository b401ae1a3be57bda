package alert

import "golang.org/x/sys/cpu"

// fastMarks reports whether nextMark can be used: AVX2 has come with every processor since 2015 or so.
var fastMarks = cpu.X86.HasAVX2

// nextMark is the first place in the n bytes at p at which "ru, "le or \u stands; -1 if there is none. n is at least minMarks.
//
//go:noescape
func nextMark(p *byte, n int) int

const minMarks = 34
