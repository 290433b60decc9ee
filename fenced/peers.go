package fenced

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

const (
	// maxLetters bounds what waits for a peer that does not answer; beyond it the whole history is sent.
	maxLetters = 256
	// letterTimeout bounds one delivery, letterPause lies between two attempts.
	letterTimeout = 5 * time.Second
	letterPause   = time.Second
	// answerTime is what a peer may take longer than it said, for the way back.
	answerTime = time.Second
)

// peer is another member of the view.
type peer struct {
	name    string
	client  *ipc.Client
	letters chan letter
	missed  atomic.Bool            // letters were lost
	problem atomic.Pointer[string] // what is wrong with the connection, nil when nothing is
	ctx     context.Context        // ends when the node leaves the view, and with it all that is asked of it
	cancel  context.CancelFunc
}

// letter is an event for a peer, or the order to forget what is finished about a target.
type letter struct {
	event   api.FenceEvent
	cleanup *string
}

// send queues a letter. Only the loop calls it.
func (p *peer) send(l letter) {
	select {
	case p.letters <- l:
	default:
		p.missed.Store(true)
	}
}

// meet makes the view's other members the peers. Only the loop calls it.
func (d *Daemon) meet(v *api.View) {
	here := map[string]bool{}
	for _, m := range v.Members {
		if m.Name == d.node {
			continue
		}
		here[m.Name] = true
		if d.state.peers[m.Name] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(d.ctx)
		p := &peer{name: m.Name, client: d.dialer.Client(m.Name), letters: make(chan letter, maxLetters), ctx: ctx, cancel: cancel}
		d.state.peers[m.Name] = p
		d.tasks.Go(func() { d.correspond(p.ctx, p) })
	}
	for name, p := range d.state.peers {
		if !here[name] {
			p.cancel()
			delete(d.state.peers, name)
		}
	}
}

// correspond exchanges histories with a peer once and then brings it our letters, until ctx ends. Both ways are
// needed: a peer that has not noticed that this fenced restarted does not ask.
func (d *Daemon) correspond(ctx context.Context, p *peer) {
	defer p.client.Close()
	attempt := func(do func(ctx context.Context) error) {
		for ctx.Err() == nil {
			tctx, cancel := context.WithTimeout(ctx, letterTimeout)
			err := do(tctx)
			cancel()
			if err == nil {
				if p.problem.Swap(nil) != nil {
					d.log.Info("fenced on the other node answers again", "peer", p.name)
				}
				return
			}
			text := err.Error()
			if p.problem.Swap(&text) == nil && ctx.Err() == nil {
				d.log.Warn("fenced on the other node does not answer", "peer", p.name, "err", err)
			}
			select {
			case <-time.After(letterPause):
			case <-ctx.Done():
			}
		}
	}
	attempt(func(ctx context.Context) error { return d.learnHistory(ctx, p) })
	attempt(func(ctx context.Context) error { return d.tellHistory(ctx, p) })
	for ctx.Err() == nil {
		select {
		case l := <-p.letters:
			attempt(func(ctx context.Context) error { return d.deliver(ctx, p, l) })
		case <-ctx.Done():
		}
	}
}

func (d *Daemon) learnHistory(ctx context.Context, p *peer) error {
	var events []api.FenceEvent
	if err := p.client.Call(ctx, http.MethodGet, api.PathFencePeerHistory, nil, &events); err != nil {
		return err
	}
	return d.post(func(now time.Time) { d.give(now, plan.Heard{Events: events}) })
}

func (d *Daemon) tellHistory(ctx context.Context, p *peer) error {
	all, err := query(ctx, d, func() []api.FenceEvent { return d.state.fencer.History("") })
	if err != nil {
		return err
	}
	return p.client.Call(ctx, http.MethodPost, api.PathFencePeerHistory, all, nil)
}

