// Package corosyncd is the heartbeat daemon: who is alive, which views there are, who may act.
//
// DESIGN.md beside this file lists the goroutines and what each owns.
package corosyncd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/gossip"
	"github.com/holdfast-ha/holdfast/corosyncd/host"
	"github.com/holdfast-ha/holdfast/corosyncd/keyring"
	"github.com/holdfast-ha/holdfast/corosyncd/links"
	"github.com/holdfast-ha/holdfast/corosyncd/qdevice"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/realtime"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// Version is what the daemon says of itself.
const Version = "0.1.0"

// Network is where the daemon's packets and streams go.
type Network interface {
	links.Network
	gossip.Streams
}

// Config is what a daemon is made from.
type Config struct {
	Dirs paths.Dirs
	// Node is this node's name; "" finds it out from the host's name and addresses.
	Node       string
	Network    Network // nil is the host's
	Protection realtime.Protection
	Log        *slog.Logger
	// API, when set, is where the API is served instead of the unix socket in Dirs.
	API net.Listener
	// Level, when set, follows the cluster file's [logging] level.
	Level *slog.LevelVar
}

// Daemon is a heartbeat daemon. Several can run in one process.
type Daemon struct {
	cfg    Config
	file   atomic.Pointer[clusterfile.File]
	self   clusterfile.Node
	store  *store
	links  *links.Links
	gossip *gossip.Gossip
	core   *core
	hub    *hub
	routes routes
	device *qdevice.Device
	seq    atomic.Uint64 // of commands to others
	stop   chan bool     // true: with a goodbye
	// holders counts the clients that say that resources run here.
	holders atomic.Int32
	keys    userKeys
	// clusterKeys are those that packets are sealed with.
	clusterKeys keys
}

// New reads the configuration. Errors name what is wrong with it, all at once.
func New(cfg Config) (*Daemon, error) {
	d := &Daemon{cfg: cfg, stop: make(chan bool, 4)}
	if cfg.Network == nil {
		d.cfg.Network = links.Host{}
	}
	file, err := d.readFile()
	if err != nil {
		return nil, err
	}
	if d.clusterKeys.ring, err = keyring.Load(cfg.Dirs.GossipKey(), cfg.Log); err != nil {
		return nil, err
	}
	if d.clusterKeys.identity, err = keyring.NewIdentity(); err != nil {
		return nil, err
	}
	self, err := findSelf(cfg.Node, file)
	if err != nil {
		return nil, err
	}
	d.self = *self
	d.use(file)
	d.store = openStore(cfg.Dirs.State("corosyncd"), cfg.Log)
	d.device, err = d.newDevice()
	return d, err
}

func (d *Daemon) readFile() (*clusterfile.File, error) {
	path := d.cfg.Dirs.ClusterFile()
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cluster file: %w; make one with `hcs cluster init` or join a cluster with `hcs cluster join`", err)
	}
	return clusterfile.Parse(path, text)
}

// use makes a file the one in force.
func (d *Daemon) use(f *clusterfile.File) {
	d.file.Store(f)
	if d.cfg.Level != nil {
		// Parse has checked the word.
		_ = d.cfg.Level.UnmarshalText([]byte(f.Logging.Level))
	}
}

