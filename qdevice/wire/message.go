// Package wire is the protocol between clusters and their quorum device server, which is corosync-qnetd's:
// messages of type, length and value, all numbers with the high byte first.
package wire

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/api"
)

// Port is where a quorum device server listens unless something else is said.
const Port = 5403

// Type is the type of a message.
type Type uint16

const (
	Preinit Type = iota
	PreinitReply
	StartTLS
	Init
	InitReply
	ServerError
	SetOption
	SetOptionReply
	EchoRequest
	EchoReply
	NodeList
	NodeListReply
	AskForVote
	AskForVoteReply
	VoteInfo
	VoteInfoReply
	HeuristicsChange
	HeuristicsChangeReply

	types
)

var typeNames = [types]string{
	"preinit", "preinit reply", "starttls", "init", "init reply", "server error", "set option", "set option reply", "echo request", "echo reply",
	"node list", "node list reply", "ask for vote", "ask for vote reply", "vote info", "vote info reply", "heuristics change", "heuristics change reply",
}

func (t Type) String() string {
	if t < types {
		return typeNames[t]
	}
	return fmt.Sprintf("message of type %d", uint16(t))
}

// Option is the type of one value in a message.
type Option uint16

const (
	OptSeq Option = iota
	OptCluster
	OptTLS
	OptClientCert
	OptMessages
	OptOptions
	OptError
	OptMaxRequest
	OptMaxReply
	OptNode
	OptAlgorithms
	OptAlgorithm
	OptHeartbeat
	OptRing
	OptConfigVersion
	OptDataCenter
	OptNodeState
	OptNodeInfo
	OptListType
	OptVote
	OptQuorate
	OptTieBreaker
	OptHeuristics
	OptKeepActive

	options
)

// ErrorCode is what a server says about a message that it does not accept.
type ErrorCode uint16

const (
	NoError ErrorCode = iota
	ErrNeededMessage
	ErrNeededOption
	ErrTLSRequired
	ErrUnsupportedMessage
	ErrTooLong
	ErrPreinitRequired
	ErrOptionMissing
	ErrUnexpected
	ErrDecoding
	ErrInternal
	ErrInitRequired
	ErrAlgorithm
	ErrHeartbeat
	ErrUnsupportedByAlgorithm
	ErrTieBreakerDiffers
	ErrAlgorithmDiffers
	ErrDuplicateNode
	ErrConfigList
	ErrMembershipList

	errorCodes
)

var errorTexts = [errorCodes]string{
	"no error", "a message that it needs is not supported", "an option that it needs is not supported", "it requires TLS", "it does not support the message",
	"the message is too long", "preinit is required first", "a required option is missing", "the message was not expected", "it cannot decode the message",
	"internal error", "init is required first", "it does not support the algorithm", "it does not accept the heartbeat interval",
	"the algorithm does not support the message", "the tie-breaker differs from that of other nodes", "the algorithm differs from that of other nodes",
	"a node with this id is connected already", "the list of configured nodes is not valid", "the list of members is not valid",
}

func (e ErrorCode) String() string {
	if e < errorCodes {
		return errorTexts[e]
	}
	return fmt.Sprintf("error %d", uint16(e))
}

// Algorithm is how a server decides.
type Algorithm uint16

const (
	Test Algorithm = iota
	FFSplit
	TwoNodeLMS
	LMS

	algorithms
)

var algorithmNames = [algorithms]string{"test", "ffsplit", "2nodelms", "lms"}

// String is the algorithm's name in the configuration.
func (a Algorithm) String() string {
	if a < algorithms {
		return algorithmNames[a]
	}
	return fmt.Sprintf("algorithm %d", uint16(a))
}

// Vote is a server's answer: may this node count the device's votes.
type Vote uint8

const (
	Undecided Vote = iota // never sent
	ACK
	NACK
	AskLater
	WaitForReply
	NoChange

	votes
)

var voteNames = [votes]string{"Undefined", "ACK", "NACK", "Ask later", "Wait for reply", "No change"}

func (v Vote) String() string {
	if v < votes {
		return voteNames[v]
	}
	return fmt.Sprintf("vote %d", uint8(v))
}

// Heuristics is the result of a node's own checks.
type Heuristics uint8

const (
	HeuristicsUndefined Heuristics = iota // never sent
	HeuristicsPass
	HeuristicsFail
)

func (h Heuristics) String() string { return [...]string{"Undefined", "Pass", "Fail"}[min(h, 2)] }

// TLS says what a server supports.
type TLS uint8

const (
	TLSUnsupported TLS = iota
	TLSSupported
	TLSRequired
)

func (t TLS) String() string { return [...]string{"Unsupported", "Supported", "Required"}[min(t, 2)] }

// ListType is what a node list is about.
type ListType uint8

const (
	InitialConfig ListType = iota
	ChangedConfig
	Membership
	Quorum

	listTypes
)

// NodeState is a node's state in a quorum list.
type NodeState uint8

const (
	StateUnset NodeState = iota // not sent
	StateMember
	StateDead
	StateLeaving
)

// Node is one node of a list.
type Node struct {
	ID         api.NodeID
	DataCenter uint32
	State      NodeState
}

// TieMode says which part of a cluster wins when nothing else decides.
type TieMode uint8

const (
	TieLowest TieMode = iota + 1
	TieHighest
	TieNode
)

// TieBreaker is a tie-breaker; Node is for TieNode.
type TieBreaker struct {
	Mode TieMode
	Node api.NodeID
}

// Message is a message. Only the options that Has reports mean something.
type Message struct {
	Type    Type
	present uint32

	Seq           uint32
	Cluster       string
	TLS           TLS
	ClientCert    bool
	Messages      []Type
	Options       []Option
	Error         ErrorCode
	MaxRequest    uint32
	MaxReply      uint32
	Node          api.NodeID
	Algorithms    []Algorithm
	Algorithm     Algorithm
	Heartbeat     uint32 // ms
	Ring          api.RingID
	ConfigVersion uint64
	DataCenter    uint32
	State         NodeState
	Nodes         []Node
	ListType      ListType
	Vote          Vote
	Quorate       bool
	TieBreaker    TieBreaker
	Heuristics    Heuristics
	KeepActive    bool
}

// Has reports whether an option is there.
func (m *Message) Has(o Option) bool { return m.present&(1<<o) != 0 }

// With marks options as there.
func (m *Message) With(list ...Option) *Message {
	for _, o := range list {
		m.present |= 1 << o
	}
	return m
}

// AllTypes and AllOptions are what this implementation supports, as both ends tell each other.
func AllTypes() []Type {
	list := make([]Type, types)
	for i := range list {
		list[i] = Type(i)
	}
	return list
}

// AllOptions are the options that this implementation supports.
func AllOptions() []Option {
	list := make([]Option, options)
	for i := range list {
		list[i] = Option(i)
	}
	return list
}
