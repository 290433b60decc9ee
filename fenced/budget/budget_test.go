package budget

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const s = time.Second

// good is a cluster without a conflict.
func good() Cluster {
	return Cluster{Token: s, Consensus: 1200 * time.Millisecond, SBD: SBD{From: "/dev/sdb", Watchdog: 5 * s, Loop: s, IO: 3 * s, Msgwait: 10 * s}, Presumed: 10 * s,
		Devices: []Device{{ID: "power", Kind: Card, Timeout: 20 * s}, {ID: "disk", Kind: Disk, Timeout: 20 * s}, {ID: "pr", Kind: Reservation}},
		Levels:  map[string][]Level{"n1": {{"pr"}, {"power"}}}}
}

func TestCheck_InequalitiesByName(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(c *Cluster)
		want   string // of the first conflict, "" for none
		fatal  bool
	}{
		{"all is well", func(*Cluster) {}, "", false},
		{"nothing is set", func(c *Cluster) { *c = Cluster{} }, "", false},
		{"only a watchdog", func(c *Cluster) { *c = Cluster{Presumed: -1} }, "", false},
		{"msgwait below watchdog", func(c *Cluster) { c.SBD.Msgwait = 5 * s }, "msgwait = 5s must be more than watchdog = 5s", true},
		{"msgwait below twice", func(c *Cluster) { c.SBD.Msgwait = 8 * s }, "msgwait = 8s must be at least 2 x watchdog = 10s", false},
		{"watchdog below a slow read", func(c *Cluster) { c.SBD.Watchdog = 4 * s }, "watchdog = 4s must be more than I/O timeout + loop = 4s", true},
		{"message takes longer than the fence", func(c *Cluster) { c.Devices[1].Timeout = 10 * s }, "the timeout of device disk = 10s must be more than msgwait = 10s", true},
		{"message leaves little", func(c *Cluster) { c.Devices[1].Timeout = 11 * s }, "the timeout of device disk = 11s must be at least 1.2 x msgwait = 12s", false},
		{"agent's power_timeout", func(c *Cluster) { c.Devices[1].Power = 10 * s }, "power_timeout of device disk = 10s must be more than msgwait = 10s", false},
		{"card without time", func(c *Cluster) { c.Devices[0].Timeout = 8 * s }, "must be more than delay + login_timeout + shell_timeout + power_wait = 10s", true},
		{"card's delay counts", func(c *Cluster) { c.Devices[0].AgentDelay = 15 * s }, "must be more than delay + login_timeout + shell_timeout + power_wait = 25s", true},
		{"card's power_timeout", func(c *Cluster) { c.Devices[0].Power = 19 * s }, "must be at least delay + login_timeout + power_wait + power_timeout = 24s", false},
		{"presumed dead too early", func(c *Cluster) { c.Presumed = 7 * s }, "stonith-watchdog-timeout = 7s must be more than watchdog + consensus + loop = 7.2s", true},
		{"presumed dead with little margin", func(c *Cluster) { c.Presumed = 8 * s }, "stonith-watchdog-timeout = 8s must be at least 2 x watchdog = 10s", false},
		{"quorum device", func(c *Cluster) { c.QdeviceSync = 30 * s }, "watchdog = 5s must be more than the quorum device's sync_timeout = 30s", true},
		{"consensus", func(c *Cluster) { c.Consensus = s / 2 }, "consensus = 500ms must be at least token = 1s", false},
		{"delays outweigh priority", func(c *Cluster) { c.Priority, c.Devices[0].Delay = 5*s, 10*s }, "priority-fencing-delay = 5s must be at least 2 x pcmk_delay_base/max of device power = 20s", false},
		{"goal that cannot be kept", func(c *Cluster) { c.Goal, c.Fence = 30*s, 20*s }, "[fencing] budget = 30s must be at least the worst case for n1 = 49.2s", true},
		{"goal that is kept", func(c *Cluster) { c.Goal, c.Fence = 50*s, 20*s }, "", false},
	} {
		c := good()
		x.change(&c)
		_, found := Check(c)
		if x.want == "" {
			if len(found) > 0 {
				t.Errorf("%s: %v", x.name, found)
			}
			continue
		}
		if len(found) == 0 || !strings.Contains(found[0].String(), x.want) || found[0].Fatal != x.fatal {
			t.Errorf("%s: %v, want %s (fatal %v)", x.name, found, x.want, x.fatal)
		}
	}
}

// Raising what the advice names to what it says removes the conflict.
func TestCheck_TheAdviceHelps(t *testing.T) {
	c := good()
	c.SBD.Msgwait = 3 * s
	_, found := Check(c)
	if len(found) == 0 || !strings.Contains(found[0].Fix, "raise msgwait to 6s") {
		t.Fatalf("%v", found)
	}
	c.SBD.Msgwait = 6 * s
	if _, found = Check(c); len(found) > 0 && found[0].Fatal {
		t.Errorf("%v", found)
	}
}

func TestDerive_FromTheGoal(t *testing.T) {
	c := Derive(Cluster{Token: s, Goal: 30 * s, Devices: []Device{{ID: "a", Kind: Card}, {ID: "b"}}, Levels: map[string][]Level{"n1": {{"a"}, {"b"}}}})
	if c.Fence != 12*s { // (30 - 1.2) / 1.2 / 2
		t.Errorf("stonith-timeout %v", c.Fence)
	}
	for _, l := range c.Timelines() {
		if l.Worst() > 30*s {
			t.Errorf("worst case %v", l.Worst())
		}
	}
	if c := Derive(Cluster{Presumed: -1}); c.SBD.Watchdog != 5*s || c.SBD.Msgwait != 10*s || c.Presumed != 10*s {
		t.Errorf("%+v", c)
	}
	if c := Derive(Cluster{Token: 10 * s, Presumed: -1}); c.Presumed != 18*s { // the watchdog, consensus 12 s, one loop
		t.Errorf("%+v", c)
	}
}

func TestTimeline_WorstCaseForATarget(t *testing.T) {
	c := good()
	c.Priority = 2 * s
	c.Devices[0].Delay = s
	d, _ := Check(c)
	want := []Timeline{{Target: "n1", Moments: []Moment{
		{0, "last heartbeat of the node"},
		{1200 * time.Millisecond, "it is out of every survivor's view (token 1s + 200ms)"},
		{3200 * time.Millisecond, "priority-fencing-delay is over (the side with less to lose)"},
		{75200 * time.Millisecond, "level 1 (pr) has confirmed or failed"},
		{100200 * time.Millisecond, "level 2 (power) has confirmed, or the fence has failed"},
	}}}
	if diff := cmp.Diff(want, d.Timelines()); diff != "" {
		t.Error(diff)
	}
}

func TestText_IsShort(t *testing.T) {
	for d, want := range map[time.Duration]string{60 * s: "1m", 90 * s: "1m30s", 1200 * time.Millisecond: "1.2s", 200 * time.Millisecond: "200ms", 0: "0s", time.Hour: "1h"} {
		if got := Text(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
