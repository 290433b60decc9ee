package engine

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/member"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// membership gives the member machine an input and acts on what it decides.
func (e *Engine) membership(now time.Time, in member.Input) {
	e.memberSaid(now, e.member.Step(now, in))
}

func (e *Engine) memberSaid(now time.Time, outs []member.Output) {
	if len(outs) == 0 {
		return
	}
	e.outdated = true
	adopted := false
	for _, o := range outs {
		switch o := o.(type) {
		case member.Adopted:
			adopted = true
		case member.Amended:
			e.dirty = true
		case member.Changed:
			e.promptly(now)
		case member.Gone:
			// A last word: whoever leaves at the same moment waits for it.
			e.out = append(e.out, beatAround, Gone{})
		case member.Note:
			e.note(o.Warn, o.Text)
		}
	}
	if adopted {
		e.adopt(now)
	}
}

// adopt publishes a new view with its quorum. The verdict goes back to the member machine, which may then
// decide more.
func (e *Engine) adopt(now time.Time) {
	v := quorum.View{}
	view := e.member.View()
	for i, n := range e.cfg.Nodes {
		if view.Has(i) {
			v.Members = append(v.Members, n.ID)
		} else if how, _, _, _ := e.member.Departed(i); how == api.DepartureLeft {
			v.Left = append(v.Left, n.ID)
		}
	}
	e.adopted = now
	e.shared = e.shared || len(v.Members) > 1
	e.unpause()
	for i := range e.peers {
		e.peers[i].info.Flags &^= quorum.FlagCast // as the quorum machine does
	}
	e.hold(now)
	e.quorumSaid(now, e.quorum.Step(now, v))
	e.publish(now)
	e.membership(now, member.Quorate{Yes: e.mayAct()})
}

// mayAct reports whether this partition may act, as far as this node knows. After a pause it does not know.
func (e *Engine) mayAct() bool { return e.quorum.Quorate() && e.late.paused.IsZero() }

func (e *Engine) quorumSaid(now time.Time, outs []quorum.Output) {
	changed := false
	for _, o := range outs {
		switch o := o.(type) {
		case quorum.Verdict:
			changed = true
		case quorum.Track:
			e.out = append(e.out, Track{Expected: o.Expected})
		case quorum.Note:
			e.note(false, o.Text)
		case quorum.Refused:
			e.out = append(e.out, Denied{Why: o.Why})
		}
	}
	if changed {
		e.dirty = true
		e.promptly(now)
		e.membership(now, member.Quorate{Yes: e.mayAct()})
	}
}

// hold keeps the partition from acting while the others hold this node for lost, or do not let it in.
func (e *Engine) hold(now time.Time) {
	why := ""
	switch {
	case e.member.Expelled():
		why = "another node has declared this node lost; it must be fenced, or its corosyncd restarted"
	case !e.shared && e.blocked.until.After(now):
		why = e.blocked.why
	default:
		e.blocked.until = time.Time{}
	}
	if why != e.held {
		e.held = why
		e.quorumSaid(now, e.quorum.Step(now, quorum.Hold{Why: why}))
	}
}

// publish sends out the view as it is.
func (e *Engine) publish(now time.Time) {
	e.dirty = false
	e.out = append(e.out, View{View: e.View(now)})
}

// View is the present view.
func (e *Engine) View(now time.Time) *api.View {
	t := &e.cfg.Timing
	v := &api.View{
		Ring: e.member.Ring(), Local: e.cfg.Self, Cluster: e.cfg.Cluster, Quorum: e.quorum.Verdict(),
		Token: t.Token.Milliseconds(), TokenInterval: t.Interval.Milliseconds(), TwoNode: e.cfg.Quorum.TwoNode,
		Stale: !e.late.paused.IsZero() || e.quorum.Undecided(), At: e.adopted.UnixMilli(),
	}
	if e.adopted.IsZero() {
		v.At = now.UnixMilli()
	}
	view := e.member.View()
	for i, n := range e.cfg.Nodes {
		addrs := make([]string, len(n.Addrs))
		for k, a := range n.Addrs {
			addrs[k] = a.String()
		}
		v.Nodes = append(v.Nodes, api.ConfiguredNode{ID: n.ID, Name: n.Name, Addrs: addrs, Votes: n.Votes})
		if view.Has(i) {
			v.Members = append(v.Members, api.Member{
				ID: n.ID, Name: n.Name, Incarnation: e.member.Life(i), Votes: e.quorum.Votes(n.ID), Addrs: slices.Clone(addrs), Device: deviceText(e.quorum.Device(n.ID))})
			continue
		}
		if how, life, why, heard := e.member.Departed(i); how != "" {
			d := api.Departed{ID: n.ID, Name: n.Name, Incarnation: life, How: how, Reason: why}
			if !heard.IsZero() {
				d.LastHeard = heard.UnixMilli()
			}
			v.Departed = append(v.Departed, d)
		}
	}
	return v
}

// deviceText is a node's word about its quorum device as corosync-quorumtool shows it.
func deviceText(f quorum.Flags) string {
	if f&quorum.FlagDevice == 0 {
		return "NR"
	}
	text := ""
	for _, x := range []struct {
		flag    quorum.Flags
		yes, no string
	}{{quorum.FlagAlive, "A", "NA"}, {quorum.FlagCast, ",V", ",NV"}, {quorum.FlagMasterWins, ",MW", ",NMW"}} {
		if f&x.flag != 0 {
			text += x.yes
		} else {
			text += x.no
		}
	}
	return text
}
