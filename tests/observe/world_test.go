// Package observe proves on clusters of real daemons that trouble is seen coming, told apart, shown and measured.
package observe

import (
	"context"
	"fmt"
	"os"
	"strconv"
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

// runs is how often something is repeated: few times in `make test`, as often as HOLDFAST_RUNS says in `make
// watch`.
func runs(few int) int {
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_RUNS")); err == nil {
		return n
	}
	return few
}

type contextT = context.Context

// world is a formed cluster with the lab's power switch as fence device.
type world struct {
	*holdfast.Cluster
	t   *testing.T
	ctx context.Context
}

func start(t *testing.T, o holdfast.Options) *world {
	t.Helper()
	w := &world{Cluster: holdfast.Start(t, o), t: t, ctx: t.Context()}
	w.must(w.PowerOnAll(w.ctx))
	_, err := w.WaitIdle(w.ctx)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) until(what string, holds func(context.Context) (bool, error)) {
	w.t.Helper()
	w.must(holdfast.Poll(w.ctx, what, limit, holds))
}

// modify merges XML into a section of the CIB.
func (w *world) modify(section, xml string) {
	w.t.Helper()
	_, err := holdfast.CIB(w.ctx, w.Node("n1"), api.CIBRequest{Op: "modify", Section: section, Input: xml, AllowCreate: true})
	w.must(err)
}

// resources configures the fence device and that many journalled resources with monitors.
func (w *world) resources(count int, monitor, timeout string) {
	w.t.Helper()
	var names []string
	for _, n := range w.Nodes() {
		names = append(names, n.Name)
	}
	xml := `<resources><primitive id="power" class="stonith" type="fence_lab"><instance_attributes id="power-params"><nvpair id="power-hosts" name="pcmk_host_list" value="` +
		strings.Join(names, " ") + `"/></instance_attributes><operations><op id="power-monitor" name="monitor" interval="60s"/></operations></primitive>`
	for i := range count {
		xml += journalled(i+1, monitor, timeout)
	}
	w.modify("resources", xml+`</resources>`)
}

func journalled(i int, monitor, timeout string) string {
	return fmt.Sprintf(`<primitive id="j%[1]d" class="ocf" provider="lab" type="journal"><operations><op id="j%[1]d-m" name="monitor" interval="%[2]s" timeout="%[3]s"/></operations></primitive>`,
		i, monitor, timeout)
}

// running tells where each journalled resource runs.
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
				last := r.Find("lrm_rsc_op", r.ID()+"_last_0")
				if r.ID() != "power" && last.Get("operation") != "stop" && last.Get("rc-code") == "0" {
					at[r.ID()] = ns.Get("uname")
				}
			}
		}
		return at
	}
	return at
}

func (w *world) allRun(count int) {
	w.t.Helper()
	w.until("every resource runs", func(ctx context.Context) (bool, error) {
		at := w.running(ctx)
		return len(at) == count, fmt.Errorf("running: %v", at)
	})
}

// call asks a node's crmd.
func call[T any](w *world, n *lab.Node, path string) (T, error) {
	var out T
	client := n.Client("crmd")
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	err := client.Call(ctx, "GET", path, nil, &out)
	return out, err
}

// alarms are the alarms of a node as another one knows them, those that are over as well.
func (w *world) alarms(asked *lab.Node, of string) []api.Alarm {
	st, _ := call[api.AlarmStatus](w, asked, api.PathAlarms) // none while it does not answer
	for _, n := range st.Nodes {
		if n.Node == of {
			return append(n.Alarms, n.Ended...)
		}
	}
	return nil
}

// named are the alarms of that name, raised since a time.
func named(list []api.Alarm, name string, since time.Time) []api.Alarm {
	var out []api.Alarm
	for _, a := range list {
		if a.Name == name && a.Raised >= since.UnixMilli() {
			out = append(out, a)
		}
	}
	return out
}
