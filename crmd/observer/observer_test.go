package observer

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
)

func newObserver(t *testing.T, proc string) *Observer {
	t.Helper()
	o, err := New(Config{Node: "n1", Vitals: vitals.Config{Proc: proc, Kmsg: os.DevNull, Period: 50 * time.Millisecond},
		Settings: Settings{Throttle: throttle.Default()}, Alarm: func(detect.Output) {}, Mode: func(throttle.Mode, int) {}, Used: func() time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// tlsFrame and chunk are what TLS 1.3 and HTTP put around a word.
const tlsFrame, chunk = 22, 8

func TestTell_ADigestIsAtMost200BytesOnTheWire(t *testing.T) {
	o := newObserver(t, "/proc")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	largest, words := 0, 0
	enough := errors.New("enough")
	err := o.Tell(ctx, func(w api.Word) error {
		w.Alarms = nil // told when they change only
		raw, err := json.Marshal(w)
		if err != nil {
			return err
		}
		largest = max(largest, len(raw)+1+chunk+tlsFrame)
		if words++; words == 10 {
			return enough
		}
		return nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !errors.Is(err, enough) || largest > 200 {
		t.Errorf("%d bytes, %v", largest, err)
	}
	t.Logf("at most %d bytes", largest)
}

func TestHeard_KeepsWhatANodeSaidLastAndTellsWhatIsNew(t *testing.T) {
	o := newObserver(t, filepath.Join(t.TempDir(), "proc"))
	alarm := api.Alarm{Name: "memory.exhaustion", Node: "n2", Severity: api.Warning}
	raised, cleared, err := o.Heard("n2", api.Word{Alarms: &api.Alarms{Active: []api.Alarm{alarm}}})
	if err != nil || len(raised) != 1 || len(cleared) != 0 {
		t.Fatalf("%v %v %v", raised, cleared, err)
	}
	alarm.Severity = api.Critical
	if raised, _, _ = o.Heard("n2", api.Word{Alarms: &api.Alarms{Active: []api.Alarm{alarm}}}); len(raised) != 1 {
		t.Error("an alarm that is worse is not told")
	}
	if raised, _, _ = o.Heard("n2", api.Word{Alarms: &api.Alarms{Active: []api.Alarm{alarm}}}); len(raised) != 0 {
		t.Error("an alarm is told twice")
	}
	o.Members([]string{"n1"}, []string{"n2"})
	if nodes := o.Nodes(); len(nodes) != 2 || len(nodes[1].Alarms) != 1 || nodes[1].Age < 0 {
		t.Errorf("%+v", nodes)
	}
	if _, _, err := o.Heard("n2", api.Word{Digest: []byte{9}}); err == nil {
		t.Error("nonsense was taken for a digest")
	}
	if _, cleared, _ = o.Heard("n2", api.Word{Alarms: &api.Alarms{}}); len(cleared) != 1 {
		t.Error("the end of an alarm is not told")
	}
	o.Forget("n2")
	if len(o.Nodes()) != 1 {
		t.Error("a node that is not configured any more is kept")
	}
}

// BenchmarkSecond is what a second costs: a sample of the real machine, every detector, the throttle's meter and the
// digest. The budget is 0.5 % of a core, 5 ms.
func BenchmarkSecond(b *testing.B) {
	o, err := New(Config{Node: "n1", Vitals: vitals.Config{Period: time.Second, Kmsg: os.DevNull, Disks: []vitals.Disk{{Path: b.TempDir()}}},
		Settings: Settings{Throttle: throttle.Default()}, Alarm: func(detect.Output) {}, Mode: func(throttle.Mode, int) {}, Used: func() time.Duration { return 0 }})
	if err != nil {
		b.Fatal(err)
	}
	at := time.Now()
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		at = at.Add(time.Second)
		o.sampled(o.sampler.Once(at))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
	b.ReportMetric(float64(len(o.Samples(0))), "samples")
}
