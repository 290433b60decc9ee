// Package simnet is a simulated network of heartbeat engines in virtual time, with the faults that real ones
// have: loss, delay, duplicates, cuts in one direction, pauses, crashes, restarts and clocks that go back.
//
// A World is deterministic: the same seed gives the same history.
package simnet

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// Options describe a world.
type Options struct {
	Nodes  int
	Links  int // 0 is one
	Seed   uint64
	Token  time.Duration // 0 is one second
	Quorum func(*quorum.Config)
	Grace  time.Duration // stall_grace
	// MaxPacket is the largest packet that a host sends; 0 keeps the engines from looking for what arrives.
	MaxPacket int
	Latency   time.Duration // one way, 0 is 200 us; half of it more at random
}

// World is a cluster on a simulated network.
type World struct {
	Now    time.Time
	Nodes  []*Node
	Faults Faults
	opt    Options
	rng    *rand.Rand
	events events
	order  uint64
	start  time.Time
	check  checks
	// Packets and Bytes count what was sent, without the headers of the frame, UDP and IP.
	Packets, Bytes int
	// Trace, when set, gets a line for everything that happens.
	Trace func(format string, args ...any)
}

// Faults are what the network does to packets.
type Faults struct {
	Loss, Duplicate float64
	// Jitter is added to a packet's latency at random, so that packets overtake each other.
	Jitter time.Duration
	// cut packets do not arrive: by sender and receiver index.
	cut map[[2]int]bool
	// MTU is the largest packet that arrives, 0 for any.
	MTU int
	// dead links carry nothing.
	dead map[int]bool
}

// Node is one simulated host.
type Node struct {
	Index  int
	ID     api.NodeID
	Engine *engine.Engine
	Up     bool
	// View is the last one published; Views counts them.
	View  *api.View
	Views int
	// Skew is how far the host's wall clock is off when corosyncd starts.
	Skew time.Duration
	// disk is the ring sequence that corosyncd has written down.
	disk uint64
	// lived is the incarnation that it wrote down when it started.
	lived  api.Incarnation
	world  *World
	life   int // counts starts, so that events of an earlier life are dropped
	paused bool
	inbox  []arrival // what came while it was paused
	wakeAt time.Time
	gone   bool
	// touched is when it was last started or resumed.
	touched time.Time
}

type arrival struct {
	from, link int
	size       int // of the UDP payload
	raw        []byte
}

// event is something that happens at a time.
type event struct {
	at    time.Time
	order uint64
	do    func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}
	return q[i].at.Before(q[j].at)
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return x
}

// New makes a world whose nodes are all off.
func New(opt Options) *World {
	opt.Links = max(opt.Links, 1)
	if opt.Token == 0 {
		opt.Token = time.Second
	}
	if opt.Latency == 0 {
		opt.Latency = 200 * time.Microsecond
	}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	w := &World{Now: start, start: start, opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 42)), check: newChecks()}
	w.Faults.cut = make(map[[2]int]bool)
	for i := range opt.Nodes {
		w.Nodes = append(w.Nodes, &Node{Index: i, ID: api.NodeID(i + 1), world: w})
	}
	return w
}

// Since is the time since the world began.
func (w *World) Since() time.Duration { return w.Now.Sub(w.start) }

func (w *World) trace(format string, args ...any) {
	if w.Trace != nil {
		w.Trace("%8.1f "+format, append([]any{float64(w.Since().Microseconds()) / 1000}, args...)...)
	}
}

// At lets something happen after a while.
func (w *World) At(d time.Duration, do func()) { w.schedule(w.Now.Add(d), do) }

func (w *World) schedule(at time.Time, do func()) {
	w.order++
	heap.Push(&w.events, event{at: at, order: w.order, do: do})
}

// Run lets time pass.
func (w *World) Run(d time.Duration) { w.RunUntil(w.Now.Add(d), func() bool { return false }) }

