// Package patience reads files that may never answer: those of a process that is stuck in memory management, or on
// a network file system whose server is gone.
package patience

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// ErrStuck is a file that does not answer.
var ErrStuck = errors.New("does not answer")

// most bounds the reads of this program that are stuck at one time. Each keeps a goroutine and a thread, which
// nothing can end before the kernel does.
const most = 32

// stuck are the files whose reading is under way. It belongs to the whole program, as the threads do.
var stuck = struct {
	mu    sync.Mutex
	files map[string]bool
}{files: make(map[string]bool)}

// ReadFile is os.ReadFile for at most wait. After that, and without waiting as long as an earlier read of the same
// file hangs, the error is ErrStuck.
func ReadFile(path string, wait time.Duration) ([]byte, error) {
	if !begin(path) {
		return nil, fmt.Errorf("read %s: %w", path, ErrStuck)
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := os.ReadFile(path)
		end(path)
		done <- result{data, err}
	}()
	limit := time.NewTimer(wait)
	defer limit.Stop()
	select {
	case r := <-done:
		return r.data, r.err
	case <-limit.C:
		return nil, fmt.Errorf("read %s: %w", path, ErrStuck)
	}
}

func begin(path string) bool {
	stuck.mu.Lock()
	defer stuck.mu.Unlock()
	if stuck.files[path] || len(stuck.files) >= most {
		return false
	}
	stuck.files[path] = true
	return true
}

func end(path string) {
	stuck.mu.Lock()
	defer stuck.mu.Unlock()
	delete(stuck.files, path)
}
