// Package machine runs virtual machines under qemu with Debian's kernel and an initramfs of static programs. How a
// machine ended is told by qemu itself, over its management protocol.
package machine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Kernel is one that was unpacked from Debian's package.
type Kernel struct {
	// Image is the uncompressed kernel, which boots several times faster than one that an emulated processor
	// has to decompress.
	Image string
	dir   string // /lib/modules/RELEASE
	// needs are a module's own needs in the order in which modules.dep has them: the last is loaded first.
	// Keys and values are paths below dir.
	needs map[string][]string
	built map[string]bool // by name: compiled into the kernel
}

// LoadKernel finds what `tests/deps.sh vm` has unpacked into a directory, and decompresses the kernel into it.
func LoadKernel(dir string) (*Kernel, error) {
	images, err := filepath.Glob(filepath.Join(dir, "kernel/boot/vmlinuz-*"))
	if err != nil {
		return nil, err
	}
	if len(images) != 1 {
		return nil, fmt.Errorf("%s has %d kernels and not one: run `tests/deps.sh vm`", dir, len(images))
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	k := &Kernel{Image: filepath.Join(dir, "vmlinux-"+release), dir: filepath.Join(dir, "kernel/lib/modules", release),
		needs: map[string][]string{}, built: map[string]bool{}}
	if _, err := os.Stat(k.Image); errors.Is(err, os.ErrNotExist) {
		if err := decompress(images[0], k.Image); err != nil {
			return nil, err
		}
	}
	deps, err := os.ReadFile(filepath.Join(k.dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(deps)) {
		path, needs, _ := strings.Cut(line, ":")
		k.needs[path] = strings.Fields(needs)
	}
	built, err := os.ReadFile(filepath.Join(k.dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for _, path := range strings.Fields(string(built)) {
		k.built[moduleName(path)] = true
	}
	return k, nil
}

// decompress finds the kernel proper in a bootable image: an ELF file behind a small loader, packed by xz or lz4.
func decompress(image, into string) error {
	data, err := os.ReadFile(image)
	if err != nil {
		return err
	}
	for _, packer := range []struct{ magic, program string }{{"\xfd7zXZ\x00", "xz"}, {"\x02!L\x18", "lz4"}, {"\x28\xb5\x2f\xfd", "zstd"}} {
		for at := 0; ; at++ {
			next := bytes.Index(data[at:], []byte(packer.magic))
			if next < 0 {
				break
			}
			at += next
			cmd := exec.Command(packer.program, "-dc")
			cmd.Stdin = bytes.NewReader(data[at:])
			out, _ := cmd.Output() // it complains of what follows the packed part
			if bytes.HasPrefix(out, []byte("\x7fELF")) {
				return errors.Join(os.WriteFile(into+".part", out, 0o644), os.Rename(into+".part", into))
			}
		}
	}
	return fmt.Errorf("%s holds no kernel that xz, lz4 or zstd unpacks", image)
}

// moduleName is the name of the module in a file: without the path, with _ for -.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// Modules lists the files of modules and of what they need, in the order in which to load them.
func (k *Kernel) Modules(names ...string) ([]string, error) {
	var files []string
	add := func(path string) {
		if full := filepath.Join(k.dir, path); !slices.Contains(files, full) {
			files = append(files, full)
		}
	}
	for _, name := range names {
		if k.built[name] {
			continue
		}
		found := false
		for path, needs := range k.needs {
			if moduleName(path) != name {
				continue
			}
			found = true
			for _, need := range slices.Backward(needs) {
				add(need)
			}
			add(path)
		}
		if !found {
			return nil, fmt.Errorf("%s has no module %s", k.dir, name)
		}
	}
	return files, nil
}
