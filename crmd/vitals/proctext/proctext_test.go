package proctext

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/api"
)

func TestMeminfo_KernelWithoutMemAvailable(t *testing.T) {
	var m api.MemoryVitals
	Meminfo([]byte("MemTotal:       395000000 kB\nMemFree:        20000000 kB\nCached:         300000000 kB\nSwapTotal:             0 kB\nSReclaimable:   10000000 kB\nSUnreclaim:     9000000 kB\n"), &m)
	if m.Total != 395000000 || m.Available != 175000000 || m.SUnreclaim != 9000000 {
		t.Errorf("%+v", m)
	}
}

func TestStat_SharesBetweenTwoReadings(t *testing.T) {
	var c api.CPUVitals
	a := Stat([]byte("cpu  100 0 100 700 50 0 0 50 0 0\ncpu0 1 1 1 1\nintr 5 4 3\nprocs_running 7\nprocs_blocked 2\n"), &c)
	b := Stat([]byte("cpu  200 0 200 1400 100 0 0 100 0 0\nprocs_running 9\nprocs_blocked 3\n"), &c)
	Shares(a, b, &c)
	want := api.CPUVitals{Running: 9, Blocked: 3, Busy: 20, System: 10, IOWait: 5, Steal: 5}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

func TestVmstat_AllocationStallsOfAllZones(t *testing.T) {
	a := Vmstat([]byte("pgmajfault 10\nallocstall_dma 0\nallocstall_normal 5\nallocstall_movable 7\noom_kill 1\n"))
	b := Vmstat([]byte("pgmajfault 30\nallocstall_dma 1\nallocstall_normal 9\nallocstall_movable 8\noom_kill 3\n"))
	want := api.VMVitals{AllocStall: 6, OOMKill: 2, MajorFaults: 20}
	if d := cmp.Diff(want, Events(a, b)); d != "" {
		t.Error(d)
	}
	if e := Events(Counters{}, b); e != (api.VMVitals{}) {
		t.Errorf("the first reading is no event: %+v", e)
	}
}

func TestPressure_BothLines(t *testing.T) {
	p := Pressure([]byte("some avg10=41.50 avg60=31.25 avg300=0.10 total=123\nfull avg10=2.25 avg60=1.50 avg300=0.00 total=1\n"))
	if p != (api.Pressure{Some10: 41.5, Some60: 31.25, Full10: 2.25, Full60: 1.5}) {
		t.Errorf("%+v", p)
	}
}

func TestCgroups_Versions(t *testing.T) {
	cases := map[string]Membership{
		"0::/system.slice/crmd.service\n":                    {Path: "/system.slice/crmd.service"},
		"5:cpu,cpuacct:/a\n4:memory:/b\n0::/c\n":             {Path: "/b", V1: true},
		"1:name=systemd:/init.scope\n0::/user.slice/x:y.z\n": {Path: "/user.slice/x:y.z"},
	}
	for text, want := range cases {
		if got := Cgroups([]byte(text)); got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if Limit([]byte("max\n")) != Unlimited || Limit([]byte("9223372036854771712\n")) != Unlimited || Limit([]byte("1048576\n")) != 1<<20 {
		t.Error("limits")
	}
	if n := MemoryCount([]byte("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t70\t1\nmemory\t4\t61234\t1\n")); n != 61234 {
		t.Errorf("%d memory cgroups", n)
	}
}

func TestKmsg_WordingsOfKernels(t *testing.T) {
	cases := []struct{ text, kind, subject string }{
		{"Out of memory: Killed process 812 (gaussdb) total-vm:1kB, anon-rss:2kB", api.KernelOOM, "812 (gaussdb)"},
		{"Out of memory: Kill process 812 (gaussdb) score 905 or sacrifice child", api.KernelOOM, "812 (gaussdb)"},
		{"Memory cgroup out of memory: Kill process 4711 (java) score 1997 or sacrifice child", api.KernelCgroupOOM, "4711 (java)"},
		{"Memory cgroup out of memory: Killed process 4711 (java) total-vm:1kB", api.KernelCgroupOOM, "4711 (java)"},
		{"Task in /kubepods/burstable/pod1 killed as a result of limit of /kubepods", api.KernelCgroupOOM, "/kubepods"},
		{"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a/b,task_memcg=/a/b/c,task=java,pid=1,uid=0", api.KernelCgroupOOM, "/a/b"},
		{"INFO: task postgres:812 blocked for more than 120 seconds.", api.KernelHungTask, "postgres:812"},
		{"watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:123]", api.KernelSoftLockup, "CPU#3"},
		{"blk_update_request: I/O error, dev sdb, sector 123 op 0x0:(READ)", api.KernelIOError, "sdb"},
		{"Buffer I/O error on dev dm-0, logical block 4, lost async page write", api.KernelIOError, "dm-0"},
		{"EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2", api.KernelIOError, "sda1"},
		{"EXT4-fs (sda1): Remounting filesystem read-only", api.KernelReadOnly, "sda1"},
		{"e1000e: eth1 NIC Link is Down", api.KernelLinkDown, "eth1"},
		{"bond0: link status definitely down for interface eth2, disabling it", api.KernelLinkDown, "eth2"},
		{"e1000e: eth1 NIC Link is Up 1000 Mbps Full Duplex", "", ""},
		{"usb 1-1: new high-speed USB device", "", ""},
	}
	for _, c := range cases {
		ev, ok := Kmsg("3,17,5000000,-;"+c.text+"\n SUBSYSTEM=x", 1000)
		if ok != (c.kind != "") || ev.Kind != c.kind || ev.Subject != c.subject || ok && ev.At != 6000 {
			t.Errorf("%s: %+v", c.text, ev)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add([]byte("cpu  1 2 3\nMemTotal: 5 kB\nsome avg10=1 =\n4:memory:/x\n3,1,2,-;I/O error, dev x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c api.CPUVitals
		var m api.MemoryVitals
		Loadavg(b, &c)
		Stat(b, &c)
		Meminfo(b, &m)
		Vmstat(b)
		Pressure(b)
		Cgroups(b)
		Limit(b)
		MemoryCount(b)
		Kmsg(string(b), 0)
	})
}
