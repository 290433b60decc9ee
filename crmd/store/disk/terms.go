package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"
)

// slotSize is the room for one copy of the values: one page, so that writing it needs no other.
const slotSize = 4096

// slotHeader is checksum, sequence number and length.
const slotHeader = 4 + 8 + 4

// currentTerm is raft's key for the term. Raft panics when it cannot be written.
var currentTerm = []byte("CurrentTerm")

// lastVoteTerm is raft's key for the term in which the node voted last.
var lastVoteTerm = []byte("LastVoteTerm")

// retryTerm is how often a term that could not be written is tried again.
const retryTerm = 250 * time.Millisecond

// errNotFound has the text by which raft knows it.
var errNotFound = errors.New("not found")

// Terms is raft's stable store: the current term and the vote. The file has two slots of fixed size that
// are written in turn and in place, so that a full disk cannot make an election fail and a torn write leaves
// the other slot.
type Terms struct {
	file   *os.File
	health *Health
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	seq    uint64
	values []value // by key
}

type value struct{ key, val []byte }

func createTerms(path string) error {
	return createSized(path, 2*slotSize)
}

// createSized makes a file whose blocks are all allocated.
func createSized(path string, size int) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, size)); err != nil {
		return err
	}
	return f.Sync()
}

func openTerms(path string, health *Health) (*Terms, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_DSYNC, 0o600)
	if err != nil {
		return nil, err
	}
	t := &Terms{file: f, health: health, closed: make(chan struct{})}
	raw := make([]byte, 2*slotSize)
	if _, err := f.ReadAt(raw, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("shorter than %d bytes: %w", len(raw), err)
	}
	if bytes.Equal(raw, make([]byte, len(raw))) { // as it was made
		return t, nil
	}
	for _, slot := range [][]byte{raw[:slotSize], raw[slotSize:]} {
		if seq, values, ok := decodeSlot(slot); ok && seq > t.seq {
			t.seq, t.values = seq, values
		}
	}
	if t.seq == 0 {
		f.Close()
		return nil, errors.New("no readable term and vote in it")
	}
	return t, nil
}

// Close ends waiting writes. The goroutines that wait for one end with it.
func (t *Terms) Close() error {
	t.once.Do(func() { close(t.closed) })
	return t.file.Close()
}

// Stop ends waiting writes before raft is shut down; values can still be read.
func (t *Terms) Stop() { t.once.Do(func() { close(t.closed) }) }

// Get returns the value of key.
func (t *Terms) Get(key []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, found := t.find(t.values, key); found {
		return slices.Clone(t.values[i].val), nil
	}
	return nil, errNotFound
}

// GetUint64 returns a number that SetUint64 wrote.
func (t *Terms) GetUint64(key []byte) (uint64, error) {
	raw, err := t.Get(key)
	if err != nil {
		return 0, err
	}
	if len(raw) != 8 {
		return 0, fmt.Errorf("value of %s has %d bytes, want 8", key, len(raw))
	}
	return binary.BigEndian.Uint64(raw), nil
}

// SetUint64 is Set for a number.
func (t *Terms) SetUint64(key []byte, n uint64) error {
	return t.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// Set writes a value durably. An unchanged value is not written. When the term cannot be written Set waits
// until it can: raft would panic, and a node that cannot remember its term must not answer anyway. Should the
// store be stopped meanwhile, the goroutine ends here, as if the process had been killed.
func (t *Terms) Set(key, val []byte) error {
	for {
		err := t.set(key, val)
		if err == nil || !bytes.Equal(key, currentTerm) {
			return err
		}
		select {
		case <-time.After(retryTerm):
		case <-t.closed:
			runtime.Goexit()
		}
	}
}

// Impatient is the same store for use outside of raft: Set returns an error instead of waiting.
func (t *Terms) Impatient() raft.StableStore { return impatient{t} }

type impatient struct{ *Terms }

func (t impatient) Set(key, val []byte) error { return t.set(key, val) }

func (t impatient) SetUint64(key []byte, n uint64) error {
	return t.set(key, binary.BigEndian.AppendUint64(nil, n))
}

func (t *Terms) set(key, val []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	values := slices.Clone(t.values)
	i, found := t.find(values, key)
	if found && bytes.Equal(values[i].val, val) || !found && bytes.Equal(val, make([]byte, 8)) {
		return nil // raft writes the term with every start; term 0 is what an empty file means
	}
	if found {
		values[i] = value{key, slices.Clone(val)}
	} else {
		values = slices.Insert(values, i, value{slices.Clone(key), slices.Clone(val)})
	}
	return t.write(values)
}

// voted tells whether this node ever gave its vote away.
func (t *Terms) voted() bool {
	_, err := t.Get(lastVoteTerm)
	return err == nil
}

// reset forgets everything.
func (t *Terms) reset() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.values) == 0 {
		return nil
	}
	return t.write(nil)
}

// write stores the values in the slot that is not current. The caller holds mu.
func (t *Terms) write(values []value) error {
	slot, err := encodeSlot(t.seq+1, values)
	if err != nil {
		return err
	}
	never := func(error) bool { return false }
	err = t.health.write(termsFile, never, func() error {
		_, err := t.file.WriteAt(slot, int64((t.seq+1)%2)*slotSize)
		return err
	})
	if err != nil {
		return err
	}
	t.seq, t.values = t.seq+1, values
	return nil
}

func (t *Terms) find(values []value, key []byte) (int, bool) {
	return slices.BinarySearchFunc(values, key, func(v value, key []byte) int { return bytes.Compare(v.key, key) })
}

// encodeSlot makes a whole slot: checksum of the rest, sequence number, length, values.
func encodeSlot(seq uint64, values []value) ([]byte, error) {
	var body []byte
	for _, v := range values {
		body = binary.AppendUvarint(body, uint64(len(v.key)))
		body = append(body, v.key...)
		body = binary.AppendUvarint(body, uint64(len(v.val)))
		body = append(body, v.val...)
	}
	if len(body) > slotSize-slotHeader {
		return nil, fmt.Errorf("write the raft term: %d bytes do not fit into %d", len(body), slotSize-slotHeader)
	}
	slot := make([]byte, slotSize)
	binary.BigEndian.PutUint64(slot[4:], seq)
	binary.BigEndian.PutUint32(slot[12:], uint32(len(body)))
	copy(slot[slotHeader:], body)
	binary.BigEndian.PutUint32(slot, crc32.ChecksumIEEE(slot[4:]))
	return slot, nil
}

func decodeSlot(slot []byte) (seq uint64, values []value, ok bool) {
	if binary.BigEndian.Uint32(slot) != crc32.ChecksumIEEE(slot[4:]) {
		return 0, nil, false
	}
	seq = binary.BigEndian.Uint64(slot[4:])
	n := binary.BigEndian.Uint32(slot[12:])
	if n > slotSize-slotHeader {
		return 0, nil, false
	}
	rest := slot[slotHeader : slotHeader+n]
	field := func() []byte {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			ok = false
			return nil
		}
		f := slices.Clone(rest[size : size+int(n)])
		rest = rest[size+int(n):]
		return f
	}
	for ok = true; ok && len(rest) > 0; {
		values = append(values, value{field(), field()})
	}
	return seq, values, ok
}
