// Package executor runs the operations of resources on this node: agents of the classes ocf, lsb and service
// as child processes, units over D-Bus, fence devices through fenced.
package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/executor/opqueue"
	"github.com/holdfast-ha/holdfast/crmd/executor/systemd"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// What goes in and comes out; opqueue says what the fields mean.
type (
	Op          = opqueue.Op
	Outcome     = opqueue.Outcome
	Result      = opqueue.Result
	Pending     = opqueue.Pending
	HungProcess = opqueue.HungProcess
)

// defaultTimeout stands in for an operation without a timeout, as the scheduler's default does.
const defaultTimeout = 20 * time.Second

// Executor runs operations while Run runs. Its methods may be called at any time and from Report.
type Executor struct {
	cfg     Config
	log     *slog.Logger
	runner  *ocfexec.Runner
	systemd *systemd.Client
	env     []string // of every agent
	devices devices
	cache   metadataCache
	fetches singleflight.Group

	wakeStart, wakeReport chan struct{} // capacity 1

	mu      sync.Mutex
	queue   opqueue.Queue
	ended   bool
	frozen  bool                       // the queue was told to start nothing
	begins  []opqueue.Begin            // to be started
	reports []Result                   // to be delivered
	runs    map[int]context.CancelFunc // of what runs, by opqueue's number
	killed  map[int]bool               // runs that were to be killed before they had begun
}

// New makes an executor and starts nothing.
func New(cfg Config) (*Executor, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	runner, err := ocfexec.New(ocfexec.Options{Ledger: filepath.Join(cfg.Dirs.Run, "executor", "operations"), Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	e := &Executor{cfg: cfg, log: cfg.Log, runner: runner, systemd: systemd.New(cfg.Systemd), env: baseEnvironment(os.Environ(), &cfg),
		wakeStart: make(chan struct{}, 1), wakeReport: make(chan struct{}, 1),
		runs: map[int]context.CancelFunc{}, killed: map[int]bool{}}
	if err := e.devices.load(filepath.Join(cfg.Dirs.Run, "executor", "devices")); err != nil {
		return nil, err
	}
	return e, nil
}

// Run first ends what an earlier run of this daemon left running, then executes operations until ctx ends.
// What runs then is killed: nobody would hear of its end.
func (e *Executor) Run(ctx context.Context) error {
	if err := makeRscTmp(e.cfg.RscTmp); err != nil {
		return err
	}
	defer e.systemd.Close()
	leftovers := e.runner.KillLeftovers()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.runner.Run(ctx) })
	for _, l := range leftovers {
		if !l.Dead {
			g.Go(func() error { e.holdFor(ctx, l); return nil })
		}
	}
	g.Go(func() error { e.startLoop(ctx); return nil })
	g.Go(func() error { e.reportLoop(ctx); return nil })
	return g.Wait()
}

// Submit queues an operation and returns its call id. The error says that the executor takes no more.
func (e *Executor) Submit(op Op) (int, error) {
	if op.TimeoutMs <= 0 {
		op.TimeoutMs = defaultTimeout.Milliseconds()
	}
	id, err := e.request(opqueue.Submit{Op: op})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op.Key(), err)
	}
	return id, nil
}

// Cancel ends a recurring operation, which is reported as cancelled, and tells whether there was one.
func (e *Executor) Cancel(rsc, task string, intervalMs int64) bool {
	_, err := e.request(opqueue.Cancel{Rsc: rsc, Task: task, IntervalMs: intervalMs})
	return err == nil
}

// Unregister takes back every operation of a resource. What runs once and has begun is finished; its
// result is reported as deleted.
func (e *Executor) Unregister(rsc string) { e.step(opqueue.Unregister{Rsc: rsc}) }

// Pending lists what is queued, runs or recurs, by resource.
func (e *Executor) Pending() []Pending {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.queue.Pending()
}

// request is a step that is answered.
func (e *Executor) request(in opqueue.Input) (int, error) {
	for _, o := range e.step(in) {
		switch o := o.(type) {
		case opqueue.Accepted:
			return o.CallID, nil
		case opqueue.Refused:
			return 0, errors.New(o.Reason)
		}
	}
	return 0, errors.New("the executor has ended")
}

