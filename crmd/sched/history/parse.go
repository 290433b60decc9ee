package history

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// parseRecords reads the operation history that a node's state holds.
func parseRecords(state *cibxml.Element) []*model.History {
	var out []*model.History
	for e := range state.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
		h := &model.History{ID: e.ID(), XML: e}
		for o := range e.Tags("lrm_rsc_op") {
			h.Ops = append(h.Ops, parseOp(o))
		}
		out = append(out, h)
	}
	return out
}

func parseOp(e *cibxml.Element) *model.Op {
	op := &model.Op{
		XML: e, ID: e.ID(), Task: e.Get("operation"), Key: e.Get("operation_key"),
		CallID: scalar.Attr32(e.Get("call-id"), -1), Status: scalar.Attr32(e.Get("op-status"), int(lrm.Unknown)),
		RC: scalar.Attr32(e.Get("rc-code"), -1), IntervalMs: scalar.Millis(e.Get("interval")),
		Changed: scalar.IntOr(e.Get("last-rc-change"), -1), RestartDigest: e.Get("op-restart-digest"), TargetRC: -1,
	}
	if op.Key == "" {
		op.Key = op.ID
	}
	if k, ok := parseKey(e.Get("transition-key")); ok {
		op.TargetRC = k.target
	}
	return op
}

// transition is what a transition key says.
type transition struct {
	number, target int
	uuid           string
}

// parseKey reads ACTION:TRANSITION:TARGETRC:UUID, also without the target, as very old versions wrote it.
func parseKey(s string) (transition, bool) {
	var t transition
	parts := strings.SplitN(s, ":", 4)
	if len(parts) != 4 {
		return t, false
	}
	var err1, err2 error
	_, err := strconv.Atoi(parts[0])
	t.number, err1 = strconv.Atoi(parts[1])
	t.target, err2 = strconv.Atoi(parts[2])
	t.uuid = parts[3]
	return t, err == nil && err1 == nil && err2 == nil
}

// parseMagic reads the transition key that follows STATUS:RC;.
func parseMagic(s string) (transition, bool) {
	_, key, ok := strings.Cut(s, ";")
	if !ok {
		return transition{}, false
	}
	return parseKey(key)
}

// newer compares the age of two records: 1 when a is newer, -1 when b is, 0 when that cannot be told. sameNode
// says whether records without a node are of the same one.
func (r *reader) newer(a, b *model.Op, sameNode bool) int {
	nodeA, nodeB := a.XML.Get("on_node"), b.XML.Get("on_node")
	if nodeA != "" && nodeB != "" {
		sameNode = strings.EqualFold(nodeA, nodeB)
	}
	if sameNode && a.ID == b.ID {
		r.log.Error("Duplicate lrm_rsc_op entries named %s", a.ID)
		return 0
	}
	switch {
	case a.CallID == -1 && b.CallID == -1:
		return 0
	case sameNode && a.CallID >= 0 && a.CallID < b.CallID:
		return -1
	case sameNode && b.CallID >= 0 && a.CallID > b.CallID:
		return 1
	case a.CallID >= 0 && b.CallID >= 0:
		switch {
		case a.Changed >= 0 && a.Changed < b.Changed:
			return -1
		case b.Changed >= 0 && a.Changed > b.Changed:
			return 1
		}
		return 0
	}
	return newerPending(a, b)
}

// newerPending compares two records of which at least one is of an operation that has not finished, by the
// transitions that they belong to.
func newerPending(a, b *model.Op) int {
	x, okX := parseMagic(a.XML.Get("transition-magic"))
	y, okY := parseMagic(b.XML.Get("transition-magic"))
	if !okX || !okY {
		return 0
	}
	switch {
	case !strings.EqualFold(x.uuid, y.uuid) || x.number == y.number:
		// the pending one is of this transition or of a newer DC's
		if b.CallID == -1 {
			return -1
		}
		if a.CallID == -1 {
			return 1
		}
	case x.number >= 0 && x.number < y.number || y.number == -1:
		return -1 // -1 is a shutdown, which comes last
	case y.number >= 0 && x.number > y.number || x.number == -1:
		return 1
	}
	return 0
}

// Window finds the operations of the resource's present life: the indexes of its last start and stop in the
// sorted history, -1 when there is none. A promotion or a monitor that found it active stands in for a start.
func Window(ops []*model.Op) (start, stop int) {
	start, stop = -1, -1
	monitor, promotion := -1, -1
	for i, o := range ops {
		switch task := strings.ToLower(o.Task); {
		case task == "stop" && o.XML.Get("op-status") == "0":
			stop = i
		case task == "start" || task == "migrate_from":
			start = i
		case monitor <= stop && task == "monitor":
			if rc := o.XML.Get("rc-code"); rc == "0" || rc == "8" {
				monitor = i
			}
		case task == "promote" || task == "demote":
			promotion = i
		}
	}
	if start == -1 {
		if start = promotion; start == -1 {
			start = monitor
		}
	}
	return start, stop
}
