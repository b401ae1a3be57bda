package spool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGroupsOf(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\n" +
		"# a comment\nshort:x:998\nwazuh:x:998:997::/var/ossec:/sbin/nologin\nalias:x:998:1::/:/bin/sh\n\n" +
		"ossecm:x:1001:1000::/var/ossec:/sbin/nologin"
	const group = "root:x:0:\nadm:x:4:syslog,wazuh\nwazuh:x:997:wazuh\nbad:x:y:wazuh\nwaz:x:5:wazuhs\nossec:x:1000:ossec,ossecm"
	for _, tc := range []struct {
		name    string
		uid     int
		gid     int
		further []int
	}{
		{"in two groups", 998, 997, []int{4, 997}},
		{"the last line", 1001, 1000, []int{1000}},
		{"not in passwd", 4242, 77, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gid, further := groupsOf(tc.uid, 77, passwd, group)
			if gid != tc.gid {
				t.Errorf("group %d, want %d", gid, tc.gid)
			}
			if diff := cmp.Diff(further, tc.further); diff != "" {
				t.Errorf("further groups (-got +want):\n%s", diff)
			}
		})
	}
}

func TestOwnerIsNotChosenByALink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	dir := t.TempDir()
	state, link := filepath.Join(dir, "state"), filepath.Join(dir, "link")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, 4242, 4243); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(state, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{state, link} {
		if uid, gid, err := owner(path); err != nil || uid != 4242 || gid != 4243 {
			t.Errorf("%s: owner %d:%d, %v, want 4242:4243", path, uid, gid, err)
		}
	}
	if err := os.Lchown(link, 4244, 4244); err != nil {
		t.Fatal(err)
	}
	if uid, _, err := owner(link); err == nil {
		t.Errorf("a user's link made root user %d", uid)
	}
}
