package option

import "slices"

// roles that a resource or an operation can have, with the old words for two of them.
var roles = []string{"Stopped", "Started", "Unpromoted", "Promoted", "Slave", "Master"}

// Resource are the meta attributes of every resource.
var Resource = Table{
	{Name: "target-role", Kind: Word, Default: "Started", Values: roles, Help: "The role that the cluster may bring the resource to at most."},
	{Name: "is-managed", Kind: Boolean, Default: "true", Help: "Whether the cluster starts and stops the resource. Monitors go on."},
	{Name: "maintenance", Kind: Boolean, Default: "false", Help: "Leave the resource alone: no starts, stops or monitors."},
	{Name: "priority", Kind: Score, Default: "0", Help: "When not all resources can run, those of lower priority stop."},
	{Name: "critical", Kind: Boolean, Default: "true", Help: "Whether the resource takes those along that it is colocated with when it has to move (the default of influence)."},
	{Name: "resource-stickiness", Kind: Score, Default: "0", Help: "How much the resource prefers to stay where it is."},
	{Name: "requires", Kind: Word, Values: []string{"nothing", "quorum", "fencing", "unfencing"}, Help: "What must be there before the resource starts."},
	{Name: "migration-threshold", Kind: Score, Default: "INFINITY", Help: "After so many failures on a node the resource leaves it."},
	{Name: "failure-timeout", Kind: Span, Default: "0", Help: "How long a failure counts; 0 for ever."},
	{Name: "multiple-active", Kind: Word, Default: "stop_start", Values: []string{"block", "stop_only", "stop_start", "stop_unexpected"},
		Help: "What happens when the resource is found active on several nodes."},
	{Name: "allow-migrate", Kind: Boolean, Default: "false", Help: "Move the resource live, with migrate_to and migrate_from."},
	{Name: "allow-unhealthy-nodes", Kind: Boolean, Default: "false", Help: "Stay although the node's health is bad."},
	{Name: "container-attribute-target", Kind: Word, Values: []string{"host"}, Help: "Where a bundle's resource keeps its node attributes."},
	{Name: "remote-node", Kind: Text, Help: "The name of the guest node that the resource, a virtual machine, makes available."},
	{Name: "remote-addr", Kind: Text, Help: "The address of the guest node, when it is not its name."},
	{Name: "remote-port", Kind: Integer, Default: "3121", Min: 1, Help: "The port of the guest node."},
	{Name: "remote-connect-timeout", Kind: Span, Default: "60s", Help: "How long connecting to the guest node may take."},
	{Name: "remote-allow-migrate", Kind: Boolean, Default: "true", Help: "Whether the guest node may be migrated live."},
	{Name: "container", Kind: Text, Help: "The resource in which this remote connection's node runs."},
	{Name: "description", Kind: Text, Help: "A note for people."},
}

// cloneOnly are the meta attributes that a clone has besides.
var cloneOnly = Table{
	{Name: "clone-max", Kind: Integer, Help: "How many instances there are; as many as nodes unless set."},
	{Name: "clone-node-max", Kind: Integer, Default: "1", Min: 1, Help: "How many instances a node may run."},
	{Name: "clone-min", Kind: Integer, Default: "0", Help: "How many instances must run before what is ordered after the clone may start."},
	{Name: "globally-unique", Kind: Boolean, Default: "false", Help: "Whether the instances differ from each other."},
	{Name: "notify", Kind: Boolean, Default: "false", Help: "Tell each instance when others start and stop."},
	{Name: "ordered", Kind: Boolean, Default: "false", Help: "Start instances one after the other."},
	{Name: "interleave", Kind: Boolean, Default: "false", Help: "Order and place against the instance on the same node rather than against the whole clone."},
	{Name: "promotable", Kind: Boolean, Default: "false", Help: "Whether instances can be promoted."},
	{Name: "promoted-max", Kind: Integer, Default: "1", Help: "How many instances are promoted."},
	{Name: "promoted-node-max", Kind: Integer, Default: "1", Min: 1, Help: "How many promoted instances a node may run."},
	{Name: "master-max", Kind: Integer, Default: "1", Help: "The old name of promoted-max."},
	{Name: "master-node-max", Kind: Integer, Default: "1", Min: 1, Help: "The old name of promoted-node-max."},
}

// Clone are the meta attributes of a clone: its own and those of what it contains.
var Clone = slices.Concat(cloneOnly, Resource)

