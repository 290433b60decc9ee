package simnet

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// BenchmarkDetection measures, in virtual time, how long after a failure the survivors have the view
// without the node.
func BenchmarkDetection(b *testing.B) {
	for _, n := range []int{2, 3, 8, 32, 128} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			var times []time.Duration
			for seed := uint64(0); b.Loop(); seed++ {
				w := New(Options{Nodes: n, Seed: seed, Quorum: func(q *quorum.Config) { q.TwoNode = n == 2 }})
				w.Form()
				w.Run(time.Second)
				times = append(times, w.Detect(int(seed)%n, Failures[seed%3])...)
			}
			slices.Sort(times)
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
			b.ReportMetric(ms(times[0]), "ms-min")
			b.ReportMetric(ms(times[len(times)/2]), "ms-median")
			b.ReportMetric(ms(times[len(times)-1]), "ms-max")
		})
	}
}

// BenchmarkForm measures, in virtual time, how long nodes that are powered on within 20 ms take to one view.
func BenchmarkForm(b *testing.B) {
	for _, n := range []int{2, 3, 8, 32, 128} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			var worst time.Duration
			for seed := uint64(0); b.Loop(); seed++ {
				worst = max(worst, New(Options{Nodes: n, Seed: seed}).Form())
			}
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-max")
		})
	}
}

// BenchmarkIdle measures the CPU time that an engine needs for a second of quiet, without encryption and system
// calls, and what it sends and says.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{2, 3, 4, 8, 16, 32, 64, 128} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			w := New(Options{Nodes: n, Seed: 1})
			w.Form()
			w.Run(time.Second)
			packets, size, cpu := w.Packets, w.Bytes, cpuTime()
			for b.Loop() {
				w.Run(time.Second)
			}
			node := float64(n * b.N)
			b.ReportMetric(float64(w.Packets-packets)/node, "packets/s/node")
			b.ReportMetric(float64(w.Bytes-size)/float64(w.Packets-packets), "bytes/packet")
			b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/node, "us/s/node")
		})
	}
}

// cpuTime is what this process has used: other work on the machine does not count.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
