package door_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExecPathIsTheNameOfTheLink(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	link := filepath.Join(i.home, "integrations", "other") // no name of a door's
	i.check(os.Symlink("../../ossec-notify", link))
	for _, path := range []string{link, "integrations/other", "./integrations/other"} {
		cmd := i.command(path, "/tmp/x")
		cmd.Args[0] = "integrations"
		cmd.Dir = i.home
		cmd.Env = []string{"DOOR_TEST_EXECPATH=1"}
		if got := i.output(cmd); got != path {
			t.Errorf("executed by %q: ExecPath is %q", path, got)
		}
	}
}
