package sbd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// lab is some disks in files and a driver for them.
type lab struct {
	t      *testing.T
	driver *Driver
	disks  []*sbddisk.Disk
}

const msgwait = time.Second

func newLab(t *testing.T, disks int, nodes ...string) *lab {
	t.Helper()
	l := &lab{t: t, driver: New(Config{Node: "n1", Log: slog.New(slog.DiscardHandler), Disk: sbddisk.Options{AllowFile: true, Timeout: 500 * time.Millisecond}})}
	for i := range disks {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("disk%d", i))
		err := os.WriteFile(path, make([]byte, 1<<19), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		d, err := sbddisk.Open(path, sbddisk.Options{AllowFile: true})
		if err != nil {
			t.Skipf("no O_DIRECT here: %v", err)
		}
		t.Cleanup(d.Close)
		if err := d.Create(t.Context(), d.NewHeader(sbdformat.Timeouts{Watchdog: time.Second, Loop: time.Second, Msgwait: msgwait})); err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			if _, err := d.Allocate(t.Context(), n, nil); err != nil {
				t.Fatal(err)
			}
		}
		l.disks = append(l.disks, d)
	}
	return l
}

func (l *lab) paths() string {
	var list []string
	for _, d := range l.disks {
		list = append(list, d.Path())
	}
	return strings.Join(list, ",")
}

func (l *lab) run(action, target string, more ...device.Param) device.Result {
	return l.within(10*time.Second, action, target, more...)
}

func (l *lab) within(limit time.Duration, action, target string, more ...device.Param) device.Result {
	params := append([]device.Param{{Name: "action", Value: action}, {Name: "devices", Value: l.paths()}, {Name: "plug", Value: target}}, more...)
	return l.driver.Run(l.t.Context(), device.Call{Device: "d", Agent: "fence_sbd", Action: action, Target: target, Params: params, Timeout: limit})
}

// say puts a message into a node's slot on some of the disks.
func (l *lab) say(node string, m sbdformat.Mailbox, disks ...int) {
	l.t.Helper()
	for _, i := range disks {
		e, err := l.disks[i].Find(l.t.Context(), node)
		if err == nil {
			err = l.disks[i].Put(l.t.Context(), e.Slot, m)
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) mailbox(disk int, node string) sbdformat.Mailbox {
	l.t.Helper()
	e, err := l.disks[disk].Find(l.t.Context(), node)
	if err != nil {
		l.t.Fatal(err)
	}
	return e.Mailbox
}

// wipe takes the header of a disk away.
func (l *lab) wipe(disk int) {
	l.t.Helper()
	if err := os.WriteFile(l.disks[disk].Path(), make([]byte, 1<<19), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func want(t *testing.T, got device.Result, status lrm.Status, rc int, words ...string) {
	t.Helper()
	if got.Status != status || got.RC != rc {
		t.Errorf("got %v, rc %d (%s), want %v, rc %d", got.Status, got.RC, got.Reason, status, rc)
	}
	for _, w := range words {
		if !strings.Contains(got.Reason, w) {
			t.Errorf("reason %q does not say %q", got.Reason, w)
		}
	}
}

func TestOff_IsConfirmedAfterMsgwaitOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n1", "n2")
	want(t, l.run(device.Status, "n2"), lrm.Done, 0)
	begin := time.Now()
	want(t, l.run(device.Off, "N2"), lrm.Done, 0)
	if took := time.Since(begin); took < msgwait || took > msgwait+2*time.Second {
		t.Errorf("took %v, msgwait is %v", took, msgwait)
	}
	if got := l.mailbox(0, "n2"); got != (sbdformat.Mailbox{Message: sbdformat.Off, From: "n1"}) {
		t.Errorf("the mailbox has %+v", got)
	}
	want(t, l.run(device.Status, "n2"), lrm.Done, native.RCOff)
	// A message that stands there already proves nothing: it is sent again and waited for.
	begin = time.Now()
	want(t, l.run(device.Off, "n2"), lrm.Done, 0)
	if took := time.Since(begin); took < msgwait {
		t.Errorf("a message of before was believed after %v", took)
	}
	want(t, l.run(device.On, "n2"), lrm.Done, 0)
	want(t, l.run(device.Status, "n2"), lrm.Done, 0)
}

func TestReboot_IsAResetOrACrashdump(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n2")
	want(t, l.run(device.Reboot, "n2"), lrm.Done, 0)
	if got := l.mailbox(0, "n2").Message; got != sbdformat.Reset {
		t.Errorf("got %v", got)
	}
	want(t, l.run(device.Reboot, "n2", device.Param{Name: "crashdump", Value: "yes"}), lrm.Done, 0)
	if got := l.mailbox(0, "n2").Message; got != sbdformat.Crashdump {
		t.Errorf("got %v", got)
	}
}

func TestReboot_OfANodeThatIsBackBeforeMsgwaitIsOver(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n2")
	result := make(chan device.Result)
	go func() { result <- l.run(device.Reboot, "n2") }()
	for l.mailbox(0, "n2").Message != sbdformat.Reset {
		time.Sleep(10 * time.Millisecond)
	}
	if err := l.disks[0].Clear(t.Context(), 0); err != nil { // as sbd does when it starts
		t.Fatal(err)
	}
	want(t, <-result, lrm.Done, 0)
}

func TestMessage_ReplacedBeforeItWasRead(t *testing.T) {
	t.Parallel()
	for name, replacement := range map[string]sbdformat.Mailbox{"by a test": {Message: sbdformat.Test, From: "n3"}, "by a person who withdraws it": {Message: sbdformat.Clear, From: "n3"}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1, "n2")
			result := make(chan device.Result)
			go func() { result <- l.run(device.Reboot, "n2") }()
			for l.mailbox(0, "n2").Message != sbdformat.Reset {
				time.Sleep(10 * time.Millisecond)
			}
			<-time.After(300 * time.Millisecond) // the driver reads it back first
			l.say("n2", replacement, 0)
			want(t, <-result, lrm.Error, 1, "was replaced by "+replacement.Message.String(), `"n3"`, "fence again")
		})
	}
}

