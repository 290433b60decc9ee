package watchdog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Found is a watchdog device of this machine.
type Found struct {
	Path     string
	Identity string
	Driver   string // "" where it cannot be told
	// Active tells that somebody has it open; Holder is who, "" where that cannot be told.
	Active bool
	Holder string
	class  string // watchdog0
}

// Soft tells that the device is a timer of the kernel, which cannot reset a machine whose kernel hangs.
func (f *Found) Soft() bool { return f.Driver == "softdog" }

// misc is the device number of /dev/watchdog, an alias of the first device.
var misc = unix.Mkdev(10, 130)

// Discover finds the devices in dev (/dev) with what the kernel says of them in sys (/sys). No device is
// opened, because that would start it. Links are listed as devices of their own, as sbd does.
func Discover(dev, sys string) ([]Found, error) {
	known := classes(sys)
	entries, err := os.ReadDir(dev)
	if err != nil {
		return nil, err
	}
	var list []Found
	for _, e := range entries {
		path := filepath.Join(dev, e.Name())
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
			continue
		}
		f, ok := known[st.Rdev]
		if !ok {
			continue
		}
		f.Path = path
		if f.Active {
			f.Holder = holder(f.class, known)
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Found) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// classes reads /sys/class/watchdog, by device number. The old number of the first device is in it too.
func classes(sys string) map[uint64]Found {
	known := map[uint64]Found{}
	dirs, _ := filepath.Glob(filepath.Join(sys, "class/watchdog/*"))
	for _, dir := range dirs {
		var major, minor uint32
		if _, err := fmt.Sscanf(read(dir, "dev"), "%d:%d", &major, &minor); err != nil {
			continue
		}
		f := Found{class: filepath.Base(dir), Identity: read(dir, "identity"), Active: read(dir, "state") == "active"}
		if link, err := os.Readlink(filepath.Join(dir, "device/driver")); err == nil {
			f.Driver = filepath.Base(link)
		} else if f.Identity == "Software Watchdog" {
			f.Driver = "softdog"
		}
		known[unix.Mkdev(major, minor)] = f
		if f.class == "watchdog0" {
			known[misc] = f
		}
	}
	return known
}

func read(dir, name string) string {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// holder is the process that has a device open: "PID 12 (sbd)".
func holder(class string, known map[uint64]Found) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		var st unix.Stat_t
		if unix.Stat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || known[st.Rdev].class != class {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		return fmt.Sprintf("PID %s (%s)", pid, read("/proc/"+pid, "comm"))
	}
	return ""
}
