package templates

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinksAreLiveWhereATemplateSaysSo(t *testing.T) {
	alert := strings.ReplaceAll(bruteForce, "Failed password", `GET http://h.example/\u202e<b> Failed`)
	const dead, live = "hxxp://h[.]example/", "http://h.example/"
	for _, tc := range []struct {
		name, file, text string
		live             map[string]bool // by channel and part
	}{
		{"mail", "email.tmpl", "{{/* links: live */}}", map[string]bool{"email text": true, "email html": true}},
		{"the HTML alone", "email.html.tmpl", "\n{{- /* links: live */ -}}\n<p>{{.Log}}</p>", map[string]bool{"email html": true}},
		{"all channels", "parts.tmpl", "{{/* links: live */}}{{define `next`}}Look{{end}}", map[string]bool{"email text": true, "email html": true, "slack log": true, "pagerduty details.json": true}},
		{"not at the beginning", "parts.tmpl", "{{define `next`}}Look{{end}}{{/* links: live */}}", nil},
		{"another channel", "slack.tmpl", "{{/* links: live */}}", map[string]bool{"slack log": true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tc.file), []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			set, err := Load(Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			for channel, names := range map[string][]string{"email": {"text", "html"}, "slack": {"log"}, "pagerduty": {"details.json"}} {
				p := parts(t, set, data(t, channel, alert))
				for _, name := range names {
					text := strings.ReplaceAll(p[name], "<span>.</span>", ".")
					isLive, isDead := strings.Contains(text, live), strings.Contains(text, dead)
					if want := tc.live[channel+" "+name]; isLive != want || isDead == want {
						t.Errorf("%s %s: the link is live: %v, want %v, in %s", channel, name, isLive, want, text)
					}
					if strings.Contains(text, "\u202e") || name == "html" && strings.Contains(text, "<b>") {
						t.Errorf("%s %s: more than links is as it came: %q", channel, name, text)
					}
				}
			}
			if p := parts(t, set.Defaults(), data(t, "email", alert)); strings.Contains(p["text"], live) {
				t.Error("the default form has live links")
			}
		})
	}
	own, err := Default().WithText("live.tmpl", "\n{{/* links: live */}}")
	if err != nil {
		t.Fatal(err)
	}
	if p := parts(t, own, data(t, "email", alert)); !strings.Contains(p["text"], live) || !strings.Contains(p["html"], live) {
		t.Errorf("the mail of a receiver whose template says so is\n%s\n%s", p["text"], p["html"])
	}
	if diff := cmp.Diff([]Use{{"live.tmpl", 2, "{{/* links: live */}}"}}, own.LiveFiles()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	whole, err := Default().WithText("live.tmpl", "{{/* links: live */}}{{.Log}}")
	if err != nil {
		t.Fatal(err)
	}
	if p := parts(t, whole, data(t, "slack", alert)); !strings.Contains(p["body"], live) {
		t.Errorf("the message of a receiver whose template says so is %s", p["body"])
	}
}
