package disk

import (
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// Log is the raft log. It differs from the file below it in what it knows about failures.
type Log struct {
	file   LogFile
	health *Health
	// truncated is set between a deletion at the end and the entries that replace what was deleted. Raft
	// forgets the deletion when storing those entries fails, and would then rely on entries that are gone.
	truncated atomic.Bool
}

// IsMonotonic makes raft delete the whole old log when it installs a snapshot. Otherwise entries that were
// never committed can stay below the snapshot and reach a node that catches up later.
func (l *Log) IsMonotonic() bool { return true }

// FirstIndex is the first entry's position, 0 when there is none.
func (l *Log) FirstIndex() (uint64, error) { return l.file.FirstIndex() }

// LastIndex is the last entry's position, 0 when there is none.
func (l *Log) LastIndex() (uint64, error) { return l.file.LastIndex() }

// GetLog reads an entry.
func (l *Log) GetLog(index uint64, log *raft.Log) error { return l.file.GetLog(index, log) }

// StoreLog appends an entry.
func (l *Log) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends entries, all or none, durably.
func (l *Log) StoreLogs(logs []*raft.Log) error {
	fatal := func(err error) bool { return l.truncated.Load() || !isNoSpace(err) }
	err := l.health.write(logFile, fatal, func() error { return l.file.StoreLogs(logs) })
	if err == nil {
		l.truncated.Store(false)
	}
	return err
}

// DeleteRange deletes entries at the beginning (behind a snapshot) or at the end (never committed).
func (l *Log) DeleteRange(first, last uint64) error {
	end, err := l.file.LastIndex()
	if err != nil {
		return err
	}
	fatal := func(err error) bool { return !isNoSpace(err) }
	err = l.health.write(logFile, fatal, func() error { return l.file.DeleteRange(first, last) })
	if err == nil && last >= end {
		l.truncated.Store(true)
	}
	return err
}
