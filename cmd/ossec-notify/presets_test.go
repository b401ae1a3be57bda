package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// TestPresetInItsDefaultForm: where a template of the operator's fails, the preset's body goes out with our parts.
func TestPresetInItsDefaultForm(t *testing.T) {
	t.Parallel()
	for name, parts := range map[string]string{
		"does not run":   `{{define "sentence"}}{{fail "broken"}}{{end}}`,
		"does not parse": `{{define "sentence"}}{{`,
	} {
		dir := write(t, map[string]string{"ossec-notify.yaml": "templates_dir: .\nreceivers:\n  chat: {webhook: {preset: discord, url: \"https://discord.example.com/api/webhooks/1/x\"}}\ndefault: [chat]\n", "parts.tmpl": parts})
		cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
		if cfg == nil {
			t.Fatal(name, problems, err)
		}
		p, err := preview.New(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		body := presetBody(t, p)
		if !strings.Contains(body, `"title":"MEDIUM: SSH brute force from 203.0.113.9 on web-01"`) {
			t.Errorf("%s: the message is %s", name, body)
		}
		if failed := strings.Contains(body, "this is the default form"); failed != (name == "does not run") {
			t.Errorf("%s: it says that a template failed: %v", name, failed)
		}
	}
}

// presetBody is what the only receiver of a config is sent of a brute force.
func presetBody(t *testing.T, p *preview.Previewer) string {
	t.Helper()
	a := corpusAlert(t, "wazuh/5712-ssh-brute-force.json", time.UTC)
	plan := p.Plan(a)
	if len(plan) != 1 {
		t.Fatalf("%d deliveries", len(plan))
	}
	n, err := p.Notification(plan[0])
	if err != nil {
		t.Log(err)
	}
	shown, err := p.Catch(t.Context(), plan[0], n)
	if err != nil || len(*shown.Requests) != 1 {
		t.Fatal(shown.Requests, err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, (*shown.Requests)[0].Body.(json.RawMessage)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPresetsShowNoSecret previews each preset: secrets are in no address, header or body, whether they stand in the config or in files.
func TestPresetsShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, name := range presets.Names() {
		for _, kind := range []string{"plain", "file", "missing"} {
			p := presets.Embedded(name)
			var secrets []string
			files := map[string]string{"parts.tmpl": ""}
			value := func(s presets.Setting) string {
				if !s.Secret {
					return fmt.Sprintf("%q", append([]string{s.Example}, s.Values...)[0])
				}
				secret := "s3cr3t-of-" + s.Name + "-9f8e7d"
				if p.IsAddress(s.Name) {
					secret = "https://vendor.example.com/hooks/" + secret
				}
				if kind != "missing" {
					secrets = append(secrets, "s3cr3t-of-"+s.Name)
				}
				files[s.Name+".secret"] = secret + "\n"
				switch kind {
				case "plain":
					return fmt.Sprintf("%q", secret)
				case "file":
					return fmt.Sprintf("{file: %s.secret}", s.Name)
				}
				return "{file: nowhere.secret}"
			}
			var config strings.Builder
			fmt.Fprintf(&config, "templates_dir: .\nreceivers:\n  it:\n    webhook:\n      preset: %s\n      settings:\n        x-none: 1\n", name)
			for _, s := range p.Settings {
				if s.Required && s.Name != "url" {
					fmt.Fprintf(&config, "        %s: %s\n", s.Name, value(s))
				}
			}
			if s, ok := p.Setting("url"); ok {
				fmt.Fprintf(&config, "      url: %s\n", value(s))
			}
			config.WriteString("default: [it]\n")
			files["ossec-notify.yaml"] = config.String()
			dir := write(t, files)
			for _, format := range []string{"text", "json"} {
				var out, errs bytes.Buffer
				code := run(t.Context(), []string{"preview", "--home", dir, "--config", filepath.Join(dir, "ossec-notify.yaml"), "--format", format, "--sample", "5712"}, strings.NewReader(""), &out, &errs)
				if code != exitDone || out.Len() == 0 {
					t.Errorf("%s, %s: exit %d: %s\n%s", name, kind, code, errs.String(), config.String())
				}
				for _, secret := range secrets {
					if strings.Contains(out.String()+errs.String(), secret) {
						t.Errorf("%s, %s: %q is shown:\n%s", name, kind, secret, out.String())
					}
				}
			}
		}
	}
}

func TestPresetsCommand(t *testing.T) {
	t.Parallel()
	say := func(args ...string) (string, string, int) {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"presets"}, args...), strings.NewReader(""), &out, &errs)
		return out.String(), errs.String(), code
	}
	if out, _, code := say("discord"); code != exitDone || out != presets.Embedded("discord").Source() {
		t.Error("the preset is not printed as it is")
	}
	out, _, code := say()
	if lines := strings.Count(out, "\n"); code != exitDone || lines != len(presets.Names()) {
		t.Errorf("exit %d, %d lines:\n%s", code, lines, out)
	}
	if out, _, code := say("--format", "json"); code != exitDone || !strings.Contains(out, `"name":"discord"`) {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, errs, code := say("discrod"); code != exitUsage || !strings.Contains(errs, `did you mean "discord"?`) {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestPresetOnThePage: preview --web shows the request of a preset, how much of its limits it takes, and the file itself.
func TestPresetOnThePage(t *testing.T) {
	home, e := webHome(t, "receivers:\n  team: {webhook: {preset: discord, url: \"https://discord.example.com/api/webhooks/1/s3cr3t-t0ken\"}}\n  chat: {webhook: {preset: house, url: \"https://chat.example.com/1\", settings: {key: k}}}\ndefault: [team, chat]\n")
	house, err := os.ReadFile("../../testdata/presets/house.yaml")
	if err != nil {
		t.Fatal(err)
	}
	putFile(t, presets.File(filepath.Join(home, "etc", "ossec-notify", "templates"), "house"), string(house))
	g := newTestPreviews(t, e, filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json"))
	list, err := g.Alerts(t.Context(), "files", "", "")
	if err != nil {
		t.Fatal(err)
	}
	cards := previewOf(t, g, page.Query{Alert: list.Alerts[0].ID}).Cards
	for _, c := range cards {
		want := map[string]string{"team": "Webhook, preset discord", "chat": "Webhook, preset house"}[c.Receiver]
		views, err := json.Marshal(c.Views)
		if err != nil {
			t.Fatal(err)
		}
		if c.Where != want || len(c.Problems) > 0 || len(c.Views) != 3 || strings.Contains(string(views)+c.Curl, "s3cr3t") {
			t.Errorf("%s: %q, problems %v, %d views, curl %s", c.Receiver, c.Where, c.Problems, len(c.Views), c.Curl)
		}
		if file := map[string]string{"team": "title: Discord", "chat": "title: House chat"}[c.Receiver]; !strings.Contains(string(views), file) {
			t.Errorf("%s: its preset is not shown", c.Receiver)
		}
		if c.Receiver == "team" && len(c.Limits) == 0 {
			t.Error("how much of the limits a message takes is not shown")
		}
	}
	if len(cards) != 2 {
		t.Errorf("%d cards", len(cards))
	}
}
