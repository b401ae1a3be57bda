package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/regular"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

const presetsHelp = `Lists the presets of the channel webhook: how it speaks to Discord, Telegram, Matrix and others. A receiver names one:

  receivers:
    team: {webhook: {preset: discord, url: {file: /etc/ossec-notify/discord.url}}}

With a name, the preset itself is printed: what the vendor needs, as YAML. A copy of it in the directory of templates goes
before the one that comes with this program, for you to change; the list tells of yours, and where they lie.`

const presetsExample = `  ossec-notify presets                           which are there?
  ossec-notify presets discord                   what does it ask for, and what is sent?
  ossec-notify presets discord > /var/ossec/etc/ossec-notify/templates/presets/discord.yaml`

func presetsCommand(e *env) *cobra.Command {
	docs := ""
	cmd := &cobra.Command{
		Use:     "presets [NAME]",
		Short:   "the vendors that the webhook speaks to, and what it says to each",
		Long:    presetsHelp,
		Example: presetsExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case docs != "":
				return writePresetPages(docs)
			case len(args) == 0:
				return e.listPresets()
			}
			return e.showPreset(args[0])
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			e.home = cmp.Or(e.home, door.DefaultHome())
			var names []string
			for _, p := range e.allPresets() {
				names = append(names, p.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	e.formatFlag(cmd)
	cmd.Flags().StringVar(&docs, "docs", "", "write the pages of the manual into this directory")
	if err := cmd.Flags().MarkHidden("docs"); err != nil {
		panic(err) // it was made in the line above
	}
	return cmd
}

// showPreset prints a preset: ours, where there is one, for a copy of it is what is changed. Which is used is told beside it.
func (e *env) showPreset(name string) error {
	all := e.allPresets()
	i := slices.IndexFunc(all, func(p listedPreset) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		if near := rules.Nearest(name, names); near != "" {
			return fmt.Errorf("there is no preset %q: did you mean %q?", name, near)
		}
		return fmt.Errorf("there is no preset %q: see them with: ossec-notify presets", name)
	}
	p := all[i]
	ours := presets.Embedded(name)
	switch {
	case p.Replaces && isEmptyFile(p.File): // the shell has made it, to take what is printed here
	case p.Replaces && p.Problem != "":
		fmt.Fprintf(e.stderr, "note: this is the one that comes with the program; yours goes before it, and has mistakes: %s\n", p.Problem)
	case p.Replaces:
		fmt.Fprintf(e.stderr, "note: this is the one that comes with the program; yours is used in its place: %s\n", safe(p.File))
	case p.Problem != "":
		fmt.Fprintf(e.stderr, "note: it has mistakes: %s\n", p.Problem)
	case p.File != "":
		fmt.Fprintf(e.stderr, "note: this is %s\n", safe(p.File))
	}
	if ours != nil {
		_, err := fmt.Fprint(e.stdout, ours.Source())
		return err
	}
	text, err := regular.Read(p.File, maxOwnFile)
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(text)
	return err
}

func isEmptyFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Size() == 0
}

// listedPreset is a line of the list, for machines.
type listedPreset struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	About   string `json:"about"`
	Checked string `json:"checked"`
	// File is where it lies in the directory of templates, and Replaces that it goes before ours; Problem is the first of its mistakes.
	File     string `json:"file,omitempty"`
	Replaces bool   `json:"replaces,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// allPresets are ours and the operator's, by name; of two of one name the one that is used.
func (e *env) allPresets() []listedPreset {
	all := map[string]listedPreset{}
	for _, name := range presets.Names() {
		p := presets.Embedded(name)
		all[name] = listedPreset{Name: name, Title: p.Title, About: p.About, Checked: p.Checked}
	}
	dir := config.Read(configPath(e.config, e.home), e.home).TemplatesDir
	own, _ := filepath.Glob(presets.File(dir, "*")) // there are none where the directory's name is a broken pattern
	for _, file := range own {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if !presets.IsName(name) {
			continue
		}
		_, replaces := all[name]
		listed := listedPreset{Name: name, File: file, Replaces: replaces}
		p, problems, err := config.ReadPreset(file)
		switch {
		case p != nil:
			listed.Title, listed.About, listed.Checked = display.OneLine(p.Title), display.OneLine(p.About), p.Checked
		case err != nil:
			listed.Problem = display.OneLine(err.Error())
		case len(problems) > 0:
			listed.Problem = display.OneLine(problems[0].String())
		}
		all[name] = listed
	}
	return slices.SortedFunc(maps.Values(all), func(a, b listedPreset) int { return strings.Compare(a.Name, b.Name) })
}

func (e *env) listPresets() error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, p := range e.allPresets() {
		if e.format == "json" {
			if err := jsonLine(e.stdout, p); err != nil {
				return err
			}
			continue
		}
		about := p.About
		switch {
		case p.Problem != "":
			about = "has mistakes: " + p.Problem
		case p.Replaces:
			about += " [" + safe(p.File) + ", before ours]"
		case p.File != "":
			about += " [" + safe(p.File) + "]"
		}
		whose := ""
		if p.File != "" {
			whose = " (yours)"
		}
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", p.Name, whose, p.Title, about)
	}
	return w.Flush()
}

// writePresetPages writes the page of each preset and the list of them into a folder, and what is known of all into the page about
// channels beside it, if there is one.
func writePresetPages(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range presetPages() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	channels := filepath.Join(dir, "..", "channels.md")
	b, err := os.ReadFile(channels)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := withPresetTable(string(b))
	if err != nil {
		return fmt.Errorf("%s: %w", channels, err)
	}
	return os.WriteFile(channels, []byte(text), 0o644)
}

// Between these lines of docs/channels.md stands what is made of the presets.
const (
	presetTableBegin = "<!-- made by: go run ./cmd/ossec-notify presets --docs docs/presets -->\n"
	presetTableEnd   = "<!-- end of what is made -->\n"
)

// withPresetTable is the page about channels with what is known of the presets now.
func withPresetTable(page string) (string, error) {
	before, rest, ok := strings.Cut(page, presetTableBegin)
	_, after, ends := strings.Cut(rest, presetTableEnd)
	if !ok || !ends {
		return "", errors.New("the lines are missing between which the table of presets stands")
	}
	return before + presetTableBegin + "\n" + presetTable() + "\n" + presetTableEnd + after, nil
}

// presetTable says of every preset what it needs, its limits, its repeats and what it was tested against.
func presetTable() string {
	var b strings.Builder
	b.WriteString("| preset | it needs | limits | rate | tried again, too | a repeat | tested against | checked |\n|---|---|---|---|---|---|---|---|\n")
	for _, name := range presets.Names() {
		p := presets.Embedded(name)
		fmt.Fprintf(&b, "| [`%s`](presets/%s.md) | %s | %s | %s | %s | %s | %s | %s |\n", name, name, neededBy(p), limitsOf(p), cmp.Or(p.Rate, "none"), cell(triedAgain(p)), repeatOf(p),
			cell(strings.Join(p.Tested, "; ")), p.Checked)
	}
	return b.String()
}

// presetPages are the pages of the manual about presets, by file.
func presetPages() map[string]string {
	var list strings.Builder
	list.WriteString("# The presets\n\n<!-- made by: go run ./cmd/ossec-notify presets --docs docs/presets -->\n\n" +
		"How the channel `webhook` speaks to each of these. [presets.md](../presets.md) says how a receiver uses one, and how you change or write one; " +
		"[channels.md](../channels.md#presets-at-a-glance) compares them.\n\n" +
		"| preset | vendor | what arrives |\n|---|---|---|\n")
	pages := map[string]string{}
	for _, name := range presets.Names() {
		p := presets.Embedded(name)
		fmt.Fprintf(&list, "| [`%s`](%s.md) | %s | %s |\n", name, name, cell(p.Title), cell(p.About))
		pages[name+".md"] = presetPage(p)
	}
	pages["README.md"] = list.String()
	return pages
}

// neededBy are the settings that a preset cannot do without, for a cell.
func neededBy(p *presets.Preset) string {
	var all []string
	for _, s := range p.Settings {
		if s.Required {
			all = append(all, "`"+s.Name+"`"+map[bool]string{true: " (secret)"}[s.Secret])
		}
	}
	return strings.Join(all, ", ")
}

// limitsOf are the limits of a preset, for a cell.
func limitsOf(p *presets.Preset) string {
	var all []string
	for _, l := range p.Limits.Fields {
		all = append(all, fmt.Sprintf("`%s` %s", strings.NewReplacer("*.", "", ".*", "").Replace(l.Path), limitText(l)))
	}
	if p.Limits.Body > 0 {
		all = append(all, fmt.Sprintf("in all %d bytes", p.Limits.Body))
	}
	return cell(strings.Join(all, ", "))
}

func limitText(l presets.Limit) string {
	units := map[presets.Unit]string{presets.Chars: "characters", presets.UTF16: "UTF-16 units", presets.Bytes: "bytes", presets.Items: "elements"}
	return fmt.Sprintf("%d %s%s", l.Max, units[l.Unit], map[bool]string{true: " in all"}[l.Sum])
}

// repeatOf is what a second attempt does where the first arrived, for a cell.
func repeatOf(p *presets.Preset) string {
	switch {
	case p.Idempotent:
		return "is known there"
	case strings.Contains(p.Request.Body, ".Delivery"):
		return "starts it twice, with the same `delivery`"
	}
	return "comes twice, and says that it may be a copy"
}

// triedAgain are the answers that a preset tries again beside those that every channel does.
func triedAgain(p *presets.Preset) string {
	var all []string
	for _, v := range p.Answer.Verdicts {
		if v.Is != presets.IsTemporary {
			continue
		}
		text := conditions(v.Match, "")
		if v.Wait > 0 {
			text += ", after " + display.Span(v.Wait)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// cell is text for a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(strings.TrimSpace(s))
}

// presetPage is the page of one preset.
func presetPage(p *presets.Preset) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- made of templates/presets/%s.yaml by: go run ./cmd/ossec-notify presets --docs docs/presets -->\n\n%s\n\nPreset `%s` of the channel [`webhook`](../channels.md#webhook); how presets are used and changed is in [presets.md](../presets.md).\n",
		p.Title, p.Name, strings.TrimSpace(p.About), p.Name)
	if p.Needs != "" {
		fmt.Fprintf(&b, "\n## What you need\n\n%s\n", strings.TrimSpace(p.Needs))
	}
	fmt.Fprintf(&b, "\n## A config that works\n\n```yaml\n%s```\n", presetExample(p))
	if given := calledFrom(p); given != "" {
		fmt.Fprintf(&b, "\nWithout a config, from `ossec.conf`: %s\n", given)
	}
	b.WriteString("\n## Settings\n\n| setting | | what it is |\n|---|---|---|\n")
	for _, s := range p.Settings {
		where, notes := "`"+s.Key()+"`", []string{}
		if s.Required {
			notes = append(notes, "required")
		}
		if s.Secret {
			notes = append(notes, "secret")
		}
		if s.Default != "" {
			notes = append(notes, "default `"+s.Default+"`")
		}
		help := s.Help
		if s.Values != nil {
			help += ": `" + strings.Join(s.Values, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", where, cell(strings.Join(notes, ", ")), cell(help))
	}
	fmt.Fprintf(&b, "\nBeside them: `headers`, `hmac`, `gzip` and `network` of the [webhook](../channels.md#webhook), and what every receiver takes. Where the receiver does not say, `rate` is %s and `concurrency` %d.\n",
		cmp.Or(p.Rate, "without limit"), p.Concurrency)
	writeForms(&b, p)
	writeActions(&b, p)
	writeLimits(&b, p)
	writeAnswers(&b, p)
	if p.Notes != "" {
		fmt.Fprintf(&b, "\n## Good to know\n\n%s\n", strings.TrimSpace(p.Notes))
	}
	if p.Tested != nil {
		fmt.Fprintf(&b, "\n## Tested against\n\n")
		for _, s := range p.Tested {
			fmt.Fprintf(&b, "- %s\n", s)
		}
	}
	fmt.Fprintf(&b, "\n## Sources\n\nChecked on %s.\n", p.Checked)
	for i, s := range p.Sources {
		fmt.Fprintf(&b, "%s- %s\n", map[bool]string{true: "\n"}[i == 0], s)
	}
	return b.String()
}

