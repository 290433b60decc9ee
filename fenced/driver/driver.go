// Package driver is the way from a decision of package plan to a fence device.
package driver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/holdfast-ha/holdfast/fenced/driver/ipmi"
	"github.com/holdfast-ha/holdfast/fenced/driver/legacy"
	"github.com/holdfast-ha/holdfast/fenced/driver/redfish"
	"github.com/holdfast-ha/holdfast/fenced/driver/sbd"
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
	Log        *slog.Logger
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

// Set are the drivers of this node.
type Set struct {
	rows   []row
	legacy *legacy.Driver
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
	return &Set{legacy: external, rows: []row{
		{Native, byMessage.Names(), byMessage},
		{Native, byIPMI.Names(), byIPMI},
		{Native, byRedfish.Names(), byRedfish},
		{Legacy, nil, external},
	}}, nil
}

// Run serves the drivers until ctx ends.
func (s *Set) Run(ctx context.Context) error { return s.legacy.Serve(ctx) }

// For chooses the driver: the one that is named, or the first that serves the agent.
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
