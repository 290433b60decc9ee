package unpack

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// AddInstance adds an instance to an anonymous clone for history that the others cannot account for. It
// returns nil when the configuration does not allow it.
func (b *Builder) AddInstance(clone *model.Resource) *model.Resource {
	inst := b.instance(clone)
	if inst != nil {
		inst.Walk(b.m.IndexResource)
	}
	return inst
}

// AddOrphan makes a resource of a history record, nil when the record does not describe one. The connection
// of a former remote node brings the node back, to be shut down.
func (b *Builder) AddOrphan(record *cibxml.Element) *model.Resource {
	e := &cibxml.Element{Name: "primitive", Attrs: record.Attrs}
	r, ok := b.resource(e, nil)
	if !ok {
		return nil
	}
	if isRemoteXML(e) {
		n := b.m.NodeNamed(r.ID)
		if n == nil {
			n = b.addNode(r.ID, r.ID, "remote", 0)
		}
		b.linkConnection(r)
		b.st.Node(n).Shutdown = true
	}
	_, r.OrphanFiller = e.Lookup("container")
	r.Orphan = true
	b.m.Resources = append(b.m.Resources, r)
	b.m.IndexResource(r)
	return r
}
