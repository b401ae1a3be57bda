package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/page"
)

// BenchmarkPagePreview is one alert for ten receivers, as the page asks for it.
func BenchmarkPagePreview(b *testing.B) {
	g := benchPreviews(b)
	for _, against := range []string{"", "start"} {
		b.Run("against "+against, func(b *testing.B) {
			for b.Loop() {
				p, err := g.Preview(b.Context(), page.Query{Alert: "files-1", Against: against})
				if err != nil || len(p.Cards) != 10 {
					b.Fatal(err)
				}
				if _, err := json.Marshal(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPageList is the first part of a list of 10,000 alerts, filtered.
func BenchmarkPageList(b *testing.B) {
	g := benchPreviews(b)
	for _, q := range []string{"", "203.0.113.9", "nothing of the kind"} {
		b.Run("q="+q, func(b *testing.B) {
			for b.Loop() {
				list, err := g.Alerts(b.Context(), "files", q, "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := json.Marshal(list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPageSave is from the save of a template to the word that it changed, less the time that the files must rest.
func BenchmarkPageSave(b *testing.B) {
	g := benchPreviews(b)
	file := filepath.Join(g.opt.Home, "etc", "ossec-notify", "templates", "slack.tmpl")
	told := 0
	g.tell = func(page.Change) { told++ }
	n := 0
	for b.Loop() {
		n++
		putFile(b, file, fmt.Sprintf(`{{define "slack.footer"}}%d{{end}}`, n))
		g.look(b.Context())
		if told != n {
			b.Fatalf("%d saves, %d told of", n, told)
		}
	}
}

func benchPreviews(b *testing.B) *Previews {
	var config strings.Builder
	config.WriteString("receivers:\n")
	names := []string{}
	for i := range 2 {
		for _, c := range []string{
			"slack: {webhook_url: https://hooks.slack.com/services/T0/B0/x}", "pagerduty: {routing_key: 0123456789abcdef0123456789abcdef}",
			"splunk: {url: 'https://splunk.example.com:8088', token: x}", "webhook: {url: https://hook.example.com/}",
			"email: {smtp: 'smtp://localhost', from: ossec@example.com, to: [root@example.com]}",
		} {
			kind, _, _ := strings.Cut(c, ":")
			name := fmt.Sprintf("%s-%d", kind, i+1)
			names = append(names, name)
			fmt.Fprintf(&config, "  %s: {%s}\n", name, c)
		}
	}
	fmt.Fprintf(&config, "routes: [{match: {level: 3}, to: [%s]}]\n", strings.Join(names, ", "))
	_, o := webHome(b, config.String())
	path := filepath.Join(b.TempDir(), "alerts.json")
	putFile(b, path, strings.Repeat(string(bytes.TrimSpace(corpusAlert(b, "wazuh/5712-ssh-brute-force.json", time.UTC).Raw))+"\n", maxOfFiles))
	return newTestPreviews(b, o, path)
}
