package fenced

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// path is a file in fenced's own directory.
func (d *Daemon) path(name string) string { return filepath.Join(d.cfg.Dirs.State("fenced"), name) }

// restore takes what an earlier life has left on disk, so that this one can fence before crmd has spoken.
// Only the loop calls it.
func (d *Daemon) restore(now time.Time) {
	var c api.FenceConfig
	if d.read("config.json", &c) {
		d.log.Info("using the fencing configuration of before", "version", c.Version, "devices", len(c.Devices))
	}
	d.configure(now, c) // the cluster file's settings are in force without crmd too
	var events []api.FenceEvent
	if d.read("history.json", &events) {
		d.give(now, plan.Restored{Events: events})
	}
}

// read loads a file of ours. One that cannot be read counts as missing: its content comes again.
func (d *Daemon) read(name string, v any) bool {
	raw, err := os.ReadFile(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		d.log.Error("cannot read what an earlier fenced has left", "file", d.path(name), "err", err)
		return false
	}
	return true
}

// configure makes a configuration the one in force. Only the loop calls it.
func (d *Daemon) configure(now time.Time, c api.FenceConfig) {
	d.state.config = c
	var devices []api.FenceDevice
	var hosts []string
	for _, dev := range c.Devices {
		if dev.ID == watchdogDevice || dev.Agent == watchdogAgent {
			hosts = append(hosts, device.Hosts(dev)...)
			continue
		}
		devices = append(devices, dev)
	}
	limit, window := c.RateLimit, time.Duration(c.RateWindow)*time.Millisecond
	if limit == 0 {
		s := d.settings.Load()
		limit, window = s.RateLimit, s.RateWindow
	}
	d.give(now, device.Configure{Devices: d.chooseAll(devices)}, plan.Configure{Config: plan.Config{
		Levels: slices.Concat(c.Levels, d.state.levels), NodeAttrs: c.NodeAttrs, Timeout: time.Duration(c.Timeout) * time.Millisecond,
		Watchdog: d.watchdog(c.WatchdogTimeout), WatchdogHosts: hosts,
		RateLimit: limit, RateWindow: window, IOFence: ioFence[d.settings.Load().IOFence],
	}})
}

// ioFence are the words of the cluster file.
var ioFence = map[string]plan.IOFence{clusterfile.IOFenceOff: plan.IOAsConfigured, clusterfile.IOFenceFirst: plan.IOFirst, clusterfile.IOFenceSufficient: plan.IOSufficient}

// The watchdog is configured like a device, but is the target's own.
const (
	watchdogDevice = "watchdog"
	watchdogAgent  = "fence_watchdog"
)

// save keeps the configuration on disk. It holds passwords.
func (d *Daemon) save(c api.FenceConfig) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(d.path("config.json")); err == nil && bytes.Equal(old, raw) {
		return nil
	}
	return atomicfile.Write(d.path("config.json"), raw, 0o600)
}

// sbdSetting is a variable of sbd's, from the environment or from its file.
func sbdSetting(name string) string {
	file := map[string]string{}
	for _, f := range sbdconf.Files {
		if raw, err := os.ReadFile(f); err == nil {
			file = sbdconf.Parse(string(raw))
			break
		}
	}
	return sbdconf.Or(os.Getenv, file)(name)
}

// sbdDevices are this node's own.
func sbdDevices() []string { return sbdconf.Devices(sbdSetting("SBD_DEVICE")) }

// watchdog is the time that a lost node's watchdog is given. A negative setting means twice the timeout that
// sbd uses; where sbd is not set up that cannot be known, and the watchdog is not trusted.
func (d *Daemon) watchdog(ms int64) time.Duration {
	if ms >= 0 {
		return time.Duration(ms) * time.Millisecond
	}
	value := sbdSetting("SBD_WATCHDOG_TIMEOUT")
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 {
		d.log.Warn("stonith-watchdog-timeout is negative, but SBD_WATCHDOG_TIMEOUT is set nowhere; watchdogs are not trusted for fencing")
		return 0
	}
	return 2 * time.Duration(n) * time.Second
}

// secret finds parameters whose values are not for everybody.
var secret = regexp.MustCompile(`(?i)passw|secret|token|(^|_)key($|_)`)

// masked is the configuration without secrets.
func masked(c api.FenceConfig) api.FenceConfig {
	c.Devices = slices.Clone(c.Devices)
	for i := range c.Devices {
		params := maps.Clone(c.Devices[i].Params)
		for name := range params {
			if secret.MatchString(name) && params[name] != "lrm://" {
				params[name] = "********"
			}
		}
		c.Devices[i].Params = params
	}
	return c
}
