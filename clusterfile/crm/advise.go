package crm

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
)

// advise looks at the whole for what is allowed and still probably a mistake.
func (r *reader) advise(conf *cibxml.Element) {
	r.adviseFencing(conf)
	fallback := int64(defaultTimeout)
	for nv := range conf.Child("op_defaults").Child("meta_attributes").Tags("nvpair") {
		if nv.Get("name") == "timeout" {
			fallback = milliseconds(nv.Get("value"))
		}
	}
	for _, s := range r.root.Tables("resource") {
		r.adviseMissing(s, fallback)
	}
}

// adviseFencing says when nodes cannot be fenced.
func (r *reader) adviseFencing(conf *cibxml.Element) {
	enabled := true
	for nv := range conf.Child("crm_config").Child("cluster_property_set").Tags("nvpair") {
		if nv.Get("name") == "stonith-enabled" {
			enabled, _ = value.Bool(nv.Get("value"))
		}
	}
	if !enabled {
		r.advice(r.root.Table("properties"), "stonith-enabled",
			"without fencing a resource of a lost node may run twice and destroy its data; this is for tests only")
		return
	}
	if len(r.devices) == 0 && !strings.Contains(conf.Compact(), `class="stonith"`) {
		if conf.Child("resources") != nil && len(conf.Child("resources").Children) > 0 {
			r.advice(r.root, "stonith", "there is no fence device, so the cluster will not start any resource; write a [[stonith]] section for each node")
		}
		return
	}
	covered := map[string]bool{}
	for _, d := range r.devices {
		list, mapped := d.params["pcmk_host_list"], d.params["pcmk_host_map"]
		if list == "" && mapped == "" {
			return // asks the device itself
		}
		for _, n := range strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(" ,;\t\n", c) }) {
			covered[strings.ToLower(n)] = true
		}
		for _, m := range strings.FieldsFunc(mapped, func(c rune) bool { return strings.ContainsRune("; \t\n", c) }) {
			name, _, _ := strings.Cut(strings.ReplaceAll(m, "=", ":"), ":")
			covered[strings.ToLower(name)] = true
		}
	}
	for _, n := range r.file.Nodes {
		if !covered[strings.ToLower(n.Name)] {
			r.advice(n.Rest, "name", fmt.Sprintf("no fence device lists node %s in pcmk_host_list or pcmk_host_map: when it is lost its resources stay down", n.Name))
		}
	}
}

// adviseMissing says which operations of a resource are missing or get less time than its agent advises.
func (r *reader) adviseMissing(s *clusterfile.Section, fallback int64) {
	ref, err := agent.ParseRef(s.Str("agent", ""))
	if err != nil {
		return
	}
	ops := map[string]bool{} // with a timeout of its own
	sub := s.Table("op")
	if !sub.Has("monitor") {
		r.advice(s, "op", fmt.Sprintf("resource %s has no monitor, so a failure will not be noticed; write op.monitor = { interval = \"10s\" }", s.Str("id", "")))
	}
	for _, name := range sub.Keys() {
		if t, ok := sub.Raw(name).(map[string]any); ok && t["timeout"] != nil {
			ops[name] = true
		}
		if list, ok := sub.Raw(name).([]any); ok && len(list) > 0 {
			ops[name] = true
		}
		if _, ok := sub.Raw(name).([]map[string]any); ok {
			ops[name] = true
		}
	}
	a, _ := r.src.Agents.Describe(ref)
	if a == nil {
		return
	}
	used := []string{"start", "stop", "monitor"}
	if clone, ok := s.Raw("clone").(map[string]any); ok && clone["promotable"] == true {
		used = append(used, "promote", "demote")
	}
	for _, x := range a.Actions {
		if ops[x.Name] || x.Name == "monitor" && !sub.Has("monitor") || !has(used, x.Name) || x.Depth != "" && x.Depth != "0" {
			continue
		}
		if milliseconds(x.Timeout) > fallback {
			ops[x.Name] = true // one remark for each
			r.advice(s, "op", fmt.Sprintf("op.%s has no timeout and gets %s, the agent advises %s", x.Name, span(fallback), withUnit(x.Timeout)))
		}
	}
}

func span(ms int64) string {
	if ms%1000 == 0 {
		return fmt.Sprintf("%ds", ms/1000)
	}
	return fmt.Sprintf("%dms", ms)
}
