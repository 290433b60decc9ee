package plan

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
)

// level is a set of devices that must all succeed.
type level struct {
	index   int
	devices []string
}

// topology returns the levels for a target in ascending order: those that name it, else those of the first
// pattern that matches it, else those of the first attribute that it has. Entries of one index are one level.
func (c *Config) topology(target string) []level {
	match := func(l *api.FenceLevel) bool { return l.Target != "" && strings.EqualFold(l.Target, target) }
	if !slices.ContainsFunc(c.Levels, func(l api.FenceLevel) bool { return match(&l) }) {
		first := c.first(target)
		if first == nil {
			return nil
		}
		match = func(l *api.FenceLevel) bool {
			return l.Target == "" && l.Pattern == first.Pattern && l.Attribute == first.Attribute && l.Value == first.Value
		}
	}
	var levels []level
	for i := range c.Levels {
		l := &c.Levels[i]
		if !match(l) {
			continue
		}
		at := slices.IndexFunc(levels, func(x level) bool { return x.index == l.Index })
		if at < 0 {
			levels = append(levels, level{index: l.Index})
			at = len(levels) - 1
		}
		levels[at].devices = append(levels[at].devices, l.Devices...)
	}
	slices.SortFunc(levels, func(a, b level) int { return cmp.Compare(a.index, b.index) })
	return levels
}

// first is the first level that matches by pattern, or if there is none by attribute.
func (c *Config) first(target string) *api.FenceLevel {
	for i := range c.Levels {
		if l := &c.Levels[i]; l.Pattern != "" {
			if re, err := regexp.Compile(l.Pattern); err == nil && re.MatchString(target) {
				return l
			}
		}
	}
	for i := range c.Levels {
		if l := &c.Levels[i]; l.Attribute != "" {
			if v, ok := c.attrs(target)[l.Attribute]; ok && v == l.Value {
				return l
			}
		}
	}
	return nil
}

func (c *Config) attrs(target string) map[string]string {
	if a, ok := c.NodeAttrs[target]; ok {
		return a
	}
	for name, a := range c.NodeAttrs {
		if strings.EqualFold(name, target) {
			return a
		}
	}
	return nil
}

// action is what the devices of the level are told: a reboot by several devices is off with all of them, so
// that the target has no power from any at one moment, and on afterwards.
func (op *operation) action(l *level) string {
	if op.req.Action == actionReboot && l != nil && len(l.devices) > 1 {
		return actionOff
	}
	return op.req.Action
}

// nextInLevel executes the next device of the topology.
func (f *Fencer) nextInLevel(op *operation) {
	for op.level < len(op.levels) {
		l := &op.levels[op.level]
		if !op.open {
			switch f.levelReady(op, l) {
			case wait:
				return
			case no:
				f.nextLevel(op)
				continue
			}
			op.open = true
		}
		if op.pos < len(l.devices) {
			o, verdict := f.executor(op, l.devices[op.pos])
			switch verdict {
			case wait:
				return
			case yes:
				f.execute(op, o, op.action(l))
				return
			}
			f.nextLevel(op)
			continue
		}
		if f.leftToUnfence(op, l) {
			continue
		}
		if op.req.Action != actionOn || !f.answersOut(op, op.limit) {
			if op.io && op.level == 0 {
				f.accessGone(op, l)
				if f.find(op.req.ID) == op {
					continue
				}
				return
			}
			f.succeed(op, l)
		}
		return
	}
	f.exhausted(op)
}

func (f *Fencer) nextLevel(op *operation) {
	op.level, op.pos, op.open, op.done = op.level+1, 0, false, nil
}

// levelReady reports whether every device of the level has been found. A level that cannot be completed is
// not begun.
func (f *Fencer) levelReady(op *operation, l *level) verdict {
	all := yes
	for _, d := range l.devices {
		_, v := f.executor(op, d)
		if v == no {
			f.note(true, op, "level %d for %s is left out: no node can use its device %s", l.index, op.req.Target, d)
			return no
		}
		if v == wait {
			all = wait
		}
	}
	return all
}

// leftToUnfence adds the devices that must unfence a node although the level does not name them.
func (f *Fencer) leftToUnfence(op *operation, l *level) bool {
	if op.req.Action != actionOn {
		return false
	}
	added := false
	for _, o := range op.offers {
		if o.Required && !slices.Contains(l.devices, o.Device) {
			l.devices = append(l.devices, o.Device)
			added = true
		}
	}
	return added
}
