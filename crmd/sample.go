package crmd

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

func cores() int { return runtime.NumCPU() }

// readFile reads what crmd needs of a cluster file.
func readFile(path string, text []byte) (*clusterfile.File, controller.ThrottleChanged, error) {
	var t controller.ThrottleChanged
	file, err := clusterfile.Parse(path, text, func(f *clusterfile.File) { t.All, t.Nodes = crm.Throttle(f) })
	return file, t, err
}

// load is the node's last sample and what it means.
type load struct {
	mode   throttle.Mode
	inputs []api.ThrottleInput
}

// sample measures the node's load and tells the DC when its mode changes.
func (d *Daemon) sample(ctx context.Context) {
	last, used := time.Now(), ownCPU()
	for {
		select {
		case <-time.After(time.Duration(d.sampleMs.Load()) * time.Millisecond):
		case <-ctx.Done():
			return
		}
		now, cpu := time.Now(), ownCPU()
		s := throttle.Sample{Cores: cores(), Load: loadAverage(), Store: (cpu - used).Seconds() / now.Sub(last).Seconds()}
		last, used = now, cpu
		_ = d.post(func(time.Time) {
			c := d.machine.ThrottleOf(d.node)
			d.sampleMs.Store(c.SampleMs)
			mode, inputs := c.Judge(s)
			changed := d.load.mode != mode
			d.load = load{mode, inputs}
			d.worker.SetLoad(mode.String(), c.Maximum(s.Cores))
			if changed {
				d.log.Info("throttle mode of this node", "mode", mode, "load", s.Load, "store", s.Store)
				d.somethingToReport()
			}
		})
	}
}

// ownCPU is the CPU time that crmd has used, without its children.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// loadAverage is the 1-minute load average, 0 when it cannot be read.
func loadAverage() float64 {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), " ")
	n, _ := strconv.ParseFloat(first, 64)
	return n
}
