package scsitarget

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// Close does nothing: the nexus stays, as that of a host whose process ends.
func (n *Nexus) Close() {}

// Do carries out a command.
func (n *Nexus) Do(ctx context.Context, cdb, out []byte, in int) ([]byte, byte, []byte, error) {
	u := n.unit
	if u.OnCommand != nil {
		u.OnCommand(n.initiator, cdb)
	}
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return nil, 0, nil, ctx.Err()
	}
	u.mu.Lock()
	dead, hung := n.dead, n.hung
	u.mu.Unlock()
	if hung {
		<-ctx.Done()
		return nil, 0, nil, ctx.Err()
	}
	if dead {
		return nil, 0, nil, ErrPath
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if n.busy > 0 {
		n.busy--
		return nil, scsipr.Busy, nil, nil
	}
	if len(n.attention) > 0 {
		s := n.attention[0]
		n.attention = n.attention[1:]
		return nil, scsipr.CheckCondition, s.Fixed(), nil
	}
	check := func(s scsipr.Sense) ([]byte, byte, []byte, error) {
		return nil, scsipr.CheckCondition, s.Fixed(), nil
	}
	switch cdb[0] {
	case scsipr.OpTestUnitReady:
		return nil, scsipr.Good, nil, nil
	case scsipr.OpIn:
		if u.NoReservations {
			return check(scsipr.InvalidOpcode)
		}
		data := u.answer(scsipr.In(cdb[1] & 0x1f))
		if data == nil {
			return check(scsipr.InvalidField)
		}
		return data[:min(len(data), in)], scsipr.Good, nil, nil
	case scsipr.OpOut:
		o, err := scsipr.ParseOut(cdb, out)
		if err != nil || u.NoReservations || o.Action == scsipr.PreemptAndAbort && u.NoAbort {
			return check(scsipr.InvalidOpcode)
		}
		status, sense := u.out(n, o)
		if status == scsipr.Good {
			u.log = append(u.log, fmt.Sprintf("%s %s", n.initiator, o.Action))
		}
		if status == scsipr.CheckCondition {
			return check(sense)
		}
		return nil, status, nil, nil
	}
	return check(scsipr.InvalidOpcode)
}

func (u *Unit) answer(in scsipr.In) []byte {
	switch in {
	case scsipr.ReadKeys:
		k := scsipr.Keys{Generation: u.generation}
		for _, r := range u.regs {
			k.Keys = append(k.Keys, r.key)
		}
		return k.Bytes()
	case scsipr.ReadReservation:
		return u.reservation().Bytes()
	case scsipr.ReportCapabilities:
		b := []byte{0, 8, 1, 0x80, 0xea, 1, 0, 0}
		if u.aptpl {
			b[3] |= 1
		}
		return b
	case scsipr.ReadFullStatus:
		b := make([]byte, 8)
		binary.BigEndian.PutUint32(b, u.generation)
		for _, r := range u.regs {
			holder := u.held && (u.holder == r.nexus || u.typ.AllRegistrants())
			b = append(b, scsipr.Registration{Key: r.key, Holder: holder, Type: u.typ, Port: r.nexus.port, Initiator: []byte(r.nexus.initiator)}.Bytes()...)
		}
		binary.BigEndian.PutUint32(b[4:], uint32(len(b)-8))
		return b
	}
	return nil
}

// out carries out a PERSISTENT RESERVE OUT.
func (u *Unit) out(n *Nexus, o scsipr.Out) (byte, scsipr.Sense) {
	const conflict = scsipr.ReservationConflict
	mine := u.keyOf(n)
	switch o.Action {
	case scsipr.Register:
		if mine != o.Own { // 0 for a nexus that has not registered
			return conflict, scsipr.Sense{}
		}
		u.register(n, o)
		return scsipr.Good, scsipr.Sense{}
	case scsipr.RegisterAndIgnore:
		u.register(n, o)
		return scsipr.Good, scsipr.Sense{}
	}
	if mine == 0 || mine != o.Own {
		return conflict, scsipr.Sense{}
	}
	switch o.Action {
	case scsipr.Reserve:
		if u.held {
			if u.typ == o.Type && (u.holder == n || u.typ.AllRegistrants()) {
				return scsipr.Good, scsipr.Sense{}
			}
			return conflict, scsipr.Sense{}
		}
		u.hold(n, o.Type)
	case scsipr.Release:
		switch {
		case !u.held || u.holder != n && !u.typ.AllRegistrants():
		case u.typ != o.Type:
			return scsipr.CheckCondition, scsipr.InvalidRelease
		default:
			u.release(n)
		}
	case scsipr.Clear:
		u.regs, u.held, u.holder = nil, false, nil
		u.generation++
		u.tell(scsipr.ReservationsPreempted, func(x *Nexus) bool { return x != n })
	case scsipr.Preempt, scsipr.PreemptAndAbort:
		return u.preempt(n, o)
	default:
		return scsipr.CheckCondition, scsipr.InvalidField
	}
	return scsipr.Good, scsipr.Sense{}
}

func (u *Unit) hold(n *Nexus, t scsipr.Type) {
	u.held, u.typ, u.holder = true, t, n
	if t.AllRegistrants() {
		u.holder = nil
	}
}

func (u *Unit) release(n *Nexus) {
	if u.typ.Registrants() {
		u.tell(scsipr.ReservationsReleased, func(x *Nexus) bool { return x != n && u.keyOf(x) != 0 })
	}
	u.held, u.holder = false, nil
}

func (u *Unit) register(n *Nexus, o scsipr.Out) {
	if o.Other == 0 && u.keyOf(n) != 0 {
		last := u.typ.AllRegistrants() && len(u.regs) == 1
		if u.held && (u.holder == n || last) {
			u.release(n)
		}
	}
	u.set(n, o.Other)
	u.aptpl = o.APTPL
	u.generation++
}

// preempt removes the registrations of a key, and takes the reservation over if it was theirs. The initiator that
// asks for it keeps its own.
func (u *Unit) preempt(n *Nexus, o scsipr.Out) (byte, scsipr.Sense) {
	if o.Other == 0 {
		return scsipr.CheckCondition, scsipr.InvalidField
	}
	var gone []*Nexus
	found := false
	for _, r := range u.regs {
		if r.key == o.Other {
			found = true
			if r.nexus != n {
				gone = append(gone, r.nexus)
			}
		}
	}
	if !found {
		return scsipr.ReservationConflict, scsipr.Sense{}
	}
	u.generation++
	if u.Ghost {
		return scsipr.Good, scsipr.Sense{}
	}
	theirs := u.held && u.holder != nil && u.keyOf(u.holder) == o.Other
	for _, x := range gone {
		u.set(x, 0)
	}
	u.tell(scsipr.RegistrationsPreempted, func(x *Nexus) bool {
		for _, g := range gone {
			if g == x {
				return true
			}
		}
		return false
	})
	if theirs {
		if u.typ != o.Type {
			u.tell(scsipr.ReservationsReleased, func(x *Nexus) bool { return x != n && u.keyOf(x) != 0 })
		}
		u.hold(n, o.Type)
	}
	return scsipr.Good, scsipr.Sense{}
}
