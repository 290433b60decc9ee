package frame

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
)

func testKey(t testing.TB, digit string) Key {
	t.Helper()
	k, err := ParseKey(strings.Repeat(digit, 64))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// seal makes a packet with room for the tag.
func seal(s *Sealer, payload string, to api.NodeID, link int) []byte {
	b := make([]byte, HeaderSize, HeaderSize+len(payload)+TagSize)
	return s.Seal(append(b, payload...), KindGossip, to, link)
}

func TestOpen_AcceptsEachPacketOnceAndNothingForeign(t *testing.T) {
	k := testKey(t, "1")
	s := NewSealer(k, 1, 77)
	o := NewOpener([]Key{testKey(t, "0"), k}, 2, 0)
	open := func(p []byte) (string, Verdict) {
		var h Header
		body, v := o.Open(append([]byte(nil), p...), &h)
		return string(body), v
	}
	p := seal(s, "hello", 2, 0)
	if body, v := open(p); v != Accepted || body != "hello" {
		t.Errorf("got %q, %s", body, v)
	}
	flipped := seal(s, "hello", 2, 0)
	flipped[HeaderSize] ^= 1
	redirected := seal(s, "hello", 3, 0)
	redirected[10] = 2 // the header is authenticated
	cases := []struct {
		name   string
		packet []byte
		want   Verdict
	}{
		{"the same again", p, Replayed},
		{"changed on its way", flipped, Forged},
		{"header changed", redirected, Forged},
		{"for another node", seal(s, "x", 3, 0), Misdirected},
		{"for another link", seal(s, "x", 2, 1), Misdirected},
		{"another cluster's key", seal(NewSealer(testKey(t, "2"), 1, 5), "x", 2, 0), ForeignKey},
		{"too short", p[:Overhead-1], Malformed},
		{"something else", []byte(strings.Repeat("DNS?", 20)), Malformed},
		{"another life", seal(NewSealer(k, 1, 78), "x", 2, 0), Accepted},
	}
	for _, c := range cases {
		if _, v := open(c.packet); v != c.want {
			t.Errorf("%s: %s, want %s", c.name, v, c.want)
		}
	}
}

func TestOpen_DoesNotLetStrangersKeepItBusy(t *testing.T) {
	k := testKey(t, "1")
	o := NewOpener([]Key{k}, 2, 0)
	var h Header
	friend := NewSealer(k, 1, 7)
	if _, v := o.Open(seal(friend, "x", 2, 0), &h); v != Accepted {
		t.Fatal(v)
	}
	forged := NewSealer(testKey(t, "2"), 1, 0)
	for salt := range uint64(3 * strangers) {
		p := seal(forged, "x", 2, 0)
		p[4], p[5], p[6], p[7] = byte(k.ID), byte(k.ID>>8), byte(k.ID>>16), byte(k.ID>>24)
		p[16], p[17] = byte(salt), byte(salt>>8)
		o.Open(p, &h)
	}
	stranger := NewSealer(k, 3, 8)
	if _, v := o.Open(seal(stranger, "x", 2, 0), &h); v != Throttled {
		t.Error(v)
	}
	if _, v := o.Open(seal(friend, "x", 2, 0), &h); v != Accepted {
		t.Error(v)
	}
	o.Refill()
	if _, v := o.Open(seal(stranger, "x", 2, 0), &h); v != Accepted {
		t.Error(v)
	}
}

func TestWindow_TakesEachCounterOnceInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var w window
	seen := map[uint64]bool{}
	top := uint64(0)
	for range 200_000 {
		c := top + 1 + rng.Uint64N(3)
		if back := rng.Uint64N(400); rng.IntN(3) > 0 && back < top {
			c = top - back
		}
		if rng.IntN(5000) == 0 {
			c = top + 200 + rng.Uint64N(200)
		}
		want := c != 0 && !seen[c] && c+windowSize > top
		if got := w.fresh(c); got != want {
			t.Fatalf("counter %d with top %d: fresh %t, want %t", c, top, got, want)
		}
		if want {
			w.note(c)
			seen[c] = true
			top = max(top, c)
		}
	}
}

