package compile

import (
	"bufio"
	"fmt"
	"io"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
)

// DotOptions say what a drawing shows.
type DotOptions struct {
	// All shows actions and orderings that are not part of the transition.
	All bool
	// IDs adds the numbers of the actions.
	IDs bool
}

// WriteDot draws the transition for Graphviz.
func (t *Transition) WriteDot(w io.Writer, opt DotOptions) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, " digraph \"g\" {\n")
	drawn := make([]bool, len(t.B.Actions)+1)
	for i := len(t.B.Actions) - 1; i >= 0; i-- {
		a := t.B.Actions[i]
		style, color, font := "dashed", "black", "black"
		if a.Is(action.Pseudo) {
			font = "orange"
		}
		switch {
		case a.Is(action.InGraph):
			style, color = "bold", "green"
		case a.Rsc != nil && !t.S.Rsc(a.Rsc).Managed:
			color, font = "red", "purple"
			if !opt.All {
				continue
			}
		case a.Is(action.Optional):
			color = "blue"
			if !opt.All {
				continue
			}
		default:
			color = "red"
		}
		drawn[a.ID] = true
		fmt.Fprintf(out, "\"%s\" [ style=%s color=\"%s\" fontcolor=\"%s\"]\n", t.dotName(a, opt.IDs), style, color, font)
	}
	for i := len(t.B.Actions) - 1; i >= 0; i-- {
		a := t.B.Actions[i]
		for k := range a.Before {
			l := &a.Before[k]
			style := "dashed"
			in := drawn[l.Action.ID] || l.Action.Is(action.InGraph)
			switch {
			case l.Kept:
				style = "bold"
			case l.Disabled || l.Flags == 0:
				continue
			case opt.All:
			case !in || !drawn[a.ID] && !a.Is(action.InGraph) || l.Flags == action.Load:
				continue
			}
			fmt.Fprintf(out, "\"%s\" -> \"%s\" [ style = %s]\n", t.dotName(l.Action, opt.IDs), t.dotName(a, opt.IDs), style)
		}
	}
	fmt.Fprint(out, "}\n")
	return out.Flush()
}

// dotName is the name by which an action is shown.
func (t *Transition) dotName(a *action.Action, ids bool) string {
	name := ""
	node := ""
	if a.Node != nil {
		node = a.Node.Name
	} else if !a.Is(action.Pseudo) {
		node = "<none>"
	}
	prefix := ""
	if a.Task == "cancel" {
		prefix = "Cancel "
	}
	switch {
	case a.Rsc != nil && a.Rsc.HistoryName != "":
		name = prefix + t.dotKey(a)
		if node != "" {
			name += " " + node
		}
	case a.Task == "stonith":
		op, _ := a.MetaValue("stonith_action")
		name = fmt.Sprintf("stonith '%s' %s", op, node)
	case a.Rsc != nil && node != "":
		name = prefix + a.Key() + " " + node
	case a.Rsc == nil && node != "":
		name = a.Task + " " + node
	default:
		name = a.Key()
	}
	if ids {
		name += fmt.Sprintf(" (%d)", a.ID)
	}
	return name
}

func (t *Transition) dotKey(a *action.Action) string {
	h := a.Rsc.HistoryName
	if a.Task == "notify" || a.Task == "notified" {
		kind, _ := a.MetaValue("notify_key_type")
		op, _ := a.MetaValue("notify_key_operation")
		return action.OpKey(h, kind+"_notify_"+op, 0)
	}
	return action.OpKey(h, a.Name, a.IntervalMs)
}
