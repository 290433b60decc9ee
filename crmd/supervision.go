package crmd

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/processes"
	"github.com/holdfast-ha/holdfast/crmd/supervise"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
	"github.com/holdfast-ha/holdfast/crmd/worker"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
	"github.com/holdfast-ha/holdfast/internal/proc"
)

// supervision watches the processes of the resources that are active here.
type supervision struct {
	d      *Daemon
	finder *processes.Finder

	mu      sync.Mutex
	machine *supervise.Machine
	active  []processes.Resource
	probes  map[string]*probe // by resource
}

// probe is the resource's own probe, as it went last.
type probe struct {
	stop     context.CancelFunc
	cfg      string // what it was started with
	result   string
	failures int
}

func (s *supervision) init(d *Daemon) {
	s.d, s.finder, s.probes = d, processes.New(), make(map[string]*probe)
	s.machine = supervise.New(d.file.Load().watch.Supervise)
}

// run looks for hung processes in every new sample until ctx ends. Probes end with it.
func (s *supervision) run(ctx context.Context) {
	for {
		select {
		case <-s.d.observer.Next():
		case <-ctx.Done():
			return
		}
		active, err := query(s.d, s.resources)
		if err != nil {
			return
		}
		s.finder.Watch(active)
		s.mu.Lock()
		s.active = active
		s.mu.Unlock()
		s.tendProbes(ctx, active)
		s.look(ctx, active)
	}
}

// resources are those that are active here. Only the loop calls it.
func (s *supervision) resources() []processes.Resource {
	settings := s.d.file.Load().watch.Supervise
	var out []processes.Resource
	for _, r := range s.d.worker.Running() {
		if r.Class == "stonith" {
			continue
		}
		p := processes.Resource{ID: r.ID, Class: r.Class, Type: r.Type, PIDFile: settings.Of(r.ID).PIDFile}
		params := s.d.worker.Parameters(r.ID)
		for _, name := range []string{"pidfile", "pid_file", "pid"} {
			if v := params[name]; p.PIDFile == "" && strings.HasPrefix(v, "/") {
				p.PIDFile = v
			}
		}
		out = append(out, p)
	}
	return out
}

// watches are the processes to sample. It does not wait.
func (s *supervision) watches() []vitals.Watch {
	found := s.finder.Found()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []vitals.Watch
	for _, p := range found {
		w := vitals.Watch{Resource: p.Resource, PID: p.PID, Start: p.Start, Comm: p.Comm, Main: p.Main}
		if x := s.probes[p.Resource]; x != nil && p.Main {
			w.Probe, w.Failures = x.result, x.failures
		}
		out = append(out, w)
	}
	return out
}

// look acts on main processes that hang, as the detector process.hung counts.
func (s *supervision) look(ctx context.Context, active []processes.Resource) {
	v := s.d.observer.Last()
	if v == nil {
		return
	}
	limits := s.limits()
	for _, r := range active {
		reason := ""
		var all []supervise.Process
		for i := range v.Processes {
			p := &v.Processes[i]
			if p.Resource != r.ID || p.State == "-" {
				continue
			}
			all = append(all, supervise.Process{PID: p.PID, Start: p.Start})
			if why := hangs(limits, p); p.Main && why != "" {
				reason = why
			}
		}
		if reason == "" {
			s.step(supervise.Recovered{Resource: r.ID})
			continue
		}
		in := supervise.Hung{Resource: r.ID, Reason: reason, Processes: all, Elsewhere: s.elsewhere(r.ID)}
		for _, o := range s.step(in) {
			s.perform(ctx, in, o)
		}
	}
}

func (s *supervision) step(in supervise.Input) []supervise.Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine.Step(time.Now(), supervise.Configured{Settings: s.d.file.Load().watch.Supervise})
	return s.machine.Step(time.Now(), in)
}

// limits are the thresholds of the detector process.hung.
func (s *supervision) limits() map[string]float64 {
	if set, ok := s.d.file.Load().watch.Detect["process.hung"]; ok {
		return set.Limits
	}
	set, _ := detect.Default("process.hung")
	return set.Limits
}

// hangs says why a process hangs, "" when it does not.
func hangs(limits map[string]float64, p *api.ProcessVitals) string {
	if limit, word := detect.Hung(limits, p.State); limit > 0 && p.For >= (limit-detect.Tolerance).Milliseconds() {
		return fmt.Sprintf("process %s[%d] of %s is %s (state %s) for %d ms", p.Comm, p.PID, p.Resource, word, p.State, p.For)
	}
	if n := limits["probes"]; n > 0 && float64(p.Failures) >= n {
		return fmt.Sprintf("the probe of %s got no good answer %d times in a row: %s", p.Resource, p.Failures, p.Probe)
	}
	return ""
}

