package scsi

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// audit has a host look at its registrations once.
func (l *lab) audit(host string, alarmed map[string]string) {
	l.drivers[host].audit(l.t.Context(), alarmed)
}

func (l *lab) alarm(words ...string) {
	l.t.Helper()
	text := strings.Join(l.alarms, "\n")
	if len(words) == 0 && text != "" {
		l.t.Errorf("alarms: %s", text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			l.t.Errorf("no alarm says %q: %s", w, text)
		}
	}
	l.alarms = nil
}

func TestAudit_TellsOnceThatTheKeyIsGone(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.join("n1", "n2")
	alarmed := map[string]string{}
	l.audit("n2", alarmed)
	l.alarm()
	l.want(l.run("n1", device.Off, "n2"), 0)
	l.audit("n2", alarmed)
	l.alarm("n2 /dev/sda", "not registered any more", "restart the node's cluster stack")
	l.audit("n2", alarmed)
	l.alarm()
	l.join("n2")
	l.audit("n2", alarmed)
	if !slices.Equal(l.alarms, []string{"n2 /dev/sda: "}) {
		t.Errorf("alarms %q", l.alarms)
	}
}

func TestAudit_RegistersAPathThatHasComeBack(t *testing.T) {
	l := newLab(t, "/dev/mapper/mpatha")
	l.paths["/dev/mapper/mpatha"] = []string{"/dev/sda", "/dev/sdb"}
	u := l.units["/dev/mapper/mpatha"]
	u.Connect("n1:/dev/sdb").Break()
	l.join("n1")
	u.Connect("n1:/dev/sdb").Repair()
	alarmed := map[string]string{}
	l.members["n1"] = false
	l.audit("n1", alarmed)
	l.alarm("a path is not registered")
	if len(u.Keys()) != 1 {
		t.Errorf("a node that may be lost has registered a path: %v", u.Keys())
	}
	l.members["n1"] = true
	l.audit("n1", alarmed)
	if keys := u.Keys(); keys["n1:/dev/sdb"] != 0xfe010000 {
		t.Errorf("keys %v", keys)
	}
	if err := l.write("n1", "/dev/sdb"); err != nil {
		t.Error(err)
	}
}

// The preemption comes between the reading of the keys and the registration of the path.
func TestAudit_ThatMeetsAPreemptionTakesItsPathBack(t *testing.T) {
	l := newLab(t, "/dev/mapper/mpatha")
	l.paths["/dev/mapper/mpatha"] = []string{"/dev/sda", "/dev/sdb"}
	u := l.units["/dev/mapper/mpatha"]
	l.join("n2")
	u.Connect("n1:/dev/sdb").Break()
	l.join("n1")
	u.Connect("n1:/dev/sdb").Repair()
	fenced := false
	u.OnCommand = func(initiator string, cdb []byte) {
		if initiator == "n1:/dev/sda" && cdb[0] == scsipr.OpOut && !fenced {
			fenced = true
			l.want(l.run("n2", device.Off, "n1"), 0)
		}
	}
	l.audit("n1", map[string]string{})
	u.OnCommand = nil
	if !fenced {
		t.Fatal("the preemption did not come in between")
	}
	for initiator := range u.Keys() {
		if strings.HasPrefix(initiator, "n1:") {
			t.Errorf("%s is registered after the preemption", initiator)
		}
	}
	l.alarm("was fenced while one of its paths")
}

func TestAudit_TellsThatTheReservationIsGone(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.join("n1")
	release := scsipr.Out{Action: scsipr.Release, Type: 5, Own: 0xfe010000}
	n1 := l.units["/dev/sda"].Connect("n1:/dev/sda")
	if _, status, _, _ := n1.Do(t.Context(), release.CDB(), release.List(), 0); status != scsipr.Good {
		t.Fatalf("status %#x", status)
	}
	l.audit("n1", map[string]string{})
	l.alarm("nothing keeps nodes that are not registered from writing")
}

func TestMonitor_ListsWhoIsRegistered(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.join("n1", "n2")
	r := l.run("n1", device.Monitor, "")
	l.want(r, 0)
	if lines := strings.Count(r.Output, "\n"); lines != 2 || !strings.Contains(r.Output, "key 0xfe010000") || !strings.Contains(r.Output, "holds Write Exclusive, registrants only") {
		t.Errorf("output %q", r.Output)
	}
}
