package crmd

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/alert"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/metrics"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// maxAlerts bounds the alert agents that run at the same time; what comes on top is dropped, loudly. An agent
// that hangs must not pile up processes.
const maxAlerts = 64

// alerts runs the alert agents of the CIB.
type alerts struct {
	d     *Daemon
	slots chan struct{}

	mu       sync.Mutex
	agents   []alert.Agent
	sequence uint64
	fenced   map[string]bool // fence events that were told
	order    []string        // of fenced
}

func (a *alerts) init(d *Daemon) {
	a.d, a.slots, a.fenced = d, make(chan struct{}, maxAlerts), make(map[string]bool)
}

// configure takes the agents of a configuration.
func (a *alerts) configure(conf *cibxml.Element) {
	list := alert.Parse(conf.Child("alerts"))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.agents = list
}

// wanted reports whether any agent hears of events of that kind.
func (a *alerts) wanted(kind string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.agents {
		if a.agents[i].Wants(&alert.Event{Kind: kind}) || kind == alert.Attribute && len(a.agents) > 0 {
			return true
		}
	}
	return false
}

// tell runs the agents that want to hear of an event. It does not wait for them.
func (a *alerts) tell(ev alert.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.agents {
		agent := a.agents[i]
		if !agent.Wants(&ev) {
			continue
		}
		a.sequence++
		env := append([]string{"PATH=" + searchPath}, agent.Environment(&ev, a.sequence)...)
		select {
		case a.slots <- struct{}{}:
		default:
			a.d.counts.change(func(m *metrics.Counts) { m.AlertsDropped++ })
			a.d.log.Warn("an alert is dropped: too many agents run", "alert", agent.ID, "kind", ev.Kind, "node", ev.Node)
			continue
		}
		a.d.spawn(func(ctx context.Context) {
			defer func() { <-a.slots }()
			a.run(ctx, agent, env)
		})
	}
}

func (a *alerts) run(ctx context.Context, agent alert.Agent, env []string) {
	exit, err := a.d.programs.Exec(ctx, ocfexec.Command{Path: agent.Path, Env: env, Timeout: agent.Timeout, As: haclient(), Label: "alert " + agent.ID})
	switch {
	case err != nil:
		a.d.log.Warn("an alert agent is not run", "alert", agent.ID, "err", err)
	case exit.Code != 0:
		a.d.log.Warn("an alert agent failed", "alert", agent.ID, "path", agent.Path, "exit", exit.Code, "timeout", exit.TimedOut, "output", strings.TrimSpace(string(exit.Stderr)))
	}
}

// haclient is the user as whom alert agents run, as in Pacemaker; nil is this process's, where there is no such
// user or this is not root.
var haclient = sync.OnceValue(func() *syscall.Credential {
	u, err := user.Lookup("hacluster")
	if err != nil || syscall.Geteuid() != 0 {
		return nil
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
})

// views tells of members that came and went.
func (a *alerts) views(old, v *api.View) {
	now := time.Now()
	for _, m := range v.Members {
		if old == nil && m.ID != a.d.id || old != nil && !old.Has(m.ID) { // nobody is told by a node that it is there itself
			a.tell(alert.Event{Kind: alert.Node, At: now, Node: m.Name, ID: m.ID, Desc: "member"})
		}
	}
	if old == nil {
		return
	}
	for _, m := range old.Members {
		if !v.Has(m.ID) {
			a.tell(alert.Event{Kind: alert.Node, At: now, Node: m.Name, ID: m.ID, Desc: "lost"})
		}
	}
}

// maxFenced bounds the memory of fence events.
const maxFenced = 256

// fencing tells of a fence that has ended, once. What the other nodes have of the time before this crmd began, they
// have told.
func (a *alerts) fencing(ev api.FenceEvent) {
	if ev.State != api.FenceDone && ev.State != api.FenceFailed || max(ev.At, ev.Result.Done) < a.d.began.UnixMilli() {
		return
	}
	key := ev.ID + " " + ev.State
	a.mu.Lock()
	known := a.fenced[key]
	if !known {
		a.fenced[key] = true
		a.order = append(a.order, key)
		if len(a.order) > maxFenced {
			delete(a.fenced, a.order[0])
			a.order = a.order[1:]
		}
	}
	a.mu.Unlock()
	if known {
		return
	}
	rc, outcome := 0, "OK"
	if ev.State == api.FenceFailed {
		rc, outcome = fenceErrno(lrm.Status(ev.Result.Status)), lrm.Status(ev.Result.Status).String()
		if ev.Result.Reason != "" && ev.Result.Status != int(lrm.NoFenceDevice) { // which says it all
			outcome += " (" + ev.Result.Reason + ")"
		}
	}
	by := ev.Result.Delegate
	if by == "" {
		by = "the cluster"
	}
	a.tell(alert.Event{Kind: alert.Fencing, At: time.Now(), Node: ev.Target, Task: "st_notify_fence", RC: rc,
		Desc: fmt.Sprintf("Operation %s of %s by %s for %s@%s: %s (ref=%s)", ev.Action, ev.Target, by, ev.Client, ev.Origin, outcome, ev.ID)})
}

// fenceErrno is what agents are told of a fence that failed: a negative errno.
func fenceErrno(s lrm.Status) int {
	switch s {
	case lrm.Timeout:
		return -int(syscall.ETIME)
	case lrm.NoFenceDevice:
		return -int(syscall.ENODEV)
	case lrm.Cancelled:
		return -int(syscall.ECANCELED)
	case lrm.NotSupported:
		return -int(syscall.EOPNOTSUPP)
	}
	return -int(syscall.ENODATA)
}

// result tells of an operation, but not of probes that found what was expected.
func (a *alerts) result(r executor.Result) {
	key, err := lrm.ParseKey(r.Op.Tag)
	if err != nil {
		return
	}
	if r.Op.Task == "monitor" && r.Op.IntervalMs == 0 && r.RC == key.TargetRC {
		return
	}
	desc, took := r.RC.String(), r.ExecMs
	if r.Status != lrm.Done {
		desc = r.Status.String()
	}
	if r.Status == lrm.Timeout && r.Op.IntervalMs > 0 {
		took = r.Op.TimeoutMs
	}
	a.tell(alert.Event{Kind: alert.Resource, At: time.Now(), Node: a.d.node, Desc: desc, Task: r.Op.Task, RC: int(r.RC), Resource: r.Op.Rsc,
		Interval: r.Op.IntervalMs, TargetRC: int(key.TargetRC), Status: int(r.Status), ExecTime: took})
}

// attributes tells of transient attributes that changed, on the DC only: every agent hears of them once.
func (a *alerts) attributes(old, s *snapshot) {
	if old == nil || s.doc == nil || old.doc == nil || !s.leads || !a.wanted(alert.Attribute) {
		return
	}
	for _, ev := range alert.Attributes(old.doc.Child("status"), s.doc.Child("status"), time.Now()) {
		a.tell(ev)
	}
}
