package series

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/holdfast-ha/holdfast/api"
)

func sample(second int, available int64) *api.Vitals {
	return &api.Vitals{At: 1_700_000_000_000 + int64(second)*1000, Memory: api.MemoryVitals{Total: 1 << 20, Available: available}}
}

func TestRing_ForgetsAfterFifteenMinutes(t *testing.T) {
	var r Ring
	for i := range 5000 {
		r.Add(sample(i, 1))
	}
	if n := r.Len(); n != 901 {
		t.Errorf("%d samples", n)
	}
	if got := len(r.Since(10 * time.Second)); got != 11 {
		t.Errorf("%d samples in ten seconds", got)
	}
	r.Add(sample(0, 1))
	if r.Len() != 1 {
		t.Error("a clock that was set back did not empty the ring")
	}
}

func TestTrend_TimeToExhaustion(t *testing.T) {
	var r Ring
	var v *api.Vitals
	for i := range 6 {
		v = sample(i, 1000<<10-int64(i)*100<<10)
		r.Trend(v)
		r.Add(v)
	}
	if v.Memory.Slope != -100<<10 || v.Memory.Exhausted < 4.9 || v.Memory.Exhausted > 5.1 {
		t.Errorf("slope %d, exhausted in %g", v.Memory.Slope, v.Memory.Exhausted)
	}
	up := sample(6, 1000<<10)
	r.Trend(up)
	if up.Memory.Exhausted < 0 {
		t.Error("one sample outvoted five")
	}
	grown := sample(6, 10<<20)
	grown.Memory.Total = 16 << 20
	r.Trend(grown)
	if grown.Memory.Slope != 0 || grown.Memory.Exhausted != -1 {
		t.Errorf("a trend across a changed limit: %+v", grown.Memory)
	}
}

var names = []string{"memory.exhaustion", "oom.kill", "io.stall"}

func TestDigest_SurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<40)
		p := func(name string) float64 { return float64(rapid.IntRange(0, 200).Draw(t, name)) / 2 }
		d := api.Digest{Node: "n1", At: n.Draw(t, "at"), Load: float64(rapid.IntRange(0, 100000).Draw(t, "load")) / 100,
			Cores: rapid.IntRange(1, 4096).Draw(t, "cores"), Running: 9, Blocked: 3, CPU: p("cpu"), Memory: p("mem"), MemFull: p("full"),
			IO: p("io"), IOFull: p("iofull"), Steal: p("steal"), Total: n.Draw(t, "total"), Available: n.Draw(t, "available"),
			Slope: rapid.Int64Range(-1<<40, 1<<40).Draw(t, "slope"), SwapFree: 7, Slab: 8, Dying: 9, Stalls: 10, OOMKills: 11, Faults: 12,
			Late: 13, Heartbeat: 14, Disk: 15, DiskUsed: 16, Hung: 17, Mode: "high", Alarms: []string{"memory.exhaustion", "io.stall"}}
		raw := Encode(&d, names)
		if len(raw) > 130 { // 200 with base64 and its frame
			t.Fatalf("%d bytes", len(raw))
		}
		back, err := Decode("n1", append(raw, 1, 2, 3), names)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(&api.Digest{At: 5, Mode: "low"}, names))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Decode("n1", raw, names)
		if err == nil && len(Encode(&d, names)) > 300 {
			t.Error("a decoded digest is too long to be sent again")
		}
	})
}

func TestDigests_KeepTheNewest(t *testing.T) {
	var s Digests
	for i := range 2000 {
		s.Add(api.Digest{At: int64(i) * 1000})
		s.Add(api.Digest{At: int64(i) * 1000}) // sent twice
	}
	last := s.Last(3)
	if len(last) != 3 || last[2].At != 1999000 || last[1].At != 1998000 {
		t.Errorf("%+v", last)
	}
}
