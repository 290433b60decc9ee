package failover

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

// stateSize is the room for the daemons' files on each node of a cluster that is to run out of it.
const stateSize = 8 << 20

func TestDiskFull_TheClusterKeepsServingAndLosesNothing(t *testing.T) {
	w := startWith(t, holdfast.Options{Options: lab.Options{Nodes: 3, StateSize: stateSize}}, 1)
	property := func(value string) (string, error) {
		in := `<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="cib-bootstrap-options-stonith-timeout" name="stonith-timeout" value="` +
			value + `"/></cluster_property_set></crm_config>`
		out, err := holdfast.CIB(w.Ctx, w.Node("n1"), api.CIBRequest{Op: "modify", Section: "crm_config", Input: in, AllowCreate: true})
		return out.Version, err
	}
	if _, err := property("61s"); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.Nodes() {
		if _, err := n.Exec(w.Ctx, "sh", "-c", "dd if=/dev/zero of=/var/lib/holdfast/ballast bs=4k 2>/dev/null; dd if=/dev/zero of=/var/lib/holdfast/ballast2 bs=1 count=8k 2>/dev/null; true"); err != nil {
			t.Fatal(err)
		}
	}
	var failure error
	w.Until("a change is refused because the disks are full", func(context.Context) (bool, error) {
		for i := range 50 {
			if _, failure = property(fmt.Sprintf("%ds", 100+i)); failure != nil {
				return true, nil
			}
		}
		return false, nil
	})
	t.Log(failure)
	committed := w.option("stonith-timeout")
	victim := w.Node(w.Running(w.Ctx)["j1"])
	w.Must(victim.PowerOff())
	w.Until("j1 fails over although nothing can be written", func(ctx context.Context) (bool, error) {
		at := w.Running(ctx)["j1"]
		return at != "" && at != victim.Name, fmt.Errorf("j1 is on %q", at)
	})
	for _, n := range trial.Others(w.Nodes(), victim) {
		if _, err := n.Exec(w.Ctx, "sh", "-c", "rm -f /var/lib/holdfast/ballast*"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.option("stonith-timeout"); got != committed {
		t.Errorf("the committed %q became %q", committed, got)
	}
	w.Until("changes are accepted again", func(context.Context) (bool, error) {
		_, err := property("62s")
		return err == nil, err
	})
	w.Once()
}

// option is a cluster option as the surviving nodes have it.
func (w *world) option(name string) string {
	w.T.Helper()
	for _, n := range w.Nodes() {
		if !n.Powered() {
			continue
		}
		out, err := holdfast.CIB(w.Ctx, n, api.CIBRequest{Op: "query", XPath: "//nvpair[@name='" + name + "']"})
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(out.XML, `value="`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	return ""
}
