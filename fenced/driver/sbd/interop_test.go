package sbd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/tests/blockdev"
)

// debian runs a program of Debian's sbd with input, and returns its exit code and output.
func debian(t *testing.T, input, program string, args ...string) (int, string) {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "PCMK_service=pacemaker-fenced")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", program, err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// fence_sbd and the driver have to agree on the state after every step that one of them makes.
func TestInterop_FenceSBDAgreesAtEveryStep(t *testing.T) {
	t.Parallel()
	loop := blockdev.New(t, 1<<20, 0)
	l := newLab(t, 0)
	l.driver.cfg.Disk = sbddisk.Options{}
	disk, err := sbddisk.Open(loop.Path, sbddisk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(disk.Close)
	l.disks = []*sbddisk.Disk{disk}
	if err := disk.Create(t.Context(), disk.NewHeader(sbdformat.Timeouts{Watchdog: time.Second, Loop: time.Second, Msgwait: msgwait})); err != nil {
		t.Fatal(err)
	}
	if code, out := debian(t, "", "/usr/sbin/sbd", "-d", loop.Path, "allocate", "n2"); code != 0 {
		t.Fatal(out)
	}
	fenceSBD := func(action string) int {
		code, out := debian(t, "action="+action+"\ndevices="+loop.Path+"\nplug=n2\n", "/usr/sbin/fence_sbd")
		t.Logf("fence_sbd %s: %d %s", action, code, strings.TrimSpace(out))
		return code
	}
	agree := func(step string, rc int) {
		t.Helper()
		ours := l.run(device.Status, "n2")
		if theirs := fenceSBD("status"); theirs != rc || ours.RC != rc {
			t.Errorf("after %s: fence_sbd says %d, the driver %d (%s), want %d", step, theirs, ours.RC, ours.Reason, rc)
		}
	}
	agree("the start", 0)
	want(t, l.run(device.Off, "n2"), lrm.Done, 0)
	agree("our off", native.RCOff)
	if code := fenceSBD("on"); code != 0 {
		t.Errorf("fence_sbd on ends with %d", code)
	}
	agree("their on", 0)
	if code := fenceSBD("reboot"); code != 0 {
		t.Errorf("fence_sbd reboot ends with %d", code)
	}
	agree("their reboot", native.RCOff)
	want(t, l.run(device.On, "n2"), lrm.Done, 0)
	agree("our on", 0)
	want(t, l.run(device.Reboot, "n2"), lrm.Done, 0)
	agree("our reboot", native.RCOff)
	if code, out := debian(t, "", "/usr/sbin/sbd", "-d", loop.Path, "message", "n2", "exit"); code != 0 {
		t.Error(out)
	}
	agree("exit", 1)
	if _, theirs := debian(t, "action=list\ndevices="+loop.Path+"\n", "/usr/sbin/fence_sbd"); strings.TrimSpace(theirs) != strings.TrimSpace(l.run(device.List, "").Output) {
		t.Errorf("lists differ: %q", theirs)
	}
}
