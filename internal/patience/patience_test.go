package patience

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hang makes a file that does not answer, as one of a dead NFS server: nobody writes into the pipe. It answers
// when the returned function is called.
func hang(t *testing.T, path string) (answer func()) {
	t.Helper()
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	var done bool
	answer = func() {
		if done {
			return
		}
		done = true
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Error(err)
			return
		}
		// The reader that was let in by this open sees the end when this is closed.
		time.AfterFunc(100*time.Millisecond, func() { f.Close() })
	}
	t.Cleanup(answer)
	return answer
}

func TestReadFile_GivesUpAndIsNotPiledUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	answer := hang(t, path)
	before, began := runtime.NumGoroutine(), time.Now()
	for i := range 100 {
		if _, err := ReadFile(path, 50*time.Millisecond); !errors.Is(err, ErrStuck) {
			t.Fatalf("read %d: %v", i, err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("100 reads of a file that hangs took %s", took)
	}
	if more := runtime.NumGoroutine() - before; more > 1 {
		t.Errorf("100 reads of a file that hangs left %d goroutines", more)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("42\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadFile(other, time.Second); err != nil || string(text) != "42\n" {
		t.Errorf("another file: %q, %v", text, err)
	}
	answer()
	for end := time.Now().Add(5 * time.Second); !begin(path); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a file that answers again stays given up")
		}
	}
	end(path)
}

func TestReadFile_BoundsWhatHangs(t *testing.T) {
	dir := t.TempDir()
	before := runtime.NumGoroutine()
	for i := range most + 8 {
		path := filepath.Join(dir, fmt.Sprint(i))
		hang(t, path)
		if _, err := ReadFile(path, time.Millisecond); !errors.Is(err, ErrStuck) {
			t.Fatal(err)
		}
	}
	if more := runtime.NumGoroutine() - before; more > most {
		t.Errorf("%d goroutines hang, at most %d may", more, most)
	}
}
