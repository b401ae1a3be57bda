package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/spool"
)

// built is a program as it is released: a test binary holds more.
func built(b *testing.B, pkg string) string {
	path := filepath.Join(b.TempDir(), "program")
	build := exec.Command("go", "build", "-trimpath", "-o", path, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Skipf("cannot build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// BenchmarkDoor is a call by integratord as a whole process, while a deliverer runs. In the same rounds: the shell
// script that people use instead, which posts to a server that answers at once, and a program that only puts the file
// away safely. Ratios are of medians. TMPDIR says where the state is: on a disk for plain/door, in memory for
// script/door, because the script syncs nothing.
func BenchmarkDoor(b *testing.B) {
	program, plain := built(b, "."), built(b, "./testdata/plain")
	if _, err := exec.LookPath("curl"); err != nil {
		b.Skip("there is no curl to compare with")
	}
	s := newSink(b, -1)
	in := newInstallation(b, "")
	link := filepath.Join(in.home, "integrations", "custom-webhook")
	if err := os.Symlink(program, link); err != nil {
		b.Fatal(err)
	}
	if err := spool.Prepare(in.state()); err != nil {
		b.Fatal(err)
	}
	lock, err := spool.TryLock(in.state(), "test", "")
	if err != nil {
		b.Fatal(err)
	}
	defer lock.Release()
	alert, err := os.ReadFile(filepath.Join(corpusDir, "shell", "5712-ssh-brute-force.alert"))
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "a.alert")
	if err := os.WriteFile(file, alert, 0o644); err != nil {
		b.Fatal(err)
	}
	commands := map[string][]string{
		"door":   {link, file, "", s.url},
		"plain":  {plain, file, in.state()},
		"script": {"/bin/sh", "-c", `. "$0"; curl -s --data "$alertlog" "$1"`, file, s.url},
	}
	took := map[string][]float64{}
	for b.Loop() {
		for _, name := range []string{"door", "plain", "script"} {
			cmd := exec.Command(commands[name][0], commands[name][1:]...)
			began := time.Now()
			if err := cmd.Run(); err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			took[name] = append(took[name], float64(time.Since(began).Microseconds())/1000)
		}
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	for name := range commands {
		b.ReportMetric(median(name), "ms-"+name)
	}
	b.ReportMetric(median("door")/median("plain"), "door/plain")
	b.ReportMetric(median("door")/median("script"), "door/script")
}
