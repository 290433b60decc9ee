package crmd

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/worker"
)

// starved says how this host was short of something while an operation ran that gave no answer, "" when it was
// not, or when nothing was measured.
func (d *Daemon) starved(r executor.Result) string {
	host := d.observer.Host()
	return d.file.Load().watch.Monitor.Starved.Starvation(&host, d.observer.Samples(time.Now().UnixMilli()-r.Op.TimeoutMs-time.Second.Milliseconds()))
}

// hang is the moment at which something was found not to answer.
func (d *Daemon) hang(reason, starved string, processes []executor.HungProcess) *api.Hang {
	h := &api.Hang{At: time.Now().UnixMilli(), Reason: reason, Starved: starved}
	for _, p := range processes {
		h.Processes = append(h.Processes, api.HungProcess{PID: p.PID, PPID: p.PPID, Comm: p.Comm, State: p.State, WChan: p.WChan, Stack: p.Stack})
	}
	if own := d.observer.Digests(d.node, 1); len(own) > 0 {
		h.Host = &own[0]
	}
	return h
}

// judge lets results count, except a monitor's missing answer on a starved host, which is confirmed first. Only the
// loop calls it.
func (d *Daemon) judge(now time.Time, in confirm.Input) {
	for _, o := range d.confirm.Step(now, in) {
		switch o := o.(type) {
		case confirm.Deliver:
			d.worker.Result(o.Result)
			d.somethingToReport()
			d.reportToSelf(now)
		case confirm.Again:
			d.submit(o.Result.Order)
		case confirm.Held:
			text := fmt.Sprintf("no answer from the monitor of %s (%d of at most %d tries) on a starved host: %s; it is tried again before it counts as failed",
				o.Result.Order.Rsc, o.Tries, o.Of, o.Starved)
			d.held(now, o.Result, text, false)
		case confirm.Answered:
			d.held(now, o.Result, fmt.Sprintf("the monitor of %s answered %d ms after its first silence", o.Result.Order.Rsc, o.After.Milliseconds()), true)
		}
	}
}

func (d *Daemon) held(now time.Time, r worker.Result, text string, over bool) {
	d.log.Warn(text, "rsc", r.Order.Rsc)
	d.timeline.add(api.TimelineEvent{At: now.UnixMilli(), Node: d.node, Kind: "op-late", Subject: r.Order.Rsc, Text: text})
	d.records.step(now, incident.MonitorHeld{Op: r.Order.Key, Resource: r.Order.Rsc, Text: text, Hang: r.Hang, Over: over})
}
