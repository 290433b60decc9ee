package detect

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var ioStall = Rule{
	Name:  "io.stall",
	Title: "a disk does not answer in time",
	Doc: "A file is written, synced and read again on each watched file system; how long that takes, with a deadline. Besides, PSI io " +
		"(full) and the kernel's messages about tasks that hang. Databases and agents that wait for a disk look hung themselves.",
	Raise: 0, Clear: 30 * time.Second,
	Thresholds: []Threshold{
		{"slow", "ms", 2000, "warning when a probe takes that long"},
		{"stall", "ms", 5000, "critical when a probe takes that long"},
		{"pressure", "percent", 70, "PSI io full, mean of 30 s"},
	},
	Advice: []string{"Look at the path to the disk: multipath -ll, the switch, the array, the hypervisor.", "A hung NFS mount blocks everything that touches it; mount it with soft,timeo= where that is safe."},
	look:   lookIO,
}

func lookIO(l *look) []Finding {
	var out []Finding
	for i := range l.now.Disks {
		d := &l.now.Disks[i]
		took := float64(d.Took)
		f := Finding{Subject: d.Path, Level: level(took >= l.limit("stall"), took >= l.limit("slow"), took >= l.limit("slow")/2)}
		f.Summary = fmt.Sprintf("writing and reading on %s (%s) took %s", d.Path, d.Device, ms(d.Took))
		if d.State == api.DiskStuck {
			f.Summary = fmt.Sprintf("%s (%s) has not answered for %s", d.Path, d.Device, ms(d.Took))
		}
		f.Evidence = []api.Evidence{fact("write, fsync and read", ms(d.Took), ms(int64(l.limit("stall")))), fact("io pressure, full", l.psi(l.now.Pressure.IO.Full10), ""),
			fact("tasks that wait for a disk", count(int64(l.now.CPU.Blocked)), "")}
		out = append(out, f)
	}
	if full, ok := l.mean(30*time.Second, func(v *api.Vitals) float64 { return v.Pressure.IO.Full10 }); ok {
		f := Finding{Subject: "pressure", Level: level(false, full >= l.limit("pressure"), full >= 0.7*l.limit("pressure"))}
		f.Summary = fmt.Sprintf("all tasks wait for disks %s of the time", pct(full))
		f.Evidence = []api.Evidence{fact("io pressure, full, 30 s", pct(full), pct(l.limit("pressure"))), fact("tasks that wait for a disk", count(int64(l.now.CPU.Blocked)), "")}
		out = append(out, f)
	}
	for _, k := range l.now.Kernel {
		if k.Kind == api.KernelHungTask {
			out = append(out, Finding{Subject: "task " + k.Subject, Level: Critical, Event: true,
				Summary: "the kernel says that task " + k.Subject + " hangs", Evidence: []api.Evidence{fact("kernel", k.Text, "")}})
		}
	}
	return out
}

var diskDamaged = Rule{
	Name:  "disk.damaged",
	Title: "a disk loses or refuses data",
	Doc: "The probe of a watched file system read something else than it had written, got an I/O error, or may not write any more; or " +
		"the kernel reported an I/O error or remounted a file system read-only.",
	Clear:  10 * time.Minute,
	Advice: []string{"Move the services away (hcs node standby NODE), check the disk (smartctl, the array's log), then the file system."},
	look: func(l *look) []Finding {
		var out []Finding
		for i := range l.now.Disks {
			d := &l.now.Disks[i]
			if d.State == api.DiskDamaged || d.State == api.DiskReadOnly {
				out = append(out, Finding{Subject: d.Path, Level: Critical, Summary: fmt.Sprintf("%s (%s) is %s: %s", d.Path, d.Device, d.State, d.Error),
					Evidence: []api.Evidence{fact("probe", d.Error, ""), fact("device", d.Device, "")}})
			}
		}
		for _, k := range l.now.Kernel {
			if k.Kind == api.KernelIOError || k.Kind == api.KernelReadOnly {
				out = append(out, Finding{Subject: "device " + k.Subject, Level: Critical, Event: true,
					Summary: "the kernel reports errors of " + k.Subject, Evidence: []api.Evidence{fact("kernel", k.Text, "")}})
			}
		}
		return merge(out)
	},
}

var diskNearlyFull = Rule{
	Name:  "disk.nearly-full",
	Title: "a file system is nearly full",
	Doc: "Use of each watched file system, space and inodes. The early alarm comes at a share of the threshold. At the threshold the " +
		"action is due: a hook can make databases read-only on every node before they stop with a full disk, and writable again afterwards.",
	Raise: 5 * time.Second, Clear: 10 * time.Second,
	Thresholds: []Threshold{
		{"used", "percent", 85, "critical from this use on"},
		{"early", "percent", 80, "early alarm (info) at this share of used"},
	},
	Advice: []string{"Delete or archive what is not needed, or grow the file system.", "[detector.\"disk.nearly-full\"] hook = \"/path\" runs a program with HOLDFAST_ALARM_STATE=raised or cleared, for example to make a database read-only."},
	look: func(l *look) []Finding {
		var out []Finding
		for i := range l.now.Disks {
			d := &l.now.Disks[i]
			used, what := d.Used, "space"
			if d.UsedInodes > used {
				used, what = d.UsedInodes, "inodes"
			}
			early := l.limit("used") * l.limit("early") / 100
			f := Finding{Subject: d.Path, Level: Fine}
			switch {
			case used >= l.limit("used"):
				f.Level = Critical
			case used >= early:
				f.Level = Info
			case used >= early-2:
				f.Level = Between
			}
			f.Summary = fmt.Sprintf("%s of the %s of %s (%s) are used", pct(used), what, d.Path, d.Device)
			f.Evidence = []api.Evidence{fact("used "+what, pct(used), pct(l.limit("used"))), fact("free", kib(d.Free)+" of "+kib(d.Total), "")}
			out = append(out, f)
		}
		return out
	},
}
