package frame

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
)

// KeyID names a cluster key in packet headers, so that keys can be rotated and a foreign key is told apart
// from a forged packet. It says nothing about the key.
type KeyID uint32

func (id KeyID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// KeySize is the length of a cluster key in bytes.
const KeySize = 32

// Key is a cluster key.
type Key struct {
	ID     KeyID
	secret [KeySize]byte
}

// ParseKey reads a key as its file has it: 64 hexadecimal digits.
func ParseKey(text string) (Key, error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return Key{}, fmt.Errorf("cluster key: %w", err)
	}
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("cluster key: %d bytes, must be %d (%d hexadecimal digits)", len(raw), KeySize, 2*KeySize)
	}
	k := Key{}
	copy(k.secret[:], raw)
	k.ID = KeyID(binary.LittleEndian.Uint32(k.Derive("holdfast key id", 4)))
	return k, nil
}

// Derive makes a key for another purpose, of at most 255*32 bytes.
func (k *Key) Derive(purpose string, size int) []byte {
	raw, err := hkdf.Key(sha256.New, k.secret[:], nil, purpose, size)
	if err != nil {
		panic(fmt.Sprintf("frame: derive %d bytes: %v", size, err)) // only for an impossible size
	}
	return raw
}

// aead is the cipher of the packets that one life of a sender seals with one salt.
func (k *Key) aead(from api.NodeID, salt uint64) cipher.AEAD {
	var s [10]byte
	binary.LittleEndian.PutUint64(s[:], salt)
	binary.LittleEndian.PutUint16(s[8:], uint16(from))
	raw, err := hkdf.Key(sha256.New, k.secret[:], s[:], "holdfast frame", KeySize)
	if err != nil {
		panic(fmt.Sprintf("frame: derive packet key: %v", err))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		panic(fmt.Sprintf("frame: %v", err)) // only for an impossible key size
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("frame: %v", err))
	}
	return gcm
}

// Sealer encrypts the packets of one sender. It belongs to one goroutine; another needs a Sealer with another
// salt.
type Sealer struct {
	head  Header
	aead  cipher.AEAD
	nonce [12]byte
}

// NewSealer makes a sealer. salt must be random: two sealers with one salt would use a nonce twice.
func NewSealer(key Key, from api.NodeID, salt uint64) *Sealer {
	return &Sealer{head: Header{Key: key.ID, From: from, salt: salt}, aead: key.aead(from, salt)}
}

// Seal encrypts in place: packet holds HeaderSize bytes of room and then the payload, and has room for the tag
// behind it. It returns the whole packet.
func (s *Sealer) Seal(packet []byte, kind Kind, to api.NodeID, link int) []byte {
	s.head.Kind, s.head.To, s.head.Link = kind, to, link
	s.head.counter++
	s.head.put(packet)
	binary.LittleEndian.PutUint64(s.nonce[4:], s.head.counter)
	return s.aead.Seal(packet[:HeaderSize], s.nonce[:], packet[HeaderSize:], packet[:HeaderSize])
}
