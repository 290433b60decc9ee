package unpack

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// option is a cluster option that the scheduler knows, with what it is when it is absent or invalid.
type option struct {
	name, fallback string
	valid          func(string) bool
}

func oneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, strings.ToLower(s)) }
}

func validBool(s string) bool {
	_, ok := scalar.ParseBool(s)
	return ok
}

func validInterval(s string) bool {
	_, ok := isotime.ParseInterval(s)
	return ok
}

func validFenceAction(s string) bool { return s == "reboot" || s == "off" || s == "poweroff" }

var options = []option{
	{"no-quorum-policy", "stop", oneOf("stop", "freeze", "ignore", "demote", "suicide")},
	{"symmetric-cluster", "true", validBool},
	{"maintenance-mode", "false", validBool},
	{"start-failure-is-fatal", "true", validBool},
	{"enable-startup-probes", "true", validBool},
	{"shutdown-lock", "false", validBool},
	{"shutdown-lock-limit", "0", validInterval},
	{"stonith-enabled", "true", validBool},
	{"stonith-action", "reboot", validFenceAction},
	{"stonith-timeout", "60s", validInterval},
	{"have-watchdog", "false", validBool},
	{"concurrent-fencing", "false", validBool},
	{"startup-fencing", "true", validBool},
	{"priority-fencing-delay", "0", validInterval},
	{"cluster-delay", "60s", validInterval},
	{"batch-limit", "0", scalar.IsNumber},
	{"migration-limit", "-1", scalar.IsNumber},
	{"stop-all-resources", "false", validBool},
	{"stop-orphan-resources", "true", validBool},
	{"stop-orphan-actions", "true", validBool},
	{"remove-after-stop", "false", validBool},
	{"pe-error-series-max", "-1", scalar.IsNumber},
	{"pe-warn-series-max", "5000", scalar.IsNumber},
	{"pe-input-series-max", "4000", scalar.IsNumber},
	{"node-health-strategy", "none", oneOf("none", "migrate-on-red", "only-green", "progressive", "custom")},
	{"node-health-base", "0", scalar.IsNumber},
	{"node-health-green", "0", scalar.IsNumber},
	{"node-health-yellow", "0", scalar.IsNumber},
	{"node-health-red", "-INFINITY", scalar.IsNumber},
	{"placement-strategy", "default", oneOf("default", "utilization", "minimal", "balanced")},
}

// options reads crm_config. The health scores are set here, since every score that is read later may use
// their names.
func (b *Builder) options(config *cibxml.Element) {
	ctx := b.context()
	raw := ctx.Blocks(nil, config, "cluster_property_set", "cib-bootstrap-options", false)
	values := make(map[string]string, len(options))
	for _, o := range options {
		v, ok := raw.Lookup(o.name)
		if ok && !o.valid(v) {
			b.log.ConfigError("Using default value for cluster option '%s' because '%s' is invalid", o.name, v)
			ok = false
		}
		if !ok {
			v = o.fallback
		}
		values[o.name] = v
	}
	is := func(name string) bool { return scalar.IsTrue(values[name]) }
	seconds := func(name string) int64 {
		ms, _ := isotime.ParseInterval(values[name])
		return ms / 1000
	}
	o := &b.m.Options
	*o = model.Options{
		Raw: raw, Symmetric: is("symmetric-cluster"), Maintenance: is("maintenance-mode"),
		StartFatal: is("start-failure-is-fatal"), StartupProbes: is("enable-startup-probes"),
		ShutdownLock: is("shutdown-lock"), Fencing: is("stonith-enabled"),
		FenceAction: values["stonith-action"], FenceTimeout: values["stonith-timeout"],
		Watchdog: is("have-watchdog"), ParallelFencing: is("concurrent-fencing"),
		PriorityDelay: seconds("priority-fencing-delay"), ClusterDelay: values["cluster-delay"],
		BatchLimit: values["batch-limit"], MigrationLimit: values["migration-limit"],
		StopAll: is("stop-all-resources"), StopOrphans: is("stop-orphan-resources"),
		CancelOrphans: is("stop-orphan-actions"), RemoveAfterStop: is("remove-after-stop"),
		HealthStrategy: strings.ToLower(values["node-health-strategy"]), ClusterName: raw.Get("cluster-name"),
	}
	o.StartupFencing = o.Fencing && is("startup-fencing")
	if o.ShutdownLock {
		o.LockLimit = seconds("shutdown-lock-limit")
	}
	if o.FenceAction == "poweroff" {
		b.log.ConfigWarningOnce("Support for stonith-action of 'poweroff' is deprecated and will be removed in a future release (use 'off' instead)")
		o.FenceAction = "off"
	}
	o.Placement = map[string]model.Placement{"utilization": model.PlaceUtilization, "minimal": model.PlaceMinimal,
		"balanced": model.PlaceBalanced}[strings.ToLower(values["placement-strategy"])]
	b.quorumPolicy(strings.ToLower(values["no-quorum-policy"]))
	b.health(values)
	if o.Watchdog {
		b.m.HasFenceDevice = true
	}
}

func (b *Builder) quorumPolicy(word string) {
	o := &b.m.Options
	switch word {
	case "ignore":
		o.NoQuorum = model.QuorumIgnore
	case "freeze":
		o.NoQuorum = model.QuorumFreeze
	case "demote":
		o.NoQuorum = model.QuorumDemote
	case "suicide":
		switch {
		case !o.Fencing:
			b.log.ConfigError("Resetting no-quorum-policy to 'stop' because fencing is disabled")
		case !b.m.Quorum && !b.m.NoQuorumPanic:
			b.log.Notice("Resetting no-quorum-policy to 'stop' because cluster has never had quorum")
		default:
			o.NoQuorum = model.QuorumSuicide
		}
	}
}

func (b *Builder) health(values map[string]string) {
	o := &b.m.Options
	none := scalar.Health{}
	switch o.HealthStrategy {
	case "migrate-on-red":
		o.Health.Red = -scalar.Inf
	case "only-green":
		o.Health.Red, o.Health.Yellow = -scalar.Inf, -scalar.Inf
	case "progressive", "custom":
		o.Health = scalar.Health{
			Red:    none.ParseScore(values["node-health-red"]),
			Yellow: none.ParseScore(values["node-health-yellow"]),
			Green:  none.ParseScore(values["node-health-green"]),
		}
	}
	if o.HealthStrategy == "progressive" {
		o.HealthBase = none.ParseScore(values["node-health-base"])
	}
	b.world.Health = o.Health
}

// wantsUnfencing reports whether any meta attribute of a resource or resource default asks for unfencing.
// Pacemaker looks for the words alone, without rules, and so may see more than is in force.
func wantsUnfencing(resources, defaults *cibxml.Element) bool {
	found := false
	look := func(meta *cibxml.Element) {
		for p := range meta.Tags("nvpair") {
			if name := p.Get("name"); (name == "provides" || name == "requires") && p.Get("value") == "unfencing" {
				found = true
			}
		}
	}
	resources.Walk(func(e *cibxml.Element) bool {
		if e.IsTag("meta_attributes") && e != resources {
			look(e)
		}
		return !found
	})
	for meta := range defaults.Tags("meta_attributes") {
		look(meta)
	}
	return found
}
