// Package param declares what the native fence drivers take: their actions and parameters under the names of
// the fence agents that they stand in for, with metadata for tools and a reader for the values.
package param

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// Kind says what a parameter's value looks like.
type Kind string

const (
	String  Kind = "string"
	Boolean Kind = "boolean"
	Integer Kind = "integer"
	Second  Kind = "second" // a number of seconds, or a time with a unit
	Select  Kind = "select"
)

// Spec is one parameter.
type Spec struct {
	Name string
	// Old is an older name that still works.
	Old     string
	Kind    Kind
	Default string
	Options []string // of a Select
	// Required parameters must not be empty.
	Required bool
	Text     string
}

// Action is something that an agent can do. OnTarget and Automatic are marks of "on" for fabric fencing: it
// must run on the target, when that joins.
type Action struct {
	Name      string
	OnTarget  bool
	Automatic bool
}

// Agent is a fence agent that a native driver stands in for.
type Agent struct {
	Name   string
	Short  string
	Long   string
	Params []Spec
	// Actions are those that the agent has. Reboot is left to the plan where Split is set: off, proof, on.
	Actions []Action
	Split   bool
	// Notice is how long it may take from an order until the target can do no more.
	Notice time.Duration
}

// Actions of nearly every agent besides its power actions.
var common = []Action{{Name: device.Status}, {Name: device.Monitor}, {Name: "metadata"}, {Name: "validate-all"}}

// Power lists the actions of an agent that switches power.
func Power() []Action {
	return slices.Concat([]Action{{Name: device.On}, {Name: device.Off}, {Name: device.Reboot}}, common)
}

// Fabric lists the actions of an agent that cuts a node off from something that only the node itself can take
// up again.
func Fabric() []Action {
	return slices.Concat([]Action{{Name: device.On, OnTarget: true, Automatic: true}, {Name: device.Off}}, common)
}

// Fencing are the parameters that every fence agent has. Those in the second part are accepted because
// configurations have them; they mean nothing to a driver that is not a program.
func Fencing() []Spec {
	return []Spec{
		{Name: "action", Kind: String, Default: "reboot", Text: "Action; the fencer decides it"},
		{Name: "delay", Kind: Second, Default: "0", Text: "Wait before fencing is started"},
		{Name: "power_timeout", Kind: Second, Text: "How long the change of the power state is waited for (default: what is left of the action's timeout)"},
		{Name: "power_wait", Kind: Second, Default: "0", Text: "Wait after switching, before the state is read"},
		{Name: "login_timeout", Kind: Second, Default: "5", Text: "How long to connect and log in may take"},
		{Name: "shell_timeout", Kind: Second, Default: "5", Text: "How long one request may take"},
		{Name: "stonith_status_sleep", Kind: Second, Default: "1", Text: "Pause between two readings of the power state"},
		{Name: "retry_on", Kind: Integer, Default: "1", Text: "How often switching on is attempted"},

		{Name: "disable_timeout", Kind: String, Text: "Without effect: the fencer limits the time"},
		{Name: "plug_separator", Kind: String, Default: ",", Text: "Without effect: a device has one outlet per node"},
		{Name: "quiet", Kind: Boolean, Text: "Without effect"},
		{Name: "verbose", Kind: Boolean, Text: "Without effect"},
		{Name: "verbose_level", Kind: Integer, Text: "Without effect"},
		{Name: "debug_file", Old: "debug", Kind: String, Text: "Without effect"},
		{Name: "version", Kind: Boolean, Text: "Without effect"},
		{Name: "help", Kind: Boolean, Text: "Without effect"},
	}
}

// Plug is the parameter that names the target's outlet.
func Plug(required bool, text string) Spec {
	return Spec{Name: "plug", Old: "port", Kind: String, Required: required, Text: text}
}

// Capabilities are what the plan has to know of the agent.
func (a *Agent) Capabilities() *device.Capabilities {
	c := &device.Capabilities{Notice: a.Notice.Milliseconds()}
	for _, s := range a.Params {
		if s.Name == "plug" {
			c.Port = "plug"
		}
	}
	for _, act := range a.Actions {
		if a.Split && act.Name == device.Reboot {
			continue
		}
		c.Actions = append(c.Actions, act.Name)
		if act.Name == device.On {
			c.OnTarget, c.Automatic = act.OnTarget, act.Automatic
		}
	}
	return c
}
