package crmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/devices"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// fenceSync is the connection to this node's fenced.
type fenceSync struct {
	mu     sync.Mutex
	wake   chan struct{} // capacity 1: fenced may need its configuration
	broken string        // why fenced cannot be used, "" when it can
}

func (f *fenceSync) state() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != "" {
		return f.broken
	}
	return "ok"
}

func (f *fenceSync) set(broken string) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed = f.broken != broken
	f.broken = broken
	return changed
}

// fencerRestart is how long a request waits for a fenced that is restarting.
const fencerRestart = 10 * time.Second

// fenceNode has a node fenced and tells the machine the outcome. A fenced that is not there, or that dies in
// the middle, is asked again for a while; after that the node counts as not fenced.
func (d *Daemon) fenceNode(ctx context.Context, req api.FenceRequest) {
	d.records.settle(ctx) // the others hold why, before the victim is shot
	give := time.Now().Add(fencerRestart)
	var result api.FenceResult
	for {
		err := d.fencer.Call(ctx, http.MethodPost, api.PathFence, req, &result)
		if err == nil {
			break
		}
		refused := (*ipc.Error)(nil)
		if ctx.Err() != nil || time.Now().After(give) || errors.As(err, &refused) && refused.Code != api.CodeNotConnected {
			result = api.FenceResult{Status: int(lrm.NotConnected), RC: int(lrm.RCError), Reason: err.Error(), Action: req.Action}
			break
		}
		d.log.Warn("fenced does not answer, asking again", "target", req.Target, "err", err)
		select {
		case <-time.After(reportRetry):
		case <-ctx.Done():
		}
	}
	_ = d.input(controller.FenceDone{ID: req.ID, Result: result})
}

// tellProven tells corosyncd that a node is dead, so that it lets a new life of it in.
func (d *Daemon) tellProven(ctx context.Context, n api.FencedNode) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := d.corosync.Call(ctx, http.MethodPost, api.PathFencedNode, n, nil); err != nil && d.ctx.Err() == nil {
		d.log.Warn("corosyncd does not know that a node is fenced; it stays out until its stack restarts", "node", n.ID, "err", err)
	}
}

// watchFencer listens to what fenced does for others, and notices when it restarts.
func (d *Daemon) watchFencer(ctx context.Context) {
	for ctx.Err() == nil {
		err := ipc.Watch(ctx, d.fencer, api.PathFenceEvents, func(ev api.FenceEvent) error {
			if d.fence.set("") {
				d.log.Info("connected to fenced")
			}
			d.fence.poke()
			if ev.ID == "" {
				return d.learnFences(ctx) // the greeting of a stream
			}
			d.alerts.fencing(ev)
			return d.input(controller.FenceHappened{Event: ev})
		})
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("fenced ended the connection")
		}
		if d.fence.set(err.Error()) {
			d.log.Warn("no connection to fenced", "err", err)
		}
		d.fence.poke()
		select {
		case <-time.After(reportRetry):
		case <-ctx.Done():
		}
	}
}

// learnFences tells the machine what happened while nobody listened: this node may have been fenced.
func (d *Daemon) learnFences(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var events []api.FenceEvent
	if err := d.fencer.Call(ctx, http.MethodGet, api.PathFenceHistory, nil, &events); err != nil {
		return fmt.Errorf("the fencing history is not known: %w", err)
	}
	return d.input(controller.FenceHistory{Events: events})
}

func (f *fenceSync) poke() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake == nil {
		f.wake = make(chan struct{}, 1)
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *fenceSync) waker() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake == nil {
		f.wake = make(chan struct{}, 1)
	}
	return f.wake
}

// pushDevices keeps fenced's devices those of the CIB: it sends them when the configuration changes and when
// fenced has restarted.
func (d *Daemon) pushDevices(ctx context.Context) {
	var sent *cibxml.Element
	for {
		s := d.snap.Load()
		var next chan struct{}
		if s != nil {
			next = s.next
			if conf := s.doc.Child("configuration"); conf != nil && conf != sent {
				if err := d.pushConfig(ctx, s.doc); err == nil {
					sent = conf
				}
			}
		}
		select {
		case <-next:
		case <-d.fence.waker():
			sent = nil
		case <-ctx.Done():
			return
		}
	}
}

func (d *Daemon) pushConfig(ctx context.Context, doc *cibxml.Element) error {
	var banned func(string) bool
	if devices.HasLocations(doc) {
		banned = d.planner.banned(doc, d.node)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return d.fencer.Call(ctx, http.MethodPut, api.PathFenceConfig, devices.From(doc, banned), nil)
}

// deviceCall serves operations on fence devices.
func (d *Daemon) deviceCall(ctx context.Context, c executor.DeviceCall) executor.Outcome {
	if c.Task == "stop" {
		return executor.Outcome{}
	}
	check := api.FenceCheck{Device: c.ID, Agent: c.Agent, Params: c.Params, Action: "monitor", Timeout: c.Timeout.Milliseconds()}
	var r api.FenceResult
	if err := d.fencer.Call(ctx, http.MethodPost, api.PathFenceTest, check, &r); err != nil {
		status := lrm.NotConnected
		if ctx.Err() != nil {
			status = lrm.Timeout
		}
		return executor.Outcome{Status: status, RC: lrm.RCError, ExitReason: err.Error()}
	}
	return executor.Outcome{Status: lrm.Status(r.Status), RC: lrm.RC(r.RC), ExitReason: r.Reason}
}

// isFenceDevice reports whether a resource is a fence device, which does not "run" anywhere.
func (d *Daemon) isFenceDevice(rsc string) bool {
	doc := d.doc()
	found := false
	doc.Child("configuration").Child("resources").Walk(func(e *cibxml.Element) bool {
		found = found || e.IsTag("primitive") && e.ID() == rsc && e.Get("class") == "stonith"
		return !found
	})
	return found
}
