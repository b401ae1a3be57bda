package settings

import (
	"slices"
	"strings"
)

// kinsOf are what other programs call settings of ours whose names share no word with theirs.
var kinsOf = map[string][]string{
	"host": {"url", "address", "smtp"}, "server": {"url", "address", "smtp"}, "endpoint": {"url", "address"}, "address": {"url"}, "url": {"address"}, "uri": {"url", "address"},
	"username": {"basic_auth"}, "user": {"username", "basic_auth"}, "password": {"basic_auth"}, "sender": {"from"}, "recipients": {"to"},
	"program": {"run"}, "command": {"run"}, "script": {"run"}, "exec": {"run"}, "cwd": {"directory"}, "workdir": {"directory"}, "filename": {"path"},
}

// kin are the known keys that one which is not known may be another name for, such as bearer_token for token: those that share a
// whole word with it, or what others call so. None where they are too many to be told from each other.
func kin(key string, known []string) []string {
	words := strings.FieldsFunc(strings.ToLower(key), func(r rune) bool { return r == '_' || r == '-' })
	shares := func(k string) bool {
		return slices.ContainsFunc(strings.Split(k, "_"), func(word string) bool { return slices.Contains(words, word) })
	}
	near := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !shares(k) })
	if len(near) == 0 {
		near = slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !slices.Contains(kinsOf[strings.ToLower(key)], k) })
	}
	if len(near) > 2 {
		return nil
	}
	return near
}
