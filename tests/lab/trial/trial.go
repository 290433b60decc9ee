// Package trial gives tests a formed cluster of real daemons, and what each of them needs to know about it.
package trial

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

// Trial is a cluster that belongs to a test and ends with it.
type Trial struct {
	*holdfast.Cluster
	T   *testing.T
	Ctx context.Context
}

// Start forms a cluster and waits until it is idle.
func Start(t *testing.T, o holdfast.Options) *Trial {
	t.Helper()
	x := &Trial{Cluster: holdfast.Start(t, o), T: t, Ctx: t.Context()}
	x.Must(x.PowerOnAll(x.Ctx))
	x.Idle()
	return x
}

// Must ends the test if there is an error.
func (x *Trial) Must(err error) {
	x.T.Helper()
	if err != nil {
		x.T.Fatal(err)
	}
}

// Idle waits until the cluster has nothing to do, and returns its DC.
func (x *Trial) Idle() *lab.Node {
	x.T.Helper()
	dc, err := x.WaitIdle(x.Ctx)
	x.Must(err)
	return dc
}

// Limit bounds what a healthy cluster does in a second or two.
const Limit = 60 * time.Second

// Until waits for something, and ends the test if it does not come.
func (x *Trial) Until(what string, holds func(context.Context) (bool, error)) {
	x.T.Helper()
	x.Must(holdfast.Poll(x.Ctx, what, Limit, holds))
}

// Modify merges XML into a section of the CIB.
func (x *Trial) Modify(section, xml string) {
	x.T.Helper()
	_, err := holdfast.CIB(x.Ctx, x.Node("n1"), api.CIBRequest{Op: "modify", Section: section, Input: xml, AllowCreate: true})
	x.Must(err)
}

// PowerXML is the lab's power switch as the fence device "power" for all members, in XML.
func (x *Trial) PowerXML() string {
	var names []string
	for _, n := range x.Nodes() {
		names = append(names, n.Name)
	}
	return `<primitive id="power" class="stonith" type="fence_lab"><instance_attributes id="power-params"><nvpair id="power-hosts" name="pcmk_host_list" value="` +
		strings.Join(names, " ") + `"/></instance_attributes><operations><op id="power-monitor" name="monitor" interval="60s"/></operations></primitive>`
}

// JournalledXML is the resource j1, j2, ... in XML, which writes all that it does to the lab's journal.
func JournalledXML(i int, monitor, timeout string) string {
	return fmt.Sprintf(`<primitive id="j%[1]d" class="ocf" provider="lab" type="journal"><operations><op id="j%[1]d-monitor" name="monitor" interval="%[2]s" timeout="%[3]s"/></operations></primitive>`,
		i, monitor, timeout)
}

// Resources configures the fence device and that many journalled resources.
func (x *Trial) Resources(count int, monitor, timeout string) {
	x.T.Helper()
	xml := x.PowerXML()
	for i := range count {
		xml += JournalledXML(i+1, monitor, timeout)
	}
	x.Modify("resources", "<resources>"+xml+"</resources>")
}

// Running tells on which node each resource runs that is no fence device, as the first node that answers knows it.
func (x *Trial) Running(ctx context.Context) map[string]string {
	at := make(map[string]string)
	for _, n := range x.Nodes() {
		if !n.Powered() {
			continue
		}
		reply, err := holdfast.CIB(ctx, n, api.CIBRequest{Op: "query", Section: "status"})
		if err != nil {
			continue
		}
		status, err := cibxml.Parse(reply.XML)
		x.Must(err)
		for ns := range status.Tags("node_state") {
			for r := range ns.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
				last := r.Find("lrm_rsc_op", r.ID()+"_last_0") // a start, or a probe that found it after a restart of crmd
				if r.Get("class") != "stonith" && last.Get("operation") != "stop" && last.Get("rc-code") == "0" {
					at[r.ID()] = ns.Get("uname")
				}
			}
		}
		return at
	}
	return at
}

// AllRun waits until that many resources run.
func (x *Trial) AllRun(count int) {
	x.T.Helper()
	x.Until("every resource runs", func(ctx context.Context) (bool, error) {
		at := x.Running(ctx)
		return len(at) == count, fmt.Errorf("running: %v", at)
	})
}

// Once proves by the journal that no resource ever ran on two nodes.
func (x *Trial) Once() {
	x.T.Helper()
	if err := x.Overlaps(); err != nil {
		x.T.Error(err)
	}
}

// Others are the nodes without those that are named.
func Others(all []*lab.Node, gone ...*lab.Node) []*lab.Node {
	return slices.DeleteFunc(slices.Clone(all), func(n *lab.Node) bool { return slices.Contains(gone, n) })
}

// Runs is how often something is repeated: few times in `make test`, as often as HOLDFAST_RUNS says otherwise.
func Runs(few int) int {
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_RUNS")); err == nil {
		return n
	}
	return few
}
