package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/config"
)

// TestProbesRunAtOnceAndAreToldInOrder has servers that answer only when all have been asked.
func TestProbesRunAtOnceAndAreToldInOrder(t *testing.T) {
	const servers = 3
	var asked sync.WaitGroup
	asked.Add(servers)
	text := "receivers:\n"
	for i := range servers {
		once := sync.OnceFunc(asked.Done)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			once()
			asked.Wait()
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close() // no answer
			}
		}))
		defer s.Close()
		text += fmt.Sprintf("  hook-%d: {webhook: {url: %q}}\n", i, s.URL)
	}
	dir := write(t, map[string]string{"ossec-notify.yaml": text})
	cfg, problems := load(t, dir)
	if cfg == nil {
		t.Fatal(problems)
	}
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range checkOnline(t.Context(), cfg, d).findings {
		place, rest, _ := strings.Cut(strings.TrimPrefix(f.String(), dir+"/"), " ")
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "receiver "), ":")
		got = append(got, place+" "+name)
	}
	want := []string{`ossec-notify.yaml:2:21: "hook-0"`, `ossec-notify.yaml:3:21: "hook-1"`, `ossec-notify.yaml:4:21: "hook-2"`}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("findings (-got +want):\n%s", diff)
	}
}
