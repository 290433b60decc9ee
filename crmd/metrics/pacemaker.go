// Package metrics turns what crmd knows into metrics: those of ha_cluster_exporter under its names, and
// Holdfast's own.
package metrics

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/internal/exposition"
)

// Pacemaker adds what ha_cluster_exporter tells of Pacemaker.
func Pacemaker(p *exposition.Page, m *model.Model) {
	nodes(p, m)
	for _, r := range m.Resources {
		resource(p, m, r, "", "")
	}
	history(p, m)
	locations(p, m.Doc.Child("configuration").Child("constraints"))
	p.Gauge("ha_cluster_pacemaker_stonith_enabled", "Whether or not stonith is enabled.").Set(m.Options.Fencing)
	p.Gauge("ha_cluster_pacemaker_maintenance_mode_enabled", "Whether or not cluster wide maintenance-mode is enabled.").Set(m.Options.Maintenance)
	// The name is that of a gauge, but the exporter calls it a counter.
	if at, err := time.Parse(time.ANSIC, m.Doc.Get("cib-last-written")); err == nil {
		p.Counter("ha_cluster_pacemaker_config_last_change", "The timestamp of the last change of the cluster configuration.").Add(float64(at.Unix()))
	}
}

func nodes(p *exposition.Page, m *model.Model) {
	status := p.Gauge("ha_cluster_pacemaker_nodes", "The status of each node in the cluster; 1 means the node is in that status, 0 otherwise.")
	attrs := p.Gauge("ha_cluster_pacemaker_node_attributes", "Metadata attributes of each node; value is always 1.")
	for _, n := range m.Nodes {
		st := m.State.Node(n)
		kind := map[model.NodeKind]string{model.Member: "member", model.Ping: "ping", model.Remote: "remote"}[n.Kind]
		for name, yes := range map[string]bool{"online": st.Online, "standby": st.Standby, "standby_onfail": st.StandbyOnFail, "maintenance": st.Maintenance,
			"pending": st.Pending, "unclean": st.Unclean, "shutdown": st.Shutdown, "expected_up": st.ExpectedUp, "dc": n.DC} {
			status.Set(yes, "node", n.Name, "type", kind, "status", name)
		}
		for _, a := range n.Attrs {
			if !strings.HasPrefix(a.Name, "#") || strings.HasPrefix(a.Name, "#health") {
				attrs.Add(1, "node", n.Name, "name", a.Name, "value", a.Value)
			}
		}
	}
}

// resource adds a resource with everything inside of it.
func resource(p *exposition.Page, m *model.Model, r *model.Resource, group, clone string) {
	if r.Orphan && !m.State.Active(r, false) {
		return
	}
	switch r.Kind {
	case model.Group:
		group = r.ID
	case model.Clone:
		clone = r.ID
	}
	if r.Kind != model.Primitive {
		for _, c := range r.Children {
			resource(p, m, c, group, clone)
		}
		return
	}
	f := p.Gauge("ha_cluster_pacemaker_resources", "The status of each resource in the cluster; 1 means the resource is in that status, 0 otherwise.")
	st := m.State.Rsc(r)
	places := []string{""}
	if len(st.Running) > 0 {
		places = places[:0]
		for _, n := range st.Running {
			places = append(places, n.Name)
		}
	}
	for _, node := range places {
		for name, yes := range map[string]bool{"active": m.State.Active(r, true), "orphaned": r.Orphan, "blocked": st.Blocked, "failed": st.Failed,
			"failure_ignored": st.FailureIgnored} {
			f.Set(yes, "node", node, "resource", r.Name(), "role", role(r, st), "managed", strconv.FormatBool(st.Managed), "status", name,
				"agent", agent(r), "group", group, "clone", clone)
		}
	}
}

// role is what the resource does, or is about to do, in the exporter's words.
func role(r *model.Resource, st *model.RscState) string {
	pending := map[string]string{"start": "starting", "stop": "stopping", "migrate_to": "migrating", "migrate_from": "migrating", "promote": "promoting", "demote": "demoting"}
	if w := pending[st.Pending]; w != "" {
		return w
	}
	if st.Role == model.Started && r.Top().Promotable {
		return strings.ToLower(model.Unpromoted.String())
	}
	return strings.ToLower(st.Role.String())
}

// agent is the agent as crm_mon writes it: ocf:heartbeat:IPaddr2.
func agent(r *model.Resource) string {
	a := r.Agent
	if a.Provider != "" && strings.EqualFold(a.Class, "ocf") {
		return a.Class + ":" + a.Provider + ":" + a.Type
	}
	return a.Class + ":" + a.Type
}

// news reports whether crm_mon shows an operation: not a probe that found nothing, and no notification.
func news(o *model.Op) bool {
	return o.Task != "notify" && !(o.RC == int(lrm.RCNotRunning) && o.Task == "monitor" && o.IntervalMs == 0)
}

// history adds fail counts and thresholds of the resources that have a history on a node.
func history(p *exposition.Page, m *model.Model) {
	fails := p.Gauge("ha_cluster_pacemaker_fail_count", "The Fail count number per node and resource id.")
	limits := p.Gauge("ha_cluster_pacemaker_migration_threshold", "The migration_threshold number per node and resource id.")
	for _, n := range m.Nodes {
		if !m.State.Node(n).Online {
			continue
		}
		seen := map[string]bool{}
		for _, h := range n.Records {
			r := m.Resource(h.ID)
			if r == nil || seen[r.Name()] || !slices.ContainsFunc(h.Sorted, news) {
				continue
			}
			seen[r.Name()] = true
			count, _ := m.RawFailCount(r, n)
			fails.Add(score(count), "node", n.Name, "resource", r.Name())
			limit := float64(r.Threshold)
			if r.Threshold == 0 {
				limit = float64(scalar.Inf)
			}
			limits.Add(limit, "node", n.Name, "resource", r.Name())
		}
	}
}

func score(s scalar.Score) float64 {
	switch {
	case s >= scalar.Inf:
		return math.Inf(1)
	case s <= -scalar.Inf:
		return math.Inf(-1)
	}
	return float64(s)
}

func locations(p *exposition.Page, constraints *cibxml.Element) {
	f := p.Gauge("ha_cluster_pacemaker_location_constraints", "Resource location constraints. The value indicates the score.")
	for c := range constraints.Tags("rsc_location") {
		n, _ := strconv.ParseFloat(c.Get("score"), 64)
		switch strings.TrimPrefix(c.Get("score"), "+") {
		case "INFINITY":
			n = math.Inf(1)
		case "-INFINITY":
			n = math.Inf(-1)
		}
		f.Add(n, "constraint", c.ID(), "node", c.Get("node"), "resource", c.Get("rsc"), "role", strings.ToLower(c.Get("role")))
	}
}
