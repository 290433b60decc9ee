package fenced

import (
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/fenced/driver"
)

// readSettings takes [fencing] from the cluster file when that has changed. A file that cannot be read changes
// nothing. Only the goroutine that probes calls it once the daemon runs.
func (d *Daemon) readSettings() {
	info, err := os.Stat(d.cfg.Dirs.ClusterFile())
	if err != nil || info.ModTime().Equal(d.settingsAt) {
		return
	}
	d.settingsAt = info.ModTime()
	text, err := os.ReadFile(d.cfg.Dirs.ClusterFile())
	if err != nil {
		return
	}
	f, err := clusterfile.Parse(d.cfg.Dirs.ClusterFile(), text)
	if err != nil {
		d.log.Error("the cluster file has changed and is not read; its section [fencing] stays as it was", "err", err)
		return
	}
	d.log.Info("the cluster file has changed")
	_ = d.post(func(now time.Time) {
		d.adoptSettings(f)
		d.configure(now, d.state.config)
	})
}

// adoptSettings makes a file's section [fencing] the one in force.
func (d *Daemon) adoptSettings(f *clusterfile.File) {
	d.settings.Store(&f.Fencing)
	d.drivers.Prefer(driver.Choice{Default: f.Fencing.Driver, Agents: f.Fencing.Drivers})
}

// choose decides who serves a device.
func (d *Daemon) choose(dev api.FenceDevice) api.FenceDevice {
	dev.Driver, _ = d.drivers.Choose(dev)
	return dev
}

// chooseAll decides who serves the devices of a configuration, and says once why one is not served natively. Only
// the loop calls it.
func (d *Daemon) chooseAll(devices []api.FenceDevice) []api.FenceDevice {
	left := map[string]string{}
	for i := range devices {
		dev := &devices[i]
		name, why := d.drivers.Choose(*dev)
		if why != "" {
			left[dev.ID] = why
		}
		if why != "" && d.state.left[dev.ID] != why {
			d.log.Warn("a fence device is left to the installed agent, because Holdfast's own driver does not understand it",
				"device", dev.ID, "agent", dev.Agent, "err", why)
		}
		dev.Driver = name
	}
	d.state.left = left
	return devices
}
