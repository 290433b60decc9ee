package gen

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Epoch is the present of generated inputs: 2026-01-01 12:00:00 UTC.
const Epoch = 1767268800

// setResult makes an operation end differently, its magic included.
func setResult(op *cibxml.Element, status, rc string) {
	op.Set("op-status", status)
	op.Set("rc-code", rc)
	if key := op.Get("transition-magic"); key != "" {
		if _, k, ok := strings.Cut(key, ";"); ok {
			op.Set("transition-magic", status+":"+rc+";"+k)
		}
	}
}

func changeResult(s *survey, r *Rand) bool {
	op := pick(r, s.ops)
	if op == nil {
		return false
	}
	rc := One(r, "0", "0", "1", "5", "7", "7", "8", "9", "2", "6", "3", "4", "190", "191", "189")
	status := One(r, "0", "0", "0", "4", "4")
	if r.Chance(15) {
		status, rc = One(r, "-1", "1", "2", "3", "5", "7", "8", "9"), One(r, "193", "1", "0")
	}
	setResult(op, status, rc)
	if r.Chance(30) {
		op.Set("on_node", s.node(r))
	}
	return true
}

func changeOp(s *survey, r *Rand) bool {
	op := pick(r, s.ops)
	if op == nil {
		return false
	}
	switch r.Intn(6) {
	case 0:
		op.Set("operation", One(r, "start", "stop", "monitor", "promote", "demote", "migrate_to", "migrate_from", "notify"))
	case 1:
		op.Set("call-id", strconv.Itoa(r.Between(-1, 60)))
	case 2:
		op.Set("interval", One(r, "0", "10000", "20000"))
	case 3:
		op.Set("op-digest", "0123456789abcdef0123456789abcdef")
	case 4:
		op.Set("op-restart-digest", "0123456789abcdef0123456789abcdef")
		op.Set("op-force-restart", " state ")
	case 5:
		op.Set("exit-reason", "because")
	}
	return true
}

func dropHistory(s *survey, r *Rand) bool {
	e := pick(r, s.histories)
	if e == nil || len(e.Children) == 0 {
		return false
	}
	i := r.Intn(len(e.Children))
	e.Children = append(e.Children[:i:i], e.Children[i+1:]...)
	return true
}

// moveHistory makes a resource be known on another node, too.
func moveHistory(s *survey, r *Rand) bool {
	e, to := pick(r, s.histories), pick(r, s.states)
	if e == nil || to == nil {
		return false
	}
	lrm := to.Child("lrm")
	if lrm == nil {
		lrm = cibxml.New("lrm", "id", to.ID())
		to.Append(lrm)
	}
	all := lrm.Child("lrm_resources")
	if all == nil {
		all = cibxml.New("lrm_resources")
		lrm.Append(all)
	}
	if all.Find("lrm_resource", e.ID()) != nil {
		return false
	}
	all.Append(e.Clone())
	return true
}

// copyHistory makes the history of a resource that of another, as an orphan or another instance.
func copyHistory(s *survey, r *Rand) bool {
	e := pick(r, s.states)
	h := pick(r, s.histories)
	if e == nil || h == nil || e.Child("lrm").Child("lrm_resources") == nil {
		return false
	}
	id := One(r, "orphan", h.ID()+":1", strings.Split(h.ID(), ":")[0]+":0", strings.Split(h.ID(), ":")[0])
	all := e.Child("lrm").Child("lrm_resources")
	if all.Find("lrm_resource", id) != nil {
		return false
	}
	c := h.Clone()
	c.Set("id", id)
	for op := range c.Tags("lrm_rsc_op") {
		if strings.HasPrefix(op.ID(), h.ID()+"_") {
			op.Set("id", id+strings.TrimPrefix(op.ID(), h.ID()))
		}
	}
	all.Append(c)
	return true
}

// stretchTime puts results near to the present, so that timeouts of failures matter.
func stretchTime(s *survey, r *Rand) bool {
	if len(s.ops) == 0 {
		return false
	}
	for _, op := range s.ops {
		if r.Chance(50) {
			op.Set("last-rc-change", strconv.Itoa(Epoch-r.Intn(3000)))
		}
	}
	return true
}
