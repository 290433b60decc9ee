package crmd

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/watch"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/observer"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
	"github.com/holdfast-ha/holdfast/crmd/timing"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
)

func cores() int { return runtime.NumCPU() }

// config is a cluster file with the sections that crmd reads of it. It is immutable.
type config struct {
	*clusterfile.File
	watch watch.Settings
}

// readFile reads what crmd needs of a cluster file.
func readFile(path string, text []byte) (*config, error) {
	c := &config{}
	file, err := clusterfile.Parse(path, text, func(f *clusterfile.File) { c.watch = watch.Read(f) })
	c.File = file
	return c, err
}

// throttles is what the file says of the throttle, as the machine takes it.
func (c *config) throttles() controller.ThrottleChanged {
	return controller.ThrottleChanged{All: c.watch.Throttle, Nodes: c.watch.NodeThrottle}
}

// observe makes the observer of this node.
func (d *Daemon) observe() (err error) {
	w := d.file.Load().watch
	disks := []vitals.Disk{}
	for _, path := range append([]string{d.cfg.Dirs.State("crmd")}, w.Vitals.Disks...) {
		disks = append(disks, vitals.Disk{Path: path, Every: time.Duration(w.Vitals.DiskEveryMs) * time.Millisecond,
			Deadline: time.Duration(w.Vitals.DiskDeadlineMs) * time.Millisecond, ReadOnly: w.Vitals.ReadOnly})
	}
	v := d.cfg.Vitals
	v.Disks, v.Heartbeat, v.Fencing, v.Processes = disks, (&pulse{d: d}).read, d.fencePaths, d.supervision.watches
	d.observer, err = observer.New(observer.Config{Node: d.node, Vitals: v, Settings: observer.Settings{Detect: w.Detect, Throttle: d.machine.ThrottleOf(d.node)},
		Alarm: d.alarmed, Mode: d.loaded, Used: ownCPU, Log: d.log})
	return err
}

// tuned is what the observer's settings were made of.
type tuned struct {
	file *config
	conf *cibxml.Element
}

// tune gives the observer its settings when the cluster file or the configuration has changed. Only the loop
// calls it.
func (d *Daemon) tune(doc *cibxml.Element) {
	now := tuned{d.file.Load(), nil}
	if doc != nil {
		now.conf = doc.Child("configuration")
	}
	if d.tuned == now {
		return
	}
	d.tuned = now
	d.observer.Configure(observer.Settings{Detect: now.file.watch.Detect, Throttle: d.machine.ThrottleOf(d.node),
		Timeouts: timing.Problems(now.conf, now.file.Totem.Effective().Milliseconds(), now.file.Totem.StallGrace.Milliseconds())})
	d.confirm.Step(time.Now(), confirm.Configured{Config: now.file.watch.Monitor})
	d.alerts.configure(now.conf)
	d.actions.configure(now.file.watch.Detect)
}

// loaded takes the throttle's mode of this node.
func (d *Daemon) loaded(mode throttle.Mode, jobs int) {
	d.enqueue(func(now time.Time) {
		d.worker.SetLoad(mode.String(), jobs)
		if d.reportToSelf(now); d.machine.Leads() && d.worker.DC() == d.node {
			d.step(now, controller.NodeReported{Updates: d.worker.Unsent()}) // of no operation, only of the load
		}
		d.records.step(now, incident.Throttled{Mode: mode.String(), Inputs: d.observer.Throttle().Inputs})
		d.note(now, controller.Note{Kind: "throttle", Subject: d.node, Text: fmt.Sprintf("throttle mode of this node is %s", mode)})
		d.somethingToReport()
	})
}

