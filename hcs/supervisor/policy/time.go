package policy

import "time"

// advance does what the time has come for.
func (m *Machine) advance(now time.Time) []Output {
	var out []Output
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	for _, c := range m.children {
		switch c.state {
		case waiting:
			if (!m.stopping || m.draining) && due(m.startAt(c)) {
				c.state, c.since = starting, now
				out = append(out, Start{c.Name})
			}
		case running:
			out = append(out, m.watch(now, c)...)
		case ending:
			if due(c.kill) {
				c.kill = now.Add(StopLimit)
				out = append(out, say(true, "%s does not end; killing it", c.Name), Send{c.Name, Kill})
			}
		}
	}
	if m.draining && due(m.drainUntil) {
		m.draining = false
		out = append(out, say(true, "the resources of this node did not stop within %s; ending the stack without them", m.drain))
		out = append(out, m.stopAll(now)...)
	}
	if !m.leftAt.IsZero() && !m.stopping && due(m.leftAt.Add(LeaveLimit)) {
		out = append(out, say(true, "this node has left the cluster, but crmd has not ended"))
		out = append(out, m.stopAll(now)...)
	}
	return append(out, m.finish()...)
}

// watch looks for a process that hangs.
func (m *Machine) watch(now time.Time, c *child) []Output {
	silent := now.Sub(c.heard)
	switch {
	case c.hung:
		if !now.Before(c.kill) {
			c.kill = now.Add(StopLimit)
			return []Output{Send{c.Name, Kill}}
		}
	case c.ready && c.Watchdog > 0 && silent >= c.Watchdog:
		c.hung, c.kill = true, now.Add(AbortLimit)
		return []Output{say(true, "%s hangs: no sign of life for %s; restarting it", c.Name, silent.Round(time.Millisecond)), Send{c.Name, Abort}}
	case !c.ready && now.Sub(c.since) >= StartLimit:
		c.hung, c.kill = true, now.Add(AbortLimit)
		return []Output{say(true, "%s is not ready after %s; restarting it", c.Name, StartLimit), Send{c.Name, Abort}}
	}
	return nil
}

// startAt is when a waiting daemon may be started; zero while it waits for its predecessor.
func (m *Machine) startAt(c *child) time.Time {
	if !c.again.IsZero() || c.After == "" {
		if c.again.IsZero() {
			return time.Unix(0, 1)
		}
		return c.again
	}
	if p := m.find(c.After); p.ready {
		return p.since
	}
	return time.Time{}
}

// finish ends the supervision when no process is left.
func (m *Machine) finish() []Output {
	if !m.stopping || m.draining {
		return nil
	}
	for _, c := range m.children {
		if c.state != ended {
			return nil
		}
	}
	m.done = true
	return []Output{m.result}
}

// Deadline is when Step wants to be called at the latest; zero when only an input matters.
func (m *Machine) Deadline() time.Time {
	var next time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, c := range m.children {
		switch c.state {
		case waiting:
			if !m.stopping || m.draining {
				earlier(m.startAt(c))
			}
		case ending:
			earlier(c.kill)
		case running:
			switch {
			case c.hung:
				earlier(c.kill)
			case !c.ready:
				earlier(c.since.Add(StartLimit))
			case c.Watchdog > 0:
				earlier(c.heard.Add(c.Watchdog))
			}
		}
	}
	if m.draining {
		earlier(m.drainUntil)
	}
	if !m.leftAt.IsZero() && !m.stopping {
		earlier(m.leftAt.Add(LeaveLimit))
	}
	return next
}
