package observe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/journal"
)

const (
	memoryRoot = "/sys/fs/cgroup/memory"
	// nodeMemory is the limit of the node whose memory is used up, at growth bytes a second.
	nodeMemory = 3 << 30
	growth     = 200 << 20
)

// cgroupOf is a node's own memory cgroup.
func cgroupOf(n *lab.Node) string {
	return filepath.Join(memoryRoot, fmt.Sprintf("holdfast-test-%d-%s", os.Getpid(), n.Name))
}

// confine puts a node into a memory cgroup of its own. The cgroup is removed when the test ends.
func (w *world) confine(n *lab.Node) {
	w.t.Helper()
	var st unix.Sysinfo_t
	if err := unix.Sysinfo(&st); err != nil || uint64(st.Freeram+st.Bufferram)*uint64(st.Unit) < nodeMemory*3/2 {
		w.t.Skipf("this machine has not the %d MiB of free memory that the test uses up", nodeMemory>>20*3/2)
	}
	dir := cgroupOf(n)
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		w.t.Skipf("no memory cgroups of version 1 that could be made here: %v", err)
	}
	w.t.Cleanup(func() {
		_ = n.PowerOff() // the cluster's end reports what is wrong
		for end := time.Now().Add(10 * time.Second); os.Remove(dir) != nil && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	})
	w.must(os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte(strconv.Itoa(nodeMemory)), 0o644))
	all, err := n.Processes()
	w.must(err)
	for _, p := range all {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(p.PID)), 0o644); err != nil && !errors.Is(err, unix.ESRCH) {
			w.t.Fatal(err)
		}
	}
	w.until(n.Name+" sees its limit", func(contextT) (bool, error) {
		r, err := call[api.VitalsReport](w, n, api.PathVitals+"?since=2")
		if err != nil || len(r.Samples) == 0 {
			return false, err
		}
		m := r.Samples[len(r.Samples)-1].Memory
		return m.Limit != "" && m.Total == nodeMemory>>10, fmt.Errorf("limit %q, %d KiB", m.Limit, m.Total)
	})
}

// hog uses memory up in a node at a steady rate. It is memory that the kernel cannot get back by killing: killing
// goes on until the node is lost.
func (w *world) hog(n *lab.Node) {
	w.t.Helper()
	script := fmt.Sprintf(`echo 0 >%s/cgroup.procs || exit; i=0; start=$(date +%%s%%N); while :; do i=$((i+1)); head -c %d /dev/zero >/dev/shm/hog$i || exit; late=$((start + i*100000000 - $(date +%%s%%N))); [ $late -gt 0 ] && sleep 0.0$((late/1000000 %% 100)); done`,
		cgroupOf(n), growth/10)
	job, err := n.Start(exec.Command("sh", "-c", script))
	w.must(err)
	w.t.Cleanup(func() {
		_ = n.PowerOff() // the cluster's end reports what is wrong
		_ = job.Wait()
	})
}

// service is a group of an address and a journalled resource that prefers n2.
func (w *world) service() {
	w.t.Helper()
	w.resources(0, "", "")
	w.modify("resources", fmt.Sprintf(`<resources><group id="web"><primitive id="vip" class="ocf" provider="holdfast" type="vip"><instance_attributes id="vip-i"><nvpair id="vip-ip" name="ip" value="%s/%d"/></instance_attributes>`+
		`<operations><op id="vip-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>%s</group></resources>`, w.Net.Float(0), w.Net.Bits(), journalled(1, "10s", "20s")))
	w.modify("constraints", `<constraints><rsc_location id="prefer" rsc="web" node="n2" score="100"/></constraints>`)
	w.until("the service runs on n2", func(ctx contextT) (bool, error) {
		at := w.running(ctx)
		return at["vip"] == "n2" && at["j1"] == "n2", fmt.Errorf("it runs on %v", at)
	})
}

// moved is when the journalled resource was started on another node than n2, zero before.
func (w *world) moved(since time.Time) time.Time {
	entries, err := w.Journal()
	w.must(err)
	for _, e := range entries {
		if e.Resource == "j1" && e.Op == "start" && e.Phase == journal.End && e.Node != "n2" && e.Wall.After(since) {
			return e.Wall
		}
	}
	return time.Time{}
}

// times are when each thing happened in a test, zero if it did not.
type times struct{ began, alarm, moved, exhausted, lost time.Time }

