package alert

import (
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Attributes are the transient attributes that differ between two status sections: one event for each.
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
		before, _ := values(was)
		after, order := values(is)
		id, _ := strconv.ParseUint(ns.ID(), 10, 32)
		for _, name := range order {
			if v := after[name]; before[name] != v {
				out = append(out, Event{Kind: Attribute, At: now, Node: ns.Get("uname"), ID: api.NodeID(id), Name: name, Value: v})
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
