package budget

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/value"
)

// kinds are the agents of which more is known than their timeout.
var kinds = map[string]Kind{
	"fence_sbd": Disk, "fence_scsi": Reservation, "fence_mpath": Reservation, "fence_redfish": Card, "fence_ipmilan": Card, "fence_ipmilanplus": Card,
	"fence_ilo3": Card, "fence_ilo4": Card, "fence_ilo5": Card, "fence_idrac": Card, "fence_imm": Card,
}

// Add takes what the fencer is told into the cluster.
func (c Cluster) Add(f api.FenceConfig) Cluster {
	if f.Timeout > 0 {
		c.Fence = ms(f.Timeout)
	}
	c.Presumed, c.Priority = ms(f.WatchdogTimeout), ms(f.PriorityDelay)
	if f.WatchdogTimeout < 0 {
		c.Presumed = -1
	}
	c.Devices = nil
	for _, d := range f.Devices {
		c.Devices = append(c.Devices, device(d))
	}
	slices.SortFunc(c.Devices, func(a, b Device) int { return cmp.Compare(a.ID, b.ID) })
	c.Levels = map[string][]Level{}
	levels := slices.Clone(f.Levels)
	slices.SortStableFunc(levels, func(a, b api.FenceLevel) int { return cmp.Compare(a.Index, b.Index) })
	for _, l := range levels {
		target := l.Target
		switch {
		case l.Pattern != "":
			target = "nodes that match " + l.Pattern
		case l.Attribute != "":
			target = "nodes with " + l.Attribute + "=" + l.Value
		}
		c.Levels[target] = append(c.Levels[target], l.Devices)
	}
	return c
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// device understands a device's parameters. What cannot be read counts as unset: the fencer says so itself.
func device(d api.FenceDevice) Device {
	span := func(names ...string) time.Duration {
		for _, n := range names {
			if v, err := value.Duration(d.Params[n]); err == nil && d.Params[n] != "" && v > 0 {
				return ms(v)
			}
		}
		return 0
	}
	x := Device{ID: d.ID, Kind: kinds[d.Agent], AgentDelay: span("delay"), Login: span("login_timeout"), Shell: span("shell_timeout"),
		Power: span("power_timeout"), PowerWait: span("power_wait")}
	for _, action := range []string{"off", "reboot"} {
		if t := span("pcmk_" + action + "_timeout"); t > 0 && (x.Timeout == 0 || t < x.Timeout) {
			x.Timeout = t
		}
	}
	x.Delay = max(span("pcmk_delay_max"), baseDelay(d.Params["pcmk_delay_base"]))
	return x
}

// baseDelay is the longest of a delay that may be a map by node.
func baseDelay(text string) time.Duration {
	longest := time.Duration(0)
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("; \t\n", r) }) {
		if i := strings.LastIndexAny(part, ":="); i >= 0 {
			part = part[i+1:]
		}
		if v, err := value.Duration(part); err == nil {
			longest = max(longest, ms(v))
		}
	}
	return longest
}

// Report is what Check finds, as it crosses a socket.
func Report(in Cluster) api.FenceBudget {
	c, conflicts := Check(in)
	r := api.FenceBudget{Settings: c.settings(in), Conflicts: []api.FenceConflict{}, Timelines: []api.FenceTimeline{}}
	for _, x := range conflicts {
		r.Conflicts = append(r.Conflicts, api.FenceConflict{Key: x.Key, Device: x.Device, Fatal: x.Fatal, Text: x.String()})
	}
	for _, t := range c.Timelines() {
		line := api.FenceTimeline{Target: t.Target}
		for _, m := range t.Moments {
			line.Moments = append(line.Moments, api.FenceMoment{At: m.At.Milliseconds(), What: m.What})
		}
		r.Timelines = append(r.Timelines, line)
	}
	return r
}

// settings lists the timeouts in force, and which of them were derived.
func (c *Cluster) settings(in Cluster) []api.FenceSetting {
	var list []api.FenceSetting
	add := func(name string, v, set time.Duration, why string) {
		if v != 0 {
			list = append(list, api.FenceSetting{Name: name, Value: v.Milliseconds(), Derived: set <= 0, Why: why})
		}
	}
	add("token", c.Token, in.Token, "how long a node may be silent")
	add("consensus", c.Consensus, in.Consensus, "how long survivors may take to agree")
	add("stall_grace", c.Grace, in.Grace, "how much longer a node that admits starvation may be silent")
	add("[fencing] budget", c.Goal, in.Goal, "within how long a lost node must be fenced")
	add("stonith-timeout", c.Fence, in.Fence, "how long one device may take")
	add("priority-fencing-delay", c.Priority, in.Priority, "head start of the node with more to lose")
	if c.SBD.From != "" || c.Presumed > 0 {
		add("SBD watchdog", c.SBD.Watchdog, in.SBD.Watchdog, "after how long without petting a node resets; from "+cmp.Or(c.SBD.From, "the defaults"))
		add("SBD loop", c.SBD.Loop, in.SBD.Loop, "how often the disk is read")
		add("SBD I/O", c.SBD.IO, in.SBD.IO, "how long one read may take")
		add("SBD msgwait", c.SBD.Msgwait, in.SBD.Msgwait, "after how long a message counts as obeyed")
	}
	add("stonith-watchdog-timeout", c.Presumed, in.Presumed, "after how long a lost node with a watchdog is taken for reset")
	return list
}