// drive uses up the memory of n2 and looks from n1 at what happens.
func (w *world) drive() times {
	w.t.Helper()
	n1, n2 := w.Node("n1"), w.Node("n2")
	boot := n2.Boot()
	x := times{began: time.Now()}
	w.hog(n2)
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		now := time.Now()
		if x.alarm.IsZero() {
			if a := named(w.alarms(n1, "n2"), "memory.exhaustion", x.began); len(a) > 0 && a[0].Severity == api.Critical {
				x.alarm = now
				w.t.Logf("after %.1f s: %s", now.Sub(x.began).Seconds(), a[0].Summary)
			}
		}
		if x.moved.IsZero() {
			x.moved = w.moved(x.began)
		}
		if x.exhausted.IsZero() && w.used(n2) > nodeMemory-16<<20 {
			x.exhausted = now
		}
		if x.lost.IsZero() {
			if v, err := holdfast.View(w.ctx, n1); err == nil && v.Member(2) == nil {
				x.lost = now
			}
		}
		if n2.Boot() > boot && !x.moved.IsZero() {
			break
		}
	}
	for name, at := range map[string]time.Time{"alarm": x.alarm, "moved": x.moved, "nothing left": x.exhausted, "lost": x.lost} {
		if !at.IsZero() {
			w.t.Logf("%-12s %.1f s after the beginning", name, at.Sub(x.began).Seconds())
		}
	}
	return x
}

func (w *world) used(n *lab.Node) int64 {
	raw, err := os.ReadFile(filepath.Join(cgroupOf(n), "memory.usage_in_bytes"))
	if err != nil {
		return 0
	}
	used, _ := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	return used
}

// end is when the node was of no use any more.
func (x times) end() time.Time {
	if x.exhausted.IsZero() || !x.lost.IsZero() && x.lost.Before(x.exhausted) {
		return x.lost
	}
	return x.exhausted
}

func (w *world) inTime(x times) {
	w.t.Helper()
	if x.alarm.IsZero() || x.end().IsZero() || x.end().Sub(x.alarm) < 5*time.Second {
		w.t.Errorf("the alarm came %.1f s before the end", x.end().Sub(x.alarm).Seconds())
	}
}

func TestMemory_AlarmMovesTheServiceBeforeTheNodeIsLost(t *testing.T) {
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}, Sections: "[detector.\"memory.exhaustion\"]\nattribute = \"#health-memory\"\n"})
	w.modify("crm_config", `<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="nhs" name="node-health-strategy" value="migrate-on-red"/></cluster_property_set></crm_config>`)
	w.service()
	w.confine(w.Node("n2"))
	x := w.drive()
	w.inTime(x)
	if x.moved.IsZero() || !x.moved.Before(x.end()) {
		t.Errorf("the service had not moved before: %+v", x)
	}
	for _, o := range w.Overlaps() {
		t.Error(o)
	}
}

func TestMemory_WithoutAnActionThePeersKnowWhyTheNodeWasLost(t *testing.T) {
	if os.Getenv("HOLDFAST_RUNS") == "" {
		t.Skip("half a minute more; make watch runs it")
	}
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}})
	w.service()
	w.confine(w.Node("n2"))
	x := w.drive()
	w.inTime(x)
	if x.moved.IsZero() || x.moved.Before(x.end()) {
		t.Errorf("moved without a reason: %+v", x)
	}
	r, err := call[api.VitalsReport](w, w.Node("n1"), api.PathVitals+"?node=n2&since=120")
	w.must(err)
	var last api.Digest
	for _, d := range r.Digests {
		if d.At <= x.end().UnixMilli()+1000 {
			last = d
		}
	}
	t.Logf("the last that n1 heard of n2: %+v", last)
	if !slices.Contains(last.Alarms, "memory.exhaustion") || last.Slope > -100 || last.Available > 1500 {
		t.Error("n1 does not know why n2 was lost")
	}
	w.explained(w.Node("n3"), "$(hcs incidents --kind node-lost --json | sed -n 's/.*\"id\": \"\\(.*\\)\".*/\\1/p' | tail -1)",
		"n2 was lost", "memory.exhaustion (likely)", "The last vitals of n2", "fence n2", "start j1")
	for _, o := range w.Overlaps() {
		t.Error(o)
	}
}
