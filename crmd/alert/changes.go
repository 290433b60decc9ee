package alert

import (
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Attributes are the transient attributes that differ between two status sections: one event for each, with an empty
// value for one that was deleted. Those that go with a node that leaves were not deleted by anybody.
func Attributes(old, new *cibxml.Element, now time.Time) []Event {
	if old == new {
		return nil
	}
	var out []Event
	for ns := range new.Tags("node_state") {
		was := old.Find("node_state", ns.ID()).Child("transient_attributes")
		is := ns.Child("transient_attributes")
		if was == is {
			continue
		}
		before, list := values(was)
		after, order := values(is)
		id, _ := strconv.ParseUint(ns.ID(), 10, 32)
		for _, name := range order {
			if v := after[name]; before[name] != v {
				out = append(out, Event{Kind: Attribute, At: now, Node: ns.Get("uname"), ID: api.NodeID(id), Name: name, Value: v})
			}
		}
		if ns.Get("crmd") != "online" {
			continue
		}
		for _, name := range list {
			if _, there := after[name]; !there {
				out = append(out, Event{Kind: Attribute, At: now, Node: ns.Get("uname"), ID: api.NodeID(id), Name: name})
			}
		}
	}
	return out
}

func values(e *cibxml.Element) (map[string]string, []string) {
	out, order := make(map[string]string), []string(nil)
	for set := range e.Tags("instance_attributes") {
		for nv := range set.Tags("nvpair") {
			out[nv.Get("name")] = nv.Get("value")
			order = append(order, nv.Get("name"))
		}
	}
	return out, order
}
