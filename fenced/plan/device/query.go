package device

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// listValid is how long an agent's list of targets is used before it is asked again.
const listValid = 60 * time.Second

// query is a Query that is not answered completely yet.
type query struct {
	Query
	offered map[string]bool // decided, either way
	checked map[string]bool // devices that were asked for it: can they fence the target
	learned map[string]bool // agents that were asked for their metadata once more
	// problems are why devices that might have helped do not.
	problems []string
}

// verdict says whether a device can act on a target.
type verdict uint8

const (
	no verdict = iota
	yes
	wait // something must be asked first, and is being asked
)

// answerQueries sends what has been decided since the last step.
func (e *Executor) answerQueries(now time.Time) {
	for _, q := range e.queries {
		var offers []api.FenceOffer
		waiting := false
		for _, d := range e.devices {
			id := d.def.config.ID
			if q.offered[id] {
				continue
			}
			switch e.eligible(now, q, d) {
			case wait:
				waiting = true
				continue
			case yes:
				offers = append(offers, e.offer(d, q.Target))
			}
			q.offered[id] = true
		}
		if len(offers) > 0 || !waiting {
			e.emit(Offers{Query: q.ID, Offers: offers, Problems: q.problems, Done: !waiting})
			q.problems = nil
		}
		if !waiting {
			q.ID = ""
		}
	}
	e.queries = slices.DeleteFunc(e.queries, func(q *query) bool { return q.ID == "" })
}

// ask starts to answer a query.
func (e *Executor) ask(in Query) {
	e.queries = append(e.queries, &query{Query: in, offered: map[string]bool{}, checked: map[string]bool{}, learned: map[string]bool{}})
}

func (q *query) problem(d *device, why string) {
	q.problems = append(q.problems, "device "+d.def.config.ID+": "+why)
}

// eligible decides whether the device can do the query's action to its target from this node.
func (e *Executor) eligible(now time.Time, q *query, d *device) verdict {
	a := e.agents[agentKey(d)]
	if a == nil || a.busy {
		return wait // learnAgents asks for new agents before queries are answered
	}
	if a.caps == nil {
		// A fence is worth an attempt before the pause is over.
		if q.learned[agentKey(d)] {
			q.problem(d, "agent "+a.name+": "+a.err)
			return no
		}
		q.learned[agentKey(d)] = true
		e.learn(a)
		return wait
	}
	local := strings.EqualFold(q.Target, e.local)
	onTarget := q.Action == On && a.caps.OnTarget
	if onTarget != local && (onTarget || !q.Self) || !d.supports(a.caps, q.Action) {
		return no
	}
	return e.canFence(now, q, d, a.caps)
}

// canFence is the host check.
func (e *Executor) canFence(now time.Time, q *query, d *device, caps *Capabilities) verdict {
	verdictOf := func(ok bool) verdict {
		if ok {
			return yes
		}
		return no
	}
	check := d.def.hostCheck(caps)
	if check == checkDynamic && d.fallback {
		check = checkStatus
	}
	if can, asked := q.checked[d.def.config.ID]; asked {
		return verdictOf(can)
	}
	switch check {
	case checkNone:
		return yes
	case checkStatic:
		return verdictOf(contains(d.def.hosts, q.Target))
	case checkDynamic:
		if d.listed && now.Sub(d.listedAt) < listValid {
			return verdictOf(contains(d.targets, q.Target) || contains(d.targets, d.def.port(q.Target)))
		}
		e.probe(now, d, List, "")
	case checkStatus:
		e.probe(now, d, Status, q.Target)
	}
	return wait
}

// offer describes the device to whoever plans the operation.
func (e *Executor) offer(d *device, target string) api.FenceOffer {
	caps := e.known(d)
	o := api.FenceOffer{
		Device: d.def.config.ID, Verified: d.verified, Required: d.unfences(caps),
		On:    caps.has(On) && !d.unfences(caps) && d.def.actions[Reboot].name != Off,
		Delay: d.def.longestDelay(target).Milliseconds(), Notice: caps.Notice,
	}
	for _, a := range []string{Reboot, Off, On} {
		t := d.def.actions[a].timeout
		if a == Reboot && t == 0 && !caps.has(Reboot) {
			t = d.def.actions[Off].timeout
		}
		if t > 0 {
			if o.Timeouts == nil {
				o.Timeouts = map[string]int64{}
			}
			o.Timeouts[a] = t.Milliseconds()
		}
	}
	return o
}

// probe starts list or status for queries, unless that is under way.
func (e *Executor) probe(now time.Time, d *device, action, target string) {
	id := d.def.config.ID
	for _, j := range e.jobs {
		if j.kind == probeJob && !j.answered && j.dev == id && j.steps[0].action == action && strings.EqualFold(j.target, target) {
			return
		}
	}
	e.add(&job{kind: probeJob, dev: id, def: d.def, caps: e.known(d), target: target, steps: []step{{action: action}},
		timeout: defaultProbeTimeout, received: now})
}

// probed uses the answer of a list or status call.
func (e *Executor) probed(now time.Time, j *job, r Result) {
	d := e.find(j.dev)
	if d == nil || d.def != j.def {
		return
	}
	action := j.steps[0].action
	if action == List {
		e.tookList(now, d, r)
		return
	}
	can := r.Status == lrm.Done && (r.RC == 0 || r.RC == 2)
	if can {
		d.verified, d.lastErr = true, ""
	} else {
		d.lastErr = "status of " + j.target + ": " + r.reason()
	}
	for _, q := range e.queries {
		if strings.EqualFold(q.Target, j.target) {
			q.checked[j.dev] = can
			if !can {
				q.problem(d, d.lastErr)
			}
		}
	}
}

// tookList uses an agent's list. A device whose list fails is asked for the target's status instead, as long
// as nobody demanded the list.
func (e *Executor) tookList(now time.Time, d *device, r Result) {
	if r.ok() {
		d.targets, d.listed, d.listedAt = parseTargets(r.Output), true, now
		d.verified, d.lastErr = true, ""
		return
	}
	d.lastErr = "list: " + r.reason()
	e.note(true, d.def.config.ID, "device "+d.def.config.ID+" cannot list its targets: "+r.reason())
	if caps := e.known(d); d.def.check == "" && caps != nil && caps.has(Status) {
		d.fallback = true
		return
	}
	for _, q := range e.queries {
		q.checked[d.def.config.ID] = false
		q.problem(d, d.lastErr)
	}
}

func (r Result) reason() string {
	switch {
	case r.Reason != "":
		return r.Reason
	case r.Status != lrm.Done:
		return r.Status.String()
	default:
		return "the agent answered " + lrm.RC(r.RC).String()
	}
}
