package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	block = 4096
	// ring is how many blocks at the beginning of a device hold records, the last ones.
	ring = 64
	// mark begins a record.
	mark = 0x7265636f72644846
	// refusedPause lies between attempts after one was refused.
	refusedPause = 20 * time.Millisecond
)

// page is memory for direct I/O, which has to be aligned.
func page(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n*block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

// writeRecords writes records with rising numbers past the cache to a device, one after the other, and goes on when
// one is refused. What has become of them is in a file: writeRecords(device, file).
func writeRecords(args []string) error {
	if len(args) != 2 {
		return errors.New("write DEVICE FILE")
	}
	fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_DIRECT|unix.O_DSYNC, 0)
	if err != nil {
		return err
	}
	buf, err := page(1)
	if err != nil {
		return err
	}
	var w order.Written
	for n, err := newest(args[0]); ; {
		if err != nil {
			return err
		}
		n++
		binary.BigEndian.PutUint64(buf, mark)
		binary.BigEndian.PutUint64(buf[8:], n)
		if _, failed := unix.Pwrite(fd, buf, int64(n%ring*block)); failed != nil {
			w.Refused++
			if w.Refusal == "" {
				w.Refusal, w.RefusedFirst = failed.Error(), n
			}
			time.Sleep(refusedPause)
		} else {
			w.Done++
			w.Newest = n
		}
		err = note(args[1], w)
	}
}

// note replaces a file.
func note(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path+".new", text, 0o644), os.Rename(path+".new", path))
}

// newest is the highest number of the records on a device.
func newest(device string) (uint64, error) {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", device, err)
	}
	defer unix.Close(fd)
	buf, err := page(ring)
	if err != nil {
		return 0, err
	}
	defer unix.Munmap(buf)
	if n, err := unix.Pread(fd, buf, 0); n != len(buf) {
		return 0, fmt.Errorf("%s: read %d bytes: %w", device, n, err)
	}
	var last uint64
	for ; len(buf) > 0; buf = buf[block:] {
		if binary.BigEndian.Uint64(buf) == mark {
			last = max(last, binary.BigEndian.Uint64(buf[8:]))
		}
	}
	return last, nil
}

func printNewest(args []string) error {
	if len(args) != 1 {
		return errors.New("newest DEVICE")
	}
	n, err := newest(args[0])
	fmt.Print(n)
	return err
}

// watchKey waits until a key is not registered any more with the unit over the device, and then writes to a file
// which record was the newest: watchKey(device, key, file).
func watchKey(args []string) error {
	if len(args) != 3 {
		return errors.New("watch DEVICE KEY FILE")
	}
	key, err := strconv.ParseUint(strings.TrimPrefix(args[1], "0x"), 16, 64)
	if err != nil {
		return err
	}
	for registered := fmt.Sprintf("Key: 0x%016x", key); ; time.Sleep(time.Millisecond) {
		list, err := os.ReadFile(filepath.Join(order.Unit, "pr/res_pr_registered_i_pts"))
		if err != nil {
			return err
		}
		if strings.Contains(string(list), registered) {
			continue
		}
		n, err := newest(args[0])
		if err != nil {
			return err
		}
		return note(args[2], order.Written{Newest: n})
	}
}

// appendRecords appends records with rising numbers to a file. It prints the number of one when that is on the disk.
func appendRecords(args []string) error {
	if len(args) != 1 {
		return errors.New("append FILE")
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if _, err := fmt.Fprintf(f, "record %d\n", n); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		fmt.Printf("acknowledged %d\n", n)
	}
}
