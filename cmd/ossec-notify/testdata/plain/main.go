// Command plain does what a call must at least do, and nothing else: it reads the alert file, writes it under another
// name, syncs it, renames it and syncs the directory. BenchmarkDoor measures against it.
package main

import (
	"os"
	"path/filepath"
)

func main() {
	alert, dir := os.Args[1], os.Args[2]
	text, err := os.ReadFile(alert)
	if err != nil {
		panic(err)
	}
	temporary := filepath.Join(dir, "tmp")
	f, err := os.Create(temporary)
	if err != nil {
		panic(err)
	}
	if _, err := f.Write(text); err != nil {
		panic(err)
	}
	if err := f.Sync(); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, "new")); err != nil {
		panic(err)
	}
	d, err := os.Open(dir)
	if err != nil {
		panic(err)
	}
	if err := d.Sync(); err != nil {
		panic(err)
	}
}
