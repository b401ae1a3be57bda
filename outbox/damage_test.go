package outbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

const pageSize = 4096

// filled makes a closed outbox of 1,000 alerts: 100 are being delivered, 100 dead, 100 delivered, 700 wait.
func filled(t *testing.T) string {
	t.Helper()
	p := path(t)
	db, _ := open(t, p, owner())
	var batch []outbox.Arrival
	for i := range 1000 {
		a := alert(fmt.Sprintf("manager/%04d", i), start.Add(time.Duration(i)*time.Second), "soc")
		a.Raw = bytes.Repeat([]byte{'x'}, 700)
		batch = append(batch, a)
	}
	if _, err := db.Accept(t.Context(), batch, map[string]string{"follow": "42"}); err != nil {
		t.Fatal(err)
	}
	var results []outbox.Result
	for i, d := range next(t, db, "soc", start, 300) {
		switch {
		case i < 100:
			results = append(results, outbox.Result{Seq: d.Seq, State: outbox.Dead, Reason: "status 400", Attempt: &outbox.Attempt{}})
		case i < 200:
			results = append(results, outbox.Result{Seq: d.Seq, State: outbox.Delivered})
		}
	}
	finish(t, db, start, results...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// overwrite puts other bytes over a part of a file.
func overwrite(t *testing.T, path string, offset int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, offset); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedFileIsSetAsideAndWhatCanBeReadIsKept(t *testing.T) {
	p := filled(t)
	garbage := bytes.Repeat([]byte{0xa5}, 10*pageSize)
	overwrite(t, p, 60*pageSize, garbage)
	damaged, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	opt := owner()
	opt.Suspect = true
	db, report := open(t, p, opt)
	if !errors.Is(report.Damage, outbox.ErrCorrupt) || report.SetAside != p+".corrupt-20261123T132822Z" {
		t.Errorf("got %+v", report)
	}
	if report.Salvaged < 600 || report.Salvaged > 899 {
		t.Errorf("salvaged %d of the 900 that were not delivered", report.Salvaged)
	}
	evidence, err := os.ReadFile(report.SetAside)
	if err != nil || !bytes.Equal(evidence, damaged) {
		t.Errorf("the evidence was changed: %v", err)
	}
	if left, err := filepath.Glob(p + "*.corrupt-*-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	counts := map[outbox.State]int{}
	for _, d := range find(t, db, outbox.Filter{}) {
		counts[d.State]++
		if d.Alert.Title != "sshd: brute force" || d.State == outbox.Dead && (d.Attempts != 1 || d.Reason != "status 400") {
			t.Fatalf("got %+v", d)
		}
	}
	if counts[outbox.Dead] == 0 || counts[outbox.Pending] == 0 || counts[outbox.Dead]+counts[outbox.Pending] != report.Salvaged {
		t.Errorf("got %v, salvaged %d", counts, report.Salvaged)
	}
	if v, err := db.Meta(t.Context(), "follow"); v != "42" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
	// What was salvaged is known, what was not is taken again, and the queue goes on.
	var again []outbox.Arrival
	for i := range 1000 {
		again = append(again, alert(fmt.Sprintf("manager/%04d", i), start, "soc"))
	}
	entered := 0
	for _, a := range accept(t, db, again...) {
		entered += len(a.Deliveries)
	}
	equal(t, entered+report.Salvaged, 1000)
	equal(t, len(next(t, db, "soc", start.Add(time.Hour), 2000)), 1000-counts[outbox.Dead])
}

func TestSalvageMarksWhatWasBeingDelivered(t *testing.T) {
	p := filled(t)
	overwrite(t, p, 32, []byte{0x7f, 0xff, 0xff, 0xff}) // the list of free pages begins where there is none
	overwrite(t, p, 36, []byte{0, 0, 0, 9})             // and has nine: all tables can be read
	opt := owner()
	opt.Suspect = true
	db, report := open(t, p, opt)
	equal(t, report.Salvaged, 900)
	equal(t, report.Recovered, 0)
	ambiguous := 0
	for _, d := range find(t, db, outbox.Filter{States: []outbox.State{outbox.Pending}}) {
		if d.Ambiguous {
			ambiguous++
		}
	}
	equal(t, ambiguous, 100)
}

func TestAFileThatIsNoDatabaseIsSetAside(t *testing.T) {
	for name, content := range map[string]string{"text": strings.Repeat("not a database\n", 999), "zeros": strings.Repeat("\x00", pageSize)} {
		p := path(t)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := outbox.Open(t.Context(), p, outbox.Options{}); err == nil {
			t.Errorf("%s: opened", name)
		}
		db, report := open(t, p, owner())
		if report.SetAside == "" || report.Damage == nil {
			t.Errorf("%s: got %+v", name, report)
		}
		accept(t, db, alert("a", start, "soc"))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		// Again within the same second: the evidence of the first time is kept.
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, again := open(t, p, owner()); again.SetAside != report.SetAside+".2" {
			t.Errorf("%s: got %q", name, again.SetAside)
		}
	}
}

func TestWhatWasCommittedIsThereAfterAnUncleanEnd(t *testing.T) {
	p := path(t)
	running, _ := open(t, p, owner())
	accept(t, running, alert("a", start, "soc"))
	crashed := filepath.Join(t.TempDir(), "outbox.db") // what a power cut would leave
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(p + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, report := open(t, crashed, owner())
	equal(t, report, outbox.Report{})
	equal(t, ids(find(t, db, outbox.Filter{})), "a>soc#1")
}

func TestDamageIsLookedForAfterAnUncleanEnd(t *testing.T) {
	const untouched = 150 * pageSize // a start does not need this page
	p := filled(t)
	overwrite(t, p, untouched, bytes.Repeat([]byte{0xa5}, pageSize))
	if _, report := open(t, p, owner()); report.SetAside != "" {
		t.Fatalf("after a clean end: got %+v", report)
	}
	p = filled(t)
	overwrite(t, p, untouched, bytes.Repeat([]byte{0xa5}, pageSize))
	if err := os.WriteFile(p+"-shm", nil, 0o600); err != nil { // a clean end leaves none
		t.Fatal(err)
	}
	if _, report := open(t, p, owner()); report.SetAside == "" || report.Salvaged == 0 {
		t.Errorf("got %+v", report)
	}
}

func TestDamageThatTheStartMeetsIsSetAsideToo(t *testing.T) {
	p := filled(t)
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(15 * pageSize); at < info.Size(); at += pageSize {
		overwrite(t, p, at, bytes.Repeat([]byte{0xa5}, 64))
	}
	db, report := open(t, p, owner())
	if report.SetAside == "" || !errors.Is(report.Damage, outbox.ErrCorrupt) {
		t.Errorf("got %+v", report)
	}
	accept(t, db, alert("a", start, "soc"))
}

func TestDamageThatShowsLaterIsTold(t *testing.T) {
	p := filled(t)
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(32 * pageSize); at < info.Size(); at += pageSize {
		overwrite(t, p, at, bytes.Repeat([]byte{0xa5}, 64))
	}
	db, _ := open(t, p, outbox.Options{})
	if _, err := db.Find(t.Context(), outbox.Filter{}); !errors.Is(err, outbox.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	if _, err := db.Retry(t.Context(), outbox.Filter{}, start); !errors.Is(err, outbox.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Errorf("only the owner sets it aside: %v", err)
	}
}

func TestASoundFileStaysWhereItIs(t *testing.T) {
	p := filled(t)
	opt := owner()
	opt.Suspect = true
	_, report := open(t, p, opt)
	equal(t, report, outbox.Report{Recovered: 100})
	if _, err := os.Stat(p + ".corrupt-20261123T132822Z"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
