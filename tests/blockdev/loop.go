// Package blockdev gives tests block devices: loop devices over files, that can be made to hang.
package blockdev

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Loop is a loop device.
type Loop struct {
	Path string // /dev/loopN
	File string // what it stores into
	t    testing.TB
}

// New makes a loop device of that size with that sector size (0: 512). It goes away with the test. The test
// is skipped where loop devices cannot be made.
func New(t testing.TB, size int64, sector int) *Loop {
	t.Helper()
	f, err := os.CreateTemp("", "blockdev*.img")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(f.Name()) })
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return Over(t, f.Name(), sector)
}

// Over makes one more loop device over a file, as a second node would see a shared disk.
func Over(t testing.TB, file string, sector int) *Loop {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices need root")
	}
	args := []string{"-f", "--show", "--direct-io=on"}
	if sector > 0 {
		args = append(args, fmt.Sprintf("--sector-size=%d", sector))
	}
	cmd := exec.Command("losetup", append(args, file)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no loop device here: %v: %s", err, errs.String())
	}
	l := &Loop{Path: strings.TrimSpace(string(out)), File: file, t: t}
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "-d", l.Path).CombinedOutput(); err != nil {
			t.Errorf("%s is left over: %v: %s", l.Path, err, out)
		}
	})
	return l
}

// throttle is where a device can be slowed down to nothing: version 1 of the blkio controller.
const throttle = "/sys/fs/cgroup/blkio"

// Hang makes the device answer nothing until the function is called or the test ends. The test is skipped
// where that cannot be done.
func (l *Loop) Hang() (resume func()) {
	l.t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(l.Path, &st); err != nil {
		l.t.Fatal(err)
	}
	set := func(bps int) error {
		for _, kind := range []string{"read", "write"} {
			f := filepath.Join(throttle, "blkio.throttle."+kind+"_bps_device")
			if err := os.WriteFile(f, fmt.Appendf(nil, "%d:%d %d", unix.Major(st.Rdev), unix.Minor(st.Rdev), bps), 0); err != nil {
				return err
			}
		}
		return nil
	}
	if err := set(1); err != nil {
		l.t.Skipf("a device cannot be made to hang here: %v", err)
	}
	resumed := false
	resume = func() {
		if !resumed {
			resumed = true
			if err := set(0); err != nil {
				l.t.Errorf("%s hangs on: %v", l.Path, err)
			}
		}
	}
	l.t.Cleanup(resume)
	return resume
}
