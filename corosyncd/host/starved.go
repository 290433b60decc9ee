package host

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/internal/realtime"
)

// Thresholds of the kernel's pressure stall information, in percent of the last ten seconds.
const (
	// cpuStarved: some task waited for a CPU this long. Below it a normal process still runs in time.
	cpuStarved = 40
	// memoryStarved: every task waited for memory this long.
	memoryStarved = 10
	samplePeriod  = time.Second
)

// WatchPressure reports when the host begins and ends to be so short of CPU or memory that this process may be
// late, until ctx ends. A process with realtime priority and locked memory is not held up by either.
func WatchPressure(ctx context.Context, p realtime.Protection, report func(starved bool)) {
	if p.Realtime && p.Locked {
		return
	}
	t := time.NewTicker(samplePeriod)
	defer t.Stop()
	was := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := !p.Realtime && pressure("/proc/pressure/cpu", "some") >= cpuStarved ||
			!p.Locked && pressure("/proc/pressure/memory", "full") >= memoryStarved
		if now != was {
			was = now
			report(now)
		}
	}
}

// pressure reads the ten-second average of a line of a pressure file, 0 where the kernel has none.
func pressure(path, line string) float64 {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return parsePressure(raw, line)
}

func parsePressure(raw []byte, line string) float64 {
	for l := range bytes.Lines(raw) {
		fields := bytes.Fields(l)
		if len(fields) < 2 || string(fields[0]) != line {
			continue
		}
		if v, ok := bytes.CutPrefix(fields[1], []byte("avg10=")); ok {
			n, err := strconv.ParseFloat(string(v), 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
