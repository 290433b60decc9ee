package budget

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Moment is something that has happened at the latest At after the last sign of life of a node.
type Moment struct {
	At   time.Duration
	What string
}

// Timeline is the worst case for a target.
type Timeline struct {
	// Target is a node, pattern or attribute with a topology of its own; "" is every other node.
	Target  string
	Moments []Moment
}

// Worst is when everything has been tried.
func (t *Timeline) Worst() time.Duration { return t.Moments[len(t.Moments)-1].At }

func (t *Timeline) of() string {
	if t.Target == "" {
		return ""
	}
	return " for " + t.Target
}

// Timelines are the worst cases of a cluster whose timeouts are derived, by target.
func (c *Cluster) Timelines() []Timeline {
	var list []Timeline
	for target, levels := range c.topologies() {
		t := Timeline{Target: target}
		at := time.Duration(0)
		add := func(d time.Duration, what string, args ...any) {
			at += d
			t.Moments = append(t.Moments, Moment{at, fmt.Sprintf(what, args...)})
		}
		add(0, "last heartbeat of the node")
		add(c.Detection(), "it is out of every survivor's view (token %s + %s)", Text(c.Token), Text(notice))
		if c.Priority > 0 {
			add(c.Priority, "priority-fencing-delay is over (the side with less to lose)")
		}
		for i, l := range levels {
			var took time.Duration
			for _, id := range l {
				d := c.device(id)
				took += d.Delay + Share(d.Timeout)
			}
			word := "has confirmed or failed"
			if i == len(levels)-1 {
				word = "has confirmed, or the fence has failed"
			}
			add(took, "%s %s", describe(levels, i), word)
		}
		if c.Presumed > 0 && len(levels) == 0 {
			add(c.Presumed, "its watchdog has reset it (stonith-watchdog-timeout)")
		}
		list = append(list, t)
	}
	if len(list) == 0 && c.Presumed > 0 {
		list = append(list, Timeline{Moments: []Moment{{0, "last heartbeat of the node"}, {c.Detection(), "it is out of every survivor's view"},
			{c.Detection() + c.Presumed, "its watchdog has reset it (stonith-watchdog-timeout)"}}})
	}
	slices.SortFunc(list, func(a, b Timeline) int { return cmp.Compare(a.Target, b.Target) })
	return list
}

func describe(levels []Level, i int) string {
	devices := strings.Join(levels[i], " + ")
	if len(levels) == 1 {
		return devices
	}
	return fmt.Sprintf("level %d (%s)", i+1, devices)
}
