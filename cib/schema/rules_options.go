package schema

// documentRules are the frame of the document, the nodes and what is not a resource.
var documentRules = map[string]*shape{
	"cib": element(with(
		may("validate-with", oneOf(append(append([]string{None, development}, ancient...), names...)...)),
		must("admin_epoch", nonNegative), must("epoch", nonNegative), must("num_updates", nonNegative),
		may("crm_feature_set", text), may("remote-tls-port", nonNegative), may("remote-clear-port", nonNegative),
		may("have-quorum", boolean), may("dc-uuid", text), may("cib-last-written", text),
		may("no-quorum-panic", boolean), may("update-origin", text).since(v12), may("update-client", text).since(v12),
		may("update-user", text).since(v12), may("execution-date", text).since(v12),
		oneOfThe(a("configuration")), maybe(a("status")).at(1))).inOrder(always),
	"configuration": element(with(oneOfThe(a("crm_config")), maybe(a("rsc_defaults")), maybe(a("op_defaults")),
		oneOfThe(a("nodes")), oneOfThe(a("resources")), oneOfThe(a("constraints")),
		maybe(a("fencing-topology")).since(v12), maybe(a("acls")).since(v12), maybe(a("tags")).since(v13),
		maybe(a("alerts")).since(v25))),
	"status": {free: true},

	"nodes": element(with(anyOf(a("node")))),
	"node": element(with(must("id", text), must("uname", text), may("description", text), may("score", score).since(v12),
		anyOf(as("instance_attributes", "nvset"), as("utilization", "nvset").since(v12))),
		either(with(must("type", nodeType), until(v10)), with(may("type", nodeType), since(v12)))),

	"tags": element(with(anyOf(a("tag")))),
	"tag":  element(with(must("id", id), someOf(a("obj_ref")))),
	"obj_ref": element(with(), either(
		with(must("id", ref), until(v32)), with(must("id", text), since(v33)))),

	"fencing-topology": element(with(anyOf(a("fencing-level")))),
	"fencing-level": element(with(must("id", id), must("index", positive), must("devices", devices)), either(
		with(must("target", text)),
		with(must("target-pattern", text)),
		with(must("target-attribute", text), must("target-value", text), since(v24)))),

	"alerts": element(with(anyOf(a("alert")))),
	"alert": element(with(must("id", id), may("description", text), must("path", text), alertSets,
		maybe(a("select")).since(v210), anyOf(a("recipient")).at(1))).inOrder(until(v29)),
	"recipient": element(with(must("id", id), may("description", text), must("value", text), alertSets)),
	"select": element(with(maybe(a("select_attributes")), maybe(as("select_fencing", "empty")),
		maybe(as("select_nodes", "empty")), maybe(as("select_resources", "empty")))),
	"select_attributes": element(with(anyOf(a("attribute")))),
	"attribute":         element(with(must("id", id), must("name", text))),
	"empty":             element(with()),
}

// alertSets and what constraints use knew newer parts of rules later than others did.
var alertSets = anyOf(as("meta_attributes", "nvset of alert"), as("instance_attributes", "nvset of alert"))

var nodeType = oneOf("member", "ping").and(until(v210), "normal").and(since(v13), "remote")

// gone are names of cluster options that were renamed or dropped with 3.0.
var gone = words(since(v30), "cluster_recheck_interval", "dc_deadtime", "default-action-timeout", "default_action_timeout",
	"default-migration-threshold", "default_migration_threshold", "default-resource-failure-stickiness",
	"default_resource_failure_stickiness", "default-resource-stickiness", "default_resource_stickiness", "election_timeout",
	"expected-quorum-votes", "is-managed-default", "is_managed_default", "no_quorum_policy", "notification-agent",
	"notification-recipient", "remove_after_stop", "shutdown_escalation", "startup_fencing", "stonith_action",
	"stonith_enabled", "stop_orphan_actions", "stop_orphan_resources", "symmetric_cluster", "transition_idle_timeout")

// infrastructures are those that 3.0 does not know any more.
var infrastructures = words(always, "heartbeat", "openais", "classic openais", "classic openais (with plugin)", "cman")

// nvset makes the rules for a set of name-value pairs; pair names those for its nvpair.
func nvset(pair string, rules ...tag) *shape {
	return element(with(), either(
		with(must("id-ref", ref)),
		with(must("id", id), may("score", score), maybe(rules...), anyOf(as("nvpair", pair)))))
}

// nvpair makes the rules for a pair, of which the name is of a kind. References to other pairs came late.
func nvpair(name kind, references version, more ...form) *shape {
	return element(with(), append(more,
		with(must("id-ref", ref), may("name", text), since(references)),
		with(must("id", id), must("name", name), may("value", text))))
}