// Run takes part in the cluster until ctx ends, the node is told to leave, or something breaks. When ctx ends
// it says goodbye first, unless a client holds resources here. It is called once.
func (d *Daemon) Run(ctx context.Context) error {
	config := d.engineConfig(d.file.Load())
	d.store.begin(config.Incarnation)
	d.hub = newHub(d)
	listener, err := d.open()
	if err != nil {
		return err
	}
	d.core = newCore(config, &d.routes)
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	wire, unplug := context.WithCancel(inner)
	defer unplug()
	group, gctx := errgroup.WithContext(inner)
	group.Go(func() error { return d.links.Run(wire) })
	group.Go(func() error { return d.core.run(gctx, d.links) })
	group.Go(func() error { return d.hub.run(gctx) })
	group.Go(func() error { d.store.run(gctx); return nil })
	group.Go(func() error { return d.commands(gctx) })
	group.Go(func() error { return d.device.Run(gctx) })
	group.Go(func() error { return d.device.Use(gctx, d.deviceSettings(d.file.Load())) })
	group.Go(func() error {
		defer unplug() // gossip says goodbye over the links, so they end after it
		return d.gossip.Run(gctx)
	})
	group.Go(func() error { return scrape.Serve(gctx, d.metricsAddress, d.collect, d.cfg.Log) })
	group.Go(func() error { return ipc.Serve(gctx, listener, d.handler(), d.cfg.Log) })
	group.Go(func() error { host.Watchdog(gctx, d.core.ticks.Load); return nil })
	group.Go(func() error {
		host.WatchPressure(gctx, d.cfg.Protection, func(yes bool) { d.core.give(gctx, engine.Starved{Yes: yes}) })
		return nil
	})
	group.Go(func() error {
		defer cancel()
		d.waitToStop(ctx, gctx)
		return nil
	})
	d.cfg.Log.Info("corosyncd runs", "version", Version, "cluster", d.file.Load().Cluster.Name, "node", d.self.Name, "id", d.self.ID, "token", d.file.Load().Totem.Effective())
	if _, real := d.cfg.Network.(links.Host); real {
		for link, a := range d.self.Links {
			if host.MTU(a.String(), 0) == 0 {
				d.cfg.Log.Warn("no interface of this host has the address of a link yet", "link", link, "addr", a)
			}
		}
	}
	for _, i := range d.file.Load().Ignored {
		d.cfg.Log.Info("a key of the cluster file has no effect", "key", i.Key, "line", i.Line, "why", i.Why)
	}
	host.Ready("in no view yet")
	err = group.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// open opens the sockets.
func (d *Daemon) open() (net.Listener, error) {
	file := d.file.Load()
	var err error
	d.links, err = links.Open(links.Config{
		Self: d.self.ID, Addrs: d.self.Links, Port: file.Cluster.Port, Keys: d.clusterKeys.ring.Keys(), Network: d.cfg.Network,
		Gossip: func(from netip.Addr, payload []byte) bool { return d.gossip.Deliver(from, payload) }})
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", d.self.Name, err)
	}
	d.gossip, err = gossip.New(gossip.Config{
		Self: d.self.Name, Cluster: file.Cluster.Name, Nodes: gossipNodes(file), Port: file.Cluster.Port,
		Keys: gossipKeys(d.clusterKeys.ring), MTU: frame.MaxGossip, Sender: d.links, Links: d.linksTo, Streams: d.cfg.Network,
		Meta: gossip.Meta{ID: d.self.ID, Version: Version, Format: frame.Version, Public: d.clusterKeys.identity.Public()}, Log: d.cfg.Log,
	})
	if err != nil {
		d.links.Close()
		return nil, err
	}
	if d.cfg.API != nil {
		return d.cfg.API, nil
	}
	l, err := listenAPI(d.cfg.Dirs.Socket("corosyncd"))
	if err != nil {
		d.gossip.Close()
		d.links.Close()
	}
	return l, err
}

// listenAPI opens the unix socket for root and the group haclient.
func listenAPI(path string) (net.Listener, error) {
	l, err := ipc.Listen(path, 0o660)
	if err != nil {
		return nil, err
	}
	if g, err := user.LookupGroup("haclient"); err == nil {
		if gid, err := strconv.Atoi(g.Gid); err == nil {
			// Without the group only root may use the socket, which is the safe side.
			_ = os.Chown(path, -1, gid)
		}
	}
	return l, nil
}

// waitToStop returns when the daemon should end, after the goodbye.
func (d *Daemon) waitToStop(ctx, inner context.Context) {
	goodbye := false
	select {
	case <-inner.Done():
		return
	case goodbye = <-d.stop:
	case <-ctx.Done():
		if n := d.holders.Load(); n > 0 {
			d.cfg.Log.Warn("ending without a goodbye: resources may run here; within the token a restart goes unnoticed")
		} else {
			goodbye = true
		}
	}
	host.Stopping()
	if !goodbye {
		return
	}
	d.core.give(inner, engine.Leave{})
	select {
	case <-d.hub.gone:
	case <-inner.Done():
	case <-time.After(d.file.Load().Totem.Effective() + time.Second):
	}
	d.cfg.Log.Info("left the cluster")
}

// end makes Run return.
func (d *Daemon) end(goodbye bool) {
	select {
	case d.stop <- goodbye:
	default: // it is ending already
	}
}
