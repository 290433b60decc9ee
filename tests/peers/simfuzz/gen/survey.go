package gen

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// survey is what there is in a cluster, to choose from.
type survey struct {
	doc    *cibxml.Element
	config *cibxml.Element
	nodes  []string
	full   int // of the nodes are no remote or guest nodes
	// rscs are all resources, members of groups and clones included; prims, clones and tops are some of them.
	rscs, prims, clones, tops []*cibxml.Element
	states, histories, ops    []*cibxml.Element
	seq                       int
	prefix                    string
}

func look(doc *cibxml.Element, prefix string) *survey {
	s := &survey{doc: doc, prefix: prefix, config: doc.Child("configuration")}
	for n := range s.config.Child("nodes").Tags("node") {
		s.nodes = append(s.nodes, n.Get("uname"))
	}
	s.full = len(s.nodes)
	for e := range s.config.Child("resources").Tags() {
		s.tops = append(s.tops, e)
	}
	s.config.Child("resources").Walk(func(e *cibxml.Element) bool {
		switch e.Name {
		case "primitive":
			s.prims = append(s.prims, e)
			s.rscs = append(s.rscs, e)
			for m := range e.Tags("meta_attributes") {
				for p := range m.Tags("nvpair") {
					if p.Get("name") == "remote-node" {
						s.nodes = append(s.nodes, p.Get("value"))
					}
				}
			}
			if e.Get("type") == "remote" {
				s.nodes = append(s.nodes, e.ID())
			}
		case "group", "clone", "master", "bundle":
			s.rscs = append(s.rscs, e)
			if e.Name == "bundle" {
				s.nodes = append(s.nodes, e.ID()+"-0", e.ID()+"-1")
			}
			if e.Name == "clone" || e.Name == "master" {
				s.clones = append(s.clones, e)
			}
		}
		return true
	})
	if st := doc.Child("status"); st != nil {
		for n := range st.Tags("node_state") {
			s.states = append(s.states, n)
			n.Walk(func(e *cibxml.Element) bool {
				switch e.Name {
				case "lrm_resource":
					s.histories = append(s.histories, e)
				case "lrm_rsc_op":
					s.ops = append(s.ops, e)
				}
				return true
			})
		}
	}
	return s
}

func (s *survey) id() string {
	s.seq++
	return fmt.Sprintf("%s%d", s.prefix, s.seq)
}

// section returns a section of the configuration, made where it is missing.
func (s *survey) section(name string) *cibxml.Element {
	if e := s.config.Child(name); e != nil {
		return e
	}
	e := cibxml.New(name)
	s.config.Append(e)
	return e
}

// block returns a block of name-value pairs of an element, made in front where it is missing.
func (s *survey) block(e *cibxml.Element, name string) *cibxml.Element {
	if b := e.Child(name); b != nil && b.Get("id-ref") == "" {
		return b
	}
	b := cibxml.New(name, "id", s.id())
	if e.Name == "transient_attributes" || e.Name == "lrm" {
		e.Append(b)
		return b
	}
	e.Children = append([]*cibxml.Element{b}, e.Children...)
	return b
}

// pair sets a name-value pair.
func (s *survey) pair(block *cibxml.Element, name, value string) {
	for p := range block.Tags("nvpair") {
		if p.Get("name") == name {
			p.Set("value", value)
			return
		}
	}
	block.Append(cibxml.New("nvpair", "id", s.id(), "name", name, "value", value))
}

func pick(r *Rand, from []*cibxml.Element) *cibxml.Element {
	if len(from) == 0 {
		return nil
	}
	return from[r.Intn(len(from))]
}

func (s *survey) node(r *Rand) string {
	if len(s.nodes) == 0 {
		return "none"
	}
	return s.nodes[r.Intn(len(s.nodes))]
}

// fullNode is a node that is no remote or guest node: only these join and leave.
func (s *survey) fullNode(r *Rand) string {
	if s.full == 0 {
		return "none"
	}
	return s.nodes[r.Intn(s.full)]
}

func (s *survey) rsc(r *Rand) string {
	if e := pick(r, s.rscs); e != nil && r.Chance(60) {
		return e.ID()
	}
	if e := pick(r, s.tops); e != nil {
		return e.ID()
	}
	return "none"
}

// instance names a primitive as its history does, or a part of a bundle.
func (s *survey) instance(r *Rand) string {
	if b := s.bundle(r); b != nil && r.Chance(15) {
		for _, kind := range []string{"docker", "podman", "rkt"} {
			if b.Child(kind) != nil {
				return b.ID() + One(r, "-0", "-1", "-"+kind+"-0", "-"+kind+"-1")
			}
		}
	}
	if e := pick(r, s.histories); e != nil && r.Chance(70) {
		return e.ID()
	}
	if e := pick(r, s.prims); e != nil {
		return e.ID()
	}
	return "none"
}

// bundle is one of the bundles, nil without any.
func (s *survey) bundle(r *Rand) *cibxml.Element {
	var all []*cibxml.Element
	for _, e := range s.tops {
		if e.Name == "bundle" {
			all = append(all, e)
		}
	}
	return pick(r, all)
}

func isOld(doc *cibxml.Element) bool {
	v := doc.Get("validate-with")
	return !strings.HasPrefix(v, "pacemaker-2") && !strings.HasPrefix(v, "pacemaker-3")
}
