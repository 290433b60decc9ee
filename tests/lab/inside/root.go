package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// layered are the directories of which a node sees the machine's content, under the lab's own layer and its
// own changes.
var layered = []string{"etc", "usr", "var", "root", "home", "opt", "srv"}

// devices are those of the machine that a node may use; none of them reaches hardware.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// buildRoot mounts the node's file system and makes it the root of this mount namespace.
func buildRoot(n room.Machine) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	root := filepath.Join(n.Dir, "root")
	if err := mountAt("tmpfs", root, "tmpfs", unix.MS_NOSUID, "mode=755"); err != nil {
		return err
	}
	for _, dir := range layered {
		if err := layer(n, dir); err != nil {
			return err
		}
	}
	// On a system with merged /usr these are links.
	for _, dir := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		if err := linkOrBind(root, dir); err != nil {
			return err
		}
	}
	for _, b := range n.Binds {
		if err := bind(b.From, filepath.Join(root, b.To)); err != nil {
			return err
		}
	}
	if err := kernelMounts(root, n.Shared); err != nil {
		return err
	}
	if err := os.MkdirAll(root+"/old", 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(root, root+"/old"); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/old", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the machine's root: %w", err)
	}
	return os.Remove("/old")
}

// layer mounts one directory: the machine's, the lab's layer over it, and the node's own changes on top.
func layer(n room.Machine, dir string) error {
	if fi, err := os.Lstat("/" + dir); err != nil || !fi.IsDir() {
		return nil
	}
	lower := "/" + dir
	if top := filepath.Join(n.Layer, dir); n.Layer != "" && exists(top) {
		lower = top + ":" + lower
	}
	upper, work := filepath.Join(n.Dir, "disk", dir), filepath.Join(n.Dir, "work", dir)
	for _, d := range []string{upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	data := "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work
	target := filepath.Join(n.Dir, "root", dir)
	err := mountAt("overlay", target, "overlay", 0, data)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.EINVAL) {
		// In a user namespace the attributes of an overlay have to be user attributes.
		err = mountAt("overlay", target, "overlay", 0, data+",userxattr")
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func linkOrBind(root, dir string) error {
	if to, err := os.Readlink("/" + dir); err == nil {
		return os.Symlink(to, filepath.Join(root, dir))
	}
	if !exists("/" + dir) {
		return nil
	}
	return bind("/"+dir, filepath.Join(root, dir))
}

// kernelMounts mounts what the kernel provides, afresh for this node's namespaces.
func kernelMounts(root, shared string) error {
	for _, m := range []struct {
		fs, dir, data string
		flags         uintptr
	}{
		{"proc", "proc", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"sysfs", "sys", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY},
		{"tmpfs", "dev", "mode=755", unix.MS_NOSUID},
		{"tmpfs", "dev/shm", "mode=1777", unix.MS_NOSUID | unix.MS_NODEV},
		{"devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=620", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"tmpfs", "run", "mode=755", unix.MS_NOSUID | unix.MS_NODEV},
		{"tmpfs", "tmp", "mode=1777", unix.MS_NOSUID | unix.MS_NODEV},
	} {
		if err := mountAt(m.fs, filepath.Join(root, m.dir), m.fs, m.flags, m.data); err != nil {
			return err
		}
	}
	for _, d := range devices {
		if err := bindFile("/dev/"+d, root+"/dev/"+d); err != nil {
			return err
		}
	}
	for link, to := range map[string]string{
		"dev/fd": "/proc/self/fd", "dev/stdin": "/proc/self/fd/0", "dev/stdout": "/proc/self/fd/1", "dev/stderr": "/proc/self/fd/2",
		"dev/ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			return err
		}
	}
	// What Debian's tmpfiles make for agents.
	for _, dir := range []string{"run/lock", "run/resource-agents", "run/crm", "run/dummy", "run/lab-state"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	// The machine's control groups, so that a node sees the limit that a test gives it. Where they may not be bound
	// (in a user namespace) no test can give one.
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil {
		_ = unix.Mount("/sys/fs/cgroup", filepath.Join(root, "sys/fs/cgroup"), "", unix.MS_BIND|unix.MS_REC, "")
	}
	return bind(shared, filepath.Join(root, "run/lab"))
}

func mountAt(source, target, fs string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, fs, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", fs, target, err)
	}
	return nil
}

func bind(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", from, to, err)
	}
	return nil
}

func bindFile(from, to string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	f.Close()
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", from, to, err)
	}
	return nil
}
