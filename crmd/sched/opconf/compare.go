package opconf

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// NeedsHostAddress reports whether a bundle's connection has no address of its own, so that it is reached
// through the node on which the container runs.
func (v *Resolver) NeedsHostAddress(r *model.Resource) bool {
	if !r.Connection || r.Container == nil || r.Parent == nil || r.Parent.Kind != model.Bundle {
		return false
	}
	return v.Params(r, nil).Get("addr") == "#uname"
}

// digestKey says what digests are kept for: the first record of an operation decides which of its parameters
// need a restart or are secret.
type digestKey struct {
	rsc, node int
	name      string
	interval  int64
}

// Compare tells how the parameters of a recorded operation differ from what they are now.
func (v *Resolver) Compare(r *model.Resource, op *model.Op, n *model.Node, addr string) Change {
	d := v.DigestsOf(r, op, n, addr)
	return d.Compare(op)
}

// OnlySecretsChanged reports whether a recorded operation would be run with the same parameters but for
// those that are kept secret.
func (v *Resolver) OnlySecretsChanged(r *model.Resource, op *model.Op, n *model.Node, addr string) bool {
	recorded := op.XML.Get("op-secure-digest")
	first := v.DigestsOf(r, op, n, addr).op
	return recorded != "" && recorded == v.Compute(r, v.Op(r, op.Task, op.IntervalMs, n), n, addr, first, true).Secure
}

// DigestsOf returns the digests of a recorded operation as it would be run now.
func (v *Resolver) DigestsOf(r *model.Resource, op *model.Op, n *model.Node, addr string) Digests {
	k := digestKey{r.Index, n.Index, op.Task, op.IntervalMs}
	if d, ok := v.digests[k]; ok {
		return d
	}
	d := v.Compute(r, v.Op(r, op.Task, op.IntervalMs, n), n, addr, op, false)
	d.op = op
	if v.digests == nil {
		v.digests = map[digestKey]Digests{}
	}
	v.digests[k] = d
	return d
}

// ResponseTo tells what follows a failure of the operation with a recorded key.
func (v *Resolver) ResponseTo(r *model.Resource, key, task string, managed bool) Response {
	rsc, name, interval, err := lrm.ParseOpKey(key)
	switch {
	case err != nil:
		name, interval = task, 0
	case rsc != r.ID && rsc != r.HistoryName:
		// configuration is found by the whole key, and old versions wrote others
		return v.Response(r, v.build(r, name, interval, nil, nil), task, managed)
	}
	return v.Response(r, v.Op(r, name, interval, nil), task, managed)
}

// CompareFencing works out the digests of a fence device with which a node is unfenced, and how they differ
// from those that the node was unfenced with.
func (v *Resolver) CompareFencing(r *model.Resource, agent string, n *model.Node) (Digests, Change) {
	d := v.Compute(r, v.Op(r, "stonith-on", 0, n), n, "", nil, true)
	summary, ok := n.Attrs.Lookup("#digests-all")
	switch {
	case !ok:
		return d, Unknown
	case inSummary(summary, r.ID, agent, d.All):
		return d, Same
	case inSummary(n.Attrs.Get("#digests-secure"), r.ID, agent, d.Secure):
		v.World.Log.Say("Only 'private' parameters to %s for unfencing %s changed", r.ID, n.Name)
		return d, Same
	}
	if v.Sanitized {
		v.World.Log.Say("Parameters to %s for unfencing %s changed, try '%s'", r.ID, n.Name, r.ID+":"+agent+":"+d.Secure)
	}
	return d, Changed
}

// inSummary reports whether a list of device:agent:digest, entries holds one.
func inSummary(summary, device, agent, digest string) bool {
	want := device + ":" + agent + ":" + digest
	for _, entry := range strings.Split(summary, ",") {
		if entry == want {
			return true
		}
	}
	return false
}
