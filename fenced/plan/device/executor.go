package device

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Input is something that happened.
type Input interface{ isInput() }

type (
	// Configure replaces the devices of the CIB. Those that did not change keep what is known of them.
	Configure struct{ Devices []api.FenceDevice }
	// Register adds or replaces one device at run time; it stays until Unregister.
	Register struct{ Device api.FenceDevice }
	// Unregister removes a registered device; a device of the CIB stays.
	Unregister struct{ ID string }
	// Nodes tells the node ids, for agents that want them.
	Nodes struct{ IDs map[string]api.NodeID }
	// Learned answers Learn: Caps is nil when Err says why the metadata could not be read.
	Learned struct {
		Agent, Driver string
		Caps          *Capabilities
		Err           string
	}
	// Query asks which devices can act on a target. Self tells that the target may be this node.
	Query struct {
		ID, Target, Action string
		Self               bool
	}
	// Order asks for a device to be used. ID is the caller's.
	Order struct {
		ID    string
		Order api.FenceOrder
	}
	// Check asks for an action that fences nobody. Device, when set, names a device that is not configured.
	Check struct {
		ID     string
		Check  api.FenceCheck
		Device *api.FenceDevice
	}
	// Cancel tells that nobody waits for a query, an order or a check any more. What has not started is dropped;
	// what runs is left to end, because half a power cycle is worse than either end of it.
	Cancel struct{ ID string }
	// Returned answers Call.
	Returned struct {
		Call   uint64
		Result Result
	}
	// Wake tells that the deadline has passed.
	Wake struct{}
)

func (Configure) isInput()  {}
func (Register) isInput()   {}
func (Unregister) isInput() {}
func (Nodes) isInput()      {}
func (Learned) isInput()    {}
func (Query) isInput()      {}
func (Order) isInput()      {}
func (Check) isInput()      {}
func (Cancel) isInput()     {}
func (Returned) isInput()   {}
func (Wake) isInput()       {}

// Result is how a call of a driver or a whole order ended.
type Result struct {
	Status lrm.Status
	RC     int
	Reason string // for a person, "" on success
	Output string
	Errors string
	// Warning tells that it worked, but not all of what it needs does.
	Warning string
}

func (r Result) ok() bool { return r.Status == lrm.Done && r.RC == 0 }

// Output is something for the shell to do.
type Output interface{ isOutput() }

type (
	// Learn asks for an agent's metadata; Learned is the answer.
	Learn struct{ Agent, Driver string }
	// Call runs an agent; Returned is the answer, at the latest shortly after Timeout.
	Call struct {
		ID            uint64
		Device        string
		Agent, Driver string
		Action        string // as the agent is told
		Target        string
		Params        []Param
		Timeout       time.Duration
		// Incarnation is the life of the target that is to end, 0 when that is not known.
		Incarnation api.Incarnation
	}
	// Kill ends a call early; its Returned still comes.
	Kill struct{ Call uint64 }
	// Offers answers Query, in one or more parts.
	Offers struct {
		Query    string
		Offers   []api.FenceOffer
		Problems []string
		Done     bool
	}
	// Finished answers Order and Check.
	Finished struct {
		ID     string
		Result Result
	}
	// Note is worth a log line.
	Note struct {
		Warn         bool
		Device, Text string
	}
)

func (Learn) isOutput()    {}
func (Call) isOutput()     {}
func (Kill) isOutput()     {}
func (Offers) isOutput()   {}
func (Finished) isOutput() {}
func (Note) isOutput()     {}

// device is a configured device with what is known of it.
type device struct {
	def      *definition
	verified bool
	lastErr  string
	// targets is what the agent listed at listedAt; fallback tells that its list does not work and that its
	// status is asked instead.
	targets  []string
	listed   bool
	listedAt time.Time
	fallback bool
}

// Executor is the machine. One goroutine owns it.
type Executor struct {
	local   string
	nodes   map[string]api.NodeID
	cib     map[string]bool
	devices []*device // by id
	agents  map[string]*agent
	queries []*query
	jobs    []*job // in order of arrival
	random  uint64
	calls   uint64
	out     []Output
}

// New makes a machine for the node. seed feeds the random part of delays.
func New(local string, seed uint64) *Executor {
	return &Executor{local: local, nodes: map[string]api.NodeID{}, cib: map[string]bool{}, agents: map[string]*agent{}, random: seed | 1}
}

