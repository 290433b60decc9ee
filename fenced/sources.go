package fenced

import (
	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/driver/scsi"
)

// perSecond is how many units of an incarnation a second has.
const perSecond = 1_000_000

// keySource is what reservation keys are derived from: the node list and the lives of the view. Any goroutine may
// call it.
func (d *Daemon) keySource() scsi.Cluster {
	v := d.seen.Load()
	if v == nil {
		return scsi.Cluster{Local: d.node}
	}
	lives := map[api.NodeID]api.Incarnation{}
	for _, x := range v.Departed {
		lives[x.ID] = x.Incarnation
	}
	for _, m := range v.Members {
		lives[m.ID] = m.Incarnation
	}
	c := scsi.Cluster{Name: v.Cluster, Local: d.node}
	for _, n := range v.Nodes {
		c.Nodes = append(c.Nodes, scsi.Node{Name: n.Name, ID: uint32(n.ID), Life: uint32(lives[n.ID] / perSecond)})
	}
	return c
}

// isMember reports whether this node is in the cluster with a quorum, as far as it can know.
func (d *Daemon) isMember() bool {
	v := d.seen.Load()
	return v != nil && !v.Stale && v.Quorum.Quorate && *d.viewing.Load() == "ok"
}
