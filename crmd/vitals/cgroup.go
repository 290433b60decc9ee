package vitals

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/vitals/proctext"
)

// cgroupReader reads the memory cgroups that this process lives in: a node that is a container, or whose stack
// has a limit, runs out of memory long before the machine does.
type cgroupReader struct {
	proc, sys string
	kills     map[string]int64 // by path, for the difference
	buf       []byte
}

func (g *cgroupReader) membership() proctext.Membership {
	b, err := os.ReadFile(filepath.Join(g.proc, "self/cgroup"))
	if err != nil {
		return proctext.Membership{}
	}
	return proctext.Cgroups(b)
}

// dir is where the memory hierarchy is mounted.
func (g *cgroupReader) dir(m proctext.Membership) string {
	if m.V1 {
		return filepath.Join(g.sys, "fs/cgroup/memory")
	}
	if root := filepath.Join(g.sys, "fs/cgroup/unified"); exists(filepath.Join(root, "cgroup.controllers")) {
		return root
	}
	return filepath.Join(g.sys, "fs/cgroup")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (g *cgroupReader) file(dir, name string) []byte {
	b, err := readFile(filepath.Join(dir, name), g.buf)
	if err != nil {
		return nil
	}
	g.buf = b
	return b
}

// names of the files, which differ between the versions.
var cgroupFiles = map[bool]struct{ limit, usage, events, key string }{
	true:  {"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control", "oom_kill"},
	false: {"memory.max", "memory.current", "memory.events", "oom_kill"},
}

func (g *cgroupReader) read(time.Time) filler {
	m := g.membership()
	if m.Path == "" {
		return nil
	}
	root, names := g.dir(m), cgroupFiles[m.V1]
	best := api.MemoryVitals{Available: proctext.Unlimited}
	kills := make(map[string]int64)
	var oom []api.CgroupOOM
	for p := path.Clean(m.Path); ; p = path.Dir(p) {
		dir := filepath.Join(root, p)
		if limit := proctext.Limit(g.file(dir, names.limit)); limit < proctext.Unlimited {
			used := proctext.Bytes(g.file(dir, names.usage))
			left := (limit - used + g.reclaimable(dir, m.V1)) >> 10
			if left = min(max(left, 0), limit>>10); left < best.Available {
				best = api.MemoryVitals{Limit: p, Total: limit >> 10, Available: left}
			}
		}
		if b := g.file(dir, names.events); b != nil && p != "/" {
			kills[p] = proctext.Value(b, names.key)
			if was, known := g.kills[p]; known && kills[p] > was {
				oom = append(oom, api.CgroupOOM{Path: p, Kills: kills[p] - was})
			}
		}
		if p == "/" || p == "." {
			break
		}
	}
	g.kills = kills
	return func(v *api.Vitals, fresh bool) {
		// A limit above what the machine has left is not what runs out first.
		if best.Limit != "" && best.Available < v.Memory.Available {
			v.Memory.Limit, v.Memory.Total, v.Memory.Available = best.Limit, best.Total, best.Available
		}
		if fresh {
			v.Cgroups.OOMKills = innermost(oom)
		}
		v.Kernel = concerning(v.Kernel, v.Memory.Limit)
	}
}

// reclaimable are the bytes of a cgroup that the kernel can take back without hurting anybody: its file cache
// and the slab of that.
func (g *cgroupReader) reclaimable(dir string, v1 bool) int64 {
	b := g.file(dir, "memory.stat")
	if v1 {
		return proctext.Value(b, "total_inactive_file") + proctext.Value(b, "total_active_file")
	}
	return proctext.Value(b, "inactive_file") + proctext.Value(b, "active_file") + proctext.Value(b, "slab_reclaimable")
}

// innermost keeps, of cgroups that contain each other, the inner one: a kill is counted in all above it.
func innermost(in []api.CgroupOOM) []api.CgroupOOM {
	if len(in) > 1 {
		return in[:1]
	}
	return in
}

// concerning leaves out what the kernel says of cgroups outside of the one that this node is confined to: on a
// host of several nodes all of them read one log.
func concerning(in []api.KernelEvent, limit string) []api.KernelEvent {
	if limit == "" {
		return in
	}
	out := in[:0]
	for _, k := range in {
		if k.Kind == api.KernelCgroupOOM && !proctext.Within(k.Subject, limit) {
			continue
		}
		out = append(out, k)
	}
	return out
}

// maxCgroups bounds the walk through the hierarchy; more are not counted.
const maxCgroups = 20000

// count counts memory cgroups: those that have a directory, and those that were deleted but hold memory.
func (g *cgroupReader) count(time.Time) filler {
	m := g.membership()
	if m.Path == "" && !m.V1 {
		return nil
	}
	root := g.dir(m)
	var c api.CgroupVitals
	if b, err := os.ReadFile(filepath.Join(root, "cgroup.stat")); err == nil && !m.V1 {
		c.Live, c.Dying = int(proctext.Value(b, "nr_descendants")), int(proctext.Value(b, "nr_dying_descendants"))
	} else {
		_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fs.SkipDir // deleted meanwhile
			case d.IsDir():
				c.Live++
			}
			if c.Live >= maxCgroups {
				return fs.SkipAll
			}
			return nil
		})
		if b, err := os.ReadFile(filepath.Join(g.proc, "cgroups")); err == nil {
			c.Dying = max(0, proctext.MemoryCount(b)-c.Live)
		}
		c.Kmem = proctext.Bytes(readSmall(filepath.Join(root, "kubepods", "memory.kmem.usage_in_bytes"))) >> 10
		if c.Kmem == 0 {
			c.Kmem = proctext.Bytes(readSmall(filepath.Join(root, "memory.kmem.usage_in_bytes"))) >> 10
		}
	}
	return func(v *api.Vitals, _ bool) { v.Cgroups.Live, v.Cgroups.Dying, v.Cgroups.Kmem = c.Live, c.Dying, c.Kmem }
}

func readSmall(path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil || strings.HasPrefix(string(b), "-") {
		return nil
	}
	return b
}