var (
	inOptions  = []tag{as("rule", "rule of 1.0").until(v210), a("rule").since(v30)}
	inOldPlace = []tag{as("rule", "rule of 2.9").until(v34), a("rule").since(v35)}
)

var optionRules = map[string]*shape{
	"crm_config":           element(with(anyOf(a("cluster_property_set")))),
	"cluster_property_set": nvset("nvpair of options", inOptions...),
	"nvpair of options": nvpair(butNot(append(words(since(v30), "cluster-infrastructure"), gone...)), v30,
		with(must("id", id), must("name", exactly("cluster-infrastructure")), must("value", butNot(infrastructures)), since(v30))),

	"rsc_defaults":       element(with(anyOf(as("meta_attributes", "nvset of defaults")))),
	"op_defaults":        element(with(anyOf(as("meta_attributes", "nvset of defaults")))),
	"nvset of defaults":  nvset("nvpair of defaults", inOptions...),
	"nvpair of defaults": nvpair(text, v30),

	"nvset":          nvset("nvpair", a("rule")),
	"nvset of alert": nvset("nvpair", inOldPlace...),
	"nvpair":         nvpair(text, v13),

	"nvset of primitive meta": nvset("nvpair of primitive meta", a("rule")),
	"nvpair of primitive meta": nvpair(
		butNot(words(since(v30), "isolation", "isolation-host", "isolation-instance", "isolation-wrapper")), v13),

	"nvset of primitive instance": nvset("nvpair of primitive instance", a("rule")),
	"nvpair of primitive instance": nvpair(butNot(words(span{v30, v30}, "pcmk_arg_map", "pcmk_list_cmd", "pcmk_monitor_cmd",
		"pcmk_off_cmd", "pcmk_on_cmd", "pcmk_reboot_cmd", "pcmk_status_cmd")), v13),

	"nvset of op meta":  nvset("nvpair of op meta", a("rule")),
	"nvpair of op meta": nvpair(butNot(words(since(v30), "requires")), v13),

	"nvset of op instance": nvset("nvpair of op instance", a("rule")),
	"nvpair of op instance": nvpair(butNot(words(span{v30, v30}, "interval-origin", "start-delay", "enabled", "on-fail",
		"record-pending", "role", "timeout", "requires")), v13),
}

// dates are the parts of a point or span of time. Some of them make no sense in one of the two, but are
// accepted there.
func dates(extra ...string) *shape {
	f := with(must("id", id))
	for _, name := range []string{"hours", "monthdays", "weekdays", "yearsdays", "months", "weeks", "years", "weekyears", "moon"} {
		f.attrs = append(f.attrs, may(name, text))
	}
	for _, name := range extra {
		f.attrs = append(f.attrs, may(name, text).since(v39))
	}
	return element(f)
}

// rule makes the rules for a rule that consists of rules of its own kind and of these.
func rule(self string, parts ...tag) *shape {
	body := with(must("id", id), may("boolean-op", oneOf("or", "and")), may("role", text),
		someOf(append(parts, as("rule", self), a("date_expression"))...))
	return element(with(), either(
		with(must("id-ref", ref)),
		with(body, must("score", score)),
		with(body, must("score-attribute", text)),
		with(body, since(v39))))
}

// expression is a comparison of a node attribute.
var expression = with(must("id", id), must("attribute", text), may("value", text),
	must("operation", oneOf("lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined")),
	may("type", oneOf("string", "number", "version").and(since(v35), "integer")))

var ruleRules = map[string]*shape{
	"rule": rule("rule", a("expression"), a("rsc_expression").since(v34), a("op_expression").since(v34)),
	// rules as they were in 1.0 and 2.9, which lived on in some places
	"rule of 2.9":       rule("rule of 2.9", a("expression")),
	"rule of 1.0":       rule("rule of 1.0", as("expression", "expression of 1.0")),
	"expression":        element(with(expression, may("value-source", oneOf("literal", "param", "meta")).since(v29))),
	"expression of 1.0": element(expression),
	"rsc_expression":    element(with(must("id", id), may("class", text), may("provider", text), may("type", text))),
	"op_expression":     element(with(must("id", id), must("name", text), may("interval", text))),
	"date_expression": element(with(must("id", id)), either(
		with(inRange, must("end", text), may("start", text), until(v38)),
		with(inRange, must("start", text), oneOfThe(a("duration")), until(v38)),
		with(inRange, must("end", text), may("start", text), maybe(a("duration")), since(v39)),
		with(inRange, must("start", text), maybe(a("duration")), since(v39)),
		with(must("operation", exactly("gt")), must("start", text)),
		with(must("operation", exactly("lt")), must("end", text)),
		with(must("operation", exactly("date_spec")), oneOfThe(a("date_spec"))))),
	"duration":  dates("days", "minutes", "seconds"),
	"date_spec": dates("minutes", "seconds", "yeardays"),
}

var inRange = must("operation", exactly("in_range"))
