// Package device decides what the fence devices of one node do: which targets they can fence, in which order
// and how often their agents run, and when a fence is proven.
//
// Executor is the machine; a shell feeds it and performs its outputs. It knows nothing of other nodes.
package device

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/value"
)

// Actions of agents.
const (
	On      = "on"
	Off     = "off"
	Reboot  = "reboot"
	Status  = "status"
	List    = "list"
	Monitor = "monitor"
)

// Host checks: how a device's targets are found out.
const (
	checkStatic  = "static-list"
	checkDynamic = "dynamic-list"
	checkStatus  = "status"
	checkNone    = "none"
)

// defaultTries is pcmk_ACTION_retries where it is not set: one retry.
const defaultTries = 2

// defaultProbeTimeout bounds list, status and monitor where neither the device nor the caller does.
const defaultProbeTimeout = 60 * time.Second

// Capabilities are what an agent can do, as its metadata says. They are kept on disk.
type Capabilities struct {
	Actions []string `json:"actions"`
	// Port is the parameter that names the target's outlet: port or plug, "" for neither.
	Port string `json:"port,omitempty"`
	// NodeID tells that the agent takes the target's node id.
	NodeID bool `json:"node_id,omitempty"`
	// OnTarget tells that "on" must run on the target itself, as for reservations.
	OnTarget bool `json:"on_target,omitempty"`
	// Automatic tells that a node which joins must be unfenced with the device.
	Automatic bool `json:"automatic,omitempty"`
	// Notice is how long in ms it may take from an order until the target can do no more.
	Notice int64 `json:"notice,omitempty"`
}

func (c *Capabilities) has(action string) bool { return slices.Contains(c.Actions, action) }

// substitute is what pcmk_ACTION_* says about one action.
type substitute struct {
	name    string        // agent's action
	timeout time.Duration // 0: not set
	tries   int
}

// definition is a configured device with its pcmk_* parameters understood.
type definition struct {
	config     api.FenceDevice
	registered bool // by a command, not the CIB
	hosts      []string
	ports      map[string]string // by lower-case node name
	check      string            // "" when not set
	hostArg    string            // pcmk_host_argument
	delayBase  time.Duration
	delayFor   map[string]time.Duration // pcmk_delay_base as a map, by lower-case node name
	delayMax   time.Duration
	limit      int // -1 unlimited
	actions    map[string]substitute
	params     []Param // for the agent, by name
}

// Param is one parameter given to an agent.
type Param struct{ Name, Value string }

// define understands a device's parameters. Problems do not make the device unusable: a setting that cannot
// be read keeps its default, because a device that fences with a default is better than none.
func define(config api.FenceDevice) (*definition, []string) {
	d := &definition{
		config: config, ports: map[string]string{}, limit: 1, actions: map[string]substitute{},
		hosts: splitHosts(config.Params["pcmk_host_list"]), hostArg: config.Params["pcmk_host_argument"],
	}
	var problems []string
	complain := func(param string, err error) {
		problems = append(problems, fmt.Sprintf("device %s: parameter %s: %v; the default is used", config.ID, param, err))
	}
	for _, m := range parseMap(config.Params["pcmk_host_map"]) {
		d.ports[strings.ToLower(m.Name)] = m.Value
		d.hosts = append(d.hosts, m.Name)
	}
	d.defineCheck(complain)
	d.defineDelays(complain)
	if v, ok := config.Params["pcmk_action_limit"]; ok {
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err != nil || n == 0 || n < -1 {
			complain("pcmk_action_limit", fmt.Errorf("%q is neither a positive number nor -1", v))
		} else {
			d.limit = n
		}
	}
	for _, a := range []string{Reboot, Off, On, List, Monitor, Status} {
		d.actions[a] = d.substitute(a, complain)
	}
	if v, ok := config.Params["action"]; ok {
		problems = append(problems, d.defaultAction(v))
	}
	for name, value := range config.Params {
		if forAgent(name) {
			d.params = append(d.params, Param{name, value})
		}
	}
	slices.SortFunc(d.params, func(a, b Param) int { return cmp.Compare(a.Name, b.Name) })
	return d, problems
}

// Hosts are the targets that a device names.
func Hosts(d api.FenceDevice) []string {
	def, _ := define(d)
	return def.hosts
}

// forAgent reports whether the agent is given the parameter; the others are for the fencer.
func forAgent(name string) bool {
	return !strings.HasPrefix(name, "pcmk_") && !strings.HasPrefix(name, "CRM_meta") &&
		!slices.Contains([]string{"action", "provides", "stonith-timeout", "crm_feature_set"}, name)
}

func (d *definition) defineCheck(complain func(string, error)) {
	switch v := d.config.Params["pcmk_host_check"]; v {
	case "", checkStatic, checkDynamic, checkStatus, checkNone:
		d.check = v
	default:
		complain("pcmk_host_check", fmt.Errorf("%q is not one of %s, %s, %s, %s", v, checkStatic, checkDynamic, checkStatus, checkNone))
	}
}