// RunUntil lets time pass until the condition holds or the time has come, and reports whether it holds.
func (w *World) RunUntil(end time.Time, done func() bool) bool {
	for len(w.events) > 0 && !w.events[0].at.After(end) {
		e := heap.Pop(&w.events).(event)
		w.Now = e.at
		e.do()
		if done() {
			return true
		}
	}
	w.Now = end
	return done()
}

// Addr is the address of a node on a link.
func Addr(node, link int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(link), byte(node >> 8), byte(node)})
}

func (n *Node) config() engine.Config {
	w := n.world
	t := w.opt.Token
	c := engine.Config{
		Cluster: "sim", Self: n.ID, Incarnation: n.lived,
		Timing:  engine.Timing{Token: t, Interval: t / 5, Join: t / 20, Consensus: t * 6 / 5, StallGrace: w.opt.Grace, Warning: t * 3 / 4},
		RingSeq: n.disk + 8, // as the daemon does: the last writes may not have been done
		Quorum:  quorum.Config{Self: n.ID, Votes: 1, Expected: w.opt.Nodes, LastManWindow: 10 * t},
	}
	for i := range w.opt.Nodes {
		node := engine.Node{ID: api.NodeID(i + 1), Name: fmt.Sprintf("n%d", i+1), Votes: 1}
		for l := range w.opt.Links {
			node.Addrs = append(node.Addrs, Addr(i, l))
		}
		c.Nodes = append(c.Nodes, node)
	}
	for range w.opt.Links {
		c.Links = append(c.Links, engine.Link{Timeout: t / 2, Pongs: 2, MaxPacket: w.opt.MaxPacket})
	}
	if w.opt.Quorum != nil {
		w.opt.Quorum(&c.Quorum)
	}
	return c
}

// Start powers a node on, or restarts its corosyncd.
func (n *Node) Start() {
	w := n.world
	n.life++
	n.Up, n.paused, n.gone, n.inbox, n.View, n.touched = true, false, false, nil, nil, w.Now
	n.lived = max(n.lived+1, api.Incarnation(w.Now.Add(n.Skew).UnixMicro()))
	n.Engine = engine.New(n.config(), w.Now)
	w.trace("%s starts", n.name())
	n.step(engine.Wake{})
}

// Crash takes the power away.
func (n *Node) Crash() {
	n.life++
	n.Up, n.View, n.inbox = false, nil, nil
	n.world.trace("%s crashes", n.name())
}

// Pause stops the process, as SIGSTOP or a VM migration does; Resume continues it.
func (n *Node) Pause() {
	n.paused = n.Up
	n.world.trace("%s pauses", n.name())
}

// Resume continues a paused process. Its timer may be served before or after what waits in its socket.
func (n *Node) Resume() {
	if !n.paused || !n.Up {
		return
	}
	n.paused, n.touched = false, n.world.Now
	n.world.trace("%s resumes", n.name())
	inbox := n.inbox
	n.inbox = nil
	if n.world.rng.IntN(2) == 0 {
		n.step(engine.Wake{})
	}
	for _, a := range inbox {
		n.receive(a)
	}
	n.step(engine.Wake{})
}

func (n *Node) name() string { return fmt.Sprintf("n%d", n.Index+1) }

// Do gives the engine an input.
func (n *Node) Do(in engine.Input) {
	if n.Up && !n.paused {
		n.step(in)
	}
}

func (n *Node) step(in engine.Input) {
	outs := n.Engine.Step(n.world.Now, in)
	for _, o := range outs {
		n.act(o)
	}
	n.arm()
}

// arm schedules the next wake-up.
func (n *Node) arm() {
	at := n.Engine.Deadline()
	if !n.Up || at.Equal(n.wakeAt) && at.After(n.world.Now) {
		return
	}
	if !at.After(n.world.Now) {
		at = n.world.Now.Add(time.Microsecond)
	}
	n.wakeAt = at
	life := n.life
	n.world.schedule(at, func() {
		if n.life == life && n.Up && !n.paused && n.wakeAt.Equal(at) {
			n.wakeAt = time.Time{}
			n.step(engine.Wake{})
		}
	})
}