// presetExample is a config with a receiver of a preset, made of the examples of its settings.
func presetExample(p *presets.Preset) string {
	var b strings.Builder
	fmt.Fprintf(&b, "receivers:\n  %s-soc:\n    webhook:\n      preset: %s\n", p.Name, p.Name)
	value := func(s presets.Setting) string {
		if s.Secret {
			return fmt.Sprintf("{file: /etc/ossec-notify/%s.%s}", p.Name, s.Name)
		}
		return fmt.Sprintf("%q", cmp.Or(s.Example, s.Default, append(s.Values, "")[0]))
	}
	var settings []presets.Setting
	for _, s := range p.Settings {
		switch {
		case s.Name == "url":
			fmt.Fprintf(&b, "      url: %s\n", value(s))
		case s.Required:
			settings = append(settings, s)
		}
	}
	if len(settings) > 0 {
		b.WriteString("      settings:\n")
	}
	for _, s := range settings {
		fmt.Fprintf(&b, "        %s: %s\n", s.Name, value(s))
	}
	fmt.Fprintf(&b, "default: [%s-soc]\n", p.Name)
	return b.String()
}

// calledFrom says what ossec.conf must give for a drop-in, or "" where it cannot.
func calledFrom(p *presets.Preset) string {
	kind, ok := channel.ByCall(p.Name)
	if !ok || kind.Preset != p.Name { // a channel has the name
		return ""
	}
	given, err := kind.FromArgv("https://example.com", notifier.PlainSecret("x"))
	if err != nil {
		return ""
	}
	cfg := given.Settings().(*webhook.Config) // as of every preset
	elements := ""
	if !cfg.URL.IsZero() {
		elements = " `<hook_url>` is `url`"
	}
	for name := range cfg.Settings {
		elements += map[bool]string{true: " and", false: ""}[elements != ""] + " `<api_key>` is `settings." + name + "`"
	}
	return fmt.Sprintf("an `<integration>` named `custom-%s`;%s.", p.Name, elements)
}

