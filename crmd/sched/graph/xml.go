package graph

import (
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// WriteXML writes the graph as Pacemaker's scheduler does.
func (g *Graph) WriteXML(w io.Writer) error { return g.WriteEach(w, slices.Values(g.Synapses)) }

// WriteEach writes the graph with other synapses, which are needed one at a time only: those of a large cluster
// would fill gigabytes.
func (g *Graph) WriteEach(w io.Writer, synapses iter.Seq[*Synapse]) error {
	p := &printer{}
	p.graph(g)
	empty := true
	for s := range synapses {
		if empty {
			p.text(">\n")
			empty = false
		}
		p.synapse(s)
		if _, err := w.Write(p.buf); err != nil {
			return err
		}
		p.buf = p.buf[:0]
	}
	if empty {
		p.text("/>\n")
	} else {
		p.text("</transition_graph>\n")
	}
	_, err := w.Write(p.buf)
	return err
}

// printer writes elements into a buffer that is used again and again; trees of elements would be most of what
// is allocated when a large graph is written.
type printer struct{ buf []byte }

func (p *printer) text(s string) { p.buf = append(p.buf, s...) }

// tag begins an element, so many levels deep.
func (p *printer) tag(depth int, name string) {
	for range depth {
		p.text("  ")
	}
	p.text("<")
	p.text(name)
}

func (p *printer) attr(name, value string) {
	p.text(" ")
	p.text(name)
	p.text(`="`)
	p.buf = cibxml.AppendPacemaker(p.buf, value)
	p.text(`"`)
}

// attrIf writes an attribute that has a value.
func (p *printer) attrIf(name, value string) {
	if value != "" {
		p.attr(name, value)
	}
}

func (p *printer) end(depth int, name string) {
	for range depth {
		p.text("  ")
	}
	p.text("</")
	p.text(name)
	p.text(">\n")
}

func (p *printer) graph(g *Graph) {
	p.tag(0, "transition_graph")
	p.attr("cluster-delay", g.ClusterDelay)
	p.attr("stonith-timeout", g.StonithTimeout)
	p.attr("failed-stop-offset", g.FailedStopOffset)
	p.attr("failed-start-offset", g.FailedStartOffset)
	p.attr("batch-limit", g.BatchLimit)
	p.attr("transition_id", strconv.Itoa(g.TransitionID))
	if g.MigrationLimit > 0 {
		p.attr("migration-limit", strconv.Itoa(g.MigrationLimit))
	}
	if g.RecheckBy > 0 {
		p.attr("recheck-by", strconv.FormatInt(g.RecheckBy, 10))
	}
}

func (p *printer) synapse(s *Synapse) {
	p.tag(1, "synapse")
	p.attr("id", strconv.Itoa(s.ID))
	if s.Priority > 0 {
		p.attr("priority", strconv.Itoa(s.Priority))
	}
	p.text(">\n")
	p.tag(2, "action_set>\n")
	p.action(s.Action)
	p.end(2, "action_set")
	if len(s.Inputs) == 0 {
		p.tag(2, "inputs/>\n")
	} else {
		p.tag(2, "inputs>\n")
		for _, in := range s.Inputs {
			p.tag(3, "trigger>\n")
			p.reference(4, in)
			p.text("/>\n")
			p.end(3, "trigger")
		}
		p.end(2, "inputs")
	}
	p.end(1, "synapse")
}

// element is the name of the element of an action.
func (a *Action) element() string {
	switch a.Kind {
	case Pseudo:
		return "pseudo_event"
	case Cluster:
		return "crm_event"
	}
	return "rsc_op"
}

// reference begins an action without what it is run with, which is how triggers name it.
func (p *printer) reference(depth int, a *Action) {
	p.tag(depth, a.element())
	if a.Task == TaskDeleteHistory {
		p.attr("mode", "cib")
	}
	p.attr("id", strconv.Itoa(a.ID))
	p.attr("operation", a.Task)
	p.attr("operation_key", a.Key)
	p.attrIf("internal_operation_key", a.InternalKey)
	if a.Node != "" {
		p.attr("on_node", a.Node)
		p.attr("on_node_uuid", a.NodeUUID)
	}
	p.attrIf("router_node", a.Router)
}

// action writes an action with everything that belongs to it.
func (p *printer) action(a *Action) {
	p.reference(3, a)
	p.attrIf("shutdown-lock", a.ShutdownLock)
	p.text(">\n")
	if r := a.Resource; r != nil {
		p.tag(4, r.Tag)
		p.attr("id", r.ID)
		p.attrIf("long-id", r.LongID)
		p.attrIf("class", r.Class)
		p.attrIf("provider", r.Provider)
		p.attrIf("type", r.Type)
		p.text("/>\n")
	}
	p.attributes(a)
	p.nodes("downed", len(a.Downed), func(i int) { p.attr("id", a.Downed[i]) })
	p.nodes("maintenance", len(a.Maintenance), func(i int) {
		p.attr("id", a.Maintenance[i].Name)
		p.attr("node_in_maintenance", a.Maintenance[i].Value)
	})
	p.end(3, a.element())
}

func (p *printer) attributes(a *Action) {
	p.tag(4, "attributes")
	for _, x := range a.Attrs {
		p.attr(x.Name, x.Value)
	}
	if len(a.Params) == 0 {
		p.text("/>\n")
		return
	}
	p.text(">\n")
	for _, x := range a.Params {
		p.tag(5, "param")
		p.attr("name", x.Name)
		p.attr("value", x.Value)
		p.text("/>\n")
	}
	p.end(4, "attributes")
}

// nodes writes a list of nodes that is not empty.
func (p *printer) nodes(name string, count int, attrs func(i int)) {
	if count == 0 {
		return
	}
	p.tag(4, name)
	p.text(">\n")
	for i := range count {
		p.tag(5, "node")
		attrs(i)
		p.text("/>\n")
	}
	p.end(4, name)
}
