package incidents

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/supervise"
	"github.com/holdfast-ha/holdfast/crmd/worker"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/story"
)

var update = flag.Bool("update", false, "write docs/incidents anew")

// told compares what hcs explain says with the documentation.
func (w *watched) told(name, title string, in api.Incident, want ...string) {
	w.t.Helper()
	var text bytes.Buffer
	s := &session.Session{Out: &text, Err: &text, Getenv: func(string) string { return "" }, Now: func() time.Time { return w.now.UTC() }}
	story.Tell(s, &in)
	for _, x := range want {
		if !strings.Contains(text.String(), x) {
			w.t.Errorf("the story lacks %q", x)
		}
	}
	doc := fmt.Sprintf("# %s\n\nWhat `hcs explain` says of it; made by `go test ./tests/incidents -update` from the recording\n`tests/incidents/testdata/%s.txtar`.\n\n```\n%s```\n", title, name, text.String())
	path := filepath.Join("..", "..", "docs", "incidents", name+".md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != doc {
		w.t.Errorf("%s is not what hcs explain says now (%v): go test ./tests/incidents -update; it says\n%s", path, err, text.String())
	}
}

// raisedOnly fails unless exactly these detectors raised alarms.
func (w *watched) raisedOnly(want ...string) {
	w.t.Helper()
	got := w.names()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("raised %v, want %v", got, want)
	}
}

// evidence is what an alarm says of a fact.
func evidence(t *testing.T, a api.Alarm, fact string) string {
	t.Helper()
	for _, e := range a.Evidence {
		if e.Name == fact {
			return e.Value
		}
	}
	t.Errorf("%s has no evidence %q: %v", a.Name, fact, a.Evidence)
	return ""
}

// failover is what follows a loss: the fence, the plan, the promotion.
func (w *watched) failover(rsc, silence string) {
	w.after(2, incident.FenceAsked{Target: "n1", Action: "off", Reason: "n1 lost: " + silence},
		incident.Planned{Transition: 41, Reason: "Node failure: n1", Input: "/var/lib/holdfast/crmd/pengine/pe-input-7.bz2", Changes: []incident.Change{
			{Verb: "Stop", Resource: rsc + ":0", From: "n1", Reason: "node availability"}, {Verb: "Promote", Resource: rsc + ":1", From: "n2", To: "n2"}, {Verb: "Move", Resource: "vip", From: "n1", To: "n2"}}},
		incident.Decided{Transition: 41, Notes: []api.Note{{Subject: "vip", Stage: "score", Why: "n2: INFINITY (colocation with the promoted " + rsc + ")"}}})
	w.after(180, incident.FenceEnded{Target: "n1", Action: "off", OK: true, By: "n2", Took: 178 * time.Millisecond},
		incident.Began{Key: "a", Task: "promote", Resource: rsc, Node: "n2", Changes: true})
	w.after(610, incident.Ended{Key: "a", Op: rsc + "_promote_0", Task: "promote", Resource: rsc, Node: "n2", OK: true, Text: "ok, 604 ms"},
		incident.Began{Key: "b", Task: "start", Resource: "vip", Node: "n2", Changes: true})
	w.after(45, incident.Ended{Key: "b", Op: "vip_start_0", Task: "start", Resource: "vip", Node: "n2", OK: true, Text: "ok, 41 ms"}, incident.Idle{})
}

func TestReplay1_MemoryExhaustionIsKnownBeforeTheNodeIsLost(t *testing.T) {
	w := watch(t, "1-memory-exhausted")
	w.until(59*time.Second, time.Second)
	w.lost("silent for 1003 ms on 2 of 2 links", "db", "vip")
	lost := w.now
	w.failover("db", "silent for 1003 ms on 2 of 2 links")
	w.raisedOnly("memory.exhaustion")
	a := w.first("memory.exhaustion")
	if before := lost.Sub(time.UnixMilli(a.Raised)); before < 5*time.Second {
		t.Errorf("the alarm came %s before the loss", before)
	}
	for _, fact := range []string{"available", "trend", "time left", "memory pressure, full"} {
		evidence(t, a, fact)
	}
	in := w.only(api.IncidentLoss)
	if in.Cause.Name != "memory.exhaustion" || in.Cause.Confidence != api.Likely || in.State != api.IncidentRecovered {
		t.Errorf("cause %+v, %s", in.Cause, in.State)
	}
	w.told("1-memory-exhausted", "Memory exhausted, node kicked out", in, "memory.exhaustion (likely)", "The last vitals of n1, which n2 holds", "MemoryMax=", "db is promoted on n2")
}

