package detect

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

const adviceThrottle = "hcs throttle shows the inputs against their thresholds, and what waits; its numbers can be changed without a restart."

var cpuOverload = Rule{
	Name:  "cpu.overload",
	Title: "far more runs than the processors can carry",
	Doc: "The 1-minute load average per core together with PSI cpu (some, 10 s), or alone where the kernel has no PSI, and how late a " +
		"normal process gets a CPU. Agents that are late because of this are not failed resources: no answer on such a host is " +
		"confirmed before it counts.",
	Raise: 10 * time.Second, Clear: time.Minute,
	Thresholds: []Threshold{
		{"load", "count", 4, "warning from this load per core on"},
		{"load_critical", "count", 10, "critical from this load per core on"},
		{"pressure", "percent", 60, "PSI cpu some that has to be reached as well"},
		{"late", "ms", 2000, "critical when a normal process waits that long for a CPU"},
	},
	Advice: []string{
		"Find what runs (top, systemd-cgtop) and limit it (CPUWeight=, CPUQuota=), or move it.",
		adviceThrottle,
	},
	look: func(l *look) []Finding {
		cores := float64(max(l.host.Cores, 1))
		per := l.now.CPU.Load[0] / cores
		psi, known := l.now.Pressure.CPU.Some10, l.now.Pressure.Known
		pressed := !known || psi >= l.limit("pressure")
		f := Finding{Level: level(pressed && (per >= l.limit("load_critical") || per >= l.limit("load") && float64(l.now.Late) >= l.limit("late")),
			pressed && per >= l.limit("load"), per >= 0.8*l.limit("load"))}
		if f.Level < Info {
			return []Finding{f}
		}
		f.Summary = fmt.Sprintf("load %.1f on %g cores, a process waits %s for a CPU", l.now.CPU.Load[0], cores, ms(l.now.Late))
		f.Evidence = []api.Evidence{
			fact("load", fmt.Sprintf("%.1f, %.1f per core", l.now.CPU.Load[0], per), num(l.limit("load"))+" per core"),
			fact("running or ready", count(int64(l.now.CPU.Running)), ""),
			fact("cpu pressure, some", l.psi(psi), pct(l.limit("pressure"))),
			fact("own lateness", ms(l.now.Late), ms(int64(l.limit("late")))),
			fact("busy", pct(l.now.CPU.Busy), ""), fact("stolen by the hypervisor", pct(l.now.CPU.Steal), ""),
		}
		return []Finding{f}
	},
}

var cpuSteal = Rule{
	Name:  "cpu.steal",
	Title: "the hypervisor gives the processors to others",
	Doc:   "The share of time that a virtual machine wanted to run and was not let, mean of 30 s. Heartbeats and agents are late without any load to be seen in the machine.",
	Raise: 10 * time.Second, Clear: time.Minute,
	Thresholds: []Threshold{{"steal", "percent", 20, "warning from this share on"}, {"steal_critical", "percent", 50, "critical from this share on"}},
	Advice:     []string{"Move the virtual machine to a host with free processors, or reserve processors for it.", "Do not lower the token on such a machine."},
	look: func(l *look) []Finding {
		mean, ok := l.mean(30*time.Second, func(v *api.Vitals) float64 { return v.CPU.Steal })
		if !ok {
			return nil
		}
		f := Finding{Level: level(mean >= l.limit("steal_critical"), mean >= l.limit("steal"), mean >= 0.7*l.limit("steal"))}
		f.Summary = fmt.Sprintf("the hypervisor withholds %s of the processors", pct(mean))
		f.Evidence = []api.Evidence{fact("steal, mean of 30 s", pct(mean), pct(l.limit("steal"))), fact("steal now", pct(l.now.CPU.Steal), ""),
			fact("own lateness", ms(l.now.Late), "")}
		return []Finding{f}
	},
}

var clockJump = Rule{
	Name:  "clock.jump",
	Title: "the clock was set",
	Doc: "The wall clock against the monotonic clock, second by second. Holdfast's timeouts do not follow the wall clock; logs, " +
		"rules with dates, failure-timeout and certificates do.",
	Clear:      10 * time.Minute,
	Thresholds: []Threshold{{"jump", "ms", 500, "a step of this size, forwards or backwards"}},
	Advice:     []string{"Let chrony or ntpd slew the clock, and step it only at boot.", "A virtual machine that was suspended or migrated jumps as well."},
	look: func(l *look) []Finding {
		j := l.now.Clock.Jump
		if float64(max(j, -j)) < l.limit("jump") {
			return nil
		}
		return []Finding{{Level: Warning, Event: true, Summary: fmt.Sprintf("the clock was set by %+d ms", j),
			Evidence: []api.Evidence{fact("step", fmt.Sprintf("%+d ms", j), ms(int64(l.limit("jump"))))}}}
	},
}

var throttleHigh = Rule{
	Name:  "throttle.high",
	Title: "the throttle lets only one job run at a time",
	Doc: "The node's throttle mode is high or extreme: starts, stops and other jobs wait for one another. Recurring monitors go on by " +
		"themselves, and exempt classes do not wait.",
	Raise: 0, Clear: 5 * time.Second,
	Advice: []string{
		adviceThrottle,
		"If the host carries that load well, raise [throttle] factors or load_threshold, or choose PSI inputs, which fall again within seconds.",
	},
	look: func(l *look) []Finding {
		t := &l.now.Throttle
		if t.Mode != "high" && t.Mode != "extreme" {
			return nil
		}
		f := Finding{Level: Warning, Summary: "throttle mode " + t.Mode}
		for _, in := range t.Inputs {
			if in.Mode != t.Mode {
				continue
			}
			limit := ""
			for i, name := range [...]string{"low", "medium", "high", "extreme"} {
				if name == t.Mode && i < len(in.Thresholds) {
					limit = num(in.Thresholds[i])
				}
			}
			f.Summary += fmt.Sprintf(": %s is %s", in.Name, num(in.Value))
			f.Evidence = append(f.Evidence, fact("input "+in.Name, num(in.Value), limit))
		}
		return []Finding{f}
	},
}
