package main

import (
	"bytes"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ossec-notify/ossec-notify/"

// mayImport says which packages of this module each package may import; what is not here is refused. Imports
// point one way: the outbound packages know no alert, a channel knows no other channel, only the table of them knows
// all, and only the command knows all packages.
var mayImport = map[string][]string{
	"display":               {},
	"door":                  {"spool"},
	"alert":                 {},
	"backtest/report":       {"backtest", "display"},
	"sandbox":               {"listen"},
	"spool":                 {},
	"outbox":                {},
	"listen":                {},
	"draw":                  {"display"},
	"page":                  {"draw", "listen"},
	"regular":               {},
	"program":               {},
	"follow":                {"alert", "regular"},
	"history":               {"alert", "regular"},
	"history/historytest":   {},
	"sample":                {"alert"},
	"yamlnode":              {},
	"window":                {"yamlnode"},
	"rules":                 {"alert", "family", "window", "yamlnode"},
	"family":                {"alert", "display"},
	"notifier":              {"display", "program", "regular", "yamlnode"},
	"enrich":                {"alert", "display", "regular", "yamlnode"},
	"enrich/enrichtest":     {},
	"notifier/notifiertest": {"notifier", "display"},
	"notifier/slack":        {"notifier", "display"},
	"notifier/pagerduty":    {"notifier", "display"},
	"notifier/webhook":      {"notifier", "display", "templates/presets", "yamlnode"},
	"notifier/splunk":       {"notifier", "display"},
	"notifier/email":        {"notifier", "display"},
	"notifier/syslog":       {"notifier", "display", "yamlnode"},
	"notifier/file":         {"notifier", "display", "regular", "yamlnode"},
	"notifier/command":      {"notifier", "display", "program", "yamlnode"},
	"oncall":                {"display", "notifier"},
	"digest":                {"alert", "display", "family"},
	"noise":                 {"alert", "digest", "display", "family", "notifier", "outbox", "rules", "window"},
	"templates":             {"alert", "digest", "display", "family", "notifier", "templates/presets"},
	"templates/presets":     {"yamlnode"},
	"backtest":              {"alert", "dispatch", "display", "noise", "notifier", "outbox", "rules"},
	"dispatch":              {"alert", "digest", "display", "noise", "notifier", "outbox", "rules", "templates"},

	"cases":      {"alert", "config", "display", "enrich", "explain", "noise", "regular", "rules", "sample", "settings", "window", "yamlnode"},
	"page/live":  {"alert", "channel", "config", "dispatch", "display", "draw", "enrich", "explain", "family", "managerlog", "noise", "notifier", "oncall", "outbox", "page", "page/views", "preview", "rules", "sample", "site", "templates"},
	"page/inbox": {"display", "draw", "notifier", "page", "page/views", "preview", "sandbox"},
	"page/views": {"display", "draw", "page", "preview"},
	"preview":    {"alert", "channel", "config", "digest", "dispatch", "display", "family", "noise", "notifier", "oncall", "rules"},
	"explain":    {"alert", "display", "noise", "outbox", "rules"},
	"managerlog": {"alert", "regular"},
	"settings":   {"notifier", "rules", "yamlnode"},
	"site":       {"alert", "channel", "config", "dispatch", "display", "door", "enrich", "follow", "managerlog", "notifier", "oncall", "outbox", "regular", "rules", "spool"},
	"channel":    {"dispatch", "display", "notifier", "notifier/...", "oncall", "settings", "templates/presets"},
	"config":     {"alert", "channel", "dispatch", "display", "enrich", "listen", "noise", "notifier", "notifier/webhook", "oncall", "regular", "rules", "settings", "templates", "templates/presets", "window", "yamlnode"},

	"notifier/elasticsearch": {"notifier"},
	"notifier/loki":          {"notifier"},
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Skipf("the go command is not here: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		if pkg == "cmd/ossec-notify" {
			continue
		}
		allowed, ok := mayImport[pkg]
		if !ok {
			t.Errorf("package %s is new: say in this test what it may import", pkg)
		}
		for _, imp := range words[1:] {
			own, ok := strings.CutPrefix(imp, module)
			if may := slices.ContainsFunc(allowed, func(a string) bool {
				below, all := strings.CutSuffix(a, "...")
				return own == a || all && strings.HasPrefix(own, below)
			}); ok && !may {
				t.Errorf("%s must not import %s", pkg, own)
			}
		}
	}
}

// TestTheMapPointsDownwards: in CONTRIBUTING.md each package stands above those that it may import.
func TestTheMapPointsDownwards(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n## The map\n"))
	text, _, _ = bytes.Cut(text, []byte("\n## "))
	rank := map[string]int{}
	name := regexp.MustCompile("`([^`]+)`")
	for row := range strings.Lines(string(text)) {
		first, _, ok := strings.Cut(strings.TrimPrefix(row, "| `"), " | ")
		if !ok || !strings.HasPrefix(row, "| `") {
			continue
		}
		folder := ""
		for _, m := range name.FindAllStringSubmatch("`"+first, -1) {
			pkg := m[1]
			if above, _, below := strings.Cut(pkg, "/"); below {
				folder = above + "/"
			} else {
				pkg = folder + pkg
			}
			if rank[pkg] = len(rank) + 1; !isPackage(pkg) {
				t.Errorf("CONTRIBUTING.md, The map: there is no package %s", pkg)
			}
		}
	}
	for pkg, imports := range mayImport {
		if rank[pkg] == 0 {
			if !bytes.Contains(text, []byte("`"+path.Base(pkg)+"`")) { // what tests use is told of with what they test
				t.Errorf("CONTRIBUTING.md, The map: package %s is missing", pkg)
			}
			continue
		}
		for _, imp := range imports {
			if at := rank[imp]; at > 0 && at < rank[pkg] {
				t.Errorf("CONTRIBUTING.md, The map: %s stands above %s, which imports it", imp, pkg)
			}
		}
	}
}

func isPackage(dir string) bool {
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
	return err == nil && len(files) > 0
}

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); name == "testdata" || (strings.HasPrefix(name, ".") && path != root) {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		var comment string
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			comment += f.Doc.Text()
		}
		if len(new(doc.Package).Synopsis(comment)) < 20 || !strings.Contains(comment, "own") {
			t.Errorf("%s: the package comment must say what the package owns, and what it does not", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
