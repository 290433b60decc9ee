// Package petting decides whether a node's watchdog is petted: the table of the conditions under which a node
// may go on living.
//
// A node that stops petting is reset by the hardware after the watchdog's timeout. When it notices itself
// that it has not petted for that long, it ends itself at once: the others may believe it dead by then.
package petting

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// Config says what the node relies on.
type Config struct {
	// Disks is how many shared disks the node watches, 0 to 3.
	Disks int
	// Cluster tells that the node watches its cluster stack.
	Cluster bool
	// ClusterFirst pets only while the cluster is healthy, once it has been, even when the disks are good.
	ClusterFirst bool
	Watchdog     time.Duration
	Loop         time.Duration
	// IO is how long a read of a disk may take.
	IO time.Duration
	// Warn is how long without petting is worth a warning; 0 never warns.
	Warn time.Duration
}

// DefaultWarn is the usual warning threshold for a watchdog timeout: three fifths of it, in whole seconds, at
// least 2.
func DefaultWarn(watchdog time.Duration) time.Duration {
	return max(2*time.Second, (watchdog * 3 / 5).Truncate(time.Second))
}

// Watcher is one of the node's watchers: a disk by its number from 0, or one of the others.
type Watcher int

const (
	// Members watches corosyncd: it answers and its view can be trusted.
	Members Watcher = -1 - iota
	// Manager watches crmd: it answers and calls this node healthy.
	Manager
)

// Input is something that happened.
type Input interface{ isInput() }

type (
	// Alive is a sign of life of a watcher: what it watches is as it should be.
	Alive struct{ Watcher Watcher }
	// Unhealthy tells that what is watched is certainly not as it should be.
	Unhealthy struct {
		Watcher Watcher
		Why     string
	}
	// Silent tells why there is no sign of life; the last one gets old.
	Silent struct {
		Watcher Watcher
		Why     string
	}
	// Left tells that the cluster stack has ended in an orderly way with nothing left running.
	Left struct{}
	// Tick comes every Loop.
	Tick struct{}
)

func (Alive) isInput()     {}
func (Unhealthy) isInput() {}
func (Silent) isInput()    {}
func (Left) isInput()      {}
func (Tick) isInput()      {}

// Output is something for the shell to do.
type Output interface{ isOutput() }

type (
	// Arm starts the watchdog; from then on others may rely on it.
	Arm struct{}
	// Pet pets it.
	Pet struct{}
	// Act ends the node at once.
	Act struct{ Why string }
	// Abort ends the start: the node never came into a state in which it may live.
	Abort struct{ Why string }
	// Note is worth a log line.
	Note struct {
		Warn bool
		Text string
	}
)

func (Arm) isOutput()   {}
func (Pet) isOutput()   {}
func (Act) isOutput()   {}
func (Abort) isOutput() {}
func (Note) isOutput()  {}

// Machine is the state of one node. One goroutine owns it.
type Machine struct {
	config Config
	seen   map[Watcher]time.Time // last sign of life
	why    map[Watcher]string    // why there is none
	fresh  map[Watcher]bool      // as it was reported
	// met tells that the cluster has been healthy: from then on the node cannot be without it.
	met bool
	// left tells that the cluster stack has ended in an orderly way: nothing runs here that others could fear.
	left   bool
	armed  bool
	ended  bool
	petted time.Time
	warned time.Time // for which petting the warning was given
	ticked time.Time
	limp   bool // living on the cluster alone, as it was reported
}

// New makes a machine that begins now.
func New(now time.Time, c Config) *Machine {
	return &Machine{config: c, petted: now, ticked: now, seen: map[Watcher]time.Time{}, why: map[Watcher]string{}, fresh: map[Watcher]bool{}}
}

// Deadline is when the machine wants the next Tick.
func (m *Machine) Deadline() time.Time { return m.ticked.Add(m.config.Loop) }

// Step takes one input and returns what is to be done, in order.
func (m *Machine) Step(now time.Time, in Input) []Output {
	if m.ended {
		return nil
	}
	switch in := in.(type) {
	case Alive:
		m.seen[in.Watcher] = now
		m.left = m.left && in.Watcher >= 0
		delete(m.why, in.Watcher)
	case Unhealthy:
		delete(m.seen, in.Watcher)
		m.why[in.Watcher] = in.Why
	case Silent:
		m.why[in.Watcher] = in.Why
	case Left:
		m.met, m.left = false, true
		delete(m.seen, Members)
		delete(m.seen, Manager)
		return nil
	case Tick:
		m.ticked = now
	}
	return m.judge(now)
}

