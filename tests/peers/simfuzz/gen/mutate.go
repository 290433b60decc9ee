package gen

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// mutation changes one thing of a cluster. It reports whether it found something to change.
type mutation func(s *survey, r *Rand) bool

// mutations are weighted by how often they are listed.
var mutations = []mutation{
	setOption, setOption, setMeta, setMeta, setMeta, setCloneMeta, setCloneMeta, setNodeAttr, setNodeAttr,
	setState, setState, setScore, setScore, dropElement, dropElement, addLocation, addColocation, addColocation,
	addOrder, addOrder, addTicket, addSet, addSet, changeResult, changeResult, changeResult, changeOp, dropHistory,
	moveHistory, addOperation, setUtilization, failCount, copyRule, ruleLocation, setConstraint, setConstraint, swapMember,
	addTopology, setTicket, promotionScore, dropDefaults, wrap, wrap, stretchTime, copyHistory,
	setFence, unfenced, lockedByShutdown, ruleAnything, ruleAnything, setOpBlock, failOften, failOften, setGuest, setBundle,
	referTo, referToRule, compareWithParameter, patternLocation, constrainTag, constrainTag, writeDifferently, sameAgain,
	stateOfRemote, stateOfRemote,
}

// Mutate changes a cluster in n ways. Resources and nodes keep their names. The document is not shared with
// the one that was given.
func Mutate(doc *cibxml.Element, r *Rand, n int) *cibxml.Element {
	doc = doc.Clone()
	if doc.Child("configuration") == nil {
		return doc
	}
	s := look(doc, "mut-"+strconv.Itoa(r.Intn(1<<20))+"-")
	for tries := 0; n > 0 && tries < 200; tries++ {
		if mutations[r.Intn(len(mutations))](s, r) {
			n--
			seq := s.seq
			s = look(doc, s.prefix)
			s.seq = seq
		}
	}
	return doc
}

func setOption(s *survey, r *Rand) bool {
	p := clusterOptions[r.Intn(len(clusterOptions))]
	if !isOld(s.doc) && (p.name == "is-managed-default" || strings.HasPrefix(p.name, "default-")) {
		return false // no longer in the schema
	}
	s.pair(s.block(s.section("crm_config"), "cluster_property_set"), p.name, p.value(r))
	return true
}

func setMeta(s *survey, r *Rand) bool {
	e := pick(r, s.rscs)
	if e == nil || e.Get("template") != "" && r.Chance(50) {
		return false
	}
	p := rscMeta[r.Intn(len(rscMeta))]
	s.pair(s.block(e, "meta_attributes"), p.name, p.value(r))
	return true
}

func setCloneMeta(s *survey, r *Rand) bool {
	e := pick(r, s.clones)
	if e == nil {
		return false
	}
	p := cloneMeta[r.Intn(len(cloneMeta))]
	s.pair(s.block(e, "meta_attributes"), p.name, p.value(r))
	return true
}

func setNodeAttr(s *survey, r *Rand) bool {
	p := nodeAttrs[r.Intn(len(nodeAttrs))]
	if r.Chance(50) {
		e := pick(r, s.states)
		if e == nil {
			return false
		}
		s.transient(e, p.name, p.value(r))
		return true
	}
	e := pick(r, s.section("nodes").Children)
	if e == nil || e.Name != "node" {
		return false
	}
	s.pair(s.block(e, "instance_attributes"), p.name, p.value(r))
	return true
}

// transient sets an attribute of a node state.
func (s *survey) transient(state *cibxml.Element, name, value string) {
	t := state.Child("transient_attributes")
	if t == nil {
		t = cibxml.New("transient_attributes", "id", state.ID())
		state.Append(t)
	}
	s.pair(s.block(t, "instance_attributes"), name, value)
}

