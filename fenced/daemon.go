// Package fenced is the fencing daemon of a node: it wires the plan to the drivers, to the other nodes, to
// corosyncd's views and to its clients.
//
// DESIGN.md beside this file lists its goroutines and what each of them owns.
package fenced

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/fenced/driver"
	"github.com/holdfast-ha/holdfast/fenced/pathhealth"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/cibsecret"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
	"github.com/holdfast-ha/holdfast/internal/scrape"
	"github.com/holdfast-ha/holdfast/internal/sdnotify"
	"github.com/holdfast-ha/holdfast/internal/standstill"
)

// Version is this daemon's version.
const Version = "0.1.0"

// Config is what a daemon is made with. Only Dirs is needed.
type Config struct {
	Dirs paths.Dirs
	Log  *slog.Logger
	// AgentDirs are searched for fence agents, by default /usr/sbin. SecretsDir holds the parameters that are
	// lrm:// in the CIB.
	AgentDirs  []string
	SecretsDir string
	// Listen and Resolve replace the port of the cluster file and the addresses of the view: for several nodes
	// on one machine.
	Listen  string
	Resolve mesh.Resolve
	// Notify tells the supervisor (systemd, hcs node run) of states such as READY=1; nil tells nobody.
	Notify func(state string)
}

// defaultAgentDir is where distributions install fence agents.
const defaultAgentDir = "/usr/sbin"

// Daemon is one node's fenced.
type Daemon struct {
	cfg      Config
	log      *slog.Logger
	identity *pki.Identity
	node     string
	port     int

	socket   net.Listener
	mesh     *mesh.Listener
	dialer   *mesh.Dialer
	drivers  *driver.Set
	learning chan struct{} // a slot for each question for metadata

	// calls are executed one after the other by the loop, which alone touches state.
	calls chan func(now time.Time)
	state state
	dirty chan struct{} // capacity 1: the history is to be written

	addrs   atomic.Pointer[map[string][]string] // of the nodes, for the dialer
	viewing atomic.Pointer[string]              // "ok" or why no view comes
	// streamed is the last view that corosyncd has sent, as it was.
	streamed atomic.Pointer[api.View]
	still    *standstill.Watch
	seen     atomic.Pointer[api.View] // the view, for drivers

	conflicts  atomic.Pointer[string] // between timeouts, as last said
	consensus  time.Duration          // of the cluster file
	settings   atomic.Pointer[clusterfile.Fencing]
	settingsAt time.Time // of the file from which they are

	disks     disks   // that the metrics look at
	metricsAt address // where they are read

	ctx   context.Context // of Run, for tasks that an output starts
	tasks sync.WaitGroup
}

// New prepares a daemon: it reads the cluster file, the node's identity and what an earlier life has left, and
// opens the sockets.
func New(cfg Config) (*Daemon, error) {
	cfg = withDefaults(cfg)
	text, err := os.ReadFile(cfg.Dirs.ClusterFile())
	if err != nil {
		return nil, fmt.Errorf("read the cluster file: %w", err)
	}
	file, err := clusterfile.Parse(cfg.Dirs.ClusterFile(), text)
	if err != nil {
		return nil, err
	}
	identity, err := pki.Load(cfg.Dirs.PKI())
	if err != nil {
		return nil, fmt.Errorf("%w; `hcs cluster init` or `hcs cluster join` makes it", err)
	}
	if file.Node(identity.Name) == nil {
		return nil, fmt.Errorf("this node's certificate is for %q, which %s does not list as a node", identity.Name, cfg.Dirs.ClusterFile())
	}
	if err := os.MkdirAll(cfg.Dirs.State("fenced"), 0o700); err != nil {
		return nil, fmt.Errorf("make fenced's directory: %w", err)
	}
	d := &Daemon{cfg: cfg, log: cfg.Log, identity: identity, node: identity.Name, port: file.Cluster.FencedPort,
		calls: make(chan func(time.Time), maxCalls), dirty: make(chan struct{}, 1), learning: make(chan struct{}, maxLearning),
		still: standstill.New(file.Totem.Effective())}
	starting := "fenced has just started"
	d.viewing.Store(&starting)
	d.addrs.Store(&map[string][]string{})
	resolve := cfg.Resolve
	if resolve == nil {
		resolve = d.resolve
	}
	d.dialer = mesh.NewDialer(identity, resolve)
	d.consensus = file.Totem.Consensus
	d.state = newState(d.node, seed())
	if info, err := os.Stat(cfg.Dirs.ClusterFile()); err == nil {
		d.settingsAt = info.ModTime()
	}
	if err := d.open(); err != nil {
		return d, err
	}
	d.adoptSettings(file)
	return d, nil
}

