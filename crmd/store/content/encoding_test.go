package content

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

// everyChange has one change of each kind, with awkward values.
var everyChange = []Change{
	Patch{"0.1.2", "0.1.3", "<diff format=\"2\">\n</diff>"},
	Replace{"", cibxml.New("cib", "epoch", "1", "note", "a\n\"b\" & <c>")},
	Replace{NoDocument, nil},
	SetFile{File{18446744073709551615, "[cluster]\nname = \"shöp\"\n"}},
	AddToken{Token{"abc", [32]byte{0: 1, 31: 255}, -1}, 1 << 60},
	RemoveToken{"abc"},
	SetEpoch{3},
}

func TestEncode_RoundTripsEveryChange(t *testing.T) {
	for _, want := range everyChange {
		raw := Encode(want)
		got, err := Decode(raw)
		if err != nil {
			t.Errorf("%T: %v", want, err)
			continue
		}
		if again := Encode(got); !bytes.Equal(raw, again) {
			t.Errorf("%T: encoded %q, then %q", want, raw, again)
		}
	}
}

// The bytes in the log outlive a version of the program: they may never change.
func TestEncode_IsStable(t *testing.T) {
	for _, c := range []struct {
		change Change
		want   string
	}{
		{Patch{"0.1.2", "0.1.3", "<d/>"}, "\x01\x01\x050.1.2\x050.1.3\x04<d/>"},
		{Replace{"", cibxml.New("cib")}, "\x01\x02\x00\x06<cib/>"},
		{SetFile{File{300, "x"}}, "\x01\x03\xac\x02\x01x"},
		{AddToken{Token{ID: "a", Expires: 1}, 2}, "\x01\x04\x01a\x20" + strings.Repeat("\x00", 32) + "\x01\x02"},
		{RemoveToken{"a"}, "\x01\x05\x01a"},
		{SetEpoch{5}, "\x01\x06\x05"},
	} {
		if got := string(Encode(c.change)); got != c.want {
			t.Errorf("%T is %q, want %q", c.change, got, c.want)
		}
	}
}

func TestDecode_RefusesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      error
	}{
		{"newer format", "\x02\x06\x05", ErrNewer},
		{"newer kind", "\x01\x07\x05", ErrNewer},
		{"empty", "", errShort},
		{"cut off", "\x01\x05\x05ab", errShort},
		{"more fields than known", "\x01\x06\x05\x06", errShort},
		{"length beyond the end", "\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", errShort},
	} {
		if _, err := Decode([]byte(c.raw)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Decode([]byte("\x01\x02\x00\x04<cib")); err == nil {
		t.Error("a document that is not XML was accepted")
	}
}

func TestContent_RoundTrips(t *testing.T) {
	for _, want := range []*Content{{}, full()} {
		got, err := DecodeContent(want.Encode())
		if err != nil || !got.Equal(want) || got.Index != want.Index {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	raw := full().Encode()
	raw[len(contentMagic)] = 2
	if _, err := DecodeContent(raw); !errors.Is(err, ErrNewer) {
		t.Errorf("newer snapshot: %v", err)
	}
	for n := range raw {
		if _, err := DecodeContent(full().Encode()[:n]); err == nil {
			t.Fatalf("a snapshot cut off at byte %d was accepted", n)
		}
	}
}

// Nodes that apply the same entries have the same content, byte for byte, also by way of a snapshot.
func TestApply_IsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := &Content{}, &Content{}
		for i := range rapid.IntRange(1, 30).Draw(t, "entries") {
			raw := Encode(drawChange(t))
			if rapid.Bool().Draw(t, "snapshot") {
				var err error
				if b, err = DecodeContent(b.Encode()); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range []**Content{&a, &b} {
				change, err := Decode(raw)
				if err != nil {
					t.Fatal(err)
				}
				*c, _ = (*c).Apply(uint64(i), change, bump)
			}
		}
		if !bytes.Equal(a.Encode(), b.Encode()) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func drawChange(t *rapid.T) Change {
	version := rapid.SampledFrom([]string{"0.1.0", "0.1.1", "0.1.2"})
	id := rapid.SampledFrom([]string{"a", "b", "c"})
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return Patch{version.Draw(t, "base"), version.Draw(t, "version"), rapid.SampledFrom([]string{"0", "1", "2", "bad"}).Draw(t, "diff")}
	case 1:
		return Replace{rapid.SampledFrom([]string{"", NoDocument, "0.1.1"}).Draw(t, "base"), doc("1")}
	case 2:
		return SetFile{File{rapid.Uint64Range(0, 4).Draw(t, "version"), rapid.String().Draw(t, "text")}}
	case 3:
		return AddToken{Token{ID: id.Draw(t, "id"), Expires: rapid.Int64Range(0, 9).Draw(t, "expires")}, rapid.Int64Range(0, 9).Draw(t, "now")}
	case 4:
		return RemoveToken{id.Draw(t, "id")}
	default:
		return SetEpoch{rapid.Uint64Range(0, 9).Draw(t, "epoch")}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range everyChange {
		f.Add(Encode(c))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := Decode(Encode(c))
		if err != nil {
			t.Fatalf("%T: decoding what was encoded: %v", c, err)
		}
		if !bytes.Equal(Encode(c), Encode(again)) {
			t.Fatalf("%T changes when it is encoded again", c)
		}
	})
}

func FuzzDecodeContent(f *testing.F) {
	f.Add(full().Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := DecodeContent(raw)
		if err != nil {
			return
		}
		if again, err := DecodeContent(c.Encode()); err != nil || !again.Equal(c) {
			t.Fatalf("decoding what was encoded: %v", err)
		}
	})
}
