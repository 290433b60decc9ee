// Package frame is the format of the packets between the nodes: header, encryption, replay window, and what a
// heartbeat says.
//
// Every packet is sealed with AES-256-GCM. The key of a packet is derived from the cluster's key, the sender's
// id and a salt that the sender chose at random when it started, so that a counter can be the nonce and never
// repeats. The header is readable and authenticated. Sealing and opening a packet of a known sender does not
// allocate.
package frame

import (
	"encoding/binary"

	"github.com/holdfast-ha/holdfast/api"
)

// Kind is what a packet carries.
type Kind uint8

const (
	KindHeartbeat Kind = 1
	// KindGossip is a packet of the gossip library.
	KindGossip Kind = 2
	// KindRefusal tells a node why it may not join.
	KindRefusal Kind = 3
)

// Sizes. The header is 32 bytes:
//
//	0 "HF"  2 version  3 kind  4 key id  8 sender  10 receiver  12 link  13 zero  16 salt  24 counter
const (
	HeaderSize = 32
	// TagSize is what Seal adds behind the payload.
	TagSize = 16
	// Overhead is how much longer a packet is than what it carries.
	Overhead = HeaderSize + TagSize
	// MaxPacket is the largest packet that is read: what UDP over IPv4 can carry.
	MaxPacket = 65507
	// MaxGossip is the largest payload that fits into one Ethernet frame over IPv6 together with Overhead.
	MaxGossip = 1452 - Overhead

	// Version is the packet format.
	Version = 1
)

// Header is the readable part of a packet.
type Header struct {
	Kind     Kind
	Key      KeyID
	From, To api.NodeID
	Link     int
	salt     uint64
	counter  uint64
}

func (h *Header) put(b []byte) {
	b[0], b[1], b[2], b[3] = 'H', 'F', Version, byte(h.Kind)
	binary.LittleEndian.PutUint32(b[4:], uint32(h.Key))
	binary.LittleEndian.PutUint16(b[8:], uint16(h.From))
	binary.LittleEndian.PutUint16(b[10:], uint16(h.To))
	b[12], b[13], b[14], b[15] = byte(h.Link), 0, 0, 0
	binary.LittleEndian.PutUint64(b[16:], h.salt)
	binary.LittleEndian.PutUint64(b[24:], h.counter)
}

// parse reads a header. It is false for anything that is not a packet of this version.
func (h *Header) parse(b []byte) bool {
	if len(b) < Overhead || b[0] != 'H' || b[1] != 'F' || b[2] != Version {
		return false
	}
	h.Kind = Kind(b[3])
	h.Key = KeyID(binary.LittleEndian.Uint32(b[4:]))
	h.From = api.NodeID(binary.LittleEndian.Uint16(b[8:]))
	h.To = api.NodeID(binary.LittleEndian.Uint16(b[10:]))
	h.Link = int(b[12])
	h.salt = binary.LittleEndian.Uint64(b[16:])
	h.counter = binary.LittleEndian.Uint64(b[24:])
	return h.From != 0
}
