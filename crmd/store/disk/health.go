package disk

import (
	"fmt"
	"sync"
	"time"
)

// Health knows whether writes to the directory work. Its methods are safe for concurrent use.
type Health struct {
	changed func() // called outside of mu

	mu      sync.Mutex
	err     error
	broken  bool // the files must be opened again before the next write
	next    uint64
	writing map[uint64]time.Time // start of each write in progress
}

// Err is why the last write failed, nil when it worked.
func (h *Health) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Broken tells that what raft believes to be on disk may differ from what is: the files have to be closed and
// opened again.
func (h *Health) Broken() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken
}

// Stuck is for how long the oldest write in progress has been going on; 0 when there is none.
func (h *Health) Stuck() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	var longest time.Duration
	for _, since := range h.writing {
		longest = max(longest, time.Since(since))
	}
	return longest
}

// Mended clears the state after the files were opened again.
func (h *Health) Mended() {
	h.mu.Lock()
	h.err, h.broken = nil, false
	h.mu.Unlock()
	h.changed()
}

// write runs one write. fatal says whether its failure leaves raft with a wrong idea of the disk.
func (h *Health) write(what string, fatal func(error) bool, do func() error) error {
	id, err := h.begin()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	err = do()
	if err != nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	h.mu.Lock()
	delete(h.writing, id)
	changed := (err == nil) != (h.err == nil)
	h.err = err
	if err != nil && fatal(err) {
		changed = changed || !h.broken
		h.broken = true
	}
	h.mu.Unlock()
	if changed {
		h.changed()
	}
	return err
}

func (h *Health) begin() (id uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken {
		return 0, h.err
	}
	if h.writing == nil {
		h.writing = make(map[uint64]time.Time)
	}
	h.next++
	h.writing[h.next] = time.Now()
	return h.next, nil
}
