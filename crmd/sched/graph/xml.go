package graph

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// WriteXML writes the graph as Pacemaker's scheduler does.
func (g *Graph) WriteXML(w io.Writer) error {
	root := cibxml.New("transition_graph", "cluster-delay", g.ClusterDelay, "stonith-timeout", g.StonithTimeout,
		"failed-stop-offset", g.FailedStopOffset, "failed-start-offset", g.FailedStartOffset,
		"batch-limit", g.BatchLimit, "transition_id", strconv.Itoa(g.TransitionID))
	if g.MigrationLimit > 0 {
		root.Set("migration-limit", strconv.Itoa(g.MigrationLimit))
	}
	if g.RecheckBy > 0 {
		root.Set("recheck-by", strconv.FormatInt(g.RecheckBy, 10))
	}
	style := cibxml.Style{Indent: true, Pacemaker: true}
	head := strings.TrimSuffix(root.Format(style), "/>\n")
	if len(g.Synapses) == 0 {
		_, err := io.WriteString(w, head+"/>\n")
		return err
	}
	if _, err := io.WriteString(w, head+">\n"); err != nil {
		return err
	}
	for _, s := range g.Synapses {
		text := strings.TrimSuffix(s.XML().Format(style), "\n")
		if _, err := fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(text, "\n", "\n  ")); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "</transition_graph>\n")
	return err
}

// XML is the synapse as an element.
func (s *Synapse) XML() *cibxml.Element {
	e := cibxml.New("synapse", "id", strconv.Itoa(s.ID))
	if s.Priority > 0 {
		e.Set("priority", strconv.Itoa(s.Priority))
	}
	e.Append(cibxml.New("action_set").Append(s.Action.XML()))
	inputs := cibxml.New("inputs")
	for _, in := range s.Inputs {
		inputs.Append(cibxml.New("trigger").Append(in.Reference()))
	}
	return e.Append(inputs)
}

// Reference is the action as an element without what it is run with, as triggers name it.
func (a *Action) Reference() *cibxml.Element {
	name := "rsc_op"
	switch a.Kind {
	case Pseudo:
		name = "pseudo_event"
	case Cluster:
		name = "crm_event"
	}
	e := cibxml.New(name)
	if a.Task == TaskDeleteHistory {
		e.Set("mode", "cib")
	}
	e.Set("id", strconv.Itoa(a.ID))
	e.Set("operation", a.Task)
	e.Set("operation_key", a.Key)
	if a.InternalKey != "" {
		e.Set("internal_operation_key", a.InternalKey)
	}
	if a.Node != "" {
		e.Set("on_node", a.Node)
		e.Set("on_node_uuid", a.NodeUUID)
	}
	if a.Router != "" {
		e.Set("router_node", a.Router)
	}
	return e
}

// XML is the action as an element with everything that belongs to it.
func (a *Action) XML() *cibxml.Element {
	e := a.Reference()
	if a.ShutdownLock != "" {
		e.Set("shutdown-lock", a.ShutdownLock)
	}
	if r := a.Resource; r != nil {
		p := cibxml.New(r.Tag, "id", r.ID)
		for _, v := range [][2]string{{"long-id", r.LongID}, {"class", r.Class}, {"provider", r.Provider}, {"type", r.Type}} {
			if v[1] != "" {
				p.Set(v[0], v[1])
			}
		}
		e.Append(p)
	}
	attrs := cibxml.New("attributes")
	attrs.Attrs = a.Attrs
	for _, p := range a.Params {
		attrs.Append(cibxml.New("param", "name", p.Name, "value", p.Value))
	}
	e.Append(attrs)
	if len(a.Downed) > 0 {
		downed := cibxml.New("downed")
		for _, id := range a.Downed {
			downed.Append(cibxml.New("node", "id", id))
		}
		e.Append(downed)
	}
	if len(a.Maintenance) > 0 {
		m := cibxml.New("maintenance")
		for _, n := range a.Maintenance {
			m.Append(cibxml.New("node", "id", n.Name, "node_in_maintenance", n.Value))
		}
		e.Append(m)
	}
	return e
}
