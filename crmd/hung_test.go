package crmd

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/hungfs"
)

// threads is how many threads this process has: each call that hangs in the kernel holds one.
func threads(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func (n *testNode) samples(span time.Duration) []api.Vitals {
	var r api.VitalsReport
	if err := n.client.Call(n.c.t.Context(), "GET", fmt.Sprintf("%s?since=%d", api.PathVitals, int(span.Seconds())), nil, &r); err != nil {
		n.c.t.Fatal(err)
	}
	return r.Samples
}

// A database directory and a pid file on an NFS server that is gone: the node is watched as before, says what hangs,
// and neither piles up what waits nor holds up the end of crmd.
func TestDaemon_AHungFileSystemIsToldAndHoldsUpNothing(t *testing.T) {
	hung := hungfs.Mount(t)
	c := newCluster(t, 1, fmt.Sprintf("[vitals]\ndisks = [%q]\ndisk_every = \"1s\"\ndisk_deadline = \"300ms\"\n[supervise.d1]\npidfile = %q\n[detector.\"io.stall\"]\nslow = 300\nstall = 1000\n", hung, hung+"/d1.pid"))
	c.schedule = schedule
	c.up()
	n1 := c.node("n1")
	if _, err := n1.cib(api.CIBRequest{Op: "modify", Section: "configuration", Input: monitored, AllowCreate: true, Client: "test"}); err != nil {
		t.Fatal(err)
	}
	c.until("d1 is monitored and the stall is alarmed as critical", func() bool {
		out, err := n1.cib(api.CIBRequest{Op: "query", XPath: "//lrm_rsc_op[@operation='monitor' and @interval='200']"})
		var st api.AlarmStatus
		_ = n1.client.Call(t.Context(), "GET", api.PathAlarms, nil, &st) // the zero status is what is not there
		for _, a := range st.Nodes {
			for _, a := range a.Alarms {
				if a.Name == "io.stall" && a.Subject == hung && a.Severity == api.Critical {
					return err == nil && strings.Contains(out.XML, "lrm_rsc_op")
				}
			}
		}
		return false
	})
	const watched = 3 * time.Second
	goroutines, kernel := runtime.NumGoroutine(), threads(t)
	time.Sleep(watched) // the harness samples every 100 ms
	// Monitors come and go meanwhile; what waited for the disk would be one more with each probe and each look.
	if more := runtime.NumGoroutine() - goroutines; more > 10 {
		t.Errorf("%d more goroutines after %s", more, watched)
	}
	if more := threads(t) - kernel; more > 10 {
		t.Errorf("%d more threads after %s", more, watched)
	}
	list := n1.samples(watched)
	if len(list) < 20 {
		t.Errorf("%d samples in %s", len(list), watched)
	}
	for i, v := range list[1:] {
		if gap := v.At - list[i].At; gap > 1000 {
			t.Errorf("no sample for %d ms", gap)
		}
	}
	last := list[len(list)-1]
	if len(last.Disks) != 2 || last.Disks[0].State != api.DiskOK || last.Disks[1].State != api.DiskStuck || last.Disks[1].Took < 3000 {
		t.Errorf("disks %+v", last.Disks)
	}
	began := time.Now()
	n1.kill()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("crmd ended after %s", took)
	}
}
