package journal

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Outage is the end of a node's life: at At every process of it was dead.
type Outage struct {
	Node string
	Boot int
	At   time.Duration
}

// Role is what an interval is about.
type Role string

const (
	Active   Role = "active"
	Promoted Role = "promoted"
)

// Open is the end of an interval that has none yet.
const Open = time.Duration(math.MaxInt64)

// Interval is a time during which a resource has to be taken for active (or promoted) on a node: from before
// its start began until after its stop succeeded, an agent on the node denied it, or the node was dead.
type Interval struct {
	Resource string
	Role     Role
	Node     string
	Boot     int
	From, To time.Duration
	Began    string // what opened it: start, promote or monitor
	Ended    string // what closed it: stop, demote, monitor, power off; "" while it is open
	max      int
}

func (i Interval) String() string {
	to := "still is"
	if i.To != Open {
		to = fmt.Sprintf("until %s (%s)", seconds(i.To), i.Ended)
	}
	return fmt.Sprintf("on %s (boot %d) from %s (%s), %s", i.Node, i.Boot, seconds(i.From), i.Began, to)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6fs", d.Seconds()) }

// Overlap is a moment at which a resource was active or promoted in more places than it may.
type Overlap struct {
	At        time.Duration
	Max       int
	Intervals []Interval // sorted by time, all of them contain At
}

func (o Overlap) String() string {
	var b strings.Builder
	first := o.Intervals[0]
	fmt.Fprintf(&b, "%s was %s in %d places at %s, may be in %d:", first.Resource, first.Role, len(o.Intervals), seconds(o.At), o.Max)
	for _, i := range o.Intervals {
		b.WriteString("\n  " + i.String())
	}
	return b.String()
}

// Check returns every overlap. Order of the inputs does not matter.
func Check(entries []Entry, outages []Outage) []Overlap {
	byKey := map[[2]string][]Interval{}
	var keys [][2]string
	for _, i := range Intervals(entries, outages) {
		key := [2]string{i.Resource, string(i.Role)}
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], i)
	}
	var found []Overlap
	for _, key := range keys {
		all := byKey[key]
		for _, i := range all {
			var at []Interval
			for _, j := range all {
				if j.From <= i.From && i.From < j.To {
					at = append(at, j)
				}
			}
			if len(at) > i.max {
				found = append(found, Overlap{At: i.From, Max: i.max, Intervals: at})
			}
		}
	}
	return found
}

// Intervals returns when each resource was active and promoted where, by start.
func Intervals(entries []Entry, outages []Outage) []Interval {
	b := builder{open: map[place]*Interval{}}
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(x, y Entry) int { return cmp.Compare(x.At, y.At) })
	outages = slices.Clone(outages)
	slices.SortStableFunc(outages, func(x, y Outage) int { return cmp.Compare(x.At, y.At) })
	for _, e := range entries {
		for len(outages) > 0 && outages[0].At <= e.At {
			b.outage(outages[0])
			outages = outages[1:]
		}
		b.entry(e)
	}
	for _, o := range outages {
		b.outage(o)
	}
	for _, i := range b.open {
		b.done = append(b.done, *i)
	}
	slices.SortFunc(b.done, func(x, y Interval) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.Resource, y.Resource), cmp.Compare(x.Role, y.Role), cmp.Compare(x.Node, y.Node))
	})
	return b.done
}

// place is where an interval can be open.
type place struct {
	resource string
	role     Role
	node     string
	boot     int
}

type builder struct {
	open map[place]*Interval
	done []Interval
}

// OCF exit codes that an entry can tell a state by.
const (
	ocfSuccess         = 0
	ocfNotRunning      = 7
	ocfRunningPromoted = 8
)

func (b *builder) entry(e Entry) {
	ended := e.Phase == End
	switch e.Op {
	case "start":
		// From its begin on a start may have had effect, whatever becomes of it.
		if !ended {
			b.begin(e, Active)
		}
	case "promote":
		if !ended {
			b.begin(e, Promoted)
		}
	case "stop":
		if ended && e.RC == ocfSuccess {
			b.end(e, Promoted)
			b.end(e, Active)
		}
	case "demote":
		if ended && e.RC == ocfSuccess {
			b.end(e, Promoted)
		}
	case "monitor":
		if ended {
			b.monitor(e)
		}
	}
}

func (b *builder) monitor(e Entry) {
	switch e.RC {
	case ocfSuccess:
		b.begin(e, Active)
		b.end(e, Promoted)
	case ocfRunningPromoted:
		b.begin(e, Active)
		b.begin(e, Promoted)
	case ocfNotRunning:
		b.end(e, Promoted)
		b.end(e, Active)
	}
}

func (b *builder) begin(e Entry, role Role) {
	at := place{e.Resource, role, e.Node, e.Boot}
	if b.open[at] != nil {
		return
	}
	limit := e.MaxActive
	if role == Promoted {
		limit = e.MaxPromoted
	}
	b.open[at] = &Interval{
		Resource: e.Resource, Role: role, Node: e.Node, Boot: e.Boot, From: e.At, To: Open, Began: e.Op, max: max(1, limit),
	}
}

func (b *builder) end(e Entry, role Role) {
	b.close(place{e.Resource, role, e.Node, e.Boot}, e.At, e.Op)
}

func (b *builder) close(at place, when time.Duration, why string) {
	if i := b.open[at]; i != nil {
		i.To, i.Ended = when, why
		b.done = append(b.done, *i)
		delete(b.open, at)
	}
}

func (b *builder) outage(o Outage) {
	for at := range b.open {
		if at.node == o.Node && at.boot <= o.Boot {
			b.close(at, o.At, "power off")
		}
	}
}
