package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var start = time.UnixMilli(1_700_000_000_000)

// bench feeds a machine one sample a second.
type bench struct {
	t   *testing.T
	m   *Machine
	now time.Time
	log []string
}

func newBench(t *testing.T, cfg Config) *bench {
	b := &bench{t: t, m: New("n1", cfg), now: start}
	b.m.Step(start, HostIs{api.Host{Kernel: "6.1.0", Cores: 4}})
	return b
}

func healthy(at time.Time) *api.Vitals {
	return &api.Vitals{At: at.UnixMilli(), CPU: api.CPUVitals{Load: [3]float64{1, 1, 1}, Running: 2, Busy: 30},
		Pressure: api.PressureVitals{Known: true},
		Memory:   api.MemoryVitals{Total: 16 << 20, Available: 8 << 20, HostTotal: 16 << 20, HostAvailable: 8 << 20, SwapTotal: 4 << 20, SwapFree: 4 << 20, SUnreclaim: 200 << 10},
		Heartbeat: api.HeartbeatVitals{Known: true, Token: 1000, Realtime: true, Links: []api.LinkVitals{{Link: 0, Node: "n2", Up: true, Silent: 100, Received: 5},
			{Link: 1, Node: "n2", Up: true, Silent: 100, Received: 5}}},
		Peers: []api.PeerVitals{{Node: "n2", Digest: 500}}, Throttle: api.ThrottleVitals{Mode: "negligible"}}
}

// run feeds n samples; change may alter the i-th.
func (b *bench) run(n int, change func(i int, v *api.Vitals)) {
	for i := range n {
		v := healthy(b.now)
		if change != nil {
			change(i, v)
		}
		for _, o := range b.m.Step(b.now, Sampled{v}) {
			at := int(b.now.Sub(start).Seconds())
			switch o := o.(type) {
			case Raised:
				b.log = append(b.log, fmt.Sprintf("%d +%s %s %s", at, o.Alarm.Name, o.Alarm.Severity, o.Alarm.Subject))
			case Cleared:
				b.log = append(b.log, fmt.Sprintf("%d -%s", at, o.Alarm.Name))
			case Act:
				b.log = append(b.log, fmt.Sprintf("%d act %s %v", at, o.Action.Attribute+o.Action.Hook, o.On))
			case Changed:
				if o.Alarm.Severity == api.Critical && o.Alarm.Name == "memory.exhaustion" {
					b.log = append(b.log, fmt.Sprintf("%d worse", at))
				}
			}
		}
		b.now = b.now.Add(time.Second)
	}
}

