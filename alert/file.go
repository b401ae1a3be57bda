package alert

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// wazuhFile reads Wazuh's syscheck object; nil where there is none.
func wazuhFile(o object, ruleID string) *File {
	if o == nil {
		return nil
	}
	f := &File{
		Path:          o.text("path"),
		Event:         cmp.Or(o.text("event"), fileEvent(ruleID)),
		Mode:          o.text("mode"),
		Changed:       o.list("changed_attributes"),
		Before:        fileState(o, "_before", octal),
		After:         fileState(o, "_after", octal),
		Diff:          o.text("diff"),
		LoginUser:     o.first("audit.login_user.name", "audit.user.name"),
		EffectiveUser: o.first("audit.effective_user.name"),
		ProcessName:   o.first("audit.process.name"),
		ProcessID:     o.first("audit.process.id"),
	}
	f.Registry = isRegistry(f.Path) || o["arch"] != nil || o["value_name"] != nil
	f.finish()
	return f
}

// ossecFile reads ossec-hids' SyscheckFile, and from the text of the log what that leaves out.
func ossecFile(o object, log, ruleID string, loc *time.Location) *File {
	f := readFileText(log, ruleID, loc)
	if f == nil {
		if o == nil {
			return nil
		}
		f = &File{Event: fileEvent(ruleID)}
	}
	f.Path = cmp.Or(o.text("path"), f.Path)
	f.Registry = f.Registry || isRegistry(f.Path)
	f.Before.overlay(fileState(o, "_before", decimal))
	f.After.overlay(fileState(o, "_after", decimal))
	f.finish()
	return f
}

// fileState reads the keys that end in suffix.
func fileState(o object, suffix string, base int) FileState {
	t := func(name string) string { return o.text(name + suffix) }
	return FileState{
		Size: t("size"), Mode: fileMode(t("perm"), base),
		Owner: t("uname"), Group: t("gname"), UID: t("uid"), GID: t("gid"),
		MD5: t("md5"), SHA1: t("sha1"), SHA256: t("sha256"),
		Modified: t("mtime"), Inode: t("inode"),
	}
}

// attributes are the members of a FileState under the names of syscheck.changed_attributes.
func (s *FileState) attributes() [11]attribute {
	return [...]attribute{
		{"size", &s.Size}, {"permission", &s.Mode},
		{"uid", &s.UID}, {"user_name", &s.Owner}, {"gid", &s.GID}, {"group_name", &s.Group},
		{"mtime", &s.Modified}, {"inode", &s.Inode},
		{"md5", &s.MD5}, {"sha1", &s.SHA1}, {"sha256", &s.SHA256},
	}
}

type attribute struct {
	name  string
	value *string
}

// overlay takes over what other knows.
func (s *FileState) overlay(other FileState) {
	theirs := other.attributes()
	for i, mine := range s.attributes() {
		*mine.value = cmp.Or(*theirs[i].value, *mine.value)
	}
}

// finish lists the attributes that changed where the alert does not: those known at both times that differ.
func (f *File) finish() {
	if f.Changed != nil {
		return
	}
	after := f.After.attributes()
	for i, before := range f.Before.attributes() {
		if *before.value != "" && *after[i].value != "" && *before.value != *after[i].value {
			f.Changed = append(f.Changed, before.name)
		}
	}
}

// fileEvent is what the stock rules of OSSEC and Wazuh say of a file or registry entry.
func fileEvent(ruleID string) string {
	switch ruleID {
	case "550", "551", "552", "594", "595", "596", "750":
		return "modified"
	case "553", "597", "751":
		return "deleted"
	case "554", "598", "752":
		return "added"
	}
	return ""
}

func isRegistry(path string) bool {
	return strings.HasPrefix(path, "HKEY_") || strings.HasPrefix(path, "[x32] HKEY_") || strings.HasPrefix(path, "[x64] HKEY_")
}

// Bases in which modes are written: Wazuh 3.x has the octal "100644", ossec-hids the decimal 33188.
const (
	octal   = 8
	decimal = 10
)

// fileMode spells a mode as "rw-r--r--". Access lists of Windows are no modes and give "".
func fileMode(s string, base int) string {
	if len(s) == 9 && strings.Trim(s, "rwxsStT-") == "" {
		return s
	}
	n, err := strconv.ParseUint(s, base, 32)
	if err != nil {
		return ""
	}
	out := []byte("rwxrwxrwx")
	for i := range out {
		if n&(0o400>>i) == 0 {
			out[i] = '-'
		}
	}
	special := func(bit uint64, at int, with, without byte) {
		if n&bit == 0 {
			return
		}
		if out[at] == 'x' {
			out[at] = with
		} else {
			out[at] = without
		}
	}
	special(0o4000, 2, 's', 'S')
	special(0o2000, 5, 's', 'S')
	special(0o1000, 8, 't', 'T')
	return string(out)
}