// elsewhere reports whether a resource may run on another member.
func (s *supervision) elsewhere(rsc string) bool {
	v, doc := s.d.view.Load(), s.d.doc()
	if v == nil || doc == nil {
		return false
	}
	return slices.ContainsFunc(v.Members, func(m api.Member) bool { return m.Name != s.d.node && !s.d.planner.banned(doc, m.Name)(rsc) })
}

// perform does what follows a hang. The processes' state is kept first: afterwards they are gone.
func (s *supervision) perform(ctx context.Context, in supervise.Hung, o supervise.Output) {
	switch o := o.(type) {
	case supervise.Kill:
		for _, p := range o.Processes {
			if proc.Alive(p.PID, p.Start) {
				s.d.log.Warn("killing a process that hangs", "rsc", o.Resource, "pid", p.PID, "because", in.Reason)
				_ = syscall.Kill(p.PID, syscall.SIGKILL) // ESRCH: it has ended meanwhile
			}
		}
	case supervise.Fail:
		h := s.hang(in)
		if ctx.Err() != nil {
			return
		}
		_ = s.d.post(func(now time.Time) { // fails only when the daemon ends
			if s.d.worker.Hung(worker.Hang{Resource: o.Resource, Fatal: o.Leave, Hang: h, StopLimit: s.stopLimit(o.Resource)}, now.Unix()) {
				s.d.somethingToReport()
				s.d.reportToSelf(now)
			}
		})
	}
}

// stopLimit bounds each operation that ends a resource whose processes were killed, in ms; 0 does not. Only the loop
// calls it.
func (s *supervision) stopLimit(rsc string) int64 {
	c := s.d.file.Load().watch.Supervise.Of(rsc)
	return c.StopLimit(s.d.worker.Promoted(rsc), fencing(s.d.doc())).Milliseconds()
}

// maxHungProcesses bounds the processes that an incident shows.
const maxHungProcesses = 8

// hang is what the processes were doing when the hang was noticed.
func (s *supervision) hang(in supervise.Hung) *api.Hang {
	var list []executor.HungProcess
	if v := s.d.observer.Last(); v != nil {
		for _, p := range v.Processes {
			if p.Resource == in.Resource && len(list) < maxHungProcesses {
				x := executor.HungProcess{PID: p.PID, Comm: p.Comm, State: p.State, WChan: p.WChan, Stack: proc.Stack("/proc", p.PID)}
				if now, err := proc.Read(p.PID); err == nil {
					x.PPID = now.PPID
				}
				list = append(list, x)
			}
		}
	}
	return s.d.hang(in.Reason, "", list)
}

// tendProbes runs a goroutine for each active resource that has a probe of its own.
func (s *supervision) tendProbes(ctx context.Context, active []processes.Resource) {
	settings := s.d.file.Load().watch.Supervise
	s.mu.Lock()
	defer s.mu.Unlock()
	for rsc, p := range s.probes {
		here := slices.ContainsFunc(active, func(r processes.Resource) bool { return r.ID == rsc })
		if !here || p.cfg != fmt.Sprint(settings.Of(rsc)) {
			p.stop()
			delete(s.probes, rsc)
		}
	}
	for _, r := range active {
		c := settings.Of(r.ID)
		if len(c.Probe) == 0 || s.probes[r.ID] != nil {
			continue
		}
		one, stop := context.WithCancel(ctx)
		p := &probe{stop: stop, cfg: fmt.Sprint(c)}
		s.probes[r.ID] = p
		s.d.spawn(func(context.Context) { s.probe(one, r.ID, c, p) })
	}
}

func (s *supervision) probe(ctx context.Context, rsc string, c supervise.Config, p *probe) {
	for {
		select {
		case <-time.After(c.ProbeInterval):
		case <-ctx.Done():
			return
		}
		exit, err := s.d.programs.Exec(ctx, ocfexec.Command{Path: c.Probe[0], Args: c.Probe[1:], Env: []string{"PATH=" + searchPath, "OCF_RESOURCE_INSTANCE=" + rsc},
			Timeout: c.ProbeTimeout, Label: "probe of " + rsc})
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		switch {
		case err != nil:
			p.result = err.Error()
			p.failures++
		case exit.TimedOut:
			p.result = "timeout"
			p.failures++
		case exit.Code != 0:
			p.result = fmt.Sprintf("exit %d", exit.Code)
			p.failures++
		default:
			p.result, p.failures = "ok", 0
		}
		s.mu.Unlock()
	}
}

// supervised says how each resource's processes are watched here, or on another node.
func (c clientCalls) supervised(r *http.Request) (any, error) {
	if node := r.URL.Query().Get("node"); node != "" && node != c.node {
		var out []api.Supervision
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		return &out, c.peers.Client(node).Call(ctx, http.MethodGet, pathClient+api.PathSupervise, nil, &out)
	}
	return c.supervision.report(c.Daemon)
}