func (b *bench) expect(want ...string) {
	b.t.Helper()
	got := make([]string, len(b.log))
	for i, l := range b.log {
		got[i] = strings.TrimSpace(l)
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestDetect_OneSubjectEach(t *testing.T) {
	cases := []struct {
		name   string
		n      int
		change func(i int, v *api.Vitals)
		want   []string
	}{
		{"healthy", 30, nil, nil},
		{"a zone whose managed pages belong to another", 1, func(_ int, v *api.Vitals) {
			v.Zones = []api.Zone{{Node: "0", Name: "Normal", Spanned: 100, Present: 90, Managed: 80}, {Node: "0", Name: "Movable", Managed: 17000}}
		}, []string{"0 +memory.zone-accounting critical node 0 zone Movable"}},
		{"no swap", 70, func(_ int, v *api.Vitals) { v.Memory.SwapTotal = 0 }, []string{"60 +swap.off info"}},
		{"swapoff", 70, func(i int, v *api.Vitals) {
			if i > 0 {
				v.Memory.SwapTotal = 0
			}
		}, []string{"61 +swap.off warning"}},
		{"OOM in the kernel's log", 1, func(_ int, v *api.Vitals) {
			v.Kernel = []api.KernelEvent{{Kind: api.KernelOOM, Subject: "812 (gaussdb)", Text: "Out of memory: Killed process 812 (gaussdb)"}}
			v.VM.OOMKill = 1
		}, []string{"0 +oom.kill critical"}},
		{"kills of a cgroup are not the machine's", 1, func(_ int, v *api.Vitals) {
			v.Cgroups.OOMKills, v.VM.OOMKill = []api.CgroupOOM{{Path: "/kubepods", Kills: 3}}, 3
		}, []string{"0 +memory.cgroup-oom warning /kubepods"}},
		{"kills without a log", 1, func(_ int, v *api.Vitals) { v.VM.OOMKill = 2 }, []string{"0 +oom.kill critical"}},
		{"overload", 15, func(_ int, v *api.Vitals) { v.CPU.Load[0], v.Pressure.CPU.Some10 = 20, 90 }, []string{"10 +cpu.overload warning"}},
		{"a high load that nobody waits for", 60, func(_ int, v *api.Vitals) { v.CPU.Load[0], v.Pressure.CPU.Some10 = 40, 10 }, nil},
		{"steal", 45, func(_ int, v *api.Vitals) { v.CPU.Steal = 60 }, []string{"39 +cpu.steal critical"}},
		{"a stuck disk", 3, func(i int, v *api.Vitals) {
			v.Disks = []api.DiskVitals{{Path: "/data", Device: "sdb", State: api.DiskStuck, Took: int64(1000 + 2500*i)}}
		}, []string{"1 +io.stall warning /data"}},
		{"a damaged disk", 1, func(_ int, v *api.Vitals) {
			v.Disks = []api.DiskVitals{{Path: "/data", Device: "sdb", State: api.DiskDamaged, Error: "read other bytes than were written"}}
		}, []string{"0 +disk.damaged critical /data"}},
		{"early alarm of a filling disk", 8, func(_ int, v *api.Vitals) { v.Disks = []api.DiskVitals{{Path: "/", Used: 70, State: api.DiskOK}} }, []string{"5 +disk.nearly-full info /"}},
		{"no inodes", 8, func(_ int, v *api.Vitals) {
			v.Disks = []api.DiskVitals{{Path: "/", Used: 10, UsedInodes: 99, State: api.DiskOK}}
		}, []string{"5 +disk.nearly-full critical /"}},
		{"corosyncd late", 1, func(_ int, v *api.Vitals) { v.Heartbeat.Late = 4634 }, []string{"0 +heartbeat.stall critical"}},
		{"corosyncd does not answer", 4, func(_ int, v *api.Vitals) { v.Heartbeat = api.HeartbeatVitals{Error: "timeout"} }, []string{"2 +heartbeat.stall critical"}},
		{"another node stalls", 1, func(_ int, v *api.Vitals) {
			v.Heartbeat.Links[0].Silent, v.Heartbeat.Links[1].Silent, v.Peers[0].Digest = 3000, 3100, 400
		}, []string{"0 +heartbeat.stall critical n2"}},
		{"the network is cut", 1, func(_ int, v *api.Vitals) {
			v.Heartbeat.Links[0].Silent, v.Heartbeat.Links[1].Silent, v.Peers[0].Digest = 3000, 3000, 3500
		}, []string{"0 +heartbeat.network critical n2"}},
		{"one of two links is down", 1, func(_ int, v *api.Vitals) { v.Heartbeat.Links[1].Up, v.Heartbeat.Links[1].Silent = false, 3000 }, []string{"0 +heartbeat.network warning link 1 to n2"}},
		{"loss", 5, func(_ int, v *api.Vitals) { v.Heartbeat.Links[0].Lost, v.Heartbeat.Links[0].Received = 2, 3 }, []string{"1 +heartbeat.network warning link 0 to n2"}},
		{"flapping", 60, func(i int, v *api.Vitals) {
			if i%15 == 0 {
				v.Heartbeat.Links[1].Flaps = 1
			}
		}, []string{"30 +link.flap warning link 1 to n2"}},
		{"a stopped process", 1, func(_ int, v *api.Vitals) {
			v.Processes = []api.ProcessVitals{{Resource: "db", PID: 812, Comm: "postgres", State: "T", For: 5000}}
		}, []string{"0 +process.hung critical db: postgres[812]"}},
		{"a traced or busy process", 30, func(_ int, v *api.Vitals) {
			v.Processes = []api.ProcessVitals{{Resource: "db", PID: 812, State: "t", For: 500000}, {Resource: "db", PID: 813, State: "D", For: 8000}, {Resource: "db", PID: 814, State: "S", For: 1 << 40}}
		}, nil},
		{"failing probe", 1, func(_ int, v *api.Vitals) {
			v.Processes = []api.ProcessVitals{{Resource: "db", PID: 812, Comm: "postgres", State: "S", Probe: "timeout", Failures: 5}}
		}, []string{"0 +process.hung critical db: postgres[812]"}},
		{"the clock jumps", 1, func(_ int, v *api.Vitals) { v.Clock.Jump = -3000 }, []string{"0 +clock.jump warning"}},
		{"the throttle", 1, func(_ int, v *api.Vitals) {
			v.Throttle = api.ThrottleVitals{Mode: "high", Inputs: []api.ThrottleInput{{Name: "load", Value: 169.1, Thresholds: []float64{1, 2, 3}, Mode: "high"}}}
		}, []string{"0 +throttle.high warning"}},
		{"a fence device", 20, func(_ int, v *api.Vitals) { v.Fencing = []api.FencePath{{ID: "ipmi-n2", Error: "no route"}} }, []string{"15 +fence-path.broken warning ipmi-n2"}},
		{"timeouts", 1, func(_ int, v *api.Vitals) { v.Timeouts = []api.TimeoutProblem{{Setting: "stonith-timeout", Text: "x"}} }, []string{"0 +config.timeouts warning stonith-timeout"}},
	}
	named := make(map[string]bool)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.run(c.n, c.change)
			b.expect(c.want...)
			for _, a := range b.m.Alarms() {
				named[a.Name] = true
				if a.Summary == "" || len(a.Evidence) == 0 || len(a.Advice) == 0 || a.Node != "n1" {
					t.Errorf("the alarm says too little: %+v", a)
				}
			}
		})
	}
	for _, n := range Names() {
		if !named[n] && n != "memory.exhaustion" && n != "memory.kmem-leak" {
			t.Errorf("no case raises %s", n)
		}
	}
}

