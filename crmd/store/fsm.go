package store

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/crmd/store/disk"
)

// machine is the bridge between raft and package content, which decides. It outlives raft instances: the
// content that was shown once does not go back when raft reads its log again from the last snapshot on.
//
// Raft calls Apply, Restore and Snapshot from one goroutine; prime and reset run while raft is stopped.
type machine struct {
	patch   content.PatchFunc
	onApply func(Applied)
	poke    func()

	current atomic.Pointer[content.Content]
	mark    atomic.Pointer[disk.Mark] // where the applied index is remembered; nil nowhere
	bytes   atomic.Int64              // applied since the last snapshot

	mu   sync.Mutex
	halt error // why the log cannot be followed any further
}

func (m *machine) content() *content.Content { return m.current.Load() }

// failed is why this node must stop, nil when it need not.
func (m *machine) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halt
}

// fail freezes the content: whatever follows an entry that was not understood would make it differ from the
// other nodes'.
func (m *machine) fail(err error) error {
	m.mu.Lock()
	m.halt = errors.Join(m.halt, err)
	m.mu.Unlock()
	m.poke()
	return err
}

// prime reads the newest snapshot and the log up to the entry that was applied last before the node
// stopped. Raft alone would show nothing newer than the snapshot until there is a leader, which may be
// never on the survivor of two nodes.
func (m *machine) prime(d *disk.Disk) error {
	m.mark.Store(d.Applied)
	c, snapshot := &content.Content{}, uint64(0)
	meta, r, err := d.Snapshots.Newest()
	if err != nil {
		return err
	}
	if meta != nil {
		defer r.Close()
		if c, err = readContent(r); err != nil {
			return err
		}
		snapshot = meta.Index
	}
	last, err := d.Log.LastIndex()
	if err != nil {
		return err
	}
	for i := snapshot + 1; i <= min(last, d.Applied.Get()); i++ {
		var entry raft.Log
		if err := d.Log.GetLog(i, &entry); err != nil {
			return fmt.Errorf("read log entry %d: %w", i, err)
		}
		if entry.Type != raft.LogCommand {
			continue
		}
		change, err := content.Decode(entry.Data)
		if err != nil {
			return fmt.Errorf("log entry %d: %w", i, err)
		}
		c, _ = c.Apply(i, change, m.patch) // the error was the proposer's
	}
	m.current.Store(c)
	return nil
}

// reset forgets the content, for a log that starts anew.
func (m *machine) reset() { m.show(nil, &content.Content{}) }

func (m *machine) show(change content.Change, c *content.Content) {
	m.current.Store(c)
	if m.onApply != nil {
		m.onApply(Applied{Change: change, Content: c})
	}
}

// Apply applies a committed entry. Its result is the error that the proposer gets.
func (m *machine) Apply(entry *raft.Log) any {
	if err := m.failed(); err != nil {
		return err
	}
	before := m.content()
	if entry.Index <= before.Index {
		return nil // raft reads its log again after a start
	}
	change, err := content.Decode(entry.Data)
	if err != nil {
		return m.fail(fmt.Errorf("log entry %d: %w", entry.Index, err))
	}
	m.bytes.Add(int64(len(entry.Data)))
	next, err := before.Apply(entry.Index, change, m.patch)
	_, epoch := change.(content.SetEpoch)
	if err != nil || epoch && next.Epoch == before.Epoch { // every leader states the epoch; seldom it is news
		m.current.Store(next)
	} else {
		m.show(change, next)
	}
	if mark := m.mark.Load(); mark != nil {
		_ = mark.Set(entry.Index) // a hint; see disk.Mark
	}
	if m.bytes.Load() > compactBytes {
		m.poke()
	}
	return err
}

// StoreConfiguration makes raft count changes of its members as applied, without which it refuses to take a
// snapshot after one.
func (m *machine) StoreConfiguration(uint64, raft.Configuration) { m.poke() }

// Restore replaces the content by a snapshot. One that is older than what is shown already is what raft
// starts from; the log behind it was applied before.
func (m *machine) Restore(r io.ReadCloser) error {
	c, err := readContent(r)
	if err != nil {
		return m.fail(err)
	}
	if now := m.content(); c.Epoch <= now.Epoch && c.Index <= now.Index {
		return nil
	}
	m.show(nil, c)
	return nil
}

func readContent(r io.Reader) (*content.Content, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	return content.DecodeContent(raw)
}

// Snapshot returns the content, which is immutable and can be written while others are made.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	if err := m.failed(); err != nil {
		return nil, err
	}
	return frozen{m.content(), &m.bytes}, nil
}

// frozen is a content on its way into a snapshot.
type frozen struct {
	c     *content.Content
	bytes *atomic.Int64
}

func (f frozen) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(f.c.Encode()); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	f.bytes.Store(0)
	return sink.Close()
}

func (f frozen) Release() {}
