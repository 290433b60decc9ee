package sbd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

func (c *call) create(ctx context.Context, _ []string) error {
	if len(c.devices) == 0 {
		return errors.New("sbd create needs a device: -d DEVICE")
	}
	if err := c.timeouts.Check(); err != nil {
		fmt.Fprintf(c.env.Stderr, "Warning: %v\n", err)
	}
	for _, path := range c.devices {
		fmt.Fprintf(c.env.Stdout, "Initializing device %s\n", path)
		if err := c.createOn(ctx, path); err != nil {
			fmt.Fprintf(c.env.Stderr, "Failed to init device %s\n", path)
			return err
		}
		fmt.Fprintf(c.env.Stdout, "Device %s is initialized.\n", path)
	}
	fmt.Fprintln(c.env.Stdout, "Did you check sbd service down on all nodes before? If not do so now and restart afterwards.")
	return nil
}

// sbdFD is the number that sbd prints for the device's file descriptor.
const sbdFD = 3

func (c *call) createOn(ctx context.Context, path string) error {
	d, err := sbddisk.Open(path, c.disk)
	if err != nil {
		return err
	}
	defer d.Close()
	h := d.NewHeader(c.timeouts)
	fmt.Fprintf(c.env.Stdout, "Creating version %s header on device %d (uuid: %s)\n", h.VersionText(), sbdFD, h.ID())
	fmt.Fprintf(c.env.Stdout, "Initializing %d slots on device %d\n", sbdformat.Slots, sbdFD)
	return d.Create(ctx, h)
}

// each does something with every device and goes on after errors, which it prints.
func (c *call) each(ctx context.Context, do func(d *sbddisk.Disk) error, failed func(path string, err error)) error {
	var result error
	for _, path := range c.devices {
		d, err := sbddisk.Open(path, c.disk)
		if err != nil {
			fmt.Fprintf(c.env.Stderr, "== disk %s unreadable!\n", path)
			fmt.Fprintln(c.env.Stderr, err)
			failed(path, err)
			result = errSaid
			continue
		}
		if err := do(d); err != nil {
			fmt.Fprintln(c.env.Stderr, err)
			failed(path, err)
			result = errSaid
		}
		d.Close()
	}
	return result
}

func (c *call) dump(ctx context.Context, _ []string) error {
	say := func(path string) { fmt.Fprintf(c.env.Stdout, "==Dumping header on disk %s\n", path) }
	said := map[string]bool{}
	return c.each(ctx, func(d *sbddisk.Disk) error {
		say(d.Path())
		said[d.Path()] = true
		h, err := d.Header(ctx)
		if err != nil {
			return err
		}
		out := c.env.Stdout
		fmt.Fprintf(out, "Header version     : %s\n", h.VersionText())
		if h.Minor > 0 {
			fmt.Fprintf(out, "UUID               : %s\n", h.ID())
		}
		fmt.Fprintf(out, "Number of slots    : %d\n", sbdformat.Slots)
		fmt.Fprintf(out, "Sector size        : %d\n", h.SectorSize)
		for _, t := range []struct {
			name string
			d    time.Duration
		}{{"watchdog", h.Watchdog}, {"allocate", h.Allocate}, {"loop", h.Loop}, {"msgwait", h.Msgwait}} {
			fmt.Fprintf(out, "%-19s: %d\n", "Timeout ("+t.name+")", int(t.d/time.Second))
		}
		fmt.Fprintf(out, "==Header on disk %s is dumped\n", d.Path())
		return nil
	}, func(path string, _ error) {
		if !said[path] {
			say(path)
		}
		fmt.Fprintf(c.env.Stderr, "==Header on disk %s NOT dumped\n", path)
	})
}

func (c *call) list(ctx context.Context, _ []string) error {
	opened := map[string]bool{}
	return c.each(ctx, func(d *sbddisk.Disk) error {
		opened[d.Path()] = true
		entries, err := d.Entries(ctx)
		for _, e := range entries {
			fmt.Fprintf(c.env.Stdout, "%d\t%s\t%s\t%s\n", e.Slot, e.Name, e.Message, e.From)
		}
		return err
	}, func(path string, _ error) {
		if opened[path] {
			fmt.Fprintf(c.env.Stderr, "== Slots on disk %s NOT dumped\n", path)
		}
	})
}

