package ocfexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

// holdTime is how long the end of an output may come after the end of the child before somebody else is
// taken to hold it.
const holdTime = 5 * time.Millisecond

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Options say where a Runner keeps its notes.
type Options struct {
	// Ledger is the directory of the notes on running commands, on a file system that does not survive a
	// boot; "" keeps none.
	Ledger string
	Log    *slog.Logger
}

// Runner runs commands. Exec may be called by many goroutines while Run runs.
type Runner struct {
	log      *slog.Logger
	ledger   *ledger
	spawns   chan spawnRequest
	oomReset bool
	null     *os.File

	mu      sync.Mutex
	closed  bool
	watches sync.WaitGroup // goroutines that wait for groups which do not die
	ended   chan struct{}  // closed when Run ends
}

// ErrStopped is returned by Exec when Run does not run any more.
var ErrStopped = errors.New("the runner has stopped")

// New makes a Runner and starts nothing.
func New(o Options) (*Runner, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s for agents: %w", os.DevNull, err)
	}
	l, err := newLedger(o.Ledger)
	if err != nil {
		null.Close()
		return nil, err
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner{log: log, ledger: l, spawns: make(chan spawnRequest), oomReset: protectedFromOOM(),
		null: null, ended: make(chan struct{})}, nil
}

// Run forks the children of Exec until ctx ends. What runs then is killed.
func (r *Runner) Run(ctx context.Context) error {
	if err := closeOnExec(); err != nil {
		r.log.Warn("agents may inherit this daemon's descriptors", "err", err)
	}
	r.spawnLoopJoined(ctx)
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	close(r.ended)
	r.watches.Wait()
	return nil
}

// spawnLoopJoined runs the loop on a goroutine of its own, whose thread dies with it.
func (r *Runner) spawnLoopJoined(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.spawnLoop(ctx)
	}()
	<-done
}

// Exec runs a command to its end. The error tells that it could not be started and wraps the errno; how a
// started one ended is in Exit. When ctx or Run ends the group is killed and Exit.Cancelled set.
func (r *Runner) Exec(ctx context.Context, c Command) (Exit, error) {
	if c.Limit <= 0 {
		c.Limit = DefaultLimit
	}
	out, err := newOutput(c.Limit)
	if err != nil {
		return Exit{}, err
	}
	errs, err := newOutput(c.Limit)
	if err != nil {
		out.abandon()
		return Exit{}, err
	}
	in, err := r.newInput(c.Stdin)
	if err != nil {
		out.abandon()
		errs.abandon()
		return Exit{}, err
	}
	ch, note, err := r.start(ctx, c, in, out, errs)
	in.started()
	if err != nil {
		in.abandon()
		out.abandon()
		errs.abandon()
		return Exit{}, err
	}
	syscall.Close(out.write)
	syscall.Close(errs.write)
	ch.outputs = []*output{out, errs}
	go in.feed(c.Stdin)
	go out.follow()
	go errs.follow()
	x := Exit{Started: ch.started}
	r.wait(ctx, c, ch, note, &x)
	in.stop()
	out.stop()
	errs.stop()
	x.Stdout, x.Stderr, x.Truncated = out.bytes(), errs.bytes(), out.dropped || errs.dropped
	return x, nil
}

// start notes the command in the ledger before it exists and again when its pid is known, so that there is
// no moment at which a crash of this daemon leaves an agent without a trace.
func (r *Runner) start(ctx context.Context, c Command, in *input, out, errs *output) (*child, note, error) {
	n, err := r.ledger.open(c.Label, c.Path)
	if err != nil {
		return nil, n, err
	}
	env := c.Env
	if n.path != "" {
		env = append(append(make([]string, 0, len(c.Env)+1), c.Env...), markVariable+"="+n.mark)
	}
	req := spawnRequest{
		argv: append([]string{c.Path}, c.Args...), env: env,
		files: [3]uintptr{in.read.Fd(), uintptr(out.write), uintptr(errs.write)}, as: c.As, reply: make(chan spawnReply, 1),
	}
	select {
	case r.spawns <- req:
	case <-ctx.Done():
		n.close()
		return nil, n, ctx.Err()
	case <-r.ended:
		n.close()
		return nil, n, ErrStopped
	}
	got := <-req.reply
	if got.err != nil {
		n.close()
		return nil, n, &os.PathError{Op: "exec", Path: c.Path, Err: got.err}
	}
	ch := &child{pid: got.pid, pidfd: got.pidfd, started: time.Now(), exited: make(chan struct{})}
	if err := n.record(got.pid); err != nil {
		r.log.Warn("a restart of this daemon could miss this agent", "op", c.Label, "err", err)
	}
	go ch.await()
	return ch, n, nil
}

