package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// Identity opens envelopes. It lasts as long as the daemon: who reads along, and gets hold of the old cluster key
// later, still does not get the new one.
type Identity struct{ private *ecdh.PrivateKey }

// NewIdentity makes one.
func NewIdentity() (*Identity, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cluster key: %w", err)
	}
	return &Identity{private}, nil
}

// Public is what others need to make an envelope.
func (i *Identity) Public() []byte { return i.private.PublicKey().Bytes() }

// Generate makes a new key.
func Generate() (Entry, error) {
	var raw [frame.KeySize]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return Entry{}, fmt.Errorf("cluster key: %w", err)
	}
	return NewEntry(hex.EncodeToString(raw[:]))
}

// NewEntry is a key from its 64 hexadecimal digits.
func NewEntry(text string) (Entry, error) {
	r, err := Parse(text)
	if err != nil {
		return Entry{}, err
	}
	if len(r) != 1 {
		return Entry{}, errors.New("cluster key: one key is wanted")
	}
	return r[0], nil
}

// Wrap puts a key into an envelope that only the owner of the public key can open.
func Wrap(e Entry, public []byte) ([]byte, error) {
	to, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("cluster key: the receiver's public key: %w", err)
	}
	once, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cluster key: %w", err)
	}
	box, err := envelope(once, to, once.PublicKey(), to)
	if err != nil {
		return nil, err
	}
	// The key of the envelope is used once, so its nonce may be a constant.
	return box.Seal(once.PublicKey().Bytes(), make([]byte, box.NonceSize()), []byte(e.text), nil), nil
}

// Unwrap opens an envelope.
func (i *Identity) Unwrap(raw []byte) (Entry, error) {
	size := len(i.Public())
	if len(raw) < size {
		return Entry{}, errors.New("cluster key: the envelope is too short")
	}
	from, err := ecdh.X25519().NewPublicKey(raw[:size])
	if err != nil {
		return Entry{}, fmt.Errorf("cluster key: envelope: %w", err)
	}
	box, err := envelope(i.private, from, from, i.private.PublicKey())
	if err != nil {
		return Entry{}, err
	}
	text, err := box.Open(nil, make([]byte, box.NonceSize()), raw[size:], nil)
	if err != nil {
		return Entry{}, errors.New("cluster key: the envelope is not for this node")
	}
	return NewEntry(string(text))
}

// envelope is the cipher between a key pair that is used once and the receiver.
func envelope(own *ecdh.PrivateKey, other, once, to *ecdh.PublicKey) (cipher.AEAD, error) {
	shared, err := own.ECDH(other)
	if err != nil {
		return nil, fmt.Errorf("cluster key: envelope: %w", err)
	}
	raw, err := hkdf.Key(sha256.New, shared, append(once.Bytes(), to.Bytes()...), "holdfast key envelope", 32)
	if err != nil {
		return nil, fmt.Errorf("cluster key: envelope: %w", err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("cluster key: envelope: %w", err)
	}
	return cipher.NewGCM(block)
}
