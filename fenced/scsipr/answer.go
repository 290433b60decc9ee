package scsipr

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// errShort tells that an answer ends in the middle of what it announces.
var errShort = errors.New("the answer is too short")

// Keys is the answer to READ KEYS. A key stands in it once for each initiator port that registered it.
type Keys struct {
	Generation uint32
	Keys       []Key
	// Missing is how many more bytes there are than were asked for.
	Missing int
}

// ParseKeys understands the answer to READ KEYS.
func ParseKeys(b []byte) (Keys, error) {
	if len(b) < 8 {
		return Keys{}, errShort
	}
	k := Keys{Generation: binary.BigEndian.Uint32(b)}
	n := int(binary.BigEndian.Uint32(b[4:]))
	body := b[8:]
	if n > len(body) {
		k.Missing = n - len(body)
	} else {
		body = body[:n]
	}
	for ; len(body) >= 8; body = body[8:] {
		k.Keys = append(k.Keys, Key(binary.BigEndian.Uint64(body)))
	}
	return k, nil
}

// Bytes is the answer as it goes over the wire, for targets.
func (k Keys) Bytes() []byte {
	b := make([]byte, 8, 8+8*len(k.Keys))
	binary.BigEndian.PutUint32(b, k.Generation)
	binary.BigEndian.PutUint32(b[4:], uint32(8*len(k.Keys)))
	for _, key := range k.Keys {
		b = binary.BigEndian.AppendUint64(b, uint64(key))
	}
	return b
}

// Count is how many initiator ports have registered the key.
func (k Keys) Count(key Key) int {
	n := 0
	for _, x := range k.Keys {
		if x == key {
			n++
		}
	}
	return n
}

// Reservation is the answer to READ RESERVATION.
type Reservation struct {
	Generation uint32
	Held       bool
	Holder     Key // 0 where all registrants hold it
	Type       Type
}

// ParseReservation understands the answer to READ RESERVATION.
func ParseReservation(b []byte) (Reservation, error) {
	if len(b) < 8 {
		return Reservation{}, errShort
	}
	r := Reservation{Generation: binary.BigEndian.Uint32(b)}
	switch n := binary.BigEndian.Uint32(b[4:]); {
	case n == 0:
		return r, nil
	case n < 16 || len(b) < 24:
		return r, errShort
	}
	r.Held, r.Holder, r.Type = true, Key(binary.BigEndian.Uint64(b[8:])), Type(b[21]&0xf)
	return r, nil
}

// Bytes is the answer as it goes over the wire, for targets.
func (r Reservation) Bytes() []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint32(b, r.Generation)
	if r.Held {
		b = append(b, make([]byte, 16)...)
		binary.BigEndian.PutUint32(b[4:], 16)
		binary.BigEndian.PutUint64(b[8:], uint64(r.Holder))
		b[21] = byte(r.Type)
	}
	return b
}

// Registration is one initiator port's, as READ FULL STATUS tells it.
type Registration struct {
	Key    Key
	Holder bool
	Type   Type // of the reservation, where Holder
	// Port is the target's relative port, Initiator the initiator's TransportID.
	Port      uint16
	Initiator []byte
}

// Name is the initiator as a person knows it: the name of an iSCSI initiator, or the TransportID in hexadecimal.
func (r Registration) Name() string {
	const iSCSI = 5
	if len(r.Initiator) > 4 && r.Initiator[0]&0xf == iSCSI {
		name, session, _ := strings.Cut(strings.TrimRight(string(r.Initiator[4:]), "\x00"), ",i,")
		if session != "" {
			name += " session " + session
		}
		return name
	}
	return "initiator " + hex.EncodeToString(r.Initiator)
}

// ParseFullStatus understands the answer to READ FULL STATUS.
func ParseFullStatus(b []byte) (generation uint32, list []Registration, err error) {
	if len(b) < 8 {
		return 0, nil, errShort
	}
	generation = binary.BigEndian.Uint32(b)
	n := int(binary.BigEndian.Uint32(b[4:]))
	body := b[8:]
	if n > len(body) {
		return generation, nil, fmt.Errorf("%w: %d of %d bytes", errShort, len(body), n)
	}
	for body = body[:n]; len(body) >= 24; {
		id := int(binary.BigEndian.Uint32(body[20:]))
		if id < 0 || id > len(body)-24 {
			return generation, nil, errShort
		}
		r := Registration{Key: Key(binary.BigEndian.Uint64(body)), Holder: body[12]&1 != 0, Port: binary.BigEndian.Uint16(body[18:]), Initiator: append([]byte(nil), body[24:24+id]...)}
		if r.Holder {
			r.Type = Type(body[13] & 0xf)
		}
		list = append(list, r)
		body = body[24+id:]
	}
	return generation, list, nil
}

// Bytes is a registration as it goes over the wire, for targets.
func (r Registration) Bytes() []byte {
	b := make([]byte, 24, 24+len(r.Initiator))
	binary.BigEndian.PutUint64(b, uint64(r.Key))
	if r.Holder {
		b[12], b[13] = 1, byte(r.Type)
	}
	binary.BigEndian.PutUint16(b[18:], r.Port)
	binary.BigEndian.PutUint32(b[20:], uint32(len(r.Initiator)))
	return append(b, r.Initiator...)
}

// Capabilities is the answer to REPORT CAPABILITIES.
type Capabilities struct {
	// PowerLoss: registrations can outlive a loss of power (PTPL_C); PowerLossActive: they do now (PTPL_A).
	PowerLoss, PowerLossActive bool
	// Types are the reservation types that the target names; nil when it names none.
	Types []Type
}

// ParseCapabilities understands the answer to REPORT CAPABILITIES.
func ParseCapabilities(b []byte) (Capabilities, error) {
	if len(b) < 8 {
		return Capabilities{}, errShort
	}
	c := Capabilities{PowerLoss: b[2]&1 != 0, PowerLossActive: b[3]&1 != 0}
	if b[3]&0x80 != 0 {
		for _, t := range []struct {
			at, bit byte
			t       Type
		}{{4, 7, WriteExclusiveAllRegistrants}, {4, 6, ExclusiveAccessRegistrantsOnly}, {4, 5, WriteExclusiveRegistrantsOnly},
			{4, 3, ExclusiveAccess}, {4, 1, WriteExclusive}, {5, 0, ExclusiveAccessAllRegistrants}} {
			if b[t.at]&(1<<t.bit) != 0 {
				c.Types = append(c.Types, t.t)
			}
		}
	}
	return c, nil
}
