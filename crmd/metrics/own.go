package metrics

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/internal/exposition"
)

// Facts are what a crmd knows. Everything may be missing.
type Facts struct {
	Status   *api.CRMStatus
	Host     *api.Host
	Vitals   *api.Vitals // this node's newest sample
	Nodes    []api.NodeAlarms
	Throttle *api.ThrottleStatus // of the DC; nil on other nodes
	// Incidents are those that this node has a record of.
	Incidents []api.Incident
	Counts   Counts
}

// Counts are what has happened since crmd started.
type Counts struct {
	Alarms map[string]uint64 // raised, by detector
	// Operations are results on this node by task and outcome.
	Operations map[Operation]uint64
	// ThrottleWait is how long actions of this DC waited because of the throttle, in ms, and how many did.
	ThrottleWait, ThrottleWaits uint64
	AlertsDropped               uint64
	// Incidents are those that this node has seen to their end, by kind and severity. Of a cluster's nodes one does.
	Incidents map[Incident]uint64
}

// Incident is a sort of incident.
type Incident struct{ Kind, Severity string }

// Operation is a kind of result.
type Operation struct{ Task, Outcome string }

// Own adds Holdfast's own metrics.
func Own(p *exposition.Page, f *Facts) {
	crm(p, f)
	alarms(p, f)
	incidents(p, f)
	if f.Vitals != nil && f.Host != nil {
		processors(p, f.Vitals, f.Host)
		memory(p, f.Vitals)
		watched(p, f.Vitals)
		throttleInputs(p, f.Vitals)
	}
	if f.Throttle != nil {
		throttled(p, f.Throttle)
	}
}

func crm(p *exposition.Page, f *Facts) {
	if st := f.Status; st != nil {
		p.Gauge("holdfast_crm_info", "Versions of this node's crmd; value is always 1.").Add(1, "version", st.Version, "node", st.Node)
		p.Gauge("holdfast_crm_is_dc", "Whether this node leads the cluster.").Set(st.DC == st.Node)
		p.Gauge("holdfast_crm_has_dc", "Whether a DC is known.").Set(st.DC != "")
		p.Gauge("holdfast_crm_acting_dc", "Whether the DC leads without a raft majority.").Set(st.Acting)
		p.Gauge("holdfast_crm_read_only", "Whether the configuration cannot be changed.").Set(st.ReadOnly != "")
		p.Gauge("holdfast_crm_pending_actions", "Unfinished actions of the running transition.").Add(float64(st.Pending))
		p.Gauge("holdfast_crm_transition", "Number of the running or last transition.").Add(float64(st.Transition))
		p.Gauge("holdfast_crm_voters", "Nodes that vote on the configuration.").Add(float64(len(st.Voters)))
		p.Gauge("holdfast_crm_unreachable_nodes", "Members whose crmd does not answer.").Add(float64(len(st.Unreachable)))
		p.Gauge("holdfast_fence_unfenced_nodes", "Lost nodes that could not be fenced.").Add(float64(len(st.Unfenced)))
		p.Gauge("holdfast_fence_connected", "Whether crmd reaches fenced.").Set(st.Fencing == "ok")
	}
	ops := p.Counter("holdfast_crm_operations_total", "Results of operations on this node since crmd started.")
	for k, n := range f.Counts.Operations {
		ops.Add(float64(n), "task", k.Task, "outcome", k.Outcome)
	}
	p.Counter("holdfast_throttle_wait_seconds_total", "How long actions waited because of the throttle, on this node as DC.").Add(float64(f.Counts.ThrottleWait) / 1000)
	p.Counter("holdfast_throttle_waits_total", "Actions that waited because of the throttle, on this node as DC.").Add(float64(f.Counts.ThrottleWaits))
	p.Counter("holdfast_alerts_dropped_total", "Alert agents that were not run because too many were running.").Add(float64(f.Counts.AlertsDropped))
}

