package fabric

import (
	"fmt"
	"net"
	"net/netip"
)

// Numbering: link k of cluster c is 10.(77+k).c.0/24, node i has .i on it, the room itself .254, and .200 to
// .253 are for floating addresses.
const (
	roomHost  = 254
	floatHost = 200
	maxNode   = 199
	bits      = 24
)

// Addr is a node's address on a link; node 254 is the room.
func (f *Fabric) Addr(node, link int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(77 + link), byte(f.index), byte(node)})
}

// Room is the room's own address on a link, from where a test reaches the nodes.
func (f *Fabric) Room(link int) netip.Addr { return f.Addr(roomHost, link) }

// Float is the n-th address on link 0 that no node has by itself, for a cluster's own addresses.
func (f *Fabric) Float(n int) netip.Addr { return f.Addr(floatHost+n, 0) }

// Bits is the length of the network prefix of all addresses.
func (f *Fabric) Bits() int { return bits }

// HardwareAddr is a node's hardware address on a link.
func (f *Fabric) HardwareAddr(node, link int) net.HardwareAddr { return f.mac(node, link) }

// mac makes hardware addresses: the first four bytes tell a link of the lab, the last two cluster and node.
func (f *Fabric) mac(node, link int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x4c, 0x42, byte(link), byte(f.index), byte(node)}
}

// bridge, port and nic are names of interfaces: the first two in the room, the last in the node.
func (f *Fabric) bridge(link int) string     { return fmt.Sprintf("lab%d-%d", f.index, link) }
func (f *Fabric) port(node, link int) string { return fmt.Sprintf("p%d-%d-%d", f.index, node, link) }

// NIC is the name of a node's interface on a link.
func (f *Fabric) NIC(link int) string { return fmt.Sprintf("eth%d", link) }
