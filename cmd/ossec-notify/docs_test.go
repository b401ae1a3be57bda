package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/sprig/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// manual are the files of the manual, by their path from the top of the repository.
func manual(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/presets/*.md")
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, pages...)
	texts := map[string]string{}
	for _, path := range append(paths, "../../README.md", "../../CONTRIBUTING.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimPrefix(path, "../../")] = string(b)
	}
	return texts
}

// fence is a block of code: its language and what is in it.
var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// What README.md shows of demo is what it says, but for the time of day.
func TestReadmeShowsWhatDemoSays(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if code := run(t.Context(), []string{"demo"}, strings.NewReader(""), &out, &out); code != exitDone {
		t.Fatalf("demo: exit %d\n%s", code, out.String())
	}
	_, after, _ := strings.Cut(manual(t)["README.md"], "This is what `demo` shows")
	block := fence.FindStringSubmatch(after)
	if block == nil {
		t.Fatal("README.md shows nothing of it")
	}
	dated := regexp.MustCompile(`\d{4}-\d\d-\d\d|…`)
	said := strings.Split(out.String(), "\n")
	for line := range strings.Lines(block[2]) {
		if line = strings.TrimRight(line, "\n"); !dated.MatchString(line) && !slices.Contains(said, line) {
			t.Errorf("demo does not say %q", line)
		}
	}
}

// TestManualConfigsLoad loads every config of the manual that has receivers: people paste them.
func TestManualConfigsLoad(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "ossec-notify", "templates"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ossec-notify.yaml")
	loaded := 0
	for file, text := range manual(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			whole := strings.HasPrefix(block[2], "# ossec-notify.yaml\n")
			if block[1] != "yaml" || !whole && !strings.HasPrefix(block[2], "receivers:\n") {
				continue
			}
			if err := os.WriteFile(path, []byte(block[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			_, problems, err := loadConfig(path, dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if !p.Warning && !strings.Contains(p.Message, "no such file or directory") { // templates are shown elsewhere
					t.Errorf("%s: %s\n%s", file, p, block[2])
				}
			}
			if whole {
				loaded++
			}
		}
	}
	if loaded < 2 {
		t.Errorf("found %d whole configs in the manual, want one in README.md and one in docs/config.md", loaded)
	}
}

// TestPresetPagesAreFresh compares the pages of presets with what is made of them; go test -update writes them.
func TestPresetPagesAreFresh(t *testing.T) {
	dir := "../../docs/presets"
	if *update {
		if err := writePresetPages(dir); err != nil {
			t.Fatal(err)
		}
	}
	pages := presetPages()
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
			t.Errorf("docs/presets/%s is stale: go test ./cmd/ossec-notify -run PresetPages -update (%v)\n%s", name, err, diff)
		}
	}
	channels, err := os.ReadFile("../../docs/channels.md")
	if err != nil {
		t.Fatal(err)
	}
	if want, err := withPresetTable(string(channels)); err != nil || want != string(channels) {
		t.Errorf("the table of presets in docs/channels.md is stale: go test ./cmd/ossec-notify -run PresetPages -update (%v)", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if pages[f.Name()] == "" {
			t.Errorf("docs/presets/%s is the page of no preset: remove it", f.Name())
		}
	}
}

// TestManualPresetIsRight reads the preset that docs/presets.md shows.
func TestManualPresetIsRight(t *testing.T) {
	for _, block := range fence.FindAllStringSubmatch(manual(t)["docs/presets.md"], -1) {
		if !strings.HasPrefix(block[2], "name: ") {
			continue
		}
		p, problems := presets.Parse("house-chat.yaml", []byte(block[2]))
		if p == nil {
			t.Fatal(problems)
		}
		set, err := templates.Default().WithPreset(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := sample.Alert("5712")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := set.Parts(templates.NewData(a, alert.DefaultScale, templates.Context{Receiver: "soc", Channel: "webhook"})); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("docs/presets.md shows no preset")
}

// TestManualCasesPass runs the cases of docs/testing.md by the config that stands before them.
func TestManualCasesPass(t *testing.T) {
	dir := t.TempDir()
	var config, cases string
	for _, block := range fence.FindAllStringSubmatch(manual(t)["docs/testing.md"], -1) {
		switch {
		case strings.HasPrefix(block[2], "receivers:\n"):
			config = block[2]
		case strings.HasPrefix(block[2], "# tests/"):
			cases = block[2]
		}
	}
	for name, text := range map[string]string{"ossec-notify.yaml": config, "tests/routes.yaml": cases} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	code := run(t.Context(), []string{"test", "--strict", "--config", filepath.Join(dir, "ossec-notify.yaml")}, strings.NewReader(""), &out, &out)
	if code != exitDone || out.String() != "4 cases, all passed; 4 of 4 routes reached\n" {
		t.Errorf("exit %d:\n%s", code, out.String())
	}
}

// TestManualTemplatesRender renders every template of the manual with every sample.
func TestManualTemplatesRender(t *testing.T) {
	rendered := 0
	for file, text := range manual(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			if block[1] != "" || !strings.Contains(block[2], "{{") {
				continue
			}
			name, kinds := "manual.tmpl", channel.Names()
			if strings.HasPrefix(block[2], "{\n") || strings.HasPrefix(block[2], `{"`) {
				name, kinds = "manual.json.tmpl", []string{"webhook"}
			}
			set, err := templates.Default().WithText(name, block[2])
			if err != nil {
				t.Errorf("%s: %s\n%s", file, err, block[2])
				continue
			}
			for _, id := range sample.Names() {
				a, err := sample.Alert(id)
				if err != nil {
					t.Fatal(err)
				}
				for _, kind := range kinds {
					c := templates.Context{Receiver: "soc", Channel: kind, Delivery: "D"}
					of := []templates.Context{c, c, c}
					of[1].Resolved = &templates.Resolved{After: time.Minute, By: a}
					b := digest.New(digest.Summary{Kind: digest.Scheduled, Receiver: "soc"}, nil)
					b.Add(a, family.Read(a), alert.Low, time.Time{}, 1)
					of[2].Summary, of[2].Alerts = b.Summary(), []*alert.Alert{a}
					for _, c := range of {
						if _, err := set.Parts(templates.NewData(a, alert.DefaultScale, c)); err != nil {
							t.Errorf("%s, sample %s, %s: %s\n%s", file, id, kind, err, block[2])
						}
					}
				}
			}
			rendered++
		}
	}
	if rendered < 5 {
		t.Errorf("found %d templates in the manual", rendered)
	}
}

// TestManualListsTheFunctions compares the list of docs/templates.md with what a template may call.
func TestManualListsTheFunctions(t *testing.T) {
	_, list, found := strings.Cut(manual(t)["docs/templates.md"], "<!-- functions -->\n```text\n")
	if !found {
		t.Fatal("docs/templates.md has no list of functions")
	}
	list, _, _ = strings.Cut(list, "```")
	listed := strings.Fields(list)
	slices.Sort(listed)

	var allowed []string
	for name := range sprig.TxtFuncMap() {
		if builtin[name] {
			continue
		}
		if _, err := templates.Default().WithText("t.tmpl", `{{define "t"}}{{if false}}{{`+name+`}}{{end}}{{end}}`); err == nil {
			allowed = append(allowed, name)
		}
	}
	allowed = slices.DeleteFunc(allowed, func(name string) bool { return ours[name] })
	slices.Sort(allowed)
	if diff := cmp.Diff(allowed, listed); diff != "" {
		t.Errorf("docs/templates.md lists other functions (-allowed +listed):\n%s", diff)
	}
}

// Functions of sprig's names that are not sprig's in our templates: the template language's own, and ours.
var (
	builtin = map[string]bool{"and": true, "or": true, "not": true}
	ours    = map[string]bool{"toJson": true, "toRawJson": true, "toPrettyJson": true}
)

// TestManualLinksLeadSomewhere checks links between the files of the manual.
func TestManualLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	texts := manual(t)
	anchors := func(text string) []string {
		var all []string
		for _, h := range heading.FindAllStringSubmatch(text, -1) {
			all = append(all, anchor(h[1]))
		}
		return all
	}
	for file, text := range texts {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target := file
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(file), m[1])
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
				continue
			}
			if to, ok := texts[target]; ok && m[2] != "" && !slices.Contains(anchors(to), m[2]) {
				t.Errorf("%s links to %s%s: there is no such heading", file, m[1], m[2])
			}
		}
	}
}

// anchor is the link to a heading, as forges make it.
func anchor(heading string) string {
	return "#" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}

// TestTheChannelOfContributingWorks: who copies the example gets a channel that passes the suite.
func TestTheChannelOfContributingWorks(t *testing.T) {
	t.Parallel()
	_, guide, _ := strings.Cut(manual(t)["CONTRIBUTING.md"], "\n## Adding a channel\n")
	guide, _, _ = strings.Cut(guide, "\n## ")
	dir := t.TempDir()
	replaced := map[string]string{} // files that the go command sees beside those of the repository
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	blocks := fence.FindAllStringSubmatch(guide, -1)
	if len(blocks) < 2 {
		t.Fatalf("the guide has %d blocks of code", len(blocks))
	}
	for i, name := range []string{"healthchecks.go", "healthchecks_test.go"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(blocks[i][2]), 0o600); err != nil {
			t.Fatal(err)
		}
		replaced[filepath.Join(root, "notifier", "healthchecks", name)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("the go command is not here: %v", err)
	}
	suite := filepath.Join(dir, "suite")
	for _, args := range [][]string{ // not run by the go command, which needs the folder to be there
		{goCommand, "test", "-c", "-vet=off", "-overlay", path, "-o", suite, module + "notifier/healthchecks"}, {suite, "-test.v"},
	} {
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		if err != nil || args[0] == suite && !strings.Contains(string(out), "--- PASS: TestChannel") {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
}
