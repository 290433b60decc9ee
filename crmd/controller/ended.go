package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/status"
)

// endings are the lives of nodes that a fence has ended for the cluster, as the fencing history has them. A fence that
// takes away access (reservations, a switch port) leaves its victim running. What such a life knows of its resources is
// not true any more, and what was proven about it must stay true: it never takes part again.
type endings struct {
	lives map[nodeLife]bool
	// own are the lives of this node that this crmd has been part of.
	own []api.Incarnation
	// told is set once this node was told to let go: that is said once.
	told bool
}

// nodeLife is a node from one start of its corosyncd to the next.
type nodeLife struct {
	node string
	api.Incarnation
}

// provesEnd reports whether an entry of the fencing history proves that a life of its target has ended.
func provesEnd(ev *api.FenceEvent) bool {
	return ev.State == api.FenceDone && ev.Result.Proven() && ev.Action != "on" && ev.Incarnation != 0
}

// learnEndings takes entries of the fencing history, in whatever order they come.
func (m *Machine) learnEndings(events ...api.FenceEvent) {
	e := &m.endings
	for i := range events {
		if ev := &events[i]; provesEnd(ev) {
			e.lives[nodeLife{ev.Target, ev.Incarnation}] = true
		}
	}
	m.reactToFence()
}

// learnOwnLife takes the life in which this node is a member. A corosyncd that restarts begins another one; crmd and what
// it remembers are still the same.
func (m *Machine) learnOwnLife() {
	x := m.memberNamed(m.cfg.Node)
	if x == nil || x.Incarnation == 0 || slices.Contains(m.endings.own, x.Incarnation) {
		return
	}
	m.endings.own = append(m.endings.own, x.Incarnation)
	m.reactToFence()
}

// ended reports whether a member is in a life that a fence has ended.
func (m *Machine) ended(x api.Member) bool {
	return m.endings.lives[nodeLife{x.Name, x.Incarnation}]
}

// reactToFence lets this node go when it has been fenced and runs all the same. A fence of a life that this crmd was not
// part of is no concern of it: the node has started anew since.
func (m *Machine) reactToFence() {
	e := &m.endings
	if e.told || !slices.ContainsFunc(e.own, func(i api.Incarnation) bool { return e.lives[nodeLife{m.cfg.Node, i}] }) {
		return
	}
	e.told = true
	reset := m.option("fence-reaction") == "panic"
	text := fmt.Sprintf("%s has been fenced and still runs: it leaves the cluster at once, whatever it runs is left as it is. "+
		"Find out why it was fenced; hcs cluster start brings it back", m.cfg.Node)
	if reset {
		text = m.cfg.Node + " has been fenced and still runs: it resets itself, as fence-reaction says"
	}
	m.warn("fenced", m.cfg.Node, text)
	m.emit(LetGo{Reset: reset})
}

// expel takes the orders and reports of a member whose life has ended away; it is not enlisted again. If it counts as
// online (an earlier DC has not recorded the fence) it is a node that failed, and the history answers for its fence.
func (m *Machine) expel(now time.Time, name string) {
	x := m.members[name]
	if x == nil || !m.ended(x.Member) {
		return
	}
	x.state, x.why = enlisting, "it has been fenced; its stack has to be started anew"
	if !m.hasHistory(name) {
		return
	}
	m.status = status.SetState(m.status, m.statusNode(name), status.State{CRMD: "offline", Join: "down", Expected: "member", Origin: "fenced_life"})
	m.happened(incident.Lost{Node: name, Reason: x.why, Resources: m.activeOn(name)})
	m.nodeLost(now, name)
	m.want("Node failure: " + name)
}
