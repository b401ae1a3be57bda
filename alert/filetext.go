package alert

import (
	"cmp"
	"strings"
	"time"
)

// fileFromText reads the file of an alert whose only source is the text.
func fileFromText(log, ruleID string, loc *time.Location) *File {
	f := readFileText(log, ruleID, loc)
	if f != nil {
		f.finish()
	}
	return f
}

// readFileText reads what syscheck writes into the log of a file integrity alert; nil where log is something
// else. The text comes from the manager, but paths and diffs in it are anybody's.
func readFileText(log, ruleID string, loc *time.Location) *File {
	first, rest, _ := strings.Cut(log, "\n")
	path, event, ok := fileHead(first)
	if !ok {
		return nil
	}
	f := &File{Path: path, Event: cmp.Or(fileEvent(ruleID), event), Registry: isRegistry(path)}
	if _, key, found := strings.Cut(path, "] "); found && f.Registry {
		f.Path = key // "[x64] HKEY_…"
	}
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		switch line {
		case "What changed:":
			diff, behind, _ := strings.Cut(rest, "\nAttributes:\n")
			f.Diff = strings.TrimRight(diff, "\n")
			if f.Diff != "" {
				f.Diff += "\n"
			}
			rest = behind
			f.readAttributes(&rest, loc)
		case "Attributes:":
			f.readAttributes(&rest, loc)
		default:
			f.readChange(line, loc)
		}
	}
	return f
}

// fileHead reads the first line: whose change, and which. In the shell file the quotes have become blanks.
func fileHead(line string) (path, event string, ok bool) {
	for _, h := range [...]struct{ start, event string }{
		{"Integrity checksum changed for: ", "modified"},
		{"New file ", "added"},
		{"File ", ""},
		{"Registry Key ", ""},
		{"Registry Value ", ""},
	} {
		rest, found := strings.CutPrefix(line, h.start)
		if !found || len(rest) < 2 {
			continue
		}
		end := len(rest)
		switch rest[0] {
		case '\'':
			end = strings.LastIndexByte(rest, '\'')
		case ' ':
			if i := strings.Index(rest[1:], "  "); i >= 0 {
				end = 1 + i
			}
		default:
			continue
		}
		if end <= 1 {
			continue
		}
		path, behind := strings.TrimSpace(rest[1:end]), strings.TrimLeft(rest[end:], "' ")
		if h.event != "" {
			return path, h.event, path != ""
		}
		for _, verb := range [...]string{"modified", "deleted", "was deleted", "added", "was re-added"} {
			if strings.HasPrefix(behind, verb) {
				return path, strings.TrimPrefix(strings.TrimPrefix(verb, "was "), "re-"), path != ""
			}
		}
	}
	return "", "", false
}

