package detect

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var heartbeatStall = Rule{
	Name:  "heartbeat.stall",
	Title: "heartbeats are late because this host did not let them run",
	Doc: "corosyncd measures how late it runs against its own clock; it also counts when it does not answer at all. For another node: " +
		"its heartbeats are missing on every link while its crmd still answers, so the network works and the host does not schedule. " +
		"Raising the token hides it; the cause is on the host.",
	Raise: 0, Clear: time.Minute,
	Thresholds: []Threshold{
		{"late", "percent", 50, "warning from this lateness on, in percent of the token"},
		{"away", "seconds", 2, "critical when corosyncd has not answered for that long"},
	},
	Advice: []string{
		"See what stalls the host: memory pressure and allocation stalls (memory.exhaustion, memory.zone-accounting), the run queue (cpu.overload), steal, a debugger.",
		"Give corosyncd realtime priority and locked memory: hcs status shows whether it has them.",
	},
	look: lookStall,
}

func lookStall(l *look) []Finding {
	h := &l.now.Heartbeat
	var out []Finding
	token := float64(max(h.Token, 1))
	switch late := 100 * float64(h.Late) / token; {
	case l.awayFor() >= l.limit("away"):
		why := h.Error
		if why == "" {
			why = "no answer yet"
		}
		out = append(out, Finding{Level: Critical, Summary: fmt.Sprintf("corosyncd has not answered for %.0f s: %s", l.awayFor(), why),
			Evidence: append(facts{fact("corosyncd", why, ""), fact("not answered for", fmt.Sprintf("%.1f s", l.awayFor()), fmt.Sprintf("%g s", l.limit("away")))}, l.starvation()...)})
	case h.Known && h.Token > 0 && late >= l.limit("late"):
		out = append(out, Finding{Level: level(late >= 100, true, false), Event: true,
			Summary: fmt.Sprintf("corosyncd was not scheduled for %s, the token is %s", ms(h.Late), ms(h.Token)),
			Evidence: append(facts{fact("lateness of corosyncd", ms(h.Late), fmt.Sprintf("%.0f ms", l.limit("late")*token/100)),
				fact("realtime priority", yes(h.Realtime), "")}, l.starvation()...)})
	}
	for _, p := range quiet(l.now) {
		if p.answers(h) {
			out = append(out, Finding{Subject: p.node, Level: Critical, Event: true,
				Summary: fmt.Sprintf("no heartbeat from %s for %s on any link, but its crmd answered %s ago: the host stalls, the network works", p.node, ms(p.silent), ms(p.digest)),
				Evidence: []api.Evidence{fact("silent on every link", ms(p.silent), ms(h.Token)), fact("last word of its crmd", ms(p.digest), ""),
					fact("lateness here", ms(l.now.Late), "")}})
		}
	}
	for _, p := range l.now.Lost {
		if p.Answered {
			out = append(out, Finding{Subject: p.Node, Level: Critical, Event: true,
				Summary:  fmt.Sprintf("%s was lost after %s without a heartbeat on any link, but its crmd answered at that moment: the host stalls, the network works", p.Node, ms(p.Silent)),
				Evidence: []api.Evidence{fact("silent on every link", ms(p.Silent), ms(h.Token)), fact("its crmd", "answered", ""), fact("lateness here", ms(l.now.Late), "")}})
		}
	}
	return merge(out)
}

// awayFor is for how many seconds corosyncd has not answered; 0 while nothing was ever wrong.
func (l *look) awayFor() float64 {
	h := &l.now.Heartbeat
	if h.Answered > 0 {
		return float64(l.now.At-h.Answered) / 1000
	}
	if h.Known || h.Error == "" {
		return 0
	}
	list := l.ring.Since(time.Minute)
	since := l.now.At
	for i := len(list) - 1; i >= 0 && !list[i].Heartbeat.Known; i-- {
		since = list[i].At
	}
	return float64(l.now.At-since) / 1000
}

