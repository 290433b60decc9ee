package mon

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// shownFailures are the failed operations of what is shown.
func (r *report) shownFailures() []*model.Op {
	var shown []*model.Op
	for _, o := range r.m.Failures {
		if masked(o) {
			continue
		}
		if n := r.m.NodeNamed(failureNode(o)); n != nil && !r.view.Only.Node(n) || n == nil && r.view.Only.SomeNodes {
			continue
		}
		if rsc, _, _, err := lrm.ParseOpKey(o.Key); err == nil && r.view.Only.SomeRscs && !r.view.Only.Named(rsc) {
			continue
		}
		shown = append(shown, o)
	}
	return shown
}

// codeText is what an operation returned.
func codeText(rc lrm.RC) string {
	switch {
	case rc == lrm.RCDegraded:
		return "OCF_DEGRADED"
	case strings.HasPrefix(rc.String(), "unknown"):
		return "unknown"
	}
	return rc.String()
}

// masked reports whether a probe failed because what it looks for cannot be there at all.
func masked(o *model.Op) bool {
	return opconf.IsProbe(o.Task, o.IntervalMs) && (o.RC == int(lrm.RCNotInstalled) || o.RC == int(lrm.RCInvalidParam) ||
		o.Status == int(lrm.NotInstalled))
}

// failureNode is the name of the node where an operation failed: the one whose history it is in.
func failureNode(o *model.Op) string {
	if o.Node == nil {
		return o.XML.Get("on_node")
	}
	return o.Node.Name
}

func (r *report) failures() {
	l := &list{r: r, title: "Failed Resource Actions"}
	for _, o := range r.shownFailures() {
		if r.detail {
			l.item("%s", failureDetail(o))
		} else {
			l.item("%s", failureText(o))
		}
	}
	l.end()
}

// failureText tells a failure as a sentence.
func failureText(o *model.Op) string {
	var b strings.Builder
	rsc, op, interval, err := lrm.ParseOpKey(o.Key)
	switch {
	case err != nil:
		b.WriteString(o.Key)
	case interval != 0:
		fmt.Fprintf(&b, "%s %s-interval %s", rsc, scalar.ReadableInterval(interval), op)
	case op == "monitor":
		b.WriteString(rsc + " probe")
	default:
		b.WriteString(rsc + " " + op)
	}
	b.WriteString(" on " + failureNode(o))
	reason := o.XML.Get("exit-reason")
	if lrm.Status(o.Status) == lrm.Done {
		fmt.Fprintf(&b, " returned '%s'", codeText(lrm.RC(o.RC)))
		if reason != "" {
			b.WriteString(" (" + reason + ")")
		}
	} else {
		b.WriteString(" could not be executed (" + lrm.Status(o.Status).String())
		if reason != "" {
			b.WriteString(": " + reason)
		}
		b.WriteString(")")
	}
	if sec, ok := scalar.ParseInt(o.XML.Get("last-rc-change")); ok {
		b.WriteString(" at " + unixTime(sec))
	}
	if ms, err := strconv.ParseInt(o.XML.Get("exec-time"), 10, 64); err == nil && ms > 0 {
		b.WriteString(" after " + scalar.ReadableInterval(ms))
	}
	return b.String()
}

// failureDetail tells a failure with everything that was recorded.
func failureDetail(o *model.Op) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s '%s' (%d): call=%s, status='%s'", o.Key, failureNode(o), codeText(lrm.RC(o.RC)), o.RC,
		o.XML.Get("call-id"), lrm.Status(o.Status))
	if reason := o.XML.Get("exit-reason"); reason != "" {
		b.WriteString(", exitreason='" + reason + "'")
	}
	if sec, ok := scalar.ParseInt(o.XML.Get("last-rc-change")); ok {
		fmt.Fprintf(&b, ", last-rc-change='%s'", unixTime(sec))
		for _, t := range [][2]string{{"queued", "queue-time"}, {"exec", "exec-time"}} {
			if v, ok := o.XML.Lookup(t[1]); ok {
				b.WriteString(", " + t[0] + "=" + v + "ms")
			}
		}
	}
	return b.String()
}

func (r *report) failuresXML() {
	list := cibxml.New("failures")
	for _, o := range r.shownFailures() {
		key, reason := "op_key", "none"
		if _, ok := o.XML.Lookup("operation_key"); !ok {
			key = "id"
		}
		if text, ok := o.XML.Lookup("exit-reason"); ok {
			reason = text
		}
		e := cibxml.New("failure", key, o.Key, "node", failureNode(o), "exitstatus", codeText(lrm.RC(o.RC)),
			"exitreason", reason, "exitcode", strconv.Itoa(o.RC), "call", o.XML.Get("call-id"),
			"status", lrm.Status(o.Status).String())
		if sec, ok := scalar.ParseInt(o.XML.Get("last-rc-change")); ok && sec > 0 {
			e.Set("last-rc-change", time.Unix(sec, 0).UTC().Format("2006-01-02 15:04:05Z"))
			for _, t := range [][2]string{{"queued", "queue-time"}, {"exec", "exec-time"}} {
				if v, ok := o.XML.Lookup(t[1]); ok {
					e.Set(t[0], v)
				}
			}
			e.Set("interval", strconv.FormatInt(o.IntervalMs, 10))
			e.Set("task", o.Task)
		}
		list.Append(e)
	}
	r.addSome(list)
}
