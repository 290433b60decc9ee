package throttle

import (
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

func TestMeter_SamplesLoadEveryThirtySecondsAndPressureEverySecond(t *testing.T) {
	cfg := Default()
	cfg.Inputs = []string{Store, Load, CPU}
	m := NewMeter(cfg)
	sample := func(second int, load, pressure float64) bool {
		s := Sample{Cores: 2, Load: load, Fast: map[string]float64{CPU: pressure}}
		return m.Sample(start.Add(time.Duration(second)*time.Second), s, time.Duration(second)*10*time.Millisecond)
	}
	sample(0, 169.1, 0) // a node that has just started is judged after the first period
	for i := 1; i < 30; i++ {
		if sample(i, 169.1, 0) {
			t.Fatalf("load was looked at after %d s", i)
		}
	}
	if !sample(30, 169.1, 0) || m.Mode() != High {
		t.Errorf("mode %s after 30 s", m.Mode())
	}
	if !sample(60, 0.1, 0) || m.Mode() != Negligible {
		t.Errorf("mode %s: it falls with the next sample, as Pacemaker's", m.Mode())
	}
	if !sample(61, 0.1, 75) || m.Mode() != Medium || !sample(62, 0.1, 0) {
		t.Errorf("pressure counts at once, mode %s", m.Mode())
	}
	if in := m.Inputs(); len(in) != 3 || in[0].Name != Store || in[0].Value < 0.0099 || in[0].Value > 0.0101 {
		t.Errorf("%+v", in)
	}
}

func TestMeter_FallsAfterAWhile(t *testing.T) {
	cfg := Default()
	cfg.Inputs, cfg.FallMs = []string{CPU}, 10000
	m := NewMeter(cfg)
	at := func(second int, p float64) Mode {
		m.Sample(start.Add(time.Duration(second)*time.Second), Sample{Cores: 2, Fast: map[string]float64{CPU: p}}, 0)
		return m.Mode()
	}
	for i, want := range []Mode{High, High, High, High, High, High, High, High, High, High, High, Negligible} {
		p := 0.0
		if i == 0 {
			p = 95
		}
		if got := at(i, p); got != want {
			t.Errorf("after %d s: %s", i, got)
		}
	}
	// New numbers take effect at once.
	cfg.Thresholds[CPU] = [4]float64{1, 2, 3, 0}
	m.Configure(cfg)
	if got := at(12, 3.5); got != High {
		t.Errorf("after a change of the numbers: %s", got)
	}
}

// pacemaker is the rule as its controller computes it: single precision, one threshold after the other from
// the worst. It is written from the facts and shares nothing with the package.
func pacemaker(cores int, load, cib, target float32, actionLimit int, peers []Mode, batch int) (mode, jobs, total int) {
	over := func(v float32, t [4]float32) int {
		for i := 3; i >= 0; i-- {
			if v > t[i] {
				return i + 1
			}
		}
		return 0
	}
	// Factors are of double precision, what they make is stored as single.
	times := func(unit float32, factors ...float64) float32 {
		d := float64(unit)
		for _, f := range factors {
			d *= f
		}
		return float32(d)
	}
	limit := float32(0.95)
	if cores == 1 {
		limit = 0.4
	}
	if target > 0 && target < limit {
		limit = target
	}
	mode = over(cib, [4]float32{times(limit, 0.8), times(limit, 0.9), limit, times(limit, 1.5)})
	if target > 0 {
		n := float64(cores)
		if cores == 1 {
			n = 0.6
		}
		mode = max(mode, over(load, [4]float32{times(target, n, 1.2), times(target, n, 1.6), times(target, n, 2), load + 1}))
	}
	maximum := actionLimit
	if maximum <= 0 {
		maximum = 2 * cores
	}
	jobs = max(1, []int{maximum, maximum / 2, maximum / 4, 1, 1}[mode])
	total = batch
	for _, p := range peers {
		share := map[Mode]int{High: len(peers) / 2, Extreme: len(peers) / 4}
		if n, counts := share[p]; counts && (total == 0 || total > n) {
			total = max(1, n)
		}
	}
	return mode, jobs, total
}

func TestJudge_EqualsPacemakersFormula(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := make(map[Mode]int)
	for range 10000 {
		cores := []int{1, 2, 4, 8, 16, 32, 64, 128}[r.IntN(8)]
		// As the kernel writes them: two digits.
		load, store := float64(r.IntN(cores*300))/100, float64(r.IntN(200))/100
		if r.IntN(2) == 0 {
			store = float64(r.IntN(25)) / 100
		}
		cfg := Default()
		if r.IntN(4) == 0 {
			cfg.LoadThreshold = float64(r.IntN(150)) / 100
		}
		target := float32(cfg.LoadThreshold)
		if r.IntN(3) == 0 {
			cfg.NodeActionLimit = r.IntN(100)
		}
		nodes := make([]Node, 1+r.IntN(16))
		peers := make([]Mode, len(nodes))
		for i := range nodes {
			peers[i] = Mode(r.IntN(5))
			nodes[i].Mode = peers[i]
		}
		batch := r.IntN(20)
		mode, jobs, total := pacemaker(cores, float32(load), float32(store), target, cfg.NodeActionLimit, peers, batch)
		got, inputs := cfg.Judge(Sample{Cores: cores, Load: load, Store: store})
		if int(got) != mode || cfg.Jobs(got, cfg.Maximum(cores)) != jobs || cfg.Total(batch, nodes) != total {
			t.Fatalf("cores %d load %g store %g target %g: mode %d jobs %d total %d, want %d %d %d (%+v)", cores, load, store, target,
				got, cfg.Jobs(got, cfg.Maximum(cores)), cfg.Total(batch, nodes), mode, jobs, total, inputs)
		}
		seen[got]++
	}
	for m := Negligible; m <= Extreme; m++ {
		if seen[m] < 100 {
			t.Errorf("%s came %d times only", m, seen[m])
		}
	}
}

// What Pacemaker 2.1.5's controller logged on a node of two cores under stress-ng, while load-threshold was changed
// at run time: the load that it read, and the mode that it took. Where its log does not tell the load, it is that of
// /proc/loadavg within the same ten seconds.
func TestConfig_JudgesAsARealPacemakerDid(t *testing.T) {
	for _, x := range []struct {
		percent float64 // load-threshold
		load    float64
		mode    Mode
	}{
		{80, 57.81, High}, {80, 66.94, High}, {80, 18.53, High}, {80, 19.33, High},
		{810, 14.80, Negligible}, {528, 14.45, Low}, {799, 22.38, Low}, {401, 14.25, Medium}, {245, 16.48, High},
	} {
		cfg := Default()
		cfg.LoadThreshold = x.percent / 100
		if mode, inputs := cfg.Judge(Sample{Cores: 2, Load: x.load}); mode != x.mode {
			t.Errorf("load-threshold %v%%, load %v: mode %s, Pacemaker took %s: %+v", x.percent, x.load, mode, x.mode, inputs)
		}
	}
}