func TestReplay2_ZoneAccountingIsNamedAndTheStallIsLocal(t *testing.T) {
	w := watch(t, "2-token-lost")
	w.until(79*time.Second, time.Second)
	w.lost("silent for 4634 ms on 2 of 2 links", "app", "vip")
	w.failover("app", "silent for 4634 ms on 2 of 2 links")
	w.raisedOnly("memory.zone-accounting", "memory.cgroup-oom", "heartbeat.stall")
	zone := w.first("memory.zone-accounting")
	if zone.Raised > w.rec.start.Add(31*time.Second).UnixMilli() || zone.Subject != "node 0 zone Movable" {
		t.Errorf("zone alarm at %s: %s", time.UnixMilli(zone.Raised), zone.Subject)
	}
	if evidence(t, zone, "managed") != "23141376" || evidence(t, zone, "present") != "0" || !strings.Contains(evidence(t, zone, "kernel"), "ky10") {
		t.Errorf("evidence %v", zone.Evidence)
	}
	in := w.only(api.IncidentLoss)
	if in.Cause.Name != "memory.zone-accounting" {
		t.Errorf("cause %+v", in.Cause)
	}
	w.told("2-token-lost", "Token lost for 4634 ms, fence, reboot", in, "zone Movable of NUMA node 0", "4.19.90-25.22", "corosyncd was not scheduled for 4634 ms", "java")
}

func TestReplay3_AHungPrimaryIsElsewhereWithinItsBudget(t *testing.T) {
	w := watch(t, "3-hung-primary")
	m := supervise.New(supervise.Settings{All: supervise.Default()})
	var acted []supervise.Output
	var hungAt time.Time
	for at := time.Second; at < 40*time.Second && acted == nil; at += time.Second {
		w.until(at, time.Second)
		p := w.last.Processes[0]
		if hungAt.IsZero() && p.State == "T" {
			hungAt = w.now
		}
		if len(w.machine.Alarms()) > 0 {
			acted = m.Step(w.now, supervise.Hung{Resource: "db", Reason: w.machine.Alarms()[0].Summary, Processes: []supervise.Process{{PID: p.PID, Start: p.Start}}, Elsewhere: true})
		}
	}
	w.raisedOnly("process.hung")
	if len(acted) != 2 || !acted[1].(supervise.Fail).Leave {
		t.Fatalf("what followed: %v", acted)
	}
	host := w.digest.Last(1)[0]
	w.after(20, incident.Ended{Key: "m", Op: "db_monitor_10000", Task: "monitor", Resource: "db", Node: "n1", Text: "error (" + acted[1].(supervise.Fail).Reason + ")", Digests: w.digest.Last(10),
		Hang: &api.Hang{At: w.now.UnixMilli(), Reason: acted[1].(supervise.Fail).Reason, Host: &host,
			Processes: []api.HungProcess{{PID: 812, PPID: 1, Comm: "gaussdb", State: "T", WChan: w.last.Processes[0].WChan, Stack: []string{"do_signal_stop", "get_signal", "do_signal"}}}}},
		incident.Planned{Transition: 12, Reason: "Event failed: db_monitor_10000", Input: "/var/lib/holdfast/crmd/pengine/pe-input-9.bz2", Changes: []incident.Change{
			{Verb: "Stop", Resource: "db:0", From: "n1", Reason: "node availability"}, {Verb: "Promote", Resource: "db:1", From: "n2", To: "n2"}}},
		incident.Decided{Transition: 12, Notes: []api.Note{{Subject: "db:0", Stage: "score", Why: "n1: -INFINITY (migration-threshold reached)"}}},
		incident.Began{Key: "s", Task: "stop", Resource: "db", Node: "n1", Changes: true})
	w.after(900, incident.Ended{Key: "s", Op: "db_stop_0", Task: "stop", Resource: "db", Node: "n1", OK: true, Text: "ok, 890 ms"},
		incident.Began{Key: "p", Task: "promote", Resource: "db", Node: "n2", Changes: true})
	w.after(2400, incident.Ended{Key: "p", Op: "db_promote_0", Task: "promote", Resource: "db", Node: "n2", OK: true, Text: "ok, 2390 ms"}, incident.Idle{})
	if took := w.now.Sub(hungAt); took > 30*time.Second {
		t.Errorf("from the hang to the new primary: %s", took)
	}
	in := w.only(api.IncidentResource)
	if in.Cause.Name != "process.hung" || in.Cause.Confidence != api.Certain || in.State != api.IncidentRecovered {
		t.Errorf("cause %+v, %s", in.Cause, in.State)
	}
	w.told("3-hung-primary", "Hung primary", in, "process gaussdb[812] of db has been stopped (state T)", "waits in do_signal_stop", "db is promoted on n2")
}