// judge is the table.
func (m *Machine) judge(now time.Time) []Output {
	out := m.report(now)
	v := m.verdict(now)
	since := now.Sub(m.petted)
	// What lies behind the timeout comes first: the node may have stood still, and the hardware may not have
	// been there to end it.
	if since > m.config.Watchdog {
		m.ended = true
		if !m.armed {
			return append(out, Abort{fmt.Sprintf("not enough of what this node relies on has reported within %v: %s", m.config.Watchdog, m.missing(now))})
		}
		return append(out, Act{fmt.Sprintf("the watchdog was not petted for %v, its timeout is %v: %s", since.Round(time.Millisecond), m.config.Watchdog, m.missing(now))})
	}
	if m.config.Warn > 0 && since > m.config.Warn && !m.warned.Equal(m.petted) {
		m.warned = m.petted
		out = append(out, Note{true, fmt.Sprintf("the watchdog was not petted for %v and resets this node after %v: %s", since.Round(time.Millisecond), m.config.Watchdog, m.missing(now))})
	}
	if v.live && !m.armed {
		m.armed = true
		out = append(out, Arm{})
	}
	if v.pet {
		m.petted = now
		if m.armed {
			out = append(out, Pet{})
		}
	}
	if v.limp != m.limp {
		m.limp = v.limp
		if v.limp {
			out = append(out, Note{true, "the majority of the disks is lost; this node lives on because the cluster is quorate and calls it healthy. It cannot be fenced by the disks now: repair them"})
		} else {
			out = append(out, Note{false, "the majority of the disks is back"})
		}
	}
	return out
}

// verdict says what may be done now.
type verdict struct {
	pet  bool
	live bool // the node may begin to be relied on
	limp bool
}

func (m *Machine) verdict(now time.Time) verdict {
	all, some := m.cluster(now)
	if m.config.Disks == 0 {
		switch {
		case all:
			m.met = true
			return verdict{pet: true, live: true}
		case some:
			return verdict{pet: !m.met, live: true}
		}
		return verdict{pet: m.left || !m.met && !m.armed}
	}
	good := 0
	for n := range m.config.Disks {
		if m.isFresh(now, Watcher(n)) {
			good++
		}
	}
	connected := sbdformat.Connected(good, m.config.Disks)
	switch {
	case m.config.ClusterFirst && connected && all:
		m.met = true
		return verdict{pet: true, live: true}
	case m.config.ClusterFirst && connected:
		return verdict{pet: !m.met, live: true}
	case m.config.ClusterFirst:
		return verdict{}
	case connected:
		return verdict{pet: true, live: true}
	}
	return verdict{pet: all, limp: all}
}

// cluster reports whether both, and whether one of the watchers of the cluster is content.
func (m *Machine) cluster(now time.Time) (all, some bool) {
	if !m.config.Cluster {
		return false, false
	}
	members, manager := m.isFresh(now, Members), m.isFresh(now, Manager)
	return members && manager, members || manager
}

func (m *Machine) isFresh(now time.Time, w Watcher) bool {
	seen, ok := m.seen[w]
	return ok && now.Sub(seen) < m.config.IO+m.config.Loop
}

// watchers are those that the configuration asks for.
func (m *Machine) watchers() []Watcher {
	var list []Watcher
	for n := range m.config.Disks {
		list = append(list, Watcher(n))
	}
	if m.config.Cluster {
		list = append(list, Members, Manager)
	}
	return list
}

// report notes what has changed about the watchers since the last step.
func (m *Machine) report(now time.Time) []Output {
	var out []Output
	for _, w := range m.watchers() {
		fresh := m.isFresh(now, w)
		if fresh == m.fresh[w] {
			continue
		}
		m.fresh[w] = fresh
		if fresh {
			out = append(out, Note{false, w.String() + " is healthy"})
		} else {
			out = append(out, Note{true, w.String() + " is not healthy: " + m.reason(w)})
		}
	}
	return out
}

func (m *Machine) reason(w Watcher) string {
	if why := m.why[w]; why != "" {
		return why
	}
	return "it does not report"
}

// missing says what keeps the watchdog from being petted.
func (m *Machine) missing(now time.Time) string {
	text := ""
	for _, w := range m.watchers() {
		if !m.isFresh(now, w) {
			if text != "" {
				text += "; "
			}
			text += w.String() + ": " + m.reason(w)
		}
	}
	if text == "" {
		return "this process was not run in time"
	}
	return text
}

func (w Watcher) String() string {
	switch w {
	case Members:
		return "cluster membership"
	case Manager:
		return "cluster resource manager"
	}
	return fmt.Sprintf("disk %d", int(w)+1)
}
