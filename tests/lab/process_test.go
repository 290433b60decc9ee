package lab

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFreeze_StopsEveryProcess(t *testing.T) {
	// A process that starts others all the time is the hard case.
	c := powered(t, Options{Nodes: 1, Command: []string{"sh", "-c", "while :; do sleep 0.005; date +%s%N >/run/beat; done"}})
	n := c.Node("n1")
	beat := func() string {
		raw, _ := n.ReadFile("/run/beat")
		return string(raw)
	}
	eventually(t, "the node's heart beats", func() bool { return beat() != "" })
	if err := n.Freeze(); err != nil {
		t.Fatal(err)
	}
	before := beat()
	time.Sleep(50 * time.Millisecond)
	if after := beat(); after != before {
		t.Errorf("the heart of a frozen node beats: %s, then %s", before, after)
	}
	if err := n.Thaw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the heart beats again", func() bool { return beat() != before })
	if err := n.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := n.PowerOff(); err != nil {
		t.Errorf("a frozen node cannot be switched off: %v", err)
	}
}

func TestSignal_ReachesProcessesByName(t *testing.T) {
	c := powered(t, Options{Nodes: 2, Command: []string{"sleep", "1000"}})
	if count, err := c.Node("n1").Signal("sleep", syscall.SIGKILL); err != nil || count != 1 {
		t.Fatalf("killed %d processes (%v), want 1", count, err)
	}
	sleeps := func(n *Node) int {
		all, err := n.Processes()
		if err != nil {
			t.Fatal(err)
		}
		return len(all) - 1
	}
	eventually(t, "n1's process is gone", func() bool { return sleeps(c.Node("n1")) == 0 })
	if sleeps(c.Node("n2")) != 1 {
		t.Error("n2's process is gone too")
	}
}

func TestUsage_CountsMemoryAndTime(t *testing.T) {
	c := powered(t, Options{Nodes: 1})
	n := c.Node("n1")
	// 20 MiB, and a child that burns and is reaped.
	script := `x=$(head -c 20000000 /dev/zero | tr '\0' x); sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; touch /run/done; exec sleep 1000 # ${#x}`
	if _, err := n.Start(exec.Command("bash", "-c", script)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the burner is done", func() bool { _, err := n.ReadFile("/run/done"); return err == nil })
	usage, err := n.Usage()
	if err != nil {
		t.Fatal(err)
	}
	var cpu time.Duration
	for _, u := range usage {
		cpu += u.CPU
	}
	if cpu < 50*time.Millisecond {
		t.Errorf("CPU time %v: that of a reaped child is missing (%+v)", cpu, usage)
	}
	memory := usage["sleep"] // before or after the exec
	if b := usage["bash"]; b.PSS > memory.PSS {
		memory = b
	}
	if memory.RSS == 0 || memory.PSS == 0 || memory.PSS > memory.RSS {
		t.Errorf("memory %+v", memory)
	}
}

func TestStateSize_FillsUp(t *testing.T) {
	c := powered(t, Options{Nodes: 1, StateSize: 1 << 20})
	n := c.Node("n1")
	r, err := n.Run(t.Context(), "dd", "if=/dev/zero", "of=/var/lib/holdfast/fill", "bs=64k")
	if err != nil || r.Code == 0 || !strings.Contains(r.Stderr, "No space left") {
		t.Errorf("filling a small disk gives %+v (%v)", r, err)
	}
	output(t, n, "rm", "/var/lib/holdfast/fill")
	output(t, n, "touch", "/var/lib/holdfast/kept")
	if err := n.PowerOff(); err != nil {
		t.Fatal(err)
	}
	if err := n.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	output(t, n, "ls", "/var/lib/holdfast/kept")
}

func TestClusters_LiveSideBySide(t *testing.T) {
	a, b := powered(t, Options{Nodes: 2}), powered(t, Options{Nodes: 2})
	if a.Node("n1").Addr(0) == b.Node("n1").Addr(0) {
		t.Fatal("both clusters have the same addresses")
	}
	for _, c := range []*Cluster{a, b} {
		output(t, c.Node("n1"), "ping", "-c1", "-W1", "n2")
	}
	r, err := a.Node("n1").Run(t.Context(), "ping", "-c1", "-W1", b.Node("n1").Addr(0).String())
	if err != nil || r.Code == 0 {
		t.Errorf("a node reaches another cluster: %+v (%v)", r, err)
	}
	if err := a.Node("n1").PowerOff(); err != nil {
		t.Fatal(err)
	}
	if !b.Node("n1").Powered() {
		t.Error("the power switch of one cluster works on the other")
	}
}