func withDefaults(cfg Config) Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Notify == nil {
		cfg.Notify = func(string) {}
	}
	if cfg.AgentDirs == nil {
		cfg.AgentDirs = []string{defaultAgentDir}
	}
	if cfg.SecretsDir == "" {
		cfg.SecretsDir = cibsecret.Dir
	}
	return cfg
}

// seed is for the random part of delays.
func seed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return binary.NativeEndian.Uint64(b[:])
}

// open opens what holds sockets.
func (d *Daemon) open() (err error) {
	d.drivers, err = driver.New(driver.Config{Node: d.node, AgentDirs: d.cfg.AgentDirs, SBDDevices: sbdDevices, Cluster: d.keySource, Member: d.isMember, Alarm: d.alarm,
		Cache: d.path("agents.json"), SecretsDir: d.cfg.SecretsDir, Log: d.log})
	if err != nil {
		return err
	}
	addr := d.cfg.Listen
	if addr == "" {
		addr = fmt.Sprintf(":%d", d.port)
	}
	d.mesh, err = mesh.Listen(addr, d.identity, d.log, mesh.HTTP)
	if err != nil {
		return err
	}
	path := d.cfg.Dirs.Socket("fenced")
	d.socket, err = ipc.Listen(path, 0o660)
	if err != nil {
		return err
	}
	if err := ipc.AllowAdmins(path); err != nil {
		d.log.Warn("only root can administer fencing on this node", "err", err)
	}
	return nil
}

// PeerAddr is where the other nodes' fenced reach this one.
func (d *Daemon) PeerAddr() string { return d.mesh.Addr().String() }

// Run fences until ctx ends or something that fenced cannot do without fails. Agents that run then are
// killed; their operations count as failed.
func (d *Daemon) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	d.ctx = ctx
	g.Go(func() error { return d.drivers.Run(ctx) })
	g.Go(func() error { d.loop(ctx); return nil })
	g.Go(func() error { return d.mesh.Run(ctx) })
	g.Go(func() error {
		return ipc.ServeConn(ctx, d.mesh.Proto(mesh.HTTP), d.peerHandler(), d.log, mesh.ConnContext)
	})
	g.Go(func() error { return ipc.Serve(ctx, d.socket, d.socketHandler(), d.log) })
	g.Go(func() error { d.watchViews(ctx); return nil })
	g.Go(func() error { d.still.Run(ctx, d.whenStill()); return nil })
	g.Go(func() error { d.keepHistory(ctx); return nil })
	g.Go(func() error { return scrape.Serve(ctx, d.metricsAddress, d.collect, d.log) })
	g.Go(func() error { d.probePaths(ctx); return nil })
	g.Go(func() error { sdnotify.Watchdog(ctx, d.alive); return nil })
	d.cfg.Notify(sdnotify.Ready)
	<-ctx.Done()
	d.cfg.Notify(sdnotify.Stopping)
	err := g.Wait()
	d.tasks.Wait()
	// The loop has ended, so that its state is nobody's.
	if serr := d.saveHistory(d.state.fencer.History("")); serr != nil {
		d.log.Error("the fencing history is not kept on disk", "err", serr)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// spawn runs a task that an output asks for; Run joins it.
func (d *Daemon) spawn(task func(ctx context.Context)) {
	d.tasks.Go(func() { task(d.ctx) })
}

// alive reports whether the loop answers.
func (d *Daemon) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, aliveTimeout)
	defer cancel()
	_, err := query(ctx, d, func() bool { return true })
	return err == nil
}

// aliveTimeout is how long the loop may take to answer; it decides in microseconds and never waits.
const aliveTimeout = 5 * time.Second

// state is what the loop owns.
type state struct {
	fencer *plan.Fencer
	exec   *device.Executor
	inputs []any // plan.Input and device.Input that are to be processed, in order

	replies   map[string][]chan api.FenceResult // by request
	finished  map[string]func(device.Result)    // by order or check
	offers    map[string]func(device.Offers)    // by query
	running   map[uint64]context.CancelFunc     // agents, by call
	steps     map[string]func()                 // by step: how to stop waiting for it
	orders    map[string]string                 // the node that gave an order, for those of other nodes
	listeners map[chan api.FenceEvent]bool
	peers     map[string]*peer
	view      *api.View
	health    pathhealth.Book
	alarms    map[string]string // what is wrong with disks, by disk
	left      map[string]string // devices that our drivers do not understand, and why

	config api.FenceConfig
	levels []api.FenceLevel // registered by commands
	serial uint64
}

func newState(node string, seed uint64) state {
	return state{
		fencer: plan.New(node), exec: device.New(node, seed),
		replies: map[string][]chan api.FenceResult{}, finished: map[string]func(device.Result){}, offers: map[string]func(device.Offers){},
		running: map[uint64]context.CancelFunc{}, steps: map[string]func(){}, orders: map[string]string{},
		listeners: map[chan api.FenceEvent]bool{}, peers: map[string]*peer{}, alarms: map[string]string{},
	}
}
