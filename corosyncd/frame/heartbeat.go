package frame

import (
	"encoding/binary"

	"github.com/holdfast-ha/holdfast/api"
)

// Flags of a heartbeat.
type Flags uint16

const (
	// Leaving says goodbye.
	Leaving Flags = 1 << iota
	// Starved admits that the sender does not get the CPU or memory it needs, so that it may be late.
	Starved
	// Answer asks for a heartbeat at once.
	Answer
	// Quorate says that the sender's partition may act.
	Quorate
)

// EntryFlags is what the sender says about one node.
type EntryFlags uint8

const (
	// Hears: heartbeats of that node arrive, and show that it hears the sender.
	Hears EntryFlags = 1 << iota
	// Silent: that node has been silent for the token timeout.
	Silent
	// InView: it is in the sender's view.
	InView

	markShift = 4
)

// Mark is what the sender knows about the end of one life of a node.
type Mark uint8

const (
	NoMark Mark = iota
	// MarkLost was lost from a partition that may not act.
	MarkLost
	// MarkOut was lost from a partition that may act: it stays out until it is fenced or lives anew.
	MarkOut
	// MarkLeft said goodbye.
	MarkLeft
	// MarkFenced is dead for certain.
	MarkFenced

	marks
)

// Entry is one node in a heartbeat's table.
type Entry struct {
	ID    api.NodeID
	Flags EntryFlags
	Mark  Mark
	// Incarnation is the life that Mark is about, 0 without a mark.
	Incarnation api.Incarnation
}

// Heartbeat is what a node tells another.
type Heartbeat struct {
	Incarnation api.Incarnation
	// ToIncarnation is the receiver's life as the sender knows it, 0 when the sender has never heard it. It
	// proves to the receiver that it is heard, and that the packet is no replay from before its start.
	ToIncarnation api.Incarnation
	// Seq counts the sender's heartbeats to this receiver on this link.
	Seq uint64
	// Sent is the sender's clock in microseconds; EchoSent is the receiver's last Sent on this link, which
	// arrived EchoHeld microseconds before this packet was sent.
	Sent, EchoSent uint64
	EchoHeld       uint32
	// Token and Interval are the sender's timeouts, and Stall its own worst lateness lately, all in ms.
	Token, Interval, Stall uint32
	Flags                  Flags
	// Votes, Expected and QuorumFlags are votequorum's; the flags' meaning is in package quorum.
	Votes       uint16
	QuorumFlags uint16
	Expected    uint32
	// Config is a digest of the sender's cluster file, so that a difference is noticed.
	Config uint32
	Ring   api.RingID
	// ProposalSeq and ProposalDigest name the view that the sender proposes, which is its present view when
	// it is content with it.
	ProposalSeq, ProposalDigest uint64
	// Keys is a digest of the cluster keys that the sender can open, 0 when it tells none.
	Keys uint32
	// Largest is the size of the largest packet that has come from the receiver on this link lately.
	Largest uint16
	// Cluster and Name are the cluster's and the sender's. Decoded, they are parts of the packet.
	Cluster, Name []byte
	// Table has the sender's configured nodes by ascending id.
	Table []Entry
}

// Limits of what is decoded.
const (
	maxText    = 255
	maxEntries = 1024
	// leastFixed is the length of the fields before the names in the first version, fixedSize in this one. The
	// packet says it too, so that a later version can append fields and still be understood.
	leastFixed = 5*8 + 4*4 + 2 + 2 + 2 + 4 + 4 + 4 + 3*8 + 8
	fixedSize  = leastFixed + 4 + 2
)

// Append encodes h behind b.
func (h *Heartbeat) Append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, fixedSize)
	b = le.AppendUint64(b, uint64(h.Incarnation))
	b = le.AppendUint64(b, uint64(h.ToIncarnation))
	b = le.AppendUint64(b, h.Seq)
	b = le.AppendUint64(b, h.Sent)
	b = le.AppendUint64(b, h.EchoSent)
	b = le.AppendUint32(b, h.EchoHeld)
	b = le.AppendUint32(b, h.Token)
	b = le.AppendUint32(b, h.Interval)
	b = le.AppendUint32(b, h.Stall)
	b = le.AppendUint16(b, uint16(h.Flags))
	b = le.AppendUint16(b, h.Votes)
	b = le.AppendUint16(b, h.QuorumFlags)
	b = le.AppendUint32(b, h.Expected)
	b = le.AppendUint32(b, h.Config)
	b = le.AppendUint32(b, uint32(h.Ring.Rep))
	b = le.AppendUint64(b, h.Ring.Seq)
	b = le.AppendUint64(b, h.ProposalSeq)
	b = le.AppendUint64(b, h.ProposalDigest)
	b = le.AppendUint64(b, 0) // room for the quorum device's vote
	b = le.AppendUint32(b, h.Keys)
	b = le.AppendUint16(b, h.Largest)
	b = appendText(b, h.Cluster)
	b = appendText(b, h.Name)
	b = le.AppendUint16(b, uint16(len(h.Table)))
	last := api.NodeID(0)
	for i := range h.Table {
		e := &h.Table[i]
		b = binary.AppendUvarint(b, uint64(e.ID-last))
		last = e.ID
		b = append(b, byte(e.Flags)|byte(e.Mark)<<markShift)
		if e.Mark != NoMark {
			b = le.AppendUint64(b, uint64(e.Incarnation))
		}
	}
	return b
}

