package incidents

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"
)

// healthy is a host that works hard all day: a load around its cores, a night with backups that fill the cache, a bit of
// pressure, memory that goes up and down, containers that come and go, a process that waits for a disk now and then.
const healthy = `start 2026-03-02T00:00:00Z
0s set btime 1772000000
0s set cores 16
0s set psi 1
0s set MemTotal 131900000
0s set SwapTotal 8388604
0s set SwapFree 8200000
0s set SReclaimable 4100000
0s rate pgmajfault 12
0s rate compact_stall 0.1
0s state 812 S
`

// busy sets what such a host shows at a time of the day.
func busy(h *host, at time.Duration) {
	day := at.Hours()
	wave := func(period, from, to float64) float64 {
		return from + (to-from)*(0.5+0.5*math.Sin(2*math.Pi*at.Seconds()/period))
	}
	hour := math.Max(0, math.Sin(math.Pi*(day-6)/16)) // work from 6 to 22
	v := h.values
	v["load"] = 4 + 19*hour*wave(700, 0.5, 1)
	v["load_at_once"] = 1
	v["busy"] = 15 + 75*hour
	v["running"] = math.Floor(2 + 30*hour*wave(13, 0.2, 1))
	v["cpu.some"] = 35 * hour * wave(97, 0.3, 1)
	v["memory.some"] = wave(3600, 0, 3)
	v["io.some"], v["io.full"] = wave(400, 1, 22), wave(400, 0, 9)
	v["MemAvailable"] = 131900000 * (0.30 + wave(1800, 0, 0.12) - 0.08*hour)
	v["MemFree"] = v["MemAvailable"] / 3
	v["Cached"] = 60000000
	if day > 2 && day < 3 { // the backup reads and writes everything
		v["io.full"], v["blocked"], v["Cached"], v["MemFree"] = 38, 6, 90000000, 900000
	} else {
		v["blocked"] = math.Floor(wave(51, 0, 2.9))
	}
	v["SUnreclaim"] = 2100000 + wave(43000, 0, 700000)
	v["memory_cgroups"] = 0
	v["late"] = wave(211, 0, 60)
	v["corosyncd_late"] = wave(311, 0, 25)
	h.states["812"] = "S"
	if math.Mod(at.Seconds(), 300) < 4 {
		h.states["812"] = "D" // it syncs
	}
}

// TestHealthy_ABusyDayRaisesNoAlarm plays 24 hours. HOLDFAST_LONG=1 takes a sample every second, as in reality; without it
// the day is the same, with a sample every 30 seconds besides ten minutes in real steps.
func TestHealthy_ABusyDayRaisesNoAlarm(t *testing.T) {
	w := watchText(t, healthy, "3-hung-primary")
	w.shape = busy
	every := 30 * time.Second
	if os.Getenv("HOLDFAST_LONG") != "" {
		every = time.Second
	}
	began := time.Now()
	w.until(9*time.Hour, every)
	w.until(9*time.Hour+10*time.Minute, time.Second)
	w.until(24*time.Hour, every)
	for _, a := range w.raised {
		t.Errorf("%s: %s %s", fmt.Sprint(time.UnixMilli(a.Raised).Sub(w.rec.start)), a.Name, a.Summary)
	}
	t.Logf("24 simulated hours in %s", time.Since(began).Round(time.Millisecond))
}