// writeForms says which values check knows to be wrong.
func writeForms(b *strings.Builder, p *presets.Preset) {
	begin := "\n`ossec-notify check` says of a value that the vendor cannot take, without showing a secret:\n\n| setting | where all of it | what to do |\n|---|---|---|\n"
	for _, s := range p.Settings {
		for _, f := range s.Forms {
			where := "is like "
			if f.Must {
				where = "is not like "
			}
			fmt.Fprintf(b, "%s| `%s` | %s`%s` | %s |\n", begin, s.Key(), where, cell(f.Expression), cell(f.Hint))
			begin = ""
		}
	}
}

func writeActions(b *strings.Builder, p *presets.Preset) {
	var says []string
	for _, a := range []struct{ action, word string }{{presets.Acknowledge, "taken"}, {presets.Resolve, "over"}} {
		r, told := p.For(a.action, func(string) bool { return false })
		switch {
		case !told:
			says = append(says, fmt.Sprintf("that an alert is %s is not told", a.word))
		case r.UsesEarlier():
			says = append(says, fmt.Sprintf("that it is %s is told where its first message arrived, if that is known", a.word))
		case r.BodyName == p.Request.BodyName && r.URL == p.Request.URL && maps.Equal(r.Query, p.Request.Query):
			says = append(says, fmt.Sprintf("that it is %s is a message of its own", a.word))
		default:
			says = append(says, fmt.Sprintf("that it is %s is a request of its own kind", a.word))
		}
		for _, r := range p.Others(a.action) {
			s, _ := p.Setting(r.When) // or it would not have been read
			says[len(says)-1] += fmt.Sprintf("; where the receiver gives `%s`, it is a request of its own kind", s.Key())
		}
	}
	fmt.Fprintf(b, "\nOf incidents: %s.\n", strings.Join(says, "; "))
	if p.Find != nil {
		b.WriteString("\nWhere an answer was lost and the message is sent again, how it is called there is asked for, so that what becomes of it can be told; that takes the right to read it.\n")
	}
}

