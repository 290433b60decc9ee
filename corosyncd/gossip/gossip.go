// Package gossip spreads what is not a heartbeat: hashicorp/memberlist over the nodes' links.
//
// It carries the members' metadata, goodbyes as a second way, and commands that an administrator gives to all
// members. memberlist's own failure detection is a second opinion that nothing here acts on: the heartbeats
// decide who is alive.
package gossip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/holdfast-ha/holdfast/api"
)

// Node is a configured node.
type Node struct {
	ID    api.NodeID
	Name  string
	Addrs []netip.Addr
}

// Sender seals a packet and sends it, without waiting.
type Sender interface {
	SendGossip(to api.NodeID, link int, addr netip.Addr, payload []byte) error
}

// Streams are connections between link addresses.
type Streams interface {
	ListenStream(at netip.AddrPort) (net.Listener, error)
	DialStream(from netip.Addr, to netip.AddrPort, timeout time.Duration) (net.Conn, error)
}

// Config is what a Gossip is made from.
type Config struct {
	Self    string // this node's name
	Cluster string
	Nodes   []Node
	Port    int
	// Keys encrypt; 32 bytes each. All are opened, the first one seals.
	Keys [][]byte
	// MTU is the longest payload that Sender should be given.
	MTU    int
	Sender Sender
	// Links are the links to use for the next packet to a node, nil for all. nil is always all.
	Links   func(api.NodeID) []int
	Streams Streams
	// Meta is what the other members are told about this node.
	Meta Meta
	Log  *slog.Logger
}

// Meta is what a node says about itself.
type Meta struct {
	ID      api.NodeID `json:"i"`
	Version string     `json:"v"`
	// Format is the newest packet format that the node understands.
	Format int `json:"f"`
	// Public is the key with which secrets can be sent to the node.
	Public []byte `json:"p,omitempty"`
}

// Command is what one member tells another. The four numbers of sender and receiver make a recorded command
// worthless.
type Command struct {
	From            api.NodeID      `json:"from"`
	FromIncarnation api.Incarnation `json:"from_incarnation"`
	To              api.NodeID      `json:"to"`
	ToIncarnation   api.Incarnation `json:"to_incarnation"`
	Seq             uint64          `json:"seq"`
	// Do is reload, expected, votes, cancel-wait, leave, credentials, want-credentials, or a step of a change of keys.
	Do    string     `json:"do"`
	Node  api.NodeID `json:"node,omitempty"`
	Votes int        `json:"votes,omitempty"`
	// Key names a cluster key, Secret is one in an envelope for the receiver.
	Key    uint32 `json:"key,omitempty"`
	Secret []byte `json:"secret,omitempty"`
	// Data are certificates for the quorum device server.
	Data []byte `json:"data,omitempty"`
}

// Timeouts. Nothing waits for gossip, so they are generous.
const (
	streamTimeout = 3 * time.Second
	rejoinEvery   = time.Second
	leaveTimeout  = 300 * time.Millisecond
)

// maxCommands bounds the commands that wait for the daemon, maxPackets the packets that wait for memberlist;
// maxCommand is the length of a command.
const (
	maxCommands = 64
	maxPackets  = 256
	maxCommand  = 16384
)

// Gossip is a node's part in the gossip. Run must be called.
type Gossip struct {
	cfg       Config
	transport *transport
	commands  chan Command
	present   chan struct{} // has a value when members changed
	mu        sync.Mutex
	list      *memberlist.Memberlist // nil while Run does not run
	nodes     []Node
	members   []string // in the view, without this node
	keys      *memberlist.Keyring
}

// New makes a Gossip and opens its TCP sockets.
func New(cfg Config) (*Gossip, error) {
	keys, err := memberlist.NewKeyring(cfg.Keys, cfg.Keys[0])
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	g := &Gossip{cfg: cfg, keys: keys, nodes: cfg.Nodes, commands: make(chan Command, maxCommands), present: make(chan struct{}, 1)}
	t, err := newTransport(g)
	if err != nil {
		return nil, err
	}
	g.transport = t
	return g, nil
}

// Close gives back the sockets of a Gossip that is not run.
func (g *Gossip) Close() { g.transport.Shutdown() }

// Deliver takes a packet that a link received. It does not wait, and is false when too many wait already.
func (g *Gossip) Deliver(from netip.Addr, payload []byte) bool {
	p := &memberlist.Packet{Buf: payload, From: net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, uint16(g.cfg.Port))), Timestamp: time.Now()}
	select {
	case g.transport.packets <- p:
		return true
	default:
		return false
	}
}

// Commands are what other members say.
func (g *Gossip) Commands() <-chan Command { return g.commands }

// Run takes part until ctx ends, and says goodbye then. It joins what it started; memberlist's own goroutines
// end within streamTimeout.
func (g *Gossip) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	g.transport.start(&wg)
	list, err := memberlist.Create(g.config())
	if err != nil {
		g.transport.Shutdown()
		return fmt.Errorf("gossip: %w", err)
	}
	g.mu.Lock()
	g.list = list
	g.mu.Unlock()
	g.rejoin(ctx, list)
	g.mu.Lock()
	g.list = nil
	g.mu.Unlock()
	// The heartbeats have said goodbye already; this tells whoever missed them.
	if err := list.Leave(leaveTimeout); err != nil {
		g.cfg.Log.Debug("gossip goodbye", "err", err)
	}
	return list.Shutdown()
}

