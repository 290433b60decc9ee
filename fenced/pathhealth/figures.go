package pathhealth

import (
	"cmp"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
)

// human is the delegate of a manual confirmation, which used no device.
const human = "a human"

// Figures counts what the history says of each device on each node that has used it: fences that succeeded and
// that failed, and how long those that succeeded took.
func Figures(history []api.FenceEvent) []api.FenceFigure {
	type key struct{ device, node, action string }
	figures := map[key]*api.FenceFigure{}
	took := map[key][]int64{}
	for i := range history {
		e := &history[i]
		if e.Pending() || e.Result.Device == "" || e.Result.Delegate == "" || e.Result.Delegate == human {
			continue
		}
		k := key{e.Result.Device, e.Result.Delegate, e.Action}
		f := figures[k]
		if f == nil {
			f = &api.FenceFigure{Device: k.device, Node: k.node, Action: k.action}
			figures[k] = f
		}
		f.Last = max(f.Last, e.Result.Done)
		if e.State == api.FenceDone {
			f.Succeeded++
			took[k] = append(took[k], e.Result.Done-e.Result.Started)
		} else {
			f.Failed++
		}
	}
	list := []api.FenceFigure{}
	for k, f := range figures {
		if t := took[k]; len(t) > 0 {
			slices.Sort(t)
			f.Median, f.Worst = t[len(t)/2], t[len(t)-1]
		}
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b api.FenceFigure) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Action, b.Action))
	})
	return list
}
