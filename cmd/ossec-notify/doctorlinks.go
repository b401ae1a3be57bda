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

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/regular"
	"github.com/ossec-notify/ossec-notify/rules"
)

var (
	xmlComment      = regexp.MustCompile(`(?s)<!--.*?-->`)
	integrationPart = regexp.MustCompile(`(?s)<integration>(.*?)</integration>`)
	namePart        = regexp.MustCompile(`<name>\s*(custom-[^<\s]+)\s*</name>`)
	hookPart        = regexp.MustCompile(`(?s)<hook_url>\s*(.*?)\s*</hook_url>`)
	keyPart         = regexp.MustCompile(`(?s)<api_key>\s*(.*?)\s*</api_key>`)
	jsonPart        = regexp.MustCompile(`<alert_format>\s*json\s*</alert_format>`)
	ruleIDPart      = regexp.MustCompile(`(?s)<rule_id>`)
	ruleIDSecond    = regexp.MustCompile(`(?s)^\s*<name>[^<]*</name>\s*<rule_id>`)
	wazuhPart       = regexp.MustCompile(`<(alert_format|options|timeout|retries|max_log)>`)
)

// ossecConf reads who calls us. The file need not be XML: managers take what no XML parser does.
func (x *examination) ossecConf() {
	path := filepath.Join(x.home, "etc", "ossec.conf")
	blocks, err := integrationBlocks(path)
	if err != nil {
		if x.managed {
			x.warning("ossec.conf", "run doctor as root", "cannot be read: %s", err)
		}
		return
	}
	for _, b := range blocks {
		block := b.text
		if !x.manager.wazuh && x.managed {
			if w := wazuhPart.FindStringSubmatch(block); w != nil {
				x.problem("ossec.conf", "remove it", "an <integration> has <%s>, which is Wazuh's: OSSEC does not start with it", w[1])
			}
		}
		if b.name == "" {
			continue
		}
		x.named = append(x.named, b.name)
		x.blocks = append(x.blocks, b)
		if x.manager.wazuh && !jsonPart.MatchString(block) {
			x.warning("ossec.conf", "write <alert_format>json</alert_format> into it", "the <integration> %s gets logs cut and changed", b.name)
		}
		if !x.manager.wazuh && ruleIDPart.MatchString(block) && !ruleIDSecond.MatchString(block) {
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
	for _, part := range integrationPart.FindAllStringSubmatch(xmlComment.ReplaceAllString(string(b), ""), -1) {
		text := part[1]
		blocks = append(blocks, integrationBlock{element(namePart, text), element(hookPart, text), element(keyPart, text), text})
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
			fault, remedy := b.nobody(cfg)
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

// nobody says why the alerts of an <integration> go to nobody, "" where they do not, and what to do.
func (b integrationBlock) nobody(cfg *config) (fault, remedy string) {
	name := strings.TrimPrefix(b.name, "custom-")
	known := append([]string{"notify"}, channelNames()...)
	for _, r := range cfg.Receivers {
		if r.Name == name || r.Channel.name == name {
			return "", ""
		}
		known = append(known, r.Name)
	}
	for _, r := range cfg.Aliases { // whose kinds answer to no name
		if r.Name == name {
			return "", ""
		}
		known = append(known, r.Name)
	}
	if name == "notify" {
		return "", ""
	}
	kind, ok := channelByName(name)
	if !ok {
		fault = fmt.Sprintf("calls %s, but %s is no receiver of the config, no kind of channel and not notify: its alerts go to nobody", b.name, name)
		if near := rules.Nearest(name, known); near != "" {
			fault += fmt.Sprintf("; did you mean custom-%s?", near)
		}
		return fault, fmt.Sprintf("mend its <name> in ossec.conf and restart the manager, or name a receiver %s in %s", name, cfg.Path)
	}
	_, err := kind.argv(b.hookURL, notifier.PlainSecret(b.apiKey))
	var missing []string
	for _, err := range split(err) {
		if e := (*missingElement)(nil); errors.As(err, &e) {
			missing = append(missing, "<"+e.name+">")
		}
	}
	if len(missing) == 0 {
		return "", ""
	}
	elements := strings.Join(missing, " and ")
	fault = fmt.Sprintf("calls %s, but the config has no receiver of kind %s, and its <integration> has no %s: its alerts go to nobody", b.name, name, elements)
	return fault, fmt.Sprintf("write %s into it, or a receiver of kind %s into %s", elements, name, cfg.Path)
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
	ours := 0
	programs := map[string]bool{}
	for _, name := range names {
		path := filepath.Join(dir, name)
		called := slices.Contains(x.named, name)
		st, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && called:
			x.problem("links", fmt.Sprintf("%s (for a name of your own: ln -s %s %s)", remedy, self, path), "%s is missing, and ossec.conf names it: integratord leaves that integration out", path)
		case errors.Is(err, fs.ErrNotExist):
			x.warning("links", remedy, "%s is missing", path)
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
	if st, err := os.Stat(dir); err == nil && x.known && !x.who.may(mayEnter, st) {
		x.problem("links", fmt.Sprintf("chgrp %s %s, chmod 0750", x.who.group, dir), "%s cannot look into %s (%s, mode %#o): no call of integratord's can work", x.who.name, dir, ownerName(st), st.Mode().Perm())
	}
	if ours > 0 {
		x.ok("links", "%s in %s to %s", count(ours, "link"), dir, self)
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