func setState(s *survey, r *Rand) bool {
	e := pick(r, s.states)
	if e == nil {
		return false
	}
	if r.Chance(20) {
		s.transient(e, One(r, "shutdown", "terminate", "standby"), One(r, "1", "true", "0", "1400000000"))
		return true
	}
	p := states[r.Intn(len(states))]
	if r.Chance(10) {
		e.Unset(p.name)
	} else {
		e.Set(p.name, p.value(r))
	}
	return true
}

func setScore(s *survey, r *Rand) bool {
	var all []*cibxml.Element
	s.section("constraints").Walk(func(e *cibxml.Element) bool {
		if e.Get("score") != "" {
			all = append(all, e)
		}
		return true
	})
	e := pick(r, all)
	if e == nil {
		return false
	}
	e.Set("score", score(r))
	return true
}

// dropElement removes something from the configuration or the status.
func dropElement(s *survey, r *Rand) bool {
	var parents []*cibxml.Element
	s.doc.Walk(func(e *cibxml.Element) bool {
		if e != s.doc && e != s.config && len(e.Children) > 0 {
			parents = append(parents, e)
		}
		return true
	})
	e := pick(r, parents)
	if e == nil || e.Name == "status" && r.Chance(70) {
		return false
	}
	i := r.Intn(len(e.Children))
	e.Children = append(e.Children[:i:i], e.Children[i+1:]...)
	return true
}

func failCount(s *survey, r *Rand) bool {
	e, p := pick(r, s.states), pick(r, s.prims)
	if e == nil || p == nil {
		return false
	}
	suffix := ""
	if r.Chance(70) {
		suffix = "#" + One(r, "start", "stop", "monitor", "promote") + "_" + One(r, "0", "0", "10000")
	}
	s.transient(e, "fail-count-"+p.ID()+suffix, One(r, "1", "2", "5", "INFINITY"))
	if r.Chance(50) {
		s.transient(e, "last-failure-"+p.ID()+suffix, strconv.Itoa(Epoch-r.Intn(5000)))
	}
	return true
}

func promotionScore(s *survey, r *Rand) bool {
	e, p := pick(r, s.states), s.instance(r)
	if e == nil {
		return false
	}
	s.transient(e, "master-"+strings.Split(p, ":")[0], One(r, "1", "5", "10", "100", "-5", "INFINITY", "-INFINITY"))
	return true
}

func setUtilization(s *survey, r *Rand) bool {
	e := pick(r, s.prims)
	if r.Chance(40) {
		if e = pick(r, s.section("nodes").Children); e != nil && e.Name != "node" {
			return false
		}
	}
	if e == nil {
		return false
	}
	s.pair(s.block(e, "utilization"), One(r, "cpu", "memory"), strconv.Itoa(r.Between(0, 8)*One(r, 1, 2)))
	return true
}

func setTicket(s *survey, r *Rand) bool {
	st := s.doc.Child("status")
	if st == nil {
		return false
	}
	t := st.Child("tickets")
	if t == nil {
		t = cibxml.New("tickets")
		st.Append(t)
	}
	id := One(r, "ticketA", "ticketB")
	e := t.Find("ticket_state", id)
	if e == nil {
		e = cibxml.New("ticket_state", "id", id)
		t.Append(e)
	}
	e.Set(One(r, "granted", "granted", "standby"), boolean(r))
	return true
}

func dropDefaults(s *survey, r *Rand) bool {
	e := s.section(One(r, "rsc_defaults", "op_defaults"))
	if e.Name == "op_defaults" {
		p := One(r, pairOf{"timeout", []string{"20s"}}, pairOf{"on-fail", []string{"block", "restart", "ignore"}}, pairOf{"record-pending", bools}, pairOf{"enabled", bools})
		s.pair(s.block(e, "meta_attributes"), p.name, p.value(r))
		return true
	}
	p := rscMeta[r.Intn(len(rscMeta)-1)]
	s.pair(s.block(e, "meta_attributes"), p.name, p.value(r))
	return true
}
