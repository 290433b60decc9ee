// Package sbddisk reads and writes sbd's sectors on a block device, each within a deadline.
package sbddisk

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// DefaultTimeout is how long one read or write may take, sbd's timeout_io.
const DefaultTimeout = 3 * time.Second

// Options are for special uses; the zero value is right for a real device.
type Options struct {
	// Timeout bounds each read and write; 0 is DefaultTimeout.
	Timeout time.Duration
	// AllowFile takes a plain file with sectors of 512 bytes too. No two nodes share one, so that it is of use
	// for tests only.
	AllowFile bool
}

// Disk is an open device. Its methods may be called by many goroutines; they take turns. A read or write
// fails when its time is over, even if the device never answers; the device then gets nothing else to do
// before it has.
type Disk struct {
	path   string
	limit  time.Duration
	sector int

	mu    sync.Mutex
	fd    int
	queue *queue
}

// Open opens a device. Nothing is read from it yet.
func Open(path string, o Options) (*Disk, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%q is not the path of a device: it must begin with /", path)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_SYNC|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	d := &Disk{path: path, limit: o.Timeout, fd: fd}
	if d.limit <= 0 {
		d.limit = DefaultTimeout
	}
	d.sector, err = sectorSize(fd, o.AllowFile)
	if err == nil {
		err = sbdformat.CheckSectorSize(d.sector)
	}
	if err == nil {
		d.queue, err = newQueue(sbdformat.Sectors * d.sector)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// sectorSize is the logical block size.
func sectorSize(fd int, allowFile bool) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.BLKSSZGET)
	switch {
	case err == nil:
		return n & 0xffffffff, nil // the kernel writes an int
	case allowFile && errors.Is(err, unix.ENOTTY):
		return 512, nil
	case errors.Is(err, unix.ENOTTY):
		return 0, errors.New("it is not a block device, and nothing else is shared between nodes")
	}
	return 0, os.NewSyscallError("BLKSSZGET", err)
}

// Path is the device's path.
func (d *Disk) Path() string { return d.path }

// SectorSize is the device's logical block size in bytes.
func (d *Disk) SectorSize() int { return d.sector }

// Close closes the device. One that has not answered yet stays open until it does or the process ends, because
// closing it would wait for it.
func (d *Disk) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return
	}
	d.queue.close()
	if d.queue.pending.IsZero() {
		unix.Close(d.fd)
	}
	d.fd = -1
}

// errClosed is what a closed disk answers.
var errClosed = errors.New("the device is closed")

// read reads whole sectors.
func (d *Disk) read(ctx context.Context, first, count int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return nil, fmt.Errorf("read %s: %w", d.path, errClosed)
	}
	n := count * d.sector
	if err := d.queue.do(ctx, d.fd, opRead, n, int64(first)*int64(d.sector), d.limit); err != nil {
		return nil, fmt.Errorf("read %s, sector %d: %w", d.path, first, err)
	}
	return bytes.Clone(d.queue.buffer(n)), nil
}

// write writes whole sectors.
func (d *Disk) write(ctx context.Context, first int, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return fmt.Errorf("write %s: %w", d.path, errClosed)
	}
	if err := d.queue.reserve(ctx, d.limit); err != nil {
		return fmt.Errorf("write %s, sector %d: %w", d.path, first, err)
	}
	copy(d.queue.buffer(len(data)), data)
	if err := d.queue.do(ctx, d.fd, opWrite, len(data), int64(first)*int64(d.sector), d.limit); err != nil {
		return fmt.Errorf("write %s, sector %d: %w", d.path, first, err)
	}
	return nil
}

// Header reads the header.
func (d *Disk) Header(ctx context.Context) (sbdformat.Header, error) {
	h, _, err := d.RawHeader(ctx)
	return h, err
}

// RawHeader reads the header and the sector that it is in, so that a later change can be noticed.
func (d *Disk) RawHeader(ctx context.Context) (sbdformat.Header, []byte, error) {
	b, err := d.read(ctx, sbdformat.HeaderSector, 1)
	if err != nil {
		return sbdformat.Header{}, nil, err
	}
	h, err := sbdformat.ReadHeader(b)
	if err != nil {
		return h, nil, fmt.Errorf("%s: %w", d.path, err)
	}
	return h, b, nil
}

// NewHeader makes the header that Create writes.
func (d *Disk) NewHeader(t sbdformat.Timeouts) sbdformat.Header {
	h := sbdformat.Header{SectorSize: d.sector, Timeouts: t, Minor: 1}
	_, _ = rand.Read(h.UUID[:]) // never fails, see crypto/rand
	h.UUID[6] = h.UUID[6]&0x0f | 0x40
	h.UUID[8] = h.UUID[8]&0x3f | 0x80
	return h
}

// Create writes the header and empties every slot and mailbox. What is on the device is lost. The header comes
// last: a device on which this was interrupted has none.
func (d *Disk) Create(ctx context.Context, h sbdformat.Header) error {
	if err := d.write(ctx, 0, make([]byte, sbdformat.Sectors*d.sector)); err != nil {
		return err
	}
	return d.write(ctx, sbdformat.HeaderSector, h.Sector())
}

// Entries lists the used slots with their mailboxes.
func (d *Disk) Entries(ctx context.Context) ([]sbdformat.Entry, error) {
	image, err := d.read(ctx, 0, sbdformat.Sectors)
	if err != nil {
		return nil, err
	}
	if _, err := sbdformat.ReadHeader(image[:d.sector]); err != nil {
		return nil, fmt.Errorf("%s: %w", d.path, err)
	}
	return sbdformat.Entries(image, d.sector), nil
}

// Slot reads a slot's sector.
func (d *Disk) Slot(ctx context.Context, n int) (sbdformat.Slot, []byte, error) {
	b, err := d.read(ctx, sbdformat.SlotSector(n), 1)
	if err != nil {
		return sbdformat.Slot{}, nil, err
	}
	return sbdformat.ReadSlot(b), b, nil
}

// Mailbox reads the mailbox of slot n.
func (d *Disk) Mailbox(ctx context.Context, n int) (sbdformat.Mailbox, error) {
	b, err := d.read(ctx, sbdformat.MailboxSector(n), 1)
	if err != nil {
		return sbdformat.Mailbox{}, err
	}
	return sbdformat.ReadMailbox(b), nil
}

// Put writes the mailbox of slot n and reads it back: what cannot be read there was not delivered.
func (d *Disk) Put(ctx context.Context, n int, m sbdformat.Mailbox) error {
	want := m.Sector(d.sector)
	if err := d.write(ctx, sbdformat.MailboxSector(n), want); err != nil {
		return err
	}
	got, err := d.read(ctx, sbdformat.MailboxSector(n), 1)
	if err != nil {
		return fmt.Errorf("read back message %s: %w", m.Message, err)
	}
	now := sbdformat.ReadMailbox(got)
	if !m.Message.Ends() && now.Message == sbdformat.Clear {
		return nil // its owner has read it already; only a message that ends a node stays
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s: message %s for slot %d reads %s from %q afterwards; somebody else has written at the same time",
			d.path, m.Message, n, now.Message, now.From)
	}
	return nil
}

// Clear empties the mailbox of slot n altogether, as its owner does when it starts and after a test.
func (d *Disk) Clear(ctx context.Context, n int) error {
	return d.write(ctx, sbdformat.MailboxSector(n), make([]byte, d.sector))
}
