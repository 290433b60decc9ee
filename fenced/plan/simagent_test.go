package plan_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// call runs a simulated agent.
func (s *sim) call(n *node, c device.Call) {
	var params []string
	for _, p := range c.Params {
		if p.Name != "action" && p.Name != "nodename" {
			params = append(params, p.Name+"="+p.Value)
		}
	}
	s.printf("%s runs %s (call %d): %s", n.name, c.Device, c.ID, strings.Join(append([]string{c.Action, c.Target}, params...), " "))
	a := s.behave(n, c)
	life := n.life
	back := func(r device.Result) {
		if _, open := n.calls[c.ID]; open && n.life == life {
			delete(n.calls, c.ID)
			s.device(n, device.Returned{Call: c.ID, Result: r})
		}
	}
	n.calls[c.ID] = func(r device.Result) { s.after(0, func() { back(r) }) }
	if a.kind == "hang" || a.after > c.Timeout {
		s.after(c.Timeout, func() {
			back(device.Result{Status: lrm.Timeout, RC: 1, Reason: fmt.Sprintf("Fence agent did not complete within %v", c.Timeout)})
		})
		return
	}
	s.after(a.after, func() { back(s.effect(c, a)) })
}

func (s *sim) behave(n *node, c device.Call) answer {
	for _, b := range s.behaviours {
		if b.device == c.Device && b.action == c.Action && (b.target == "" || b.target == c.Target) && (b.node == "" || b.node == n.name) {
			a := b.answers[0]
			if len(b.answers) > 1 {
				b.answers = b.answers[1:]
			}
			return a
		}
	}
	switch c.Action {
	case "off", "on", "reboot":
		return answer{kind: "ok", after: time.Second}
	default:
		return answer{kind: "ok", after: 100 * time.Millisecond}
	}
}

// effect is what the agent does to the target's power, and its answer.
func (s *sim) effect(c device.Call, a answer) device.Result {
	switch a.kind {
	case "fail":
		return device.Result{Status: lrm.Error, RC: 1, Reason: a.text}
	case "rc":
		return device.Result{RC: a.rc}
	case "prints":
		return device.Result{Output: strings.ReplaceAll(a.text, "/", "\n")}
	case "lie":
		return device.Result{}
	}
	outlet := s.outlet(c)
	switch c.Action {
	case "off":
		s.off[outlet] = true
		s.cut[outlet] = s.now
	case "on", "reboot":
		delete(s.off, outlet)
	case "status":
		if s.off[outlet] {
			return device.Result{RC: 2}
		}
	}
	return device.Result{}
}

// outlet is one power supply: each device has its own for each node.
func (s *sim) outlet(c device.Call) string { return c.Device + "/" + c.Target }
