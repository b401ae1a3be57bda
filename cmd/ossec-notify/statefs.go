package main

import (
	"fmt"
	"syscall"
)

// remoteFS are the file systems on which neither locks nor the database can be trusted, by the magic numbers of
// statfs(2). The numbers are Linux's.
var remoteFS = map[uint32]string{
	0x6969: "NFS", 0x517b: "SMB", 0xff534d42: "CIFS", 0xfe534d42: "SMB", 0x65735546: "FUSE",
}

// localRemedy is what to do about a state directory on one of them.
const localRemedy = "move it to a local disk (--state, OSSEC_NOTIFY_STATE)"

// stateFS measures the disk of a state directory. unfit says what is wrong with it, in words that follow the
// directory's name; "" is nothing.
func stateFS(dir string) (disk syscall.Statfs_t, unfit string, err error) {
	if err := syscall.Statfs(dir, &disk); err != nil {
		return disk, "", fmt.Errorf("its disk cannot be measured: %w", err)
	}
	return disk, unfitFS(disk), nil
}

func unfitFS(disk syscall.Statfs_t) string {
	if kind := remoteFS[uint32(disk.Type)]; kind != "" {
		return fmt.Sprintf("is on %s, where locks cannot be trusted", kind)
	}
	return ""
}
