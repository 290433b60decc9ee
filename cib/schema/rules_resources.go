package schema

import "maps"

// shapes are the rules for all elements. The key is the name of the element, with what sets it apart where
// elements of one name have different rules.
var shapes = together(documentRules, optionRules, ruleRules, resourceRules, constraintRules, accessRules)

func together(tables ...map[string]*shape) map[string]*shape {
	all := map[string]*shape{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// classes are the resource classes without provider; those of a template came later than a primitive's.
func classes(later version) kind {
	return oneOf("lsb", "heartbeat", "stonith", "upstart").and(since(later), "service", "systemd", "nagios")
}

// agent is the choice of how a resource names its agent.
func agent(later version) []form {
	return either(
		with(must("class", exactly("ocf")), must("provider", text), must("type", text)),
		with(must("class", classes(later)), must("type", text)))
}

// attributeSets are what most resources may carry.
var attributeSets = anyOf(as("meta_attributes", "nvset"), as("instance_attributes", "nvset"))

// ofPrimitive are the parts of primitives and templates.
var ofPrimitive = with(must("id", id), may("description", text),
	anyOf(as("meta_attributes", "nvset of primitive meta"), as("instance_attributes", "nvset of primitive instance")),
	maybe(a("operations")), anyOf(as("utilization", "nvset")).since(v12))

// collective are the parts of groups, clones and so on.
var collective = with(must("id", id), may("description", text), attributeSets)

// container is how a bundle is run.
var container = element(with(must("image", text), may("replicas", integer), may("replicas-per-host", integer),
	may("run-command", text), may("network", text), may("options", text)),
	either(with(may("masters", integer)), with(may("promoted-max", integer), since(v30))))

var resourceRules = map[string]*shape{
	"resources": element(with(anyOf(a("primitive"), a("template").since(v12), a("group"), a("clone"), a("master"),
		a("bundle").since(v28)))),
	"primitive": element(ofPrimitive, append(agent(v12), with(must("template", ref), since(v12)))),
	"template":  element(ofPrimitive, agent(v27)),
	"group":     element(with(collective, someOf(a("primitive")))),
	"clone":     element(with(collective, oneOfThe(a("primitive"), a("group")))),
	"master":    element(with(collective, oneOfThe(a("primitive"), a("group")))),

	"bundle": element(with(collective, oneOfThe(as("docker", "container"), as("rkt", "container").since(v210),
		as("podman", "container").since(v32)), maybe(a("network")), maybe(a("storage")), maybe(a("primitive")))),
	"container": container,
	"network": element(with(may("ip-range-start", text), may("control-port", integer), may("host-interface", text),
		may("host-netmask", integer), may("add-host", boolean).since(v30), anyOf(a("port-mapping")))),
	"port-mapping": element(with(must("id", id)), either(
		with(must("port", integer), may("internal-port", integer)),
		with(must("range", portRange)))),
	"storage": element(with(anyOf(a("storage-mapping")))),
	"storage-mapping": element(with(must("id", id), must("target-dir", text), may("options", text)), either(
		with(must("source-dir", text)),
		with(must("source-dir-root", text)))),

	"operations": element(with(may("id", id), may("id-ref", ref), anyOf(a("op")))),
	"op": element(with(must("id", id), must("name", text), must("interval", text), may("description", text),
		may("timeout", text), may("enabled", boolean), may("record-pending", boolean),
		may("role", oneOf("Stopped", "Started", "Slave", "Master").and(since(v37), "Promoted", "Unpromoted")),
		may("requires", oneOf("nothing", "quorum", "fencing").and(since(v13), "unfencing")).until(v210),
		may("on-fail", oneOf("ignore", "block", "stop", "restart", "standby", "fence").
			and(since(v12), "restart-container").and(since(v34), "demote")),
		anyOf(as("meta_attributes", "nvset of op meta"), as("instance_attributes", "nvset of op instance"))),
		either(with(may("start-delay", text)), with(may("interval-origin", text)))),
}
