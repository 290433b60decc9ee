// Package fabric is the network between the nodes of a lab cluster: a bridge for each link and a cable from it
// to each node, in the network namespace of the calling process.
//
// A cable can be pulled, which the node sees. Frames from one node to another can be lost or late, which
// nobody sees; that works for each direction by itself. Both stay as they are over a power cut of the node.
package fabric

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/enter"
)

// Impairment is what happens to frames of one direction. The zero value is a good line.
type Impairment struct {
	Loss   float64       // share of frames that are lost, 1 is all of them
	Delay  time.Duration // each frame is that much late
	Jitter time.Duration // and up to that much more; frames keep their order
}

// direction is one way between two nodes on a link.
type direction struct{ from, to, link int }

type cable struct{ node, link int }

// Fabric is the network of one cluster. Its methods are safe for concurrent use.
type Fabric struct {
	index, links int

	mu      sync.Mutex
	plugged map[int]int // node -> process whose network namespace it has
	pulled  map[cable]bool
	rules   map[direction]Impairment
	relays  map[cable]*relay
}

// New makes the bridges. index tells clusters in one room apart, 0..254.
func New(index, links int) (*Fabric, error) {
	f := &Fabric{
		index: index, links: links, plugged: map[int]int{}, pulled: map[cable]bool{}, rules: map[direction]Impairment{},
		relays: map[cable]*relay{},
	}
	for link := range links {
		if err := f.makeBridge(link); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

func (f *Fabric) makeBridge(link int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = f.bridge(link)
	// Snooping would hold back multicast until a querier has been heard.
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make bridge %s: %w", attrs.Name, err)
	}
	if err := netlink.LinkSetHardwareAddr(bridge, f.mac(roomHost, link)); err != nil {
		return fmt.Errorf("bridge %s: %w", attrs.Name, err)
	}
	if err := netlink.AddrAdd(bridge, address(f.Room(link))); err != nil {
		return fmt.Errorf("bridge %s: add %s: %w", attrs.Name, f.Room(link), err)
	}
	return netlink.LinkSetUp(bridge)
}

func address(a netip.Addr) *netlink.Addr {
	parsed, err := netlink.ParseAddr(fmt.Sprintf("%s/%d", a, bits))
	if err != nil {
		panic(fmt.Sprintf("fabric: address %v: %v", a, err))
	}
	return parsed
}

// Close takes the network down. Nodes that are still plugged lose their interfaces.
func (f *Fabric) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for at := range f.relays {
		f.stopRelay(at)
	}
	for node := range f.plugged {
		errs = append(errs, f.unplug(node))
	}
	for link := range f.links {
		errs = append(errs, remove(f.bridge(link)))
	}
	return errors.Join(errs...)
}

func remove(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	var gone netlink.LinkNotFoundError
	if errors.As(err, &gone) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove interface %s: %w", name, err)
	}
	return nil
}

// Plug connects a node whose process 1 is pid, on all links.
func (f *Fabric) Plug(node, pid int) error {
	if node < 1 || node > maxNode {
		return fmt.Errorf("plug node %d: numbers go from 1 to %d", node, maxNode)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for link := range f.links {
		if err := f.lay(cable{node, link}, pid); err != nil {
			return errors.Join(fmt.Errorf("plug node %d: %w", node, err), f.unplug(node))
		}
	}
	f.plugged[node] = pid
	return f.apply()
}

// lay makes one cable.
func (f *Fabric) lay(at cable, pid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = f.port(at.node, at.link)
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: f.NIC(at.link), PeerHardwareAddr: f.mac(at.node, at.link), PeerNamespace: netlink.NsPid(pid),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("make %s: %w", attrs.Name, err)
	}
	bridge, err := netlink.LinkByName(f.bridge(at.link))
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(veth, bridge); err != nil {
		return fmt.Errorf("connect %s to %s: %w", attrs.Name, f.bridge(at.link), err)
	}
	if err := f.configureNIC(at, pid); err != nil {
		return err
	}
	if f.pulled[at] {
		return nil
	}
	return netlink.LinkSetUp(veth)
}

// configureNIC sets up the node's end of a cable.
func (f *Fabric) configureNIC(at cable, pid int) error {
	return enter.Do(pid, enter.Net, func() error {
		nic, err := netlink.LinkByName(f.NIC(at.link))
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(nic, address(f.Addr(at.node, at.link))); err != nil {
			return fmt.Errorf("add %s: %w", f.Addr(at.node, at.link), err)
		}
		return netlink.LinkSetUp(nic)
	})
}

// Silence takes all cables of a node out until it is unplugged: quicker than that.
func (f *Fabric) Silence(node int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.plugged[node]; !there {
		return nil
	}
	var errs []error
	for link := range f.links {
		port, err := netlink.LinkByName(f.port(node, link))
		if err == nil {
			err = netlink.LinkSetDown(port)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Unplug removes a node's interfaces.
func (f *Fabric) Unplug(node int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unplug(node)
}

func (f *Fabric) unplug(node int) error {
	delete(f.plugged, node)
	var errs []error
	for link := range f.links {
		f.stopRelay(cable{node, link})
		errs = append(errs, remove(f.port(node, link)))
	}
	return errors.Join(errs...)
}

// Pull takes a node's cable out (up false) or puts it back; the node sees its carrier go and come.
func (f *Fabric) Pull(node, link int, out bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulled[cable{node, link}] = out
	if _, there := f.plugged[node]; !there {
		return nil
	}
	port, err := netlink.LinkByName(f.port(node, link))
	if err != nil {
		return fmt.Errorf("cable of node %d on link %d: %w", node, link, err)
	}
	if out {
		return netlink.LinkSetDown(port)
	}
	return netlink.LinkSetUp(port)
}

// Impair sets what happens to frames from one node to another on a link, from now on.
func (f *Fabric) Impair(from, to, link int, how Impairment) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := direction{from, to, link}
	if how == (Impairment{}) {
		delete(f.rules, d)
	} else {
		f.rules[d] = how
	}
	return f.apply()
}

// Partition lets only nodes of the same group talk to each other, on all links; a node that is in no group
// talks to nobody. The room keeps reaching all. It replaces what was impaired before.
func (f *Fabric) Partition(nodes int, groups ...[]int) error {
	member := map[int]int{}
	for g, group := range groups {
		for _, node := range group {
			member[node] = g + 1
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.rules)
	for from := 1; from <= nodes; from++ {
		for to := 1; to <= nodes; to++ {
			if from == to || member[from] != 0 && member[from] == member[to] {
				continue
			}
			for link := range f.links {
				f.rules[direction{from, to, link}] = Impairment{Loss: 1}
			}
		}
	}
	return f.apply()
}

// Heal makes all lines good and puts all cables back.
func (f *Fabric) Heal() error {
	f.mu.Lock()
	clear(f.rules)
	err := f.apply()
	var out []cable
	for at, is := range f.pulled {
		if is {
			out = append(out, at)
		}
	}
	f.mu.Unlock()
	for _, at := range out {
		err = errors.Join(err, f.Pull(at.node, at.link, false))
	}
	return err
}
