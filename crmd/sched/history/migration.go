package history

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// recordsOf returns the operations that a node has recorded of the resource under its present id; ok is
// false unless there is exactly one such history.
func (p *progress) recordsOf(node string) (ops []*model.Op, ok bool) {
	count := 0
	for _, s := range p.states {
		if s.name != node {
			continue
		}
		for _, h := range s.records {
			if h.ID == p.x.ID {
				ops = append(ops, h.Ops...)
				count++
			}
		}
	}
	return ops, count == 1
}

// theOp returns the only operation of that task on a node whose partner is the other node (for migrations),
// nil when there is none or more than one. With rc 0 or more, it must have ended with that result.
func (p *progress) theOp(task, node, other string, rc lrm.RC) *model.Op {
	ops, _ := p.recordsOf(node)
	partner := map[string]string{"migrate_to": "migrate_target", "migrate_from": "migrate_source"}[task]
	var found *model.Op
	for _, o := range ops {
		if o.Task != task || partner != "" && o.XML.Get(partner) != other {
			continue
		}
		if found != nil {
			return nil
		}
		found = o
	}
	if found != nil && rc >= 0 && (found.RC != int(rc) || found.Status != int(lrm.Done)) {
		return nil
	}
	return found
}

// actedAfter reports whether the node has done anything but monitor the resource since an operation.
func (p *progress) actedAfter(node string, op *model.Op, sameNode bool) bool {
	ops, ok := p.recordsOf(node)
	if !ok {
		return false
	}
	for _, o := range ops {
		switch o.Task {
		case "start", "stop", "migrate_to", "migrate_from":
			if o != op && p.newer(o, op, sameNode) > 0 {
				return true
			}
		}
	}
	return false
}

// goneAfter reports whether the node has found the resource not running since an operation.
func (p *progress) goneAfter(node string, op *model.Op, sameNode bool) bool {
	mon := p.theOp("monitor", node, "", lrm.RCNotRunning)
	return mon != nil && p.newer(mon, op, sameNode) > 0
}

// newerState reports whether what a node has done since a migration says more about the resource there than
// the migration does. Either part of the migration may be nil.
func (p *progress) newerState(node string, to, from *model.Op) bool {
	op := to
	if from != nil {
		op = from
	}
	sameNode := false
	switch source, target := op.XML.Get("migrate_source"), op.XML.Get("migrate_target"); {
	case strings.EqualFold(node, target):
		// call ids are the more reliable clock, and comparable on one node only
		op, sameNode = to, false
		if from != nil {
			op, sameNode = from, true
		}
	case strings.EqualFold(node, source):
		op, sameNode = from, false
		if to != nil {
			op, sameNode = to, true
		}
	}
	return p.actedAfter(node, op, sameNode) || p.goneAfter(node, op, sameNode)
}

// unknownOn reports whether a node has no finished operation of the resource on record.
func (p *progress) unknownOn(node string) bool {
	ops, _ := p.recordsOf(node)
	for _, o := range ops {
		if v, ok := o.XML.Lookup("rc-code"); ok && v != "193" {
			return false
		}
	}
	return true
}

// partners returns the names of the nodes of a migration. It is not ok when one is missing or the record is
// on the wrong node.
func (p *progress) partners(o *model.Op, here string) (source, target string, ok bool) {
	source, okS := o.XML.Lookup("migrate_source")
	target, okT := o.XML.Lookup("migrate_target")
	if !okS || !okT {
		p.log.Error("Ignoring resource history entry %s without migrate_source and migrate_target", o.ID)
		return "", "", false
	}
	if at := o.XML.Get(here); !strings.EqualFold(at, p.node.Name) {
		p.log.Error("Ignoring resource history entry %s because %s='%s' does not match %s", o.ID, here, at, p.node.Name)
		return "", "", false
	}
	return source, target, true
}

// migrateToSuccess works out where a resource is whose source has sent it away.
func (p *progress) migrateToSuccess(out *outcome) {
	source, target, ok := p.partners(out.Op, "migrate_source")
	if !ok {
		return
	}
	sourceNewer := p.actedAfter(source, out.Op, true)
	from := p.theOp("migrate_from", target, source, -1)
	if from != nil && sourceNewer {
		return
	}
	targetNewer := p.newerState(target, out.Op, from)
	if sourceNewer && targetNewer {
		return
	}
	st := p.st
	if from != nil && from.RC == int(lrm.RCOK) && from.Status == int(lrm.Done) {
		// it has arrived, and what is left at the source has to be stopped
		st.Role = model.Stopped
		st.Dangling = append([]*model.Node{p.node}, st.Dangling...)
		return
	}
	st.Role = model.Started
	n := p.m.NodeNamed(target)
	online := n != nil && p.reader.st.Node(n).Online
	onTarget := !targetNewer && online
	if from != nil && from.Status != int(lrm.Pending) {
		if onTarget {
			p.addRunning(p.x, n, true)
		} else {
			p.migrationLost()
		}
		return
	}
	if online && p.unknownOn(target) {
		return // its history was cleaned; a probe will tell
	}
	switch {
	case onTarget:
		p.addRunning(p.x, n, false)
		if s := p.m.NodeNamed(source); s != nil && p.reader.st.Node(s).Online {
			st.PartialTarget, st.PartialSource = n, s
		}
	case !sourceNewer:
		p.migrationLost()
	}
}

// migrationLost recovers a resource that got lost on its way.
func (p *progress) migrationLost() {
	p.st.Failed, p.st.StopRequired, p.st.NoMigration = true, true, true
}

func (p *progress) migrateToFailure(out *outcome) {
	source, target, ok := p.partners(out.Op, "migrate_source")
	if !ok {
		return
	}
	p.st.Role = model.Started
	from := p.theOp("migrate_from", target, source, lrm.RCOK)
	switch {
	case !p.unknownOn(target) && !p.newerState(target, out.Op, from):
		if n := p.m.NodeNamed(target); n != nil && p.reader.st.Node(n).Online {
			p.addRunning(p.x, n, false)
		}
	case !p.actedAfter(source, out.Op, true):
		p.st.Dangling = append([]*model.Node{p.node}, p.st.Dangling...)
	}
}

func (p *progress) migrateFromFailure(out *outcome) {
	source, target, ok := p.partners(out.Op, "migrate_target")
	if !ok {
		return
	}
	p.st.Role = model.Started
	to := p.theOp("migrate_to", source, target, lrm.RCOK)
	if !p.unknownOn(source) && !p.newerState(source, to, out.Op) {
		if n := p.m.NodeNamed(source); n != nil && p.reader.st.Node(n).Online {
			p.addRunning(p.x, n, true)
		}
	}
}
