package mon

import (
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// summary writes what concerns the whole cluster.
func (r *report) summary() {
	l := &list{r: r, title: "Cluster Summary"}
	if r.has(stack) {
		l.item("Stack: %s", r.stack())
	}
	switch { // that there is none is said in any case
	case r.m.DC == nil:
		l.item("Current DC: NONE")
	case r.has(dc):
		l.item("Current DC: %s (version %s) - %s", r.view.NodeName(r.m.DC), r.version(), r.partition())
	}
	if r.has(times) {
		l.item("Last updated: %s", time.Now().Format(clock))
		l.item("Last change:  %s", r.lastChange())
	}
	if r.has(counts) {
		l.item("%s configured", plural(len(r.m.Nodes), "node"))
		l.item("%s configured%s", plural(r.m.Total, "resource instance"), r.instances())
	}
	if r.has(options) {
		r.options(l)
	}
	if r.has(maintenance) {
		r.maintenance(l)
	}
	l.end()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (r *report) stack() string {
	if s, ok := r.m.Options.Raw.Lookup("cluster-infrastructure"); ok {
		return s
	}
	return "unknown"
}

func (r *report) version() string {
	if v, ok := r.m.Options.Raw.Lookup("dc-version"); ok {
		return v
	}
	return "unknown"
}

func (r *report) partition() string {
	text := "partition "
	if r.mixed() {
		text = "MIXED-version partition "
	}
	if r.m.Quorum {
		return text + "with quorum"
	}
	return text + "WITHOUT quorum"
}

// mixed reports whether members run different versions of the software.
func (r *report) mixed() bool {
	first := ""
	for _, n := range r.m.Nodes {
		set := r.view.FeatureSet(n)
		if set == "" {
			continue
		}
		if first != "" && set != first {
			return true
		}
		first = set
	}
	return false
}

func (r *report) lastChange() string {
	text := r.m.Doc.Get("cib-last-written")
	for _, a := range [][2]string{{" by ", "update-user"}, {" via ", "update-client"}, {" on ", "update-origin"}} {
		if v := r.m.Doc.Get(a[1]); v != "" {
			text += a[0] + v
		}
	}
	return text
}

// instances says how many resource instances are not as they should be.
func (r *report) instances() string {
	d, b := r.m.Disabled, r.m.Blocked
	const blocked = "BLOCKED from further action due to failure"
	switch {
	case d > 0 && b > 0:
		return fmt.Sprintf(" (%d DISABLED, %d %s)", d, b, blocked)
	case d > 0:
		return fmt.Sprintf(" (%d DISABLED)", d)
	case b > 0:
		return fmt.Sprintf(" (%d %s)", b, blocked)
	}
	return ""
}

var quorumTexts = map[model.QuorumPolicy]string{
	model.QuorumFreeze: "Freeze resources", model.QuorumStop: "Stop ALL resources",
	model.QuorumDemote: "Demote promotable resources and stop all other resources",
	model.QuorumIgnore: "Ignore", model.QuorumSuicide: "Suicide",
}

func (r *report) options(l *list) {
	o := &r.m.Options
	fence, symmetric := "disabled", "asymmetric"
	if o.Fencing {
		fence = "enabled"
	}
	if o.Symmetric {
		symmetric = "symmetric"
	}
	l.item("STONITH of failed nodes %s", fence)
	l.item("Cluster is %s", symmetric)
	l.item("No quorum policy: %s", quorumTexts[o.NoQuorum])
}

func (r *report) maintenance(l *list) {
	w := r.out.Lines
	switch o := &r.m.Options; {
	case o.Maintenance:
		l.begin()
		w.Spacer()
		w.Text("              *** Resource management is DISABLED ***")
		w.Text("  The cluster will not attempt to start, stop or recover services")
	case o.StopAll:
		l.begin()
		w.Spacer()
		w.Text("    *** Resource management is DISABLED ***")
		w.Text("  The cluster will keep all resources stopped")
	}
}

func (r *report) summaryXML() {
	e := cibxml.New("summary")
	if r.has(stack) {
		e.Append(cibxml.New("stack", "type", r.stack()))
	}
	switch {
	case r.m.DC == nil:
		e.Append(cibxml.New("current_dc", "present", "false"))
	case r.has(dc):
		e.Append(cibxml.New("current_dc", "present", "true", "version", r.m.Options.Raw.Get("dc-version"), "name", r.m.DC.Name, "id", r.m.DC.ID,
			"with_quorum", strconv.FormatBool(r.m.Quorum), "mixed_version", strconv.FormatBool(r.mixed())))
	}
	if r.has(times) {
		e.Append(cibxml.New("last_update", "time", time.Now().Format(clock)),
			cibxml.New("last_change", "time", r.m.Doc.Get("cib-last-written"), "user", r.m.Doc.Get("update-user"),
				"client", r.m.Doc.Get("update-client"), "origin", r.m.Doc.Get("update-origin")))
	}
	if r.has(counts) {
		e.Append(cibxml.New("nodes_configured", "number", strconv.Itoa(len(r.m.Nodes))),
			cibxml.New("resources_configured", "number", strconv.Itoa(r.m.Total), "disabled", strconv.Itoa(r.m.Disabled),
				"blocked", strconv.Itoa(r.m.Blocked)))
	}
	if r.has(options) {
		o := &r.m.Options
		timeout, _ := isotime.ParseInterval(o.FenceTimeout)
		e.Append(cibxml.New("cluster_options", "stonith-enabled", strconv.FormatBool(o.Fencing),
			"symmetric-cluster", strconv.FormatBool(o.Symmetric), "no-quorum-policy", o.NoQuorum.String(),
			"maintenance-mode", strconv.FormatBool(o.Maintenance), "stop-all-resources", strconv.FormatBool(o.StopAll),
			"stonith-timeout-ms", strconv.FormatInt(timeout, 10), "priority-fencing-delay-ms", strconv.FormatInt(o.PriorityDelay*1000, 10)))
	}
	if len(e.Children) > 0 {
		r.out.Add(e)
	}
}
