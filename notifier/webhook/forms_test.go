package webhook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// TestFormsOfSettings: what a vendor documents as wrong is told with what to do, what it documents as right is not.
func TestFormsOfSettings(t *testing.T) {
	for _, x := range []struct {
		preset, setting string
		fit             []string
		misfit          map[string]string // value to a piece of the hint
	}{
		{"matrix", "room", []string{"!abc:example.com", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"}, map[string]string{"#soc:example.com": "begins with !", "!a b:example.com": "begins with !", "@bot:example.com": "alias"}},
		{"matrix", "url", []string{"https://matrix.example.com", "https://example.com/synapse/"}, map[string]string{"https://matrix.example.com/_matrix/client": "without /_matrix"}},
		{"telegram", "token", []string{"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"}, map[string]string{"bot110201543:AAH": "without bot", "AAHdqTcvCH1": "a number, a colon", "": "whole token"}},
		{"telegram", "chat", []string{"-1001234567890", "-4242", "8412345678", "@soc_alerts"}, map[string]string{"1001234567890": "put the - before it", "soc_alerts": "@name", "https://t.me/soc": "@name", "-100 123": "number"}},
		{"telegram", "api", []string{"https://bot.example.com", "https://example.com/bots"}, map[string]string{"https://api.telegram.org/bot110201543:AAH": "without /bot", "https://example.com/bot/": "without /bot"}},
		{"teams", "url", []string{"https://prod-01.westeurope.logic.azure.com:443/workflows/0/triggers/manual/paths/invoke?sig=x", "https://relay.example.com/webhook/teams",
			"https://x.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/0/triggers/manual/paths/invoke?sig=x"},
			map[string]string{"https://outlook.office.com/webhook/0@0/IncomingWebhook/0/0": "connectors have ended", "https://Contoso.webhook.office.com/webhookb2/0": "connectors have ended", "https://outlook.office365.com/webhook/0": "connectors have ended",
				"https://teams.microsoft.com/l/channel/0": "leads into the app"}},
		{"discord", "url", []string{"https://discord.com/api/webhooks/1300000000000000000/EXAMPLE", "https://discord.com/api/v10/webhooks/1300000000000000000/EXA-M_PLE?wait=true", "https://relay.example.com/discord"},
			map[string]string{"https://discord.com/channels/1/2": "Copy Webhook URL", "https://discord.gg/abc": "invitation", "https://discord.com/api/webhooks/1/TOKEN/slack": "take /slack or /github away",
				"https://discordapp.com/api/webhooks/1": "not whole"}},
		{"discord", "username", []string{"ossec"}, map[string]string{"My Discord bot": "no name with", strings.Repeat("ü", 81): "80 characters"}},
		{"google-chat", "url", []string{"https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"}, map[string]string{"https://chat.googleapis.com/v1/spaces/A/messages": "not whole", "https://chat.google.com/room/A": "leads into the app"}},
		{"ntfy", "topic", []string{"soc-alerts", strings.Repeat("a", 64)}, map[string]string{"soc/alerts": "no /", strings.Repeat("a", 65): "at most 64", "soc.alerts": "letters, digits"}},
		{"ntfy", "url", []string{"https://ntfy.sh", "https://ntfy.sh/", "https://example.com/ntfy"}, map[string]string{"https://ntfy.sh/soc": "settings.topic"}},
		{"ntfy", "token", []string{"tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"}, map[string]string{"phil:mypass": "basic_auth"}},
		{"jira", "project", []string{"SOC", "A1_B"}, map[string]string{"soc": "capitals", "SOC-17": "capitals", "Security Operations": "capitals"}},
		{"jira-dc", "project", []string{"SOC"}, map[string]string{"Soc": "capitals"}},
		{"jira", "url", []string{"https://example.atlassian.net", "https://example.atlassian.net/", "https://api.atlassian.com/ex/jira/0"}, map[string]string{"https://example.atlassian.net/jira/software/projects/SOC": "without a path"}},
		{"pushover", "user", []string{strings.Repeat("u", 30), strings.Repeat("u", 30) + "," + strings.Repeat("v", 30)}, map[string]string{strings.Repeat("u", 29): "30 letters", strings.Repeat("u", 31): "30 letters", "me@example.com": "30 letters"}},
		{"pushover", "token", []string{strings.Repeat("a", 30)}, map[string]string{strings.Repeat("a", 29) + "-": "30 letters"}},
		{"pushover", "retry", []string{"30", "99", "3600"}, map[string]string{"29": "30 or more", "1m": "seconds", "0": "30 or more"}},
		{"pushover", "expire", []string{"30", "999", "9999", "10800"}, map[string]string{"29": "from 30", "10801": "to 10800", "3h": "seconds"}},
		{"gotify", "token", []string{"AdBpLzV5hEvoQ4y"}, map[string]string{"CdBpLzV5hEvoQ4y": "a client"}},
		{"zulip", "url", []string{"https://api.example.com", "https://example.zulipchat.com"}, map[string]string{"https://example.zulipchat.com/api/v1/messages": "without /api"}},
		{"jsm", "key", []string{"00000000-1111-2222-3333-444444444444"}, map[string]string{"ATATT3xFfGF0": "API integration"}},
		{"alertmanager", "url", []string{"http://example.com:9093", "https://example.com/api"}, map[string]string{"http://example.com:9093/api/v2/alerts": "without /api/v2"}},
		{"alertmanager", "hours", []string{"4", "24"}, map[string]string{"0": "whole number", "1.5": "whole number", "4h": "whole number"}},
		{"awx", "url", []string{"https://awx.example.com/api/v2", "https://aap.example.com/api/controller/v2/"}, map[string]string{"https://awx.example.com/": "ends in /api/v2"}},
		{"awx", "template", []string{"42", "Block an address++Default"}, map[string]string{"Block an address": "number"}},
		{"github-dispatch", "owner", []string{"example", "jane_corp"}, map[string]string{"example/runbooks": "alone"}},
		{"github-dispatch", "url", []string{"https://api.github.com", "https://github.example.com/api/v3"}, map[string]string{"https://github.com/example/runbooks": "https://api.github.com"}},
		{"gitlab-trigger", "token", []string{"glptt-0123", "0123456789abcdef"}, map[string]string{"glpat-0123": "personal access token"}},
		{"grafana-oncall", "url", []string{"https://oncall.example.com/integrations/v1/formatted_webhook/0/"}, map[string]string{"https://oncall.example.com/integrations/v1/formatted_webhook/0": "the / at its end"}},
		{"jenkins", "job", []string{"run book"}, map[string]string{"security/runbook": "/job/FOLDER"}},
		{"jenkins", "url", []string{"https://jenkins.example.com/job/security"}, map[string]string{"https://jenkins.example.com/job/runbook/buildWithParameters": "settings.job"}},
		{"n8n", "url", []string{"https://n8n.example.com/webhook/0"}, map[string]string{"https://n8n.example.com/webhook-test/0": "production URL"}},
		{"thehive", "url", []string{"https://api", "https://example.com/thehive"}, map[string]string{"https://thehive.example.com/api/v1/alert": "without /api/v1"}},
	} {
		s, ok := presets.Embedded(x.preset).Setting(x.setting)
		if !ok || s.Forms == nil {
			t.Errorf("%s: the setting %s has no form", x.preset, x.setting)
			continue
		}
		for _, v := range x.fit {
			if hint, misfit := s.Misfit(v); misfit {
				t.Errorf("%s: a false alarm for %s %q: %s", x.preset, x.setting, v, hint)
			}
		}
		for v, want := range x.misfit {
			if hint, misfit := s.Misfit(v); !misfit || !strings.Contains(hint, want) {
				t.Errorf("%s: of %s %q is said %q, want %q", x.preset, x.setting, v, hint, want)
			}
		}
	}
}

// TestMisfitsAreToldAndShowNoSecret: they are no mistake of the config, and the key is that of the config.
func TestMisfitsAreToldAndShowNoSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "user")
	if err := os.WriteFile(file, []byte("s3cr3t-us3r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if err := yaml.Unmarshal([]byte("preset: pushover\nsettings: {token: s3cr3t-t0ken, user: {file: "+file+"}, retry: \"5\"}\n"), &cfg); err != nil {
		t.Fatal(err)
	}
	cfg.UsePreset(presets.Embedded("pushover"))
	if err := cfg.Validate(); err != nil {
		t.Error("it is refused:", err)
	}
	var got []string
	for _, err := range cfg.Misfits(t.Context()) {
		if field := (*notifier.FieldError)(nil); !errors.As(err, &field) {
			t.Errorf("%v has no key", err)
		}
		got = append(got, err.Error())
	}
	want := []string{
		"settings.token: is not what Pushover takes: an API token has 30 letters and digits: copy it again from the page of the application",
		"settings.user: is not what Pushover takes (file " + file + "): a user or group key has 30 letters and digits; several have commas between them, without blanks",
		`settings.retry: is not what Pushover takes: give a number of seconds, 30 or more`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestMisfitsShowNoSecretInAnOpenSetting: an address that was copied with its token is the commonest misfit of all.
func TestMisfitsShowNoSecretInAnOpenSetting(t *testing.T) {
	for preset, text := range map[string]string{
		"gitlab-trigger": `url: "https://gitlab.example.com/api/v4/projects/9/trigger/pipeline?token=s3cr3t"`,
		"jenkins":        `url: "https://jenkins.example.com/job/runbook/build?token=s3cr3t"`,
		"telegram":       `settings: {token: "1:x", chat: "1:s3cr3t", api: "https://api.telegram.org/bot1:s3cr3t"}`,
	} {
		var cfg Config
		if err := yaml.Unmarshal([]byte("preset: "+preset+"\n"+text+"\n"), &cfg); err != nil {
			t.Fatal(err)
		}
		cfg.UsePreset(presets.Embedded(preset))
		errs := cfg.Misfits(t.Context())
		if len(errs) == 0 || strings.Contains(errors.Join(errs...).Error(), "s3cr3t") {
			t.Errorf("%s: %v", preset, errs)
		}
	}
}
