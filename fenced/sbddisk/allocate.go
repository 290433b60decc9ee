package sbddisk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// ErrFull tells that every slot belongs to a node.
var ErrFull = errors.New("no slot is free")

// Find is the slot of a node with its mailbox. A node without one is an error.
func (d *Disk) Find(ctx context.Context, node string) (sbdformat.Entry, error) {
	entries, err := d.Entries(ctx)
	if err != nil {
		return sbdformat.Entry{}, err
	}
	e, ok := sbdformat.Find(entries, node)
	if !ok {
		return e, fmt.Errorf("%s: node %s has no slot; it gets one when it starts sbd, or by `sbd -d %s allocate %s`", d.path, node, d.path, node)
	}
	return e, nil
}

// Allocate gives a node a slot unless it has one. Two nodes may take the same slot at the same time; the one
// that wrote first notices after the header's allocate timeout and takes another. took, when not nil, is told
// each slot that is tried.
func (d *Disk) Allocate(ctx context.Context, node string, took func(slot int)) (int, error) {
	if err := sbdformat.CheckName(node); err != nil {
		return 0, err
	}
	h, err := d.Header(ctx)
	if err != nil {
		return 0, err
	}
	for range sbdformat.Slots {
		entries, err := d.Entries(ctx)
		if err != nil {
			return 0, err
		}
		if e, ok := sbdformat.Find(entries, node); ok {
			return e.Slot, nil
		}
		n := sbdformat.Free(entries)
		if n < 0 {
			return 0, fmt.Errorf("%s: %w: %d nodes have one", d.path, ErrFull, sbdformat.Slots)
		}
		if took != nil {
			took(n)
		}
		if err := d.write(ctx, sbdformat.SlotSector(n), sbdformat.Slot{InUse: true, Name: node}.Sector(d.sector)); err != nil {
			return 0, err
		}
		select {
		case <-time.After(h.Allocate):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 0, fmt.Errorf("%s: other nodes took every slot that %s tried", d.path, node)
}
