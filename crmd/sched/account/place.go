package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Nowhere says why a resource is not to run, node by node unless it is not wanted at all; "" when it runs. The
// reasons for scores are known only when the scheduler was asked to explain.
func Nowhere(r *sched.Result, p *model.Resource) string {
	s := r.Assignment.S
	if p.Kind != model.Primitive || r.Assignment.Node(p) != nil || !s.Rsc(p).Managed {
		return ""
	}
	if why := unwanted(r, p); why != "" {
		return why
	}
	for _, n := range r.Log.Notes {
		if n.Subject == p.ID && n.Stage == stageScore {
			return n.Why
		}
	}
	var each []string
	for _, n := range r.Model.Nodes {
		if n.IsRemoteType() && n.Connection == p || s.Node(n).Unclean && !slices.Contains(s.Rsc(p).Running, n) {
			continue
		}
		each = append(each, n.Name+": "+closed(r, p, n))
	}
	if len(each) == 0 {
		return "can run nowhere: there is no node"
	}
	return "can run nowhere (" + strings.Join(each, "; ") + ")"
}

// unwanted says why a resource is not even looked for a node for.
func unwanted(r *sched.Result, p *model.Resource) string {
	for x := p; x != nil; x = x.Parent {
		if role, _ := x.TargetRole(); role == model.Stopped {
			return "is to be stopped: target-role of " + x.ID
		}
	}
	switch {
	case r.Model.Options.StopAll:
		return "is to be stopped: stop-all-resources"
	case p.Orphan:
		return "is to be stopped: it is not in the configuration any more"
	case !r.Model.Quorum && r.Model.Options.NoQuorum == model.QuorumStop:
		return "is to be stopped: this part of the cluster has no quorum (no-quorum-policy)"
	}
	return ""
}

// closed says why a node cannot be chosen for a resource.
func closed(r *sched.Result, p *model.Resource, n *model.Node) string {
	if why := unusable(r, n); why != "" {
		return why
	}
	score, known := r.Assignment.S.Rsc(p).Allowed.Score(n)
	if why := against(r, p, n); why != "" && (score < 0 || !known) {
		return why
	}
	if c := p.Parent; c != nil && c.Kind == model.Clone {
		for _, other := range c.Children {
			if other != p && r.Assignment.Node(other) == n {
				return "has another instance"
			}
		}
	}
	switch {
	case !known && !r.Model.Options.Symmetric:
		return "no constraint allows it there (symmetric-cluster=false)"
	case !known:
		return "not allowed there"
	case score <= -scalar.Inf:
		return "banned by what it depends on"
	case score < 0:
		return fmt.Sprintf("its score is %s", score)
	case p.Parent != nil && p.Parent.Kind == model.Clone:
		return "as many instances as are wanted run elsewhere"
	}
	return "what it depends on cannot run"
}

// unusable says why nothing can run on a node; "" when it can be used.
func unusable(r *sched.Result, n *model.Node) string {
	st := r.Assignment.S.Node(n)
	switch {
	case st.Unclean:
		return "has to be fenced"
	case !st.Online && st.Pending:
		return "is joining"
	case !st.Online:
		return "is offline"
	case st.StandbyOnFail:
		return "is in standby after a failure"
	case st.Standby:
		return "is in standby"
	case st.Maintenance:
		return "is in maintenance"
	case st.Shutdown:
		return "is shutting down"
	case !st.Usable():
		return "cannot be used"
	}
	return ""
}

// against names what keeps a resource from a node.
func against(r *sched.Result, p *model.Resource, n *model.Node) string {
	var why []string
	for _, c := range contributions(r, p) {
		if c.Node == n.Name && c.Score < 0 && !slices.Contains(why, c.Why) {
			why = append(why, c.Why)
		}
	}
	if r.Assignment.S.Node(n).Score < 0 {
		why = append(why, "health of the node")
	}
	return strings.Join(why, ", ")
}

// contributions are what was added to the scores of a resource and of all that it is in.
func contributions(r *sched.Result, p *model.Resource) []report.Contribution {
	var list []report.Contribution
	for _, c := range r.Log.Scores {
		for x := p; x != nil; x = x.Parent {
			if c.Resource == x.ID {
				list = append(list, c)
				break
			}
		}
	}
	return list
}

// chosen says why a resource is where it is going to be.
func chosen(r *sched.Result, p *model.Resource) string {
	s := r.Assignment.S
	node := r.Assignment.Node(p)
	here := slices.Contains(r.Model.State.Rsc(p).Running, node)
	verb := "goes to "
	if here {
		verb = "stays on "
	}
	score, _ := s.Rsc(p).Allowed.Score(node)
	text := fmt.Sprintf("%s%s: its score there is %s", verb, node.Name, score)
	var equal, less []string
	for _, n := range r.Model.Nodes {
		other, known := s.Rsc(p).Allowed.Score(n)
		if n == node || !known || other < 0 || !s.Usable(n) {
			continue
		}
		if other >= score {
			equal = append(equal, n.Name)
		} else {
			less = append(less, fmt.Sprintf("%s %s", n.Name, other))
		}
	}
	switch {
	case len(equal) > 0 && here:
		text += ", as on " + strings.Join(equal, " and ") + ", and it runs there"
	case len(equal) > 0:
		text += ", as on " + strings.Join(equal, " and ") + ", which " + busier(equal)
	case len(less) > 0:
		text += ", the best (" + strings.Join(less, ", ") + ")"
	default:
		text += ", and no other node can be chosen"
	}
	return text
}

func busier(nodes []string) string {
	if len(nodes) == 1 {
		return "has more to do, has less room or comes later by name"
	}
	return "have more to do, have less room or come later by name"
}
