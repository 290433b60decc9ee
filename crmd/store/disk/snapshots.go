package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// tmpSuffix marks a snapshot that raft's store is still writing.
const tmpSuffix = ".tmp"

// Snapshots is raft's snapshot store, without the unfinished snapshots that it leaves on a full disk: each
// would take more of the space that is missing.
type Snapshots struct {
	*raft.FileSnapshotStore
	dir string

	mu     sync.Mutex
	active map[string]bool // ids of the snapshots that are being written
}

func openSnapshots(state string, keep int, log hclog.Logger) (*Snapshots, error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(state, keep, log)
	if err != nil {
		return nil, err
	}
	s := &Snapshots{FileSnapshotStore: store, dir: filepath.Join(state, "snapshots"), active: make(map[string]bool)}
	s.sweep()
	return s, nil
}

// Newest opens the newest snapshot that can be read; nil without one. It fails when there are snapshots and
// none can be read.
func (s *Snapshots) Newest() (*raft.SnapshotMeta, io.ReadCloser, error) {
	list, err := s.List()
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, meta := range list {
		_, r, err := s.Open(meta.ID)
		if err == nil {
			return meta, r, nil
		}
		errs = append(errs, fmt.Errorf("snapshot %s: %w", meta.ID, err))
	}
	return nil, nil, errors.Join(errs...)
}

// Create starts a snapshot.
func (s *Snapshots) Create(version raft.SnapshotVersion, index, term uint64, servers raft.Configuration,
	serversIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	s.mu.Lock()
	sink, err := s.FileSnapshotStore.Create(version, index, term, servers, serversIndex, trans)
	if err == nil {
		s.active[sink.ID()] = true
	}
	s.mu.Unlock()
	if err != nil {
		s.sweep()
		return nil, err
	}
	return &snapshotSink{SnapshotSink: sink, store: s}, nil
}

func (s *Snapshots) finished(id string) {
	s.mu.Lock()
	delete(s.active, id)
	s.mu.Unlock()
	s.sweep()
}

// sweep removes unfinished snapshots that nobody writes. What cannot be removed now is tried again later.
func (s *Snapshots) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), tmpSuffix); ok && !s.active[id] {
			_ = os.RemoveAll(filepath.Join(s.dir, e.Name()))
		}
	}
}

type snapshotSink struct {
	raft.SnapshotSink
	store *Snapshots
}

func (k *snapshotSink) Close() error {
	defer k.store.finished(k.ID())
	return k.SnapshotSink.Close()
}

func (k *snapshotSink) Cancel() error {
	defer k.store.finished(k.ID())
	return k.SnapshotSink.Cancel()
}
