package scsi

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

func TestFence_TheVictimCannotWriteAnyMore(t *testing.T) {
	l := newLab(t, "/dev/sda", "/dev/sdb")
	l.join("n1", "n2", "n3")
	for _, d := range []string{"/dev/sda", "/dev/sdb"} {
		if keys := l.units[d].Keys(); keys["n1:"+d] != 0xfe010000 || keys["n2:"+d] != 0xfe010001 || keys["n3:"+d] != 0xfe010002 {
			t.Errorf("keys on %s: %v", d, keys)
		}
		if err := l.write("n2", d); err != nil {
			t.Error(err)
		}
	}
	l.want(l.run("n1", device.Status, "n2"), 0)
	l.want(l.run("n1", device.Off, "n2"), 0)
	l.want(l.run("n1", device.Status, "n2"), native.RCOff)
	l.want(l.run("n3", device.Status, "n2"), native.RCOff)
	for _, d := range []string{"/dev/sda", "/dev/sdb"} {
		if err := l.write("n2", d); err == nil {
			t.Errorf("n2 writes to %s", d)
		}
		for _, h := range []string{"n1", "n3"} {
			if err := l.write(h, d); err != nil {
				t.Errorf("%s cannot write to %s: %v", h, d, err)
			}
		}
	}
	l.want(l.run("n3", device.Off, "n2"), 0) // fenced already
	l.join("n2")
	if err := l.write("n2", "/dev/sda"); err != nil {
		t.Errorf("after unfencing: %v", err)
	}
}

func TestFence_OfTheHolderKeepsTheReservation(t *testing.T) {
	for _, kind := range []string{"wero", "wear"} {
		l := newLab(t, "/dev/sda")
		for _, h := range []string{"n1", "n2"} {
			l.want(l.run(h, device.On, h, "reservation", kind), 0)
		}
		l.want(l.run("n2", device.Off, "n1", "reservation", kind), 0)
		if r := l.units["/dev/sda"].Reservation(); !r.Held || !r.Type.Registrants() {
			t.Errorf("%s: %+v", kind, r)
		}
		if l.write("n1", "/dev/sda") == nil || l.write("n2", "/dev/sda") != nil {
			t.Errorf("%s: who may write is wrong", kind)
		}
	}
}

func TestFence_BothAtOnceLeavesExactlyOne(t *testing.T) {
	t.Parallel()
	for round := range 50 {
		l := newLab(t, "/dev/sda")
		l.join("n1", "n2")
		results := make(chan device.Result, 2)
		go func() { results <- l.run("n1", device.Off, "n2") }()
		go func() { results <- l.run("n2", device.Off, "n1") }()
		wins := 0
		for range 2 {
			if r := <-results; r.RC == 0 {
				wins++
			} else if !strings.Contains(r.Reason, "fenced itself") {
				t.Errorf("the loser says %q", r.Reason)
			}
		}
		writers := 0
		for _, h := range []string{"n1", "n2"} {
			if l.write(h, "/dev/sda") == nil {
				writers++
			}
		}
		if wins != 1 || writers != 1 {
			t.Fatalf("round %d: %d believe that they have won, %d can write", round, wins, writers)
		}
	}
}

// With several units one node may win on one and the other on the next: then nobody has fenced, and nobody may
// believe so.
func TestFence_SeveralUnitsNeverTwoWinners(t *testing.T) {
	t.Parallel()
	for round := range 50 {
		l := newLab(t, "/dev/sda", "/dev/sdb", "/dev/sdc")
		l.join("n1", "n2")
		results := make(chan device.Result, 2)
		go func() { results <- l.run("n1", device.Off, "n2") }()
		go func() { results <- l.run("n2", device.Off, "n1") }()
		wins := 0
		for range 2 {
			if r := <-results; r.RC == 0 {
				wins++
			}
		}
		if wins > 1 {
			t.Fatalf("round %d: two winners", round)
		}
	}
}

