package statustext

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// NodeName is the name of a node: with the host behind that of a guest and, in detail, with its id.
func (v *View) NodeName(n *model.Node) string {
	name := n.Name
	if v.Detail {
		if n.IsGuest() {
			name += "@"
			if host := v.S.Current(n.Connection.Container); host != nil {
				name += host.Name
			}
		}
		if n.ID != n.Name {
			name += " (" + n.ID + ")"
		}
	}
	return name
}

// FeatureSet is that of a member's software, "" for other nodes and for those that are away.
func (v *View) FeatureSet(n *model.Node) string {
	if !v.S.Node(n).Online || n.Kind != model.Member {
		return ""
	}
	if set, ok := n.Attrs.Lookup("#feature-set"); ok {
		return set
	}
	return "<3.15.1" // the first that nodes tell about
}