func (c *call) allocate(ctx context.Context, operands []string) error {
	node := operands[0]
	return c.each(ctx, func(d *sbddisk.Disk) error {
		fmt.Fprintf(c.env.Stdout, "Trying to allocate slot for %s on device %s.\n", node, d.Path())
		_, err := d.Allocate(ctx, node, func(slot int) {
			fmt.Fprintf(c.env.Stdout, "slot %d is unused - trying to own\n", slot)
		})
		if errors.Is(err, sbddisk.ErrFull) {
			fmt.Fprintln(c.env.Stderr, "No more free slots.")
		}
		if err == nil {
			fmt.Fprintf(c.env.Stdout, "Slot for %s has been allocated on %s.\n", node, d.Path())
		}
		return err
	}, func(string, error) {})
}

// message succeeds when more than half of the devices took it and, for one that ends the node, msgwait has
// passed.
func (c *call) message(ctx context.Context, operands []string) error {
	m, err := sbdformat.ParseMessage(operands[1])
	if err != nil {
		return err
	}
	return c.send(ctx, operands[0], m, func(ctx context.Context, d *sbddisk.Disk, _ int, h sbdformat.Header) error {
		if !m.Ends() {
			return nil
		}
		return sleep(ctx, h.Msgwait)
	})
}

// ping always succeeds, as sbd's does; what it found is on stderr.
func (c *call) ping(ctx context.Context, operands []string) error {
	err := c.send(ctx, operands[0], sbdformat.Test, func(ctx context.Context, d *sbddisk.Disk, n int, h sbdformat.Header) error {
		for until := time.Now().Add(h.Msgwait); time.Now().Before(until); {
			if err := sleep(ctx, h.Loop/2); err != nil {
				return err
			}
			if box, err := d.Mailbox(ctx, n); err == nil && box.Message != sbdformat.Test {
				return nil
			}
		}
		return fmt.Errorf("%s: the message was not read within %v", d.Path(), h.Msgwait)
	})
	if err != nil {
		fmt.Fprintf(c.env.Stderr, "%s does not answer: %v\n", operands[0], err)
	}
	return nil
}

// send writes a message on every device at the same time and does what comes after it. It returns when more
// than half of the devices are done.
func (c *call) send(ctx context.Context, node string, m sbdformat.Message, after func(context.Context, *sbddisk.Disk, int, sbdformat.Header) error) error {
	if node == "LOCAL" {
		node = c.node
	}
	if len(c.devices) == 0 {
		return errors.New("sbd message needs a device: -d DEVICE")
	}
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan error, len(c.devices))
	var sending sync.WaitGroup
	defer sending.Wait()
	defer cancel()
	for _, path := range c.devices {
		sending.Go(func() { results <- c.sendOn(ctx, path, node, m, after) })
	}
	good := 0
	var problems []string
	for range c.devices {
		if err := <-results; err != nil {
			problems = append(problems, err.Error())
		} else if good++; sbdformat.Delivered(good, len(c.devices)) {
			return nil
		}
	}
	return fmt.Errorf("message %s for %s was delivered on %d of %d devices, which is no majority: %s", m, node, good, len(c.devices), strings.Join(problems, "; "))
}

func (c *call) sendOn(ctx context.Context, path, node string, m sbdformat.Message, after func(context.Context, *sbddisk.Disk, int, sbdformat.Header) error) error {
	d, err := sbddisk.Open(path, c.disk)
	if err != nil {
		return err
	}
	defer d.Close()
	h, err := d.Header(ctx)
	if err != nil {
		return err
	}
	e, err := d.Find(ctx, node)
	if err != nil {
		return err
	}
	if err := d.Put(ctx, e.Slot, sbdformat.Mailbox{Message: m, From: c.node}); err != nil {
		return err
	}
	return after(ctx, d, e.Slot, h)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
