package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// WatchFiles records when files appear in and vanish from a directory, such as the state files of
// ocf:pacemaker:Dummy, until the context ends. It returns when it watches; wait then waits for its end.
func WatchFiles(ctx context.Context, into *Record, node, dir string) (wait func(), err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch %s on %s: %w", dir, node, err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_TO|unix.IN_MOVED_FROM); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch %s on %s: %w", dir, node, err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	stop := context.AfterFunc(ctx, func() { f.Close() })
	var work sync.WaitGroup
	work.Go(func() {
		defer f.Close()
		defer stop()
		buf := make([]byte, 64<<10)
		for {
			n, err := f.Read(buf)
			if err != nil {
				return
			}
			record(into, node, buf[:n])
		}
	})
	return work.Wait, nil
}

// record reads a sequence of struct inotify_event.
func record(into *Record, node string, raw []byte) {
	now := time.Now()
	for len(raw) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(raw[4:])
		length := int(binary.NativeEndian.Uint32(raw[12:]))
		raw = raw[unix.SizeofInotifyEvent:]
		if length > len(raw) {
			return
		}
		name := string(bytes.TrimRight(raw[:length], "\x00"))
		raw = raw[length:]
		if mask&unix.IN_ISDIR == 0 && name != "" {
			into.add(Event{At: now, Node: node, What: name, Up: mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0})
		}
	}
}
