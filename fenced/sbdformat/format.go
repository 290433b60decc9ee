// Package sbdformat is the on-disk format of sbd 1.5: a header, 255 node slots and their mailboxes, one
// sector each.
//
// It holds no state and does no I/O: sectors in, meaning out, and back.
package sbdformat

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Numbers of the format.
const (
	Slots   = 255
	MaxName = 63
	// Sectors is how many sectors of the device are used; nothing behind them is touched.
	Sectors = 1 + 2*Slots
	// MaxDevices is how many devices a cluster can use at once.
	MaxDevices = 3

	magic        = "SBD_SBD_"
	version      = 2
	nameField    = MaxName + 1
	minSector    = 512
	maxSector    = 64 << 10
	headerLength = 52
)

// HeaderSector is where the header is.
const HeaderSector = 0

// SlotSector is where slot n is, n from 0.
func SlotSector(n int) int { return 1 + 2*n }

// MailboxSector is where the mailbox of slot n is.
func MailboxSector(n int) int { return 2 + 2*n }

// Timeouts are the times that the header imposes on everybody who uses the device. They are whole seconds on
// the disk.
type Timeouts struct {
	// Watchdog is the time within which a node that cannot read the device resets itself.
	Watchdog time.Duration
	// Allocate is how long a node waits for another that takes the same slot.
	Allocate time.Duration
	// Loop is the pause between two looks into the own mailbox.
	Loop time.Duration
	// Msgwait is the time after which a message counts as obeyed.
	Msgwait time.Duration
}

// DefaultTimeouts are sbd's.
func DefaultTimeouts() Timeouts {
	return Timeouts{Watchdog: 5 * time.Second, Allocate: 2 * time.Second, Loop: time.Second, Msgwait: 10 * time.Second}
}

// Check reports times that contradict each other: a message must not count as obeyed before a node that
// cannot read it has been reset.
func (t Timeouts) Check() error {
	switch {
	case t.Watchdog <= 0 || t.Loop <= 0 || t.Msgwait <= 0 || t.Allocate < 0:
		return fmt.Errorf("timeouts must be positive: watchdog %v, allocate %v, loop %v, msgwait %v", t.Watchdog, t.Allocate, t.Loop, t.Msgwait)
	case t.Msgwait < 2*t.Watchdog:
		return fmt.Errorf("msgwait %v < 2 x watchdog %v: a message would count as obeyed before the watchdog of a node that cannot read it has fired", t.Msgwait, t.Watchdog)
	case t.Loop >= t.Watchdog:
		return fmt.Errorf("loop %v >= watchdog %v: the watchdog would fire between two reads", t.Loop, t.Watchdog)
	}
	return nil
}

// Header is sector 0.
type Header struct {
	SectorSize int
	Timeouts
	// Minor is 1 where the header has a UUID, 0 in those of old versions.
	Minor int
	UUID  [16]byte
}

// ErrNoHeader tells that the sector was never written by sbd.
var ErrNoHeader = errors.New("there is no sbd header on it; `sbd -d DEVICE create` writes one")

// Sector is the header as it is on the disk.
func (h Header) Sector() []byte {
	b := make([]byte, h.SectorSize)
	copy(b, magic)
	b[8], b[9] = version, Slots
	for i, v := range []time.Duration{0, h.Watchdog, h.Allocate, h.Loop, h.Msgwait} {
		binary.BigEndian.PutUint32(b[12+4*i:], uint32(v/time.Second))
	}
	binary.BigEndian.PutUint32(b[12:], uint32(h.SectorSize))
	b[32] = byte(h.Minor)
	if h.Minor > 0 {
		copy(b[33:], h.UUID[:])
	}
	return b
}

// ReadHeader understands sector 0 of a device whose sectors are as long as b.
func ReadHeader(b []byte) (Header, error) {
	switch {
	case len(b) < minSector:
		return Header{}, fmt.Errorf("sector of %d bytes is too short", len(b))
	case !bytes.HasPrefix(b, []byte(magic)):
		return Header{}, ErrNoHeader
	case b[8] != version:
		return Header{}, fmt.Errorf("version %d of its header is not %d", b[8], version)
	case b[9] != Slots:
		return Header{}, fmt.Errorf("its header has %d slots, not %d", b[9], Slots)
	}
	num := func(at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
	secs := func(at int) time.Duration { return time.Duration(num(at)) * time.Second }
	if num(12) != uint32(len(b)) {
		return Header{}, fmt.Errorf("its header was written for sectors of %d bytes, the device has %d", num(12), len(b))
	}
	h := Header{SectorSize: len(b), Minor: int(b[32]), Timeouts: Timeouts{Watchdog: secs(16), Allocate: secs(20), Loop: secs(24), Msgwait: secs(28)}}
	if h.Minor > 0 {
		copy(h.UUID[:], b[33:])
	}
	return h, nil
}

// ID is the UUID in the form in which sbd prints it.
func (h Header) ID() string {
	s := hex.EncodeToString(h.UUID[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// VersionText is the header's version in the form in which sbd prints it.
func (h Header) VersionText() string {
	if h.Minor == 0 {
		return fmt.Sprint(version)
	}
	return fmt.Sprintf("%d.%d", version, h.Minor)
}

// CheckSectorSize refuses sizes that no disk has.
func CheckSectorSize(n int) error {
	if n < minSector || n > maxSector || n&(n-1) != 0 {
		return fmt.Errorf("sectors of %d bytes are not supported", n)
	}
	return nil
}
