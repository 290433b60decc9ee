package statustext

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// cloneList is what a clone's instances that need no line of their own add up to.
type cloneList struct {
	promoted, started []string
	// stopped says by node or instance how it is stopped.
	stopped map[string]string
}

func (v *View) clone(r *model.Resource, under *header) bool {
	if under != nil {
		under.write()
	}
	var words []string
	if r.Promotable {
		words = append(words, "promotable")
	}
	if r.Unique {
		words = append(words, "unique")
	}
	h := &header{v: v, text: "Clone Set: " + r.ID + " [" + r.Clone.Child.ID() + "]" + v.flags(r, words...)}
	defer h.end()
	list := cloneList{stopped: map[string]string{}}
	for _, inst := range r.Children {
		if !v.Wanted(inst) {
			continue
		}
		if v.Detail {
			if v.Inactive || v.S.Active(inst, false) {
				h.write()
				v.resource(inst, nil)
			}
			continue
		}
		if v.sortInstance(r, inst, &list) {
			h.write()
			v.resource(inst, nil)
		}
	}
	if v.Detail {
		return h.written
	}
	target := v.configuredRole(r)
	if len(list.promoted) > 0 {
		h.write()
		v.named("Promoted", byName(list.promoted))
	}
	if len(list.started) > 0 {
		h.write()
		label := "Started"
		if r.Promotable {
			label = "Unpromoted"
			if target == model.Unpromoted {
				label += " (target-role)"
			}
		}
		v.named(label, byName(list.started))
	}
	if v.Inactive {
		v.stoppedInstances(r, target, &list, h)
	}
	return h.written
}

// sortInstance reports whether an instance needs a line of its own, and adds it to the list otherwise.
func (v *View) sortInstance(r, inst *model.Resource, list *cloneList) bool {
	some := v.S.Active(inst, false)
	st := v.S.Rsc(inst)
	switch {
	case r.Unique:
		return some || !r.Orphan
	case v.Pending && st.Pending != "":
		return true
	case !some:
		if !inst.Orphan {
			list.stopped[inst.ID] = "Stopped"
		}
		return false
	case v.anyPart(inst, func(x *model.Resource) bool {
		s := v.S.Rsc(x)
		return x.Orphan || !s.Managed || s.Failed
	}):
		return true
	case !v.S.Active(inst, true):
		return true
	}
	where := v.S.CurrentNodes(inst, false, nil)
	if len(where) != 1 {
		return true // a group that is not kept together
	}
	if n := v.S.Node(where[0]); !n.Online && n.Unclean {
		return true
	}
	if v.S.HighestRole(inst, false) > model.Unpromoted {
		list.promoted = append(list.promoted, where[0].Name)
	} else {
		list.started = append(list.started, where[0].Name)
	}
	return false
}

func (v *View) anyPart(r *model.Resource, is func(*model.Resource) bool) bool {
	found := false
	r.Walk(func(x *model.Resource) { found = found || is(x) })
	return found
}

// stoppedInstances lists where the clone is not active.
func (v *View) stoppedInstances(r *model.Resource, target model.Role, list *cloneList, h *header) {
	active := len(list.promoted) + len(list.started)
	if !r.Unique && r.Clone.Max > active {
		list.stopped = v.stoppedNodes(r, target)
	}
	if len(list.stopped) == 0 {
		if active == 0 {
			h.write()
		}
		return
	}
	h.write()
	byStatus := map[string][]string{}
	for name, status := range list.stopped {
		byStatus[status] = append(byStatus[status], name)
	}
	statuses := make([]string, 0, len(byStatus))
	for s := range byStatus {
		statuses = append(statuses, s)
	}
	slices.Sort(statuses)
	for _, s := range statuses {
		names := byStatus[s]
		slices.Sort(names) // a fixed order among names that compare equal
		v.named(s, byName(names))
	}
}

func (v *View) stoppedNodes(r *model.Resource, target model.Role) map[string]string {
	out := map[string]string{}
	st := v.S.Rsc(r)
	known := slices.ContainsFunc(v.M.Nodes, func(n *model.Node) bool { return st.Allowed.At(n) != nil })
	for _, n := range v.M.Nodes {
		if known && st.Allowed.At(n) == nil || !known && !st.Known.Has(n) || !v.Only.Node(n) {
			continue
		}
		if slices.ContainsFunc(st.Running, func(o *model.Node) bool { return strings.EqualFold(o.Name, n.Name) }) {
			continue
		}
		status := "Stopped"
		if target == model.Stopped {
			status = "Stopped (disabled)"
		}
		if o := v.FailedProbe(r, n); o != nil {
			status = "Stopped (" + lrm.RC(max(o.RC, 0)).String() + ")"
		}
		out[n.Name] = status
	}
	return out
}

// configuredRole is the target role of a clone or else of what it is made of.
func (v *View) configuredRole(r *model.Resource) model.Role {
	value, set := r.Meta.Lookup("target-role")
	if !set && len(r.Children) > 0 {
		value = r.Children[0].Meta.Get("target-role")
	}
	return model.ParseRole(value)
}