func (d *Daemon) deliver(ctx context.Context, p *peer, l letter) error {
	if p.missed.Swap(false) {
		if err := d.tellHistory(ctx, p); err != nil {
			p.missed.Store(true)
			return err
		}
	}
	if l.cleanup != nil {
		return p.client.Call(ctx, http.MethodDelete, api.PathFencePeerHistory+"?target="+url.QueryEscape(*l.cleanup), nil, nil)
	}
	return p.client.Call(ctx, http.MethodPost, api.PathFencePeerHistory, []api.FenceEvent{l.event}, nil)
}

const (
	// queryTries is how often a peer is asked that cannot be reached: one that is busy or restarts its fenced may
	// be the only one that can fence. A peer that is dead leaves the view before that.
	queryTries = 3
	queryPause = 300 * time.Millisecond
)

// queryPeer asks a peer for its devices.
func (d *Daemon) queryPeer(name string, q plan.Query) {
	p := d.state.peers[name]
	if p == nil {
		d.later(plan.Offered{Op: q.Op, Peer: name, Err: "it is not a member"})
		return
	}
	d.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, q.Wait)
		defer cancel()
		for try := 1; ; try++ {
			begun, err := d.queryOnce(ctx, p, q)
			if errors.Is(err, errAnswered) {
				return
			}
			if !begun && try < queryTries && ctx.Err() == nil {
				select {
				case <-time.After(queryPause):
				case <-ctx.Done():
				}
				continue
			}
			_ = d.post(func(now time.Time) { d.give(now, plan.Offered{Op: q.Op, Peer: name, Err: fmt.Sprint(err)}) })
			return
		}
	})
}

// queryOnce passes a peer's answer on, part by part. begun tells that a part has come.
func (d *Daemon) queryOnce(ctx context.Context, p *peer, q plan.Query) (begun bool, err error) {
	v := url.Values{"target": {q.Target}, "action": {q.Action}, "self": {strconv.FormatBool(q.Self)}}
	err = ipc.Watch(ctx, p.client, api.PathFencePeerQuery+"?"+v.Encode(), func(o api.FenceOffers) error {
		begun = true
		if err := d.post(func(now time.Time) {
			d.give(now, plan.Offered{Op: q.Op, Peer: p.name, Offers: o.Offers, Problems: o.Problems, Done: o.Done})
		}); err != nil {
			return err
		}
		if o.Done {
			return errAnswered
		}
		return nil
	})
	return begun, err
}

var errAnswered = errors.New("answered completely")

// executeThere has a peer use a device. Only an answer of the peer counts; without one nobody knows.
func (d *Daemon) executeThere(x plan.Execute) {
	p := d.state.peers[x.Peer]
	if p == nil {
		d.later(plan.Executed{Step: x.Step, Unreachable: true, Result: noAnswer(errors.New("it is not a member"))})
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, time.Duration(x.Order.Wait)*time.Millisecond+answerTime)
	d.state.steps[x.Step] = cancel
	d.tasks.Go(func() {
		defer cancel()
		in := plan.Executed{Step: x.Step}
		if err := p.client.Call(ctx, http.MethodPost, api.PathFencePeerOrder, x.Order, &in.Result); err != nil {
			in.Unreachable, in.Result = true, noAnswer(err)
		}
		_ = d.post(func(now time.Time) {
			delete(d.state.steps, x.Step)
			d.give(now, in)
		})
	})
}

func noAnswer(err error) api.FenceResult {
	return api.FenceResult{Status: int(lrm.NotConnected), RC: int(lrm.RCError), Reason: err.Error()}
}

// forward has a peer conduct a request for this node itself.
func (d *Daemon) forward(f plan.Forward) {
	p := d.state.peers[f.Peer]
	if p == nil {
		d.later(plan.ForwardDone{Op: f.Op, Unreachable: true})
		return
	}
	d.tasks.Go(func() {
		in := plan.ForwardDone{Op: f.Op}
		if err := p.client.Call(p.ctx, http.MethodPost, api.PathFencePeerFence, f.Request, &in.Result); err != nil {
			in.Unreachable = true
			d.log.Warn("cannot forward a fencing request", "peer", f.Peer, "op", f.Op, "err", err)
		}
		_ = d.post(func(now time.Time) { d.give(now, in) })
	})
}
