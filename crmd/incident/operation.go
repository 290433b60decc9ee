package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// action adds something that is being done.
func (m *Machine) action(now time.Time, r *record, a api.IncidentAction) {
	m.touch(now, r)
	if len(r.Actions) >= maxActions {
		r.Dropped++
		return
	}
	r.Actions = append(r.Actions, a)
}

func (r *record) pending(key string) bool {
	return slices.ContainsFunc(r.Actions, func(a api.IncidentAction) bool { return a.Key == key && a.Done == 0 })
}

// finish records the result of an action.
func (r *record) finish(now time.Time, key string, ok bool, text string) {
	for i := range r.Actions {
		if a := &r.Actions[i]; a.Key == key && a.Done == 0 {
			a.Done, a.OK = now.UnixMilli(), ok
			if text != "" && a.Text != "" {
				a.Text += "; " + text
			} else if text != "" {
				a.Text = text
			}
			return
		}
	}
}

// abandon ends what was under way on a node that is lost.
func (r *record) abandon(now time.Time, node string) {
	for i := range r.Actions {
		if a := &r.Actions[i]; a.Node == node && a.Done == 0 && a.Kind != "fence" {
			a.Done, a.Text = now.UnixMilli(), "the node was lost meanwhile"
		}
	}
}

// began adds an operation to the records that it belongs to: those about its resource or node, else every one
// that is being recovered from, because the transition was made for them.
func (m *Machine) began(now time.Time, ev Began) {
	for _, r := range m.belongs(ev.Resource, ev.Node) {
		if ev.Waited > 0 {
			r.Held, r.HeldFor = r.Held+1, max(r.HeldFor, ev.Waited.Milliseconds())
			m.touch(now, r)
		}
		if !ev.Changes {
			continue
		}
		r.add(ev.Resource)
		m.action(now, r, api.IncidentAction{At: now.UnixMilli(), Kind: ev.Task, Subject: ev.Resource, Node: ev.Node, Waited: ev.Waited.Milliseconds(), Key: ev.Key})
	}
}

func (m *Machine) belongs(resource, node string) []*record {
	var exact, all []*record
	for _, r := range m.open {
		if !r.recovers() {
			continue
		}
		all = append(all, r)
		if r.concerns(resource) || r.Kind != api.IncidentLoss && r.Node == node {
			exact = append(exact, r)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return all
}

// noAnswer is recognised by diagnose.
const noAnswer = "(no answer)"

// ended takes a result. A failure that no record is about opens one.
func (m *Machine) ended(now time.Time, ev Ended) {
	for _, r := range m.open {
		if r.pending(ev.Key) {
			r.finish(now, ev.Key, ev.OK, ev.Text)
			m.touch(now, r)
		}
	}
	if ev.OK {
		return
	}
	r := m.find(func(r *record) bool {
		return r.Kind == api.IncidentResource && base(r.Subject) == base(ev.Resource) && r.Node == ev.Node
	})
	if r == nil {
		what := fmt.Sprintf("%s of %s failed on %s: %s", ev.Task, ev.Resource, ev.Node, ev.Text)
		if ev.Hang != nil && !ev.NoAnswer {
			what = fmt.Sprintf("%s hangs on %s: %s", ev.Resource, ev.Node, ev.Hang.Reason)
		}
		r = m.start(now, api.IncidentResource, base(ev.Resource), what)
		r.Node = ev.Node
		r.add(ev.Resource)
		m.alarmsOf(now, r, ev.Node)
	}
	text := fmt.Sprintf("%s (bad answer): %s", ev.Op, ev.Text)
	switch {
	case ev.NoAnswer:
		text = fmt.Sprintf("%s %s: %s", ev.Op, noAnswer, ev.Text)
	case ev.Hang != nil:
		text = fmt.Sprintf("%s counts as failed, because its processes hang", ev.Op)
	}
	e := api.IncidentEvidence{At: now.UnixMilli(), Node: ev.Node, Text: text, Hang: ev.Hang}
	m.evidence(now, r, e)
	m.digests(now, r, ev.Node, ev.Digests)
}