func appendText(b, text []byte) []byte {
	text = text[:min(len(text), maxText)]
	return append(append(b, byte(len(text))), text...)
}

// Decode reads a heartbeat, reusing h.Table. It is false when b is not one; h is then undefined.
func (h *Heartbeat) Decode(b []byte) bool {
	le := binary.LittleEndian
	if len(b) < 2 {
		return false
	}
	fixed := int(le.Uint16(b))
	if b = b[2:]; fixed < leastFixed || len(b) < fixed {
		return false
	}
	h.Incarnation = api.Incarnation(le.Uint64(b))
	h.ToIncarnation = api.Incarnation(le.Uint64(b[8:]))
	h.Seq = le.Uint64(b[16:])
	h.Sent = le.Uint64(b[24:])
	h.EchoSent = le.Uint64(b[32:])
	h.EchoHeld = le.Uint32(b[40:])
	h.Token = le.Uint32(b[44:])
	h.Interval = le.Uint32(b[48:])
	h.Stall = le.Uint32(b[52:])
	h.Flags = Flags(le.Uint16(b[56:]))
	h.Votes = le.Uint16(b[58:])
	h.QuorumFlags = le.Uint16(b[60:])
	h.Expected = le.Uint32(b[62:])
	h.Config = le.Uint32(b[66:])
	h.Ring.Rep = api.NodeID(le.Uint32(b[70:]))
	h.Ring.Seq = le.Uint64(b[74:])
	h.ProposalSeq = le.Uint64(b[82:])
	h.ProposalDigest = le.Uint64(b[90:])
	h.Keys, h.Largest = 0, 0
	if fixed >= fixedSize {
		h.Keys, h.Largest = le.Uint32(b[leastFixed:]), le.Uint16(b[leastFixed+4:])
	}
	var ok bool
	if h.Cluster, b, ok = cutText(b[fixed:]); !ok {
		return false
	}
	if h.Name, b, ok = cutText(b); !ok {
		return false
	}
	return h.Incarnation != 0 && h.sane() && h.decodeTable(b)
}

// sane refuses numbers that nobody reaches by counting, so that nobody can overflow by counting on from them.
func (h *Heartbeat) sane() bool {
	const limit = 1 << 62
	return h.Incarnation < limit && h.ToIncarnation < limit && h.Seq < limit && h.Ring.Seq < limit && h.ProposalSeq < limit &&
		h.Sent < limit && h.EchoSent < limit
}

func (h *Heartbeat) decodeTable(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	n := int(binary.LittleEndian.Uint16(b))
	if b = b[2:]; n > maxEntries {
		return false
	}
	h.Table = h.Table[:0]
	id := uint64(0)
	for range n {
		delta, size := binary.Uvarint(b)
		if size <= 0 || len(b) < size+1 || delta == 0 || delta > 65535 {
			return false
		}
		if id += delta; id > 65535 {
			return false
		}
		bits := b[size]
		e := Entry{ID: api.NodeID(id), Flags: EntryFlags(bits & (1<<markShift - 1)), Mark: Mark(bits >> markShift)}
		if b = b[size+1:]; e.Mark >= marks {
			return false
		}
		if e.Mark != NoMark {
			if len(b) < 8 {
				return false
			}
			e.Incarnation = api.Incarnation(binary.LittleEndian.Uint64(b))
			b = b[8:]
		}
		h.Table = append(h.Table, e)
	}
	return true
}

func cutText(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}

// Refusal tells a node why the sender does not let it join.
type Refusal struct {
	Cluster, Name string // the sender's
	Reason        string
}

// Append encodes r behind b.
func (r *Refusal) Append(b []byte) []byte {
	b = appendText(b, []byte(r.Cluster))
	b = appendText(b, []byte(r.Name))
	return appendText(b, []byte(r.Reason))
}

// Decode reads a refusal. It is false when b is not one.
func (r *Refusal) Decode(b []byte) bool {
	cluster, b, ok1 := cutText(b)
	name, b, ok2 := cutText(b)
	reason, _, ok3 := cutText(b)
	r.Cluster, r.Name, r.Reason = string(cluster), string(name), string(reason)
	return ok1 && ok2 && ok3
}