// starvation is what may keep a process of this host from running.
func (l *look) starvation() facts {
	v := l.now
	return facts{fact("lateness of crmd", ms(v.Late), ""), fact("running or ready", count(int64(v.CPU.Running)), ""),
		fact("cpu pressure, some", l.psi(v.Pressure.CPU.Some10), ""), fact("memory pressure, full", l.psi(v.Pressure.Memory.Full10), ""),
		fact("allocations that stalled in 10 s", count(l.total(10*time.Second, func(v *api.Vitals) int64 { return v.VM.AllocStall })), ""),
		fact("steal", pct(v.CPU.Steal), "")}
}

// silence is a node of which no link hears anything.
type silence struct {
	node   string
	silent int64 // the shortest silence of its links, ms
	digest int64
	// unanswered tells that the node's crmd was asked and did not answer.
	unanswered bool
	refused    int64 // how long ago it last did not answer, ms; 0 is never
}

// answers reports whether the node's crmd has been heard lately, and after its heartbeats ended. The last
// heartbeat came up to an interval before their end.
func (s silence) answers(h *api.HeartbeatVitals) bool {
	if s.refused > 0 && s.refused < min(s.silent, h.Interval+jitter) {
		return false // the network may just work again: its crmd is heard before the next heartbeat is due
	}
	return s.digest >= 0 && s.digest <= lately && s.digest+h.Interval+jitter < s.silent
}

// vanished reports whether crmd and heartbeats of the node ended at the same time, as far as that can be told,
// and a crmd that is alive would have been heard by now.
func (s silence) vanished(h *api.HeartbeatVitals) bool {
	return s.digest < 0 || s.digest+h.Interval+jitter >= s.silent && (s.digest >= overdue || s.unanswered)
}

const (
	// lately is how old in ms the last word of a crmd that is alive may be, overdue from when on it is not: digests
	// come every second.
	lately, overdue = 2500, 1500
	// jitter is by how much in ms two processes that are both alive may differ.
	jitter = 300
)

// quiet lists nodes that were silent on all links for longer than half the token in that sample.
func quiet(v *api.Vitals) []silence {
	h := &v.Heartbeat
	if !h.Known || h.Token <= 0 {
		return nil
	}
	var out []silence
	for _, p := range v.Peers {
		s := silence{node: p.Node, silent: -1, digest: p.Digest, unanswered: p.Unanswered, refused: p.Refused}
		for i := range h.Links {
			if k := &h.Links[i]; k.Node == p.Node && (s.silent < 0 || k.Silent < s.silent) {
				s.silent = k.Silent
			}
		}
		if s.silent >= h.Token/2 {
			out = append(out, s)
		}
	}
	return out
}

// linkGrace is how long a link may take to be up again after its node has stalled.
const linkGrace = 10 * time.Second

// silenced are the nodes of which no link is to be blamed: all of them are silent, or their host has stalled a
// moment ago and its links are coming up again.
func (l *look) silenced() map[string]bool {
	out := make(map[string]bool)
	for _, v := range l.ring.Since(linkGrace) {
		for _, p := range quiet(v) {
			if v == l.now || p.answers(&v.Heartbeat) {
				out[p.node] = true
			}
		}
	}
	return out
}

