package vitals

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/vitals/proctext"
)

// procReader reads what /proc says of processors and memory.
type procReader struct {
	root  string
	buf   []byte
	ticks proctext.Ticks
	count proctext.Counters
	noPSI bool
}

func (p *procReader) file(name string) []byte {
	b, err := readFile(filepath.Join(p.root, name), p.buf)
	if err != nil {
		return nil
	}
	p.buf = b
	return b
}

func (p *procReader) read(time.Time) filler {
	var cpu api.CPUVitals
	var memory api.MemoryVitals
	var pressure api.PressureVitals
	proctext.Loadavg(p.file("loadavg"), &cpu)
	ticks := proctext.Stat(p.file("stat"), &cpu)
	proctext.Shares(p.ticks, ticks, &cpu)
	p.ticks = ticks
	proctext.Meminfo(p.file("meminfo"), &memory)
	count := proctext.Vmstat(p.file("vmstat"))
	events := proctext.Events(p.count, count)
	p.count = count
	if !p.noPSI {
		for name, dst := range map[string]*api.Pressure{"cpu": &pressure.CPU, "memory": &pressure.Memory, "io": &pressure.IO} {
			if b := p.file("pressure/" + name); b != nil {
				*dst = proctext.Pressure(b)
				pressure.Known = true
			}
		}
		p.noPSI = !pressure.Known // a kernel gets it by a boot only
	}
	memory.Exhausted = -1
	return func(v *api.Vitals, fresh bool) {
		v.CPU, v.Pressure, v.Memory = cpu, pressure, memory
		if fresh {
			v.VM = events
		}
	}
}

// host reads what does not change until the next boot.
func (p *procReader) host(g *cgroupReader) api.Host {
	h := api.Host{Kernel: strings.TrimSpace(string(p.file("sys/kernel/osrelease"))), BootID: strings.TrimSpace(string(p.file("sys/kernel/random/boot_id")))}
	h.NoKmem = proctext.NoKmem(p.file("cmdline"))
	for line := range strings.Lines(string(p.file("stat"))) {
		if strings.HasPrefix(line, "cpu") && !strings.HasPrefix(line, "cpu ") {
			h.Cores++
		}
	}
	h.CgroupV1 = g.membership().V1
	return h
}

// bootMs is the Unix time of the boot, to which the kernel's log counts.
func (p *procReader) bootMs() int64 { return 1000 * proctext.Value(p.file("stat"), "btime") }

// zoneReader reads /proc/zoneinfo, where a fault of the kernel shows that comes with the boot.
type zoneReader struct{ root string }

func (z zoneReader) read(time.Time) filler {
	fs, err := procfs.NewFS(z.root)
	if err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(z.root, "zoneinfo")); err != nil {
		return nil
	}
	list, err := fs.Zoneinfo()
	if err != nil {
		return nil
	}
	n := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	zones := make([]api.Zone, 0, len(list))
	for _, i := range list {
		zones = append(zones, api.Zone{Node: i.Node, Name: i.Zone, Spanned: n(i.Spanned), Present: n(i.Present), Managed: n(i.Managed),
			Free: n(i.NrFreePages), Min: n(i.Min), Low: n(i.Low), High: n(i.High)})
	}
	return func(v *api.Vitals, _ bool) { v.Zones = zones }
}
