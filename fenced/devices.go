package fenced

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// handleDevices serves what concerns devices and levels.
func (d *Daemon) handleDevices(mux *http.ServeMux) {
	mux.HandleFunc("GET "+api.PathFenceDevices, d.serveDevices)
	mux.HandleFunc("POST "+api.PathFenceDevices, func(w http.ResponseWriter, r *http.Request) {
		var dev api.FenceDevice
		err := ipc.Read(r, &dev)
		if err == nil && (dev.ID == "" || dev.Agent == "") {
			err = ipc.Errorf(api.CodeInvalidParam, "a device needs an id and an agent")
		}
		if err == nil {
			d.log.Info("a device is registered by a command", "device", dev.ID, "agent", dev.Agent, "by", d.who(r.Context()))
			err = d.post(func(now time.Time) { d.give(now, device.Register{Device: d.choose(dev)}) })
		}
		d.reply(w, err, nil)
	})
	mux.HandleFunc("DELETE "+api.PathFenceDevices, func(w http.ResponseWriter, r *http.Request) {
		d.reply(w, d.post(func(now time.Time) { d.give(now, device.Unregister{ID: r.URL.Query().Get("id")}) }), nil)
	})
	mux.HandleFunc("POST "+api.PathFenceLevels, func(w http.ResponseWriter, r *http.Request) { d.changeLevels(w, r, d.addLevel) })
	mux.HandleFunc("DELETE "+api.PathFenceLevels, func(w http.ResponseWriter, r *http.Request) { d.changeLevels(w, r, d.removeLevel) })
	mux.HandleFunc("POST "+api.PathFenceTest, d.serveCheck)
}

// defaultQuery bounds a listing of devices for a target unless the client does.
const defaultQuery = 30 * time.Second

// serveDevices lists the devices, and with a target which of them can fence it.
func (d *Daemon) serveDevices(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	can := map[string]bool{}
	if target := v.Get("target"); target != "" {
		limit := defaultQuery
		if ms, err := strconv.ParseInt(v.Get("timeout"), 10, 64); err == nil && ms > 0 {
			limit = time.Duration(ms) * time.Millisecond
		}
		for _, id := range d.capable(r.Context(), target, limit) {
			can[id] = true
		}
	}
	list, err := query(r.Context(), d, func() []api.FenceDeviceStatus { return d.state.exec.Devices() })
	for i := range list {
		list[i].CanFence = can[list[i].ID]
	}
	d.reply(w, err, list)
}

// capable asks this node's devices which of them can fence the target, for as long as limit.
func (d *Daemon) capable(ctx context.Context, target string, limit time.Duration) []string {
	parts, stop := d.ask(device.Query{Target: target, Action: device.Reboot, Self: true})
	defer stop()
	t := time.NewTimer(limit)
	defer t.Stop()
	var ids []string
	for {
		select {
		case o := <-parts:
			for _, offer := range o.Offers {
				ids = append(ids, offer.Device)
			}
			if o.Done {
				return ids
			}
		case <-t.C:
			return ids
		case <-ctx.Done():
			return ids
		case <-d.ctx.Done():
			return ids
		}
	}
}

// changeLevels reads a level and has the loop change the topology.
func (d *Daemon) changeLevels(w http.ResponseWriter, r *http.Request, change func(api.FenceLevel)) {
	var l api.FenceLevel
	err := ipc.Read(r, &l)
	if err == nil && (l.Index < 0 || l.Index > 9 || l.Index == 0 && r.Method == http.MethodPost) {
		err = ipc.Errorf(api.CodeSoftware, "topology level %d: Invalid argument", l.Index)
	}
	if err == nil {
		_, err = query(r.Context(), d, func() bool {
			change(l)
			d.configure(time.Now(), d.state.config)
			return true
		})
	}
	d.reply(w, err, nil)
}

func (d *Daemon) addLevel(l api.FenceLevel) { d.state.levels = append(d.state.levels, l) }

// removeLevel removes a level that a command made, or with index 0 all of them for the target.
func (d *Daemon) removeLevel(l api.FenceLevel) {
	d.state.levels = slices.DeleteFunc(d.state.levels, func(x api.FenceLevel) bool {
		return levelKey(&x) == levelKey(&l) && (l.Index == 0 || x.Index == l.Index)
	})
}

// serveCheck runs an action that fences nobody.
func (d *Daemon) serveCheck(w http.ResponseWriter, r *http.Request) {
	var c api.FenceCheck
	if err := ipc.Read(r, &c); err != nil {
		ipc.Fail(w, err)
		return
	}
	begin := time.Now()
	res, err := d.check(r.Context(), c)
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	out := outcome(res)
	out.Action, out.Device, out.Delegate = c.Action, c.Device, d.node
	out.Started, out.Done = begin.UnixMilli(), time.Now().UnixMilli()
	out.Output, out.Errors = res.Output, res.Errors
	ipc.Reply(w, out)
}

func (d *Daemon) check(ctx context.Context, c api.FenceCheck) (device.Result, error) {
	if c.Action == "metadata" {
		return d.drive(ctx, device.Call{Agent: c.Agent, Driver: d.choose(api.FenceDevice{Agent: c.Agent}).Driver, Action: c.Action, Params: []device.Param{{Name: "action", Value: c.Action}}, Timeout: device.LearnTimeout}), nil
	}
	in := device.Check{Check: c}
	if c.Agent != "" {
		dev := d.choose(api.FenceDevice{ID: c.Device, Agent: c.Agent, Params: c.Params})
		in.Device = &dev
	}
	done := make(chan device.Result, 1)
	if err := d.post(func(now time.Time) {
		in.ID = d.id("check")
		d.state.finished[in.ID] = func(r device.Result) { done <- r }
		d.give(now, in)
	}); err != nil {
		return device.Result{}, err
	}
	select {
	case res := <-done:
		return res, nil
	case <-ctx.Done():
		_ = d.post(func(now time.Time) { d.withdraw(now, in.ID) })
		return device.Result{Status: lrm.Cancelled, RC: int(lrm.RCError)}, ctx.Err()
	case <-d.ctx.Done():
		return device.Result{}, errStopping
	}
}
