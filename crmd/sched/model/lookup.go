package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// NodeNamed finds a node by its name without regard to case, nil when there is none.
func (m *Model) NodeNamed(name string) *Node {
	return m.nodesByName[strings.ToLower(name)]
}

// NodeWithID finds a node by its id without regard to case, nil when there is none.
func (m *Model) NodeWithID(id string) *Node {
	return m.nodesByID[strings.ToLower(id)]
}

// IndexNode makes a node findable. Of several with the same name the first in the order of Nodes is found,
// which is the last that was added.
func (m *Model) IndexNode(n *Node) {
	if m.nodesByName == nil {
		m.nodesByName, m.nodesByID = map[string]*Node{}, map[string]*Node{}
	}
	m.nodesByName[strings.ToLower(n.Name)] = n
	m.nodesByID[strings.ToLower(n.ID)] = n
}

// Resource finds a resource by its exact id, or by the name that its history uses; nil when there is none. Of
// several the first is found, each before what it consists of: an orphan never hides an instance whose history
// has the same name.
func (m *Model) Resource(name string) *Resource {
	list := m.byName[name]
	if len(list) == 0 {
		return nil
	}
	return slices.MinFunc(list, m.inOrder)
}

// inOrder compares the places of two resources among all.
func (m *Model) inOrder(a, b *Resource) int {
	of, with := a.lineage(), b.lineage()
	siblings := m.Resources
	for i := range min(len(of), len(with)) {
		if of[i] != with[i] {
			return slices.Index(siblings, of[i]) - slices.Index(siblings, with[i])
		}
		siblings = of[i].Children
	}
	return len(of) - len(with)
}

// lineage lists the ancestors of a resource, the outermost first, and the resource itself.
func (r *Resource) lineage() []*Resource {
	if r.Parent == nil {
		return []*Resource{r}
	}
	return append(r.Parent.lineage(), r)
}

// IndexResource makes a resource findable by its id.
func (m *Model) IndexResource(r *Resource) {
	if m.byName == nil {
		m.byName = map[string][]*Resource{}
	}
	m.byName[r.ID] = append(m.byName[r.ID], r)
}

// SetHistoryName records the name under which history knows a resource, which is not its id; "" forgets it.
func (m *Model) SetHistoryName(r *Resource, name string) {
	if old := r.HistoryName; old != "" {
		m.byName[old] = slices.DeleteFunc(m.byName[old], func(x *Resource) bool { return x == r })
	}
	if r.HistoryName = name; name != "" {
		m.byName[name] = append(m.byName[name], r)
	}
}

// TargetRole is the role that the administrator wants, RoleUnknown when it is as high as possible; problem
// says why the setting is ignored.
func (r *Resource) TargetRole() (role Role, problem string) {
	v, set := r.Meta.Lookup("target-role")
	if !set || strings.EqualFold(v, "started") || strings.EqualFold(v, "default") {
		return RoleUnknown, ""
	}
	role = ParseRole(v)
	switch {
	case role == RoleUnknown:
		return RoleUnknown, fmt.Sprintf("Ignoring 'target-role' for %s because '%s' is not valid", r.ID, v)
	case role > Started && !r.Top().Promotable:
		return RoleUnknown, fmt.Sprintf("Ignoring 'target-role' for %s because '%s' only makes sense for promotable clones", r.ID, v)
	case role == Promoted:
		return RoleUnknown, "" // as high as possible anyway
	}
	return role, ""
}

// lrmKey names an operation as history does.
func lrmKey(rsc, task string, intervalMs int64) string {
	return rsc + "_" + task + "_" + strconv.FormatInt(intervalMs, 10)
}

// NodeAttr is the value of a node attribute for a resource. Inside a container a resource may ask for the
// attributes of the container's host.
func (m *Model) NodeAttr(s *State, n *Node, name string, r *Resource) (string, bool) {
	if r != nil && strings.EqualFold(r.Meta.Get("container-attribute-target"), "host") && n.IsGuest() {
		running := s.Rsc(n.Connection.Container).Running
		if len(running) == 0 {
			return "", false
		}
		n = running[0]
	}
	return n.Attrs.Lookup(name)
}
