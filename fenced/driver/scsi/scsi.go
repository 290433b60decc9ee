// Package scsi fences by SCSI-3 persistent reservations, in place of fence_scsi: every node registers a key with
// the shared disks, only registered nodes can write, and a node is fenced by taking its registration away.
//
// It is the fastest fence there is, and the only one that proves what it is for: that nothing more is written.
// It leaves the node running; a second fencing level may switch it off.
package scsi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// Config is what the driver needs of the node.
type Config struct {
	// Cluster tells what keys are derived from, as it stands.
	Cluster func() Cluster
	// Member reports whether this node is in the cluster for certain: only then a path that has come back is
	// registered again.
	Member     func() bool
	SecretsDir string
	Log        *slog.Logger
	// Alarm is told when this node has lost its registration with a device, and with "" when it has it again.
	Alarm func(device, problem string)

	// Open, Paths, Volumes and Stores replace the kernel's devices in tests.
	Open    Open
	Paths   func(device string) ([]string, error)
	Volumes func(ctx context.Context) ([]string, error)
	Stores  []string
}

// Driver serves fence_scsi.
type Driver struct {
	native.Driver
	cfg     Config
	storing sync.Mutex
}

// New makes a driver and starts nothing.
func New(c Config) *Driver {
	d := &Driver{cfg: c}
	if c.Stores == nil {
		d.cfg.Stores = Stores
	}
	if c.Open == nil {
		d.cfg.Open = OpenKernel
	}
	if c.Paths == nil {
		d.cfg.Paths = KernelPaths
	}
	if c.Volumes == nil {
		d.cfg.Volumes = sharedVolumes
	}
	d.Driver = native.Driver{Agents: []*param.Agent{catalogue.SCSI()}, SecretsDir: c.SecretsDir, Log: c.Log, Perform: d.perform, Check: check}
	return d
}

// reservations are the words for the types of reservation.
var reservations = map[string]scsipr.Type{"wero": scsipr.WriteExclusiveRegistrantsOnly, "wear": scsipr.WriteExclusiveAllRegistrants}

func check(v *param.Values) error {
	if v.Given("key") {
		if _, err := ParseKey(v.Str("key")); err != nil {
			return fmt.Errorf("parameter key: %w", err)
		}
	}
	return nil
}

// action is one call with what it is about.
type action struct {
	*Driver
	v      *param.Values
	target string
	life   uint32
	own    scsipr.Key
}

func (d *Driver) perform(ctx context.Context, call device.Call, v *param.Values) device.Result {
	devices := v.List("devices")
	if len(devices) == 0 {
		var err error
		if devices, err = d.cfg.Volumes(ctx); err != nil {
			return native.Error(ctx, err)
		}
		if len(devices) == 0 {
			return native.Failed(lrm.Invalid, lrm.RCInvalidParam, "fence_scsi: the parameter devices is missing, and no volume group is shared")
		}
	}
	a := &action{Driver: d, v: v, target: v.Str("plug"), life: uint32(call.Incarnation / 1e6), own: d.storedKey()}
	if a.target == "" {
		a.target = call.Target
	}
	if call.Action == device.Monitor {
		var mu sync.Mutex
		report := map[string]string{}
		r := a.onAll(ctx, devices, func(ctx context.Context, u *unit) (string, error) {
			text := u.describe(ctx)
			mu.Lock()
			report[u.device] = text
			mu.Unlock()
			return a.monitor(ctx, u)
		})
		for _, name := range devices {
			r.Output += report[name]
		}
		return r
	}
	if a.target == "" && !v.Given("key") {
		return native.Failed(lrm.Invalid, lrm.RCInvalidParam, "fence_scsi: the parameter plug is missing")
	}
	switch call.Action {
	case device.On:
		return a.on(ctx, devices)
	case device.Off:
		return a.off(ctx, devices)
	case device.Status:
		return a.status(ctx, devices)
	}
	return native.Failed(lrm.NotSupported, lrm.RCUnimplemented, "fence_scsi has no action %q", call.Action)
}