// stalled reports whether this host itself was late lately, so that silence of others proves nothing.
func (l *look) stalled() bool {
	for _, v := range l.ring.Since(3 * time.Second) {
		if !v.Heartbeat.Known || v.Heartbeat.Late > v.Heartbeat.Token/4 || v.Late > 500 {
			return true
		}
	}
	return false
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

var heartbeatNetwork = Rule{
	Name:  "heartbeat.network",
	Title: "heartbeats get lost on the network",
	Doc: "Loss per link, links that are down, and nodes that are silent on every link together with their crmd while this host itself " +
		"runs on time. That is the network (or the other machine as a whole), not a stall of this host.",
	Raise: 0, Clear: 30 * time.Second,
	Thresholds: []Threshold{{"loss", "percent", 20, "loss on a link in 10 s"}},
	Advice: []string{
		"Look at the link's errors (ip -s link), the switch port, duplex and the firewall between the nodes.",
		"Give the cluster a second link over another switch: links = [\"10.0.0.1\", \"10.1.0.1\"].",
	},
	look: lookNetwork,
}

func lookNetwork(l *look) []Finding {
	if l.stalled() {
		return nil
	}
	var out []Finding
	h := &l.now.Heartbeat
	for _, p := range quiet(l.now) {
		if p.vanished(h) {
			out = append(out, Finding{Subject: p.node, Level: level(p.silent >= h.Token, true, true),
				Summary: fmt.Sprintf("nothing from %s for %s, neither heartbeats nor its crmd; this host is on time", p.node, ms(p.silent)),
				Evidence: []api.Evidence{fact("silent on every link", ms(p.silent), ms(h.Token)), fact("last word of its crmd", ms(p.digest), ""),
					fact("lateness here", ms(max(h.Late, l.now.Late)), "")}})
		}
	}
	for _, p := range l.now.Lost {
		if !p.Answered {
			out = append(out, Finding{Subject: p.Node, Level: Critical, Event: true,
				Summary:  fmt.Sprintf("%s was lost after %s without a heartbeat, and its crmd does not answer; this host is on time", p.Node, ms(p.Silent)),
				Evidence: []api.Evidence{fact("silent on every link", ms(p.Silent), ms(h.Token)), fact("its crmd", "no answer", ""), fact("lateness here", ms(max(h.Late, l.now.Late)), "")}})
		}
	}
	silenced := l.silenced()
	for i := range h.Links {
		k := &h.Links[i]
		if silenced[k.Node] {
			continue
		}
		name := fmt.Sprintf("link %d to %s", k.Link, k.Node)
		lost, got := int64(0), int64(0)
		for _, v := range l.ring.Since(10 * time.Second) {
			for j := range v.Heartbeat.Links {
				if x := &v.Heartbeat.Links[j]; x.Link == k.Link && x.Node == k.Node {
					lost, got = lost+int64(x.Lost), got+int64(x.Received)
				}
			}
		}
		loss := 0.0
		if lost+got >= 10 {
			loss = 100 * float64(lost) / float64(lost+got)
		}
		f := Finding{Subject: name, Level: level(false, !k.Up || loss >= l.limit("loss"), loss >= l.limit("loss")/2)}
		f.Summary = fmt.Sprintf("%s loses %s of its heartbeats", name, pct(loss))
		if !k.Up {
			f.Summary = name + " is down"
		}
		f.Evidence = []api.Evidence{fact("loss in 10 s", fmt.Sprintf("%s, %d of %d", pct(loss), lost, lost+got), pct(l.limit("loss"))), fact("silent", ms(k.Silent), ""),
			fact("round trip", fmt.Sprintf("%d us", k.RTT), ""), fact("lateness here", ms(max(h.Late, l.now.Late)), "")}
		out = append(out, f)
	}
	return merge(out)
}

var linkFlap = Rule{
	Name:  "link.flap",
	Title: "a link goes down and up again",
	Doc:   "How often a heartbeat link was lost and found, and the kernel's messages that an interface lost its carrier, in one minute.",
	Clear: 2 * time.Minute,
	Thresholds: []Threshold{
		{"flaps", "count", 3, "losses of a link in a minute"},
		{"carrier", "count", 2, "messages of the kernel about one interface in a minute"},
	},
	Advice: []string{"Replace the cable or the transceiver, look at the switch port; check the bond's miimon and updelay."},
	look: func(l *look) []Finding {
		var out []Finding
		flaps, order := make(map[string]int64), []string(nil)
		limit := make(map[string]string)
		add := func(name, threshold string, n int64) {
			if flaps[name] == 0 && n > 0 {
				order = append(order, name)
				limit[name] = threshold
			}
			flaps[name] += n
		}
		for _, v := range l.ring.Since(time.Minute) {
			for i := range v.Heartbeat.Links {
				k := &v.Heartbeat.Links[i]
				add(fmt.Sprintf("link %d to %s", k.Link, k.Node), "flaps", int64(k.Flaps))
			}
			for _, k := range v.Kernel {
				if k.Kind == api.KernelLinkDown {
					add("interface "+k.Subject, "carrier", 1)
				}
			}
		}
		for _, name := range order {
			f := Finding{Subject: name, Level: level(false, float64(flaps[name]) >= l.limit(limit[name]), true)}
			f.Summary = fmt.Sprintf("%s was lost %d times in a minute", name, flaps[name])
			f.Evidence = []api.Evidence{fact("losses in a minute", count(flaps[name]), num(l.limit(limit[name])))}
			out = append(out, f)
		}
		return out
	},
}
