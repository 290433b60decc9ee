package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/place"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// doing is what the actions of a collective's parts add up to.
type doing struct {
	starting, stopping, promoting, demoting, active bool
}

// group makes the actions of the members, and those by which the group is ordered with others.
func (m *Maker) group(r *model.Resource) {
	for _, c := range r.Children {
		m.primitive(c)
	}
	for _, op := range []string{"start", "running", "stop", "stopped"} {
		m.B.PseudoOf(r, op, "", true, true)
	}
	if scalar.IsTrue(r.Meta.Get("promotable")) {
		for _, op := range []string{"demote", "demoted", "promote", "promoted"} {
			m.B.PseudoOf(r, op, "", true, true)
		}
	}
}

func (m *Maker) clone(r *model.Resource) {
	notices := &cloneNotices{}
	m.notices[r] = notices
	m.instances(r, m.S.Children(r), notices)
	m.chain(r)
	if r.Promotable {
		m.promotable(r, notices)
	}
}

// instances makes the actions of a collective's instances, and the pseudo actions around them.
func (m *Maker) instances(r *model.Resource, list []*model.Resource, notices *cloneNotices) {
	var sum doing
	restarts := false
	for _, inst := range list {
		m.resource(inst)
		var one doing
		m.look(inst, &one)
		restarts = restarts || one.starting && one.stopping
		sum.starting = sum.starting || one.starting
		sum.stopping = sum.stopping || one.stopping
		sum.active = sum.active || one.active
	}
	start := m.B.PseudoOf(r, "start", "", !sum.starting, true)
	started := m.B.PseudoOf(r, "running", "", !sum.starting, false)
	started.Priority = int(scalar.Inf)
	if sum.active || sum.starting {
		started.Set(action.Runnable)
	}
	if notices != nil {
		notices.start = m.notifyPseudo(r, start, started)
	}
	stop := m.B.PseudoOf(r, "stop", "", !sum.stopping, true)
	stopped := m.B.PseudoOf(r, "stopped", "", !sum.stopping, true)
	stopped.Priority = int(scalar.Inf)
	if !restarts {
		stop.Set(action.Migratable)
	}
	if notices != nil {
		notices.stop = m.notifyPseudo(r, stop, stopped)
		link(notices.stop, notices.start)
	}
}

// link lets one kind of notification come after another is done.
func link(first, then *notice) {
	if first != nil && then != nil {
		action.Linked(first.postDone, then.pre, action.Then)
	}
}

// look adds what the primitives of an instance are going to do.
func (m *Maker) look(r *model.Resource, d *doing) {
	r.Primitives(func(x *model.Resource) {
		if len(m.S.Rsc(x).Running) > 0 {
			d.active = true
		}
		for _, a := range m.B.Of(x) {
			if a.Is(action.Optional) || !a.Is(action.Pseudo) && !a.Is(action.Runnable) {
				continue
			}
			switch a.Task {
			case "stop":
				d.stopping = true
			case "start":
				d.starting = d.starting || a.Is(action.Runnable)
			}
		}
	})
}

// chain orders the starts and stops of an ordered clone's instances.
func (m *Maker) chain(r *model.Resource) {
	if !r.Clone.Ordered {
		return
	}
	var lastStart, lastStop *action.Action
	for _, inst := range place.ByNumber(m.S, r) {
		if stop := m.onlyRequired(inst, "stop"); stop != nil {
			if lastStop != nil {
				action.Linked(stop, lastStop, action.Then)
			}
			lastStop = stop
		}
		if start := m.onlyRequired(inst, "start"); start != nil {
			if lastStart != nil {
				action.Linked(lastStart, start, action.Then)
			}
			lastStart = start
		}
	}
}

// onlyRequired is the single required action of that operation, nil when there is none or more.
func (m *Maker) onlyRequired(r *model.Resource, op string) *action.Action {
	var found *action.Action
	for _, a := range m.B.All(r, op, nil) {
		if a.Is(action.Optional) {
			continue
		}
		if found != nil {
			return nil
		}
		found = a
	}
	return found
}

// promotable makes the pseudo actions around the promotions and demotions of a clone's instances.
func (m *Maker) promotable(r *model.Resource, notices *cloneNotices) {
	var sum doing
	for _, inst := range m.S.Children(r) {
		m.resource(inst)
		inst.Primitives(func(x *model.Resource) {
			for _, a := range m.B.Of(x) {
				if a.Is(action.Optional) {
					continue
				}
				sum.demoting = sum.demoting || a.Task == "demote"
				sum.promoting = sum.promoting || a.Task == "promote"
			}
		})
	}
	promote := m.B.PseudoOf(r, "promote", "", !sum.promoting, true)
	promoted := m.B.PseudoOf(r, "promoted", "", !sum.promoting, true)
	promoted.Priority = int(scalar.Inf)
	notices.promote = m.notifyPseudo(r, promote, promoted)
	demote := m.B.PseudoOf(r, "demote", "", !sum.demoting, true)
	demoted := m.B.PseudoOf(r, "demoted", "", !sum.demoting, true)
	demoted.Priority = int(scalar.Inf)
	notices.demote = m.notifyPseudo(r, demote, demoted)
	link(notices.stop, notices.promote)
	link(notices.start, notices.promote)
	link(notices.demote, notices.promote)
	link(notices.demote, notices.start)
	link(notices.demote, notices.stop)
	for _, inst := range m.S.Children(r) {
		m.S.Rsc(inst).Priority = m.S.Rsc(r).Priority
	}
}

func (m *Maker) bundle(r *model.Resource) {
	var containers []*model.Resource
	for _, rep := range r.Bundle.List {
		if rep.IP != nil {
			m.primitive(rep.IP)
		}
		m.primitive(rep.Container)
		if rep.Remote != nil {
			m.primitive(rep.Remote)
		}
		containers = append(containers, rep.Container)
	}
	m.instances(r, containers, nil)
	inner := r.Bundle.Child
	if inner == nil {
		return
	}
	m.clone(inner)
	if inner.Promotable {
		m.B.PseudoOf(r, "promote", "", true, true)
		m.B.PseudoOf(r, "promoted", "", true, true).Priority = int(scalar.Inf)
		m.B.PseudoOf(r, "demote", "", true, true)
		m.B.PseudoOf(r, "demoted", "", true, true).Priority = int(scalar.Inf)
	}
}
