package crm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

// Actions are the operations that a resource may have when its agent cannot be asked.
var Actions = []string{"monitor", "start", "stop", "promote", "demote", "migrate_to", "migrate_from", "notify", "reload", "reload-agent"}

// operations reads op.NAME, each a table or a list of tables, in the order of their names.
func (r *reader) operations(s *clusterfile.Section, ref agent.Ref, a *metadata.Agent) []build.Op {
	if !s.Has("op") {
		return nil
	}
	sub := s.Table("op")
	names := sub.Keys()
	slices.Sort(names)
	var ops []build.Op
	for _, name := range names {
		if known := knownActions(a); !slices.Contains(known, name) {
			unknown(sub, name, "operation", option.Nearest(name, known))
			continue
		}
		var sections []*clusterfile.Section
		if _, one := sub.Raw(name).(map[string]any); one {
			sections = []*clusterfile.Section{sub.Table(name)}
		} else {
			sections = sub.Tables(name)
		}
		for _, o := range sections {
			ops = append(ops, r.operation(o, name, a))
		}
		r.checkRecurring(sub, name, ops)
	}
	return ops
}

func knownActions(a *metadata.Agent) []string {
	known := slices.Clone(Actions)
	if a != nil {
		for _, x := range a.Actions {
			known = append(known, x.Name)
		}
	}
	return known
}

func (r *reader) operation(s *clusterfile.Section, name string, a *metadata.Agent) build.Op {
	op := build.Op{Name: name, Attrs: r.optionsIn(s, option.Operation, "params", "meta", "OCF_CHECK_LEVEL"), Params: r.free(s, "params"),
		Meta: r.options(s, "meta", option.Operation)}
	if level, ok := s.Scalar("OCF_CHECK_LEVEL"); ok {
		op.Params = append(op.Params, build.Pair{Name: "OCF_CHECK_LEVEL", Value: level})
	}
	ms := milliseconds(build.Get(op.Attrs, "interval"))
	switch {
	case name == "monitor" && ms == 0 && (!s.Has("interval") || build.Get(op.Attrs, "interval") != ""):
		s.Problem("interval", "a monitor needs an interval, such as \"10s\"")
	case name != "monitor" && ms != 0:
		s.Problem("interval", "is %q; only a monitor is repeated, %s is run when it is needed", build.Get(op.Attrs, "interval"), name)
	}
	r.adviseTimeout(s, op, a)
	return op
}

// checkRecurring finds monitors that cannot be told apart: operations are known by name and interval.
func (r *reader) checkRecurring(s *clusterfile.Section, name string, ops []build.Op) {
	seen := map[int64]bool{}
	for _, op := range ops {
		if op.Name != name {
			continue
		}
		ms := milliseconds(build.Get(op.Attrs, "interval"))
		if seen[ms] {
			what := "interval " + build.Get(op.Attrs, "interval")
			if ms == 0 {
				what = "no interval"
			}
			s.Problem(name, "two operations %s have %s; they are told apart by it, so it must differ, by role too", name, what)
			return
		}
		seen[ms] = true
	}
}

func milliseconds(text string) int64 {
	ms, err := value.Duration(text)
	if err != nil {
		return 0 // reported where it was read
	}
	return ms
}

// defaultTimeout is that of operations that say nothing, in ms.
const defaultTimeout = 20000

// adviseTimeout compares a timeout with what the agent advises.
func (r *reader) adviseTimeout(s *clusterfile.Section, op build.Op, a *metadata.Agent) {
	if a == nil {
		return
	}
	given := build.Get(op.Attrs, "timeout")
	have := milliseconds(given)
	if given == "" {
		return // adviseMissing looks at these, with the defaults
	}
	for _, x := range a.Actions {
		if x.Name != op.Name || x.Timeout == "" || have >= milliseconds(x.Timeout) || r.otherRole(op, x) {
			continue
		}
		r.advice(s, "timeout", fmt.Sprintf("%s is less than the %s that the agent advises for %s", given, withUnit(x.Timeout), op.Name))
		return
	}
}

// otherRole reports whether an advertised action is for another role or depth of check than the operation.
func (r *reader) otherRole(op build.Op, x metadata.Action) bool {
	depth := build.Get(op.Params, "OCF_CHECK_LEVEL")
	if depth == "" {
		depth = "0"
	}
	return x.Depth != "" && x.Depth != depth || x.Role != "" && build.Get(op.Attrs, "role") != "" && !strings.EqualFold(x.Role, build.Get(op.Attrs, "role"))
}

func withUnit(text string) string {
	if text != "" && text[len(text)-1] >= '0' && text[len(text)-1] <= '9' {
		return text + "s"
	}
	return text
}
