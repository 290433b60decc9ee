package crm

import (
	"maps"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// kinds of things that can be referred to.
const (
	kindResource = "resource"
	kindDevice   = "fence device"
	kindNode     = "node"
	kindTag      = "tag"
	kindRole     = "ACL role"
	kindOther    = "object"
)

// object is something with an id.
type object struct {
	kind    string
	section *clusterfile.Section
	key     string // of the section, for the line
	// clone is the clone around a resource: constraints must name that.
	clone string
}

// define notes an object and reports an id that is used twice or that cannot be one.
func (r *reader) define(id, kind string, s *clusterfile.Section, key string) {
	if !build.ValidID(id) {
		s.Problem(key, "%q cannot be an id: it must begin with a letter or _ and hold only letters, digits, dots, dashes and underscores", id)
		return
	}
	if first, ok := r.objects[id]; ok {
		s.Problem(key, "%q is the id of the %s in line %d too", id, first.kind, first.section.Line(first.key))
		return
	}
	r.objects[id] = object{kind: kind, section: s, key: key}
	r.ids.New(id)
}

// reference is a place that names an object.
type reference struct {
	section *clusterfile.Section
	key, id string
	kinds   []string
}

// refer notes a reference; whether the object exists is known only when everything has been read.
func (r *reader) refer(s *clusterfile.Section, key, id string, kinds ...string) {
	if id != "" {
		r.refs = append(r.refs, reference{s, key, id, kinds})
	}
}

// resolve reports references to nothing.
func (r *reader) resolve(conf *cibxml.Element) {
	r.knowXML(conf)
	for _, ref := range r.refs {
		if ref.kinds[0] == kindNode {
			r.resolveNode(ref, conf)
			continue
		}
		o, ok := r.objects[ref.id]
		switch {
		case !ok || !slices.Contains(ref.kinds, o.kind):
			r.dangling(ref)
		case o.clone != "" && ref.kinds[0] == kindResource && !slices.Contains(ref.kinds, kindOther):
			ref.section.Problem(ref.key, "%q is inside of a clone; refer to the clone: %q", ref.id, o.clone)
		}
	}
}

func (r *reader) dangling(ref reference) {
	var names []string
	for id, o := range r.objects {
		if slices.Contains(ref.kinds, o.kind) {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	if near := option.Nearest(ref.id, names); near != "" {
		ref.section.Problem(ref.key, "there is no %s %q; did you mean %q?", ref.kinds[0], ref.id, near)
		return
	}
	ref.section.Problem(ref.key, "there is no %s %q", ref.kinds[0], ref.id)
}

// resolveNode wants a node of the file, or one that a resource makes available.
func (r *reader) resolveNode(ref reference, conf *cibxml.Element) {
	names := RemoteNodes(conf)
	for _, n := range r.file.Nodes {
		names = append(names, n.Name)
	}
	if slices.Contains(names, ref.id) {
		return
	}
	if near := option.Nearest(ref.id, names); near != "" {
		ref.section.Problem(ref.key, "there is no node %q; did you mean %q?", ref.id, near)
		return
	}
	ref.section.Problem(ref.key, "there is no node %q", ref.id)
}

// RemoteNodes are the nodes that are reached through resources: the connections of type remote, guests, which the
// meta attribute remote-node names, and the replicas of bundles.
func RemoteNodes(conf *cibxml.Element) []string {
	found := map[string]bool{}
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		switch {
		case e.IsTag("primitive") && e.Get("type") == "remote" && e.Get("class") == "ocf":
			found[e.ID()] = true
		case e.IsTag("nvpair") && e.Get("name") == "remote-node":
			found[e.Get("value")] = true
		case e.IsTag("bundle"):
			for n := range replicas(e) {
				found[e.ID()+"-"+strconv.Itoa(n)] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(found))
}

// maxReplicas bounds what a broken number of replicas can cost.
const maxReplicas = 1000

func replicas(bundle *cibxml.Element) int {
	for c := range bundle.Tags("docker", "podman", "rkt") {
		for _, name := range []string{"replicas", "promoted-max", "masters"} {
			if n, err := strconv.Atoi(c.Get(name)); err == nil && n > 0 {
				return min(n, maxReplicas)
			}
		}
	}
	return 1
}

// knowXML makes the objects of [[xml]] sections known.
func (r *reader) knowXML(conf *cibxml.Element) {
	for _, s := range []string{"resources", "tags", "acls"} {
		conf.Child(s).Walk(func(e *cibxml.Element) bool {
			kind := map[string]string{"primitive": kindResource, "group": kindResource, "clone": kindResource, "master": kindResource,
				"bundle": kindResource, "template": kindResource, "tag": kindTag, "acl_role": kindRole}[e.Name]
			if e.IsTag("primitive") && e.Get("class") == "stonith" {
				kind = kindDevice
			}
			if _, known := r.objects[e.ID()]; kind != "" && !known {
				r.objects[e.ID()] = object{kind: kind, section: r.root, key: "xml"}
			}
			return true
		})
	}
}
