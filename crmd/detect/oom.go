package detect

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var kmemLeak = Rule{
	Name:  "memory.kmem-leak",
	Title: "the kernel's own memory of cgroups leaks",
	Doc: "SUnreclaim (slab that cannot be given back), the number of memory cgroups, and of those that were deleted but still hold " +
		"memory. Kernels before 4.x with accounting of kernel memory keep the slab of deleted cgroups for ever; containers that are " +
		"restarted again and again use up the node until cgroups run out of memory and the kernel kills their processes.",
	Raise: 5 * time.Second, Clear: 5 * time.Minute,
	Thresholds: []Threshold{
		{"slab", "percent", 10, "warning when SUnreclaim is above this share of the memory and grows, or cgroups are dying"},
		{"slab_critical", "percent", 20, "critical above this share"},
		{"growth", "percent", 0.5, "growth per hour, in percent of the memory, that counts as a leak"},
		{"dying", "count", 1000, "deleted memory cgroups that still hold memory"},
	},
	Advice: []string{
		"Boot with cgroup.memory=nokmem, or use a kernel of 4.x or later.",
		"Find what makes and deletes cgroups so fast: a container or an application that fails and is retried in a loop; fix that loop.",
		"Until then empty the node in time and reboot it: hcs node standby NODE.",
	},
	look: lookKmem,
}

func lookKmem(l *look) []Finding {
	m, c := &l.now.Memory, &l.now.Cgroups
	if m.HostTotal <= 0 {
		return nil
	}
	share := 100 * float64(m.SUnreclaim) / float64(m.HostTotal)
	grown, cgroups, hours := l.trend.growth()
	growing := hours >= 0.4 && 100*grown/float64(m.HostTotal) >= l.limit("growth")
	dying := float64(c.Dying) >= l.limit("dying")
	suspect := growing || dying
	f := Finding{Level: level(suspect && share >= l.limit("slab_critical"), suspect && share >= l.limit("slab"), share >= 0.8*l.limit("slab"))}
	if f.Level < Info {
		return []Finding{f}
	}
	f.Summary = fmt.Sprintf("%s of slab cannot be given back (%s of the memory), %d memory cgroups are deleted but not freed", kib(m.SUnreclaim), pct(share), c.Dying)
	accounting := "on"
	if l.host.NoKmem {
		accounting = "off"
	}
	f.Evidence = []api.Evidence{
		fact("SUnreclaim", fmt.Sprintf("%s, %s of %s", kib(m.SUnreclaim), pct(share), kib(m.HostTotal)), pct(l.limit("slab"))),
		fact("growth", fmt.Sprintf("%s/h, seen for %.1f h", kib(int64(grown)), hours), fmt.Sprintf("%s/h", kib(int64(l.limit("growth")*float64(m.HostTotal)/100)))),
		fact("memory cgroups", fmt.Sprintf("%d live, %d dying, %+.0f/h", c.Live, c.Dying, cgroups), fmt.Sprintf("%g dying", l.limit("dying"))),
		fact("kernel", l.host.Kernel, "4.x"), fact("kernel memory accounting", accounting, ""),
	}
	if c.Kmem > 0 {
		f.Evidence = append(f.Evidence, fact("kernel memory in cgroups", kib(c.Kmem), ""))
	}
	return []Finding{f}
}

// oomWindow is how far back kills are counted in the evidence.
const oomWindow = 10 * time.Minute

var cgroupOOM = Rule{
	Name:  "memory.cgroup-oom",
	Title: "the kernel killed processes because a cgroup ran out of memory",
	Doc: "memory.events of the cgroups that the node runs in, and the kernel's log (\"Memory cgroup out of memory\"). Applications " +
		"log nothing when this happens: their process is just gone.",
	Clear: 10 * time.Minute,
	Advice: []string{
		"Raise the limit of that cgroup, or make its program use less.",
		"Many such kills on a node whose memory looks free: see memory.kmem-leak and memory.zone-accounting.",
	},
	look: func(l *look) []Finding {
		var out []Finding
		path := "" // of the cgroup that a line of this sample names
		for _, k := range l.now.Kernel {
			if k.Kind == api.KernelCgroupOOM && strings.HasPrefix(k.Subject, "/") {
				path = k.Subject
			}
		}
		for _, o := range l.now.Cgroups.OOMKills {
			out = append(out, oomFinding(l, o.Path, fmt.Sprintf("%d processes of cgroup %s were killed: its limit is reached", o.Kills, o.Path)))
		}
		for _, k := range l.now.Kernel {
			if k.Kind == api.KernelCgroupOOM && strings.HasPrefix(k.Subject, "/") {
				out = append(out, oomFinding(l, k.Subject, "the kernel killed processes of cgroup "+k.Subject+": its limit is reached"))
			} else if k.Kind == api.KernelCgroupOOM && path != "" { // the kernel says it in two lines
				out = append(out, oomFinding(l, path, fmt.Sprintf("the kernel killed process %s of cgroup %s: its limit is reached", k.Subject, path)))
			} else if k.Kind == api.KernelCgroupOOM {
				out = append(out, oomFinding(l, "", "the kernel killed process "+k.Subject+" because its cgroup ran out of memory"))
			}
		}
		return merge(out)
	},
}

