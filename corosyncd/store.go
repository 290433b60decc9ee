package corosyncd

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// saved is what outlives a restart. All of it is convenience: without it others tell this node what it needs.
type saved struct {
	Incarnation api.Incarnation `json:"incarnation"`
	RingSeq     uint64          `json:"ring_seq"`
	Expected    int             `json:"expected_votes,omitempty"`
}

// store keeps saved on disk. Writing happens in a goroutine of its own, which nothing waits for.
type store struct {
	path  string
	log   *slog.Logger
	dirty chan struct{}
	mu    sync.Mutex
	state saved
}

func openStore(dir string, log *slog.Logger) *store {
	s := &store{path: filepath.Join(dir, "state.json"), log: log, dirty: make(chan struct{}, 1)}
	raw, err := os.ReadFile(s.path)
	if err == nil {
		err = json.Unmarshal(raw, &s.state)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("starting without what was remembered", "file", s.path, "err", err)
	}
	return s
}

func (s *store) saved() saved {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// begin writes down that a new life begins, before anybody hears of it.
func (s *store) begin(life api.Incarnation) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o750); err != nil {
		s.log.Warn("cannot remember anything over a restart", "err", err)
	}
	s.change(func(v *saved) { v.Incarnation = life })
	s.write()
}

// change changes the state; it is written soon.
func (s *store) change(f func(*saved)) {
	s.mu.Lock()
	f(&s.state)
	s.mu.Unlock()
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// run writes what has changed until ctx ends.
func (s *store) run(ctx context.Context) {
	for {
		select {
		case <-s.dirty:
			s.write()
		case <-ctx.Done():
			return
		}
	}
}

func (s *store) write() {
	raw, err := json.Marshal(s.saved())
	if err == nil {
		err = atomicfile.Write(s.path, raw, 0o640)
	}
	if err != nil {
		s.log.Warn("cannot remember the ring sequence over a restart", "err", err)
	}
}