func writeLimits(b *strings.Builder, p *presets.Preset) {
	if len(p.Limits.Fields) == 0 && p.Limits.Body == 0 {
		return
	}
	b.WriteString("\n## Limits\n\nWhat is longer is cut, text of the alert first, and ends in …\n\n| field | limit |\n|---|---|\n")
	for _, l := range p.Limits.Fields {
		fmt.Fprintf(b, "| `%s` | %s%s |\n", l.Path, limitText(l), map[bool]string{true: "; of more, one says how many are left out"}[l.More != ""])
	}
	if p.Limits.Body > 0 {
		fmt.Fprintf(b, "| the whole body | %d bytes |\n", p.Limits.Body)
	}
}

func writeAnswers(b *strings.Builder, p *presets.Preset) {
	fmt.Fprintf(b, "\n## Answers\n\nDelivered: %s. Else, and where nothing below fits, what [every channel](../channels.md#what-all-have-in-common) does with a status.\n", conditions(p.Answer.Success, "any 2xx"))
	if len(p.Answer.Verdicts) == 0 {
		return
	}
	b.WriteString("\n| answer | is | what to do |\n|---|---|---|\n")
	for _, v := range p.Answer.Verdicts {
		is := v.Is
		if is == presets.IsUnmarked {
			is = "sent again at once without markup; permanent where that is refused like this, too"
		}
		if v.Wait > 0 {
			is += ", again after " + display.Span(v.Wait)
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(conditions(v.Match, "")), is, cell(v.Hint))
	}
}

