package simfuzz

import (
	"context"
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Shrink makes an input smaller as long as keep says that it still shows what it is kept for. Steps bounds
// how often keep is asked.
func Shrink(ctx context.Context, in Input, steps int, keep func(Input) bool) Input {
	s := &shrinker{best: in, steps: steps, keep: keep}
	for again := true; again && ctx.Err() == nil; {
		again = s.args()
		again = s.elements() || again
		again = s.attributes() || again
	}
	return s.best
}

type shrinker struct {
	best  Input
	steps int
	keep  func(Input) bool
}

func (s *shrinker) try(in Input) bool {
	if s.steps <= 0 {
		return false
	}
	s.steps--
	if !s.keep(in) {
		return false
	}
	s.best = in
	return true
}

func (s *shrinker) args() (any bool) {
	for i := 0; i < len(s.best.Args); i++ {
		one := s.best.without(i)
		pair := one
		if i+1 < len(s.best.Args) {
			pair = one.without(i)
		}
		if s.try(pair) || s.try(one) {
			any = true
			i--
		}
	}
	return any
}

// place is where an element is: the indices of the children from the root.
type place []int

func places(doc *cibxml.Element) []place {
	var all []place
	var visit func(e *cibxml.Element, at place)
	visit = func(e *cibxml.Element, at place) {
		for i, c := range e.Children {
			p := append(slices.Clone(at), i)
			all = append(all, p)
			visit(c, p)
		}
	}
	visit(doc, nil)
	// The large ones first: those near to the root.
	slices.SortStableFunc(all, func(a, b place) int { return len(a) - len(b) })
	return all
}

func (p place) replace(e *cibxml.Element, with func(*cibxml.Element) []*cibxml.Element) *cibxml.Element {
	if p[0] >= len(e.Children) {
		return e
	}
	child := e.Children[p[0]]
	var repl []*cibxml.Element
	if len(p) == 1 {
		repl = with(child)
	} else {
		repl = []*cibxml.Element{p[1:].replace(child, with)}
	}
	return e.WithChildren(slices.Concat(e.Children[:p[0]], repl, e.Children[p[0]+1:]))
}

func (p place) get(e *cibxml.Element) *cibxml.Element {
	for _, i := range p {
		if i >= len(e.Children) {
			return nil
		}
		e = e.Children[i]
	}
	return e
}

func drop(*cibxml.Element) []*cibxml.Element { return nil }

// hoist puts the children in the element's place: a group becomes its members.
func hoist(e *cibxml.Element) []*cibxml.Element { return e.Children }

func hoistable(e *cibxml.Element) bool {
	return e != nil && slices.Contains([]string{"group", "clone", "master"}, e.Name)
}

// elements removes elements, in runs of siblings that become shorter.
func (s *shrinker) elements() (any bool) {
	for depth := 1; ; depth++ {
		deeper := false
		for run := 16; run >= 1; run /= 4 {
			all := places(s.best.Doc)
			for i := len(all) - 1; i >= 0; i-- {
				if len(all[i]) != depth {
					deeper = deeper || len(all[i]) > depth
					continue
				}
				doc := s.best.Doc
				for n := 0; n < run && i-n >= 0 && len(all[i-n]) == depth; n++ {
					doc = all[i-n].replace(doc, drop)
				}
				if s.try(s.best.with(doc)) {
					any = true
					i -= run - 1
				} else if run == 1 && hoistable(all[i].get(s.best.Doc)) && depth > 2 && s.try(s.best.with(all[i].replace(s.best.Doc, hoist))) {
					any = true
				}
			}
		}
		if !deeper {
			return any
		}
	}
}

// needed are attributes of the status that Pacemaker always writes. What happens without them tells nothing.
var needed = map[string][]string{
	"lrm_resource": {"class", "provider", "type"},
	"lrm_rsc_op": {"operation", "operation_key", "transition-key", "transition-magic", "call-id", "rc-code",
		"op-status", "interval", "last-rc-change"},
	"node_state": {"uname", "in_ccm", "crmd", "join"},
	"nvpair":     {"name", "value"},
}

func (s *shrinker) attributes() (any bool) {
	for _, p := range places(s.best.Doc) {
		e := p.get(s.best.Doc)
		if e == nil {
			continue
		}
		for _, a := range e.Attrs {
			if a.Name == "id" || slices.Contains(needed[e.Name], a.Name) {
				continue
			}
			without := func(e *cibxml.Element) []*cibxml.Element { return []*cibxml.Element{e.WithoutAttr(a.Name)} }
			any = s.try(s.best.with(p.replace(s.best.Doc, without))) || any
		}
	}
	return any
}
