package manual

import (
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// clusterFile is cluster.toml.5.
func clusterFile() string {
	r := newPage("cluster.toml", 5, "cluster.toml", "The file that describes a Holdfast cluster")
	r.heading("DESCRIPTION")
	r.text(`The cluster file, /etc/holdfast/cluster.toml, says everything about a cluster: its nodes and links, quorum, resources, constraints and fencing. It is
TOML. hcs plan shows what a changed file would do, hcs apply brings it into effect on every node, hcs diff shows what was changed by other means since, and
hcs config export writes the file that says what the cluster does.

What is not known is an error that names file, line and key, with a suggestion; all errors are reported at once, and nothing is applied then. Agents are asked for
their parameters where they are installed.`)
	for _, s := range sections {
		r.heading(s.title)
		r.text(s.text)
		for _, k := range s.keys {
			r.item(k[0], k[1])
		}
	}
	r.heading("CLUSTER PROPERTIES")
	r.text("Keys of [properties].")
	table(r, option.Cluster)
	r.heading("META ATTRIBUTES")
	r.text("Keys of meta in [[resource]] and [[group]], and of [resource_defaults].")
	table(r, option.Resource)
	r.sub("Of clones besides")
	table(r, without(option.Clone, option.Resource))
	r.sub("Of fence devices besides")
	table(r, without(option.Stonith, option.Resource))
	r.heading("OPERATIONS")
	r.text("Keys of op.NAME, and but for interval and role of [op_defaults].")
	table(r, option.Operation)
	r.heading("PARAMETERS OF EVERY FENCE DEVICE")
	table(r, option.Fence)
	files(r)
	r.heading("SEE ALSO")
	r.line("\\fBhcs\\fR(8), \\fBhcs-apply\\fR(8); examples are in /usr/share/doc/holdfast/examples.")
	return r.String()
}

func table(r *roff, t option.Table) {
	for i := range t {
		o := &t[i]
		if o.Own {
			continue
		}
		text := o.Help + " Takes " + o.TypeName() + "."
		if o.Default != "" {
			text += " Default: " + o.Default + "."
		}
		r.item(o.Name, text)
	}
}

// without are the options of t that are not in other.
func without(t, other option.Table) option.Table {
	var rest option.Table
	for _, o := range t {
		if other.Find(o.Name) == nil {
			rest = append(rest, o)
		}
	}
	return rest
}

// section is a part of the page.
type section struct {
	title, text string
	keys        [][2]string
}

// sections are the parts of the file but for the options, which have a table.
var sections = []section{
	{"[cluster]", "", [][2]string{
		{"name", "The cluster's name. Nodes join only a cluster of the same name."},
		{"port, crmd_port, fenced_port", "Ports of heartbeats (5405, UDP), crmd (5420, TCP) and fenced (5421, TCP)."},
	}},
	{"[totem]", "Times of the heartbeat, with Corosync's names, in milliseconds. What has no use here is accepted and reported.", [][2]string{
		{"token", "How long a node may be silent before it is lost. Default: 1000."},
		{"token_coefficient", "What is added to token for each node above two. Default: 0."},
		{"token_retransmits_before_loss_const", "A node sends one heartbeat more than this in the token time. Default: 4."},
		{"consensus", "How long survivors that disagree may take to settle on one view. Default: 1.2 times the token time."},
		{"link_mode", "Which links carry what is no heartbeat: passive (one), active (all), rr (in turn). Default: passive."},
		{"stall_grace", "How much longer a node that admits that it is starved may be late. Default: 3000."},
	}},
	{"[[totem.interface]]", "One section for each link that is treated in another way than the others. Heartbeats use every link.", [][2]string{
		{"linknumber", "The link: the position of its address in links, from 0."},
		{"knet_link_priority", "With link_mode passive, what is no heartbeat goes over the connected link with the highest. Default, and what 0 means: 1; of equal ones the lowest number is used."},
		{"knet_ping_timeout", "After how many milliseconds without a heartbeat the link is shown as down. Default: the token time divided by knet_pong_count."},
		{"knet_pong_count", "How many heartbeats bring it up again. Default: 2."},
	}},
	{"[[node]]", "One section for each node.", [][2]string{
		{"name, id", "Name and number of the node."},
		{"links", "Its address on each network, in the same order for every node. Addresses are not looked up."},
		{"votes", "Its votes. Default: 1."},
		{"standby, maintenance", "true: the node runs no resources, or those on it are left alone."},
		{"attributes, utilization", "Names with values, for rules and for placement."},
		{"throttle", "What is different for this node from the section [throttle]."},
	}},
	{"[quorum]", "As in votequorum(5).", [][2]string{
		{"two_node", "One of two nodes is enough, once both have been there."},
		{"wait_for_all", "A cluster that starts waits for all nodes. On wherever a part of the cluster could go on without the rest."},
		{"[quorum.device] model, votes, timeout, sync_timeout, master_wins", "A quorum device: a server outside of the cluster that decides which part of it goes on. The only model is net. Not together with two_node, auto_tie_breaker, last_man_standing and allow_downscale. Every part of the cluster that has lost its quorum without it waits for its word, at most sync_timeout."},
		{"[quorum.device.net] host, port, algorithm, tie_breaker, tls, connect_timeout, force_ip_version, keep_active_partition_tie_breaker, server_name", "The server, corosync-qnetd or hcs qdevice serve, with the names of corosync-qdevice(8). algorithm is ffsplit or lms."},
		{"[quorum.device.heuristics] mode, timeout, sync_timeout, interval, exec_NAME", "Programs that all must succeed on a node that is preferred to others. mode is on, off or sync."},
		{"expected_votes, last_man_standing, last_man_standing_window, auto_tie_breaker, auto_tie_breaker_node, allow_downscale", "With votequorum's meaning."},
	}},
	{"[system]", "How the operating system runs the heartbeat daemon.", [][2]string{
		{"sched_rr", "Whether it asks for realtime priority. Default: true. Without, a busy machine makes it late."},
		{"priority", "Its nice value without realtime priority, from -20 to 19."},
	}},
	{"[logging]", "", [][2]string{{"level", "debug, info, warn or error. Default: info."}}},
	{"[fencing]", "How nodes are fenced. Times are spans in quotes, such as \"30s\".", [][2]string{
		{"driver", "native: what Holdfast has drivers of its own for (fence_ipmilan and its namesakes, fence_redfish, fence_sbd, fence_scsi) is served by those, except devices with parameters that they do not know; legacy: installed fence agents serve everything. Default: native. A device may say it itself."},
		{"drivers", "A table with exceptions by agent, such as { fence_sbd = \"legacy\" }."},
		{"budget", "Within how long after its last sign of life a node must be fenced. stonith-timeout is derived from it unless it is set, and settings with which it cannot be kept are refused. hcs doctor timeouts shows the sum."},
		{"probe", "How often each node tests each of its fence devices without fencing anybody; \"0\" is never. Default: 5min."},
		{"rate_limit, rate_window", "A node that was fenced so often within that time is switched off instead of rebooted, until its fencing history is cleaned up. Default: 10 within 1h; 0 is no limit."},
		{"io_fence", "What reservations are for where a node has other fence devices too. off: the topology decides. first: write access is taken away first, then the power; both must succeed. sufficient: the cluster goes on as soon as write access is gone; the power follows. Default: off."},
		{"sbd", "A table with watchdog, msgwait, loop and io of the shared disks, against which the other timeouts are checked where the disks cannot be read."},
	}},
	{"[throttle]", "How many actions a loaded node may run at once. The defaults are Pacemaker's numbers.", [][2]string{
		{"load_threshold", "The share of the cores from which load counts, such as \"80%\"; \"0%\" does not look at it."},
		{"factors", "A table: from which multiple of that the load is low, medium and high."},
		{"single_core", "What counts as the number of cores on a machine with one."},
		{"store_limit, store_limit_single, store_factors", "The share of a core that crmd may use, and its multiples for low, medium, high and extreme."},
		{"shares", "A table: which fraction of the job limit each mode leaves, or how many jobs (\"1 job\")."},
		{"jobs_per_core, node_action_limit", "The job limit of an idle node: so many for each core, or a fixed number."},
		{"cluster_high, cluster_extreme", "The share of nodes that may be busy at once while one is in that mode."},
		{"sample", "How often load is measured, such as \"30s\"."},
		{"inputs", "What is looked at: load and store as in Pacemaker (the default), and cpu, memory, memory_full, io, io_full (pressure stall information, 10 s), queue (runnable tasks per core) and late (ms a process waits for a CPU), which react within seconds."},
		{"thresholds", "A table for each input besides load and store: from where on it is low, medium, high and extreme; 0 is never. cpu = { low = 50, medium = 70, high = 90 }."},
		{"fast_sample", "How often the inputs besides load and store are measured. Default: 1s."},
		{"fall", "For how long a lower mode must be allowed before it is taken. Default: 0s, as in Pacemaker."},
		{"exempt", "A list of what does not wait because of load: fence, stop, demote, monitor (recurring), probe, start, promote, ... The job limit of an idle node and batch-limit hold all the same. Default: fence, stop, demote, monitor."},
	}},
	{"[vitals]", "What is measured on every node besides processors, memory, pressure, cgroups and the kernel's log.", [][2]string{
		{"disks", "Directories whose file systems are probed by writing, syncing and reading a small file, besides that of Holdfast's own state."},
		{"disk_every, disk_deadline", "The time between two probes (10s), and after which a disk counts as stuck (2s)."},
		{"disk_probe", "false measures the use only and writes nothing."},
	}},
	{"[monitor]", "When a monitor that gives no answer counts as failed. A bad answer always does.", [][2]string{
		{"failures, tries", "On a starved host so many of the last tries must have got no answer. Default: 3 of 4; failures = 1, tries = 1 counts the first, as Pacemaker does."},
		{"deadline", "Without a good answer for that long it has failed all the same. Default: 60s."},
		{"starved", "A table: what makes a host starved. cpu, memory and io are pressure stall information in percent (some, full, full; 60, 10, 50), load_per_core counts where the kernel has none (4), late is how long a process waits for a processor (1s); 0 is never."},
	}},
	{"[supervise]", "What follows when the processes of a resource hang (see the detector process.hung).", [][2]string{
		{"on_hang", "failover makes the resource leave the node, restart restarts it in place first, alarm only tells. Default: failover."},
		{"restarts, pause", "With restart: how often within the pause; then it leaves the node. Default: 1 in 6h."},
		{"kill", "false leaves the hung processes to the agent's stop. Default: true: a stopped process does not answer a stop, whose timeout would fence the node."},
		{"stop_within", "For how long, together, the demote and the stop may last of a resource whose hung processes were killed; after that the node is fenced. It does not count where kill or fencing is off. Default: 5s, with which the service runs elsewhere within 30 seconds if its start takes at most 20; 0s leaves the operations their timeouts. hcs explain RESOURCE adds it all up."},
		{"probe_interval, probe_timeout", "For the probes of single resources. Default: 10s, 5s."},
	}},
	{"[supervise.RESOURCE]", "The same for one resource, and:", [][2]string{
		{"pidfile", "Where its process is found, when neither a parameter pid or pidfile says it nor the process has the agent's environment."},
		{"probe", "A program with its arguments that exits with 0 when the resource works. The detector process.hung counts its failures (probes)."},
	}},
	{"[detector.\"NAME\"]", "What raises an alarm. hcs alarms --detectors lists the detectors and their thresholds, which are keys here.", [][2]string{
		{"enabled", "false switches the detector off."},
		{"for, clear_after", "How long the condition must hold before an alarm is raised, and be gone before it is cleared, such as \"5s\"."},
		{"severity", "info, warning or critical, instead of what the detector says."},
		{"attribute, value", "A node attribute that is set while an alarm lasts, to red unless value says otherwise. One that begins with #health lets node-health-strategy move resources away while the node still answers."},
		{"hook, everywhere", "A program that is run when an alarm is raised and when it is cleared, with HOLDFAST_ALARM, HOLDFAST_ALARM_STATE (raised or cleared), HOLDFAST_ALARM_NODE, _SUBJECT, _SEVERITY and _SUMMARY in its environment; everywhere = true runs it on every node."},
		{"action_from", "The severity from which on attribute and hook are due. Default: critical."},
	}},
	{"[metrics]", "Where the daemons answer Prometheus over TCP. On their sockets they always do.", [][2]string{
		{"listen", "An address such as \"0.0.0.0\", or \"node\" for each node's own on its first link. Without it nothing listens."},
		{"crmd_port, corosyncd_port, fenced_port", "The ports: 9664, where ha_cluster_exporter listens too, 9665 and 9666."},
	}},
	{"[[resource]]", "Something that the cluster runs.", [][2]string{
		{"id, agent, description", "Its name and its agent: ocf:PROVIDER:TYPE, systemd:UNIT, lsb:SCRIPT or service:NAME."},
		{"group", "The group that it is a member of. Members run on one node and start in the order of the file."},
		{"clone", "true, or a table with meta attributes of the clone and perhaps its id: it runs on several nodes. { promotable = true } makes some instances promoted."},
		{"params", "Parameters of the agent. { file = \"PATH\" } takes a secret from a file, which is read where hcs apply runs."},
		{"meta, utilization", "Meta attributes, and what it needs of a node."},
		{"op.NAME", "An operation as a table, or several as a list of tables: op.monitor = { interval = \"10s\", timeout = \"20s\" }."},
	}},
	{"[[group]]", "What there is to say of a group besides its members.", [][2]string{{"id, description, meta, clone", "As for a resource."}}},
	{"[[stonith]]", "A fence device.", [][2]string{
		{"id, agent, description, params, meta, op.NAME", "As for a resource; the agent is a fence agent such as fence_ipmilan."},
		{"driver", "legacy runs the installed fence agent, native Holdfast's own driver, where there is one."},
	}},
	{"[[fencing_level]]", "", [][2]string{
		{"target, pattern, or attribute and value", "The node, a regular expression for nodes, or a node attribute."},
		{"level, devices", "A number from 1 to 9, and the devices that must all succeed. Levels are tried in ascending order."},
	}},
	{"[[constraint.location]]", "Where a resource may run.", [][2]string{
		{"resource or pattern, and node or rule", "Which resource, and on which node or on nodes for which an expression holds; see hcs-constraint(8)."},
		{"score, score-attribute, role, resource-discovery, id", "INFINITY (the default) must, -INFINITY must not, a number is a preference."},
	}},
	{"[[constraint.order]]", "", [][2]string{
		{"first, then, first-action, then-action", "What has to be done before what."},
		{"kind, symmetrical, require-all, id", "Mandatory (the default), Optional or Serialize; whether it is reversed when stopping."},
		{"sets", "Instead of first and then: a list of tables with resources, sequential, require-all, action, role."},
	}},
	{"[[constraint.colocation]]", "", [][2]string{
		{"resource, with, role, with-role", "What runs where the other runs."},
		{"score, node-attribute, influence, sets, id", "INFINITY (the default) together, -INFINITY apart."},
	}},
	{"[[constraint.ticket]]", "", [][2]string{{"ticket, resource, role, loss-policy, sets, id", "What runs only where a ticket is granted."}}},
	{"[[tag]], [[alert]], [acl]", "", [][2]string{
		{"[[tag]] id, references", "A name for several resources."},
		{"[[alert]] id, path, description, params, meta, select, select_attributes, recipients", "A program that is run for events of nodes, fencing, resources or attributes."},
		{"[[acl.role]] id, description, permissions; [[acl.user]] and [[acl.group]] id, roles", "Who may read and write what, when the property enable-acl is true."},
	}},
	{"[[xml]]", "What has no notation here, such as bundles, templates and rules in sets of options.", [][2]string{
		{"section, text", "The section of the CIB, and one element in Pacemaker's XML."},
	}},
}
