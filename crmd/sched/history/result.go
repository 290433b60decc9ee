package history

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
)

// progress is the state of reading one record: what its operations add up to so far.
type progress struct {
	*reader
	x           *model.Resource
	st          *model.RscState
	node        *model.Node
	onFail      model.OnFail
	lastFailure *model.Op
}

// outcome is one operation's result as the scheduler sees it, which may differ from what was recorded.
type outcome struct {
	*model.Op
	task   string // "probe" for a probe that has been looked at
	status lrm.Status
	rc     lrm.RC
	masked bool // a probe that failed because the software is not there, or not usable
}

// operation draws the conclusions from one operation.
func (p *progress) operation(o *model.Op) {
	if o.ID == "" || o.Task == "" || o.Task == "notify" || o.Task == "meta-data" {
		return
	}
	out := outcome{Op: o, task: o.Task, status: lrm.Status(o.Status), rc: lrm.RC(o.RC)}
	if out.status < lrm.Pending || out.status > lrm.NoSecrets || out.status == lrm.Cancelled {
		p.log.Error("Ignoring resource history entry %s for %s on %s with invalid op-status '%s'",
			o.ID, p.x.ID, p.node.Name, o.XML.Get("op-status"))
		return
	}
	if o.RC < 0 || o.RC > 255 {
		out.rc = lrm.RCError
	}
	out.masked = !p.x.Bundled() && maskable(o)
	expired := out.status != lrm.NotInstalled && p.expired(&out)
	original := out.rc
	p.remap(&out, expired)
	missed := expired && int(out.rc) != o.TargetRC
	switch {
	case out.masked && expired && int(original) != o.TargetRC:
		if p.st.Role <= model.Stopped {
			p.st.Role = model.RoleUnknown
		}
		return
	case missed && o.IntervalMs == 0:
		p.log.Notice("Ignoring expired %s failure on %s", o.Key, p.node.Name)
		return
	case missed && p.reader.st.Good(p.node):
		// no digest is like this, so the operation is rescheduled
		p.log.Notice("Rescheduling %s after failure expired on %s", o.Key, p.node.Name)
		o.RestartDigest = "calculated-failure-timeout"
		return
	}
	if out.masked {
		p.log.Notice("Treating probe result '%s' for %s on %s as 'not running'", original, p.x.ID, p.node.Name)
		p.succeed(&out, lrm.RC(o.TargetRC))
		p.recordFailure(o)
		p.reader.st.Ban(p.banned(), p.node)
		return
	}
	switch out.status {
	case lrm.Pending:
		p.pending(&out)
	case lrm.Done:
		p.succeed(&out, out.rc)
	case lrm.NotInstalled:
		if p.response(&out).OnFail == model.FailIgnore {
			p.log.Warning("Cannot ignore failed %s of %s on %s: Resource agent doesn't exist", out.task, p.x.ID, p.node.Name)
			p.onFail = model.FailMigrate
		}
		p.reader.st.Ban(p.banned(), p.node)
		p.fail(&out)
	default:
		p.failed(&out)
	}
}

// failed handles an operation that failed, as its configuration wants.
func (p *progress) failed(out *outcome) {
	if conn := p.node.Connection; out.status == lrm.NotConnected && p.node.IsRemoteType() && conn != nil {
		if c := p.reader.st.Rsc(conn); c.Managed {
			c.Failed, c.StopRequired = true, true
		}
	}
	response := p.response(out).OnFail
	if response == model.FailIgnore || response == model.FailRestartContainer && out.task == "stop" {
		p.log.Warning("Pretending failed %s (%s) of %s on %s succeeded", out.task, out.rc, p.x.ID, p.node.Name)
		p.succeed(out, lrm.RC(out.TargetRC))
		p.st.FailureIgnored = true
		p.recordFailure(out.Op)
		if response == model.FailRestartContainer && p.onFail <= model.FailRecover {
			p.onFail = response
		}
		return
	}
	p.fail(out)
	switch out.status {
	case lrm.ErrorHard:
		p.log.Error("Preventing %s from restarting on %s because of hard failure (%s)", p.banned().ID, p.node.Name, out.rc)
		p.reader.st.Ban(p.banned(), p.node)
	case lrm.ErrorFatal:
		p.log.Error("Preventing %s from restarting anywhere because of fatal failure (%s)", p.banned().ID, out.rc)
		p.reader.st.BanAll(p.m, p.banned())
	}
}

// banned is what a failure keeps from a node: all instances when they cannot be told apart.
func (p *progress) banned() *model.Resource {
	if p.x.Unique {
		return p.x
	}
	return p.x.Top()
}

// maskable reports whether a probe failed because the resource cannot be there at all.
func maskable(o *model.Op) bool {
	return opconf.IsProbe(o.Task, o.IntervalMs) && (o.RC == int(lrm.RCNotInstalled) || o.RC == int(lrm.RCInvalidParam) ||
		o.Status == int(lrm.NotInstalled))
}

