package corosyncd

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/gossip"
	"github.com/holdfast-ha/holdfast/corosyncd/qdevice"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/qdevice/client"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// newDevice makes the quorum device's shell.
func (d *Daemon) newDevice() (*qdevice.Device, error) {
	return qdevice.New(qdevice.Config{
		Dir: d.cfg.Dirs.Qdevice(), Log: d.cfg.Log,
		Vote: func(ctx context.Context, v client.Vote, alive bool) {
			// An error is that the daemon ends.
			_, _ = d.core.give(ctx, engine.DeviceVote{Ring: v.Ring, DeviceVote: quorum.DeviceVote{Alive: alive, Answered: v.Answered, Cast: v.Cast}})
		},
		Want: d.wantCredentials,
	})
}

// Bounds of what corosync-qnetd accepts as the time between two echo requests.
const (
	minHeartbeat = time.Second
	maxHeartbeat = 2 * time.Minute
)

// deviceSettings is the cluster file as the device wants it, nil without a device.
func (d *Daemon) deviceSettings(f *clusterfile.File) *qdevice.Settings {
	dev := f.Quorum.Device
	if dev == nil {
		return nil
	}
	n, h := &dev.Net, &dev.Heuristics
	c := client.Config{
		Node: d.self.ID, Cluster: f.Cluster.Name, KeepActive: n.KeepActive, Timeout: dev.Timeout, WaitForAll: f.Quorum.WaitForAll,
		Heartbeat: min(max(dev.Timeout*8/10, minHeartbeat), maxHeartbeat), ConnectTimeout: n.ConnectTimeout,
		Algorithm:  map[string]wire.Algorithm{"ffsplit": wire.FFSplit, "lms": wire.LMS, "2nodelms": wire.TwoNodeLMS, "test": wire.Test}[n.Algorithm],
		TLS:        map[string]client.TLSMode{"on": client.TLSOn, "off": client.TLSOff, "required": client.TLSRequired}[n.TLS],
		TieBreaker: wire.TieBreaker{Mode: map[string]wire.TieMode{"lowest": wire.TieLowest, "highest": wire.TieHighest, "node": wire.TieNode}[n.TieBreaker], Node: n.TieBreakerNode},
		Heuristics: client.Heuristics{Mode: map[string]client.HeuristicsMode{"off": client.HeuristicsOff, "on": client.HeuristicsOn, "sync": client.HeuristicsSync}[h.Mode],
			Timeout: h.Timeout, SyncTimeout: h.SyncTimeout, Interval: h.Interval},
		Server: net.JoinHostPort(n.Host, strconv.Itoa(n.Port)),
	}
	for _, node := range f.Nodes {
		c.Nodes = append(c.Nodes, node.ID)
	}
	return &qdevice.Settings{Client: c, Host: n.Host, Port: n.Port, ForceIP: n.ForceIP, ServerName: n.ServerName, Commands: h.Commands}
}

// deviceStatus answers with the state of the quorum device.
func (d *Daemon) deviceStatus(*http.Request) (any, error) {
	s, of, ok := d.device.Status()
	if !ok {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no quorum device")
	}
	f := d.file.Load()
	dev := f.Quorum.Device
	if dev == nil {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no quorum device")
	}
	st := api.QdeviceStatus{
		Cluster: f.Cluster.Name, Node: d.self.ID, Host: of.Client.Server, Algorithm: of.Client.Algorithm.String(), TieBreaker: dev.Net.TieBreaker,
		TieBreakerNode: dev.Net.TieBreakerNode, KeepActive: of.Client.KeepActive, KeepActiveSupported: s.KeepActive, ForceIP: of.ForceIP,
		TLS: dev.Net.TLS, TLSActive: s.TLS, State: s.State, Problem: s.Problem, Vote: s.Vote.String(), Ring: s.Ring, Members: s.Members, Nodes: of.Client.Nodes,
		Quorate: s.Quorate, Timeout: dev.Timeout.Milliseconds(), SyncTimeout: dev.SyncTimeout.Milliseconds(), ConnectTimeout: of.Client.ConnectTimeout.Milliseconds(),
		Heartbeat: of.Client.Heartbeat.Milliseconds(), Heuristics: dev.Heuristics.Mode, Result: s.Heuristics.String(), Regular: s.Regular.String(),
		Membership: s.Membership.String(), Connect: s.Connect.String(), Expected: d.core.latest.Load().Quorum.Expected, Votes: dev.Votes,
	}
	if !s.Since.IsZero() {
		st.Since = s.Since.UnixMilli()
	}
	if !s.Decided.IsZero() {
		st.Decided = s.Decided.UnixMilli()
	}
	if !s.Echo.IsZero() {
		st.Echo = s.Echo.UnixMilli()
	}
	return st, nil
}

// credentialsRequest takes certificates for the quorum device server, here and on every member.
func (d *Daemon) credentialsRequest(r *http.Request) (any, error) {
	var n credentials.Node
	if err := ipc.Read(r, &n); err != nil {
		return nil, err
	}
	if err := n.Check(d.file.Load().Cluster.Name); err != nil {
		return nil, ipc.Errorf(api.CodeConfig, "%v", err)
	}
	return nil, d.everybody(r.Context(), gossip.Command{Do: doCredentials, Data: encodeCredentials(&n)})
}

func encodeCredentials(n *credentials.Node) []byte {
	raw, _ := json.Marshal(n) // of byte slices
	return raw
}

// takeCredentials stores certificates and connects anew with them.
func (d *Daemon) takeCredentials(ctx context.Context, data []byte) error {
	var n credentials.Node
	if err := json.Unmarshal(data, &n); err != nil {
		return ipc.Errorf(api.CodeInvalidParam, "certificates for the quorum device server: %v", err)
	}
	if err := n.Check(d.file.Load().Cluster.Name); err != nil {
		return ipc.Errorf(api.CodeConfig, "%v", err)
	}
	dir := d.cfg.Dirs.Qdevice()
	if n.Same(dir) {
		return nil
	}
	if err := n.Write(dir); err != nil {
		return ipc.Errorf(api.CodeCantCreate, "certificates for the quorum device server: %v", err)
	}
	d.cfg.Log.Info("took new certificates for the quorum device server", "dir", filepath.Clean(dir))
	return d.device.Reconnect(ctx)
}

// wantCredentials asks the other members for what this node has missed while it was away.
func (d *Daemon) wantCredentials() {
	for _, m := range d.core.latest.Load().Members {
		if m.ID != d.self.ID {
			if err := d.tell(m, gossip.Command{Do: doWantCredentials}); err != nil {
				d.cfg.Log.Debug("ask for certificates", "node", m.Name, "err", err)
			}
		}
	}
}

// giveCredentials answers a member that asks.
func (d *Daemon) giveCredentials(to api.NodeID) error {
	n, err := credentials.ReadNode(d.cfg.Dirs.Qdevice())
	if err != nil {
		return nil // it asks others too
	}
	m := d.core.latest.Load().Member(to)
	if m == nil {
		return nil
	}
	return d.tell(*m, gossip.Command{Do: doCredentials, Data: encodeCredentials(n)})
}
