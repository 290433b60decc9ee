package sbd

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// margin is what a fence takes besides msgwait: writing, reading back, looking again.
const margin = time.Second

// mailboxes reads the target's mailbox on every device.
func (s diskSet) mailboxes(ctx context.Context, target string) map[*disk]sbdformat.Entry {
	found := make([]sbdformat.Entry, len(s))
	at := make(map[*disk]int, len(s))
	for i, d := range s {
		at[d] = i
	}
	s.each(func(d *disk) (err error) {
		found[at[d]], err = d.dev.Find(ctx, target)
		return err
	})
	boxes := make(map[*disk]sbdformat.Entry, len(s))
	for i, d := range s {
		if d.err == nil {
			boxes[d] = found[i]
		}
	}
	return boxes
}

// status says how a majority of the devices has the target. A message that ends a node reads off; it does not
// say that the node has read it, which only msgwait proves.
func (s diskSet) status(ctx context.Context, target string) device.Result {
	boxes := s.mailboxes(ctx, target)
	if err := s.need("reading the slot of " + target); err != nil {
		return native.Error(ctx, err)
	}
	off, on, left := 0, 0, 0
	for _, box := range boxes {
		switch {
		case box.Message.Ends():
			off++
		case box.Message == sbdformat.Exit:
			left++
		default:
			on++
		}
	}
	switch {
	case sbdformat.Delivered(off, len(s)):
		return device.Result{RC: native.RCOff}
	case left > 0:
		return native.Error(ctx, gone(target))
	case sbdformat.Delivered(on, len(s)):
		return device.Result{}
	}
	return native.Error(ctx, &native.Problem{Subject: "node " + target, Cause: fmt.Sprintf("the disks disagree: off on %d, on on %d of %d", off, on, len(s)),
		Remedy: "fence it again, or look with `sbd -d DEVICE list`"})
}

// gone is the error about a node whose sbd has ended in an orderly way: nobody there reads messages, and its
// watchdog does not run.
func gone(target string) error {
	return &native.Problem{Subject: "node " + target, Cause: "its sbd has ended in an orderly way (message exit), so that it obeys no message and its watchdog is off",
		Remedy: "make sure that the node is down, then confirm it with `stonith_admin --confirm`, or start sbd there"}
}

// send delivers a message and waits until it counts as obeyed.
func (s diskSet) send(ctx context.Context, target string, m sbdformat.Mailbox) error {
	boxes := s.mailboxes(ctx, target)
	if err := s.need("finding the slot of " + target); err != nil {
		return err
	}
	if m.Message.Ends() {
		if err := s.enoughTime(ctx); err != nil {
			return err
		}
		for _, box := range boxes {
			if box.Message == sbdformat.Exit {
				return gone(target)
			}
		}
	}
	s.each(func(d *disk) error { return d.dev.Put(ctx, boxes[d].Slot, m) })
	if err := s.need(fmt.Sprintf("message %s for %s", m.Message, target)); err != nil {
		return err
	}
	if !m.Message.Ends() {
		return nil
	}
	if err := native.Sleep(ctx, s.msgwait()); err != nil {
		return fmt.Errorf("message %s for %s is on the disks, but msgwait %v has not passed: %w", m.Message, target, s.msgwait(), err)
	}
	return s.obeyed(ctx, target, m)
}

// enoughTime refuses a fence that cannot be confirmed in time, before the message is sent, so that the next
// level can begin at once.
func (s diskSet) enoughTime(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if left := time.Until(deadline); ok && left < s.msgwait()+margin {
		return &native.Problem{Subject: "sbd", Cause: fmt.Sprintf("%v are left for the fence, but msgwait is %v", left.Round(100*time.Millisecond), s.msgwait()),
			Remedy: fmt.Sprintf("set stonith-timeout or pcmk_reboot_timeout and pcmk_off_timeout to at least %v", (s.msgwait()*6/5 + margin).Round(time.Second))}
	}
	return nil
}

// obeyed looks whether the message stood until msgwait had passed. Its owner empties a mailbox when it starts
// anew, which proves a reset too; a message that somebody else has replaced may never have been read.
func (s diskSet) obeyed(ctx context.Context, target string, m sbdformat.Mailbox) error {
	boxes := s.mailboxes(ctx, target)
	stood := 0
	var now sbdformat.Mailbox
	for _, box := range boxes {
		restarted := box.Message == sbdformat.Clear && box.From == "" && m.Message != sbdformat.Off
		if box.Message.Ends() || restarted {
			stood++
		} else {
			now = box.Mailbox
		}
	}
	if sbdformat.Delivered(stood, len(s)) {
		return nil
	}
	if err := s.need("reading the message again"); err != nil {
		return err
	}
	return &native.Problem{Subject: "node " + target, Cause: fmt.Sprintf("message %s was replaced by %s from %q before msgwait had passed, so that %s may not have read it", m.Message, now.Message, now.From, target),
		Remedy: "find out who writes to the disk, and fence again"}
}
