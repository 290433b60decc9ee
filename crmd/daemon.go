// Package crmd is the cluster resource manager of a node: it wires the controller to raft, to the other nodes,
// to the executor, to corosyncd and to fenced.
//
// DESIGN.md beside this file lists its goroutines and what each of them owns.
package crmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/observer"
	"github.com/holdfast-ha/holdfast/crmd/peer"
	"github.com/holdfast-ha/holdfast/crmd/store"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
	"github.com/holdfast-ha/holdfast/crmd/worker"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
	"github.com/holdfast-ha/holdfast/internal/scrape"
	"github.com/holdfast-ha/holdfast/internal/sdnotify"
	"github.com/holdfast-ha/holdfast/internal/standstill"
	"github.com/holdfast-ha/holdfast/internal/sysrq"
)

// Config is what a daemon is made with. Only Dirs is needed.
type Config struct {
	Dirs paths.Dirs
	Log  *slog.Logger
	// Vitals is passed on; its disks, functions and log are filled in.
	Vitals vitals.Config
	// Executor is passed on; Dirs, Report, Stonith and Log are filled in.
	Executor executor.Config
	Times    controller.Times
	// Schedule is the scheduler, crmd/sched unless a test has its own.
	Schedule func(doc *cibxml.Element, now time.Time) Plan
	// Reset resets the machine at once, by the kernel unless a test has its own.
	Reset func()
	// ListenHost is the address for the peers, "" for every one.
	ListenHost string
}

// Daemon is one node's crmd.
type Daemon struct {
	cfg      Config
	log      *slog.Logger
	file     atomic.Pointer[config]
	identity *pki.Identity
	node     string
	id       api.NodeID
	session  string // tells this life of crmd from the next
	began    time.Time

	store    *store.Store
	peers    *peer.Peer
	exec     *executor.Executor
	listener net.Listener

	corosync *ipc.Client
	fencer   *ipc.Client

	// calls are executed one after the other by the loop, which alone touches machine, worker and tickets.
	calls    chan func(now time.Time)
	machine  *controller.Machine
	worker   *worker.Worker
	confirm  *confirm.Machine
	tickets  map[int]chan answer
	ticket   int
	snap     atomic.Pointer[snapshot]
	view     atomic.Pointer[api.View]
	streamed atomic.Pointer[api.View] // the last that corosyncd has sent, as it was
	timeline timeline
	observer *observer.Observer
	programs *ocfexec.Runner // of alert agents and hooks
	alerts   alerts
	actions  actions
	words    listeners
	counts   counts
	tuned    tuned // only the loop touches it and severities
	// severities are those of the alarms that last, by name and subject.
	severities map[string]string
	fence      fenceSync
	couriers   couriers
	records    records
	// supervision watches the resources' processes.
	supervision supervision
	uplink      chan struct{} // capacity 1: there may be something to report
	fileNews    chan struct{} // capacity 1: there may be a new cluster file
	planner     planner
	mirrors     mirrors
	still       *standstill.Watch
	leaving     chan struct{} // closed when this node leaves the cluster, in order or because it was fenced
	leave       sync.Once

	ctx   context.Context // of Run, for goroutines that an output starts
	tasks sync.WaitGroup
}

// answer ends a client's request.
type answer struct {
	value any
	err   error
}

// New prepares a daemon: it reads the cluster file and the node's identity and opens the store.
func New(cfg Config) (*Daemon, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Schedule == nil {
		cfg.Schedule = schedule
	}
	if cfg.Reset == nil {
		cfg.Reset = func() { sysrq.End(sysrq.Restart) }
	}
	if cfg.Times == (controller.Times{}) {
		cfg.Times = controller.DefaultTimes()
	}
	text, err := os.ReadFile(cfg.Dirs.ClusterFile())
	if err != nil {
		return nil, fmt.Errorf("read the cluster file: %w", err)
	}
	file, err := readFile(cfg.Dirs.ClusterFile(), text)
	if err != nil {
		return nil, err
	}
	identity, err := pki.Load(cfg.Dirs.PKI())
	if err != nil {
		return nil, fmt.Errorf("%w; `hcs cluster init` or `hcs cluster join` makes it", err)
	}
	self := file.Node(identity.Name)
	if self == nil {
		return nil, fmt.Errorf("this node's certificate is for %q, which %s does not list as a node", identity.Name, cfg.Dirs.ClusterFile())
	}
	d := &Daemon{cfg: cfg, log: cfg.Log, identity: identity, node: self.Name, id: self.ID,
		session: newUUID(), began: time.Now(), calls: make(chan func(time.Time), maxCalls), tickets: make(map[int]chan answer),
		uplink: make(chan struct{}, 1), fileNews: make(chan struct{}, 1), leaving: make(chan struct{}),
		corosync: ipc.NewClient(cfg.Dirs.Socket("corosyncd")), fencer: ipc.NewClient(cfg.Dirs.Socket("fenced"))}
	d.file.Store(file)
	d.still = standstill.New(file.Totem.Effective())
	d.planner = planner{schedule: cfg.Schedule, explain: explain, log: cfg.Log, inputs: inputFiles{dir: cfg.Dirs.State("crmd") + "/pengine", log: cfg.Log}}
	d.machine = controller.New(controller.Config{Node: d.node, ID: d.id, UUID: newUUID(), Version: Version, FeatureSet: cib.FeatureSet,
		Throttle: file.throttles(), Times: cfg.Times})
	d.worker = worker.New(d.node, d.session, cores())
	d.confirm = confirm.New(file.watch.Monitor)
	d.couriers.init(d)
	d.alerts.init(d)
	d.supervision.init(d)
	d.actions.init(d)
	return d, d.open()
}

