// Package statustext shows a cluster to people as crm_mon and crm_simulate do: its nodes and what runs on them.
package statustext

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/outline"
)

// View is what is shown of a cluster.
type View struct {
	M *model.Model
	// S is the state to show, M.State for the recorded one.
	S *model.State
	// Out receives the text.
	Out *outline.Writer
	// Inactive shows resources that run nowhere, and Pending operations in progress.
	Inactive, Pending bool
	// Detail shows ids of nodes, every instance of a clone and every part of a bundle.
	Detail bool
	// ByNode lists resources below the nodes that they run on, and Brief counts them by agent.
	ByNode, Brief bool
	// RscOnly leaves out where a resource runs.
	RscOnly bool
	// Only restricts what is shown to some nodes and resources.
	Only Filter
}

// Nodes writes the list of nodes: those that something is to be said about one by one, the others by what
// they have in common.
func (v *View) Nodes() {
	h := &header{v: v, text: "Node List"}
	defer h.end()
	summary := map[string][]string{}
	for _, n := range v.M.Nodes {
		if !v.Only.Node(n) {
			continue
		}
		h.write()
		if v.ByNode {
			v.nodeWithResources(n)
			continue
		}
		if v.Detail || v.remarkable(n) {
			v.Out.Item("%s", v.node(n))
			continue
		}
		if class := v.class(n); class != "" {
			summary[class] = append(summary[class], n.Name)
		}
	}
	for _, class := range []string{"Online", "OFFLINE", "RemoteOnline", "RemoteOFFLINE", "GuestOnline"} {
		switch names := summary[class]; {
		case len(names) == 0:
		case v.Out.Plain:
			v.Out.Item("[ %s ]", strings.Join(names, " "))
		default:
			v.named(class, names)
		}
	}
}

// class is what a node is listed under that nothing else is to be said about, "" when it is not listed.
func (v *View) class(n *model.Node) string {
	switch st := v.S.Node(n); {
	case n.IsGuest() && st.Online:
		return "GuestOnline"
	case n.IsGuest():
		return ""
	case n.IsRemoteType() && st.Online:
		return "RemoteOnline"
	case n.IsRemoteType():
		return "RemoteOFFLINE"
	case st.Online:
		return "Online"
	}
	return "OFFLINE"
}

// named writes a list of names.
func (v *View) named(label string, names []string) {
	v.Out.Item("%s: [ %s ]", label, strings.Join(names, " "))
}

func (v *View) remarkable(n *model.Node) bool {
	st := v.S.Node(n)
	return st.Unclean || st.Pending || st.Standby || st.Maintenance || v.Health(n) != ""
}

func (v *View) node(n *model.Node) string {
	kind := "Node"
	switch {
	case n.IsGuest():
		kind = "GuestNode"
	case n.IsRemoteType():
		kind = "RemoteNode"
	}
	text := v.NodeStatus(n)
	if h := v.Health(n); h != "" {
		text += " (health is " + h + ")"
	}
	if set := v.FeatureSet(n); v.Detail && set != "" {
		text += ", feature set " + set
	}
	return kind + " " + v.NodeName(n) + ": " + text
}

// NodeStatus is the word for the state of a node.
func (v *View) NodeStatus(n *model.Node) string {
	st := v.S.Node(n)
	switch {
	case st.Unclean && st.Online:
		return "UNCLEAN (online)"
	case st.Unclean && st.Pending:
		return "UNCLEAN (pending)"
	case st.Unclean:
		return "UNCLEAN (offline)"
	case st.Pending:
		return "pending"
	case st.StandbyOnFail && st.Online:
		return "standby (on-fail)"
	case st.Standby && st.Online && len(st.Running) > 0:
		return "standby (with active resources)"
	case st.Standby && st.Online:
		return "standby"
	case st.Standby:
		return "OFFLINE (standby)"
	case st.Maintenance && st.Online:
		return "maintenance"
	case st.Maintenance:
		return "OFFLINE (maintenance)"
	case st.Online:
		return "online"
	}
	return "OFFLINE"
}

// Health is RED or YELLOW when an attribute says so and a strategy uses it, else "".
func (v *View) Health(n *model.Node) string {
	o := &v.M.Options
	if o.HealthStrategy == "none" {
		return ""
	}
	word := ""
	for _, a := range n.Attrs {
		if !strings.HasPrefix(a.Name, "#health") {
			continue
		}
		switch strings.ToLower(a.Value) {
		case "red":
			return "RED"
		case "yellow":
			word = "YELLOW"
			continue
		}
		switch score := o.Health.ParseScore(a.Value); {
		case score <= o.Health.Red:
			return "RED"
		case score <= o.Health.Yellow && o.Health.Yellow != o.Health.Green:
			word = "YELLOW"
		}
	}
	return word
}

// header writes the title of a collective once.
type header struct {
	v       *View
	text    string
	written bool
}

func (h *header) write() {
	if !h.written {
		h.written = true
		h.v.Out.Begin("%s", h.text)
	}
}

func (h *header) end() {
	if h.written {
		h.v.Out.End()
	}
}

// flags are the words in brackets behind a collective's name.
func (v *View) flags(r *model.Resource, more ...string) string {
	if !v.S.Rsc(r).Managed {
		more = append(more, "unmanaged")
	}
	if v.Disabled(r) {
		more = append(more, "disabled")
	}
	if len(more) == 0 {
		return ""
	}
	return " (" + strings.Join(more, ", ") + ")"
}

// Disabled reports whether the administrator keeps the resource below what it could be.
func (v *View) Disabled(r *model.Resource) bool {
	role := model.ParseRole(r.Meta.Get("target-role"))
	return role == model.Stopped || role == model.Unpromoted && r.Top().Promotable
}

// byName sorts names as nodes are sorted.
func byName(names []string) []string {
	slices.SortStableFunc(names, scalar.CompareNames)
	return names
}
