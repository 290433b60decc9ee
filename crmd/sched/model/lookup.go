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

// Resource finds a resource by its exact id, or by the name that its history uses; nil when there is none.
func (m *Model) Resource(id string) *Resource {
	if r := m.byID[id]; r != nil {
		return r
	}
	if named := m.byHistory[id]; len(named) > 0 {
		return named[0]
	}
	return nil
}

// IndexResource makes a resource findable; of several with one id the first.
func (m *Model) IndexResource(r *Resource) {
	if m.byID == nil {
		m.byID, m.byHistory = map[string]*Resource{}, map[string][]*Resource{}
	}
	if _, ok := m.byID[r.ID]; !ok {
		m.byID[r.ID] = r
	}
}

// SetHistoryName records the name under which history knows a resource; "" forgets it.
func (m *Model) SetHistoryName(r *Resource, name string) {
	if old := r.HistoryName; old != "" {
		m.byHistory[old] = slices.DeleteFunc(m.byHistory[old], func(x *Resource) bool { return x == r })
	}
	if r.HistoryName = name; name != "" {
		m.byHistory[name] = append(m.byHistory[name], r)
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
