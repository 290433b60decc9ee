package machine

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// File is one of an initramfs.
type File struct {
	Path string // in the machine, absolute
	From string // the file on this machine, or
	Link string // what a symbolic link points to, or
	Text string // what is in it
}

// WriteInitramfs writes an archive that the kernel unpacks as its root: cpio in the form newc, not compressed. The
// directories of the files are made; everything may be executed.
func WriteInitramfs(into string, files []File) error {
	f, err := os.Create(into)
	if err != nil {
		return err
	}
	defer f.Close()
	a := &archive{out: bufio.NewWriter(f)}
	// The kernel opens the console for /init before anything is mounted.
	a.entry("dev", 0o040755, nil)
	a.device("dev/console", 0o020600, 5, 1)
	made := []string{".", "dev"}
	for _, file := range files {
		name := strings.TrimPrefix(file.Path, "/")
		var missing []string
		for dir := path.Dir(name); !slices.Contains(made, dir); dir = path.Dir(dir) {
			missing = append(missing, dir)
		}
		made = append(made, missing...)
		for _, dir := range slices.Backward(missing) {
			a.entry(dir, 0o040755, nil)
		}
		if file.Link != "" {
			a.entry(name, 0o120777, []byte(file.Link))
			continue
		}
		data := []byte(file.Text)
		if file.From != "" {
			if data, err = os.ReadFile(file.From); err != nil {
				return err
			}
		}
		a.entry(name, 0o100755, data)
	}
	a.entry("TRAILER!!!", 0, nil)
	if err := a.out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", into, err)
	}
	return f.Close()
}

// archive is a cpio archive that is being written. Errors of the writer show at its flush.
type archive struct {
	out   *bufio.Writer
	inode int
	at    int
}

func (a *archive) entry(name string, mode uint32, data []byte) { a.write(name, mode, data, 0, 0) }

func (a *archive) device(name string, mode uint32, major, minor int) {
	a.write(name, mode, nil, major, minor)
}

func (a *archive) write(name string, mode uint32, data []byte, major, minor int) {
	a.inode++
	// magic, inode, mode, uid, gid, links, mtime, size, the device's numbers, the node's own, name, checksum
	n, _ := fmt.Fprintf(a.out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0, name)
	a.at += n
	a.pad()
	_, _ = a.out.Write(data)
	a.at += len(data)
	a.pad()
}

// pad fills up to a multiple of four bytes.
func (a *archive) pad() {
	for ; a.at%4 != 0; a.at++ {
		_ = a.out.WriteByte(0)
	}
}