func alarms(p *exposition.Page, f *Facts) {
	on := p.Gauge("holdfast_alarm", "Alarms that last, of every node as this one knows them; value is always 1.")
	age := p.Gauge("holdfast_peer_age_seconds", "How long ago the crmd of another node gave a sign of life.")
	for _, n := range f.Nodes {
		if n.Age >= 0 && (f.Status == nil || n.Node != f.Status.Node) {
			age.Add(float64(n.Age)/1000, "node", n.Node)
		}
		for _, a := range n.Alarms {
			on.Add(1, "name", a.Name, "node", a.Node, "subject", a.Subject, "severity", a.Severity)
		}
	}
	total := p.Counter("holdfast_alarms_total", "Alarms that were raised on this node since crmd started.")
	for _, name := range detect.Names() {
		total.Add(float64(f.Counts.Alarms[name]), "name", name)
	}
}

// severities of alarms and incidents, the least first.
var severities = []string{api.Info, api.Warning, api.Critical}

// incidents: every sort is there from the start, because Prometheus sees no rise from nothing to one.
func incidents(p *exposition.Page, f *Facts) {
	open := make(map[Incident]int)
	for _, in := range f.Incidents {
		if in.Ended == 0 {
			open[Incident{in.Kind, in.Severity}]++
		}
	}
	total := p.Counter("holdfast_incidents_total", "Incidents that this node has seen to their end since crmd started; each is counted on one node of the cluster.")
	now := p.Gauge("holdfast_incidents_open", "Incidents that are not over, of the whole cluster as this node knows them.")
	for _, kind := range api.IncidentKinds {
		for _, severity := range severities {
			k := Incident{kind, severity}
			total.Add(float64(f.Counts.Incidents[k]), "kind", kind, "severity", severity)
			now.Add(float64(open[k]), "kind", kind, "severity", severity)
		}
	}
}

func processors(p *exposition.Page, v *api.Vitals, h *api.Host) {
	p.Gauge("holdfast_vitals_time_seconds", "Unix time of this node's last vitals sample.").Add(float64(v.At) / 1000)
	p.Gauge("holdfast_host_cores", "Processors.").Add(float64(h.Cores))
	load := p.Gauge("holdfast_load", "Load averages.")
	for i, span := range []string{"1m", "5m", "15m"} {
		load.Add(v.CPU.Load[i], "span", span)
	}
	p.Gauge("holdfast_tasks_running", "Tasks that run or could run.").Add(float64(v.CPU.Running))
	p.Gauge("holdfast_tasks_blocked", "Tasks that wait for a disk.").Add(float64(v.CPU.Blocked))
	share := p.Gauge("holdfast_cpu_ratio", "Share of the processors' time in the last second.")
	for name, x := range map[string]float64{"busy": v.CPU.Busy, "system": v.CPU.System, "iowait": v.CPU.IOWait, "steal": v.CPU.Steal} {
		share.Add(x/100, "mode", name)
	}
	if v.Pressure.Known {
		psi := p.Gauge("holdfast_pressure_ratio", "Pressure stall information, 10 s.")
		for name, x := range map[string]api.Pressure{"cpu": v.Pressure.CPU, "memory": v.Pressure.Memory, "io": v.Pressure.IO} {
			psi.Add(x.Some10/100, "resource", name, "share", "some")
			psi.Add(x.Full10/100, "resource", name, "share", "full")
		}
	}
	p.Gauge("holdfast_lateness_seconds", "How late crmd's own clock tick came in the last second.").Add(float64(v.Late) / 1000)
	p.Gauge("holdfast_clock_jump_seconds", "By how much the wall clock was set in the last second.").Add(float64(v.Clock.Jump) / 1000)
}

func memory(p *exposition.Page, v *api.Vitals) {
	m := &v.Memory
	g := p.Gauge("holdfast_memory_bytes", "Memory of the tightest limit that the node lives in (total, available) and of the machine.")
	for name, kib := range map[string]int64{"total": m.Total, "available": m.Available, "host_total": m.HostTotal, "host_available": m.HostAvailable, "free": m.Free,
		"cached": m.Cached, "swap_total": m.SwapTotal, "swap_free": m.SwapFree, "sunreclaim": m.SUnreclaim, "sreclaimable": m.SReclaimable, "dirty": m.Dirty} {
		g.Add(float64(kib)*1024, "kind", name)
	}
	p.Gauge("holdfast_memory_slope_bytes_per_second", "How fast available memory changes.").Add(float64(m.Slope) * 1024)
	if m.Exhausted >= 0 {
		p.Gauge("holdfast_memory_exhausted_seconds", "When nothing will be left if memory goes on falling; missing when it does not fall.").Add(m.Exhausted)
	}
	e := p.Gauge("holdfast_memory_events", "Events of memory management in the last second.")
	for name, n := range map[string]int64{"alloc_stall": v.VM.AllocStall, "oom_kill": v.VM.OOMKill, "major_fault": v.VM.MajorFaults, "compact_stall": v.VM.CompactStall,
		"swap_in": v.VM.SwapIn, "swap_out": v.VM.SwapOut} {
		e.Add(float64(n), "event", name)
	}
	c := p.Gauge("holdfast_memory_cgroups", "Memory cgroups.")
	c.Add(float64(v.Cgroups.Live), "state", "live")
	c.Add(float64(v.Cgroups.Dying), "state", "dying")
}

