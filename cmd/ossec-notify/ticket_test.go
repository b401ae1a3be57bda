package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestATicketIsToldWhatBecameOfIt: what Jira called the issue of an alert is kept with the delivery, so that who takes the alert stands below it.
func TestATicketIsToldWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.URL.Path+" "+string(body))
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"id":"10017","key":"SOC-17","self":"https://jira.example.com/%d"}`, len(got))
	}))
	t.Cleanup(desk.Close)
	in := newInstallation(t, `
receivers:
  desk: {webhook: {preset: jira-dc, url: "`+desk.URL+`", settings: {token: MDEyMzQ1c2VjcmV0cGF0, project: SOC}}}
  backup: {email: {smtp: "SMTP_URL", from: ossec@example.com, to: [backup@example.com]}}
routes:
  - {name: page, escalate: [{to: desk}, {after: 10m, to: backup}]}
time_zone: UTC
`)
	in.call("custom-notify", in.alert("1"))
	in.delivered(1)
	in.command(exitDone, "ack", "mgr/1795440017.1", "--by", "carol")
	in.delivered(2)
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 2 || !strings.HasPrefix(got[0], "/rest/api/2/issue {") || !strings.HasPrefix(got[1], `/rest/api/2/issue/SOC-17/comment {"body":"{noformat}\nTAKEN by carol: `) {
		t.Errorf("Jira was sent %q", got)
	}
}
