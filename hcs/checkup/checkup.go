// Package checkup finds what needs attention in a cluster, and says what to do about it.
package checkup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/state"
)

// Severity is how bad a problem is.
type Severity string

const (
	// Bad is something that does not work.
	Bad Severity = "bad"
	// Attention is something that somebody should look at.
	Attention Severity = "attention"
	// Note is a state that somebody has asked for and may have forgotten.
	Note Severity = "note"
)

// Problem is one finding.
type Problem struct {
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
	// Advice is what to do, often a command.
	Advice string `json:"advice,omitempty"`
}

// Facts are what is known of a cluster. Everything but Cluster may be missing.
type Facts struct {
	Cluster  *state.Cluster
	CRM      *api.CRMStatus
	Corosync *api.CorosyncStatus
	Links    []api.LinkStatus
	Fencing  *api.FenceHealth
	Budget   *api.FenceBudget
	Alarms   []api.Alarm
}

// Find lists what needs attention, the worst first.
func Find(f Facts) []Problem {
	c := &checker{Facts: f, list: []Problem{}}
	c.membership()
	if f.Cluster != nil {
		c.nodes()
		c.fencing()
		c.resources()
		c.failures()
		c.settings()
	}
	c.paths()
	c.links()
	c.alarms()
	slices.SortStableFunc(c.list, func(a, b Problem) int { return rank(a.Severity) - rank(b.Severity) })
	return c.list
}

func rank(s Severity) int {
	return slices.Index([]Severity{Bad, Attention, Note}, s)
}

type checker struct {
	Facts
	list []Problem
}

func (c *checker) add(s Severity, advice, format string, args ...any) {
	c.list = append(c.list, Problem{s, fmt.Sprintf(format, args...), advice})
}

// membership looks at quorum, the DC and the daemons.
func (c *checker) membership() {
	if cs := c.Corosync; cs != nil {
		q := cs.View.Quorum
		if !q.Quorate {
			c.add(Bad, "start the missing nodes; hcs quorum status shows the votes", "this partition has no quorum: %s", q.Reason)
		}
		for _, r := range cs.Refused {
			c.add(Attention, "", "%s (%s) may not join: %s", r.Name, r.Addr, r.Reason)
		}
		var missing []string
		for name, on := range map[string]bool{"realtime priority": cs.Realtime, "locked memory": cs.Locked, "protection from the OOM killer": cs.OOMProtected} {
			if !on {
				missing = append(missing, name)
			}
		}
		if slices.Sort(missing); len(missing) > 0 {
			c.add(Note, "run it as root, or by its systemd unit", "the heartbeat runs without %s: a busy machine may be taken for a dead one", strings.Join(missing, ", "))
		}
	}
	crm := c.CRM
	if crm == nil {
		return
	}
	if crm.DC == "" {
		c.add(Bad, "wait a moment; if it stays so, see the log of crmd", "there is no DC: nothing is being decided")
	}
	if crm.ReadOnly != "" {
		c.add(Attention, "", "the configuration cannot be changed: %s", crm.ReadOnly)
	}
	if crm.Fencing != "" && crm.Fencing != "ok" {
		c.add(Bad, "see the log of fenced", "fencing does not work on this node: %s", crm.Fencing)
	}
	for _, n := range slices.Sorted(keys(crm.Unreachable)) {
		c.add(Bad, "see the log of crmd on "+n, "crmd on %s does not answer: %s", n, crm.Unreachable[n])
	}
}

func keys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (c *checker) nodes() {
	for _, n := range c.Cluster.Nodes {
		switch n.State {
		case "unclean":
			c.add(Bad, "see hcs stonith history; if you have made sure that "+n.Name+" is off: hcs stonith confirm "+n.Name,
				"node %s is lost and has not been fenced: what ran there is not started elsewhere", n.Name)
		case "offline":
			c.add(Attention, "hcs cluster start on "+n.Name, "node %s is offline", n.Name)
		case "pending":
			c.add(Attention, "", "node %s is joining", n.Name)
		case "standby":
			c.add(Note, "hcs node unstandby "+n.Name, "node %s is in standby", n.Name)
		case "maintenance":
			c.add(Note, "hcs node unmaintenance "+n.Name, "node %s is in maintenance", n.Name)
		}
		if n.Health != "" {
			c.add(Attention, "hcs node attribute "+n.Name, "the health of node %s is %s", n.Name, n.Health)
		}
	}
}