// watched are disks, heartbeats, fence paths and processes.
func watched(p *exposition.Page, v *api.Vitals) {
	ok := p.Gauge("holdfast_disk_ok", "Whether the last probe of a file system succeeded.")
	took := p.Gauge("holdfast_disk_probe_seconds", "How long writing, syncing and reading took, or has taken so far.")
	used := p.Gauge("holdfast_disk_used_ratio", "Used share of a file system.")
	for _, d := range v.Disks {
		ok.Set(d.State == api.DiskOK, "path", d.Path, "device", d.Device)
		took.Add(float64(d.Took)/1000, "path", d.Path, "device", d.Device)
		used.Add(d.Used/100, "path", d.Path, "device", d.Device)
	}
	h := &v.Heartbeat
	p.Gauge("holdfast_heartbeat_known", "Whether corosyncd answers.").Set(h.Known)
	p.Gauge("holdfast_heartbeat_lateness_seconds", "How late corosyncd ran in the last second.").Add(float64(h.Late) / 1000)
	p.Gauge("holdfast_fence_paths_broken", "Fence devices that do not work on this node.").Add(float64(len(v.Fencing)))
	stale := p.Gauge("holdfast_vitals_stale_seconds", "For how long a source of the vitals has not answered.")
	for _, s := range v.Stale {
		stale.Add(float64(s.For)/1000, "source", s.Name)
	}
	state := p.Gauge("holdfast_process_state_seconds", "For how long a watched process has been in its state.")
	for _, x := range v.Processes {
		state.Add(float64(x.For)/1000, "resource", x.Resource, "comm", x.Comm, "pid", strconv.Itoa(x.PID), "state", x.State)
	}
}

// modes are the throttle's, in order.
var modes = []string{"negligible", "low", "medium", "high", "extreme"}

func throttleInputs(p *exposition.Page, v *api.Vitals) {
	g := p.Gauge("holdfast_throttle_mode", "The throttle's mode of this node; 1 for the mode that it is in.")
	for _, m := range modes {
		g.Set(v.Throttle.Mode == m, "mode", m)
	}
	in := p.Gauge("holdfast_throttle_input", "What the throttle looks at.")
	at := p.Gauge("holdfast_throttle_threshold", "From where on an input makes a mode.")
	for _, x := range v.Throttle.Inputs {
		in.Add(x.Value, "input", x.Name)
		for i, t := range x.Thresholds {
			if t > 0 && i+1 < len(modes) {
				at.Add(t, "input", x.Name, "mode", modes[i+1])
			}
		}
	}
}

// throttled is what the DC knows of all nodes.
func throttled(p *exposition.Page, t *api.ThrottleStatus) {
	limit := p.Gauge("holdfast_throttle_limit", "How many actions a node may run at once.")
	running := p.Gauge("holdfast_throttle_running", "Actions that run on a node.")
	waiting := p.Gauge("holdfast_throttle_waiting", "Actions that wait for a node because of the throttle.")
	longest := p.Gauge("holdfast_throttle_longest_wait_seconds", "How long the action that waits longest has waited.")
	for _, n := range t.Nodes {
		limit.Add(float64(n.Limit), "node", n.Node)
		running.Add(float64(n.Running), "node", n.Node)
		waiting.Add(float64(len(n.Waiting)), "node", n.Node)
		worst := int64(0)
		for _, w := range n.Waiting {
			worst = max(worst, w.For)
		}
		longest.Add(float64(worst)/1000, "node", n.Node)
	}
	p.Gauge("holdfast_throttle_batch_limit", "How many actions the cluster may run at once; 0 is no limit.").Add(float64(t.BatchLimit))
}
