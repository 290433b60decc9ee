package vg

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// holders names the devices that are built on this one.
func (d device) holders() []string {
	entries, err := os.ReadDir("/sys/dev/block/" + d.number() + "/holders")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// top tells that no other device lies on this one.
func (d device) top() bool { return len(d.holders()) == 0 }

func anyOpen(devices []device) bool {
	return slices.ContainsFunc(devices, func(d device) bool { return d.open > 0 && d.top() })
}

// describeUsers says who has volumes open, "" if nobody has.
func describeUsers(devices []device) string {
	inUse, _ := os.ReadFile("/proc/self/mountinfo")
	swaps, _ := os.ReadFile("/proc/swaps")
	return describeUsersFrom(devices, string(inUse), string(swaps))
}

func describeUsersFrom(devices []device, mountinfo, swaps string) string {
	var said []string
	for _, d := range devices {
		if d.open == 0 || !d.top() {
			continue
		}
		at := mountPoints(mountinfo, d.number())
		switch {
		case len(at) > 0:
			said = append(said, fmt.Sprintf("%s is mounted on %s", d.volume, strings.Join(at, ", ")))
		case strings.Contains(swaps, fmt.Sprintf("/dev/dm-%d ", d.minor)):
			said = append(said, d.volume+" is used for swapping")
		default:
			said = append(said, d.volume+" is open; fuser -v /dev/mapper/"+d.name+" may tell by whom")
		}
	}
	return strings.Join(said, ", ")
}

// mountPoints finds where a device is mounted in this mount namespace.
func mountPoints(mountinfo, number string) []string {
	var at []string
	for line := range strings.Lines(mountinfo) {
		if f := strings.Fields(line); len(f) > 4 && f[2] == number {
			at = append(at, strings.ReplaceAll(f[4], `\040`, " "))
		}
	}
	return at
}

// block is how much readable reads.
const block = 4096

// readable reads the beginning of a volume from the disk, not from memory.
func readable(d device) error {
	f, err := os.OpenFile("/dev/mapper/"+d.name, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// Direct reads need an aligned buffer, which a page is.
	buf, err := unix.Mmap(-1, 0, block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(buf)
	_, err = io.ReadFull(f, buf)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return nil // smaller than a block
	}
	return err
}
