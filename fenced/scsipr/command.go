// Package scsipr is the wire format of SCSI-3 persistent reservations: commands, parameter lists, answers and
// what they mean.
//
// It holds no state and does no I/O. Numbers are those of SPC-4.
package scsipr

import (
	"encoding/binary"
	"fmt"
)

// Key is a registration key; 0 is none.
type Key uint64

func (k Key) String() string { return fmt.Sprintf("0x%x", uint64(k)) }

// Type is a reservation's type.
type Type uint8

const (
	WriteExclusive                 Type = 1
	ExclusiveAccess                Type = 3
	WriteExclusiveRegistrantsOnly  Type = 5
	ExclusiveAccessRegistrantsOnly Type = 6
	WriteExclusiveAllRegistrants   Type = 7
	ExclusiveAccessAllRegistrants  Type = 8
)

var types = map[Type]string{
	WriteExclusive: "Write Exclusive", ExclusiveAccess: "Exclusive Access", WriteExclusiveRegistrantsOnly: "Write Exclusive, registrants only",
	ExclusiveAccessRegistrantsOnly: "Exclusive Access, registrants only", WriteExclusiveAllRegistrants: "Write Exclusive, all registrants",
	ExclusiveAccessAllRegistrants: "Exclusive Access, all registrants",
}

func (t Type) String() string {
	if s, ok := types[t]; ok {
		return s
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Registrants reports whether every registered initiator may write under such a reservation, and no other may.
func (t Type) Registrants() bool {
	return t >= WriteExclusiveRegistrantsOnly && t <= ExclusiveAccessAllRegistrants
}

// AllRegistrants reports whether every registered initiator holds such a reservation.
func (t Type) AllRegistrants() bool {
	return t == WriteExclusiveAllRegistrants || t == ExclusiveAccessAllRegistrants
}

// Action is a service action of PERSISTENT RESERVE OUT.
type Action uint8

const (
	Register Action = iota
	Reserve
	Release
	Clear
	Preempt
	PreemptAndAbort
	RegisterAndIgnore
)

func (a Action) String() string {
	names := [...]string{"REGISTER", "RESERVE", "RELEASE", "CLEAR", "PREEMPT", "PREEMPT AND ABORT", "REGISTER AND IGNORE EXISTING KEY"}
	if int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("service action %d", uint8(a))
}

// Out is a PERSISTENT RESERVE OUT command.
type Out struct {
	Action Action
	Type   Type // not for the registering actions
	// Own is this initiator's key, Other the new key (registering) or the victim's (preempting).
	Own, Other Key
	// APTPL keeps registrations over a loss of the target's power; registering actions only.
	APTPL bool
}

// Opcodes.
const (
	OpTestUnitReady = 0x00
	OpIn            = 0x5e
	OpOut           = 0x5f
)

const (
	outLength = 24
	// Allocation is what READ commands ask for; 1000 registrations fit in.
	Allocation = 8192
)

// CDB is the command.
func (o Out) CDB() []byte {
	b := make([]byte, 10)
	b[0], b[1], b[2] = OpOut, byte(o.Action), byte(o.Type)
	binary.BigEndian.PutUint32(b[5:], outLength)
	return b
}

// List is the parameter list that goes with it.
func (o Out) List() []byte {
	b := make([]byte, outLength)
	binary.BigEndian.PutUint64(b, uint64(o.Own))
	binary.BigEndian.PutUint64(b[8:], uint64(o.Other))
	if o.APTPL {
		b[20] = 1
	}
	return b
}

// ParseOut understands a command and its parameter list, for targets.
func ParseOut(cdb, list []byte) (Out, error) {
	if len(cdb) < 10 || cdb[0] != OpOut || len(list) != outLength || binary.BigEndian.Uint32(cdb[5:]) != outLength {
		return Out{}, fmt.Errorf("not a PERSISTENT RESERVE OUT with a parameter list of %d bytes", outLength)
	}
	return Out{Action: Action(cdb[1] & 0x1f), Type: Type(cdb[2] & 0xf), Own: Key(binary.BigEndian.Uint64(list)),
		Other: Key(binary.BigEndian.Uint64(list[8:])), APTPL: list[20]&1 != 0}, nil
}

// In is a service action of PERSISTENT RESERVE IN.
type In uint8

const (
	ReadKeys In = iota
	ReadReservation
	ReportCapabilities
	ReadFullStatus
)

func (i In) String() string {
	names := [...]string{"READ KEYS", "READ RESERVATION", "REPORT CAPABILITIES", "READ FULL STATUS"}
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("service action %d", uint8(i))
}

// CDB is the command with that allocation length.
func (i In) CDB(allocation int) []byte {
	b := make([]byte, 10)
	b[0], b[1] = OpIn, byte(i)
	binary.BigEndian.PutUint16(b[7:], uint16(allocation))
	return b
}

// TestUnitReady is the command that clears what a target has to tell first.
func TestUnitReady() []byte { return make([]byte, 6) }
