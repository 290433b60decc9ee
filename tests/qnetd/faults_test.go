package qnetd

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/fabric"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
)

// heuristics of the tests: a node passes as long as it has a file.
const heuristics = `[quorum.device.heuristics]
mode = "on"
interval = 1000
timeout = 5000
sync_timeout = 5000
exec_file = "/usr/bin/test -e /run/healthy"
`

// configure writes a fence device and a resource whose journal tells where it ran.
func (w *world) configure() {
	w.t.Helper()
	_, err := w.WaitIdle(w.ctx)
	w.must(err)
	xml := `<resources><primitive id="power" class="stonith" type="fence_lab"><instance_attributes id="power-p">` +
		`<nvpair id="power-h" name="pcmk_host_list" value="n1 n2"/></instance_attributes></primitive>` +
		`<primitive id="j1" class="ocf" provider="lab" type="journal"><operations><op id="j1-m" name="monitor" interval="1s" timeout="20s"/></operations></primitive></resources>`
	_, err = holdfast.CIB(w.ctx, w.Nodes()[0], api.CIBRequest{Op: "replace", Section: "resources", Input: xml})
	w.must(err)
	_, err = w.WaitIdle(w.ctx)
	w.must(err)
}

// cut stops everything between two machines, in both directions.
func (w *world) cut(a, b *lab.Node, yes bool) {
	w.t.Helper()
	how := fabric.Impairment{}
	if yes {
		how.Loss = 1
	}
	w.must(w.Net.Impair(a.ID, b.ID, 0, how))
	w.must(w.Net.Impair(b.ID, a.ID, 0, how))
}

// healthy decides whether a node's heuristics pass, and waits until the server has been told.
func (w *world) healthy(n *lab.Node, yes bool) {
	w.t.Helper()
	verb, want := "touch", "Pass"
	if !yes {
		verb, want = "rm -f", "Fail"
	}
	w.sh(n, verb+" /run/healthy")
	w.until(n.Name+"'s heuristics: "+want, func(ctx context.Context) (bool, error) {
		c := n.Client("corosyncd")
		defer c.Close()
		var s api.QdeviceStatus
		err := c.Call(ctx, "GET", api.PathQdevice, nil, &s)
		return s.Result == want && s.State == "Connected", fmt.Errorf("%+v %v", s, err)
	})
}

// survives waits until one node goes on alone with the resource, has dealt with the other, and the other is off or
// stands still.
func (w *world) survives(winner, loser *lab.Node) {
	w.t.Helper()
	w.until(winner.Name+" survives", func(ctx context.Context) (bool, error) {
		v, err := holdfast.View(ctx, winner)
		if err != nil || len(v.Members) != 1 || !v.Quorum.Quorate || v.Stale || !w.runs(ctx, winner) {
			return false, fmt.Errorf("%s: %+v, stale %t, runs j1: %t (%v)", winner.Name, v.Quorum, v.Stale, w.runs(ctx, winner), err)
		}
		if loser.Powered() {
			if v, err := holdfast.View(ctx, loser); err != nil || v.Quorum.Quorate {
				return false, fmt.Errorf("%s: %+v (%v)", loser.Name, v.Quorum, err)
			}
		}
		s, err := holdfast.Status(ctx, winner)
		return s.State == "S_IDLE" && s.DC == winner.Name, fmt.Errorf("%s: %s, DC %s (%v)", winner.Name, s.State, s.DC, err)
	})
	if !winner.Powered() {
		w.t.Fatalf("%s was fenced too", winner.Name)
	}
}

// state is what the DC knows of a node.
func (w *world) state(ctx context.Context, n *lab.Node) *cibxml.Element {
	reply, err := holdfast.CIB(ctx, n, api.CIBRequest{Op: "query", Section: "status"})
	if err != nil {
		return nil
	}
	status, err := cibxml.Parse(reply.XML)
	w.must(err)
	for ns := range status.Tags("node_state") {
		if ns.Get("uname") == n.Name {
			return ns
		}
	}
	return nil
}

// runs reports whether a node runs the resource.
func (w *world) runs(ctx context.Context, n *lab.Node) bool {
	last := w.state(ctx, n).Child("lrm").Child("lrm_resources").Find("lrm_resource", "j1").Find("lrm_rsc_op", "j1_last_0")
	return last.Get("rc-code") == "0" && last.Get("operation") != "stop"
}

// online reports whether a node has joined.
func (w *world) online(ctx context.Context, n *lab.Node) bool {
	ns := w.state(ctx, n)
	return ns.Get("crmd") == "online" && ns.Get("join") == "member"
}

