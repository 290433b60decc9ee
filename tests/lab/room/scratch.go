package room

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// scratchPattern is the machine's directory on disk that a room may make, beside what it has in memory.
const scratchPattern = "/var/tmp/holdfast-lab.*"

// scratch is this process's directory and the lock on it.
var scratch struct {
	sync.Mutex
	dir  string
	lock *os.File
}

// Scratch is a directory on a real disk, for measurements in which writing has to cost what it costs. It is the
// one thing that the kernel does not remove: the process outside does when the room has ended, or the next one
// if that was killed.
func Scratch() (string, error) {
	scratch.Lock()
	defer scratch.Unlock()
	if scratch.dir != "" {
		return scratch.dir, nil
	}
	dir, err := os.MkdirTemp(filepath.Dir(scratchPattern), filepath.Base(scratchPattern))
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	scratch.dir, scratch.lock = dir, lock
	return dir, nil
}

// lockDir takes a directory for this process. The lock ends with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes scratch directories whose owner has gone.
func sweep() {
	dirs, err := filepath.Glob(scratchPattern)
	if err != nil {
		return
	}
	for _, dir := range dirs {
		if lock, err := lockDir(dir); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}
