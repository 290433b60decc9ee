package fenced

import (
	"context"
	"hash/fnv"
	"net/http"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/pathhealth"
)

const (
	// probeTick is how often it is looked whether a device is to be probed.
	probeTick = 2 * time.Second
	// probeLimit bounds one probe. A fence that needs the device ends it anyway.
	probeLimit = 60 * time.Second
	// probeSpread is the time over which the first probes of all nodes are spread after a start.
	probeSpread = 60 * time.Second
)

// probePaths tests each device from time to time, one after the other, and follows the cluster file, until ctx ends.
func (d *Daemon) probePaths(ctx context.Context) {
	t := time.NewTicker(probeTick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		d.readSettings()
		every := d.settings.Load().Probe
		if every == 0 {
			continue
		}
		due, err := query(ctx, d, func() string {
			d.meetPaths(time.Now())
			return d.state.health.Due(time.Now())
		})
		if err == nil && due != "" {
			d.probe(ctx, due, every)
		}
	}
}

// meetPaths tells the book which devices there are. Only the loop calls it.
func (d *Daemon) meetPaths(now time.Time) {
	var list []pathhealth.Device
	for _, s := range d.state.exec.Devices() {
		list = append(list, pathhealth.Device{ID: s.ID, Agent: s.Agent, Driver: s.Driver})
	}
	d.state.health.Devices(list, func(p pathhealth.Device) time.Time {
		h := fnv.New32a()
		_, _ = h.Write([]byte(d.node + "\x00" + p.ID)) // never fails
		return now.Add(time.Duration(h.Sum32()%uint32(probeSpread.Milliseconds())) * time.Millisecond)
	})
}

// probe tests one device and notes the outcome.
func (d *Daemon) probe(ctx context.Context, id string, every time.Duration) {
	begin := time.Now()
	r, err := d.check(ctx, api.FenceCheck{Device: id, Action: "monitor", Timeout: probeLimit.Milliseconds()})
	took := time.Since(begin)
	_ = d.post(func(now time.Time) {
		switch {
		case err != nil || r.Status == lrm.NotSupported || r.Status == lrm.NoFenceDevice || r.Status == lrm.Cancelled:
			d.state.health.Skipped(now, id, every)
		case r.Status == lrm.Done && r.RC == 0:
			d.state.health.Probed(now, id, "", took, every)
		default:
			problem := r.Reason
			if problem == "" {
				problem = "monitor: " + r.Status.String()
			}
			d.state.health.Probed(now, id, problem, took, every)
		}
		d.tellHealth()
	})
}

// alarm takes what the driver of reservations says about a disk between fences. Any goroutine may call it.
func (d *Daemon) alarm(disk, problem string) {
	_ = d.post(func(now time.Time) {
		d.meetPaths(now)
		if d.state.alarms[disk] = problem; problem == "" {
			delete(d.state.alarms, disk)
		}
		worst := ""
		for _, p := range d.state.alarms {
			worst = max(worst, p)
		}
		d.state.health.Noticed(now, []string{catalogue.SCSI().Name}, worst)
		d.tellHealth()
	})
}

// tellHealth writes what has changed into the log. Only the loop calls it.
func (d *Daemon) tellHealth() {
	for _, c := range d.state.health.Changes() {
		if c.Problem == "" {
			d.log.Info("the way to a fence device works again", "device", c.Device)
		} else {
			d.log.Warn("nodes could not be fenced with a device from here", "device", c.Device, "err", c.Problem)
		}
	}
}

func (d *Daemon) serveHealth(w http.ResponseWriter, r *http.Request) {
	h, err := query(r.Context(), d, func() api.FenceHealth {
		d.meetPaths(time.Now())
		return api.FenceHealth{Node: d.node, Paths: d.state.health.List(), Figures: pathhealth.Figures(d.state.fencer.History(""))}
	})
	d.reply(w, err, h)
}