func TestMajority_OfThreeDisks(t *testing.T) {
	t.Parallel()
	l := newLab(t, 3, "n2")
	l.wipe(1)
	want(t, l.run(device.Off, "n2"), lrm.Done, 0)
	if got := l.run(device.Monitor, ""); got.Status != lrm.Done || !strings.Contains(got.Warning, "no sbd header") {
		t.Errorf("a disk is lost, monitor says %+v", got)
	}
	want(t, l.run(device.Status, "n2"), lrm.Done, native.RCOff)
	l.wipe(2)
	for _, action := range []string{device.Off, device.Monitor, device.Status, device.List} {
		begin := time.Now()
		want(t, l.run(action, "n2"), lrm.Error, 1, "1 of 3", "no majority", "no sbd header", "check the paths")
		if time.Since(begin) > msgwait {
			t.Errorf("%s waited although it cannot succeed", action)
		}
	}
}

func TestTwoDisks_NeedBoth(t *testing.T) {
	t.Parallel()
	l := newLab(t, 2, "n2")
	want(t, l.run(device.Off, "n2"), lrm.Done, 0)
	l.wipe(0)
	want(t, l.run(device.Off, "n2"), lrm.Error, 1, "1 of 2")
}

func TestStatus_OfDisksThatDisagree(t *testing.T) {
	t.Parallel()
	l := newLab(t, 3, "n2")
	l.say("n2", sbdformat.Mailbox{Message: sbdformat.Reset}, 0)
	want(t, l.run(device.Status, "n2"), lrm.Done, 0)
	l.say("n2", sbdformat.Mailbox{Message: sbdformat.Reset}, 1)
	want(t, l.run(device.Status, "n2"), lrm.Done, native.RCOff)
	two := newLab(t, 2, "n2")
	two.say("n2", sbdformat.Mailbox{Message: sbdformat.Off}, 0)
	want(t, two.run(device.Status, "n2"), lrm.Error, 1, "disagree")
}

func TestNodeWhoseSBDHasEnded_IsNotFencedByAMessage(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n2")
	l.say("n2", sbdformat.Mailbox{Message: sbdformat.Exit, From: "n2"}, 0)
	for _, action := range []string{device.Status, device.Off, device.Reboot} {
		want(t, l.run(action, "n2"), lrm.Error, 1, "ended in an orderly way", "stonith_admin --confirm")
	}
	if got := l.mailbox(0, "n2").Message; got != sbdformat.Exit {
		t.Errorf("the mailbox has %v", got)
	}
}

func TestTimeouts_ThatCannotBeKeptAreRefusedBeforeTheMessage(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n2")
	begin := time.Now()
	want(t, l.within(1500*time.Millisecond, device.Off, "n2"), lrm.Error, 1, "msgwait is 1s", "pcmk_off_timeout", "at least 2s")
	if time.Since(begin) > 500*time.Millisecond {
		t.Error("it was waited for all the same")
	}
	if got := l.mailbox(0, "n2").Message; got != sbdformat.Clear {
		t.Errorf("message %v was sent", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	got := l.driver.Run(ctx, device.Call{Agent: "fence_sbd", Action: device.Off, Timeout: 20 * time.Second,
		Params: []device.Param{{Name: "devices", Value: l.paths()}, {Name: "plug", Value: "n2"}, {Name: "delay", Value: "5"}}})
	want(t, got, lrm.Timeout, 1, "delay of 5s")
}

func TestWhatIsWrong_IsSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n2")
	want(t, l.run(device.Off, "n7"), lrm.Error, 1, "node n7 has no slot", "allocate n7")
	l.driver.cfg.Disk.AllowFile = false
	want(t, l.run(device.Monitor, ""), lrm.Error, 1, "not a block device")
	l.disks = nil
	want(t, l.run(device.Off, "n2"), lrm.Invalid, 2, "devices is missing", "SBD_DEVICE")
	l.driver.cfg.Devices = func() []string { return []string{"/nonexistent"} }
	want(t, l.run(device.Monitor, ""), lrm.Error, 1, "/nonexistent", "no such file")
	l.driver.cfg.Devices = func() []string { return []string{"/1", "/2", "/3", "/4"} }
	want(t, l.run(device.Monitor, ""), lrm.Invalid, 2, "at most 3")
	want(t, l.run("explode", ""), lrm.NotSupported, 3, "explode")
}

func TestList_NamesTheSlots(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1, "n1", "n2")
	if got := l.run(device.List, ""); got.Output != "n1,n1\nn2,n2\n" {
		t.Errorf("%+v", got)
	}
}
