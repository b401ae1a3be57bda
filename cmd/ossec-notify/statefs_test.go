package main

import (
	"syscall"
	"testing"
)

func TestStateBelongsOnALocalDisk(t *testing.T) {
	if _, unfit, err := stateFS(t.TempDir()); unfit != "" || err != nil {
		t.Errorf("a directory of this host %s (%v)", unfit, err)
	}
	if _, _, err := stateFS(t.TempDir() + "/none"); err == nil {
		t.Error("a directory that is not there has a disk")
	}
	for magic, kind := range map[uint32]string{ // of statfs(2)
		0xef53: "", 0x9123683e: "", 0x58465342: "", 0x794c7630: "", // ext4, btrfs, xfs, overlay
		0x6969: "NFS", 0xff534d42: "CIFS", 0xfe534d42: "SMB", 0x65735546: "FUSE",
	} {
		var disk syscall.Statfs_t
		setType(&disk.Type, magic)
		want := ""
		if kind != "" {
			want = "is on " + kind + ", where locks cannot be trusted"
		}
		if got := unfitFS(disk); got != want {
			t.Errorf("%#x: %q, want %q", magic, got, want)
		}
	}
}

// setType sets the type of a file system, which has another size on other machines.
func setType[T int64 | int32 | uint32](field *T, magic uint32) { *field = T(magic) }