// Stonith are the meta attributes of a fence device.
var Stonith = slices.Concat(Table{
	{Name: "provides", Kind: Word, Values: []string{"unfencing"}, Help: "unfencing: the device switches nodes on again before they may run anything."},
	{Name: "driver", Kind: Word, Values: []string{"legacy", "native"}, Help: "Who serves the device: the installed fence agent (legacy) or Holdfast's own driver (native)."},
}, Resource)

// Operation are the attributes of an operation besides its name.
var Operation = Table{
	{Name: "interval", Kind: Span, Default: "0s", Help: "How often the operation is repeated; 0 is once, when it is needed."},
	{Name: "timeout", Kind: Span, Default: "20s", Help: "How long the operation may take."},
	{Name: "role", Kind: Word, Values: roles, Help: "Run a recurring operation only where the resource has this role."},
	{Name: "on-fail", Kind: Word, Values: []string{"ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"},
		Help: "What is done when the operation fails. restart unless set; for stop it is fence, or block without fencing."},
	{Name: "enabled", Kind: Boolean, Default: "true", Help: "Whether the operation is in effect."},
	{Name: "record-pending", Kind: Boolean, Default: "true", Help: "Record that the operation has begun, for displays."},
	{Name: "start-delay", Kind: Span, Default: "0s", Help: "How long after the start a recurring operation begins."},
	{Name: "interval-origin", Kind: Text, Help: "The time to which the interval is aligned."},
	{Name: "description", Kind: Text, Help: "A note for people."},
}

// Fence are the parameters of every fence device besides those of its agent.
var Fence = slices.Concat(Table{
	{Name: "pcmk_host_list", Kind: Text, Help: "The nodes that the device can fence."},
	{Name: "pcmk_host_map", Kind: Text, Help: "What the device calls each node: n1:port1;n2:port2."},
	{Name: "pcmk_host_check", Kind: Word, Values: []string{"static-list", "dynamic-list", "status", "none"}, Help: "How to find out which nodes the device can fence."},
	{Name: "pcmk_host_argument", Kind: Text, Default: "port", Help: "The parameter that names the node to the agent; none to name it in no way."},
	{Name: "pcmk_delay_base", Kind: Text, Default: "0s", Help: "Wait so long before fencing, or per node: n1:1s;n2:5s."},
	{Name: "pcmk_delay_max", Kind: Span, Default: "0s", Help: "Wait a random time up to this before fencing."},
	{Name: "pcmk_action_limit", Kind: Integer, Default: "1", Min: -1, Help: "How many actions the device can do at once; -1 for any number."},
	{Name: "provides", Kind: Word, Values: []string{"unfencing"}, Help: "The old place of the meta attribute of that name."},
}, perAction("reboot", "off", "on", "list", "monitor", "status"))

// perAction makes the three parameters that each action of a fence agent has.
func perAction(actions ...string) Table {
	var t Table
	for _, a := range actions {
		t = append(t,
			Option{Name: "pcmk_" + a + "_action", Kind: Text, Default: a, Help: "What the agent is told to do instead of " + a + "."},
			Option{Name: "pcmk_" + a + "_timeout", Kind: Span, Default: "60s", Help: "How long " + a + " may take."},
			Option{Name: "pcmk_" + a + "_retries", Kind: Integer, Default: "2", Min: 1, Help: "How often " + a + " is tried at most."})
	}
	return t
}

// Alert are the meta attributes of alerts and their recipients.
var Alert = Table{
	{Name: "timeout", Kind: Span, Default: "30s", Help: "How long the alert agent may take."},
	{Name: "timestamp-format", Kind: Text, Default: "%H:%M:%S.%06N", Help: "How times are written for the agent."},
	{Name: "enabled", Kind: Boolean, Default: "true", Help: "Whether the alert is in effect."},
	{Name: "alarms", Kind: Boolean, Default: "false", Help: "Whether the agent also hears of alarms, with CRM_alert_kind=alarm, which Pacemaker's agents do not know."},
}

// Node are the node attributes that mean something to the cluster; others are for rules.
var Node = Table{
	{Name: "standby", Kind: Boolean, Default: "false", Help: "The node runs no resources."},
	{Name: "maintenance", Kind: Boolean, Default: "false", Help: "The resources of the node are left alone."},
	{Name: "terminate", Kind: Boolean, Default: "false", Help: "The node is to be fenced."},
}
