package crmd

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
)

// simplePlan is a scheduler for these tests: it fences unclean nodes, probes, and keeps every primitive running
// on the node on which it is, else on the online one with the highest id.
func simplePlan(doc *cibxml.Element, _ time.Time) Plan {
	p := &simple{g: &graph.Graph{ClusterDelayMs: 60000, StonithTimeoutMs: 60000}}
	var online []*cibxml.Element
	var fences []*graph.Action
	for n := range doc.Child("status").Tags("node_state") {
		switch {
		case n.Get("crmd") == "online" && n.Get("in_ccm") == "true":
			online = append(online, n)
		case n.Get("expected") == "member":
			fences = append(fences, p.add(graph.Cluster, graph.TaskFence, nil, n.Get("uname"), 0, nil))
		}
	}
	slices.SortFunc(online, func(a, b *cibxml.Element) int { return cmp.Compare(b.ID(), a.ID()) })
	load := make(map[string]int)
	for r := range doc.Child("configuration").Child("resources").Tags("primitive") {
		var probes []*graph.Action
		at := ""
		for _, n := range online {
			known, active := lastKnown(n, r.ID())
			if !known {
				probes = append(probes, p.add(graph.Resource, "monitor", r, n.Get("uname"), 7, nil))
			}
			if active {
				at = n.Get("uname")
			}
		}
		if at != "" {
			load[at]++
		} else if len(online) > 0 {
			p.add(graph.Resource, "start", r, online[0].Get("uname"), 0, append(probes, fences...))
		}
	}
	return Plan{Graph: p.g, Load: load}
}

type simple struct{ g *graph.Graph }

func (p *simple) add(kind graph.Kind, task string, r *cibxml.Element, node string, target int, inputs []*graph.Action) *graph.Action {
	a := &graph.Action{ID: len(p.g.Synapses) + 1, Kind: kind, Task: task, Node: node, Key: task + "-" + node,
		Attrs: []cibxml.Attr{{Name: "CRM_meta_timeout", Value: "20000"}}}
	if r != nil {
		a.Key = lrm.OpKey(r.ID(), task, 0)
		a.Resource = &graph.Primitive{ID: r.ID(), Class: r.Get("class"), Provider: r.Get("provider"), Type: r.Get("type")}
	}
	if target != 0 {
		a.Attrs = append(a.Attrs, cibxml.Attr{Name: "CRM_meta_op_target_rc", Value: "7"})
	}
	p.g.Synapses = append(p.g.Synapses, &graph.Synapse{ID: len(p.g.Synapses), Action: a, Inputs: inputs})
	return a
}

func lastKnown(n *cibxml.Element, rsc string) (known, active bool) {
	for e := range n.Child("lrm").Child("lrm_resources").Find("lrm_resource", rsc).Tags("lrm_rsc_op") {
		op := lrm.ParseOp(e)
		if op.Status == lrm.Pending {
			continue
		}
		known = true
		active = op.Task == "start" && op.RC == 0 || op.Task == "monitor" && op.RC == 0
	}
	return known, active
}
