package ocfexec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

// markVariable is in the environment of every noted command and names its note.
const markVariable = "HOLDFAST_OPERATION"

// ledger is a directory with one file for each running command:
//
//	BOOT-ID
//	LABEL
//	PATH
//	PID START      (missing if the daemon died between fork and this line)
type ledger struct {
	dir  string
	boot string
	life string // distinguishes the notes of this process from an earlier one's
	next atomic.Uint64
}

// note is one entry of the ledger. The zero note is none.
type note struct {
	path, mark string
}

func newLedger(dir string) (*ledger, error) {
	if dir == "" {
		return &ledger{}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for notes on running agents: %w", err)
	}
	self, err := proc.Read(os.Getpid())
	if err != nil {
		return nil, err
	}
	return &ledger{dir: dir, boot: proc.BootID(), life: fmt.Sprintf("%d-%d", self.PID, self.Start)}, nil
}

// open notes that a command is about to start.
func (l *ledger) open(label, path string) (note, error) {
	if l.dir == "" {
		return note{}, nil
	}
	n := note{mark: l.life + "-" + strconv.FormatUint(l.next.Add(1), 10)}
	n.path = filepath.Join(l.dir, n.mark)
	oneLine := strings.NewReplacer("\n", " ")
	text := l.boot + "\n" + oneLine.Replace(label) + "\n" + oneLine.Replace(path) + "\n"
	if err := os.WriteFile(n.path, []byte(text), 0o600); err != nil {
		return note{}, fmt.Errorf("note the start of %s: %w", label, err)
	}
	return n, nil
}

// record adds the pid and start time of the command's process.
func (n note) record(pid int) error {
	if n.path == "" {
		return nil
	}
	p, err := proc.Read(pid)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(n.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d %d\n", p.PID, p.Start)
	return errors.Join(err, f.Close())
}

// close forgets the command.
func (n note) close() {
	if n.path != "" {
		_ = os.Remove(n.path) // a note that stays names a process that is gone
	}
}

// Leftover is a command that an earlier run of this daemon started and that was still running.
type Leftover struct {
	Label   string
	Process proc.Process
	// Dead tells that nothing of its group runs any more. Otherwise it sits in the kernel and cannot die.
	Dead bool
	path string
}

// KillLeftovers ends every command that the ledger names and that still runs, and waits killGrace for them
// to die. It is to be called before the first Exec. A command whose agent itself has ended is left alone:
// what is still there of its group is what it started.
func (r *Runner) KillLeftovers() []Leftover {
	if r.ledger.dir == "" {
		return nil
	}
	entries, err := os.ReadDir(r.ledger.dir)
	if err != nil {
		r.log.Error("cannot look for agents of an earlier run", "err", err)
		return nil
	}
	var found []Leftover
	for _, e := range entries {
		path := filepath.Join(r.ledger.dir, e.Name())
		p, label, ok := r.ledger.leftover(path, e.Name())
		if !ok {
			_ = os.Remove(path)
			continue
		}
		r.log.Warn("ending an agent of an earlier run", "op", label, "process", p.String())
		_ = syscall.Kill(-p.PID, syscall.SIGKILL)
		found = append(found, Leftover{Label: label, Process: p, path: path})
	}
	limit := time.Now().Add(killGrace)
	for wait := time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		waiting := false
		for i := range found {
			waiting = !found[i].Check() || waiting
		}
		if !waiting || time.Now().After(limit) {
			return found
		}
		time.Sleep(wait)
	}
}

// Check looks again whether a leftover has died, and forgets it when it has.
func (l *Leftover) Check() bool {
	if !l.Dead && !proc.Alive(l.Process.PID, l.Process.Start) && len(proc.Group(l.Process.PID, 1)) == 0 {
		l.Dead = true
		_ = os.Remove(l.path)
	}
	return l.Dead
}

// leftover reads a note and finds the process that it is about, if that still runs.
func (l *ledger) leftover(path, mark string) (p proc.Process, label string, ok bool) {
	raw, err := os.ReadFile(path)
	lines := strings.Split(string(raw), "\n")
	if err != nil || len(lines) < 3 || lines[0] != l.boot {
		return p, "", false
	}
	label = lines[1]
	var pid int
	var start uint64
	if len(lines) > 3 {
		if n, _ := fmt.Sscanf(lines[3], "%d %d", &pid, &start); n == 2 {
			p, err = proc.Read(pid)
			return p, label, err == nil && p.Start == start && p.Group == p.PID && !p.Gone()
		}
	}
	// The daemon died between fork and record. What the agent starts inherits the mark, but not its path.
	marked := proc.Find(1, func(p proc.Process) bool {
		if p.PID != p.Group || p.Gone() {
			return false
		}
		v, has := proc.Environ(p.PID, markVariable)
		return has && v == mark && slices.Contains(proc.Cmdline(p.PID), lines[2])
	})
	if len(marked) == 0 {
		return p, label, false
	}
	return marked[0], label, true
}