// onAll does something with every device at the same time. All have to succeed: the target may write to any.
func (a *action) onAll(ctx context.Context, devices []string, do func(ctx context.Context, u *unit) (warning string, err error)) device.Result {
	type outcome struct {
		warning string
		err     error
	}
	results := make(chan outcome, len(devices))
	for _, name := range devices {
		go func() {
			u, err := a.open(name)
			if err != nil {
				results <- outcome{err: err}
				return
			}
			defer u.close()
			warning, err := do(ctx, u)
			results <- outcome{warning, err}
		}()
	}
	var problems, warnings []error
	for range devices {
		r := <-results
		if r.err != nil {
			problems = append(problems, r.err)
		}
		if r.warning != "" {
			warnings = append(warnings, errors.New(r.warning))
		}
	}
	if len(problems) > 0 {
		return native.Error(ctx, errors.Join(problems...))
	}
	return device.Result{Warning: say(warnings)}
}

// on registers this node (unfencing).
func (a *action) on(ctx context.Context, devices []string) device.Result {
	key, err := a.keyOf(a.v, a.target)
	if err != nil {
		return native.Error(ctx, err)
	}
	return a.onAll(ctx, devices, func(ctx context.Context, u *unit) (string, error) { return a.unfence(ctx, u, key) })
}

// off takes the target's registrations away.
func (a *action) off(ctx context.Context, devices []string) device.Result {
	if a.own == 0 {
		return native.Error(ctx, &native.Problem{Subject: "this node", Cause: "it has no registration of its own, and only who is registered can fence",
			Remedy: "unfence it: it happens when the node joins the cluster; see `stonith_admin --unfence`"})
	}
	// The first disk decides: of two nodes that fence each other one wins there and the other goes no further,
	// whereas with all at the same time each could win on some, and neither would be left.
	r := a.onAll(ctx, devices[:1], a.preempt)
	if r.Status != lrm.Done || r.RC != 0 || len(devices) == 1 {
		return r
	}
	return a.onAll(ctx, devices[1:], a.preempt)
}

// status says whether the target is registered with any of the devices.
func (a *action) status(ctx context.Context, devices []string) device.Result {
	var mu sync.Mutex
	registered := false
	r := a.onAll(ctx, devices, func(ctx context.Context, u *unit) (string, error) {
		k, err := u.keys(ctx)
		if err != nil {
			return "", err
		}
		found, err := a.victims(a.v, a.target, a.life, k.Keys)
		mu.Lock()
		registered = registered || len(found) > 0
		mu.Unlock()
		return "", err
	})
	switch {
	case registered:
		return device.Result{}
	case r.Status == lrm.Done && r.RC == 0:
		r.RC = native.RCOff
	}
	return r
}

// monitor looks whether this node could fence: the device answers and knows reservations, and if this node was
// unfenced, it still is.
func (a *action) monitor(ctx context.Context, u *unit) (string, error) {
	if _, err := overFirst(ctx, u, func(p *path) (struct{}, error) { return struct{}{}, p.ready(ctx) }); err != nil {
		return "", err
	}
	k, err := u.keys(ctx)
	if err != nil {
		if unsupported(err) {
			return "", u.problem("it does not know persistent reservations", "use another kind of fence device for it")
		}
		return "", err
	}
	if c, err := overFirst(ctx, u, func(p *path) (scsipr.Capabilities, error) { return p.capabilities(ctx) }); err == nil && a.v.Bool("aptpl") && !c.PowerLoss {
		return "", u.problem("its registrations do not outlive a loss of power (aptpl)", "leave aptpl out, and let the storage come up before the nodes")
	}
	if a.own != 0 && k.Count(a.own) == 0 {
		return "", u.problem(fmt.Sprintf("this node's key %v is not registered there any more: it was fenced", a.own), "restart the node's cluster stack, so that it is unfenced when it joins")
	}
	return say(u.broken), nil
}
