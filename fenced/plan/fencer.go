// Package plan conducts fencing operations from the request to the proven result: which devices of which
// nodes, in which order, with which time limits, and what every node's history says about it.
//
// Fencer is the machine of one node; the devices themselves are the business of package device. When in
// doubt a target is not fenced: a timeout, a silent peer and an unknown result are failures.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Input is something that happened.
type Input interface{ isInput() }

type (
	// Configure replaces the configuration.
	Configure struct{ Config Config }
	// ViewChanged brings a new view of the cluster.
	ViewChanged struct{ View *api.View }
	// Request asks for a fencing operation; Reply answers it. Forwarded tells that it came from the target's
	// own fenced, which must not get it back.
	Request struct {
		Request   api.FenceRequest
		Forwarded bool
	}
	// Offered is a part of a node's answer to Query. Err tells that no more will come.
	Offered struct {
		Op, Peer string
		Offers   []api.FenceOffer
		Problems []string
		Done     bool
		Err      string
	}
	// Executed answers Execute. Unreachable tells that the peer did not answer at all.
	Executed struct {
		Step        string
		Result      api.FenceResult
		Unreachable bool
	}
	// ForwardDone answers Forward.
	ForwardDone struct {
		Op          string
		Result      api.FenceResult
		Unreachable bool
	}
	// Heard are events of other nodes' operations, or the history of one of them.
	Heard struct{ Events []api.FenceEvent }
	// Restored is the history that an earlier life of this fenced left on disk.
	Restored struct{ Events []api.FenceEvent }
	// Confirm is a human's word that a node is down; Reply answers it. ID names the event.
	Confirm struct {
		ID      string
		Confirm api.FenceConfirm
	}
	// Cleanup forgets what is finished about a target, "" about all.
	Cleanup struct{ Target string }
	// Wake tells that the deadline has passed.
	Wake struct{}
)

func (Configure) isInput()   {}
func (ViewChanged) isInput() {}
func (Request) isInput()     {}
func (Offered) isInput()     {}
func (Executed) isInput()    {}
func (ForwardDone) isInput() {}
func (Heard) isInput()       {}
func (Restored) isInput()    {}
func (Confirm) isInput()     {}
func (Cleanup) isInput()     {}
func (Wake) isInput()        {}

// Output is something for the shell to do.
type Output interface{ isOutput() }

type (
	// Query asks nodes, this one among them, which of their devices can do the action; Offered answers. After
	// Wait nobody is interested any more.
	Query struct {
		Op, Target, Action string
		Self               bool
		Peers              []string
		Wait               time.Duration
	}
	// Execute orders a node, possibly this one, to use a device; Executed answers.
	Execute struct {
		Step, Peer string
		Order      api.FenceOrder
	}
	// Abandon tells that the answer to a step is not waited for any more.
	Abandon struct{ Step string }
	// Forward asks a peer to conduct the request; ForwardDone answers.
	Forward struct {
		Op, Peer string
		Request  api.FenceRequest
	}
	// Reply is the answer to everybody who made the request.
	Reply struct {
		ID     string
		Result api.FenceResult
	}
	// Announce is a change of an operation, for the local listeners; Tell says that the peers are to be told.
	Announce struct {
		Event api.FenceEvent
		Tell  bool
	}
	// Note is worth a log line.
	Note struct {
		Warn             bool
		Op, Target, Text string
	}
)

func (Query) isOutput()    {}
func (Execute) isOutput()  {}
func (Abandon) isOutput()  {}
func (Forward) isOutput()  {}
func (Reply) isOutput()    {}
func (Announce) isOutput() {}
func (Note) isOutput()     {}

// Config is what the plan needs of the configuration.
type Config struct {
	Levels    []api.FenceLevel
	NodeAttrs map[string]map[string]string
	// Timeout is used for requests that name none.
	Timeout time.Duration
	// Watchdog is the time after which a lost node with a watchdog has reset itself; 0 is off.
	// WatchdogHosts restricts that to some nodes; nil is all.
	Watchdog      time.Duration
	WatchdogHosts []string
	IOFence       IOFence
	RateLimit     int
	RateWindow    time.Duration
}

// Fencer is the machine. One goroutine owns it.
type Fencer struct {
	local    string
	config   Config
	view     *api.View
	ops      []*operation
	restores []*restore
	history  history
	steps    int
	now      time.Time
	out      []Output
}

// New makes a machine for the node.
func New(local string) *Fencer { return &Fencer{local: local} }

// Step takes one input and returns what is to be done, in order.
func (f *Fencer) Step(now time.Time, in Input) []Output {
	f.now, f.out = now, nil
	switch in := in.(type) {
	case Configure:
		f.config = in.Config
	case ViewChanged:
		f.viewChanged(in.View)
	case Request:
		f.request(in.Request, in.Forwarded)
	case Offered:
		f.offered(in)
	case Executed:
		f.executed(in)
	case ForwardDone:
		f.forwarded(in)
	case Heard:
		f.heard(in.Events)
	case Restored:
		f.restored(in.Events)
	case Confirm:
		f.confirm(in)
	case Cleanup:
		f.history.cleanup(in.Target)
	}
	for _, op := range slices.Clone(f.ops) {
		f.advance(op)
	}
	for _, r := range slices.Clone(f.restores) {
		f.advanceRestore(r)
	}
	return f.out
}

// Deadline is when the machine wants Wake; zero is never.
func (f *Fencer) Deadline() time.Time {
	var first time.Time
	for _, op := range f.ops {
		first = earlier(first, op.wake)
	}
	for _, r := range f.restores {
		if r.step != "" {
			first = earlier(first, r.deadline)
		}
	}
	return first
}

// earlier is the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// History lists the operations on a target, "" on all: pending ones first, then the newest.
func (f *Fencer) History(target string) []api.FenceEvent { return f.history.list(target) }

// Pending counts the operations that this node conducts.
func (f *Fencer) Pending() int { return len(f.ops) }

func (f *Fencer) emit(o Output) { f.out = append(f.out, o) }

func (f *Fencer) note(warn bool, op *operation, format string, args ...any) {
	f.emit(Note{Warn: warn, Op: op.req.ID, Target: op.req.Target, Text: fmt.Sprintf(format, args...)})
}

func (f *Fencer) find(id string) *operation {
	i := slices.IndexFunc(f.ops, func(op *operation) bool { return op.req.ID == id })
	if i < 0 {
		return nil
	}
	return f.ops[i]
}

// peers are the other members of the view, by ascending id.
func (f *Fencer) peers() []string {
	var names []string
	if f.view != nil {
		for _, m := range f.view.Members {
			if m.Name != f.local {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// isMember reports whether the node is this one or in the view.
func (f *Fencer) isMember(name string) bool {
	return strings.EqualFold(name, f.local) || contains(f.peers(), name)
}

// incarnation is the last known life of a node, 0 when it was never seen.
func (f *Fencer) incarnation(name string) api.Incarnation {
	if f.view == nil {
		return 0
	}
	for _, m := range f.view.Members {
		if strings.EqualFold(m.Name, name) {
			return m.Incarnation
		}
	}
	for _, d := range f.view.Departed {
		if strings.EqualFold(d.Name, name) {
			return d.Incarnation
		}
	}
	return 0
}

// contains compares node names, which do not differ in case alone.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
