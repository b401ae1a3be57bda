package door_test

import (
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/spool"
)

// BenchmarkCall is a whole call: a process of a program that links what this one does, from its start to its end.
func BenchmarkCall(b *testing.B) {
	call := func(b *testing.B, i *installation) {
		file := i.file("a.alert", alertText)
		for b.Loop() {
			i.run(i.ossec(file, "", "https://hook.example.com/"))
		}
	}
	b.Run("deliverer=runs", func(b *testing.B) {
		i := newInstallation(b, "queue")
		i.check(spool.Prepare(i.state()))
		lock, err := spool.TryLock(i.state(), "deliver", "")
		i.check(err)
		defer lock.Release()
		call(b, i)
	})
	b.Run("deliverer=started", func(b *testing.B) { // its work at the same time is counted too
		call(b, newInstallation(b, "queue"))
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	})
}
