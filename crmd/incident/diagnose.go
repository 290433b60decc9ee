package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// roots orders what alarms tell from the root to the symptom: of several the first is the cause.
var roots = []string{
	"memory.zone-accounting", "memory.kmem-leak", "memory.exhaustion", "memory.cgroup-oom", "oom.kill", "disk.damaged", "io.stall",
	"process.hung", "cpu.steal", "cpu.overload", "clock.jump", "heartbeat.stall", "disk.nearly-full", "throttle.high", "link.flap",
	"heartbeat.network",
}

// standing are alarms that say how the node is built rather than what happens: alone they explain nothing.
var standing = []string{"memory.zone-accounting", "swap.off", "config.timeouts", "fence-path.broken"}

// sign is something that points at a cause.
type sign struct {
	name, node, severity string
	at                   int64
	text                 string
	advice               []string
}

// diagnose finds the cause of an incident in its evidence, and what to do about it.
func diagnose(in *api.Incident) {
	switch in.Kind {
	case api.IncidentAlarm:
		in.Cause = api.Cause{Name: in.Subject, Confidence: api.Certain, Text: in.Headline}
	case api.IncidentQuorum:
		in.Cause = api.Cause{Name: "membership", Confidence: api.Certain, Text: in.Headline}
	case api.IncidentChange:
		diagnoseChange(in)
	case api.IncidentResource:
		diagnoseResource(in)
	case api.IncidentThrottle, api.IncidentMonitor:
		diagnoseLoad(in)
	default:
		diagnoseNode(in)
	}
}

