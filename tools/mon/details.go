package mon

import (
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/statustext"
)

// Details writes, as text or XML, what a simulation shows of a cluster below its resources: with attrs the
// attributes of the nodes, with counts how often resources have failed and what has failed.
func Details(out *output.Out, v *statustext.View, attrs, counts bool) {
	r := &report{monitor: &monitor{show: failcounts, detail: true}, out: out, m: v.M, view: v}
	text := !out.IsXML()
	switch {
	case attrs && text:
		r.attributes()
	case attrs:
		r.attributesXML()
	}
	switch {
	case counts && text:
		r.history()
		r.failures()
	case counts:
		r.historyXML()
		r.failuresXML()
	}
}
