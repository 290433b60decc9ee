package rscwait

import (
	"context"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/program"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// Restart is a resource that is to be stopped and started again, with everything that depends on it.
type Restart struct {
	*Waiter
	// Name is the resource. Node is where an instance of it is restarted, "" for the whole.
	Name, Node string
	// Stop and Allow change the configuration so that the cluster stops the resource and may start it again.
	Stop, Allow func(context.Context) error
}

// patience is how long a step may take beyond the longest timeout of an operation of it.
const patience = 5 * time.Second

// Run restarts the resource. Whatever goes wrong after Stop, Allow is done.
func (r *Restart) Run(ctx context.Context) error {
	before, err := r.look(ctx)
	if err != nil {
		return program.Faultf(api.CodeError, "Could not get new resource list: %v", err)
	}
	was := active(before, r.Node)
	end := time.Now().Add(r.Timeout)
	if r.Timeout == 0 {
		end = time.Time{}
	}
	if err := r.Stop(ctx); err != nil {
		return err
	}
	down, err := r.stopped(ctx, was, end)
	if err != nil {
		if err := r.Allow(context.WithoutCancel(ctx)); err != nil {
			r.Out.Errorf("Could not unset target-role for %s: %v", r.Name, err)
		}
		return err
	}
	if err := r.Allow(ctx); err != nil {
		return err
	}
	return r.started(ctx, was, down, end)
}

// stopped waits until what the cluster would stop has stopped, and returns what does not run then.
func (r *Restart) stopped(ctx context.Context, was []string, end time.Time) (down []string, err error) {
	doc, err := r.read(ctx)
	if err != nil {
		return nil, program.Faultf(api.CodeError, "Could not determine which resources would be stopped")
	}
	remain := active(parse(simulate.After(doc, time.Now())), r.Node)
	list := without(was, remain)
	r.list("Waiting for %d resources to stop:", list)
	err = r.until(ctx, step{list: list, end: end, phase: "shutdown", verb: "stopped", left: func(m *model.Model) ([]string, bool) {
		now := active(m, r.Node)
		down = without(was, now)
		left := without(now, remain)
		return left, len(left) > 0
	}})
	return down, err
}

// started waits until what ran before runs again. What depends on the resource may run elsewhere now.
func (r *Restart) started(ctx context.Context, was, down []string, end time.Time) error {
	r.list("Waiting for %d resources to start again:", down)
	return r.until(ctx, step{list: down, end: end, phase: "restart", verb: "started", left: func(m *model.Model) ([]string, bool) {
		left := without(was, active(m, ""))
		here := r.Node == "" || !slices.Contains(down, r.Name) || slices.Contains(active(m, r.Node), r.Name)
		return left, len(left) > 0 || !here
	}})
}

// step is one of the two things that a restart waits for.
type step struct {
	list        []string
	end         time.Time
	phase, verb string
	// left are the resources that are not where they should be, and whether that has to be waited for.
	left func(*model.Model) ([]string, bool)
}

// until waits for a step. Without an end of its own it gives up when a resource takes longer than its timeout.
func (r *Restart) until(ctx context.Context, s step) error {
	left, wait, limit := s.list, true, time.Time{}
	for progress := true; ; {
		m, err := r.look(ctx)
		if err != nil {
			return program.Faultf(api.CodeError, "Could not determine which resources were %s", s.verb)
		}
		if limit.IsZero() || progress {
			limit = time.Now().Add(patience + longestStop(m, left))
		}
		count := len(left)
		if left, wait = s.left(m); !wait {
			return nil
		}
		progress = len(left) < count
		over := time.Now().After(limit)
		if !s.end.IsZero() {
			over = time.Now().After(s.end)
		}
		if over {
			r.Out.Errorf("Could not complete %s of %s, %d resources remaining", s.phase, r.Name, len(left))
			for _, name := range left {
				r.Out.Info(" * %s", name)
			}
			return program.Faultf(api.CodeTimeout, "")
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (r *Restart) list(format string, names []string) {
	r.Out.Info(format, len(names))
	for _, name := range names {
		r.Out.Info(" * %s", name)
	}
}

// look reads the cluster.
func (r *Restart) look(ctx context.Context) (*model.Model, error) {
	doc, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	return parse(doc), nil
}

func parse(doc *cibxml.Element) *model.Model {
	return sched.Parse(sched.Input{Doc: doc, Now: time.Now().Unix(), Zone: time.Local})
}

// active are the resources that run on a node, or anywhere for "". Members of groups stop and start one by one.
func active(m *model.Model, node string) []string {
	var names []string
	var add func(list []*model.Resource)
	add = func(list []*model.Resource) {
		for _, r := range list {
			switch {
			case r.Kind == model.Group:
				add(r.Children)
			case RunsOn(m, r, node):
				names = append(names, r.ID)
			}
		}
	}
	add(m.Resources)
	return names
}

// RunsOn reports whether any part of a resource runs on a node, given by name or id, or anywhere for "".
func RunsOn(m *model.Model, r *model.Resource, node string) bool {
	return slices.ContainsFunc(m.State.CurrentNodes(r, false, nil), func(n *model.Node) bool {
		return node == "" || n.Name == node || n.ID == node
	})
}

// longestStop is the longest timeout of the stops of resources.
func longestStop(m *model.Model, names []string) time.Duration {
	conf := opconf.New(m, m.World)
	var longest int64
	for _, name := range names {
		if r := m.Resource(name); r != nil {
			r.Primitives(func(x *model.Resource) {
				longest = max(longest, scalar.IntOr(conf.Op(x, "stop", 0, nil).Meta.Get("timeout"), 0))
			})
		}
	}
	return time.Duration(longest) * time.Millisecond
}

// without are the words of a list that are not in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
