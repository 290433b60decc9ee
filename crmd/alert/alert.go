// Package alert decides which alert agents of the CIB hear of an event, and what they are told.
package alert

import (
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
)

// Kinds of events, as CRM_alert_kind has them. Alarm is ours; an agent gets it when its meta attribute alarms
// is true, because Pacemaker's agents do not know it.
const (
	Node      = "node"
	Fencing   = "fencing"
	Resource  = "resource"
	Attribute = "attribute"
	Alarm     = "alarm"
)

// Event is something that agents are told of.
type Event struct {
	Kind string
	At   time.Time
	Node string
	ID   api.NodeID // of the node, for the kinds node, attribute and alarm
	Desc string
	// Task and RC are for fencing and resources; of an alarm Task is raised, changed or cleared.
	Task string
	RC   int
	// For resources.
	Resource       string
	Interval       int64 // ms
	TargetRC       int
	Status         int
	ExecTime       int64  // ms
	Name, Value    string // for attributes; of an alarm the detector and the severity
	AlarmedSubject string
}

// Agent is an alert of the CIB that is enabled, for one recipient.
type Agent struct {
	ID, Path  string
	Recipient string
	Timeout   time.Duration
	Format    string // of timestamps
	Env       []cibxml.Attr
	kinds     []string
	names     []string // of attributes; none is every one
}

// defaults of an alert's meta attributes.
const (
	defaultTimeout = 30 * time.Second
	defaultFormat  = "%H:%M:%S.%06N"
)

// Parse reads the section alerts. Without recipients an alert has one agent, with an empty one.
func Parse(alerts *cibxml.Element) []Agent {
	var out []Agent
	for e := range alerts.Tags("alert") {
		base := Agent{ID: e.ID(), Path: e.Get("path"), Timeout: defaultTimeout, Format: defaultFormat}
		base.selection(e)
		if !base.describe(e) {
			continue
		}
		any := false
		for r := range e.Tags("recipient") {
			any = true
			a := base
			a.ID, a.Recipient, a.Env, a.kinds = r.ID(), r.Get("value"), slices.Clone(base.Env), slices.Clone(base.kinds)
			if a.describe(r) {
				out = append(out, a)
			}
		}
		if !any {
			out = append(out, base)
		}
	}
	return out
}

// describe takes the attribute sets of an alert or a recipient; false is switched off.
func (a *Agent) describe(e *cibxml.Element) bool {
	for set := range e.Tags("meta_attributes") {
		for nv := range set.Tags("nvpair") {
			v := nv.Get("value")
			switch nv.Get("name") {
			case "timeout":
				if ms, err := value.Duration(v); err == nil && ms > 0 {
					a.Timeout = time.Duration(ms) * time.Millisecond
				}
			case "timestamp-format":
				a.Format = v
			case "enabled":
				if on, err := value.Bool(v); err == nil && !on {
					return false
				}
			case "alarms":
				a.kinds = slices.DeleteFunc(a.kinds, func(k string) bool { return k == Alarm })
				if on, err := value.Bool(v); err == nil && on {
					a.kinds = append(a.kinds, Alarm)
				}
			}
		}
	}
	for set := range e.Tags("instance_attributes") {
		for nv := range set.Tags("nvpair") {
			a.Env = slices.DeleteFunc(a.Env, func(x cibxml.Attr) bool { return x.Name == nv.Get("name") })
			a.Env = append(a.Env, cibxml.Attr{Name: nv.Get("name"), Value: nv.Get("value")})
		}
	}
	return true
}

func (a *Agent) selection(e *cibxml.Element) {
	sel := e.Child("select")
	if sel == nil {
		a.kinds = []string{Node, Fencing, Resource}
		return
	}
	for tag, kind := range map[string]string{"select_nodes": Node, "select_fencing": Fencing, "select_resources": Resource, "select_attributes": Attribute} {
		if sel.Child(tag) != nil {
			a.kinds = append(a.kinds, kind)
		}
	}
	for x := range sel.Child("select_attributes").Tags("attribute") {
		a.names = append(a.names, x.Get("name"))
	}
}

// Wants reports whether the agent hears of the event.
func (a *Agent) Wants(ev *Event) bool {
	if !slices.Contains(a.kinds, ev.Kind) {
		return false
	}
	return ev.Kind != Attribute || len(a.names) == 0 || slices.Contains(a.names, ev.Name)
}

// version is Pacemaker's, which agents may look at.
const version = "2.1.5"

// Environment is what the agent's process gets, under both of Pacemaker's prefixes. What does not belong to the
// event's kind is not set. sequence counts the alerts of this node.
func (a *Agent) Environment(ev *Event, sequence uint64) []string {
	var out []string
	for _, x := range a.Env {
		out = append(out, x.Name+"="+x.Value)
	}
	set := func(name, v string) { out = append(out, "CRM_alert_"+name+"="+v, "CRM_notify_"+name+"="+v) }
	text := func(name, v string, kinds ...string) {
		if slices.Contains(kinds, ev.Kind) {
			set(name, v)
		}
	}
	number := func(name string, n int64, kinds ...string) { text(name, strconv.FormatInt(n, 10), kinds...) }
	set("kind", ev.Kind)
	set("version", version)
	set("recipient", a.Recipient)
	set("node_sequence", strconv.FormatUint(sequence, 10))
	set("timestamp", Format(ev.At, a.Format))
	set("timestamp_epoch", strconv.FormatInt(ev.At.Unix(), 10))
	set("timestamp_usec", Format(ev.At, "%6N"))
	set("node", ev.Node)
	text("desc", ev.Desc, Node, Fencing, Resource, Alarm)
	text("task", ev.Task, Fencing, Resource, Alarm)
	text("rsc", ev.Resource, Resource)
	number("nodeid", int64(ev.ID), Node, Attribute, Alarm)
	number("rc", int64(ev.RC), Fencing, Resource)
	number("interval", ev.Interval, Resource)
	number("target_rc", int64(ev.TargetRC), Resource)
	number("status", int64(ev.Status), Resource)
	number("exec_time", ev.ExecTime, Resource)
	text("attribute_name", ev.Name, Attribute)
	text("attribute_value", ev.Value, Attribute)
	text("alarm", ev.Name, Alarm)
	text("severity", ev.Value, Alarm)
	text("subject", ev.AlarmedSubject, Alarm)
	return out
}
