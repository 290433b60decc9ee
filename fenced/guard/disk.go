package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/petting"
	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// reopenPause lies between two attempts to use a disk that has failed.
const reopenPause = time.Second

// watchDisk reads the node's slot on one disk until ctx ends.
func (g *guard) watchDisk(ctx context.Context, i int, path string) {
	first := true
	for ctx.Err() == nil {
		err := g.readSlot(ctx, i, path, &first)
		if ctx.Err() != nil {
			return
		}
		g.Log.Warn("a disk cannot be used", "disk", path, "err", err)
		g.give(ctx, petting.Silent{Watcher: petting.Watcher(i), Why: err.Error()})
		select {
		case <-time.After(reopenPause):
		case <-ctx.Done():
		}
	}
}

// readSlot opens a disk and looks into the node's mailbox once per loop. It returns when the disk fails or when
// somebody else changes what only a person may change.
func (g *guard) readSlot(ctx context.Context, i int, path string, first *bool) error {
	d, err := sbddisk.Open(path, g.Disk)
	if err != nil {
		return err
	}
	defer d.Close()
	h, header, err := d.RawHeader(ctx)
	if err != nil {
		return err
	}
	if h.Timeouts != g.timeouts {
		return fmt.Errorf("%s has other timeouts than the first disk: %+v and not %+v", path, h.Timeouts, g.timeouts)
	}
	n, err := d.Allocate(ctx, g.Node, nil)
	if err != nil {
		return err
	}
	_, slot, err := d.Slot(ctx, n)
	if err != nil {
		return err
	}
	if *first {
		if err := g.greet(ctx, d, n); err != nil {
			return err
		}
		*first = false
	}
	g.Log.Info("watching a disk", "disk", path, "slot", n, "uuid", h.ID())
	t := time.NewTicker(g.timeouts.Loop)
	defer t.Stop()
	for {
		begin := time.Now()
		if err := g.look(ctx, d, n, header, slot); err != nil {
			return err
		}
		if took := time.Since(begin); took > g.io()/2 {
			g.Log.Warn("a disk is slow", "disk", path, "took", took.Round(time.Millisecond))
		}
		g.give(ctx, petting.Alive{Watcher: petting.Watcher(i)})
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// greet deals with what is in the mailbox when the guard starts. What was written for an earlier life of the
// node is emptied, which tells the sender that the node has started anew. After a guard that died in this very
// life the message is still to be obeyed.
func (g *guard) greet(ctx context.Context, d *sbddisk.Disk, n int) error {
	box, err := d.Mailbox(ctx, n)
	if err != nil {
		return err
	}
	switch {
	case g.Restarted && box.Message.Ends():
		g.obey(d.Path(), box)
	case g.Clean && box.Message != sbdformat.Clear && box.Message != sbdformat.Exit:
		g.quit(fmt.Errorf("%w (%s from %s on %s)", ErrFenced, box.Message, box.From, d.Path()))
		<-ctx.Done()
		return ctx.Err()
	case box.Message != sbdformat.Clear:
		g.Log.Info("a message of an earlier life is emptied", "disk", d.Path(), "message", box.Message.String(), "from", box.From)
	}
	return d.Clear(ctx, n)
}

// look reads everything that concerns this node once.
func (g *guard) look(ctx context.Context, d *sbddisk.Disk, n int, header, slot []byte) error {
	if _, now, err := d.RawHeader(ctx); err != nil {
		return err
	} else if !bytes.Equal(now, header) {
		return fmt.Errorf("%s: its header was changed while it is in use", d.Path())
	}
	if _, now, err := d.Slot(ctx, n); err != nil {
		return err
	} else if !bytes.Equal(now, slot) {
		return fmt.Errorf("%s: slot %d was taken from this node", d.Path(), n)
	}
	box, err := d.Mailbox(ctx, n)
	if err != nil {
		return err
	}
	switch {
	case box.Message.Ends():
		g.obey(d.Path(), box)
	case box.Message == sbdformat.Exit:
		g.Log.Info("an exit message", "disk", d.Path(), "from", box.From)
		g.quit(nil)
	case box.Message == sbdformat.Test:
		g.Log.Info("a test message", "disk", d.Path(), "from", box.From)
		return d.Clear(ctx, n)
	case box.Message > sbdformat.Crashdump:
		g.Log.Warn("an unknown message is emptied", "disk", d.Path(), "message", int(box.Message), "from", box.From)
		return d.Clear(ctx, n)
	}
	return nil
}

// obey ends the node as a message demands.
func (g *guard) obey(disk string, box sbdformat.Mailbox) {
	g.Log.Error("this node is fenced by a message", "disk", disk, "message", box.Message.String(), "from", box.From)
	g.end(map[sbdformat.Message]sbdconf.Kind{sbdformat.Reset: sbdconf.Reboot, sbdformat.Off: sbdconf.Off, sbdformat.Crashdump: sbdconf.Crashdump}[box.Message], true)
}

// errRehearsed ends a guard that only rehearses.
var errRehearsed = errors.New("the node would have been ended now; this guard only rehearses (-ZZ)")
