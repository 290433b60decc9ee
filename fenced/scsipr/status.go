package scsipr

import "fmt"

// SCSI status bytes.
const (
	Good                = 0x00
	CheckCondition      = 0x02
	Busy                = 0x08
	ReservationConflict = 0x18
	TaskSetFull         = 0x28
)

// Sense is why a command was not done.
type Sense struct{ Key, ASC, ASCQ byte }

// ParseSense understands sense data of either format; the zero value means that there is none.
func ParseSense(b []byte) Sense {
	if len(b) < 4 {
		return Sense{}
	}
	switch b[0] & 0x7f {
	case 0x72, 0x73:
		return Sense{b[1] & 0xf, b[2], b[3]}
	case 0x70, 0x71:
		if len(b) >= 14 {
			return Sense{b[2] & 0xf, b[12], b[13]}
		}
		return Sense{Key: b[2] & 0xf}
	}
	return Sense{}
}

// Fixed is the sense data in fixed format, for targets.
func (s Sense) Fixed() []byte {
	b := make([]byte, 18)
	b[0], b[2], b[7], b[12], b[13] = 0x70, s.Key, 10, s.ASC, s.ASCQ
	return b
}

// Sense keys.
const (
	NotReady       = 2
	IllegalRequest = 5
	UnitAttention  = 6
)

// Unit attentions that concern reservations.
var (
	PowerOn                = Sense{UnitAttention, 0x29, 0x00}
	ReservationsPreempted  = Sense{UnitAttention, 0x2a, 0x03}
	ReservationsReleased   = Sense{UnitAttention, 0x2a, 0x04}
	RegistrationsPreempted = Sense{UnitAttention, 0x2a, 0x05}
	InvalidField           = Sense{IllegalRequest, 0x24, 0x00}
	InvalidOpcode          = Sense{IllegalRequest, 0x20, 0x00}
	InvalidRelease         = Sense{IllegalRequest, 0x26, 0x04}
	NoResources            = Sense{IllegalRequest, 0x55, 0x04}
)

var meanings = map[Sense]string{
	ReservationsPreempted: "reservations preempted", ReservationsReleased: "reservations released", RegistrationsPreempted: "registrations preempted",
	InvalidField: "invalid field in the command", InvalidOpcode: "the command is not known", InvalidRelease: "invalid release of a reservation",
	NoResources: "no room for another registration",
}

func (s Sense) String() string {
	if m, ok := meanings[s]; ok {
		return m
	}
	return fmt.Sprintf("sense key %x, code %02x/%02x", s.Key, s.ASC, s.ASCQ)
}

// Retry says whether a command that ended so may be sent again: at once, after a pause, or not.
type Retry uint8

const (
	Never Retry = iota
	AtOnce
	Later
)

// Judge tells what the end of a command means for another try.
func Judge(status byte, s Sense) Retry {
	switch {
	case status == Busy || status == TaskSetFull:
		return Later
	case status != CheckCondition:
		return Never
	case s.Key == UnitAttention:
		return AtOnce // it was told what it had missed, and the command was not done
	case s.Key == NotReady && s.ASC == 0x04:
		return Later
	}
	return Never
}

// Error is a command that the target did not do.
type Error struct {
	What   string // the command
	Status byte
	Sense  Sense
}

func (e *Error) Error() string {
	switch e.Status {
	case ReservationConflict:
		return e.What + ": reservation conflict"
	case CheckCondition:
		return e.What + ": " + e.Sense.String()
	}
	return fmt.Sprintf("%s: status 0x%02x", e.What, e.Status)
}

// Conflict reports whether the target refused because of a registration or a reservation.
func (e *Error) Conflict() bool { return e.Status == ReservationConflict }
