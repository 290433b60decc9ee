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
}

// Nodes writes the list of nodes: those that something is to be said about one by one, the others by what
// they have in common.
func (v *View) Nodes() {
	v.Out.Begin("Node List")
	defer v.Out.End()
	summary := map[string][]string{}
	for _, n := range v.M.Nodes {
		if v.remarkable(n) {
			v.Out.Item("%s", v.node(n))
			continue
		}
		class := ""
		switch st := v.S.Node(n); {
		case n.IsGuest() && st.Online:
			class = "GuestOnline"
		case n.IsGuest():
			continue
		case n.IsRemoteType() && st.Online:
			class = "RemoteOnline"
		case n.IsRemoteType():
			class = "RemoteOFFLINE"
		case st.Online:
			class = "Online"
		default:
			class = "OFFLINE"
		}
		summary[class] = append(summary[class], n.Name)
	}
	for _, class := range []string{"Online", "OFFLINE", "RemoteOnline", "RemoteOFFLINE", "GuestOnline"} {
		if names := summary[class]; len(names) > 0 {
			v.named(class, names)
		}
	}
}

// named writes a list of names; a plain list goes without its label.
func (v *View) named(label string, names []string) {
	list := "[ " + strings.Join(names, " ") + " ]"
	if !v.Out.Plain {
		list = label + ": " + list
	}
	v.Out.Item("%s", list)
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
	if v.Out.Plain {
		return n.Name + ": " + text
	}
	return kind + " " + n.Name + ": " + text
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

// Resources writes the list of resources.
func (v *View) Resources() {
	shown := slices.Clone(v.M.Resources)
	shown = slices.DeleteFunc(shown, func(r *model.Resource) bool {
		all, some := v.S.Active(r, true), v.S.Active(r, false)
		// active on a lost node only, without being managed: it is neither here nor there
		lost := some && len(v.S.Rsc(r).Running) == 0
		return r.Orphan && !all || !some && !v.Inactive || lost
	})
	v.Out.SpacerIfWritten()
	title, none := "Active Resources", "No active resources"
	if v.Inactive {
		title, none = "Full List of Resources", "No resources"
	}
	v.Out.Begin("%s", title)
	defer v.Out.End()
	any := false
	for _, r := range shown {
		any = v.resource(r, nil) || any
	}
	if !any {
		v.Out.Item("%s", none)
	}
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
	if v.disabled(r) {
		more = append(more, "disabled")
	}
	if len(more) == 0 {
		return ""
	}
	return " (" + strings.Join(more, ", ") + ")"
}

// disabled reports whether the administrator keeps the resource below what it could be.
func (v *View) disabled(r *model.Resource) bool {
	role := model.ParseRole(r.Meta.Get("target-role"))
	return role == model.Stopped || role == model.Unpromoted && r.Top().Promotable
}

// byName sorts names as nodes are sorted.
func byName(names []string) []string {
	slices.SortStableFunc(names, scalar.CompareNames)
	return names
}
