package supervisor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// processes are the daemons' processes that run. Its lock is held while one is made, so that the reaper never
// takes a daemon for an orphan.
type processes struct {
	mu   sync.Mutex
	list map[string]*os.Process
}

func (p *processes) start(name string, cmd *exec.Cmd) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	if p.list == nil {
		p.list = map[string]*os.Process{}
	}
	p.list[name] = cmd.Process
	return nil
}

func (p *processes) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.list, name)
}

// signal sends a signal to a daemon. A process that is gone needs none.
func (p *processes) signal(name string, sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if proc := p.list[name]; proc != nil {
		_ = proc.Signal(sig)
	}
}

func (p *processes) has(pid int) bool {
	for _, proc := range p.list {
		if proc.Pid == pid {
			return true
		}
	}
	return false
}

// reapEvery is how often process 1 looks for orphans that have ended.
const reapEvery = time.Second

// reap collects processes that were left to process 1, such as those of agents whose crmd died. The daemons
// themselves are waited for by others.
func (s *Supervisor) reap(ctx context.Context) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for s.reapOne() {
			}
		case <-ctx.Done():
			return
		}
	}
}

// siginfo is siginfo_t of 64-bit Linux as far as it matters here: si_pid follows three ints and four bytes that
// align it.
type siginfo struct {
	signo, errno, code, _ int32
	pid                   int32
	_                     [108]byte
}

// reapOne collects one orphan and reports whether there was one. Peeking first leaves the daemons alone.
func (s *Supervisor) reapOne() bool {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	pid, err := peek()
	if err != nil || pid <= 0 || s.known.has(pid) {
		return false
	}
	var status unix.WaitStatus
	_, err = unix.Wait4(pid, &status, unix.WNOHANG, nil)
	return err == nil
}

// lock makes sure that one supervisor runs for these directories.
func lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(path) // for the message only
		f.Close()
		return nil, session.Fail(api.CodeExists, "the node runs already (hcs node run, process %s); stop it with: hcs cluster stop", pid)
	}
	if err := f.Truncate(0); err == nil {
		_, err = fmt.Fprintf(f, "%d", os.Getpid())
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("start the node: write %s: %w", path, err)
		}
	}
	return func() { f.Close() }, nil
}