// signs are the alarms of a node in the evidence, the root first.
func signs(in *api.Incident, node string) []sign {
	var out []sign
	for _, e := range in.Evidence {
		if a := e.Alarm; a != nil && a.Node == node && slices.Contains(roots, a.Name) {
			out = append(out, sign{a.Name, a.Node, a.Severity, a.Raised, a.Summary, a.Advice})
		}
	}
	if d := last(in, node); d != nil { // of an alarm of which the peers have not heard more
		for _, name := range d.Alarms {
			if slices.Contains(roots, name) && !slices.ContainsFunc(out, func(s sign) bool { return s.name == name }) {
				out = append(out, sign{name: name, node: node, severity: api.Warning, at: d.At, text: "it was raised in the last vitals that the peers hold"})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b sign) int { return slices.Index(roots, a.name) - slices.Index(roots, b.name) })
	// A root that is always there counts when something happened as well.
	happened := slices.ContainsFunc(out, func(s sign) bool { return !slices.Contains(standing, s.name) })
	if !happened {
		out = slices.DeleteFunc(out, func(s sign) bool { return slices.Contains(standing, s.name) && !strained(in, node) })
	}
	return out
}

// last is the newest digest of a node in the evidence.
func last(in *api.Incident, node string) *api.Digest {
	for i := len(in.Evidence) - 1; i >= 0; i-- {
		if list := in.Evidence[i].Digests; len(list) > 0 && list[0].Node == node {
			return &list[len(list)-1]
		}
	}
	return nil
}

// strained reports whether the last vitals of a node show that it waited for memory or came late.
func strained(in *api.Incident, node string) bool {
	d := last(in, node)
	return d != nil && (d.MemFull >= 5 || d.Stalls > 0 || d.Heartbeat > 500 || d.Late > 1000 || d.OOMKills > 0)
}

// take makes the first sign the cause.
func take(in *api.Incident, list []sign, text string) {
	s := list[0]
	in.Cause = api.Cause{Name: s.name, Confidence: api.Likely, Text: text}
	if s.severity == api.Info {
		in.Cause.Confidence = api.Possible
	}
	seen := make(map[string]bool)
	for _, x := range list {
		if seen[x.name+x.text] || len(in.Cause.Because) >= 6 {
			continue
		}
		seen[x.name+x.text] = true
		told := ": " + x.text
		if strings.Contains(text, x.text) {
			told = "" // the cause says it
		}
		in.Cause.Because = append(in.Cause.Because, fmt.Sprintf("%s was raised on %s %s%s", x.name, x.node, when(x.at, in.Started), told))
		for _, a := range x.advice {
			if !slices.Contains(in.Advice, a) && len(in.Advice) < 8 {
				in.Advice = append(in.Advice, a)
			}
		}
	}
	if d := last(in, s.node); d != nil {
		in.Cause.Because = append(in.Cause.Because, fmt.Sprintf("last vitals of %s %s: %s", s.node, when(d.At, in.Started), digestText(d)))
	}
}

// when says how a time lies to the beginning of the incident.
func when(at, started int64) string {
	d := time.Duration(started-at) * time.Millisecond
	switch {
	case d > 0:
		return span(d) + " before"
	case d < 0:
		return span(-d) + " after"
	}
	return "at that moment"
}

// digestText is a digest in a sentence: what is out of the ordinary, and memory and load always.
func digestText(d *api.Digest) string {
	words := []string{fmt.Sprintf("%s of %s available", mib(d.Available), mib(d.Total))}
	add := func(yes bool, format string, args ...any) {
		if yes {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(d.Slope < -1, "falling by %s/s", mib(-d.Slope))
	add(d.MemFull >= 1, "memory pressure %.0f %%", d.MemFull)
	add(d.Stalls > 0, "%d allocation stalls/s", d.Stalls)
	add(d.OOMKills > 0, "%d OOM kills", d.OOMKills)
	add(d.IOFull >= 5, "io pressure %.0f %%", d.IOFull)
	add(true, "load %.1f on %d cores", d.Load, d.Cores)
	add(d.Late >= 200, "crmd %d ms late", d.Late)
	add(d.Heartbeat >= 100, "corosyncd %d ms late", d.Heartbeat)
	add(d.Disk >= 1000, "a disk took %d ms", d.Disk)
	add(d.Hung == 1, "a process hangs")
	add(d.Hung > 1, "%d processes hang", d.Hung)
	return strings.Join(words, ", ")
}

// mib writes a number of MiB for a person.
func mib(n int64) string {
	if n >= 1<<10 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d MiB", n)
}

// diagnoseNode explains why a node was lost or fenced.
func diagnoseNode(in *api.Incident) {
	in.Advice = nil
	node := in.Subject
	if list := signs(in, node); len(list) > 0 {
		take(in, list, fmt.Sprintf("%s was in trouble before it was %s: %s", node, map[bool]string{true: "lost", false: "fenced"}[in.Kind == api.IncidentLoss], list[0].text))
		return
	}
	if in.Kind == api.IncidentFence {
		in.Cause = api.Cause{Name: "asked", Confidence: api.Certain, Text: in.Trigger}
		return
	}
	saw := func(text string) bool {
		return slices.ContainsFunc(in.Evidence, func(e api.IncidentEvidence) bool { return strings.Contains(e.Text, text) })
	}
	observed := func(name string) (list []sign) {
		for _, e := range in.Evidence {
			if a := e.Alarm; a != nil && a.Name == name && a.Node != node && (name != "heartbeat.network" || strings.Contains(a.Subject, node)) {
				list = append(list, sign{a.Name, a.Node, a.Severity, a.Raised, a.Summary, a.Advice})
			}
		}
		return list
	}
	var because []string
	if d := last(in, node); d != nil {
		because = append(because, fmt.Sprintf("last vitals of %s %s: %s", node, when(d.At, in.Started), digestText(d)))
	}
	switch network := observed("heartbeat.network"); {
	case saw(answered):
		in.Cause = api.Cause{Name: "heartbeat.stall", Confidence: api.Likely, Text: fmt.Sprintf("corosyncd on %s stalled while the rest of the node answered", node), Because: because}
	case len(network) > 0 || saw(aliveAgain):
		in.Cause = api.Cause{Name: "heartbeat.network", Confidence: api.Likely, Text: fmt.Sprintf("%s was cut off: nothing came over any link, and nothing shows that it was in trouble itself", node)}
		if len(network) > 0 {
			take(in, network, in.Cause.Text)
		}
		in.Cause.Because = append(in.Cause.Because, because...)
		in.Advice = append(in.Advice, "Give the cluster a second link over other hardware, and a quorum device where both sides can reach it.")
	default:
		in.Cause = api.Cause{Name: "unknown", Confidence: api.Unknown, Because: because,
			Text: fmt.Sprintf("%s fell silent at once and nothing that it said before points at a shortage: power, hardware or a kernel panic", node)}
		in.Advice = []string{"Look at the BMC's event log and the console of " + node + ", and at its kernel log after the boot (pstore, kdump)."}
	}
}

// diagnoseResource explains why a resource failed.
func diagnoseResource(in *api.Incident) {
	in.Advice = nil
	var first *api.IncidentEvidence
	for i := range in.Evidence {
		if in.Evidence[i].Alarm == nil && len(in.Evidence[i].Digests) == 0 {
			first = &in.Evidence[i]
			break
		}
	}
	if first == nil {
		in.Cause = api.Cause{Name: "unknown", Confidence: api.Unknown, Text: in.Trigger}
		return
	}
	silent := strings.Contains(first.Text, noAnswer)
	if h := first.Hang; h != nil && (!silent || h.Starved != "") {
		hung(in, h)
		return
	}
	list := signs(in, in.Node)
	if silent {
		if len(list) > 0 {
			take(in, list, fmt.Sprintf("the agent of %s got no answer in time on a node that was in trouble: %s", in.Subject, list[0].text))
			return
		}
		in.Cause = api.Cause{Name: "agent", Confidence: api.Possible, Text: fmt.Sprintf("%s did not answer its agent in time, and the host had enough of everything", in.Subject),
			Because: append([]string{first.Text}, doing(first.Hang)...)}
		in.Advice = []string{"Look at what the service was doing then; if it is only slow, raise the timeout of its monitor."}
		return
	}
	list = slices.DeleteFunc(list, func(s sign) bool {
		return !slices.Contains([]string{"memory.kmem-leak", "memory.exhaustion", "memory.cgroup-oom", "oom.kill", "disk.damaged", "disk.nearly-full"}, s.name)
	})
	if len(list) > 0 {
		take(in, list, fmt.Sprintf("%s failed on a node that was in trouble: %s", in.Subject, list[0].text))
		in.Cause.Because = append([]string{first.Text}, in.Cause.Because...)
		return
	}
	in.Cause = api.Cause{Name: "agent", Confidence: api.Certain, Text: "the agent said so, in time and on a host that had enough of everything: " + first.Text}
	in.Advice = []string{fmt.Sprintf("Look at the service's own log on %s; hcs resource cleanup %s when it is mended.", in.Node, in.Subject)}
}

// hung explains a failure with what the processes were doing.
func hung(in *api.Incident, h *api.Hang) {
	c := api.Cause{Name: "process.hung", Confidence: api.Certain, Text: h.Reason}
	if h.Starved != "" {
		c.Name, c.Confidence = "cpu.overload", api.Likely
		c.Text = "no answer came although it was tried again and again, on a host that was starved: " + h.Starved
		if strings.Contains(h.Starved, "memory") {
			c.Name = "memory.exhaustion"
		} else if strings.Contains(h.Starved, "disk") {
			c.Name = "io.stall"
		}
	}
	c.Because = doing(h)
	in.Cause = c
	for _, s := range signs(in, in.Node) {
		if h.Starved == "" && s.name != "io.stall" && s.name != "disk.damaged" {
			continue
		}
		for _, a := range s.advice {
			if !slices.Contains(in.Advice, a) {
				in.Advice = append(in.Advice, a)
			}
		}
	}
	if h.Starved == "" {
		in.Advice = append(stateAdvice(h), in.Advice...)
	}
	in.Advice = append(in.Advice, fmt.Sprintf("hcs resource cleanup %s lets it come back to %s.", in.Subject, in.Node))
}

// stateAdvice is what to do about processes that hang in the states that were seen.
func stateAdvice(h *api.Hang) (out []string) {
	in := func(state string) bool {
		return slices.ContainsFunc(h.Processes, func(p api.HungProcess) bool { return p.State == state })
	}
	if in("T") {
		out = append(out, "Somebody has stopped it: look for kill -STOP, a debugger or a snapshot script at that time (auditd, shell histories, cron).")
	}
	if in("D") {
		out = append(out, "It waited for a disk or a network file system: look at the kernel's log (dmesg) and at the path to the disk; its kernel stack is above.")
	}
	if in("Z") {
		out = append(out, "Its main process has ended and was not waited for: look at the service's own log.")
	}
	if len(out) == 0 {
		out = append(out, "Find out what it waits for: its wchan and kernel stack are above, more is in the service's own log.")
	}
	return out
}

// doing says what the processes were doing that gave no answer, and how the host was.
func doing(h *api.Hang) (out []string) {
	if h == nil {
		return nil
	}
	for _, p := range h.Processes {
		text := fmt.Sprintf("%s[%d] is in state %s", p.Comm, p.PID, p.State)
		if p.WChan != "" {
			text += ", waits in " + p.WChan
		}
		if len(p.Stack) > 0 {
			text += " (" + strings.Join(p.Stack[:min(4, len(p.Stack))], " < ") + ")"
		}
		out = append(out, text)
	}
	if h.Host != nil {
		out = append(out, "the host then: "+digestText(h.Host))
	}
	return out
}

// diagnoseChange explains why the cluster acted although nothing was broken.
func diagnoseChange(in *api.Incident) {
	in.Cause = api.Cause{Name: "asked", Confidence: api.Certain, Text: in.Trigger}
	if !strings.Contains(in.Trigger, "#health") {
		return
	}
	in.Cause.Text = "a health attribute made the cluster move resources away: " + in.Trigger
	for _, e := range in.Evidence {
		if a := e.Alarm; a != nil && slices.Contains(roots, a.Name) {
			in.Cause.Name, in.Cause.Confidence = a.Name, api.Likely
			in.Cause.Because = append(in.Cause.Because, fmt.Sprintf("%s on %s %s: %s", a.Name, a.Node, when(a.Raised, in.Started), a.Summary))
			in.Advice = a.Advice
			break
		}
	}
}

// diagnoseLoad explains what a busy host delayed.
func diagnoseLoad(in *api.Incident) {
	in.Advice = nil
	if list := signs(in, in.Node); len(list) > 0 {
		take(in, list, "late because the host was overloaded: "+list[0].text)
		return
	}
	in.Cause = api.Cause{Name: "cpu.overload", Confidence: api.Likely, Text: "late because the host was overloaded: " + in.Trigger}
	if d := last(in, in.Node); d != nil {
		in.Cause.Because = append(in.Cause.Because, digestText(d))
	}
	in.Advice = []string{"hcs throttle shows what waits; its numbers can be changed without a restart."}
}
