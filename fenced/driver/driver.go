// Package driver is the way from a decision of package plan to a fence device.
package driver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/driver/ipmi"
	"github.com/holdfast-ha/holdfast/fenced/driver/legacy"
	"github.com/holdfast-ha/holdfast/fenced/driver/redfish"
	"github.com/holdfast-ha/holdfast/fenced/driver/sbd"
	"github.com/holdfast-ha/holdfast/fenced/driver/scsi"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// Driver serves the devices of one or more agents. Its methods are called by many goroutines.
type Driver interface {
	// Learn tells what an agent can do. It returns within device.LearnTimeout or when ctx ends.
	Learn(ctx context.Context, agent string) (*device.Capabilities, error)
	// Run performs one call. It returns at the latest a moment after call.Timeout or the end of ctx, whatever
	// the device does, and reports success only for what the device has confirmed.
	Run(ctx context.Context, call device.Call) device.Result
}

// Config is what drivers need of the node.
type Config struct {
	// Node is this node's name.
	Node string
	// AgentDirs are searched for external agents, in order.
	AgentDirs []string
	// Cache is a file for what is known of external agents, so that a fence after a boot need not wait for
	// their metadata.
	Cache string
	// SecretsDir holds the parameters that are not in the CIB, as cibsecret writes them.
	SecretsDir string
	// SBDDevices are used by devices of fence_sbd that name none.
	SBDDevices func() []string
	// Cluster is what keys of reservations are derived from, as it stands; Member reports whether this node is in
	// the cluster with a quorum.
	Cluster func() scsi.Cluster
	Member  func() bool
	// Alarm is told what is wrong between fences with what a device needs, and with "" when it no longer is.
	Alarm func(device, problem string)
	Log   *slog.Logger
}

// Names of drivers in FenceDevice.Driver.
const (
	Native = "native"
	Legacy = "legacy"
)

// row is a driver in the table: its name, and the agents that it serves (nil: any).
type row struct {
	name   string
	agents []string
	driver Driver
}

// Choice says which driver serves a device that does not say it itself.
type Choice struct {
	// Default is native or legacy; "" is native.
	Default string
	// Agents are exceptions by agent.
	Agents map[string]string
}

// Set are the drivers of this node.
type Set struct {
	rows   []row
	legacy *legacy.Driver
	scsi   *scsi.Driver
	choice atomic.Pointer[Choice]
}

// New makes the drivers and starts nothing.
func New(c Config) (*Set, error) {
	external, err := legacy.New(legacy.Config{Dirs: c.AgentDirs, Cache: c.Cache, SecretsDir: c.SecretsDir, Log: c.Log})
	if err != nil {
		return nil, err
	}
	byMessage := sbd.New(sbd.Config{Node: c.Node, Devices: c.SBDDevices, SecretsDir: c.SecretsDir, Log: c.Log})
	byIPMI := ipmi.New(ipmi.Config{SecretsDir: c.SecretsDir, Log: c.Log})
	byRedfish := redfish.New(redfish.Config{SecretsDir: c.SecretsDir, Log: c.Log})
	byKey := scsi.New(scsi.Config{Cluster: c.Cluster, Member: c.Member, SecretsDir: c.SecretsDir, Alarm: c.Alarm, Log: c.Log})
	s := &Set{legacy: external, scsi: byKey, rows: []row{
		{Native, byMessage.Names(), byMessage},
		{Native, byIPMI.Names(), byIPMI},
		{Native, byRedfish.Names(), byRedfish},
		{Native, byKey.Names(), byKey},
		{Legacy, nil, external},
	}}
	s.Prefer(Choice{})
	return s, nil
}

// Run serves the drivers until ctx ends.
func (s *Set) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.legacy.Serve(ctx) })
	g.Go(func() error { return s.scsi.Serve(ctx) })
	return g.Wait()
}

// Prefer makes a choice the one in force.
func (s *Set) Prefer(c Choice) { s.choice.Store(&c) }

// servant is a driver that can tell whether it understands a device.
type servant interface {
	Serves(agent string, params map[string]string) error
}

// Choose names the driver of a device: what the device itself says, then what was chosen for its agent, then the
// default. A device that our driver does not understand completely is left to the external agent unless it says
// native itself; why tells that.
func (s *Set) Choose(d api.FenceDevice) (name, why string) {
	if d.Driver != "" {
		return d.Driver, ""
	}
	c := s.choice.Load()
	name = c.Agents[d.Agent]
	if name == "" {
		name = c.Default
	}
	if name == Legacy {
		return Legacy, ""
	}
	drv, err := s.For(Native, d.Agent)
	if err != nil {
		return Legacy, ""
	}
	if v, ok := drv.(servant); ok && s.legacy.Has(d.Agent) {
		if err := v.Serves(d.Agent, d.Params); err != nil {
			return Legacy, err.Error()
		}
	}
	return Native, ""
}

// For finds a driver by its name and the agent that it is to serve; without a name the first that serves it.
func (s *Set) For(name, agent string) (Driver, error) {
	for _, r := range s.rows {
		if (name == "" || name == r.name) && (r.agents == nil || slices.Contains(r.agents, agent)) {
			return r.driver, nil
		}
	}
	if name == Native {
		return nil, fmt.Errorf("there is no native driver for agent %s; leave the driver out, or use driver=legacy", agent)
	}
	return nil, fmt.Errorf("there is no driver %q; it is native or legacy, and may be left out", name)
}

// Agents are those that need no program of that name.
func (s *Set) Agents() []string {
	var names []string
	for _, r := range s.rows {
		names = append(names, r.agents...)
	}
	slices.Sort(names)
	return names
}
