package engine

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// Incarnation is this life of the node.
func (e *Engine) Incarnation() api.Incarnation { return e.cfg.Incarnation }

// WorstLateness is the greatest delay of the engine since it started.
func (e *Engine) WorstLateness() time.Duration { return e.late.worst }

// Missed are the last times when the engine did not run for an interval, the latest first, and how often that was.
func (e *Engine) Missed() ([]api.SchedMiss, uint64) { return slices.Clone(e.late.missed), e.late.count }

// ClearMissed forgets them.
func (e *Engine) ClearMissed() { e.late.missed = nil }

// Waiting reports whether the partition waits for all nodes.
func (e *Engine) Waiting() bool { return e.quorum.Waiting() }

// Keyless lists the members that have not said that they have the cluster keys with that digest.
func (e *Engine) Keyless(digest uint32) []string {
	var names []string
	for i := range e.member.View().All() {
		if i != e.self && e.peers[i].keys != digest || i == e.self && e.cfg.KeysDigest != digest {
			names = append(names, e.cfg.Nodes[i].Name)
		}
	}
	return names
}

// Connected are the links by which each other node can be reached, those with the highest priority first, of those
// the ones with the lowest number.
func (e *Engine) Connected() map[api.NodeID][]int {
	all := make(map[api.NodeID][]int)
	for i, n := range e.cfg.Nodes {
		if i == e.self {
			continue
		}
		for k, l := range e.detector.Links(n.ID) {
			if l.Up {
				all[n.ID] = append(all[n.ID], k)
			}
		}
		slices.SortStableFunc(all[n.ID], func(a, b int) int { return e.cfg.link(b).Priority - e.cfg.link(a).Priority })
	}
	return all
}

// Links lists every link to every node, by node and link, the own ones included.
func (e *Engine) Links() []api.LinkStatus {
	var list []api.LinkStatus
	own := &e.cfg.Nodes[e.self]
	for i, n := range e.cfg.Nodes {
		states := e.detector.Links(n.ID)
		for k, addr := range n.Addrs {
			s := api.LinkStatus{Link: k, Node: n.ID, Local: own.Addrs[k].String(), Remote: addr.String(), Enabled: true}
			if i == e.self {
				s.Connected = true
			} else if k < len(states) {
				l := states[k]
				s.Connected, s.RTT, s.Received, s.Lost, s.Flaps = l.Up, l.RTT.Microseconds(), l.Received, l.Lost, l.Flaps
				s.RTTMin, s.RTTMax, s.Priority = l.RTTMin.Microseconds(), l.RTTMax.Microseconds(), e.cfg.link(k).Priority
				s.MTU = max(e.peers[i].links[k].mtu.told-frame.Overhead, 0)
				s.Sent = e.peers[i].links[k].sent
				if !l.Since.IsZero() {
					s.Since = l.Since.UnixMilli()
				}
				if !l.Heard.IsZero() && l.Received > 0 {
					s.LastHeard = l.Heard.UnixMilli()
				}
			}
			list = append(list, s)
		}
	}
	return list
}
