package crmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/history"
	"github.com/holdfast-ha/holdfast/crmd/worker"
)

// obey gives the worker orders and carries out what it says. Only the loop calls it.
func (d *Daemon) obey(orders api.Orders) error {
	if v := d.view.Load(); v != nil && v.Stale {
		return fmt.Errorf("%s stood still and does nothing until its view of the cluster is renewed", d.node)
	}
	out, err := d.worker.Orders(orders)
	for _, o := range out {
		switch o := o.(type) {
		case worker.Submit:
			d.submit(o.Order)
		case worker.Cancel:
			if !d.exec.Cancel(o.Rsc, o.Task, o.Interval) {
				d.worker.NothingToCancel(o)
			}
		case worker.Unregister:
			d.exec.Unregister(o.Rsc)
			d.judge(time.Now(), confirm.Forget{Rsc: o.Rsc})
		case worker.Leave:
			d.goodbye()
		}
	}
	d.somethingToReport()
	return err
}

// submit gives an operation to the executor. One that it does not take has failed.
func (d *Daemon) submit(o api.Order) {
	_, err := d.exec.Submit(executor.Op{
		Rsc: o.Rsc, Class: o.Class, Provider: o.Provider, Type: o.Type, Task: o.Task, IntervalMs: o.Interval, TimeoutMs: o.Timeout,
		StartDelayMs: o.Delay, Params: o.Params, Meta: o.Meta, BlockOnFail: o.Meta["on_fail"] == "block", Tag: o.Key})
	if err != nil {
		d.log.Warn("the executor does not take an operation", "op", o.Rsc+" "+o.Task, "err", err)
		d.worker.Result(refusal(o, err))
	}
}

// executed takes a result of the executor.
func (d *Daemon) executed(r executor.Result) {
	if r.Deleted {
		return
	}
	d.alerts.result(r)
	d.counts.result(r)
	params := d.agentParameters(r.Op)
	w := worker.Result{
		Order: api.Order{Kind: api.OrderOp, Key: r.Op.Tag, Rsc: r.Op.Rsc, Class: r.Op.Class, Provider: r.Op.Provider, Type: r.Op.Type,
			Task: r.Op.Task, Interval: r.Op.IntervalMs, Timeout: r.Op.TimeoutMs, Params: r.Op.Params, Meta: r.Op.Meta, FeatureSet: cib.FeatureSet},
		CallID: r.CallID, Status: r.Status, RC: r.RC, ExitReason: r.ExitReason, LastChange: r.LastRCChange, ExecMs: r.ExecMs,
		QueueMs: r.QueueMs, Again: !r.First, Agent: params,
	}
	if r.RC != 0 || r.Status != 0 {
		w.Output = r.Output
	}
	in := confirm.Ended{Result: w}
	if r.Status == lrm.Timeout {
		in.Starved = d.starved(r)
		in.Result.Hang = d.hang(r.ExitReason, in.Starved, r.Hang)
	}
	_ = d.post(func(now time.Time) { d.judge(now, in) }) // fails only when the daemon ends
}

// metadataTimeout bounds how long a result waits for the agent's metadata, which only its digests need.
const metadataTimeout = 5 * time.Second

// agentParameters says which parameters of the agent count for which digest.
func (d *Daemon) agentParameters(op executor.Op) history.Parameters {
	if op.Class != "ocf" && op.Class != "stonith" || op.Task == "stop" {
		return history.Parameters{}
	}
	ctx, cancel := context.WithTimeout(d.ctx, metadataTimeout)
	defer cancel()
	agent, err := d.exec.Metadata(ctx, op.Class, op.Provider, op.Type)
	if err != nil {
		return history.Parameters{} // the operation counts all the same
	}
	restart, reloads := agent.RestartParams()
	return history.Parameters{Reloads: reloads, Restart: restart, Private: agent.SecureParams()}
}

// somethingToReport wakes the reporter.
func (d *Daemon) somethingToReport() {
	select {
	case d.uplink <- struct{}{}:
	default:
	}
}

