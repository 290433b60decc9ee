package fenced

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/fenced/pathhealth"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/internal/exposition"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// collect is the page of metrics: what ha_cluster_exporter tells of sbd, and Holdfast's own.
func (d *Daemon) collect(ctx context.Context) string {
	var p exposition.Page
	type facts struct {
		history []api.FenceEvent
		devices []api.FenceDeviceStatus
		ways    []api.FenceWay
		pending int
	}
	f, err := query(ctx, d, func() facts {
		d.meetPaths(time.Now())
		return facts{d.state.fencer.History(""), d.state.exec.Devices(), d.state.health.List(), d.state.fencer.Pending()}
	})
	if err == nil {
		historyMetrics(&p, f.history)
		figureMetrics(&p, pathhealth.Figures(f.history))
		wayMetrics(&p, f.ways)
		deviceMetrics(&p, f.devices)
		p.Gauge("holdfast_fence_pending", "Fencing operations in progress that this node conducts.").Add(float64(f.pending))
	}
	p.Gauge("holdfast_fence_view_known", "Whether corosyncd's views reach fenced.").Set(*d.viewing.Load() == "ok")
	sbdMetrics(ctx, &p, &d.disks)
	scrape.Process(&p)
	return p.Text()
}

func historyMetrics(p *exposition.Page, history []api.FenceEvent) {
	type kind struct{ target, action, state string }
	count, last := make(map[kind]int), make(map[kind]api.FenceEvent)
	for _, e := range history {
		k := kind{e.Target, e.Action, e.State}
		count[k]++
		if e.At >= last[k].At {
			last[k] = e
		}
	}
	n := p.Gauge("holdfast_fence_history", "Entries of the cluster's fencing history.")
	at := p.Gauge("holdfast_fence_last_time_seconds", "When the last one of them was asked for, in Unix time.")
	took := p.Gauge("holdfast_fence_last_duration_seconds", "How long the last one of them took from request to proof.")
	for k, c := range count {
		label := []string{"target", k.target, "action", k.action, "state", k.state}
		n.Add(float64(c), label...)
		at.Add(float64(last[k].At)/1000, label...)
		if done := last[k].Result.Done; done > 0 {
			took.Add(float64(done-last[k].At)/1000, label...)
		}
	}
}

func deviceMetrics(p *exposition.Page, devices []api.FenceDeviceStatus) {
	ok := p.Gauge("holdfast_fence_device_ok", "Whether nothing is wrong with a fence device on this node.")
	verified := p.Gauge("holdfast_fence_device_verified", "Whether a fence device has answered on this node.")
	for _, x := range devices {
		label := []string{"device", x.ID, "agent", x.Agent, "driver", x.Driver}
		ok.Set(x.Error == "", label...)
		verified.Set(x.Verified, label...)
	}
}

// wayMetrics are what the regular probes of this node's devices say.
func wayMetrics(p *exposition.Page, ways []api.FenceWay) {
	ok := p.Gauge("holdfast_fence_path_ok", "Whether the last probe of a fence device from this node succeeded and nothing else is known against it.")
	broken := p.Gauge("holdfast_fence_path_broken", "Whether the way from this node to a fence device counts as broken.")
	took := p.Gauge("holdfast_fence_path_probe_seconds", "How long the last probe took.")
	failures := p.Counter("holdfast_fence_path_failures_total", "Probes that failed.")
	for _, w := range ways {
		ok.Set(w.OK, "device", w.Device)
		broken.Set(w.Problem != "", "device", w.Device)
		took.Add(float64(w.Took)/1000, "device", w.Device)
		failures.Add(float64(w.Failures), "device", w.Device)
	}
}

// figureMetrics are how the devices have done, on all nodes, as far as the history reaches back.
func figureMetrics(p *exposition.Page, figures []api.FenceFigure) {
	done := p.Gauge("holdfast_fence_operations", "Operations of a fence device in the history, by outcome.")
	took := p.Gauge("holdfast_fence_duration_seconds", "How long successful operations of a fence device took, from request to proof.")
	for _, f := range figures {
		label := []string{"device", f.Device, "node", f.Node, "action", f.Action}
		done.Add(float64(f.Succeeded), append(label, "outcome", "succeeded")...)
		done.Add(float64(f.Failed), append(label, "outcome", "failed")...)
		if f.Succeeded > 0 {
			took.Add(float64(f.Median)/1000, append(label, "quantile", "0.5")...)
			took.Add(float64(f.Worst)/1000, append(label, "quantile", "1")...)
		}
	}
}

// disks are the sbd devices that are being looked at: one that hangs is not asked again meanwhile.
type disks struct {
	mu   sync.Mutex
	busy map[string]bool
}

// diskTimeout is how long an sbd device may take before it counts as unhealthy.
const diskTimeout = 2 * time.Second

func sbdMetrics(ctx context.Context, p *exposition.Page, d *disks) {
	ctx, cancel := context.WithTimeout(ctx, diskTimeout)
	defer cancel()
	paths := sbdDevices()
	if len(paths) == 0 {
		return
	}
	status := p.Gauge("ha_cluster_sbd_devices", "SBD devices; one line per device.")
	times := p.Gauge("ha_cluster_sbd_timeouts", "SBD timeouts for each device and type.")
	for _, path := range paths {
		h, err := d.header(ctx, path)
		if err != nil {
			status.Add(1, "device", path, "status", "unhealthy")
			continue
		}
		status.Add(1, "device", path, "status", "healthy")
		times.Add(float64(h.Watchdog/time.Second), "device", path, "type", "watchdog")
		times.Add(float64(h.Msgwait/time.Second), "device", path, "type", "msgwait")
	}
}

// header reads a device's header on a goroutine that may be left behind in the kernel.
func (d *disks) header(ctx context.Context, path string) (sbdformat.Header, error) {
	if !d.begin(path) {
		return sbdformat.Header{}, context.DeadlineExceeded
	}
	type answer struct {
		h   sbdformat.Header
		err error
	}
	got := make(chan answer, 1)
	go func() {
		h, err := readHeader(ctx, path)
		d.end(path)
		got <- answer{h, err}
	}()
	select {
	case a := <-got:
		return a.h, a.err
	case <-ctx.Done():
		return sbdformat.Header{}, ctx.Err()
	}
}

func (d *disks) begin(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[path] {
		return false
	}
	if d.busy == nil {
		d.busy = make(map[string]bool)
	}
	d.busy[path] = true
	return true
}

func (d *disks) end(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.busy, path)
}

func readHeader(ctx context.Context, path string) (sbdformat.Header, error) {
	disk, err := sbddisk.Open(path, sbddisk.Options{})
	if err != nil {
		return sbdformat.Header{}, err
	}
	defer disk.Close()
	return disk.Header(ctx)
}

// address is where this daemon answers Prometheus, from a cluster file that is read again when it has changed.
type address struct {
	mu    sync.Mutex
	mtime time.Time
	text  string
}

func (d *Daemon) metricsAddress() string {
	a := &d.metricsAt
	a.mu.Lock()
	defer a.mu.Unlock()
	path := d.cfg.Dirs.ClusterFile()
	info, err := os.Stat(path)
	if err != nil || info.ModTime().Equal(a.mtime) {
		return a.text
	}
	a.mtime = info.ModTime()
	text, err := os.ReadFile(path)
	if err != nil {
		return a.text
	}
	file, err := clusterfile.Parse(path, text)
	if err != nil {
		return a.text // crmd and hcs complain
	}
	if n := file.Node(d.node); n != nil {
		a.text = file.Metrics.Address(file.Metrics.Fenced, n.Links)
	}
	return a.text
}