// again brings the fenced node back.
func (w *world) again(loser *lab.Node) {
	w.t.Helper()
	w.must(loser.PowerOff()) // one that had not joined before is not fenced
	w.must(w.Net.Heal())
	w.must(loser.PowerOn(w.ctx))
	w.sh(loser, "touch /run/healthy")
	w.whole()
	_, err := w.WaitIdle(w.ctx)
	w.must(err)
	// A node that has not joined yet runs nothing, and one without the configuration cannot go on alone.
	w.until("both nodes have joined and have the configuration", func(ctx context.Context) (bool, error) {
		for _, n := range w.Nodes() {
			s, err := holdfast.Status(ctx, n)
			if err != nil || len(s.Voters) != 2 || !w.online(ctx, n) {
				return false, fmt.Errorf("%s: voters %v (%v)", n.Name, s.Voters, err)
			}
		}
		return true, nil
	})
}

// pair is a whole cluster of two nodes with a resource, and heuristics that pass.
func pair(t *testing.T, s server) (w *world, n1, n2 *lab.Node) {
	w = start(t, s, options{nodes: 2, more: heuristics})
	w.Power.Behave("", power.Behaviour{KeepOff: true})
	w.configure()
	n1, n2 = w.Nodes()[0], w.Nodes()[1]
	w.healthy(n1, true)
	w.healthy(n2, true)
	return w, n1, n2
}

func TestDebian_TheRightSideSurvives(t *testing.T) {
	t.Parallel()
	rightSide(t, debian{})
}

// rightSide does to a cluster of two what can happen to it and its server, again and again.
func rightSide(t *testing.T, s server) {
	w, n1, n2 := pair(t, s)
	for _, c := range []struct {
		name  string
		short server // with which server it is part of `make test`
		do    func() (winner, loser *lab.Node)
	}{
		{"link cut: the lowest id", nil, func() (_, _ *lab.Node) {
			w.cut(n1, n2, true)
			return n1, n2
		}},
		{"link cut, heuristics of n1 fail: n2", debian{}, func() (_, _ *lab.Node) {
			w.healthy(n1, false)
			w.cut(n1, n2, true)
			return n2, n1
		}},
		{"power of n1 is cut: n2", nil, func() (_, _ *lab.Node) {
			w.must(n1.PowerOff())
			return n2, n1
		}},
		{"n1 hears neither n2 nor the server: n2", nil, func() (_, _ *lab.Node) {
			w.cut(n1, w.arbiter, true)
			w.cut(n1, n2, true)
			return n2, n1
		}},
		{"server killed and back, then a link cut: the lowest id", nil, func() (_, _ *lab.Node) {
			w.kill()
			w.lost()
			w.serve()
			w.whole()
			w.cut(n1, n2, true)
			return n1, n2
		}},
		{"link cut while the server is away: nobody, until it is back", debian{}, func() (_, _ *lab.Node) {
			w.kill()
			w.lost()
			w.cut(n1, n2, true)
			w.verdicts("n1 stands still", false, n1)
			w.verdicts("n2 stands still", false, n2)
			if !n1.Powered() || !n2.Powered() {
				t.Fatal("a node was fenced by one without quorum")
			}
			w.serve()
			return n1, n2
		}},
		{"server's certificate renewed, then a link cut: the lowest id", nil, func() (_, _ *lab.Node) {
			w.server.renew(w)
			w.kill()
			w.lost()
			w.serve()
			w.whole()
			w.cut(n1, n2, true)
			return n1, n2
		}},
		{"cluster's certificate renewed, then a link cut: the lowest id", own{}, func() (_, _ *lab.Node) {
			w.certify()
			w.whole()
			w.cut(n1, n2, true)
			return n1, n2
		}},
		{"n2 comes without certificates and asks for them, then power of n1 is cut: n2", nil, func() (_, _ *lab.Node) {
			w.must(n2.PowerOff())
			w.survives(n1, n2)
			w.must(os.RemoveAll(n2.Disk("etc/holdfast/qdevice")))
			w.again(n2)
			w.must(n1.PowerOff())
			return n2, n1
		}},
	} {
		if c.short != s && os.Getenv("HOLDFAST_RUNS") == "" {
			continue
		}
		began := time.Now()
		for round := range runs(1) {
			winner, loser := c.do()
			w.survives(winner, loser)
			w.again(loser)
			if over := w.Overlaps(); len(over) > 0 {
				t.Fatalf("%s, round %d: %v", c.name, round, over)
			}
		}
		t.Logf("%s: %d of %d, %v each", c.name, runs(1), runs(1), (time.Since(began) / time.Duration(runs(1))).Round(time.Millisecond))
	}
}

// lost waits until both nodes know that the server is away. They stay quorate: both are there.
func (w *world) lost() {
	w.t.Helper()
	w.until("the server is missed", func(ctx context.Context) (bool, error) {
		for _, n := range w.Nodes() {
			v, err := holdfast.View(ctx, n)
			if err != nil || v.Quorum.Device.Cast || !v.Quorum.Quorate {
				return false, fmt.Errorf("%s: %+v %v", n.Name, v.Quorum, err)
			}
		}
		return true, nil
	})
}

func TestOwn_TheRightSideSurvives(t *testing.T) {
	t.Parallel()
	rightSide(t, own{})
}