func oomFinding(l *look, subject, summary string) Finding {
	f := Finding{Subject: subject, Level: Warning, Event: true, Summary: summary}
	kills := int64(0)
	var texts []string
	for _, v := range l.ring.Since(oomWindow) {
		for _, o := range v.Cgroups.OOMKills {
			if o.Path == subject || subject == "" {
				kills += o.Kills
			}
		}
		for _, k := range v.Kernel {
			if k.Kind == api.KernelCgroupOOM {
				texts = append(texts, k.Text)
			}
		}
	}
	f.Evidence = []api.Evidence{fact("kills in 10 min", fmt.Sprintf("%d counted by the cgroup, %d lines in the kernel's log", kills, len(texts)), "")}
	for _, t := range texts[max(0, len(texts)-3):] {
		f.Evidence = append(f.Evidence, fact("kernel", t, ""))
	}
	return append(facts(f.Evidence), usage(l)...).into(f)
}

// merge keeps the last finding of each subject.
func merge(in []Finding) []Finding {
	var out []Finding
	at := make(map[string]int)
	for _, f := range in {
		if i, ok := at[f.Subject]; ok {
			out[i] = f
			continue
		}
		at[f.Subject] = len(out)
		out = append(out, f)
	}
	return out
}

var oomKill = Rule{
	Name:  "oom.kill",
	Title: "the kernel killed processes because the machine ran out of memory",
	Doc: "The kernel's log (\"Out of memory: Killed process\"), or the counter oom_kill of /proc/vmstat where the log cannot be read. " +
		"Whatever was killed may be what a resource consists of, or what the cluster needs.",
	Clear: 10 * time.Minute,
	Advice: []string{
		"See memory.exhaustion: find what used the memory, and limit it.",
		"Holdfast's daemons protect themselves (OOMScoreAdjust); protect what must not die the same way.",
	},
	look: lookOOM,
}

func lookOOM(l *look) []Finding {
	f := Finding{Level: Critical, Event: true}
	for _, k := range l.now.Kernel {
		if k.Kind == api.KernelOOM {
			f.Summary = "the kernel killed process " + k.Subject + ": the machine has no memory left"
			f.Evidence = append(f.Evidence, fact("kernel", k.Text, ""))
		}
	}
	if f.Summary == "" {
		in := l.total(3*time.Second, func(v *api.Vitals) int64 {
			n := int64(0)
			for _, o := range v.Cgroups.OOMKills {
				n += o.Kills
			}
			for _, k := range v.Kernel {
				if k.Kind == api.KernelCgroupOOM || k.Kind == api.KernelOOM {
					n++
				}
			}
			return n
		})
		// Inside a limited cgroup the machine's counter is about others as well.
		if l.now.VM.OOMKill == 0 || in > 0 || l.now.Memory.Limit != "" {
			return nil
		}
		f.Summary = fmt.Sprintf("the kernel killed %d processes for lack of memory", l.now.VM.OOMKill)
		f.Evidence = append(f.Evidence, fact("oom_kill", count(l.now.VM.OOMKill), ""))
	}
	return []Finding{append(facts(f.Evidence), usage(l)...).into(f)}
}

type facts []api.Evidence

func (e facts) into(f Finding) Finding {
	f.Evidence = e
	return f
}

// usage is how memory stood at that moment.
func usage(l *look) facts {
	m := &l.now.Memory
	return facts{fact("available", kib(m.Available)+" of "+kib(m.Total), ""), fact("SUnreclaim", kib(m.SUnreclaim), ""),
		fact("swap free", kib(m.SwapFree)+" of "+kib(m.SwapTotal), "")}
}
