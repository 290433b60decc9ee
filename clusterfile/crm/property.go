package crm

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// BootstrapOptions is the id of the set of cluster properties that wins over others.
const BootstrapOptions = "cib-bootstrap-options"

func (r *reader) properties() *cibxml.Element {
	conf := cibxml.New("crm_config")
	if !r.root.Has("properties") {
		return conf
	}
	s := r.root.Table("properties")
	list := r.optionsIn(s, option.Cluster)
	for _, p := range list {
		if option.Cluster.Find(p.Name).Own {
			s.Problem(p.Name, "is set by the cluster itself")
		}
	}
	if len(list) > 0 {
		r.ids.New(BootstrapOptions)
		conf.Append(build.Set("cluster_property_set", BootstrapOptions, list))
	}
	return conf
}

// defaults reads resource_defaults or op_defaults.
func (r *reader) defaults(section, key string, table option.Table) *cibxml.Element {
	e := cibxml.New(section)
	if list := r.options(r.root, key, table); len(list) > 0 {
		e.Append(build.Set("meta_attributes", r.ids.New(section+"-meta_attributes"), list))
	}
	return e
}

// nodes makes an entry for every node of the file.
func (r *reader) nodes() *cibxml.Element {
	list := cibxml.New("nodes")
	for _, n := range r.file.Nodes {
		id := n.ID.String()
		e := cibxml.New("node", "id", id, "uname", n.Name)
		attrs := r.free(n.Rest, "attributes")
		for _, a := range attrs {
			if o := option.Node.Find(a.Name); o != nil {
				n.Rest.Table("attributes").Problem(a.Name, "is a key of the node itself: write it beside name and id")
			}
			if strings.HasPrefix(a.Name, "#") {
				r.checkHealth(n.Rest, a)
			}
		}
		for _, key := range []string{"standby", "maintenance"} {
			if n.Rest.Has(key) {
				attrs = append(attrs, build.Pair{Name: key, Value: onOff(n.Rest.Bool(key, false))})
			}
		}
		if len(attrs) > 0 {
			e.Append(build.Set("instance_attributes", "nodes-"+id, attrs))
		}
		if use := r.utilization(n.Rest); len(use) > 0 {
			e.Append(build.Set("utilization", "nodes-"+id+"-utilization", use))
		}
		list.Append(e)
	}
	return list
}

// onOff writes a truth value as pcs and crm_attribute write it into node attributes.
func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func (r *reader) checkHealth(s *clusterfile.Section, a build.Pair) {
	if !strings.HasPrefix(a.Name, "#health") {
		return
	}
	if _, err := value.Score(a.Value); err == nil {
		return
	}
	switch strings.ToLower(a.Value) {
	case "red", "yellow", "green":
		return
	}
	s.Table("attributes").Problem(a.Name, "is %q, must be red, yellow, green or a score", a.Value)
}

// utilization reads capacities of a node or needs of a resource, which are whole numbers.
func (r *reader) utilization(s *clusterfile.Section) []build.Pair {
	if !s.Has("utilization") {
		return nil
	}
	sub := s.Table("utilization")
	var list []build.Pair
	for _, name := range sub.Keys() {
		n := sub.Int(name, 0, -value.Infinity, 1<<31-1)
		list = append(list, build.Pair{Name: name, Value: itoa(n)})
	}
	return list
}
