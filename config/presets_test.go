package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// housePreset is a preset of the operator's.
func housePreset(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../testdata/presets/house.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// loadWithPresets loads a config that stands beside templates/presets/house.yaml.
func loadWithPresets(t *testing.T, text, preset string) (*Config, []string, string) {
	t.Helper()
	files := map[string]string{"ossec-notify.yaml": "templates_dir: templates\n" + text, "templates/parts.tmpl": ""}
	if preset != "" {
		files["templates/presets/house.yaml"] = preset
	}
	dir := write(t, files)
	r := Read(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var said []string
	for _, p := range r.Problems {
		said = append(said, fmt.Sprintf("%s:%d: %s", strings.ReplaceAll(p.File, dir+"/", ""), p.Line, p.Message))
	}
	return r.Config, said, dir
}

func TestPresetMistakesInTheConfig(t *testing.T) {
	t.Parallel()
	const url = `url: "https://chat.example.com/1"`
	for config, want := range map[string][]string{
		`{preset: house, ` + url + `, settings: {key: k}}`:                       nil,
		`{preset: discord, ` + url + `}`:                                         nil,
		`{preset: discrod, ` + url + `}`:                                         {`ossec-notify.yaml:3: preset: there is no preset "discrod": did you mean "discord"?`},
		`{preset: hause, ` + url + `}`:                                           {`ossec-notify.yaml:3: preset: there is no preset "hause": did you mean "house"?`},
		`{preset: ../x, ` + url + `}`:                                            {`ossec-notify.yaml:3: preset: is no name of a preset: see them with: ossec-notify presets`},
		`{preset: house, ` + url + `}`:                                           {`ossec-notify.yaml:3: settings.key: is missing: the key, such as abc`},
		`{preset: house, ulr: "https://chat.example.com/1", settings: {key: k}}`: {`ossec-notify.yaml:3: unknown key "ulr" in webhook: did you mean "url"?`},
		`{preset: house, ` + url + `, key: k}`:                                   {`ossec-notify.yaml:3: key is a setting of the preset house, and stands beside it: write settings: {key: …}`},
		`{preset: house, settings: {key: k}}`:                                    {`ossec-notify.yaml:3: url: is missing: the hook, such as https://chat.example.com/1`},
		`{preset: house, url: "chat.example.com", settings: {key: k}}`:           {`ossec-notify.yaml:3: url: is not a URL such as https://example.com/hook`},
		`{preset: jira, url: "https://bob:pw@example.atlassian.net", settings: {user: a@example.com, token: t, project: SOC}}`: {`ossec-notify.yaml:3: url: holds a user name: use settings.user and settings.token of the preset`},
		`{preset: alertmanager, url: "https://bob:pw@example.com"}`:                                                            {`ossec-notify.yaml:3: url: holds a user name: use the setting basic_auth`},
		`{preset: house, ` + url + `, settings: {key: k, room: sco}}`:                                                          {`ossec-notify.yaml:3: settings.room: is none of its values: did you mean "soc"?`},
		`{preset: house, ` + url + `, settings: {key: k, romo: soc}}`:                                                          {`ossec-notify.yaml:3: settings.romo: is no setting of the preset house: did you mean "room"?`},
		`{preset: house, ` + url + `, settings: {key: k, room: {file: x}}}`:                                                    {`ossec-notify.yaml:3: settings.room: is no secret, and is read when the config is loaded: write the value itself`},
		`{preset: house, ` + url + `, settings: {key: k}, body: json}`:                                                         {`ossec-notify.yaml:3: body: is what the preset house says: remove it, or copy the preset and change it there (ossec-notify presets house)`},
		`{preset: house, ` + url + `, settings: {key: k}, headers: {x-key: a}}`:                                                {},
		`{preset: house, ` + url + `, settings: {key: k}, headers: {X-Key: a}}`:                                                {`ossec-notify.yaml:3: headers.X-Key: is set by the preset house`},
		`{` + url + `, settings: {key: k}}`:                                                                                    {`ossec-notify.yaml:3: settings: are those of a preset: write preset: NAME beside them (ossec-notify presets)`},
	} {
		cfg, got, _ := loadWithPresets(t, "receivers:\n  chat: {webhook: "+config+"}\ndefault: [chat]\n", housePreset(t))
		if diff := cmp.Diff(want, got); len(want)+len(got) > 0 && diff != "" || (cfg == nil) != (len(want) > 0) {
			t.Errorf("%s (-want +got):\n%s", config, diff)
		}
	}
}

func TestMistakesInAPresetAreToldAtItsLine(t *testing.T) {
	t.Parallel()
	const config = "receivers:\n  chat: {webhook: {preset: house, url: \"https://chat.example.com/1\", settings: {key: k}}}\n  other: {webhook: {preset: house, url: \"https://chat.example.com/2\", settings: {key: k}}}\ndefault: [chat, other]\n"
	for _, x := range []struct{ old, new, want string }{
		{"rate: 30/m", "rate: often", `templates/presets/house.yaml:5: rate: "often" is no rate: write 1/s, 120/m or 20/h`},
		{"{{.Sentence}}", "{{.Sentence", `templates/presets/house.yaml:15: body: bad character U+0022 '"'`},
		{"{{.Sentence}}", "{{nothing}}", `templates/presets/house.yaml:15: body: function "nothing" not defined; docs/templates.md lists the functions`},
		{`"{{.Sentence}}"`, `"\{{.Sentence}}"`, `templates/presets/house.yaml:15: body: a \ stands before {{…}}: write \\ for one, or leave it out`},
		{`"{{.Sentence}}"`, `"{{.Sentence}}`, `templates/presets/house.yaml:15: body: it ends inside a string ("…")`},
	} {
		cfg, got, _ := loadWithPresets(t, config, strings.Replace(housePreset(t), x.old, x.new, 1))
		if cfg != nil || !slices.Equal(got, []string{x.want}) {
			t.Errorf("%q: %q, want %q", x.new, got, x.want)
		}
	}
}

// TestOwnPresetIsKept: the last config that loaded holds the preset, too, and what is read again when it changes.
func TestOwnPresetIsKept(t *testing.T) {
	t.Parallel()
	config := "receivers:\n  chat: {webhook: {preset: house, url: \"https://chat.example.com/1\", settings: {key: k}}}\ndefault: [chat]\n"
	_, _, dir := loadWithPresets(t, config, housePreset(t))
	path := filepath.Join(dir, "ossec-notify.yaml")
	r := Read(path, dir)
	if r.Config == nil || !slices.Contains(r.Sources, filepath.Join(dir, "templates", "presets", "*")) {
		t.Errorf("the presets are not watched: %q", r.Sources)
	}
	if err := os.RemoveAll(filepath.Join(dir, "templates")); err != nil {
		t.Fatal(err)
	}
	if again := r.Texts.Read(path, dir); again.Config == nil {
		t.Errorf("what was kept does not load: %v", again.Problems)
	}
	d, err := r.Config.Dispatcher(Options{})
	if err != nil {
		t.Fatal(err)
	}
	made := d.Receivers["chat"]
	if made.Concurrency != 3 || made.Rate != (dispatch.Rate{Count: 30, Per: time.Minute, Burst: 3}) || made.Preset != "house" {
		t.Errorf("concurrency %d, rate %v, preset %q: the preset says 3 and 30/m", made.Concurrency, made.Rate, made.Preset)
	}
}

// TestOwnPresetGoesBeforeOurs: a copy of a preset of ours takes its place.
func TestOwnPresetGoesBeforeOurs(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(presets.Embedded("discord").Source(), "title: Discord", "title: Our Discord")
	dir := write(t, map[string]string{"etc/ossec-notify/templates/presets/discord.yaml": text,
		"ossec-notify.yaml": "receivers:\n  chat: {webhook: {preset: discord, url: \"https://discord.example.com/api/webhooks/1/x\"}}\ndefault: [chat]\n"})
	r := Read(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if r.Config == nil {
		t.Fatal(r.Problems, r.Err)
	}
	if p := r.Config.Receivers[0].Config.Settings().(*webhook.Config).LoadedPreset(); p.Title != "Our Discord" || p.Embedded {
		t.Errorf("the preset is %q", p.Title)
	}
}