func TestMemoryExhaustion_BeforeTheLossAndNotForAProgramThatStarts(t *testing.T) {
	b := newBench(t, nil)
	// 2 GiB at 200 MiB/s: nothing is left after ten seconds.
	b.run(8, func(i int, v *api.Vitals) {
		v.Memory.Total, v.Memory.Available = 2<<20, 2<<20-int64(i)*200<<10
	})
	b.expect("4 +memory.exhaustion critical")

	b = newBench(t, nil)
	b.run(120, func(i int, v *api.Vitals) {
		// A database takes 40 % of the machine within 20 s and stays.
		v.Memory.Available = 14<<20 - int64(min(i, 20))*(16<<20*2/100)
	})
	b.expect()
}

func TestMemoryExhaustion_Hysteresis(t *testing.T) {
	cfg := Config{}
	s, _ := Default("memory.exhaustion")
	s.Action = Action{Attribute: "#health-memory", Value: "red", From: api.Critical}
	cfg["memory.exhaustion"] = s
	b := newBench(t, cfg)
	at := func(p int64) func(int, *api.Vitals) {
		return func(_ int, v *api.Vitals) { v.Memory.Available = v.Memory.Total * p / 100 }
	}
	b.run(10, at(9)) // warning after two seconds
	b.run(10, at(11))
	b.run(10, at(9)) // never fine in between: the same alarm
	b.run(2, at(4))
	b.run(29, at(50))
	b.run(5, at(11)) // not fine, and fast
	b.run(31, at(50))
	b.expect("2 +memory.exhaustion warning", "30 worse", "30 act #health-memory true", "61 worse", "96 -memory.exhaustion", "96 act #health-memory false")
}

