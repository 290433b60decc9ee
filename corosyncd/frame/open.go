package frame

import (
	"crypto/cipher"
	"encoding/binary"

	"github.com/holdfast-ha/holdfast/api"
)

// Verdict says what became of a packet.
type Verdict uint8

const (
	Accepted Verdict = iota
	// Malformed is not a packet of this version.
	Malformed
	// ForeignKey was sealed with a key that this node does not have.
	ForeignKey
	// Forged does not decrypt: it was changed on its way or made without the key.
	Forged
	// Replayed has been seen before, or is too old to tell.
	Replayed
	// Misdirected is for another node or link.
	Misdirected
	// Throttled was not looked at: too many strangers at once.
	Throttled

	Verdicts = int(Throttled) + 1
)

func (v Verdict) String() string {
	return [Verdicts]string{"accepted", "malformed", "foreign key", "forged", "replayed", "misdirected", "too many strangers"}[v]
}

// maxSessions bounds the senders whose packet keys are remembered: each of 384 nodes with two sealers in two
// lives. Only who has the cluster's key can fill it.
const maxSessions = 4 * 384

// sessionID names the packets that one life of a sender sealed with one salt.
type sessionID struct {
	salt uint64
	key  KeyID
	from api.NodeID
}

type session struct {
	aead   cipher.AEAD
	window window
	used   uint64 // the opener's clock at the last packet
}

// Opener decrypts the packets that arrive on one link. It belongs to one goroutine.
type Opener struct {
	keys     []Key
	self     api.NodeID
	link     int
	sessions map[sessionID]*session
	clock    uint64
	nonce    [12]byte
	budget   int // senders that may still be met
}

// strangers is how many senders may be met between two calls of Refill. Meeting one costs more than a packet
// of a known sender, so that it is what somebody without the key could keep this node busy with.
const strangers = 2 * 384

// NewOpener makes an opener for packets to self on a link, sealed with any of the keys.
func NewOpener(keys []Key, self api.NodeID, link int) *Opener {
	return &Opener{keys: keys, self: self, link: link, sessions: make(map[sessionID]*session), budget: strangers}
}

// SetKeys changes the keys that are opened. Packets of keys that are gone are foreign from now on.
func (o *Opener) SetKeys(keys []Key) {
	o.keys = keys
	for id := range o.sessions {
		if o.key(id.key) == nil {
			delete(o.sessions, id)
		}
	}
}

// Refill lets the opener meet senders again. It is to be called about once a second.
func (o *Opener) Refill() { o.budget = strangers }

// Open decrypts a packet in place and fills in its header, as far as it can be read. The payload is a part of
// packet, and valid only with verdict Accepted.
func (o *Opener) Open(packet []byte, h *Header) (payload []byte, v Verdict) {
	if !h.parse(packet) {
		return nil, Malformed
	}
	if h.To != o.self || h.Link != o.link {
		return nil, Misdirected
	}
	id := sessionID{salt: h.salt, key: h.Key, from: h.From}
	s, known := o.sessions[id]
	if !known {
		key := o.key(h.Key)
		if key == nil {
			return nil, ForeignKey
		}
		if o.budget == 0 {
			return nil, Throttled
		}
		o.budget--
		s = &session{aead: key.aead(h.From, h.salt)}
	}
	if !s.window.fresh(h.counter) {
		return nil, Replayed
	}
	binary.LittleEndian.PutUint64(o.nonce[4:], h.counter)
	payload, err := s.aead.Open(packet[HeaderSize:HeaderSize], o.nonce[:], packet[HeaderSize:], packet[:HeaderSize])
	if err != nil {
		return nil, Forged
	}
	// Only now is the counter known to be the sender's.
	s.window.note(h.counter)
	if !known {
		o.remember(id, s)
	}
	o.clock++
	s.used = o.clock
	return payload, Accepted
}

func (o *Opener) key(id KeyID) *Key {
	for i := range o.keys {
		if o.keys[i].ID == id {
			return &o.keys[i]
		}
	}
	return nil
}

// remember keeps a session, in place of the one that has been silent longest when there are too many.
func (o *Opener) remember(id sessionID, s *session) {
	if len(o.sessions) >= maxSessions {
		var oldest sessionID
		least := o.clock + 1
		for other, s := range o.sessions {
			if s.used < least {
				oldest, least = other, s.used
			}
		}
		delete(o.sessions, oldest)
	}
	o.sessions[id] = s
}

// windowSize is how far packets may overtake each other.
const windowSize = 256

// window remembers which of the last windowSize counters have been seen. Counters start at 1.
type window struct {
	top  uint64 // highest counter seen
	seen [windowSize / 64]uint64
}

// fresh reports whether the counter has not been seen.
func (w *window) fresh(c uint64) bool {
	switch {
	case c > w.top:
		return true
	case c == 0 || w.top-c >= windowSize:
		return false
	}
	return w.seen[c/64%(windowSize/64)]&(1<<(c%64)) == 0
}

// note marks the counter as seen.
func (w *window) note(c uint64) {
	if c > w.top {
		if c-w.top >= windowSize {
			clear(w.seen[:])
		} else {
			for i := w.top + 1; i < c; i++ {
				w.seen[i/64%(windowSize/64)] &^= 1 << (i % 64)
			}
		}
		w.top = c
	}
	w.seen[c/64%(windowSize/64)] |= 1 << (c % 64)
}
