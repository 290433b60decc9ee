package engine

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// pathMTU finds out how large a packet may be to reach a peer on a link: padded heartbeats that must not be
// fragmented, and the peer's word of the largest packet that has come.
type pathMTU struct {
	limit   int       // the largest that leaves this host, 0 before the first search
	good    int       // the largest that has arrived
	bad     int       // the smallest that has not
	probe   int       // what is tried now, 0 for nothing
	tries   int       // how often it was sent
	next    time.Time // next probe
	largest int       // the largest packet that has come from the peer lately
	since   time.Time // when largest was noted
	again   bool      // what has worked is to be tried first
	told    int       // the last result that was noted
}

// Sizes of UDP payloads.
const (
	// leastPacket fits into 576 bytes, which every IPv4 host takes, and is more than any heartbeat needs up to 64 nodes.
	leastPacket = 576 - 28
	// probeStep is how exact the result is.
	probeStep = 8
)

const (
	// probeTries is how often a size is tried before it counts as too large: packets are lost for other reasons too.
	probeTries = 4
	// probeEvery is the time between two searches; knet_pmtud_interval's default.
	probeEvery = 30 * time.Second
	// largestFor is for how many intervals the largest packet is told to its sender.
	largestFor = 3
)

// Probe wants a heartbeat to a peer on a link that is padded to so many bytes of UDP payload and not fragmented.
type Probe struct{ Peer, Link, Size int }

func (Probe) output() {}

// FillProbe makes the heartbeat for a Probe. It has the number of the one before: it tells nothing new, and that one
// which is too large does not arrive is not loss.
func (e *Engine) FillProbe(now time.Time, to, on int, h *frame.Heartbeat) {
	e.Fill(now, to, on, h)
	l := &e.peers[to].links[on]
	l.sent--
	h.Seq = l.sent
}

// noteSize notes the size of a packet that has come.
func (m *pathMTU) noteSize(now time.Time, size int, keep time.Duration) {
	if size >= m.largest || now.Sub(m.since) > keep {
		m.largest, m.since = size, now
	}
}

// arrived takes the peer's word of the largest packet.
func (m *pathMTU) arrived(size int) {
	if m.probe > 0 && size >= m.probe {
		m.good = max(m.good, m.probe)
		m.probe, m.tries, m.next = 0, 0, time.Time{}
	}
}

// step returns the size to try now, 0 for none, and whether a search has ended. limit is the largest packet that
// leaves this host.
func (m *pathMTU) step(now time.Time, limit int, interval time.Duration) (size int, found bool) {
	if limit != m.limit {
		*m = pathMTU{limit: limit, largest: m.largest, since: m.since, told: m.told}
	}
	if limit <= leastPacket || now.Before(m.next) {
		return 0, false
	}
	if m.probe > 0 && m.tries >= probeTries {
		if m.probe <= m.good { // what has worked does not any more
			m.good = 0
		}
		m.bad, m.probe, m.tries = m.probe, 0, 0
	}
	if m.probe == 0 && m.again {
		m.probe, m.again = m.good, false
	}
	if m.probe == 0 {
		m.probe = m.candidate()
	}
	if m.probe == 0 {
		m.next = now.Add(probeEvery)
		// The next search begins with what works, and looks whether more does.
		m.bad, m.again = 0, m.good > 0
		return 0, true
	}
	m.tries++
	m.next = now.Add(interval)
	return m.probe, false
}

// candidate is the next size to try, 0 when the answer is known: the limit first, then halves of what is left.
func (m *pathMTU) candidate() int {
	switch {
	case m.bad == 0 && m.good < m.limit:
		return m.limit
	case m.bad == 0:
		return 0
	}
	low := max(m.good, leastPacket-probeStep)
	if m.bad-low <= probeStep {
		return 0
	}
	return low + (m.bad-low)/2
}

// discover sends the probes that are due, with the regular heartbeats.
func (e *Engine) discover(now time.Time) {
	for i := range e.peers {
		if i == e.self {
			continue
		}
		states := e.detector.Links(e.cfg.Nodes[i].ID)
		for k := range e.peers[i].links {
			m := &e.peers[i].links[k].mtu
			if k >= len(states) || !states[k].Up {
				continue
			}
			size, found := m.step(now, e.cfg.link(k).MaxPacket, e.cfg.Timing.Interval)
			if size > 0 {
				e.out = append(e.out, Probe{Peer: i, Link: k, Size: size})
			}
			if found {
				e.tellMTU(i, k, m)
			}
		}
	}
}

// tellMTU notes a path that is narrower than the interface, once.
func (e *Engine) tellMTU(i, k int, m *pathMTU) {
	if m.good == m.told {
		return
	}
	narrow := m.good < m.limit-probeStep
	if narrow || m.told > 0 {
		e.note(narrow, fmt.Sprintf("packets of up to %d bytes reach %s on link %d; the interface here takes %d", m.good, e.cfg.Nodes[i].Name, k, m.limit))
	}
	m.told = m.good
}
