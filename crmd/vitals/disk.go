package vitals

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
)

// Disk is a file system that is watched.
type Disk struct {
	// Path is a directory on it. Every is the time between probes, Deadline how long one may take before the
	// disk counts as stuck.
	Path            string
	Every, Deadline time.Duration
	// ReadOnly measures the use only and writes nothing.
	ReadOnly bool
}

const (
	diskEvery    = 10 * time.Second
	diskDeadline = 2 * time.Second
	probeSize    = 4096
	// probeName is the file that is written and read; one per node, because a file system may be shared.
	probeName = ".holdfast-probe"
)

// diskReader probes one file system.
type diskReader struct {
	disk   Disk
	proc   string
	name   string
	device string
	serial uint64
	out    []byte // aligned, as O_DIRECT needs it
	in     []byte
}

func newDiskReader(d Disk, proc string) *diskReader {
	if d.Every <= 0 {
		d.Every = diskEvery
	}
	if d.Deadline <= 0 {
		d.Deadline = diskDeadline
	}
	name := probeName
	if host, err := os.Hostname(); err == nil {
		name += "." + host
	}
	return &diskReader{disk: d, proc: proc, name: filepath.Join(d.Path, name), out: aligned(), in: aligned()}
}

func aligned() []byte {
	b := make([]byte, 2*probeSize)
	skip := probeSize - int(uintptr(unsafe.Pointer(&b[0]))%probeSize)
	return b[skip : skip+probeSize]
}

// stuck completes a sample while the probe hangs.
func (r *diskReader) stuck(v *api.Vitals, since time.Duration) {
	for i := range v.Disks {
		if v.Disks[i].Path == r.disk.Path {
			v.Disks[i].State, v.Disks[i].Took = api.DiskStuck, since.Milliseconds()
			return
		}
	}
	v.Disks = append(v.Disks, api.DiskVitals{Path: r.disk.Path, State: api.DiskStuck, Took: since.Milliseconds()})
}

func (r *diskReader) read(now time.Time) filler {
	d := api.DiskVitals{Path: r.disk.Path, State: api.DiskOK}
	began := time.Now()
	if err := r.usage(&d); err != nil {
		d.State, d.Error = api.DiskUnreadable, err.Error()
	} else if !r.disk.ReadOnly {
		if err := r.probe(now); err != nil {
			d.State, d.Error = judge(err), err.Error()
		}
	}
	d.Took = time.Since(began).Milliseconds()
	return func(v *api.Vitals, _ bool) { v.Disks = append(v.Disks, d) }
}

func (r *diskReader) usage(d *api.DiskVitals) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(r.disk.Path, &fs); err != nil {
		return fmt.Errorf("usage of %s: %w", r.disk.Path, err)
	}
	if r.device == "" {
		r.device = r.findDevice()
	}
	d.Device = r.device
	d.Total, d.Free = int64(fs.Blocks)*int64(fs.Bsize)>>10, int64(fs.Bavail)*int64(fs.Bsize)>>10
	used := float64(fs.Blocks - fs.Bfree)
	if all := used + float64(fs.Bavail); all > 0 { // as df counts: root's reserve is not there
		d.Used = 100 * used / all
	}
	if fs.Files > 0 {
		d.UsedInodes = 100 * float64(fs.Files-fs.Ffree) / float64(fs.Files)
	}
	return nil
}

// findDevice looks the file system up among the mounts.
func (r *diskReader) findDevice() string {
	var st unix.Stat_t
	if unix.Stat(r.disk.Path, &st) != nil {
		return ""
	}
	id := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	b, err := os.ReadFile(filepath.Join(r.proc, "self/mountinfo"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != id {
			continue
		}
		for i, w := range f {
			if w == "-" && i+2 < len(f) {
				return strings.TrimPrefix(f[i+2], "/dev/")
			}
		}
	}
	return ""
}

// errDamaged is a disk that gives back something else than was written.
var errDamaged = errors.New("what was read is not what was written")

// probe writes a block, syncs it and reads it back past the cache.
func (r *diskReader) probe(now time.Time) error {
	r.serial++
	binary.LittleEndian.PutUint64(r.out, uint64(now.UnixNano()))
	for i := 8; i+8 <= len(r.out); i += 8 {
		binary.LittleEndian.PutUint64(r.out[i:], r.serial*0x9e3779b97f4a7c15+uint64(i))
	}
	flags := os.O_RDWR | os.O_CREATE | syscall.O_CLOEXEC
	f, err := os.OpenFile(r.name, flags|unix.O_DIRECT, 0o600)
	if errors.Is(err, syscall.EINVAL) { // a file system without O_DIRECT
		f, err = os.OpenFile(r.name, flags, 0o600)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(r.out, 0); err != nil {
		return err
	}
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", r.name, err)
	}
	// Where O_DIRECT is not possible, the cache would answer for the disk.
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	clear(r.in)
	if _, err := f.ReadAt(r.in, 0); err != nil {
		return err
	}
	if !bytes.Equal(r.in, r.out) {
		return fmt.Errorf("%s: %w", r.name, errDamaged)
	}
	return nil
}

// judge says what an error of the probe means. A full disk and missing rights are no damage: the use shows
// the one, and the other is a mistake of the configuration.
func judge(err error) string {
	switch {
	case errors.Is(err, errDamaged), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EUCLEAN), errors.Is(err, syscall.ESTALE):
		return api.DiskDamaged
	case errors.Is(err, syscall.EROFS):
		return api.DiskReadOnly
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return api.DiskOK
	}
	return api.DiskUnreadable
}
