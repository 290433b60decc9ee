package corosyncd

import (
	"sync/atomic"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
)

// routes are the links by which each node can be reached at present, the preferred ones first. The core makes them;
// everybody may read them.
type routes struct {
	connected atomic.Pointer[map[api.NodeID][]int]
	turn      atomic.Uint64 // of the links that are used in turn
}

// links are those for the next packet to a node that is no heartbeat; nil when none is connected, and all are worth
// a try.
func (r *routes) links(mode clusterfile.LinkMode, node api.NodeID) []int {
	all := r.connected.Load()
	if all == nil {
		return nil
	}
	connected := (*all)[node]
	switch {
	case len(connected) < 2 || mode == clusterfile.Active:
		return connected
	case mode == clusterfile.RoundRobin:
		at := int(r.turn.Add(1) % uint64(len(connected)))
		return connected[at : at+1]
	}
	return connected[:1]
}

// linksTo are the links that the gossip uses for a packet.
func (d *Daemon) linksTo(node api.NodeID) []int {
	return d.routes.links(d.file.Load().Totem.Mode, node)
}

// carry marks the links that carry what is not a heartbeat.
func (d *Daemon) carry(list []api.LinkStatus) {
	mode := d.file.Load().Totem.Mode
	first := make(map[api.NodeID]bool)
	for i := range list {
		l := &list[i]
		if !l.Connected || l.Node == d.self.ID {
			continue
		}
		links := d.routes.links(clusterfile.Active, l.Node)
		l.InUse = mode != clusterfile.Passive || len(links) > 0 && links[0] == l.Link && !first[l.Node]
		first[l.Node] = first[l.Node] || l.InUse
	}
}
