package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/regular"
)

// confParts find what we read of ossec.conf. They are made where that is read: other commands need none.
var confParts = sync.OnceValue(func() (p struct{ comment, integration, name, hook, key, json, ruleID, ruleIDSecond, wazuh *regexp.Regexp }) {
	p.comment = regexp.MustCompile(`(?s)<!--.*?-->`)
	p.integration = regexp.MustCompile(`(?s)<integration>(.*?)</integration>`)
	p.name = regexp.MustCompile(`<name>\s*(custom-[^<\s]+)\s*</name>`)
	p.hook = regexp.MustCompile(`(?s)<hook_url>\s*(.*?)\s*</hook_url>`)
	p.key = regexp.MustCompile(`(?s)<api_key>\s*(.*?)\s*</api_key>`)
	p.json = regexp.MustCompile(`<alert_format>\s*json\s*</alert_format>`)
	p.ruleID = regexp.MustCompile(`(?s)<rule_id>`)
	p.ruleIDSecond = regexp.MustCompile(`(?s)^\s*<name>[^<]*</name>\s*<rule_id>`)
	p.wazuh = regexp.MustCompile(`<(alert_format|options|timeout|retries|max_log)>`)
	return p
})

// ossecConf reads who calls us. The file need not be XML: managers take what no XML parser does.
func (x *examination) ossecConf() {
	path := filepath.Join(x.home, "etc", "ossec.conf")
	blocks, err := integrationBlocks(path)
	switch {
	case err == nil:
	case !x.managed:
		return
	case errors.Is(err, fs.ErrNotExist):
		x.warning("ossec.conf", "see whether --home is the manager's directory; ossec-notify install --dry-run prints what to write into it", "there is no %s, so integratord calls nobody", path)
		return
	default:
		x.warning("ossec.conf", "run doctor as root", "cannot be read: %s", err)
		return
	}
	parts := confParts()
	for _, b := range blocks {
		block := b.text
		if !x.manager.wazuh && x.managed {
			if w := parts.wazuh.FindStringSubmatch(block); w != nil {
				x.problem("ossec.conf", "remove it", "an <integration> has <%s>, which is Wazuh's: OSSEC does not start with it", w[1])
			}
		}
		if b.name == "" {
			continue
		}
		x.named = append(x.named, b.name)
		x.blocks = append(x.blocks, b)
		if x.manager.wazuh && !parts.json.MatchString(block) {
			x.warning("ossec.conf", "write <alert_format>json</alert_format> into it", "the <integration> %s gets logs cut and changed", b.name)
		}
		if !x.manager.wazuh && parts.ruleID.MatchString(block) && !parts.ruleIDSecond.MatchString(block) {
			x.warning("ossec.conf", "move it right behind <name>", "in the <integration> %s, <rule_id> is not the second element: OSSEC garbles it", b.name)
		}
	}
	if len(x.named) == 0 {
		x.warning("ossec.conf", "ossec-notify install --dry-run prints what to write", "no <integration> in %s calls us", path)
	}
}

// integrationBlock is an <integration>. Its name is empty where it calls none of the custom- programs. What it gives may
// be secret.
type integrationBlock struct{ name, hookURL, apiKey, text string }

// integrationBlocks reads them from ossec.conf.
func integrationBlocks(path string) ([]integrationBlock, error) {
	b, err := regular.Read(path, maxManagerFile)
	if err != nil {
		return nil, err
	}
	var blocks []integrationBlock
	parts := confParts()
	for _, part := range parts.integration.FindAllStringSubmatch(parts.comment.ReplaceAllString(string(b), ""), -1) {
		text := part[1]
		blocks = append(blocks, integrationBlock{element(parts.name, text), element(parts.hook, text), element(parts.key, text), text})
	}
	return blocks, nil
}

func element(part *regexp.Regexp, block string) string {
	if m := part.FindStringSubmatch(block); m != nil {
		return m[1]
	}
	return ""
}

// calls says which calls of ossec.conf's there are, and of which ones nobody gets the alerts: [planCall] would find no
// receiver. While there is no config to go by, or one that cannot be read, that is not known.
func (x *examination) calls() {
	cfg := x.inUse()
	var served []string
	said := map[string]bool{}
	for _, b := range x.blocks {
		if cfg != nil {
			fault, remedy := b.astray(cfg)
			if fault != "" && !said[fault] {
				said[fault] = true
				x.problem("ossec.conf", remedy, "%s", fault)
			}
			if fault != "" {
				continue
			}
		}
		served = append(served, b.name)
	}
	if len(served) > 0 {
		x.ok("ossec.conf", "calls %s", strings.Join(served, ", "))
	}
}

// astray says why the name of an <integration> leads to nobody, "" where it does not, and what to do.
func (b integrationBlock) astray(cfg *config.Config) (fault, remedy string) {
	name := strings.TrimPrefix(b.name, "custom-")
	if leads(cfg, name) {
		return "", ""
	}
	kind, ok := channel.ByCall(name)
	if !ok {
		return fmt.Sprintf("calls %s, but %s: %s", b.name, cfg.NoSuchName(name), whereTo(cfg)),
			fmt.Sprintf("mend its <name> in ossec.conf and restart the manager, or name a receiver %s in %s", name, cfg.Path)
	}
	_, err := kind.FromArgv(b.hookURL, notifier.PlainSecret(b.apiKey))
	var missing []string
	for _, err := range notifier.Split(err) {
		if e := (*channel.MissingElement)(nil); errors.As(err, &e) {
			missing = append(missing, "<"+e.Name+">")
		}
	}
	if len(missing) == 0 {
		return "", ""
	}
	elements := strings.Join(missing, " and ")
	fault = fmt.Sprintf("calls %s, but the config has no receiver of kind %s, and its <integration> has no %s: %s", b.name, name, elements, whereTo(cfg))
	return fault, fmt.Sprintf("write %s into it, or a receiver of kind %s into %s", elements, name, cfg.Path)
}

