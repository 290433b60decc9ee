package hcs

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/status"
	"github.com/holdfast-ha/holdfast/hcs/edit"
)

// settle brings the status section to what follows from the configuration: every enabled primitive runs on one
// node, where a move or ban constraint puts it, else where it runs already, else on the first node that is not in
// standby. A fixture whose status has something in it is left as it is.
func (f *fake) settle() {
	if f.crm.ReadOnly != "" || strings.Contains(f.doc.Compact(), "fixture") {
		return
	}
	conf, section := f.doc.Child("configuration"), f.doc.Child("status")
	runs := map[string]string{} // resource to node
	for n := range section.Tags("node_state") {
		for r := range n.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
			if op := r.Child("lrm_rsc_op"); op.Get("operation") == "start" {
				runs[r.ID()] = n.Get("uname")
			}
		}
	}
	s := section
	for n := range section.Tags("node_state") {
		node := status.Node{ID: n.ID(), Name: n.Get("uname")}
		s = status.SetHistory(s, node, nil)
	}
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		if !e.IsTag("primitive") || stopped(conf, e.ID()) {
			return true
		}
		if node := f.home(conf, e.ID(), runs[e.ID()]); node != "" {
			s = status.SetResource(s, f.nodeNamed(node), e.ID(), started(e))
		}
		return true
	})
	f.doc = f.doc.WithChild(section, s)
}

func stopped(conf *cibxml.Element, id string) bool {
	for e := edit.Find(conf, id); e != nil; e = edit.Parent(conf, e.ID()) {
		if v, _ := edit.Pair(e, "meta_attributes", "target-role"); v == "Stopped" {
			return true
		}
	}
	return false
}

func (f *fake) nodeNamed(name string) status.Node {
	for n := range f.doc.Child("configuration").Child("nodes").Tags("node") {
		if n.Get("uname") == name {
			return status.Node{ID: n.ID(), Name: name}
		}
	}
	return status.Node{}
}

// home is the node for a resource; constraints of its group count too.
func (f *fake) home(conf *cibxml.Element, id, now string) string {
	names := []string{id}
	if p := edit.Parent(conf, id); p != nil {
		names = append(names, p.ID())
	}
	prefer, banned := "", map[string]bool{}
	for c := range conf.Child("constraints").Tags("rsc_location") {
		if !slices.Contains(names, c.Get("rsc")) || c.Get("node") == "" {
			continue
		}
		switch c.Get("score") {
		case "INFINITY":
			prefer = c.Get("node")
		case "-INFINITY":
			banned[c.Get("node")] = true
		}
	}
	for n := range conf.Child("nodes").Tags("node") {
		if v, _ := edit.Pair(n, "instance_attributes", "standby"); v == "on" {
			banned[n.Get("uname")] = true
		}
	}
	for _, n := range append([]string{prefer, now}, edit.Nodes(conf)...) {
		if n != "" && !banned[n] {
			return n
		}
	}
	return ""
}

// started is the history of a resource that has been started.
func started(e *cibxml.Element) *cibxml.Element {
	id := e.ID()
	r := cibxml.New("lrm_resource", "id", id, "class", e.Get("class"))
	if p := e.Get("provider"); p != "" {
		r.Set("provider", p)
	}
	r.Set("type", e.Get("type"))
	return r.Append(cibxml.New("lrm_rsc_op", "id", id+"_last_0", "operation_key", id+"_start_0", "operation", "start",
		"crm-debug-origin", "fake", "crm_feature_set", "3.16.1", "transition-key", "3:1:0:"+uuid, "transition-magic", "0:0;3:1:0:"+uuid,
		"exit-reason", "", "call-id", "5", "rc-code", "0", "op-status", "0", "interval", "0", "last-rc-change", "1795293000"))
}

const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
