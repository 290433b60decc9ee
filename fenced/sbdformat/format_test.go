package sbdformat

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// headerBytes are those that sbd 1.5.2 wrote with -4 30.
func headerBytes(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString("5342445f5342445f02ff00000000020000000005000000020000000100" + "00001e" + "01c5208403f91046338691bdcf9003476f")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, make([]byte, 512-len(b))...)
}

func TestHeader_AsSBDWritesIt(t *testing.T) {
	raw := headerBytes(t)
	h, err := ReadHeader(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := Timeouts{Watchdog: 5 * time.Second, Allocate: 2 * time.Second, Loop: time.Second, Msgwait: 30 * time.Second}
	if d := cmp.Diff(want, h.Timeouts); d != "" {
		t.Error(d)
	}
	if h.ID() != "c5208403-f910-4633-8691-bdcf9003476f" || h.VersionText() != "2.1" || h.SectorSize != 512 {
		t.Errorf("got %s, version %s, sectors of %d", h.ID(), h.VersionText(), h.SectorSize)
	}
	if got := h.Sector(); !bytes.Equal(got, raw) {
		t.Errorf("written back:\n%x\nwant\n%x", got, raw)
	}
}

func TestHeader_WhatIsRefused(t *testing.T) {
	change := func(at int, b byte) []byte { raw := headerBytes(t); raw[at] = b; return raw }
	for _, c := range []struct {
		name, want string
		raw        []byte
	}{
		{"never written", "no sbd header", make([]byte, 512)},
		{"another version", "version 3", change(8, 3)},
		{"fewer slots", "16 slots", change(9, 16)},
		{"sectors of another size", "sectors of 512 bytes, the device has 4096", append(headerBytes(t), make([]byte, 4096-512)...)},
		{"too short", "too short", []byte("SBD_SBD_")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ReadHeader(c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := ReadHeader(make([]byte, 512)); !errors.Is(err, ErrNoHeader) {
		t.Errorf("an empty sector is %v", err)
	}
}

func TestTimeouts_ThatContradictEachOther(t *testing.T) {
	if err := DefaultTimeouts().Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Timeouts){
		"msgwait 9s < 2 x watchdog 5s": func(x *Timeouts) { x.Msgwait = 9 * time.Second },
		"loop 5s >= watchdog 5s":       func(x *Timeouts) { x.Loop = 5 * time.Second },
		"must be positive":             func(x *Timeouts) { x.Watchdog = 0 },
	} {
		x := DefaultTimeouts()
		change(&x)
		if err := x.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestSlots_AreFoundByNameWithoutCase(t *testing.T) {
	image := make([]byte, Sectors*512)
	put := func(sector int, b []byte) { copy(image[sector*512:], b) }
	put(SlotSector(0), Slot{true, "NodeA"}.Sector(512))
	put(SlotSector(254), Slot{true, strings.Repeat("n", 63)}.Sector(512))
	put(MailboxSector(254), Mailbox{Off, "h1"}.Sector(512))
	got := Entries(image, 512)
	want := []Entry{{Slot: 0, Name: "NodeA"}, {Slot: 254, Name: strings.Repeat("n", 63), Mailbox: Mailbox{Off, "h1"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if e, ok := Find(got, "nodea"); !ok || e.Slot != 0 {
		t.Errorf("nodea is %v, %v", e, ok)
	}
	if e, ok := Find(got, strings.Repeat("N", 70)); !ok || e.Slot != 254 {
		t.Errorf("a name longer than a slot is %v, %v: sbd compares 63 bytes", e, ok)
	}
	if n := Free(got); n != 1 {
		t.Errorf("first free slot is %d", n)
	}
}

func TestMessages_AndWhatTheyMean(t *testing.T) {
	for _, m := range []Message{Clear, Test, Reset, Off, Exit, Crashdump} {
		if back, err := ParseMessage(m.String()); err != nil || back != m {
			t.Errorf("%d: %v, %v", m, back, err)
		}
	}
	if _, err := ParseMessage("undefined"); err == nil {
		t.Error("undefined is a message")
	}
	if got := ReadMailbox(append([]byte{0xff}, make([]byte, 511)...)).Message.String(); got != "undefined" {
		t.Errorf("a negative message is %s", got)
	}
	if Test.Ends() || Exit.Ends() || !Reset.Ends() || !Off.Ends() || !Crashdump.Ends() {
		t.Error("which messages end a node is wrong")
	}
}

func TestMajority_OfDevices(t *testing.T) {
	for _, c := range []struct {
		configured, n        int
		delivered, connected bool
	}{
		{1, 0, false, false}, {1, 1, true, true},
		{2, 1, false, true}, {2, 2, true, true}, {2, 0, false, false},
		{3, 1, false, false}, {3, 2, true, true}, {3, 3, true, true},
	} {
		if got := Delivered(c.n, c.configured); got != c.delivered {
			t.Errorf("%d of %d delivered: %v", c.n, c.configured, got)
		}
		if got := Connected(c.n, c.configured); got != c.connected {
			t.Errorf("%d of %d connected: %v", c.n, c.configured, got)
		}
	}
	// Whatever a sender may call delivered, a node that goes on must see.
	for configured := 1; configured <= MaxDevices; configured++ {
		for took := 0; took <= configured; took++ {
			for reads := 0; reads <= configured; reads++ {
				if Delivered(took, configured) && Connected(reads, configured) && took+reads <= configured {
					t.Errorf("%d devices: a message on %d may be unseen by a node that reads %d", configured, took, reads)
				}
			}
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(make([]byte, 512))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := ReadHeader(raw)
		if err != nil {
			return
		}
		again, err := ReadHeader(h.Sector())
		if err != nil || again != h {
			t.Errorf("%+v came back as %+v, %v", h, again, err)
		}
	})
}

func FuzzMailbox(f *testing.F) {
	f.Add([]byte{5, 'a'})
	f.Add(bytes.Repeat([]byte{'0'}, 66)) // a name without an end
	f.Fuzz(func(t *testing.T, raw []byte) {
		sector := make([]byte, 512)
		copy(sector, raw)
		m := ReadMailbox(sector)
		if again := ReadMailbox(m.Sector(512)); again != m {
			t.Errorf("%+v came back as %+v", m, again)
		}
	})
}