// leads reports whether a config has somebody for calls of a name: a receiver, an alias (whose kinds answer to no name), a
// receiver of that kind, or the routes.
func leads(cfg *config.Config, name string) bool {
	return name == "notify" || slices.ContainsFunc(cfg.All(), func(r *config.Receiver) bool { return r.Name == name }) ||
		cfg.HasKind(name)
}

// whereTo says who gets alerts whose name leads to nobody.
func whereTo(cfg *config.Config) string {
	if to := cfg.Table.Default; len(to) > 0 {
		return "its alerts go to the default receivers (" + strings.Join(to, ", ") + ")"
	}
	return "its alerts go to nobody"
}

// names looks at the names of our links: one that nothing in the config answers to may be that of a receiver which was
// renamed. Those that ossec.conf calls are told of there, and those of kinds are made by install.
func (x *examination) names() {
	cfg := x.inUse()
	if cfg == nil {
		return
	}
	for _, link := range x.linked {
		name := strings.TrimPrefix(link, "custom-")
		if _, kind := channel.ByCall(name); kind || leads(cfg, name) || slices.Contains(x.named, link) {
			continue
		}
		x.warning("links", fmt.Sprintf("remove it, or name a receiver %s in %s", name, cfg.Path), "%s is a link to this program, but %s: %s", filepath.Join(x.home, "integrations", link), cfg.NoSuchName(name), whereTo(cfg))
	}
}

// links looks at what integratord would run.
func (x *examination) links() {
	const remedy = "run ossec-notify install as root"
	dir := filepath.Join(x.home, "integrations")
	self, err := os.Executable()
	if err != nil {
		x.warning("links", "", "where this program lies is not known: %s", err)
		return
	}
	names := slices.Clone(linkNames())
	for _, name := range x.named {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	entries, _ := os.ReadDir(dir) // one that cannot be read is told of below
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasPrefix(e.Name(), "custom-") || !sameFile(path, self) {
			continue
		}
		x.linked = append(x.linked, e.Name())
		if !slices.Contains(names, e.Name()) {
			names = append(names, e.Name())
		}
	}
	ours := 0
	var missing []string
	programs := map[string]bool{}
	for _, name := range names {
		path := filepath.Join(dir, name)
		called := slices.Contains(x.named, name)
		st, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && called:
			x.problem("links", fmt.Sprintf("%s (for a name of your own: ln -s %s %s)", remedy, self, path), "%s is missing, and ossec.conf names it: integratord leaves that integration out", path)
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			x.problem("links", "run doctor as root", "%s", err)
			return
		case sameFile(path, self):
			ours++
			programs[self] = true
		case st.Mode()&fs.ModeSymlink == 0:
			x.warning("links", "leave it if it is meant to be", "%s is another program", path)
		default:
			target, _ := os.Readlink(path)
			real, err := filepath.EvalSymlinks(path)
			if err != nil {
				x.problem("links", remedy, "%s leads to %s, which is not there", path, target)
				continue
			}
			x.warning("links", remedy, "%s leads to another program, %s", path, target)
			programs[real] = true
		}
	}
	if len(missing) > 0 {
		x.warning("links", remedy, "%s %s missing in %s", display.List(missing), verb(len(missing), "is", "are"), dir)
	}
	if st, err := os.Stat(dir); err == nil && x.known && !x.who.may(mayEnter, st) {
		x.problem("links", fmt.Sprintf("chgrp %s %s, chmod 0750", x.who.group, dir), "%s cannot look into %s (%s, mode %#o): no call of integratord's can work", x.who.name, dir, ownerName(st), st.Mode().Perm())
	}
	if ours > 0 {
		x.ok("links", "%s in %s to %s", display.Count(ours, "link"), dir, self)
	}
	for _, path := range slices.Sorted(maps.Keys(programs)) {
		x.program(path)
	}
}

// program looks at who can run a program that integratord runs, and at who could change it.
func (x *examination) program(path string) {
	if !x.known {
		return
	}
	if fault, err := runFault(path, x.who); err == nil && fault != "" {
		x.problem("program", runRemedy, "%s: no call of integratord's can work", fault)
	}
	refused, doubts, err := binaryFaults(path, x.who)
	const remedy = "put it where only root may write, such as /usr/local/bin, and run ossec-notify install there"
	switch {
	case err != nil:
		x.warning("program", "", "%s", err)
	case refused != "" && x.manager.wazuh:
		x.problem("program", writableRemedy(x.who), "%s: Wazuh refuses to run it", refused)
	case refused != "":
		x.warning("program", writableRemedy(x.who), "%s", refused)
	case len(doubts) == 0:
		x.ok("program", "%s can be changed by root only", path)
	}
	if len(doubts) > 0 {
		x.warning("program", remedy, "%s", strings.Join(doubts, "; "))
	}
}
