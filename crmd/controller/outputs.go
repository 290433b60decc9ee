package controller

import (
	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/attrs"
	"github.com/holdfast-ha/holdfast/crmd/incident"
)

// Output is what the owner of the controller has to do. Outputs are carried out in order, without waiting for
// one to end before the next is begun.
type Output interface{ output() }

// Campaign asks raft to elect this node now, because the leader is gone.
type Campaign struct{}

// AskProgress asks members how much of the log they have.
type AskProgress struct{ Nodes []string }

// Enlist demands that a node (possibly this one) take orders; EnlistResult answers.
type Enlist struct {
	Node       string
	Generation api.Generation
}

// Send gives an order to a node that is enlisted in that session.
type Send struct {
	Node, Session string
	Generation    api.Generation
	Order         api.Order
}

// Plan runs the scheduler on a document; Planned answers.
type Plan struct {
	Run int
	Doc *cibxml.Element
}

// Fence asks fenced to fence a node; FenceDone answers.
type Fence struct{ Request api.FenceRequest }

// Proven tells corosyncd that a node of that incarnation is dead for certain.
type Proven struct {
	ID          api.NodeID
	Incarnation api.Incarnation
}

// LetGo ends this node's part in the cluster at once, because it has been fenced although it runs: corosyncd leaves and
// crmd ends, neither is to come back by itself, and no resource is touched. With Reset the machine is reset instead.
type LetGo struct{ Reset bool }

// Share sends attribute entries to every other member.
type Share struct{ Entries []attrs.Entry }

// ShareWith sends every attribute to a node that has just been enlisted.
type ShareWith struct {
	Node    string
	Entries []attrs.Entry
}

// Propose commits a new configuration, made from the one before; Committed answers.
type Propose struct {
	ID       int
	Old, New *cibxml.Element
}

// Recover starts raft anew with this node alone: every voter that is missing is proven dead.
type Recover struct{ Reason string }

// AddVoter makes a node vote in raft, once it has the log.
type AddVoter struct{ Node string }

// RemoveVoter takes a node out of raft.
type RemoveVoter struct{ Node string }

// Answer ends a client's request. Value depends on the request.
type Answer struct {
	Ticket int
	Value  any
	Err    error
}

// Note is a step worth telling a person, for the log and the timeline.
type Note struct {
	Kind, Subject, Text string
	// Loud notes are warnings.
	Loud bool
}

// Happened is something that belongs into an incident.
type Happened struct{ Event incident.Event }

func (Campaign) output()    {}
func (AskProgress) output() {}
func (Enlist) output()      {}
func (Send) output()        {}
func (Plan) output()        {}
func (Fence) output()       {}
func (Proven) output()      {}
func (LetGo) output()       {}
func (Share) output()       {}
func (ShareWith) output()   {}
func (Propose) output()     {}
func (Recover) output()     {}
func (AddVoter) output()    {}
func (RemoveVoter) output() {}
func (Answer) output()      {}
func (Note) output()        {}
func (Happened) output()    {}