func (d *definition) defineDelays(complain func(string, error)) {
	var err error
	if v := d.config.Params["pcmk_delay_base"]; strings.ContainsAny(v, ":=") {
		d.delayFor = map[string]time.Duration{}
		for _, m := range parseMap(v) {
			delay, err := duration(m.Value)
			if err != nil {
				complain("pcmk_delay_base", err)
			}
			d.delayFor[strings.ToLower(m.Name)] = delay
		}
	} else if d.delayBase, err = duration(v); err != nil && v != "" {
		complain("pcmk_delay_base", err)
	}
	if v, ok := d.config.Params["pcmk_delay_max"]; ok {
		if d.delayMax, err = duration(v); err != nil {
			complain("pcmk_delay_max", err)
		}
	}
}

func (d *definition) substitute(action string, complain func(string, error)) substitute {
	s := substitute{name: action, tries: defaultTries}
	prefix := "pcmk_" + action + "_"
	if v := strings.TrimSpace(d.config.Params[prefix+"action"]); v != "" {
		s.name = v
	}
	if v, ok := d.config.Params[prefix+"timeout"]; ok {
		t, err := duration(v)
		if err != nil || t <= 0 {
			complain(prefix+"timeout", fmt.Errorf("%q is not a time span above 0", v))
			t = 0
		}
		s.timeout = t
	}
	if v, ok := d.config.Params[prefix+"retries"]; ok {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n < 0 {
			complain(prefix+"retries", fmt.Errorf("%q is not a number of tries", v))
			n = defaultTries
		}
		s.tries = max(n, 1)
	}
	return s
}

// defaultAction turns the parameter "action", which the fencer decides itself, into what its author meant.
func (d *definition) defaultAction(v string) string {
	set := func(action string) {
		if s := d.actions[action]; s.name == action {
			s.name = v
			d.actions[action] = s
		}
	}
	switch v {
	case Reboot:
		return fmt.Sprintf("device %s: parameter action=%s is ignored; the request decides", d.config.ID, v)
	case Off:
		set(Reboot)
		return fmt.Sprintf("device %s: parameter action=%s is not passed on; pcmk_reboot_action=off is used instead", d.config.ID, v)
	default:
		set(Reboot)
		set(Off)
		return fmt.Sprintf("device %s: parameter action=%s is not passed on; pcmk_off_action and pcmk_reboot_action are used instead", d.config.ID, v)
	}
}

// duration reads a time span with Pacemaker's units. Pacemaker itself drops the unit of the pcmk_*_timeout
// parameters and takes 500ms for 500 s, which nobody means.
func duration(s string) (time.Duration, error) {
	ms, err := value.Duration(s)
	return time.Duration(ms) * time.Millisecond, err
}

// hostCheck is how targets are found out, given what the agent can do.
func (d *definition) hostCheck(caps *Capabilities) string {
	switch {
	case d.check != "":
		return d.check
	case len(d.hosts) > 0:
		return checkStatic
	case caps.has(List):
		return checkDynamic
	case caps.has(Status):
		return checkStatus
	default:
		return checkNone
	}
}

// port is the name that the device has for the target.
func (d *definition) port(target string) string {
	if p, ok := d.ports[strings.ToLower(target)]; ok {
		return p
	}
	return target
}

// ownDelay is the device's delay before it fences target: base plus a random part below (max - base).
// fraction is in [0, 1).
func (d *definition) ownDelay(target string, fraction float64) time.Duration {
	base := d.delayBase
	if d.delayFor != nil {
		base = d.delayFor[strings.ToLower(target)]
	}
	if d.delayMax <= base {
		if d.delayMax > 0 {
			return d.delayMax
		}
		return base
	}
	return base + time.Duration(fraction*float64(d.delayMax-base)).Truncate(time.Millisecond)
}

// longestDelay is the most that ownDelay can be for target.
func (d *definition) longestDelay(target string) time.Duration { return d.ownDelay(target, 1) }

// arguments are the parameters for a call of the agent, in the order in which they are written.
func (d *definition) arguments(caps *Capabilities, action, target string, id api.NodeID) []Param {
	args := []Param{{"action", action}}
	name := d.hostArg
	if name == "" {
		if name = "port"; caps.Port != "" {
			name = caps.Port
		}
	}
	if target != "" {
		args = append(args, Param{"nodename", target})
		if caps.NodeID && id != 0 {
			args = append(args, Param{"nodeid", id.String()})
		}
		if v, set := d.config.Params[name]; name != "none" && (!set || v == "dynamic") {
			args = append(args, Param{name, d.port(target)})
		}
	}
	for _, p := range d.params {
		if p.Name == name && p.Value == "dynamic" {
			continue
		}
		args = append(args, p)
	}
	return args
}
