package policy

import (
	"slices"
	"time"
)

// Machine supervises the daemons of a node. It decides; whoever owns it acts.
type Machine struct {
	children []*child
	crm      string // the daemon that is drained
	drain    time.Duration
	// stopping: the daemons are being ended, by request or because the node has left. draining: crmd is leaving.
	stopping, draining bool
	drainUntil         time.Time
	leftAt             time.Time // when the first daemon that Leaves has gone
	everReady          bool
	told               bool // AllReady
	result             Done
	done               bool
}

// New makes a machine for daemons in the order in which they start. crm is the one that stops the resources; drain
// bounds how long that may take.
func New(daemons []Daemon, crm string, drain time.Duration) *Machine {
	m := &Machine{crm: crm, drain: drain}
	for _, d := range daemons {
		m.children = append(m.children, &child{Daemon: d})
	}
	return m
}

// Step takes an input into account.
func (m *Machine) Step(now time.Time, in Input) []Output {
	if m.done {
		return nil
	}
	var out []Output
	switch in := in.(type) {
	case Started:
		c := m.find(in.Name)
		c.state, c.since, c.heard, c.ready, c.hung = running, now, now, false, false
		if m.stopping && !m.draining {
			out = m.end(now, c)
		}
	case Failed:
		out = append(out, say(true, "%s cannot be started: %s", in.Name, in.Reason))
		out = append(out, m.gone(now, m.find(in.Name), false, 0)...)
	case Exited:
		out = m.exited(now, in)
	case Ready:
		out = m.readied(now, m.find(in.Name))
	case Alive:
		m.find(in.Name).heard = now
	case Stop:
		out = m.stop(now)
	case Drained:
		out = m.drained(now, in)
	}
	return append(out, m.advance(now)...)
}

func (m *Machine) find(name string) *child {
	return m.children[slices.IndexFunc(m.children, func(c *child) bool { return c.Name == name })]
}

func (m *Machine) readied(now time.Time, c *child) []Output {
	c.heard = now
	if c.ready {
		return nil
	}
	c.ready = true
	out := []Output{say(false, "%s is ready", c.Name)}
	if !m.told && !slices.ContainsFunc(m.children, func(c *child) bool { return !c.ready }) {
		m.told, m.everReady = true, true
		out = append(out, AllReady{})
	}
	return out
}

// exited handles the end of a process.
func (m *Machine) exited(now time.Time, in Exited) []Output {
	c := m.find(in.Name)
	left := c.Leaves && in.Status == 0 && !c.hung
	var out []Output
	switch {
	case m.stopping && (c.state == ending || left):
	case left:
		out = append(out, say(false, "%s has left the cluster", c.Name))
	default:
		out = append(out, say(true, "%s has ended: %s", c.Name, in.How))
	}
	return append(out, m.gone(now, c, left, in.Status)...)
}

// gone decides what follows the end of a process.
func (m *Machine) gone(now time.Time, c *child, left bool, status int) []Output {
	ran := now.Sub(c.since)
	if c.state != running && c.state != ending {
		ran = 0
	}
	c.ready, c.since = false, now
	switch {
	case left:
		c.state = ended
		if m.leftAt.IsZero() {
			m.leftAt = now
		}
		if c.Name == m.crm {
			m.draining = false
			return m.stopAll(now)
		}
		return nil
	case m.stopping && !(m.draining && c.Name != m.crm):
		c.state = ended
		if c.Name == m.crm {
			m.draining = false
			return m.stopAll(now)
		}
		return nil
	case status == ExitConfig && !m.everReady:
		c.state = ended
		m.result = Done{Err: c.Name + " cannot run with this configuration; its message says what is wrong", Status: ExitConfig}
		return m.stopAll(now)
	}
	if ran >= Stable {
		c.fails = 0
	}
	c.state, c.again = waiting, now.Add(pause(c.fails))
	c.fails++
	return nil
}

// pause is the time before the next start after so many ends in a row.
func pause(fails int) time.Duration {
	if fails == 0 {
		return 0
	}
	return min(LongestPause, FirstPause<<min(fails-1, 20))
}

// stop begins an orderly end; the second request does not wait for the resources.
func (m *Machine) stop(now time.Time) []Output {
	c := m.find(m.crm)
	if m.stopping || c.state != running {
		var out []Output
		if m.draining {
			out = append(out, say(true, "not waiting for the resources any longer: those of this node are left running"))
		}
		m.draining = false
		return append(out, m.stopAll(now)...)
	}
	m.stopping, m.draining, m.drainUntil = true, true, now.Add(m.drain)
	return []Output{say(false, "stopping this node: its resources stop or move first"), Drain{}}
}

func (m *Machine) drained(now time.Time, in Drained) []Output {
	if in.Err == "" || !m.draining {
		return nil
	}
	m.draining = false
	return append([]Output{say(true, "the resources of this node could not be stopped in order: %s", in.Err)}, m.stopAll(now)...)
}

// stopAll ends what still runs, crmd first.
func (m *Machine) stopAll(now time.Time) []Output {
	m.stopping = true
	var out []Output
	for _, c := range slices.Backward(m.children) {
		out = append(out, m.end(now, c)...)
		if c.Name == m.crm && c.state == ending {
			return out // the others serve it until it has ended
		}
	}
	return out
}

func (m *Machine) end(now time.Time, c *child) []Output {
	switch c.state {
	case waiting:
		c.state = ended
	case running:
		c.state, c.kill = ending, now.Add(StopLimit)
		return []Output{Send{c.Name, Terminate}}
	}
	return nil
}
