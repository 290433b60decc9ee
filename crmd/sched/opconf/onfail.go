package opconf

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Response is what follows when an operation fails.
type Response struct {
	OnFail model.OnFail
	// Role is the highest that the resource may have afterwards.
	Role model.Role
}

// configuredResponse returns the on-fail value that counts for an operation, "" when the default does.
func (v *Resolver) configuredResponse(r *model.Resource, c *Conf) string {
	value, set := c.Meta.Lookup("on-fail")
	word := strings.ToLower(value)
	log := v.World.Log
	switch name := strings.ToLower(c.Name); {
	case name == "stop" && (word == "standby" || word == "demote" || word == "stop"):
		log.ConfigError("Resetting 'on-fail' for %s stop action to default value because '%s' is not allowed for stop", r.ID, value)
		return ""
	case name == "demote" && !set:
		word = promotedMonitorResponse(r)
	case name == "lrm_delete":
		return "ignore"
	case word == "demote" && name != "promote" &&
		(name != "monitor" || c.IntervalMs == 0 || model.ParseRole(c.Meta.Get("role")) != model.Promoted):
		log.ConfigError("Resetting 'on-fail' for %s %s action to default value because 'demote' is not allowed for it", r.ID, c.Name)
		return ""
	}
	if word == "restart-container" && r.Container == nil {
		return ""
	}
	switch word {
	case "", "block", "standby", "ignore", "nothing", "migrate", "stop", "restart", "restart-container", "demote":
		return word
	case "fence":
		if !v.m.Options.Fencing {
			log.ConfigError("Resetting 'on-fail' for operation '%s' to 'stop' because 'fence' is not valid when fencing is disabled",
				opKey(r, c))
			return "stop"
		}
		return word
	}
	log.ConfigError("Resource %s: Unknown failure type (%s)", r.ID, value)
	return ""
}

// promotedMonitorResponse is what a failed demote falls back on: the response to a failure of the first
// monitor of the promoted role.
func promotedMonitorResponse(r *model.Resource) string {
	for e := range r.Ops.Tags("op") {
		word := strings.ToLower(e.Get("on-fail"))
		if word == "" || word == "demote" || !Enabled(e) || Interval(e) == 0 {
			continue
		}
		if strings.EqualFold(e.Get("name"), "monitor") && model.ParseRole(e.Get("role")) == model.Promoted {
			return word
		}
	}
	return ""
}

// Response tells what follows a failure of the operation, which was recorded as a certain task: records need not
// agree with their own keys. Whether the resource is managed decides for remote connections.
func (v *Resolver) Response(r *model.Resource, c *Conf, task string, managed bool) Response {
	out := Response{Role: model.RoleUnknown}
	name := strings.ToLower(task)
	unset := false
	switch c.onFail {
	case "block":
		out.OnFail = model.FailBlock
	case "fence":
		out.OnFail = model.FailFence
	case "standby":
		out.OnFail = model.FailStandby
	case "ignore", "nothing":
		out.OnFail = model.FailIgnore
	case "migrate":
		out.OnFail = model.FailMigrate
	case "stop":
		out = Response{model.FailStop, model.Stopped}
	case "restart":
		out.OnFail = model.FailRecover
	case "restart-container":
		out.OnFail = model.FailRestartContainer
	case "demote":
		out.OnFail = model.FailDemote
	default:
		unset = true
	}
	active := r.IsRemoteConnection() && !IsProbe(name, c.IntervalMs) && name != "start"
	switch {
	case unset && r.Container != nil:
		out.OnFail = model.FailRestartContainer
	case active && !managed:
		out = Response{model.FailStop, model.Stopped}
	case active && unset:
		// losing an established connection means that the remote node itself is in doubt
		out.OnFail = model.FailResetRemote
		if r.ReconnectMs > 0 {
			out.Role = model.Stopped
		}
	case unset && name == "stop":
		out.OnFail = model.FailBlock
		if v.m.Options.Fencing {
			out.OnFail = model.FailFence
		}
	case unset:
		out.OnFail = model.FailRecover
	}
	if out.Role == model.RoleUnknown {
		out.Role = model.ParseRole(c.Meta.Get("role_after_failure"))
	}
	if out.Role == model.RoleUnknown {
		out.Role = model.Started
		if name == "promote" {
			out.Role = model.Unpromoted
		}
	}
	return out
}
