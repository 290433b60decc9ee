// Package watch reads the sections of a cluster file that say how nodes are watched: the throttle, the
// detectors, the vitals, and what follows when a service does not answer.
package watch

import (
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/supervise"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

// Settings are what those sections say. The zero value means nothing; a file without the sections gives the
// defaults.
type Settings struct {
	Throttle throttle.Config
	// NodeThrottle are the overrides of single nodes, complete, by name.
	NodeThrottle map[string]throttle.Config
	Detect       detect.Config
	Vitals       Vitals
	Monitor      confirm.Config
	Supervise    supervise.Settings
}

// Read reads the sections. Problems are noted in the file; the result means something only when there were none.
func Read(f *clusterfile.File) Settings {
	var s Settings
	s.Throttle, s.NodeThrottle = readThrottle(f)
	s.Detect = readDetectors(f)
	s.Vitals = readVitals(f)
	s.Monitor = readMonitor(f.Rest.Table("monitor"))
	s.Supervise = readSupervise(f)
	return s
}

// Vitals is section [vitals].
type Vitals struct {
	// Disks are directories whose file systems are probed besides the one of Holdfast's own state.
	Disks []string
	// DiskEveryMs is the time between two probes of one, DiskDeadlineMs how long one may take before the disk
	// counts as stuck.
	DiskEveryMs, DiskDeadlineMs int64
	// ReadOnly measures the use only and writes nothing.
	ReadOnly bool
}

func readVitals(f *clusterfile.File) Vitals {
	s := f.Rest.Table("vitals")
	v := Vitals{Disks: s.Strings("disks"), DiskEveryMs: duration(s, "disk_every", 10000), DiskDeadlineMs: duration(s, "disk_deadline", 2000),
		ReadOnly: !s.Bool("disk_probe", true)}
	for _, d := range v.Disks {
		if len(d) == 0 || d[0] != '/' {
			s.Problem("disks", "%q must be a directory, written from / on", d)
		}
	}
	if v.DiskEveryMs < 1000 {
		s.Problem("disk_every", "must be at least 1s")
	}
	if v.DiskDeadlineMs < 100 {
		s.Problem("disk_deadline", "must be at least 100ms")
	}
	s.Done()
	return v
}