// readChange reads one of the lines that say what differs.
func (f *File) readChange(line string, loc *time.Location) {
	b, a := &f.Before, &f.After
	for _, c := range [...]struct {
		start, middle string
		before, after *string
	}{
		{"Size changed from '", "' to '", &b.Size, &a.Size},
		{"Permissions changed from '", "' to '", &b.Mode, &a.Mode},
		{"Ownership was '", "', now it is '", &b.UID, &a.UID},
		{"User name was '", "', now it is '", &b.Owner, &a.Owner},
		{"Group ownership was '", "', now it is '", &b.GID, &a.GID},
		{"Group name was '", "', now it is '", &b.Group, &a.Group},
		{"Old modification time was: '", "', now it is '", &b.Modified, &a.Modified},
		{"Old inode was: '", "', now it is '", &b.Inode, &a.Inode},
	} {
		rest, ok := strings.CutPrefix(line, c.start)
		if !ok {
			continue
		}
		before, after, ok := strings.Cut(strings.TrimSuffix(rest, "'"), c.middle)
		switch {
		case !ok:
		case c.before == &b.Size && (!digits(before) || !digits(after)):
			// ossec-hids can print a whole database line here
		case c.before == &b.Mode:
			*c.before, *c.after = fileMode(before, octal), fileMode(after, octal)
		case c.before == &b.Modified:
			*c.before, *c.after = modified(before, loc), modified(after, loc)
		default:
			*c.before, *c.after = before, after
		}
		return
	}
	for _, c := range [...]struct {
		start string
		value *string
	}{
		{"Old md5sum was: '", &b.MD5}, {"New md5sum is : '", &a.MD5},
		{"Old sha1sum was: '", &b.SHA1}, {"New sha1sum is : '", &a.SHA1},
		{"Old sha256sum was: '", &b.SHA256}, {"New sha256sum is : '", &a.SHA256},
		{"Mode: ", &f.Mode},
		{"(Audit) Process id: '", &f.ProcessID}, {"(Audit) Process name: '", &f.ProcessName},
	} {
		if rest, ok := strings.CutPrefix(line, c.start); ok {
			*c.value = strings.TrimSuffix(rest, "'")
			return
		}
	}
	if rest, ok := strings.CutPrefix(line, "Changed attributes: "); ok {
		f.Changed = groups(rest)
	} else if rest, ok := strings.CutPrefix(line, "(Audit) Login user: '"); ok {
		f.LoginUser, _ = nameAndID(strings.TrimSuffix(rest, "'"))
	} else if rest, ok := strings.CutPrefix(line, "(Audit) Effective user: '"); ok {
		f.EffectiveUser, _ = nameAndID(strings.TrimSuffix(rest, "'"))
	}
}

// readAttributes reads the list that alerts.log of Wazuh has below a file integrity alert: the state after the
// change, and who made it. It stops at the first line that is no item.
func (f *File) readAttributes(text *string, loc *time.Location) {
	for strings.HasPrefix(*text, " - ") {
		var line string
		line, *text, _ = strings.Cut(*text, "\n")
		label, value, ok := strings.Cut(strings.TrimPrefix(line, " - "), ": ")
		if !ok {
			continue
		}
		s := &f.After
		switch label {
		case "Size":
			s.Size = cmp.Or(s.Size, value)
		case "Permissions":
			s.Mode = cmp.Or(s.Mode, fileMode(value, octal))
		case "Date":
			if t, err := time.ParseInLocation(time.ANSIC, value, loc); err == nil {
				s.Modified = cmp.Or(s.Modified, t.Format(modifiedLayout))
			}
		case "Inode":
			s.Inode = cmp.Or(s.Inode, value)
		case "User":
			name, id := nameAndID(value)
			s.Owner, s.UID = cmp.Or(s.Owner, name), cmp.Or(s.UID, id)
		case "Group":
			name, id := nameAndID(value)
			s.Group, s.GID = cmp.Or(s.Group, name), cmp.Or(s.GID, id)
		case "MD5":
			s.MD5 = cmp.Or(s.MD5, value)
		case "SHA1":
			s.SHA1 = cmp.Or(s.SHA1, value)
		case "SHA256":
			s.SHA256 = cmp.Or(s.SHA256, value)
		case "(Audit) Audit name":
			f.LoginUser = cmp.Or(f.LoginUser, value)
		case "(Audit) Effective name":
			f.EffectiveUser = cmp.Or(f.EffectiveUser, value)
		case "(Audit) Process id":
			f.ProcessID = cmp.Or(f.ProcessID, value)
		case "(Audit) Process name":
			f.ProcessName = cmp.Or(f.ProcessName, value)
		}
	}
}

// modifiedLayout is how Wazuh's JSON writes the time of a file.
const modifiedLayout = "2006-01-02T15:04:05"

// modified is a file's time, which the log has in seconds, as Wazuh's JSON writes it.
func modified(s string, loc *time.Location) string {
	if t := date(s, loc); !t.IsZero() {
		return t.Format(modifiedLayout)
	}
	return s
}

// nameAndID splits "root (0)".
func nameAndID(s string) (name, id string) {
	name, id, _ = strings.Cut(s, " (")
	return name, strings.TrimSuffix(id, ")")
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
