// Package whatif foresees what becomes of a cluster when a node fails.
package whatif

import (
	"fmt"
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/account"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Outcome is what becomes of a cluster when one node fails.
type Outcome struct {
	Node string `json:"node"`
	// Fence says how the node is made safe, NotFenced why it is not.
	Fence     string `json:"fence,omitempty"`
	NotFenced string `json:"not_fenced,omitempty"`
	// Moves are the resources that go on elsewhere, Lost those that go on nowhere.
	Moves []Move `json:"moves"`
	Lost  []Loss `json:"lost"`
	// Fewer are the clones that go on with fewer instances.
	Fewer []Fewer `json:"fewer"`
	// Disturbed is what happens to resources that do not run on the node.
	Disturbed []Disturbance `json:"disturbed"`
}

// Move is a resource that goes on elsewhere.
type Move struct {
	Resource string `json:"resource"`
	From     string `json:"from"`
	To       string `json:"to"`
	// Role is the role that it has there, when that is more than started.
	Role string `json:"role,omitempty"`
}

// Loss is a resource that runs, or is promoted, and then no longer.
type Loss struct {
	Resource string `json:"resource"`
	// Role is what is lost, when that is more than running.
	Role string `json:"role,omitempty"`
	Why  string `json:"why"`
}

// Fewer is a clone with fewer instances than before.
type Fewer struct {
	Resource string `json:"resource"`
	Before   int    `json:"before"`
	After    int    `json:"after"`
}

// Disturbance is a change to a resource elsewhere.
type Disturbance struct {
	Resource string `json:"resource"`
	Verb     string `json:"verb"`
	From     string `json:"from,omitempty"`
	To       string `json:"to,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Input is a cluster as it is.
type Input struct {
	sched.Input
	// NoQuorum tells that what is left has no quorum without the node.
	NoQuorum bool
}

// Nodes are the names of the members that can fail: those that are online.
func Nodes(in sched.Input) []string {
	m := sched.Parse(in)
	var names []string
	for _, n := range m.Nodes {
		if n.Kind == model.Member && m.State.Node(n).Online && !m.State.Node(n).Unclean {
			names = append(names, n.Name)
		}
	}
	return names
}

// NodeFails foresees what becomes of a cluster when a node fails without a word. A node that is not online, or
// not known, is an error.
func NodeFails(in Input, node string) (*Outcome, error) {
	base := sched.Schedule(in.Input, sched.Options{})
	n := base.Model.NodeNamed(node)
	switch {
	case n == nil:
		return nil, fmt.Errorf("there is no node %q", node)
	case n.Kind != model.Member:
		return nil, fmt.Errorf("%s is not a full cluster node: only those are foreseen", node)
	case !base.Model.State.Node(n).Online:
		return nil, fmt.Errorf("%s is not online: there is nothing that could fail", node)
	}
	after := in.Input
	after.Doc = failed(in.Doc, node, in.NoQuorum)
	c := &comparison{base: base, then: sched.Schedule(after, sched.Options{Explain: true}),
		out: &Outcome{Node: node, Moves: []Move{}, Lost: []Loss{}, Fewer: []Fewer{}, Disturbed: []Disturbance{}}}
	c.fence()
	for _, r := range base.Model.Resources {
		c.resource(r)
	}
	c.disturbed()
	return c.out, nil
}

// failed is the document after the node has vanished.
func failed(doc *cibxml.Element, node string, noQuorum bool) *cibxml.Element {
	if noQuorum {
		doc = doc.WithAttr("have-quorum", "0").WithAttr("no-quorum-panic", "1")
	}
	status := doc.Child("status")
	for state := range status.Tags("node_state") {
		if state.Get("uname") == node {
			gone := state.WithAttr("in_ccm", "false").WithAttr("crmd", "offline").WithAttr("join", "down")
			return doc.WithChild(status, status.WithChild(state, gone))
		}
	}
	return doc
}

// comparison is between a cluster as it is and as it will be.
type comparison struct {
	base, then *sched.Result
	out        *Outcome
}

func (c *comparison) fence() {
	for _, n := range c.then.Transition.NodeChanges() {
		if n.Fence && n.Node.Name == c.out.Node {
			c.out.Fence = n.Task
		}
	}
	m := c.then.Model
	switch {
	case c.out.Fence != "":
	case !m.Options.Fencing:
		c.out.NotFenced = "fencing is off (stonith-enabled=false): what ran there is started elsewhere although it may still run"
	case !m.HasFenceDevice:
		c.out.NotFenced = "there is no fence device"
	case !m.Quorum:
		c.out.NotFenced = "the rest has no quorum"
	default:
		c.out.NotFenced = "nothing asks for it"
	}
}

// resource compares a resource and all below it.
func (c *comparison) resource(r *model.Resource) {
	if r.Kind == model.Clone && r.Anonymous() {
		c.clone(r)
		return
	}
	if r.Kind == model.Primitive {
		c.primitive(r)
		return
	}
	for _, child := range r.Children {
		c.resource(child)
	}
}

func (c *comparison) primitive(r *model.Resource) {
	running := c.base.Model.State.Rsc(r).Running
	if !slices.ContainsFunc(running, c.isNode) {
		return
	}
	x := c.then.Model.Resource(r.ID)
	if x == nil {
		return
	}
	to := c.then.Assignment.Node(x)
	if to == nil || c.isNode(to) || c.stopped(x) != "" {
		c.out.Lost = append(c.out.Lost, Loss{Resource: r.ID, Why: c.why(x)})
		return
	}
	c.out.Moves = append(c.out.Moves, Move{Resource: r.ID, From: c.out.Node, To: to.Name, Role: c.role(x)})
}

func (c *comparison) isNode(n *model.Node) bool { return n.Name == c.out.Node }

func (c *comparison) role(r *model.Resource) string {
	if c.then.Assignment.S.Rsc(r).NextRole == model.Promoted {
		return "Promoted"
	}
	return ""
}

// why says why a resource is lost.
func (c *comparison) why(r *model.Resource) string {
	if why := account.Nowhere(c.then, r); why != "" {
		return why
	}
	if why := c.stopped(r); why != "" {
		return why
	}
	return "it stays on the node that failed"
}

// stopped says why a resource does not run although there is a node for it; "" when it runs.
func (c *comparison) stopped(r *model.Resource) string {
	for _, x := range c.then.Transition.Changes() {
		if x.Resource != r || !x.Blocked && x.Verb != "Stop" {
			continue
		}
		text := "it is stopped"
		if x.Blocked {
			text = "it cannot be started elsewhere"
		}
		if x.Reason != "" {
			text += ": " + x.Reason
		}
		return text
	}
	return ""
}

// clone compares a clone's instances, which are interchangeable.
func (c *comparison) clone(r *model.Resource) {
	x := c.then.Model.Resource(r.ID)
	if x == nil {
		return
	}
	before, promoted := c.now(r)
	after, next := c.later(x)
	switch {
	case len(before) > 0 && len(after) == 0:
		why := "no instance can run on another node"
		if len(x.Children) > 0 {
			var first *model.Resource
			x.Primitives(func(p *model.Resource) {
				if first == nil {
					first = p
				}
			})
			why = c.why(first)
		}
		c.out.Lost = append(c.out.Lost, Loss{Resource: r.ID, Why: why})
		return
	case len(after) < len(before):
		c.out.Fewer = append(c.out.Fewer, Fewer{Resource: r.ID, Before: len(before), After: len(after)})
	}
	for _, from := range promoted {
		if from != c.out.Node {
			continue
		}
		to := slices.IndexFunc(next, func(n string) bool { return !slices.Contains(promoted, n) })
		if to < 0 {
			c.out.Lost = append(c.out.Lost, Loss{Resource: r.ID, Role: "Promoted", Why: "no other instance may be promoted"})
			continue
		}
		c.out.Moves = append(c.out.Moves, Move{Resource: r.ID, From: from, To: next[to], Role: "Promoted"})
	}
}

// now are the nodes on which a clone has instances, and on which it has promoted ones.
func (c *comparison) now(r *model.Resource) (all, promoted []string) {
	r.Primitives(func(p *model.Resource) {
		st := c.base.Model.State.Rsc(p)
		for _, n := range st.Running {
			all = addOnce(all, n.Name)
			if st.Role == model.Promoted {
				promoted = addOnce(promoted, n.Name)
			}
		}
	})
	return all, promoted
}

// later is now after the node has failed.
func (c *comparison) later(r *model.Resource) (all, promoted []string) {
	r.Primitives(func(p *model.Resource) {
		n := c.then.Assignment.Node(p)
		if n == nil || c.isNode(n) || c.stopped(p) != "" {
			return
		}
		all = addOnce(all, n.Name)
		if c.role(p) != "" {
			promoted = addOnce(promoted, n.Name)
		}
	})
	return all, promoted
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// disturbed are the changes on other nodes that would not happen anyway.
func (c *comparison) disturbed() {
	var anyway []Disturbance
	for _, x := range c.base.Transition.Changes() {
		anyway = append(anyway, disturbance(x))
	}
	for _, x := range c.then.Transition.Changes() {
		d := disturbance(x)
		if d.From == "" || d.From == c.out.Node || slices.ContainsFunc(anyway, func(a Disturbance) bool { return a == d }) {
			continue
		}
		if x.Verb == "Promote" {
			continue // that is the move of a promoted instance
		}
		c.out.Disturbed = append(c.out.Disturbed, d)
	}
}
