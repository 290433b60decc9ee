package vm

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/blockdev"
	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	watchdogTimeout = 5 * time.Second
	msgwait         = 10 * time.Second
	// loop is how often sbd looks into its slot and pets the watchdog.
	loop = time.Second
	// lag is what an emulated machine on a busy host may be late.
	lag = 5 * time.Second

	bySoftdog = "softdog: Initiating system reboot"
	bySysrq   = "sysrq: Resetting"
)

// guarded is a machine with an armed softdog, guarded by our sbd over a disk that this machine shares.
type guarded struct {
	*machine.Machine
	disk string // here
	pid  int    // sbd's in the machine
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	needMachines(t)
	disk := blockdev.New(t, 16<<20, 0)
	host(t, "sbd", "-d", disk.Path, "-1", seconds(watchdogTimeout), "-4", seconds(msgwait), "create")
	host(t, "sbd", "-d", disk.Path, "allocate", "n1")
	g := &guarded{disk: disk.Path, Machine: start(t, withSBD, machine.Options{Name: "n1",
		MemoryMB: 256, Disks: []string{disk.File}})}
	in(t, g.Machine, order.Order{Run: []string{"sbd", "-d", "/dev/vda", "-n", "n1", "-w", "/dev/watchdog", "-p", "/run/sbd.pid", "watch"},
		Env: []string{"SBD_PACEMAKER=no"}, Console: true})
	pid := in(t, g.Machine, order.Order{Read: "/run/sbd.pid"})
	var err error
	if g.pid, err = strconv.Atoi(strings.TrimSpace(string(pid.Output))); err != nil {
		t.Fatal(err)
	}
	sys := func(name string) string {
		return strings.TrimSpace(string(in(t, g.Machine, order.Order{Read: "/sys/class/watchdog/watchdog0/" + name}).Output))
	}
	if sys("identity") != "Software Watchdog" || sys("state") != "active" || sys("timeout") != seconds(watchdogTimeout) {
		t.Fatalf("the watchdog is %s, %s, with %s s", sys("identity"), sys("state"), sys("timeout"))
	}
	return g
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// signal sends a signal to sbd and tells when.
func (g *guarded) signal(t *testing.T, s unix.Signal) time.Time {
	t.Helper()
	in(t, g.Machine, order.Order{Kill: g.pid, Signal: int(s)})
	return time.Now()
}

// resetByWatchdog proves that the watchdog has ended the machine, and when: its timeout after the last petting,
// which was at most a loop before the guard was lost.
func (g *guarded) resetByWatchdog(t *testing.T, lost time.Time) {
	t.Helper()
	end := ended(t, g.Machine, watchdogTimeout+lag+loop, "guest-reset", bySoftdog)
	took := end.At.Sub(lost)
	t.Logf("the watchdog has reset the machine %.2f s after its guard was lost", took.Seconds())
	if took < watchdogTimeout-2*loop || took > watchdogTimeout+lag {
		t.Errorf("that is not %v after the last petting", watchdogTimeout)
	}
}

func TestSBD_PoisonPillResetsTheMachineWithinMsgwait(t *testing.T) {
	g := newGuarded(t)
	begin := time.Now()
	host(t, "sbd", "-d", g.disk, "-n", "boss", "message", "n1", "reset")
	told := time.Since(begin)
	end := ended(t, g.Machine, lag, "guest-reset", bySysrq)
	took := end.At.Sub(begin)
	t.Logf("reset %.2f s after the message was begun; the sender reported success after %.2f s", took.Seconds(), told.Seconds())
	if took >= told {
		t.Errorf("the sender reported success after %v, before the machine was reset after %v", told, took)
	}
	if strings.Contains(g.Console(), bySoftdog) {
		t.Error("the watchdog had to do it: sbd did not obey")
	}
}

func TestSBD_TheWatchdogResetsAMachineWhoseGuardHangs(t *testing.T) {
	g := newGuarded(t)
	g.resetByWatchdog(t, g.signal(t, unix.SIGSTOP))
}

func TestSBD_TheWatchdogResetsAMachineWhoseGuardIsKilled(t *testing.T) {
	g := newGuarded(t)
	g.resetByWatchdog(t, g.signal(t, unix.SIGKILL))
}

// A machine whose only disk answers nothing any more cannot be told that it is fenced, and must end by itself
// before msgwait is over, because whoever wrote the message relies on that.
func TestSBD_AMachineWhoseDiskHangsEndsWithinMsgwait(t *testing.T) {
	g := newGuarded(t)
	err := g.QMP("block_set_io_throttle", map[string]any{"device": "disk0", "bps": 1, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0})
	if err != nil {
		t.Fatal(err)
	}
	lost := time.Now()
	// sbd ends the machine, or the watchdog that it no longer pets does; which of them is first does not matter.
	cause := bySoftdog
	end := ended(t, g.Machine, msgwait+lag, "guest-reset", "")
	if strings.Contains(g.Console(), bySysrq) {
		cause = bySysrq
	} else if !strings.Contains(g.Console(), bySoftdog) {
		t.Errorf("the console tells of no reset:\n%s", g.Console())
	}
	took := end.At.Sub(lost)
	t.Logf("reset %.2f s after the disk was lost: %s", took.Seconds(), cause)
	if took > msgwait {
		t.Errorf("that is more than msgwait, %v", msgwait)
	}
}

func TestSBD_AGuardedMachineIsNeverResetWithoutCause(t *testing.T) {
	idle := time.Minute
	if v := os.Getenv("HOLDFAST_VM_IDLE"); v != "" {
		var err error
		if idle, err = time.ParseDuration(v); err != nil {
			t.Fatalf("HOLDFAST_VM_IDLE: %v", err)
		}
	}
	g := newGuarded(t)
	if end, err := g.Wait(idle); err == nil {
		t.Fatalf("the machine ended by %q", end.Reason)
	}
	host(t, "sbd", "-d", g.disk, "-n", "boss", "message", "n1", "test")
	host(t, "sbd", "-d", g.disk, "ping", "n1")
	if list := host(t, "sbd", "-d", g.disk, "list"); !strings.Contains(list, "n1\tclear") {
		t.Errorf("after %v sbd does not read its slot: %s", idle, list)
	}
	g.signal(t, 0) // it lives, and so does the machine
	t.Logf("%v without a reset", idle)
}
