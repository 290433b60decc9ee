// Package ocfexec runs agents as child processes: each in a group of its own, with a deadline, bounded output
// and a note on disk by which a restarted daemon finds and ends what its predecessor left running.
package ocfexec

import (
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

// Command is one run of a program.
type Command struct {
	Path string   // absolute
	Args []string // after the program's own name
	Env  []string // NAME=value; nothing is inherited
	// Timeout after which the child is killed; 0 is never.
	Timeout time.Duration
	// Stdin is what the child reads; "" is /dev/null.
	Stdin string
	// Grace lies between SIGTERM and SIGKILL when the child is ended; 0 kills it at once.
	Grace time.Duration
	// EndGroup kills what the child leaves running when it ends by itself.
	EndGroup bool
	// LeaderOnly kills only the child itself at the timeout and not what it started.
	LeaderOnly bool
	// Limit bounds stdout and stderr, in bytes each; 0 is DefaultLimit. What comes later wins, because
	// the reason of a failure stands at the end.
	Limit int
	// As is the user that it runs as; nil is this process's.
	As *syscall.Credential
	// Label says in the ledger on whose behalf this runs.
	Label string
}

// DefaultLimit is how much of stdout and of stderr is kept.
const DefaultLimit = 64 << 10

// Exit is how a command ended.
type Exit struct {
	Code   int            // exit code; -1 when it did not exit by itself
	Signal syscall.Signal // that ended it; 0 when none did
	// TimedOut and Cancelled tell that it was killed at its timeout or because the context ended.
	TimedOut, Cancelled bool
	Stdout, Stderr      []byte
	Truncated           bool // the beginning of an output was dropped
	Started             time.Time
	Elapsed             time.Duration
	// Hang is the child and what it had started before they were killed at the timeout, at most maxHang
	// processes.
	Hang []proc.Process
	// Rest is what an ended child left running and EndGroup killed, as far as it held on to the outputs.
	Rest []proc.Process
	// Gone is nil when nothing of the killed group runs any more. Otherwise a process sits in the kernel
	// and cannot die (state D), and Gone is closed when the last one has.
	Gone <-chan struct{}
}

const (
	// killGrace is how long a killed group may take to die before Exec returns without it. Pacemaker
	// warns after the same time.
	killGrace = 5 * time.Second
	// maxHang bounds the look at a hanging agent and its children, which delays their kill.
	maxHang = 16
)
