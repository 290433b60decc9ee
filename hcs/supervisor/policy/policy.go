// Package policy decides when the daemons of a node are started, restarted and ended, where systemd does not.
package policy

import (
	"fmt"
	"time"
)

// Daemon describes one daemon.
type Daemon struct {
	Name string
	// After names a daemon that must be ready first, when the node starts. A restart waits for nobody.
	After string
	// Watchdog is how long the daemon may be silent once it is ready.
	Watchdog time.Duration
	// Leaves tells that an end without an error means that the node has left the cluster; the end of another
	// daemon is a failure.
	Leaves bool
}

// Limits of the policy.
const (
	// StartLimit is how long a daemon may take to be ready.
	StartLimit = 90 * time.Second
	// StopLimit is how long a daemon may take to end before it is killed; AbortLimit is the time for a hanging one
	// to write down what it was doing.
	StopLimit  = 10 * time.Second
	AbortLimit = time.Second
	// Stable is how long a daemon has to run for its next end to count as the first one.
	Stable = 30 * time.Second
	// FirstPause and LongestPause bound the time between an end and the next start, from the second end in a row
	// on. The first restart is at once: a corosyncd that is back within the token is still the same member.
	FirstPause   = 250 * time.Millisecond
	LongestPause = 10 * time.Second
	// LeaveLimit is how long after corosyncd has left the cluster crmd may take to end too.
	LeaveLimit = 15 * time.Second
)

// ExitConfig is the exit status of a daemon that a restart does not help (EX_CONFIG).
const ExitConfig = 78

// Input is what happened.
type Input interface{ input() }

// Started tells that a process runs; Failed that it could not be started.
type (
	Started struct{ Name string }
	Failed  struct{ Name, Reason string }
	// Exited is the end of a process. Status is its exit status, or -1 after a signal.
	Exited struct {
		Name, How string
		Status    int
	}
	// Ready and Alive are what the process said of itself.
	Ready struct{ Name string }
	Alive struct{ Name string }
	// Stop asks for an orderly end: the node's resources stop first. A second one does not wait for them.
	Stop struct{}
	// Drained tells that crmd was asked to leave, or why it could not be.
	Drained struct{ Err string }
	// Wake is only the passing of time.
	Wake struct{}
)

func (Started) input() {}
func (Failed) input()  {}
func (Exited) input()  {}
func (Ready) input()   {}
func (Alive) input()   {}
func (Stop) input()    {}
func (Drained) input() {}
func (Wake) input()    {}

// Output is what has to be done.
type Output interface{ output() }

// Signal is sent to a process.
type Signal uint8

const (
	Terminate Signal = iota
	Abort
	Kill
)

func (s Signal) String() string { return [...]string{"SIGTERM", "SIGABRT", "SIGKILL"}[s] }

// Outputs.
type (
	// Start starts a process; Started or Failed answers.
	Start struct{ Name string }
	// Send sends a signal.
	Send struct {
		Name   string
		Signal Signal
	}
	// Drain asks crmd to stop this node's resources and to leave; Drained answers.
	Drain struct{}
	// AllReady tells whoever supervises this program that the node is up.
	AllReady struct{}
	// Say is a line for the log.
	Say struct {
		Bad  bool
		Text string
	}
	// Done ends the supervision: every process has ended. Err is "" after an orderly end.
	Done struct {
		Err    string
		Status int
	}
)

func (Start) output()    {}
func (Send) output()     {}
func (Drain) output()    {}
func (AllReady) output() {}
func (Say) output()      {}
func (Done) output()     {}

// state is how a daemon is.
type state uint8

const (
	waiting  state = iota // for its predecessor, or for the next start
	starting              // the process is being made
	running
	ending // told to end
	ended  // and not to come back
)

// child is a daemon with what is known of it.
type child struct {
	Daemon
	state state
	ready bool
	since time.Time // of the state
	heard time.Time // last sign of life
	again time.Time // when to start it
	kill  time.Time // when to kill it
	fails int
	// hung tells that the process is being ended because it hung or did not get ready.
	hung bool
}

func say(bad bool, format string, args ...any) Say { return Say{bad, fmt.Sprintf(format, args...)} }
