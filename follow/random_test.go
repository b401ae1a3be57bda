package follow

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// schemes are the ways of rotation, each a few things that may happen to the files at any time.
var schemes = map[string]struct {
	dates  bool
	rotate func(m *manager, rnd *rand.Rand)
	// torn is set where a rotation itself loses what is written meanwhile.
	torn bool
}{
	"the managers": {dates: true, rotate: func(m *manager, rnd *rand.Rand) {
		switch rnd.IntN(4) {
		case 0:
			m.further++
			m.link(fmt.Sprintf("-%03d", m.further))
		case 1:
			m.compressOld()
		default:
			m.further = 0
			m.midnight()
		}
	}},
	"logrotate": {rotate: func(m *manager, rnd *rand.Rand) {
		m.rename()
		m.write(rnd.IntN(3)) // by the old name
		m.create()
		if _, err := os.Stat(m.path + ".2"); err == nil && rnd.IntN(2) == 0 {
			compress(m.path + ".2")
		}
	}},
	"logrotate, dateext":      {rotate: func(m *manager, _ *rand.Rand) { m.renameByDate() }},
	"logrotate, copytruncate": {torn: true, rotate: func(m *manager, _ *rand.Rand) { m.flush(len(m.held)); m.copyTruncate() }},
}

// Writing by bits, rotating, reading, stopping and crashing, in any order: every alert comes once and in its order.
func TestAnyOrderOfEvents(t *testing.T) {
	for name, scheme := range schemes {
		for _, base := range []string{"alerts.json", "alerts.log"} {
			for seed := range uint64(6) {
				t.Run(fmt.Sprintf("%s, %s, %d", name, base, seed), func(t *testing.T) {
					t.Parallel()
					rnd := rand.New(rand.NewPCG(seed, 0))
					m := newManager(t, base, scheme.dates)
					opt := Options{Start: Begin, MaxBatch: 1 + rnd.IntN(8)}
					var stored Cursor
					var got []int
					f := m.start(t, stored, opt)
					restart := func() {
						must(f.Close())
						f = m.start(t, roundTrip(t, stored), opt)
					}
					read := func() bool {
						b, found, err := f.gather()
						if err != nil || len(b.Skipped) > 0 {
							t.Fatalf("after alerts %v: skipped %+v, error %v", got, b.Skipped, err)
						}
						if found && rnd.IntN(10) == 0 {
							restart() // before it was stored
							return true
						}
						if found {
							got, stored = append(got, numbers(b.Alerts)...), b.Cursor
						}
						return found
					}
					m.write(2)
					for len(got) == 0 { // before the first cursor is stored there is nothing to go by
						read()
					}
					for range 150 {
						switch rnd.IntN(9) {
						case 0:
							restart()
						case 1, 2:
							scheme.rotate(m, rnd)
						case 3, 4:
							m.write(rnd.IntN(5))
						case 5:
							m.hold(1)
							m.flush(rnd.IntN(300))
						default:
							read()
						}
					}
					m.write(1)
					m.age()
					for read() {
					}
					if diff := cmp.Diff(got, span(1, m.n)); diff != "" {
						t.Errorf("alerts (-got +want):\n%s", diff)
					}
				})
			}
		}
	}
}

// The same with a writer that does not wait for us.
func TestWriterBesideTheFollower(t *testing.T) {
	for name, scheme := range schemes {
		if scheme.torn {
			continue
		}
		for _, base := range []string{"alerts.json", "alerts.log"} {
			t.Run(name+", "+base, func(t *testing.T) {
				t.Parallel()
				rnd := rand.New(rand.NewPCG(1, 2))
				m := newManager(t, base, scheme.dates)
				m.write(2)
				b := mustBatch(t, m.start(t, Cursor{}, Options{Start: Begin, MaxBatch: 1}))
				stored, got := b.Cursor, numbers(b.Alerts)

				const rotations, each = 20, 150
				written := make(chan int, 1)
				go func() {
					rnd := rand.New(rand.NewPCG(3, 4))
					for range rotations {
						for range each {
							m.hold(1)
							m.flush(rnd.IntN(2 * len(m.held)))
						}
						scheme.rotate(m, rnd)
					}
					written <- m.n + 1 // before the last is there to be read
					m.write(1)
					m.age()
				}()

				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				start := func() *Follower {
					f := m.startWatching(t, stored, Options{Start: Begin, MaxBatch: 1 + rnd.IntN(100)})
					f.poll = pollEvery
					return f
				}
				f := start()
				all := -1
				for len(got) != all {
					b, err := f.Next(ctx)
					if err != nil || len(b.Skipped) > 0 {
						t.Fatalf("after %d alerts: skipped %+v, error %v", len(got), b.Skipped, err)
					}
					if rnd.IntN(8) == 0 {
						must(f.Close())
						f = start() // before it was stored
						continue
					}
					got, stored = append(got, numbers(b.Alerts)...), b.Cursor
					if rnd.IntN(8) == 0 {
						must(f.Close())
						f = start()
					}
					select {
					case all = <-written:
					default:
					}
				}
				if !slices.Equal(got, span(1, all)) {
					t.Errorf("alerts %v, want 1..%d", got, all)
				}
			})
		}
	}
}
