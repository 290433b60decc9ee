package gen

// score draws a score as people write them.
func score(r *Rand) string {
	return One(r, "INFINITY", "INFINITY", "-INFINITY", "-INFINITY", "0", "1", "5", "10", "100", "100", "200", "1000", "-1", "-10", "-100", "-1000", "+INFINITY", "999999", "500000", "-500000")
}

func boolean(r *Rand) string { return One(r, "true", "false") }

// pairOf is a name with the values that are tried for it.
type pairOf struct {
	name   string
	values []string
}

func (p pairOf) value(r *Rand) string {
	v := p.values[r.Intn(len(p.values))]
	if v == "SCORE" {
		return score(r)
	}
	return v
}

var bools = []string{"true", "false"}

// clusterOptions are the properties that change decisions.
var clusterOptions = []pairOf{
	{"no-quorum-policy", []string{"stop", "freeze", "ignore", "demote", "suicide", "nonsense"}},
	{"symmetric-cluster", []string{"true", "false", "false"}},
	{"maintenance-mode", []string{"true", "false"}},
	{"start-failure-is-fatal", bools},
	{"enable-startup-probes", bools},
	{"shutdown-lock", bools},
	{"shutdown-lock-limit", []string{"0", "5min", "1h", "10000h"}},
	{"stonith-enabled", []string{"true", "false", "false"}},
	{"stonith-action", []string{"reboot", "off", "poweroff", "bogus"}},
	{"stonith-timeout", []string{"60s", "1000s", "10"}},
	{"have-watchdog", bools},
	{"stonith-watchdog-timeout", []string{"0", "10s", "-1"}},
	{"concurrent-fencing", bools},
	{"startup-fencing", bools},
	{"priority-fencing-delay", []string{"0", "15s", "30"}},
	{"cluster-delay", []string{"60s", "2min"}},
	{"batch-limit", []string{"0", "5", "30"}},
	{"migration-limit", []string{"-1", "1", "2"}},
	{"stop-all-resources", []string{"true", "false", "false"}},
	{"stop-orphan-resources", bools},
	{"stop-orphan-actions", bools},
	{"remove-after-stop", bools},
	{"node-health-strategy", []string{"none", "migrate-on-red", "only-green", "progressive", "custom"}},
	{"node-health-base", []string{"0", "10", "-50", "100"}},
	{"node-health-green", []string{"0", "10", "SCORE"}},
	{"node-health-yellow", []string{"0", "-10", "SCORE"}},
	{"node-health-red", []string{"-INFINITY", "-10", "SCORE"}},
	{"placement-strategy", []string{"default", "utilization", "minimal", "balanced"}},
	{"default-resource-stickiness", []string{"0", "100", "INFINITY"}},
	{"default-action-timeout", []string{"20s"}},
	{"is-managed-default", bools},
	{"cluster-recheck-interval", []string{"5min"}},
	{"cluster-name", []string{"alpha"}},
	{"site-name", []string{"east"}},
	{"dc-deadtime", []string{"20s"}},
}

// rscMeta are the meta attributes of any resource.
var rscMeta = []pairOf{
	{"priority", []string{"0", "1", "5", "10", "100", "-5", "INFINITY"}},
	{"target-role", []string{"Started", "Stopped", "Stopped", "Slave", "Unpromoted", "Master", "Promoted", "Bogus"}},
	{"is-managed", []string{"true", "false", "false"}},
	{"maintenance", []string{"true", "false"}},
	{"resource-stickiness", []string{"0", "1", "100", "INFINITY", "-1", "-INFINITY", "1000"}},
	{"requires", []string{"nothing", "quorum", "fencing", "unfencing", "bogus"}},
	{"migration-threshold", []string{"0", "1", "2", "3", "INFINITY"}},
	{"failure-timeout", []string{"0", "60s", "10min", "1h", "30d"}},
	{"multiple-active", []string{"stop_start", "stop_only", "block", "stop_unexpected"}},
	{"allow-migrate", []string{"true", "true", "false"}},
	{"critical", []string{"true", "false", "false"}},
	{"allow-unhealthy-nodes", bools},
	{"restart-type", []string{"ignore", "restart"}},
	{"resource-discovery-enabled", bools},
	{"remote-node", []string{"guestx"}},
}

// cloneMeta are the meta attributes of clones.
var cloneMeta = []pairOf{
	{"clone-max", []string{"0", "1", "2", "3", "4", "7"}},
	{"clone-node-max", []string{"1", "1", "2", "3"}},
	{"clone-min", []string{"0", "1", "2", "3"}},
	{"globally-unique", bools},
	{"interleave", []string{"true", "true", "false"}},
	{"ordered", []string{"true", "true", "false"}},
	{"notify", []string{"true", "true", "false"}},
	{"promotable", []string{"true", "true", "false"}},
	{"promoted-max", []string{"0", "1", "2", "3"}},
	{"promoted-node-max", []string{"1", "2"}},
	{"master-max", []string{"1", "2"}},
	{"master-node-max", []string{"1"}},
}

// nodeAttrs are attributes of nodes that mean something to the scheduler or to rules.
var nodeAttrs = []pairOf{
	{"standby", []string{"on", "true", "off", "false"}},
	{"maintenance", []string{"true", "false"}},
	{"#health-disk", []string{"red", "yellow", "green", "SCORE"}},
	{"#health-cpu", []string{"red", "yellow", "green", "10", "-20"}},
	{"site", []string{"east", "west"}},
	{"rack", []string{"1", "2", "3"}},
	{"probe_complete", []string{"true", "false"}},
	{"resource-discovery-enabled", []string{"true", "false"}},
	{"load", []string{"0.5", "1.5", "12", "9"}},
	{"pingd", []string{"0", "100", "200", "1000"}},
}

// states are attributes of node states.
var states = []pairOf{
	{"in_ccm", []string{"true", "true", "false"}},
	{"crmd", []string{"online", "online", "offline"}},
	{"join", []string{"member", "member", "down", "pending", "nack"}},
	{"expected", []string{"member", "member", "down"}},
	{"ha", []string{"active", "dead"}},
	{"remote_node", []string{"true", "false"}},
	{"node_fenced", []string{"1", "0"}},
	{"node_in_maintenance", []string{"true", "1"}},
	{"shutdown", []string{"0", "1"}},
}
