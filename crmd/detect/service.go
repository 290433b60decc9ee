package detect

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var processHung = Rule{
	Name:  "process.hung",
	Title: "a service's process exists but does not work",
	Doc: "The state of the processes of every resource that runs here: stopped by a signal (T), waiting in the kernel without end (D), " +
		"a zombie (Z), or its probe fails again and again. A monitor that only looks whether the process exists sees nothing. What follows " +
		"is said in [supervise].",
	Raise: 0, Clear: 5 * time.Second,
	Thresholds: []Threshold{
		{"stopped", "seconds", 3, "in state T for that long; a process under a debugger (t) does not count"},
		{"uninterruptible", "seconds", 20, "in state D without a break"},
		{"zombie", "seconds", 3, "in state Z"},
		{"probes", "count", 5, "failed probes in a row"},
	},
	Advice: []string{"Look where it hangs: cat /proc/PID/stack /proc/PID/wchan; the incident holds both.", "State D means a disk or a network file system: see io.stall.", "hcs resource cleanup RESOURCE lets it come back to this node."},
	look: func(l *look) []Finding {
		var out []Finding
		for i := range l.now.Processes {
			if f := lookProcess(l, &l.now.Processes[i]); f.Level > Fine {
				out = append(out, f)
			}
		}
		return merge(out)
	},
}

// Tolerance is by how much a time that was measured from sample to sample may fall short of a limit: samples do not
// come to the millisecond, and the next one is a second away.
const Tolerance = 300 * time.Millisecond

// Hung says for how long a process may be in a state before it counts as hung; 0 is for ever.
func Hung(limits map[string]float64, state string) (time.Duration, string) {
	name := map[string]string{"T": "stopped", "D": "uninterruptible", "Z": "zombie"}[state]
	if name == "" {
		return 0, ""
	}
	return time.Duration(limits[name] * float64(time.Second)), name
}

func lookProcess(l *look, p *api.ProcessVitals) Finding {
	f := Finding{Subject: fmt.Sprintf("%s: %s[%d]", p.Resource, p.Comm, p.PID), Level: Fine}
	limit, name := Hung(l.limits, p.State)
	switch {
	case limit > 0 && p.For >= (limit-Tolerance).Milliseconds():
		f.Level = Critical
		f.Summary = fmt.Sprintf("process %s[%d] of %s is %s (state %s) for %s", p.Comm, p.PID, p.Resource, name, p.State, ms(p.For))
	case l.limit("probes") > 0 && float64(p.Failures) >= l.limit("probes"):
		f.Level = Critical
		f.Summary = fmt.Sprintf("the probe of %s got no good answer %d times in a row (%s)", p.Resource, p.Failures, p.Probe)
	case p.For > 0 && name != "" || p.Failures > 0:
		f.Level = Between
	}
	f.Evidence = []api.Evidence{fact("state", p.State+" for "+ms(p.For), limit.String()), fact("waits in", p.WChan, ""),
		fact("failed probes", count(int64(p.Failures)), num(l.limit("probes"))),
		fact("load", num(l.now.CPU.Load[0]), ""), fact("available memory", kib(l.now.Memory.Available), ""), fact("io pressure, full", pct(l.now.Pressure.IO.Full10), "")}
	return f
}

var fencePathBroken = Rule{
	Name:  "fence-path.broken",
	Title: "a fence device does not work",
	Doc: "What fenced says of the devices that this node could use, and whether fenced itself answers. A fence path that is broken is " +
		"found out either now or when it is needed.",
	Raise: 15 * time.Second, Clear: 10 * time.Second,
	Advice: []string{"Test it: hcs stonith check DEVICE; look at the address, the password and the BMC's session limit.", "Configure a second level (fencing topology) that does not share its parts with the first."},
	look: func(l *look) []Finding {
		var out []Finding
		for _, p := range l.now.Fencing {
			f := Finding{Subject: p.ID, Level: Warning, Summary: fmt.Sprintf("fence device %s does not work from here: %s", p.ID, p.Error), Evidence: []api.Evidence{fact("error", p.Error, "")}}
			if p.Since > 0 {
				f.Evidence = append(f.Evidence, fact("does not work for", ms(l.now.At-p.Since), ""))
			}
			if p.Checked > 0 {
				f.Evidence = append(f.Evidence, fact("last probe", ms(l.now.At-p.Checked)+" ago", ""), fact("probes that failed", fmt.Sprintf("%d of %d", p.Failures, p.Probes), ""))
			}
			if p.ID == "fenced" {
				f.Level, f.Summary = Critical, "fenced does not answer, this node cannot fence: "+p.Error
			}
			out = append(out, f)
		}
		return out
	},
}

var configTimeouts = Rule{
	Name:   "config.timeouts",
	Title:  "timeouts contradict each other",
	Doc:    "The timeouts of the cluster file and of the CIB against each other: a shorter one that waits for a longer one ends every recovery in a failure.",
	Raise:  0,
	Clear:  0,
	Advice: []string{"hcs plan shows the effect of a change before it is made."},
	look: func(l *look) []Finding {
		var out []Finding
		for _, p := range l.now.Timeouts {
			out = append(out, Finding{Subject: p.Setting, Level: Warning, Summary: p.Text, Evidence: []api.Evidence{fact("setting", p.Setting, "")}})
		}
		return merge(out)
	},
}
