package resource

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/history"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
	"github.com/holdfast-ha/holdfast/tools/statustext"
	"github.com/holdfast-ha/holdfast/tools/statusxml"
)

func itoa(n int) string { return strconv.Itoa(n) }

// list shows all resources.
func (c *call) list(context.Context) error {
	v := c.view()
	v.RscOnly = true
	listed := v.Listed()
	if c.out.IsXML() {
		if e := (statusxml.View{View: v}).Resources(); e != nil {
			c.out.Add(e)
		}
	} else {
		c.out.Lines.Plain = false
		v.ResourceList()
	}
	if len(listed) == 0 {
		return program.Faultf(api.CodeNoSuchObject, "")
	}
	return nil
}

// listRaw lists the ids of primitives.
func (c *call) listRaw(context.Context) error {
	var ids []string
	for _, top := range c.m.Resources {
		top.Primitives(func(r *model.Resource) { ids = append(ids, r.ID) })
	}
	if len(ids) == 0 {
		return program.Faultf(api.CodeNoSuchObject, "")
	}
	if !c.out.IsXML() {
		for _, id := range ids {
			c.out.Printf("%s\n", id)
		}
		return nil
	}
	e := cibxml.New("list", "name", "resource names", "count", itoa(len(ids)))
	for _, id := range ids {
		e.Append(output.TextElement("item", id, "name", "resource"))
	}
	c.out.Add(e)
	return nil
}

// operations lists recorded operations: of the present life of each resource, or all of them.
func (c *call) operations(context.Context) error {
	list := cibxml.New("operations")
	for state := range c.doc.Child("status").Tags("node_state") {
		n := c.m.NodeWithID(state.ID())
		if n == nil || c.host != nil && n != c.host || !c.m.State.Node(n).Online {
			continue
		}
		for _, h := range n.Records {
			if c.rsc != nil && h.ID != c.options.resource {
				continue
			}
			for _, o := range c.shown(h) {
				if c.out.IsXML() {
					list.Append(c.operationXML(h, o))
				} else {
					c.out.Printf("%s\n", c.operationLine(h, o))
				}
			}
		}
	}
	if len(list.Children) > 0 {
		c.out.Add(list)
	}
	return nil
}

// shown are the operations of a history that are listed.
func (c *call) shown(h *model.History) []*model.Op {
	if c.command == "list-all-operations" {
		return h.Sorted
	}
	start, stop := history.Window(h.Sorted)
	if start < stop {
		return nil
	}
	return h.Sorted[max(start, 0):]
}

func (c *call) operationLine(h *model.History, o *model.Op) string {
	text := "Unknown resource " + h.ID
	if r := statustext.Find(c.m, h.ID); r != nil {
		v := c.view()
		v.RscOnly = true
		text = v.Line(r, r.Name(), nil)
	}
	text += ": " + o.Key + " (node=" + h.Node.Name + ", call=" + o.XML.Get("call-id") + ", rc=" + o.XML.Get("rc-code")
	if when := changed(o); when != "" {
		text += ", last-rc-change='" + when + "', exec=" + o.XML.Get("exec-time") + "ms"
	}
	return text + "): " + lrm.Status(o.Status).String()
}

func (c *call) operationXML(h *model.History, o *model.Op) *cibxml.Element {
	e := cibxml.New("operation", "op", o.Key, "node", h.Node.Name, "call", o.XML.Get("call-id"), "rc", o.XML.Get("rc-code"),
		"status", lrm.Status(o.Status).String())
	if r := statustext.Find(c.m, h.ID); r != nil {
		e.Set("rsc", r.Name())
		e.Set("agent", fmt.Sprintf("%s:%s:%s", r.Agent.Class, r.Agent.Provider, r.Agent.Type))
	}
	if when := changed(o); when != "" {
		e.Set("last-rc-change", when)
		e.Set("exec-time", o.XML.Get("exec-time"))
	}
	return e
}

// changed is when an operation's result last changed, "" when it is not recorded.
func changed(o *model.Op) string {
	if sec, err := strconv.ParseInt(o.XML.Get("last-rc-change"), 10, 64); err == nil {
		return time.Unix(sec, 0).Format(time.ANSIC)
	}
	return ""
}
