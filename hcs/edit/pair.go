package edit

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
)

// SetPairs sets pairs in the sets of an element: where a name is already, there; new ones in the first set without
// a rule, which is made with that id when there is none. An empty value removes the pair, and a set that is empty
// then.
func SetPairs(e *cibxml.Element, tag, id string, pairs []build.Pair) *cibxml.Element {
	for _, p := range pairs {
		e = setPair(e, tag, id, p)
	}
	return e
}

func setPair(e *cibxml.Element, tag, id string, p build.Pair) *cibxml.Element {
	var first *cibxml.Element
	for set := range e.Tags(tag) {
		if set.Child("rule") != nil || set.Get("id-ref") != "" {
			continue
		}
		if first == nil {
			first = set
		}
		for nv := range set.Tags("nvpair") {
			if nv.Get("name") != p.Name {
				continue
			}
			if p.Value == "" {
				return e.WithChild(set, without(set, nv))
			}
			return e.WithChild(set, set.WithChild(nv, nv.WithAttr("value", p.Value)))
		}
	}
	if p.Value == "" {
		return e
	}
	if first != nil {
		return e.WithChild(first, first.WithChild(nil, build.NVPair(first.ID(), p.Name, p.Value)))
	}
	return e.WithChild(nil, build.Set(tag, id, []build.Pair{p}))
}

// without removes a pair; a set that nothing is left of is removed too.
func without(set, nv *cibxml.Element) *cibxml.Element {
	if set = set.WithChild(nv, nil); len(set.Children) == 0 {
		return nil
	}
	return set
}

// Pair is the value of a name in the sets without rules.
func Pair(e *cibxml.Element, tag, name string) (string, bool) {
	for set := range e.Tags(tag) {
		if set.Child("rule") != nil {
			continue
		}
		for nv := range set.Tags("nvpair") {
			if nv.Get("name") == name {
				return nv.Get("value"), true
			}
		}
	}
	return "", false
}

// Pairs are all pairs of the sets without rules, in the order of the document.
func Pairs(e *cibxml.Element, tag string) []build.Pair {
	var list []build.Pair
	for set := range e.Tags(tag) {
		if set.Child("rule") != nil {
			continue
		}
		for nv := range set.Tags("nvpair") {
			list = append(list, build.Pair{Name: nv.Get("name"), Value: nv.Get("value")})
		}
	}
	return list
}

// SetMeta sets meta attributes of a resource.
func SetMeta(conf *cibxml.Element, id string, pairs []build.Pair) (*cibxml.Element, error) {
	e, err := Resource(conf, id)
	if err != nil {
		return nil, err
	}
	return Replace(conf, e, SetPairs(e, "meta_attributes", id+"-meta_attributes", pairs)), nil
}

// SetProperties sets cluster properties.
func SetProperties(conf *cibxml.Element, pairs []build.Pair) *cibxml.Element {
	conf, s := Section(conf, "crm_config")
	return Replace(conf, s, SetPairs(s, "cluster_property_set", "cib-bootstrap-options", pairs))
}

// SetDefaults sets resource or operation defaults; section is rsc_defaults or op_defaults.
func SetDefaults(conf *cibxml.Element, section string, pairs []build.Pair) *cibxml.Element {
	conf, s := Section(conf, section)
	return Replace(conf, s, SetPairs(s, "meta_attributes", section+"-meta_attributes", pairs))
}

// SetNode sets attributes of a node, or with utilization its capacities.
func SetNode(conf *cibxml.Element, name string, utilization bool, pairs []build.Pair) (*cibxml.Element, error) {
	n, err := Node(conf, name)
	if err != nil {
		return nil, err
	}
	tag, id := "instance_attributes", "nodes-"+n.ID()
	if utilization {
		tag, id = "utilization", id+"-utilization"
	}
	return Replace(conf, n, SetPairs(n, tag, id, pairs)), nil
}