// wait follows a child to its end, or to killGrace after its kill.
func (r *Runner) wait(ctx context.Context, c Command, ch *child, n note, x *Exit) {
	var expired <-chan time.Time
	if c.Timeout > 0 {
		t := time.NewTimer(c.Timeout)
		defer t.Stop()
		expired = t.C
	}
	killed := false
	select {
	case <-ch.exited:
	case <-expired:
		// Lateness of ours is not the agent's: what has ended by now counts as in time.
		if !ch.ended(unix.WNOHANG) {
			x.TimedOut, killed = true, true
			x.Hang = proc.Tree(ch.pid, maxHang)
		}
	case <-ctx.Done():
		x.Cancelled, killed = true, true
	case <-r.ended:
		x.Cancelled, killed = true, true
	}
	x.Code = -1
	if killed {
		ch.terminate(c)
		ch.kill(c.LeaderOnly)
	}
	x.Elapsed = time.Since(ch.started)
	switch {
	case killed && !ch.dies(c.LeaderOnly, killGrace):
		x.Gone = r.watch(ch, c, n)
		return
	case !killed && c.EndGroup:
		x.Rest = ch.endRest()
	}
	status := ch.reap()
	n.close()
	switch {
	case status.Signaled():
		x.Signal = status.Signal()
	case status.Exited() && !killed:
		x.Code = status.ExitStatus()
	}
}

// watch goes on waiting for a group that does not die, until it does or Run ends. The note stays as long.
func (r *Runner) watch(ch *child, c Command, n note) <-chan struct{} {
	gone := make(chan struct{})
	r.log.Error("killed agent does not die", "op", c.Label, "processes", fmt.Sprint(proc.Group(ch.pid, maxHang)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return gone
	}
	r.watches.Go(func() {
		for !ch.dies(c.LeaderOnly, time.Second) {
			select {
			case <-r.ended:
				return
			default:
			}
		}
		ch.reap()
		n.close()
		close(gone)
	})
	return gone
}

// child is a started process.
type child struct {
	pid, pidfd int
	started    time.Time
	exited     chan struct{} // closed when it is a zombie
	reaped     bool
	status     syscall.WaitStatus
	outputs    []*output
}

// await closes exited when the child has ended and leaves it unreaped. With a pidfd the goroutine waits in
// Go's poller; without one (before Linux 5.4) it holds a thread.
func (ch *child) await() {
	defer close(ch.exited)
	if ch.pidfd >= 0 && syscall.SetNonblock(ch.pidfd, true) == nil {
		f := os.NewFile(uintptr(ch.pidfd), "pidfd "+strconv.Itoa(ch.pid))
		defer f.Close()
		if raw, err := f.SyscallConn(); err == nil && raw.Read(func(uintptr) bool { return ch.ended(unix.WNOHANG) }) == nil {
			return
		}
	}
	ch.ended(0)
}

// ended asks the kernel whether the child is a zombie.
func (ch *child) ended(flags int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, ch.pid, &info, unix.WEXITED|unix.WNOWAIT|flags, nil)
		if err == unix.EINTR {
			continue
		}
		// Without WNOHANG success means ended; with it, info stays zero while the child runs. An error
		// means that the child is not ours to wait for any more.
		return err != nil || flags == 0 || info.Signo != 0
	}
}

// terminate asks the child to end, and waits for as long as it may take.
func (ch *child) terminate(c Command) {
	if c.Grace <= 0 {
		return
	}
	pid := -ch.pid
	if c.LeaderOnly {
		pid = ch.pid
	}
	_ = syscall.Kill(pid, syscall.SIGTERM) // ESRCH: it has ended meanwhile
	t := time.NewTimer(c.Grace)
	defer t.Stop()
	select {
	case <-ch.exited:
	case <-t.C:
	}
}

// endRest kills what an ended child has left in its group. Only when somebody holds on to the outputs is it
// worth a look who that is.
func (ch *child) endRest() []proc.Process {
	var rest []proc.Process
	t := time.NewTimer(holdTime)
	defer t.Stop()
	for _, o := range ch.outputs {
		select {
		case <-o.done:
			continue
		case <-t.C:
		}
		rest = proc.Group(ch.pid, maxHang)
		break
	}
	ch.kill(false)
	return rest
}

// kill sends SIGKILL to the group. The child is not reaped yet, so the number is still its own.
func (ch *child) kill(leaderOnly bool) {
	pid := -ch.pid
	if leaderOnly {
		pid = ch.pid
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // ESRCH: it has ended meanwhile
}

// dies waits until the killed child has ended and nothing of its group is left, and reports whether that
// came within the time.
func (ch *child) dies(leaderOnly bool, within time.Duration) bool {
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-ch.exited:
	case <-limit.C:
		return false
	}
	// The number of a group is not used again as long as the group has members, and afterwards asking
	// for it can at worst make us wait for strangers: nothing is sent.
	ch.reap()
	for wait := time.Millisecond; !leaderOnly && !errors.Is(syscall.Kill(-ch.pid, 0), syscall.ESRCH); wait = min(2*wait, 200*time.Millisecond) {
		// Zombies that init has not reaped yet count as members. Looking at every process tells them apart.
		if wait > 50*time.Millisecond && len(proc.Group(ch.pid, 1)) == 0 {
			break
		}
		select {
		case <-time.After(wait):
		case <-limit.C:
			return false
		}
	}
	return true
}

// reap takes the end of a child that has ended.
func (ch *child) reap() syscall.WaitStatus {
	for !ch.reaped {
		_, err := syscall.Wait4(ch.pid, &ch.status, 0, nil)
		ch.reaped = err != syscall.EINTR
	}
	return ch.status
}
