package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/rules"
)

// write puts files below a new directory and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadConfig loads a config; it is nil when it has mistakes, unless all of them are in templates.
func loadConfig(path, home string) (*config.Config, []rules.Problem, error) {
	r := config.Read(path, home)
	return r.Config, r.Problems, r.Err
}

// load loads ossec-notify.yaml of dir; the problems have no directory in them.
func load(t testing.TB, dir string) (*config.Config, []string) {
	t.Helper()
	cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, strings.ReplaceAll(p.String(), dir+"/", ""))
	}
	return cfg, got
}
