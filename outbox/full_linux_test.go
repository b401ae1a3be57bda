package outbox_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
)

func TestAFullDiskIsToldAndHarmsNothing(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=700"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	db, _ := open(t, filepath.Join(dir, "outbox.db"), owner())
	accepted := 0
	var err error
	for ; err == nil && accepted < 1000; accepted++ {
		a := alert(fmt.Sprint(accepted), start, "soc")
		a.Raw = make([]byte, 10<<10)
		_, err = db.Accept(t.Context(), []outbox.Arrival{a}, nil)
	}
	accepted-- // the last was refused
	if !errors.Is(err, outbox.ErrFull) || accepted == 0 {
		t.Fatalf("after %d alerts: got %v, want ErrFull", accepted, err)
	}
	equal(t, len(find(t, db, outbox.Filter{})), accepted)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	accept(t, db, alert("after", start, "soc"))
	equal(t, len(next(t, db, "soc", start, 1000)), accepted+1)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	opt := owner()
	opt.Suspect = true
	_, report := open(t, db.Path(), opt)
	equal(t, report, outbox.Report{Recovered: accepted + 1})
}