// Step takes one input and returns what is to be done, in order.
func (e *Executor) Step(now time.Time, in Input) []Output {
	e.out = nil
	switch in := in.(type) {
	case Configure:
		e.configure(in.Devices)
	case Register:
		e.define(in.Device, true)
	case Unregister:
		e.unregister(in.ID)
	case Nodes:
		e.nodes = in.IDs
	case Learned:
		e.learned(now, in)
	case Query:
		e.ask(in)
	case Order:
		e.order(now, in)
	case Check:
		e.check(now, in)
	case Cancel:
		e.cancel(in.ID)
	case Returned:
		e.returned(now, in)
	}
	e.learnAgents(now)
	e.answerQueries(now)
	e.schedule(now)
	return e.out
}

// Deadline is when the machine wants Wake; zero is never.
func (e *Executor) Deadline() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, a := range e.agents {
		if !a.busy && a.caps == nil {
			at(a.again)
		}
	}
	for _, j := range e.jobs {
		if !j.running() {
			at(j.wake())
		}
	}
	return first
}

func (e *Executor) emit(o Output) { e.out = append(e.out, o) }

func (e *Executor) note(warn bool, dev, text string) {
	e.emit(Note{Warn: warn, Device: dev, Text: text})
}

func (e *Executor) find(id string) *device {
	i, ok := slices.BinarySearchFunc(e.devices, id, func(d *device, id string) int { return cmp.Compare(d.def.config.ID, id) })
	if !ok {
		return nil
	}
	return e.devices[i]
}

// configure makes the CIB's devices the configured ones.
func (e *Executor) configure(devices []api.FenceDevice) {
	e.cib = map[string]bool{}
	for _, d := range devices {
		if !d.Banned {
			e.cib[d.ID] = true
			e.define(d, false)
		}
	}
	e.devices = slices.DeleteFunc(e.devices, func(d *device) bool { return !d.def.registered && !e.cib[d.def.config.ID] })
}

func (e *Executor) unregister(id string) {
	d := e.find(id)
	if d == nil {
		return
	}
	d.def.registered = false
	if !e.cib[id] {
		e.devices = slices.DeleteFunc(e.devices, func(x *device) bool { return x == d })
	}
}

// define adds or replaces a device. An identical one keeps what is known of it.
func (e *Executor) define(config api.FenceDevice, registered bool) {
	d := e.find(config.ID)
	if d != nil && same(d.def.config, config) {
		d.def.registered = d.def.registered || registered
		return
	}
	def, problems := define(config)
	def.registered = registered || d != nil && d.def.registered
	for _, p := range problems {
		e.note(true, config.ID, p)
	}
	if d != nil {
		*d = device{def: def}
		return
	}
	e.devices = append(e.devices, &device{def: def})
	slices.SortFunc(e.devices, func(a, b *device) int { return cmp.Compare(a.def.config.ID, b.def.config.ID) })
}

func same(a, b api.FenceDevice) bool {
	return alike(a, b) && a.Driver == b.Driver && a.Unfencing == b.Unfencing
}

// alike reports whether two devices are the same as far as a check is concerned. Whoever starts a device as a
// resource adds its meta attributes to the parameters.
func alike(a, b api.FenceDevice) bool {
	plain := func(params map[string]string) map[string]string {
		params = maps.Clone(params)
		maps.DeleteFunc(params, func(name, _ string) bool { return strings.HasPrefix(name, "CRM_meta") || name == "crm_feature_set" })
		return params
	}
	return a.Agent == b.Agent && maps.Equal(plain(a.Params), plain(b.Params))
}

// fraction is a pseudo-random number in [0, 1), by xorshift: the seed makes it reproducible.
func (e *Executor) fraction() float64 {
	e.random ^= e.random << 13
	e.random ^= e.random >> 7
	e.random ^= e.random << 17
	return float64(e.random>>11) / (1 << 53)
}

// Devices lists the devices as they stand.
func (e *Executor) Devices() []api.FenceDeviceStatus {
	list := []api.FenceDeviceStatus{}
	for _, d := range e.devices {
		s := api.FenceDeviceStatus{
			ID: d.def.config.ID, Agent: d.def.config.Agent, Driver: d.def.config.Driver, Verified: d.verified,
			Error: d.lastErr, Registered: d.def.registered && !e.cib[d.def.config.ID],
		}
		if a := e.agents[agentKey(d)]; s.Error == "" && a != nil && a.caps == nil {
			s.Error = a.err
		}
		for _, j := range e.jobs {
			if j.running() && j.dev == d.def.config.ID {
				s.Running++
			}
		}
		list = append(list, s)
	}
	return list
}
