package spool

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDamagedRecordsAreTold(t *testing.T) {
	whole := string((&Record{Name: "slack", Arrival: time.Unix(1, 0), Options: []byte("{}"), Alert: []byte("alert")}).encode())
	header, _, _ := strings.Cut(whole, "\n")
	for _, tc := range []struct {
		name, data string
		want       error
		why        string
	}{
		{"empty", "", ErrDamaged, "no header line"},
		{"binary", "\x00\x01\x02", ErrDamaged, "no header line"},
		{"no JSON", "hello\n", ErrDamaged, "its header: "},
		{"another JSON", "{}\n", ErrDamaged, "names no version"},
		{"null", "null\n", ErrDamaged, "names no version"},
		{"header cut off", header[:len(header)/2], ErrDamaged, "no header line"},
		{"alert cut off", whole[:len(whole)-1], ErrDamaged, "6 bytes follow the header, which says 2 and 5"},
		{"something behind", whole + "x", ErrDamaged, "8 bytes follow the header, which says 2 and 5"},
		{"negative length", strings.Replace(whole, `"options":2`, `"options":-1`, 1), ErrDamaged, "which says -1 and 5"},
		{"lengths that overflow", `{"version":1,"options":9223372036854775807,"alert":9223372036854775807}` + "\n", ErrDamaged, "0 bytes follow"},
		{"no byte", strings.Replace(whole, `"slack"`, `"sl\u0101ck"`, 1), ErrDamaged, "stands for no byte"},
		{"newer", `{"version":2,"name":["other","shape"]}` + "\n", ErrNewer, "2, this program knows 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			state := newState(t)
			if err := os.WriteFile(state+"/spool/new/1", []byte(tc.data), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(state, "1")
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.why) {
				t.Errorf("error %q, want %q in it", err, tc.why)
			}
		})
	}
}

func TestReadLeavesWhatIsNoFileAlone(t *testing.T) {
	state := newState(t)
	target := state + "/target"
	if err := os.WriteFile(target, example().encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(path string) error{
		"FIFO":      func(path string) error { return syscall.Mkfifo(path, 0o600) }, // that nobody writes to
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink(target, path) },
		"too large": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, maxRecord+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := make(state + "/spool/new/" + name); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(state, name); !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v, want ErrDamaged", err)
			}
			if err := SetAside(state, name); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatMayPassIsNoDamage(t *testing.T) {
	_, err := Read(newState(t), "gone")
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}

func TestSetAsideKeepsTheRecord(t *testing.T) {
	state := newState(t)
	name := writeAt(t, state, time.Unix(1, 0))
	if err := os.Remove(state + "/spool/bad"); err != nil { // somebody tidied up
		t.Fatal(err)
	}
	if err := SetAside(state, name); err != nil {
		t.Fatal(err)
	}
	if names, err := List(state); err != nil || len(names) > 0 {
		t.Errorf("still in the spool: %v, %v", names, err)
	}
	if diff := cmp.Diff(entries(t, state+"/spool/bad"), []string{name}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestRemove(t *testing.T) {
	state := newState(t)
	first, second, third := writeAt(t, state, time.Unix(1, 0)), writeAt(t, state, time.Unix(2, 0)), writeAt(t, state, time.Unix(3, 0))
	if err := Remove(state, first, "gone already", third); err != nil {
		t.Fatal(err)
	}
	got, err := List(state)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []string{second}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestSweepRemovesOnlyWhatIsOld(t *testing.T) {
	state := newState(t)
	record := writeAt(t, state, time.Unix(1, 0))
	old := time.Now().Add(-2 * time.Hour)
	for name, at := range map[string]time.Time{"old": old, "new": time.Now()} {
		path := state + "/spool/tmp/" + name
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(state+"/spool/new/"+record, old, old); err != nil {
		t.Fatal(err)
	}
	n, err := Sweep(state, time.Hour)
	if err != nil || n != 1 {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	if diff := cmp.Diff(entries(t, state+"/spool/tmp"), []string{"new"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(entries(t, state+"/spool/new"), []string{record}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestSize(t *testing.T) {
	state := newState(t)
	for range 3 {
		if _, err := Write(state, example()); err != nil {
			t.Fatal(err)
		}
	}
	bytes, records, err := Size(state)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(3 * len(example().encode())); bytes != want || records != 3 {
		t.Errorf("size %d of %d records, want %d of 3", bytes, records, want)
	}
}
