package detect

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var memoryExhaustion = Rule{
	Name:  "memory.exhaustion",
	Title: "memory will be, or is, used up",
	Doc: "MemAvailable of the machine, or what is left below the limit of the cgroup that the node runs in, whichever is less. " +
		"Its trend over five seconds gives the time until nothing is left. A node without memory answers neither heartbeats nor " +
		"agents in time: it is lost, and its services move the hard way.",
	Raise: 2 * time.Second, Clear: 30 * time.Second,
	Thresholds: []Threshold{
		{"available", "percent", 5, "critical below this share of the total"},
		{"available_warning", "percent", 10, "warning below this share"},
		{"time_left", "seconds", 12, "critical when nothing will be left that soon"},
		{"low", "percent", 25, "below this share, time_left_low counts instead of time_left"},
		{"time_left_low", "seconds", 60, "warning when nothing will be left that soon"},
		{"pressure", "percent", 20, "critical when all tasks wait for memory that much (PSI memory full, 10 s) and available is below low"},
	},
	Advice: []string{
		"Find the process that grows (the incident lists the largest) and limit or restart it.",
		"Give memory-hungry services a limit of their own (systemd MemoryMax=), so that they cannot take the node with them.",
		"Let resources leave in time: [detector.\"memory.exhaustion\"] attribute = \"#health-memory\" with node-health-strategy = only-green or migrate-on-red.",
	},
	look: lookMemory,
}

func lookMemory(l *look) []Finding {
	m := &l.now.Memory
	if m.Total <= 0 {
		return nil
	}
	share := 100 * float64(m.Available) / float64(m.Total)
	psi := l.now.Pressure.Memory.Full10
	left := m.Exhausted
	soon := func(limit string) bool { return left >= 0 && left <= l.limit(limit) }
	// A short trend from a nearly empty machine is the start of a program, not the end of the memory.
	critical := share < l.limit("available") || soon("time_left") && share < 90 || share < l.limit("low") && psi >= l.limit("pressure")
	warning := share < l.limit("available_warning") || soon("time_left_low") && share < l.limit("low")
	between := share < l.limit("available_warning")+2 || left >= 0 && left <= 2*l.limit("time_left")
	f := Finding{Level: level(critical, warning, between)}
	if f.Level < Info {
		return []Finding{f}
	}
	where := "of the machine"
	if m.Limit != "" {
		where = "of cgroup " + m.Limit
	}
	f.Summary = fmt.Sprintf("%s of %s (%s) are left", kib(m.Available), kib(m.Total), where)
	if left >= 0 && left < 600 {
		f.Summary += fmt.Sprintf(", nothing in %.0f s if it goes on like this", left)
	}
	f.Evidence = []api.Evidence{
		fact("available", fmt.Sprintf("%s, %s of %s", kib(m.Available), pct(share), kib(m.Total)), pct(l.limit("available"))),
		fact("trend", kib(m.Slope)+"/s", ""),
		fact("time left", timeLeft(left), fmt.Sprintf("%g s", l.limit("time_left"))),
		fact("memory pressure, full", pct(psi), pct(l.limit("pressure"))),
		fact("allocations that stalled in 10 s", count(l.total(10*time.Second, func(v *api.Vitals) int64 { return v.VM.AllocStall })), ""),
		fact("swap free", kib(m.SwapFree)+" of "+kib(m.SwapTotal), ""),
	}
	return []Finding{f}
}

func timeLeft(s float64) string {
	if s < 0 {
		return "it does not fall"
	}
	return fmt.Sprintf("%.0f s", s)
}

var zoneAccounting = Rule{
	Name:  "memory.zone-accounting",
	Title: "the kernel books memory on the wrong zone",
	Doc: "/proc/zoneinfo: in every zone spanned >= present >= managed, or all three are 0. Some kernels (openEuler before " +
		"4.19.90-25.22 with parallel initialisation of struct page) count managed pages of one zone in another. The watermarks " +
		"that are computed from managed are then wrong, reclaim starts too late, and the node stalls for seconds under memory " +
		"pressure although memory looks free: tokens are lost, the node is fenced.",
	Clear: time.Minute,
	Advice: []string{
		"Update the kernel (openEuler: 4.19.90-25.22 or later); raising the token does not help.",
		"Until then keep more memory free: raise vm.min_free_kbytes to 1-2 % of the memory.",
	},
	look: lookZones,
}

func lookZones(l *look) []Finding {
	var out []Finding
	for _, z := range l.now.Zones {
		if z.Spanned >= z.Present && z.Present >= z.Managed {
			continue
		}
		name := "node " + z.Node + " zone " + z.Name
		out = append(out, Finding{Subject: name, Level: Critical,
			Summary: fmt.Sprintf("zone %s of NUMA node %s: %d pages are managed but %d present and %d spanned", z.Name, z.Node, z.Managed, z.Present, z.Spanned),
			Evidence: []api.Evidence{
				fact("spanned", count(z.Spanned), ""), fact("present", count(z.Present), "at most spanned"),
				fact("managed", count(z.Managed), "at most present"),
				fact("watermarks min, low, high", fmt.Sprintf("%d, %d, %d pages", z.Min, z.Low, z.High), ""),
				fact("kernel", l.host.Kernel, ""),
			}})
	}
	return out
}

var swapOff = Rule{
	Name:  "swap.off",
	Title: "there is no swap",
	Doc: "Without swap, a shortage of memory goes from nothing to the OOM killer within moments, because memory of idle " +
		"programs cannot be given up. A node that never had any is told of for information, because many sites want it so; swap that was " +
		"there and is gone, or less than is expected, is a warning.",
	Raise: time.Minute, Clear: 10 * time.Second,
	Thresholds: []Threshold{
		{"expected", "MiB", 0, "warning when there is less swap than that"},
	},
	Advice: []string{"Add a little swap (1-4 GiB) or zram, or limit the memory of the services, or switch this detector off.",
		"Swap that was there before: look who ran swapoff, and at the device (swapon --show, /etc/fstab, dmesg)."},
	look: lookSwap,
}

func lookSwap(l *look) []Finding {
	m := &l.now.Memory
	expected := int64(l.limit("expected")) << 10
	if m.HostTotal == 0 || m.SwapTotal > 0 && m.SwapTotal >= expected {
		return nil
	}
	f := Finding{Level: Info, Summary: "there is no swap: a shortage of memory ends in the OOM killer at once"}
	switch {
	case m.SwapTotal > 0:
		f.Level, f.Summary = Warning, fmt.Sprintf("there are only %s of swap, %s are expected", kib(m.SwapTotal), kib(expected))
	case l.trend.swap > 0:
		f.Level, f.Summary = Warning, fmt.Sprintf("swap was switched off, %s are gone: a shortage of memory ends in the OOM killer at once", kib(l.trend.swap))
	case expected > 0:
		f.Level, f.Summary = Warning, fmt.Sprintf("there is no swap, %s are expected: a shortage of memory ends in the OOM killer at once", kib(expected))
	}
	limit := ""
	if wanted := max(expected, l.trend.swap); wanted > 0 {
		limit = kib(wanted)
	}
	f.Evidence = []api.Evidence{fact("swap", kib(m.SwapTotal), limit), fact("available", kib(m.HostAvailable), "")}
	return []Finding{f}
}
