package device

import (
	"maps"
	"time"
)

// LearnTimeout bounds a question for an agent's metadata.
const LearnTimeout = 10 * time.Second

// learnRetries are the pauses before metadata is asked for again; the last one repeats.
var learnRetries = []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second}

// agent is what is known of an agent that a device uses. A device whose agent is not known fences nothing on
// this node: what it could do is unknown, and so would be the result.
type agent struct {
	name, driver string
	caps         *Capabilities
	err          string
	busy         bool // asked, not answered
	failures     int
	again        time.Time // when to ask again
}

func agentKey(d *device) string { return d.def.config.Driver + "/" + d.def.config.Agent }

// learnAgents asks for the metadata of every agent that a device uses.
func (e *Executor) learnAgents(now time.Time) {
	used := map[string]bool{}
	for _, d := range e.devices {
		used[agentKey(d)] = true
		a := e.agents[agentKey(d)]
		if a == nil {
			a = &agent{name: d.def.config.Agent, driver: d.def.config.Driver}
			e.agents[agentKey(d)] = a
		}
		if a.caps == nil && !a.busy && !a.again.After(now) {
			e.learn(a)
		}
	}
	maps.DeleteFunc(e.agents, func(key string, a *agent) bool { return !used[key] && !a.busy })
}

func (e *Executor) learn(a *agent) {
	a.busy = true
	e.emit(Learn{Agent: a.name, Driver: a.driver})
}

func (e *Executor) learned(now time.Time, in Learned) {
	for _, a := range e.agents {
		if a.name != in.Agent || a.driver != in.Driver || !a.busy {
			continue
		}
		a.busy = false
		if in.Caps != nil {
			a.caps, a.err, a.failures = in.Caps, "", 0
			continue
		}
		a.err = in.Err
		a.again = now.Add(learnRetries[min(a.failures, len(learnRetries)-1)])
		a.failures++
		e.note(true, "", "agent "+a.name+" cannot be used yet: "+in.Err)
	}
}

// known returns what the device's agent can do, nil while that is not known.
func (e *Executor) known(d *device) *Capabilities {
	if a := e.agents[agentKey(d)]; a != nil {
		return a.caps
	}
	return nil
}

// supports reports whether the device can do a fencing action, possibly by another one, and why not.
func (d *device) supports(caps *Capabilities, action string) bool {
	if d.def.actions[action].name != action || caps.has(action) {
		return true
	}
	return action == Reboot && caps.has(Off)
}

// unfences reports whether the device must be used to unfence a node that joins.
func (d *device) unfences(caps *Capabilities) bool { return caps.Automatic || d.def.config.Unfencing }

// steps is what an order for the action does to the target, one agent call each.
//
// A successful off is proven by reading the status back, where the agent can. A reboot cannot be proven that
// way, because the node is on before and after it: there the agent's word has to do, which for the fence
// agents' library is off, status off, on. Where that is not so, because the agent has no reboot or because
// the administrator chose its method "cycle" (which BMCs confirm before the power is gone), off, status and on
// are separate steps; on is left out for devices that unfence, since their "on" belongs to a node that has
// started anew.
func (d *device) steps(caps *Capabilities, action string) []step {
	s := d.def.actions[action]
	cycle := action == Reboot && s.name == Reboot && d.def.config.Params["method"] == "cycle" && caps.has(Off) && caps.has(On) && caps.has(Status)
	switch {
	case action == On:
		return []step{{action: On}}
	case action == Reboot && !cycle && (s.name != Reboot || caps.has(Reboot)):
		if s.name == Off && caps.has(Status) {
			return []step{{action: Reboot}, {action: Status}}
		}
		return []step{{action: Reboot}}
	}
	steps := []step{{action: Off}}
	if caps.has(Status) && d.def.actions[Off].name == Off {
		steps = append(steps, step{action: Status})
	}
	if action == Reboot && caps.has(On) && !d.unfences(caps) && !caps.OnTarget {
		steps = append(steps, step{action: On, extra: true})
	}
	return steps
}

// step is one agent call of an order.
type step struct {
	action string
	extra  bool // follows the proof; its failure changes nothing
}
