package disk

import (
	"cmp"
	"fmt"
	"sync"
	"time"
)

// Health knows whether writes to the directory work. Its methods are safe for concurrent use.
type Health struct {
	changed func() // called outside of mu

	mu      sync.Mutex
	errs    map[file]error // of the last write to each file, if it failed
	broken  bool           // the log must be opened again before the next write to it
	next    uint64
	writing map[uint64]time.Time // start of each write in progress
}

func newHealth(changed func()) *Health {
	return &Health{changed: changed, errs: make(map[file]error), writing: make(map[uint64]time.Time)}
}

// file is what is written; the term, which is written in place, works on a full disk and the log does not.
type file string

const (
	logFile   file = "raft log"
	termsFile file = "raft term"
)

// Err is why writing fails, nil when it works.
func (h *Health) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err()
}

func (h *Health) err() error { return cmp.Or(h.errs[logFile], h.errs[termsFile]) }

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

// Mended tells that the files were opened again: the next write shows whether they are well.
func (h *Health) Mended() {
	h.mu.Lock()
	h.broken = false
	clear(h.errs)
	h.mu.Unlock()
	h.changed()
}

// write runs one write. fatal says whether its failure leaves raft with a wrong idea of the disk.
func (h *Health) write(f file, fatal func(error) bool, do func() error) error {
	id, err := h.begin(f)
	if err != nil {
		return err
	}
	err = do()
	if err != nil {
		err = fmt.Errorf("write the %s: %w", f, err)
	}
	if h.end(id, f, err, err != nil && fatal(err)) {
		h.changed()
	}
	return err
}

func (h *Health) end(id uint64, f file, err error, broken bool) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	well, whole := h.err() == nil, !h.broken
	delete(h.writing, id)
	if err == nil {
		delete(h.errs, f)
	} else {
		h.errs[f] = err
	}
	h.broken = h.broken || broken
	return well != (h.err() == nil) || whole == h.broken
}

func (h *Health) begin(f file) (id uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken && f == logFile {
		return 0, h.err()
	}
	h.next++
	h.writing[h.next] = time.Now()
	return h.next, nil
}
