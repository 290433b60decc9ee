package lab

import (
	"context"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// serve gives a node the address and starts the web server there.
func serve(t *testing.T, c *Cluster, n *Node) {
	t.Helper()
	output(t, n, "ip", "addr", "add", c.Net.Float(0).String()+"/24", "dev", "eth0")
	if _, err := n.Start(exec.Command("holdfast-hello", ":80")); err != nil {
		t.Fatal(err)
	}
	// What a gratuitous ARP would do.
	link, err := netlink.LinkByName("lab0-0")
	if err != nil {
		t.Fatal(err)
	}
	netlink.NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, IP: c.Net.Float(0).AsSlice(), HardwareAddr: c.Net.HardwareAddr(n.ID, 0), State: netlink.NUD_STALE,
	})
}

func TestProbes_SeeAnAddressMove(t *testing.T) {
	c := powered(t, Options{Nodes: 2})
	n1, n2 := c.Node("n1"), c.Node("n2")
	ctx, cancel := context.WithCancel(t.Context())
	vip := c.Net.Float(0)
	browser := probe.NewBrowser(vip.String()+":80", 5*time.Millisecond)
	pinger, err := probe.NewPinger("", vip, 2*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	seen := probe.NewRecord()
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { browser.Run(ctx) })
	work.Go(func() { pinger.Run(ctx) })
	for _, n := range c.Nodes() {
		wait, err := probe.WatchAddresses(ctx, seen, n.Name, n.PID())
		if err != nil {
			t.Fatal(err)
		}
		work.Go(wait)
		dir, err := n.Path("/run/dummy")
		if err != nil {
			t.Fatal(err)
		}
		if wait, err = probe.WatchFiles(ctx, seen, n.Name, dir); err != nil {
			t.Fatal(err)
		}
		work.Go(wait)
	}
	limit, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	began := time.Now()
	serve(t, c, n1)
	if a, err := browser.FirstAsked(limit, began); err != nil || a.Text != "hello from n1" {
		t.Fatalf("first answer %+v (%v)", a, err)
	}
	output(t, n1, "touch", "/run/dummy/d1")
	cut := time.Now()
	if err := n1.PowerOff(); err != nil {
		t.Fatal(err)
	}
	serve(t, c, n2)
	output(t, n2, "touch", "/run/dummy/d1")
	a, err := browser.FirstAsked(limit, cut.Add(time.Millisecond))
	if err != nil || a.Text != "hello from n2" {
		t.Fatalf("after the power cut: %+v (%v)", a, err)
	}
	p, err := pinger.FirstAsked(limit, cut.Add(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	up, err := seen.WaitFirst(limit, "the address is on n2", cut, func(e probe.Event) bool { return e.What == vip.String() && e.Up })
	if err != nil || up.Node != "n2" || up.At.After(p.At.Add(5*time.Millisecond)) {
		t.Errorf("the address came up as %+v (%v), the first ping was answered at %v", up, err, p.At)
	}
	if f, ok := seen.First(began, func(e probe.Event) bool { return e.What == "d1" }); !ok || f.Node != "n1" {
		t.Errorf("state file: %+v", f)
	}
	if last := browser.LastBefore(a.Asked); last.Text != "hello from n1" || last.At.After(cut.Add(20*time.Millisecond)) {
		t.Errorf("last answer before the cut %+v, cut at %v", last, cut)
	}
	from, to := browser.LongestGap(began)
	t.Logf("address up %v, ping %v, web %v after the cut; gap %v", up.At.Sub(cut), p.At.Sub(cut), a.At.Sub(cut), to.At.Sub(from.At))
}
