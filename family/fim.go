package family

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// fimKind is a file, or an entry of the Windows registry, that changed, came or went.
func fimKind() kind {
	return kind{family: "fim", class: "file change", is: isFIM, read: readFIM}
}

func isFIM(a *alert.Alert) bool {
	if isRootcheck(a) { // ossec-hids gives its findings a SyscheckFile too
		return false
	}
	return hasGroup(a, "syscheck") || a.File != nil || a.LogFile == "syscheck" ||
		ungrouped(a, ids{550, 555}, ids{594, 598}, ids{750, 754})
}

func readFIM(a *alert.Alert, r *Reading, s *sentence) {
	f := a.File
	if f == nil { // a rule of the group that is about something else
		f = &alert.File{}
	}
	r.File = a.File
	r.Program = "syscheck"

	path := f.Path
	if value := first(a, "syscheck.value_name"); value != "" { // of a key of the registry
		path += `\` + value
	}
	s.What, s.Object, s.Label = "File", path, "File"
	if f.Registry {
		s.What = "Registry"
		if f.Event == "added" || f.Event == "deleted" {
			s.What = "Registry entry"
		}
	}
	r.Next = w("Planned? If not, restore the file and look at what this login did.")
	switch f.Event {
	case "modified":
		s.What += " changed"
		r.Outcome = "modified"
	case "added":
		s.What += " added"
		r.Outcome = "created"
		r.Next = w("Planned? If not, keep a copy of the file and look at what this login did.")
	case "deleted":
		s.What += " deleted"
		r.Outcome = "deleted"
	default:
		s.What += " reported"
	}
	// A path that loses its middle in the sentence is a fact, for pasting.
	if room := maxSentence - len(s.What+": "+" on "+a.Host); clean(path) && utf8.RuneCountInString(path) > room {
		r.fact("File", q(path))
	}

	changed := attributesOf(f)
	if f.Event == "modified" && onlyRights(changed) {
		r.Outcome = "acl_modified"
	}
	mode, owner := modeChange(f, a), ownerChange(f)
	r.fact("Changed", changedText(f, changed))
	r.fact("Mode", mode)
	r.fact("Owner", owner)
	r.fact("By", actorOf(f))

	state, now := f.After, "Now"
	if f.Event == "deleted" {
		now = "Was"
	}
	if state == (alert.FileState{}) {
		state = f.Before
	}
	if !slices.Contains(changed, "size") && (len(changed) == 0 || slices.Contains(changed, "content")) {
		r.fact("Size", opt("", state.Size, ""))
	}
	if mode.IsZero() && owner.IsZero() {
		current := list(" ", opt("", ownership(state), ""), opt("", state.Mode, ""))
		if f.Event == "added" && writableByAll(state.Mode) {
			current = list(", ", current, w("writable by all"))
		}
		r.fact(now, current)
	}
	hashFact(r, f)

	if f.Diff != "" {
		r.Evidence.Text = f.Diff
	}
	if f.ProcessName != "" || f.ProcessID != "" {
		r.Process = &Process{Name: f.ProcessName, PID: f.ProcessID}
	}
	r.Object = path
}

// attributesOf lists what changed, in our words and in a fixed order. What we have no word for comes last, as the
// alert has it.
func attributesOf(f *alert.File) []string {
	var found []string
	for _, name := range f.Changed {
		if word := attributeWord(name); !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	place := func(word string) int {
		if i := slices.Index(attributeOrder, word); i >= 0 {
			return i
		}
		return len(attributeOrder)
	}
	slices.SortStableFunc(found, func(x, y string) int { return place(x) - place(y) })
	return found
}

// attributeOrder are our words for what can change about a file, from what matters most to what matters least.
var attributeOrder = []string{
	"size", "content", "permissions", "owner", "group", "attributes", "link target", "type", "modification time", "inode",
}

// attributeWord is our word for a name of syscheck.changed_attributes, or that name.
func attributeWord(name string) string {
	switch name = strings.TrimSpace(name); name {
	case "md5", "sha1", "sha256":
		return "content"
	case "permission", "perm":
		return "permissions"
	case "uid", "user_name", "uname":
		return "owner"
	case "gid", "group_name", "gname":
		return "group"
	case "attrs":
		return "attributes"
	case "symbolic_path":
		return "link target"
	case "value_type":
		return "type"
	case "mtime":
		return "modification time"
	}
	return name
}

// differ reports two known values that are not the same.
func differ(before, after string) bool { return before != "" && after != "" && before != after }

// onlyRights reports a change of nothing but who may do what with the file.
func onlyRights(changed []string) bool {
	return len(changed) > 0 && !slices.ContainsFunc(changed, func(word string) bool {
		return word != "permissions" && word != "owner" && word != "group"
	})
}

// changedText is the value of the fact Changed. That time and inode change with the content goes without saying.
func changedText(f *alert.File, changed []string) display.Text {
	var parts []display.Text
	written := slices.Contains(changed, "size") || slices.Contains(changed, "content")
	for _, word := range changed {
		switch {
		case word == "size":
			parts = append(parts, list(" ", w(word), change(f.Before.Size, f.After.Size)))
		case word == "modification time" && !written:
			parts = append(parts, list(" ", w(word), change(f.Before.Modified, f.After.Modified)))
		case word == "inode" && !written:
			parts = append(parts, list(" ", w(word), change(f.Before.Inode, f.After.Inode)))
		case word == "modification time" || word == "inode":
		case slices.Contains(attributeOrder, word):
			parts = append(parts, w(word))
		default:
			parts = append(parts, opt("", word, ""))
		}
	}
	return list(", ", parts...)
}

// change is "before to after", or nothing where they are not two.
func change(before, after string) display.Text {
	if !differ(before, after) {
		return display.Text{}
	}
	return display.Join(q(before), w(" to "), q(after))
}

// modeChange says how the permissions changed, and what is worse now.
func modeChange(f *alert.File, a *alert.Alert) display.Text {
	before, after := f.Before.Mode, f.After.Mode
	if !differ(before, after) {
		return windowsRights(a)
	}
	text := change(before, after)
	if writableByAll(after) && !writableByAll(before) {
		text = list(", ", text, w("writable by all"))
	}
	if setUserID(after) && !setUserID(before) {
		text = list(", ", text, w("runs as its owner"))
	}
	return text
}

// rights are the nine letters of a mode: "rw-r--r--", or empty for anything else. A letter for the kind of file
// may stand before them.
func rights(mode string) string {
	if len(mode) == 10 {
		mode = mode[1:]
	}
	if len(mode) != 9 || strings.Trim(mode, "rwxsStT-") != "" {
		return ""
	}
	return mode
}

func writableByAll(mode string) bool {
	m := rights(mode)
	return m != "" && m[7] == 'w'
}

func setUserID(mode string) bool {
	m := rights(mode)
	return m != "" && (m[2] == 's' || m[2] == 'S')
}

// windowsRights names the accounts that may write to a file of Windows and could not before.
func windowsRights(a *alert.Alert) display.Text {
	before, known := writers(a, "win_perm_before")
	after, _ := writers(a, "win_perm_after")
	if !known {
		return display.Text{}
	}
	var names []display.Text
	for _, name := range after {
		if !slices.Contains(before, name) {
			names = append(names, opt("", name, ""))
		}
	}
	if len(names) == 0 {
		return display.Text{}
	}
	return display.Join(list(", ", names...), w(" may write now"))
}

// writers are the accounts that an access list of Wazuh allows to write.
func writers(a *alert.Alert, key string) (names []string, known bool) {
	entries, known := object(a, "syscheck")[key].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		name, _ := entry["name"].(string)
		allowed, _ := entry["allowed"].([]any)
		if name != "" && slices.ContainsFunc(allowed, isWriteRight) {
			names = append(names, name)
		}
	}
	return names, known
}

func isWriteRight(v any) bool {
	right, _ := v.(string)
	switch strings.ToUpper(right) {
	case "WRITE_DATA", "FILE_WRITE_DATA", "GENERIC_WRITE", "GENERIC_ALL":
		return true
	}
	return false
}

// ownerChange says to whom the file went.
func ownerChange(f *alert.File) display.Text {
	b, n := f.Before, f.After
	owner, group := change(b.Owner, n.Owner), change(b.Group, n.Group)
	if owner.IsZero() {
		owner = change(b.UID, n.UID)
	}
	if group.IsZero() {
		group = change(b.GID, n.GID)
	}
	if !group.IsZero() {
		group = display.Join(w("group "), group)
	}
	return list(", ", owner, group)
}

// ownership is "owner:group" with the names that are known, else the numbers.
func ownership(s alert.FileState) string {
	owner, group := firstOf(s.Owner, s.UID), firstOf(s.Group, s.GID)
	if group == "" {
		return owner
	}
	return owner + ":" + group
}

// actorOf says who changed the file, where the kernel's audit told.
func actorOf(f *alert.File) display.Text {
	who := opt("", firstOf(f.LoginUser, f.EffectiveUser), "")
	if differ(f.LoginUser, f.EffectiveUser) {
		who = display.Join(who, opt(" as ", f.EffectiveUser, ""))
	}
	process := list(" ", opt("with ", f.ProcessName, ""), opt("(pid ", f.ProcessID, ")"))
	return list(", ", who, process)
}

// hashFact adds the strongest hash that is known: both if the content changed, the one of a file that came or
// went.
func hashFact(r *Reading, f *alert.File) {
	for _, h := range []struct{ label, before, after string }{
		{"SHA-256", f.Before.SHA256, f.After.SHA256},
		{"SHA-1", f.Before.SHA1, f.After.SHA1},
		{"MD5", f.Before.MD5, f.After.MD5},
	} {
		switch {
		case differ(h.before, h.after):
			r.fact(h.label, change(short(h.before), short(h.after)))
			return
		case f.Event != "modified" && firstOf(h.after, h.before) != "":
			r.fact(h.label, opt("", short(firstOf(h.after, h.before)), ""))
			return
		}
	}
}