// reportToSelf gives the worker's reports to the machine when this node leads. Only the loop calls it.
func (d *Daemon) reportToSelf(now time.Time) {
	for d.machine.Takes(d.node, d.session) && d.worker.DC() == d.node {
		up := d.worker.Unsent()
		if len(up.Updates) == 0 && !up.Lost {
			return
		}
		if n := len(up.Updates); n > 0 {
			d.worker.Sent(up.Updates[n-1].Seq)
		}
		for _, o := range d.machine.Step(now, controller.NodeReported{Updates: up}) {
			d.perform(now, o)
		}
		if up.Lost {
			return
		}
	}
}

// reportRetry is the pause after a report that did not get through.
const reportRetry = 100 * time.Millisecond

// report sends the worker's reports to the DC, as long as that is another node.
func (d *Daemon) report(ctx context.Context) {
	for {
		select {
		case <-d.uplink:
		case <-ctx.Done():
			return
		}
		for d.reportOnce(ctx) != nil {
			select {
			case <-time.After(reportRetry):
			case <-ctx.Done():
				return
			}
		}
	}
}

// reportOnce sends what there is. Errors are tried again: a DC that is gone is replaced, and the new one
// enlists this node, which empties the list.
func (d *Daemon) reportOnce(ctx context.Context) error {
	type work struct {
		dc string
		up api.Updates
	}
	w, err := query(d, func() work { return work{d.worker.DC(), d.worker.Unsent()} })
	if err != nil || w.dc == "" || w.dc == d.node {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := d.peers.Client(w.dc).Call(ctx, "POST", pathUpdates, w.up, nil); err != nil {
		return err
	}
	if n := len(w.up.Updates); n > 0 {
		return d.post(func(time.Time) { d.worker.Sent(w.up.Updates[n-1].Seq) })
	}
	return nil
}

// goodbye leaves the cluster: the resources of this node are stopped.
func (d *Daemon) goodbye() {
	if active := slices.DeleteFunc(d.worker.Active(), d.isFenceDevice); len(active) > 0 {
		d.log.Warn("leaving the cluster although resources are active here", "resources", active)
	}
	d.spawn(func(ctx context.Context) {
		// A DC that leaves is replaced by one that has to know that this is in order.
		_, _ = d.await(ctx, time.Second, func(s *snapshot) bool { return !s.leads || d.mirrors.all(s.doc.Child("status")) })
		if d.store.Status().Leader == d.node {
			d.handOver(ctx)
		}
		d.sayGoodbye(ctx)
		d.leave.Do(func() { close(d.leaving) })
	})
}

// letGo leaves the cluster as a node that has been fenced: at once, with the resources as they are. Nothing brings the
// daemons back by itself, because they end as after an orderly leave.
func (d *Daemon) letGo(o controller.LetGo) {
	if o.Reset {
		d.cfg.Reset()
	}
	d.spawn(func(ctx context.Context) {
		d.sayGoodbye(ctx)
		d.leave.Do(func() { close(d.leaving) })
	})
}

// sayGoodbye ends corosyncd.
func (d *Daemon) sayGoodbye(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := d.corosync.Call(ctx, "POST", api.PathLeave, nil, nil); err != nil {
		d.log.Warn("corosyncd did not say goodbye to the others", "err", err)
	}
}

// handOver gives raft's lead to another member before this node leaves, so that the others need not elect one.
func (d *Daemon) handOver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	v := d.view.Load()
	for _, voter := range d.store.Status().Voters {
		if voter == d.node || v == nil || !slices.ContainsFunc(v.Members, func(m api.Member) bool { return m.Name == voter }) {
			continue
		}
		if err := d.store.Transfer(ctx, voter); err == nil {
			return
		}
	}
}

// refusal is the result of an operation that the executor does not take.
func refusal(o api.Order, err error) worker.Result {
	return worker.Result{Order: o, CallID: -1, Status: lrm.Error, RC: lrm.RCError, ExitReason: err.Error()}
}
