package command

import (
	"context"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// What the program finds in its environment. People paste variables into command lines and forget the quotes, so none of them holds
// free text: each has a form, of which a shell takes nothing for its own, and is missing where the alert says something else. What
// else there is to know stands on standard input.

const prefix = "OSSEC_NOTIFY_"

// word is an id or one of our own words: no blank, no quote, no sign of a shell or of an option, no way up a tree of files. name is
// that of a host.
var (
	word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@#+-]*$`)
	name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`)
)

const maxWord = 128 // not in the expressions, which take long to make if they count so far

func isWord(s string) bool {
	return len(s) <= maxWord && word.MatchString(s) && !strings.Contains(s, "..")
}
func isName(s string) bool { return name.MatchString(s) && isWord(s) }

// variable is one of them.
type variable struct {
	name  string
	value func(n notifier.Notification) string
	is    func(string) bool
}

var variables = []variable{
	{"ACTION", func(n notifier.Notification) string { return string(n.Action) }, isWord},
	{"ALERT_ID", func(n notifier.Notification) string { return n.Alert }, isWord},
	{"OCCURRENCE", func(n notifier.Notification) string { return strconv.Itoa(n.Occurrence) }, isNumber},
	{"DELIVERY", func(n notifier.Notification) string { return n.Delivery }, isWord},
	{"RECEIVER", func(n notifier.Notification) string { return n.Receiver }, isWord},
	{"ROUTE", part("route"), isWord},
	{"SEVERITY", func(n notifier.Notification) string { return n.Severity }, isWord},
	{"TIME", func(n notifier.Notification) string { return n.Time.UTC().Format(time.RFC3339) }, isWord},
	{"RULE_ID", part("rule"), isNumber},
	{"LEVEL", part("level"), isNumber},
	{"FAMILY", part("family"), isWord},
	{"SRCIP", part("srcip"), isAddress},
	{"DSTIP", part("dstip"), isAddress},
	{"AGENT_ID", part("agent"), isNumber},
	{"HOST", part("host"), isName},
	{"TEST", part("test"), isNumber},
	{"REPEAT", part("repeat"), isNumber},
}

func part(name string) func(notifier.Notification) string {
	return func(n notifier.Notification) string { return strings.TrimSpace(n.Parts[name].Raw()) }
}

func isNumber(s string) bool {
	return s != "" && len(s) <= 10 && strings.Trim(s, "0123456789") == ""
}

// isAddress: an address in the form in which it is written, without a zone, which may be any text.
func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// alertEnvironment are the variables that the alert has.
func alertEnvironment(n notifier.Notification) []string {
	var env []string
	for _, v := range variables {
		if value := v.value(n); v.is(value) {
			env = append(env, prefix+v.name+"="+value)
		}
	}
	return env
}

// ownEnvironment are the variables of the config, in the order of their names; secrets are those of their values that must not be
// shown.
func (c Config) ownEnvironment(ctx context.Context) (env, secrets []string, err error) {
	open := c.OpenSecrets()
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		from := c.Env[name]
		value, err := from.Read(ctx)
		if err != nil {
			return nil, nil, err
		}
		if strings.ContainsRune(value, 0) {
			return nil, nil, from.Unfit("env."+name, errNUL)
		}
		env = append(env, name+"="+value)
		if !slices.ContainsFunc(open, from.Equal) {
			secrets = append(secrets, value)
		}
	}
	return env, secrets, nil
}
