// Package native is what the fence drivers in Go have in common: agents by name, parameters and secrets read,
// time limits kept, results in the fencer's terms.
package native

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/cibsecret"
)

// Perform does one action with a device. It returns a moment after ctx ends, whatever the device does.
type Perform func(ctx context.Context, call device.Call, v *param.Values) device.Result

// Driver serves agents in this process.
type Driver struct {
	Agents     []*param.Agent
	SecretsDir string
	Log        *slog.Logger
	Perform    Perform
	// Check looks at parameters beyond their form, for validate-all; nil has nothing to say.
	Check func(v *param.Values) error
}

// Names are the agents that the driver serves.
func (d *Driver) Names() []string {
	var names []string
	for _, a := range d.Agents {
		names = append(names, a.Name)
	}
	return names
}

func (d *Driver) find(agent string) *param.Agent {
	i := slices.IndexFunc(d.Agents, func(a *param.Agent) bool { return a.Name == agent })
	if i < 0 {
		return nil
	}
	return d.Agents[i]
}

// Learn tells what an agent can do.
func (d *Driver) Learn(_ context.Context, agent string) (*device.Capabilities, error) {
	a := d.find(agent)
	if a == nil {
		return nil, fmt.Errorf("this driver does not serve %s", agent)
	}
	return a.Capabilities(), nil
}

// fencers are parameters that the fencer adds to every call, or that are its own.
var fencers = []string{"nodename", "nodeid", "port", "plug", "provides", "stonith-timeout", "crm_feature_set"}

// Serves reports whether the driver understands a device completely; the error says what it does not. Secrets count
// as given.
func (d *Driver) Serves(agent string, params map[string]string) error {
	a := d.find(agent)
	if a == nil {
		return fmt.Errorf("this driver does not serve %s", agent)
	}
	list := []device.Param{{Name: "plug", Value: "node"}} // given with each call
	for name, value := range params {
		if !strings.HasPrefix(name, "pcmk_") && !strings.HasPrefix(name, "CRM_meta") {
			list = append(list, device.Param{Name: name, Value: value})
		}
	}
	v, err := a.Parse(list)
	switch {
	case err != nil:
		return err
	case d.Check != nil && d.Check(v) != nil:
		return d.Check(v)
	}
	unknown := slices.DeleteFunc(v.Unknown, func(name string) bool { return slices.Contains(fencers, name) })
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("the driver of Holdfast has no parameter %s", strings.Join(unknown, ", "))
	}
	return nil
}

// ErrSecrets is what the history shows; which file is wrong goes to this node's log only.
var ErrSecrets = errors.New("Unable to load CIB secrets") //nolint:staticcheck // Pacemaker's text, which tools show as it is

// Run performs one call within its timeout.
func (d *Driver) Run(ctx context.Context, call device.Call) device.Result {
	a := d.find(call.Agent)
	if a == nil {
		return Failed(lrm.NotInstalled, lrm.RCNotInstalled, "this driver does not serve %s", call.Agent)
	}
	if call.Action == "metadata" {
		return device.Result{Output: a.Metadata()}
	}
	if !slices.ContainsFunc(a.Actions, func(x param.Action) bool { return x.Name == call.Action }) {
		return Failed(lrm.NotSupported, lrm.RCUnimplemented, "%s has no action %q", call.Agent, call.Action)
	}
	params, err := Secrets(d.SecretsDir, call)
	if err != nil {
		d.Log.Error("secret of a fence device", "device", call.Device, "err", err)
		return Failed(lrm.NoSecrets, lrm.RCError, "%v", ErrSecrets)
	}
	v, err := a.Parse(params)
	if err == nil && d.Check != nil {
		err = d.Check(v)
	}
	if err != nil {
		return Failed(lrm.Invalid, lrm.RCInvalidParam, "%v", err)
	}
	if call.Action == "validate-all" {
		return device.Result{}
	}
	ctx, cancel := context.WithTimeout(ctx, call.Timeout)
	defer cancel()
	if call.Action == device.Off || call.Action == device.Reboot {
		if err := Sleep(ctx, v.Time("delay")); err != nil {
			return Error(ctx, fmt.Errorf("waiting for the device's delay of %v: %w", v.Time("delay"), err))
		}
	}
	return d.Perform(ctx, call, v)
}

// Secrets are a call's parameters with those that are kept in files below dir.
func Secrets(dir string, call device.Call) ([]device.Param, error) {
	params := slices.Clone(call.Params)
	for i := range params {
		if params[i].Value != cibsecret.Mark {
			continue
		}
		value, err := cibsecret.Read(dir, call.Device, params[i].Name)
		if err != nil {
			return nil, err
		}
		params[i].Value = value
	}
	return params, nil
}

// Sleep waits unless ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Problem is an error of a device for whoever has to repair it: what is wrong and what to do about it.
type Problem struct {
	Subject string // the device or its part, such as "BMC 10.9.0.1:623"
	Cause   string
	Remedy  string
	Err     error // may be nil
	// Silent tells that there was no answer: what was asked for may have been done.
	Silent bool
}

func (p *Problem) Error() string {
	s := p.Subject + ": " + p.Cause
	if p.Err != nil {
		s += ": " + p.Err.Error()
	}
	return s + "; " + p.Remedy
}

func (p *Problem) Unwrap() error { return p.Err }

// Failed is a result that proves nothing.
func Failed(status lrm.Status, rc lrm.RC, format string, args ...any) device.Result {
	return device.Result{Status: status, RC: int(rc), Reason: fmt.Sprintf(format, args...)}
}

// Error is the result for an error. When ctx is over, the time is what failed, and the error says at what.
func Error(ctx context.Context, err error) device.Result {
	deadline, limited := ctx.Deadline()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), limited && time.Until(deadline) < almost:
		return Failed(lrm.Timeout, lrm.RCError, "%s", clip("out of time: "+err.Error()))
	case ctx.Err() != nil:
		return Failed(lrm.Cancelled, lrm.RCError, "%s", clip("ended early: "+err.Error()))
	}
	return Failed(lrm.Error, lrm.RCError, "%s", clip(err.Error()))
}

// almost is how little time is none: a request that was given the rest of it may end just before it is over.
const almost = 20 * time.Millisecond

// maxReason bounds a reason in the history.
const maxReason = 600

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "..."
	}
	return s
}

// RCOff is the exit code of a status action for a node that is off; one that is on is 0.
const RCOff = 2
