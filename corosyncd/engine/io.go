package engine

import (
	"net/netip"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// Input is what the engine reacts to.
type Input interface{ input() }

// Packet is a heartbeat that was decrypted. It is a pointer so that it can be reused; the engine keeps
// nothing of it.
type Packet struct {
	Sender api.NodeID
	Link   int
	From   netip.Addr // not valid: not checked
	Size   int        // of the UDP payload
	Beat   *frame.Heartbeat
}

// Refusal is a node's word that this one may not join.
type Refusal struct {
	From   netip.Addr
	Refuse frame.Refusal
}

// Foreign is a packet that was sealed with a key that this node does not have.
type Foreign struct {
	From netip.Addr
	Key  frame.KeyID
}

// Starved says whether the host gives this process too little CPU or memory to be on time.
type Starved struct{ Yes bool }

// Fenced says that a node is dead for certain.
type Fenced struct {
	ID          api.NodeID
	Incarnation api.Incarnation
}

// SetExpected, SetVotes and CancelWait are an administrator's changes of the votes.
type (
	SetExpected struct{ Votes int }
	SetVotes    struct {
		ID    api.NodeID
		Votes int
	}
	CancelWait struct{}
)

// DeviceVote is what the quorum device says about a ring.
type DeviceVote struct {
	Ring api.RingID
	quorum.DeviceVote
}

// SetKeys tells of changed cluster keys.
type SetKeys struct{ Digest uint32 }

// Slept says that the machine was suspended, which the times of the other inputs do not show.
type Slept struct{ By time.Duration }

// Leave says goodbye to the others; Gone is the answer.
type Leave struct{}

// Wake says that the deadline has come.
type Wake struct{}

func (*Packet) input()     {}
func (Refusal) input()     {}
func (Foreign) input()     {}
func (Starved) input()     {}
func (Fenced) input()      {}
func (SetExpected) input() {}
func (SetVotes) input()    {}
func (CancelWait) input()  {}
func (DeviceVote) input()  {}
func (SetKeys) input()     {}
func (Slept) input()       {}
func (Leave) input()       {}
func (Wake) input()        {}

// Output is what the engine wants done.
type Output interface{ output() }

// Beat asks for a heartbeat, made with Fill, to one peer on all links; to all peers with All, to those for
// which Recent is true with Around.
type Beat struct{ Peer int }

// Values of Beat.Peer that are no index.
const (
	All    = -1
	Around = -2
)

// View is a view to publish.
type View struct{ View *api.View }

// Refuse tells a node why it may not join.
type Refuse struct {
	To     api.NodeID
	Link   int
	Addr   netip.Addr
	Refuse frame.Refusal
}

// Routes tells that links went up or down, so that Connected says something else.
type Routes struct{}

// Gone says that the others have let this node go.
type Gone struct{}

// Track asks for the expected votes to be remembered over a restart.
type Track struct{ Expected int }

// Denied says why an administrator's change is not made.
type Denied struct{ Why string }

// Note is something that an administrator wants to know.
type Note struct {
	Warn bool
	Text string
}

func (Beat) output()   {}
func (View) output()   {}
func (Refuse) output() {}
func (Routes) output() {}
func (Gone) output()   {}
func (Track) output()  {}
func (Denied) output() {}
func (Note) output()   {}
