package place

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// showScores records the scores of a resource and all below it, unless it is an orphan.
func (a *Assignment) showScores(step string, r *model.Resource) {
	if !a.show || r.Orphan {
		return
	}
	for _, n := range a.M.Nodes {
		if e := a.S.Rsc(r).Allowed.At(n); e != nil {
			a.log.Shown = append(a.log.Shown, report.Shown{Kind: report.ShownScore, Text: step, Resource: r.ID, Node: n.Name, Score: e.Score})
		}
	}
	for _, c := range a.S.Children(r) {
		a.showScores(step, c)
	}
}

func (a *Assignment) showPromotion(r *model.Resource) {
	if !a.show {
		return
	}
	node := ""
	if n := a.Location(r, false); n != nil {
		node = n.Name
	}
	a.log.Shown = append(a.log.Shown, report.Shown{Kind: report.ShownPromotion, Resource: r.ID, Node: node, Score: a.rsc[r.Index].sortIndex})
}

func (a *Assignment) showCapacities(text string) {
	if !a.showUse {
		return
	}
	for _, n := range a.M.Nodes {
		a.log.Shown = append(a.log.Shown, report.Shown{Kind: report.ShownCapacity, Text: text, Node: n.Name,
			Amounts: a.load[n.Index].free.shown()})
	}
}

func (a *Assignment) showUtilization(r *model.Resource, n *model.Node) {
	if !a.showUse {
		return
	}
	a.log.Shown = append(a.log.Shown, report.Shown{Kind: report.ShownUtilization, Text: "pcmk__finalize_assignment", Resource: r.ID,
		Node: n.Name, Amounts: readAmounts(r.Utilization).shown()})
}

// shown are the amounts in the order in which Pacemaker happens to show them.
func (x amounts) shown() []cibxml.Attr {
	names := make([]string, len(x))
	for i, a := range x {
		names[i] = a.name
	}
	out := make([]cibxml.Attr, 0, len(x))
	for _, name := range hashorder.Of(names) {
		v, _ := x.get(name)
		out = append(out, cibxml.Attr{Name: name, Value: strconv.FormatInt(v, 10)})
	}
	return out
}

// tableOrder are the nodes of a table in the order in which Pacemaker goes through it.
func (a *Assignment) tableOrder(t model.Table) []*model.Node {
	byID := map[string]*model.Node{}
	var ids []string
	for _, n := range a.M.Nodes {
		if t.At(n) != nil {
			byID[n.ID] = n
			ids = append(ids, n.ID)
		}
	}
	out := make([]*model.Node, 0, len(ids))
	for _, id := range hashorder.Of(ids) {
		out = append(out, byID[id])
	}
	return out
}
