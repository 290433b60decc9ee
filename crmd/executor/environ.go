package executor

import (
	"slices"
	"strconv"
	"strings"
)

// exitReasonPrefix marks the line of stderr in which an agent says why it failed.
const exitReasonPrefix = "ocf-exit-reason:"

// ocfEnvironment is the environment of an OCF agent for one operation.
func (e *Executor) ocfEnvironment(op Op) []string {
	instance := op.Instance
	if instance == "" {
		instance = op.Rsc
	}
	env := append(slices.Clone(e.env),
		"OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1", "OCF_ROOT="+e.cfg.OCFRoot,
		"OCF_EXIT_REASON_PREFIX="+exitReasonPrefix,
		"OCF_RESOURCE_INSTANCE="+instance, "OCF_RESOURCE_TYPE="+op.Type, "OCF_RESOURCE_PROVIDER="+op.Provider)
	if _, has := op.Params["crm_feature_set"]; !has {
		env = append(env, "OCF_RESKEY_crm_feature_set="+e.cfg.FeatureSet)
	}
	for _, name := range sortedKeys(op.Params) {
		if name == "OCF_CHECK_LEVEL" {
			env = append(env, name+"="+op.Params[name])
			continue
		}
		env = append(env, "OCF_RESKEY_"+name+"="+op.Params[name])
	}
	meta := metaAttributes(op)
	for _, name := range sortedKeys(meta) {
		env = append(env, "OCF_RESKEY_CRM_meta_"+name+"="+meta[name])
	}
	return env
}

// metaAttributes are the operation's meta attributes under every name that agents know them by, with
// underscores.
func metaAttributes(op Op) map[string]string {
	meta := make(map[string]string, len(op.Meta)+3)
	for name, value := range op.Meta {
		meta[strings.ReplaceAll(name, "-", "_")] = value
	}
	// The name in the configuration stays, such as monitor for what runs as status.
	if meta["name"] == "" {
		meta["name"] = op.Task
	}
	meta["interval"] = strconv.FormatInt(op.IntervalMs, 10)
	meta["timeout"] = strconv.FormatInt(op.TimeoutMs, 10)
	for _, pair := range renamed {
		old, hasOld := meta[pair[0]]
		now, hasNow := meta[pair[1]]
		switch {
		case hasOld && !hasNow:
			meta[pair[1]] = old
		case hasNow && !hasOld:
			meta[pair[0]] = now
		}
	}
	return meta
}

// renamed are meta attributes whose old names agents still read. Both are given.
var renamed = [][2]string{
	{"master_max", "promoted_max"}, {"master_node_max", "promoted_node_max"},
	{"notify_master_resource", "notify_promoted_resource"}, {"notify_master_uname", "notify_promoted_uname"},
	{"notify_slave_resource", "notify_unpromoted_resource"}, {"notify_slave_uname", "notify_unpromoted_uname"},
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// exitReason is the last reason that an agent gave on stderr, at most 128 bytes of it.
func exitReason(stderr string) string {
	at := strings.LastIndex(stderr, exitReasonPrefix)
	if at < 0 {
		return ""
	}
	reason, _, _ := strings.Cut(stderr[at+len(exitReasonPrefix):], "\n")
	return strings.TrimSpace(bounded(reason, 128))
}

// bounded cuts a text at a number of bytes, not inside a character.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