// ownCPU is the CPU time that crmd has used, without its children.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fencePaths are the fence devices that do not work from this node, as fenced has found by probing them.
func (d *Daemon) fencePaths(ctx context.Context) []api.FencePath {
	var health api.FenceHealth
	if err := d.fencer.Call(ctx, http.MethodGet, api.PathFenceHealth, nil, &health); err != nil {
		return []api.FencePath{{ID: "fenced", Error: err.Error()}}
	}
	var out []api.FencePath
	for _, way := range health.Paths {
		if way.Problem != "" {
			out = append(out, api.FencePath{ID: way.Device, Error: way.Problem, Since: way.Since, Checked: way.Checked, Failures: way.Failures, Probes: way.Probes})
		}
	}
	return out
}

// pulse asks corosyncd how well heartbeats work. One goroutine, a source of the sampler, owns it.
type pulse struct {
	d        *Daemon
	at       int64 // of the last answer, on corosyncd's clock; 0 after a failure
	answered int64
	last     map[linkKey]api.LinkStatus
	// asking tells that members are being asked whether they are there.
	asking atomic.Bool
}

type linkKey struct {
	node api.NodeID
	link int
}

func (p *pulse) read(ctx context.Context) api.HeartbeatVitals {
	since := p.at
	if since == 0 {
		since = time.Now().Add(-time.Second).UnixMilli()
	}
	var a api.Pulse
	if err := p.d.corosync.Call(ctx, http.MethodGet, fmt.Sprintf("%s?since=%d", api.PathPulse, since), nil, &a); err != nil {
		p.at, p.last = 0, nil
		return api.HeartbeatVitals{Error: err.Error(), Answered: p.answered}
	}
	p.answered = time.Now().UnixMilli()
	h := api.HeartbeatVitals{Known: true, Answered: p.answered, Token: a.Token, Interval: a.Interval, Late: a.Late, Realtime: a.Realtime}
	now := make(map[linkKey]api.LinkStatus, len(a.Links))
	names := p.d.nodeNames()
	for _, l := range a.Links {
		name := names[l.Node]
		if l.Node == p.d.id || name == "" || l.LastHeard == 0 {
			continue
		}
		k := linkKey{l.Node, l.Link}
		now[k] = l
		v := api.LinkVitals{Link: l.Link, Node: name, Up: l.Connected, RTT: l.RTT, Silent: max(0, a.At-l.LastHeard)}
		if was, ok := p.last[k]; ok && l.Received >= was.Received {
			v.Received, v.Lost, v.Flaps = l.Received-was.Received, l.Lost-min(l.Lost, was.Lost), l.Flaps-min(l.Flaps, was.Flaps)
		}
		h.Links = append(h.Links, v)
	}
	p.at, p.last = a.At, now
	p.askSilent(&h)
	return h
}

// askSilent asks the crmds of members whose heartbeats are missing, at least two of them, whether they are there: that tells a host that
// does not schedule its corosyncd from a network that is cut.
func (p *pulse) askSilent(h *api.HeartbeatVitals) {
	v := p.d.view.Load()
	if v == nil {
		return
	}
	shortest := make(map[string]int64)
	for _, l := range h.Links {
		if s, ok := shortest[l.Node]; !ok || l.Silent < s {
			shortest[l.Node] = l.Silent
		}
	}
	quiet := make(map[string]int64)
	for name, silent := range shortest {
		if hasMember(v, name) && silent > 5*h.Interval/2 {
			quiet[name] = silent
		}
	}
	if len(quiet) == 0 || p.d.ctx.Err() != nil || !p.asking.CompareAndSwap(false, true) {
		return
	}
	p.d.spawn(func(ctx context.Context) {
		pause := time.After(knockTimeout)
		p.d.knockAll(ctx, quiet)
		select {
		case <-pause:
		case <-ctx.Done():
		}
		p.asking.Store(false)
		p.d.observer.Poke() // while it lasts, there are four samples a second
	})
}

// nodeNames are the names of the configured nodes.
func (d *Daemon) nodeNames() map[api.NodeID]string {
	out := make(map[api.NodeID]string)
	for _, n := range d.file.Load().Nodes {
		out[n.ID] = n.Name
	}
	return out
}
