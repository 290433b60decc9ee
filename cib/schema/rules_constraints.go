package schema

var (
	roles    = oneOf("Stopped", "Started", "Master", "Slave").and(since(v37), "Promoted", "Unpromoted")
	actions  = oneOf("start", "promote", "demote", "stop")
	orderKey = oneOf("Optional", "Mandatory", "Serialize")
)

// sets are the resource sets that stand for the resources of a constraint.
var sets = someOf(a("resource_set")).at(1)

var constraintRules = map[string]*shape{
	"constraints": element(with(anyOf(a("rsc_location"), a("rsc_colocation"), a("rsc_order"), a("rsc_ticket").since(v12)))),
	"rsc_location": element(with(must("id", id), may("resource-discovery", oneOf("always", "never", "exclusive")).since(v22),
		maybe(a("lifetime")).at(3)),
		either(
			with(must("rsc", ref), may("role", roles).since(v12)),
			with(must("rsc-pattern", text), may("role", roles), since(v26)),
			with(sets, since(v12))),
		either(
			with(must("score", score), must("node", text)),
			with(someOf(inOldPlace...).at(2)))).inOrder(always),
	"rsc_colocation": element(with(must("id", id), may("influence", text).since(v36), maybe(a("lifetime"))),
		either(
			with(sets),
			with(must("rsc", ref), must("with-rsc", ref), may("node-attribute", text), may("rsc-role", roles),
				may("with-rsc-role", roles))),
		either(
			with(may("score", score)),
			with(must("score-attribute", text), until(v210)),
			with(must("score-attribute-mangle", text), until(v210)))).inOrder(always),
	"rsc_order": element(with(must("id", id), may("symmetrical", boolean), may("require-all", boolean).since(v23),
		maybe(a("lifetime"))),
		either(
			with(sets),
			with(must("first", ref), must("then", ref), may("first-action", actions), may("then-action", actions))),
		either(with(may("score", score)), with(may("kind", orderKey)))).inOrder(always),
	"rsc_ticket": element(with(must("id", id), must("ticket", text),
		may("loss-policy", oneOf("stop", "demote", "fence", "freeze"))),
		either(with(sets), with(must("rsc", ref), may("rsc-role", roles)))),
	"lifetime": element(with(someOf(inOldPlace...))),

	"resource_set": element(with(), either(
		with(must("id-ref", ref)),
		with(setBody, may("score", score)),
		with(setBody, must("kind", orderKey), since(v30)))),
	"resource_ref": element(with(must("id", ref))),
}

var setBody = with(must("id", id), may("sequential", boolean), may("require-all", boolean).since(v12),
	may("ordering", oneOf("group", "listed")).since(v21), may("action", actions), may("role", roles), someOf(a("resource_ref")))

// accessRules are the rules for access control, which began with one language (1.2) and went on with another.
var accessRules = map[string]*shape{
	"acls": element(with(anyOf(a("acl_user")).until(v13), anyOf(a("acl_target"), a("acl_group")).since(v20), anyOf(a("acl_role")))),

	"acl_user": element(with(must("id", id)), either(with(anyOf(a("role_ref"))), with(oldPermissions))),
	"role_ref": element(with(must("id", ref))),
	"permission": element(with(must("id", id), may("attribute", text)), either(
		with(must("tag", text), may("ref", ref)), with(must("ref", ref)), with(must("xpath", text)))),

	"acl_target": element(with(must("id", text), may("name", text).since(v38), anyOf(a("role")))),
	"acl_group":  element(with(must("id", id), may("name", text).since(v38), anyOf(a("role")))),
	"role":       element(with(must("id", ref))),
	"acl_role": element(with(must("id", id), may("description", text).since(v20), oldPermissions.until(v13),
		anyOf(a("acl_permission")).since(v20))),
	"acl_permission": element(with(must("id", id), must("kind", oneOf("read", "write", "deny")), may("description", text)), either(
		with(must("xpath", text)),
		with(must("reference", ref)),
		with(must("object-type", text), may("attribute", text)))),
}

var oldPermissions = anyOf(as("read", "permission"), as("write", "permission"), as("deny", "permission"))
