// Package devices finds in a CIB what fenced has to know: the fence devices, the topology and the options.
package devices

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
)

// From reads a CIB. banned says which devices location constraints keep away from this node.
func From(doc *cibxml.Element, banned func(device string) bool) api.FenceConfig {
	conf := doc.Child("configuration")
	c := api.FenceConfig{Version: cib.VersionOf(doc).String(), Enabled: true, Action: "reboot", Timeout: 60000, NodeAttrs: nodeAttrs(conf)}
	if b, err := value.Bool(Option(conf, "stonith-enabled")); err == nil {
		c.Enabled = b
	}
	if Option(conf, "stonith-action") == "off" || Option(conf, "stonith-action") == "poweroff" {
		c.Action = "off"
	}
	if ms, err := value.Duration(Option(conf, "stonith-timeout")); err == nil && ms > 0 {
		c.Timeout = ms
	}
	if s := Option(conf, "stonith-watchdog-timeout"); s != "" {
		if ms, err := value.Duration(s); err == nil {
			c.WatchdogTimeout = ms
		} else if strings.HasPrefix(s, "-") {
			c.WatchdogTimeout = -1
		}
	}
	if ms, err := value.Duration(Option(conf, "priority-fencing-delay")); err == nil && ms > 0 {
		c.PriorityDelay = ms
	}
	r := reader{conf: conf, banned: banned}
	for e := range conf.Child("resources").Tags() {
		r.resource(e, stoppedRole(e))
	}
	c.Devices = r.found
	c.Levels = levels(conf.Child("fencing-topology"))
	return c
}

// Option is the value of a cluster option. The set cib-bootstrap-options wins over others.
func Option(conf *cibxml.Element, name string) string {
	found := ""
	for set := range conf.Child("crm_config").Tags("cluster_property_set") {
		for nv := range set.Tags("nvpair") {
			if nv.Get("name") != name {
				continue
			}
			if set.ID() == "cib-bootstrap-options" {
				return nv.Get("value")
			}
			found = cmp.Or(found, nv.Get("value"))
		}
	}
	return found
}

type reader struct {
	conf   *cibxml.Element
	banned func(string) bool
	found  []api.FenceDevice
}

// resource collects the devices of a resource and of what it contains; a target-role of Stopped around a
// device disables it too.
func (r *reader) resource(e *cibxml.Element, stopped bool) {
	stopped = stopped || stoppedRole(e)
	switch e.Name {
	case "group", "clone", "master":
		for c := range e.Tags("primitive", "group") {
			r.resource(c, stopped)
		}
	case "primitive":
		template := r.template(e)
		if stopped || cmp.Or(e.Get("class"), template.Get("class")) != "stonith" {
			return
		}
		d := api.FenceDevice{ID: e.ID(), Agent: cmp.Or(e.Get("type"), template.Get("type")), Params: make(map[string]string),
			Banned: r.banned != nil && r.banned(e.ID())}
		for _, from := range []*cibxml.Element{template, e} {
			for n, v := range pairs(from, "instance_attributes") {
				d.Params[n] = v
			}
		}
		meta := pairs(e, "meta_attributes")
		provides := cmp.Or(meta["provides"], d.Params["provides"])
		d.Unfencing = strings.EqualFold(provides, "unfencing")
		d.Driver = cmp.Or(meta["driver"], d.Params["holdfast_driver"])
		delete(d.Params, "holdfast_driver")
		r.found = append(r.found, d)
	}
}

func (r *reader) template(e *cibxml.Element) *cibxml.Element {
	if id := e.Get("template"); id != "" {
		return r.conf.Child("resources").Find("template", id)
	}
	return nil
}

func stoppedRole(e *cibxml.Element) bool {
	return strings.EqualFold(pairs(e, "meta_attributes")["target-role"], "Stopped")
}

// pairs are the values of an element's sets of that kind; the first set that has a name wins, by descending
// score. Sets with rules are for resources, not for fence devices, and are left out.
func pairs(e *cibxml.Element, kind string) map[string]string {
	var sets []*cibxml.Element
	for s := range e.Tags(kind) {
		if s.Child("rule") == nil {
			sets = append(sets, s)
		}
	}
	score := func(s *cibxml.Element) int { n, _ := value.Score(s.Get("score")); return n }
	slices.SortStableFunc(sets, func(a, b *cibxml.Element) int { return cmp.Compare(score(b), score(a)) })
	out := make(map[string]string)
	for _, s := range sets {
		for nv := range s.Tags("nvpair") {
			if _, have := out[nv.Get("name")]; !have {
				out[nv.Get("name")] = nv.Get("value")
			}
		}
	}
	return out
}

func levels(topology *cibxml.Element) []api.FenceLevel {
	var out []api.FenceLevel
	for e := range topology.Tags("fencing-level") {
		index, err := strconv.Atoi(e.Get("index"))
		if err != nil || index < 1 || index > 9 {
			continue // the schema refuses it; an old CIB may still hold it, and Pacemaker ignores it then
		}
		var devices []string
		for _, d := range strings.Split(e.Get("devices"), ",") {
			if d = strings.TrimSpace(d); d != "" {
				devices = append(devices, d)
			}
		}
		out = append(out, api.FenceLevel{ID: e.ID(), Index: index, Devices: devices, Target: e.Get("target"),
			Pattern: e.Get("target-pattern"), Attribute: e.Get("target-attribute"), Value: e.Get("target-value")})
	}
	return out
}

func nodeAttrs(conf *cibxml.Element) map[string]map[string]string {
	out := make(map[string]map[string]string)
	for n := range conf.Child("nodes").Tags("node") {
		if attrs := pairs(n, "instance_attributes"); len(attrs) > 0 {
			out[n.Get("uname")] = attrs
		}
	}
	return out
}

// HasLocations reports whether there are location constraints, so that the scores of the devices have to be
// computed to know which are banned from a node.
func HasLocations(doc *cibxml.Element) bool {
	return doc.Child("configuration").Child("constraints").Child("rsc_location") != nil
}