// conditions are those of an answer, in words.
func conditions(m presets.Match, none string) string {
	var all []string
	for i, s := range m.Status {
		text := fmt.Sprintf("%d", s.From)
		if s.To != s.From {
			text = fmt.Sprintf("%d to %d", s.From, s.To)
		}
		if i == 0 {
			text = "status " + text
		} else {
			all[len(all)-1] += " or " + text
			continue
		}
		all = append(all, text)
	}
	if m.Code != nil {
		all = append(all, "code `"+strings.Join(m.Code, "`, `")+"`")
	}
	if m.Text != "" {
		all = append(all, fmt.Sprintf("the text %q", m.Text))
	}
	if m.Body != "" {
		all = append(all, fmt.Sprintf("nothing but %q", m.Body))
	}
	for _, path := range slices.Sorted(maps.Keys(m.JSON)) {
		switch want := m.JSON[path]; want {
		case presets.Present:
			all = append(all, "`"+path+"` is there")
		case presets.Absent:
			all = append(all, "`"+path+"` is not there")
		default:
			all = append(all, fmt.Sprintf("`%s` is `%s`", path, want))
		}
	}
	if len(all) == 0 {
		return none
	}
	return strings.Join(all, " and ")
}

// checkForms says which settings of presets do not look like what the vendor takes. Such a config is used all the same: a vendor may have
// changed its forms since.
func checkForms(ctx context.Context, cfg *config.Config) []finding {
	var found []finding
	for _, r := range cfg.Receivers {
		if hook, ok := r.Config.Settings().(*webhook.Config); ok {
			for _, err := range hook.Misfits(ctx) {
				found = append(found, findingAbout(r, err, exitFail))
			}
		}
	}
	return found
}

// checkCalledForms is checkForms for what ossec.conf gives to calls that no receiver of the config takes.
func (e *env) checkCalledForms(ctx context.Context, cfg *config.Config) []finding {
	conf := filepath.Join(e.home, "etc", "ossec.conf")
	blocks, err := integrationBlocks(conf)
	if err != nil {
		return nil // doctor says that it cannot be read
	}
	var found []finding
	for _, b := range blocks {
		name := strings.TrimPrefix(b.name, "custom-")
		kind, ok := channel.ByCall(name)
		if !ok || kind.Preset == "" || leads(cfg, name) {
			continue
		}
		given, err := kind.FromArgv(b.hookURL, notifier.PlainSecret(b.apiKey))
		if err != nil {
			continue // which is told, too
		}
		for _, err := range given.Settings().(*webhook.Config).Misfits(ctx) {
			element, message := "api_key", err.Error()
			if field := (*notifier.FieldError)(nil); errors.As(err, &field) {
				message = field.Message
				if field.Key == "url" {
					element = "hook_url"
				}
			}
			found = append(found, finding{Problem: rules.Problem{File: conf, Warning: true, Message: fmt.Sprintf("the <%s> of the <integration> %s %s", element, b.name, message)}})
		}
	}
	return found
}

// checkPresets notes the operator's presets that go before ours, and so do not change with an upgrade.
func checkPresets(cfg *config.Config) []finding {
	users := map[string][]string{}
	for _, r := range cfg.Receivers {
		if hook, ok := r.Config.Settings().(*webhook.Config); ok && hook.LoadedPreset() != nil && !hook.LoadedPreset().Embedded {
			users[hook.Preset] = append(users[hook.Preset], r.Name)
		}
	}
	var found []finding
	for _, name := range slices.Sorted(maps.Keys(users)) {
		ours := presets.Embedded(name)
		if ours == nil {
			continue
		}
		file := presets.File(cfg.TemplatesDir, name)
		advice := "compare them after an upgrade: ossec-notify presets " + name
		if p, _, err := config.ReadPreset(file); err == nil && p != nil && p.Source() == ours.Source() {
			advice = "they are the same: without this file, upgrades reach " + verb(len(users[name]), "it", "them")
		}
		found = append(found, finding{note: true, Problem: rules.Problem{File: file, Line: 1, Column: 1, Message: fmt.Sprintf(
			"goes before the preset that comes with this program, for %s; %s", listOf(users[name]), advice)}})
	}
	return found
}
