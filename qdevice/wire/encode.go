package wire

import "encoding/binary"

// headerSize is the type and the length of what follows.
const headerSize = 6

var be = binary.BigEndian

// Append encodes m behind b, its options by ascending type.
func (m *Message) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(m.Type))
	at := len(b)
	b = be.AppendUint32(b, 0)
	for o := Option(0); o < options; o++ {
		if !m.Has(o) {
			continue
		}
		if o == OptNodeInfo {
			for i := range m.Nodes {
				b = value(b, o, m.Nodes[i].append)
			}
			continue
		}
		b = value(b, o, func(b []byte) []byte { return m.appendOption(b, o) })
	}
	be.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// value appends one option with its type and length.
func value(b []byte, o Option, body func([]byte) []byte) []byte {
	b = be.AppendUint16(b, uint16(o))
	at := len(b)
	b = body(be.AppendUint16(b, 0))
	be.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

func (m *Message) appendOption(b []byte, o Option) []byte {
	switch o {
	case OptSeq:
		return be.AppendUint32(b, m.Seq)
	case OptCluster:
		return append(b, m.Cluster...)
	case OptTLS:
		return append(b, byte(m.TLS))
	case OptClientCert:
		return appendBool(b, m.ClientCert)
	case OptMessages:
		return appendList(b, m.Messages)
	case OptOptions:
		return appendList(b, m.Options)
	case OptError:
		return be.AppendUint16(b, uint16(m.Error))
	case OptMaxRequest:
		return be.AppendUint32(b, m.MaxRequest)
	case OptMaxReply:
		return be.AppendUint32(b, m.MaxReply)
	case OptNode:
		return be.AppendUint32(b, uint32(m.Node))
	case OptAlgorithms:
		return appendList(b, m.Algorithms)
	case OptAlgorithm:
		return be.AppendUint16(b, uint16(m.Algorithm))
	case OptHeartbeat:
		return be.AppendUint32(b, m.Heartbeat)
	case OptRing:
		return be.AppendUint64(be.AppendUint32(b, uint32(m.Ring.Rep)), m.Ring.Seq)
	case OptConfigVersion:
		return be.AppendUint64(b, m.ConfigVersion)
	case OptDataCenter:
		return be.AppendUint32(b, m.DataCenter)
	case OptNodeState:
		return append(b, byte(m.State))
	case OptListType:
		return append(b, byte(m.ListType))
	case OptVote:
		return append(b, byte(m.Vote))
	case OptQuorate:
		return appendBool(b, m.Quorate)
	case OptTieBreaker:
		return be.AppendUint32(append(b, byte(m.TieBreaker.Mode)), uint32(m.TieBreaker.Node))
	case OptHeuristics:
		return append(b, byte(m.Heuristics))
	case OptKeepActive:
		return appendBool(b, m.KeepActive)
	}
	return b
}

func (n *Node) append(b []byte) []byte {
	b = value(b, OptNode, func(b []byte) []byte { return be.AppendUint32(b, uint32(n.ID)) })
	if n.DataCenter != 0 {
		b = value(b, OptDataCenter, func(b []byte) []byte { return be.AppendUint32(b, n.DataCenter) })
	}
	if n.State != StateUnset {
		b = value(b, OptNodeState, func(b []byte) []byte { return append(b, byte(n.State)) })
	}
	return b
}

func appendBool(b []byte, yes bool) []byte {
	if yes {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendList[T ~uint16](b []byte, list []T) []byte {
	for _, v := range list {
		b = be.AppendUint16(b, uint16(v))
	}
	return b
}
