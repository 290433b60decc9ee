package gen

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// addTopology adds a level of fencing for a node, or for all that a pattern or an attribute selects.
func addTopology(s *survey, r *Rand) bool {
	var fences []string
	for _, p := range s.prims {
		if p.Get("class") == "stonith" {
			fences = append(fences, p.ID())
		}
	}
	if len(fences) == 0 {
		return false
	}
	devices := fences[r.Intn(len(fences))]
	if other := fences[r.Intn(len(fences))]; other != devices && r.Chance(60) {
		devices += "," + other
	}
	level := cibxml.New("fencing-level", "id", s.id(), "index", One(r, "1", "1", "2", "9"), "devices", devices)
	switch {
	case isOld(s.doc) || r.Chance(60):
		level.Set("target", s.node(r))
	case r.Chance(50):
		level.Set("target-pattern", One(r, "^n", ".*", "pcmk-[12]", "remote"))
	default:
		level.Set("target-attribute", One(r, "site", "rack"))
		level.Set("target-value", One(r, "east", "1"))
	}
	s.section("fencing-topology").Append(level)
	return true
}

// setFence changes a parameter of a fence device that means something to the scheduler.
func setFence(s *survey, r *Rand) bool {
	e := pick(r, s.prims)
	if e == nil || e.Get("class") != "stonith" {
		return false
	}
	p := One(r, pairOf{"pcmk_monitor_timeout", []string{"7s", "120s"}}, pairOf{"pcmk_host_check", []string{"none", "static-list"}},
		pairOf{"pcmk_host_map", []string{"node1:1;node2:2"}}, pairOf{"pcmk_delay_base", []string{"5s"}}, pairOf{"pcmk_reboot_action", []string{"off"}})
	s.pair(s.block(e, "instance_attributes"), p.name, p.value(r))
	if r.Chance(30) {
		s.pair(s.block(e, "meta_attributes"), "provides", "unfencing")
	}
	return true
}

// unfenced lets a node have been unfenced at some time, with some parameters of a device.
func unfenced(s *survey, r *Rand) bool {
	e, p := pick(r, s.states), pick(r, s.prims)
	if e == nil || p == nil || p.Get("class") != "stonith" {
		return false
	}
	s.transient(e, "#node-unfenced", strconv.Itoa(Epoch-r.Intn(90000)))
	entry := p.ID() + ":" + p.Get("type") + ":0123456789abcdef0123456789abcdef,"
	s.transient(e, One(r, "#digests-all", "#digests-secure"), entry)
	return true
}

// lockedByShutdown lets a resource be locked to the node that it was on, which has shut down.
func lockedByShutdown(s *survey, r *Rand) bool {
	h := pick(r, s.histories)
	if h == nil {
		return false
	}
	s.pair(s.block(s.section("crm_config"), "cluster_property_set"), "shutdown-lock", "true")
	h.Set("shutdown-lock", strconv.Itoa(Epoch-One(r, 10, 600, 100000)))
	if len(h.Children) > 0 && r.Chance(60) {
		op := h.Children[len(h.Children)-1]
		op.Set("operation", "stop")
		op.Set("operation_key", h.ID()+"_stop_0")
		op.Set("interval", "0")
		setResult(op, "0", "0")
	}
	for _, st := range s.states {
		if st.Child("lrm") != nil && st.Child("lrm").Child("lrm_resources").Find("lrm_resource", h.ID()) == h && r.Chance(70) {
			st.Set("in_ccm", "false")
			st.Set("crmd", "offline")
			st.Set("join", "down")
			st.Set("expected", "down")
		}
	}
	return true
}