// step feeds the queue and notes what the loops have to do.
func (e *Executor) step(in opqueue.Input) []opqueue.Output {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil
	}
	if _, more := in.(opqueue.Submit); more && len(e.reports) >= opqueue.Limit {
		return []opqueue.Output{opqueue.Refused{Reason: fmt.Sprintf("%d results wait to be taken", len(e.reports))}}
	}
	now := time.Now()
	outs := e.freeze(now)
	outs = append(outs, e.queue.Step(now, in)...)
	for _, o := range outs {
		switch o := o.(type) {
		case opqueue.Begin:
			e.begins = append(e.begins, o)
		case opqueue.Report:
			e.reports = append(e.reports, o.Result)
		case opqueue.Kill:
			if cancel := e.runs[o.Run]; cancel != nil {
				cancel()
			} else if slices.ContainsFunc(e.begins, func(b opqueue.Begin) bool { return b.Run == o.Run }) {
				e.killed[o.Run] = true
			} // or it ends just now
		}
	}
	// The start loop is woken even if nothing begins: the deadline may have moved.
	wake(e.wakeStart)
	if len(e.reports) > 0 {
		wake(e.wakeReport)
	}
	return outs
}

// freeze has the queue start nothing while this process stands still, and lets it go on afterwards. The caller
// holds the lock.
func (e *Executor) freeze(now time.Time) []opqueue.Output {
	frozen := e.cfg.Stopped()
	if frozen == e.frozen {
		return nil
	}
	e.frozen = frozen
	return e.queue.Step(now, opqueue.Freeze{On: frozen})
}

// Thaw goes on after a standstill.
func (e *Executor) Thaw() { e.step(opqueue.Wake{}) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// startLoop starts what the queue lets begin and wakes the queue at its deadline.
func (e *Executor) startLoop(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	defer func() {
		e.mu.Lock()
		e.ended = true
		e.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		e.mu.Lock()
		begins, deadline := e.begins, e.queue.Deadline()
		if e.cfg.Stopped() {
			begins = nil // Thaw comes back to them
		}
		e.begins = e.begins[len(begins):]
		for _, b := range begins {
			runCtx, cancel := context.WithCancel(ctx)
			e.runs[b.Run] = cancel
			if e.killed[b.Run] {
				cancel()
				delete(e.killed, b.Run)
			}
			running.Go(func() { e.run(ctx, runCtx, b) })
		}
		e.mu.Unlock()
		if !deadline.IsZero() {
			timer.Reset(max(0, time.Until(deadline)))
		}
		select {
		case <-e.wakeStart:
		case <-timer.C:
			e.step(opqueue.Wake{})
		case <-ctx.Done():
			return
		}
	}
}

// run executes one operation until runCtx ends and feeds its end back. When ctx ends, the executor does, and
// nobody is to take an operation that was killed for that for a failed one.
func (e *Executor) run(ctx, runCtx context.Context, b opqueue.Begin) {
	began := time.Now()
	out, left := e.perform(runCtx, b.Op)
	out.ExecMs = time.Since(began).Milliseconds()
	e.mu.Lock()
	e.runs[b.Run]()
	delete(e.runs, b.Run)
	e.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	e.step(opqueue.Finished{Run: b.Run, Outcome: out, Stuck: left.reason})
	if left.gone == nil {
		return
	}
	select {
	case <-left.gone:
		e.step(opqueue.Release{Rsc: b.Op.Rsc})
	case <-ctx.Done():
	}
}

// holdFor keeps a resource from starting operations until a leftover of it has died.
func (e *Executor) holdFor(ctx context.Context, l ocfexec.Leftover) {
	rsc, task, _, err := lrm.ParseOpKey(l.Label)
	if err != nil || onlyLooks(task) {
		return
	}
	e.step(opqueue.Hold{Rsc: rsc, Reason: fmt.Sprintf("an earlier %s (%s) cannot be killed", task, l.Process)})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !l.Check() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	e.step(opqueue.Release{Rsc: rsc})
}

// reportLoop delivers results in order, one at a time.
func (e *Executor) reportLoop(ctx context.Context) {
	for {
		e.mu.Lock()
		reports := e.reports
		e.reports = nil
		e.mu.Unlock()
		for _, r := range reports {
			e.cfg.Report(r)
		}
		if len(reports) > 0 {
			continue
		}
		select {
		case <-e.wakeReport:
		case <-ctx.Done():
			return
		}
	}
}