func TestFence_ByWhoWasFencedIsRefused(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.join("n1", "n2")
	l.want(l.run("n1", device.Off, "n2"), 0)
	l.want(l.run("n2", device.Off, "n1"), 1, "it was fenced itself", "restart the node's cluster stack")
	if l.write("n1", "/dev/sda") != nil || l.write("n2", "/dev/sda") == nil {
		t.Error("the fenced node has fenced")
	}
	l.want(l.run("n2", device.Monitor, ""), 1, "it was fenced")
	l.want(l.run("n3", device.Off, "n1"), 1, "no registration of its own", "unfence")
	l.want(l.run("n1", device.Off, "n1"), 1, "cannot fence itself")
}

func TestFence_WithoutReservationMakesOneFirst(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.join("n1", "n2")
	u := l.units["/dev/sda"]
	holder := u.Connect("n1:/dev/sda")
	if _, status, _, _ := holder.Do(t.Context(), scsipr.Out{Action: scsipr.Release, Type: 5, Own: 0xfe010000}.CDB(), scsipr.Out{Action: scsipr.Release, Type: 5, Own: 0xfe010000}.List(), 0); status != 0 {
		t.Fatalf("status %#x", status)
	}
	l.want(l.run("n1", device.Off, "n3"), 0) // n3 never joined
	if err := l.write("n3", "/dev/sda"); err == nil {
		t.Error("a node that is not registered can write after it was fenced")
	}
}

func TestUnfence_AfterABootRemovesTheStaleRegistration(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.join("n1", "n2")
	u := l.units["/dev/sda"]
	u.Forget("n2:/dev/sda", "n2-before-the-boot") // its initiator port has another name now
	l.boot("n2")
	l.join("n2")
	if keys := u.Keys(); len(keys) != 2 || keys["n2:/dev/sda"] != 0xfe010001 {
		t.Errorf("keys %v", keys)
	}
	// A second unfencing of a node that runs leaves it no moment without its key.
	u.OnCommand = func(initiator string, _ []byte) {
		if u.Keys()["n2:/dev/sda"] == 0 {
			t.Errorf("a moment without registration at a command of %s", initiator)
		}
	}
	l.join("n2")
	u.OnCommand = nil
	if err := l.write("n2", "/dev/sda"); err != nil {
		t.Error(err)
	}
}

func TestIncarnations_AnOrderForOneLifeDoesNotEndTheNext(t *testing.T) {
	l := newLab(t, "/dev/sda")
	on := func(h string) { l.want(l.run(h, device.On, h, "key_value", "incarnation"), 0) }
	on("n1")
	on("n2")
	u := l.units["/dev/sda"]
	if k := u.Keys()["n2:/dev/sda"]; k != 0xfe01_0002_0000_07d0 {
		t.Errorf("key %v", k)
	}
	// n2 dies and is back, as another life with another initiator port, before the order for the first life comes.
	u.Forget("n2:/dev/sda", "n2-before-the-boot")
	l.lives["n2"] = 2500
	l.boot("n2")
	on("n2")
	if keys := u.Keys(); len(keys) != 2 {
		t.Errorf("the earlier life is registered still: %v", keys)
	}
	l.want(l.run("n1", device.Off, "n2", "key_value", "incarnation", "life", "2000"), 0)
	if err := l.write("n2", "/dev/sda"); err != nil {
		t.Errorf("an order for the life that is over has ended the next: %v", err)
	}
	l.want(l.run("n1", device.Off, "n2", "key_value", "incarnation", "life", "2500"), 0)
	if l.write("n2", "/dev/sda") == nil {
		t.Error("n2 writes")
	}
	on("n2")
	l.want(l.run("n1", device.Off, "n2", "key_value", "incarnation"), 0) // whatever life it is
	if l.write("n2", "/dev/sda") == nil {
		t.Error("n2 writes")
	}
}

func TestPaths_EveryOneIsRegisteredAndOneIsEnoughToFence(t *testing.T) {
	l := newLab(t, "/dev/mapper/mpatha")
	l.paths["/dev/mapper/mpatha"] = []string{"/dev/sda", "/dev/sdb"}
	u := l.units["/dev/mapper/mpatha"]
	l.join("n1", "n2")
	if keys := u.Keys(); len(keys) != 4 {
		t.Errorf("keys %v", keys)
	}
	u.Connect("n1:/dev/sda").Break()
	l.want(l.run("n1", device.Off, "n2"), 0)
	for _, p := range []string{"/dev/sda", "/dev/sdb"} {
		if l.write("n2", p) == nil {
			t.Errorf("n2 writes over %s", p)
		}
	}
	r := l.run("n2", device.On, "n2")
	l.want(r, 0)
	u.Connect("n2:/dev/sdb").Break()
	if r := l.run("n2", device.On, "n2"); r.RC != 0 || !strings.Contains(r.Warning, "/dev/sdb") {
		t.Errorf("with a broken path: %+v", r)
	}
	u.Connect("n2:/dev/sda").Break()
	l.want(l.run("n2", device.On, "n2"), 1, "the path has failed")
}