func (c *checker) fencing() {
	switch st := c.Cluster; {
	case !st.Fencing:
		c.add(Attention, "set up fence devices (hcs stonith create), then: hcs property set stonith-enabled=true",
			"fencing is switched off: a resource of a lost node may run twice and destroy its data")
	case !st.FenceDevices && len(st.Resources) > 0:
		c.add(Bad, "hcs stonith create", "there is no fence device, so no resource is started")
	case !st.FenceDevices:
		c.add(Note, "hcs stonith create", "there is no fence device yet; without one no resource is started")
	}
}

// paths looks at the ways to fence from this node, and at the timeouts.
func (c *checker) paths() {
	if c.Fencing != nil {
		for _, p := range c.Fencing.Paths {
			if p.Problem != "" {
				c.add(Bad, "hcs stonith test "+p.Device, "nodes could not be fenced with %s from %s: %s", p.Device, c.Fencing.Node, p.Problem)
			}
		}
	}
	if c.Budget != nil {
		for _, x := range c.Budget.Conflicts {
			if x.Fatal {
				c.add(Bad, "hcs doctor timeouts", "timeouts of fencing contradict each other: %s", x.Text)
			}
		}
	}
}

func (c *checker) failures() {
	for _, f := range c.Cluster.Failures {
		what := fmt.Sprintf("%s of %s failed on %s: %s", f.Operation, f.Resource, f.Node, f.RCText)
		if f.Status != "complete" {
			what = fmt.Sprintf("%s of %s failed on %s: %s", f.Operation, f.Resource, f.Node, strings.ToLower(f.Status))
		}
		if f.Reason != "" {
			what += " (" + f.Reason + ")"
		}
		if f.Infinity() {
			what += "; it may not run there any more"
		}
		c.add(Bad, "when the cause is gone: hcs resource cleanup "+f.Resource, "%s", what)
	}
}

// settings are switches that somebody may have forgotten.
func (c *checker) settings() {
	st := c.Cluster
	if st.Maintenance {
		c.add(Attention, "hcs property unset maintenance-mode", "the whole cluster is in maintenance: nothing is started, stopped or monitored")
	}
	if st.StopAll {
		c.add(Attention, "hcs property unset stop-all-resources", "all resources are stopped by stop-all-resources")
	}
	for _, m := range st.Moves {
		until := ""
		if m.Until != "" {
			until = " until " + m.Until
		}
		if m.Ban {
			c.add(Note, "hcs resource clear "+m.Resource, "%s is banned from %s%s", m.Resource, m.Node, until)
		} else {
			c.add(Note, "hcs resource clear "+m.Resource, "%s is made to run on %s%s", m.Resource, m.Node, until)
		}
	}
	for _, w := range st.Warnings {
		if !strings.Contains(w, "STONITH") { // fencing says that in its own words
			c.add(Attention, "", "%s", w)
		}
	}
}

func (c *checker) links() {
	for _, l := range c.Links {
		if l.Enabled && !l.Connected && l.Local != l.Remote && c.present(l.Node) {
			c.add(Attention, "hcs links", "link %d to node %s is down", l.Link, c.name(l.Node))
		}
	}
}

// present reports whether a node is a member: links to others are down anyway.
func (c *checker) present(id api.NodeID) bool {
	return c.Corosync == nil || c.Corosync.View.Has(id)
}

func (c *checker) name(id api.NodeID) string {
	if c.Corosync != nil {
		for _, n := range c.Corosync.View.Nodes {
			if n.ID == id {
				return n.Name
			}
		}
	}
	return id.String()
}

// alarms are those of all nodes; what is only for information is left to hcs alarms.
func (c *checker) alarms() {
	for _, a := range c.Alarms {
		severity, ok := map[string]Severity{api.Critical: Bad, api.Warning: Attention}[a.Severity]
		if ok {
			c.add(severity, "hcs alarms "+a.Node+" --long", "alarm %s on %s: %s", a.Name, a.Node, a.Summary)
		}
	}
}
