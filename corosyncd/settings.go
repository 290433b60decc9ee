package corosyncd

import (
	"fmt"
	"hash/crc32"
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/gossip"
	"github.com/holdfast-ha/holdfast/corosyncd/host"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/realtime"
)

// Scheduling is how the cluster file wants this daemon to run. A file with errors is reported by New.
func Scheduling(dirs paths.Dirs) realtime.Scheduling {
	text, err := os.ReadFile(dirs.ClusterFile())
	if err == nil {
		if f, err := clusterfile.Parse(dirs.ClusterFile(), text); err == nil {
			return realtime.Scheduling{Realtime: f.System.Realtime, Nice: f.System.Nice}
		}
	}
	return realtime.Scheduling{Realtime: true}
}

// ringLead is added to the ring sequence on disk: the last ones may not have been written before a crash.
const ringLead = 8

// engineConfig is the cluster file as the engine wants it.
func (d *Daemon) engineConfig(f *clusterfile.File) engine.Config {
	t := &f.Totem
	saved := d.store.saved()
	c := engine.Config{
		Cluster: f.Cluster.Name, Self: d.self.ID,
		Incarnation: max(saved.Incarnation+1, api.Incarnation(time.Now().UnixMicro())),
		Timing: engine.Timing{
			Token: t.Effective(), Interval: t.Interval(), Join: t.Join, Consensus: t.Consensus, StallGrace: t.StallGrace,
			Warning: t.Effective() * time.Duration(t.TokenWarning) / 100,
		},
		RingSeq:    saved.RingSeq + ringLead,
		FileDigest: digest(f), KeysDigest: d.clusterKeys.now().Digest(),
	}
	for link := range d.self.Links {
		i := t.Interface(link)
		c.Links = append(c.Links, engine.Link{Timeout: i.Timeout(t.Effective()), Pongs: i.PongCount, Priority: i.Priority,
			MaxPacket: min(max(host.MTU(d.self.Links[link].String(), 0), 0), frame.MaxPacket)})
	}
	sum := 0
	for _, n := range f.Nodes {
		sum += n.Votes
		c.Nodes = append(c.Nodes, engine.Node{ID: n.ID, Name: n.Name, Votes: n.Votes, Addrs: n.Links})
		if n.ID == d.self.ID {
			c.Quorum.Votes = n.Votes
		}
	}
	q := &f.Quorum
	c.Quorum = quorum.Config{
		Self: d.self.ID, Votes: c.Quorum.Votes, Expected: sum, TwoNode: q.TwoNode, WaitForAll: q.WaitForAll, WaitOnce: q.WaitOnce,
		AutoTieBreaker: q.AutoTieBreaker, TieBreaker: tieBreakers[q.TieBreaker], TieBreakerNodes: q.TieBreakerNodes,
		LastManStanding: q.LastManStanding, LastManWindow: q.LastManWindow, AllowDownscale: q.AllowDownscale,
		Tracking: q.ExpectedTracking || q.AllowDownscale, Barrier: saved.Expected,
	}
	if dev := q.Device; dev != nil {
		c.Quorum.Expected += dev.Votes
		c.Quorum.Device = quorum.Device{Votes: dev.Votes, MasterWins: dev.MasterWins, SyncTimeout: dev.SyncTimeout,
			OneVoteEach: dev.Net.Algorithm == clusterfile.AlgorithmFFSplit}
	}
	if q.ExpectedVotes > 0 {
		c.Quorum.Expected = q.ExpectedVotes
	}
	return c
}

var tieBreakers = map[clusterfile.TieBreaker]quorum.TieBreaker{
	clusterfile.TieBreakerLowest: quorum.TieBreakerLowest, clusterfile.TieBreakerHighest: quorum.TieBreakerHighest,
	clusterfile.TieBreakerList: quorum.TieBreakerList,
}

// digest identifies what a cluster file says about membership.
func digest(f *clusterfile.File) uint32 {
	h := crc32.NewIEEE()
	q := f.Quorum
	q.Device = nil // a pointer; what it points to follows
	fmt.Fprintf(h, "%+v %+v %+v", f.Cluster, f.Totem, q)
	if f.Quorum.Device != nil {
		fmt.Fprintf(h, "%+v", *f.Quorum.Device)
	}
	for _, n := range f.Nodes {
		fmt.Fprint(h, n.Name, n.ID, n.Links, n.Votes)
	}
	return h.Sum32()
}

func gossipNodes(f *clusterfile.File) []gossip.Node {
	nodes := make([]gossip.Node, len(f.Nodes))
	for i, n := range f.Nodes {
		nodes[i] = gossip.Node{ID: n.ID, Name: n.Name, Addrs: n.Links}
	}
	return nodes
}
