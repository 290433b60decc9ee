// Package hungfs gives tests a directory that never answers, as one of a network file system whose server is gone.
package hungfs

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Mount mounts a file system whose server never answers, until the test ends. The test is skipped where that is
// not possible: it needs root and FUSE.
func Mount(t testing.TB) string {
	t.Helper()
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no FUSE here:", err)
	}
	dir := t.TempDir()
	if err := unix.Mount("hung", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev.Fd())); err != nil {
		dev.Close()
		t.Skip("FUSE cannot be mounted here:", err)
	}
	t.Cleanup(func() {
		dev.Close() // ends every request with an error
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
