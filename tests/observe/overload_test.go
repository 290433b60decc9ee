package observe

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

// loaded is for how long the nodes are loaded: briefly in `make test`, as long as HOLDFAST_LOAD says in `make watch`.
func loaded() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("HOLDFAST_LOAD")); err == nil {
		return d
	}
	return 5 * time.Second
}

// dummies are resources of Debian's ocf:heartbeat:Dummy, which is a shell script as most agents are.
func dummies(from, to int) string {
	var b strings.Builder
	b.WriteString("<resources>")
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, `<primitive id="d%[1]d" class="ocf" provider="heartbeat" type="Dummy"><operations><op id="d%[1]d-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`, i)
	}
	return b.String() + "</resources>"
}

// stress runs 64 CPU hogs until the test ends them.
func (w *world) stress() (end func()) {
	w.t.Helper()
	cmd := exec.Command("stress-ng", "--cpu", "64", "--timeout", "20m", "--quiet")
	if err := cmd.Start(); err != nil {
		w.t.Skipf("stress-ng is needed: %v", err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Signal(os.Interrupt) // it ends its children itself
			_ = cmd.Wait()
		}
	}
	w.t.Cleanup(end)
	return end
}

// troubles are failed operations and moves that the status section knows.
func (w *world) troubles() []string {
	reply, err := holdfast.CIB(w.ctx, w.Node("n1"), api.CIBRequest{Op: "query", Section: "status"})
	w.must(err)
	status, err := cibxml.Parse(reply.XML)
	w.must(err)
	var out []string
	status.Walk(func(e *cibxml.Element) bool {
		switch {
		case e.IsTag("nvpair") && (strings.HasPrefix(e.Get("name"), "fail-count") || strings.HasPrefix(e.Get("name"), "last-failure")):
			out = append(out, e.Get("name")+"="+e.Get("value"))
		case e.IsTag("lrm_rsc_op") && strings.HasSuffix(e.ID(), "_last_failure_0") && e.Get("operation") != "monitor":
			out = append(out, e.Get("operation_key")+" rc "+e.Get("rc-code"))
		}
		return true
	})
	for _, ev := range w.Power.Events() {
		out = append(out, fmt.Sprintf("power: %+v", ev))
	}
	return out
}

// throttled is what the DC says of the throttle.
func (w *world) throttled() api.ThrottleStatus {
	st, err := call[api.ThrottleStatus](w, w.Node("n1"), api.PathThrottle)
	w.must(err)
	return st
}

// more adds resources and measures until they run, and what waited meanwhile.
func (w *world) more(from, to int) (took time.Duration, waited int, longest time.Duration) {
	w.t.Helper()
	began := time.Now()
	w.modify("resources", dummies(from, to))
	seen := map[string]bool{}
	w.must(holdfast.Poll(w.ctx, "the new resources run", 5*time.Minute, func(ctx contextT) (bool, error) {
		time.Sleep(100 * time.Millisecond)
		st, err := call[api.ThrottleStatus](w, w.Node("n1"), api.PathThrottle)
		if err == nil {
			for _, n := range st.Nodes {
				for _, x := range n.Waiting {
					seen[x.Action] = true
					longest = max(longest, time.Duration(x.For)*time.Millisecond)
				}
			}
		}
		at := w.running(ctx)
		return len(at) == to, fmt.Errorf("%d run", len(at))
	}))
	return time.Since(began), len(seen), longest
}

// configure replaces the cluster file at run time.
func (w *world) configure(text string) {
	w.t.Helper()
	client := w.Node("n1").Client("crmd")
	defer client.Close()
	w.must(client.Call(w.ctx, http.MethodPut, api.PathFile, api.ClusterFile{Text: text}, nil))
}

func TestOverload_NothingFailsAndTheThrottleIsShown(t *testing.T) {
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}, Sections: "[throttle]\nsample = \"2s\"\n"})
	w.resources(0, "", "")
	w.modify("resources", dummies(1, 20))
	w.allRun(20)
	before := w.running(w.ctx)
	if idle, _, _ := w.more(21, 40); idle > 0 {
		t.Logf("20 more resources started in %.1f s without load", idle.Seconds())
	}
	end := w.stress()
	w.until("every node is in mode high, with its inputs", func(contextT) (bool, error) {
		st := w.throttled()
		ok := len(st.Nodes) == 3
		for _, n := range st.Nodes {
			ok = ok && n.Mode == "high" && n.Limit == 1 && len(n.Inputs) == 2
		}
		return ok, fmt.Errorf("%+v", st)
	})
	time.Sleep(loaded())
	took, waited, longest := w.more(41, 60)
	t.Logf("throttled: 20 more resources started in %.1f s; %d actions were seen waiting, the longest for %.1f s", took.Seconds(), waited, longest.Seconds())
	if a := w.alarms(w.Node("n2"), "n1"); len(named(a, "throttle.high", time.Time{})) == 0 {
		t.Errorf("there is no alarm throttle.high: %+v", a)
	}
	w.explained(w.Node("n2"), "last", "throttled: ", "operations waited for their turn")
	w.configure(strings.Replace(w.File, "[throttle]\n", "[throttle]\nload_threshold = \"0%\"\n", 1))
	w.until("the throttle is off without a restart", func(contextT) (bool, error) {
		st := w.throttled()
		return !slices.ContainsFunc(st.Nodes, func(n api.ThrottleNode) bool { return n.Mode == "high" || n.Limit == 1 }), fmt.Errorf("%+v", st)
	})
	free, waited, longest := w.more(61, 80)
	t.Logf("not throttled: 20 more resources started in %.1f s; %d waiting, %.1f s", free.Seconds(), waited, longest.Seconds())
	end()
	for _, x := range w.troubles() {
		t.Error(x)
	}
	after := w.running(w.ctx)
	for rsc, node := range before {
		if after[rsc] != node {
			t.Errorf("%s has moved from %s to %s", rsc, node, after[rsc])
		}
	}
}
