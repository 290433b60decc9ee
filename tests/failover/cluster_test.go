// Package failover proves on clusters of real daemons that services survive the loss of nodes, links, daemons and
// disks, and that no resource ever runs twice.
package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// limit bounds what a healthy cluster does in a second or two.
const limit = 60 * time.Second

// world is a cluster with the lab's power switch as fence device and journalled resources j1, j2, ...
type world struct {
	*holdfast.Cluster
	t   *testing.T
	ctx context.Context
}

// start forms a cluster of n nodes with that many journalled resources.
func start(t *testing.T, n, resources int) *world {
	t.Helper()
	return startWith(t, holdfast.Options{Options: lab.Options{Nodes: n}}, resources)
}

func startWith(t *testing.T, o holdfast.Options, resources int) *world {
	t.Helper()
	w := &world{Cluster: holdfast.Start(t, o), t: t, ctx: t.Context()}
	w.must(w.PowerOnAll(w.ctx))
	w.idle()
	w.configure(resources)
	w.until("every resource runs", func(ctx context.Context) (bool, error) {
		at := w.running(ctx)
		return len(at) == resources, fmt.Errorf("running: %v", at)
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) idle() *lab.Node {
	w.t.Helper()
	dc, err := w.WaitIdle(w.ctx)
	w.must(err)
	return dc
}

func (w *world) until(what string, holds func(context.Context) (bool, error)) {
	w.t.Helper()
	w.must(holdfast.Poll(w.ctx, what, limit, holds))
}

// configure writes the fence device and the resources.
func (w *world) configure(resources int) {
	w.t.Helper()
	var names []string
	for _, n := range w.Nodes() {
		names = append(names, n.Name)
	}
	xml := cibxml.New("resources").Append(cibxml.New("primitive", "id", "power", "class", "stonith", "type", "fence_lab").Append(
		cibxml.New("instance_attributes", "id", "power-params").Append(
			cibxml.New("nvpair", "id", "power-hosts", "name", "pcmk_host_list", "value", strings.Join(names, " "))),
		cibxml.New("operations").Append(cibxml.New("op", "id", "power-monitor", "name", "monitor", "interval", "60s"))))
	for i := range resources {
		id := fmt.Sprintf("j%d", i+1)
		xml.Append(cibxml.New("primitive", "id", id, "class", "ocf", "provider", "lab", "type", "journal").Append(
			cibxml.New("operations").Append(cibxml.New("op", "id", id+"-monitor", "name", "monitor", "interval", "1s", "timeout", "20s"))))
	}
	for section, in := range map[string]string{"resources": xml.Compact(),
		"rsc_defaults": `<rsc_defaults><meta_attributes id="rsc_defaults-options"><nvpair id="stick" name="resource-stickiness" value="100"/></meta_attributes></rsc_defaults>`} {
		op := "replace"
		if section == "rsc_defaults" {
			op = "modify"
		}
		_, err := holdfast.CIB(w.ctx, w.Node("n1"), api.CIBRequest{Op: op, Section: section, Input: in, AllowCreate: true})
		w.must(err)
	}
}

// running tells where each journalled resource runs, by the states of the nodes' own agents.
func (w *world) running(ctx context.Context) map[string]string {
	at := make(map[string]string)
	for _, n := range w.Nodes() {
		if !n.Powered() {
			continue
		}
		reply, err := holdfast.CIB(ctx, n, api.CIBRequest{Op: "query", Section: "status"})
		if err != nil {
			continue
		}
		status, err := cibxml.Parse(reply.XML)
		w.must(err)
		for ns := range status.Tags("node_state") {
			for r := range ns.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
				last := r.Find("lrm_rsc_op", r.ID()+"_last_0") // a start, or a probe that found it after a restart of crmd
				if strings.HasPrefix(r.ID(), "j") && last.Get("operation") != "stop" && last.Get("rc-code") == "0" {
					at[r.ID()] = ns.Get("uname")
				}
			}
		}
		return at
	}
	return at
}

// once proves by the journal that no resource ever ran on two nodes.
func (w *world) once() {
	w.t.Helper()
	if err := w.Overlaps(); err != nil {
		w.t.Error(err)
	}
}

func others(all []*lab.Node, gone ...*lab.Node) []*lab.Node {
	return slices.DeleteFunc(slices.Clone(all), func(n *lab.Node) bool { return slices.Contains(gone, n) })
}

func TestPowerCut_ServiceMovesWithAFenceInBetween(t *testing.T) {
	w := start(t, 3, 1)
	victim := w.Node(w.running(w.ctx)["j1"])
	w.must(victim.PowerOff())
	w.until("j1 runs elsewhere", func(ctx context.Context) (bool, error) {
		at := w.running(ctx)["j1"]
		return at != "" && at != victim.Name, fmt.Errorf("j1 is on %s", at)
	})
	w.once()
	events, err := holdfast.Timeline(w.ctx, w.idle(), time.Now().Add(-time.Minute))
	w.must(err)
	for _, e := range events {
		t.Log(e.Text)
	}
}