func (g *Gossip) config() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name = g.cfg.Self
	c.Label = g.cfg.Cluster
	c.Transport = g.transport
	c.Keyring = g.keys
	c.AdvertisePort, c.BindPort = g.cfg.Port, g.cfg.Port
	c.RequireNodeNames = true
	c.EnableCompression = false
	c.TCPTimeout = streamTimeout
	c.DisableTcpPings = true
	c.UDPBufferSize = g.cfg.MTU
	// Four sends, memberlist's default for small clusters, leave one cluster in five with a node that has not
	// heard of another for seconds.
	c.RetransmitMult = 8
	c.PushPullInterval = 5 * time.Second
	c.SuspicionMaxTimeoutMult = 1
	c.AwarenessMaxMultiplier = 2
	c.DNSConfigPath = "/dev/null" // addresses are given, nothing is looked up
	c.Delegate = (*delegate)(g)
	c.Alive = (*delegate)(g)
	c.Conflict = (*delegate)(g)
	c.Logger = memberlistLog(g.cfg.Log)
	return c
}

// rejoin joins members of the view that memberlist does not know. memberlist never looks again for a node
// that it has given up.
func (g *Gossip) rejoin(ctx context.Context, list *memberlist.Memberlist) {
	t := time.NewTicker(rejoinEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-g.present:
		}
		known := map[string]bool{}
		for _, n := range list.Members() {
			known[n.Name] = true
		}
		for _, addr := range g.missing(known) {
			if ctx.Err() != nil {
				return
			}
			if _, err := list.Join([]string{addr}); err != nil {
				g.cfg.Log.Debug("gossip join", "node", addr, "err", err)
			}
		}
	}
}

// missing lists members that are not known, as memberlist wants them: name/address:port.
func (g *Gossip) missing(known map[string]bool) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []string
	for _, n := range g.nodes {
		if slices.Contains(g.members, n.Name) && !known[n.Name] {
			list = append(list, n.Name+"/"+netip.AddrPortFrom(n.Addrs[0], uint16(g.cfg.Port)).String())
		}
	}
	return list
}

// SetMembers tells which nodes are in the view.
func (g *Gossip) SetMembers(names []string) {
	g.mu.Lock()
	g.members = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == g.cfg.Self })
	g.mu.Unlock()
	select {
	case g.present <- struct{}{}:
	default:
	}
}

// SetKeys changes the keys. It may be called at any time.
func (g *Gossip) SetKeys(keys [][]byte) error {
	for _, k := range keys {
		if err := g.keys.AddKey(k); err != nil {
			return fmt.Errorf("gossip: add a key: %w", err)
		}
	}
	if err := g.keys.UseKey(keys[0]); err != nil {
		return fmt.Errorf("gossip: use a key: %w", err)
	}
	for _, k := range g.keys.GetKeys() {
		if !slices.ContainsFunc(keys, func(want []byte) bool { return bytes.Equal(want, k) }) {
			if err := g.keys.RemoveKey(k); err != nil {
				return fmt.Errorf("gossip: remove a key: %w", err)
			}
		}
	}
	return nil
}

// SetNodes changes the configured nodes.
func (g *Gossip) SetNodes(nodes []Node) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nodes = nodes
}

func (g *Gossip) node(match func(*Node) bool) (Node, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.nodes {
		if match(&g.nodes[i]) {
			return g.nodes[i], true
		}
	}
	return Node{}, false
}

// Tell gives a member a command. It waits until the member has it, or for streamTimeout.
func (g *Gossip) Tell(name string, c Command) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("tell %s to %s: %w", name, c.Do, err)
	}
	g.mu.Lock()
	list := g.list
	g.mu.Unlock()
	if list == nil {
		return fmt.Errorf("tell %s to %s: gossip is not running", name, c.Do)
	}
	n, ok := g.node(func(n *Node) bool { return n.Name == name })
	if !ok {
		return fmt.Errorf("tell %s to %s: there is no such node", name, c.Do)
	}
	to := &memberlist.Node{Name: name, Addr: n.Addrs[0].AsSlice(), Port: uint16(g.cfg.Port)}
	if err := list.SendReliable(to, raw); err != nil {
		return fmt.Errorf("tell %s to %s: %w", name, c.Do, err)
	}
	return nil
}

// Metas are what the members that gossip knows say about themselves, by name.
func (g *Gossip) Metas() map[string]Meta {
	g.mu.Lock()
	list := g.list
	g.mu.Unlock()
	metas := map[string]Meta{}
	if list == nil {
		return metas
	}
	for _, n := range list.Members() {
		var m Meta
		if json.Unmarshal(n.Meta, &m) == nil {
			metas[n.Name] = m
		}
	}
	return metas
}

// errStranger keeps a node out of the gossip.
var errStranger = errors.New("it is not in the cluster file")