func TestTarget_WhatItMayAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t, "/dev/sda")
	l.join("n1", "n2")
	u := l.units["/dev/sda"]
	n1 := u.Connect("n1:/dev/sda")
	n1.Delay(5)
	l.want(l.run("n1", device.Monitor, ""), 0)
	n1.Delay(1000)
	l.want(l.run("n1", device.Monitor, ""), 1, "status 0x08")
	n1.Delay(0)
	u.Ghost = true
	l.want(l.run("n1", device.Off, "n2"), 1, "is registered again")
	u.Ghost, u.NoAbort = false, true
	l.want(l.run("n1", device.Off, "n2"), 1, "cannot abort", "another kind of fence device")
	u.NoAbort, u.NoReservations = false, true
	l.want(l.run("n1", device.Monitor, ""), 1, "does not know persistent reservations")
	u.NoReservations = false
	n1.Hang()
	begin := time.Now()
	r := l.within(300*time.Millisecond, "n1", device.Off, "n2")
	if r.Status != lrm.Timeout || time.Since(begin) > time.Second {
		t.Errorf("a path that hangs: %v (%s) after %v", r.Status, r.Reason, time.Since(begin))
	}
	n1.Repair()
	l.want(l.run("n1", device.Off, "n2"), 0)
}

func TestPowerLoss_OfTheStorage(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.want(l.run("n1", device.On, "n1", "aptpl", "1"), 0)
	l.want(l.run("n2", device.On, "n2", "aptpl", "1"), 0)
	l.want(l.run("n1", device.Off, "n2"), 0)
	l.units["/dev/sda"].PowerLoss()
	if l.write("n2", "/dev/sda") == nil || l.write("n1", "/dev/sda") != nil {
		t.Error("aptpl has not kept the registrations")
	}
	other := newLab(t, "/dev/sda")
	other.join("n1", "n2")
	other.units["/dev/sda"].PowerLoss()
	other.want(other.run("n1", device.Off, "n2"), 1, "it was fenced itself") // it cannot know better
}

func TestReservation_OfAnotherKindIsInTheWay(t *testing.T) {
	l := newLab(t, "/dev/sda")
	u := l.units["/dev/sda"]
	foreign := u.Connect("backup")
	for _, o := range []scsipr.Out{{Action: scsipr.RegisterAndIgnore, Other: 0xbad}, {Action: scsipr.RegisterAndIgnore, Other: 0xbad}, {Action: scsipr.Reserve, Type: scsipr.WriteExclusive, Own: 0xbad}} {
		_, _, _, _ = foreign.Do(t.Context(), o.CDB(), o.List(), 0)
	}
	l.want(l.run("n1", device.On, "n1"), 1, "reserved as Write Exclusive by 0xbad", "release it")
}

func TestParameters_KeysAndDevices(t *testing.T) {
	l := newLab(t, "/dev/sda")
	l.want(l.run("n1", device.On, "n1", "key_value", "hash"), 0)
	if k := l.units["/dev/sda"].Keys()["n1:/dev/sda"]; k != 0xfe01c825 {
		t.Errorf("key %v", k)
	}
	l.want(l.run("n1", device.On, "n1", "key", "0xABCDEF"), 0)
	if k := l.units["/dev/sda"].Keys()["n1:/dev/sda"]; k != 0xabcdef {
		t.Errorf("key %v", k)
	}
	l.want(l.run("n1", device.On, "n1", "key", "0"), 2, "not all 0")
	l.want(l.run("n1", device.On, "stranger"), 1, "names no such node")
	l.want(l.run("n1", device.On, "n1", "devices", ""), 2, "devices is missing")
	l.want(l.run("n1", device.Off, "n2", "devices", "/dev/none"), 1, "/dev/none")
}
