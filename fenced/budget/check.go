package budget

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Term is one side of an inequality.
type Term struct {
	Name  string
	Value time.Duration
}

// Conflict is an inequality that does not hold.
type Conflict struct {
	// Key is the setting that is most likely wrong, such as stonith-timeout, and Device whose it is, "" for none.
	Key, Device string
	Left        Term
	Op          string // what should stand between the two
	Right       Term
	// Fatal ones make fences fail or succeed wrongly; the others take margins away.
	Fatal bool
	Why   string
	Fix   string
}

func (c Conflict) String() string {
	return fmt.Sprintf("%s = %s must be %s %s = %s: %s; %s", c.Left.Name, Text(c.Left.Value), c.Op, c.Right.Name, Text(c.Right.Value), c.Why, c.Fix)
}

// Text writes a time as people do.
func Text(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Millisecond)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if rest, ok := strings.CutSuffix(text, zero); ok {
			text = rest + zero[:1]
		}
	}
	return text
}

// checker collects conflicts.
type checker struct {
	Cluster
	found []Conflict
}

// more demands left > right, least left >= right.
func (c *checker) more(fatal bool, key, device string, left, right Term, why string) {
	if left.Value > right.Value {
		return
	}
	c.add(fatal, key, device, left, "more than", right, why, right.Value+time.Millisecond)
}

func (c *checker) least(fatal bool, key, device string, left, right Term, why string) {
	if left.Value >= right.Value {
		return
	}
	c.add(fatal, key, device, left, "at least", right, why, right.Value)
}

func (c *checker) add(fatal bool, key, device string, left Term, op string, right Term, why string, need time.Duration) {
	whose := ""
	if device != "" {
		whose = " of device " + device
	}
	c.found = append(c.found, Conflict{Key: key, Device: device, Left: left, Op: op, Right: right, Fatal: fatal, Why: why,
		Fix: fmt.Sprintf("raise %s%s to %s, or lower the other side", key, whose, Text(roundUp(need)))})
}

// Check derives what is not set and lists the inequalities that do not hold, fatal ones first.
func Check(in Cluster) (Cluster, []Conflict) {
	c := &checker{Cluster: Derive(in)}
	c.heartbeat()
	c.sbd()
	c.presumed()
	for _, d := range c.Devices {
		c.device1(d)
	}
	c.delays()
	c.goal()
	slices.SortStableFunc(c.found, func(a, b Conflict) int {
		switch {
		case a.Fatal == b.Fatal:
			return 0
		case a.Fatal:
			return -1
		}
		return 1
	})
	return c.Cluster, c.found
}

func (c *checker) heartbeat() {
	c.least(false, "consensus", "", Term{"consensus", c.Consensus}, Term{"token", c.Token},
		"survivors that disagree need at least as long to settle as a node may be silent")
}

func (c *checker) sbd() {
	if c.SBD.From == "" {
		return
	}
	s := c.SBD
	c.more(true, "the watchdog timeout of SBD", "", Term{"watchdog", s.Watchdog}, Term{"I/O timeout + loop", s.IO + s.Loop},
		"one slow read of the disk would reset a healthy node")
	c.more(true, "msgwait", "", Term{"msgwait", s.Msgwait}, Term{"watchdog", s.Watchdog},
		"a node that cannot read its message is taken for fenced before its watchdog has reset it")
	c.least(false, "msgwait", "", Term{"msgwait", s.Msgwait}, Term{"2 x watchdog", 2 * s.Watchdog},
		"the watchdog may have been petted just before the disk was lost")
	if c.QdeviceSync > 0 {
		c.more(true, "the watchdog timeout of SBD", "", Term{"watchdog", s.Watchdog}, Term{"the quorum device's sync_timeout", c.QdeviceSync},
			"a node that waits for the quorum device would be reset")
	}
}

// presumed is about fencing by the target's own watchdog.
func (c *checker) presumed() {
	if c.Presumed <= 0 {
		return
	}
	name := "stonith-watchdog-timeout"
	c.more(true, name, "", Term{name, c.Presumed}, Term{"watchdog + consensus + loop", c.SBD.Watchdog + c.Consensus + c.SBD.Loop},
		"the lost node may find out by consensus later than we that it has no quorum, and stops petting only then")
	c.least(false, name, "", Term{name, c.Presumed}, Term{"2 x watchdog", 2 * c.SBD.Watchdog}, "hardware watchdogs are not exact")
}

// device1 looks at one device.
func (c *checker) device1(d Device) {
	name := "the timeout of device " + d.ID
	key := "pcmk_off_timeout (or stonith-timeout)"
	timeout := Term{name, d.Timeout}
	switch d.Kind {
	case Disk:
		if c.SBD.From == "" {
			return
		}
		c.more(true, key, d.ID, timeout, Term{"msgwait", c.SBD.Msgwait + d.AgentDelay}, "a message counts as obeyed after msgwait only, so that every fence would fail")
		c.least(false, key, d.ID, timeout, Term{"1.2 x msgwait", Share(c.SBD.Msgwait) + d.AgentDelay}, "writing to a slow disk takes a part of the time")
		if d.Power > 0 {
			c.more(false, "power_timeout", d.ID, Term{"power_timeout of device " + d.ID, d.Power}, Term{"msgwait", c.SBD.Msgwait}, "fence_sbd gives up before the message counts as obeyed")
		}
	case Card:
		c.more(true, key, d.ID, timeout, Term{"delay + login_timeout + shell_timeout + power_wait", d.AgentDelay + d.Login + d.Shell + d.PowerWait},
			"a card that is as slow as is allowed could never be switched off in time")
		if d.Power > 0 {
			c.least(false, key, d.ID, timeout, Term{"delay + login_timeout + power_wait + power_timeout", d.AgentDelay + d.Login + d.PowerWait + d.Power},
				"the power state could not be waited for as long as is configured")
		}
	default:
		c.more(true, key, d.ID, timeout, Term{"delay", d.AgentDelay}, "the agent's own delay takes all of the time")
	}
}

// delays is about two nodes that shoot each other.
func (c *checker) delays() {
	longest := Term{"", 0}
	for _, d := range c.Devices {
		if d.Delay > longest.Value {
			longest = Term{"2 x pcmk_delay_base/max of device " + d.ID, d.Delay}
		}
	}
	if c.Priority > 0 && longest.Value > 0 {
		longest.Value *= 2
		c.least(false, "priority-fencing-delay", "", Term{"priority-fencing-delay", c.Priority}, longest, "a device's own delay could outweigh what runs on the nodes")
	}
}

// goal compares the worst case with the budget.
func (c *checker) goal() {
	if c.Goal == 0 {
		return
	}
	for _, t := range c.Timelines() {
		c.least(true, "[fencing] budget", "", Term{"[fencing] budget", c.Goal}, Term{"the worst case" + t.of(), t.Worst()},
			"with every level failing but the last a node is fenced too late")
	}
}
