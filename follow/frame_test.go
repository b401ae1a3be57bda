package follow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// framed is what f makes of a text that comes in reads of the given sizes, and then the rest at once.
func framed(t *testing.T, f *frames, text []byte, sizes ...int) []string {
	t.Helper()
	var out []string
	note := func(p piece) { out = append(out, fmt.Sprintf("%d+%d %q", p.at, p.size, p.raw)) }
	all := func() {
		for p, ok := f.next(); ok; p, ok = f.next() {
			note(p)
			if want := text[max(0, f.at-checked):f.at]; !bytes.Equal(f.before(), want) {
				t.Errorf("before %d it remembers %q, want %q", f.at, f.before(), want)
			}
		}
	}
	f.reset(0, nil)
	for read := 0; read < len(text); {
		size := len(text)
		if len(sizes) > 0 {
			size, sizes = sizes[0], sizes[1:]
		}
		f.room()
		n := copy(f.buf[len(f.buf):cap(f.buf)], text[read:min(read+size, len(text))])
		f.buf, read = f.buf[:len(f.buf)+n], read+n
		all()
		if got := f.end(); got != int64(read) {
			t.Errorf("after %d bytes it is at %d", read, got)
		}
	}
	if p, ok := f.rest(); ok {
		note(p)
	}
	return out
}

func TestFraming(t *testing.T) {
	for name, c := range map[string]struct {
		log  bool
		in   string
		want []string
	}{
		"nothing":                  {false, "", nil},
		"blank":                    {false, " \n\r\n\x00\t", nil},
		"lines":                    {false, "{1}\n{2}\r\n\n  {3}\n", []string{`0+4 "{1}"`, `4+5 "{2}"`, `12+4 "{3}"`}},
		"last line without an end": {false, "{1}\n{2", []string{`0+4 "{1}"`, `4+2 "{2"`}},
		"power loss":               {false, "{1}\n{2\x00\x00\x00{3}\n", []string{`0+4 "{1}"`, `4+3 "{2"`, `9+4 "{3}"`}},
		"cut":                      {false, strings.Repeat("x", 200) + "\n{2}\n", []string{fmt.Sprintf("0+201 %q", strings.Repeat("x", 100)), `201+4 "{2}"`}},

		"alerts":                   {true, "** Alert 1.1: a\nx\n\n** Alert 1.2: b\ny\n\n", []string{`0+19 "** Alert 1.1: a\nx"`, `19+19 "** Alert 1.2: b\ny"`}},
		"carriage returns":         {true, "** Alert 1.1: a\r\n\r\n** Alert 1.2: b\r\n", []string{`0+19 "** Alert 1.1: a"`, `19+17 "** Alert 1.2: b"`}},
		"a header in the log":      {true, "** Alert 1.1: a\n** Alert 1.2: b\n", []string{`0+32 "** Alert 1.1: a\n** Alert 1.2: b"`}},
		"no headers":               {true, "** Alert 1.1: a\n\n** Alert me\n\n** Alert .1:\n\n** Alert 1.1\n", []string{`0+57 "** Alert 1.1: a\n\n** Alert me\n\n** Alert .1:\n\n** Alert 1.1"`}},
		"a number without end":     {true, "** Alert 1.1: a\n\n** Alert 1" + strings.Repeat("0", 20) + ".1: b\n", []string{fmt.Sprintf(`0+53 "** Alert 1.1: a\n\n** Alert 1%s.1: b"`, strings.Repeat("0", 20))}},
		"begins inside":            {true, "line\n\n** Alert 1.2: b\n", []string{`0+6 "line"`, `6+16 "** Alert 1.2: b"`}},
		"blank line inside":        {true, "** Alert 1.1: a\n\nWhat changed:\n\n** Alert 1.2: b\n", []string{`0+32 "** Alert 1.1: a\n\nWhat changed:"`, `32+16 "** Alert 1.2: b"`}},
		"power loss in alerts":     {true, "** Alert 1.1: a\nx\x00\x00** Alert 1.2: b\n", []string{`0+19 "** Alert 1.1: a\nx"`, `19+16 "** Alert 1.2: b"`}},
		"header that is not ended": {true, "** Alert 1.1: a\n\n** Alert 12.", []string{`0+29 "** Alert 1.1: a\n\n** Alert 12."`}},
	} {
		f := frames{log: c.log, keep: 100}
		if diff := cmp.Diff(framed(t, &f, []byte(c.in)), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// Whatever is in a file and however it comes, the pieces are the same, and together they are the file.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"b\":2}\n\x00\x00{\"c\"\n"), uint64(1), uint(1), false)
	f.Add([]byte("** Alert 1.1: a\nx\n\n** Alert 1.2: b\n\r\n** Alert 2.1:\n\n** Alert 3"), uint64(2), uint(1), true)
	f.Add([]byte("** Alert 1795440503.34: mail  - a,\n\nWhat changed:\n** Alert 1.2: b\n\n"), uint64(3), uint(500), true)
	f.Add([]byte(strings.Repeat("x", 99)), uint64(4), uint(900), false)
	f.Add([]byte("long line of an alert\n"+strings.Repeat(" ", 50)), uint64(5), uint(900), true)
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, times uint, log bool) {
		text = bytes.Repeat(text, int(times%1000)+1)
		if len(text) > 1<<17 {
			t.Skip("too long")
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		keep := 1 + rnd.IntN(2000)
		sizes := make([]int, 50)
		for i := range sizes {
			sizes[i] = 1 + rnd.IntN(1<<(1+rnd.IntN(16)))
		}
		want := framed(t, &frames{log: log, keep: keep}, text)
		got := framed(t, &frames{log: log, keep: keep}, text, sizes...)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("in reads (-) as opposed to at once (+):\n%s", diff)
		}

		at := int64(0)
		for _, line := range want {
			var begin, size int64
			if _, err := fmt.Sscanf(line, "%d+%d", &begin, &size); err != nil {
				t.Fatal(err)
			}
			if begin < at || strings.Trim(string(text[at:begin]), blanks) != "" {
				t.Errorf("what stands at %d..%d is in no piece", at, begin)
			}
			at = begin + size
		}
		if strings.Trim(string(text[at:]), blanks) != "" {
			t.Errorf("what stands from %d on is in no piece", at)
		}
	})
}

// Of what the managers write, the follower makes the alerts that alert.Read makes of the finished file.
func TestFramingAgreesWithReadingTheFile(t *testing.T) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		m := &manager{path: base}
		m.hold(400)
		opt := alert.Options{Location: time.UTC}
		var want []string
		for a, err := range alert.Read(bytes.NewReader(m.held), opt) {
			must(err)
			want = append(want, string(a.Raw))
		}
		f := frames{log: m.isLog(), keep: alert.DefaultLimit + 1}
		f.reset(0, nil)
		f.room()
		f.buf = append(f.buf, m.held...)
		var got []string
		for p, ok := f.next(); ok; p, ok = f.next() {
			got = append(got, string(p.raw))
		}
		if p, ok := f.rest(); ok {
			got = append(got, string(p.raw))
		}
		if diff := cmp.Diff(got, want); diff != "" || len(got) != 400 {
			t.Errorf("%s: %d alerts (-framed +read):\n%s", base, len(got), diff)
		}
	}
}

// frameAll frames a text as it is read from a file, and answers how many pieces there are.
func frameAll(f *frames, text []byte) (n int) {
	f.reset(0, nil)
	for len(text) > 0 {
		f.room()
		read := copy(f.buf[len(f.buf):cap(f.buf)], text)
		f.buf, text = f.buf[:len(f.buf)+read], text[read:]
		for _, ok := f.next(); ok; _, ok = f.next() {
			n++
		}
	}
	return n
}

func TestFramingAllocatesNothing(t *testing.T) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		m := &manager{path: base}
		m.hold(2000)
		f := frames{log: m.isLog(), keep: alert.DefaultLimit + 1}
		if got := testing.AllocsPerRun(3, func() { frameAll(&f, m.held) }); got > 0 {
			t.Errorf("%s: %v allocations", base, got)
		}
	}
}

func BenchmarkFraming(b *testing.B) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		b.Run(base, func(b *testing.B) {
			m := &manager{path: base}
			m.hold(10000)
			f := frames{log: m.isLog(), keep: alert.DefaultLimit + 1}
			b.SetBytes(int64(len(m.held)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n += frameAll(&f, m.held)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		b.Run(base, func(b *testing.B) {
			m := &manager{path: filepath.Join(b.TempDir(), base)}
			m.create()
			defer m.file.Close()
			m.write(10000)
			n := 0
			for b.Loop() {
				f := newFollower(m.path, Cursor{}, Options{Start: Begin}.withDefaults(), blind())
				for range 19 { // the last alert of alerts.log waits
					batch, err := f.Next(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					n += len(batch.Alerts)
				}
				must(f.Close())
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}
