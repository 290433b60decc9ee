// Package status edits the status section of the CIB. Every function returns a new section and shares what it
// did not change; nil stands for an empty one.
package status

import (
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Node names a node in both ways that the status section does.
type Node struct {
	ID   string // corosync id as text
	Name string
}

// NodeOf makes a Node from an id and a name.
func NodeOf(id api.NodeID, name string) Node { return Node{ID: id.String(), Name: name} }

// State is what a node_state says of a node. An empty field is left as it is.
type State struct {
	InCCM    string // true, false: member of the cluster's view
	CRMD     string // online, offline: its controller answers
	Join     string // member, down
	Expected string // member, down
	Origin   string // crm-debug-origin, for people who read the XML
}

// Online is a member whose controller takes orders.
var Online = State{InCCM: "true", CRMD: "online", Join: "member", Expected: "member"}

// Lost is a node that fell silent; it is unclean until it is fenced, because it is expected to be a member.
var Lost = State{InCCM: "false", CRMD: "offline", Join: "down"}

// Down is a node that is off for certain: fenced, or left after its resources were stopped.
var Down = State{InCCM: "false", CRMD: "offline", Join: "down", Expected: "down"}

// Empty is a status section without nodes.
func Empty() *cibxml.Element { return cibxml.New("status") }

// Find returns a node's node_state, nil when there is none.
func Find(s *cibxml.Element, node Node) *cibxml.Element {
	if n := s.Find("node_state", node.ID); n != nil {
		return n
	}
	for n := range s.Tags("node_state") {
		if strings.EqualFold(n.Get("uname"), node.Name) {
			return n
		}
	}
	return nil
}

// edit replaces a node's node_state by what change makes of it; one that is missing is made first.
func edit(s *cibxml.Element, node Node, change func(*cibxml.Element) *cibxml.Element) *cibxml.Element {
	if s == nil {
		s = Empty()
	}
	old := Find(s, node)
	from := old
	if from == nil {
		from = cibxml.New("node_state", "id", node.ID, "uname", node.Name)
	}
	repl := change(from)
	if repl == old {
		return s
	}
	return s.WithChild(old, repl)
}

// SetState changes a node's state.
func SetState(s *cibxml.Element, node Node, st State) *cibxml.Element {
	return edit(s, node, func(n *cibxml.Element) *cibxml.Element {
		for _, f := range [][2]string{{"in_ccm", st.InCCM}, {"crmd", st.CRMD}, {"crm-debug-origin", st.Origin},
			{"join", st.Join}, {"expected", st.Expected}} {
			if f[1] != "" && n.Get(f[0]) != f[1] {
				n = n.WithAttr(f[0], f[1])
			}
		}
		return n
	})
}

// Fenced records that a node was shot: it is down and nothing of what it ran is left.
func Fenced(s *cibxml.Element, node Node) *cibxml.Element {
	st := Down
	st.Origin = "fenced"
	s = SetState(s, node, st)
	return edit(s, node, func(n *cibxml.Element) *cibxml.Element {
		if len(n.Children) == 0 {
			return n
		}
		return n.WithChildren(nil)
	})
}

// SetHistory replaces a node's whole operation history by lrm_resource elements.
func SetHistory(s *cibxml.Element, node Node, resources []*cibxml.Element) *cibxml.Element {
	return edit(s, node, func(n *cibxml.Element) *cibxml.Element {
		lrm := cibxml.New("lrm", "id", node.ID).Append(cibxml.New("lrm_resources").Append(resources...))
		return n.WithChild(n.Child("lrm"), lrm)
	})
}

// SetResource replaces the history of one resource on a node; nil removes it.
func SetResource(s *cibxml.Element, node Node, id string, history *cibxml.Element) *cibxml.Element {
	return edit(s, node, func(n *cibxml.Element) *cibxml.Element {
		lrm := n.Child("lrm")
		list := lrm.Child("lrm_resources")
		old := list.Find("lrm_resource", id)
		if old == nil && history == nil {
			return n
		}
		oldLRM, oldList := lrm, list
		if lrm == nil {
			lrm = cibxml.New("lrm", "id", node.ID)
		}
		if list == nil {
			list = cibxml.New("lrm_resources")
		}
		return n.WithChild(oldLRM, lrm.WithChild(oldList, list.WithChild(old, history)))
	})
}

// Resource returns the recorded history of a resource on a node, nil when there is none.
func Resource(s *cibxml.Element, node Node, id string) *cibxml.Element {
	return Find(s, node).Child("lrm").Child("lrm_resources").Find("lrm_resource", id)
}

// attrID makes an XML id of an attribute name: ':' and '#' are not allowed in one.
func attrID(set, name string) string {
	return set + "-" + strings.NewReplacer(":", ".", "#", ".").Replace(name)
}

// SetAttr sets a transient attribute; set is the id of the attribute set, "" for the default one.
func SetAttr(s *cibxml.Element, node Node, set, name, value string) *cibxml.Element {
	if set == "" {
		set = "status-" + node.ID
	}
	return editAttrs(s, node, func(sets *cibxml.Element) *cibxml.Element {
		for block := range sets.Tags("instance_attributes") {
			for nv := range block.Tags("nvpair") {
				if nv.Get("name") == name {
					if nv.Get("value") == value {
						return sets
					}
					return sets.WithChild(block, block.WithChild(nv, nv.WithAttr("value", value)))
				}
			}
		}
		block := sets.Find("instance_attributes", set)
		nv := cibxml.New("nvpair", "id", attrID(set, name), "name", name, "value", value)
		if block == nil {
			return sets.WithChild(nil, cibxml.New("instance_attributes", "id", set).Append(nv))
		}
		return sets.WithChild(block, block.WithChild(nil, nv))
	})
}

// UnsetAttr removes a transient attribute; its set stays.
func UnsetAttr(s *cibxml.Element, node Node, name string) *cibxml.Element {
	if Find(s, node).Child("transient_attributes") == nil {
		return s
	}
	return editAttrs(s, node, func(sets *cibxml.Element) *cibxml.Element {
		for block := range sets.Tags("instance_attributes") {
			for nv := range block.Tags("nvpair") {
				if nv.Get("name") == name {
					return sets.WithChild(block, block.WithChild(nv, nil))
				}
			}
		}
		return sets
	})
}

// editAttrs changes a node's transient_attributes, which are made when they are missing.
func editAttrs(s *cibxml.Element, node Node, change func(*cibxml.Element) *cibxml.Element) *cibxml.Element {
	return edit(s, node, func(n *cibxml.Element) *cibxml.Element {
		old := n.Child("transient_attributes")
		sets := old
		if sets == nil {
			sets = cibxml.New("transient_attributes", "id", node.ID)
		}
		repl := change(sets)
		if repl == old {
			return n
		}
		return n.WithChild(old, repl)
	})
}

// DropAttrs removes all transient attributes of a node.
func DropAttrs(s *cibxml.Element, node Node) *cibxml.Element {
	return edit(s, node, func(n *cibxml.Element) *cibxml.Element {
		if t := n.Child("transient_attributes"); t != nil {
			return n.WithChild(t, nil)
		}
		return n
	})
}

// Attr is the value of a transient attribute in the section, "" when it is not there.
func Attr(s *cibxml.Element, node Node, name string) string {
	for block := range Find(s, node).Child("transient_attributes").Tags("instance_attributes") {
		for nv := range block.Tags("nvpair") {
			if nv.Get("name") == name {
				return nv.Get("value")
			}
		}
	}
	return ""
}

// Remove forgets a node.
func Remove(s *cibxml.Element, node Node) *cibxml.Element {
	if n := Find(s, node); n != nil {
		return s.WithChild(n, nil)
	}
	return s
}
