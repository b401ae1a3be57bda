package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/spool"
)

// silenceID is the first of a text.
func silenceID(t *testing.T, text string) string {
	t.Helper()
	i := strings.Index(text, silencePrefix)
	if i < 0 || len(text) < i+7 {
		t.Fatalf("no silence in %q", text)
	}
	return text[i : i+7]
}

// What is silenced reaches nobody, is counted, and comes back as one message when the silence ends.
func TestSilenceEndsInOneMessage(t *testing.T) {
	for _, daemon := range []bool{false, true} {
		t.Run(map[bool]string{false: "calls", true: "serve"}[daemon], func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, toSlack)
			if daemon {
				running := in.serve()
				defer in.stop(running)
			}
			id := silenceID(t, in.command(exitDone, "silence", "add", "--rule", "100001", "--agent", "web-01", "--for", "2h", "--reason", "kernel update", "--by", "NAME"))
			for _, n := range []string{"1", "2", "3"} {
				in.call("custom-notify", in.alert(n))
			}
			in.taken()
			if n := len(in.stand.Messages()); n > 0 {
				t.Fatalf("%d messages while the silence holds, want none", n)
			}
			list := in.command(exitDone, "silence", "list")
			if !strings.HasPrefix(list, id+"  holds   {agent: web-01, rule: 100001}\n") || !strings.Contains(list, "; 3 alerts silenced so far\n         NAME: kernel update\n") {
				t.Errorf("the list says\n%s", list)
			}
			if out := in.command(exitDone, "silence", "expire", strings.ToLower(id)); out != id+" is over. It silenced 3 alerts.\n" {
				t.Errorf("expire says\n%s", out)
			}
			if got, want := in.told(1)[0], "Silence over: 3 alerts of rule 100001 on web-01 were not sent (NAME: kernel update)."; got != want {
				t.Errorf("Slack heard %q, want %q", got, want)
			}
			out := in.command(exitDone, "explain", "--id", "mgr/1795440017.2")
			if !strings.Contains(out, "with it: ") || !strings.Contains(out, "digest of 3 alerts") {
				t.Errorf("what explain says of one does not lead to the message about all:\n%s", out)
			}
			if strings.Contains(out, "Told: ") || !strings.Contains(out, "  Silenced by "+id) {
				t.Errorf("explain does not know of the silence that held when the alert came:\n%s", out)
			}
			in.call("custom-notify", in.alert("4")) // which is told again
			if got := in.told(2); got[1] != "LOW: Story 4 on web-01" {
				t.Errorf("Slack heard %q", got)
			}
			if out := in.command(exitDone, "silence", "list"); out != "There are no silences.\n" {
				t.Errorf("the list says\n%s", out)
			}
			if out := in.command(exitDone, "silence", "list", "--all"); !strings.HasPrefix(out, id+"  over    ") || !strings.Contains(out, "         ended ") {
				t.Errorf("the list of all says\n%s", out)
			}
			if out := in.command(exitDone, "silence", "expire", strings.TrimPrefix(id, silencePrefix)); !strings.HasPrefix(out, id+" was over at ") {
				t.Errorf("expire says of one that is over\n%s", out)
			}
		})
	}
}

// A silence can be asked for while an outbox of the older version, or none, is there; and a call that came in between
// is not left lying.
func TestSilenceTakesAnOlderOutboxToThisVersion(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	if err := spool.Prepare(in.state()); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile(filepath.Join("..", "..", "outbox", "testdata", "schema-1.sql"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", outbox.Path(in.state()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;" + string(schema) + "; PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if out := in.command(exitFail, "silence", "list"); !strings.Contains(out, "belongs to an older version of the program until the next deliverer starts") {
		t.Errorf("the list says\n%s", out)
	}
	// The call finds the lock taken, as by the command that is about to migrate the outbox.
	lock, err := spool.TryLock(in.state(), "silence", versionText())
	if err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("1"))
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	in.command(exitDone, "silence", "add", "--rule", "5710", "--for", "1h", "--reason", "x")
	if got := in.told(1)[0]; got != "LOW: Story 1 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
	if out := in.command(exitDone, "silence", "list"); !strings.Contains(out, "{rule: 5710}") {
		t.Errorf("the list says\n%s", out)
	}
}

