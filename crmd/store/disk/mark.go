package disk

import (
	"encoding/binary"
	"hash/crc32"
	"os"
)

// markSize is a number and its checksum.
const markSize = 12

// Mark remembers up to which entry the log was applied, which raft itself forgets: after a restart it knows
// only after an election which entries are committed. The mark may be behind, never ahead, so it is written
// without waiting for the disk; a crash of the process loses nothing, a power cut a little.
type Mark struct{ file *os.File }

func createMark(path string) error { return createSized(path, slotSize) }

func openMark(path string) (*Mark, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &Mark{file: f}, nil
}

// Set stores the index. It is a hint: an error only makes a later start know less.
func (m *Mark) Set(index uint64) error {
	raw := binary.BigEndian.AppendUint64(nil, index)
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	_, err := m.file.WriteAt(raw, 0)
	return err
}

// Get returns the index that was stored, 0 when none is readable.
func (m *Mark) Get() uint64 {
	raw := make([]byte, markSize)
	if _, err := m.file.ReadAt(raw, 0); err != nil {
		return 0
	}
	if crc32.ChecksumIEEE(raw[:8]) != binary.BigEndian.Uint32(raw[8:]) {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}
