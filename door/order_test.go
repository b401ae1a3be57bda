package door_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	// What the program links and a call must not wait for. In this test binary they are initialised in the same
	// order, behind the door.
	_ "charm.land/lipgloss/v2"
	_ "github.com/Masterminds/sprig/v3"
	_ "github.com/PagerDuty/go-pagerduty"
	_ "github.com/slack-go/slack"
	_ "github.com/spf13/cobra"
	_ "github.com/wneessen/go-mail"
	_ "go.yaml.in/yaml/v4"
)

// heavy finds the packages that a call does not wait for. Parts of them that depend on next to nothing come
// before the door; they take microseconds.
var heavy = regexp.MustCompile(`^(github\.com/(Masterminds|slack-go/slack|PagerDuty|spf13|wneessen|prometheus/client_golang|shopspring)|charm\.land|go\.yaml\.in|modernc\.org/sqlite|net|net/.*|text/template|html/template|testing|regexp|path/filepath|os/exec)\b`)

func TestNothingHeavyIsInitialisedBeforeTheDoorEnds(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	trace := func(args ...string) map[string]bool {
		cmd := i.ossec(args...)
		cmd.Env = []string{"GODEBUG=inittrace=1"}
		found := map[string]bool{}
		for line := range strings.Lines(i.output(cmd)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "init" {
				found[f[1]] = true
			}
		}
		if !found["os"] {
			t.Fatal("no trace of initialisation")
		}
		return found
	}
	if !trace()["github.com/slack-go/slack"] { // usage: main
		t.Error("slack-go is not initialised for main either: this test sees nothing")
	}
	for pkg := range trace(i.file("a.alert", alertText), "", "") {
		if heavy.MatchString(pkg) {
			t.Errorf("%s is initialised before the door ends", pkg)
		}
	}
}

// TestImports fixes what the door and the spool import. Before adding to it, read the comment of pending, in
// answer.go.
func TestImports(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.Name}}: {{join .Imports " "}}`, ".", "../spool").Output()
	if err != nil {
		t.Skipf("the go command is not here: %v", err)
	}
	const want = `door: bufio bytes encoding/binary errors github.com/ossec-notify/ossec-notify/spool io os runtime strconv strings syscall time
spool: bytes context encoding/json errors fmt io io/fs math/rand/v2 os strconv strings syscall time unicode/utf8
`
	if diff := cmp.Diff(string(out), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}