// What root keeps in the outbox is its owner's, who must be able to read it.
func TestSilenceOfRootBelongsToTheOwnerOfTheState(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	t.Parallel()
	in := newInstallation(t, toSlack)
	const nobody = 65534
	if err := os.Mkdir(in.state(), stateMode); err != nil {
		t.Fatal(err)
	}
	for dir := in.state(); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) { // the owner must get there
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(in.state(), stateMode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(in.state(), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	in.command(exitDone, "silence", "add", "--rule", "5710", "--for", "1h", "--reason", "x")
	entries, err := os.ReadDir(in.state())
	if err != nil || len(entries) < 3 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, entry := range entries {
		st, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if uid := st.Sys().(*syscall.Stat_t).Uid; uid != nobody {
			t.Errorf("%s belongs to user %d, want %d", entry.Name(), uid, nobody)
		}
	}
	if out := in.command(exitDone, "silence", "list"); !strings.Contains(out, "{rule: 5710}") {
		t.Errorf("the list says\n%s", out)
	}
}

// Who asks for a silence while the deliverer of an older version has the state directory is told so, and not left waiting
// for good.
func TestSilenceSaysWhoKeepsTheOutboxOld(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for as long as a person would")
	}
	in := newInstallation(t, toSlack)
	if err := spool.Prepare(in.state()); err != nil {
		t.Fatal(err)
	}
	lock, err := spool.TryLock(in.state(), "serve", "v0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	if out := in.command(exitFail, "silence", "add", "--rule", "1", "--for", "1h", "--reason", "x"); !strings.Contains(out, "the deliverer (serve, process ") || !strings.Contains(out, ", version v0.1) has had 10s") {
		t.Errorf("add says\n%s", out)
	}
}

// What is kept of the matchers reads as what was asked for.
func TestSilenceKeepsWhatItsMatchersMean(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	var kept silenceLine
	text := in.command(exitDone, "silence", "add", "--format", "json", "--field", `data.win.path=C:\Temp\`, "--location", "a: {b}, #c", "--match", "{any: [{level: 10}, {not: {user: root}}]}",
		"--for", "1h", "--reason", "x")
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	m, err := rules.ParseMatchText(kept.Match, alert.DefaultScale)
	if err != nil {
		t.Fatalf("%s: %v", kept.Match, err)
	}
	for level, want := range map[string]bool{"10": true, "3": false} {
		a := alert.Parse([]byte(`{"rule":{"level":`+level+`,"id":"1"},"agent":{"name":"w"},"location":"xa: {b}, #cx","data":{"dstuser":"root","win":{"path":"C:\\Temp\\x"}}}`), alert.Options{})
		if got := m.Matches(a); got != want {
			t.Errorf("level %s: %s matches: %v, want %v", level, kept.Match, got, want)
		}
	}
}

// What a person sends to somebody goes out, whatever is silenced.
func TestSendToAReceiverIsNotSilenced(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	in.command(exitDone, "silence", "add", "--match", "{level: 0}", "--for", "1h", "--reason", "x")
	in.command(exitDone, "send", "--sample", "5712")
	in.command(exitDone, "send", in.alert("1"), "--to", "soc")
	if got := in.told(2); !strings.Contains(got[0], "[TEST]") || got[1] != "LOW: Story 1 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
}

// The zone of the terminal is kept by its name: that of the deliverer may be another one.
func TestSilenceNamesTheZoneOfItsTimes(t *testing.T) {
	t.Setenv("TZ", "America/New_York")
	if got := zoneByName(time.Local).String(); got != "America/New_York" {
		t.Errorf("got %q", got)
	}
	t.Setenv("TZ", "")
	if got := zoneByName(time.Local); got != time.UTC {
		t.Errorf("got %v, want UTC", got)
	}
	t.Setenv("TZ", "no/such zone")
	if got := zoneByName(time.Local); got != time.Local {
		t.Errorf("got %v, want the host's own", got)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if got := zoneByName(berlin); got != berlin {
		t.Errorf("got %v, want that of the config", got)
	}
}

// Who runs it has a name also where the environment has none, as under cron.
func TestWhoRunsHasTheNameOfTheUser(t *testing.T) {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		t.Setenv(name, "")
	}
	u, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	if got := whoRuns(); got != u.Username {
		t.Errorf("got %q, want %q", got, u.Username)
	}
	t.Setenv("SUDO_USER", "NAME")
	if got := whoRuns(); got != "NAME" {
		t.Errorf("got %q, want who became root", got)
	}
}