func (n *Node) act(o engine.Output) {
	w := n.world
	switch o := o.(type) {
	case engine.Beat:
		for to := range w.Nodes {
			if to == n.Index || o.Peer >= 0 && o.Peer != to || o.Peer == engine.Around && !n.Engine.Recent(w.Now, to) {
				continue
			}
			for link := range w.opt.Links {
				n.send(to, link)
			}
		}
	case engine.View:
		n.View = o.View
		n.Views++
		w.trace("%s view %s %v quorate=%t stale=%t (%s) %v", n.name(), o.View.Ring, ids(o.View), o.View.Quorum.Quorate, o.View.Stale, o.View.Quorum.Reason, departed(o.View))
		w.check.view(n)
		n.write(o.View.Ring.Seq)
	case engine.Gone:
		n.gone = true
		n.Crash()
	case engine.Note:
		w.trace("%s notes: %s", n.name(), o.Text)
	case engine.Probe:
		n.sendPadded(o.Peer, o.Link, o.Size)
	case engine.Refuse:
		w.trace("%s refuses %d: %s", n.name(), o.To, o.Refuse.Reason)
	}
}

// write keeps the ring sequence on disk, after the time that a disk takes.
func (n *Node) write(seq uint64) {
	life := n.life
	n.world.At(10*time.Millisecond, func() {
		if n.life == life {
			n.disk = max(n.disk, seq)
		}
	})
}

func ids(v *api.View) []api.NodeID {
	var list []api.NodeID
	for _, m := range v.Members {
		list = append(list, m.ID)
	}
	return list
}

func departed(v *api.View) []string {
	var list []string
	for _, d := range v.Departed {
		list = append(list, fmt.Sprintf("%s %s: %s", d.Name, d.How, d.Reason))
	}
	return list
}

// send puts a heartbeat on the wire.
func (n *Node) send(to, link int) { n.sendPadded(to, link, 0) }

// sendPadded puts a heartbeat on the wire that is at least so large.
func (n *Node) sendPadded(to, link, size int) {
	w := n.world
	w.Packets++
	var beat frame.Heartbeat
	if size > 0 {
		n.Engine.FillProbe(w.Now, to, link, &beat)
	} else {
		n.Engine.Fill(w.Now, to, link, &beat)
	}
	raw := beat.Append(nil)
	w.Bytes += len(raw)
	size = max(size, len(raw)+frame.Overhead)
	if w.Faults.MTU > 0 && size > w.Faults.MTU || w.Faults.cut[[2]int{n.Index, to}] || w.Faults.dead[link] || w.Faults.Loss > 0 && w.rng.Float64() < w.Faults.Loss {
		return
	}
	a := arrival{from: n.Index, link: link, size: size, raw: raw}
	copies := 1
	if w.Faults.Duplicate > 0 && w.rng.Float64() < w.Faults.Duplicate {
		copies = 2
	}
	for range copies {
		d := w.opt.Latency + time.Duration(w.rng.Int64N(int64(w.opt.Latency)/2+1))
		if w.Faults.Jitter > 0 {
			d += time.Duration(w.rng.Int64N(int64(w.Faults.Jitter)))
		}
		w.schedule(w.Now.Add(d), func() { w.Nodes[to].receive(a) })
	}
}

// maxInbox is how many packets wait in a socket.
const maxInbox = 1000

func (n *Node) receive(a arrival) {
	if !n.Up {
		return
	}
	if n.paused {
		if len(n.inbox) < maxInbox {
			n.inbox = append(n.inbox, a)
		}
		return
	}
	var beat frame.Heartbeat
	if !beat.Decode(a.raw) {
		panic("simnet: a heartbeat does not decode")
	}
	n.step(&engine.Packet{Sender: n.world.Nodes[a.from].ID, Link: a.link, From: Addr(a.from, a.link), Size: a.size, Beat: &beat})
}
