package keyring

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func entry(t *testing.T) Entry {
	t.Helper()
	e, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRing_ChangesOneKeyForAnother(t *testing.T) {
	old, next := entry(t), entry(t)
	r, err := Parse(old.text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	both := r.With(next)
	if both.Sealing() != old.ID || !both.Has(next.ID) || r.Has(next.ID) {
		t.Error("a key that is added must only open, and leave the old ring alone")
	}
	turned := both.Sealed(next.ID)
	if turned.Sealing() != next.ID || !turned.Has(old.ID) || turned.Digest() == both.Digest() {
		t.Error("the order must change, and show in the digest")
	}
	if done := turned.Only(next.ID); len(done) != 1 || done.Sealing() != next.ID {
		t.Error("the old key must go")
	}
	if back := both.Without(next.ID); back.Digest() != r.Digest() {
		t.Error("a change that is given up must leave what was")
	}
	if r.Without(old.ID).Sealing() != old.ID || r.Only(next.ID).Sealing() != old.ID || r.Sealed(next.ID).Sealing() != old.ID {
		t.Error("a ring must never lose its sealing key to a key that it does not have")
	}
}

func TestRing_SurvivesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip.key")
	r := Ring{entry(t)}.With(entry(t))
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	got, err := Load(path, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil || got.Digest() != r.Digest() {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParse_NamesWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"\n": "empty", "xyz": "invalid byte", "abcd": "2 bytes, must be 32",
		strings.Repeat("1", 64) + "\n" + strings.Repeat("2", 64) + "\n" + strings.Repeat("3", 64) + "\n" + strings.Repeat("4", 64) + "\n" + strings.Repeat("5", 64): "more than",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestEnvelope_IsForOneReceiver(t *testing.T) {
	n1, err1 := NewIdentity()
	n2, err2 := NewIdentity()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	key := entry(t)
	sealed, err := Wrap(key, n1.Public())
	if err != nil {
		t.Fatal(err)
	}
	got, err := n1.Unwrap(sealed)
	if err != nil || got.ID != key.ID {
		t.Errorf("got %v, %v", got.ID, err)
	}
	if _, err := n2.Unwrap(sealed); err == nil {
		t.Error("another node could open it")
	}
	for i := range sealed {
		broken := append([]byte(nil), sealed...)
		broken[i] ^= 1
		if _, err := n1.Unwrap(broken); err == nil {
			t.Errorf("byte %d changed: it could still be opened", i)
		}
		if _, err := n1.Unwrap(sealed[:i]); err == nil {
			t.Errorf("cut after %d bytes: it could still be opened", i)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	id, err := NewIdentity()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(id.Public())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := id.Unwrap(raw); err == nil {
			t.Error("something was opened that nobody sealed")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(strings.Repeat("5a", 32) + "\n" + strings.Repeat("6b", 32) + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if len(r) == 0 || len(r) > maxKeys || len(r.Keys()) != len(r) || !r.Has(r.Sealing()) {
			t.Errorf("%q gave a ring of %d", text, len(r))
		}
	})
}
