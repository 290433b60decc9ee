package wire

import (
	"errors"
	"fmt"
	"io"

	"github.com/holdfast-ha/holdfast/api"
)

// MaxMessage is the longest message that both ends accept before they have told each other their limits,
// header included.
const MaxMessage = 32768

// maxNodes bounds a node list. It is far above what a cluster has, and what MaxMessage has room for.
const maxNodes = 4096

// ErrTooLongMessage is a message that is longer than the limit. Its body has been skipped.
var ErrTooLongMessage = errors.New("the message is too long")

// Read reads one message of at most limit bytes and not a byte more, because TLS may begin right behind it.
// Errors besides those of r are ErrTooLongMessage, and *DecodeError, after which the next message can be read.
func Read(r io.Reader, limit int) (*Message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := int64(be.Uint32(header[2:]))
	t := Type(be.Uint16(header[:]))
	if size+headerSize > int64(limit) || t >= types {
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return nil, err
		}
		if t >= types {
			return nil, &DecodeError{Type: t, Unknown: true}
		}
		return nil, ErrTooLongMessage
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	m := &Message{Type: t}
	if err := m.Decode(body); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeError is a message that cannot be understood. Seq is its number when HasSeq.
type DecodeError struct {
	Type    Type
	Unknown bool // the type is not known
	HasSeq  bool
	Seq     uint32
	What    string
}

func (e *DecodeError) Error() string {
	if e.Unknown {
		return "unknown " + e.Type.String()
	}
	return fmt.Sprintf("%s: %s", e.Type, e.What)
}

// Decode reads the body of a message, whose Type is set. Options that are not known are skipped; of one that
// comes twice the last counts.
func (m *Message) Decode(body []byte) error {
	fail := func(format string, args ...any) error {
		return &DecodeError{Type: m.Type, HasSeq: m.Has(OptSeq), Seq: m.Seq, What: fmt.Sprintf(format, args...)}
	}
	for len(body) > 0 {
		o, v, rest, ok := cut(body)
		if !ok {
			return fail("an option runs over the end")
		}
		body = rest
		if o >= options {
			continue
		}
		if size, fixed := sizes[o]; fixed && len(v) != size {
			return fail("option %d has %d bytes, not %d", o, len(v), size)
		}
		if !m.decodeOption(o, v) {
			return fail("option %d has a value that is not allowed", o)
		}
		m.With(o)
	}
	return nil
}

// cut takes one option off b.
func cut(b []byte) (o Option, v, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, nil, false
	}
	n := 4 + int(be.Uint16(b[2:]))
	if len(b) < n {
		return 0, nil, nil, false
	}
	return Option(be.Uint16(b)), b[4:n], b[n:], true
}

// sizes are the lengths of the options that have a fixed one.
var sizes = map[Option]int{
	OptSeq: 4, OptTLS: 1, OptClientCert: 1, OptError: 2, OptMaxRequest: 4, OptMaxReply: 4, OptNode: 4, OptAlgorithm: 2, OptHeartbeat: 4,
	OptRing: 12, OptConfigVersion: 8, OptDataCenter: 4, OptNodeState: 1, OptListType: 1, OptVote: 1, OptQuorate: 1, OptTieBreaker: 5,
	OptHeuristics: 1, OptKeepActive: 1,
}

// decodeOption takes a value, whose length is right. It is false when the value is not allowed.
func (m *Message) decodeOption(o Option, v []byte) (ok bool) {
	ok = true
	switch o {
	case OptSeq:
		m.Seq = be.Uint32(v)
	case OptCluster:
		m.Cluster = string(v)
	case OptTLS:
		m.TLS, ok = TLS(v[0]), v[0] <= byte(TLSRequired)
	case OptClientCert:
		m.ClientCert, ok = decodeBool(v)
	case OptMessages:
		m.Messages, ok = decodeList[Type](v)
	case OptOptions:
		m.Options, ok = decodeList[Option](v)
	case OptError:
		m.Error = ErrorCode(be.Uint16(v))
	case OptMaxRequest:
		m.MaxRequest = be.Uint32(v)
	case OptMaxReply:
		m.MaxReply = be.Uint32(v)
	case OptNode:
		m.Node = api.NodeID(be.Uint32(v))
	case OptAlgorithms:
		m.Algorithms, ok = decodeList[Algorithm](v)
	case OptAlgorithm:
		m.Algorithm = Algorithm(be.Uint16(v))
	case OptHeartbeat:
		m.Heartbeat = be.Uint32(v)
	case OptRing:
		m.Ring = api.RingID{Rep: api.NodeID(be.Uint32(v)), Seq: be.Uint64(v[4:])}
	case OptConfigVersion:
		m.ConfigVersion = be.Uint64(v)
	case OptDataCenter:
		m.DataCenter = be.Uint32(v)
	case OptNodeState:
		m.State, ok = decodeState(v)
	case OptNodeInfo:
		ok = len(m.Nodes) < maxNodes && m.decodeNode(v)
	case OptListType:
		m.ListType, ok = ListType(v[0]), v[0] < byte(listTypes)
	case OptVote:
		m.Vote, ok = Vote(v[0]), v[0] > byte(Undecided) && v[0] < byte(votes)
	case OptQuorate:
		m.Quorate, ok = decodeBool(v)
	case OptTieBreaker:
		m.TieBreaker = TieBreaker{TieMode(v[0]), api.NodeID(be.Uint32(v[1:]))}
		ok = v[0] >= byte(TieLowest) && v[0] <= byte(TieNode)
	case OptHeuristics:
		m.Heuristics, ok = Heuristics(v[0]), v[0] == byte(HeuristicsPass) || v[0] == byte(HeuristicsFail)
	case OptKeepActive:
		m.KeepActive, ok = decodeBool(v)
	}
	return ok
}

func (m *Message) decodeNode(b []byte) bool {
	var n Node
	for len(b) > 0 {
		o, v, rest, ok := cut(b)
		if !ok {
			return false
		}
		b = rest
		if size, fixed := sizes[o]; fixed && len(v) != size {
			return false
		}
		switch o {
		case OptNode:
			n.ID = api.NodeID(be.Uint32(v))
		case OptDataCenter:
			n.DataCenter = be.Uint32(v)
		case OptNodeState:
			if n.State, ok = decodeState(v); !ok {
				return false
			}
		}
	}
	m.Nodes = append(m.Nodes, n)
	return n.ID != 0
}

func decodeState(v []byte) (NodeState, bool) {
	return NodeState(v[0]), v[0] >= byte(StateMember) && v[0] <= byte(StateLeaving)
}

func decodeBool(v []byte) (yes, ok bool) { return v[0] == 1, v[0] <= 1 }

func decodeList[T ~uint16](v []byte) ([]T, bool) {
	if len(v)%2 != 0 {
		return nil, false
	}
	list := make([]T, len(v)/2)
	for i := range list {
		list[i] = T(be.Uint16(v[2*i:]))
	}
	return list, true
}