func TestReplay4_TheLeakIsKnownHoursBeforeTheFirstKill(t *testing.T) {
	w := watch(t, "4-kmem-leak")
	w.until(7*time.Hour+49*time.Minute, 30*time.Second)
	w.until(7*time.Hour+56*time.Minute, 2*time.Second)
	w.raisedOnly("memory.kmem-leak", "memory.cgroup-oom", "swap.off")
	a := w.first("memory.kmem-leak")
	kill := w.first("memory.cgroup-oom")
	if ahead := time.Duration(kill.Raised-a.Raised) * time.Millisecond; ahead < time.Hour {
		t.Errorf("known %s before the first kill", ahead)
	}
	if !strings.Contains(strings.Join(a.Advice, " "), "cgroup.memory=nokmem") || evidence(t, a, "kernel") != "3.10.0-957.el7.x86_64" || evidence(t, a, "kernel memory accounting") != "on" {
		t.Errorf("evidence %v", a.Evidence)
	}
	w.lost("silent for 1002 ms on 1 of 1 links", "web")
	w.failover("web", "silent for 1002 ms on 1 of 1 links")
	in := w.only(api.IncidentLoss)
	if in.Cause.Name != "memory.kmem-leak" {
		t.Errorf("cause %+v", in.Cause)
	}
	w.told("4-kmem-leak", "Node dies, no OOM line in any application log", in, "memory.kmem-leak (likely)", "cgroup.memory=nokmem", "containerd-shim")
}

func TestReplay5_ABusyHostMovesNothing(t *testing.T) {
	w := watch(t, "5-load-169")
	w.until(270*time.Second, time.Second)
	m := confirm.New(confirm.Default())
	order := api.Order{Kind: api.OrderOp, Rsc: "httpd", Task: "monitor", Interval: 10000, Timeout: 20000}
	host := w.sampler.Host()
	digest := w.digest.Last(1)[0]
	starved := confirm.Default().Starved.Starvation(&host, w.machine.Ring().Since(20*time.Second))
	if starved == "" {
		t.Fatal("a host with load 169 on 16 cores is not starved")
	}
	failed := 0
	for try, r := range []worker.Result{{Order: order, Status: lrm.Timeout, RC: lrm.RCError, ExitReason: "no answer within 20s"}, {Order: order, Status: lrm.Timeout, RC: lrm.RCError, ExitReason: "no answer within 20s"}, {Order: order}} {
		w.until(270*time.Second+time.Duration(try+1)*20*time.Second, time.Second)
		in := confirm.Ended{Result: r}
		if r.Status == lrm.Timeout {
			in.Starved = starved
		}
		for _, o := range m.Step(w.now, in) {
			switch o := o.(type) {
			case confirm.Held:
				w.tell(w.own, incident.MonitorHeld{Op: "httpd_monitor_10000", Resource: "httpd", Text: fmt.Sprintf("no answer from the monitor of httpd (%d of at most %d tries) on a starved host: %s", o.Tries, o.Of, o.Starved),
					Hang: &api.Hang{At: w.now.UnixMilli(), Reason: r.ExitReason, Starved: o.Starved, Host: &digest, Processes: []api.HungProcess{{PID: 30011, PPID: 900, Comm: "apache", State: "R"}, {PID: 30014, PPID: 30011, Comm: "curl", State: "R"}}}})
			case confirm.Answered:
				w.tell(w.own, incident.MonitorHeld{Op: "httpd_monitor_10000", Resource: "httpd", Text: fmt.Sprintf("the monitor of httpd answered %d ms after its first silence", o.After.Milliseconds()), Over: true})
			case confirm.Deliver:
				if o.Result.RC != lrm.RCOK {
					failed++
				}
			}
		}
	}
	w.until(460*time.Second, time.Second)
	w.now = w.now.Add(time.Minute)
	w.tell(w.own, incident.Wake{})
	w.raisedOnly("cpu.overload", "throttle.high")
	if mode := w.meter.Mode().String(); mode != "high" {
		t.Errorf("throttle mode %s", mode)
	}
	if failed != 0 {
		t.Errorf("%d monitors failed", failed)
	}
	for _, id := range w.order {
		if k := w.incidents[id].Kind; k == api.IncidentResource || k == api.IncidentLoss || k == api.IncidentFence {
			t.Errorf("incident %s", k)
		}
	}
	in := w.only(api.IncidentMonitor)
	if in.Cause.Name != "cpu.overload" || !strings.Contains(in.Cause.Text, "late because the host was overloaded") {
		t.Errorf("cause %+v", in.Cause)
	}
	w.told("5-load-169", "Load 169 on a healthy system", in, "late because the host was overloaded", "load 169.1 on 16 cores", "hcs throttle")
}
