package mon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// rscHistory is the history of a resource on a node that is shown.
type rscHistory struct {
	*model.History
	rsc   *model.Resource
	fails scalar.Score
	last  int64 // last failure, seconds since the epoch
	ops   []*model.Op
}

// historyOf is what is shown of a node's histories, in the order of the document.
func (r *report) historyOf(n *model.Node) []rscHistory {
	var shown []rscHistory
	for _, h := range n.Records {
		rsc := r.m.Resource(h.ID)
		if rsc == nil || !r.view.Only.Resource(rsc, true) {
			continue
		}
		x := rscHistory{History: h, rsc: rsc}
		x.fails, x.last = r.m.RawFailCount(rsc, n)
		if r.has(operations) {
			x.ops = shownOps(h)
			if len(x.ops) == 0 {
				continue
			}
		} else if x.fails == 0 {
			continue
		}
		shown = append(shown, x)
	}
	return shown
}

// shownOps are the operations of a history from old to new. A probe that found nothing is no news.
func shownOps(h *model.History) []*model.Op {
	return slices.DeleteFunc(slices.Clone(h.Sorted), func(o *model.Op) bool {
		return o.Task == "notify" || o.RC == int(lrm.RCNotRunning) && opconf.IsProbe(o.Task, o.IntervalMs)
	})
}

// nodesWithState are the nodes in the order of the status section.
func (r *report) nodesWithState() []*model.Node {
	var list []*model.Node
	for e := range r.m.Doc.Child("status").Tags("node_state") {
		n := r.m.NodeWithID(e.ID())
		if n == nil {
			n = r.m.NodeNamed(e.Get("uname"))
		}
		if n != nil && r.view.S.Node(n).Online && r.view.Only.Node(n) {
			list = append(list, n)
		}
	}
	return list
}

func (r *report) history() {
	title := "Operations"
	if !r.has(operations) {
		title = "Migration Summary"
	}
	l := &list{r: r, title: title}
	for _, n := range r.nodesWithState() {
		l.begin()
		shown := r.historyOf(n)
		if len(shown) == 0 {
			continue
		}
		r.out.Lines.Begin("Node: %s", r.view.NodeName(n))
		for _, x := range shown {
			r.rscHistory(x)
		}
		r.out.Lines.End()
	}
	l.end()
}

func (r *report) rscHistory(x rscHistory) {
	text := r.historyName(x) + ": migration-threshold=" + threshold(x.rsc)
	if x.fails > 0 {
		text += " fail-count=" + strconv.Itoa(int(x.fails))
		if x.last > 0 {
			text += " last-failure='" + unixTime(x.last) + "'"
		}
	}
	if !r.has(operations) {
		r.out.Lines.Item("%s", text)
		return
	}
	r.out.Lines.Begin("%s", text)
	for _, o := range x.ops {
		r.out.Lines.Item("%s", r.operation(o))
	}
	r.out.Lines.End()
}

// historyName is what a history is headed: as it is recorded, with operations as the resource is called.
func (r *report) historyName(x rscHistory) string {
	if r.has(operations) {
		return x.rsc.Name()
	}
	return x.ID
}

func threshold(rsc *model.Resource) string {
	if rsc.Threshold == 0 {
		return "1000000"
	}
	return strconv.Itoa(int(rsc.Threshold))
}

// task is what an operation is called.
func task(o *model.Op) string {
	if opconf.IsProbe(o.Task, o.IntervalMs) {
		return "probe"
	}
	return o.Task
}

// code is what an operation returned; a record without says 0.
func code(o *model.Op) lrm.RC { return lrm.RC(max(o.RC, 0)) }

func (r *report) operation(o *model.Op) string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%s) %s", o.XML.Get("call-id"), task(o))
	sep := ":"
	add := func(format string, args ...any) {
		b.WriteString(sep + " " + fmt.Sprintf(format, args...))
		sep = ""
	}
	if o.IntervalMs > 0 {
		add("interval=\"%dms\"", o.IntervalMs)
	}
	if !r.timing {
		return b.String()
	}
	for _, t := range opTimes(o) {
		add("%s=\"%s\"", t.Name, t.Value)
	}
	add("rc=%d (%s)", code(o), codeText(code(o)))
	return b.String()
}

// opTimes are when and how long an operation ran.
func opTimes(o *model.Op) []cibxml.Attr {
	var out []cibxml.Attr
	if sec, err := strconv.ParseInt(o.XML.Get("last-rc-change"), 10, 64); err == nil && sec > 0 {
		out = append(out, cibxml.Attr{Name: "last-rc-change", Value: unixTime(sec)})
	}
	for _, name := range []string{"exec-time", "queue-time"} {
		if v, ok := o.XML.Lookup(name); ok {
			out = append(out, cibxml.Attr{Name: name, Value: v + "ms"})
		}
	}
	return out
}

func (r *report) historyXML() {
	list := cibxml.New("node_history")
	considered := r.nodesWithState()
	for _, n := range considered {
		e := cibxml.New("node", "name", n.Name)
		for _, x := range r.historyOf(n) {
			e.Append(r.rscHistoryXML(x))
		}
		if len(e.Children) > 0 {
			list.Append(e)
		}
	}
	if len(considered) > 0 {
		r.out.Add(list)
	}
}

func (r *report) rscHistoryXML(x rscHistory) *cibxml.Element {
	e := cibxml.New("resource_history", "id", r.historyName(x), "orphan", "false", "migration-threshold", threshold(x.rsc))
	if x.fails > 0 {
		e.Set("fail-count", strconv.Itoa(int(x.fails)))
		if x.last > 0 {
			e.Set("last-failure", unixTime(x.last))
		}
	}
	for _, o := range x.ops {
		h := cibxml.New("operation_history", "call", o.XML.Get("call-id"), "task", task(o), "rc", strconv.Itoa(int(code(o))), "rc_text", codeText(code(o)))
		if o.IntervalMs > 0 {
			h.Set("interval", strconv.FormatInt(o.IntervalMs, 10)+"ms")
		}
		for _, t := range opTimes(o) {
			h.Set(t.Name, t.Value)
		}
		e.Append(h)
	}
	return e
}