func sample() *Heartbeat {
	return &Heartbeat{
		Incarnation: 1e15, ToIncarnation: 2e15, Seq: 7, Sent: 8, EchoSent: 9, EchoHeld: 10, Token: 1000, Interval: 200,
		Stall: 3, Flags: Leaving | Quorate, Votes: 1, QuorumFlags: 5, Expected: 3, Config: 99,
		Ring: api.RingID{Rep: 1, Seq: 12}, ProposalSeq: 13, ProposalDigest: 14, Cluster: []byte("shop"), Name: []byte("n1"),
		Table: []Entry{
			{ID: 1, Flags: Hears | InView}, {ID: 3, Flags: Silent, Mark: MarkOut, Incarnation: 5}, {ID: 65535, Mark: MarkFenced, Incarnation: 6},
		},
	}
}

func TestHeartbeat_DecodesWhatWasEncoded(t *testing.T) {
	want := sample()
	var got Heartbeat
	if raw := want.Append(nil); !got.Decode(raw) || !reflect.DeepEqual(&got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHeartbeat_UnderstandsLongerOnesOfLaterVersions(t *testing.T) {
	raw := sample().Append(nil)
	longer := append([]byte{fixedSize + 3, 0}, raw[2:2+fixedSize]...)
	longer = append(append(longer, 1, 2, 3), raw[2+fixedSize:]...)
	var got Heartbeat
	if !got.Decode(longer) || !reflect.DeepEqual(&got, sample()) {
		t.Errorf("got %+v", got)
	}
}

func TestRefusal_DecodesWhatWasEncoded(t *testing.T) {
	want := Refusal{Cluster: "shop", Name: "n1", Reason: strings.Repeat("why ", 100)}
	var got Refusal
	if !got.Decode(want.Append(nil)) {
		t.Fatal("not decoded")
	}
	want.Reason = want.Reason[:maxText]
	if got != want {
		t.Errorf("got %+v", got)
	}
}

func TestParseKey_SaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{"abc": "odd length", "zz": "invalid byte", "00ff": "2 bytes, must be 32"} {
		if _, err := ParseKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSealAndOpen_DoNotAllocate(t *testing.T) {
	k := testKey(t, "1")
	s, o := NewSealer(k, 1, 77), NewOpener([]Key{k}, 2, 0)
	buf := make([]byte, 2048)
	hb, got := sample(), &Heartbeat{Table: make([]Entry, 0, 8)}
	var h Header
	round := func() {
		p := s.Seal(hb.Append(buf[:HeaderSize]), KindHeartbeat, 2, 0)
		body, v := o.Open(p, &h)
		if v != Accepted || !got.Decode(body) {
			t.Fatal(v)
		}
	}
	round()
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSealAndOpen(b *testing.B) {
	k := testKey(b, "1")
	s, o := NewSealer(k, 1, 77), NewOpener([]Key{k}, 2, 0)
	buf := make([]byte, 2048)
	hb, got := sample(), &Heartbeat{Table: make([]Entry, 0, 8)}
	var h Header
	b.ReportAllocs()
	for b.Loop() {
		body, v := o.Open(s.Seal(hb.Append(buf[:HeaderSize]), KindHeartbeat, 2, 0), &h)
		if v != Accepted || !got.Decode(body) {
			b.Fatal(v)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := testKey(f, "1")
	f.Add(seal(NewSealer(k, 1, 77), "hello", 2, 0))
	f.Fuzz(func(t *testing.T, packet []byte) {
		o := NewOpener([]Key{k}, 2, 0)
		var h Header
		if _, v := o.Open(packet, &h); v == Accepted && len(packet) < Overhead {
			t.Error("accepted")
		}
	})
}

func FuzzHeartbeat(f *testing.F) {
	f.Add(sample().Append(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h, again Heartbeat
		if !h.Decode(raw) {
			return
		}
		if !again.Decode(h.Append(nil)) {
			t.Fatal("does not decode what it encoded")
		}
		if len(h.Table) == 0 {
			h.Table, again.Table = nil, nil
		}
		if !reflect.DeepEqual(h, again) {
			t.Errorf("%+v\n%+v", h, again)
		}
		var r Refusal
		r.Decode(raw)
	})
}

func FuzzRefusal(f *testing.F) {
	r := Refusal{Cluster: "shop", Name: "n1", Reason: "because"}
	f.Add(r.Append(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r, again Refusal
		if !r.Decode(raw) {
			return
		}
		if !again.Decode(r.Append(nil)) || again != r {
			t.Errorf("%+v became %+v", r, again)
		}
	})
}
