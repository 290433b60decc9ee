package history

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// expired reports whether a failure is older than failures of the resource count. It also asks for the fail
// count to be cleared when nothing of it counts any more.
func (p *progress) expired(out *outcome) bool {
	timeout := p.st.FailureTimeout
	last := strings.HasSuffix(out.ID, "_last_failure_0")
	expired := false
	var effective scalar.Score
	if timeout > 0 && out.Changed >= 0 {
		expired = p.m.NowUnix >= out.Changed+timeout && !p.waitsForFencing(out)
		var at int64
		effective, at = p.m.FailCount(p.reader.st, p.x, p.node, out.Op)
		timeout = p.st.FailureTimeout // a failure that blocks has switched it off
		if effective != 0 && p.m.NowUnix < at+timeout+1 {
			p.conf.World.At(at + timeout + 1)
		}
	}
	why := ""
	if expired {
		switch {
		case p.m.FailCountAny(p.reader.st, p.x, p.node, out.Op) != 0 && effective == 0:
			why = "it expired"
		case effective != 0:
			expired = false
		case last && p.x.ReconnectMs > 0:
			why = "reconnect interval is set"
		}
	}
	if !expired && last && p.parametersChanged(out) {
		why = "resource parameters have changed"
	}
	if why != "" {
		p.clearFailures(why)
	}
	if expired && opconf.IsProbe(out.Task, out.IntervalMs) {
		switch out.rc {
		case lrm.RCOK, lrm.RCNotRunning, lrm.RCPromoted, lrm.RCDegraded, lrm.RCDegradedPromoted:
			return false // it tells the state, whatever its age
		}
	}
	return expired
}

// waitsForFencing reports whether a remote connection's monitor failed and the remote node has not been
// fenced for it: the recorded time is that of the first failure, and it may still be failing.
func (p *progress) waitsForFencing(out *outcome) bool {
	if p.x.ReconnectMs == 0 || !p.m.Options.Fencing || out.IntervalMs == 0 || !strings.EqualFold(out.Task, "monitor") {
		return false
	}
	n := p.m.NodeNamed(p.x.ID)
	return n != nil && !p.reader.st.Node(n).WasFenced
}

func (p *progress) clearFailures(why string) {
	p.log.Notice("Clearing failure of %s on %s because %s", p.x.ID, p.node.Name, why)
	q := model.Request{Kind: model.AskClearFailures, Rsc: p.x, Node: p.node, Required: true, Reason: why,
		Verdict: p.m.Judge(p.reader.st, p.x, "clear_failcount", p.node, false, model.NeedsNothing, true)}
	if p.m.Options.Fencing && p.x.ReconnectMs > 0 {
		q.After = p.m.NodeNamed(p.x.ID)
	}
	p.m.Requests = append(p.m.Requests, q)
}

// parametersChanged reports whether a failed start or monitor would be run with other parameters now.
func (p *progress) parametersChanged(out *outcome) bool {
	if out.Task != "start" && out.Task != "monitor" {
		return false
	}
	if p.conf.NeedsHostAddress(p.x) {
		// where the container will run is not known yet
		p.m.Deferred = append(p.m.Deferred, model.DeferredCheck{Op: out.Op, Rsc: p.x, Node: p.node, Failure: true})
		return false
	}
	p.m.Compared = append(p.m.Compared, model.DeferredCheck{Op: out.Op, Rsc: p.x, Node: p.node})
	switch p.conf.Compare(p.x, out.Op, p.node, "") {
	case opconf.Same, opconf.Unknown:
		return false
	}
	return true
}

// response tells what the configuration wants to follow a failure of the operation.
func (p *progress) response(out *outcome) opconf.Response {
	return p.conf.ResponseTo(p.x, out.Key, out.Task, p.st.Managed)
}

// fail handles a failure that counts.
func (p *progress) fail(out *outcome) {
	p.lastFailure = out.Op
	if p.m.Options.Symmetric || out.rc != lrm.RCNotInstalled {
		p.log.Warning("Unexpected result (%s) was recorded for %s of %s on %s", out.rc, out.task, p.x.ID, p.node.Name)
		p.recordFailure(out.Op)
	}
	response := p.response(out)
	p.onFail = max(p.onFail, response.OnFail)
	st := p.st
	switch out.task {
	case "stop":
		p.reader.st.Ban(p.x, p.node)
	case "migrate_to":
		p.migrateToFailure(out)
	case "migrate_from":
		p.migrateFromFailure(out)
	case "promote":
		st.Role = model.Promoted
	case "demote":
		switch {
		case response.OnFail == model.FailBlock:
			st.Role, st.NextRole = model.Promoted, model.Stopped
		case out.rc == lrm.RCNotRunning:
			st.Role = model.Stopped
		default:
			// it is stopped as part of the recovery, and any promotion comes after that
			st.Role = model.Unpromoted
		}
	}
	if opconf.IsProbe(out.Task, out.IntervalMs) && out.rc == lrm.RCNotInstalled {
		st.Role = model.Stopped
	} else if st.Role < model.Started {
		p.setActive()
	}
	if response.Role != model.Started && st.NextRole < response.Role {
		st.NextRole = response.Role
	}
	if response.Role == model.Stopped {
		x := p.x
		if top := x.Top(); x.Parent != nil && top.Anonymous() {
			x = top
		}
		p.reader.st.ForbidAll(p.m, x)
	}
}

// pending handles an operation that has not finished.
func (p *progress) pending(out *outcome) {
	switch out.task {
	case "start":
		p.st.StartPending = true
		p.setActive()
	case "promote":
		p.st.Role = model.Promoted
	case "migrate_to":
		if p.reader.st.Node(p.node).Unclean {
			if target := p.m.NodeNamed(out.XML.Get("migrate_target")); target != nil {
				p.ask(model.AskStop, p.x, target)
			}
		}
	}
	if p.st.Pending == "" && !opconf.IsProbe(out.Task, out.IntervalMs) {
		p.st.Pending, p.st.PendingNode = out.Task, p.node
	}
}
