package scsipr

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The bytes are those that sg_persist 1.46 sends (sg_persist -vv).
func TestOut_AsSgPersistSendsIt(t *testing.T) {
	for name, c := range map[string]struct {
		out       Out
		cdb, list string
	}{
		"register":        {Out{Action: Register, Own: 0, Other: 0xfe010000}, "5f000000000000001800", "000000000000000000000000fe0100000000000000000000"},
		"register ignore": {Out{Action: RegisterAndIgnore, Other: 0xa1, APTPL: true}, "5f060000000000001800", "000000000000000000000000000000a10000000001000000"},
		"reserve":         {Out{Action: Reserve, Type: WriteExclusiveRegistrantsOnly, Own: 0xa1}, "5f010500000000001800", "00000000000000a100000000000000000000000000000000"},
		"preempt abort":   {Out{Action: PreemptAndAbort, Type: WriteExclusiveRegistrantsOnly, Own: 0xa1, Other: 0xb2}, "5f050500000000001800", "00000000000000a100000000000000b20000000000000000"},
	} {
		if got := hex.EncodeToString(c.out.CDB()); got != c.cdb {
			t.Errorf("%s: command %s, want %s", name, got, c.cdb)
		}
		if got := hex.EncodeToString(c.out.List()); got != c.list {
			t.Errorf("%s: list %s, want %s", name, got, c.list)
		}
		back, err := ParseOut(c.out.CDB(), c.out.List())
		if d := cmp.Diff(c.out, back); d != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	if got := hex.EncodeToString(ReadFullStatus.CDB(Allocation)); got != "5e030000000000200000" {
		t.Errorf("read full status %s", got)
	}
}

func TestAnswers_ThereAndBack(t *testing.T) {
	k := Keys{Generation: 7, Keys: []Key{1, 0xfe010001, 1}}
	got, err := ParseKeys(k.Bytes())
	if d := cmp.Diff(k, got); d != "" || err != nil {
		t.Error(err, d)
	}
	if got.Count(1) != 2 || got.Count(2) != 0 {
		t.Error("keys are counted wrongly")
	}
	if cut, err := ParseKeys(k.Bytes()[:16]); err != nil || cut.Missing != 16 || len(cut.Keys) != 1 {
		t.Errorf("%+v, %v", cut, err)
	}
	for _, r := range []Reservation{{Generation: 3}, {Generation: 4, Held: true, Holder: 0xa1, Type: WriteExclusiveRegistrantsOnly}, {Held: true, Type: WriteExclusiveAllRegistrants}} {
		got, err := ParseReservation(r.Bytes())
		if d := cmp.Diff(r, got); d != "" || err != nil {
			t.Error(err, d)
		}
	}
	one, two := Registration{Key: 1, Port: 1, Initiator: []byte("iqn.a")}, Registration{Key: 2, Holder: true, Type: 5, Port: 2, Initiator: []byte("iqn.b,i,0x1")}
	body := append(one.Bytes(), two.Bytes()...)
	raw := append([]byte{0, 0, 0, 9, 0, 0, 0, byte(len(body))}, body...)
	generation, list, err := ParseFullStatus(raw)
	if d := cmp.Diff([]Registration{one, two}, list); d != "" || err != nil || generation != 9 {
		t.Error(err, d)
	}
	caps, err := ParseCapabilities([]byte{0, 8, 1, 0x81, 0xea, 1, 0, 0})
	if d := cmp.Diff(Capabilities{PowerLoss: true, PowerLossActive: true, Types: []Type{7, 6, 5, 3, 1, 8}}, caps); d != "" || err != nil {
		t.Error(err, d)
	}
}

func TestSense_OfBothFormats(t *testing.T) {
	for _, b := range [][]byte{RegistrationsPreempted.Fixed(), {0x72, 6, 0x2a, 5, 0, 0, 0, 0}} {
		if s := ParseSense(b); s != RegistrationsPreempted || s.String() != "registrations preempted" {
			t.Errorf("%x is %v", b, s)
		}
	}
	if s := ParseSense(nil); s != (Sense{}) {
		t.Error(s)
	}
}

func TestJudge_WhatMayBeSentAgain(t *testing.T) {
	for _, c := range []struct {
		status byte
		sense  Sense
		want   Retry
	}{
		{CheckCondition, PowerOn, AtOnce}, {CheckCondition, ReservationsPreempted, AtOnce}, {CheckCondition, Sense{NotReady, 4, 1}, Later}, {Busy, Sense{}, Later},
		{TaskSetFull, Sense{}, Later}, {ReservationConflict, Sense{}, Never}, {CheckCondition, InvalidField, Never}, {CheckCondition, Sense{NotReady, 0x3a, 0}, Never},
	} {
		if got := Judge(c.status, c.sense); got != c.want {
			t.Errorf("status %#x %v: %v, want %v", c.status, c.sense, got, c.want)
		}
	}
}

func TestTypes_UnderWhichRegistrantsWrite(t *testing.T) {
	for typ, want := range map[Type][2]bool{1: {false, false}, 3: {false, false}, 5: {true, false}, 6: {true, false}, 7: {true, true}, 8: {true, true}, 2: {false, false}} {
		if typ.Registrants() != want[0] || typ.AllRegistrants() != want[1] {
			t.Errorf("%v", typ)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(Keys{Generation: 1, Keys: []Key{1, 2}}.Bytes())
	f.Add(Reservation{Held: true, Type: 5}.Bytes())
	f.Add(append([]byte{0, 0, 0, 0, 0, 0, 0, 24}, Registration{Key: 1}.Bytes()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseKeys(b); err == nil && k.Missing == 0 {
			again, err := ParseKeys(k.Bytes())
			if err != nil || !cmp.Equal(k, again) {
				t.Errorf("%+v became %+v", k, again)
			}
		}
		if r, err := ParseReservation(b); err == nil {
			if again, err := ParseReservation(r.Bytes()); err != nil || again != r {
				t.Errorf("%+v became %+v", r, again)
			}
		}
		_, list, _ := ParseFullStatus(b)
		for _, r := range list {
			if !bytes.Contains(b, r.Initiator) {
				t.Error("an initiator that is not in the answer")
			}
		}
		_, _ = ParseCapabilities(b)
		_ = ParseSense(b)
	})
}
