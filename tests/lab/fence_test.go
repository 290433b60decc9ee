package lab

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/enter"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
)

// fence asks the switch through the fence agent as fenced does.
func fence(t *testing.T, by *Node, action, plug string, timeout time.Duration) (enter.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return by.RunWith(ctx, "action="+action+"\nplug="+plug+"\n", "fence_lab")
}

func TestFenceAgent_WorksTheSwitch(t *testing.T) {
	c := powered(t, Options{Nodes: 3})
	n1 := c.Node("n1")
	status := func(plug string, want int) {
		t.Helper()
		if r, err := fence(t, n1, "status", plug, time.Second); err != nil || r.Code != want {
			t.Errorf("status of %s: %+v (%v), want exit status %d", plug, r, err, want)
		}
	}
	act := func(action, plug string, want int) {
		t.Helper()
		began := time.Now()
		r, err := fence(t, n1, action, plug, 5*time.Second)
		if err != nil || r.Code != want {
			t.Errorf("%s of %s: %+v (%v), want exit status %d", action, plug, r, err, want)
		}
		t.Logf("%s of %s took %v", action, plug, time.Since(began))
	}
	act("monitor", "", 0)
	act("list", "", 0)
	status("n2", 0)
	act("off", "n2", 0)
	status("n2", 2)
	if c.Node("n2").Powered() {
		t.Error("n2 is on after off")
	}
	act("on", "n2", 0)
	status("n2", 0)
	act("reboot", "n2", 0)
	if boot := c.Node("n2").Boot(); boot != 3 {
		t.Errorf("n2 has been switched on %d times, want 3", boot)
	}
	act("off", "n9", 1)
	c.Power.Behave("n3", power.Behaviour{KeepOff: true})
	act("reboot", "n3", 0)
	status("n3", 2)
	events := c.Power.Events()
	if len(events) != 5 || events[0].Verb != "off" || events[0].Target != "n2" || events[0].By != "n1" || events[0].Answer != power.OK {
		t.Errorf("the switch remembers %+v", events)
	}
}

func TestFenceAgent_FailsAsATestAsks(t *testing.T) {
	c := powered(t, Options{Nodes: 2})
	n1 := c.Node("n1")
	c.Power.Behave("n2", power.Behaviour{Fail: "no contact to the BMC"})
	if r, err := fence(t, n1, "off", "n2", time.Second); err != nil || r.Code != 1 || !strings.Contains(r.Stderr, "no contact to the BMC") {
		t.Errorf("a switch that fails: %+v (%v)", r, err)
	}
	if r, err := fence(t, n1, "status", "n2", time.Second); err != nil || r.Code != 0 {
		t.Errorf("status of a switch that fails to switch: %+v (%v)", r, err)
	}
	c.Power.Behave("", power.Behaviour{Hang: true, Verbs: []string{"status", "ping"}})
	if _, err := fence(t, n1, "status", "n1", 100*time.Millisecond); err == nil {
		t.Error("a switch that hangs answers")
	}
	c.Power.Behave("n2", power.Behaviour{Lie: true})
	if r, err := fence(t, n1, "off", "n2", time.Second); err != nil || r.Code != 0 {
		t.Errorf("a switch that lies: %+v (%v)", r, err)
	}
	if r, err := fence(t, n1, "status", "n2", time.Second); err != nil || r.Code != 2 {
		t.Errorf("status of a switch that lies: %+v (%v)", r, err)
	}
	c.Power.Behave("n2", power.Behaviour{Delay: 200 * time.Millisecond})
	began := time.Now()
	if r, err := fence(t, n1, "off", "n2", time.Second); err != nil || r.Code != 0 || time.Since(began) < 200*time.Millisecond {
		t.Errorf("a slow switch: %+v (%v) after %v", r, err, time.Since(began))
	}
	if c.Node("n2").Powered() {
		t.Error("n2 is on after off")
	}
}

// agent calls the journal agent as the executor does.
func agent(t *testing.T, n *Node, op, resource string, want int) {
	t.Helper()
	r, err := n.Run(t.Context(), "env", "OCF_RESOURCE_INSTANCE="+resource, "OCF_ROOT=/usr/lib/ocf", "/usr/lib/ocf/resource.d/lab/journal", op)
	if err != nil || r.Code != want {
		t.Fatalf("%s of %s on %s: %+v (%v), want exit status %d", op, resource, n.Name, r, err, want)
	}
}

func TestJournal_ProvesWhatRanTwice(t *testing.T) {
	c := powered(t, Options{Nodes: 2})
	n1, n2 := c.Node("n1"), c.Node("n2")
	agent(t, n1, "monitor", "db", 7)
	agent(t, n1, "start", "db", 0)
	agent(t, n1, "monitor", "db", 0)
	agent(t, n1, "stop", "db", 0)
	agent(t, n2, "start", "db", 0)
	agent(t, n2, "promote", "db", 0)
	agent(t, n2, "monitor", "db", 8)
	if err := n2.PowerOff(); err != nil {
		t.Fatal(err)
	}
	agent(t, n1, "start", "db", 0)
	if err := n2.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	agent(t, n2, "monitor", "db", 7)
	if got := c.Overlaps(); len(got) != 0 {
		t.Fatalf("nothing ran twice, but the journal says %v", got)
	}
	if err := c.Fault("db", "stop", "n1", "fail 1"); err != nil {
		t.Fatal(err)
	}
	agent(t, n1, "stop", "db", 1)
	agent(t, n2, "start", "db", 0)
	got := c.Overlaps()
	if len(got) != 1 || !strings.Contains(got[0].String(), "on n1 (boot 1)") || !strings.Contains(got[0].String(), "on n2 (boot 2)") {
		t.Errorf("db runs on both nodes, but the journal says %v", got)
	}
}
