package mon

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// agentPatience is how long the external agent may run.
const agentPatience = 30 * time.Second

// event is what the external agent is told.
type event struct {
	node, rsc, task, desc string
	rc, target            lrm.RC
	status                lrm.Status
}

// tell runs the external agent for an event.
func (w *watcher) tell(ctx context.Context, e event) {
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.agent)
	number := func(n int) string { return strconv.Itoa(n) }
	cmd.Env = append(os.Environ(), "CRM_notify_recipient="+w.recipient, "CRM_notify_node="+e.node, "CRM_notify_rsc="+e.rsc,
		"CRM_notify_task="+e.task, "CRM_notify_desc="+e.desc, "CRM_notify_rc="+number(int(e.rc)),
		"CRM_notify_target_rc="+number(int(e.target)), "CRM_notify_status="+number(int(e.status)))
	_ = cmd.Run() // the agent's failure is its own affair: there is nobody to tell
}

// notify tells the agent of the operations that have ended between two CIBs.
func (w *watcher) notify(ctx context.Context, before, after *cibxml.Element) {
	known := operationsOf(before)
	for key, o := range operationsOf(after) {
		if old, ok := known[key]; ok && old.magic == o.magic && old.callID == o.callID {
			continue
		}
		if o.event != nil {
			w.tell(ctx, *o.event)
		}
	}
}

// recorded is an operation in a CIB; event is what it means for the agent, nil for nothing.
type recorded struct {
	magic, callID string
	event         *event
}

// operationsOf are the operations that the status section has, by node, resource and id.
func operationsOf(doc *cibxml.Element) map[string]recorded {
	all := map[string]recorded{}
	for n := range doc.Child("status").Tags("node_state") {
		for rsc := range n.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
			for o := range rsc.Tags("lrm_rsc_op") {
				all[n.Get("uname")+"\x00"+rsc.ID()+"\x00"+o.ID()] = recorded{o.Get("transition-magic"), o.Get("call-id"),
					eventOf(n.Get("uname"), rsc.ID(), o)}
			}
		}
	}
	return all
}

func eventOf(node, rsc string, o *cibxml.Element) *event {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	e := &event{node: node, rsc: rsc, task: o.Get("operation"), desc: "OK", rc: lrm.RC(number(o.Get("rc-code"))), status: lrm.Status(number(o.Get("op-status")))}
	if key, err := lrm.ParseKey(o.Get("transition-key")); err == nil {
		e.target = key.TargetRC
	}
	switch {
	case e.status == lrm.Pending:
		return nil
	case e.status != lrm.Done:
		e.desc = e.status.String()
	case e.rc != e.target:
		e.desc = e.rc.String()
	case e.rc == lrm.RCNotRunning:
		return nil // a probe that found nothing
	}
	return e
}

// notifyFencing tells the agent of fencing that has ended since the last look; what had ended before the first
// is no news.
func (w *watcher) notifyFencing(ctx context.Context, r *report) {
	events := r.fenceEvents
	if !r.has(fencing) {
		events, _ = fenceHistory(ctx, w.env)
	}
	first := w.fenced == nil
	if first {
		w.fenced = map[string]bool{}
	}
	for _, e := range slices.Backward(events) {
		if e.Pending() || w.fenced[e.ID] {
			continue
		}
		w.fenced[e.ID] = true
		if !first {
			w.tell(ctx, event{node: e.Target, task: e.Action, desc: eventText(&e, events, true), rc: lrm.RC(e.Result.RC), status: lrm.Status(e.Result.Status)})
		}
	}
}

// sortEvents puts what is in progress first, then the newest.
func sortEvents(events []api.FenceEvent) {
	slices.SortStableFunc(events, func(a, b api.FenceEvent) int {
		pa, pb := a.Pending(), b.Pending()
		switch {
		case pa != pb && pa:
			return -1
		case pa != pb:
			return 1
		case pa:
			return int(min(1, max(-1, b.At-a.At)))
		}
		return int(min(1, max(-1, b.Result.Done-a.Result.Done)))
	})
}
