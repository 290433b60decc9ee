// Package legacy runs the external fence agents, programs named fence_*, through their stdin protocol.
package legacy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// grace is what an agent gets between SIGTERM and SIGKILL, to log out of its BMC. It is part of what lies
// between a device's timeout and the moment at which the requester gives up (a fifth of the timeout).
const grace = 200 * time.Millisecond

// outputLimit bounds what is kept of each output; a list of 10,000 virtual machines is below it.
const outputLimit = 1 << 20

// Config says where agents are and what is kept of them.
type Config struct {
	Dirs       []string
	Cache      string
	SecretsDir string
	Log        *slog.Logger
}

// Driver runs agents.
type Driver struct {
	cfg    Config
	runner *ocfexec.Runner
	known  cache
}

// New makes a driver and starts nothing.
func New(c Config) (*Driver, error) {
	// No ledger: an agent that outlives this daemon is left to end, because half a power cycle is worse than
	// either end of it. What it did is unknown and counts as failed.
	r, err := ocfexec.New(ocfexec.Options{Log: c.Log})
	if err != nil {
		return nil, fmt.Errorf("run fence agents: %w", err)
	}
	c.Dirs = slices.Clone(c.Dirs)
	for i, dir := range c.Dirs {
		if c.Dirs[i], err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("find fence agents in %s: %w", dir, err)
		}
	}
	d := &Driver{cfg: c, runner: r}
	d.known.load(c.Cache, c.Log)
	return d, nil
}

// Serve runs agents for Learn and Run until ctx ends, and kills what runs then.
func (d *Driver) Serve(ctx context.Context) error { return d.runner.Run(ctx) }

// find returns the agent's program.
func (d *Driver) find(agent string) (string, fs.FileInfo, error) {
	if !strings.HasPrefix(agent, "fence_") || strings.ContainsAny(agent, "/\x00") {
		return "", nil, fmt.Errorf("%q is not a fence agent: the name must begin with fence_", agent)
	}
	for _, dir := range d.cfg.Dirs {
		path := filepath.Join(dir, agent)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			return path, info, nil
		}
	}
	return "", nil, fmt.Errorf("%s: %w in %s", agent, fs.ErrNotExist, strings.Join(d.cfg.Dirs, ", "))
}

// Has reports whether the agent's program is there.
func (d *Driver) Has(agent string) bool {
	_, _, err := d.find(agent)
	return err == nil
}

// Run performs an agent's action and judges how it ended.
func (d *Driver) Run(ctx context.Context, call device.Call) device.Result {
	failed := func(status lrm.Status, rc lrm.RC, err error) device.Result {
		return device.Result{Status: status, RC: int(rc), Reason: err.Error()}
	}
	path, _, err := d.find(call.Agent)
	if err != nil {
		return failed(lrm.NotInstalled, lrm.RCNotInstalled, err)
	}
	params, err := native.Secrets(d.cfg.SecretsDir, call)
	if err != nil {
		d.cfg.Log.Error("secret of a fence device", "device", call.Device, "err", err)
		return failed(lrm.NoSecrets, lrm.RCError, native.ErrSecrets)
	}
	text, err := request(params)
	if err != nil {
		return failed(lrm.Invalid, lrm.RCInvalidParam, err)
	}
	x, err := d.runner.Exec(ctx, ocfexec.Command{
		Path: path, Env: environment(os.Environ()), Stdin: text, Timeout: call.Timeout, Grace: grace, EndGroup: true,
		Limit: outputLimit, Label: call.Device + " " + call.Action + " " + call.Target,
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed(lrm.NotInstalled, lrm.RCNotInstalled, fmt.Errorf("%s: No such file or directory", call.Agent))
	case errors.Is(err, fs.ErrPermission):
		return failed(lrm.Error, lrm.RCNoPrivilege, fmt.Errorf("%s: Permission denied", path))
	case err != nil:
		return failed(lrm.Error, lrm.RCError, err)
	}
	if len(x.Rest) > 0 {
		d.cfg.Log.Warn("agent left processes running, which were ended", "agent", call.Agent, "device", call.Device, "processes", fmt.Sprint(x.Rest))
	}
	if x.Truncated {
		d.cfg.Log.Warn("agent wrote more than is kept", "agent", call.Agent, "device", call.Device, "bytes", outputLimit)
	}
	if x.Gone != nil {
		d.cfg.Log.Warn("agent was killed and does not die", "agent", call.Agent, "device", call.Device)
	}
	return result(call, x)
}
