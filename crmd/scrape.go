package crmd

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/metrics"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/internal/exposition"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// counts are what has happened since crmd started.
type counts struct {
	mu sync.Mutex
	metrics.Counts
}

func (c *counts) alarm(out detect.Output) {
	if r, ok := out.(detect.Raised); ok {
		c.change(func(m *metrics.Counts) { m.Alarms[r.Alarm.Name]++ })
	}
}

func (c *counts) result(r executor.Result) {
	outcome := "ok"
	switch {
	case r.Status == lrm.Timeout:
		outcome = "timeout"
	case r.Status != lrm.Done:
		outcome = "error"
	case r.RC == lrm.RCNotRunning:
		outcome = "not-running"
	case r.RC != lrm.RCOK && r.RC != lrm.RCPromoted:
		outcome = "failed"
	}
	c.change(func(m *metrics.Counts) { m.Operations[metrics.Operation{Task: r.Op.Task, Outcome: outcome}]++ })
}

// incident counts a record that has come to its end here.
func (c *counts) incident(in api.Incident) {
	c.change(func(m *metrics.Counts) { m.Incidents[metrics.Incident{Kind: in.Kind, Severity: in.Severity}]++ })
}

func (c *counts) change(do func(m *metrics.Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Alarms == nil {
		c.Alarms, c.Operations, c.Incidents = make(map[string]uint64), make(map[metrics.Operation]uint64), make(map[metrics.Incident]uint64)
	}
	do(&c.Counts)
}

// copy is what the counts are now.
func (c *counts) copy() (out metrics.Counts) {
	c.change(func(m *metrics.Counts) {
		out = *m
		out.Alarms, out.Operations, out.Incidents = maps.Clone(m.Alarms), maps.Clone(m.Operations), maps.Clone(m.Incidents)
	})
	return out
}

// neighbourTimeout bounds the question to another daemon of this node for its part of the metrics.
const neighbourTimeout = 2 * time.Second

// exporter is the prefix of the metrics that ha_cluster_exporter has.
const exporter = "ha_cluster_"

// collect is the page of this daemon, with what ha_cluster_exporter tells of corosync and sbd, so that it takes
// the exporter's place.
func (d *Daemon) collect(ctx context.Context) string {
	began := time.Now()
	var p exposition.Page
	s := d.snap.Load()
	host := d.observer.Host()
	f := metrics.Facts{Status: &s.status, Host: &host, Vitals: d.observer.Last(), Nodes: d.observer.Nodes(), Counts: d.counts.copy(), Incidents: d.records.archive.List()}
	if s.leads {
		if t, err := query(d, func() api.ThrottleStatus { return d.machine.Throttle(time.Now()) }); err == nil {
			f.Throttle = &t
		}
	}
	metrics.Own(&p, &f)
	ok := pacemakerMetrics(&p, s.doc)
	success := p.Gauge("ha_cluster_scrape_success", "Whether a collector succeeded.")
	took := p.Gauge("ha_cluster_scrape_duration_seconds", "Duration of a collector scrape.")
	success.Set(ok, "collector", "pacemaker")
	took.Add(time.Since(began).Seconds(), "collector", "pacemaker")
	more := ""
	for _, x := range []struct{ daemon, collector string }{{"corosyncd", "corosync"}, {"fenced", "sbd"}} {
		began = time.Now()
		text, err := d.neighbour(ctx, x.daemon)
		success.Set(err == nil, "collector", x.collector)
		took.Add(time.Since(began).Seconds(), "collector", x.collector)
		more += exposition.Only(text, exporter)
	}
	scrape.Process(&p)
	return p.Text() + more
}

func (d *Daemon) neighbour(ctx context.Context, daemon string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, neighbourTimeout)
	defer cancel()
	return scrape.Read(ctx, d.cfg.Dirs.Socket(daemon))
}

// pacemakerMetrics reads the CIB as the scheduler does. One that breaks it makes the collector fail, not crmd.
func pacemakerMetrics(p *exposition.Page, doc *cibxml.Element) (ok bool) {
	if doc == nil {
		return false
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	current, err := upgrade.ToCurrent(doc)
	if err != nil {
		return false
	}
	metrics.Pacemaker(p, sched.Parse(sched.Input{Doc: current, Now: time.Now().Unix(), Zone: time.Local}))
	return true
}

// metricsAddress is where this daemon answers Prometheus.
func (d *Daemon) metricsAddress() string {
	f := d.file.Load()
	return f.Metrics.Address(f.Metrics.Crmd, f.Node(d.node).Links)
}
