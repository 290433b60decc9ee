// Package observe proves on clusters of real daemons that trouble is seen coming, told apart, shown and measured.
package observe

import (
	"context"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

type contextT = context.Context

// runs is how often something is repeated.
func runs(few int) int { return trial.Runs(few) }

// world is a formed cluster with the lab's power switch as fence device.
type world struct {
	*trial.Trial
	t   *testing.T
	ctx context.Context
}

func start(t *testing.T, o holdfast.Options) *world {
	t.Helper()
	x := trial.Start(t, o)
	return &world{x, t, x.Ctx}
}

func (w *world) must(err error) {
	w.t.Helper()
	w.Must(err)
}

func (w *world) until(what string, holds func(context.Context) (bool, error)) {
	w.t.Helper()
	w.Until(what, holds)
}

func (w *world) modify(section, xml string) {
	w.t.Helper()
	w.Modify(section, xml)
}

func (w *world) resources(count int, monitor, timeout string) {
	w.t.Helper()
	w.Resources(count, monitor, timeout)
}

func journalled(i int, monitor, timeout string) string {
	return trial.JournalledXML(i, monitor, timeout)
}

func (w *world) running(ctx context.Context) map[string]string { return w.Running(ctx) }

func (w *world) allRun(count int) {
	w.t.Helper()
	w.AllRun(count)
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
