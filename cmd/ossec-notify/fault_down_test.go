package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// TestFaultReceiverDownForAMinute is the story that decides: ten alerts while the receiver is down. The calls return,
// and once it is up it hears all ten, in order, once each. Nothing of that changes when the deliverers are killed in
// between. A second receiver takes connections and never answers: who waited for it would wait for ten minutes.
func TestFaultReceiverDownForAMinute(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprintf("killed=%v", kill), func(t *testing.T) {
				t.Parallel()
				in := newInstallation(t, "")
				address, open := closedPort(t)
				receiver := &patient{answer: "ok", well: true}
				mute := newPatient(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, "", nil)
				in.configure(strings.Join([]string{
					"receivers:",
					`  soc: {slack: {webhook_url: "http://` + address + `/services/T0/B0/x"}, rate: 100/s}`,
					`  mute: {slack: {webhook_url: "http://` + mute.address() + `/services/T0/B0/x"}, timeout: 10m}`,
					"default: [soc, mute]", "time_zone: UTC", "",
				}, "\n"))
				down := time.After(atLength(2*time.Second, time.Minute))
				var stories []story
				var daemon *exec.Cmd
				kills := 0
				killAll := func() {
					if daemon != nil {
						killDaemon(t, daemon)
						daemon = nil
						kills++
					} else if in.killHolder("background") {
						kills++
					}
				}
				for i := range 10 {
					s := low(fmt.Sprint(i))
					stories = append(stories, s)
					in.callFor(w, s)
					if kill && rand.IntN(2) == 0 {
						killAll()
					}
					if kill && daemon == nil && i%4 == 2 {
						daemon = in.serve()
					}
				}
				in.until("tried again and again", func() bool {
					if kill && daemon == nil { // else nobody may be at it: what waits goes on with the next call, or with serve
						daemon = in.serve()
					}
					for _, x := range in.deliveries() {
						if x.Receiver == "soc" && x.Attempts >= 3 && strings.Contains(x.Error, "connection refused") {
							return true
						}
					}
					return false
				})
				<-down
				if kill {
					killAll()
					daemon = in.serve()
				}
				receiver.serve(t, open(), nil)
				in.until("all told", func() bool {
					_, heard := receiver.seen()
					return len(heard) >= len(stories)
				})
				in.until("noted", func() bool { return in.count(outbox.Delivered) == len(stories) })
				if daemon != nil {
					killDaemon(t, daemon)
				}
				in.killDeliverer(syscall.SIGKILL) // one asked to leave would finish what it is at
				_, heard := receiver.seen()
				for i := range heard {
					heard[i] = low(heard[i]).told()
				}
				inOrderOnce(t, "the receiver", heard, stories)
				t.Logf("%d kills", kills)
			})
		}
	})
}
