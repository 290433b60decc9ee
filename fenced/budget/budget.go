// Package budget holds every timeout between the death of a node and the proof that it is fenced, the inequalities
// between them, and the worst case that follows.
//
// The same function derives what is not set and checks what is: settings that contradict each other let a node be
// taken for fenced that still runs, or fail every fence.
package budget

import (
	"cmp"
	"slices"
	"time"
)

// Kind is how a device fences, as far as time is concerned.
type Kind uint8

const (
	// Other is a device of which no more is known than the fencer's timeout.
	Other Kind = iota
	// Card switches power through a management card.
	Card
	// Disk is a message on shared disks, obeyed or survived by a watchdog.
	Disk
	// Reservation takes write access away.
	Reservation
)

// Device is a fence device.
type Device struct {
	ID   string
	Kind Kind
	// Timeout is pcmk_off_timeout or pcmk_reboot_timeout; 0 is stonith-timeout.
	Timeout time.Duration
	// Delay is the longest that pcmk_delay_base and pcmk_delay_max can make, AgentDelay the parameter delay.
	Delay, AgentDelay time.Duration
	// Login, Shell and Power are login_timeout, shell_timeout and power_timeout, PowerWait is power_wait; 0 is unset.
	Login, Shell, Power, PowerWait time.Duration
}

// SBD is what the header of the shared disks says, or in diskless mode the settings.
type SBD struct {
	// From is where the numbers are from, for a person; "" says that SBD is not used.
	From                    string
	Watchdog, Loop, Msgwait time.Duration
	// IO is how long one read of a disk may take.
	IO time.Duration
}

// Level is the devices of a topology level, in the order of the levels.
type Level []string

// Cluster is everything that is known; 0 is unset.
type Cluster struct {
	// Token and Consensus are those in force; Grace is stall_grace.
	Token, Consensus, Grace time.Duration
	TwoNode                 bool
	// Goal is [fencing] budget: within how long after its last sign of life a node has to be fenced.
	Goal time.Duration
	// Fence is stonith-timeout, Presumed stonith-watchdog-timeout (negative: to be derived), Priority
	// priority-fencing-delay.
	Fence, Presumed, Priority time.Duration
	SBD                       SBD
	// QdeviceSync is the quorum device's sync_timeout.
	QdeviceSync time.Duration
	Devices     []Device
	// Levels are the targets' topologies by target; a target without one uses any device.
	Levels map[string][]Level
}

// Defaults of what is set nowhere.
const (
	defaultToken    = time.Second
	defaultFence    = 60 * time.Second
	defaultWatchdog = 5 * time.Second
	defaultLoop     = time.Second
	defaultIO       = 3 * time.Second
	defaultLogin    = 5 * time.Second
	defaultShell    = 5 * time.Second
	// notice is how much later than the token a survivor's view changes at the latest.
	notice = 200 * time.Millisecond
)

// Share is the allowance that lies between a device's timeout and its report: a fifth.
func Share(d time.Duration) time.Duration { return d + d/5 }

// Derive fills in what is not set, from what is: the goal and the heartbeat's token first.
func Derive(c Cluster) Cluster {
	c.Token = cmp.Or(c.Token, defaultToken)
	c.Consensus = cmp.Or(c.Consensus, c.Token*6/5)
	if c.SBD.From != "" || c.Presumed != 0 {
		c.SBD.Watchdog = cmp.Or(c.SBD.Watchdog, defaultWatchdog)
		c.SBD.Loop = cmp.Or(c.SBD.Loop, defaultLoop)
		c.SBD.IO = cmp.Or(c.SBD.IO, min(defaultIO, max(c.SBD.Watchdog-c.SBD.Loop-time.Second, time.Second)))
		c.SBD.Msgwait = cmp.Or(c.SBD.Msgwait, 2*c.SBD.Watchdog)
	}
	if c.Presumed < 0 {
		c.Presumed = max(2*c.SBD.Watchdog, roundUp(c.SBD.Watchdog+c.Consensus+c.SBD.Loop))
	}
	if c.Fence == 0 {
		c.Fence = c.affordable()
	}
	c.Devices = slices.Clone(c.Devices)
	for i := range c.Devices {
		d := &c.Devices[i]
		d.Timeout = cmp.Or(d.Timeout, c.Fence)
		if d.Kind == Card {
			d.Login, d.Shell = cmp.Or(d.Login, defaultLogin), cmp.Or(d.Shell, defaultShell)
		}
	}
	return c
}

// affordable is the longest stonith-timeout with which the goal is still kept, and Pacemaker's default where
// there is no goal. What has a timeout of its own is not counted in.
func (c *Cluster) affordable() time.Duration {
	if c.Goal == 0 {
		return defaultFence
	}
	left := c.Goal - c.Detection() - c.Priority
	most := 1
	for _, levels := range c.topologies() {
		steps := 0
		for _, l := range levels {
			steps += len(l)
		}
		most = max(most, steps)
	}
	for _, d := range c.Devices {
		left -= d.Delay
	}
	return max((left * 5 / 6 / time.Duration(most)).Truncate(time.Second), time.Second)
}

// Detection is how long after its last sign of life a node is out of every survivor's view at the latest.
func (c *Cluster) Detection() time.Duration { return c.Token + notice }

// topologies are the different ways in which targets are fenced, by target; "" stands for a target without levels,
// for which all devices are tried one after the other.
func (c *Cluster) topologies() map[string][]Level {
	all := map[string][]Level{}
	for t, l := range c.Levels {
		all[t] = l
	}
	if len(all) == 0 && len(c.Devices) > 0 {
		all[""] = []Level{{c.Devices[0].ID}}
	}
	return all
}

func (c *Cluster) device(id string) Device {
	for _, d := range c.Devices {
		if d.ID == id {
			return d
		}
	}
	return Device{ID: id, Timeout: c.Fence}
}

func roundUp(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }
