package fenced

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/budget"
	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// headerLimit bounds the reading of sbd's header.
const headerLimit = 5 * time.Second

// budget puts every timeout together that is in force with a configuration. It reads sbd's header, which may take
// headerLimit.
func (d *Daemon) budget(ctx context.Context, config api.FenceConfig) budget.Cluster {
	s := d.settings.Load()
	c := budget.Cluster{Goal: s.Budget, SBD: s.SBD, Consensus: d.consensus}
	if v := d.seen.Load(); v != nil {
		c.Token, c.TwoNode = time.Duration(v.Token)*time.Millisecond, v.TwoNode
	}
	disks := sbdDevices()
	for _, dev := range config.Devices {
		if dev.Agent == "fence_sbd" {
			disks = append(disks, strings.FieldsFunc(dev.Params["devices"], func(r rune) bool { return r == ',' || r == ' ' })...)
		}
	}
	if found, ok := readSBD(ctx, disks); ok {
		c.SBD = found
	} else if config.WatchdogTimeout != 0 && c.SBD.From == "" {
		if set, err := sbdconf.From(sbdSetting); err == nil && sbdSetting("SBD_WATCHDOG_TIMEOUT") != "" {
			c.SBD = budget.SBD{From: sbdconf.Files[0], Watchdog: set.WatchdogTimeout}
		}
	}
	return c.Add(config)
}

// readSBD reads the header of the first disk that has one.
func readSBD(ctx context.Context, disks []string) (budget.SBD, bool) {
	ctx, cancel := context.WithTimeout(ctx, headerLimit)
	defer cancel()
	for _, path := range disks {
		disk, err := sbddisk.Open(path, sbddisk.Options{})
		if err != nil {
			continue
		}
		var h sbdformat.Header
		h, err = disk.Header(ctx)
		disk.Close()
		if err == nil {
			return budget.SBD{From: "the header of " + path, Watchdog: h.Watchdog, Loop: h.Loop, Msgwait: h.Msgwait, IO: sbddisk.DefaultTimeout}, true
		}
	}
	return budget.SBD{}, false
}

// inForce is the configuration that crmd has given.
func (d *Daemon) inForce(ctx context.Context) (api.FenceConfig, error) {
	return query(ctx, d, func() api.FenceConfig { return d.state.config })
}

func (d *Daemon) serveBudget(w http.ResponseWriter, r *http.Request) {
	config, err := d.inForce(r.Context())
	if err != nil {
		d.reply(w, err, nil)
		return
	}
	d.reply(w, nil, budget.Report(d.budget(r.Context(), config)))
}

// serveForesight tells the budget with a configuration that is not in force yet.
func (d *Daemon) serveForesight(w http.ResponseWriter, r *http.Request) {
	var config api.FenceConfig
	if err := ipc.Read(r, &config); err != nil {
		d.reply(w, err, nil)
		return
	}
	d.reply(w, nil, budget.Report(d.budget(r.Context(), config)))
}

// checkBudget says in the log what contradicts what in a new configuration. It is the cluster's, so that it cannot
// be refused here; `hcs` does.
func (d *Daemon) checkBudget(ctx context.Context) {
	config, err := d.inForce(ctx)
	if err != nil {
		return
	}
	c := d.budget(ctx, config)
	_, conflicts := budget.Check(c)
	var said []string
	for _, x := range conflicts {
		if x.Fatal {
			said = append(said, x.String())
		}
	}
	text := strings.Join(said, "\n")
	if old := d.conflicts.Swap(&text); old != nil && *old == text {
		return
	}
	for _, line := range said {
		d.log.Error("timeouts of fencing contradict each other; see hcs doctor timeouts", "err", line)
	}
}
