package vitals

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/tests/hungfs"
)

// run samples every 100 ms until ok says that it has seen enough.
func run(t *testing.T, cfg Config, ok func(*api.Vitals) bool) *api.Vitals {
	t.Helper()
	got := make(chan *api.Vitals, 1)
	cfg.Period = 100 * time.Millisecond
	cfg.Report = func(v *api.Vitals) {
		if ok(v) {
			select {
			case got <- v:
			default:
			}
		}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() { cancel(); <-done }()
	select {
	case v := <-got:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("no such sample in 20 s")
		return nil
	}
}

func TestSampler_MeasuresThisMachine(t *testing.T) {
	dir := t.TempDir()
	v := run(t, Config{Disks: []Disk{{Path: dir}}, Host: func(h api.Host) {
		if h.Cores < 1 || h.Kernel == "" || h.BootID == "" {
			t.Errorf("host %+v", h)
		}
	}}, func(v *api.Vitals) bool { return v.CPU.Busy > 0 && len(v.Disks) == 1 && v.Zones != nil })
	if v.Memory.Total == 0 || v.Memory.Available == 0 || v.Memory.Available > v.Memory.Total || v.Clock.Jump > 100 {
		t.Errorf("%+v", v)
	}
	if d := v.Disks[0]; d.State != api.DiskOK || d.Total == 0 || d.Device == "" {
		t.Errorf("disk %+v", d)
	}
	for _, z := range v.Zones {
		if z.Name == "" || z.Managed > z.Spanned {
			t.Errorf("zone %+v", z)
		}
	}
}

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSampler_RecordedInputs(t *testing.T) {
	for version, files := range map[string]map[string]string{
		"v1": {"proc/self/cgroup": "4:memory:/lab/n1\n", "proc/cgroups": "memory\t4\t9\t1\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/lab/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/lab/n1/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/lab/n1/memory.usage_in_bytes": "1063256064\n",
			"sys/fs/cgroup/memory/lab/n1/memory.stat": "total_inactive_file 1048576\ntotal_active_file 1048576\n", "sys/fs/cgroup/memory/lab/n1/memory.oom_control": "oom_kill_disable 0\noom_kill 2\n"},
		"v2": {"proc/self/cgroup": "0::/lab/n1\n", "sys/fs/cgroup/cgroup.controllers": "memory\n", "sys/fs/cgroup/cgroup.stat": "nr_descendants 3\nnr_dying_descendants 6\n",
			"sys/fs/cgroup/lab/memory.max": "max\n", "sys/fs/cgroup/lab/n1/memory.max": "1073741824\n", "sys/fs/cgroup/lab/n1/memory.current": "1063256064\n",
			"sys/fs/cgroup/lab/n1/memory.stat": "anon 5\nfile 6\ninactive_file 1048576\nactive_file 1048576\n", "sys/fs/cgroup/lab/n1/memory.events": "max 5\noom 2\noom_kill 2\n"},
	} {
		t.Run(version, func(t *testing.T) {
			files["proc/meminfo"] = "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 8388608 kB\nSwapTotal: 0 kB\n"
			files["proc/loadavg"] = "169.10 90.00 40.00 170/900 4242\n"
			files["proc/stat"] = "cpu  1 0 1 1 0 0 0 0\ncpu0 1\ncpu1 1\nbtime 1700000000\nprocs_running 170\n"
			files["proc/pressure/memory"] = "some avg10=12.00 avg60=1.00 avg300=0.10 total=1\nfull avg10=3.00 avg60=1.00 avg300=0.10 total=1\n"
			files["proc/zoneinfo"] = "Node 0, zone   Normal\n  pages free     100\n        min      5\n        low      6\n        high     7\n        spanned  1000\n        present  900\n        managed  800\n" +
				"Node 0, zone  Movable\n  pages free     0\n        min      0\n        low      0\n        high     0\n        spanned  0\n        present  0\n        managed  17000\n"
			files["kmsg"] = ""
			dir := tree(t, files)
			s, err := New(Config{Proc: dir + "/proc", Sys: dir + "/sys", Kmsg: dir + "/kmsg", Report: func(*api.Vitals) {}})
			if err != nil {
				t.Fatal(err)
			}
			now := time.UnixMilli(1_700_000_100_000)
			s.Once(now)
			text := "3,1,100500000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/lab/n1,task_memcg=/lab/n1,task=db\n" +
				"3,2,100600000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/lab/n2,task_memcg=/lab/n2,task=db\n"
			events := map[string]string{"v1": "sys/fs/cgroup/memory/lab/n1/memory.oom_control", "v2": "sys/fs/cgroup/lab/n1/memory.events"}[version]
			for name, text := range map[string]string{"kmsg": text, events: "oom_kill 5\n"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			v := s.Once(now.Add(time.Second))
			if s.Host().Cores != 2 || s.Host().CgroupV1 != (version == "v1") {
				t.Errorf("host %+v", s.Host())
			}
			m := v.Memory
			if m.Limit != "/lab/n1" || m.Total != 1<<20 || m.Available != (10<<10)+(2<<10) || m.HostTotal != 16<<20 {
				t.Errorf("memory %+v", m)
			}
			if len(v.Cgroups.OOMKills) != 1 || v.Cgroups.OOMKills[0] != (api.CgroupOOM{Path: "/lab/n1", Kills: 3}) || v.Cgroups.Dying != 6 {
				t.Errorf("cgroups %+v", v.Cgroups)
			}
			if len(v.Kernel) != 1 || v.Kernel[0].Subject != "/lab/n1" || v.Kernel[0].At != 1_700_000_100_500 {
				t.Errorf("what the kernel said of another node's cgroup counts: %+v", v.Kernel)
			}
			if v.CPU.Load[0] != 169.1 || v.CPU.Running != 170 || v.Pressure.Memory.Full10 != 3 || len(v.Zones) != 2 || v.Zones[1].Managed != 17000 {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestSampler_DoesNotWaitForAHungDisk(t *testing.T) {
	dir := hungfs.Mount(t)
	samples := 0
	began := time.Now()
	v := run(t, Config{Disks: []Disk{{Path: dir, Deadline: 300 * time.Millisecond}, {Path: t.TempDir(), Every: 50 * time.Millisecond}}}, func(v *api.Vitals) bool {
		samples++
		return len(v.Disks) == 2 && v.Disks[0].State == api.DiskStuck && v.Disks[0].Took > 1500
	})
	if took := time.Since(began); samples < int(took/(100*time.Millisecond))/2 {
		t.Errorf("%d samples in %s", samples, took)
	}
	if v.Disks[1].State != api.DiskOK || v.CPU.Load == [3]float64{} {
		t.Errorf("the other sources stopped: %+v", v)
	}
}

func TestSampler_StoppedProcess(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p, err := proc.Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	watch := Watch{Resource: "db", PID: p.PID, Start: p.Start, Comm: p.Comm}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Processes: func() []Watch { return []Watch{watch, {Resource: "gone", PID: p.PID, Start: 1}} }}
	v := run(t, cfg, func(v *api.Vitals) bool {
		return len(v.Processes) == 2 && v.Processes[0].State == "T" && v.Processes[0].For >= 300
	})
	if v.Processes[1].State != "-" {
		t.Errorf("another process with the same pid counts: %+v", v.Processes[1])
	}
	if strings.TrimSpace(v.Processes[0].WChan) == "" {
		t.Log("the kernel does not tell where a stopped process waits")
	}
}

func TestDisk_ReadOnlyAndFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("tmpfs cannot be mounted here:", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	read := func() api.DiskVitals {
		v := &api.Vitals{}
		newDiskReader(Disk{Path: dir}, "/proc").read(time.Now())(v, true)
		return v.Disks[0]
	}
	if d := read(); d.State != api.DiskOK || d.Used > 20 {
		t.Errorf("%+v", d)
	}
	if err := os.WriteFile(dir+"/fill", make([]byte, 60<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := read(); d.State != api.DiskOK || d.Used < 95 {
		t.Errorf("full: %+v", d)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if d := read(); d.State != api.DiskReadOnly {
		t.Errorf("read-only: %+v", d)
	}
}

func BenchmarkSample(b *testing.B) {
	dir := b.TempDir()
	s, err := New(Config{Report: func(*api.Vitals) {}, Disks: []Disk{{Path: dir}}, Kmsg: "/dev/null"})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		s.Once(now)
		now = now.Add(time.Second)
	}
}