// remap decides what a result means: whether it is a failure depends on what was expected.
func (p *progress) remap(out *outcome, expired bool) {
	// Only a monitor can find a resource degraded.
	if rc := out.rc.Effective(); rc != out.rc && out.Task == "monitor" {
		out.rc = rc
		if n := p.reader.st.Node(p.node); !expired && (!n.Shutdown || n.Online) {
			p.recordFailure(out.Op)
		}
	}
	if out.masked && (out.status != lrm.Done || out.rc != lrm.RCNotRunning) {
		out.status, out.rc = lrm.Done, lrm.RCNotRunning
	}
	switch out.status {
	case lrm.Done, lrm.Error:
	case lrm.NoFenceDevice, lrm.NoSecrets:
		out.status = lrm.ErrorHard
		return
	default:
		return
	}
	probe := opconf.IsProbe(out.Task, out.IntervalMs)
	if probe {
		out.task = "probe"
	}
	out.status = lrm.Error
	if out.TargetRC >= 0 && int(out.rc) == out.TargetRC {
		out.status = lrm.Done
	}
	p.remapCode(out, probe)
}

func (p *progress) remapCode(out *outcome, probe bool) {
	switch out.rc {
	case lrm.RCOK:
		if probe && out.TargetRC == int(lrm.RCNotRunning) {
			out.status = lrm.Done
		}
	case lrm.RCNotRunning:
		if probe || out.TargetRC == int(out.rc) || !p.st.Managed {
			out.status = lrm.Done
			p.st.Role, p.st.NextRole = model.Stopped, model.RoleUnknown
			p.onFail = model.FailIgnore
		}
	case lrm.RCPromoted:
		if probe && int(out.rc) != out.TargetRC {
			out.status = lrm.Done
		}
		p.st.Role = model.Promoted
	case lrm.RCFailedPromoted, lrm.RCDegradedPromoted:
		p.st.Role = model.Promoted
		out.status = lrm.Error
	case lrm.RCNotConfigured:
		out.status = lrm.ErrorFatal
	case lrm.RCUnimplemented:
		out.status = lrm.NotSupported
		if out.IntervalMs == 0 {
			p.blockUnrecoverable(out)
			out.status = lrm.ErrorHard
		}
	case lrm.RCNotInstalled, lrm.RCInvalidParam, lrm.RCNoPrivilege:
		p.blockUnrecoverable(out)
		out.status = lrm.ErrorHard
	default:
		if out.status == lrm.Done {
			out.status = lrm.Error
		}
	}
}

// blockUnrecoverable leaves a resource alone that cannot be stopped on a node that cannot be fenced.
func (p *progress) blockUnrecoverable(out *outcome) {
	if out.task == "stop" && !p.m.CanFence(p.reader.st, p.node) {
		p.log.Error("No further recovery can be attempted for %s because %s on %s failed (%s)", p.x.ID, out.Task, p.node.Name, out.rc)
		p.st.Managed, p.st.Blocked = false, true
	}
}

// succeed takes an operation for a success with the given result.
func (p *progress) succeed(out *outcome, rc lrm.RC) {
	clears := false
	switch task := out.Task; {
	case rc == lrm.RCNotInstalled || out.masked:
		p.st.Role = model.Stopped
	case rc == lrm.RCNotRunning:
		clears = true
	case task == "monitor":
		clears = p.lastFailure != nil && strings.EqualFold(out.Key, p.lastFailure.Key)
		if p.st.Role < model.Started {
			p.setActive()
		}
	case task == "start" || task == "migrate_from":
		p.st.Role, clears = model.Started, true
	case task == "stop":
		p.st.Role, clears = model.Stopped, true
	case task == "promote":
		p.st.Role, clears = model.Promoted, true
	case task == "demote":
		p.st.Role, clears = model.Unpromoted, p.onFail == model.FailDemote
	case task == "migrate_to":
		p.migrateToSuccess(out)
	case p.st.Role < model.Started:
		p.setActive()
	}
	if clears {
		p.clearPastFailure()
	}
}

func (p *progress) clearPastFailure() {
	switch p.onFail {
	case model.FailStop, model.FailFence, model.FailMigrate, model.FailStandby:
		return
	case model.FailResetRemote:
		if p.x.ReconnectMs > 0 {
			return // the connection waits for the failure to be forgotten
		}
	}
	p.onFail = model.FailIgnore
	p.st.NextRole = model.RoleUnknown
}

func (p *progress) setActive() {
	p.st.Role = model.Started
	if p.x.Top().Promotable {
		p.st.Role = model.Unpromoted
	}
}

// recordFailure remembers a failed operation for people, once for each operation and node. Records without a
// key, which old versions wrote, count as the same operation: Pacemaker cannot tell them apart either.
func (p *progress) recordFailure(o *model.Op) {
	if !p.reader.st.Node(p.node).Online {
		return
	}
	key := strings.ToLower(o.XML.Get("operation_key") + "@" + p.node.Name)
	if p.recorded[key] {
		return
	}
	p.recorded[key] = true
	p.m.Failures = append(p.m.Failures, o)
}
