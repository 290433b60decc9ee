// Package place holds the commands that say where resources run: move, ban and clear.
package place

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
)

// wish is what is asked for.
type wish struct {
	resource, node string
	ban, promoted  bool
	lifetime       time.Duration
}

// constraint makes the constraint of a wish with the ids that crm_resource gives it.
func (w wish) constraint(now time.Time) *cibxml.Element {
	id, score := "cli-prefer-"+w.resource, "INFINITY"
	rule := []string{"cli-prefer-rule-" + w.resource, "cli-prefer-expr-" + w.resource, "cli-prefer-lifetime-end-" + w.resource}
	if w.ban {
		id, score = "cli-ban-"+w.resource+"-on-"+w.node, "-INFINITY"
		rule = []string{id + "-rule", id + "-expr", id + "-lifetime"}
	}
	role := "Started"
	if w.promoted {
		role = "Promoted"
	}
	e := cibxml.New("rsc_location", "id", build.SafeID(id), "rsc", w.resource, "role", role)
	if w.lifetime == 0 {
		e.Set("node", w.node)
		e.Set("score", score)
		return e
	}
	return e.Append(cibxml.New("rule", "id", build.SafeID(rule[0]), "score", score, "boolean-op", "and").Append(
		cibxml.New("expression", "id", build.SafeID(rule[1]), "attribute", "#uname", "operation", "eq", "value", w.node, "type", "string"),
		cibxml.New("date_expression", "id", build.SafeID(rule[2]), "operation", "lt", "end", now.Add(w.lifetime).UTC().Format("2006-01-02 15:04:05Z"))))
}

// add puts the constraint into the configuration. Earlier moves of the resource, and bans from the node that it
// is to go to, are taken back.
func (w wish) add(conf *cibxml.Element, now time.Time) *cibxml.Element {
	e := w.constraint(now)
	conf, list := edit.Section(conf, "constraints")
	kept := list.WithChildren(slices.DeleteFunc(slices.Clone(list.Children), func(c *cibxml.Element) bool {
		old := c.ID() == e.ID()
		if !w.ban {
			old = old || c.ID() == build.SafeID("cli-ban-"+w.resource+"-on-"+w.node)
		}
		return old
	}))
	return edit.Replace(conf, list, kept.WithChild(nil, e))
}

// checked wants a resource that exists and can be moved by its own name, and a node that exists.
func checked(conf *cibxml.Element, st *state.Cluster, w *wish) error {
	e, err := edit.Resource(conf, w.resource)
	if err != nil {
		return err
	}
	if p := edit.Parent(conf, w.resource); p != nil && (p.Name == "clone" || p.Name == "master" || p.Name == "bundle") {
		return session.Fail(api.CodeUsage, "%s is inside of %s %s: move or ban that", w.resource, p.Name, p.ID())
	}
	if (e.Name == "clone" || e.Name == "master") && !w.ban && !w.promoted {
		return session.Fail(api.CodeUsage, "%s runs on several nodes; with --promoted its promoted instance is moved, and ban keeps it off a node", w.resource)
	}
	if w.node != "" && st.Node(w.node) == nil {
		if _, err := edit.Node(conf, w.node); err != nil {
			return err
		}
	}
	return nil
}

// where are the nodes on which a resource is active; with promoted only those with a promoted instance.
func where(r *state.Resource, promoted bool) []string {
	var nodes []string
	for _, p := range r.Active {
		if p.Role != "Stopped" && (!promoted || p.Role == "Promoted") && !slices.Contains(nodes, p.Node) {
			nodes = append(nodes, p.Node)
		}
	}
	for i := range r.Members {
		for _, n := range where(&r.Members[i], promoted) {
			if !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes
}

// current is the one node that a move or ban without a node is about.
func current(st *state.Cluster, w wish) (string, error) {
	r := st.Find(w.resource)
	if r == nil {
		return "", session.Fail(api.CodeNoSuchObject, "%s does not run anywhere; say which node", w.resource)
	}
	switch nodes := where(r, w.promoted); len(nodes) {
	case 1:
		return nodes[0], nil
	case 0:
		return "", session.Fail(api.CodeNoSuchObject, "%s does not run anywhere; say which node", w.resource)
	default:
		return "", session.Fail(api.CodeUsage, "%s runs on %s; say which node", w.resource, strings.Join(nodes, ", "))
	}
}

// read reads the configuration with the state of the cluster.
func read(ctx context.Context, s *session.Session) (*cibxml.Element, *state.Cluster, error) {
	doc, err := s.Document(ctx)
	if err != nil {
		return nil, nil, err
	}
	return doc.Child("configuration"), state.Read(doc, s.Now()), nil
}
