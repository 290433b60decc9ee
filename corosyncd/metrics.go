package corosyncd

import (
	"context"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/exposition"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// collect is the page of metrics: what ha_cluster_exporter tells of Corosync, and Holdfast's own.
func (d *Daemon) collect(ctx context.Context) string {
	var p exposition.Page
	links, err := d.linkList(ctx)
	worst := time.Duration(0)
	if err == nil {
		err = d.core.do(ctx, func() { worst = d.core.engine.WorstLateness() })
	}
	if err == nil {
		v := d.core.latest.Load()
		quorumMetrics(&p, v)
		linkMetrics(&p, v, links, time.Now())
		p.Gauge("holdfast_corosync_token_seconds", "How long a node may be silent.").Add(float64(v.Token) / 1000)
		p.Gauge("holdfast_corosync_worst_lateness_seconds", "The greatest delay of corosyncd's own loop since it started.").Add(worst.Seconds())
	}
	prot := d.cfg.Protection
	g := p.Gauge("holdfast_corosync_protection", "Whether a protection against starvation is in force.")
	g.Set(prot.Realtime, "kind", "realtime")
	g.Set(prot.Locked, "kind", "locked_memory")
	g.Set(prot.OOMProtected, "kind", "oom")
	rejected := p.Counter("holdfast_corosync_rejected_packets_total", "Packets that were dropped, by reason.")
	for reason, n := range d.links.Counters() {
		rejected.Add(float64(n), "reason", reason)
	}
	scrape.Process(&p)
	return p.Text()
}

func quorumMetrics(p *exposition.Page, v *api.View) {
	q := &v.Quorum
	p.Gauge("ha_cluster_corosync_quorate", "Whether or not the cluster is quorate.").Set(q.Quorate)
	votes := p.Gauge("ha_cluster_corosync_quorum_votes", "Cluster quorum votes; one line per type.")
	for name, n := range map[string]int{"expected_votes": q.Expected, "highest_expected": q.Highest, "total_votes": q.Votes, "quorum": q.Needed} {
		votes.Add(float64(n), "type", name)
	}
	member := p.Gauge("ha_cluster_corosync_member_votes", "How many votes each member node has contributed with to the current quorum.")
	for _, m := range v.Members {
		member.Add(float64(m.Votes), "node_id", m.ID.String(), "node", m.Name, "local", strconv.FormatBool(m.ID == v.Local))
	}
	p.Gauge("holdfast_corosync_members", "Members of this node's view.").Add(float64(len(v.Members)))
	p.Gauge("holdfast_corosync_nodes", "Configured nodes.").Add(float64(len(v.Nodes)))
	p.Counter("holdfast_corosync_ring_seq", "Sequence of the view; it rises with every change of the membership.").Add(float64(v.Ring.Seq))
	p.Gauge("holdfast_corosync_view_stale", "Whether this node stood still so long that others may have lost it.").Set(v.Stale)
}

// linkMetrics: a ring of Corosync is a link here; it is faulty when it is down to any member.
func linkMetrics(p *exposition.Page, v *api.View, links []api.LinkStatus, now time.Time) {
	up := p.Gauge("holdfast_link_up", "Whether a heartbeat link to a node works.")
	rtt := p.Gauge("holdfast_link_rtt_seconds", "Smoothed round trip on a link.")
	silent := p.Gauge("holdfast_link_silent_seconds", "For how long nothing has come on a link.")
	sent := p.Counter("holdfast_link_sent_total", "Heartbeats sent on a link.")
	received := p.Counter("holdfast_link_received_total", "Heartbeats received on a link.")
	lost := p.Counter("holdfast_link_lost_total", "Heartbeats that were lost on a link.")
	flaps := p.Counter("holdfast_link_flaps_total", "How often a link was lost.")
	names := make(map[api.NodeID]string, len(v.Nodes))
	for _, n := range v.Nodes {
		names[n.ID] = n.Name
	}
	own, faulty := make(map[int]string), make(map[int]bool)
	for _, l := range links {
		if l.Node == v.Local {
			own[l.Link] = l.Local
			continue
		}
		if v.Has(l.Node) && l.Enabled && !l.Connected {
			faulty[l.Link] = true
		}
		label := []string{"node", names[l.Node], "link", strconv.Itoa(l.Link)}
		up.Set(l.Connected, label...)
		rtt.Add(float64(l.RTT)/1e6, label...)
		if l.LastHeard > 0 {
			silent.Add(max(0, float64(now.UnixMilli()-l.LastHeard)/1000), label...)
		}
		sent.Add(float64(l.Sent), label...)
		received.Add(float64(l.Received), label...)
		lost.Add(float64(l.Lost), label...)
		flaps.Add(float64(l.Flaps), label...)
	}
	rings := p.Gauge("ha_cluster_corosync_rings", "The status of each Corosync ring; 1 means healthy, 0 means faulty.")
	for link, addr := range own {
		rings.Set(!faulty[link], "ring_id", v.Ring.String(), "node_id", v.Local.String(), "number", strconv.Itoa(link), "address", addr)
	}
	p.Gauge("ha_cluster_corosync_ring_errors", "The total number of faulty corosync rings.").Add(float64(len(faulty)))
}

// metricsAddress is where this daemon answers Prometheus.
func (d *Daemon) metricsAddress() string {
	m := d.file.Load().Metrics
	return m.Address(m.Corosyncd, d.self.Links)
}