func TestKmemLeak_TrendOverHours(t *testing.T) {
	b := newBench(t, nil)
	step := func(i int, v *api.Vitals) {
		v.At = b.now.UnixMilli()
		v.Memory.HostTotal, v.Memory.SUnreclaim = 377<<20, (20<<20)+int64(i)*(300<<10)
		v.Cgroups = api.CgroupVitals{Live: 900, Dying: 200 + 100*i}
		b.now = b.now.Add(59 * time.Second)
	}
	b.run(200, step)
	if len(b.log) != 1 || !strings.Contains(b.log[0], "+memory.kmem-leak warning") {
		t.Errorf("%v", b.log)
	}
	b = newBench(t, nil)
	b.run(600, func(i int, v *api.Vitals) { // much slab, but it does not grow and no cgroup is dying
		v.Memory.HostTotal, v.Memory.SUnreclaim = 377<<20, 60<<20
		b.now = b.now.Add(59 * time.Second)
	})
	b.expect()
}

func TestMachine_SwitchedOffAndReconfigured(t *testing.T) {
	b := newBench(t, nil)
	jump := func(_ int, v *api.Vitals) { v.Clock.Jump = 700 }
	b.run(1, jump)
	s, _ := Default("clock.jump")
	s.Enabled = false
	b.m.Step(b.now, Configured{Config{"clock.jump": s}})
	b.run(1, jump)
	s.Enabled, s.Limits["jump"], s.Severity = true, 600, api.Critical
	b.m.Step(b.now, Configured{Config{"clock.jump": s}})
	b.run(1, jump)
	b.expect("0 +clock.jump warning", "1 -clock.jump", "2 +clock.jump critical")
}

func TestConfig_SaysWhatIsWrong(t *testing.T) {
	s, ok := Default("memory.exhaustion")
	if !ok {
		t.Fatal("no such detector")
	}
	s.Limits["available"], s.Severity = 120, "grave"
	err := Config{"memory.exhaustion": s, "memory.nonsense": {}}.Validate()
	for _, want := range []string{`memory.exhaustion: available is 120, must be from 0 to 100 percent`, `severity is "grave"`, `no detector "memory.nonsense"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	all := Config{}
	for _, n := range Names() {
		all[n], _ = Default(n)
	}
	if err := all.Validate(); err != nil {
		t.Error(err)
	}
}

func TestRules_AreDocumented(t *testing.T) {
	if len(Names()) > 64 {
		t.Error("digests have 64 bits for alarms")
	}
	for _, r := range Rules() {
		if r.Title == "" || r.Doc == "" || len(r.Advice) == 0 || r.look == nil {
			t.Errorf("%s is not complete", r.Name)
		}
		for _, th := range r.Thresholds {
			if th.Doc == "" || !slices.Contains([]string{"percent", "seconds", "count", "ms", "MiB"}, th.Unit) {
				t.Errorf("%s: %+v", r.Name, th)
			}
		}
	}
}

func BenchmarkStep(b *testing.B) {
	m := New("n1", nil)
	now := start
	for range 900 {
		m.Step(now, Sampled{healthy(now)})
		now = now.Add(time.Second)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Step(now, Sampled{healthy(now)})
		now = now.Add(time.Second)
	}
}

func TestSwapOff_LessThanIsExpectedIsAWarning(t *testing.T) {
	set, _ := Default("swap.off")
	set.Limits["expected"] = 4 << 10
	for _, swap := range []int64{0, 2 << 20} {
		b := newBench(t, Config{"swap.off": set})
		b.run(61, func(_ int, v *api.Vitals) { v.Memory.SwapTotal = swap })
		b.expect("60 +swap.off warning")
	}
}