// Version is this stack's version, as the property dc-version shows it.
const Version = "0.1.0"

// maxCalls bounds what waits for the loop; beyond it, those who want something of it wait themselves.
const maxCalls = 4096

// open opens what holds files and sockets.
func (d *Daemon) open() (err error) {
	file := d.file.Load()
	defer func() {
		if err != nil && d.listener != nil {
			d.listener.Close()
		}
	}()
	d.listener, err = ipc.Listen(d.cfg.Dirs.Socket("crmd"), 0o660)
	if err != nil {
		return err
	}
	if err := ipc.AllowAdmins(d.cfg.Dirs.Socket("crmd")); err != nil {
		d.log.Warn("only root can administer this node", "err", err)
	}
	d.peers, err = peer.New(peer.Config{Identity: d.identity, Addr: mesh.HostPort(d.cfg.ListenHost, file.Cluster.CRMPort), Resolve: d.resolve,
		Member: func(node string) bool { return d.file.Load().Node(node) != nil }, Log: d.log})
	if err != nil {
		return err
	}
	d.store, err = store.Open(store.Config{
		Dir: d.cfg.Dirs.State("crmd") + "/raft", Node: d.node, Cluster: file.Cluster.Name + " " + pki.Hash(d.identity.CA), Network: d.peers.RaftLayer(),
		Heartbeat: raftHeartbeat(file), Patch: applyPatch, OnApply: d.applied, OnStatus: d.raftChanged, Log: d.log})
	if err != nil {
		return err
	}
	e := d.cfg.Executor
	e.Dirs, e.Report, e.Stonith, e.Log, e.Stopped = d.cfg.Dirs, d.executed, d.deviceCall, d.log, d.still.Stopped
	if d.exec, err = executor.New(e); err != nil {
		return err
	}
	if d.programs, err = ocfexec.New(ocfexec.Options{Ledger: filepath.Join(d.cfg.Dirs.Run, "crmd", "programs"), Log: d.log}); err != nil {
		return err
	}
	if err := d.records.open(d); err != nil {
		return err
	}
	return d.observe()
}

// raftHeartbeat is twice the token: corosyncd says that a leader is gone long before, and a starved one is
// not deposed.
func raftHeartbeat(f *config) time.Duration {
	return max(time.Second, 2*f.Totem.Effective())
}

// Run takes part in the cluster until ctx ends (the resources go on running), the node leaves in order, or
// something that crmd cannot do without fails.
func (d *Daemon) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	d.ctx = ctx
	d.peers.Handle(d.peerHandler())
	d.peers.HandleJoin(d.joinHandler())
	d.publish()
	d.applied(store.Applied{Content: d.store.Content()})
	stopped := errors.New("this node has left the cluster")
	g.Go(func() error {
		select {
		case <-d.leaving:
			return stopped
		case <-ctx.Done():
			return nil
		}
	})
	g.Go(func() error { return d.loop(ctx) })
	g.Go(func() error { return d.peers.Run(ctx) })
	g.Go(func() error { return d.store.Run(ctx) })
	g.Go(func() error { return d.exec.Run(ctx) })
	g.Go(func() error { return d.bootstrap(ctx) })
	g.Go(func() error { d.watchViews(ctx); return nil })
	g.Go(func() error { d.still.Run(ctx, d.whenStill()); return nil })
	g.Go(func() error { d.watchFencer(ctx); return nil })
	g.Go(func() error { d.pushDevices(ctx); return nil })
	g.Go(func() error { d.report(ctx); return nil })
	g.Go(func() error { d.followDC(ctx); return nil })
	g.Go(func() error { return d.programs.Run(ctx) })
	g.Go(func() error { return d.observer.Run(ctx) })
	g.Go(func() error { return scrape.Serve(ctx, d.metricsAddress, d.collect, d.log) })
	g.Go(func() error { return d.supervision.finder.Run(ctx) })
	g.Go(func() error { d.supervision.run(ctx); return nil })
	g.Go(func() error { d.followFile(ctx); return nil })
	g.Go(func() error { return d.records.archive.Run(ctx) })
	g.Go(func() error { return ipc.Serve(ctx, d.listener, d.socketHandler(), d.log) })
	g.Go(func() error { sdnotify.Watchdog(ctx, d.alive); return nil })
	sdnotify.Notify(sdnotify.Ready)
	d.log.Info("crmd runs", "version", Version, "node", d.node, "id", d.id, "cluster", d.file.Load().Cluster.Name)
	err := g.Wait()
	sdnotify.Notify(sdnotify.Stopping)
	d.tasks.Wait()
	d.corosync.Close()
	d.fencer.Close()
	if errors.Is(err, stopped) {
		return nil
	}
	return err
}

// spawn runs a task that an output of the machine asks for; Run joins it.
func (d *Daemon) spawn(task func(ctx context.Context)) {
	d.tasks.Go(func() { task(d.ctx) })
}

// alive reports whether the loop still answers, for the supervisor's watchdog.
func (d *Daemon) alive(ctx context.Context) bool {
	answered := make(chan struct{})
	if d.post(func(time.Time) { close(answered) }) != nil {
		return false
	}
	select {
	case <-answered:
		return true
	case <-ctx.Done():
		return false
	}
}

// Left is closed when the node has left the cluster, in order or because it was fenced.
func (d *Daemon) Left() <-chan struct{} { return d.leaving }
