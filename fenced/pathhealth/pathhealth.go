// Package pathhealth keeps what is known of a node's ways to fence while nobody has to be fenced: the outcome of
// probes, and what drivers notice by themselves.
//
// A way that does not work is found out when it is needed unless somebody looks before.
package pathhealth

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

const (
	// recheck is how soon a way that has failed is probed again.
	recheck = 30 * time.Second
	// alarmAfter is how many probes in a row must fail before a way counts as broken: a card that restarts is none.
	alarmAfter = 2
)

// Device is a device as far as its way is concerned.
type Device struct{ ID, Agent, Driver string }

// Change is news about a way.
type Change struct {
	Device  string
	Problem string // "" when it works again
}

type path struct {
	api.FenceWay
	probing bool
	failed  int       // probes in a row
	due     time.Time // when to probe
	probe   string    // what the last probe found
	noticed string    // what the driver has noticed
}

// Book is what is known. One goroutine owns it.
type Book struct {
	paths   []*path // by device
	changes []Change
}

// Devices makes these the devices; the first probe of a new one is due at the time that first gives it.
func (b *Book) Devices(list []Device, first func(Device) time.Time) {
	var paths []*path
	for _, d := range list {
		p := b.find(d.ID)
		if p == nil || p.Agent != d.Agent || p.Driver != d.Driver {
			p = &path{due: first(d), FenceWay: api.FenceWay{Device: d.ID, Agent: d.Agent, Driver: d.Driver}}
		}
		paths = append(paths, p)
	}
	slices.SortFunc(paths, func(a, c *path) int { return cmp.Compare(a.Device, c.Device) })
	b.paths = paths
}

func (b *Book) find(device string) *path {
	for _, p := range b.paths {
		if p.Device == device {
			return p
		}
	}
	return nil
}

// Due is the device to probe now, "" when none is. It counts as being probed until Probed.
func (b *Book) Due(now time.Time) string {
	for _, p := range b.paths {
		if !p.probing && !p.due.After(now) {
			p.probing = true
			return p.Device
		}
	}
	return ""
}

// Probed takes the outcome of a probe, problem "" when it succeeded. The next one is due after every.
func (b *Book) Probed(now time.Time, device, problem string, took, every time.Duration) {
	p := b.find(device)
	if p == nil || !p.probing {
		return
	}
	p.probing, p.Checked, p.Took, p.due = false, now.UnixMilli(), took.Milliseconds(), now.Add(every)
	p.Probes++
	if problem == "" {
		p.failed, p.probe = 0, ""
	} else {
		p.failed++
		p.Failures++
		p.due = now.Add(min(every, recheck))
		if p.failed >= alarmAfter {
			p.probe = problem
		}
	}
	b.settle(now, p)
}

// Skipped tells that a device could not be probed for a reason that says nothing about its way.
func (b *Book) Skipped(now time.Time, device string, every time.Duration) {
	if p := b.find(device); p != nil {
		p.probing, p.due = false, now.Add(every)
	}
}

// Noticed takes what a driver has found out between fences about something that devices use, "" that it is well
// again. It is told for every device of the agents that the driver serves.
func (b *Book) Noticed(now time.Time, agents []string, problem string) {
	for _, p := range b.paths {
		if slices.Contains(agents, p.Agent) {
			p.noticed = problem
			b.settle(now, p)
		}
	}
}

// settle makes one state of what is known of a way, and notes the change.
func (b *Book) settle(now time.Time, p *path) {
	problem := cmp.Or(p.noticed, p.probe)
	ok := problem == "" && p.failed == 0 && p.Probes > 0
	if problem != p.Problem {
		b.changes = append(b.changes, Change{Device: p.Device, Problem: problem})
	}
	if problem != p.Problem || ok != p.OK {
		p.Since = now.UnixMilli()
	}
	p.Problem, p.OK = problem, ok
}

// Changes are the news since the last call.
func (b *Book) Changes() []Change {
	c := b.changes
	b.changes = nil
	return c
}

// List is the state of every way, by device.
func (b *Book) List() []api.FenceWay {
	list := []api.FenceWay{}
	for _, p := range b.paths {
		list = append(list, p.FenceWay)
	}
	return list
}
