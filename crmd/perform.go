package crmd

import (
	"context"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// perform carries out an output of the machine. It never blocks: what takes time is a task that reports back.
func (d *Daemon) perform(now time.Time, o controller.Output) {
	switch o := o.(type) {
	case controller.Note:
		d.note(now, o)
	case controller.Happened:
		d.happened(now, o.Event)
	case controller.Answer:
		d.answer(o)
	case controller.Enlist:
		d.enlist(now, o)
	case controller.Send:
		d.sendOrder(now, o)
	case controller.Share:
		d.couriers.share(o.Entries)
	case controller.ShareWith:
		d.couriers.shareWith(o.Node, o.Entries)
	case controller.Plan:
		d.plan(o)
	case controller.Fence:
		d.spawn(func(ctx context.Context) { d.fenceNode(ctx, o.Request) })
	case controller.Proven:
		d.spawn(func(ctx context.Context) { d.tellProven(ctx, api.FencedNode{ID: o.ID, Incarnation: o.Incarnation}) })
	case controller.LetGo:
		d.letGo(o)
	case controller.Propose:
		d.propose(o)
	case controller.AskProgress:
		for _, n := range o.Nodes {
			d.spawn(func(ctx context.Context) { d.askProgress(ctx, n) })
		}
	default:
		d.performRaft(o)
	}
}

// performRaft carries out what concerns raft's members.
func (d *Daemon) performRaft(o controller.Output) {
	switch o := o.(type) {
	case controller.Campaign:
		d.raftTask("stand for election", campaignTimeout, d.store.Campaign)
	case controller.Recover:
		epoch := d.store.Epoch() + 1
		d.log.Warn("starting the configuration log anew with this node alone", "epoch", epoch, "because", o.Reason)
		d.raftTask("recover the configuration log", recoverTimeout, func(ctx context.Context) error { return d.store.Recover(ctx, epoch) })
	case controller.AddVoter:
		d.raftTask("let "+o.Node+" vote", voterTimeout, func(ctx context.Context) error {
			if err := d.store.AddLearner(ctx, o.Node); err != nil {
				return err
			}
			return d.store.Promote(ctx, o.Node)
		})
	case controller.RemoveVoter:
		d.raftTask("take the vote of "+o.Node, voterTimeout, func(ctx context.Context) error { return d.store.Remove(ctx, o.Node) })
	}
}

// Time limits of changes to raft. The controller asks again when they have not taken effect.
const (
	campaignTimeout = time.Second
	recoverTimeout  = 10 * time.Second
	voterTimeout    = 30 * time.Second
)

func (d *Daemon) raftTask(what string, limit time.Duration, do func(context.Context) error) {
	d.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if err := do(ctx); err != nil && d.ctx.Err() == nil {
			d.log.Warn(what, "err", err)
		}
	})
}

// answer ends a client's request.
func (d *Daemon) answer(a controller.Answer) {
	if reply := d.tickets[a.Ticket]; reply != nil {
		delete(d.tickets, a.Ticket)
		reply <- answer{a.Value, a.Err}
	}
}

// propose hands a change of the configuration to raft, in the order of the calls, and reports its result.
func (d *Daemon) propose(o controller.Propose) {
	patch := cib.Diff(o.Old, o.New, cib.DiffOptions{AttributeOrder: true})
	if patch == nil {
		d.spawn(func(context.Context) { _ = d.input(controller.Committed{ID: o.ID}) })
		return
	}
	p := d.store.Submit(content.Patch{Base: content.Version(o.Old), Version: content.Version(o.New), Diff: patch.XML().Compact()})
	d.spawn(func(ctx context.Context) {
		// An end of ctx is the end of the daemon; nobody waits for the result then.
		_ = d.input(controller.Committed{ID: o.ID, Err: p.Wait(ctx)})
	})
}

// applyPatch is how every node applies a change from the log.
func applyPatch(doc *cibxml.Element, text string) (*cibxml.Element, error) {
	diff, err := cibxml.Parse(text)
	if err != nil {
		return nil, err
	}
	return cib.ApplyPatch(doc, diff, true)
}

// note logs a step and keeps it in the timeline.
func (d *Daemon) note(now time.Time, n controller.Note) {
	log := d.log.Info
	switch {
	case n.Loud:
		log = d.log.Warn
	case n.Kind == "op-start":
		log = d.log.Debug
	}
	log(n.Text, "kind", n.Kind, "subject", n.Subject)
	d.timeline.add(api.TimelineEvent{At: now.UnixMilli(), Node: d.node, Kind: n.Kind, Subject: n.Subject, Text: n.Text})
}
